"""Payloads in spans of a buffer, however far apart the spans are: what slices of the buffer are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.format.columns import payloads

#: (bytes before a span, bytes in it); gaps on both sides of the limit beyond which spans are cut out one by one
GAP = st.integers(0, 40) | st.integers(1000, 1050) | st.integers(5000, 6000)
SPANS = st.lists(st.tuples(GAP, st.integers(0, 300)), min_size=1, max_size=8)


@given(SPANS, st.integers(0, 255))
def test_spans_are_joined_and_in_blobs_as_they_are_in_the_buffer(spans: list[tuple[int, int]], seed: int) -> None:
    gaps, sizes = np.array(spans, np.int64).T
    starts = np.cumsum(gaps + sizes) - sizes
    # As much room behind as the decoder's buffers have.
    buffer = np.random.default_rng(seed).integers(0, 256, int(starts[-1] + sizes[-1]) + 256, np.uint8)
    expected = [
        buffer[start : start + size].tobytes() for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
    ]
    assert payloads.joined(buffer, starts, sizes) == b"".join(expected)
    assert payloads.blob(buffer, starts, sizes).tolist() == expected
    assert payloads.objects(buffer, starts, sizes).tolist() == expected


def test_no_spans_hold_nothing() -> None:
    none = np.empty(0, np.int64)
    assert payloads.joined(np.zeros(9, np.uint8), none, none) == b""
    assert payloads.floats(np.zeros(9, np.uint8), none, none).tolist() == []
    assert payloads.blob(np.zeros(9, np.uint8), none, none).tolist() == []


@pytest.mark.parametrize("gap", [0, 2000])
def test_numbers_are_decoded_wherever_their_spans_lie(gap: int) -> None:
    spans = [bytes([1, 0xAC, 2]), b"", bytes([0xFF] * 9 + [1])]
    buffer = np.frombuffer(bytes(gap) + bytes(gap).join(spans) + bytes(256), np.uint8)
    sizes = np.array([3, 0, 10])
    starts = np.cumsum(sizes + gap) - sizes
    values, counts, is_bad = payloads.integers(buffer, starts, sizes)
    assert (values.tolist(), counts.tolist(), is_bad) == ([1, 300, -1], [2, 0, 1], None)


def test_only_what_spans_hold_is_copied_where_they_lie_far_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short feature beside images: what lies between would be most of the file."""
    monkeypatch.setattr(payloads, "BytesIO", None)
    buffer = np.arange(1 << 20, dtype=np.uint32).astype(np.uint8)
    starts = np.arange(10, dtype=np.int64) * 100_000
    assert payloads.joined(buffer, starts, np.full(10, 3)) == b"".join(
        bytes(buffer[start : start + 3]) for start in starts.tolist()
    )
