"""Sketches: what any number of values look like, in bounded memory and one pass.

    FrequentValues   how often the most frequent ones come: exact while there are few different ones
    Magnitudes       how many there are of each magnitude, to 8 significant bits: histograms and quantiles follow
    Moments          count, least, greatest, mean, deviation
    Reservoir        a few items of many, every choice as likely as any other

Neither the order of the values nor how they are cut into calls changes what comes out of Magnitudes; of the others it
changes no more than rounding, and which of the rare values FrequentValues still knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Different values that are counted: more than classes mostly are, and little memory for hundreds of features.
CAPACITY = 1024

#: A double without the last 45 bits: sign, exponent, and the first 7 bits behind the leading one.
_DROPPED_BITS = 45


class FrequentValues:
    """Counts of the most frequent values: Misra and Gries, merged as Agarwal et al. (2012) do.

    A value that was seen n times has a count from n - error to n; one that is not there was seen `error` times at most,
    which is no more than one in CAPACITY of all.

    Attributes:
        error: 0 as long as all counts are exact, and all values are there.
    """

    def __init__(self) -> None:
        self._counts: dict[Any, int] = {}
        self.error = 0

    def add(self, counts: Iterable[tuple[Any, int]]) -> None:
        """(value, how often it was seen), each value once."""
        found = self._counts
        for value, count in counts:
            found[value] = found.get(value, 0) + count
        if len(found) > CAPACITY:
            excess = sorted(found.values(), reverse=True)[CAPACITY]
            self._counts = {value: count - excess for value, count in found.items() if count > excess}
            self.error += excess

    def add_numbers(self, values: Array) -> None:
        """Numbers as they come. Of many different ones the rare ones are cut off before they are merged."""
        different, counts = np.unique(values, return_counts=True)
        if len(different) > CAPACITY:
            excess = int(np.partition(counts, -CAPACITY - 1)[-CAPACITY - 1])
            is_kept = counts > excess
            different, counts = different[is_kept], counts[is_kept] - excess
            self.error += excess
        self.add(zip(different.tolist(), counts.tolist(), strict=True))

    @property
    def distinct(self) -> int | None:
        """How many different values there are; None if that is not known."""
        return None if self.error else len(self._counts)

    def most_frequent(self, limit: int | None) -> tuple[tuple[Any, int], ...]:
        """The most frequent values and their counts; among equals the lesser value first."""
        ranked = sorted(self._counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(ranked[:limit])


class Magnitudes:
    """How many values there are of each magnitude.

    Doubles that agree in all but the last 45 bits are one magnitude: within one values differ by less than 1 %, and
    integers up to 256 have one each. There are 65,536 among float32 and 16,384 among int64.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, values: Array) -> None:
        """Finite numbers."""
        keys, counts = np.unique((values.astype(np.float64) + 0.0).view(np.int64) >> _DROPPED_BITS, return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            self._counts[key] = self._counts.get(key, 0) + count

    def counts(self, are_integers: bool) -> tuple[Array, Array, Array]:
        """Of each magnitude, ascending: where it begins, where it ends (both float64 [n]), and its count, int64 [n].

        Integers are told as [begin, end) of whole numbers. Otherwise of the two the one nearer to 0 belongs to it.
        """
        keys = np.array(sorted(self._counts, key=_rank), np.int64)
        near = (keys << _DROPPED_BITS).view(np.float64)
        far = ((keys + 1) << _DROPPED_BITS).view(np.float64)
        far = np.copysign(np.minimum(np.abs(far), np.finfo(np.float64).max), near)
        counts = np.array([self._counts[key] for key in keys.tolist()], np.int64)
        begins, ends = np.minimum(near, far), np.maximum(near, far)
        if are_integers:
            is_negative = keys < 0
            begins = np.where(is_negative, np.floor(begins) + 1, np.ceil(begins))
            ends = np.where(is_negative, np.floor(ends) + 1, np.ceil(ends))
        return begins, ends, counts


def _rank(key: int) -> int:
    """By the values: of negative ones those with larger bits are less."""
    return key if key >= 0 else -1 - (key & (2**62 - 1))


class Moments:
    """Count, least, greatest, mean and deviation of numbers, all integers or all floats."""

    def __init__(self) -> None:
        self.count = 0
        self.minimum: Any = None
        self.maximum: Any = None
        self._total = 0  # of integers, whose doubles would cancel each other out
        self._are_integers = False
        self._center = 0.0  # the mean, in doubles
        self._squares = 0.0  # sum of squared distances from the center

    def add(self, values: Array) -> None:
        """Finite numbers, one or more."""
        low, high = values.min().item(), values.max().item()
        self.minimum = low if self.minimum is None else min(low, self.minimum)
        self.maximum = high if self.maximum is None else max(high, self.maximum)
        if values.dtype.kind != "f":
            self._are_integers = True
            whole = values.astype(np.int64, copy=False)
            halves = (whole >> 32).sum(), (whole & 0xFFFFFFFF).sum()
            self._total += (int(halves[0]) << 32) + int(halves[1])
        doubles = values.astype(np.float64)
        mean = float(doubles.mean())
        squares, distance = float(doubles.var()) * len(values), mean - self._center
        count = self.count + len(values)
        self._squares += squares + distance * distance * self.count * (len(values) / count)
        self._center += distance * (len(values) / count)
        self.count = count

    @property
    def mean(self) -> float:
        """Of integers the double nearest to it."""
        return self._total / self.count if self._are_integers else self._center

    @property
    def deviation(self) -> float:
        """The standard deviation, of these values and not of those they may be a sample of."""
        return math.sqrt(self._squares / self.count) if self.count else 0.0


class Reservoir:
    """Which of any number of items are kept: every choice of `count` is as likely, and the same for the same seed."""

    def __init__(self, count: int, seed: int | None) -> None:
        self._count, self._seen = count, 0
        self._random = Random(seed)

    def place(self) -> int | None:
        """The place, below `count`, that the next item takes from what may be there; None if it is not kept."""
        self._seen += 1
        if self._seen <= self._count:
            return self._seen - 1
        place = self._random.randrange(self._seen)
        return place if place < self._count else None
