"""Whole frames that are stored together, and what is known of them without looking at their bytes.

Whoever frames records has just computed lengths and CRCs: an index, a checksum over a file, or a writer of several
files takes them from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD, encode_footer, encode_header
from tfrecord_lite.format.pieces import Pieces, coalesced, total_size

Array = NDArray[Any]


class FrameGroup:
    """Frames of n records, one after the other.

    Attributes:
        pieces: their bytes, cut anywhere; views are valid as long as whoever made them says.
        lengths: bytes in each record, int64 [n].
        footers: the masked CRC of each record as it is stored, uint8 [n, 4].
    """

    __slots__ = ("footers", "lengths", "pieces")

    def __init__(self, pieces: Pieces, lengths: Array, footers: Array) -> None:
        self.pieces = pieces
        self.lengths = lengths
        self.footers = footers

    @classmethod
    def of_frames(cls, frames: Sequence[bytes]) -> FrameGroup:
        """Of frames that are there one by one."""
        lengths = np.fromiter(map(len, frames), np.int64, len(frames)) - FRAME_OVERHEAD
        whole = b"".join(frames)
        octets = np.frombuffer(whole, np.uint8)
        footers = np.cumsum(lengths + FRAME_OVERHEAD)[:, np.newaxis] + np.arange(-FOOTER_SIZE, 0)
        return cls([whole], lengths, octets[footers])

    @classmethod
    def of_record(cls, record: Pieces) -> FrameGroup:
        """Of one record, in pieces that stay where they are."""
        footer = encode_footer(*record)
        size = total_size(record)
        footers = np.frombuffer(footer, np.uint8)[np.newaxis]
        return cls([encode_header(size), *record, footer], np.array([size], np.int64), footers)

    def __len__(self) -> int:
        return len(self.lengths)

    def frame_sizes(self) -> Array:
        """Bytes in each frame, int64 [n]."""
        return self.lengths + FRAME_OVERHEAD

    def split(self, ends: list[int]) -> list[FrameGroup]:
        """The frames in runs: up to the first of the ascending `ends`, from there to the second, ...; the last is n."""
        if len(ends) == 1:
            return [self]
        positions = np.concatenate(([0], np.cumsum(self.frame_sizes())))[[0, *ends]]
        begins = [0, *ends[:-1]]
        return [
            FrameGroup(pieces, self.lengths[begin:end], self.footers[begin:end])
            for pieces, begin, end in zip(_split(self.pieces, np.diff(positions).tolist()), begins, ends, strict=True)
        ]

    def deal(self, hands: Array) -> Iterator[tuple[int, FrameGroup]]:
        """(hand, its frames in order) for each hand that gets any; `hands` int64 [n] says which each frame goes to."""
        sizes = self.frame_sizes().tolist()
        in_one_buffer = len(self.pieces) == 1  # so they are small, and best copied
        frames: list[Any] = (
            list(map(BytesIO(self.pieces[0]).read, sizes)) if in_one_buffer else _split(self.pieces, sizes)
        )
        order = np.argsort(hands, kind="stable")
        numbers, begins = np.unique(hands[order], return_index=True)
        for number, some in zip(numbers.tolist(), np.split(order, begins[1:]), strict=True):
            dealt = [frames[frame] for frame in some.tolist()]
            pieces: Pieces = [b"".join(dealt)] if in_one_buffer else coalesced(list(chain.from_iterable(dealt)))
            yield number, FrameGroup(pieces, self.lengths[some], self.footers[some])


def _split(pieces: Pieces, sizes: list[int]) -> list[Pieces]:
    """The same bytes, cut so that each part has its size."""
    parts: list[Pieces] = []
    views = iter(pieces)
    rest = memoryview(b"")
    for size in sizes:
        part: Pieces = []
        while size > len(rest):
            if len(rest):
                part.append(rest)
                size -= len(rest)
            rest = memoryview(next(views))
        part.append(rest[:size])
        rest = rest[size:]
        parts.append(part)
    return parts
