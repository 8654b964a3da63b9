"""How the values of a RaggedFeature fall into rows: partitions -> row_splits.

    RowSplits     [0, 2, 2, 5]         row_splits as they are
    RowLengths    [2, 0, 3]            0 and their running sum
    RowStarts     [0, 2, 2]            they, and the number of values
    RowLimits     [2, 2, 5]            0, and they
    ValueRowIds   [0, 0, 2, 2, 2]      0 and the running sum of how often each row is named
    UniformRowLength 3                 a further dimension of the values, or rows of 3 around rows

Takes numpy arrays and RaggedTensorValues, returns a RaggedTensorValue. The arithmetic is that of
tensorflow/python/ops/{parsing_config,ragged/row_partition}.py, in the dtype of the row_splits: partitions that do not
fit the values are taken as they are unless the feature asks to validate them. Two things are errors in any case,
there and here: row ids that are not one for each value, and values that a uniform length does not divide.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.features import RaggedFeature
from tfrecord_lite.format.tensor_values import Array, RaggedTensorValue
from tfrecord_lite.format.value_types import splits_dtype

Ragged: TypeAlias = "Array | RaggedTensorValue"

#: More rows without values than this are not built: one row id in a hostile record could ask for 2^31.
_MAX_EMPTY_ROWS = 1 << 24


class TooManyRowsError(FeatureError):
    """Row ids ask for more rows without values than are built here; TensorFlow builds them."""


def partition_values(key: str, feature: RaggedFeature, values: Array, tensors: Mapping[str, Any]) -> Ragged:
    """The values of one example in the rows of all partitions of `feature`; an array if there are none.

    Args:
        key: name of the feature, for errors.
        feature: whose partitions they are.
        values: [n].
        tensors: {key of a partition: int64 [m]}.

    Raises:
        FeatureError: as above.
    """
    dtype = splits_dtype(feature.row_splits_dtype)
    result: Ragged = values
    for partition in reversed(feature.partitions):
        if isinstance(result, RaggedTensorValue):
            _check(key, len(result.row_splits), "partitions around row_splits that do not even hold a 0")
        if isinstance(partition, RaggedFeature.UniformRowLength):
            if isinstance(result, RaggedTensorValue):
                result = _uniform_rows(key, feature, result, operator.index(partition.length))
            else:
                result = _reshaped(key, result, operator.index(partition.length))
        else:
            given = tensors[partition.key].astype(dtype)
            result = RaggedTensorValue(result, _row_splits(key, feature, partition, given, len(result)))
    return result


def partition_batch(
    key: str, feature: RaggedFeature, rows: RaggedTensorValue, tensors: Mapping[str, Any]
) -> RaggedTensorValue:
    """The rows of a batch, each divided into rows by all partitions of `feature`.

    Args:
        key, feature: as for `partition_values`.
        rows: the values, in one row for each example or step.
        tensors: {key of a partition: RaggedTensorValue with as many rows}.

    Raises:
        FeatureError: as above.
    """
    for partition in reversed(feature.partitions):
        if isinstance(partition, RaggedFeature.UniformRowLength):
            rows = _uniform_batch(key, feature, rows, operator.index(partition.length))
        else:
            rows = _partition_rows(key, feature, rows, partition, tensors[partition.key])
    return rows


def _partition_rows(
    key: str, feature: RaggedFeature, rows: RaggedTensorValue, partition: Any, given: RaggedTensorValue
) -> RaggedTensorValue:
    """Each row divided by its own row of `given`: positions in a row become positions in all values."""
    if len(given.row_splits) != len(rows.row_splits):  # pragma: no cover - both are of the same examples
        raise FeatureError(f"{len(rows)} rows of values, but {len(given)} in '{partition.key}'", key)
    dtype = splits_dtype(feature.row_splits_dtype)
    positions, splits = given.flat_values.astype(dtype), given.row_splits
    if isinstance(partition, RaggedFeature.RowSplits):
        # The first of each row says where its first row starts, and that is known: the others are limits.
        is_kept = np.ones(len(positions), bool)
        is_kept[splits[:-1][np.diff(splits) > 0]] = False
        positions = positions[is_kept]
        splits = np.append(splits[:1], np.cumsum(np.maximum(np.diff(splits) - 1, 0), dtype=dtype))
        partition = RaggedFeature.RowLimits(partition.key)
    if isinstance(partition, RaggedFeature.ValueRowIds):
        counts = _numbers_of_rows(positions, splits)
        splits = _sums(counts)
        positions = positions + np.repeat(splits[:-1], np.diff(given.row_splits))
    elif not isinstance(partition, RaggedFeature.RowLengths):
        positions = positions + np.repeat(rows.row_splits[:-1], np.diff(splits))
    inner = _row_splits(key, feature, partition, positions, len(rows.values))
    if feature.validate:
        _check(key, splits[-1] == len(inner) - 1, "partitions do not form valid rows")
    return RaggedTensorValue(RaggedTensorValue(rows.values, inner), splits)


def _numbers_of_rows(row_ids: Array, splits: Array) -> Array:
    """How many rows each row of row ids names: 1 more than the largest, 0 if it is empty."""
    counts = np.zeros(len(splits) - 1, row_ids.dtype)
    is_filled = np.diff(splits) > 0
    if is_filled.any():
        counts[is_filled] = np.maximum(np.maximum.reduceat(row_ids + row_ids.dtype.type(1), splits[:-1][is_filled]), 0)
    return counts


def _row_splits(key: str, feature: RaggedFeature, partition: Any, given: Array, size: int) -> Array:
    """The row_splits that `given` means as that partition of `size` values or rows."""
    dtype = given.dtype
    if isinstance(partition, RaggedFeature.RowSplits):
        splits = given
    elif isinstance(partition, RaggedFeature.RowLengths):
        splits = _sums(given)
        if feature.validate:
            _check(key, (given >= 0).all(), "row lengths are not all 0 or more")
    elif isinstance(partition, RaggedFeature.RowStarts):
        splits = np.append(given, dtype.type(size))
    elif isinstance(partition, RaggedFeature.RowLimits):
        splits = np.append(dtype.type(0), given)
    else:
        splits = _splits_of_row_ids(key, feature, given, size)
    if feature.validate:
        is_valid = len(splits) > 0 and splits[-1] == size and (np.diff(splits) >= 0).all()
        # Of no row starts at all TensorFlow does not ask that the first be 0.
        is_valid = is_valid and (splits[0] == 0 or (isinstance(partition, RaggedFeature.RowStarts) and not len(given)))
        _check(key, is_valid, "partitions do not form valid rows")
    return splits


def _splits_of_row_ids(key: str, feature: RaggedFeature, row_ids: Array, size: int) -> Array:
    if feature.validate:
        _check(key, (np.diff(row_ids) >= 0).all(), "row ids are not ascending")
    _check(key, len(row_ids) == size, f"{size} values, but {len(row_ids)} row ids")
    _check(key, not len(row_ids) or row_ids.min() >= 0, "row ids are not all 0 or more")
    # As in TensorFlow the last one tells how many rows there are, and what lies beyond is in none.
    rows = int(row_ids[-1]) + 1 if len(row_ids) else 0
    named, counts = np.unique(row_ids[row_ids < rows], return_counts=True)
    if rows > size + _MAX_EMPTY_ROWS:
        raise TooManyRowsError(f"row ids ask for {rows} rows of {size} values", key)
    lengths = np.zeros(rows, row_ids.dtype)
    lengths[named] = counts
    return _sums(lengths)


def _uniform_rows(key: str, feature: RaggedFeature, values: RaggedTensorValue, length: int) -> RaggedTensorValue:
    rows = len(values) // length
    if feature.validate:
        problem = f"uniform_row_length={length} times nrows={rows} must equal nvals={len(values)}"
        _check(key, rows * length == len(values), problem)
    return RaggedTensorValue(values, np.arange(rows + 1, dtype=values.row_splits.dtype) * length)


def _uniform_batch(key: str, feature: RaggedFeature, rows: RaggedTensorValue, length: int) -> RaggedTensorValue:
    values = rows.values
    if isinstance(values, RaggedTensorValue):
        values = _uniform_rows(key, feature, values, length)
    else:
        values = _reshaped(key, values, length)
    return RaggedTensorValue(values, rows.row_splits // rows.row_splits.dtype.type(length))


def _reshaped(key: str, values: Array, length: int) -> Array:
    try:
        return values.reshape(-1, length, *values.shape[1:])
    except ValueError:
        raise FeatureError(f"{len(values)} values are no rows of {length}", key) from None


def _sums(lengths: Array) -> Array:
    """0 and the running sums, in the dtype of the lengths."""
    return np.append(lengths.dtype.type(0), np.cumsum(lengths, dtype=lengths.dtype))


def _check(key: str, is_valid: Any, problem: str) -> None:
    if not is_valid:
        raise FeatureError(problem, key)
