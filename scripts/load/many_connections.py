#!/usr/bin/env python3
"""Opens many connections at a time, sends a request on each while all are open, and counts the good answers.

many_connections.py 127.0.0.1:7878 [--connections 10000] [--pid PID]

Both sides need as many open files (ulimit -n). With --pid, the memory of the server is printed too (Linux).
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path


async def run(host, port, count):
    started = time.monotonic()
    gate = asyncio.Semaphore(200)

    async def connect():
        async with gate:
            return await asyncio.open_connection(host, port)

    async def ask(reader, writer):
        async with gate:
            writer.write(b"GET /api/runs HTTP/1.1\r\nhost: localhost\r\n\r\n")
            line = await asyncio.wait_for(reader.readline(), 60)
            return line.startswith(b"HTTP/1.1 200")

    connections = await asyncio.gather(*[connect() for _ in range(count)])
    print(f"{len(connections)} open after {time.monotonic() - started:.1f} s")
    good = sum(await asyncio.gather(*[ask(*connection) for connection in connections]))
    print(f"{good} answered after {time.monotonic() - started:.1f} s")
    return good == count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--pid", type=int)
    options = parser.parse_args()
    host, port = options.address.rsplit(":", 1)
    is_good = asyncio.run(run(host, int(port), options.connections))
    if options.pid:
        lines = Path(f"/proc/{options.pid}/status").read_text().splitlines()
        print(*[line for line in lines if line.startswith(("VmRSS", "VmHWM"))], sep="\n")
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
