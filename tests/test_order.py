"""The order of training: every record exactly once, whoever reads, from any point."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.adapters.order import RecordOrder, Turn

COUNTS = st.integers(0, 300)
BATCHES = st.integers(1, 40)
RANKS = st.integers(1, 9)
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
TEN_OF_42 = [9, 0, 1, 5, 2, 4, 8, 7, 3, 6]
BLOCKS_OF_42 = [8, 9, 10, 5, 6, 11, 7, 4, 2, 1, 3, 0]


@st.composite
def orders(draw: st.DrawFn) -> RecordOrder:
    return RecordOrder(
        draw(COUNTS),
        seed=draw(st.none() | st.integers(-(2**70), 2**70)),
        block_size=draw(st.integers(1, 90)),
        mixed_blocks=draw(st.integers(1, 20)),
    )


@settings(deadline=None)
@given(orders(), st.integers(0, 2**40))
def test_an_epoch_has_every_record_once(order: RecordOrder, epoch: int) -> None:
    numbers = order.numbers(epoch, range(order.count))
    assert numbers.dtype == np.int64
    assert sorted(numbers.tolist()) == list(range(order.count))


@settings(deadline=None)
@given(orders(), st.data())
def test_a_place_holds_the_same_record_however_it_is_asked_for(order: RecordOrder, data: st.DataObject) -> None:
    numbers = order.numbers(5, range(order.count))
    places = data.draw(st.lists(st.integers(0, order.count - 1), max_size=20)) if order.count else []
    assert order.numbers(5, places).tolist() == numbers[places].tolist()


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    seen = {
        tuple(RecordOrder(100, seed=seed, block_size=size).numbers(epoch, range(100)).tolist())
        for seed in (0, 1, -1, 2**64 - 1, 2**65)
        for epoch in range(20)
        for size in (1, 8)
    }
    # -1 and 2^64 - 1 are the same word, and so are 0 and 2^65.
    assert len(seen) == 3 * 20 * 2


@pytest.mark.parametrize("block_size", [1, 5])
def test_numbers_of_numpy_are_the_same_seeds_and_epochs(block_size: int) -> None:
    for seed, epoch in ((5, 3), (-5, 0), (2**62, 2**62)):
        expected = RecordOrder(50, seed=seed, block_size=block_size).numbers(epoch, range(50))
        of_numpy: tuple[Any, Any] = np.int64(seed), np.int64(epoch)
        found = RecordOrder(50, seed=of_numpy[0], block_size=block_size).numbers(of_numpy[1], range(50))
        assert found.tolist() == expected.tolist()
    wrong: Any = 1.5
    with pytest.raises(TypeError):
        RecordOrder(50, seed=wrong)


def test_without_a_seed_records_come_as_they_lie() -> None:
    assert RecordOrder(50, block_size=7).numbers(3, range(10, 20)).tolist() == list(range(10, 20))


@pytest.mark.parametrize("count", [5, 50, 64, 300])
def test_a_record_is_as_likely_at_any_place(count: int) -> None:
    epochs = 1000
    seen = np.zeros((count, count))
    for epoch in range(epochs):
        seen[np.arange(count), RecordOrder(count, seed=1).numbers(epoch, range(count))] += 1
    expected = epochs / count
    # The mean of chi-square by its degrees of freedom is 1; its deviation is 0.4 for 5 and falls from there.
    chi_square = ((seen - expected) ** 2 / expected).sum() / (count - 1) ** 2
    assert 0.3 < chi_square < 2.5 if count == 5 else 0.9 < chi_square < 1.1


def test_neighbours_do_not_stay_neighbours() -> None:
    numbers = RecordOrder(100_000, seed=4).numbers(0, range(100_000))
    steps = np.abs(np.diff(numbers))
    # Of two records drawn at random the distance is a third of all on the average.
    assert 0.32 < steps.mean() / 100_000 < 0.35
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02


@pytest.mark.parametrize("count", [10_000, 10_001, 9_999, 10_350])
def test_only_so_many_blocks_are_read_at_a_time(count: int) -> None:
    order = RecordOrder(count, seed=9, block_size=100, mixed_blocks=4)
    numbers = order.numbers(2, range(count))
    where: dict[int, list[int]] = {}
    for place, block in enumerate((numbers // 100).tolist()):
        where.setdefault(block, []).append(place)
    assert all(max(places) - min(places) < 400 for places in where.values())
    first = [places[0] for _, places in sorted(where.items())]
    assert first != sorted(first)
    assert len(set((numbers[:400] // 100).tolist())) in (4, 5)
    assert not np.array_equal(numbers[:400], np.sort(numbers[:400]))


def test_a_billion_records_need_no_memory() -> None:
    order = RecordOrder(10**9, seed=1)
    blocks = RecordOrder(10**9 + 7, seed=1, block_size=1000)
    tracemalloc.start()
    try:
        for one in (order, blocks):
            numbers = one.numbers(0, range(700_000_000, 700_000_100))
            assert len(set(numbers.tolist())) == 100
            assert 0 <= int(numbers.min()) <= int(numbers.max()) < one.count
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [2**53 - 1, 2**53 + 1, 2**62 - 1, 2**62])
@pytest.mark.parametrize("blocks", [{}, {"block_size": 1000}, {"block_size": 3, "mixed_blocks": 2**80}], ids=str)
def test_numbers_of_any_size_stay_below_the_count(count: int, blocks: Any) -> None:
    places = [0, 1, 2, count // 2, count - 2, count - 1]
    numbers = RecordOrder(count, seed=0, **blocks).numbers(0, places)
    assert len(set(numbers.tolist())) == len(places)
    assert 0 <= int(numbers.min()) <= int(numbers.max()) < count


@pytest.mark.parametrize("place", [-1, 10])
def test_a_place_that_is_not_there_is_an_index_error(place: int) -> None:
    with pytest.raises(IndexError, match="places are 0 to 9"):
        RecordOrder(10, seed=1).numbers(0, [0, place])


def test_the_order_is_part_of_the_format_of_a_checkpoint() -> None:
    # Who goes on with a later version has to find the order that was begun.
    assert RecordOrder(10, seed=42).numbers(0, range(10)).tolist() == TEN_OF_42
    assert RecordOrder(12, seed=42, block_size=5, mixed_blocks=2).numbers(1, range(12)).tolist() == BLOCKS_OF_42


def read(turn: Turn, steps: range) -> list[int]:
    return [int(place) for step in steps for rank in range(turn.ranks) for place in turn.places(step, rank)]


@settings(deadline=None)
@given(COUNTS, BATCHES, RANKS)
def test_ranks_together_read_each_place_once(count: int, batch_size: int, ranks: int) -> None:
    turn = Turn(count, 0, batch_size, ranks)
    assert read(turn, range(turn.steps)) == list(range(count))


@settings(deadline=None)
@given(COUNTS, st.lists(st.tuples(BATCHES, RANKS, st.integers(0, 9)), max_size=5))
def test_who_goes_on_may_have_other_ranks_and_batches(count: int, parts: list[tuple[int, int, int]]) -> None:
    done, places = 0, []
    for batch_size, ranks, steps in [*parts, (7, 3, count)]:
        turn = Turn(count, done, batch_size, ranks)
        steps_done = min(steps, turn.steps)
        places += read(turn, range(steps_done))
        done = turn.done_after(steps_done)
    assert places == list(range(count))


@settings(deadline=None)
@given(COUNTS, st.integers(0, 700), BATCHES, RANKS)
def test_what_is_left_is_shared_evenly_dropped_or_filled_up(count: int, done: int, batch_size: int, ranks: int) -> None:
    done = min(done, count)
    together = batch_size * ranks
    left = (count - done) % together
    shared = Turn(count, done, batch_size, ranks)
    if left:
        sizes = [len(shared.places(shared.steps - 1, rank)) for rank in range(ranks)]
        assert sum(sizes) == left
        assert max(sizes) - min(sizes) <= 1
    dropped = Turn(count, done, batch_size, ranks, "drop")
    assert read(dropped, range(dropped.steps)) == list(range(done, count - left))
    padded = Turn(count, done, batch_size, ranks, "pad")
    places = read(padded, range(padded.steps))
    assert len(places) % together == 0
    assert places[: count - done] == list(range(done, count))
    assert places[count - done :] == [place % count for place in range(len(places) - (count - done))]


@settings(deadline=None)
@given(st.data(), st.sampled_from(["share", "drop", "pad"]))
def test_a_turn_of_numpys_integers_is_that_of_pythons(data: st.DataObject, remainder: str) -> None:
    def drawn(least: int, most: int) -> Any:
        kind: Any = data.draw(st.sampled_from(INTEGERS))
        return kind(data.draw(st.integers(least, min(most, int(np.iinfo(kind).max)))))

    count = drawn(0, 2**62)
    done, batch_size, ranks = drawn(0, int(count)), drawn(1, 1000), drawn(1, 2**40)
    found = Turn(count, done, batch_size, ranks, remainder)
    expected = Turn(int(count), int(done), int(batch_size), int(ranks), remainder)
    assert found == expected
    numbers = (found.count, found.done, found.batch_size, found.ranks, found.steps, found.done_after(np.int8(3)))
    assert all(type(number) is int for number in numbers)
    assert found.steps == expected.steps >= 0
    if expected.steps:
        step, rank = min(expected.steps - 1, 100), min(expected.ranks - 1, 100)
        of_numpy: tuple[Any, Any] = np.int8(step), np.uint8(rank)
        assert found.places(*of_numpy).tolist() == expected.places(step, rank).tolist()


def test_products_of_small_integers_of_numpys_lose_no_places() -> None:
    wrong: tuple[Any, ...] = np.int16(30000), np.int16(0), np.int16(256), np.int16(200)
    assert Turn(*wrong).steps == 1
    sizes: Any
    for sizes in ((np.int16(256), np.int16(256)), (np.int32(2**16), np.int32(2**16))):
        turn = Turn(200, 0, *sizes)
        assert turn.steps == 1
        assert [int(place) for rank in range(201) for place in turn.places(0, rank)] == list(range(200))


@pytest.mark.parametrize("kind", INTEGERS)
def test_an_order_of_numpys_integers_is_that_of_pythons(kind: Any) -> None:
    found = RecordOrder(kind(100), seed=kind(7), block_size=kind(5), mixed_blocks=kind(100))
    expected = RecordOrder(100, seed=7, block_size=5, mixed_blocks=100)
    assert (type(found.count), found.mark) == (int, expected.mark)
    assert found.numbers(kind(3), range(100)).tolist() == expected.numbers(3, range(100)).tolist()


def test_what_cannot_be_is_a_value_error() -> None:
    for wrong in ((-1, 0, 1, 1), (5, 6, 1, 1), (5, 0, 0, 1), (5, 0, 1, 0)):
        with pytest.raises(ValueError, match="not possible"):
            Turn(*wrong)
    with pytest.raises(ValueError, match="remainder is 'share', 'drop' or 'pad'"):
        Turn(5, 0, 1, 1, "keep")
    with pytest.raises(IndexError):
        Turn(5, 0, 1, 1).places(5, 0)
    with pytest.raises(ValueError, match=r"^block_size is 1 or more, not 0$"):
        RecordOrder(5, block_size=0)
    with pytest.raises(ValueError, match=r"^mixed_blocks is 1 or more, not 0$"):
        RecordOrder(5, mixed_blocks=0)
    with pytest.raises(ValueError, match=r"^count is 0 to .*, not -1$"):
        RecordOrder(-1)


def test_a_mark_tells_orders_from_each_other_and_stays_what_it_is() -> None:
    order = RecordOrder(97, seed=7, block_size=4, mixed_blocks=3)
    others = [RecordOrder(98, seed=7, block_size=4, mixed_blocks=3), RecordOrder(97, seed=8, block_size=4)]
    others += [RecordOrder(97, seed=seed) for seed in range(100)] + [RecordOrder(97)]
    assert len({order.mark, *(other.mark for other in others)}) == 104
    assert all(0 <= other.mark < 2**51 for other in others)
    for other in others:
        with pytest.raises(ValueError, match="another order"):
            order.check_mark(other.mark)
    for kind in (int, np.int64, np.uint64):
        order.check_mark(kind(order.mark))
    wrong: Any
    for wrong in (str(order.mark), float(order.mark), None):
        with pytest.raises(TypeError, match=r"^mark: "):
            order.check_mark(wrong)
    for wrong in (-1, 2**80, 0):
        with pytest.raises(ValueError, match="another order"):
            order.check_mark(wrong)
    # Written down: states outlive versions.
    assert (order.mark, RecordOrder(97).mark) == (2044123093544714, 2044112375119872)


@pytest.mark.parametrize("wrong", [2.5, "8", None, True])
def test_numbers_that_are_none_are_type_errors(wrong: Any) -> None:
    readings: list[Callable[[], Any]] = [
        lambda: RecordOrder(wrong),
        lambda: RecordOrder(9, seed="none" if wrong is None else wrong),  # type: ignore[arg-type]
        lambda: RecordOrder(9, block_size=wrong),
        lambda: RecordOrder(9, mixed_blocks=wrong),
        lambda: RecordOrder(9).numbers(wrong, [0]),
        lambda: Turn(wrong, 0, 1),
        lambda: Turn(9, wrong, 1),
        lambda: Turn(9, 0, wrong),
        lambda: Turn(9, 0, 1, wrong),
        lambda: Turn(9, 0, 1).done_after(wrong),
        lambda: Turn(9, 0, 1).places(wrong, 0),
        lambda: Turn(9, 0, 1).places(0, wrong),
    ]
    for read in readings:
        with pytest.raises(TypeError, match=r"^\w+: .*(integer|no number)"):
            read()


@pytest.mark.parametrize(
    "places",
    [
        [0.5],
        np.zeros(2),
        ["0"],
        [True],
        3,
        np.int64(3),
        np.array(3),
        [[1, 2]],
        [[]],
        np.zeros((2, 2), int),
        np.zeros((0, 2)),
    ],
    ids=repr,
)
def test_places_that_are_no_integers_are_a_type_error(places: Any) -> None:
    with pytest.raises(TypeError, match="places are integers"):
        RecordOrder(9, seed=1).numbers(0, places)


@pytest.mark.parametrize("seed", [None, 1])
def test_places_of_several_kinds_of_integers_are_those_of_pythons(seed: int | None) -> None:
    order = RecordOrder(9, seed=seed)
    expected = order.numbers(0, range(4))
    for places in ([np.uint64(0), 1, np.int8(2), 3], (0, np.uint64(1), 2, 3), np.arange(4, dtype=np.uint64)):
        found = order.numbers(0, places)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, expected)
    none: Any
    for none in ([], (), range(0), np.zeros(0)):
        assert order.numbers(0, none).dtype == np.int64


@pytest.mark.parametrize("places", [[2**63], [2**63, -1], [0, 2**64], [-(2**64)], [np.uint64(2**63), np.int8(-1)]])
def test_places_beyond_64_bits_are_an_index_error(places: Any) -> None:
    with pytest.raises(IndexError, match=f"places are 0 to 8, not {min(map(int, places))} to {max(map(int, places))}"):
        RecordOrder(9, seed=1).numbers(0, places)


def test_padding_that_would_leave_64_bits_is_refused() -> None:
    for batch_size, ranks in ((sys.maxsize, 1), (2**62 + 1, 1), (2**61, 3), (1, 2**63)):
        with pytest.raises(
            ValueError, match=r"^not possible: batch_size \* ranks is at most 4611686018427387904 where"
        ):
            Turn(103, 0, batch_size, ranks, "pad")
        assert Turn(103, 0, batch_size, ranks, "drop").steps == 0
        turn = Turn(103, 0, batch_size, ranks)
        assert sum(len(turn.places(0, rank)) for rank in range(min(ranks, 200))) == 103
    assert Turn(103, 0, 2**31, 2**31, "pad").steps == 1
    assert Turn(103, 7, 3, 2**60, "pad").places(0, 2**60 - 1).tolist() == [
        (7 + 3 * (2**60 - 1) + more) % 103 for more in range(3)
    ]


def test_numbers_that_are_too_large_or_small_are_value_errors_in_words() -> None:
    for count in (2**62 + 1, 2**64):
        for make in (RecordOrder, lambda count: Turn(count, 0, 1)):
            with pytest.raises(ValueError, match=f"count is 0 to 4611686018427387904, not {count}"):
                make(count)
    arguments: Any
    for arguments, problem in [
        ((9, 0, 0), "not possible: batch_size is 1 or more, not 0"),
        ((9, 10, 1), "not possible: done is 0 to 9, not 10"),
        ((9, 0, 1, 0), "not possible: ranks is 1 or more, not 0"),
    ]:
        with pytest.raises(ValueError, match=f"^{problem}$"):
            Turn(*arguments)
    with pytest.raises(ValueError, match="steps is 0 or more, not -1"):
        Turn(9, 0, 1).done_after(-1)


@settings(deadline=None)
@given(st.integers(2**61, 2**62), st.integers(2, 2**63), st.integers(1, 2**63), st.data())
def test_the_most_records_are_mixed_in_blocks_of_any_size(
    count: int, size: int, mixed: int, data: st.DataObject
) -> None:
    order = RecordOrder(count, seed=5, block_size=size, mixed_blocks=mixed)
    group = min(size * mixed, count)
    near = st.sampled_from([0, count - 1, group, count - group]) | st.integers(0, count - 1)
    near = st.builds(lambda place, more: (place + more) % count, near, st.integers(-3, 3))
    places = data.draw(st.lists(near, unique=True, min_size=1, max_size=50))
    numbers = order.numbers(1, places).tolist()
    assert len(set(numbers)) == len(places)
    assert 0 <= min(numbers) <= max(numbers) < count


def test_blocks_larger_than_all_records_are_one_block() -> None:
    for size, mixed in ((2**80, 16), (7, 2**80), (2**80, 2**80)):
        numbers = RecordOrder(100, seed=3, block_size=size, mixed_blocks=mixed).numbers(0, range(100)).tolist()
        assert (
            numbers
            == RecordOrder(100, seed=3, block_size=min(size, 100), mixed_blocks=100).numbers(0, range(100)).tolist()
        )
        assert sorted(numbers) == list(range(100))
