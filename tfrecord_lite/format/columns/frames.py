"""The frames of many records while they are put together, in one buffer; only long bytes stay where they are.

    gap | inner bytes ... cut ... inner bytes | gap | inner bytes ...

The inner bytes and the gaps between records lie in the buffer. A cut is a position in it where long bytes belong that
are somewhere else: in the caller's array, in a bytes object. They are neither copied nor moved: their CRC is computed
where they are, and a sink takes them from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format import crc32c
from tfrecord_lite.format.columns.spans import spans
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD
from tfrecord_lite.format.gaps import Gaps, as_items, overlapping_gaps
from tfrecord_lite.format.pieces import Pieces

Array = NDArray[Any]

#: Frames with long bytes are given in portions of about this size: what the CRC was computed of is then still in a
#: cache when it is stored.
_PORTION = 2 << 20


class Scratch:
    """Memory that is used again: new pages cost the system more time than writing into them."""

    def __init__(self) -> None:
        self._octets = np.empty(0, np.uint8)

    def take(self, size: int) -> Array:
        """uint8 [size] of anything, the same memory at each call."""
        if size > len(self._octets):
            self._octets = np.empty(size + size // 4, np.uint8)
        return self._octets[:size]


class Frames:
    """Frames of n records, whose bytes a `Scatter` writes.

    Args:
        lengths: bytes in each record, int64 [n].
        inner_sizes: those of them that lie in the buffer, int64 [n].
        scratch: where the buffer comes from.

    Attributes:
        buffer: uint8; the gap before each record and its inner bytes, and a gap at the end.
        starts: int64 [n], where in the buffer the inner bytes of each record begin.
    """

    def __init__(self, lengths: Array, inner_sizes: Array, scratch: Scratch) -> None:
        self._lengths = lengths
        self._ends = np.cumsum(inner_sizes + FRAME_OVERHEAD)
        self.starts = self._ends - inner_sizes
        self.buffer = scratch.take(int(self._ends[-1]) + FRAME_OVERHEAD)
        self._cuts: list[Array] = []
        self._long: list[list[bytes | memoryview]] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def cut(self, number: int, records: Array | None, positions: Array, items: list[bytes | memoryview]) -> None:
        """Say what the `number`-th cut of some records (None: of all) holds, and where it is."""
        if number == len(self._cuts):
            # In records that have fewer, further cuts are at the end and hold nothing.
            self._cuts.append(self._ends.copy())
            self._long.append([b""] * len(self))
        if records is None:
            self._cuts[number], self._long[number] = positions, items
            return
        self._cuts[number][records] = positions
        long = self._long[number]
        for record, item in zip(records.tolist(), items, strict=True):
            long[record] = item

    def records(self) -> list[bytes]:
        """The records, as bytes of their own."""
        pieces = _split(self.buffer, _by_record(self.starts - FRAME_OVERHEAD, self.starts, *self._cuts), self._ends[-1])
        step = len(self._cuts) + 2
        if step == 2:
            return pieces[1::2]
        parts: list[Sequence[bytes | memoryview]] = [pieces[1::step]]
        for number, long in enumerate(self._long, 2):
            parts += [long, pieces[number::step]]
        return list(map(b"".join, zip(*parts, strict=True)))

    def portions(self) -> Iterator[FrameGroup]:
        """The frames portion by portion, each to be stored before the next one is asked for; once."""
        gaps = Gaps(self._lengths)
        overlapping_gaps(self.buffer)[self.starts - FRAME_OVERHEAD] = as_items(gaps.neutral())
        if not self._cuts:
            yield self._sealed(gaps, 0, len(self))
            return
        for some in spans(np.cumsum(self._lengths), _PORTION):
            yield self._sealed(gaps, some.start, some.stop)

    def _sealed(self, gaps: Gaps, begin: int, end: int) -> FrameGroup:
        """The frames of some records, headers and footers written."""
        some = slice(begin, end)
        gaps_at = self.starts[some] - FRAME_OVERHEAD
        cuts = [cut[some] for cut in self._cuts]
        long = [items[some] for items in self._long]
        first, last = int(gaps_at[0]), int(self._ends[end - 1])
        self.buffer[first : first + FOOTER_SIZE] = 0  # a footer that has been given already
        pieces = _split(self.buffer, _by_record(gaps_at, *cuts), last)
        step = len(cuts) + 1
        crcs: Iterable[int] = map(crc32c.value, pieces[::step])
        for number, of_cut in enumerate(long, 1):
            crcs = map(crc32c.value, pieces[number::step], map(crc32c.value, of_cut, crcs))
        sealed = gaps.sealed(np.fromiter(crcs, np.uint32, end - begin), begin)
        overlapping_gaps(self.buffer)[gaps_at] = as_items(sealed[:-1])
        self.buffer[last : last + FOOTER_SIZE] = sealed[-1, :FOOTER_SIZE]
        first, last = first + FOOTER_SIZE, last + FOOTER_SIZE
        if not cuts:
            return FrameGroup([self.buffer[first:last].data], self._lengths[some], sealed[1:, :FOOTER_SIZE])
        inner = _split(self.buffer, np.concatenate(([first], _by_record(*cuts))), last)
        result: Pieces = [b""] * (2 * len(inner) - 1)
        result[::2] = inner
        for number, of_cut in enumerate(long):
            result[2 * number + 1 :: 2 * len(long)] = of_cut
        return FrameGroup(result, self._lengths[some], sealed[1:, :FOOTER_SIZE])


def _by_record(*positions: Array) -> Array:
    """The positions in each of n records, as one array."""
    return np.stack(positions, axis=1).reshape(-1)


def _split(buffer: Array, positions: Array, end: int) -> list[bytes]:
    """The bytes from each of ascending positions to the next, the last ones up to `end`."""
    stream = BytesIO(buffer[positions[0] : end].data)
    return list(map(stream.read, np.diff(positions, append=end).tolist()))
