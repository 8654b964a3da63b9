"""What Dask's tasks do: partitions read from parts of files, and written as shards of a job.

ReadPart   | examples_of, frame_of    a partition
partition  | write_bag, write_frame   shards, and the kinds of what is in them
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from tfrecord_lite.adapters.arrow import arrow_schema, to_pandas
from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.adapters.arrow_frames import table_of
from tfrecord_lite.adapters.arrow_sequences import sequence_arrow_schema
from tfrecord_lite.adapters.kinds import column_kinds
from tfrecord_lite.adapters.read_parts import BYTE_ARRAY, ReadPart, read_part, read_part_values
from tfrecord_lite.adapters.record_encoder import RecordEncoder
from tfrecord_lite.adapters.write_job import WriteJob
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Written = tuple[list[ShardInfo], dict[str, str]]
#: Records that are encoded before they are stored.
_RUN = 1024


def examples_of(part: ReadPart, features: Mapping[str, Any] | None, options: Mapping[str, Any]) -> list[Any]:
    """A partition of a bag."""
    return list(read_part_values(part, features, **options))


def frame_of(
    part: ReadPart, schema: Schema, record_type: str, compression_type: str | None, verify: bool
) -> pd.DataFrame:
    """A partition of a DataFrame."""
    batches = read_part(part, schema, record_type=record_type, compression_type=compression_type, verify=verify)
    return as_frame(list(batches), schema, record_type)


def as_frame(batches: list[pa.RecordBatch], schema: Schema, record_type: str) -> pd.DataFrame:
    """The rows of batches; without any, the columns that a partition has."""
    pa = import_pyarrow()
    if record_type == "ByteArray":
        columns = pa.schema({BYTE_ARRAY: pa.binary()})
    else:
        columns = (sequence_arrow_schema if record_type == "SequenceExample" else arrow_schema)(schema)
    return to_pandas(pa.Table.from_batches(batches, columns))


def write_frame(job: WriteJob, frame: pd.DataFrame) -> Written:
    """One attempt of a task: its shards, and the kinds of its columns."""
    table, kinds = table_of(frame), {}
    if job.schema is None and job.record_type != "ByteArray":
        kinds = column_kinds(table.schema, job.record_type)
    return job.write(table.to_batches()), kinds


def write_bag(examples: Iterable[Any], job: WriteJob, record_type: str, schema: Schema | None) -> Written:
    """The same of a bag."""
    encoder = RecordEncoder(record_type, schema)

    def records() -> Iterator[bytes]:
        for number, example in enumerate(examples):
            try:
                encoded = list(encoder.encode(example))
            except TypeError as error:
                raise TypeError(f"record #{number}: {error}") from error
            yield from encoded
        encoder.finish()

    return job.write(_batches(records())), encoder.kinds


def _batches(records: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    pa = import_pyarrow()
    while some := list(islice(records, _RUN)):
        yield from pa.table({BYTE_ARRAY: pa.array(some, pa.binary())}).to_batches()
