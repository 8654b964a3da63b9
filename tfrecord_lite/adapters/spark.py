"""TFRecord files under Spark: a Python data source, "tfrecord". Needs PySpark 4 or later: the extra `[spark]`.

    spark.read.format("tfrecord").load("data/train")
    df.write.format("tfrecord").mode("append").save("data/train")

Spark finds it by itself, through the package pyspark_tfrecord_lite. Options are in `spark_options`, types in
`spark_types`.

    spark_read     a file, or a range of the records of a large one, is a partition
    spark_write    a partition is one shard or more, published by the driver, all or none

Both move Arrow's batches, without an object for each row (but for SequenceExamples, which go one by one). Columns are
chosen by the schema that is given to `spark.read.schema(...)`: what it does not name is not decoded. With option
pushFilters, rows that a filter leaves out do not travel to the JVM; they are read and decoded all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceWriter
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] != "pyspark":
        raise
    raise ImportError('this needs PySpark 4: pip install "tfrecord-lite-codec[spark]"') from error

from tfrecord_lite.adapters.spark_options import SourceOptions
from tfrecord_lite.adapters.spark_read import FilteringReader, PartReader
from tfrecord_lite.adapters.spark_types import struct_of
from tfrecord_lite.adapters.spark_write import ShardWriter
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


class TFRecordSource(DataSource):  # type: ignore[misc]
    """What Spark makes for each read and write; see the module."""

    @classmethod
    def name(cls) -> str:
        """Of the format."""
        return "tfrecord"

    def schema(self) -> StructType:
        """Of the files, when none is given: from all their records, or from a sample of them.

        Raises:
            FeatureError: as `struct_of`.
            others: as `infer_schema`.
        """
        options = SourceOptions.of(self.options)
        if options.record_type == "ByteArray":
            return struct_of(Schema([]), options.record_type)
        seen = infer_schema(
            options.paths,
            sample=options.sample,
            compression_type=options.compression_type,
            verify=options.verify,
        )
        return struct_of(seen, options.record_type)

    def reader(self, schema: StructType) -> DataSourceReader:
        """For the columns of that schema, and no others."""
        options = SourceOptions.of(self.options)
        return (FilteringReader if options.push_filters else PartReader)(options, schema)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Mode "append", or "overwrite"; Spark has no others for a source of this kind."""
        return ShardWriter.begin(SourceOptions.of(self.options), schema, overwrite)
