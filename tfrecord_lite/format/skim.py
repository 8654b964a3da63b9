"""Where the frames of a file are, from their headers alone.

    small records    read with all else, block by block, and leapt through
    long ones        passed over: the stream is sent from header to header

Takes a stream that can be sent to any place. Stops before anything that is not as it should be (a CRC, a length, an
end): whoever reads on from there learns what it is.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.framing import DEFAULT_MAX_RECORD_SIZE, FRAME_OVERHEAD, HEADER_SIZE, encode_header
from tfrecord_lite.format.gaps import length_crcs
from tfrecord_lite.format.walk import leap, walk

Array = NDArray[np.int64]

_BLOCK_SIZE = 512 << 10
#: What `leap` may look at behind a block.
_MARGIN = 8
#: From this length on, passing a record over costs less than reading it.
_LONG = 4 << 10

_LENGTH = struct.Struct("<Q")


class SeekableStream(Protocol):
    """What `skim` reads from."""

    def seek(self, offset: int, /) -> int: ...
    def readinto(self, buffer: Any, /) -> int | None: ...


def skim(
    stream: SeekableStream, size: int, *, verify: bool, longest: int = DEFAULT_MAX_RECORD_SIZE
) -> Generator[Array]:
    """The sizes of the frames (length + 16), int64 arrays, from the start of a stream of `size` bytes on.

    All of them; or those before a record longer than `longest`; or, before a damaged header, those of the blocks before
    its own. `verify` says whether the CRCs of the headers are checked. The records are not looked at.
    """
    view = memoryview(bytearray(_BLOCK_SIZE + _MARGIN))
    offset = 0
    while offset < size:
        stream.seek(offset)
        held = stream.readinto(view[:_BLOCK_SIZE]) or 0
        limits = leap(view, held)
        if limits is None:
            limits = np.array(walk(view, held), np.int64)
        sizes = np.diff(limits)
        if len(sizes):
            if verify and not _are_sound(view, limits[:-1], sizes):
                return
            yield sizes
            offset += int(limits[-1])
        if int(limits[-1]) >= _LONG * len(sizes):
            passed = _pass_over(stream, offset, size, verify, longest)
            if passed:
                yield np.array(passed, np.int64)
                offset += sum(passed)
            elif not len(sizes):
                return


def _pass_over(stream: SeekableStream, offset: int, size: int, verify: bool, longest: int) -> list[int]:
    """The sizes of frames from `offset` on as long as they are long; the first one whatever it is."""
    passed: list[int] = []
    header = bytearray(HEADER_SIZE)
    while offset < size:
        stream.seek(offset)
        if stream.readinto(header) != HEADER_SIZE:
            break
        length: int = _LENGTH.unpack_from(header)[0]
        frame_size = length + FRAME_OVERHEAD
        if length > longest or offset + frame_size > size or (length < _LONG and passed):
            break
        if verify and encode_header(length) != header:
            break
        passed.append(frame_size)
        offset += frame_size
    return passed


def _are_sound(view: memoryview, positions: Array, sizes: Array) -> bool:
    """Whether the CRCs of the headers at these positions hold."""
    words = np.ndarray((len(view) - 3,), "<u4", view, strides=(1,))
    return bool((words[positions + _LENGTH.size] == length_crcs(sizes - FRAME_OVERHEAD)).all())
