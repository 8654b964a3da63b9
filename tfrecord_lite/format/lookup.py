"""Frames whose places are known -> their records: one, or many that lie anywhere in a buffer; or a block of them.

Takes a buffer (bytes, or a mapped file: its slices are bytes), and where in it frames are said to begin and how large
they are. Each header must announce the length that is expected, whether CRCs are checked or not.

Raises CorruptRecordError; for a header that announces another length IndexMismatchError, or RecordTooLargeError when no
file holds such a record; with the offset.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import repeat
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
_LENGTH_SIZE = 8
#: The CRCs of longer records are computed one by one: to copy them for one call would cost more than the calls.
_LONG_RECORD = 4096


@lru_cache(maxsize=8192)
def _frame_of(size: int) -> tuple[Callable[[Any, int], tuple[bytes, bytes, int]], bytes]:
    """What takes a frame of that size out of a buffer and apart, and the header that it must have."""
    length = size - FRAME_OVERHEAD
    return struct.Struct(f"<{HEADER_SIZE}s{length}sI").unpack_from, encode_header(length)


def record_at(buffer: Any, position: int, size: int, offset: int, verify: bool) -> bytes:
    """The record of the frame of `size` bytes at `position`."""
    unpack_from, expected = _frame_of(size)
    header, record, footer = unpack_from(buffer, position)
    if verify:
        crc = crc32c.value(record)
        masked = ((crc >> 15 | crc << 17) + crc32c.MASK_DELTA) & 0xFFFFFFFF  # crc32c.mask, without the cost of a call
        is_sound = footer == masked and header == expected
    else:
        is_sound = header[:_LENGTH_SIZE] == expected[:_LENGTH_SIZE]
    if not is_sound:
        _check(header, record, footer, offset, verify)
    return record


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
    return records if not verify or (_hold_headers(headers) and _hold(records, footers, int(lengths.sum()))) else None


def _hold_headers(headers: NDArray[Any]) -> bool:
    """Whether their CRCs hold: with one call, as `Block.is_sound`. The CRCs are overwritten."""
    headers["crc"] = crc32c.neutral(headers["crc"])
    return crc32c.value(headers.tobytes()) == 0


def _hold(records: list[bytes], footers: NDArray[Any], size: int) -> bool:
    """Whether the CRCs of records of `size` bytes together hold: of short ones with one call, as `Block.is_sound`."""
    if size > _LONG_RECORD * len(records):
        crcs = np.fromiter(map(crc32c.value, records), np.uint32, len(records))
        return np.array_equal(footers, crc32c.mask(crcs))
    pieces = [b""] * (2 * len(records))
    pieces[::2] = records
    neutral = crc32c.neutral(footers).astype("<u4", copy=False).tobytes()
    pieces[1::2] = map(BytesIO(neutral).read, repeat(FOOTER_SIZE, len(records)))
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


def _check(header: bytes, record: bytes, footer: int, offset: int, verify: bool) -> None:
    """Raise what is wrong with a frame."""
    length = decode_header(header, offset, verify=verify)
    if length != len(record):
        text = f"at offset {offset} the index has a record of {len(record)} bytes, the file one of {length}"
        error = IndexMismatchError(text)
        error.offset = offset
        raise error
    check_record(record, footer.to_bytes(FOOTER_SIZE, "little"), offset)
