#!/usr/bin/env python3
"""Makes a large corpus of class folders: 300 different JPEGs under many names, by hard links.

    scripts/load/many_images.py SIZE_PX COUNT OUT

Every image is SIZE_PX x SIZE_PX pixels. There are 100 classes; one image of ten is a test image. Needs Pillow.
"""

import os
import random
import sys

from PIL import Image


def main() -> None:
    size_px, count, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    random.seed(1)
    source = out + "-source"
    os.makedirs(source)
    for number in range(300):
        coarse = Image.frombytes("RGB", (16, 16), random.randbytes(16 * 16 * 3))
        coarse.resize((size_px, size_px), Image.Resampling.BICUBIC).save(f"{source}/{number}.jpg", quality=85)
    for number in range(count):
        split = "train" if number % 10 else "test"
        folder = f"{out}/{split}/class{number // 10 % 100:03d}"
        os.makedirs(folder, exist_ok=True)
        os.link(f"{source}/{number % 300}.jpg", f"{folder}/{number:06d}.jpg")


if __name__ == "__main__":
    main()
