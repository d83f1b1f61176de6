#!/usr/bin/env python3
"""Floods a server as slow and greedy clients do, one trial after the other, and measures the latency of a normal user
during each.

    python3 scripts/load/floods.py --binary target/release/deepviz [--run RUN] [--trials pictures,strips] [--seconds 10]

Without --run it trains a small one on generated shapes first (51 checkpoints, layers of 64 filters). Each trial
starts a new server. The normal user requests another sheet of the first layer every 30 ms, and every half second sends
a small picture for a prediction. Printed are the times of the sheets
(p50, p99, most), the longest of the pictures, requests that failed, and the most memory that the server took (VmHWM).
Exit 1 where the server ends; times are not judged. Each trial takes --seconds and a little more; the flood runs in a
process of its own at the lowest priority and keeps no answer.

`metrics` floods a copy of the run whose metrics.jsonl has --metrics-mb; `connections` allows the server 1,024 open
files. Standard library only; Linux.
"""

import argparse
import asyncio
import http.client
import itertools
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

from flood_trials import TRIALS, WITH_TOKEN, Target, percentile, png

RECIPE = """
[[layer]]
name = "conv1"
type = "conv"
filters = 64
size = 5
padding = 2
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "pool1"
type = "pool"
pool = "max"
size = 8
stride = 8
[[layer]]
name = "fc64"
type = "full"
outputs = 64
[[layer]]
name = "relu2"
type = "relu"
[[layer]]
name = "fc10"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 20
stages = [{ epochs = 10, rate = 0.001 }]
[snapshots]
every = "5 per epoch"
"""
TOKEN = "0123456789abcdef0123456789abcdef"


class Server:
    """A server of one run, with its address, memory and log."""

    def __init__(self, options, trial, run):
        files = 1_024 if trial == "connections" else 8_192
        self.token = TOKEN if trial in WITH_TOKEN else None
        environment = {**os.environ, **({"DEEPVIZ_TOKEN": TOKEN} if self.token else {})}

        def limits():
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), hard))
            # Above this limit the server fails, before the machine does.
            resource.setrlimit(resource.RLIMIT_AS, (options.most_gb << 30, options.most_gb << 30))

        command = [options.binary, "serve", run, "--addr", "127.0.0.1:0", "--cache-mb", str(options.cache_mb)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, preexec_fn=limits, text=True
        )
        line = self.process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if not found:
            sys.exit(f"the server did not start: it said {line!r}")
        self.address = ("127.0.0.1", int(found[1]))
        self.headers = {"authorization": f"Bearer {self.token}"} if self.token else {}

    def json(self, path):
        connection = http.client.HTTPConnection(*self.address, timeout=120)
        connection.request("GET", path, headers=self.headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            sys.exit(f"{path} is answered with {answer.status}: {text[:300]!r}")
        return json.loads(text)

    def peak_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1000

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Normal(threading.Thread):
    """A normal user: sends a request at a fixed interval, and notes how long each took."""

    def __init__(self, server, requests, every_s):
        super().__init__(daemon=True)
        self.server, self.requests, self.every_s = server, requests, every_s
        self.times_ms, self.failed, self.ended = [], 0, threading.Event()
        self.since = None

    def run(self):
        connection = None
        for method, path, body in self.requests:
            if self.ended.is_set():
                return
            self.since = start = time.monotonic()
            # A keep-alive connection may have been closed meanwhile: then retries on a new one, as a browser does.
            for is_last in [True] if connection is None else [False, True]:
                try:
                    connection = connection or http.client.HTTPConnection(*self.server.address, timeout=120)
                    connection.request(method, path, body, self.server.headers)
                    answer = connection.getresponse()
                    answer.read()
                    self.failed += answer.status != 200
                    break
                except (OSError, http.client.HTTPException):
                    self.failed += is_last
                    connection = None
            self.times_ms.append((time.monotonic() - start) * 1000)
            self.since = None
            time.sleep(max(0, self.every_s - (time.monotonic() - start)))

    def end(self):
        """The times, including that of a request without an answer yet."""
        self.ended.set()
        since = self.since
        return self.times_ms + ([(time.monotonic() - since) * 1000] if since else [])


def long_metrics(run, folder, megabytes):
    """A copy of the run with many measurements; its snapshots are the run's own."""
    copy = folder / "long"
    copy.mkdir()
    shutil.copy(run / "run.toml", copy)
    (copy / "snapshots").symlink_to((run / "snapshots").resolve())
    line = next(line for line in (run / "metrics.jsonl").read_text().splitlines() if '"kind":"train"' in line)
    block = f"{line}\n".encode() * 4096
    with open(copy / "metrics.jsonl", "wb") as file:
        for _ in range(max(1, (megabytes << 20) // len(block))):
            file.write(block)
    return copy


def trial(options, name, run):
    server = Server(options, name, run)
    flood = None
    try:
        (first,) = server.json("/api/runs")["runs"]
        base = f"/api/runs/{quote(first['id'])}"
        target = Target(server.json(base))
        small = png(32)
        sheets = (
            ("GET", f"{base}/checkpoints/{n % target.checkpoints}/layers/{target.first}?{percentile(n)}", None)
            for n in itertools.count()
        )
        predictions = (("POST", f"{base}/checkpoints/last/predict", small) for _ in itertools.count())
        # Warms up: the snapshots are read.
        for _ in range(target.checkpoints):
            server.json(next(sheets)[1] + "&format=json")
        command = [sys.executable, __file__, "--flood", name, "--at", str(server.address[1]), "--base", base]
        flood = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        flood.stdin.write(json.dumps(vars(target)))
        flood.stdin.close()
        # Waits until the flood has started: making the largest picture takes a while.
        time.sleep(1.5)
        users = [Normal(server, sheets, 0.03), Normal(server, predictions, 0.5)]
        for user in users:
            user.start()
        time.sleep(options.seconds)
        times, pictures = (user.end() for user in users)
        if server.process.poll() is not None:
            sys.exit(f"{name}: the server ended with {server.process.returncode}")
        times.sort()
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        failed = sum(user.failed for user in users)
        return (
            f"{name:14} {len(times):6} {statistics.median(times):8.1f} {p99:8.1f} {times[-1]:8.1f} "
            f"{max(pictures):11.0f} {failed:6} {server.peak_mb():8.0f}"
        )
    finally:
        if flood:
            flood.kill()
            flood.wait()
        server.stop()


def trained(options, folder):
    """A small run on generated shapes."""
    (folder / "floods.toml").write_text(RECIPE)
    shapes, run = folder / "shapes", folder / "run"
    make = [options.binary, "corpus", "make", "shapes", "--out", shapes, "--images", "250", "--seed", "1"]
    train = [options.binary, "train", folder / "floods.toml", "--corpus", shapes, "--out", run, "--quiet"]
    for command in (make, train):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--binary", help="a deepviz that was built, such as target/release/deepviz")
    parser.add_argument("--run", type=Path, help="a run with its corpus; a small one is trained unless given")
    parser.add_argument("--trials", default=",".join(TRIALS), help="some of %(default)s")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--cache-mb", type=int, default=512)
    parser.add_argument("--metrics-mb", type=int, default=200)
    parser.add_argument("--most-gb", type=int, default=16, help="address space that the server may take")
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("--at", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--base", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        os.nice(19)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, hard), hard))
        target = Target.__new__(Target)
        vars(target).update(json.load(sys.stdin))
        asyncio.run(TRIALS[options.flood](("127.0.0.1", options.at), options.base, target))
        return
    if not options.binary:
        parser.error("--binary is needed: a deepviz that was built, such as target/release/deepviz")
    names = options.trials.split(",")
    for name in names:
        if name not in TRIALS:
            parser.error(f"unknown trial {name!r}; expected some of {', '.join(TRIALS)}")
    with tempfile.TemporaryDirectory(prefix="deepviz-floods-") as folder:
        folder = Path(folder)
        run = options.run or trained(options, folder)
        columns = (("sheets", 6), ("p50 ms", 8), ("p99 ms", 8), ("most ms", 8), ("picture ms", 11), ("failed", 6))
        print(f"{'trial':14}", *[name.rjust(width) for name, width in (*columns, ("peak MB", 8))])
        for name in names:
            served = long_metrics(run, folder, options.metrics_mb) if name == "metrics" else run
            print(trial(options, name, served), flush=True)


if __name__ == "__main__":
    main()
