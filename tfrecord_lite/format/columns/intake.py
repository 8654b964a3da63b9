"""What people give as the values of one feature, and the column it becomes.

    values                                                column
    integer or bool array [n], list of ints               ScalarColumn
    integer or bool array [n, ...], ragged integers       IntegersColumn
    floating array [n] or [n, ...], ragged floats         FloatsColumn
    list of bytes                                         BytesColumn
    anything else                                         FeatureColumn, each entry encoded by the plain path

So what a value means is decided in one place, `format.values`; what stands here is only faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.columns.column import (
    BytesColumn,
    Column,
    FeatureColumn,
    FloatsColumn,
    IntegersColumn,
    MaskedColumn,
    ScalarColumn,
)
from tfrecord_lite.format.example import encode_feature

Array = np.typing.NDArray[Any]


def as_column(key: str, values: Any) -> Column:
    """The column of `values`, one entry per record.

    Raises:
        FeatureError: a value has no place in a feature, with the key and the number of the record.
    """
    if hasattr(values, "row_splits"):
        return _ragged(key, np.asarray(values.values), np.asarray(values.row_splits, np.int64))
    if isinstance(values, (list, tuple)):
        return _from_list(key, values)
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.ndim == 0:
        raise FeatureError(f"a column has an entry per record, but this is one {type(values).__name__}", key)
    if array.dtype == object:
        return _from_list(key, array.tolist())
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        return _masked(key, array)
    return _from_array(array) or _one_by_one(key, array)


def _from_array(array: Array) -> Column | None:
    """The column of an array [n, ...], or None when its dtype is for the plain path to judge."""
    count = len(array)
    flat = np.asarray(array).reshape(-1)
    numbers = _as_stored(flat)
    if numbers is None or not count:
        return None
    if numbers.dtype == np.int64 and len(flat) == count:
        return ScalarColumn(numbers)
    splits = np.arange(count + 1, dtype=np.int64) * (len(flat) // count)
    return (IntegersColumn if numbers.dtype == np.int64 else FloatsColumn)(numbers, splits)


def _from_list(key: str, values: Sequence[Any]) -> Column:
    types = set(map(type, values))
    if types <= {bytes, type(None)} and bytes in types:
        return BytesColumn(values)
    if types == {float}:
        return _from_array(np.array(values)) or _one_by_one(key, values)
    if types and types <= {int, bool}:
        try:
            return ScalarColumn(np.array(values, np.int64))
        except OverflowError:
            return _one_by_one(key, values)  # which names the number
    if types == {np.ndarray} and all(value.ndim == 1 for value in values):
        dtypes = {value.dtype for value in values}
        if len(dtypes) == 1:
            splits = np.cumsum([0, *map(len, values)])
            numbers = _as_stored(np.concatenate(values))
            if numbers is not None:
                return (IntegersColumn if numbers.dtype == np.int64 else FloatsColumn)(numbers, splits)
    return _one_by_one(key, values)


def _masked(key: str, array: Any) -> Column:
    mask = np.ma.getmaskarray(array).reshape(len(array), -1)
    is_missing: Array = np.all(mask, axis=1)
    if not np.array_equal(mask.any(axis=1), is_missing):
        raise FeatureError("an entry is masked in part", key)
    column = _from_array(array.filled(0) if array.dtype.kind in "biuf" else array)
    if column is None:
        return _one_by_one(key, [None if missing else value for value, missing in zip(array, is_missing, strict=True)])
    return MaskedColumn(column, is_missing)


def _ragged(key: str, values: Array, splits: Array) -> Column:
    if not len(splits) or splits[0] != 0 or splits[-1] != len(values) or (np.diff(splits) < 0).any():
        raise FeatureError("row_splits do not begin at 0, ascend, and end with the number of values", key)
    numbers = _as_stored(values) if values.ndim == 1 else None
    if numbers is None:
        return _one_by_one(key, np.split(values, splits[1:-1]))
    return (IntegersColumn if numbers.dtype == np.int64 else FloatsColumn)(numbers, splits)


def _as_stored(flat: Array) -> Array | None:
    """int64, or little-endian float32; None when that is not what the values are, or they do not fit."""
    kind = flat.dtype.kind
    if kind in "bi":
        return flat.astype(np.int64, copy=False)
    if kind == "u" and (flat.dtype.itemsize < 8 or not len(flat) or int(flat.max()) <= np.iinfo(np.int64).max):
        return flat.astype(np.int64)
    if kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return np.ascontiguousarray(flat.astype("<f4", copy=False))
    return None


def _one_by_one(key: str, values: Iterable[Any]) -> Column:
    features: list[bytes] = []
    try:
        for value in values:
            features.append(b"".join(encode_feature(value, key)))  # noqa: PERF401  the error needs their number
    except FeatureError as error:
        error.record_number = len(features)
        raise
    return FeatureColumn(features)
