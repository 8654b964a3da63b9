"""Where the frames in a buffer begin: each header says where the next one is.

    walk    from header to header
    leap    all headers of small records at once; the same, or None

Lengths below 65,536 leave six zero bytes in a header, and two whole pairs of them begin at even places: pairs of zeros
are found many at a time. Behind the first of them, at 2k, the header began at 2k - 3, 2k - 2 or 2k - 1; which of these
follows from where the next one is, and in the end all headers must form one chain. Zeros elsewhere break it.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.framing import FRAME_OVERHEAD

Array = NDArray[np.int64]

_LENGTH = struct.Struct("<Q")
#: With fewer headers there is nothing to gain.
_FEW = 64


def walk(view: memoryview, end: int, position: int = 0) -> list[int]:
    """Where each whole frame in view[position:end] begins, and where the last one ends."""
    positions: list[int] = []
    unpack, append, last = _LENGTH.unpack_from, positions.append, end - FRAME_OVERHEAD
    while position <= last:
        append(position)
        position += unpack(view, position)[0] + FRAME_OVERHEAD
    if position <= end:
        append(position)
    return positions


def leap(view: memoryview, end: int) -> Array | None:
    """What `walk` gives from 0 on, as an array; None when there are other zeros, large records, or few.

    Behind `end` there must be 8 bytes more.
    """
    octets = np.frombuffer(view, np.uint8)
    is_zero = octets[: end & ~1].view("<u2") == 0
    pairs = np.flatnonzero(is_zero[1:] & is_zero[:-1])
    if len(pairs) < _FEW:
        return None
    zeros = 2 * pairs[1:][pairs[1:] - pairs[:-1] > 3]  # of all headers but the one at 0
    words = np.ndarray((len(octets) - 7,), "<u8", octets, strides=(1,))
    before = words[zeros[:-1] - 3].view(np.int64)
    following = zeros[1:] - zeros[:-1] - FRAME_OVERHEAD
    # Where the next zeros are, seen from where the next header is if this one began two bytes or one byte before.
    by_two = following + 2 - (before >> 8 & 0xFFFF)
    by_one = following + 1 - (before >> 16 & 0xFFFF)
    positions = zeros[:-1] - np.where(_is_near(by_two), 2, np.where(_is_near(by_one), 1, 3))
    ends = positions + words[positions].view(np.int64) + FRAME_OVERHEAD
    first = _LENGTH.unpack_from(view)[0] + FRAME_OVERHEAD
    if not len(positions) or positions[0] != first or not np.array_equal(positions[1:], ends[:-1]):
        return None
    if not 0 <= ends[-1] <= end:  # of a damaged length, from 2**63 on negative
        return None
    return np.concatenate((np.zeros(1, np.int64), positions, np.array(walk(view, end, int(ends[-1])), np.int64)))


def _is_near(distances: Array) -> NDArray[np.bool_]:
    return (distances - 1).view(np.uint64) < 3
