"""The records of one rank, by its steps and by its own places, against the places of the whole epoch."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.adapters import rank_numbers
from tfrecord_lite.adapters.order import RecordOrder, Turn
from tfrecord_lite.adapters.rank_numbers import RankNumbers

TURNS = st.integers(0, 60).flatmap(
    lambda count: st.builds(
        Turn,
        st.just(count),
        st.integers(0, count),
        st.integers(1, 7),
        st.integers(1, 4),
        st.sampled_from(["share", "drop", "pad"]),
    )
)


@settings(deadline=None)
@given(TURNS, st.integers(0, 3), st.integers(1, 20))
def test_steps_and_places_name_the_records_of_the_turn(turn: Turn, epoch: int, together: int) -> None:
    order = RecordOrder(turn.count, seed=5)
    for rank in range(turn.ranks):
        with patch.object(rank_numbers, "_TOGETHER", together):
            numbers = RankNumbers(order, turn, rank)
        steps = [order.numbers(epoch, turn.places(step, rank)).tolist() for step in range(turn.steps)]
        assert [numbers.of_step(epoch, step) for step in range(turn.steps)] == steps
        own = [number for step in steps for number in step]
        assert len(numbers) == len(own)
        assert [numbers.number(epoch, place) for place in range(len(numbers))] == own
        # From the last to the first, epochs in turn: what was made last is of no use.
        for step in reversed(range(turn.steps)):
            assert numbers.of_step(epoch, step) == steps[step]
            assert len(numbers.of_step(epoch + 1, step)) == len(steps[step])


def test_what_is_not_there_is_an_index_error() -> None:
    numbers = RankNumbers(RecordOrder(10), Turn(10, 0, 4, 2), 1)
    assert (len(numbers), numbers.of_step(0, 1)) == (5, [9])
    for step in (-1, 2):
        with pytest.raises(IndexError, match=f"steps are 0 to 1, not {step}"):
            numbers.of_step(0, step)
    for place in (-1, 5):
        with pytest.raises(IndexError, match=f"a rank's places are 0 to 4, not {place}"):
            numbers.number(0, place)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_numbers_of_numpys_are_those_of_pythons(kind: Any) -> None:
    order = RecordOrder(120, seed=3)
    expected = RankNumbers(order, Turn(120, 0, 7, 2), 1)
    found = RankNumbers(order, Turn(kind(120), kind(0), kind(7), kind(2)), kind(1))
    assert len(found) == len(expected)
    for number in (0, 3, 8):
        assert found.number(kind(2), kind(number)) == expected.number(2, number)
        assert found.of_step(kind(2), kind(number)) == expected.of_step(2, number)
    wrong: Any = 1.0
    for ask in (found.number, found.of_step):
        with pytest.raises(TypeError, match=r"^(place|step): "):
            ask(0, wrong)


@pytest.mark.parametrize("rank", [-1, 2])
def test_a_rank_is_one_of_the_ranks(rank: int) -> None:
    with pytest.raises(ValueError, match=f"rank is 0 to 1 where there are 2 ranks, not {rank}"):
        RankNumbers(RecordOrder(10), Turn(10, 0, 4, 2), rank)


def test_what_is_padded_is_counted_and_not_made() -> None:
    numbers = RankNumbers(RecordOrder(103), Turn(103, 0, 1 << 60, 4, "pad"), 3)
    assert len(numbers) == 1 << 60
