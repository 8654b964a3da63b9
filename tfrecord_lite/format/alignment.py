"""Two sequences of keys -> the places in both that belong together, whatever was added or removed in between.

It takes O(n log n): records of the same key are a pair, those of a key that is repeated
together with the records that follow them; the longest chain of pairs that go up on both sides is kept (Hunt, Szymanski
1977). Pairs that would shift the sides against each other by far are kept only if they are many: a short record that
occurs in both files by chance is no reason to call all before it added.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]

_NO_ID = np.uint64(1 << 63)
#: A pair is needed for each so many records that are shifted.
_SHIFT_OF_A_PAIR = 512


def aligned(a: Array, b: Array) -> tuple[Array, Array]:
    """The places in a and in b, int64 [n] each and both ascending, of keys that belong together."""
    return _confirmed(*_chain(*_pairs(a, b)))


def _pairs(a: Array, b: Array) -> tuple[Array, Array]:
    """The places of the same records in a and b, in the order of a: first, second, ... occurrence here and there."""
    ids = _ids(a, b)
    counts = [np.bincount(part, minlength=len(a) + len(b)) for part in ids]
    is_repeated = np.maximum(*counts) > 1
    # Which of those that are repeated stand for each other is seen by what follows them.
    in_a, in_b = _ids(*(np.where(is_repeated[part], _followed(part), part.astype(np.uint64)) for part in ids))
    in_a, in_b = (part * (len(a) + len(b)) + _occurrences(part) for part in (in_a, in_b))
    _, at_a, at_b = np.intersect1d(in_a, in_b, assume_unique=True, return_indices=True)
    order = np.argsort(at_a)
    return at_a[order], at_b[order]


def _ids(a: NDArray[Any], b: NDArray[Any]) -> tuple[Array, Array]:
    """Small numbers for the values in a and b."""
    ids = np.unique(np.concatenate((a, b)), return_inverse=True)[1]
    return ids[: len(a)], ids[len(a) :]


def _followed(ids: Array) -> NDArray[np.uint64]:
    """A hash of each record together with the 31 that follow it, or as many as there are; none is one of the ids."""
    hashes: NDArray[np.uint64] = ids.astype(np.uint64) + np.uint64(1)  # a 0 would leave no trace
    factor = np.array(0x9E3779B97F4A7C15, np.uint64)  # odd; it wraps around, as an array
    for distance in (1, 2, 4, 8, 16):
        hashes[:-distance] = hashes[:-distance] * factor + hashes[distance:]
        factor = np.multiply(factor, factor)
    hashes |= _NO_ID
    return hashes


def _occurrences(ids: Array) -> Array:
    """How often each one has been there before, int64 [n]."""
    order = np.argsort(ids, kind="stable")
    places = np.arange(len(ids))
    is_first = np.diff(ids[order], prepend=-1) != 0
    counts = np.empty(len(ids), np.int64)
    counts[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return counts


def _chain(at_a: Array, at_b: Array) -> tuple[Array, Array]:
    """The longest part of the pairs that goes up in b as it does in a."""
    if (np.diff(at_b) > 0).all():
        return at_a, at_b
    ends: list[int] = []  # of the chains of each length, the lowest last place
    last: list[int] = []  # and which pair that is
    before: list[int] = []  # of each pair, the one before it in its chain
    for number, place in enumerate(at_b.tolist()):
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [number]
        before.append(last[length - 1] if length else -1)
    chosen = []
    number = last[-1]
    while number >= 0:
        chosen.append(number)
        number = before[number]
    chosen.reverse()
    return at_a[chosen], at_b[chosen]


def _confirmed(at_a: Array, at_b: Array) -> tuple[Array, Array]:
    """The pairs without those that are too few for the shift between the sides that they would be."""
    shifts = at_b - at_a
    edges = np.flatnonzero(np.diff(shifts)) + 1
    is_kept = np.zeros(len(shifts), bool)
    shift = 0
    for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(shifts)], strict=True):
        if begin < end and abs(int(shifts[begin]) - shift) <= _SHIFT_OF_A_PAIR * (end - begin):
            is_kept[begin:end] = True
            shift = int(shifts[begin])
    return at_a[is_kept], at_b[is_kept]
