#!/usr/bin/env python3
"""Makes a run with many checkpoints and their statistics from one with few, to measure how a server copes with it.

many_checkpoints.py RUN OUT [--checkpoints 1000]

Repeats the snapshots and statistics of RUN under ever greater steps. A snapshot's header contains the new step and the
old hash: code that reads only statistics and headers accepts it, code that reads the weights reports it as damaged.
"""

import argparse
import json
import shutil
import sqlite3
import struct
from pathlib import Path

# The tables whose rows belong to a unit.
PARTS = ["output", "prediction", "confusion", "cell_image", "activity"]


def snapshots(run, out, count):
    """Steps of RUN, in order; writes the `count` snapshots of OUT, those of step 0 to count - 1."""
    files = sorted((run / "snapshots").glob("*.safetensors"))
    (out / "snapshots").mkdir(parents=True)
    for step in range(count):
        first = files[step % len(files)].read_bytes()
        (length,) = struct.unpack("<Q", first[:8])
        header = json.loads(first[8 : 8 + length])
        header["__metadata__"]["step"] = str(step)
        text = json.dumps(header).encode()
        name = out / f"snapshots/{step:06}.safetensors"
        name.write_bytes(struct.pack("<Q", len(text)) + text + first[8 + length :])
    return [int(file.stem) for file in files]


def columns(base, table, without):
    rows = base.execute(f"PRAGMA old.table_info({table})")
    return ", ".join(row[1] for row in rows if row[1] not in without)


def statistics(run, out, steps, count):
    """Copies the rows of each step in RUN's database to the steps that repeat it."""
    shutil.copy(run / "stats.sqlite", out / "stats.sqlite")
    base = sqlite3.connect(out / "stats.sqlite", isolation_level=None)
    base.execute("PRAGMA foreign_keys = ON")
    base.execute("DELETE FROM unit")
    base.execute("DELETE FROM weight")
    base.execute("ATTACH ? AS old", (str(run / "stats.sqlite"),))
    unit, weight = columns(base, "unit", ["id", "step"]), columns(base, "weight", ["step"])
    clusters = columns(base, "cluster_set", ["id", "unit_id"])
    parts = {part: columns(base, part, ["unit_id"]) for part in PARTS}
    base.execute("BEGIN")
    for step in range(count):
        old = steps[step % len(steps)]
        base.execute(f"INSERT INTO weight (step, {weight}) SELECT ?, {weight} FROM old.weight WHERE step = ?", (step, old))
        for (source,) in base.execute("SELECT id FROM old.unit WHERE step = ?", (old,)).fetchall():
            new = base.execute(f"INSERT INTO unit (step, {unit}) SELECT ?, {unit} FROM old.unit WHERE id = ?", (step, source))
            new = new.lastrowid
            for part, names in parts.items():
                select = f"SELECT ?, {names} FROM old.{part} WHERE unit_id = ?"
                base.execute(f"INSERT INTO {part} (unit_id, {names}) {select}", (new, source))
            for (group,) in base.execute("SELECT id FROM old.cluster_set WHERE unit_id = ?", (source,)).fetchall():
                select = f"SELECT ?, {clusters} FROM old.cluster_set WHERE id = ?"
                made = base.execute(f"INSERT INTO cluster_set (unit_id, {clusters}) {select}", (new, group)).lastrowid
                select = "SELECT ?, data FROM old.assignment WHERE cluster_set_id = ?"
                base.execute(f"INSERT INTO assignment (cluster_set_id, data) {select}", (made, group))
    base.execute("COMMIT")
    base.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--checkpoints", type=int, default=1000)
    options = parser.parse_args()
    steps = snapshots(options.run, options.out, options.checkpoints)
    for name in ("run.toml", "metrics.jsonl"):
        shutil.copy(options.run / name, options.out / name)
    statistics(options.run, options.out, steps, options.checkpoints)


if __name__ == "__main__":
    main()
