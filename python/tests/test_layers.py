"""Every layer that is named after a module gives what that module gives, in networks of torchvision."""

from __future__ import annotations

import pytest
import torch
from evaluate import every_layer
from torch import Tensor, nn

from deepviz.lower import lower
from deepviz.tensors import arrays_of

models = pytest.importorskip("torchvision.models")


def outputs_of_modules(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What every module without parts gave when it was called first."""
    found: dict[str, Tensor] = {}
    handles = []
    for path, module in model.named_modules():
        if not list(module.children()):

            def keep(_: nn.Module, inputs: object, output: Tensor, path: str = path) -> None:
                # Activation functions in place write into it afterwards.
                found.setdefault(path, output.clone())

            handles.append(module.register_forward_hook(keep))
    with torch.no_grad():
        model.eval()(images)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_large", "efficientnet_b0", "densenet121"])
def test_layers_compute_the_same_as_modules(name: str) -> None:
    torch.manual_seed(2)
    model = models.get_model(name, weights=None)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Statistics and weights other than 0 and 1, small enough that 400 layers do not reach infinity.
            for array, spread in ((module.running_mean, 0.1), (module.running_var, 0.2), (module.weight.data, 0.1)):
                assert array is not None
                array.add_(spread * torch.rand(array.shape))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(7))
    network = lower(model, images)
    with torch.no_grad():
        layers = every_layer(network, arrays_of(model), images)
    modules = outputs_of_modules(model, images)
    compared = 0
    for layer in network.layers:
        if layer.name not in modules:
            continue
        expected = modules[layer.name]
        found = layers[layer.name].reshape(expected.shape)
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max(), layer.name
        compared += 1
    # All convolutions and normalisations, and what is called once.
    assert compared >= 0.75 * (len(network.layers) - 1), (compared, len(network.layers))
