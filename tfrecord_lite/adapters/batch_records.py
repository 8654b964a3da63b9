"""The rows of a RecordBatch -> records in a writer, as a schema has them. Needs pyarrow.

    Example            columns are features; of a schema those that it names, and what is no column is missing
    SequenceExample    features of the context, and feature lists where they are lists of lists; the same
    ByteArray          records are the values of the one column, `byteArray`

Raises FeatureError, with the number of the row as record_number, for what has no place in a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tfrecord_lite.adapters.arrow import from_arrow, schema_from_arrow
from tfrecord_lite.adapters.arrow_columns import MISSING, import_pyarrow
from tfrecord_lite.adapters.arrow_sequences import sequence_schema_from_arrow, sequences_from_arrow
from tfrecord_lite.adapters.read_parts import BYTE_ARRAY
from tfrecord_lite.errors import FeatureError, counted
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.format.feature_schema import ABSENT
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa


def write_batch(writer: ShardedWriter, batch: pa.RecordBatch, record_type: str, schema: Schema | None) -> None:
    """Write the rows of a batch.

    Args:
        record_type: one of RECORD_TYPES.
        schema: which columns are features, one at least, and what they are to be; None: all, as they are.
    """
    if schema is None and not batch.schema.names:  # nothing would say how many records there are
        raise FeatureError(f"{counted(batch.num_rows, 'row')} without a column are no records")
    _WRITE[record_type](writer, batch, schema)


def _write_examples(writer: ShardedWriter, batch: pa.RecordBatch, schema: Schema | None) -> None:
    if schema is not None:
        batch = _declared(batch, dict.fromkeys(schema, import_pyarrow().null()))
    rules = _rules(batch.schema, schema_from_arrow(batch.schema)) if schema is None else schema
    writer.write_columns(from_arrow(batch, schema), rules)


def _declared(batch: pa.RecordBatch, types: Mapping[str, Any]) -> pa.RecordBatch:
    """The columns of these names, as they are; one that is not there is of nulls, as a key that no example has."""
    pa = import_pyarrow()
    there = [name for name in types if name in batch.schema.names]
    nulls = {name: pa.nulls(batch.num_rows, column) for name, column in types.items() if name not in there}
    return pa.RecordBatch.from_arrays([*batch.select(there).columns, *nulls.values()], names=[*there, *nulls])


def _rules(columns: pa.Schema, declared: Schema) -> Schema:
    """What the columns are. A null of which nothing else is said is no feature at all, under every engine."""
    features = [
        feature if MISSING in (columns.field(name).metadata or {}) else replace(feature, missing=ABSENT)
        for name, feature in declared.items()
    ]
    return Schema(features, feature_lists=declared.feature_lists.values())


def _write_sequences(writer: ShardedWriter, batch: pa.RecordBatch, schema: Schema | None) -> None:
    if schema is None:
        schema = _rules(batch.schema, sequence_schema_from_arrow(batch.schema))
    else:
        pa = import_pyarrow()
        steps = dict.fromkeys(schema.feature_lists, pa.list_(pa.list_(pa.null())))
        batch = _declared(batch, dict.fromkeys(schema, pa.null()) | steps)
    for record in sequences_from_arrow(batch, schema):
        writer.write(record)


def _write_records(writer: ShardedWriter, batch: pa.RecordBatch, schema: Schema | None) -> None:
    types = import_pyarrow().types
    names = batch.schema.names
    if len(names) != 1 or not (types.is_binary(batch.schema.types[0]) or types.is_large_binary(batch.schema.types[0])):
        found = ", ".join(map(str, batch.schema.types))
        raise FeatureError(f"records are one column of binary, not {counted(len(names), 'column')}: {found}")
    if names[0] != BYTE_ARRAY:
        raise FeatureError(f"is no '{BYTE_ARRAY}', the column of records: rename it if it holds records", names[0])
    column = batch.column(0)
    if column.null_count:
        error = FeatureError("a record is null", names[0])
        error.record_number = column.is_null().index(True).as_py()
        raise error
    for record in column.to_pylist():
        writer.write(record)


_WRITE: dict[str, Callable[[ShardedWriter, Any, Schema | None], None]] = {
    "Example": _write_examples,
    "SequenceExample": _write_sequences,
    "ByteArray": _write_records,
}
