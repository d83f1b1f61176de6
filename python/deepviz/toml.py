"""Writes TOML, as far as run.toml needs it: Python's library only reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "str | bool | int | float | Sequence[Value] | Mapping[str, Value]"

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def text(value: str) -> str:
    """A quoted string. Control characters are escaped; unpaired surrogates become `?`."""
    plain = value.encode("utf-8", "replace").decode("utf-8")
    return '"' + "".join(_SHORT.get(char) or _escaped(char) for char in plain) + '"'


def _escaped(char: str) -> str:
    is_control = ord(char) < 32 or 127 <= ord(char) < 160
    return f"\\u{ord(char):04X}" if is_control else char


def key(name: str) -> str:
    """A key, quoted where TOML requires it."""
    return name if _BARE.fullmatch(name) else text(name)


def value(item: Value) -> str:
    """A value on one line: text, bool, number, list or inline table.

    Raises TypeError for anything else.
    """
    if isinstance(item, str):
        return text(item)
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, float):
        return _number(item)
    if isinstance(item, Mapping):
        return "{ " + ", ".join(f"{key(name)} = {value(inner)}" for name, inner in item.items()) + " }"
    if isinstance(item, Sequence):
        return "[" + ", ".join(value(inner) for inner in item) + "]"
    raise TypeError(f"TOML has no value for {type(item).__name__}")


def _number(number: float) -> str:
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    # repr gives the shortest digits that read back to the same double. A number is a float only by a point or exponent.
    digits = repr(float(number))
    return digits if any(char in digits for char in ".e") else digits + ".0"


def document(root: Mapping[str, Value]) -> str:
    """A whole file: values first, then a `[table]` for every mapping and `[[table]]`s for every list of mappings."""
    return "\n".join(_table(root, ())) + "\n"


def _tables(item: Value) -> list[Mapping[str, Value]] | None:
    """A list of mappings, of one or more; None of anything else."""
    if isinstance(item, (str, bool, int, float, Mapping)):
        return None
    tables = [inner for inner in item if isinstance(inner, Mapping)]
    return tables if tables and len(tables) == len(item) else None


def _table(table: Mapping[str, Value], path: tuple[str, ...]) -> list[str]:
    nested = {name for name, item in table.items() if isinstance(item, Mapping) or _tables(item)}
    lines = [f"{key(name)} = {value(item)}" for name, item in table.items() if name not in nested]
    for name in (name for name in table if name in nested):
        item, where = table[name], (*path, name)
        title = ".".join(key(part) for part in where)
        if isinstance(item, Mapping):
            lines += ["", f"[{title}]", *_table(item, where)]
        for inner in _tables(item) or []:
            # Inside a list of tables a mapping is written inline: `arrays = { weight = "..." }`.
            lines += ["", f"[[{title}]]", *(f"{key(part)} = {value(content)}" for part, content in inner.items())]
    return lines
