"""GZIP and ZLIB streams: which of them a file is, and what is inside.

`recognise` looks at the first bytes. `InflateStream` takes a byte stream and is one: it gives all members of a GZIP
file, one after the other, empty ones included (TensorFlow stops at those, without an error), in pieces of bounded
size however well they are packed. It raises CorruptRecordError with part="compression", or TruncatedRecordError;
what could be inflated before the damage is given first. Checksums and lengths in the trailers are checked by zlib.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import CorruptRecordError, TFRecordError, TruncatedRecordError
from tfrecord_lite.format.framing import HEADER_SIZE, is_header

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Enough of a file for `recognise`.
HEAD_SIZE = 512

#: The reasons of the CorruptRecordErrors about what stands behind a stream.
AFTER_GZIP, AFTER_ZLIB = "bytes after the end of the GZIP stream", "bytes after the end of the ZLIB stream"

_CHUNK = 64 << 10
#: For zlib.
WINDOW_BITS = {"GZIP": 31, "ZLIB": 15}


def recognise(head: bytes) -> str:
    """The compression type, "", "GZIP" or "ZLIB", of a file that begins with `head` (HEAD_SIZE bytes, or all there is).

    A plain file may begin with the magic numbers of the others (a length of 0x8b1f is written 1f 8b), so a header
    whose CRC holds comes first.
    """
    if is_header(head):
        return ""
    if head.startswith(b"\x1f\x8b\x08"):
        return "GZIP"
    return "ZLIB" if _has_zlib_magic(head) and _inflates(head) is not False else ""


def is_settled(head: bytes) -> bool:
    """Whether `recognise` says of `head` what it says whatever follows."""
    if len(head) < HEADER_SIZE:
        return False
    return len(head) >= HEAD_SIZE or is_header(head) or not _has_zlib_magic(head) or _inflates(head) is not None


def _has_zlib_magic(head: bytes) -> bool:
    """Whether the two bytes that ZLIB begins with (RFC 1950, no preset dictionary) are there, which one file in a
    thousand has by chance."""
    return len(head) >= 2 and head[0] & 0x8F == 0x08 and head[1] & 0x20 == 0 and (head[0] << 8 | head[1]) % 31 == 0


def _inflates(head: bytes) -> bool | None:
    """Whether a header's worth can be inflated of what follows ZLIB's magic; None when `head` does not tell.

    Byte by byte, so that it does not matter how much has been read. Without the checksum: a stream in which only that
    is wrong is ZLIB still.
    """
    inflate, count = zlib.decompressobj(-15), 0
    try:
        for at in range(2, len(head)):
            count += len(inflate.decompress(head[at : at + 1], HEADER_SIZE - count))
            if count == HEADER_SIZE or inflate.eof:
                return True
    except zlib.error:
        return False
    return None


class InflateStream(io.RawIOBase):
    """The decompressed bytes of a GZIP or ZLIB stream.

    Args:
        source: the compressed stream, with `read`; closed with this one.
        compression_type: "GZIP" or "ZLIB".
        members: how many have been read from the source before.

    Attributes:
        members: how many have begun so far.
        padding: zeros behind members so far, which are passed over.
    """

    def __init__(self, source: Any, compression_type: str, members: int = 0) -> None:
        self._source = source
        self._type = compression_type
        self._inflate: Any = None  # None between members
        self._before: Any = None  # the decompressor as it was before `_input`
        self._input = b""
        self._last_read = 0
        self._output = memoryview(b"")
        self.members = members
        self.padding = 0
        self._salvaged = 0  # bytes at the beginning of `_input`, which is damaged, that could be inflated
        self._error: TFRecordError | OSError | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view):
            if not self._output:
                # What has been inflated is given before an error, and before a pipe is asked for more.
                if filled and (self._error is not None or self._is_waiting()):
                    break
                if not self._has_advanced(len(view) - filled):
                    break
            size = min(len(view) - filled, len(self._output))
            view[filled : filled + size] = self._output[:size]
            self._output = self._output[size:]
            filled += size
        if not filled and self._error is not None:
            raise self._error
        return filled

    def _has_advanced(self, size: int) -> bool:
        """`_advance`; False also after an error, which is kept for when all before it has been given."""
        if self._error is not None:
            return False
        try:
            return self._advance(size)
        except OSError as error:
            self._error = error
            return False

    def _is_waiting(self) -> bool:
        """Whether the source gave all it had when it was read last, and would have to be waited for."""
        return not self._input and self._last_read < _CHUNK

    def _advance(self, size: int) -> bool:
        """Inflate up to `size` bytes more into `_output` (none may come of it), or return False at a proper end."""
        if not self._input:
            self._input = self._source.read(_CHUNK)
            self._last_read = len(self._input)
            if not self._input:
                return self._end()
        if self._inflate is None and not self._begin_member():
            return True
        self._before = self._inflate.copy()
        try:
            self._output = memoryview(self._inflate.decompress(self._input, max(size, 1)))
        except zlib.error as error:
            self._output = memoryview(self._salvage())
            self._error = CorruptRecordError("compression", reason=f"{self._type}: {error}")
            return True
        if self._inflate.eof:
            self._input = self._inflate.unused_data
            self._inflate = None
        else:
            self._input = self._inflate.unconsumed_tail
        return True

    def _begin_member(self) -> bool:
        """Set up a decompressor for what `_input` begins with; False when there is no member there."""
        if self.members and self._type == "ZLIB":
            self._error = CorruptRecordError("compression", reason=AFTER_ZLIB)
            return False
        if self.members:
            # Zeros between members and after the last are padding (tapes, tar); gzip(1) passes them over as well.
            size = len(self._input)
            self._input = self._input.lstrip(b"\0")
            self.padding += size - len(self._input)
            if not self._input:
                return False
            if not b"\x1f\x8b".startswith(self._input[:2]):
                self._error = CorruptRecordError("compression", reason=AFTER_GZIP)
                return False
        self._inflate = zlib.decompressobj(WINDOW_BITS[self._type])
        self.members += 1
        return True

    def _end(self) -> bool:
        if self._inflate is not None:  # no bytes at all are a file of no records, as to TensorFlow
            self._error = TruncatedRecordError(None, None, f"the {self._type} stream ends before its trailer")
            return True
        return False

    def _salvage(self) -> bytes:
        """What the damaged piece of input gives when it is fed byte by byte."""
        inflate, output = self._before, bytearray()
        try:
            for at in range(len(self._input)):
                self._salvaged = at
                output += inflate.decompress(self._input[at : at + 1])
        except zlib.error:
            pass
        return bytes(output)
