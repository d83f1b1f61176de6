#!/usr/bin/env python3
"""Makes a FiftyOne dataset of an exported list of possible label errors.

    curl -o suspects.json "http://127.0.0.1:7878/api/runs/RUN/suspects/export?split=all&format=json"
    python3 scripts/review/to_fiftyone.py suspects.json --images CORPUS --name my-review

Needs fiftyone, and a corpus of class folders: FiftyOne shows files.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def samples(items: list[dict], images: Path) -> tuple[list[dict], list[str]]:
    """What each sample holds, and the paths of which there is no file."""
    found, missing = [], []
    for item in items:
        file = images / item["path"]
        if not file.is_file():
            missing.append(item["path"])
            continue
        verdict = item["verdict"]
        found.append(
            {
                "filepath": str(file.resolve()),
                "tags": [item["split"]] + ([f"label {verdict}"] if verdict else []),
                "label": item["label"],
                "suggestion": item["suggestion"] or None,
                "score": item["score"],
                "deepviz_image": item["image"],
                "deepviz_link": item["link"],
            }
        )
    return found, missing


def main() -> None:
    """Reads the export, writes the dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--images", type=Path, required=True, help="the corpus' folder")
    parser.add_argument("--name", required=True, help="of the dataset")
    options = parser.parse_args()
    found, missing = samples(json.loads(options.export.read_text())["items"], options.images)
    if not found:
        sys.exit(f"no image of the export is a file in {options.images}, such as {missing[:1]}")

    import fiftyone as fo

    dataset = fo.Dataset(options.name, persistent=True)
    for one in found:
        sample = fo.Sample(filepath=one["filepath"], tags=one["tags"])
        sample["ground_truth"] = fo.Classification(label=one["label"])
        if one["suggestion"]:
            sample["suggestion"] = fo.Classification(label=one["suggestion"], confidence=one["score"])
        sample["deepviz_image"] = one["deepviz_image"]
        sample["deepviz_link"] = one["deepviz_link"]
        dataset.add_sample(sample)
    print(f"{len(found)} samples in the dataset {options.name}; {len(missing)} images are no files")


if __name__ == "__main__":
    main()
