"""The members of a GZIP file: where each lies, and what of the uncompressed stream it holds.

    find_members    a file -> Member, Member, ...; those that say how long they are (`format.gzip_members`) are passed
                    over, others inflated

Damage is a CorruptRecordError with part="compression", or a TruncatedRecordError, with the offset where the member's
content begins. What a member says about itself is believed as far as it leads to another member. To read what is in
them: member_reader.py.
"""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tfrecord_lite.errors import CorruptRecordError, TFRecordError, TruncatedRecordError
from tfrecord_lite.format.gzip_members import (
    BUFFER_SIZE,
    HEADER_SIZE,
    MAGIC,
    QUIET_SIZE,
    InputBuffer,
    decode_header,
)

#: zlib's window bits for it.
GZIP = 31
_SIZE = struct.Struct("<I")  # ISIZE, the last of the trailer
#: Stored bytes that are read at a time.
CHUNK = 64 << 10
#: Content that is inflated at a time at most.
PIECE = 1 << 20
#: (position, size) -> bytes of a file, fewer only at its end.
ReadAt = Callable[[int, int], bytes]


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


def members_at(read_at: ReadAt, file_size: int, buffer: InputBuffer, *, believe: bool = True) -> Iterator[Member]:
    """The same, of a file of that size that is read by a function (position, size) -> bytes, fewer only at its end.

    Unless they are to be believed, members that say how long they are are inflated, too, and their damage is found.
    """
    start = offset = 0
    while start < file_size:
        member = _told(read_at, start, offset, file_size) if believe else None
        # Where a buffer ends within the last bytes, it takes a closer look to say what TensorFlow does there.
        if member is None or 1 <= buffer.left_over(member.end) <= QUIET_SIZE:
            try:
                member = _inflated(read_at, start, offset, buffer, member)
            except TFRecordError as error:
                error.offset = offset
                raise
        yield member
        start, offset = member.end, member.offset + member.size


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
    inflate = zlib.decompressobj(GZIP)
    position, size, is_quiet = start, 0, True
    while not inflate.eof:
        left_over = buffer.left_over(position)
        if not left_over:
            is_quiet = True  # nothing has come of this buffer yet
        data = read_at(position, min(CHUNK, BUFFER_SIZE - left_over))
        if not data:
            raise TruncatedRecordError(None, None, "the GZIP stream ends before its trailer")
        position += len(data)
        while data and not inflate.eof:
            piece = decompressed(inflate, data, PIECE)
            size += len(piece)
            is_quiet = is_quiet and not piece
            data = inflate.unconsumed_tail
    member = Member(start, position - len(inflate.unused_data), offset, size, None)
    if is_quiet:
        buffer.stall(member.end)
    return told if told is not None and told[:4] == member[:4] else member


def decompressed(inflate: Any, data: bytes, size: int) -> bytes:
    """What comes of stored bytes, so much at most. Raises CorruptRecordError."""
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
