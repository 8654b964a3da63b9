"""Lists of one feature in many records: each its own, missing, or empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.lists import Lists

#: What records hold: None is missing.
ROWS = st.one_of(
    st.lists(st.none() | st.lists(st.integers(-5, 5), max_size=4), max_size=8),
    st.lists(st.none() | st.lists(st.binary(max_size=3), max_size=4), max_size=8),
)


def lists_of(rows: list[Any], *, is_bytes: bool) -> Lists:
    values = [value for row in rows if row is not None for value in row]
    lengths = np.array([len(row or ()) for row in rows], np.int64)
    is_missing = np.array([row is None for row in rows], np.bool_)
    if not is_bytes:
        return Lists.of_lengths(np.array(values, np.int64), lengths, is_missing)
    objects = np.empty(len(values), object)
    objects[:] = values
    return Lists.of_lengths(BytesArray.from_objects(objects), lengths, is_missing)


def rows_of(lists: Lists) -> list[Any]:
    return [None if row is None else list(row) for row in lists.to_list()]


@given(ROWS, st.data())
def test_rows_come_back_whole_in_parts_and_joined(rows: list[Any], data: st.DataObject) -> None:
    is_bytes = any(isinstance(value, bytes) for row in rows if row for value in row)
    lists = lists_of(rows, is_bytes=is_bytes)
    assert len(lists) == len(rows)
    assert lists.lengths.tolist() == [len(row or ()) for row in rows]
    assert rows_of(lists) == rows
    begin = data.draw(st.integers(0, len(rows)))
    end = data.draw(st.integers(begin, len(rows)))
    parts = [lists.part(0, begin), lists.part(begin, end), lists.part(end, len(rows))]
    assert rows_of(parts[1]) == rows[begin:end]
    assert rows_of(Lists.joined(parts)) == rows


def test_a_feature_that_no_record_has_is_missing_everywhere() -> None:
    lists = Lists.all_missing(3)
    assert lists.to_list() == [None, None, None]
    assert repr(lists) == "<Lists: 3 records, 3 missing, 0 values>"


def test_without_a_mask_nothing_is_missing() -> None:
    lists = Lists(np.arange(3), np.array([0, 0, 3]))
    assert rows_of(lists) == [[], [0, 1, 2]]
    assert repr(lists) == "<Lists: 2 records, 0 missing, 3 values>"


@pytest.mark.parametrize("splits", [[1, 3], [0, 2], [0, 2, 1, 3]])
def test_splits_that_do_not_fit_the_values_are_refused(splits: list[int]) -> None:
    with pytest.raises(ValueError, match="row_splits do not begin at 0"):
        Lists(np.arange(3), np.array(splits))


@pytest.mark.parametrize("is_missing", [[False], [False] * 3, [False, True]])
def test_a_mask_that_does_not_fit_the_splits_is_refused(is_missing: list[bool]) -> None:
    with pytest.raises(ValueError, match="is_missing does not fit"):
        Lists(np.arange(3), np.array([0, 0, 3]), np.array(is_missing))
