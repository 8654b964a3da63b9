"""Bytes at many places of one buffer, taken at once.

The buffer is seen as overlapping items, one beginning at every byte; an indexed look-up then copies an item for each
place. It costs about the same for items of 4 bytes and of 100, so what is needed of a record is taken in one item.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import MARGIN

Array = NDArray[Any]

#: Bytes that must be there in a buffer before the first record, beside the MARGIN behind the last one.
_MARGIN_BEFORE = 8


class Records(NamedTuple):
    """Records in one buffer, in the order in which they lie there: what is taken of many is read from first to last.

    Attributes:
        buffer: uint8, with some more bytes at its ends.
        starts: int64 [n], where each record begins.
        ends: int64 [n], where it ends.
    """

    buffer: Array
    starts: Array
    ends: Array

    @classmethod
    def joined(cls, records: list[bytes]) -> Records:
        """Of records that lie anywhere."""
        data = b"".join([bytes(_MARGIN_BEFORE), *records, bytes(MARGIN)])
        ends = np.cumsum(np.fromiter(map(len, records), np.int64, len(records))) + _MARGIN_BEFORE
        starts = np.concatenate((np.array([_MARGIN_BEFORE]), ends[:-1]))[: len(records)]
        return cls(np.frombuffer(data, np.uint8), starts, ends)

    @classmethod
    def of(cls, block: Block) -> Records:
        """Of a block."""
        if isinstance(block.data, bytes):
            return cls.joined([block.data])
        return cls(np.frombuffer(block.data, np.uint8), block.starts, block.ends)

    def copy(self) -> Records:
        """The same in a buffer that stays."""
        return Records(self.buffer.copy(), self.starts, self.ends)

    def take(self, numbers: Array) -> Records:
        """Some of the records."""
        return Records(self.buffer, self.starts[numbers], self.ends[numbers])

    def record(self, number: int) -> bytes:
        """One of the records."""
        return self.buffer[self.starts[number] : self.ends[number]].tobytes()

    def each(self) -> list[bytes]:
        """All of them."""
        return list(map(self.record, range(len(self.starts))))


def windows(buffer: Array, positions: Array, width: int) -> Array:
    """The `width` bytes from each position on, uint8 [n, width]."""
    items = np.ndarray((len(buffer) - width + 1,), _void(width), buffer, strides=(1,))
    return items[positions].view(np.uint8).reshape(-1, width)


def words(buffer: Array, positions: Array) -> Array:
    """The 8 bytes from each position on as little-endian uint64 [n]."""
    items = np.ndarray((len(buffer) - 7,), "<u8", buffer, strides=(1,))
    return items[positions]


@lru_cache(maxsize=1024)
def _void(width: int) -> np.dtype[Any]:
    return np.dtype(f"V{width}")
