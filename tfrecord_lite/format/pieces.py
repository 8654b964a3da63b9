"""A message in pieces: small ones of its own, large ones that stay where they are.

Joined they are the message. Who stores them one after the other saves the copies: an image is not moved while the bytes
around it are made.
"""

from __future__ import annotations

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.wire_format import MAX_MESSAGE_SIZE, encode_field, encode_varint

#: Parts of a message, to be stored one after the other; views are flat and of bytes.
Pieces = list[bytes | memoryview]
#: From this size on a value is stored from where it is; below, joining is cheaper than another piece.
LARGE_VALUE = 16 << 10
#: The same where many records are stored at once, so that the pieces are cheap.
WORTH_A_PIECE = 1 << 10


def field(tag: int, payload: Pieces) -> Pieces:
    """A length-delimited field around `payload`."""
    if len(payload) == 1 and len(payload[0]) < LARGE_VALUE:
        return [encode_field(tag, payload[0])]
    return [bytes((tag,)) + encode_varint(total_size(payload)), *payload]


def coalesced(pieces: Pieces) -> Pieces:
    """The same bytes with small pieces that follow each other as one."""
    coalesced: Pieces = []
    small: Pieces = []
    for piece in pieces:
        if len(piece) < LARGE_VALUE:
            small.append(piece)
        else:
            coalesced += [b"".join(small), piece]
            small = []
    return [*coalesced, b"".join(small)]


def total_size(pieces: Pieces) -> int:
    """Bytes in all of them."""
    return sum(map(len, pieces))


def pieces_within_limit(pieces: Pieces, key: str | None = None) -> Pieces:
    """The pieces, or a FeatureError when protobuf could not read them as one message."""
    size = total_size(pieces)
    if size > MAX_MESSAGE_SIZE:
        raise FeatureError(f"{size} bytes are more than protobuf's limit of {MAX_MESSAGE_SIZE}", key)
    return pieces
