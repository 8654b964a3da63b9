"""Lists: the values of one feature in many records, and which records have none.

    record i holds    values[row_splits[i] : row_splits[i + 1]]    and nothing at all where is_missing[i]

So a feature that is missing, or has no kind, and an empty list stay two things, as null and [] are in Arrow. Decoded by
`columns.decode_lists`, taken by `encode_columns` as a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.bytes_array import BytesArray, concatenated

Array = NDArray[Any]


class Lists:
    """The lists of one feature in n records.

    Attributes:
        values: of all records, one after the other: int64 [m], float32 [m], or a BytesArray of m values.
        row_splits: int64 [n + 1].
        is_missing: bool [n], where a record has no such feature or one without a kind; its list is empty here.

    Raises:
        ValueError: these do not fit together.
    """

    __slots__ = ("is_missing", "row_splits", "values")

    def __init__(self, values: Any, row_splits: Array, is_missing: Array | None = None) -> None:
        self.values = values
        self.row_splits = row_splits
        self.is_missing = np.zeros(len(row_splits) - 1, np.bool_) if is_missing is None else is_missing
        if not len(row_splits) or row_splits[0] or row_splits[-1] != len(values) or (np.diff(row_splits) < 0).any():
            raise ValueError("row_splits do not begin at 0, ascend, and end with the number of values")
        if len(self.is_missing) != len(row_splits) - 1 or np.diff(row_splits)[self.is_missing].any():
            raise ValueError("is_missing does not fit row_splits")

    @classmethod
    def of_lengths(cls, values: Any, lengths: Array, is_missing: Array | None = None) -> Lists:
        """Of lists whose lengths are given instead of where they begin."""
        splits = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=splits[1:])
        return cls(values, splits, is_missing)

    @classmethod
    def all_missing(cls, count: int) -> Lists:
        """Of a feature that none of `count` records has."""
        return cls(np.empty(0, np.int64), np.zeros(count + 1, np.int64), np.ones(count, np.bool_))

    def __len__(self) -> int:
        return len(self.is_missing)

    @property
    def lengths(self) -> Array:
        """How many values each record holds, int64 [n]."""
        return np.diff(self.row_splits)

    def part(self, begin: int, end: int) -> Lists:
        """The lists of some of the records."""
        first, last = self.row_splits[[begin, end]].tolist()
        values = self.values.part(first, last) if isinstance(self.values, BytesArray) else self.values[first:last]
        return Lists(values, self.row_splits[begin : end + 1] - first, self.is_missing[begin:end])

    def to_list(self) -> list[Any]:
        """What `decode_example` gives for each record: None, an array or a list of bytes."""
        values = self.values.tolist() if isinstance(self.values, BytesArray) else self.values
        rows = [values[begin:end] for begin, end in pairwise(self.row_splits.tolist())]
        return [None if missing else row for row, missing in zip(rows, self.is_missing.tolist(), strict=True)]

    @classmethod
    def joined(cls, parts: Sequence[Lists]) -> Lists:
        """The lists of several stretches of records, one after the other, all of one dtype."""
        values = [part.values for part in parts]
        join: Any = concatenated if isinstance(values[0], BytesArray) else np.concatenate
        lengths = np.concatenate([part.lengths for part in parts])
        return cls.of_lengths(join(values), lengths, np.concatenate([part.is_missing for part in parts]))

    def __repr__(self) -> str:
        return f"<Lists: {len(self)} records, {int(self.is_missing.sum())} missing, {len(self.values)} values>"
