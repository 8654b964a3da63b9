"""Records in one buffer, and bytes at many places of it."""

from __future__ import annotations

import numpy as np
import pytest
from damage import frame
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import MARGIN
from tfrecord_lite.format.columns.window import Records, windows, words
from tfrecord_lite.format.lookup import block_of


@settings(deadline=None)
@given(records=st.lists(st.binary(max_size=20), max_size=8))
def test_records_that_were_joined_come_out_again(records: list[bytes]) -> None:
    joined = Records.joined(records)
    assert joined.each() == records
    assert [joined.record(number) for number in range(len(records))] == records
    assert joined.take(np.arange(len(records))[::-2]).each() == records[::-2]
    for of in (joined.copy(), joined):
        assert of.starts.dtype == of.ends.dtype == np.int64
        assert of.each() == records
    assert len(joined.buffer) == 8 + sum(map(len, records)) + MARGIN


def test_a_copy_stays_when_the_buffer_is_used_again() -> None:
    block = block_of([frame(b"first"), frame(b"second")], verify=True)
    assert block is not None
    records = Records.of(block)
    copy = records.copy()
    assert records.each() == [b"first", b"second"]
    block.data[:] = bytes(len(block.data))  # type: ignore[index]
    assert records.each() == [bytes(5), bytes(6)]
    assert copy.each() == [b"first", b"second"]


def test_one_record_by_itself_gets_room_around_it() -> None:
    records = Records.of(Block.of_record(b"alone"))
    assert records.each() == [b"alone"]
    assert records.starts.tolist() == [8]
    assert len(records.buffer) - records.ends[-1] == MARGIN


@pytest.mark.parametrize("width", [1, 4, 8, 40])
def test_windows_are_the_bytes_from_each_place_on(width: int) -> None:
    buffer = np.random.default_rng(0).integers(0, 256, 48, np.uint8)
    positions = np.array([0, 5, 48 - width, 5, 1])
    found = windows(buffer, positions, width)
    assert found.tolist() == [buffer[at : at + width].tolist() for at in positions]
    with pytest.raises(IndexError):
        windows(buffer, np.array([49 - width]), width)


def test_words_are_little_endian() -> None:
    buffer = np.frombuffer(bytes(range(12)), np.uint8)
    assert words(buffer, np.array([4, 0])).tolist() == [0x0B0A090807060504, 0x0706050403020100]
    with pytest.raises(IndexError):
        words(buffer, np.array([5]))
