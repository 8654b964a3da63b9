"""Many rows of bytes, each made of the same parts in the same order, written into one buffer.

A part is constant, or differs between rows, and then its length may differ, too. Parts of equal length are
collected into a template; a part of varying length ends it, and then template and part are written for all rows by
one indexed assignment of overlapping items as wide as the longest. What that writes behind the end of a shorter row
is garbage, never more than MAX_GARBAGE bytes; the next part of the row overwrites it, and behind the last part lies
a gap that is filled in last (the footer and the header between two records).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.frames import Frames

Array = NDArray[Any]

#: What may be written behind the end of a row: a footer and a header.
MAX_GARBAGE = 16
#: Wider parts of equal length are written from where they are instead of through the template.
_WIDE = 64


class Scatter:
    """Rows that are being written, all of them part by part.

    Args:
        frames: the rows are records of these; everything is written into their buffer.
        records: their numbers, int64 [n]; None are all of them.

    Attributes:
        buffer: that of the frames.
        positions: int64 [n], up to where in the buffer each row has been written.
    """

    def __init__(self, frames: Frames, records: Array | None) -> None:
        self.buffer = frames.buffer
        self.positions = frames.starts if records is None else frames.starts[records]
        self._frames = frames
        self._records = records
        self._cuts = 0
        self._template = bytearray()
        self._fills: list[tuple[int, Array]] = []

    def constant(self, data: bytes) -> None:
        """The same bytes in every row."""
        self._template += data

    def fixed(self, part: Array) -> None:
        """uint8 [n, width]: bytes of the same number in every row."""
        width = part.shape[1]
        if width <= _WIDE:
            self._fills.append((len(self._template), part))
            self._template += bytes(width)
            return
        self.flush()
        self._assign(np.ascontiguousarray(part))
        self.positions = self.positions + width

    def variable(self, part: Array, lengths: Array) -> None:
        """The first lengths[i] bytes of each row of uint8 [n, width <= MAX_GARBAGE]."""
        self._fills.append((len(self._template), part))
        fixed = len(self._template)
        self._template += bytes(part.shape[1])
        self._write_template()
        self.positions = self.positions + (lengths + fixed)

    def varint(self, values: Array, sizes: Array | None = None) -> None:
        """The varint of each of int64 [n]; `sizes` are those of the varints, for who has them."""
        if sizes is None:
            sizes = varints.sizes(values)
        narrowest, widest = int(sizes.min()), int(sizes.max())
        part = varints.rows(values, sizes, widest)
        if narrowest == widest:
            self.fixed(part)
        else:
            self.variable(part, sizes)

    def apart(self, items: list[bytes | memoryview]) -> None:
        """Bytes that stay where they are, one in each row."""
        self.flush()
        self._frames.cut(self._cuts, self._records, self.positions, items)
        self._cuts += 1

    def flush(self) -> None:
        """Write what has been collected."""
        if self._template:
            width = len(self._template)
            self._write_template()
            self.positions = self.positions + width

    def _write_template(self) -> None:
        width = len(self._template)
        rows = np.empty((len(self.positions), width), np.uint8)
        # As items, which are copied whole; bytes would be copied one by one.
        rows.view(f"V{width}")[...] = np.frombuffer(self._template, f"V{width}")
        for at, part in self._fills:
            item = f"V{part.shape[1]}"
            rows[:, at : at + part.shape[1]].view(item)[...] = part.view(item)
        self._template, self._fills = bytearray(), []
        self._assign(rows)

    def _assign(self, rows: Array) -> None:
        width = rows.shape[1]
        items = np.ndarray((len(self.buffer) - width + 1,), f"V{width}", self.buffer, strides=(1,))
        items[self.positions] = rows.view(f"V{width}")[:, 0]
