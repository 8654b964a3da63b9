"""Block: whole, checked frames in a buffer that will be used again. It gives the records, or the frames as stored.

One CRC call for a block: `crc32c.NEUTRALIZER` takes the CRC register back to its start. Put in the place of each
stored CRC, mixed with the unmasked CRC itself, it makes the CRC of the whole block 0 when all of them hold. One
damaged header or record is always caught, as by separate checks; if several are damaged the errors could cancel,
with the chance of 2^-32 that any 32-bit checksum leaves. The CRCs themselves are kept beside the block, and put back
where somebody wants the frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format import crc32c
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD, HEADER_SIZE, encode_footer, encode_header
from tfrecord_lite.format.gaps import frame_group
from tfrecord_lite.format.pieces import WORTH_A_PIECE, Pieces

Array = NDArray[np.int64]
Words = NDArray[np.uint32]

#: Records below this average are cut out of a block by a BytesIO, longer ones by slices.
_SMALL_RECORD = 2 << 10
_ZERO = np.zeros(1, np.int64)


class Block:
    """Consecutive whole frames, their CRCs checked.

    Attributes:
        data: the buffer that holds them, or the one record itself.
        starts: position in `data` of each record's first byte, int64 [n].
        ends: and of the byte behind its last one.
    """

    __slots__ = ("_footer", "_taken", "data", "ends", "starts")

    def __init__(self, data: bytes | memoryview, starts: Array, ends: Array) -> None:
        self.data = data
        self.starts = starts
        self.ends = ends
        #: What `is_sound` took out of the buffer, and where: positions and CRCs as stored.
        self._taken: tuple[Array, Words] | None = None
        #: The stored CRC behind the one record, if it is at hand.
        self._footer: bytes | None = None

    @classmethod
    def of_record(cls, record: bytes, footer: bytes | None = None) -> Block:
        """One record by itself, and the footer that it was stored with."""
        block = cls(record, _ZERO, np.array([len(record)]))
        block._footer = footer
        return block

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """Bytes of the frames."""
        if isinstance(self.data, bytes):
            return len(self.data) + FRAME_OVERHEAD
        return int(self.ends[-1] - self.starts[0]) + FRAME_OVERHEAD

    def records(self) -> list[bytes]:
        """The records, as bytes of their own."""
        if isinstance(self.data, bytes):
            return [self.data]
        first, last = int(self.starts[0]), int(self.ends[-1])
        if last - first > _SMALL_RECORD * len(self):
            spans = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
            return [bytes(self.data[start:end]) for start, end in spans]
        sizes = np.full(2 * len(self) - 1, FRAME_OVERHEAD)
        np.subtract(self.ends, self.starts, out=sizes[::2])
        return list(map(BytesIO(self.data[first:last]).read, sizes.tolist()))[::2]

    def is_sound(self) -> bool:
        """Whether all CRCs hold: in a buffer that can be written to."""
        words = _words(self.data)
        stored_at = np.concatenate((self.starts - FOOTER_SIZE, self.ends))
        stored = words[stored_at]
        words[stored_at] = crc32c.neutral(stored)
        first = int(self.starts[0]) - HEADER_SIZE
        if crc32c.value(self.data[first : first + self.size]) == 0:
            self._taken = stored_at, stored
            return True
        words[stored_at] = stored
        return False

    def frames(self, begin: int = 0, end: int | None = None) -> FrameGroup:
        """The frames of some records that follow each other, of all if not said otherwise, as they were stored.

        They are valid as long as the block is.
        """
        some = slice(begin, len(self) if end is None else end)
        lengths = (self.ends - self.starts)[some]
        if isinstance(self.data, bytes):
            pieces: Pieces = [encode_header(len(self.data)), self.data, self._record_footer()]
        else:
            self._put_back()
            first, last = self.starts[some][:1].tolist(), self.ends[some][-1:].tolist()
            pieces = [self.data[at - HEADER_SIZE : stop + FOOTER_SIZE] for at, stop in zip(first, last, strict=True)]
        return FrameGroup(pieces if len(lengths) else [], lengths, _octets(self.stored_crcs()[some]))

    def frames_with(self, replaced: Mapping[int, bytes], begin: int = 0) -> Iterator[FrameGroup]:
        """The frames from number `begin` on, with new ones for the records that are replaced, by ascending numbers.

        They are valid as long as the block is.
        """
        for number, record in replaced.items():
            if begin < number:
                yield self.frames(begin, number)
            yield frame_group([record])
            begin = number + 1
        if begin < len(self):
            yield self.frames(begin)

    def each_frame(self) -> list[bytes]:
        """The frames as they were stored, each as bytes of its own."""
        (whole,) = [b"".join(self.frames().pieces)] if isinstance(self.data, bytes) else self.frames().pieces
        return list(map(BytesIO(whole).read, (self.ends - self.starts + FRAME_OVERHEAD).tolist()))

    def chosen_frames(self, chosen: NDArray[np.bool_]) -> FrameGroup:
        """The frames of the records that are chosen, bool [n]; they are valid as long as the block is."""
        edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
        if isinstance(self.data, bytes) or not len(edges):
            return self.frames(0, len(edges) and 1)
        self._put_back()
        limits = np.empty(len(edges), np.int64)  # of what is chosen and of what is not, by turns
        limits[::2] = self.starts[edges[::2]] - HEADER_SIZE
        limits[1::2] = self.ends[edges[1::2] - 1] + FOOTER_SIZE
        sizes = np.diff(limits)
        if sizes[::2].sum() < WORTH_A_PIECE * len(sizes[::2]):
            data = BytesIO(self.data[int(limits[0]) : int(limits[-1])])
            pieces: Pieces = [b"".join(list(map(data.read, sizes.tolist()))[::2])]
        else:
            pieces = [self.data[at:stop] for at, stop in limits.reshape(-1, 2).tolist()]
        return FrameGroup(pieces, (self.ends - self.starts)[chosen], _octets(self.stored_crcs()[chosen]))

    def stored_crcs(self) -> Words:
        """The masked CRC of each record as it was stored, uint32 [n]."""
        if isinstance(self.data, bytes):
            return np.frombuffer(self._record_footer(), "<u4")
        self._put_back()
        stored: Words = _words(self.data)[self.ends]
        return stored

    def _record_footer(self) -> bytes:
        """Of the one record."""
        if self._footer is None:
            self._footer = encode_footer(self.data)
        return self._footer

    def _put_back(self) -> None:
        if self._taken is not None:
            stored_at, stored = self._taken
            _words(self.data)[stored_at] = stored
            self._taken = None


def _words(buffer: bytes | memoryview) -> Any:
    """The buffer as words of 4 bytes, one at each position."""
    return np.ndarray((len(buffer) - 3,), "<u4", buffer, strides=(1,))


def _octets(words: Words) -> NDArray[np.uint8]:
    return words.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)
