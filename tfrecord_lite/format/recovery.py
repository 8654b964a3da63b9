"""`read_blocks` that goes on behind damage, with the next sound frame.

Takes a byte stream and a callback, gives blocks of the sound frames; each stretch that was passed over goes to the
callback as a SkippedRegion. Raises what the callback and the stream raise, and nothing about damage.

What lies behind a damaged frame is found like this:

    1. Where the frame says it ends. A header states its length twice, see `resync.stated_lengths`. If another sound
       header, or the end of the stream, stands where one of the two leads to, the frame alone is lost; headers in its
       record, of TFRecord bytes stored in it, are not taken for frames of the file. But if a header inside also ends at
       just that place, bytes of the frame are missing and others that follow it have moved up.
    2. Else anywhere behind the first byte of the frame: the first place with a sound header whose record has its CRC,
       or which ends where another sound header, or the end of the stream, stands. (The frame is then read as any
       other, and is a region of its own if it is damaged.)

Both take 64 bits of CRC to agree, and go wrong with a chance of 2^-64 a byte of random data. What they cannot tell:
where neighbouring frames are damaged in both header and data, or cut, frames inside their records look like any other.

Sound frames are given back in the order of the file, and the cost is bounded: `_Recovery._can_afford` says how. Memory
is bounded by a few times the longest record accepted, for a header that lies must be believed until its record has
been read. Records above `longest` are passed over like damage.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np

from tfrecord_lite.errors import CorruptRecordError, SkippedRegion, TFRecordError, TruncatedRecordError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.blocks import BLOCK_SIZE, MARGIN, Block, ByteStream, read_blocks
from tfrecord_lite.format.framing import (
    DEFAULT_MAX_RECORD_SIZE,
    FOOTER_SIZE,
    FRAME_OVERHEAD,
    HEADER_SIZE,
    is_header,
    read_frame,
)
from tfrecord_lite.format.resync import find_headers, stated_lengths
from tfrecord_lite.format.window import Window

#: The search looks at more and more at once: the next frame is near most of the time, and far pieces are searched fast.
_SMALLEST_PIECE, _LARGEST_PIECE = 4 << 10, 512 << 10
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
    for_decoding: bool = False,
    resume: Callable[[], bool] | None = None,
) -> Iterator[Block]:
    """The sound frames of a stream, block by block, each valid until the next one is asked for.

    Args:
        stream, max_record_size, for_decoding: as for `read_blocks`.
        recovery: called with each region before what follows it is given; nothing does if it returns False.
        resume: makes a stream that raised a TFRecordError go on behind what it could not give, or returns False.
    """
    longest = DEFAULT_MAX_RECORD_SIZE if max_record_size is None else max_record_size
    return _Recovery(Window(stream, resume), recovery, longest, for_decoding).blocks()


class _Recovery:
    """One stream being read; `_offset` is where the next frame begins."""

    def __init__(self, window: Window, recovery: Recovery, longest: int, for_decoding: bool) -> None:
        self._window = window
        self._recovery = recovery
        self._longest = longest
        self._for_decoding = for_decoding
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
                reason = self._reason(damage)
                end = self._next_frame()
                if self._recovery(SkippedRegion(self._offset, end, reason)) is False:
                    return
                self._move_to(end)
                damage = yield from self._blocks_before(known)

    def _fast_blocks(self) -> Generator[Block, None, TFRecordError | None]:
        """Blocks up to damage, which is returned, or to the end of what the stream gives."""
        self._window.position = self._offset
        try:
            for block in read_blocks(self._window, max_record_size=self._longest, for_decoding=self._for_decoding):
                size = block.size  # before the block is given away
                yield block
                self._move_to(self._offset + size)
        except TFRecordError as error:
            return error
        return None

    def _blocks_before(self, known: int) -> Generator[Block, None, TFRecordError | None]:
        """Blocks of frames that begin before `known`, up to damage, which is returned.

        They have been read once; looking at each frame now makes it cheap to meet damage again soon.
        """
        window = self._window
        damage: TFRecordError | None = None
        # What stands before a failure of the stream cannot be left to `read_blocks`, which would meet it again.
        while damage is None and self._offset < (limit := known if window.error is None else window.end):
            begin = position = self._offset
            limits, record = [0], b""
            try:
                while position < limit and position - begin < BLOCK_SIZE:
                    record = self._record_at(position)
                    position += len(record) + FRAME_OVERHEAD
                    limits.append(position - begin)
            except TFRecordError as error:
                damage = error
            if len(limits) == 2:
                yield Block.of_record(record)
            elif position > begin:
                data = memoryview(bytearray(window.peek(begin, position - begin)) + bytes(MARGIN))
                between = np.array(limits, np.int64)
                yield Block(data, between[:-1] + HEADER_SIZE, between[1:] - FOOTER_SIZE)
            self._move_to(position)
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
        header = window.peek(offset, HEADER_SIZE)
        if self._spent and is_header(header):
            length = stated_lengths(header)[0]
            if not self._can_afford(length) and not self._is_linked(offset, length):
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
            limit = self._longest if is_header(header) else min(self._longest, _FARTHEST_GUESS)
            for length in sorted(set(stated_lengths(header))):
                if length <= limit and self._is_linked(begin, length):
                    end = begin + length + FRAME_OVERHEAD
                    if not self._can_afford(length) or not self._has_header_up_to(end):
                        return end
                    self._spent += length
            if is_header(header):
                self._spent += min(stated_lengths(header)[0], window.end - begin)
        found = self._search(begin + 1)
        while found is None and window.error is not None and window.resume():
            found = self._search(window.end)
        return window.end if found is None else found

    def _search(self, position: int) -> int | None:
        """The first frame at or behind `position`, or None."""
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
        """Whether what a sound header at `begin` announces is there."""
        if self._is_linked(begin, length):
            return True
        footer = self._window.peek(begin + HEADER_SIZE + length, FOOTER_SIZE)
        if len(footer) < FOOTER_SIZE or not self._can_afford(length):
            return False
        record = begin + HEADER_SIZE, begin + HEADER_SIZE + length
        if crc32c.mask(self._window.crc(*record)) == int.from_bytes(footer, "little"):
            return True
        self._spent += length
        return False

    def _is_linked(self, begin: int, length: int) -> bool:
        """Whether a sound header, or the end of the stream, stands where a frame of this length would end."""
        end = begin + length + FRAME_OVERHEAD
        following = self._window.peek(end, HEADER_SIZE)
        return is_header(following) or (not following and self._window.end == end)

    def _has_header_up_to(self, end: int) -> bool:
        """Whether a sound header inside the frame at the offset announces a frame that ends at `end`."""
        inside = self._offset + 1
        positions, lengths = find_headers(self._window.peek(inside, end - inside), self._longest)
        return bool((positions + lengths + (FRAME_OVERHEAD + inside) == end).any())

    def _can_afford(self, length: int) -> bool:
        """Whether a record of this length may be looked at that may not be there.

        A file can be full of headers that lie about megabytes. What was looked at in vain is bounded: by the longest
        record, and by a multiple of what has been passed. Beyond that, a frame counts only if another header or the end
        of the stream follows it; that can pass over sound frames in front of damage, in a file made for it.
        """
        return length <= self._longest + _PATIENCE * self._window.begin - self._spent

    def _move_to(self, offset: int) -> None:
        self._offset = offset
        self._window.release(offset)
