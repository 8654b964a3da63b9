"""Payloads in spans of a buffer, however far apart the spans are: what slices of the buffer are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.format.columns import payloads

#: (bytes before a span, bytes in it); gaps on both sides of the limit beyond which spans are cut out one by one
GAP = st.integers(0, 40) | st.integers(1000, 1050) | st.integers(5000, 6000)
SPANS = st.lists(st.tuples(GAP, st.integers(0, 300)), min_size=1, max_size=8)


@settings(deadline=None)
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


def laid_out(spans: list[bytes], gap: bytes = b"") -> tuple[payloads.Array, payloads.Array, payloads.Array]:
    """A buffer with room on both sides, where the spans begin in it, and their sizes."""
    sizes = np.array([len(span) for span in spans], np.int64)
    starts = 16 + np.cumsum(sizes + len(gap)) - sizes
    return np.frombuffer(bytes(16) + b"".join(gap + span for span in spans) + bytes(256), np.uint8), starts, sizes


@pytest.mark.parametrize("counts", [[2, 2, 2], [1], [2, 0, 3], [0, 2], [0, 0]], ids=str)
def test_floats_are_the_same_numbers_in_spans_of_one_size_or_of_many(counts: list[int]) -> None:
    wanted = np.arange(1, sum(counts) + 1, dtype="<f4") / 2
    spans = [part.tobytes() for part in np.split(wanted, np.cumsum(counts)[:-1])]
    found = payloads.floats(*laid_out(spans, b"\xff\xff\xff"))
    assert found.dtype == np.float32
    assert found.shape == wanted.shape
    assert found.tolist() == wanted.tolist()


def test_no_spans_are_no_objects() -> None:
    none = np.empty(0, np.int64)
    found = payloads.objects(np.zeros(300, np.uint8), none, none)
    assert found.dtype == object
    assert found.shape == (0,)


def decoded(span: bytes) -> list[int] | None:
    """The varints in a span, one byte after the other; None if it does not hold only varints of up to 10 bytes."""
    values, value, size = [], 0, 0
    for octet in span:
        value |= (octet & 0x7F) << 7 * size
        size += 1
        if size > 10:
            return None
        if octet < 0x80:
            value &= (1 << 64) - 1
            values.append(value - (value >> 63 << 64))
            value = size = 0
    return None if size else values


LONG = b"\x80" * 9
VARINT_SPANS = st.lists(
    st.lists(
        st.sampled_from([b"\0", b"\x7f", b"\x80\1", b"\xff\xff\x03", LONG + b"\1", b"\xff" * 9 + b"\x7f"]), max_size=4
    ).map(b"".join),
    min_size=1,
    max_size=7,
)


@settings(deadline=None)
@given(VARINT_SPANS, st.sampled_from([1, 12, 1 << 17]), st.sampled_from([b"", b"\xff"]))
def test_integers_are_what_each_varint_says_however_many_are_decoded_together(
    spans: list[bytes], together: int, gap: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payloads, "_CHUNK", together)
        values, counts, is_bad = payloads.integers(*laid_out(spans, gap))
    expected = [decoded(span) or [] for span in spans]
    assert (values.tolist(), is_bad) == ([value for some in expected for value in some], None)
    assert counts.dtype == np.int64
    assert counts.tolist() == list(map(len, expected))


BAD_SPANS = st.lists(
    st.sampled_from(
        [b"", b"\x7f", LONG + b"\1", b"\x80", b"\1\x80", b"\xff", LONG + b"\x80\1", b"\1" + LONG + b"\x80\1"]
    ),
    min_size=1,
    max_size=7,
)


@settings(deadline=None)
@given(BAD_SPANS, st.sampled_from([1, 12, 1 << 17]))
def test_spans_that_hold_something_else_are_told_apart(spans: list[bytes], together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payloads, "_CHUNK", together)
        _, _, is_bad = payloads.integers(*laid_out(spans, b"\xff"))
    expected = [decoded(span) is None for span in spans]
    if is_bad is None:
        assert not any(expected)
    else:  # perhaps not all of them: the others are looked at again without these
        assert is_bad.any()
        assert not (is_bad & ~np.array(expected)).any()


def test_of_spans_that_do_not_end_with_a_varint_nothing_is_decoded() -> None:
    values, _, is_bad = payloads.integers(*laid_out([b"\1", b"\x80", b"\2"]))
    assert values.dtype == np.int64
    assert values.tolist() == []
    assert is_bad is not None
    assert is_bad.tolist() == [False, True, False]


def test_floats_of_spans_of_one_size_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "joined", None)
    spans = [np.array([number, -number], "<f4").tobytes() for number in range(5)]
    assert payloads.floats(*laid_out(spans, b"\xff")).tolist() == [0, -0.0, 1, -1, 2, -2, 3, -3, 4, -4]
