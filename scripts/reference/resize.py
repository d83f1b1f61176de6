#!/usr/bin/env python3
"""Makes crates/net/tests/data/resize.safetensors: what Pillow and torchvision's transforms make of a few images.

    python3 scripts/reference/resize.py

Needs numpy and Pillow. Of a PIL image torchvision's Resize is Pillow's bilinear `resize`, and its sizes and offsets are
the few lines repeated below (torchvision 0.20, transforms/functional.py: `_compute_resized_output_size`, `center_crop`).

Tensors, all in channel, row, column order: `image.<name>`, and per case `<mode>.<image>`, where the mode is
`cover-HxW`, `stretch-HxW` or `shorter-N` (then the centre N x N window), with `-crop-M` where the centre M x M window of
a shorter-N or stretched image is taken, `-grey` (converted by L first) or `-rgb` (repeated). `normalised-...` are f32:
ToTensor and Normalize after that.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parents[2] / "crates/net/tests/data/resize.safetensors"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def synthetic(height, width, channels, seed):
    """Waves, an edge, a fine chequerboard and noise: smooth parts and parts beyond what a smaller size can hold."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for channel in range(channels):
        plane = 127 + 90 * np.sin(x / (3 + channel) + seed) * np.cos(y / (5 - channel))
        plane += np.where(x * height > y * width + 7 * channel, 60, -60)
        plane[: height // 3, : width // 3] = 255 * ((x + y + channel) % 2)[: height // 3, : width // 3]
        plane += rng.normal(0, 12, plane.shape)
        planes.append(np.clip(np.round(plane), 0, 255).astype(np.uint8))
    return planes[0] if channels == 1 else np.stack(planes, axis=-1)


def torch_size(image, size):
    """torchvision's size of Resize(size): the shorter side is `size`."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    new_long = int(size * long / short)
    return (size, new_long) if width <= height else (new_long, size)


def center_crop(image, height, width):
    """torchvision's CenterCrop of an image that is no smaller."""
    top = int(round((image.size[1] - height) / 2.0))
    left = int(round((image.size[0] - width) / 2.0))
    return image.crop((left, top, left + width, top + height))


def resize(image, size):
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


def stretch(image, height, width):
    return resize(image, (width, height))


def shorter(image, size):
    return resize(image, torch_size(image, size))


def cover(image, height, width):
    """Scaled until it covers, sides rounded, then cut to the middle, offsets rounded down."""
    ratio = max(width / image.size[0], height / image.size[1])
    sides = [max(int(np.floor(side * ratio + 0.5)), 1) for side in image.size]
    image = resize(image, tuple(sides))
    left, top = (sides[0] - width) // 2, (sides[1] - height) // 2
    return image.crop((left, top, left + width, top + height))


def array(image):
    values = np.asarray(image)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def normalised(image):
    """ToTensor, then Normalize, in f32 as torch computes them."""
    values = array(image).astype(np.float32) / np.float32(255)
    mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in (MEAN, STD))
    return (values - mean) / std


def cases():
    images = {
        "wide": (37, 53, 3, 1),
        "tall": (64, 29, 1, 2),
        "small": (11, 18, 3, 3),
        "large": (91, 120, 3, 4),
        "square": (24, 24, 1, 5),
    }
    for name, spec in images.items():
        image = Image.fromarray(synthetic(*spec))
        yield f"image.{name}", array(image)
        for height, width in ((20, 31), (24, 24), (41, 16)):
            yield f"cover-{height}x{width}.{name}", array(cover(image, height, width))
            yield f"stretch-{height}x{width}.{name}", array(stretch(image, height, width))
        # Every parity of what is cut off, by the crop and by the window.
        for size, crop in ((20, None), (23, None), (20, 15), (21, 15), (22, 15), (23, 15), (37, 26)):
            resized = shorter(image, size)
            suffix = f"-crop-{crop}" if crop else ""
            yield f"shorter-{size}{suffix}.{name}", array(center_crop(resized, crop or size, crop or size))
        yield f"stretch-22x25-crop-15.{name}", array(center_crop(stretch(image, 22, 25), 15, 15))
        if spec[2] == 3:
            yield f"shorter-20-grey.{name}", array(center_crop(shorter(image.convert("L"), 20), 20, 20))
            yield f"normalised-20-crop-16.{name}", normalised(center_crop(shorter(image, 20), 16, 16))
        else:
            yield f"shorter-20-rgb.{name}", array(center_crop(shorter(image.convert("RGB"), 20), 20, 20))


def write(tensors, path):
    header, data = {}, b""
    for name, values in tensors:
        kind = {"uint8": "U8", "float32": "F32"}[values.dtype.name]
        values = np.ascontiguousarray(values).tobytes(), list(values.shape)
        header[name] = {"dtype": kind, "shape": values[1], "data_offsets": [len(data), len(data) + len(values[0])]}
        data += values[0]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


if __name__ == "__main__":
    # f32 first: their offsets stay multiples of four.
    tensors = sorted(cases(), key=lambda case: case[1].dtype != np.float32)
    write(tensors, OUT)
    print(f"{OUT.name}: {len(tensors)} tensors, {OUT.stat().st_size} bytes, Pillow {Image.__version__}")
