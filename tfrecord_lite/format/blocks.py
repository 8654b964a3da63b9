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
from collections.abc import Callable, Generator, Iterator
from functools import partial
from io import BytesIO
from typing import Any, Protocol

import numpy as np

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.framing import (
    FOOTER_SIZE,
    FRAME_OVERHEAD,
    HEADER_SIZE,
    Read,
    encode_header,
    read_frame,
)
from tfrecord_lite.format.walk import leap, walk

#: Large enough that the cost of a block is small against that of its records, small enough for a second-level cache.
BLOCK_SIZE = 512 << 10
#: Frames larger than this are read on their own, straight into their bytes, instead of through the block.
LARGE_FRAME = 32 << 10
#: The same for who decodes many records together, which pays the more there are: a block of fewer records than these
#: becomes larger, up to the size.
_MANY_RECORDS = 8192
_DECODING_BLOCK_SIZE, _DECODING_LARGE_FRAME = 4 << 20, 1 << 20
#: Records below this average are cut out of a block by a BytesIO, longer ones by slices.
_SMALL_RECORD = 2 << 10
#: Bytes behind the last record of a buffer, so that who looks at many records at once may look further than each one.
MARGIN = 512

#: After a block that `leap` did not understand so many are only walked through.
_WALKS = 15
#: Longer records are not read at once: memory grows only as their bytes really arrive.
_LONGEST_AT_ONCE = 16 << 20

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_ZERO = np.zeros(1, np.int64)

Array = np.typing.NDArray[np.int64]
#: (read, offset) -> the record of the next frame, or None: `framing.read_frame`.
_ReadPlain = Callable[[Read, int], "bytes | None"]


class ByteStream(Protocol):
    """What `read_blocks` reads from: both calls give what there is, at the end nothing."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def read(self, size: int, /) -> bytes | None: ...


class Block:
    """Consecutive whole frames, their CRCs checked.

    Attributes:
        data: the buffer that holds them, or the one record itself.
        starts: position in `data` of each record's first byte, int64 [n].
        ends: and of the byte behind its last one.
    """

    __slots__ = ("data", "ends", "starts")

    def __init__(self, data: bytes | memoryview, starts: Array, ends: Array) -> None:
        self.data = data
        self.starts = starts
        self.ends = ends

    @classmethod
    def of_record(cls, record: bytes) -> Block:
        """One record by itself."""
        return cls(record, _ZERO, np.array([len(record)]))

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


def read_blocks(
    stream: ByteStream, *, verify: bool = True, max_record_size: int | None = None, for_decoding: bool = False
) -> Iterator[Block]:
    """The frames of a stream, block by block; each block is valid until the next one is asked for.

    Args and errors as for `framing.read_frame`. Frames before a damaged one are given before its error is raised. For
    decoding, blocks of long records are larger.
    """
    read_plain = partial(read_frame, verify=verify, max_record_size=max_record_size)
    largest, large = (_DECODING_BLOCK_SIZE, _DECODING_LARGE_FRAME) if for_decoding else (BLOCK_SIZE, LARGE_FRAME)
    longest = _LONGEST_AT_ONCE if max_record_size is None else min(max_record_size, _LONGEST_AT_ONCE)
    usual = range(large - FRAME_OVERHEAD, longest + 1)
    view = memoryview(bytearray(BLOCK_SIZE + MARGIN))
    held = 0  # bytes at the start of the buffer that belong to frames not given yet
    offset = 0  # of view[0]
    walks = 0  # so many blocks are not tried by `leap`
    while True:
        count = arrived(stream.readinto(view[held:-MARGIN]))
        held += count
        limits = leap(view, held) if walks == 0 else None
        if limits is None:
            limits = np.array(walk(view, held), np.int64)
            walks = walks - 1 if walks else _WALKS
        used = int(limits[-1])
        block = Block(view, limits[:-1] + HEADER_SIZE, limits[1:] - FOOTER_SIZE) if used else None
        if block is not None:
            too_long = max_record_size is not None and int((block.ends - block.starts).max()) > max_record_size
            if too_long or (verify and not sound(block)):
                yield from _plain(block, offset, read_plain)
            else:
                yield block
        offset += used
        rest = bytes(view[used:held])
        if not count or (len(rest) >= HEADER_SIZE and _LENGTH.unpack_from(rest)[0] >= usual.start):
            # A large frame, or what the stream ends with.
            following, offset = yield from _large_frames(rest, stream, offset, read_plain, usual, verify)
            if following is None:
                return
            rest = following
        elif len(view) < largest and (block is None or len(block) < _MANY_RECORDS):
            view = memoryview(bytearray(min(2 * len(view), largest) + MARGIN))
        held = len(rest)
        view[:held] = rest


def _large_frames(
    rest: bytes, stream: ByteStream, offset: int, read_plain: _ReadPlain, usual: range, verify: bool
) -> Generator[Block, None, tuple[bytes | None, int]]:
    """One frame, and the large ones behind it: each record is read straight into its bytes.

    Args:
        rest: what has been read of the first one.
        stream: what comes behind it.
        offset: of the first one.
        read_plain: for whatever is not as usual.
        usual: lengths to go on with.
        verify: whether the CRCs are checked.

    Returns:
        What has been read behind these frames, None at the end, and its offset.
    """
    sound_header: bytes | None = None
    while True:
        head = BytesIO(rest)
        record = read_plain(_continued(head, stream), offset)
        if record is None:
            return None, offset
        yield Block.of_record(record)
        offset += len(record) + FRAME_OVERHEAD
        gap = head.read()
        while True:
            header = gap if len(gap) == HEADER_SIZE else gap + arrived(stream.read(HEADER_SIZE - len(gap)))
            length = _LENGTH.unpack_from(header)[0] if len(header) == HEADER_SIZE else 0
            if header != sound_header:
                if length not in usual or (verify and encode_header(length) != header):
                    return header, offset
                sound_header = header
            record = arrived(stream.read(length))
            # The footer, and at once the header behind it.
            gap = arrived(stream.read(FRAME_OVERHEAD)) if len(record) == length else b""
            if len(gap) < FOOTER_SIZE or (verify and crc32c.masked_crc32c(record) != _CRC.unpack_from(gap)[0]):
                rest = header + record + gap
                break
            yield Block.of_record(record)
            offset += length + FRAME_OVERHEAD
            gap = gap[FOOTER_SIZE:]


def sound(block: Block) -> bool:
    """Whether all CRCs of a block hold. The stored CRCs are gone afterwards if they do, untouched if they do not."""
    buffer = block.data
    words = np.ndarray((len(buffer) - 3,), "<u4", buffer, strides=(1,))
    stored_at = np.concatenate((block.starts - FOOTER_SIZE, block.ends))
    stored = words[stored_at]
    words[stored_at] = crc32c.unmask(stored) ^ np.uint32(crc32c.NEUTRALIZER)
    first = int(block.starts[0]) - HEADER_SIZE
    if crc32c.value(buffer[first : first + block.size]) == 0:
        return True
    words[stored_at] = stored
    return False


def _plain(block: Block, offset: int, read_plain: _ReadPlain) -> Iterator[Block]:
    """The good frames at the beginning of a block in which something is wrong, then the error that names it."""
    first = int(block.starts[0]) - HEADER_SIZE
    read = BytesIO(block.data[first : first + block.size]).read
    count = 0
    try:
        while (record := read_plain(read, offset)) is not None:
            count += 1
            offset += len(record) + FRAME_OVERHEAD
    except TFRecordError:
        if count:
            yield Block(block.data, block.starts[:count], block.ends[:count])
        raise
    yield block


def _continued(head: BytesIO, stream: ByteStream) -> Read:
    """A `read` that gives what is in `head` and then goes on with the stream."""

    def read(size: int) -> bytes:
        return head.read(size) or arrived(stream.read(size))

    return read


def arrived(answer: Any) -> Any:
    """What a stream gave: nothing yet, from one that does not wait, is an error."""
    if answer is None:
        raise BlockingIOError("the stream is non-blocking and has nothing to read now")
    return answer
