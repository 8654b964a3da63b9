"""One feature of all records of a call, of which block after block is taken as a column.

A source computes as little as it can: what is computed for many records at once has left the cache before it is used,
and fills new memory, which is dear. What it holds has been found to have a place in a feature (see `intake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.column import (
    Column,
    FloatsColumn,
    IntegersColumn,
    MaskedColumn,
    PackedColumn,
    ScalarColumn,
    offsets,
)
from tfrecord_lite.format.pieces import WORTH_A_PIECE

Array = NDArray[Any]

#: Memory in which a number is worked on, in bytes.
_NUMBER_WEIGHT = 16


class Source(Protocol):
    """One feature of n records."""

    def __len__(self) -> int: ...

    def weights(self) -> Array | int:
        """About how many bytes of memory it takes to write each record, int64 [n] or one for all."""

    def largest(self) -> int:
        """No record has more bytes in its list."""

    def take(self, records: slice) -> Column:
        """The column of some records."""


class Table:
    """The same number of numbers in each record: an array [n, ...]."""

    def __init__(self, values: Array) -> None:
        self._values = values
        self._width = values.size // len(values)

    def __len__(self) -> int:
        return len(self._values)

    def weights(self) -> int:
        return self._width * _NUMBER_WEIGHT if self._values.dtype.kind != "f" else min(self._width * 4, WORTH_A_PIECE)

    def largest(self) -> int:
        return self._width * varints.MAX_SIZE

    def take(self, records: slice) -> Column:
        values = self._values[records]
        if self._width == 1 and values.dtype.kind != "f":
            return ScalarColumn(as_stored(values.reshape(-1)))
        return numbers_column(values.reshape(-1), np.arange(len(values) + 1) * self._width)


class Ragged:
    """Lists of numbers: all values, and where each record's begin."""

    def __init__(self, values: Array, splits: Array) -> None:
        self._values = values
        self._splits = splits

    def __len__(self) -> int:
        return len(self._splits) - 1

    def weights(self) -> Array:
        return np.diff(self._splits) * _NUMBER_WEIGHT

    def largest(self) -> int:
        return int(np.diff(self._splits).max(initial=0)) * varints.MAX_SIZE

    def take(self, records: slice) -> Column:
        splits = self._splits[records.start : records.stop + 1]
        return numbers_column(self._values[splits[0] : splits[-1]], splits - splits[0])


class Arrays:
    """Lists of numbers, each a one-dimensional array of its own, all of one dtype."""

    def __init__(self, arrays: Sequence[Array]) -> None:
        self._arrays = arrays
        self._lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))

    def __len__(self) -> int:
        return len(self._arrays)

    def weights(self) -> Array:
        return self._lengths * _NUMBER_WEIGHT

    def largest(self) -> int:
        return int(self._lengths.max()) * varints.MAX_SIZE

    def take(self, records: slice) -> Column:
        return numbers_column(np.concatenate(self._arrays[records]), offsets(self._lengths[records]))


class Payloads:
    """What stands in the list of each record (or, when kind is None, in its Feature), as bytes."""

    def __init__(self, kind: int | None, items: Sequence[bytes]) -> None:
        self._kind = kind
        self._items = items
        self._sizes = np.fromiter(map(len, items), np.int64, len(items))

    def __len__(self) -> int:
        return len(self._items)

    def weights(self) -> Array:
        return np.minimum(self._sizes, WORTH_A_PIECE)

    def largest(self) -> int:
        return int(self._sizes.max(initial=0))

    def take(self, records: slice) -> Column:
        return PackedColumn(self._kind, self._items[records], self._sizes[records])


class Masked:
    """Another source, some of whose records have no value."""

    def __init__(self, source: Source, is_missing: Array) -> None:
        self._source = source
        self._is_missing = is_missing

    def __len__(self) -> int:
        return len(self._source)

    def weights(self) -> Array | int:
        return self._source.weights()

    def largest(self) -> int:
        return self._source.largest()

    def take(self, records: slice) -> Column:
        column, is_missing = self._source.take(records), self._is_missing[records]
        return MaskedColumn(column, is_missing) if is_missing.any() else column


def numbers_column(values: Array, splits: Array) -> IntegersColumn | FloatsColumn:
    """The column of numbers [m] that have a place in a feature; those of record i begin at splits[i]."""
    numbers = as_stored(values)
    return (IntegersColumn if numbers.dtype == np.int64 else FloatsColumn)(numbers, splits)


def as_stored(numbers: Array) -> Array:
    """Bools and integers that fit as int64, floats as little-endian float32; contiguous."""
    if numbers.dtype.kind != "f":
        return np.ascontiguousarray(numbers, np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(numbers, "<f4")
