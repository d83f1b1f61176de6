"""The floods of floods.py: what greedy and slow clients do to a server. Imported, not run."""

import asyncio
import itertools
import random
import socket
import struct
import zlib

# Pixels of the largest strip that the server draws (a layer at every checkpoint, one below the other in one picture),
# and the side in pixels of the largest picture that it decodes.
STRIP_PIXELS = 60_000_000
PICTURE_SIDE = 8_000


def png(side):
    """A PNG of one colour: its file has a thousandth of the decoded size."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class Target:
    """The parts of a run that are requested."""

    def __init__(self, run):
        self.checkpoints = len(run["checkpoints"])
        weighted = [layer for layer in run["layers"] if layer["sheet_shape"]]
        self.first = weighted[0]["name"]
        values = {layer["name"]: layer["parameters"] for layer in weighted}
        self.greatest = max(values, key=values.get)
        in_all = values[self.greatest] * self.checkpoints
        self.scale = max(1, min(64, int((STRIP_PIXELS / in_all) ** 0.5)))
        self.activations = run["layers"][1]["name"]
        self.images = run["corpus"]["images"]


# The floods. Each repeats its requests until its process is ended.


async def ask(address, path, headers=(), body=None, pause=0):
    """One request on a new connection; the answer is discarded as it arrives."""
    try:
        reader, writer = await asyncio.open_connection(*address)
        method = "GET" if body is None else "POST"
        lines = [f"{method} {path} HTTP/1.1", "host: localhost", "connection: close", *headers]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        if body is not None and pause == 0:
            writer.write(body)
        for byte in body or b"" if pause else b"":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)
        while await reader.read(1 << 20):
            pass
        writer.close()
    except OSError:
        # Refused or interrupted: the next request follows.
        await asyncio.sleep(0.05)


async def many(count, one):
    """Runs `count` clients, each of which repeats its request as soon as it has the answer."""

    async def client(number):
        for turn in itertools.count():
            await one(number + count * turn)

    await asyncio.gather(*[client(number) for number in range(count)])


def percentile(number):
    """A percentile that was not used before, so that the picture is not cached."""
    return f"percentile={99 - number % 45 - random.random():.5f}"


def strip(run, target, number):
    return f"{run}/layers/{target.greatest}/strip?scale={target.scale}&{percentile(number)}"


async def pictures(address, run, target):
    """Predictions for a small file that decodes to a large picture."""
    body = png(PICTURE_SIDE)
    await many(16, lambda _: ask(address, f"{run}/checkpoints/last/predict", body=body))


async def slow_bodies(address, run, target):
    """Request bodies of which a byte is sent each second."""
    path = f"{run}/checkpoints/last/predict"
    await many(16, lambda _: ask(address, path, body=bytes(10_000), pause=1))


async def strips(address, run, target):
    """The largest strips, none of them cached."""
    await many(8, lambda number: ask(address, strip(run, target, number)))


async def f32(address, run, target):
    """The weights of all layers at all checkpoints."""
    await many(8, lambda _: ask(address, f"{run}/checkpoints/*/layers/*?format=f32"))


async def groups(address, run, target):
    """Strips of the mean activations of up to 50 images, others in each request."""
    def one(number):
        images = ",".join(str(image) for image in sorted(random.sample(range(target.images), min(50, target.images))))
        return ask(address, f"{run}/layers/{target.activations}/strip?apply=images:{images}")

    await many(8, one)


async def event_streams(address, run, target):
    """Event streams that stay open."""
    await many(1_500, lambda _: ask(address, f"{run}/events"))


async def slow_readers(address, run, target):
    """Clients that read 100 bytes of a strip each second."""
    async def one(number):
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            try:
                await loop.sock_connect(slow, address)
                request = f"GET {strip(run, target, number)} HTTP/1.1\r\nhost: localhost\r\n\r\n"
                await loop.sock_sendall(slow, request.encode())
                while await loop.sock_recv(slow, 100):
                    await asyncio.sleep(1)
            except OSError:
                await asyncio.sleep(0.05)

    await many(12, one)


async def metrics(address, run, target):
    """A long metrics file, requested with and without compression."""
    paths = ["/api/runs", run, f"{run}/metrics"]
    headers = ["accept-encoding: gzip"]
    await many(8, lambda number: ask(address, paths[number % 3], headers if number % 2 else ()))


async def connections(address, run, target):
    """Connections that send half a request and wait."""
    async def one(number):
        try:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /api/runs HTTP/1.1\r\nhost: loc")
            await reader.read(100)
            writer.close()
        except OSError:
            await asyncio.sleep(0.05)

    await many(950, one)


async def guesses(address, run, target):
    """Wrong tokens."""
    await many(8, lambda number: ask(address, run, [f"authorization: Bearer wrong{number}"]))


async def images_tags(address, run, target):
    """Strips as a page of another site requests them by <img>."""
    headers = ["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors", "sec-fetch-dest: image"]
    await many(20, lambda number: ask(address, strip(run, target, number), headers))


async def alone(address, run, target):
    """No flood: the normal user alone."""
    await asyncio.sleep(3600)


TRIALS = {
    "alone": alone,
    "pictures": pictures,
    "slow-bodies": slow_bodies,
    "strips": strips,
    "f32": f32,
    "groups": groups,
    "event-streams": event_streams,
    "slow-readers": slow_readers,
    "metrics": metrics,
    "connections": connections,
    "guesses": guesses,
    "images-tags": images_tags,
}
WITH_TOKEN = {"connections", "guesses"}
