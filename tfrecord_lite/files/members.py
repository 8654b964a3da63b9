"""The members of a GZIP file, and its uncompressed stream entered anywhere.

    find_members    a file -> Member, Member, ...; those that say how long they are (`format.gzip_members`) are passed
                    over, others inflated
    MemberReader    byte ranges of the uncompressed stream: the members that hold them are inflated, and no others

Damage is a CorruptRecordError with part="compression", or a TruncatedRecordError, with the offset where the member's
content begins. What a member says about itself is believed as far as it leads to another member; when it is inflated it
must end where it says and hold as much as it says.
"""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import CorruptRecordError, TFRecordError, TruncatedRecordError
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.remote_ranges import HeldRanges
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.gzip_members import (
    BUFFER_SIZE,
    HEADER_SIZE,
    MAGIC,
    QUIET_SIZE,
    InputBuffer,
    decode_header,
)

Array = NDArray[np.int64]

#: Content that is kept: so many members, each of at most so many bytes. A longer one is inflated up to what is asked
#: for.
_KEPT = 8
LONGEST_KEPT = 4 << 20
_GZIP = 31  # zlib's window bits for it
_SIZE = struct.Struct("<I")  # ISIZE, the last of the trailer
_CHUNK = 64 << 10
#: Compressed members of a URL are fetched together up to about so many bytes.
_HELD = 32 << 20
_PIECE = 1 << 20


class Member(NamedTuple):
    """One member of a GZIP file.

    Attributes:
        start, end: where it lies in the file.
        offset: where its content begins in the uncompressed stream.
        size: bytes of content.
        records: whole frames in its content; None when it does not say.
    """

    start: int
    end: int
    offset: int
    size: int
    records: int | None


def find_members(stream: Any, buffer: InputBuffer | None = None) -> Iterator[Member]:
    """The members of a file, in order; damage is raised after the sound ones before it.

    Args:
        stream: with `seek` and `read`.
        buffer: follows what TensorFlow's buffer goes through on the way.
    """
    yield from members_at(positioned(stream), stream.seek(0, os.SEEK_END), buffer or InputBuffer())


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
            self._file_size, self._chunk = self._held.size, _PIECE
        else:
            self._stream, self.name, _ = open_source(self._path, "")
            self._read_at, self._file_size = positioned(self._stream), self._stream.seek(0, os.SEEK_END)
            self._chunk = _CHUNK
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


ReadAt = Callable[[int, int], bytes]


def members_at(read_at: ReadAt, file_size: int, buffer: InputBuffer) -> Iterator[Member]:
    """The same, of a file of that size that is read by a function (position, size) -> bytes, fewer only at its end."""
    start = offset = 0
    while start < file_size:
        member = _told(read_at, start, offset, file_size)
        # Where a buffer ends within the last bytes, it takes a closer look to say what TensorFlow does there.
        if member is None or 1 <= buffer.left_over(member.end) <= QUIET_SIZE:
            try:
                member = _inflated(read_at, start, offset, buffer, member)
            except TFRecordError as error:
                error.offset = offset
                raise
        yield member
        start, offset = member.end, member.offset + member.size


@contextmanager
def _located(name: str | None) -> Iterator[None]:
    try:
        yield
    except TFRecordError as error:
        error.path = name
        raise


def _told(read_at: ReadAt, start: int, offset: int, file_size: int) -> Member | None:
    """The member that begins at `start`, from what it says, if there is no sign against it."""
    header = decode_header(read_at(start, HEADER_SIZE))
    if header is None or start + header.size > file_size:
        return None
    end = start + header.size
    around = read_at(end - _SIZE.size, _SIZE.size + len(MAGIC))
    leads_on = end == file_size or around[_SIZE.size :] == MAGIC
    if not leads_on or _SIZE.unpack_from(around)[0] != header.content_size & 0xFFFF_FFFF:
        return None
    return Member(start, end, offset, header.content_size, header.records)


def _inflated(read_at: ReadAt, start: int, offset: int, buffer: InputBuffer, told: Member | None) -> Member:
    """The same from what it is, inflated in the pieces in which TensorFlow gets it."""
    inflate = zlib.decompressobj(_GZIP)
    position, size, is_quiet = start, 0, True
    while not inflate.eof:
        left_over = buffer.left_over(position)
        if not left_over:
            is_quiet = True  # nothing has come of this buffer yet
        data = read_at(position, min(_CHUNK, BUFFER_SIZE - left_over))
        if not data:
            raise TruncatedRecordError(None, None, "the GZIP stream ends before its trailer")
        position += len(data)
        while data and not inflate.eof:
            piece = _decompressed(inflate, data, _PIECE)
            size += len(piece)
            is_quiet = is_quiet and not piece
            data = inflate.unconsumed_tail
    member = Member(start, position - len(inflate.unused_data), offset, size, None)
    if is_quiet:
        buffer.stall(member.end)
    return told if told is not None and told[:4] == member[:4] else member


def _inflated_range(read_at: ReadAt, member: Member, begin: int, end: int, chunk: int) -> Iterator[bytes]:
    """Bytes [begin, end) of what a member holds; its checksum is looked at when that reaches to its end."""
    inflate = zlib.decompressobj(_GZIP)
    position, done, data = member.start, 0, b""
    is_whole = end == member.size
    while done < end or (is_whole and not inflate.eof):
        if not data:
            data = read_at(position, min(chunk, member.end - position))
            position += len(data)
        piece = _decompressed(inflate, data, min(_PIECE, member.size - done + 1)) if data else b""
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


def _decompressed(inflate: Any, data: bytes, size: int) -> bytes:
    try:
        piece: bytes = inflate.decompress(data, size)
    except zlib.error as error:
        raise CorruptRecordError("compression", reason=f"GZIP: {error}") from None
    return piece


def positioned(stream: Any) -> ReadAt:
    """A function (position, size) -> bytes; several threads may call it, and for a file a child process after fork."""
    lock = threading.Lock()
    has_pread = hasattr(os, "pread") and isinstance(stream, io.FileIO)

    def read_once(position: int, size: int) -> bytes:
        if has_pread:
            return os.pread(stream.fileno(), size, position)
        with lock:
            stream.seek(position)
            data: bytes = stream.read(size)
            return data

    def read_at(position: int, size: int) -> bytes:
        data = read_once(position, size)
        while len(data) < size and (more := read_once(position + len(data), size - len(data))):
            data += more
        return data

    return read_at
