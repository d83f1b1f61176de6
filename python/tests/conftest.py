"""What all tests share."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ModuleNotFoundError):
    # Those of ONNX run without PyTorch too.
    import torch

    # Other work goes on beside the tests, and sums in another order are other sums.
    torch.set_num_threads(1)
