"""Arrow arrays -> Lists: what `arrow` does column by column on the way back from `arrow_columns`.

    field        ->  FeatureSchema
    Arrow array  ->  Lists

Values are neither copied nor made into Python objects where Arrow holds them as they are.

Raises FeatureError, with the number of the row as record_number, where a value has no place in a feature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.adapters.arrow_columns import MISSING, NO_BYTES, at_row, import_pyarrow
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.feature_schema import KINDLESS, FeatureSchema
from tfrecord_lite.format.lists import Lists

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[Any]


def declared(field: pa.Field) -> FeatureSchema:
    """What a field says of the feature that it becomes."""
    pa = import_pyarrow()
    column: Any = field.type
    shape: tuple[int, ...] = ()
    is_any_length = is_list(pa, column)
    if is_any_length:
        column = column.value_type
    while pa.types.is_fixed_size_list(column):
        shape, column = (*shape, column.list_size), column.value_type
    try:
        name, missing = field.name, (field.metadata or {}).get(MISSING, KINDLESS.encode()).decode()
    except UnicodeDecodeError:  # pyarrow does not look at what is in a file
        raise FeatureError("the name of a column, or what is said of it, is not UTF-8") from None
    return FeatureSchema(name, _dtype_of(pa, column, name), None if is_any_length else shape, missing)


def _dtype_of(pa: Any, column: Any, name: str) -> str | None:
    types = pa.types
    if types.is_dictionary(column):
        column = column.value_type
    if types.is_null(column):
        return None
    if types.is_integer(column) or types.is_boolean(column):
        return "int64"
    if types.is_floating(column):
        return "float32"
    if is_bytes(pa, column):
        return "bytes"
    if is_list(pa, column) or types.is_fixed_size_list(column):
        raise FeatureError(f"{column} inside a list: a feature is a list of one level", name)
    raise FeatureError(f"{column} has no place in a feature: cast it to integers, floats, strings or binary", name)


def is_list(pa: Any, column: Any) -> bool:
    """Whether a type is lists of any length."""
    types = pa.types
    views = [getattr(types, name) for name in ("is_list_view", "is_large_list_view") if hasattr(types, name)]
    return any(is_kind(column) for is_kind in (types.is_list, types.is_large_list, *views))


def is_bytes(pa: Any, column: Any) -> bool:
    """Whether a type is strings or binary."""
    names = ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_string", "is_large_string")
    views = ("is_string_view", "is_binary_view")
    return any(getattr(pa.types, name)(column) for name in (*names, *views) if hasattr(pa.types, name))


def has_no_kind(column: Any) -> bool:
    """Whether a type is null, or lists of null: their values have no kind."""
    pa = import_pyarrow()
    while is_list(pa, column) or pa.types.is_fixed_size_list(column):
        column = column.value_type
    return bool(pa.types.is_null(column))


def lists_of(array: Any, name: str) -> Lists:
    """The lists in an Arrow array, or in a chunked one."""
    pa = import_pyarrow()
    if isinstance(array, pa.ChunkedArray):
        parts = [lists_of(chunk, name) for chunk in array.chunks]
        return Lists.joined(parts) if parts else lists_of(array.combine_chunks(), name)
    import pyarrow.compute

    array = _without_dictionary(pa, array)
    column, count = array.type, len(array)
    if pa.types.is_null(column):
        return Lists.all_missing(count)
    is_missing = array.is_null().to_numpy(zero_copy_only=False)
    lengths, size = (~is_missing).astype(np.int64), 1
    if is_list(pa, column):
        lengths = pyarrow.compute.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        array = array.flatten()
    elif pa.types.is_fixed_size_list(column):
        size, array = column.list_size, array.flatten()
    else:
        array = _without_views(pa, array).drop_null()
    lists = Lists.of_lengths(range(int(lengths.sum())), lengths, is_missing)
    while pa.types.is_fixed_size_list(array.type):
        _check_no_null(lists, array, size, name)
        size *= array.type.list_size
        array = array.flatten()
    array = _without_dictionary(pa, array)
    _check_no_null(lists, array, size, name)
    return Lists.of_lengths(_leaves(pa, array, lists, size, name), lengths * size, is_missing)


def _check_no_null(lists: Lists, array: Any, size: int, name: str) -> None:
    if array.null_count:
        at = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise at_row("a null inside a list has no place in a feature", name, _row(lists, at // max(size, 1)))


def _row(lists: Lists, at: int) -> int:
    """The record of value `at`."""
    return int(np.searchsorted(lists.row_splits, at, "right")) - 1


def _leaves(pa: Any, array: Any, lists: Lists, size: int, name: str) -> Any:
    """Values without nulls, as an array or a BytesArray."""
    column = array.type
    if pa.types.is_null(column):
        return np.empty(0, np.int64)
    if is_bytes(pa, column):
        return _blob(_without_views(pa, array).cast(pa.large_binary()))
    if pa.types.is_floating(column):
        return as_float32(array.to_numpy(zero_copy_only=False), name, lambda at: _row(lists, at // max(size, 1)))
    if pa.types.is_uint64(column):
        large = np.flatnonzero(array.to_numpy() > np.iinfo(np.int64).max)
        if large.size:
            raise at_row(f"{array[int(large[0])]} is outside int64", name, _row(lists, int(large[0]) // size))
    return array.cast(pa.int64()).to_numpy(zero_copy_only=False)


def as_float32(values: Array, name: str, row_of: Callable[[int], int]) -> Array:
    """The nearest float32 of each.

    Raises:
        FeatureError: a finite number would become an infinite one, with the number of its row as record_number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats: Array = values.astype(np.float32, copy=False)
    if values.dtype.itemsize > floats.dtype.itemsize:
        beyond = np.flatnonzero(np.isinf(floats) & np.isfinite(values))
        if beyond.size:
            at = int(beyond[0])
            raise at_row(f"{values.reshape(-1)[at]} is beyond float32", name, row_of(at))
    return floats


def _without_dictionary(pa: Any, array: Any) -> Any:
    """The words themselves: one of them may be null, which the numbers of the words do not tell."""
    if not pa.types.is_dictionary(array.type):
        return array
    words = _without_views(pa, array.dictionary)  # as polars has them
    return pa.DictionaryArray.from_arrays(array.indices, words).dictionary_decode()


def _without_views(pa: Any, array: Any) -> Any:
    """Strings and binary as one blob, where they are views of several: for those pyarrow has few functions."""
    for name, plain in (("is_string_view", pa.large_string), ("is_binary_view", pa.large_binary)):
        if hasattr(pa.types, name) and getattr(pa.types, name)(array.type):
            return array.cast(plain())
    return array


def _blob(array: Any) -> BytesArray:
    if not len(array):
        return NO_BYTES
    _, offsets_buffer, data = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    blob = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return BytesArray(blob[offsets[0] : offsets[-1]], offsets - offsets[0])
