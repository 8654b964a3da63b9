"""Numbers: what is known of any number of numbers, be they values, lengths or sizes.

NumberSketch   takes arrays, in bounded memory
Numbers        what it knows in the end
Histogram      counts of values in intervals of equal width
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.look.sketches import FrequentValues, Magnitudes, Moments

Array = NDArray[Any]

#: Intervals of a histogram: enough to see a shape, few enough to be told apart on a phone.
_BINS = 24
#: So many of the most frequent values are kept; if there are no more different ones, all of them.
FEW = 24
#: A histogram leaves so large a part of the values out at each end, if that makes it much narrower.
_TAIL = 0.005
_NARROWER = 4
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Histogram:
    """Counts of values in intervals of equal width, each with its lower edge and without its upper one.

    Attributes:
        low, width: where the first interval begins, and how wide each is.
        counts: of each interval. Cut out of magnitudes, they are right to about 1 % of a value's size.
        below, above: values outside of all of them.
        are_integers: whether the values are, and with them all edges.
    """

    low: float
    width: float
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0
    are_integers: bool = False

    def edges(self, number: int) -> tuple[float, float]:
        """Where the interval of that number begins and ends."""
        return self.low + number * self.width, self.low + (number + 1) * self.width


@dataclass(frozen=True)
class Numbers:
    """What is known of numbers.

    Attributes:
        count: how many are finite.
        minimum, maximum: the least and the greatest of them; None if there are none.
        mean, deviation: of them.
        quantiles: the numbers below which 5, 25, 50, 75 and 95 % of them are, right to about 1 %.
        distinct: how many different ones there are; None if they are too many to be counted.
        frequent: the most frequent values and their counts; all if there are few; none if they were not counted.
        frequent_error: each of these counts is too low by this at most.
        histogram: of them; None if there are none.
        nan, infinite: how many others there are.
        zeros: how many are 0.
    """

    count: int
    minimum: int | float | None
    maximum: int | float | None
    mean: float
    deviation: float
    quantiles: tuple[float, ...]
    distinct: int | None
    frequent: tuple[tuple[int | float, int], ...]
    frequent_error: int
    histogram: Histogram | None
    nan: int = 0
    infinite: int = 0
    zeros: int = 0

    @property
    def is_constant(self) -> bool:
        """Whether all are the same finite number."""
        return self.count > 0 and self.minimum == self.maximum and not self.nan and not self.infinite

    @property
    def has_all_values(self) -> bool:
        """Whether `frequent` holds every value with its exact count."""
        return self.distinct is not None and 0 < self.distinct == len(self.frequent)


class NumberSketch:
    """Takes int64 or float32 arrays, gives Numbers."""

    def __init__(self) -> None:
        self._moments = Moments()
        self._magnitudes = Magnitudes()
        self._frequent: FrequentValues | None = FrequentValues()
        self._nan = self._infinite = self._zeros = 0
        self._is_float = False

    def add(self, values: Array) -> None:
        """Take values of one dimension."""
        if values.dtype.kind == "f":
            self._is_float = True
            finite = values[np.isfinite(values)]
            nan = int(np.isnan(values).sum())
            self._nan, self._infinite = self._nan + nan, self._infinite + len(values) - len(finite) - nan
            values = finite + np.float32(0)  # -0.0 is 0.0
        if not len(values):
            return
        self._moments.add(values)
        self._magnitudes.add(values)
        self._zeros += len(values) - int(np.count_nonzero(values))
        if self._frequent is not None:
            self._frequent.add_numbers(values)
            if self._is_float and self._frequent.error:
                self._frequent = None  # measured, not counted: none of them would stay in

    def numbers(self) -> Numbers:
        """What is known so far."""
        moments, frequent = self._moments, self._frequent
        tell = _shortest if self._is_float else int
        ranked: tuple[tuple[Any, int], ...] = ()
        if frequent is not None:
            ranked = tuple((tell(value), count) for value, count in frequent.most_frequent(FEW))
        low, high = moments.minimum, moments.maximum
        spread = _Spread(self._magnitudes, low, high, not self._is_float) if moments.count else None
        return Numbers(
            count=moments.count,
            minimum=None if low is None else tell(low),
            maximum=None if high is None else tell(high),
            mean=moments.mean,
            deviation=moments.deviation,
            quantiles=() if spread is None else tuple(map(spread.quantile, _QUANTILES)),
            distinct=None if frequent is None else frequent.distinct,
            frequent=ranked,
            frequent_error=0 if frequent is None else frequent.error,
            histogram=None if spread is None else spread.histogram(),
            nan=self._nan,
            infinite=self._infinite,
            zeros=self._zeros,
        )


def _shortest(value: float) -> float:
    """The double with the shortest decimals that are this float32 again."""
    return float(str(np.float32(value)))


class _Spread:
    """How values are spread, from their magnitudes: as if those of one magnitude were spread evenly over it."""

    def __init__(self, magnitudes: Magnitudes, low: float, high: float, are_integers: bool) -> None:
        begins, ends, self._counts = magnitudes.counts(are_integers)
        self._low, self._high, self._are_integers = float(low), float(high), are_integers
        self._begins = np.maximum(begins, self._low)
        self._ends = np.minimum(ends, self._high + are_integers)
        self._ranks = np.cumsum(self._counts)

    def quantile(self, part: float) -> float:
        """A number below or at which that part of the values is."""
        number = int(np.searchsorted(self._ranks, part * self._ranks[-1]))
        begin, end = float(self._begins[number]), float(self._ends[number]) - self._are_integers
        return min(max(begin if begin >= 0 else end, self._low), self._high)

    def histogram(self) -> Histogram:
        """Counts in intervals over the values, or over all but the tails."""
        first, last = self._low, self._high
        tails = self.quantile(_TAIL), self.quantile(1 - _TAIL)
        if last - first > _NARROWER * (tails[1] - tails[0]) > 0:
            first, last = tails
        bins = _BINS
        if self._are_integers:
            width = max(1.0, float(np.ceil((last - first + 1) / _BINS)))
            bins = min(_BINS, int(np.ceil((last - first + 1) / width)))
        else:
            width = last / _BINS - first / _BINS
            if not first + width > first:  # one value, or too near to each other for intervals between them
                bins, width = 1, abs(first) or 1.0
        under = np.array([self._under(first + number * width) for number in range(bins + 1)])
        total = int(self._ranks[-1])
        if last == self._high:
            under[-1] = total
        counts = tuple(np.diff(under).tolist())
        return Histogram(first, width, counts, int(under[0]), total - int(under[-1]), self._are_integers)

    def _under(self, edge: float) -> int:
        """How many values lie under it."""
        whole = int(np.searchsorted(self._ends, edge))
        count = float(self._ranks[whole - 1]) if whole else 0.0
        if whole < len(self._begins) and self._begins[whole] < edge:
            begin, end = float(self._begins[whole]), float(self._ends[whole])
            count += float(self._counts[whole]) * (edge - begin) / (end - begin)
        return round(count)
