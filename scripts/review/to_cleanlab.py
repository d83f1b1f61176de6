#!/usr/bin/env python3
"""Writes an exported list of possible label errors in the columns of cleanlab's label issues.

    curl -o suspects.json "http://127.0.0.1:7878/api/runs/RUN/suspects/export?split=all&format=json"
    python3 scripts/review/to_cleanlab.py suspects.json --out issues.csv

Needs nothing but Python. In cleanlab a low score is a bad label: `label_score` is 1 less deepViz's score. The score of an
image with a verdict that is not in the list any more is empty.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

COLUMNS = ["split", "path", "image", "is_label_issue", "label_score", "given_label", "predicted_label"]
ISSUE = {"wrong": True, "right": False}


def row(item: dict) -> dict:
    """A row of cleanlab's table; `is_label_issue` is empty without a verdict of wrong or right."""
    return {
        "split": item["split"],
        "path": item["path"],
        "image": item["image"],
        "is_label_issue": ISSUE.get(item["verdict"], ""),
        "label_score": "" if item["score"] is None else 1 - item["score"],
        "given_label": item["label"],
        "predicted_label": item["suggestion"],
    }


def main() -> None:
    """Reads the export, writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    items = json.loads(options.export.read_text())["items"]
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row(item) for item in items)
    print(f"{len(items)} rows in {options.out}, {sum(bool(item['verdict']) for item in items)} with a verdict")


if __name__ == "__main__":
    main()
