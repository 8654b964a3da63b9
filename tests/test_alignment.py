"""Which records of two sequences belong together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.format.alignment import aligned


def pairs(a: list[int], b: list[int]) -> list[tuple[int, int]]:
    at_a, at_b = aligned(np.array(a, np.uint64), np.array(b, np.uint64))
    return list(zip(at_a.tolist(), at_b.tolist(), strict=True))


KEYS = st.lists(st.integers(0, 5) | st.integers(0, 1000), max_size=40)


@given(KEYS, KEYS)
def test_pairs_have_one_key_and_go_up_on_both_sides(a: list[int], b: list[int]) -> None:
    found = pairs(a, b)
    assert all(a[here] == b[there] for here, there in found)
    for one, following in pairwise(found):
        assert one[0] < following[0]
        assert one[1] < following[1]


@given(KEYS)
def test_a_sequence_belongs_to_itself(a: list[int]) -> None:
    assert pairs(a, a) == [(number, number) for number in range(len(a))]


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=60), st.data())
def test_of_keys_that_are_there_once_all_that_stay_are_found(a: list[int], data: st.DataObject) -> None:
    b = [key for key in a if data.draw(st.booleans())]
    for _ in range(data.draw(st.integers(0, 3))):
        b.insert(data.draw(st.integers(0, len(b))), 10**6 + 1 + len(b))
    expected = [(a.index(key), number) for number, key in enumerate(b) if key <= 10**6]
    assert pairs(a, b) == expected


def test_what_moved_is_left_out_of_the_longest_chain() -> None:
    assert pairs([1, 2, 3, 4, 5], [5, 1, 2, 3, 4]) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert pairs([3, 1, 2], [1, 2, 3]) == [(1, 0), (2, 1)]
    assert pairs([1, 2], [3, 4]) == []
    assert pairs([], [1]) == pairs([1], []) == []


def test_repeated_records_are_told_apart_by_what_follows_them() -> None:
    a = [0, 0, 1, 0, 0, 2, 0, 3] * 4 + [9]
    b = a[8:]
    assert pairs(a, b) == [(number + 8, number) for number in range(len(b))]


def test_a_record_that_is_there_by_chance_shifts_nothing() -> None:
    a: list[Any] = [*range(1000, 3000), 7]
    b: list[Any] = [7, *range(5000, 7000)]
    assert pairs(a, b) == []
    assert pairs([7, *a[:10]], [7, *b[1:11]]) == [(0, 0)]
