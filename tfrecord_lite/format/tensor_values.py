"""Parsed values that are no plain array: sparse and ragged, under the names that tf.compat.v1 has for them.

    SparseTensorValue     indices [n, rank] int64, values [n], dense_shape [rank] int64
    RaggedTensorValue     row i is values[row_splits[i] : row_splits[i + 1]]          (there in the module `ragged`)

They hold what they are given and check nothing: what made them knows whether it wants checks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class SparseTensorValue(NamedTuple):
    """The entries of an array that is otherwise absent: `values[i]` stands at `indices[i]`.

    Attributes:
        indices: int64 [n, rank].
        values: [n].
        dense_shape: int64 [rank].
    """

    indices: Array
    values: Array
    dense_shape: Array


class RaggedTensorValue:
    """Rows of different lengths: row i is `values[row_splits[i] : row_splits[i + 1]]`.

    Attributes:
        values: an array of all rows, one after the other, or for more than one ragged dimension a RaggedTensorValue.
        row_splits: int32 or int64 [rows + 1].
    """

    def __init__(self, values: Array | RaggedTensorValue, row_splits: Array) -> None:
        self.values = values
        self.row_splits = row_splits

    def __repr__(self) -> str:
        return f"RaggedTensorValue(values={self.values!r}, row_splits={self.row_splits!r})"

    def __len__(self) -> int:
        return max(len(self.row_splits) - 1, 0)

    @property
    def flat_values(self) -> Array:
        """The innermost values, with no ragged dimension left."""
        return self.values.flat_values if isinstance(self.values, RaggedTensorValue) else self.values

    @property
    def nested_row_splits(self) -> tuple[Array, ...]:
        """The row_splits of every ragged dimension, the outermost first."""
        inner = self.values.nested_row_splits if isinstance(self.values, RaggedTensorValue) else ()
        return (self.row_splits, *inner)

    @property
    def ragged_rank(self) -> int:
        """How many ragged dimensions there are."""
        return len(self.nested_row_splits)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.flat_values.dtype

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Its length, None for each ragged dimension, then the dimensions of the innermost values."""
        return (len(self), *[None] * self.ragged_rank, *self.flat_values.shape[1:])

    def to_list(self) -> list[Any]:
        """The rows as nested lists."""
        values = self.values.to_list() if isinstance(self.values, RaggedTensorValue) else self.values.tolist()
        splits = self.row_splits.tolist()
        return [values[start:end] for start, end in pairwise(splits)]
