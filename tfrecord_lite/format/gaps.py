"""Many records at once -> their frames: what lies between records, and records with it as a group for a sink.

Between two records lies a gap of 16 bytes, the footer of the one and the header of the next:

    footer i   length i+1   CRC of the length
    4 bytes    8 bytes      4 bytes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format import crc32c
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD, HEADER_SIZE
from tfrecord_lite.format.pieces import WORTH_A_PIECE, Pieces

Octets = NDArray[np.uint8]

_LENGTH = slice(FOOTER_SIZE, FOOTER_SIZE + 8)
_LENGTH_CRC = slice(FOOTER_SIZE + 8, FRAME_OVERHEAD)
_GAP = bytes(FRAME_OVERHEAD)


class Gaps:
    """The gaps before, between and behind n records.

    Args:
        lengths: bytes in each record, int64 [n].
    """

    def __init__(self, lengths: NDArray[np.int64]) -> None:
        self._octets = np.zeros((len(lengths), FRAME_OVERHEAD), np.uint8)
        self._octets[:, _LENGTH].view("<u8")[:, 0] = lengths
        self._used = _used(lengths)
        self._octets[:, _LENGTH_CRC] = _octets(length_crcs(lengths))

    def neutral(self) -> Octets:
        """Gaps before records that leave the CRC register as they found it, uint8 [n, 16].

        The CRC of gap and record together is that of the record: one call for the two, where they lie in one buffer.
        """
        neutral: Octets = self._octets.copy()
        used = slice(FOOTER_SIZE, FOOTER_SIZE + self._used.stop)
        crcs = crc32c.value_of_rows(neutral[:, : _LENGTH.stop], used)
        neutral[:, _LENGTH_CRC] = _octets(crcs ^ np.uint32(crc32c.NEUTRALIZER))
        return neutral

    def sealed(self, crcs: NDArray[np.uint32], begin: int = 0) -> Octets:
        """The gaps around some records as they are stored, uint8 [m + 1, 16], given the CRC of each.

        Zeros stand for the footer of the first gap and the header of the last. `begin` is the number of the first
        of these records.
        """
        gaps = np.zeros((len(crcs) + 1, FRAME_OVERHEAD), np.uint8)
        gaps[:-1] = self._octets[begin : begin + len(crcs)]
        gaps[1:, :FOOTER_SIZE] = _octets(crc32c.mask(crcs))
        return gaps


def length_crcs(lengths: NDArray[np.int64]) -> NDArray[np.uint32]:
    """The masked CRC of each length, as headers store it, uint32 [n]."""
    rows = lengths.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    masked: NDArray[np.uint32] = crc32c.mask(crc32c.value_of_rows(rows, _used(lengths)))
    return masked


def overlapping_gaps(buffer: Octets) -> NDArray[np.void]:
    """The buffer as items of 16 bytes, one at each position: gaps are written by one indexed assignment."""
    items: NDArray[np.void] = np.ndarray(
        (len(buffer) - FRAME_OVERHEAD + 1,), f"V{FRAME_OVERHEAD}", buffer, strides=(1,)
    )
    return items


def as_items(gaps: Octets) -> Any:
    """Gaps as items that can be assigned to `overlapping_gaps`."""
    return gaps.view(f"V{FRAME_OVERHEAD}")[:, 0]


def frame_group(records: Sequence[bytes]) -> FrameGroup:
    """The frames of `records`, one after the other."""
    if not records:
        return FrameGroup([], np.zeros(0, np.int64), np.zeros((0, FOOTER_SIZE), np.uint8))
    count = len(records)
    lengths = np.fromiter(map(len, records), np.int64, count)
    gaps = Gaps(lengths).sealed(np.fromiter(map(crc32c.value, records), np.uint32, count))
    pieces: Pieces = [_GAP] * (2 * count + 1)
    pieces[1::2] = records
    if int(lengths.sum()) >= WORTH_A_PIECE * count:
        pieces[::2] = as_items(gaps).tolist()
        pieces[0], pieces[-1] = pieces[0][FOOTER_SIZE:], pieces[-1][:FOOTER_SIZE]
        return FrameGroup(pieces, lengths, gaps[1:, :FOOTER_SIZE])
    joined = bytearray().join(pieces)
    ends = np.cumsum(lengths + FRAME_OVERHEAD)
    overlapping_gaps(np.frombuffer(joined, np.uint8))[np.concatenate(([0], ends))] = as_items(gaps)
    return FrameGroup([memoryview(joined)[FOOTER_SIZE:-HEADER_SIZE]], lengths, gaps[1:, :FOOTER_SIZE])


def _used(lengths: NDArray[np.int64]) -> slice:
    """The bytes of lengths that are not zero in all of them."""
    return slice(0, (int(lengths.max()).bit_length() + 7) // 8)


def _octets(words: NDArray[np.uint32]) -> Octets:
    return words.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)
