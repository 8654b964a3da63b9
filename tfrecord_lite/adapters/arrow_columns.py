"""Lists -> Arrow arrays: what `arrow` does column by column. The way back is `arrow_lists`.

    FeatureSchema  ->  type of a field
    Lists          ->  array of that type

Values are neither copied nor made into Python objects where Arrow holds them as they are.

Raises FeatureError, with the number of the row as record_number, where a value has no place on the other side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.lists import Lists

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[Any]

#: Key of a field's metadata: what is written for a null, "absent" or "kindless".
MISSING = b"tfrecord_lite.missing"

#: Of bytes no values.
NO_BYTES = BytesArray(np.empty(0, np.uint8), np.zeros(1, np.int64))


def import_pyarrow() -> Any:
    """The package, or an ImportError that says where to get it."""
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError('this needs pyarrow: pip install "tfrecord-lite-codec[arrow]"') from error
    return pyarrow


def check_rows(rows: int, columns: int) -> None:
    """Raise FeatureError if a table has rows and no columns."""
    if rows and not columns:
        raise FeatureError("rows without columns have no features, and nothing would be left of them")


def as_declared(lists: Lists, feature: FeatureSchema, *, is_fixed: bool = False) -> Lists:
    """The lists with values of the feature's dtype, if that loses nothing but a float's precision.

    Args:
        lists: of a column.
        feature: what it is to be.
        is_fixed: whether the column's type says of all lists how long they are.

    Raises:
        FeatureError: a number is no whole one, or they are not so many, with the number of the record as record_number;
            without one where all of the column is something else.
    """
    if feature.shape is not None:
        size = math.prod(feature.shape)
        wrong = np.flatnonzero((lists.lengths != size) & ~lists.is_missing)
        if wrong.size:
            error = at_row(f"holds {lists.lengths[wrong[0]]} values, not {size}", feature.name, int(wrong[0]))
            if is_fixed:
                error.record_number = None
            raise error
    values, dtype = lists.values, feature.dtype
    if dtype is None:
        return lists
    is_bytes = isinstance(values, BytesArray) or values.dtype.kind in "USO"
    if not len(values):
        values = NO_BYTES if dtype == "bytes" else np.empty(0, dtype)
    elif is_bytes != (dtype == "bytes"):
        found = "bytes" if is_bytes else str(values.dtype)
        raise FeatureError(f"is {found}, not {dtype}", feature.name)
    elif not is_bytes and values.dtype != dtype:
        values = values.astype(dtype) if dtype == "float32" else _whole(lists, feature.name)
    return Lists(values, lists.row_splits, lists.is_missing)


def _whole(lists: Lists, name: str) -> Array:
    """Floats that are integers, as int64."""
    values = lists.values
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~((values == np.floor(values)) & (np.abs(values) < 2.0**63)))
    if wrong.size:
        row = int(np.searchsorted(lists.row_splits, wrong[0], "right")) - 1
        raise at_row("is float32, and no whole number, instead of int64", name, row)
    whole: Array = values.astype(np.int64)
    return whole


def column_type(feature: FeatureSchema, is_text: bool, fixed_size: bool) -> pa.DataType:
    """The Arrow type of a feature's column, see `arrow.arrow_schema`."""
    pa = import_pyarrow()
    if feature.is_mixed:
        raise FeatureError(f"met in several kinds, which fit no column: {', '.join(feature.kinds)}", feature.name)
    if feature.dtype is None:
        return pa.null()
    numbers = {"int64": pa.int64(), "float32": pa.float32()}
    column = numbers.get(feature.dtype) or (pa.string() if is_text else pa.binary())
    shape = feature.shape
    if shape == ():
        return column
    if shape is None or not math.prod(shape) or not fixed_size:
        return pa.list_(column)
    for size in reversed(shape):
        column = pa.list_(column, size)
    return column


def array_of(lists: Lists, field: pa.Field) -> pa.Array:
    """The column of a field that `column_type` gave the type of."""
    pa = import_pyarrow()
    column, count = field.type, len(lists)
    if pa.types.is_null(column):
        return pa.nulls(count)
    is_missing = lists.is_missing
    some_missing = bool(is_missing.any())
    validity = pa.array(~is_missing).buffers()[1] if some_missing else None
    if pa.types.is_list(column):
        values = _values(pa, lists.values, column.value_type, lists, field.name)
        return pa.Array.from_buffers(column, count, [validity, _offsets(pa, lists.row_splits)], children=[values])
    if pa.types.is_fixed_size_list(column):
        size = 1
        while pa.types.is_fixed_size_list(column):
            size, column = size * column.list_size, column.value_type
        filled = _filled(lists, size) if some_missing else lists.values
        values = _values(pa, filled, column, lists, field.name)
        return _nested(pa, field.type, values, count, validity)
    if some_missing and not isinstance(lists.values, BytesArray):
        return pa.array(_filled(lists, 1), mask=is_missing)
    if some_missing:
        blob = lists.values
        values = _values(pa, BytesArray(blob.blob, blob.offsets[lists.row_splits]), column, lists, field.name)
        return pa.Array.from_buffers(column, count, [validity, *values.buffers()[1:]])
    return _values(pa, lists.values, column, lists, field.name)


def _filled(lists: Lists, size: int) -> Any:
    """Values as if each record had `size`: nothing, or 0, where they are missing."""
    if isinstance(lists.values, BytesArray):
        sizes = np.zeros((len(lists), size), np.int64)
        sizes[~lists.is_missing] = np.diff(lists.values.offsets).reshape(-1, size)
        offsets = np.zeros(sizes.size + 1, np.int64)
        np.cumsum(sizes.reshape(-1), out=offsets[1:])
        return BytesArray(lists.values.blob, offsets)
    table = np.zeros((len(lists), size), lists.values.dtype)
    table[~lists.is_missing] = lists.values.reshape(-1, size)
    return table.reshape(-1)


def _nested(pa: Any, column: Any, values: pa.Array, count: int, validity: Any) -> pa.Array:
    inner = column.value_type
    child = _nested(pa, inner, values, count * column.list_size, None) if pa.types.is_fixed_size_list(inner) else values
    return pa.Array.from_buffers(column, count, [validity], children=[child])


def _values(pa: Any, values: Any, column: Any, lists: Lists, name: str) -> pa.Array:
    if not isinstance(values, BytesArray):
        return pa.array(values)
    buffers = [None, _offsets(pa, values.offsets), pa.py_buffer(values.blob)]
    array = pa.Array.from_buffers(column, len(values), buffers)
    if pa.types.is_string(column):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            _raise_no_text(lists, name)
    return array


def _raise_no_text(lists: Lists, name: str) -> None:
    for row, items in enumerate(lists.to_list()):
        for item in items or ():
            try:
                item.decode("utf-8")
            except UnicodeDecodeError:
                raise at_row("is to be text, and holds bytes that are not UTF-8", name, row) from None


def _offsets(pa: Any, splits: Array) -> Any:
    if int(splits[-1]) > np.iinfo(np.int32).max:
        raise FeatureError(
            f"{splits[-1]} bytes or values in one batch are more than Arrow's 2 GiB: take smaller batches"
        )
    return pa.py_buffer(splits.astype(np.int32))


def at_row(reason: str, name: str, row: int) -> FeatureError:
    """An error about a value in a row of a column."""
    error = FeatureError(reason, name)
    error.record_number = row
    return error
