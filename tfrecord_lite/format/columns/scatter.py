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

from tfrecord_lite.format.columns import varints

Array = np.typing.NDArray[Any]

#: What may be written behind the end of a row: a footer and a header.
MAX_GARBAGE = 16
#: Wider parts of equal length are written from where they are instead of through the template.
_WIDE = 64


class Scatter:
    """Rows that are being written, all of them part by part.

    Args:
        buffer: uint8; everything is written into it. It needs MAX_GARBAGE bytes behind the last row.
        positions: int64 [n], where each row begins.
    """

    def __init__(self, buffer: Array, positions: Array) -> None:
        self.buffer = buffer
        self.positions = positions
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

    def varint(self, values: Array) -> None:
        """The varint of each of int64 [n]."""
        if int(values.min()) >= 0 and int(values.max()) < 0x80:
            self.fixed(values.astype(np.uint8)[:, None])
            return
        sizes = varints.sizes(values)
        widest = int(sizes.max())
        part = varints.rows(values, sizes, widest)
        if int(sizes.min()) == widest:
            self.fixed(part)
        else:
            self.variable(part, sizes)

    def flush(self) -> None:
        """Write what has been collected."""
        if self._template:
            width = len(self._template)
            self._write_template()
            self.positions = self.positions + width

    def _write_template(self) -> None:
        rows = np.empty((len(self.positions), len(self._template)), np.uint8)
        rows[:] = np.frombuffer(self._template, np.uint8)
        for at, part in self._fills:
            rows[:, at : at + part.shape[1]] = part
        self._template, self._fills = bytearray(), []
        self._assign(rows)

    def _assign(self, rows: Array) -> None:
        width = rows.shape[1]
        items = np.ndarray((len(self.buffer) - width + 1,), f"V{width}", self.buffer, strides=(1,))
        items[self.positions] = rows.view(f"V{width}")[:, 0]
