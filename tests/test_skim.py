"""skim: the sizes of all frames from their headers, up to the first thing that is not as it should be."""

from __future__ import annotations

import io
from itertools import accumulate

import numpy as np
import pytest
from damage import append_garbage, cut_at, flip_bit, frames, header
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.format.skim import skim

BLOCK = 512 << 10


def skimmed(data: bytes, *, verify: bool = True, size: int | None = None, **options: int) -> list[int]:
    stream = io.BytesIO(data)
    return [
        number
        for sizes in skim(stream, len(data) if size is None else size, verify=verify, **options)
        for number in sizes.tolist()
    ]


def file_of(lengths: list[int]) -> bytes:
    return frames(bytes([number % 251]) * length for number, length in enumerate(lengths))


SMALL, LONG = st.integers(0, 40), st.integers(4000, 20_000)


@settings(deadline=None, max_examples=30)
@given(st.lists(SMALL | LONG | st.just(0), max_size=12), st.booleans())
def test_all_sizes_of_a_sound_file_are_found(lengths: list[int], verify: bool) -> None:
    assert skimmed(file_of(lengths), verify=verify) == [length + 16 for length in lengths]


@pytest.mark.parametrize(
    "lengths",
    [
        [300] * 2000,
        [BLOCK + 5, 3, 3],
        [3, BLOCK, 3, 2 * BLOCK],
        [1] * 100 + [5000] * 200 + [1] * 100,
        [70_000] * 20 + [10],
    ],
    ids=["many blocks", "one longer than a block", "small and long in turn", "small, long, small", "large"],
)
@pytest.mark.parametrize("verify", [True, False])
def test_records_of_all_lengths_follow_each_other(lengths: list[int], verify: bool) -> None:
    data = b"".join(header(length) + bytes(length + 4) for length in lengths)
    assert skimmed(data, verify=verify) == [length + 16 for length in lengths]


@pytest.mark.parametrize("damaged", range(5))
@pytest.mark.parametrize(("length", "in_a_block"), [(10, 5), (300_000, 1)])
def test_a_damaged_header_ends_it_with_the_block_before(length: int, in_a_block: int, damaged: int) -> None:
    data = b"".join(header(length) + bytes(length + 4) for _ in range(5))
    found = skimmed(flip_bit(data, damaged * (length + 16) + 9))
    assert found == [length + 16] * (damaged // in_a_block)


def test_without_verification_a_wrong_crc_of_a_header_is_not_seen() -> None:
    for length in (10, 9000):
        assert skimmed(flip_bit(file_of([length] * 3), 9), verify=False) == [length + 16] * 3


@settings(deadline=None, max_examples=50)
@given(st.lists(SMALL | LONG, min_size=1, max_size=6), st.data())
def test_of_a_cut_file_the_whole_frames_are_found(lengths: list[int], data: st.DataObject) -> None:
    whole = file_of(lengths)
    end = data.draw(st.integers(0, len(whole) - 1))
    ends = list(accumulate(length + 16 for length in lengths))
    expected = [length + 16 for length, frame_end in zip(lengths, ends, strict=True) if frame_end <= end]
    assert skimmed(cut_at(whole, end)) == expected


def test_garbage_behind_the_last_frame_is_no_frame() -> None:
    for length in (10, 9000):
        assert skimmed(append_garbage(file_of([length] * 3))) == [length + 16] * 3


def test_a_record_that_is_too_long_ends_it() -> None:
    data = b"".join(header(length) + bytes(length + 4) for length in (BLOCK, BLOCK + 1, 5))
    assert skimmed(data, longest=BLOCK) == [BLOCK + 16]


def test_a_stream_that_is_shorter_than_it_was_said_to_be_ends() -> None:
    for length in (10, 9000):
        data = file_of([length] * 3)
        assert skimmed(data, size=len(data) + 100) == [length + 16] * 3


def test_records_are_passed_over_and_not_read() -> None:
    read = []

    class Watched(io.BytesIO):
        def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
            count = super().readinto(buffer)
            read.append(count)
            return count

    data = b"".join(header(BLOCK) + bytes(BLOCK + 4) for _ in range(20))
    sizes = np.concatenate(list(skim(Watched(data), len(data), verify=True)))
    assert sizes.tolist() == [BLOCK + 16] * 20
    assert sum(read) < 2 * BLOCK
