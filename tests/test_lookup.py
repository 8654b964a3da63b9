"""Frames whose places are known: many are read as each of them is, and a block of them is the same records."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import crc32c, flip_bit, frame, set_length
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.errors import CorruptRecordError, IndexMismatchError, RecordTooLargeError, TFRecordError
from tfrecord_lite.format import lookup
from tfrecord_lite.format.framing import encode_footer, encode_header
from tfrecord_lite.format.lookup import block_of, record_at, record_taker, records_at

frames = st.lists(st.binary(max_size=30), min_size=1, max_size=12)


@settings(deadline=None)
@given(records=frames, times=st.sampled_from([1, 1, 600]), data=st.data(), verify=st.booleans())
def test_many_records_are_what_each_of_them_is(records: list[bytes], times: int, data: Any, verify: bool) -> None:
    """The fast path equals the plain one, in damaged buffers as well, with short records and with long ones."""
    records = [record * times for record in records]
    buffer = b"".join(map(frame, records))
    ends = np.cumsum([len(record) + 16 for record in records])
    numbers = np.array(data.draw(st.lists(st.integers(0, len(records) - 1), min_size=1, max_size=20)))
    sizes = np.diff(ends, prepend=0)[numbers]
    positions = ends[numbers] - sizes
    if data.draw(st.booleans()):
        buffer = flip_bit(buffer, data.draw(st.integers(0, len(buffer) - 1)), data.draw(st.integers(0, 7)))
    elif data.draw(st.booleans()):
        buffer = set_length(buffer, data.draw(st.integers(0, 2**64 - 1)))
    found = records_at(buffer, positions, sizes, verify=verify)
    places = list(zip(positions.tolist(), sizes.tolist(), strict=True))
    try:
        expected = [record_at(buffer, position, size, position, verify) for position, size in places]
    except (CorruptRecordError, IndexMismatchError, RecordTooLargeError):
        assert found is None
    else:
        assert found == expected
    block = block_of([buffer[at : at + size] for at, size in places], verify=verify)
    assert (None if block is None else block.records()) == found
    take = record_taker(buffer, [0, *ends.tolist()], verify=verify)
    taken = list(map(take, numbers.tolist()))
    assert (None if None in taken else taken) == found


RECORDS = [b"first", b"", b"x" * 5000, b"last"]
FRAMES = list(map(frame, RECORDS))
SIZES = np.array(list(map(len, FRAMES)))
#: Where they lie in a buffer with something before, between and behind them.
BUFFER = b"--" + b"---".join(FRAMES) + b"-"
POSITIONS = 2 + np.cumsum(SIZES + 3) - (SIZES + 3)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1], [1, 1, 0], [2, 2], [0]], ids=str)
def test_records_come_in_the_order_of_their_places(order: list[int], verify: bool) -> None:
    expected = [RECORDS[number] for number in order]
    places = zip(POSITIONS[order].tolist(), SIZES[order].tolist(), strict=True)
    assert [record_at(BUFFER, position, size, 0, verify) for position, size in places] == expected
    assert records_at(BUFFER, POSITIONS[order], SIZES[order], verify=verify) == expected
    block = block_of([FRAMES[number] for number in order], verify=verify)
    assert block is not None
    assert block.records() == expected
    assert b"".join(block.frames().pieces) == b"".join(FRAMES[number] for number in order)


def test_records_of_a_mapped_file_are_bytes_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BUFFER)
    with open(tmp_path / "a", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        one = record_at(mapped, int(POSITIONS[0]), int(SIZES[0]), 0, True)
        many = records_at(mapped, POSITIONS, SIZES, verify=True)
    assert (one, many) == (RECORDS[0], RECORDS)


def test_frames_of_more_sizes_than_are_remembered_are_taken() -> None:
    lookup._frames.clear()
    records = [bytes(size) for size in range(lookup._KEPT_FRAMES + 1)]
    limits = np.cumsum([0, *(len(record) + 16 for record in records)]).tolist()
    content = b"".join(encode_header(len(record)) + record + encode_footer(record) for record in records)
    take = record_taker(content, limits, verify=True)
    for _ in range(2):
        assert list(map(take, range(len(records)))) == records
        assert len(lookup._frames) <= lookup._KEPT_FRAMES


@pytest.mark.parametrize("number", range(len(RECORDS)))
@pytest.mark.parametrize("at", [8, 11, -5, -4, -1], ids=str)
def test_crcs_are_looked_at_only_when_they_are_to_be(number: int, at: int) -> None:
    size = int(SIZES[number])
    damaged = flip_bit(FRAMES[number], at % size)
    buffer = BUFFER.replace(FRAMES[number], damaged)
    given = [*FRAMES[:number], damaged, *FRAMES[number + 1 :]]
    with pytest.raises(CorruptRecordError) as caught:
        record_at(buffer, int(POSITIONS[number]), size, 77, True)
    is_length = 8 <= at % size < 12
    assert (caught.value.part, caught.value.offset) == ("length" if is_length else "data", 77)
    assert is_length or caught.value.computed == crc32c(damaged[12:-4])
    assert records_at(buffer, POSITIONS, SIZES, verify=True) is None
    assert records_at(buffer, POSITIONS[[number]], SIZES[[number]], verify=True) is None
    assert block_of(given, verify=True) is None
    expected = damaged[12:-4]
    assert record_at(buffer, int(POSITIONS[number]), size, 77, False) == expected
    found = records_at(buffer, POSITIONS, SIZES, verify=False)
    block = block_of(given, verify=False)
    assert found is not None
    assert block is not None
    assert found[number] == block.records()[number] == expected


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("length", "error"), [(4, IndexMismatchError), (2**40 + 5, IndexMismatchError), (2**64 - 1, RecordTooLargeError)]
)
def test_another_length_than_expected_is_an_error_whatever_is_verified(
    length: int, error: type[TFRecordError], verify: bool
) -> None:
    buffer = b"--" + set_length(FRAMES[0], length)
    with pytest.raises(error) as caught:
        record_at(buffer, 2, len(FRAMES[0]), 99, verify)
    assert caught.value.offset == 99
    if error is IndexMismatchError:
        assert str(caught.value).endswith(f"at offset 99 the index has a record of 5 bytes, the file one of {length}")
    assert records_at(buffer, np.array([2]), SIZES[:1], verify=verify) is None
    assert block_of([buffer[2:]], verify=verify) is None


def test_a_length_whose_crc_does_not_hold_is_damage_only_where_crcs_are_looked_at() -> None:
    damaged = flip_bit(FRAMES[0], 0)  # 5 becomes 4
    with pytest.raises(IndexMismatchError, match="record of 5 bytes, the file one of 4"):
        record_at(damaged, 0, len(damaged), 0, False)
    with pytest.raises(CorruptRecordError, match="length CRC"):
        record_at(damaged, 0, len(damaged), 0, True)
