"""dedupe: each record once, at its first place.

The first pass takes length and stored CRC of every record, which makes candidates; the second moves the frames, and
before one is left out it is compared with the one that stays:

    that one lies in a plain file         byte by byte; it is read again
    in a compressed file, or at a URL     by a BLAKE2b hash of 128 bits: nobody can jump to it, or it takes too long

What is kept in memory is 16 bytes a record, three times as much between the passes, and besides some 200 bytes for
each record of a compressed file, or of a URL, that occurs again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.files.frames import FrameSource, Moved, Progress
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.block import Block

Array = NDArray[np.int64]

_HASH_SIZE = 16
#: In the place of an offset: the frame is not read again.
_OUT_OF_REACH = -1


def dedupe(paths: Any, out: Any, *, options: Any = None, progress: Progress | None = None) -> Moved:
    """The records of the files without those that were there before, byte for byte, in one file and in their order.

    Args:
        paths, out, options, progress: as for `merge`. The input is read twice.

    Raises:
        ValueError: an input is a stream.
        others: as for `merge`.
    """
    source = FrameSource(paths, progress, passes=2)
    source.check_rereadable("records are compared with those before them")
    with source.output(out, options) as file, _Places(source) as places:
        for block in source.blocks():
            chosen = places.are_new(block, source.read - len(block))
            file.write(block.chosen_frames(chosen))
    return Moved(source.read, (file.facts(),))


class _Places:
    """Where all frames are, and which of them may be the same. A context manager that closes the files it reads again.

    Args:
        source: is read once.
    """

    def __init__(self, source: FrameSource) -> None:
        self._sources = source.sources
        keys, offsets, counts = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [0] * len(source.sources)
        for block in source.blocks():
            lengths = (block.ends - block.starts).astype(np.uint64)  # all below 2^31
            keys.append(lengths << np.uint64(32) | block.stored_crcs())
            if source.reader.compression_type or is_url(str(source.sources[source.number])):
                offsets.append(np.full(len(block), _OUT_OF_REACH))
            else:
                offsets.append(source.reader.offset - block.size + block.starts - block.starts[0])
            counts[source.number] += len(block)
        self._file_ends = np.cumsum(counts)
        self._offsets = np.concatenate(offsets)
        self._firsts = _firsts(np.concatenate(keys))
        is_first = self._firsts == np.arange(len(self._firsts))
        #: Of records that others may be the same as.
        self._is_shared = np.zeros(len(is_first), bool)
        self._is_shared[self._firsts[~is_first]] = True
        #: {number of the first record of a length and CRC: numbers of others, which only share these}
        self._others: dict[int, list[int]] = {}
        self._hashes: dict[int, bytes] = {}
        self._streams: dict[int, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> _Places:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def are_new(self, block: Block, number: int) -> NDArray[np.bool_]:
        """Which records of the block, the first of which has this number, are not the same as one before them."""
        numbers = slice(number, number + len(block))
        firsts: Array = self._firsts[numbers]
        is_first = firsts == np.arange(number, number + len(block))
        is_new: NDArray[np.bool_] = is_first.copy()
        for place in np.flatnonzero(~is_first | self._is_shared[numbers]).tolist():
            frame = b"".join(block.frames(place, place + 1).pieces)
            first = int(firsts[place])
            if is_first[place]:
                self._keep(number + place, frame)
            elif not any(self._is_same(frame, other) for other in (first, *self._others.get(first, ()))):
                self._others.setdefault(first, []).append(number + place)
                self._keep(number + place, frame)
                is_new[place] = True
        return is_new

    def _keep(self, number: int, frame: bytes) -> None:
        """Others may be compared with this frame."""
        if self._offsets[number] == _OUT_OF_REACH:
            self._hashes[number] = _hash(frame)

    def _is_same(self, frame: bytes, number: int) -> bool:
        if self._offsets[number] == _OUT_OF_REACH:
            return self._hashes[number] == _hash(frame)
        stream = self._stream(int(np.searchsorted(self._file_ends, number, side="right")))
        stream.seek(int(self._offsets[number]))
        return b"".join(_pieces(stream, len(frame))) == frame

    def _stream(self, number: int) -> Any:
        if number not in self._streams:
            stream, _, _ = open_source(self._sources[number], "")
            self._streams[number] = self._stack.enter_context(stream)
        return self._streams[number]


def _firsts(keys: NDArray[np.uint64]) -> Array:
    """For each key the number of its first occurrence, int64 [n]."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    is_first = np.ones(len(keys), bool)
    is_first[1:] = keys[1:] != keys[:-1]
    firsts = np.empty(len(keys), np.int64)
    firsts[order] = order[is_first][np.cumsum(is_first) - 1]
    return firsts


def _hash(frame: bytes) -> bytes:
    return blake2b(frame, digest_size=_HASH_SIZE).digest()


def _pieces(stream: Any, size: int) -> Iterator[bytes]:
    """`size` bytes of a stream, fewer at its end."""
    while size and (piece := stream.read(size)):
        yield piece
        size -= len(piece)
