"""Block: frames in one buffer give their records, and the frames as stored though their CRCs were overwritten."""

from __future__ import annotations

import numpy as np
import pytest
from damage import flip_bit, frame, masked_crc
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import MARGIN

RECORDS = [b"first", b"", b"third" * 9, b"x" * 5000, b"last"]


def block_of(frames: list[bytes], before: bytes = b"") -> Block:
    """In a buffer that can be written to, behind something else."""
    ends = len(before) + np.cumsum([len(each) for each in frames])
    starts = ends - [len(each) for each in frames]
    return Block(memoryview(bytearray(before + b"".join(frames) + bytes(MARGIN))), starts + 12, ends - 4)


def frames_of(records: list[bytes]) -> list[bytes]:
    return list(map(frame, records))


def stored(group: object) -> bytes:
    return b"".join(group.pieces)  # type: ignore[attr-defined]


@pytest.mark.parametrize("records", [RECORDS, RECORDS[:3], [b""], [b"x" * 3000]], ids=[5, 3, "empty", "long"])
def test_records_and_frames_are_those_that_were_stored(records: list[bytes]) -> None:
    block = block_of(frames_of(records), b"something")
    for _ in range(2):
        assert block.is_sound()
        assert (len(block), block.size) == (len(records), sum(len(record) + 16 for record in records))
        assert block.records() == records
        assert block.stored_crcs().tolist() == list(map(masked_crc, records))
        assert block.is_sound()
        assert block.each_frame() == frames_of(records)
        assert block.is_sound()
        assert stored(block.frames()) == b"".join(frames_of(records))


def test_one_record_by_itself_is_a_block() -> None:
    block = Block.of_record(b"alone")
    assert (len(block), block.size, block.records()) == (1, 21, [b"alone"])
    assert stored(block.frames()) == frame(b"alone")
    assert block.each_frame() == [frame(b"alone")]
    assert block.stored_crcs().tolist() == [masked_crc(b"alone")]
    as_stored = Block.of_record(b"alone", b"odd!")
    assert stored(as_stored.frames()) == frame(b"alone")[:-4] + b"odd!"
    assert as_stored.frames().footers.tobytes() == b"odd!"
    for chosen in (True, False):
        assert stored(block.chosen_frames(np.array([chosen]))) == (frame(b"alone") if chosen else b"")


@settings(deadline=None)
@given(at=st.integers(0, sum(len(record) + 16 for record in RECORDS) - 1), bit=st.integers(0, 7))
def test_any_flip_outside_the_lengths_is_noticed_and_the_buffer_stays(at: int, bit: int) -> None:
    data = b"".join(frames_of(RECORDS))
    block = block_of(frames_of(RECORDS))
    block.data[: len(data)] = flip_bit(data, at, bit)  # type: ignore[index]
    assert not block.is_sound()
    assert bytes(block.data[: len(data)]) == flip_bit(data, at, bit)


@pytest.mark.parametrize(("begin", "end"), [(0, 5), (1, 3), (4, 5), (2, 2), (0, None), (3, None)])
def test_frames_that_follow_each_other_are_one_piece(begin: int, end: int | None) -> None:
    block = block_of(frames_of(RECORDS), b"something")
    assert block.is_sound()
    group = block.frames(begin, end)
    assert stored(group) == b"".join(frames_of(RECORDS)[begin:end])
    assert group.lengths.tolist() == [len(record) for record in RECORDS[begin:end]]
    assert group.footers.tobytes() == b"".join(each[-4:] for each in frames_of(RECORDS)[begin:end])


@settings(deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=1, max_size=12), length=st.sampled_from([0, 5, 20_000]))
def test_chosen_frames_are_those_that_were_chosen(chosen: list[bool], length: int) -> None:
    records = [bytes([number]) * (length + number) for number in range(len(chosen))]
    expected = [record for record, is_chosen in zip(records, chosen, strict=True) if is_chosen]
    block = block_of(frames_of(records), b"something")
    assert block.is_sound()
    group = block.chosen_frames(np.array(chosen))
    assert stored(group) == b"".join(frames_of(expected))
    assert group.lengths.tolist() == list(map(len, expected))
    assert group.footers.tobytes() == b"".join(each[-4:] for each in frames_of(expected))


@pytest.mark.parametrize("begin", range(6))
@pytest.mark.parametrize("numbers", [[], [0], [4], [1, 2], [0, 2, 4], [0, 1, 2, 3, 4]], ids=str)
def test_records_are_replaced_on_the_way_and_the_others_stay_as_they_were(numbers: list[int], begin: int) -> None:
    block = block_of(frames_of(RECORDS), b"something")
    assert block.is_sound()
    new = {number: b"new" * number for number in numbers if number >= begin}
    expected = frames_of([new.get(number, record) for number, record in enumerate(RECORDS)])[begin:]
    groups = list(block.frames_with(new, begin))
    assert b"".join(map(stored, groups)) == b"".join(expected)
    assert [length for group in groups for length in group.lengths] == [len(each) - 16 for each in expected]
