"""TFRecord files under Spark: a Python data source, "tfrecord". Needs PySpark 4 or later: the extra `[spark]`.

    spark.read.format("tfrecord").load("data/train")
    df.write.format("tfrecord").mode("append").save("data/train")

or with the verbs of the other engines, of which writing knows mode "error", too, and says what it wrote:

    df = read_tfrecords(spark, "data/train")
    infos = write_tfrecords(df, "data/train", num_shards=8)

Spark finds it by itself, through the package pyspark_tfrecord_lite. Options are in `spark_options`, types in
`spark_types`.

    spark_read     a file, or a range of the records of a large one, is a partition
    spark_write    a partition is one shard or more, published by the driver, all or none; with option num_shards the
                   driver makes so many of them where there are not

Both move Arrow's batches, without an object for each row (but for SequenceExamples, which go one by one). Columns are
chosen by the schema that is given to `spark.read.schema(...)`: what it does not name is not decoded. With option
pushFilters, rows that a filter leaves out do not travel to the JVM; they are read and decoded all the same. A DataFrame
with this option is for one query: Spark keeps its filters for the next ones.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

try:
    from pyspark.sql import DataFrame
    from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceWriter
    from pyspark.sql.types import StructType
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] != "pyspark":
        raise
    raise ImportError('this needs PySpark 4: pip install "tfrecord-lite-codec[spark]"') from error

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.adapters.engine_arguments import as_schema, check_columns, check_has_columns, check_record_type
from tfrecord_lite.adapters.read_parts import given_paths
from tfrecord_lite.adapters.spark_options import SourceOptions, absolute_path
from tfrecord_lite.adapters.spark_read import FilteringReader, PartReader
from tfrecord_lite.adapters.spark_types import schema_of, struct_of
from tfrecord_lite.adapters.spark_write import ShardWriter
from tfrecord_lite.adapters.write_job import Mode, WriteJob
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession


def read_tfrecords(
    spark: SparkSession,
    paths: Any,
    schema: Schema | StructType | str | None = None,
    *,
    record_type: str = "Example",
    compression_type: str | None = None,
    verify: bool = True,
) -> DataFrame:
    """The records of files as a DataFrame: `spark.read.format("tfrecord")` under the name that other engines have.

    Args:
        paths: paths and URLs, globs and directories, under the same path wherever a task runs. Relative ones are of the
            directory that this process is in, as those of `write_tfrecords` (those of `load` and `save` of the one in
            which Spark was started). `{a,b}` in a local path is two paths, as Hadoop has it (other engines do not).
        schema: which features are columns, and what they are: a Schema, or what `spark.read.schema` takes. None infers
            it from all records.
        record_type: "Example", "SequenceExample" or "ByteArray".
        compression_type, verify: as for `read_records`.

    Raises:
        FeatureError: the schema has something that no column of Spark can hold, or no features.
        ValueError: record_type is none of these, or there is a Schema for records as they are; or there is no path, or
            one of a form of Hadoop's that is not known.
        TypeError: the schema is none, or a path.
        others: AnalysisException, with what `spark_options` and `infer_schema` raise in its text.
    """
    declared = None if isinstance(schema, (StructType, str)) else as_schema(schema, record_type)
    check_record_type(record_type)
    # Spark asks for files in a process whose current directory is the JVM's, which does not go where this one goes.
    places = [absolute_path(path) for path in given_paths(paths)]
    options = {"recordType": record_type, "verify": str(verify).lower()}
    if compression_type is not None:
        options["compression_type"] = compression_type
    reader = spark.read.format("tfrecord").options(**options)
    if isinstance(schema, (StructType, str)):
        reader = reader.schema(schema)
    elif declared is not None:
        reader = reader.schema(struct_of(declared, record_type))
    return reader.load(places)


def write_tfrecords(
    df: DataFrame,
    directory: Any,
    *,
    num_shards: int | None = None,
    mode: Mode = "error",
    record_type: str = "Example",
    schema: Mapping[str, FeatureSchema] | None = None,
    compression_type: str = "",
    max_records: int | None = None,
    max_bytes: int | None = None,
) -> list[ShardInfo]:
    """Write a DataFrame as one set of shards, which appears whole when all tasks are done, or not at all.

    Args:
        df: of columns that have a place in a feature, see `spark_types`.
        directory: a URL, or a path that is the same wherever a task runs. A relative one is of the directory that this
            process is in.
        num_shards: how many there are, of any size: rows are dealt out by `df.repartition`. None: each partition that
            has rows is one shard, or more by their size.
        mode: "error" wants no data there; "append" adds a set; "overwrite" replaces all sets that are there.
        record_type: "Example"; "SequenceExample": columns of arrays of arrays are feature lists; or "ByteArray":
            records are the values of the one column, `byteArray`, which is of binary.
        schema: which columns are features, and what they are to be: a Schema, or {name: FeatureSchema}. A feature that
            is no column is missing from every row. None: all, by their types.
        compression_type: "", "GZIP" or "ZLIB".
        max_records, max_bytes: of a shard; not with num_shards.

    Returns:
        What is known of the shards, in their order.

    Raises:
        FeatureError: a column's type has no place in a record, or there is no column; or the schema has no features.
        ValueError: num_shards is not positive, or comes with a size; the directory is of a form of Hadoop's that is not
            known; or as WriteJob.begin.
        TypeError: df is none; num_shards or a size is no number, or the schema none.
        FileExistsError, ShardError: as WriteJob.begin, before anything is computed.
        PublishedError: the records are there, and are not to be written again; only cleaning up has failed.
        UncertainCommitError: whether they are there is not known; `commit(None, error.path)` finishes it, or tells.
        others: what Spark raises for a task that failed once too often, or OSError. There is nothing new in the
            directory then; where even that could not be seen to, readers get a ShardError that says what to do.
    """
    if not isinstance(df, DataFrame):
        raise TypeError(f"a DataFrame of Spark is written, not a {type(df).__name__}")
    check_has_columns(df.columns)
    job = WriteJob.begin(
        absolute_path(directory),
        mode=mode,
        record_type=record_type,
        schema=schema_of(df.schema, record_type) if schema is None else schema,
        compression_type=compression_type,
        num_shards=num_shards,
        max_records=max_records,
        max_bytes=max_bytes,
    )
    try:
        if job.num_shards is not None:
            df = df.repartition(job.num_shards)
        rows = df.mapInArrow(partial(_written, job), "infos binary").collect()  # in the order of the partitions
        return job.commit(info for row in rows for info in pickle.loads(row.infos))
    except BaseException as error:
        job.abort_after(error)
        raise


def _written(job: WriteJob, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One attempt of one task: a row with what is known of its shards."""
    yield import_pyarrow().record_batch({"infos": [pickle.dumps(job.write(batches))]})


class TFRecordSource(DataSource):  # type: ignore[misc]
    """What Spark makes for each read and write; see the module."""

    @classmethod
    def name(cls) -> str:
        """Of the format."""
        return "tfrecord"

    def schema(self) -> StructType:
        """Of the files, when none is given: from all their records, or from a sample of them.

        Raises:
            FeatureError: as `struct_of`; or the records have no features.
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
        if seen.records and not seen.feature_lists:  # of which `struct_of` has more to say
            check_columns(seen, options.record_type)
        return struct_of(seen, options.record_type)

    def reader(self, schema: StructType) -> DataSourceReader:
        """For the columns of that schema, and no others."""
        options = SourceOptions.of(self.options)
        return (FilteringReader if options.push_filters else PartReader)(options, schema)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Mode "append", or "overwrite"; Spark has no others for a source of this kind."""
        return ShardWriter.begin(SourceOptions.of(self.options), schema, overwrite)
