"""What a column of a DataFrame is as a feature, and the other way round. Needs PySpark: the extra `[spark]`.

    Spark's type                          a feature of        when a schema is inferred
    bool, byte, short, int, bigint        int64, one value    bigint
    float, double                         float32, one value  float
    string (UTF-8), binary                bytes, one value    binary
    array of one of these                 any number          array, unless every record holds one value
    array<array<...>> (SequenceExample)   a feature list      array<array<...>>
    void                                  none of a kind      void

What a given type cannot hold (another kind, two values, 2**40 as an int, bytes that are no UTF-8 as a string) is an
error, and nothing is cut. Null is written as no feature at all, as the jar of the same format name does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import types

from tfrecord_lite.adapters.arrow import arrow_schema, schema_from_arrow
from tfrecord_lite.adapters.arrow_columns import at_row, import_pyarrow
from tfrecord_lite.adapters.arrow_sequences import is_feature_list, sequence_arrow_schema, sequence_schema_from_arrow
from tfrecord_lite.adapters.read_parts import BYTE_ARRAY
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.feature_schema import ABSENT
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

#: Spark's types of single values, and the names of the functions that make Arrow's.
_ARROW = {
    types.BooleanType: "bool_",
    types.ByteType: "int8",
    types.ShortType: "int16",
    types.IntegerType: "int32",
    types.LongType: "int64",
    types.FloatType: "float32",
    types.DoubleType: "float64",
    types.StringType: "string",
    types.BinaryType: "binary",
    types.NullType: "null",
}


def arrow_of(struct: types.StructType) -> pa.Schema:
    """The types in which Spark wants the batches of a DataFrame.

    Raises:
        FeatureError: a column's type has no place in a feature.
    """
    pa = import_pyarrow()
    return pa.schema([pa.field(each.name, _arrow_type(each.dataType, each.name), each.nullable) for each in struct])


def schema_of(struct: types.StructType, record_type: str) -> Schema | None:
    """What the columns of a DataFrame are in a record; None of records as they are.

    Raises:
        FeatureError: a column's type has no place in a record of that type.
    """
    columns = arrow_of(struct)
    if record_type == "ByteArray":
        if len(struct) != 1 or not isinstance(struct[0].dataType, types.BinaryType):
            raise FeatureError(f"records are one column of binary, not {struct.simpleString()}")
        if struct[0].name != BYTE_ARRAY:
            problem = f"is no '{BYTE_ARRAY}', the column of records: rename it if it holds records"
            raise FeatureError(problem, struct[0].name)
        return None
    if record_type == "SequenceExample":
        schema = sequence_schema_from_arrow(columns)
    else:
        for field in columns:
            if is_feature_list(field.type):
                reason = "an array of arrays is a feature list: option recordType is to be SequenceExample"
                raise FeatureError(reason, field.name)
        schema = schema_from_arrow(columns)
    features = [replace(feature, missing=ABSENT) for feature in schema.values()]
    return Schema(features, feature_lists=schema.feature_lists.values())


def struct_of(schema: Schema, record_type: str) -> types.StructType:
    """The columns of records of which that is known.

    Raises:
        FeatureError: a feature was met in several kinds; there are SequenceExamples, and they are not asked for.
    """
    if record_type == "ByteArray":
        return types.StructType([types.StructField(BYTE_ARRAY, types.BinaryType())])
    if record_type == "SequenceExample":
        columns = sequence_arrow_schema(schema, fixed_size=False)
    else:
        if schema.feature_lists:
            reason = "a feature list, which Examples do not have: option recordType is to be SequenceExample"
            raise FeatureError(reason, min(schema.feature_lists))
        columns = arrow_schema(schema, fixed_size=False)
    return types.StructType([types.StructField(field.name, _spark_type(field.type)) for field in columns])


def as_spark(batch: pa.RecordBatch, columns: pa.Schema) -> pa.RecordBatch:
    """The batch with the types of `arrow_of`, column by column.

    Raises:
        FeatureError: a value is none of its type, or missing where the column has no nulls, with the number of the row
            as record_number.
    """
    pa = import_pyarrow()
    arrays = [_cast(column, field) for column, field in zip(batch.columns, columns, strict=True)]
    if not arrays:
        return batch
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def _arrow_type(given: types.DataType, name: str) -> Any:
    pa = import_pyarrow()
    if isinstance(given, types.ArrayType):
        return pa.list_(pa.field("element", _arrow_type(given.elementType, name), given.containsNull))
    for kind, function in _ARROW.items():
        if isinstance(given, kind):
            return getattr(pa, function)()
    raise FeatureError(f"{given.simpleString()} has no place in a feature: cast it to numbers, string or binary", name)


def _spark_type(column: Any) -> types.DataType:
    pa = import_pyarrow()
    if pa.types.is_list(column):
        return types.ArrayType(_spark_type(column.value_type))
    return next(kind() for kind, function in _ARROW.items() if getattr(pa, function)().equals(column))


def _cast(array: Any, field: Any) -> Any:
    pa = import_pyarrow()
    if not field.nullable and array.null_count:
        raise at_row("is missing, and its column has no nulls", field.name, array.is_null().index(True).as_py())
    try:
        return _converted(array, field.type)
    except pa.ArrowInvalid as error:
        for row in range(len(array)):
            try:
                _converted(array.take(pa.array([row])), field.type)
            except pa.ArrowInvalid:
                raise at_row(f"is no {field.type}: {error}", field.name, row) from None
        raise


def _converted(array: Any, column: Any) -> Any:
    """The same as that type. Raises pyarrow.ArrowInvalid."""
    pa = import_pyarrow()
    converted, inner, leaf = array.cast(column), array, column
    while pa.types.is_list(leaf):
        inner = inner.flatten()
        if inner.null_count and not leaf.value_field.nullable:
            raise pa.ArrowInvalid("a null in an array without nulls")
        leaf = leaf.value_type
    if pa.types.is_boolean(leaf) and not converted.cast(array.type).equals(array):
        raise pa.ArrowInvalid("a number that is neither 0 nor 1")
    return converted
