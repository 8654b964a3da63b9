"""One feature of many records, in a form whose bytes can be written for all records at once.

A column knows for every record the size of its payload (what stands in the list: packed numbers, or the bytes) and
writes all payloads into a `scatter.Scatter`. Which column the values of a feature become, `sources` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.scatter import MAX_GARBAGE, Scatter
from tfrecord_lite.format.columns.spans import spans
from tfrecord_lite.format.pieces import WORTH_A_PIECE
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST

Array = NDArray[Any]

#: What a record has: no such feature, one without a kind, an empty list, or values.
ABSENT, KINDLESS, EMPTY, FULL = range(4)

#: What is left of so few items is copied one by one: it may be long.
_FEW_ITEMS = 32
#: Integers that are worked on together: what is computed of them fits in a cache, and in memory that is used again.
_CACHED_INTEGERS = 32 << 10


class Column(Protocol):
    """One feature of n records, which are written together."""

    #: Field number of the list in a Feature, or None when the payload is the whole Feature.
    @property
    def kind(self) -> int | None: ...

    #: Bytes in the payload of each record, int64 [n]; an int when all are equal.
    @property
    def sizes(self) -> Array | int: ...

    #: Bytes of those that `write` leaves where they are: all or none.
    @property
    def is_apart(self) -> bool: ...

    def __len__(self) -> int: ...

    def states(self) -> Array | int:
        """What each record has, uint8 [n]; an int when all have the same."""

    def take(self, records: Array) -> Column:
        """The same for some of the records."""

    def write(self, rows: Scatter) -> None:
        """Write the payloads, all of which are of state FULL."""


class ScalarColumn:
    """One integer a record: int64 [n]."""

    kind: int | None = INT64_LIST
    is_apart = False

    def __init__(self, values: Array) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def sizes(self) -> Array:
        return varints.sizes(self._values)

    def states(self) -> int:
        return FULL

    def take(self, records: Array) -> Column:
        return ScalarColumn(self._values[records])

    def write(self, rows: Scatter) -> None:
        rows.varint(self._values, self.sizes)


class _Ragged:
    """Lists of numbers: the values, and where each record's begin."""

    def __init__(self, values: Array, splits: Array) -> None:
        self._values = values
        self._splits = splits
        self._lengths = np.diff(splits)

    def __len__(self) -> int:
        return len(self._lengths)

    def states(self) -> Array | int:
        if self._lengths.all():
            return FULL
        return np.where(self._lengths > 0, np.uint8(FULL), np.uint8(EMPTY))

    def _taken(self, records: Array) -> tuple[Array, Array]:
        lengths = self._lengths[records]
        taken = offsets(lengths)
        places = np.arange(taken[-1]) + np.repeat(self._splits[:-1][records] - taken[:-1], lengths)
        return self._values[places], taken


class IntegersColumn(_Ragged):
    """Lists of integers: int64."""

    kind: int | None = INT64_LIST
    is_apart = False

    def take(self, records: Array) -> Column:
        return IntegersColumn(*self._taken(records))

    @cached_property
    def _value_sizes(self) -> Array:
        return varints.sizes_in_lists(self._values)

    @cached_property
    def sizes(self) -> Array:
        return np.add.reduceat(self._value_sizes, self._splits[:-1], dtype=np.int64)

    def write(self, rows: Scatter) -> None:
        rows.flush()
        for some in spans(self._splits[1:], _CACHED_INTEGERS):
            splits = self._splits[some.start : some.stop + 1]
            values = slice(int(splits[0]), int(splits[-1]))
            sizes = self._value_sizes[values]
            positions = np.cumsum(sizes, dtype=np.int64)
            positions -= sizes
            begins = rows.positions[some] - positions[splits[:-1] - splits[0]]
            positions += np.repeat(begins, self._lengths[some])
            # The highest byte first: what a short varint's high bytes spoil, the lower bytes of its followers mend.
            for place, plane in reversed(list(enumerate(varints.planes(self._values[values], sizes)))):
                rows.buffer[place:][positions] = plane
        rows.positions = rows.positions + self.sizes


class FloatsColumn(_Ragged):
    """Lists of floats: little-endian float32, contiguous."""

    kind: int | None = FLOAT_LIST

    def take(self, records: Array) -> Column:
        return FloatsColumn(*self._taken(records))

    @cached_property
    def sizes(self) -> Array | int:
        sizes = self._lengths * 4
        return int(sizes[0]) if (sizes == sizes[0]).all() else sizes

    @cached_property
    def is_apart(self) -> bool:
        return self._values.nbytes >= WORTH_A_PIECE * len(self)

    def write(self, rows: Scatter) -> None:
        if self.is_apart:
            octets, splits = self._values.view(np.uint8).data, (self._splits * 4).tolist()
            rows.apart([octets[start:end] for start, end in pairwise(splits)])
        elif isinstance(self.sizes, int):
            rows.fixed(self._values.view(np.uint8).reshape(-1, self.sizes))
        else:
            rows.flush()
            words = np.ndarray((len(rows.buffer) - 3,), "<u4", rows.buffer, strides=(1,))
            begins = rows.positions - self._splits[:-1] * 4
            words[np.arange(len(self._values)) * 4 + np.repeat(begins, self._lengths)] = self._values.view("<u4")
            rows.positions = rows.positions + self.sizes


class PackedColumn:
    """Payloads that need only be stored: a value of bytes, floats that are packed, a whole Feature (kind None)."""

    def __init__(self, kind: int | None, items: Sequence[bytes], sizes: Array) -> None:
        self.kind = kind
        self._items = items
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self._items)

    def states(self) -> Array | int:
        if self.kind == BYTES_LIST or np.all(self.sizes):
            return FULL
        return np.where(self.sizes, np.uint8(FULL), np.uint8(KINDLESS if self.kind is None else EMPTY))

    def take(self, records: Array) -> Column:
        items = self._items
        return PackedColumn(self.kind, [items[record] for record in records.tolist()], self.sizes[records])

    @cached_property
    def is_apart(self) -> bool:
        return int(self.sizes.sum()) >= WORTH_A_PIECE * len(self)

    def write(self, rows: Scatter) -> None:
        if self.is_apart:
            rows.apart(list(self._items))
        elif int(self.sizes.max()) <= MAX_GARBAGE:
            source, begins = self._joined()
            rows.variable(source[begins].view(np.uint8).reshape(-1, MAX_GARBAGE), self.sizes)
        else:
            rows.flush()
            source, begins = self._joined()
            target = _wide(rows.buffer)
            # Pieces of 16 bytes, so that what is written behind the end of an item is no more than that.
            longer, at = np.flatnonzero(self.sizes), 0
            while len(longer) >= _FEW_ITEMS:
                target[rows.positions[longer] + at] = source[begins[longer] + at]
                at += MAX_GARBAGE
                longer = longer[self.sizes[longer] > at]
            for number, position in zip(longer.tolist(), rows.positions[longer].tolist(), strict=True):
                item = self._items[number]
                rows.buffer[position + at : position + len(item)] = np.frombuffer(item, np.uint8, offset=at)
            rows.positions = rows.positions + self.sizes

    def _joined(self) -> tuple[Array, Array]:
        """All items one after the other, as overlapping pieces of 16 bytes, and where each item begins."""
        joined = b"".join([*self._items, bytes(MAX_GARBAGE)])
        return _wide(np.frombuffer(joined, np.uint8)), np.cumsum(self.sizes) - self.sizes


class MaskedColumn:
    """Another column, some of whose records have no value."""

    def __init__(self, column: Column, is_missing: Array) -> None:
        self._column = column
        self._is_missing = is_missing
        self.kind = column.kind

    def __len__(self) -> int:
        return len(self._column)

    @property
    def sizes(self) -> Array | int:
        return self._column.sizes

    @property
    def is_apart(self) -> bool:
        return self._column.is_apart

    def states(self) -> Array | int:
        if not self._is_missing.any():
            return self._column.states()
        return np.where(self._is_missing, np.uint8(ABSENT), self._column.states())

    def take(self, records: Array) -> Column:
        return MaskedColumn(self._column.take(records), self._is_missing[records])

    def write(self, rows: Scatter) -> None:
        self._column.write(rows)


def offsets(lengths: Array) -> Array:
    """Where each of these begins when they follow each other, and where the last one ends."""
    offsets = np.empty(len(lengths) + 1, np.int64)
    offsets[0] = 0
    np.cumsum(lengths, dtype=np.int64, out=offsets[1:])
    return offsets


def _wide(buffer: Array) -> Array:
    return np.ndarray((len(buffer) - MAX_GARBAGE + 1,), f"V{MAX_GARBAGE}", buffer, strides=(1,))
