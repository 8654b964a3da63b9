"""GZIP members that say how long they are, so that a reader goes from one to the next without inflating.

A GZIP file is a sequence of members, each a GZIP file of its own (RFC 1952). Ours are of bounded size, begin and end
between frames, and carry their sizes in the extra field of the header, which every other reader passes over:

    1f 8b 08        GZIP, deflate
    flags           1 byte   FEXTRA, and FCOMMENT where there is a comment
    0 0 0 0         4 bytes  no time
    level, system   2 bytes  as zlib has them
    extra length    2 bytes  bytes in the extra field, u16 little-endian as all that follow
      "T" "R"       2 bytes  our subfield
      length        2 bytes  bytes behind it: 28 and the padding
      size          8 bytes  bytes in the member, from 1f to the last of the trailer
      content size  8 bytes  bytes it inflates to
      records       8 bytes  whole frames in it
      CRC           4 bytes  masked CRC-32C of those 24 bytes
      padding                zeros, usually none
    comment                  spaces and a zero, usually not there
    deflated data
    trailer         8 bytes  CRC-32 and content size mod 2^32

Why padding and a comment? TensorFlow inflates what is in a buffer of 262,144 bytes, and reads on when nothing came out
of it. A member that ends there without having given anything since the buffer was filled (its last bytes give nothing:
the end-of-block code and the trailer) makes it read on although the buffer is not used up; when the file has no more,
it takes this for the end and loses what is in the buffer, without an error. So padding moves the end of a member away
from where a buffer ends, and a comment makes the file long enough behind a member of somebody else's that ends there.
`InputBuffer` knows where those places are.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from tfrecord_lite.format import crc32c

TRAILER_SIZE = 8
MAGIC = b"\x1f\x8b\x08"
#: The size of TensorFlow's input buffer (ZlibCompressionOptions::input_buffer_size).
BUFFER_SIZE = 262_144
#: The last bytes of a member of ours that may give nothing when inflated: the trailer, end-of-block codes, and an
#: empty block take 8 to 17.
QUIET_SIZE = 32

_FEXTRA, _FCOMMENT = 4, 16
_PLAIN_HEADER_SIZE = 10
_SUBFIELD = b"TR"
_HEAD = struct.Struct("<3sB4s2sH2sH")
_SIZES = struct.Struct("<QQQ")
_CRC = struct.Struct("<I")
#: Enough of a member for `decode_header`.
HEADER_SIZE = _HEAD.size + _SIZES.size + _CRC.size


class MemberHeader(NamedTuple):
    """What a member of ours says about itself.

    Attributes:
        size: bytes in the member.
        content_size: bytes it inflates to.
        records: whole frames in it.
    """

    size: int
    content_size: int
    records: int


def encode_header(zlib_header: bytes, body_size: int, content_size: int, records: int, padding: Padding) -> bytes:
    """The header of a member, in place of the one that zlib wrote.

    Args:
        zlib_header: those 10 bytes.
        body_size: bytes behind them, the trailer included.
        content_size, records: as in MemberHeader.
        padding: see `InputBuffer.padding`.
    """
    sizes = _SIZES.pack(HEADER_SIZE + padding.size + body_size, content_size, records)
    subfield = sizes + _CRC.pack(crc32c.masked_crc32c(sizes)) + bytes(padding.extra)
    flags = _FEXTRA | (_FCOMMENT if padding.comment else 0)
    head = _HEAD.pack(
        MAGIC, flags, bytes(4), zlib_header[8:_PLAIN_HEADER_SIZE], 4 + len(subfield), _SUBFIELD, len(subfield)
    )
    return head + subfield + (b" " * (padding.comment - 1) + b"\0" if padding.comment else b"")


def decode_header(head: bytes) -> MemberHeader | None:
    """What the first HEADER_SIZE bytes of a member say; None when it is none of ours, or damaged."""
    if len(head) < HEADER_SIZE:
        return None
    magic, flags, _, _, extra_size, subfield, size = _HEAD.unpack_from(head)
    if (
        magic != MAGIC
        or not flags & _FEXTRA
        or subfield != _SUBFIELD
        or not HEADER_SIZE - _HEAD.size <= size < extra_size
    ):
        return None
    sizes = head[_HEAD.size : _HEAD.size + _SIZES.size]
    if crc32c.masked_crc32c(sizes) != _CRC.unpack_from(head, _HEAD.size + _SIZES.size)[0]:
        return None
    header = MemberHeader(*_SIZES.unpack(sizes))
    return header if header.size >= HEADER_SIZE + TRAILER_SIZE else None


class Padding(NamedTuple):
    """Bytes in a header that mean nothing: in the extra field, and as a comment with its zero."""

    extra: int = 0
    comment: int = 0

    @property
    def size(self) -> int:
        return self.extra + self.comment


class InputBuffer:
    """Where TensorFlow's input buffer ends while it inflates a file, and what that asks of the file.

    Attributes:
        phase: the positions where it ends, modulo BUFFER_SIZE.
        needed: TensorFlow gets to the end of a longer file only; 0 when any will do.
    """

    def __init__(self) -> None:
        self.phase = 0
        self.needed = 0

    def left_over(self, position: int) -> int:
        """Bytes between the last end of a buffer and `position`."""
        return (position - self.phase) % BUFFER_SIZE

    def stall(self, member_end: int) -> None:
        """A member ended that had given nothing since the buffer was filled: it is filled up from here."""
        self.needed = member_end + -self.left_over(member_end) % BUFFER_SIZE
        self.phase = member_end % BUFFER_SIZE

    def padding(self, member_end: int) -> Padding:
        """What a member that would end there needs so that TensorFlow reads on behind it."""
        comment = max(self.needed + 1 - member_end, 0)
        left_over = self.left_over(member_end + comment)
        return Padding(QUIET_SIZE + 1 - left_over if 1 <= left_over <= QUIET_SIZE else 0, comment)
