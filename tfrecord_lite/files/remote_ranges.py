"""Any bytes of a URL, some or many ranges at once: what random access reads from.

    ranges.at(offset, size)           (buffer, position): the range lies in buffer[position : position + size]
    ranges.at_many(offsets, sizes)    (buffer, positions): many ranges, in one buffer
    ranges.read(offset, size)         the bytes of one range
    ranges.read_ranges(ranges)        and of many
    HeldRanges                        the same piece by piece, with what was fetched last held

Ranges near each other are fetched together, those far apart at the same time. Nothing is kept open, so an object may
be pickled, taken along by a fork, and used by several threads at once.
"""

from __future__ import annotations

import errno
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.files.remote import BLOCK_SIZE, locate, os_errors

Array = NDArray[np.int64]

#: So many bytes between two ranges are fetched with them: a request of its own takes longer.
_LARGEST_GAP = 64 << 10

#: What backends call the version of a file, the surest first.
_VERSIONS = ("ETag", "etag", "generation", "mtime", "LastModified", "Last-Modified", "modified", "updated", "created")


class RemoteState(NamedTuple):
    """What a file that was changed differs in.

    Attributes:
        size: in bytes.
        version: an ETag, generation or time, as the server tells it; "" when it tells none.
    """

    size: int
    version: str


class RemoteRanges:
    """A file at a URL that can be entered anywhere.

    Attributes:
        state: of the file now, at the time when this was made.
        size: bytes in the file.

    Raises:
        OSError: there is no such file, the server cannot be asked, does not tell the size, or gives whole files only;
            also while reading, and when fewer bytes are there than were asked for.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        with os_errors(url):
            fs, path = locate(url)
            facts = fs.info(path)
            if facts["type"] == "directory":
                raise IsADirectoryError(errno.EISDIR, "a directory", url)
            if facts["size"] is None:
                raise OSError(errno.EOPNOTSUPP, "the server does not tell how large the file is", url)
        self.state = RemoteState(facts["size"], str(next((facts[key] for key in _VERSIONS if facts.get(key)), "")))
        self.size: int = facts["size"]

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` on."""
        return self.at(offset, size)[0]

    def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Each (offset, size) as bytes, in the order that was asked for."""
        offsets, sizes = np.array([*ranges], np.int64).reshape(-1, 2).T
        buffer, positions = self.at_many(offsets, sizes)
        spans = zip(positions.tolist(), (positions + sizes).tolist(), strict=True)
        return [buffer[begin:end] for begin, end in spans]

    def at(self, offset: int, size: int) -> tuple[bytes, int]:
        """One range, at the beginning of the bytes that are given."""
        return self._fetch([(offset, offset + size)]), 0

    def at_many(self, offsets: Array, sizes: Array) -> tuple[bytes, Array]:
        """Many ranges; they may overlap, and come in any order.

        Args:
            offsets, sizes: int64 [n].

        Returns:
            bytes, and where each range begins in them, int64 [n].
        """
        if not len(offsets):
            return b"", offsets
        order = np.argsort(offsets, kind="stable")
        begins = offsets[order]
        ends = np.maximum.accumulate(begins + sizes[order])
        is_first = np.concatenate(([True], begins[1:] > ends[:-1] + _LARGEST_GAP))
        firsts = np.flatnonzero(is_first)
        stretches = begins[firsts], ends[np.concatenate((firsts[1:], [len(ends)])) - 1]
        places = np.cumsum(stretches[1] - stretches[0]) - stretches[1]  # to be added to an offset
        positions = np.empty_like(offsets)
        positions[order] = begins + places[np.cumsum(is_first) - 1]
        return self._fetch(list(zip(*(limit.tolist() for limit in stretches), strict=True))), positions

    def _fetch(self, stretches: list[tuple[int, int]]) -> bytes:
        """The bytes of some [begin, end), joined."""
        for begin, end in stretches:
            if not 0 <= begin <= end <= self.size:
                raise OSError(errno.EINVAL, f"bytes {begin} to {end} of a file of {self.size} bytes", self._url)
        pieces = [
            (start, min(start + BLOCK_SIZE, end)) for begin, end in stretches for start in range(begin, end, BLOCK_SIZE)
        ]
        if not pieces:
            return b""
        with os_errors(self._url):
            fs, path = locate(self._url)
            answers: list[Any]
            if len(pieces) == 1:
                answers = [fs.cat_file(path, start=pieces[0][0], end=pieces[0][1])]
            else:
                answers = fs.cat_ranges([path] * len(pieces), *map(list, zip(*pieces, strict=True)), on_error="return")
            for (start, end), answer in zip(pieces, answers, strict=True):
                if isinstance(answer, BaseException):
                    raise answer
                if len(answer) != end - start:
                    text = f"{len(answer)} bytes came for {start} to {end}"
                    raise OSError(errno.EIO, f"{text}: the file was changed, or the server gives whole ones", self._url)
            return b"".join(answers)


class HeldRanges:
    """A file at a URL that is read in small pieces: what was fetched last is held, and pieces are taken from it.

    May be used by several threads at once, and taken along by a fork.

    Attributes:
        size: bytes in the file.
    """

    def __init__(self, url: str) -> None:
        self._ranges = RemoteRanges(url)
        self.size = self._ranges.size
        self._held: tuple[list[int], list[bytes]] = [], []  # where they begin, in order, and what they are

    def fetch(self, ranges: list[tuple[int, int]]) -> None:
        """Hold these (offset, size), which are in order, and nothing else."""
        self._held = [offset for offset, _ in ranges], self._ranges.read_ranges(ranges)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from `offset` on, fewer at the end of the file."""
        size = max(min(size, self.size - offset), 0)
        begins, pieces = self._held  # together: another thread may replace them
        place = bisect_right(begins, offset) - 1
        if place < 0 or offset + size > begins[place] + len(pieces[place]):
            piece = self._ranges.read(offset, min(max(size, _LARGEST_GAP), self.size - offset)) if size else b""
            begins, pieces, place = [offset], [piece], 0
            self._held = begins, pieces
        begin = offset - begins[place]
        return pieces[place][begin : begin + size]
