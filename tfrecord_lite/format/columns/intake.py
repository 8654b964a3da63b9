"""What people give as the values of one feature, and the source it becomes.

    values                                        source
    array [n, ...] of numbers, list of int        Table
    ragged numbers (values and row_splits)        Ragged
    Lists                                         Ragged, or Payloads where each holds one bytes value, perhaps Masked
    list of arrays of one dtype                   Arrays
    list of bytes                                 Payloads
    anything else                                 Payloads, each entry encoded by the plain path

So what a value means is decided in one place, `format.values`; what stands here is only faster. All errors are found
here, before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns.sources import Arrays, Masked, Payloads, Ragged, Source, Table
from tfrecord_lite.format.example import encode_feature
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.tensor_values import SparseTensorValue
from tfrecord_lite.format.values import BYTES_LIST

Array = NDArray[Any]


def as_source(key: str, values: Any) -> Source:
    """The source of `values`, one entry per record.

    Raises:
        FeatureError: a value has no place in a feature, with the key and the number of the record.
    """
    if isinstance(values, SparseTensorValue):
        raise FeatureError("a sparse value has no entry per record", key)
    if isinstance(values, Lists):
        source = _lists(key, values)
        return Masked(source, values.is_missing) if values.is_missing.any() else source
    if hasattr(values, "row_splits"):
        return _ragged(key, values.values, np.asarray(values.row_splits, np.int64))
    if isinstance(values, BytesArray):
        values = values.to_objects()
    if hasattr(values, "isna"):
        values = _without_na(values)
    if isinstance(values, (list, tuple)):
        return _from_list(key, values)
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.ndim == 0:
        raise FeatureError(f"a column has an entry per record, but this is one {type(values).__name__}", key)
    if array.dtype == object:
        return _from_list(key, array.tolist())
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        return _masked(key, array)
    array = np.asarray(array)  # without a mask that hides nothing
    return Table(array) if len(array) and _has_a_place(array) else _one_by_one(key, array)


def _without_na(values: Any) -> Any:
    """Values of pandas with None for what it has several words for; in a float column of numpy NaN is a number."""
    missing = np.asarray(values.isna())
    if not missing.any() or (isinstance(values.dtype, np.dtype) and values.dtype.kind == "f"):
        return values
    return [None if is_missing else value for value, is_missing in zip(values, missing.tolist(), strict=True)]


def _from_list(key: str, values: Sequence[Any]) -> Source:
    types = set(map(type, values))
    if types == {bytes}:
        return Payloads(BYTES_LIST, values)
    if types == {bytes, type(None)}:
        return Masked(Payloads(BYTES_LIST, [value or b"" for value in values]), _is_none(values))
    if types == {float}:
        return Table(np.array(values))
    if types and types <= {int, bool}:
        try:
            return Table(np.array(values, np.int64))
        except OverflowError:
            return _one_by_one(key, values)  # which names the number
    if types == {np.ndarray} and all(value.ndim == 1 for value in values):
        is_one_dtype = len({value.dtype for value in values}) == 1
        if is_one_dtype and (_always_has_a_place(values[0].dtype) or all(map(_has_a_place, values))):
            return Arrays(values)
    return _one_by_one(key, values)


def _masked(key: str, array: Any) -> Source:
    mask = np.ma.getmaskarray(array).reshape(len(array), -1)
    is_missing: Array = np.all(mask, axis=1)
    if not np.array_equal(mask.any(axis=1), is_missing):
        raise FeatureError("an entry is masked in part", key)
    if array.dtype.kind in "biuf" and _has_a_place(filled := array.filled(0)):
        return Masked(Table(filled), is_missing)
    return _one_by_one(key, [None if missing else value for value, missing in zip(array, is_missing, strict=True)])


def _lists(key: str, lists: Lists) -> Source:
    """Lists of nothing where they are missing."""
    if not isinstance(lists.values, BytesArray) or not np.array_equal(lists.lengths, ~lists.is_missing):
        return _ragged(key, lists.values, lists.row_splits)
    items = np.empty(len(lists), object)
    items[:] = b""
    items[~lists.is_missing] = lists.values.to_objects()
    return Payloads(BYTES_LIST, items.tolist())


def _ragged(key: str, values: Any, splits: Array) -> Source:
    if hasattr(values, "row_splits"):
        raise FeatureError("a column is ragged in one dimension, not in more", key)
    if np.ma.is_masked(values):
        raise FeatureError("values are masked in a ragged column", key)
    values = values.to_objects() if isinstance(values, BytesArray) else np.asarray(values)
    if not len(splits) or splits[0] != 0 or splits[-1] != len(values) or (np.diff(splits) < 0).any():
        raise FeatureError("row_splits do not begin at 0, ascend, and end with the number of values", key)
    if values.ndim == 1 and _has_a_place(values):
        return Ragged(values, splits)
    return _one_by_one(key, np.split(values, splits[1:-1]))


def _always_has_a_place(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "bif" or (dtype.kind == "u" and dtype.itemsize < 8)


def _has_a_place(numbers: Array) -> bool:
    """Whether these are numbers that all fit; the others are for the plain path to judge."""
    if _always_has_a_place(numbers.dtype):
        return True
    return numbers.dtype.kind == "u" and int(np.asarray(numbers).max(initial=0)) <= np.iinfo(np.int64).max


def _one_by_one(key: str, values: Sequence[Any] | Array) -> Source:
    features: list[bytes] = []
    try:
        for value in values:
            features.append(b"".join(encode_feature(value, key)))  # noqa: PERF401  the error needs their number
    except FeatureError as error:
        error.record_number = len(features)
        raise
    return Masked(Payloads(None, features), _is_none(values))


def _is_none(values: Sequence[Any] | Array) -> Array:
    return np.fromiter((value is None for value in values), np.bool_, len(values))
