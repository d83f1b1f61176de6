"""Makes the images that the tests of decoding read, with Pillow, and writes down the pixels that Pillow reads from them.

    python crates/corpus/src/decode/tests/make.py

Written with Pillow 13. `files/pixels.json` holds for every file its mode, width and height, and its pixels (rows of red,
green and blue, or of grey) in hexadecimal.
"""

import io
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

HERE = pathlib.Path(__file__).parent / "files"
WIDTH, HEIGHT = 20, 14


def scene(width, height):
    """Smooth colours with an edge, so that JPEG keeps something in every block."""
    y, x = np.mgrid[0:height, 0:width]
    red = 127 + 100 * np.sin(x / 5) * np.cos(y / 7)
    green = 255 * x / width
    blue = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2, 220, 40) + y
    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)


def png16(values, colour_type):
    """A PNG of 16 bits, which Pillow reads in every form and writes in grey alone."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def with_transform(jpeg, transform):
    """A JPEG with another colour transform in its Adobe segment: 0 none, 1 YCbCr, 2 YCCK."""
    at = jpeg.index(b"Adobe") + 11
    return jpeg[:at] + bytes([transform]) + jpeg[at + 1 :]


def main():
    HERE.mkdir(exist_ok=True)
    pixels = {}
    colour = Image.fromarray(scene(WIDTH, HEIGHT))
    grey = colour.convert("L")
    alpha = colour.copy()
    alpha.putalpha(grey)

    def save(name, image, **options):
        image.save(HERE / name, **options)
        note(name)

    def note(name):
        with Image.open(HERE / name) as image:
            image.load()
            if image.mode.startswith("I;16"):
                # Pillow cuts such values off at 255 when it converts; the upper byte is what they show.
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            if name == "grey_alpha16.png":
                # Pillow has no mode for grey with transparency of 16 bits and opens it as colour.
                image = image.getchannel("R")
            is_grey = image.mode in ("1", "L", "LA")
            image = image.convert("L" if is_grey else "RGB")
            pixels[name] = {
                "channels": 1 if is_grey else 3,
                "width": image.width,
                "height": image.height,
                "pixels": image.tobytes().hex(),
            }

    save("rgb.png", colour)
    save("grey.png", grey)
    save("grey_alpha.png", alpha.convert("LA"))
    save("alpha.png", alpha)
    save("palette.png", colour.quantize(16))
    save("one_bit.png", grey.convert("1"))
    save("grey16.png", Image.fromarray(np.asarray(grey).astype(np.uint16) * 257))
    low = np.arange(HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3) % 256
    deep = (np.asarray(colour).astype(np.uint16) << 8) + low.astype(np.uint16)
    save("grey16_odd.png", Image.fromarray(deep[..., 1].copy()))
    (HERE / "rgb16.png").write_bytes(png16(deep, 2))
    note("rgb16.png")
    (HERE / "grey_alpha16.png").write_bytes(png16(deep[..., :2], 4))
    note("grey_alpha16.png")
    save("animated.png", colour, save_all=True, append_images=[ImageOps.invert(colour)])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    save("profile.png", colour, icc_profile=profile)

    save("420.jpg", colour, quality=90, subsampling=2)
    save("444.jpg", colour, quality=90, subsampling=0)
    save("grey.jpg", grey, quality=90)
    save("progressive.jpg", colour, quality=90, progressive=True)
    save("cmyk.jpg", colour.convert("CMYK"), quality=90)
    # The same data with another note in its Adobe segment: not CMYK but its three colours as YCbCr.
    (HERE / "ycck.jpg").write_bytes(with_transform((HERE / "cmyk.jpg").read_bytes(), 2))
    note("ycck.jpg")
    save("two_pictures.mpo", colour, save_all=True, append_images=[ImageOps.invert(colour)], quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6
    save("turned.jpg", colour, quality=90, exif=exif)

    save("lossless.webp", colour, lossless=True)
    save("animated.webp", colour, lossless=True, save_all=True, append_images=[ImageOps.invert(colour)])
    save("rgb.bmp", colour)
    save("palette.bmp", colour.quantize(16))
    save("first_frame.gif", colour.quantize(64), save_all=True, append_images=[ImageOps.invert(colour).quantize(64)])
    see_through = colour.quantize(15)
    save("transparent.gif", see_through, transparency=3)
    save("rgb.tif", colour)
    save("lzw.tif", colour, compression="tiff_lzw")
    save("deflate.tif", grey, compression="tiff_adobe_deflate")
    save("g4.tif", grey.convert("1"), compression="group4")
    save("palette.tif", colour.quantize(16))
    save("palette_lzw.tif", colour.quantize(200), compression="tiff_lzw", tiffinfo={0x013D: 2})
    save("grey16.tif", Image.fromarray(np.asarray(grey).astype(np.uint16) * 257))
    save("cmyk.tif", colour.convert("CMYK"))
    save("turned.tif", colour, tiffinfo={0x0112: 6})
    save("rgb.ppm", colour)
    save("grey.pgm", grey)
    save("one_bit.pbm", grey.convert("1"))
    levels = (np.asarray(grey).astype(int) * 7 + 127) // 255
    (HERE / "plain.pgm").write_text(f"P2\n# by hand\n{WIDTH} {HEIGHT}\n7\n" + "\n".join(" ".join(map(str, row)) for row in levels))
    note("plain.pgm")

    # For cutting: large enough that every part of a file holds something.
    large = Image.fromarray(scene(72, 56))
    rows = dict(restart_marker_rows=1)
    for name, image, options in [
        ("cut_baseline.jpg", large, dict(subsampling=2)),
        ("cut_optimised.jpg", large, dict(subsampling=0, optimize=True)),
        ("cut_progressive.jpg", large, dict(progressive=True)),
        ("cut_restart.jpg", large, dict(subsampling=1, **rows)),
        ("cut_restart_progressive.jpg", large, dict(progressive=True, **rows)),
        ("cut_grey.jpg", large.convert("L"), {}),
        ("cut_grey_progressive.jpg", large.convert("L"), dict(progressive=True)),
        ("cut_cmyk.jpg", large.convert("CMYK"), {}),
    ]:
        image.save(HERE / name, quality=85, **options)
    (HERE / "pixels.json").write_text(json.dumps(pixels, indent=0) + "\n")


if __name__ == "__main__":
    main()
