"""Images in arrays of numpy as a data set, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .datasets import IMAGE_KEYS, LABEL_KEYS
from .errors import Refused


class ArrayImages:
    """Wraps a data set of (image, label), or a pair of arrays: gives images C x H x W in arrays of numpy.

    Images may be H x W x C, or H x W of one channel; labels may be one-hot. `prefers_last` says where the channels are
    in images that could be read both ways.
    """

    gives_arrays = True

    def __init__(self, given: Any, prefers_last: bool) -> None:
        self.given, self.prefers_last = given, prefers_last
        self.is_pair = isinstance(given, tuple) and len(given) == 2 and len(getattr(given[0], "shape", ())) >= 3
        # The attribute in which `datasets.classes_of` looks for the wrapped data set.
        self.dataset = None if self.is_pair else given

    def __len__(self) -> int:
        return len(self.given[0] if self.is_pair else self.given)

    def __getitem__(self, index: int) -> Any:
        """Image and label. An item that is neither a pair nor a dictionary is returned unchanged."""
        import numpy

        item = tuple(part[index] for part in self.given) if self.is_pair else self.given[index]
        if isinstance(item, Mapping):
            found = [next((key for key in keys if key in item), None) for keys in (IMAGE_KEYS, LABEL_KEYS)]
            item = item if None in found else tuple(item[key] for key in found)
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            return item
        label = numpy.asarray(item[1]).reshape(-1)
        return self._image(numpy.asarray(item[0])), int(label[0] if label.size == 1 else label.argmax())

    def _image(self, image: Any) -> Any:
        """Brings the channels to the front, and whole numbers to uint8. Raises Refused where they are no bytes."""
        import numpy

        if image.ndim == 4 and image.shape[0] == 1:
            image = image[0]
        if image.ndim == 2:
            image = image[None]
        if image.ndim == 3:
            is_first, is_last = (image.shape[place] in (1, 3) for place in (0, 2))
            if is_last and (self.prefers_last or not is_first):
                image = image.transpose(2, 0, 1)
        if image.dtype.kind in "iu" and image.dtype != numpy.uint8:
            if image.size and (image.min() < 0 or image.max() > 255):
                raise Refused("the images are whole numbers below 0 or above 255; give bytes, or floats")
            image = image.astype(numpy.uint8)
        return numpy.ascontiguousarray(image)


def array_images(given: Any, prefers_last: bool) -> Any:
    """Wraps arrays, and data sets whose images are arrays or pictures, in ArrayImages. Returns all else unchanged."""
    if given is None or hasattr(given, "batch_sampler") or isinstance(given, ArrayImages):
        return given
    if not hasattr(given, "__getitem__") or not hasattr(given, "__len__") or len(given) == 0:
        return given
    made = ArrayImages(given, prefers_last)
    if made.is_pair:
        return made
    item = given[0]
    image = item[0] if isinstance(item, (tuple, list)) and item else item
    if isinstance(item, Mapping):
        image = next((item[key] for key in IMAGE_KEYS if key in item), None)
    is_tensor = type(image).__module__.partition(".")[0] == "torch"
    is_array = hasattr(image, "__array__") or hasattr(image, "__array_interface__")
    return made if is_array and not is_tensor else given
