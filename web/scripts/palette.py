"""Brings screenshots down to few colours, and frames named scrub-NNN.png to one animated WebP: palette.py FROM TO"""

import sys
from pathlib import Path

from PIL import Image

# One byte a pixel; the most different colours are kept, so that marks keep their hue.
COLOURS = 256
STEP_MS, REST_MS = 160, 1600

source, target = Path(sys.argv[1]), Path(sys.argv[2])
frames = []
for path in sorted(source.glob("*.png")):
    picture = Image.open(path).convert("RGB")
    if path.name.startswith("scrub-"):
        frames.append(picture.resize((960, 600), Image.Resampling.LANCZOS))
        continue
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    few.save(target / path.name, optimize=True)
if frames:
    frames[0].save(
        target / "scrubbing.webp",
        save_all=True,
        append_images=frames[1:],
        duration=[STEP_MS] * (len(frames) - 1) + [REST_MS],
        loop=0,
        quality=60,
        method=4,
    )
