"""Spans: many things in portions that fit into a cache, none of them left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.format.columns.spans import spans


def spans_of(sizes: list[int], limit: int, most: int | None = None) -> list[list[int]]:
    """The sizes in each span."""
    return [sizes[some] for some in spans(np.cumsum(np.array(sizes, np.int64)), limit, most)]


@given(st.lists(st.integers(0, 50)), st.integers(0, 100), st.none() | st.integers(1, 5))
def test_spans_are_as_long_as_the_limits_allow_and_leave_nothing_out(
    sizes: list[int], limit: int, most: int | None
) -> None:
    found = spans_of(sizes, limit, most)
    assert [size for span in found for size in span] == sizes
    following = [size for span in found[1:] for size in span[:1]]
    for span in found:
        assert len(span) == 1 or sum(span) <= limit
        assert most is None or len(span) <= most
    for span, size in zip(found, following, strict=False):
        assert sum(span) + size > limit or len(span) == most


@pytest.mark.parametrize(
    ("sizes", "limit", "most", "expected"),
    [
        ([], 10, None, []),
        ([11], 10, None, [[11]]),
        ([4, 6, 1], 10, None, [[4, 6], [1]]),
        ([11, 1, 11], 10, None, [[11], [1], [11]]),
        ([0, 0, 0], 0, None, [[0, 0, 0]]),
        ([1, 1, 1], 10, 2, [[1, 1], [1]]),
    ],
)
def test_a_span_ends_before_what_is_too_much(
    sizes: list[int], limit: int, most: int | None, expected: list[list[int]]
) -> None:
    assert spans_of(sizes, limit, most) == expected
