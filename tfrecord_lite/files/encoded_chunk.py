"""A chunk of items -> the frames of their records, or the item that could not be encoded.

What is done in a worker process and, without workers, in the caller's own. Both results can be pickled.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from reprlib import Repr
from typing import Any

import numpy as np

from tfrecord_lite.errors import ItemError
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.values import byte_view

Encode = Callable[[Any], Any]


@dataclass(frozen=True)
class Skip:
    """What encode may give in the place of None, to say why an item is skipped."""

    reason: str


@dataclass
class EncodedChunk:
    """What became of a chunk.

    Attributes:
        groups: the frames of all records.
        items: how many there were.
        skipped: of them, those for which encode gave None or a Skip.
        seconds: how long it took.
        reasons: (number of the item, reason) of each Skip.
    """

    groups: list[FrameGroup]
    items: int
    skipped: int
    seconds: float
    reasons: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Failure:
    """An item that could not be encoded.

    Attributes:
        number: of the item.
        item: shortened.
        error: what was raised.
        trace: where in a worker that was, as text: pickling an exception loses it.
    """

    number: int
    item: str
    error: BaseException
    trace: str = ""

    def as_error(self) -> ItemError:
        """What to raise from `error`."""
        if self.trace:
            self.error.__cause__ = _WorkerTraceback(self.trace)
        reason = f"{type(self.error).__name__}: {self.error}"
        return ItemError(self.number, self.number + 1, self.item, reason)


def encode_chunk(
    encode: Encode, begin: int, items: list[Any], note: Callable[[int, int], None] | None = None
) -> EncodedChunk | Failure:
    """Encode items, of which the first is number `begin`; `note` is told [number, number + 1) of each before."""
    start = time.perf_counter()
    skipped = 0
    reasons: list[tuple[int, str]] = []
    with _Collector() as writer:
        for number, item in enumerate(items, begin):
            if note is not None:
                note(number, number + 1)
            try:
                encoded = encode(item)
                if encoded is None:
                    skipped += 1
                elif isinstance(encoded, Skip):
                    skipped += 1
                    reasons.append((number, encoded.reason))
                else:
                    _write(writer, encoded)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - sys.exit, too; it is raised where the results are taken
                return Failure(number, shortened(item), error)
    return EncodedChunk(writer.groups, len(items), skipped, time.perf_counter() - start, reasons)


class _WorkerTraceback(Exception):
    """Where in a worker an exception came from."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Collector(TFRecordWriter):
    """A writer that keeps the frames, and puts nothing into its file."""

    def __init__(self) -> None:
        self.groups: list[FrameGroup] = []
        super().__init__(io.BytesIO())

    def _add(self, frames: FrameGroup) -> None:
        self.groups.append(FrameGroup([b"".join(frames.pieces)], frames.lengths.copy(), frames.footers.copy()))


def _write(writer: TFRecordWriter, encoded: Any) -> None:
    if isinstance(encoded, Mapping) or hasattr(encoded, "SerializeToString"):
        writer.write_example(encoded)
    elif isinstance(encoded, (str, np.ndarray)) or byte_view(encoded) is not None or not isinstance(encoded, Iterable):
        writer.write(encoded)
    else:
        for one in encoded:
            if not isinstance(one, Mapping) and byte_view(one) is None and not hasattr(one, "SerializeToString"):
                found = type(one).__name__
                raise TypeError(f"encode gives examples, bytes, iterables of these, or None, not a {found}")
            _write(writer, one)


class _Repr(Repr):
    """Shows which item it is, but not what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120

    def repr_bytes(self, item: bytes, level: int) -> str:
        return f"<{type(item).__name__}, {len(item)} long>"

    repr_bytearray = repr_bytes

    def repr_ndarray(self, item: Any, level: int) -> str:
        return f"<ndarray, {item.dtype} {item.shape}>"


def shortened(item: Any) -> str:
    """What an item is called in errors."""
    return _Repr().repr(item)
