"""ShardWriter: a DataFrame as a set of shards, whole or not at all. Needs PySpark: the extra `[spark]`.

driver   begin     writer(schema, overwrite): the options and types are looked at
tasks    write     each attempt its own hidden files; what it wrote goes to the driver with its last word
driver   commit    of the attempt that counted of every task, in the order of the partitions
         abort     after a task failed once too often, or the commit did: nothing of it is left
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.adapters.engine_arguments import check_has_columns
from tfrecord_lite.adapters.spark_options import SourceOptions
from tfrecord_lite.adapters.spark_types import schema_of
from tfrecord_lite.adapters.write_job import WriteJob
from tfrecord_lite.files.shards import ShardInfo

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import StructType


@dataclass
class WrittenShards(WriterCommitMessage):  # type: ignore[misc]
    """What one task says to the driver."""

    infos: list[ShardInfo]


class ShardWriter(DataSourceArrowWriter):  # type: ignore[misc]
    """What the driver makes and every task is given. Picklable.

    Args:
        job: the one WriteJob of all tasks.
        names: of the columns.
    """

    def __init__(self, job: WriteJob, names: list[str]) -> None:
        self.job = job
        self.names = names

    @classmethod
    def begin(cls, options: SourceOptions, struct: StructType, overwrite: bool) -> ShardWriter:
        """Look whether the DataFrame can be written, and make the directory.

        Raises:
            FeatureError: a column's type has no place in a record, or there is none.
            ValueError: there are several paths.
            others: as `WriteJob.begin`.
        """
        if len(options.paths) != 1:
            raise ValueError(f"shards go to one directory, not to {len(options.paths)}")
        check_has_columns(struct.names)
        job = WriteJob.begin(
            options.paths[0],
            mode="overwrite" if overwrite else "append",
            record_type=options.record_type,
            schema=schema_of(struct, options.record_type),
            compression_type=options.written_as,
            num_shards=options.num_shards,
            max_records=options.max_records,
            max_bytes=options.max_bytes,
        )
        return cls(job, struct.fieldNames())

    def write(self, iterator: Iterator[pa.RecordBatch]) -> WrittenShards:
        """One attempt of one task; errors as `WriteJob.write`."""
        from_arrays = import_pyarrow().RecordBatch.from_arrays
        return WrittenShards(self.job.write(from_arrays(batch.columns, names=self.names) for batch in iterator))

    def commit(self, messages: list[WrittenShards]) -> None:
        """Publish what the tasks wrote; errors as `WriteJob.commit`."""
        self.job.commit([info for message in messages for info in message.infos])

    def abort(self, messages: list[WrittenShards | None]) -> None:
        """Leave nothing of it."""
        self.job.abort()
