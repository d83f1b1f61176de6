#!/usr/bin/env python3
"""Writes crates/fixtures/src/checkpoints: checkpoints as training programs keep them, for the tests of `deepviz import`.

    PYTHONPATH=python checkpoints.py

Needs torch. All are of the network of crates/fixtures/src/recorded: the weights of its step 2, and as averaged weights
those of its step 4. They are made by torch.save itself, but for the keys, which are those of each program.
"""

import argparse
import collections
import json
import os
import shutil
from pathlib import Path

import torch
from recorded_run import RUN, Net

from deepviz.checkpoint_files import read_safetensors
from deepviz.tensors import dtype_name, memory_of
from deepviz.write import Array, write_safetensors

FOLDER = RUN.parent / "checkpoints"


class RunsACommand:
    """A pickle that runs a command where it is trusted."""

    def __reduce__(self):
        return os.system, ("touch /tmp/deepviz-pickle-was-executed",)


def prefixed(prefix, arrays):
    return collections.OrderedDict((prefix + name, array) for name, array in arrays.items())


def model_of(step):
    model = Net()
    arrays = read_safetensors(RUN / f"snapshots/{step:06}.safetensors")
    model.load_state_dict({name: array.clone() for name, array in arrays.items()}, strict=False)
    return model


def array_of(name, tensor):
    return Array(name, dtype_name(tensor), tuple(tensor.shape), memory_of(tensor))


def write_shards(state):
    folder = FOLDER / "checkpoint-500"
    folder.mkdir()
    names = [name for name, array in state.items() if array.is_floating_point()]
    parts = {"model-00001-of-00002.safetensors": names[:3], "model-00002-of-00002.safetensors": names[3:]}
    for file, inside in parts.items():
        write_safetensors(folder / file, [array_of(name, state[name]) for name in inside], {"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, inside in parts.items() for name in inside}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": 500, "epoch": 2.5}))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    model, averaged = model_of(2), model_of(4)
    state, ema = model.state_dict(), averaged.state_dict()
    optimizer = torch.optim.Adam(model.parameters())
    sum(parameter.sum() for parameter in model.parameters()).backward()
    optimizer.step()
    model.load_state_dict(model_of(2).state_dict())
    arguments = argparse.Namespace(model="net", lr=0.1)

    def save(name, content, **options):
        torch.save(content, FOLDER / name, **options)

    save("plain_2.pt", state)
    save("legacy_2.pt", state, _use_new_zipfile_serialization=False)
    save("protocol4_2.pt", state, pickle_protocol=4)
    save("module_2.pt", model)
    save("channels_last_2.pt", {name: array.to(memory_format=torch.channels_last) if array.dim() == 4 else array
                                for name, array in state.items()})
    save("double_2.pt", {name: array.double() for name, array in state.items()})
    save("bfloat16_2.pt", {name: array.bfloat16() for name, array in state.items()})
    save("compiled_2.pt", {"net": prefixed("_orig_mod.module.", state)})
    save("executes_2.pt", {"state_dict": state, "hook": RunsACommand()})
    save("torchvision.pth", {
        "model": prefixed("module.", state), "model_ema": {"n_averaged": torch.tensor(7), **prefixed("module.", ema)},
        "optimizer": optimizer.state_dict(), "lr_scheduler": {"last_epoch": 3}, "epoch": 3, "args": arguments,
    })
    save("timm.pth.tar", {
        "epoch": 4, "arch": "net", "state_dict": state, "state_dict_ema": ema, "version": 2, "args": arguments,
    })
    save("epoch=1-step=8.ckpt", {
        "epoch": 1, "global_step": 8, "pytorch-lightning_version": "2.6.0", "state_dict": prefixed("model.", state),
        "loops": {"fit_loop": {"epoch_loop.batch_progress": {"is_last_batch": True}}},
    })
    save("pair_2.pt", {"student": state, "teacher": ema})
    save("other_2.pt", {**state, "head.weight": torch.zeros(3, 32)})
    write_shards(state)


if __name__ == "__main__":
    main()
