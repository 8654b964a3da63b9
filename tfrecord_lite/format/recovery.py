"""`read_blocks` that goes on behind damage, with the next sound frame.

Takes a byte stream and a callback, gives blocks of the sound frames; each stretch that was passed over goes to the
callback as a SkippedRegion. Raises what the callback and the stream raise, and nothing about damage.

What lies behind a damaged frame is found like this:

    1. Where the frame ends, when that is known, so that TFRecord bytes stored in its record are not taken for frames of
       the file. A header states its length twice, see `resync.stated_lengths`. Where the two differ, the record must
       have its CRC with one of them; where the header is sound, the record is not. In either case a sound frame, or the
       end of the stream, must follow. (Unless a header inside announces a frame that ends at just that place: then
       bytes of the record are missing, and others have moved up.)
    2. Else anywhere behind the first byte of the frame: the first place where a sound frame stands.

A frame is sound when both CRCs hold. (A header alone proves little: a record of 8 bytes and its footer look like one.)
Random bytes pass for a frame with a chance of 2^-64 at each byte. What cannot be told: when both header and record of a
frame are damaged, or it is not followed by a sound one, frames stored in its record look like any other.

The cost is bounded: `_Recovery._can_afford` says how. So is memory, by twice the longest record accepted: what has been
read, where one frame may turn out to be none, and its record. Longer records are passed over like damage.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np

from tfrecord_lite.errors import CorruptRecordError, SkippedRegion, TFRecordError, TruncatedRecordError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_RECORDS, MARGIN, ByteStream, Sizes, read_blocks
from tfrecord_lite.format.framing import (
    DEFAULT_MAX_RECORD_SIZE,
    FOOTER_SIZE,
    FRAME_OVERHEAD,
    HEADER_SIZE,
    is_header,
    read_frame,
)
from tfrecord_lite.format.resync import find_headers, stated_lengths
from tfrecord_lite.format.walk import walk
from tfrecord_lite.format.window import Window

#: The search looks at more and more at once: the next frame is near most of the time, and far pieces are searched fast.
_SMALLEST_PIECE, _LARGEST_PIECE = 4 << 10, 128 << 10
#: Bytes that are checked at once where damage has been met: enough to spread the cost, few to look at one by one.
_SMALL_BLOCK = 16 << 10
#: How far the length in a header that is not sound is followed: where all of the header is garbage, so is its length.
_FARTHEST_GUESS = 1 << 20
#: Bytes that may be looked at in vain for each byte that is passed, see `_can_afford`.
_PATIENCE = 16

#: Whether to go on behind a region: only False means no.
Recovery = Callable[[SkippedRegion], "bool | None"]


def recover_blocks(
    stream: ByteStream,
    recovery: Recovery,
    *,
    max_record_size: int | None = None,
    sizes: Sizes = FOR_RECORDS,
    resume: Callable[[], tuple[bool, int]] | None = None,
) -> Iterator[Block]:
    """The sound frames of a stream, block by block, each valid until the next one is asked for.

    Args:
        stream, max_record_size, sizes: as for `read_blocks`.
        recovery: called with each region before what follows it is given; nothing does if it returns False.
        resume: makes a stream that raised a TFRecordError go on behind what it could not give; see `Window`.
    """
    longest = DEFAULT_MAX_RECORD_SIZE if max_record_size is None else max_record_size
    return _Recovery(Window(stream, resume), recovery, longest, sizes).blocks()


class _Recovery:
    """One stream being read; `_offset` is where the next frame begins."""

    def __init__(self, window: Window, recovery: Recovery, longest: int, sizes: Sizes) -> None:
        self._window = window
        self._recovery = recovery
        self._longest = longest
        self._sizes = sizes
        self._offset = 0
        self._spent = 0

    def blocks(self) -> Iterator[Block]:
        window = self._window
        while True:
            damage = yield from self._fast_blocks()
            if damage is None and window.error is None:
                return
            known = window.end
            while damage is not None or window.error is not None:
                reason, passed_before = self._reason(damage), window.passed_over
                end = self._next_frame()
                passed = window.passed_over - passed_before
                if self._recovery(SkippedRegion(self._offset, end, reason, compressed_bytes=passed)) is False:
                    return
                self._move_to(end)
                damage = yield from self._blocks_before(known)

    def _fast_blocks(self) -> Generator[Block, None, TFRecordError | None]:
        """Blocks up to damage, which is returned, or to the end of what the stream gives."""
        self._window.position = self._offset
        try:
            for block in read_blocks(self._window, max_record_size=self._longest, sizes=self._sizes):
                self._move_to(self._offset + block.size)  # first: whoever has a long record need not have it twice
                yield block
        except TFRecordError as error:
            return error.with_traceback(None)
        return None

    def _blocks_before(self, known: int) -> Generator[Block, None, TFRecordError | None]:
        """Blocks of frames that begin before `known`, up to damage, which is returned.

        They have been read once; in small blocks it is cheap to meet damage again soon.
        """
        window = self._window
        damage: TFRecordError | None = None
        # What stands before a failure of the stream cannot be left to `read_blocks`, which would meet it again.
        while damage is None and self._offset < (known if window.error is None else window.end):
            piece = window.peek(self._offset, min(_SMALL_BLOCK, window.end - self._offset))
            limits = walk(memoryview(piece), len(piece))
            block = _block(piece, limits)
            if block is None or not block.is_sound() or int((block.ends - block.starts).max()) > self._longest:
                damage = yield from self._one_by_one(self._offset + len(piece))
            else:
                self._move_to(self._offset + limits[-1])
                yield block
        return damage

    def _one_by_one(self, last: int) -> Generator[Block, None, TFRecordError | None]:
        """The sound frames that begin before `last`, and what is wrong with the one behind them, if anything is."""
        begin = position = self._offset
        limits = [0]
        long_record = damage = None
        try:
            while position < last:
                record = self._record_at(position)
                position += len(record) + FRAME_OVERHEAD
                if len(record) > _SMALL_BLOCK:  # the last of these: it is not copied into a block
                    long_record = record
                else:
                    limits.append(position - begin)
        except TFRecordError as error:
            damage = error.with_traceback(None)  # which holds the record that was read
        block = _block(self._window.peek(begin, limits[-1]), limits)
        self._move_to(position)
        if block is not None:
            yield block
        if long_record is not None:
            yield Block.of_record(long_record)
        return damage

    def _reason(self, damage: TFRecordError | None) -> str:
        error = self._window.error
        # A frame that is cut because the stream failed, or no frame at all.
        if error is None or not (damage is None or isinstance(damage, TruncatedRecordError)):
            error = damage
        assert error is not None
        error.offset = self._offset
        return str(error)

    def _record_at(self, offset: int) -> bytes:
        """The record of the frame at an offset that is not the end."""
        window = self._window
        if self._spent:
            header = window.peek(offset, HEADER_SIZE)
            if is_header(header) and not self._can_afford(stated_lengths(header)[0]):
                raise CorruptRecordError("data", reason="not looked at: too many records before it were not there")
        window.position = offset
        record = read_frame(window.read, offset, max_record_size=self._longest)
        assert record is not None
        return record

    def _next_frame(self) -> int:
        """Where a frame begins behind the damaged one at the offset; the end of the stream if there is none."""
        window, begin = self._window, self._offset
        header = window.peek(begin, HEADER_SIZE)
        if len(header) == HEADER_SIZE:
            lengths = stated_lengths(header)
            is_sound = len(lengths) == 1
            for length in lengths:
                end = begin + length + FRAME_OVERHEAD
                is_known = length <= self._longest if is_sound else self._is_guessed(length)
                if is_known and self._is_frame_or_end(end) and not self._is_header_up_to(end):
                    return end
            if is_sound and self._can_afford(lengths[0]):  # then it has been looked at
                self._spent += min(lengths[0], window.end - begin)
        found = self._search(begin + 1)
        while found is None and window.error is not None and window.resume():
            found = self._search(window.end)
        return window.end if found is None else found

    def _is_guessed(self, length: int) -> bool:
        """Whether the frame at the offset, whose header is not sound, has a record of this length."""
        return length <= _FARTHEST_GUESS and self._is_frame(self._offset, length)

    def _search(self, position: int) -> int | None:
        """The first sound frame at or behind `position`, or None."""
        window, size = self._window, _SMALLEST_PIECE
        while True:
            piece = window.peek(position, size)
            positions, lengths = find_headers(piece, self._longest)
            for at, length in zip((positions + position).tolist(), lengths.tolist(), strict=True):
                if self._is_frame(at, length):
                    return int(at)
            if len(piece) < size:
                return None
            position += size - HEADER_SIZE + 1
            window.release(position)
            size = min(2 * size, _LARGEST_PIECE)

    def _is_frame(self, begin: int, length: int) -> bool:
        """Whether a record of this length is there in a frame that begins at `begin`, and has its CRC."""
        if length > self._longest or not self._can_afford(length):
            return False
        record_begin, record_end = begin + HEADER_SIZE, begin + HEADER_SIZE + length
        footer = self._window.peek(record_end, FOOTER_SIZE)
        if len(footer) < FOOTER_SIZE:
            return False
        if crc32c.mask(self._window.crc(record_begin, record_end)) == int.from_bytes(footer, "little"):
            return True
        self._spent += length
        return False

    def _is_frame_or_end(self, offset: int) -> bool:
        """Whether a sound frame begins, or the stream ends, at `offset`."""
        header = self._window.peek(offset, HEADER_SIZE)
        if is_header(header):
            return self._is_frame(offset, stated_lengths(header)[0])
        return not header and self._window.end == offset

    def _is_header_up_to(self, end: int) -> bool:
        """Whether a sound header inside the frame at the offset announces a frame that ends at `end`."""
        inside = self._offset + 1
        if not self._can_afford(end - inside):
            return False
        for begin in range(inside, end, _LARGEST_PIECE):
            size = min(_LARGEST_PIECE + HEADER_SIZE - 1, end - begin)
            positions, lengths = find_headers(self._window.peek(begin, size), self._longest)
            if (positions + lengths + FRAME_OVERHEAD == end - begin).any():
                self._spent += end - inside
                return True
        return False

    def _can_afford(self, size: int) -> bool:
        """Whether so many bytes may be looked at that perhaps are no frame.

        A file can be full of headers that lie about megabytes. What is looked at in vain is bounded, by the longest
        record and a multiple of what has been passed; in a file made to exceed that, sound frames may be passed over.
        """
        return size <= self._longest + _PATIENCE * self._window.begin - self._spent

    def _move_to(self, offset: int) -> None:
        self._offset = offset
        self._window.release(offset)


def _block(data: bytes, limits: list[int]) -> Block | None:
    """A block of the frames between these places in `data`, in a buffer of its own; None of none."""
    if len(limits) < 2:
        return None
    between = np.array(limits, np.int64)
    buffer = memoryview(bytearray(data) + bytes(MARGIN))
    return Block(buffer, between[:-1] + HEADER_SIZE, between[1:] - FOOTER_SIZE)
