"""Finds the network's arrays in a checkpoint: the dictionary that contains them, and the prefix of their names."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from .errors import Refused

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]
Kind = Literal["model", "ema"]

KEYS = ("state_dict", "model", "model_state_dict", "module", "net")
EMA_KEYS = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "ema_model")
KEYS_IN_MESSAGE = 6


@dataclass(frozen=True)
class Weights:
    """The network's arrays under the network's names, and their location in the checkpoint."""

    where: str
    arrays: dict[str, torch.Tensor]


@dataclass(frozen=True)
class _Candidate:
    """A dictionary that may contain the weights: its key (empty for the whole file) and its floating-point arrays."""

    key: str
    arrays: dict[str, torch.Tensor]

    @property
    def is_averaged(self) -> bool:
        return is_averaged(self.key)


@dataclass(frozen=True)
class _Match:
    """A candidate that contains all wanted arrays, under names with this prefix."""

    candidate: _Candidate
    prefix: str
    arrays: dict[str, torch.Tensor]

    @property
    def is_averaged(self) -> bool:
        return self.candidate.is_averaged or is_averaged(self.prefix)

    @property
    def where(self) -> str:
        names = [name for name in (self.candidate.key, self.prefix.rstrip(".")) if name]
        return ".".join(names) or "the file's names as they are"


def is_averaged(name: str) -> bool:
    """Whether a key names an exponential moving average of the weights: `ema` is one of its words."""
    return re.search(r"(?:^|[._])ema(?:[._]|$)", name) is not None


def find_weights(
    file: str, content: Mapping[str, Any], wanted: Mapping[str, Shape], *, key: str | None = None, kind: Kind = "model"
) -> Weights:
    """Finds the dictionary of a checkpoint that contains all wanted names and shapes.

    key: the dictionary, or a prefix of its names (`state_dict.teacher`); a dot goes one level down.
    kind: `"ema"` takes averaged weights, `"model"` all others.

    Raises Refused, with what the checkpoint contains, where no dictionary fits, or two fit equally well.
    """
    # Of Lightning's WeightAveraging: `state_dict` holds the averaged weights.
    is_averaging = "averaging_state" in content and "current_model_state" in content
    tried: list[_Candidate] = []
    others: list[_Match] = []
    for rank in _ranks(content, key, kind, is_averaging):
        tried += rank
        found = [fit for candidate in rank for fit in _fits(candidate, wanted)]
        if key is None:
            # Then even a key without `ema` in it names averaged weights.
            lightning = is_averaging and kind == "ema"
            others += [fit for fit in found if not lightning and fit.is_averaged != (kind == "ema")]
            found = [fit for fit in found if lightning or fit.is_averaged == (kind == "ema")]
        if len(found) > 1:
            names = " and ".join(f"`{fit.where}`" for fit in found)
            raise Refused(
                f'{file} holds the model\'s weights {len(found)} times, under {names}; choose one by key="..."'
            )
        if found:
            return Weights(found[0].where, found[0].arrays)
    _refuse(file, content, wanted, tried, others, key, kind)


def _ranks(content: Mapping[str, Any], key: str | None, kind: Kind, is_averaging: bool) -> Iterator[list[_Candidate]]:
    """Candidates in the order in which they are tried; those of one rank are equally good."""
    if key is not None:
        for before in ("", *(f"{name}." for name in KEYS)):
            yield [_candidate_of_key(content, before + key)]
        return
    first: tuple[str, ...] = EMA_KEYS if kind == "ema" else ()
    if is_averaging:
        first = ("state_dict",) if kind == "ema" else ("current_model_state",)
    known = [*first, *KEYS]
    for name in known:
        yield _candidates({name: content.get(name)})
    yield [_Candidate("", tensors_of(content))]
    rest = {str(name): value for name, value in content.items() if name not in known}
    for name in known:
        inner = as_mapping(content.get(name)) or {}
        rest |= {f"{name}.{below}": value for below, value in inner.items()}
    yield _candidates(rest)


def _candidates(items: Mapping[str, Any]) -> list[_Candidate]:
    found = [_Candidate(name, tensors_of(as_mapping(value) or {})) for name, value in items.items()]
    return [candidate for candidate in found if candidate.arrays]


def _candidate_of_key(content: Mapping[str, Any], key: str) -> _Candidate:
    """The dictionary of a dotted key, as deep as there are dictionaries; the rest of the key is a prefix of names."""
    inner: Mapping[str, Any] = content
    rest = key.rstrip(".")
    while rest:
        # Keys may contain dots: the longest existing key is taken.
        parts = rest.split(".")
        heads = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        head = next((name for name in heads if as_mapping(inner.get(name)) is not None), None)
        if head is None:
            break
        inner = as_mapping(inner[head]) or {}
        rest = rest[len(head) + 1 :]
    arrays = tensors_of(inner)
    if rest:
        arrays = {name[len(rest) + 1 :]: array for name, array in arrays.items() if name.startswith(rest + ".")}
    return _Candidate(key.rstrip("."), arrays)


def as_mapping(value: Any) -> Mapping[str, Any] | None:
    """A dictionary itself, the `state_dict` of a pickled module, the attributes of another object; else None."""
    if isinstance(value, Mapping):
        return value
    # A program may have told torch.load itself to make namespaces of its files' namespaces.
    attributes = vars(value) if isinstance(value, argparse.Namespace) else getattr(value, "attributes", None)
    if not isinstance(attributes, Mapping):
        return None
    return module_arrays(attributes) if "_parameters" in attributes else attributes


def module_arrays(attributes: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Parameters and buffers of a pickled module, by the names of its `state_dict`."""
    found: dict[str, Any] = {}
    for group in ("_parameters", "_buffers"):
        for name, array in (attributes.get(group) or {}).items():
            if array is not None:
                found[prefix + str(name)] = array
    for name, child in (attributes.get("_modules") or {}).items():
        inner = getattr(child, "attributes", None)
        # A damaged file may contain a module as its own child.
        if isinstance(inner, Mapping) and depth < 64:
            found |= module_arrays(inner, f"{prefix}{name}.", depth + 1)
    return found


def tensors_of(items: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The arrays of floating point among the values of a dictionary."""
    import torch

    return {
        str(name): value
        for name, value in items.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.layout == torch.strided
    }


def plain_name(name: str) -> str:
    """A name without the parts that torch.compile and DistributedDataParallel add, in any order."""
    parts = [part for part in name.split(".") if part != "_orig_mod"]
    while len(parts) > 1 and parts[0] == "module":
        parts.pop(0)
    return ".".join(parts)


def _fits(candidate: _Candidate, wanted: Mapping[str, Shape]) -> list[_Match]:
    """The prefixes under which all wanted arrays exist; no prefix comes first."""
    plain = {plain_name(name): array for name, array in reversed(candidate.arrays.items())}
    attempts = [
        (candidate.arrays, {name: name for name in wanted}),
        (plain, {name: plain_name(name) for name in wanted}),
    ]
    for arrays, names in attempts:
        found = []
        for prefix in _prefixes(arrays, names):
            if all(_has(arrays, prefix + names[name], shape) for name, shape in wanted.items()):
                found.append(_Match(candidate, prefix, {name: arrays[prefix + names[name]] for name in wanted}))
                if not prefix:
                    break
        if found:
            return found
    return []


def _has(arrays: Mapping[str, torch.Tensor], name: str, shape: Shape) -> bool:
    return name in arrays and tuple(arrays[name].shape) == tuple(shape)


def _prefixes(arrays: Mapping[str, torch.Tensor], names: Mapping[str, str]) -> list[str]:
    """Possible prefixes of the names, the empty one first."""
    found = {"": 0}
    # The longest name is the least likely to be the end of another one by chance.
    anchor = max(names.values(), key=lambda name: (name.count("."), len(name)), default="")
    for name in arrays:
        if anchor and name.endswith("." + anchor):
            found[name[: -len(anchor)]] = 0
    return list(found)


def _refuse(
    file: str,
    content: Mapping[str, Any],
    wanted: Mapping[str, Shape],
    tried: list[_Candidate],
    others: list[_Match],
    key: str | None,
    kind: Kind,
) -> NoReturn:
    """Raises Refused, naming what the checkpoint contains instead."""
    if others:
        have, want = ("averaged", "ema") if kind == "model" else ("plain", "model")
        raise Refused(f'{file} holds {have} weights only (`{others[0].where}`); add weights="{want}" to take those')
    near = [(count, line) for count, line in (_nearest(candidate, wanted) for candidate in tried) if count]
    if near:
        _, line = max(near, key=lambda item: item[0])
        raise Refused(f"{file} does not fit the model: {line}; give the model that it was saved from")
    names = [f"`{name}`" for name in list(content)[:KEYS_IN_MESSAGE]]
    more = f" and {len(content) - KEYS_IN_MESSAGE} more" if len(content) > KEYS_IN_MESSAGE else ""
    where = f"under `{key}`" if key is not None else "in it"
    raise Refused(
        f"{file} has none of the model's {len(wanted)} arrays {where}; it holds {', '.join(names) or 'nothing'}{more}; "
        'name the dictionary of the weights by key="..."'
    )


def _nearest(candidate: _Candidate, wanted: Mapping[str, Shape]) -> tuple[int, str]:
    """The number of wanted arrays that a dictionary contains, and why the first of the others does not fit."""
    plain = {plain_name(name): array for name, array in candidate.arrays.items()}
    names = {name: plain_name(name) for name in wanted}
    prefixes = {""}
    for name in names.values():
        prefixes |= (
            {found[: -len(name)] for found in plain if found.endswith("." + name)} if len(prefixes) < 4 else set()
        )
    prefix = max(sorted(prefixes), key=lambda before: sum(before + name in plain for name in names.values()))
    there = [name for name in wanted if prefix + names[name] in plain]
    missing = [name for name in wanted if prefix + names[name] not in plain]
    place = f"under `{candidate.key}`" if candidate.key else "there"
    for name in there:
        found, shape = tuple(plain[prefix + names[name]].shape), tuple(wanted[name])
        if found != shape:
            return len(there), f"`{name}` {place} is {_text(found)} and {_text(shape)} in the model"
    first = f"`{missing[0]}`" if missing else ""
    return len(there), f"{len(missing)} of the model's {len(wanted)} arrays are not {place}, such as {first}"


def _text(shape: Shape) -> str:
    return " x ".join(str(length) for length in shape) or "one number"
