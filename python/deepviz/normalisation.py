"""How a data set turns bytes into the network's input, and the inverse.

Transforms are recognised by their names and attributes (`Normalize` with `mean` and `std`), not by their types. So both
versions of torchvision, albumentations and users' transforms work alike, and no library is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .errors import Refused
from .tensors import converted, is_bytes, like

TOLERANCE = 1e-3
"""Allowed distance of a pixel value from a whole number."""

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Normalisation:
    """(pixel - mean) / std, with pixels from 0 to 1 (`unit`) or to 255 (`byte`). A mean or std of None is left out."""

    mean: Numbers | None = None
    std: Numbers | None = None
    values: Literal["unit", "byte"] = "unit"

    def bytes_of(self, image: Any) -> Any:
        """The pixels (uint8) of a float image C x H x W; None where a value is no whole number from 0 to 255."""
        if is_bytes(image):
            return image
        pixels = converted(image, "float64")
        if self.std is not None:
            pixels = pixels * _per_channel(self.std, pixels)
        if self.mean is not None:
            pixels = pixels + _per_channel(self.mean, pixels)
        if self.values == "unit":
            pixels = pixels * 255.0
        whole = pixels.round()
        # In this form the comparison fails for NaN.
        is_whole = bool((abs(pixels - whole) <= TOLERANCE).all()) and bool(((whole >= 0) & (whole <= 255)).all())
        return converted(whole, "uint8") if is_whole else None

    def input_of(self, pixels: Any) -> Any:
        """The network's input, float32, for pixels ... x C x H x W."""
        values = converted(pixels, "float32")
        if self.values == "unit":
            values = values / 255.0
        if self.mean is not None:
            values = values - _per_channel(self.mean, values)
        return values / _per_channel(self.std, values) if self.std is not None else values

    def table(self) -> dict[str, Any]:
        """The table `[recipe.data]` of run.toml."""
        mean = "none" if self.mean is None else list(self.mean)
        return {"values": self.values, "mean": mean, "std": "none" if self.std is None else list(self.std)}


def _per_channel(numbers: Numbers, pixels: Any) -> Any:
    channels = pixels.shape[-3]
    if len(numbers) not in (1, channels):
        raise Refused(
            f"there are {len(numbers)} means or deviations for images of {channels} channels; give one a channel"
        )
    return like(numbers, pixels).reshape(-1, 1, 1)


def numbers(given: Any) -> Numbers | None:
    """A mean or standard deviation as a tuple of numbers, from a list, tensor, array or number."""
    if given is None:
        return None
    if hasattr(given, "flatten") and hasattr(given, "tolist"):
        given = given.flatten().tolist()
    return tuple(float(number) for number in given) if isinstance(given, Sequence) else (float(given),)


def parts(transform: Any) -> Iterator[Any]:
    """A transform and all transforms of which it is composed, in order."""
    yield transform
    inner = getattr(transform, "transforms", None)
    if inner is None and hasattr(transform, "children") and callable(transform.children):
        inner = list(transform.children())
    if inner is None:
        inner = [part for part in (getattr(transform, "transform", None),) if part is not None]
    if isinstance(inner, (list, tuple)):
        for part in inner:
            yield from parts(part)


def of_transform(transform: Any) -> Normalisation | None:
    """The normalisation at the end of a transform."""
    found = None
    for part in parts(transform):
        mean, std = getattr(part, "mean", None), getattr(part, "std", None)
        if type(part).__name__ == "Normalize" and mean is not None and std is not None:
            found = Normalisation(numbers(mean), numbers(std))
    return found


def of_processor(processor: Any) -> Normalisation | None:
    """The normalisation of an image processor of transformers, or of a `pretrained_cfg` of timm."""

    def get(key: str) -> Any:
        return processor.get(key) if isinstance(processor, Mapping) else getattr(processor, key, None)

    mean, std = get("image_mean") or get("mean"), get("image_std") or get("std")
    if mean is None or std is None:
        return None
    if get("do_normalize") is False:
        return Normalisation()
    return Normalisation(numbers(mean), numbers(std))


def with_channels(normalisation: Normalisation, channels: int) -> Normalisation:
    """The normalisation with one mean and one std per channel, as recipes need them."""

    def per_channel(given: Numbers | None) -> Numbers | None:
        return given * channels if given is not None and len(given) == 1 else given

    return Normalisation(per_channel(normalisation.mean), per_channel(normalisation.std), normalisation.values)


TO_TENSOR = {"ToTensor", "ToImage", "PILToTensor"}
"""Transforms that convert an image's bytes to a tensor."""
INVERTIBLE = TO_TENSOR | {"Compose", "Sequential", "ConvertImageDtype", "ToDtype", "Normalize"}
"""Transforms after which the bytes can be recovered: those above, changes of type, `Normalize`, and containers."""


RANDOM = {"ColorJitter", "AutoAugment", "TrivialAugmentWide", "AugMix", "ElasticTransform"}
"""Random transforms, beside those whose name begins with `Random`."""


def suspects(transform: Any) -> list[str]:
    """Names of the transforms that work on a tensor and after which the bytes may not be recoverable."""
    names = [_name(part) for part in parts(transform)]
    places = [place for place, name in enumerate(names) if name in TO_TENSOR]
    start = places[0] + 1 if places else 0
    return list(dict.fromkeys(name for name in names[start:] if name not in INVERTIBLE and name[0] not in "_<"))


def random_parts(transform: Any) -> list[str]:
    """Names of the transforms that give another image each time."""
    names = dict.fromkeys(_name(part) for part in parts(transform))
    return [name for name in names if name.startswith("Random") or name in RANDOM]


def _name(transform: Any) -> str:
    """The name of a class, or of a function."""
    return str(getattr(transform, "__name__", type(transform).__name__))
