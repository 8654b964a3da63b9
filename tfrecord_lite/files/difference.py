"""diff: in which records, and in which of their features, do two sets of files differ?

Frames that are byte for byte the same are passed over, many at a time. Where they are not, a window of the next records
of both sides is aligned by their keys, which are length and stored CRC (see `format.alignment`), so that records added
or removed in between do not make everything behind them different. Records that stand in each other's place are decoded
and compared feature by feature.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import DecodeError, TFRecordError
from tfrecord_lite.files.frames import FrameSource, Progress
from tfrecord_lite.format.alignment import aligned
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.example import decode_sequence_example
from tfrecord_lite.format.framing import FOOTER_SIZE, FRAME_OVERHEAD, HEADER_SIZE

Array = NDArray[np.int64]

#: So many records of each side are aligned together, or fewer if they are larger than this.
_WINDOW, _WINDOW_SIZE = 64 << 10, 128 << 20


@dataclass(frozen=True)
class FeatureDifference:
    """A feature that is not the same.

    Attributes:
        key: its name.
        what: "removed" (it is in the first record only), "added" (in the second only), "kind", or "values".
        a, b: what it holds here and there, as `decode_example` gives it, or of a feature list the list of its steps.
            None also where it is missing.
    """

    key: str
    what: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Difference:
    """A record that is not the same.

    Attributes:
        what: "removed" (it is in the first files only), "added" (in the second only), or "changed".
        number_a, number_b: its number here and there, counted through all files, or None.
        features: what is different in a changed record, by name. Empty when all features are the same and only
            written in another way; None when one of the two is neither an Example nor a SequenceExample.
    """

    what: str
    number_a: int | None
    number_b: int | None
    features: tuple[FeatureDifference, ...] | None = None


def diff(a: Any, b: Any, *, progress: Progress | None = None) -> Iterator[Difference]:
    """The differences between the records of two sets of files, in order; none if all records are the same.

    Compression, and how the records are spread over files, do not matter. The order of records does. Records that were
    added or removed are found as such if those that follow each other are fewer than some 65,000, and smaller than
    128 MiB in all; behind more of them, records of the same number are compared, and are "changed". Of each side as
    much is kept in memory.

    Args:
        a, b: as `paths` for `read_records`.
        progress: called with (bytes done, bytes in all) of both sides.

    Raises:
        OSError: a file is missing or cannot be read; when called, not while iterating.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError: one of them is damaged. What is different in
            the last records before the damage is not given, if it is not certain what stands in whose place.
    """
    if progress is None:
        return _differences(FrameSource(a), FrameSource(b))
    of_a, of_b = _halves(progress)
    return _differences(FrameSource(a, of_a), FrameSource(b, of_b))


def _halves(progress: Progress) -> tuple[Progress, Progress]:
    """Two functions that take the progress of one side each; `progress` is told that of both."""
    sides = [(0, 0), (0, 0)]

    def half(side: int, done: int, total: int) -> None:
        sides[side] = done, total
        (done_a, total_a), (done_b, total_b) = sides
        progress(done_a + done_b, total_a + total_b)

    return partial(half, 0), partial(half, 1)


def _differences(a: FrameSource, b: FrameSource) -> Iterator[Difference]:
    with closing(a.blocks()) as blocks_a, closing(b.blocks()) as blocks_b:
        left, right = _Side(blocks_a), _Side(blocks_b)
        while True:
            _pass_over_same(left, right)
            left.fill_window()
            right.fill_window()
            yield from _aligned(left, right)
            error = left.error or right.error
            if error is not None:
                raise error
            if not (left.window or right.window or left.has_block() or right.has_block()):
                return


class _Side:
    """The frames of one side.

    Attributes:
        window: the next frames, while they are being aligned.
        keys: of the window, int64 [n].
        number: of the first frame that has not been compared.
        block: the frames behind the window.
        begin: the first of them in the block.
        lengths, crcs: of the block.
        error: what comes behind cannot be read.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.window: list[bytes] = []
        self.keys: Array = np.empty(0, np.int64)
        self.number = 0
        self.block: Block | None = None
        self.begin = 0
        self.lengths: Array = np.empty(0, np.int64)
        self.crcs = np.empty(0, np.uint32)
        self.error: TFRecordError | OSError | None = None

    def has_block(self) -> bool:
        """Whether there are frames behind the window; the next block is read if need be."""
        if self.block is not None and self.begin < len(self.block):
            return True
        try:
            self.block, self.begin = next(self._blocks, None), 0
        except (TFRecordError, OSError) as error:  # after what is different before it
            self.block, self.error = None, error
        if self.block is None:
            return False
        self.lengths = self.block.ends - self.block.starts
        self.crcs = self.block.stored_crcs()
        return True

    def fill_window(self) -> None:
        """Take frames into the window as long as there is room."""
        room = _WINDOW_SIZE - sum(map(len, self.window))
        keys = [self.keys]
        while len(self.window) < _WINDOW and room > 0 and self.has_block():
            some = slice(self.begin, self.begin + _WINDOW - len(self.window))
            sizes = self.lengths[some] + FRAME_OVERHEAD
            # The last one may be larger than the room that is left.
            sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), room)) + 1]
            some = slice(self.begin, self.begin + len(sizes))
            self.window += map(BytesIO(self.octets(len(sizes)).data).read, sizes.tolist())
            keys.append(self.lengths[some] << 32 | self.crcs[some])  # lengths are below 2^31
            room -= int(sizes.sum())
            self.begin += len(sizes)
        self.keys = np.concatenate(keys)

    def advance(self, count: int) -> None:
        """Frames of the window have been compared."""
        del self.window[:count]
        self.keys = self.keys[count:]
        self.number += count

    def octets(self, count: int) -> NDArray[np.uint8]:
        """The next frames of the block."""
        assert self.block is not None
        pieces = self.block.frames(self.begin, self.begin + count).pieces
        return np.frombuffer(pieces[0] if len(pieces) == 1 else b"".join(pieces), np.uint8)


def _pass_over_same(left: _Side, right: _Side) -> None:
    """Leave frames behind that are the same, as long as whole blocks can be looked at."""
    while not left.window and not right.window and left.has_block() and right.has_block():
        count = _count_same(left, right)
        for side in (left, right):
            side.begin += count
            side.number += count
        if not count:
            return


def _count_same(left: _Side, right: _Side) -> int:
    """How many of the next frames in both blocks are the same."""
    assert left.block is not None
    assert right.block is not None
    count = min(len(left.block) - left.begin, len(right.block) - right.begin)
    places = [slice(side.begin, side.begin + count) for side in (left, right)]
    lengths = [side.lengths[place] for side, place in zip((left, right), places, strict=True)]
    unlike = np.flatnonzero((lengths[0] != lengths[1]) | (left.crcs[places[0]] != right.crcs[places[1]]))
    if len(unlike):
        count = int(unlike[0])
    if not count:
        return 0
    unlike = np.flatnonzero(left.octets(count) != right.octets(count))
    if not len(unlike):
        return count
    ends = np.cumsum(lengths[0][:count] + FRAME_OVERHEAD)
    return int(np.searchsorted(ends, unlike[0], side="right"))


def _aligned(left: _Side, right: _Side) -> Iterator[Difference]:
    """What is different in the windows, as far as it is certain what stands in whose place."""
    at_a, at_b = aligned(left.keys, right.keys)
    sides = (left, right)
    end_a, end_b = len(left.window), len(right.window)
    if any(side.has_block() or side.error for side in sides):
        if len(at_a):
            # What comes behind may find its place when more is in the windows.
            end_a, end_b = int(at_a[-1]) + 1, int(at_b[-1]) + 1
        elif all(side.window or side.error for side in sides):
            # Nothing is alike: one stands for the other.
            end_a = end_b = min(end_a, end_b)
    begin_a = begin_b = 0
    for stop_a, stop_b in zip([*at_a.tolist(), end_a], [*at_b.tolist(), end_b], strict=True):
        next_a, next_b = stop_a, stop_b
        # Before a pair, records may be the same whose keys have other partners.
        while stop_a > begin_a and stop_b > begin_b and left.window[stop_a - 1] == right.window[stop_b - 1]:
            stop_a, stop_b = stop_a - 1, stop_b - 1
        for a, b in zip_longest(range(begin_a, stop_a), range(begin_b, stop_b)):
            frame_a = None if a is None else left.window[a]
            frame_b = None if b is None else right.window[b]
            if frame_a != frame_b:
                number_a = None if a is None else left.number + a
                number_b = None if b is None else right.number + b
                yield _difference(frame_a, frame_b, number_a, number_b)
        # The pair itself is looked at with what follows, first: it shares a key, and may be different.
        begin_a, begin_b = next_a, next_b
    left.advance(end_a)
    right.advance(end_b)


def _difference(a: bytes | None, b: bytes | None, number_a: int | None, number_b: int | None) -> Difference:
    if a is None or b is None:
        return Difference("added" if a is None else "removed", number_a, number_b)
    try:
        features = _unlike_features(a[HEADER_SIZE:-FOOTER_SIZE], b[HEADER_SIZE:-FOOTER_SIZE])
    except DecodeError:
        features = None
    return Difference("changed", number_a, number_b, features)


def _unlike_features(a: bytes, b: bytes) -> tuple[FeatureDifference, ...]:
    """Those of two Examples, or of two SequenceExamples, with their feature lists behind the context."""
    return tuple(
        FeatureDifference(key, what, here.get(key), there.get(key))
        for here, there in zip(decode_sequence_example(a), decode_sequence_example(b), strict=True)
        for key in sorted(here.keys() | there.keys())
        if (what := _what_differs(key, here, there))
    )


def _what_differs(key: str, here: Any, there: Any) -> str:
    if key not in there:
        return "removed"
    if key not in here:
        return "added"
    a, b = _comparable(here[key]), _comparable(there[key])
    if a == b:
        return ""
    return "kind" if a[0] != b[0] else "values"


def _comparable(value: Any) -> tuple[str, Any]:
    """(kind, values) of a feature, or of the steps of a feature list. Numbers by their bits: NaN is NaN, 0 not -0."""
    if value is None:
        return "none", None
    if not isinstance(value, list):
        return str(value.dtype), value.tobytes()
    if value and not isinstance(value[0], bytes):
        return "list", list(map(_comparable, value))
    return "bytes", value
