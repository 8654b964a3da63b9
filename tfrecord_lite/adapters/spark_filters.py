"""Filters that Spark hands down, on Arrow's batches: rows that nobody wants do not travel to the JVM.

A filter is taken only where Arrow's answer is Spark's, for every value: comparisons, IN, null or not, and texts that
begin with, end with or contain something, on columns of whole numbers, bool, string and binary. Floats are left to
Spark, to whom NaN equals itself and is the largest; so are columns with a collation, and what lies inside a column. A
comparison with a null is neither true nor false, and neither is its negation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pyspark.sql import types

from tfrecord_lite.adapters.arrow_columns import import_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE = (types.ByteType, types.ShortType, types.IntegerType, types.LongType)
#: Spark's filters of a column and a value, and Arrow's functions.
_COMPARISONS = {
    "EqualTo": "equal",
    "GreaterThan": "greater",
    "GreaterThanOrEqual": "greater_equal",
    "LessThan": "less",
    "LessThanOrEqual": "less_equal",
}
_TEXTS = {"StringStartsWith": "starts_with", "StringEndsWith": "ends_with", "StringContains": "match_substring"}


def is_exact(given: Any, struct: types.StructType) -> bool:
    """Whether `mask_of` answers as Spark does.

    Args:
        given: a pyspark.sql.datasource.Filter.
        struct: the columns.
    """
    name = type(given).__name__
    if name == "Not":
        return is_exact(given.child, struct)
    if len(given.attribute) != 1 or given.attribute[0] not in struct.names:
        return False
    column = struct[given.attribute[0]].dataType
    if name in ("IsNull", "IsNotNull"):
        return True
    if name in _TEXTS:
        return bool(column == types.StringType())
    values = given.value if name == "In" else (given.value,)
    return (name == "In" or name in _COMPARISONS) and all(_is_of(value, column) for value in values)


def mask_of(given: Any, batch: pa.RecordBatch) -> Any:
    """For each row true, false or null, as a pyarrow BooleanArray."""
    import pyarrow.compute as pc

    pa = import_pyarrow()
    name = type(given).__name__
    if name == "Not":
        return pc.invert(mask_of(given.child, batch))
    column = batch.column(given.attribute[0])
    if name == "IsNull":
        return column.is_null()
    if name == "IsNotNull":
        return column.is_valid()
    if name in _TEXTS:
        return getattr(pc, _TEXTS[name])(column, given.value)
    if name == "In":
        found = pc.is_in(column, value_set=pa.array(given.value, _wide(column.type)))
        return pc.if_else(column.is_valid(), found, pa.scalar(None, pa.bool_()))
    compare: Callable[[Any, Any], Any] = getattr(pc, _COMPARISONS[name])
    return compare(column, pa.scalar(given.value, _wide(column.type)))


def kept_by(filters: Iterable[Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows for which all filters are true."""
    for given in filters:
        batch = batch.filter(mask_of(given, batch))
    return batch


def _is_of(value: Any, column: types.DataType) -> bool:
    """Whether values of a column are compared with this one without anything being converted."""
    if isinstance(column, _WHOLE):
        return type(value) is int and -(1 << 63) <= value < 1 << 63
    if isinstance(column, types.BooleanType):
        return type(value) is bool
    if column == types.StringType():  # of no other collation
        return type(value) is str
    return isinstance(column, types.BinaryType) and isinstance(value, (bytes, bytearray))


def _wide(column: Any) -> Any:
    """The type in which a value is compared: a number need not fit into the column."""
    pa = import_pyarrow()
    return pa.int64() if pa.types.is_integer(column) else column
