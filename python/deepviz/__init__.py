"""deepViz for PyTorch: records a training run, which the dashboard shows while it trains.

```python
import deepviz

recorder = deepviz.Recorder("runs/mine", model, train=loader, test=test_set)
for epoch in range(epochs):
    for images, labels in loader:
        ...
        optimizer.step()
        recorder.step(loss=loss)
```

then `deepviz serve runs`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .recorder import Recorder
from .version import VERSION

if TYPE_CHECKING:
    from .checkpoints import record_checkpoints
    from .loops import fastai, keras, lightning, transformers
    from .onnx_import import import_onnx

__all__ = [
    "Recorder",
    "Refused",
    "__version__",
    "fastai",
    "import_onnx",
    "keras",
    "lightning",
    "record_checkpoints",
    "transformers",
]
__version__ = VERSION

_LAZY = {
    "fastai": "loops",
    "import_onnx": "onnx_import",
    "keras": "loops",
    "lightning": "loops",
    "record_checkpoints": "checkpoints",
    "transformers": "loops",
}


def __getattr__(name: str) -> Any:
    """Imports the names of `_LAZY` when they are first used: few programs need them."""
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
