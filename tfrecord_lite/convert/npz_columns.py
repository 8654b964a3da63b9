"""Arrays of an NPZ, by their names -> columns of features: which belongs to which, see `npz`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError, printable
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.lists import Lists

ROW_SPLITS, OFFSETS, IS_MISSING = ".row_splits", ".offsets", ".is_missing"

Array = NDArray[Any]


class Columns(dict[str, Any]):
    """Columns of some rows."""

    def slice(self, begin: int, length: int) -> Columns:
        end = begin + length
        return Columns(
            (name, column.part(begin, end) if isinstance(column, Lists) else column[begin:end])
            for name, column in self.items()
        )


def columns_of(arrays: dict[str, Array]) -> Columns:
    """Columns for `encode_columns`."""
    columns = Columns()
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):  # numpy gives the bytes of what is no .npy
            raise FeatureError("what the archive holds of this name is no array", key)
        if _are_flags(key, arrays) and (array.dtype != bool or array.ndim != 1):
            raise FeatureError("says of each record whether it is missing: bool [n]", key)
    for key in arrays:
        base = next((key[: -len(end)] for end in (ROW_SPLITS, OFFSETS) if key.endswith(end)), None)
        if base in arrays:
            continue
        if _are_flags(key, arrays):
            name = key[: -len(IS_MISSING)]
            if name not in arrays:
                columns[name] = Lists.all_missing(len(arrays[key]))
            continue
        columns[key] = _column(key, arrays)
    return columns


def _are_flags(key: str, arrays: dict[str, Array]) -> bool:
    """Whether an array says which values are missing: of another, or, as bool, of a feature that is nowhere."""
    return key.endswith(IS_MISSING) and (key[: -len(IS_MISSING)] in arrays or arrays[key].dtype == bool)


def _column(name: str, arrays: dict[str, Array]) -> Any:
    array = arrays[name]
    if not array.ndim:
        raise FeatureError("one value, and not a row for each record", name)
    if array.dtype.kind == "S":
        array = array.astype(object)  # in numpy's own form rows of several are refused: who made it may have lost NULs
    missing = arrays.get(name + IS_MISSING)
    splits = arrays.get(name + ROW_SPLITS)
    if name + OFFSETS in arrays:
        if array.dtype != np.uint8 or array.ndim != 1:
            raise FeatureError("has offsets, and is no blob: uint8 [bytes]", name)
        values: Any = BytesArray(array, arrays[name + OFFSETS])
        splits = np.arange(len(values) + 1) if splits is None else splits
    else:
        values = array
    count = len(values) if splits is None else len(splits) - 1
    if missing is not None and len(missing) != count:
        raise FeatureError(f"{len(missing)} records, and not {count} as '{printable(name)}'", name + IS_MISSING)
    if splits is not None:
        return Lists(values, splits, missing)
    if missing is None:
        return array
    lengths = np.where(missing, 0, math.prod(array.shape[1:]))
    return Lists.of_lengths(array[~missing].reshape(-1), lengths, missing)
