"""Record <-> frame. The format of a TFRecord file is written down here.

A file is a sequence of frames and nothing else, no magic number, no version, no end mark:

    header   length     8 bytes   bytes in the record, u64 little-endian
             CRC        4 bytes   masked CRC-32C of those 8 bytes, u32 little-endian
             record     length bytes, any
    footer   CRC        4 bytes   masked CRC-32C of the record, u32 little-endian

(tensorflow/core/lib/io/record_writer.h). An empty record is a frame of 16 bytes; an empty file is a sound file of
no records. A file that was cut between two frames is a sound file too: only a count that was kept elsewhere can
tell.

Four pure functions know this layout: `encode_header`, `encode_footer`, `decode_header`, `check_record`.
`read_frame` runs over an injected `read(n) -> bytes`, so it works on files, sockets and buffers alike. Raises
CorruptRecordError, TruncatedRecordError and RecordTooLargeError with the offset of the frame; who knows a path adds
it.

Nothing is allocated on the word of a length: a length is checked against its CRC, then against the limit, and then
memory grows only as bytes really arrive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from tfrecord_lite.errors import CorruptRecordError, RecordTooLargeError, TruncatedRecordError
from tfrecord_lite.format import crc32c

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEADER_SIZE = 12
FOOTER_SIZE = 4
#: frame_size = length + FRAME_OVERHEAD
FRAME_OVERHEAD = HEADER_SIZE + FOOTER_SIZE

#: The end of a frame must be a signed 64-bit offset, as in every file system. Beyond it TensorFlow refuses, too.
MAX_LENGTH = 2**63 - 1 - FRAME_OVERHEAD
#: What a reader accepts unless told otherwise: the largest protobuf message. Longer records are legal, but far more
#: often a sign of a compression bomb than of data.
DEFAULT_MAX_RECORD_SIZE = 2**31 - 1

#: How much is asked for at once while it is not known whether the record is really there.
_CHUNK = 16 << 20

_HEADER = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")

Read = Callable[[int], bytes]


def encode_header(length: int) -> bytes:
    """The 12 bytes before a record of `length` bytes."""
    return _HEADER.pack(length, crc32c.masked_crc32c(_LENGTH.pack(length)))


def encode_footer(*record: Buffer) -> bytes:
    """The 4 bytes after a record, given whole or in pieces."""
    crc = 0
    for piece in record:
        crc = crc32c.extend(crc, piece)
    return _CRC.pack(crc32c.mask(crc))


def decode_header(header: bytes, offset: int = 0, *, verify: bool = True, max_record_size: int | None = None) -> int:
    """The length that the 12 bytes of a header announce.

    Raises:
        CorruptRecordError: part="length", when its CRC does not hold.
        RecordTooLargeError: no file can hold such a record. It tells `max_record_size` where one is set.
    """
    length, stored = _HEADER.unpack(header)
    computed = crc32c.value(header[: _LENGTH.size])
    if verify and crc32c.unmask(stored) != computed:
        reason = _guess_kind(header) if offset == 0 else ""
        raise _at(offset, CorruptRecordError("length", crc32c.unmask(stored), computed, reason))
    if length > MAX_LENGTH:
        raise _at(offset, RecordTooLargeError(length, MAX_LENGTH if max_record_size is None else max_record_size))
    return int(length)


def is_header(data: Buffer) -> bool:
    """Whether `data` begins with a header whose CRC holds."""
    head = bytes(memoryview(data)[:HEADER_SIZE])
    return len(head) == HEADER_SIZE and encode_header(_LENGTH.unpack_from(head)[0]) == head


def check_record(record: Buffer, footer: bytes, offset: int = 0) -> None:
    """Raise CorruptRecordError, part="data", when `record` does not match the CRC in its 4-byte footer."""
    stored, computed = crc32c.unmask(_CRC.unpack(footer)[0]), crc32c.value(record)
    if stored != computed:
        raise _at(offset, CorruptRecordError("data", stored, computed))


def read_frame(read: Read, offset: int = 0, *, verify: bool = True, max_record_size: int | None = None) -> bytes | None:
    """The record of the next frame, or None at the end of the stream.

    Args:
        read: gives at most the number of bytes it is asked for, fewer when that suits it, none at the end.
        offset: of this frame, for errors.
        verify: whether the CRCs are checked.
        max_record_size: the longest record to accept. None means DEFAULT_MAX_RECORD_SIZE, and that a longer one is
        looked
            for (and thrown away, piece by piece) before it is called too large: a damaged length is then reported as
            what it is, a record that is not there.
    """
    header = _read_up_to(read, HEADER_SIZE)
    if not header:
        return None
    if len(header) < HEADER_SIZE:
        raise _at(offset, TruncatedRecordError(HEADER_SIZE, len(header)))
    length = decode_header(header, offset, verify=verify, max_record_size=max_record_size)
    check_length(length, read, offset, max_record_size)
    record = _read_up_to(read, length)
    footer = _read_up_to(read, FOOTER_SIZE) if len(record) == length else b""
    if len(footer) < FOOTER_SIZE:
        available = HEADER_SIZE + len(record) + len(footer)
        raise _at(offset, TruncatedRecordError(length + FRAME_OVERHEAD, available))
    if verify:
        check_record(record, footer, offset)
    return record


def check_length(length: int, read: Read, offset: int, max_record_size: int | None) -> None:
    """Raise when a record of `length` bytes is not to be read; `read` continues behind its header."""
    limit = DEFAULT_MAX_RECORD_SIZE if max_record_size is None else max_record_size
    if length <= limit:
        return
    if max_record_size is None:
        available = 0
        while available <= limit and (chunk := read(_CHUNK)):
            available += len(chunk)
        if available <= limit:
            raise _at(offset, TruncatedRecordError(length + FRAME_OVERHEAD, HEADER_SIZE + available))
    raise _at(offset, RecordTooLargeError(length, limit))


def _read_up_to(read: Read, size: int) -> bytes:
    """`size` bytes, fewer only at the end of the stream. Memory follows what arrives, not `size`."""
    data = read(min(size, _CHUNK))
    if len(data) == size or not data:
        return data
    whole = BytesIO()  # it grows in its place, and gives what it holds without a copy
    whole.write(data)
    while whole.tell() < size and (data := read(min(size - whole.tell(), _CHUNK))):
        whole.write(data)
    return whole.getvalue()


def _at(offset: int, error: _Error) -> _Error:
    error.offset = offset
    return error


_Error = CorruptRecordError | TruncatedRecordError | RecordTooLargeError

_SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "a RIFF file such as WebP or WAV",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "gzip data (compressed twice?)",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ": "xz data",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x93NUMPY": "a numpy array",
    b"version http": "a git-lfs pointer: the data has not been fetched",
    b"<!DOCTYPE": "an HTML page",
    b"<!doctype": "an HTML page",
    b"<html": "an HTML page",
    b"<?xml": "XML",
    b"\xef\xbb\xbf": "text with a byte order mark",
    b"\xff\xfe": "UTF-16 text",
}
#: What ZLIB data begins with at the usual window size, of any level.
_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def _guess_kind(head: bytes) -> str:
    """What a file that begins with these 12 bytes seems to be."""
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return f"this seems to be {kind}"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    if head.isascii() and all(byte >= 0x20 or byte in b"\t\r\n" for byte in head):
        return "this seems to be text"
    if head.startswith(_ZLIB_HEADS):  # a length may begin so, too
        return "is this a TFRecord file, or damaged ZLIB data?"
    return "is this a TFRecord file?"
