"""MemberReader: byte ranges of the uncompressed stream of a GZIP file. Only the members that hold them are inflated.

Damage is an error as of members.py. When a member is inflated it must end where it says and hold as much as it says.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import CorruptRecordError, TFRecordError
from tfrecord_lite.files.members import CHUNK, GZIP, PIECE, Member, ReadAt, decompressed, members_at, positioned
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.remote_ranges import HeldRanges
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.gzip_members import InputBuffer

Array = NDArray[np.int64]

#: Content that is kept: so many members, each of at most so many bytes. A longer one is inflated up to what is asked
#: for.
_KEPT = 8
LONGEST_KEPT = 4 << 20
#: Compressed members of a URL are fetched together up to about so many bytes.
_HELD = 32 << 20


class MemberReader:
    """The uncompressed stream of a GZIP file, read from anywhere.

    May be used by several threads, by a child process after fork, and pickled.

    Args:
        path: of the file, or a URL.

    Attributes:
        members: all of them, in order.
        size: bytes in the uncompressed stream.

    Raises:
        OSError: the file cannot be read.
        CorruptRecordError, TruncatedRecordError: a member is damaged; one that says how long it is, when it is read.
    """

    def __init__(self, path: Any) -> None:
        self._path = path
        self._open()
        try:
            with _located(self.name):
                self._enter(list(members_at(self._read_at, self._file_size, InputBuffer())))
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, size: int) -> bytes:
        """The bytes [offset, offset + size) of the uncompressed stream; fewer only where it ends."""
        if offset < 0 or size < 0:
            raise ValueError(f"offset and size are 0 or more, not {offset} and {size}")
        end = min(offset + size, self.size)
        pieces: list[bytes | memoryview] = []
        number = bisect_right(self._offsets, offset) - 1
        with _located(self.name):
            while offset < end:
                member = self.members[number]
                stop = min(end, member.offset + member.size)
                if offset < stop:
                    pieces.append(self._content(number, offset - member.offset, stop - member.offset))
                    offset = stop
                number += 1
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)

    def read_many(self, offsets: Array, sizes: Array) -> list[bytes]:
        """The same for many ranges. Each member is inflated once, and of a URL many are fetched together.

        Args:
            offsets, sizes: int64 [n].
        """
        order = np.argsort(offsets, kind="stable")
        pieces = [b""] * len(offsets)
        for places in [order] if self._held is None else self._fetched(self._held, offsets, order):
            for place in places.tolist():
                pieces[place] = self.read(int(offsets[place]), int(sizes[place]))
        return pieces

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> MemberReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path, "members": self.members}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path = state["path"]
        self._open()
        self._enter(state["members"])

    def _open(self) -> None:
        self._stream: Any = None
        self._held: HeldRanges | None = None
        if isinstance(self._path, str) and is_url(self._path):
            self.name: str | None = self._path
            self._held = HeldRanges(self._path)
            self._read_at: ReadAt = self._held.read
            self._file_size, self._chunk = self._held.size, PIECE
        else:
            self._stream, self.name, _ = open_source(self._path, "")
            self._read_at, self._file_size = positioned(self._stream), self._stream.seek(0, os.SEEK_END)
            self._chunk = CHUNK
        self._whole = lru_cache(_KEPT)(self._inflated)  # needs no lock, which a child process might find locked

    def _enter(self, members: list[Member]) -> None:
        self.members = members
        self._offsets = [member.offset for member in members]
        self.size = members[-1].offset + members[-1].size if members else 0

    def _content(self, number: int, begin: int, end: int) -> bytes | memoryview:
        """Bytes [begin, end) of what a member holds."""
        member = self.members[number]
        if member.size > LONGEST_KEPT:
            return b"".join(_inflated_range(self._read_at, member, begin, end, self._chunk))
        return memoryview(self._whole(member))[begin:end]

    def _inflated(self, member: Member) -> bytes:
        return b"".join(_inflated_range(self._read_at, member, 0, member.size, self._chunk))

    def _fetched(self, held: HeldRanges, offsets: Array, order: Array) -> Iterator[Array]:
        """Parts of `order`, each when the members are held in which its ranges begin."""
        firsts = np.searchsorted(self._offsets, offsets[order], "right") - 1
        numbers = np.unique(firsts)
        stored = np.array([self.members[number].end - self.members[number].start for number in numbers], np.int64)
        for some in np.split(numbers, np.flatnonzero(np.diff(np.cumsum(stored) // _HELD)) + 1):
            members = [self.members[number] for number in some]
            ranges = [(member.start, member.end - member.start) for member in members if member.size <= LONGEST_KEPT]
            held.fetch([(start, size) for start, size in ranges if size <= _HELD])
            yield order[np.searchsorted(firsts, some[0]) : np.searchsorted(firsts, some[-1], "right")]
        held.fetch([])


@contextmanager
def _located(name: str | None) -> Iterator[None]:
    try:
        yield
    except TFRecordError as error:
        error.path = name
        raise


def _inflated_range(read_at: ReadAt, member: Member, begin: int, end: int, chunk: int) -> Iterator[bytes]:
    """Bytes [begin, end) of what a member holds; its checksum is looked at when that reaches to its end."""
    inflate = zlib.decompressobj(GZIP)
    position, done, data = member.start, 0, b""
    is_whole = end == member.size
    while done < end or (is_whole and not inflate.eof):
        if not data:
            data = read_at(position, min(chunk, member.end - position))
            position += len(data)
        piece = decompressed(inflate, data, min(PIECE, member.size - done + 1)) if data else b""
        if done + len(piece) > member.size or (inflate.eof and done + len(piece) < member.size) or not data:
            raise _not_as_told(member)
        if done < end and done + len(piece) > begin:
            yield piece[max(begin - done, 0) : end - done]
        done += len(piece)
        data = inflate.unconsumed_tail
    if is_whole and (inflate.unused_data or position != member.end):
        raise _not_as_told(member)


def _not_as_told(member: Member) -> CorruptRecordError:
    error = CorruptRecordError("compression", reason="GZIP: a member is not as long as it says")
    error.offset = member.offset
    return error
