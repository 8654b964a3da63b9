"""Arrow tables from Examples, and Examples from Arrow tables. Needs pyarrow: the extra `arrow`.

    schema of the feature              Arrow                          in a record
    int64, shape []                    int64                          null: missing, or without a kind
    float32, shape [2, 3]              FixedSizeList of FixedSizeList null: the same
    bytes, shape null                  list<binary>                   null: the same; []: an empty list
    bytes named in `text`              string instead of binary
    no dtype (met in no kind)          null

The type of a column is the schema's decision, never that of what one file happens to hold. What a missing value is
written as (see FeatureSchema.missing) stands in the field's metadata, under "tfrecord_lite.missing": where a feature is
absent from some records and without a kind in others both are null, and both without a kind on the way back.

Back, any integer or bool becomes int64, any float float32, binary and string bytes, as scalars and in lists of one
level; a list of lists only where the inner ones are of fixed size. Everything else (dates, decimals, structs) has no
place in a feature and is refused, and so is a null inside a list.

pandas and polars: `to_pandas`, `from_pandas`; `polars.DataFrame(read_arrow(...))`, and `from_arrow` takes whatever
follows Arrow's protocol (`__arrow_c_stream__`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.arrow_batches import lists_to_batch, of_size, runs
from tfrecord_lite.adapters.arrow_columns import MISSING, as_declared, check_rows, column_type, import_pyarrow
from tfrecord_lite.adapters.arrow_frames import table_of
from tfrecord_lite.adapters.arrow_lists import declared, has_no_kind, lists_of
from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.paths import STDIN, expand_paths
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.files.stretches import decoded, stretches
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.encode import encode_columns
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import as_message, decode_example, encode_example
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.infer import schema_of
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.recovery import Recovery
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def arrow_schema(schema: Schema, *, text: Collection[str] = (), fixed_size: bool = True) -> pa.Schema:
    """The Arrow schema of the features of a schema, in their order.

    Args:
        schema: as inferred, or written by hand.
        text: features of bytes that are UTF-8 and shall be strings.
        fixed_size: whether a shape becomes a FixedSizeList, and not a list.

    Raises:
        FeatureError: a feature was met in several kinds; `text` names one that is not of bytes.
    """
    pa = import_pyarrow()
    for name in text:
        if name not in schema or schema[name].dtype != "bytes":
            raise FeatureError("is to be text, and no feature of bytes", name)
    fields = []
    for name, feature in schema.items():
        column = column_type(feature, name in text, fixed_size)
        fields.append(pa.field(name, column, metadata={MISSING: feature.missing.encode()}))
    return pa.schema(fields)


def schema_from_arrow(schema: pa.Schema) -> Schema:
    """What an Arrow schema declares, as a Schema: what is of one value, of a fixed shape, or of any length.

    Raises:
        FeatureError: a column's type has no place in a feature, or two columns have the same name.
    """
    return Schema([declared(field) for field in schema])


def read_arrow(
    paths: Any,
    schema: Schema | None = None,
    *,
    batch_size: int = 1024,
    text: Collection[str] = (),
    num_threads: int | None = None,
    compression_type: str | None = None,
    verify: bool = True,
    max_record_size: int | None = None,
    recovery: Recovery | None = None,
) -> pa.RecordBatchReader:
    """The examples of one or many files as RecordBatches, in order, without a Python object for each value.

    Args:
        paths: as for `read_records`.
        schema: which features, and what they are. None infers it from all records, which are read twice.
        batch_size: records in each batch; fewer where they hold more than 1 GiB.
        text: features of bytes that shall be strings.
        others: as for `read_batches`.

    Returns:
        A RecordBatchReader: an iterator, with `schema` and `read_all()`; pandas, polars and DuckDB take it as it is.

    Raises:
        ImportError: there is no pyarrow.
        ValueError: no schema is given, and a source cannot be read twice.
        FeatureError: a feature was met in several kinds, when called; a record is not what the schema says, after the
            batches before it, with path, record number and offset.
        others: as `read_examples`.
    """
    pa = import_pyarrow()
    if batch_size < 1:
        raise ValueError(f"batch_size is 1 or more, not {batch_size}")
    if schema is None:
        paths = expand_paths(paths)
        if any(not isinstance(path, str) or path == STDIN for path in paths):
            raise ValueError("the schema is inferred from all records, and a stream is read once: give a schema")
        schema = infer_schema(paths, compression_type=compression_type, verify=verify, max_record_size=max_record_size)
    columns = arrow_schema(schema, text=text)
    decoder = ListDecoder(schema)
    readers = open_readers(paths, compression_type, verify, max_record_size, num_threads, recovery)

    def batches() -> Iterator[Any]:
        with closing(readers):
            for where, records in stretches(readers):
                for piece, lists in decoded(where, records, decoder):
                    yield lists_to_batch(lists, columns, len(piece.offsets))

    return pa.RecordBatchReader.from_batches(columns, of_size(batches(), batch_size))


def to_arrow(data: Any, schema: Schema | None = None, *, text: Collection[str] = ()) -> pa.Table:
    """Examples, records or columns as a table.

    Args:
        data: columns {name: values with one entry per record} as for `encode_columns`; or an iterable of examples as
            for `encode_example`, or of serialized ones. Of the ragged and sparse values of `read_batches` a missing
            feature is a row without values, as in TensorFlow, and so [] here; `read_arrow` gives null.
        schema: which features, and what they are; None infers it from all of `data`.
        text: features of bytes that shall be strings.

    Raises:
        ImportError: there is no pyarrow.
        FeatureError, DecodeError: as `encode_columns`, `decode_example` and `read_arrow`, with the record's number.
    """
    pa = import_pyarrow()
    records = encode_columns(data) if isinstance(data, Mapping) else [_serialized(example) for example in data]
    if schema is None:
        schema = schema_of(map(decode_example, records))
    columns = arrow_schema(schema, text=text)
    decoder = ListDecoder(schema)
    batches = []
    for begin, end in runs(records):
        some = records[begin:end]
        lists = decoder.decode(Records.joined(some))
        if lists is None:
            lists = _one_by_one(decoder, some, begin)
        batches.append(lists_to_batch(lists, columns, len(some)))
    return pa.Table.from_batches(batches, columns)


def from_arrow(data: Any, schema: Mapping[str, FeatureSchema] | None = None) -> dict[str, Lists]:
    """A table as columns for `encode_columns` and `write_columns`: {name: Lists}.

    What is written for a null is `schema_from_arrow(table.schema)`'s to say, as the second argument of those.

    Args:
        data: a pyarrow Table, RecordBatch or RecordBatchReader, or what follows Arrow's protocol.
        schema: features whose dtype and number of values are to be those declared there.

    Raises:
        ImportError: there is no pyarrow.
        FeatureError: there are rows, and no columns; a column's type has no place in a feature; a null stands inside a
            list, a number is outside int64 or beyond float32, or there is not what the schema says, with the number of
            the row as record_number unless all of the column is wrong.
        TypeError: the data are none of these. A ValueError of pyarrow's: they are one column without a name.
    """
    pa = import_pyarrow()
    if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
        raise TypeError(f"an Arrow table, or what follows Arrow's protocol, is needed, not {type(data).__name__}")
    table = data if isinstance(data, pa.RecordBatch) else pa.table(data)
    check_rows(table.num_rows, table.num_columns)
    columns = {}
    for name, found in schema_from_arrow(table.schema).items():
        array = table.column(name)
        lists = lists_of(array, name)
        feature = None if schema is None else schema.get(name)
        if feature is not None:
            lists = as_declared(lists, feature, is_fixed=found.shape is not None)
        if has_no_kind(array.type) and not lists.is_missing.all() and (feature is None or feature.dtype is None):
            error = FeatureError("empty lists of no type have no kind: give a schema", name)
            error.record_number = int(np.flatnonzero(~lists.is_missing)[0])
            raise error
        columns[name] = lists
    return columns


def to_pandas(data: Any, schema: Schema | None = None, *, text: Collection[str] = ()) -> pd.DataFrame:
    """The same as a DataFrame whose columns are Arrow's: an int64 that is missing somewhere stays an int64.

    Args:
        data: as for `to_arrow`, or what `read_arrow` gives.
        schema, text: as for `to_arrow`.
    """
    import pandas as pd

    pa = import_pyarrow()
    table = pa.table(data) if hasattr(data, "__arrow_c_stream__") else to_arrow(data, schema, text=text)
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def from_pandas(frame: pd.DataFrame, schema: Mapping[str, FeatureSchema] | None = None) -> dict[str, Lists]:
    """A DataFrame as columns for `encode_columns` and `write_columns`; its index is left out.

    None, NA and NaN are missing values, but for NaN in a column of numpy's floats, which is a number.

    Raises:
        ImportError, FeatureError: as `from_arrow`; or a text, with its row as record_number, or a name cannot be UTF-8.
        TypeError: it is no DataFrame.
    """
    return from_arrow(table_of(frame), schema)


def _serialized(example: Any) -> bytes:
    if isinstance(example, Mapping) or hasattr(example, "SerializeToString"):
        return encode_example(example)
    return as_message(example)


def _one_by_one(decoder: ListDecoder, records: list[bytes], begin: int) -> dict[str, Lists]:
    """Of records of which one at least is an error, which is raised with its number."""
    for number, record in enumerate(records):
        try:
            decoder.decode_plain([record])
        except TFRecordError as error:
            error.record_number = begin + number
            raise
    return decoder.decode_plain(records)
