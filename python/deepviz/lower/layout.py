"""Which value of a feature map stands where in a tensor.

A tensor of PyTorch is described by its dimensions, each a sequence of atoms. An atom is one axis of the map (N, C, H or
W), or a factor of one: of 12 channels viewed as 3 x 4 the first dimension is the atom (C, stride 4, size 3) and the
second (C, stride 1, size 4). Views, permutations and flattening only move atoms, so that after any number of them it
can be told whether a tensor is the map itself, its channels in another order, or its pixels' channels last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Atom(NamedTuple):
    """A factor of an axis: index i of `size` stands for i * `stride` of the axis. Axis `*` repeats its values."""

    axis: str
    stride: int
    size: int


Dim = tuple[Atom, ...]
Dims = tuple[Dim, ...]


def axis(name: str, size: int) -> Dim:
    """A whole axis; nothing where it has length 1."""
    return (Atom(name, 1, size),) if size > 1 else ()


def of_map(batch: int, shape: tuple[int, int, int]) -> Dims:
    """N x C x H x W."""
    channels, height, width = shape
    return (axis("N", batch), axis("C", channels), axis("H", height), axis("W", width))


def of_vector(batch: int, channels: int) -> Dims:
    """N x C."""
    return (axis("N", batch), axis("C", channels))


def size(dim: Dim) -> int:
    """Length of a dimension."""
    length = 1
    for atom in dim:
        length *= atom.size
    return length


def shape_of(dims: Dims) -> tuple[int, ...]:
    """Lengths of all dimensions."""
    return tuple(size(dim) for dim in dims)


def joined(atoms: Sequence[Atom]) -> Dim:
    """Neighbours that together are a longer factor of one axis become one atom."""
    out: list[Atom] = []
    for atom in atoms:
        if atom.size == 1:
            continue
        last = out[-1] if out else None
        if last and last.axis == atom.axis and last.stride == atom.stride * atom.size and atom.axis != "*":
            out[-1] = Atom(atom.axis, atom.stride, last.size * atom.size)
        else:
            out.append(atom)
    return tuple(out)


def reshape(dims: Dims, lengths: Sequence[int]) -> Dims | None:
    """The same values row by row in dimensions of other lengths; None where an axis would be cut unevenly."""
    # The last atom is at the end, where lists are popped.
    rest = [atom for dim in reversed(dims) for atom in reversed(dim)]
    out: list[Dim] = []
    for length in lengths:
        taken: list[Atom] = []
        while length > 1:
            if not rest:
                return None
            atom = rest.pop()
            if length % atom.size == 0:
                taken.append(atom)
                length //= atom.size
            elif atom.size % length == 0 and atom.axis != "*":
                inner = atom.size // length
                taken.append(Atom(atom.axis, atom.stride * inner, length))
                rest.append(Atom(atom.axis, atom.stride, inner))
                length = 1
            else:
                return None
        out.append(joined(taken))
    return tuple(out) if not rest else None


def atoms(dims: Dims) -> Dim:
    """All atoms row by row, joined across dimensions."""
    return joined([atom for dim in dims for atom in dim])


def shuffle_groups(dim: Dim, channels: int) -> int | None:
    """Of channels in two factors that changed places, the number of groups; None of anything else."""
    match dim:
        case (Atom("C", 1, inner), Atom("C", stride, groups)) if stride == inner and inner * groups == channels:
            return groups
        case _:
            return None
