"""Where frames may begin again behind damage.

    find_headers        bytes -> every place where a header begins whose CRC holds
    sound_across        bytes, a place in them -> whether a sound frame goes on there
    stated_lengths      a header -> the length in it, and the length that its CRC is the CRC of

A header is looked for at every byte, and nearly all places are ruled out at once: a length below 4 GiB leaves its upper
four bytes zero, and one whole pair of them begins at an even place. Pairs of zeros are rare in random bytes; in long
runs of zeros there is no header, because no length below 256 has a CRC that would go on with zeros. What is left costs
four table look-ups. A place in random bytes passes for a header with a chance of 2^-64.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format import crc32c
from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD, HEADER_SIZE, is_header

#: Longer records are not looked for.
LONGEST_FOUND = 2**32 - 1

Array = NDArray[np.int64]

_HEADER = struct.Struct("<QI")
_LOW_BYTES = slice(0, 4)
_NONE = np.empty(0, np.int64)
#: So many pairs of zeros in a row have no header whose upper pair is the middle one.
_RUN = 5


def find_headers(data: bytes, longest: int) -> tuple[Array, Array]:
    """Where in `data` a sound header of a record of up to `longest` bytes begins, ascending, and the lengths there."""
    octets = np.frombuffer(data, np.uint8)
    last = len(octets) - HEADER_SIZE
    if last < 0 or not octets.any():  # nothing but zeros is what a GZIP bomb holds, and is told at a glance
        return _NONE, _NONE
    pairs = np.flatnonzero(octets[: len(octets) & ~1].view("<u2") == 0)
    if len(pairs) >= _RUN:
        inside = np.zeros(len(pairs), np.bool_)
        inside[_RUN // 2 : -(_RUN // 2)] = pairs[_RUN - 1 :] - pairs[: 1 - _RUN] == _RUN - 1
        pairs = pairs[~inside]
    # The upper half of a length begins at the pair of zeros, or one byte before it.
    positions = np.concatenate((2 * pairs - 4, 2 * pairs - 5))
    positions = positions[(positions >= 0) & (positions <= last)]
    words = np.ndarray((len(octets) - 3,), "<u4", octets, strides=(1,))
    positions = positions[words[positions + 4] == 0]
    if not len(positions):
        return _NONE, _NONE
    lengths = words[positions]
    crcs = crc32c.value_of_rows(lengths.astype("<u8").view(np.uint8).reshape(-1, 8), _LOW_BYTES)
    is_header = (crc32c.mask(crcs) == words[positions + 8]) & (lengths <= longest)
    positions, lengths = positions[is_header], lengths[is_header]
    order = np.argsort(positions)
    return positions[order], lengths[order].astype(np.int64)


def sound_across(data: bytes | bytearray, place: int) -> tuple[bool, int]:
    """Whether a sound frame that begins before `place` goes on behind it, and how many bytes were looked at for it."""
    positions, lengths = find_headers(bytes(data[: place + HEADER_SIZE - 1]), LONGEST_FOUND)
    ends = positions + lengths + FRAME_OVERHEAD
    is_across = (ends >= place + FOOTER_SIZE) & (ends <= len(data))
    cost = 0
    for begin, end in zip(positions[is_across].tolist(), ends[is_across].tolist(), strict=True):
        cost += end - begin
        record, footer = data[begin + HEADER_SIZE : end - FOOTER_SIZE], data[end - FOOTER_SIZE : end]
        if crc32c.masked_crc32c(record) == int.from_bytes(footer, "little"):
            return True, cost
    return False, cost


def stated_lengths(header: bytes) -> list[int]:
    """The lengths that a header may mean, ascending: the one in it, and the one below 2^32 that its CRC is the CRC of.

    A CRC of 32 bits tells 32 bits: damage to one of the two leaves the length in the other. In a sound header they are
    one and the same.
    """
    length, stored = _HEADER.unpack(header)
    if is_header(header):
        return [length]
    return sorted((length, crc32c.u64_of(crc32c.unmask(stored))))
