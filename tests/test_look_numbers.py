"""Sketches of numbers, against numpy and Counter; and how they are told."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.look import wording
from tfrecord_lite.look.numbers import Histogram, Numbers, NumberSketch
from tfrecord_lite.look.sketches import CAPACITY, FrequentValues, Reservoir

INT64 = st.integers(-(2**63), 2**63 - 1)
INTEGERS = st.lists(st.one_of(INT64, st.integers(-300, 300)), min_size=1, max_size=60)
FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60)


def numbers_of(values: np.ndarray, parts: int = 1) -> Numbers:
    sketch = NumberSketch()
    for part in np.array_split(values, parts):
        sketch.add(part)
    return sketch.numbers()


@settings(deadline=None)
@given(st.one_of(INTEGERS.map(lambda v: np.array(v, np.int64)), FLOATS.map(lambda v: np.array(v, np.float32))))
def test_few_numbers_are_known_exactly(values: np.ndarray) -> None:
    found = numbers_of(values)
    assert (found.count, found.zeros) == (len(values), int((values == 0).sum()))
    assert found.distinct == len(np.unique(values))
    assert found.mean == pytest.approx(float(sum(map(Fraction, values.tolist())) / len(values)), rel=1e-6, abs=1e-6)
    assert found.minimum is not None
    assert values.dtype.type(found.minimum) == values.min()
    assert found.is_constant == (len(set(values.tolist())) == 1)


@settings(deadline=None)
@given(st.one_of(INTEGERS.map(lambda v: np.array(v, np.int64)), FLOATS.map(lambda v: np.array(v, np.float32))))
def test_a_histogram_counts_every_value_once(values: np.ndarray) -> None:
    found = numbers_of(values)
    histogram = found.histogram
    assert isinstance(histogram, Histogram)
    assert sum(histogram.counts) + histogram.below + histogram.above == len(values)
    assert min((*histogram.counts, histogram.below, histogram.above)) >= 0
    assert sum(count for _, count in wording.bars(found)) == len(values)


@settings(deadline=None)
@given(st.lists(st.integers(-256, 256), min_size=1, max_size=200), st.integers(1, 5))
def test_small_integers_fall_into_the_right_bars(values: list[int], parts: int) -> None:
    histogram = numbers_of(np.array(values, np.int64), parts).histogram
    assert histogram is not None
    for at, count in enumerate(histogram.counts):
        begin, end = histogram.edges(at)
        assert count == sum(begin <= value < end for value in values)


@settings(deadline=None)
@given(FLOATS, st.integers(2, 6))
def test_what_comes_out_does_not_depend_on_how_values_are_cut_into_calls(values: list[float], parts: int) -> None:
    array = np.array(values, np.float32)
    whole, cut = numbers_of(array), numbers_of(array, parts)
    assert whole.histogram == cut.histogram
    assert whole.quantiles == cut.quantiles
    assert whole.frequent == cut.frequent


def test_quantiles_are_right_to_a_hundredth() -> None:
    values = np.random.default_rng(1).lognormal(2, 2, 200_000).astype(np.float32)
    found = numbers_of(values, 7)
    wanted = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
    np.testing.assert_allclose(found.quantiles, wanted, rtol=0.01)
    np.testing.assert_allclose((found.mean, found.deviation), (values.mean(), values.std()), rtol=1e-4)


def test_a_bell_looks_like_one() -> None:
    values = np.random.default_rng(2).normal(size=100_000).astype(np.float32)
    histogram = numbers_of(values).histogram
    assert histogram is not None
    edges = [histogram.edges(at)[0] for at in range(len(histogram.counts))] + [histogram.edges(23)[1]]
    wanted, _ = np.histogram(values, edges)
    assert np.abs(np.array(histogram.counts) - wanted).max() < 0.01 * len(values)


def test_one_outlier_does_not_flatten_the_histogram() -> None:
    values = np.append(np.random.default_rng(3).normal(size=10_000), 1e30).astype(np.float32)
    histogram = numbers_of(values).histogram
    assert histogram is not None
    assert sum(count > 0 for count in histogram.counts) > 20
    assert histogram.above >= 1


def test_nan_and_infinite_are_counted_apart() -> None:
    found = numbers_of(np.array([1, np.nan, np.inf, -np.inf, 3], np.float32))
    assert (found.count, found.nan, found.infinite, found.mean) == (2, 1, 2, 2.0)
    nothing = numbers_of(np.array([np.nan], np.float32))
    assert (nothing.count, nothing.minimum, nothing.histogram, nothing.nan) == (0, None, None, 1)


def test_float32_is_told_by_its_shortest_decimals() -> None:
    found = numbers_of(np.full(3, 0.1, np.float32))
    assert (found.minimum, found.frequent) == (0.1, ((0.1, 3),))


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=400))
def test_few_values_are_counted_exactly(values: list[int]) -> None:
    frequent = FrequentValues()
    frequent.add(Counter(values[::2]).items())
    frequent.add(Counter(values[1::2]).items())
    assert dict(frequent.most_frequent(None)) == Counter(values)
    assert frequent.distinct == len(set(values))


def test_frequent_values_are_found_among_any_number_within_the_error() -> None:
    random = np.random.default_rng(4)
    values = np.concatenate([random.integers(0, 10**9, 50_000), np.full(2_000, 7), np.full(1_000, 8)])
    random.shuffle(values)
    frequent = FrequentValues()
    for part in np.array_split(values, 53):
        frequent.add(Counter(part.tolist()).items())
    assert frequent.distinct is None
    assert 0 < frequent.error <= len(values) / CAPACITY
    counts = Counter(values.tolist())
    kept = frequent.most_frequent(None)
    assert [value for value, _ in kept[:2]] == [7, 8]
    assert len(kept) <= CAPACITY
    assert all(count <= counts[value] <= count + frequent.error for value, count in kept)


def test_a_reservoir_keeps_each_item_equally_often() -> None:
    kept: Counter[int] = Counter()
    for seed in range(2000):
        reservoir, held = Reservoir(3, seed), {}
        for item in range(10):
            place = reservoir.place()
            if place is not None:
                held[place] = item
        kept.update(held.values())
    assert all(abs(kept[item] - 600) < 120 for item in range(10))  # more than 5 standard deviations


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (7, "7"),
        (1234567, "1,234,567"),
        (0.5, "0.5"),
        (2.0, "2"),
        (1.23456789, "1.235"),
        (3.4e38, "3.4e+38"),
        (None, ""),
    ],
)
def test_numbers_are_told_in_few_digits(value: float | None, shown: str) -> None:
    assert wording.number(value) == shown


def test_sizes_and_shares_are_told_shortly() -> None:
    assert [wording.size(count) for count in (0, 1023, 1024, 5 << 20)] == [
        "0 bytes",
        "1,023 bytes",
        "1.0 KiB",
        "5.0 MiB",
    ]
    shares = [(0, 10), (1, 3), (1, 10**6), (10**6 - 1, 10**6), (5, 5), (0, 0)]
    assert [wording.percent(*share) for share in shares] == ["0 %", "33.3 %", "<0.1 %", ">99.9 %", "100 %", ""]


def test_a_sparkline_shows_what_is_rare_and_nothing_as_a_blank() -> None:
    assert wording.sparkline([1, 0, 500, 1000]) == "▁ ▄█"
    assert wording.sparkline([1, 0, 500, 1000], wording.ASCII_BLOCKS) == "_ -#"
    assert wording.sparkline([]) == ""


def test_shares_say_how_many_different_values_are_not_shown() -> None:
    frequent = [(f"{number}".encode(), 10) for number in range(24)]
    assert wording.shares(frequent[:2], 20, 2) == '"0" 50 %, "1" 50 %'
    shown = '"0" 1 %, "1" 1 %, "2" 1 %, "3" 1 %'
    assert wording.shares(frequent, 1000, 1234) == f"{shown}, 1,230 more"
    assert wording.shares(frequent, 1000, None) == f"{shown}, others"
    assert wording.shares(frequent[:2], 1000, None) == '"0" 1 %, "1" 1 %, others'


def test_the_mean_of_integers_is_exact_where_doubles_cancel_each_other_out() -> None:
    limits = np.iinfo(np.int64)
    assert numbers_of(np.array([limits.min, limits.max] * 50, np.int64), 7).mean == -0.5
    assert numbers_of(np.array([limits.max, limits.min, 5], np.int64)).mean == 4 / 3


def test_bars_are_values_where_these_lie_equally_far_apart_and_intervals_elsewhere() -> None:
    even = numbers_of(np.array([10, 20, 20, 30], np.int64))
    assert wording.bars(even) == [("10", 1), ("20", 2), ("30", 1)]
    floats = numbers_of(np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    assert [label for label, _ in wording.bars(floats)] == ["0.1", "0.2", "0.3", "0.4"]
    gap = numbers_of(np.array([0, 1, 1, 5], np.int64))
    assert wording.bars(gap) == [("0", 1), ("1", 2), ("2", 0), ("3", 0), ("4", 0), ("5", 1)]
    far = wording.bars(numbers_of(np.array([1, 2, 3, 4, 1_000_000], np.int64)))
    assert (far[0][1], far[-1][1], len(far)) == (4, 1, 24)
    assert wording.each_value(gap) == [("0", 1), ("1", 2), ("5", 1)]
