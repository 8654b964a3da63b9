"""Where frames begin, header by header and all at once: the same, or nothing is said."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from damage import frame
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite import CorruptRecordError, TruncatedRecordError, read_records
from tfrecord_lite.format import walk as module
from tfrecord_lite.format.walk import leap, walk

MARGIN = bytes(8)


def records(lengths: list[int], seed: int = 0) -> list[bytes]:
    """Records without a zero byte."""
    random = np.random.default_rng(seed)
    return [random.integers(1, 256, length, np.uint8).tobytes() for length in lengths]


def limits_of(some: list[bytes]) -> list[int]:
    return [0, *np.cumsum([len(record) + 16 for record in some]).tolist()]


def leapt(data: bytes, end: int) -> list[int] | None:
    found = leap(memoryview(data), end)
    assert found is None or found.dtype == np.int64
    return None if found is None else found.tolist()


@pytest.mark.parametrize("lengths", [[], [0], [0, 0], [5, 0, 3], [1, 70_000]], ids=str)
@pytest.mark.parametrize("more", [0, 1, 15], ids=str)
def test_a_walk_finds_whole_frames_and_where_the_last_one_ends(lengths: list[int], more: int) -> None:
    some = records(lengths)
    data = b"".join(map(frame, some))
    # So many bytes of one more frame, which is not whole.
    assert walk(memoryview(data + frame(b"abc")[:more]), len(data) + more) == limits_of(some)


def test_a_walk_begins_and_ends_where_it_is_told() -> None:
    data = memoryview(b"".join(map(frame, records([3, 4, 5]))))
    assert walk(data, len(data), 19) == [19, 39, 60]
    assert walk(data, 39, 19) == [19, 39]
    assert walk(data, 38, 19) == [19]
    assert walk(data, 18, 19) == []


def test_a_frame_that_is_longer_than_the_buffer_is_the_end_of_a_walk() -> None:
    data = frame(b"abc") + frame(bytes(100))
    assert walk(memoryview(data), len(data) - 1) == [0, 19]


@pytest.mark.parametrize(
    "lengths",
    [
        [*range(1, 200)],
        [*range(199, 0, -1)],
        [40] * 100,
        [255, 257] * 50,
        [300, 1, 2, 65_535, 4097] * 20,
        [1] * 300,
        [257] * 66,
    ],
    ids=["longer and longer", "shorter and shorter", "equal", "two bytes", "all sizes", "tiny", "just enough"],
)
@pytest.mark.parametrize("seed", range(3))
def test_usual_records_are_leapt_through(lengths: list[int], seed: int) -> None:
    some = records(lengths, seed)
    data = b"".join(map(frame, some))
    assert leapt(data + MARGIN, len(data)) == limits_of(some)


@pytest.mark.parametrize("missing", [1, 2, 15, 16, 17, 40, 50])
def test_what_is_not_whole_at_the_end_is_left(missing: int) -> None:
    some = records([30] * 100)
    data = b"".join(map(frame, some))
    whole = 100 - (1 if missing <= 46 else 2)
    assert leapt(data + MARGIN, len(data) - missing) == limits_of(some)[: whole + 1]


def test_a_long_frame_at_the_end_is_left() -> None:
    some = records([30] * 100)
    data = b"".join(map(frame, some))
    assert leapt(data + frame(bytes(range(1, 251)) * 80)[:5000] + MARGIN, len(data) + 5000) == limits_of(some)


@pytest.mark.parametrize("number", [0, 1, 50, 98])
@pytest.mark.parametrize("length", [0, 256, 70_000])
def test_records_of_odd_lengths_among_the_usual_are_no_reason_for_another_answer(number: int, length: int) -> None:
    lengths = [30] * 100
    lengths[number] = length
    some = records(lengths)
    data = b"".join(map(frame, some))
    assert leapt(data + MARGIN, len(data)) in (None, limits_of(some))


def test_a_last_record_with_zeros_may_end_with_the_buffer() -> None:
    some = [*records([7] * 101), records([200])[0] + bytes(12) + records([200])[0]]
    data = b"".join(map(frame, some))
    assert leapt(data + MARGIN, len(data)) == limits_of(some)


@pytest.mark.parametrize("before", [7, 8])
@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("octet", [2, 0x7F, 0x80, 0xFF])
def test_whatever_the_length_of_the_last_frame_is_damaged_to_it_is_that_frames_error(
    before: int, place: int, octet: int
) -> None:
    """Also where zeros in its record look like one more header, and it is negative as an int64."""
    some = [*records([before] * 101), records([200])[0] + bytes(12) + records([200])[0]]
    data = bytearray(b"".join(map(frame, some)))
    last = limits_of(some)[-2]
    data[last + place] = octet
    assert leapt(bytes(data) + MARGIN, len(data)) in (None, walk(memoryview(data), len(data)))
    with pytest.raises((CorruptRecordError, TruncatedRecordError)) as caught:
        list(read_records(BytesIO(data)))
    assert (caught.value.record_number, caught.value.offset) == (101, last)


def test_few_records_are_not_leapt_through() -> None:
    for count in range(1, 200):
        data = b"".join(map(frame, records([30] * count)))
        found = leapt(data + MARGIN, len(data))
        # A header has two pairs of zeros.
        assert (found is None) == (2 * count < module._FEW), count


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 40) | st.sampled_from([255, 256, 257, 512, 65_536]), min_size=33, max_size=36),
    st.integers(0, 255),
    st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    st.integers(0, 60),
)
def test_a_leap_says_what_a_walk_says_or_nothing(lengths: list[int], seed: int, zeros: float, missing: int) -> None:
    random = np.random.default_rng(seed)
    some = [(random.integers(1, 256, length) * (random.random(length) >= zeros)).astype(np.uint8) for length in lengths]
    data = b"".join(frame(record.tobytes()) for record in some)
    end = max(len(data) - missing, 0)
    found = leapt(data + MARGIN, end)
    assert found is None or found == walk(memoryview(data), end)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(0, 255), st.integers(0, 255))
def test_a_length_that_was_damaged_is_not_leapt_over(place: int, value: int, seed: int) -> None:
    data = bytearray(b"".join(map(frame, records([7] * 100, seed))))
    data[place] = value
    found = leapt(bytes(data) + MARGIN, len(data))
    assert found is None or found == walk(memoryview(data), len(data))
