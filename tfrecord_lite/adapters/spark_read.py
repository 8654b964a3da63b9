"""PartReader: a DataFrame from TFRecord files, a partition of each part of them. Needs PySpark: extra `[spark]`.

FilteringReader is the same where Spark may hand down filters: it refuses a reader that takes them unless the session's
spark.sql.python.filterPushdown.enabled is set, so that it takes an option to have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceReader, InputPartition

from tfrecord_lite.adapters.read_parts import plan_parts, read_part
from tfrecord_lite.adapters.spark_filters import is_exact, kept_by
from tfrecord_lite.adapters.spark_options import SourceOptions
from tfrecord_lite.adapters.spark_types import arrow_of, as_spark, schema_of
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import StructType


class PartReader(DataSourceReader):  # type: ignore[misc]
    """What the driver makes and every task is given. Picklable.

    Args:
        options: which files, and how they are read.
        struct: the columns to decode.

    Raises:
        FeatureError: a column's type has no place in a record.
    """

    def __init__(self, options: SourceOptions, struct: StructType) -> None:
        self._options = options
        self._struct = struct
        self._schema = schema_of(struct, options.record_type) or Schema([])

    def partitions(self) -> list[InputPartition]:
        """Of each part of the files one; errors as `plan_parts`."""
        options = self._options
        sizes = {} if options.max_bytes is None else {"max_bytes": options.max_bytes}
        return [InputPartition(part) for part in plan_parts(options.paths, **sizes)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The records of a part, in order.

        Raises:
            FeatureError: a record has no place in the columns, with path and record number.
            others: as `read_part`.
        """
        options, part, columns = self._options, partition.value, arrow_of(self._struct)
        number = part.begin
        for batch in read_part(
            part,
            self._schema,
            record_type=options.record_type,
            compression_type=options.compression_type,
            verify=options.verify,
        ):
            if options.record_type == "SequenceExample":
                batch = batch.select(columns.names)  # its feature lists come last, wherever they were asked for
            try:
                yield as_spark(batch, columns)
            except FeatureError as error:
                error.path, error.record_number = part.path, number + (error.record_number or 0)
                raise
            number += batch.num_rows


class FilteringReader(PartReader):
    """A PartReader that leaves out rows that are not asked for. Arguments and errors as there.

    Raises:
        ValueError: this PySpark hands down no filters.
    """

    def __init__(self, options: SourceOptions, struct: StructType) -> None:
        if not hasattr(DataSourceReader, "pushFilters"):
            raise ValueError("pushFilters: PySpark hands filters to sources in Python from 4.1 on")
        super().__init__(options, struct)
        self._filters: list[Any] = []

    def pushFilters(self, filters: list[Any]) -> list[Any]:  # noqa: N802  Spark's name
        """Take the filters that can be taken; those that are left Spark applies."""
        self._filters = []
        left: list[Any] = []
        for each in filters:
            (self._filters if is_exact(each, self._struct) else left).append(each)
        return left

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """As PartReader.read."""
        for batch in super().read(partition):
            yield kept_by(self._filters, batch)
