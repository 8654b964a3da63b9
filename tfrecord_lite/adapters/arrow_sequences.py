"""SequenceExamples as Arrow batches, and back, record by record. Needs pyarrow.

    in a schema                 Arrow                     in a record
    a feature of the context    as of an Example, see `arrow`
    a feature list              list<list<int64>>, and    null: there is no such list; []: one of no steps;
                                so for other values       a step null: without a kind; a step []: of no values

On the way back a column of lists of lists is a feature list, whatever the size of the inner ones, and any other column
a feature of the context. A name can be that of one of both only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.arrow import arrow_schema, from_arrow, schema_from_arrow, to_arrow
from tfrecord_lite.adapters.arrow_columns import column_type, import_pyarrow
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.columns.encode import encode_columns
from tfrecord_lite.format.example import decode_sequence_example, encode_sequence_example
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.schema import Schema
from tfrecord_lite.format.values import with_kind

if TYPE_CHECKING:
    import pyarrow as pa


def sequence_arrow_schema(schema: Schema, *, fixed_size: bool = True) -> pa.Schema:
    """The Arrow schema of SequenceExamples: the features of their context, then their feature lists.

    Args:
        schema: as inferred, or written by hand.
        fixed_size: whether a shape of the context becomes a FixedSizeList, and not a list.

    Raises:
        FeatureError: a feature or the steps of a list were met in several kinds; one name is that of both.
    """
    pa = import_pyarrow()
    both = sorted(set(schema) & set(schema.feature_lists))
    if both:
        raise FeatureError("a feature of the context and a feature list have the same name", both[0])
    columns = arrow_schema(schema, fixed_size=fixed_size)
    for name, each in schema.feature_lists.items():
        columns = columns.append(pa.field(name, pa.list_(column_type(_any_length(each.step), False, False))))
    return columns


def sequence_schema_from_arrow(schema: pa.Schema) -> Schema:
    """What an Arrow schema declares of SequenceExamples.

    Raises:
        FeatureError: a column's type has no place in a feature or a step, or two columns have the same name.
    """
    pa = import_pyarrow()
    context = [field for field in schema if not is_feature_list(field.type)]
    steps = [pa.field(field.name, field.type.value_type) for field in schema if is_feature_list(field.type)]
    lists = [FeatureListSchema(step) for step in schema_from_arrow(pa.schema(steps)).values()]
    declared = Schema(schema_from_arrow(pa.schema(context)).values(), feature_lists=lists)
    sequence_arrow_schema(declared)
    return declared


def is_feature_list(column: pa.DataType) -> bool:
    """Whether a column of that type holds steps: lists of any number of lists."""
    return _is_list(column) and (_is_list(column.value_type) or _is_fixed(column.value_type))


def sequences_to_batch(records: Sequence[bytes], schema: Schema) -> pa.RecordBatch:
    """Serialized SequenceExamples as a batch of `sequence_arrow_schema(schema)`.

    Args:
        schema: which features and feature lists, and what they are; others are left out.

    Raises:
        DecodeError, FeatureError: a record is none, or not what the schema says, with its number as record_number.
    """
    pa = import_pyarrow()
    columns = sequence_arrow_schema(schema)
    contexts: list[dict[str, Any]] = []
    steps_of: dict[str, list[list[Any] | None]] = {name: [] for name in schema.feature_lists}
    for number, record in enumerate(records):
        try:
            context, feature_lists = decode_sequence_example(record)
        except ValueError as error:
            error.record_number = number  # type: ignore[attr-defined]
            raise
        contexts.append({name: value for name, value in context.items() if name in schema})
        for name, lists in steps_of.items():
            lists.append(feature_lists.get(name))
    table = to_arrow(map(_typed, contexts), Schema(schema.values()))
    arrays = [_only_chunk(table, name) for name in schema]
    arrays += [_steps_array(steps_of[name], _any_length(each.step)) for name, each in schema.feature_lists.items()]
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), len(records), [None]))
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def sequences_from_arrow(batch: pa.RecordBatch, schema: Schema | None = None) -> list[bytes]:
    """The rows of a batch as serialized SequenceExamples.

    Args:
        schema: what the columns are to be; None: as `sequence_schema_from_arrow` has it.

    Raises:
        FeatureError: as `from_arrow`, and a column is none of the schema's, or one of them is missing.
    """
    pa = import_pyarrow()
    if schema is None:
        schema = sequence_schema_from_arrow(batch.schema)
    wrong = sorted({*schema, *schema.feature_lists} ^ set(batch.schema.names))
    if wrong:
        raise FeatureError("a column that is not in the schema, or one of the schema that is not there", wrong[0])
    context = {name: batch.column(name) for name in schema}
    contexts = [b""] * batch.num_rows
    if context:  # an Example is the bytes of a SequenceExample that has a context only
        contexts = encode_columns(from_arrow(_batch(pa, context), Schema(schema.values())), schema)
    rows = {name: list(_steps_of(batch.column(name), each.step)) for name, each in schema.feature_lists.items()}
    if not rows:
        return contexts
    records = []
    for number, encoded in enumerate(contexts):
        lists = {name: steps for name, values in rows.items() if (steps := values[number]) is not None}
        records.append(encoded + encode_sequence_example(None, lists))
    return records


def _steps_array(lists: list[list[Any] | None], step: FeatureSchema) -> Any:
    """The steps of one feature list in many records, as list<list<...>>."""
    pa = import_pyarrow()
    counts = np.array([0, *(len(steps or ()) for steps in lists)], np.int64)
    splits = np.cumsum(counts)
    examples = [_typed({step.name: value}) for steps in lists for value in steps or ()]
    try:
        table = to_arrow(examples, Schema([step]))
    except FeatureError as error:
        error.record_number = int(np.searchsorted(splits, error.record_number or 0, "right")) - 1
        raise
    offsets = pa.array(splits, pa.int32())
    missing = pa.array([steps is None for steps in lists], pa.bool_())
    values = _only_chunk(table, step.name)
    return pa.ListArray.from_arrays(offsets, values, mask=missing)


def _steps_of(array: Any, step: FeatureSchema) -> Iterator[list[Any] | None]:
    """The steps of each record, or None, from a column of lists of lists."""
    pa = import_pyarrow()
    import pyarrow.compute

    missing = array.is_null().to_pylist()
    counts = pyarrow.compute.list_value_length(array).fill_null(0).to_pylist()
    splits = np.cumsum([0, *counts])
    try:
        lists = from_arrow(_batch(pa, {step.name: array.flatten()}), Schema([step]))[step.name]
    except FeatureError as error:
        if error.record_number is not None:
            error.record_number = int(np.searchsorted(splits, error.record_number, "right")) - 1
        raise
    values = _values_of(lists)
    for (begin, end), is_null in zip(pairwise(splits.tolist()), missing, strict=True):
        yield None if is_null else values[begin:end]


def _values_of(lists: Lists) -> list[Any]:
    return [with_kind(value) for value in lists.to_list()]


def _typed(example: dict[str, Any]) -> dict[str, Any]:
    return {name: with_kind(value) for name, value in example.items()}


def _any_length(step: FeatureSchema) -> FeatureSchema:
    """The same for steps of any number of values: as the inner lists of Arrow are."""
    return FeatureSchema(step.name, step.dtype, None, step.missing, step.kinds)


def _only_chunk(table: pa.Table, name: str) -> Any:
    pa = import_pyarrow()
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _batch(pa: Any, columns: dict[str, Any]) -> Any:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _is_list(column: Any) -> bool:
    types = import_pyarrow().types
    return bool(types.is_list(column) or types.is_large_list(column))


def _is_fixed(column: Any) -> bool:
    return bool(import_pyarrow().types.is_fixed_size_list(column))
