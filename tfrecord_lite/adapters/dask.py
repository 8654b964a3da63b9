"""Records in Dask: bags of examples, DataFrames, and shards that all tasks write together. Needs the extra `[dask]`.

    paths | read_bag         bag of examples, a partition for each part of `plan_parts`
    paths | read_dataframe   DataFrame whose columns are Arrow's, partitions the same
    either | write_tfrecords one set of shards, whole or not at all, in the order of the partitions

A task that raises is run again, and one whose worker dies goes to another; only the attempt whose result Dask hands on
is in the set (see `write_job`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from itertools import chain
from typing import Any

try:
    import dask
    import dask.bag
    import dask.dataframe
    import distributed
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] not in ("dask", "distributed"):
        raise
    raise ImportError('this needs Dask: pip install "tfrecord-lite-codec[dask]"') from error

from tfrecord_lite.adapters.dask_partitions import as_frame, examples_of, frame_of, write_bag, write_frame
from tfrecord_lite.adapters.dask_tasks import computed, repeatable
from tfrecord_lite.adapters.engine_arguments import as_schema, check_columns, check_has_columns, check_record_type
from tfrecord_lite.adapters.kinds import unite_kinds
from tfrecord_lite.adapters.read_parts import given_paths, plan_parts
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.adapters.write_job import Mode, WriteJob
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.schema import Schema

#: As in `plan_parts`: a shard of the usual size is one partition.
_PART_BYTES = 128 << 20


def read_bag(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    record_type: str = "Example",
    max_bytes: int = _PART_BYTES,
    compression_type: str | None = None,
    verify: bool = True,
) -> Any:
    """The examples of files as a dask.bag, in order.

    Args:
        paths: as for `read_records`, but files with names only, which workers see under the same names.
        features: {name: FixedLenFeature(...) or another feature}; None: examples are what `decode_example` gives.
        record_type: "Example"; "SequenceExample": what `decode_sequence_example` gives; or "ByteArray": the records
            themselves. Those have no features.
        max_bytes: of a partition; a larger file is divided if it has a saved index.
        others: as for `read_records`.

    Raises:
        OSError, ShardError: a file is missing, or not the one of its manifest, when called.
        ValueError: the record type is none; there are features, and no Examples; there is no path; or max_bytes is not
            positive.
        FeatureError, TypeError: the features are of no use, when called. A TypeError, too: max_bytes is no number.
        DecodeError: a record is not of the type, when computed; a SequenceExample with feature lists is no Example,
            either.
        others: as `read_examples`, when computed.
    """
    check_record_type(record_type)
    if features is not None:
        if record_type != "Example":
            raise ValueError(f"features are of Examples, and not of records of the type {record_type}")
        example_plan(features)  # what is of no use is to be an error here, and not on a worker
    read = dask.delayed(examples_of, pure=True)
    options = {"record_type": record_type, "compression_type": compression_type, "verify": verify}
    return dask.bag.from_delayed([read(part, features, options) for part in plan_parts(paths, max_bytes=max_bytes)])


def read_dataframe(
    paths: Any,
    schema: Schema | None = None,
    *,
    columns: Collection[str] | None = None,
    record_type: str = "Example",
    max_bytes: int = _PART_BYTES,
    compression_type: str | None = None,
    verify: bool = True,
) -> Any:
    """The examples of files as a dask.dataframe, in order; the columns are those of `to_pandas`.

    Args:
        paths: as for `read_bag`.
        schema: which features, and what they are. None infers it from all records, here and now.
        columns: the only features to decode, in this order; of SequenceExamples the feature lists come last.
        record_type: "Example"; "SequenceExample", whose feature lists are columns of lists of lists; or "ByteArray":
            the records themselves, in one column `byteArray`.
        max_bytes, compression_type, verify: as for `read_bag`.

    Raises:
        FeatureError: there is no such column; a feature was met in several kinds; or there are no features.
        ValueError: the record type is none; or schema or columns are given for records as they are.
        TypeError: columns is one name as it is, or the schema is none.
        others: as `read_bag`, and as `read_arrow` when computed.
    """
    schema = as_schema(schema, record_type)
    paths = given_paths(paths)  # which are looked up twice
    parts = plan_parts(paths, max_bytes=max_bytes)
    if record_type == "ByteArray":
        if columns is not None:
            raise ValueError("records as they are have one column")
        schema = Schema([])
    elif schema is None:
        schema = infer_schema(paths, compression_type=compression_type, verify=verify)
        if schema.records:
            check_columns(schema, record_type)
    if isinstance(columns, str):  # whose letters would be names
        raise TypeError(f"columns are several names, not the text {columns!r}")
    if columns is not None:
        lists = schema.feature_lists if record_type == "SequenceExample" else {}
        for name in columns:
            if name not in schema and name not in lists:
                raise FeatureError("there is no such feature to be a column", name)
        schema = Schema(
            [schema[name] for name in columns if name in schema],
            feature_lists=[lists[name] for name in columns if name in lists],
        )
    return dask.dataframe.from_map(
        frame_of,
        parts,
        schema=schema,
        record_type=record_type,
        compression_type=compression_type,
        verify=verify,
        meta=as_frame([], schema, record_type),
    )


def write_tfrecords(
    data: Any,
    directory: Any,
    *,
    mode: Mode = "error",
    record_type: str = "Example",
    schema: Mapping[str, FeatureSchema] | None = None,
    compression_type: str = "",
    num_shards: int | None = None,
    max_records: int | None = None,
    max_bytes: int | None = None,
    retries: int = 3,
    client: distributed.Client | None = None,
) -> list[ShardInfo]:
    """Write a dask.bag or dask.dataframe as one set of shards, which appears whole or not at all.

    Each partition is one task and one shard at least, unless it is empty or there is num_shards.

    Args:
        data: a bag of examples as for `encode_example`; or a DataFrame whose columns are features, as for
            `from_pandas`. None is no feature, [] of the kind that others in its partition have. Where Dask's setting
            `dataframe.convert-string` is not False, what is no number in a DataFrame from pandas is text by then.
        directory: a URL, or a path that is the same wherever a worker runs.
        mode: "error" wants no data there; "append" adds a set; "overwrite" replaces all sets that are there.
        record_type: "Example"; "SequenceExample": a bag of pairs as for `encode_sequence_example`, or a DataFrame
            whose columns of lists of lists are feature lists; or "ByteArray": a bag of bytes, or a DataFrame of the
            one column `byteArray`.
        schema: which features there are, and what they are to be: a Schema, or {name: FeatureSchema}. One that no
            example or column has is missing from all. None: all, as they are. Where an empty list is the only value in
            some partition, only a schema knows what it is. Of a bag it is for Examples only.
        compression_type: "", "GZIP" or "ZLIB".
        num_shards: how many there are, of any size: partitions are joined or divided by `repartition`.
        max_records, max_bytes: of a shard, as for ShardedWriter; a partition may then be several. Not with num_shards.
        retries: how often a task that raised is run again, on a distributed cluster. None is where partitions of a bag
            are made of parts of others (`repartition`, `groupby`): Dask hands iterators from task to task there, of
            which a second attempt would get what the first one has left.
        client: of the cluster; None is the one that is in use, or else Dask's scheduler in this process.

    Returns:
        The infos of the shards, in the order of the partitions.

    Raises:
        TypeError: the data are neither, retries are no number, or the client is none; or an item of a bag is no example
            or record, with its number in the partition in the text.
        ValueError: a schema is given for a bag of other records than Examples, or for records as they are; retries are
            negative; or as WriteJob.begin.
        FeatureError: the schema has no features, or the DataFrame no columns; or there is no schema, and a feature has
            another kind in another partition, or in another example.
        FileExistsError, ShardError: see WriteJob.begin.
        PublishedError: the records are there, and are not to be written again; only cleaning up has failed.
        UncertainCommitError: whether they are there is not known; `commit(None, error.path)` finishes it, or tells.
        others: what the last attempt of a task raised, or OSError; there is nothing new in the directory then. If even
            that could not be seen to, or this process dies in the middle of `commit`, readers get a ShardError: mode
            "overwrite" starts again, and `tfr.commit(None, prefix)` finishes.
    """
    schema = as_schema(schema, record_type)
    is_bag = isinstance(data, dask.bag.Bag)
    if is_bag:
        if schema is not None and record_type != "Example":
            raise ValueError(f"a schema is of a bag of Examples, and not of records of the type {record_type}")
        # Encoded one by one: not all that may be in an example has a place in a column.
        stored = "ByteArray"
    elif isinstance(data, dask.dataframe.DataFrame):
        check_has_columns(data.columns)
        stored = record_type
    else:
        raise TypeError(f"a dask.bag or dask.dataframe is written, not a {type(data).__name__}")
    retries = whole_number(retries, "retries", 0)
    if not isinstance(client, distributed.Client | None):
        raise TypeError(f"client is a distributed.Client, not a {type(client).__name__}")
    sizes = {"num_shards": num_shards, "max_records": max_records, "max_bytes": max_bytes}
    job = WriteJob.begin(
        directory,
        mode=mode,
        record_type=stored,
        schema=None if is_bag else schema,
        compression_type=compression_type,
        **sizes,
    )
    try:
        if is_bag:
            data, is_repeatable = repeatable(data, num_shards is not None)
            retries = retries if is_repeatable else 0
        if job.num_shards is not None:
            data = data.repartition(npartitions=job.num_shards)
        if is_bag:
            write = partial(write_bag, job=job, record_type=record_type, schema=schema)
            tasks = data.map_partitions(write).to_delayed()
        else:
            task = dask.delayed(write_frame, pure=False)
            tasks = [task(job, part) for part in data.to_delayed()]
        kinds: dict[str, str] = {}
        written = computed(tasks, retries, client)
        for _, others in written:
            unite_kinds(kinds, others)
        return job.commit(chain.from_iterable(infos for infos, _ in written))
    except BaseException as error:
        job.abort_after(error)
        raise
