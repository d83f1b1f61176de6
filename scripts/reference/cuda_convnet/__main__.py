#!/usr/bin/env python3
"""Writes crates/fixtures/src/cuda_convnet: checkpoints as cuda-convnet keeps them, with what their networks compute.

    python3 scripts/reference/cuda_convnet

Needs numpy. No program of cuda-convnet runs any more (Python 2, CUDA 5), so that files and values come from its
description: `python2.py` writes pickles as Python 2's cPickle does, `layers.py` fills the dictionaries of layers as
cuda-convnet's parser does, `forward.py` computes them by the formulas, in double precision and one loop after another.
`networks.py` has the networks. Images and labels are random, and so are the weights: they change from checkpoint to
checkpoint.
"""

import gzip
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
from corpus import CLASSES, SHAPE, Corpus
from forward import outputs
from networks import NETWORKS, REFUSED
from python2 import dumps

FOLDER = Path(__file__).resolve().parents[3] / "crates/fixtures/src/cuda_convnet"


def packed(data, how):
    """The bytes of a file: as they are, as `--zip-save` keeps them, or by gzip."""
    if how == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("data", (2012, 7, 25, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()
    return gzip.compress(data, mtime=0) if how == "gzip" else data


def write_network(name, network, corpus):
    """Writes the checkpoints of a network, and returns what is expected of each."""
    folder = FOLDER / name
    folder.mkdir()
    expected = []
    for number, (epoch, batch, how) in enumerate(network.files):
        state = network.checkpoint(number)
        (folder / f"{epoch}.{batch}").write_bytes(packed(dumps(state), how))
        inputs = network.inputs(corpus)
        values = [outputs(network.layers_at(number), image) for image in inputs]
        expected.append({
            "file": f"{epoch}.{batch}",
            "step": network.steps(number),
            "epoch": network.epochs(number),
            "images_seen": network.images_seen(number),
            "logits": [value[network.logits].tolist() for value in values],
            "probabilities": [value[network.softmax].tolist() for value in values],
        })
    return {"mean_offset": network.mean_offset, "checkpoints": expected}


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    corpus = Corpus(np.random.default_rng(1))
    corpus.write(FOLDER / "corpus")
    (FOLDER / "batches.meta").write_bytes(dumps({
        "num_cases_per_batch": 6,
        "label_names": list(CLASSES),
        "num_vis": int(np.prod(SHAPE)),
        "data_mean": corpus.mean.reshape(-1, 1).astype(np.float32),
    }))
    expected = {name: write_network(name, network, corpus) for name, network in NETWORKS.items()}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    (FOLDER / "refused").mkdir()
    for name, state in REFUSED.items():
        (FOLDER / "refused" / name).write_bytes(dumps(state()))
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes in {FOLDER}")


if __name__ == "__main__":
    main()
