"""Many frames in one buffer: found with one walk, checked with one CRC call.

The fast path of framing. It takes and gives what the plain path of `framing.py` takes and gives; a block in which
anything is wrong is handed to the plain path, which names the record.

    read_blocks             a stream -> Block, Block, ..., and an error after the good frames before it
    read_inflated_blocks    the same, of a stream that inflates what may have been cut
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import TFRecordError, TruncatedRecordError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.block import Block
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


class Sizes(NamedTuple):
    """How much is read at once.

    Attributes:
        block: bytes of the largest block.
        large_frame: larger frames are read on their own.
        many_records: a block of fewer becomes larger, up to the largest.
    """

    block: int
    large_frame: int
    many_records: int


#: For who wants the records themselves.
FOR_RECORDS = Sizes(BLOCK_SIZE, LARGE_FRAME, 0)
#: For who decodes many records together, which pays the more there are.
FOR_EXAMPLES = Sizes(4 << 20, LARGE_FRAME, 24 << 10)
#: And keeps what is in them until there are enough for a batch: new memory costs more than copying.
FOR_BATCHES = FOR_EXAMPLES._replace(large_frame=1 << 20)

#: Bytes behind the last record of a buffer, so that who looks at many records at once may look further than each one.
MARGIN = 512

#: Frames that are longer on average are walked through: `leap` looks at every byte.
_LEAPED_FRAME = 320
#: After a block that `leap` did not understand so many are only walked through.
_WALKS = 15
#: Longer records are not read at once: memory grows only as their bytes really arrive.
_LONGEST_AT_ONCE = 16 << 20

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")

Array = NDArray[np.int64]
#: (read, offset) -> the record of the next frame, or None: `framing.read_frame`.
_ReadPlain = Callable[[Read, int], "bytes | None"]


class ByteStream(Protocol):
    """What `read_blocks` reads from: both calls give what there is, at the end nothing."""

    def readinto(self, buffer: Any, /) -> int | None: ...
    def read(self, size: int, /) -> bytes | None: ...


def read_blocks(
    stream: ByteStream,
    *,
    offset: int = 0,
    verify: bool = True,
    max_record_size: int | None = None,
    sizes: Sizes = FOR_RECORDS,
) -> Iterator[Block]:
    """The frames of a stream, block by block; each block is valid until the next one is asked for.

    Args and errors as for `framing.read_frame`; `offset` is that of the first frame. Frames before a damaged one are
    given before its error is raised.
    """
    read_plain = partial(read_frame, verify=verify, max_record_size=max_record_size)
    longest = _LONGEST_AT_ONCE if max_record_size is None else min(max_record_size, _LONGEST_AT_ONCE)
    usual = range(sizes.large_frame - FRAME_OVERHEAD, longest + 1)
    view = memoryview(bytearray(BLOCK_SIZE + MARGIN))
    held = 0  # bytes at the start of the buffer that belong to frames not given yet; `offset` is that of the first
    walks = 0  # so many blocks are not tried by `leap`
    average = 0  # bytes in a frame of the block before
    while True:
        count = arrived(stream.readinto(view[held:-MARGIN]))
        held += count
        is_leap = walks == 0 and average <= _LEAPED_FRAME
        limits = leap(view, held) if is_leap else None
        if limits is None:
            limits = np.array(walk(view, held), np.int64)
            walks = _WALKS if is_leap else max(walks - 1, 0)
        used = int(limits[-1])
        average = used // max(len(limits) - 1, 1)
        block = Block(view, limits[:-1] + HEADER_SIZE, limits[1:] - FOOTER_SIZE) if used else None
        if block is not None:
            too_long = max_record_size is not None and int((block.ends - block.starts).max()) > max_record_size
            if too_long or (verify and not block.is_sound()):
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
        elif len(view) < sizes.block and (block is None or len(block) < sizes.many_records):
            view = memoryview(bytearray(min(2 * len(view), sizes.block) + MARGIN))
        held = len(rest)
        view[:held] = rest


def read_inflated_blocks(stream: ByteStream, **options: Any) -> Iterator[Block]:
    """`read_blocks` of what a compressed stream holds, which may have been cut: then it raises TruncatedRecordError.

    That raises here what a plain stream that ends there would, or, where that ends between two frames, its own error.
    """
    whole = _CutStream(stream)
    try:
        yield from read_blocks(whole, **options)
    except TruncatedRecordError as error:
        if whole.cut is not None:
            error.reason = whole.cut.reason
        raise
    if whole.cut is not None:
        raise whole.cut


class _CutStream:
    """A stream that ends where a compressed one was cut; `cut` is the error with which it was."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.cut: TruncatedRecordError | None = None

    def readinto(self, buffer: Any, /) -> int | None:
        try:
            return self._stream.readinto(buffer)
        except TruncatedRecordError as error:
            self.cut = error.with_traceback(None)
            return 0

    def read(self, size: int, /) -> bytes | None:
        try:
            return self._stream.read(size)
        except TruncatedRecordError as error:
            self.cut = error.with_traceback(None)
            return b""


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
            yield Block.of_record(record, gap[:FOOTER_SIZE])
            offset += length + FRAME_OVERHEAD
            gap = gap[FOOTER_SIZE:]


def _plain(block: Block, offset: int, read_plain: _ReadPlain) -> Iterator[Block]:
    """The good frames at the beginning of a block in which something is wrong, then the error that names it."""
    first = int(block.starts[0]) - HEADER_SIZE
    read = BytesIO(block.data[first : first + block.size]).read
    count = 0
    try:
        while (record := read_plain(read, offset)) is not None:  # pragma: no branch - one of them is an error
            count += 1
            offset += len(record) + FRAME_OVERHEAD
    except TFRecordError:
        if count:
            yield Block(block.data, block.starts[:count], block.ends[:count])
        raise
    yield block  # pragma: no cover


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
