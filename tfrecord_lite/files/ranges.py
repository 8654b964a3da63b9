"""Ranges of the uncompressed bytes of a file, wherever they are: what random access reads from.

    ranges.at(offset, size)           (buffer, position): the range lies in buffer[position : position + size]
    ranges.at_many(offsets, sizes)    (buffer, positions): many ranges, in one buffer

A buffer is bytes or a mapped file; either way its slices are bytes of their own. A plain local file is its own buffer:
nothing is copied but what is asked for. Who has to fetch ranges (from a server, out of compressed members) fetches many
at once and puts them into one buffer.

A mapped file must not be cut off while it is read: the system ends processes that look behind its end. Writers that
replace a file, as ours does, do no harm.
"""

from __future__ import annotations

import mmap
import os
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.typing.NDArray[np.int64]


class FileState(NamedTuple):
    """What a file that was changed differs in.

    Attributes:
        size: in bytes.
        mtime_ns: when it was last written to, in nanoseconds.
    """

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        """What stat says."""
        return cls(status.st_size, status.st_mtime_ns)


class Ranges(Protocol):
    """A file that can be entered anywhere. May be used by several threads at once."""

    #: Of the file, when it was opened.
    state: FileState

    def at(self, offset: int, size: int) -> tuple[Any, int]: ...
    def at_many(self, offsets: Array, sizes: Array) -> tuple[Any, Array]: ...


class MappedRanges:
    """A plain local file, mapped into memory. It is closed when nobody holds it any more.

    Mapped pages cost a third of what a call of the system's costs for each record, and a child process after fork uses
    the same ones.

    Args:
        descriptor: of the open file; it can be closed afterwards.
    """

    def __init__(self, descriptor: int) -> None:
        self.state = FileState.of(os.fstat(descriptor))
        # An empty file cannot be mapped.
        self._map: Any = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if self.state.size else b""

    def at(self, offset: int, size: int) -> tuple[Any, int]:
        return self._map, offset

    def at_many(self, offsets: Array, sizes: Array) -> tuple[Any, Array]:
        return self._map, offsets
