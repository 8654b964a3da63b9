"""Many frames in one buffer: found with one walk, checked with one CRC call.

The fast path of framing. It takes and gives what the plain path of `framing.py` takes and gives; a block in which
anything is wrong is handed to the plain path, which names the record.

    read_blocks    a stream -> Block, Block, ..., and an error after the good frames before it
    Block          whole, checked frames in a buffer that will be used again: take copies, then go on

One CRC call for a block: `crc32c.NEUTRALIZER` takes the CRC register back to its start. Put in the place of each
stored CRC, mixed with the unmasked CRC itself, it makes the CRC of the whole block 0 when all of them hold. One
damaged header or record is always caught, as by separate checks; if several are damaged the errors could cancel,
with the chance of 2^-32 that any 32-bit checksum leaves.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from itertools import chain, repeat
from typing import Any, Protocol

import numpy as np

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD, HEADER_SIZE, Read, read_frame

#: Large enough that the cost of a block is small against that of its records, small enough for a second-level cache.
BLOCK_SIZE = 512 << 10
#: Frames larger than this are read on their own, straight into their bytes, instead of through the block.
LARGE_FRAME = 32 << 10
_LARGE_LENGTH = LARGE_FRAME - FRAME_OVERHEAD
#: Records below this average are cut out of a block by a BytesIO, longer ones by slices.
_SMALL_RECORD = 2 << 10

#: Bytes behind the last record of a buffer, so that who looks at many records at once may look further than each one.
MARGIN = 512

_LENGTH = struct.Struct("<Q")


class ByteStream(Protocol):
    """What `read_blocks` reads from: both calls give what there is, at the end nothing."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def read(self, size: int, /) -> bytes | None: ...


class Block:
    """Consecutive whole frames, their CRCs checked.

    Attributes:
        data: the buffer that holds them, or the one record itself.
        begin: position in `data` of the first record's first byte.
        lengths: bytes in each record.
    """

    __slots__ = ("begin", "data", "lengths")

    def __init__(self, data: bytes | memoryview, begin: int, lengths: list[int]) -> None:
        self.data = data
        self.begin = begin
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def size(self) -> int:
        """Bytes of the frames."""
        return sum(self.lengths) + FRAME_OVERHEAD * len(self.lengths)

    def starts(self) -> np.typing.NDArray[np.int64]:
        """Position in `data` of each record's first byte, int64 [n]."""
        starts = np.empty(len(self.lengths), np.int64)
        starts[0] = self.begin
        np.cumsum(np.array(self.lengths[:-1], np.int64) + FRAME_OVERHEAD, out=starts[1:])
        starts[1:] += self.begin
        return starts

    def records(self) -> list[bytes]:
        """The records, as bytes of their own."""
        if isinstance(self.data, bytes):
            return [self.data]
        if self.size > _SMALL_RECORD * len(self.lengths):
            spans = zip(self.starts().tolist(), self.lengths, strict=True)
            return [bytes(self.data[start : start + length]) for start, length in spans]
        stream = BytesIO(self.data[self.begin : self.begin + self.size])
        sizes = chain.from_iterable(zip(self.lengths, repeat(FRAME_OVERHEAD)))
        return list(map(stream.read, sizes))[::2]


def read_blocks(stream: ByteStream, *, verify: bool = True, max_record_size: int | None = None) -> Iterator[Block]:
    """The frames of a stream, block by block; each block is valid until the next one is asked for.

    Args and errors as for `framing.read_frame`. Frames before a damaged one are given before its error is raised.
    """
    read_plain = partial(read_frame, verify=verify, max_record_size=max_record_size)
    limit = BLOCK_SIZE if max_record_size is None else max_record_size
    view = memoryview(bytearray(BLOCK_SIZE + MARGIN))
    held = 0  # bytes at the start of the buffer that belong to frames not given yet
    offset = 0  # of view[0]
    fill_to = BLOCK_SIZE
    while True:
        arrived = _arrived(stream.readinto(view[held:fill_to]))
        held += arrived
        lengths, used = _walk(view, held)
        if lengths:
            block = Block(view, HEADER_SIZE, lengths)
            if max(lengths) > limit or (verify and not sound(block)):
                yield from _plain(block, offset, read_plain)
            else:
                yield block
        offset += used
        is_large = held - used >= HEADER_SIZE and _LENGTH.unpack_from(view, used)[0] > _LARGE_LENGTH
        if arrived and not is_large:
            view[: held - used] = bytes(view[used:held])
            held -= used
            fill_to = BLOCK_SIZE
            continue
        # A large frame, or what the stream ends with.
        record = read_plain(_continued(bytes(view[used:held]), stream), offset)
        if record is None:
            return
        yield Block(record, 0, [len(record)])
        offset += len(record) + FRAME_OVERHEAD
        held = 0
        # Where one frame is large the next one will be: look at its header before deciding where to read it to.
        fill_to = HEADER_SIZE


def sound(block: Block) -> bool:
    """Whether all CRCs of a block hold. The stored CRCs are gone afterwards if they do, untouched if they do not."""
    buffer = block.data
    words = np.ndarray((len(buffer) - 3,), "<u4", buffer, strides=(1,))
    starts = block.starts()
    stored_at = np.concatenate((starts - FOOTER_SIZE, starts + block.lengths))
    stored = words[stored_at]
    words[stored_at] = crc32c.unmask(stored) ^ np.uint32(crc32c.NEUTRALIZER)
    first = block.begin - HEADER_SIZE
    if crc32c.value(buffer[first : first + block.size]) == 0:
        return True
    words[stored_at] = stored
    return False


def _walk(view: memoryview, end: int) -> tuple[list[int], int]:
    """The lengths of the whole frames in view[:end], as their headers say, and where the last one ends."""
    lengths: list[int] = []
    position = 0
    unpack, append = _LENGTH.unpack_from, lengths.append
    while position + FRAME_OVERHEAD <= end:
        (length,) = unpack(view, position)
        following = position + FRAME_OVERHEAD + length
        if following > end:
            break
        append(length)
        position = following
    return lengths, position


def _plain(block: Block, offset: int, read_plain: Callable[[Read, int], bytes | None]) -> Iterator[Block]:
    """The good frames at the beginning of a block in which something is wrong, then the error that names it."""
    first = block.begin - HEADER_SIZE
    read = BytesIO(block.data[first : first + block.size]).read
    good: list[int] = []
    try:
        while (record := read_plain(read, offset)) is not None:
            good.append(len(record))
            offset += len(record) + FRAME_OVERHEAD
    except TFRecordError:
        if good:
            yield Block(block.data, block.begin, good)
        raise
    yield block


def _continued(head: bytes, stream: ByteStream) -> Read:
    """A `read` that gives `head` and then goes on with the stream."""
    rest = BytesIO(head)

    def read(size: int) -> bytes:
        return rest.read(size) or _arrived(stream.read(size))

    return read


def _arrived(answer: Any) -> Any:
    if answer is None:
        raise BlockingIOError("the stream is non-blocking and has nothing to read now")
    return answer
