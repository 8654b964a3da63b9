"""What a column holds in a batch, and the arrays that features make of it.

    Rows    values of all examples, one after the other, and where each ends
      -> dense      [B, *shape]
      -> padded     [B, most steps, *shape]
      -> sparse     SparseTensorValue of [B, longest], or of the sizes of a SparseFeature
      -> ragged     RaggedTensorValue of [B, None], or of the partitions of a RaggedFeature

One example by itself is a batch of one: its results are without the first dimension, which `is_single` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format import bytes_array
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns.payloads import BytesSpans
from tfrecord_lite.format.features import FixedLenSequenceFeature, RaggedFeature, SparseFeature, VarLenFeature
from tfrecord_lite.format.partitions import partition_batch, partition_values
from tfrecord_lite.format.plan import Column, Plan
from tfrecord_lite.format.tensor_values import Array, RaggedTensorValue, SparseTensorValue


class Rows:
    """What a column holds in a batch: the values of all examples, and where those of each end.

    Attributes:
        values: an array [m], of all examples one after the other; bytes perhaps as a BytesArray, or
            as BytesSpans, valid as long as what they lie in.
        batch_size: how many examples there are.
        size: how many values each example holds, if that is known to be the same for all; otherwise None.
    """

    __slots__ = ("_splits", "batch_size", "size", "values")

    def __init__(self, values: Any, batch_size: int, size: int | None, splits: Array | None) -> None:
        self.values = values
        self.batch_size = batch_size
        self.size = size
        self._splits = splits

    @classmethod
    def of(cls, values: Any, lengths: Array) -> Rows:
        """Of values of which so many belong to each example."""
        splits = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=splits[1:])
        return cls(values, len(lengths), None, splits)

    @classmethod
    def equal(cls, values: Any, batch_size: int, size: int) -> Rows:
        """Of examples with `size` values each."""
        return cls(values, batch_size, size, None)

    @property
    def splits(self) -> Array:
        """int64 [n + 1]; example i holds values[splits[i] : splits[i + 1]]."""
        if self._splits is None:
            assert self.size is not None
            self._splits = np.arange(self.batch_size + 1) * self.size
        return self._splits

    @property
    def lengths(self) -> Array:
        """How many values belong to each example, int64 [n]."""
        return np.diff(self.splits)

    def with_values(self, values: Any) -> Rows:
        """The same with the values in another form."""
        return Rows(values, self.batch_size, self.size, self._splits)

    def collected(self) -> Rows:
        """The same in memory of their own, if they are BytesSpans."""
        return self.with_values(self.values.collected()) if isinstance(self.values, BytesSpans) else self

    def part(self, begin: int, end: int) -> Rows:
        """What some of the examples hold."""
        if self.size is not None:
            return Rows.equal(_part(self.values, begin * self.size, end * self.size), end - begin, self.size)
        splits = self.splits[begin : end + 1]
        first, last = int(splits[0]), int(splits[-1])
        return Rows(_part(self.values, first, last), end - begin, None, splits - first)


def _part(values: Any, begin: int, end: int) -> Any:
    return values[begin:end] if isinstance(values, np.ndarray) else values.part(begin, end)


def interleaved(parts: Sequence[tuple[Array, Rows]]) -> Rows:
    """The examples of several parts, of each of which the numbers, ascending, of its examples among all are given."""
    if len(parts) == 1:
        return parts[0][1]
    count, size = sum(len(numbers) for numbers, _ in parts), parts[0][1].size
    values = [rows.values for _, rows in parts]
    if size and isinstance(values[0], np.ndarray) and all(rows.size == size for _, rows in parts):
        table = np.empty((count, size), values[0].dtype)
        for numbers, rows in parts:
            table[numbers] = rows.values.reshape(-1, size)
        return Rows.equal(table.reshape(-1), count, size)
    lengths = np.empty(count, np.int64)
    for numbers, rows in parts:
        lengths[numbers] = rows.lengths
    whole = Rows.of(None, lengths)
    places = [_places(whole.splits[numbers], rows) for numbers, rows in parts]
    if not isinstance(values[0], np.ndarray):
        order = np.empty(int(whole.splits[-1]), np.int64)
        order[np.concatenate(places)] = np.arange(len(order))
        return whole.with_values(_bytes_in_order(values, order))
    joined_values = np.empty(int(whole.splits[-1]), values[0].dtype)
    for at, part in zip(places, values, strict=True):
        joined_values[at] = part
    return whole.with_values(joined_values)


def _bytes_in_order(parts: Sequence[BytesArray | BytesSpans], order: Array) -> BytesArray | BytesSpans:
    """The values of all parts in another order, which of spans of one buffer is that in which they lie there."""
    spans = [part for part in parts if isinstance(part, BytesSpans)]
    if len(spans) == len(parts) and all(part.buffer is spans[0].buffer for part in spans):
        starts, sizes = (np.concatenate([getattr(part, name) for part in spans]) for name in ("starts", "sizes"))
        return BytesSpans(spans[0].buffer, starts[order], sizes[order])
    owned = [part.collected() if isinstance(part, BytesSpans) else part for part in parts]
    return bytes_array.concatenated(owned).take(order)


def _places(begins: Array, rows: Rows) -> Array:
    """Where the values go whose examples begin there."""
    places: Array = np.arange(len(rows.values)) + np.repeat(begins - rows.splits[:-1], rows.lengths)
    return places


def results(plan: Plan, rows: Mapping[str, Rows], *, is_single: bool) -> dict[str, Any]:
    """What the features of a plan are in a batch, given what its columns hold, checked.

    Raises:
        FeatureError: what several columns hold does not fit together, see `sparse_feature` and `ragged_feature`.
    """
    return {key: result(plan, key, rows, is_single=is_single) for key in plan.features}


def result(plan: Plan, key: str, rows: Mapping[str, Rows], *, is_single: bool) -> Any:
    """What one of the features is, see `results`."""
    feature = plan.features[key]
    if isinstance(feature, SparseFeature):
        return sparse_feature(key, feature, rows, is_single=is_single)
    if isinstance(feature, RaggedFeature):
        return ragged_feature(key, feature, plan.columns, rows, is_single=is_single)
    if isinstance(feature, VarLenFeature):
        return sparse(rows[key], is_single=is_single)
    if isinstance(feature, FixedLenSequenceFeature):
        return padded(plan.columns[key], rows[key], is_single=is_single)
    return dense(plan.columns[key], rows[key], is_single=is_single)


def joined(column: Column, rows: Sequence[Array]) -> Rows:
    """The rows, one for each example, as one."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return Rows.of(np.concatenate([np.empty(0, column.type.dtype), *rows]), lengths)


def as_array(value: Any) -> Array:
    """A value that `decode_example` gave, as an array [n]."""
    return np.array(value, object) if isinstance(value, list) else value


def _as_array(values: Any) -> Array:
    """Values that are to be put into another order, or among others."""
    return values.to_objects() if isinstance(values, BytesArray) else values


def dense(column: Column, rows: Rows, *, is_single: bool) -> Array:
    """[B, *shape]."""
    batch = () if is_single else (rows.batch_size,)
    array: Array = rows.values.reshape((*batch, *column.shape))
    return array


def padded(column: Column, rows: Rows, *, is_single: bool) -> Array:
    """[B, most steps, *shape]."""
    padding = column.type.padding if column.default is None else column.default[0]
    longest = int(rows.lengths.max(initial=0))
    array = np.empty((len(rows.lengths), longest), column.type.dtype)
    array[...] = padding  # np.full would cut the NULs off its end
    array[np.arange(longest) < rows.lengths[:, None]] = _as_array(rows.values)
    batch = () if is_single else rows.lengths.shape
    return array.reshape((*batch, longest // column.size, *column.shape))


def positions(lengths: Array) -> tuple[Array, Array]:
    """(row, position in the row) of every value of rows with these lengths."""
    starts = np.cumsum(lengths) - lengths
    rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    return rows, np.arange(len(rows), dtype=np.int64) - np.repeat(starts, lengths)


def sparse(rows: Rows, *, is_single: bool) -> SparseTensorValue:
    """Indices [n, 2], dense_shape [B, longest]; of one example without the first of both."""
    indices = np.stack(positions(rows.lengths), 1)
    shape = np.array([len(rows.lengths), rows.lengths.max(initial=0)], np.int64)
    return SparseTensorValue(indices[:, is_single:], rows.values, shape[is_single:])


def sparse_feature(key: str, feature: SparseFeature, rows: Mapping[str, Rows], *, is_single: bool) -> SparseTensorValue:
    """The values of a SparseFeature at their positions, sorted unless the feature says that they are.

    Raises:
        FeatureError: an example has not as many positions as values.
    """
    is_one = isinstance(feature.index_key, str)
    index_keys = [feature.index_key] if is_one else feature.index_key
    values, lengths = _as_array(rows[feature.value_key].values), rows[feature.value_key].lengths
    for index_key in index_keys:
        differs = np.flatnonzero(rows[index_key].lengths != lengths)
        if differs.size:
            at = int(differs[0])
            text = f"{lengths[at]} values in '{feature.value_key}', but {rows[index_key].lengths[at]} in '{index_key}'"
            error = FeatureError(text, key)
            error.record_number = None if is_single else at
            raise error
    columns = [positions(lengths)[0], *(rows[index_key].values for index_key in index_keys)]
    if not feature.already_sorted:
        order = np.lexsort(columns[::-1])
        columns, values = [column[order] for column in columns], values[order]
    indices = np.stack(columns, 1)
    shape = np.array([len(lengths), *([feature.size] if is_one else feature.size)], np.int64)
    return SparseTensorValue(indices[:, is_single:], values, shape[is_single:])


def ragged_feature(
    key: str, feature: RaggedFeature, columns: Mapping[str, Column], rows: Mapping[str, Rows], *, is_single: bool
) -> Any:
    """The values of a RaggedFeature in the rows of its partitions.

    Raises:
        FeatureError: the partitions do not fit the values, see `partitions.py`.
    """
    value_key = feature.value_key or key
    read = {value_key, *(partition.key for partition in feature.partitions if hasattr(partition, "key"))}
    if is_single:
        tensors = {key: rows[key].values for key in read}
        return partition_values(key, feature, tensors[value_key], tensors)
    batches = {key: ragged(columns[key], rows[key]) for key in read}
    return partition_batch(key, feature, batches[value_key], batches)


def ragged(column: Column, rows: Rows) -> RaggedTensorValue:
    """[B, None]."""
    return RaggedTensorValue(rows.values, rows.splits.astype(column.splits_dtype))
