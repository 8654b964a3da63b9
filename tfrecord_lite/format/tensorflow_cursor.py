"""A place in a serialized message, as TensorFlow's own parsers move it on.

protobuf's CodedInputStream, on which they stand, with its limits: reading goes no further than a limit, and a length
that goes beyond the limit around it is taken to end there.
"""

from __future__ import annotations

from tfrecord_lite.format.wire_format import FIXED32, FIXED64, LEN, VARINT

_MAX_VARINT_BYTES = 10
_UINT32, _UINT64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
_INT32_MAX = 0x7FFF_FFFF


class Stopped(Exception):
    """The parser gives up."""


class Overrun(Stopped):
    """It gives up as something is longer than what is left."""


def skip_field(cursor: Cursor, tag: int) -> None:
    """Pass over a field that a message at the top does not have; groups stop the parser."""
    wire_type = tag & 7
    if wire_type == VARINT:
        cursor.varint32()
    elif wire_type == LEN:
        size = cursor.varint32()
        cursor.at = min(cursor.at + size, cursor.limit)
    elif wire_type in (FIXED32, FIXED64):
        cursor.take(4 if wire_type == FIXED32 else 8)
    else:
        raise Stopped


class Negative(Stopped):
    """It gives up, not everywhere in time, as something has 2 GiB or more, which it takes for less than nothing."""


class Cursor:
    """A place in bytes, and the limit up to which is read; protobuf's CodedInputStream."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.limit = len(data)

    def is_at_limit(self) -> bool:
        return self.at >= self.limit

    def takes(self, tag: int) -> bool:
        """Whether that tag of one byte is next; it is passed then."""
        if self.at < self.limit and self.data[self.at] == tag:
            self.at += 1
            return True
        return False

    def expect(self, tag: int) -> None:
        if not self.takes(tag):
            raise Stopped

    def tag(self) -> int:
        """Of any number of bytes; 0 if there is none."""
        at = self.at
        try:
            return self.varint32()
        except Stopped:
            self.at = at
            return 0

    def enter(self, size: int) -> int:
        """Read no further than `size` bytes, if that is not further than before; gives the limit to be put back."""
        limit = self.limit
        if size <= _INT32_MAX and self.at + size < limit:
            self.limit = self.at + size
        return limit

    def take(self, size: int) -> bytes:
        if self.at + size > self.limit:
            raise Overrun if size <= _INT32_MAX else Negative
        self.at += size
        return self.data[self.at - size : self.at]

    def varint32(self) -> int:
        return self.varint64() & _UINT32

    def varint64(self) -> int:
        if self.at < self.limit and self.data[self.at] < 0x80:
            self.at += 1
            return self.data[self.at - 1]
        value = shift = 0
        for at in range(self.at, min(self.at + _MAX_VARINT_BYTES, self.limit)):
            octet = self.data[at]
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                self.at = at + 1
                return value & _UINT64
            shift += 7
        raise Stopped
