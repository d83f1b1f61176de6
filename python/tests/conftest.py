"""What all tests share."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ModuleNotFoundError):
    # The tests of ONNX run without PyTorch too.
    import torch

    # Other programs need the cores, and several threads sum in another order, with other rounding.
    torch.set_num_threads(1)
