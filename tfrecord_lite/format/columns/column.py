"""One feature of many records, in a form whose bytes can be written for all records at once.

A column knows for every record the size of its payload (what stands in the list: packed numbers, or the bytes) and
writes all payloads into a `scatter.Scatter`. Which column the values of a feature become, `intake` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.scatter import MAX_GARBAGE, Scatter
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST

Array = np.typing.NDArray[Any]

#: What a row holds: no kind at all, an empty list, or values.
KINDLESS, EMPTY, FULL = range(3)

#: Bytes of about this size and more are copied one by one: then the copying costs more than the loop.
_LONG_BYTES = 256


class Column(Protocol):
    """One feature of n records."""

    #: Field number of the list in a Feature, or None when the payload is the whole Feature.
    kind: int | None
    #: Bytes in the payload of each record, int64 [n].
    sizes: Array

    def states(self) -> Array:
        """KINDLESS, EMPTY or FULL for each record, uint8 [n]."""

    def take(self, records: slice | Array) -> Column:
        """The same for some of the records."""

    def write(self, rows: Scatter) -> None:
        """Write the payloads, all of which are of state FULL."""


class ScalarColumn:
    """One integer a record: int64 [n]."""

    kind: int | None = INT64_LIST

    def __init__(self, values: Array) -> None:
        self._values = values
        self.sizes = varints.sizes(values)

    def states(self) -> Array:
        return np.full(len(self._values), FULL, np.uint8)

    def take(self, records: slice | Array) -> Column:
        return ScalarColumn(self._values[records])

    def write(self, rows: Scatter) -> None:
        rows.varint(self._values)


class IntegersColumn:
    """Lists of integers: int64 values, and where each record's begin."""

    kind: int | None = INT64_LIST

    def __init__(self, values: Array, splits: Array) -> None:
        self._values = values
        self._splits = splits
        self._value_sizes = varints.sizes(values)
        self._offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(self._value_sizes)))
        self.sizes = np.diff(self._offsets[splits])

    def states(self) -> Array:
        return np.where(self.sizes > 0, np.uint8(FULL), np.uint8(EMPTY))

    def take(self, records: slice | Array) -> Column:
        return IntegersColumn(*_take_ragged(self._values, self._splits, records))

    def write(self, rows: Scatter) -> None:
        rows.flush()
        begins = rows.positions - self._offsets[self._splits[:-1]]
        positions = self._offsets[:-1] + np.repeat(begins, np.diff(self._splits))
        widest = int(self._value_sizes.max(initial=0))
        octets = varints.rows(self._values, self._value_sizes, widest)
        # The highest byte first: what a short varint's high bytes spoil, the lower bytes of its followers mend.
        for place in reversed(range(widest)):
            rows.buffer[positions + place] = octets[:, place]
        rows.positions = rows.positions + self.sizes


class FloatsColumn:
    """Floats: little-endian float32 values, and where each record's begin."""

    kind: int | None = FLOAT_LIST

    def __init__(self, values: Array, splits: Array) -> None:
        self._values = values
        self._splits = splits
        self.sizes = np.diff(splits) * 4

    def states(self) -> Array:
        return np.where(self.sizes > 0, np.uint8(FULL), np.uint8(EMPTY))

    def take(self, records: slice | Array) -> Column:
        return FloatsColumn(*_take_ragged(self._values, self._splits, records))

    def write(self, rows: Scatter) -> None:
        size = int(self.sizes[0])
        if (self.sizes == size).all():
            rows.fixed(self._values.view(np.uint8).reshape(-1, size))
            return
        rows.flush()
        words = np.ndarray((len(rows.buffer) - 3,), "<u4", rows.buffer, strides=(1,))
        begins = rows.positions - self._splits[:-1] * 4
        positions = np.arange(len(self._values)) * 4 + np.repeat(begins, np.diff(self._splits))
        words[positions] = self._values.view("<u4")
        rows.positions = rows.positions + self.sizes


class BytesColumn:
    """One bytes-like value a record, or None."""

    kind: int | None = BYTES_LIST

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items
        self.sizes = np.array([0 if item is None else len(item) for item in items], np.int64)

    def states(self) -> Array:
        return np.array([KINDLESS if item is None else FULL for item in self._items], np.uint8)

    def take(self, records: slice | Array) -> Column:
        return BytesColumn(_take_items(self._items, records))

    def write(self, rows: Scatter) -> None:
        _write_bytes(rows, self._items, self.sizes)


class FeatureColumn:
    """Features that have been encoded one by one."""

    kind: int | None = None

    def __init__(self, features: Sequence[bytes]) -> None:
        self._features = features
        self.sizes = np.array([len(feature) for feature in features], np.int64)

    def states(self) -> Array:
        return np.where(self.sizes > 0, np.uint8(FULL), np.uint8(KINDLESS))

    def take(self, records: slice | Array) -> Column:
        return FeatureColumn(_take_items(self._features, records))

    def write(self, rows: Scatter) -> None:
        _write_bytes(rows, self._features, self.sizes)


class MaskedColumn:
    """Another column, some of whose records have no value."""

    def __init__(self, column: Column, is_missing: Array) -> None:
        self._column = column
        self._is_missing = is_missing
        self.kind = column.kind
        self.sizes = column.sizes

    def states(self) -> Array:
        return np.where(self._is_missing, np.uint8(KINDLESS), self._column.states())

    def take(self, records: slice | Array) -> Column:
        return MaskedColumn(self._column.take(records), self._is_missing[records])

    def write(self, rows: Scatter) -> None:
        self._column.write(rows)


def _take_items(items: Sequence[Any], records: slice | Array) -> Sequence[Any]:
    return items[records] if isinstance(records, slice) else [items[record] for record in records.tolist()]


def _take_ragged(values: Array, splits: Array, records: slice | Array) -> tuple[Array, Array]:
    if isinstance(records, slice):
        begin, end, _ = records.indices(len(splits) - 1)
        return values[splits[begin] : splits[end]], splits[begin : end + 1] - splits[begin]
    lengths = np.diff(splits)[records]
    taken = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    places = np.arange(taken[-1]) + np.repeat(splits[:-1][records] - taken[:-1], lengths)
    return values[places], taken


def _write_bytes(rows: Scatter, items: Sequence[bytes], sizes: Array) -> None:
    if int(sizes.max()) <= MAX_GARBAGE:
        rows.variable(_first_bytes(items, sizes), sizes)
        return
    rows.flush()
    if int(sizes.sum()) < _LONG_BYTES * len(sizes):
        _write_chunks(rows, items, sizes)
    else:
        view = rows.buffer.data
        for position, end, item in zip(rows.positions.tolist(), (rows.positions + sizes).tolist(), items, strict=True):
            view[position:end] = item
    rows.positions = rows.positions + sizes


def _first_bytes(items: Sequence[bytes], sizes: Array) -> Array:
    """uint8 [n, 16]: each item, and behind it whatever follows."""
    blob = np.frombuffer(b"".join([*items, bytes(MAX_GARBAGE)]), np.uint8)
    begins = np.cumsum(sizes) - sizes
    return _wide(blob)[begins].view(np.uint8).reshape(-1, MAX_GARBAGE)


def _write_chunks(rows: Scatter, items: Sequence[bytes], sizes: Array) -> None:
    """Pieces of 16 bytes, so that what is written behind the end of an item is no more than that."""
    source = _wide(np.frombuffer(b"".join([*items, bytes(MAX_GARBAGE)]), np.uint8))
    target = _wide(rows.buffer)
    begins = np.cumsum(sizes) - sizes
    for at in range(0, int(sizes.max()), MAX_GARBAGE):
        longer = np.flatnonzero(sizes > at)
        target[rows.positions[longer] + at] = source[begins[longer] + at]


def _wide(buffer: Array) -> Array:
    return np.ndarray((len(buffer) - MAX_GARBAGE + 1,), f"V{MAX_GARBAGE}", buffer, strides=(1,))
