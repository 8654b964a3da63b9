"""Ranges of the uncompressed bytes of a file, wherever they are: what random access reads from.

    ranges.at(offset, size)           (buffer, position): the range lies in buffer[position : position + size]
    ranges.at_many(offsets, sizes)    (buffer, positions): many ranges, in one buffer

A buffer is bytes or a mapped file; either way its slices are bytes of their own. A plain local file is its own buffer:
nothing is copied but what is asked for. Out of compressed members ranges are inflated, many of them in the order in
which they lie there, and put into one buffer; from a server they are fetched together (`remote_ranges`).

A mapped file must not be cut off while it is read: the system ends processes that look behind its end. Writers that
replace a file, as ours does, do no harm.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import stat
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import IndexMismatchError, printable
from tfrecord_lite.files.compression import HEAD_SIZE, recognise
from tfrecord_lite.files.member_reader import LONGEST_KEPT, MemberReader
from tfrecord_lite.files.paths import check_readable
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.remote_ranges import RemoteRanges
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.gzip_members import HEADER_SIZE, decode_header

Array = NDArray[np.int64]

_IN_ONE_PIECE = "GZIP that does not say where its members end"


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

    @property
    def state(self) -> tuple[Any, ...]:
        """What a file that was changed differs in, as it was when this was opened."""

    def at(self, offset: int, size: int) -> tuple[Any, int]: ...
    def at_many(self, offsets: Array, sizes: Array) -> tuple[Any, Array]: ...


class MappedRanges:
    """A plain local file, mapped into memory. It is closed when nobody holds it any more.

    Mapped pages cost a third of what a call of the system's costs for each record, and a child process after fork uses
    the same ones.

    Args:
        descriptor: of the open file; it can be closed afterwards.

    Attributes:
        map: all of its content, a buffer whose slices are bytes.
    """

    def __init__(self, descriptor: int) -> None:
        self.state = FileState.of(os.fstat(descriptor))
        # An empty file cannot be mapped.
        self.map: Any = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if self.state.size else b""

    def at(self, offset: int, size: int) -> tuple[Any, int]:
        return self.map, offset

    def at_many(self, offsets: Array, sizes: Array) -> tuple[Any, Array]:
        # For a single range it would take as long as the rest.
        if self.map and self.map.size() < self.state.size:
            raise IndexMismatchError("the file was cut off after its records were numbered")
        return self.map, offsets


class MemberRanges:
    """The content of a GZIP file whose members can be entered one by one.

    Args:
        path: of the file, or a URL.
        state: of the file now.

    Raises:
        io.UnsupportedOperation: a member is long and does not say what it holds: an ordinary GZIP file is one such.
        CorruptRecordError, TruncatedRecordError: a member is damaged.
    """

    def __init__(self, path: str, state: tuple[Any, ...]) -> None:
        self.state = state
        self._reader = MemberReader(path)
        if any(member.records is None and member.size > LONGEST_KEPT for member in self._reader.members):
            self._reader.close()
            raise _unsupported(path, _IN_ONE_PIECE)

    def __del__(self) -> None:
        if hasattr(self, "_reader"):
            self._reader.close()

    def at(self, offset: int, size: int) -> tuple[Any, int]:
        return self._reader.read(offset, size), 0

    def at_many(self, offsets: Array, sizes: Array) -> tuple[Any, Array]:
        return b"".join(self._reader.read_many(offsets, sizes)), np.cumsum(sizes) - sizes


def open_ranges(path: str) -> Ranges:
    """A file or URL for random access.

    Raises:
        OSError: it cannot be read; or, as io.UnsupportedOperation, it is no regular file, or compressed so that it
            cannot be entered anywhere.
        CorruptRecordError, TruncatedRecordError: a member of a GZIP file is damaged.
    """
    if is_url(path):
        remote = RemoteRanges(path)
        head = remote.read(0, min(HEADER_SIZE, remote.size))
        compression_type = recognise(head[:HEAD_SIZE])
        if not compression_type:
            return remote
        if compression_type != "GZIP":
            raise _unsupported(path, compression_type)
        if decode_header(head) is None:  # all of it would have to be fetched to find its members
            raise _unsupported(path, _IN_ONE_PIECE)
        return MemberRanges(path, remote.state)
    check_readable(path)
    if not stat.S_ISREG(os.stat(path).st_mode):  # before it is opened: a FIFO would wait for its writer
        raise io.UnsupportedOperation(f"{printable(path)}: random access needs a regular file")
    with contextlib.closing(open_source(path, "")[0]) as file:
        compression_type = recognise(file.read(HEAD_SIZE))
        if not compression_type:
            return MappedRanges(file.fileno())
    if compression_type != "GZIP":
        raise _unsupported(path, compression_type)
    return MemberRanges(path, FileState.of(os.stat(path)))


def _unsupported(path: str, what: str) -> io.UnsupportedOperation:
    text = f"random access needs a plain file or seekable GZIP, and this is {what}"
    text += "; `tfrecord-lite merge FILE -o OUT --seekable` makes one that can be entered"
    return io.UnsupportedOperation(f"{printable(path)}: {text}")
