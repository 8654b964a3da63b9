"""Frames whose places are known -> their records: one, or many that lie anywhere in a buffer; or a block of them.

Takes a buffer (bytes, or a mapped file: its slices are bytes), and where in it frames are said to begin and how large
they are. Each header must announce the length that is expected, whether CRCs are checked or not.

Raises CorruptRecordError; for a header that announces another length IndexMismatchError, or RecordTooLargeError when no
file holds such a record; with the offset.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import IndexMismatchError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import MARGIN
from tfrecord_lite.format.framing import (
    FOOTER_SIZE,
    FRAME_OVERHEAD,
    HEADER_SIZE,
    check_record,
    decode_header,
    encode_header,
)

Array = NDArray[np.int64]

_HEADER = np.dtype([("length", "<i8"), ("crc", "<u4")])
_FRAME_HEADER = np.dtype(("V", HEADER_SIZE))  # taken out of a buffer three times as fast
_FOOTER = np.dtype(("V", FOOTER_SIZE))
_LENGTH_SIZE = 8
#: As many sizes of frames are remembered.
_KEPT_FRAMES = 8192
#: The CRCs of longer records are computed one by one: to copy them for one call would cost more than the calls.
_LONG_RECORD = 4096


class _Frames(dict[int, tuple[Callable[[Any, int], tuple[bytes, bytes, int]], bytes]]):
    """{size: what takes a frame of that size out of a buffer and apart, and the header that it must have}."""

    def __missing__(self, size: int) -> tuple[Callable[[Any, int], tuple[bytes, bytes, int]], bytes]:
        if len(self) >= _KEPT_FRAMES:
            self.clear()
        length = size - FRAME_OVERHEAD
        frame = struct.Struct(f"<{HEADER_SIZE}s{length}sI").unpack_from, encode_header(length)
        self[size] = frame
        return frame


_frames = _Frames()


def record_at(buffer: Any, position: int, size: int, offset: int, verify: bool) -> bytes:
    """The record of the frame of `size` bytes at `position`."""
    unpack_from, _ = _frames[size]
    header, record, footer = unpack_from(buffer, position)
    length = decode_header(header, offset, verify=verify)
    if length != len(record):
        text = f"at offset {offset} the index has a record of {len(record)} bytes, the file one of {length}"
        error = IndexMismatchError(text)
        error.offset = offset
        raise error
    if verify:
        check_record(record, footer.to_bytes(FOOTER_SIZE, "little"), offset)
    return record


def record_taker(buffer: Any, limit_at: Sequence[int], *, verify: bool) -> Callable[[int], bytes | None]:
    """A function that gives a record by its number; None when something is wrong with it: `record_at` says what.

    Args:
        buffer: frames that follow each other.
        limit_at: where each of them begins, and where the last one ends.
    """
    value, frames = crc32c.value, _frames  # to look for them costs a twentieth
    # Masking in as few steps as it takes: a CRC beside itself, in 64 bits, is turned by a shift.
    twice, delta = 1 << 32 | 1, crc32c.MASK_DELTA << 15

    def take(number: int) -> bytes | None:
        begin = limit_at[number]
        unpack_from, expected = frames[limit_at[number + 1] - begin]
        header, record, footer = unpack_from(buffer, begin)
        if not verify:
            return record if header[:_LENGTH_SIZE] == expected[:_LENGTH_SIZE] else None
        masked = (value(record) * twice + delta >> 15) & 0xFFFFFFFF
        return record if footer == masked and header == expected else None

    return take


def records_at(buffer: Any, positions: Array, sizes: Array, *, verify: bool) -> list[bytes] | None:
    """The records of many frames; None when something is wrong with one of them: `record_at` says what."""
    octets = np.frombuffer(buffer, np.uint8)
    ends = positions + sizes - FOOTER_SIZE
    # First what numpy takes out of all frames: it waits for memory once, slices wait one after the other.
    headers = _items(octets, _FRAME_HEADER)[positions].view(_HEADER)
    footers = _items(octets, np.dtype("<u4"))[ends]
    starts = (positions + HEADER_SIZE).tolist()
    records = [buffer[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
    lengths = sizes - FRAME_OVERHEAD
    if not (headers["length"] == lengths).all():
        return None
    return records if not verify or _hold(headers, records, footers, int(lengths.sum())) else None


def _hold(headers: NDArray[Any], records: list[bytes], footers: NDArray[Any], size: int) -> bool:
    """Whether the CRCs of headers and of records of `size` bytes together hold. The headers' are overwritten.

    Those of headers and short records with one call, as `Block.is_sound`.
    """
    count = len(records)
    are_long = size > _LONG_RECORD * count
    stored = headers["crc"] if are_long else np.concatenate((headers["crc"], footers))
    words = crc32c.neutral(stored).astype("<u4", copy=False)
    headers["crc"] = words[:count]
    if are_long:
        crcs = np.fromiter(map(crc32c.value, records), np.uint32, count)
        return crc32c.value(headers.tobytes()) == 0 and np.array_equal(footers, crc32c.mask(crcs))
    pieces = [headers.tobytes()] * (2 * count + 1)
    pieces[1::2] = records
    pieces[2::2] = words[count:].view(_FOOTER).tolist()
    return crc32c.value(b"".join(pieces)) == 0


def block_of(frames: Sequence[bytes | memoryview], *, verify: bool) -> Block | None:
    """Frames from anywhere as one block, in one copy; None when something is wrong with one: `record_at` says what.

    Each must announce the length that it has.
    """
    sizes = np.fromiter(map(len, frames), np.int64, len(frames))
    data = bytearray().join([*frames, bytes(MARGIN)])
    limits = np.cumsum(sizes)
    starts = limits - sizes
    if not np.array_equal(_items(np.frombuffer(data, np.uint8), np.dtype("<i8"))[starts], sizes - FRAME_OVERHEAD):
        return None
    block = Block(memoryview(data), starts + HEADER_SIZE, limits - FOOTER_SIZE)
    return block if not verify or block.is_sound() else None


def _items(octets: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The item that begins at each position."""
    items: NDArray[Any] = np.ndarray((len(octets) - dtype.itemsize + 1,), dtype, octets, strides=(1,))
    return items
