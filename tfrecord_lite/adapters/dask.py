"""Records in Dask: bags of examples, DataFrames, and shards that all tasks write together. Needs the extra `[dask]`.

    paths | read_bag         bag of examples, a partition for each part of `plan_parts`
    paths | read_dataframe   DataFrame whose columns are Arrow's, partitions the same
    either | write_tfrecords one set of shards, whole or not at all, in the order of the partitions

A task that raises is run again, and one whose worker dies goes to another; only the attempt whose result Dask hands on
is in the set (see `write_job`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any

try:
    import dask
    import dask.bag
    import dask.dataframe
    import dask.threaded
    import distributed
    from dask.system import CPU_COUNT
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] not in ("dask", "distributed"):
        raise
    raise ImportError('this needs Dask: pip install "tfrecord-lite-codec[dask]"') from error

from tfrecord_lite.adapters.arrow import arrow_schema, to_pandas
from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.adapters.arrow_frames import table_of
from tfrecord_lite.adapters.read_parts import BYTE_ARRAY, ReadPart, plan_parts, read_part, read_part_values
from tfrecord_lite.adapters.write_job import Mode, WriteJob, column_kinds, unite_kinds
from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format.example import encode_example
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: As in `plan_parts`: a shard of the usual size is one partition.
_PART_BYTES = 128 << 20
_RECORD_TYPES = ("Example", "ByteArray")
_Written = tuple[list[ShardInfo], dict[str, str]]
#: Records that are encoded before they are stored.
_RUN = 1024
#: Seconds between two looks at what is still at work.
_PAUSE = 0.05


def read_bag(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    max_bytes: int = _PART_BYTES,
    compression_type: str | None = None,
    verify: bool = True,
) -> Any:
    """The examples of files as a dask.bag, in order.

    Args:
        paths: as for `read_records`, but files with names only, which workers see under the same names.
        features: {name: FixedLenFeature(...) or another feature}; None: examples are what `decode_example` gives.
        max_bytes: of a partition; a larger file is divided if it has a saved index.
        others: as for `read_records`.

    Raises:
        OSError, ShardError: a file is missing, or not the one of its manifest, when called.
        FeatureError, TypeError: the features are of no use, when called.
        others: as `read_examples`, when computed.
    """
    if features is not None:
        example_plan(features)  # what is of no use is to be an error here, and not on a worker
    read = dask.delayed(_examples, pure=True)
    parts = plan_parts(paths, max_bytes=max_bytes)
    return dask.bag.from_delayed([read(part, features, compression_type, verify) for part in parts])


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
        columns: the only features to decode, in this order.
        record_type: "Example"; or "ByteArray": the records themselves, in one column `byteArray`.
        max_bytes, compression_type, verify: as for `read_bag`.

    Raises:
        FeatureError: there is no such column, or a feature was met in several kinds.
        ValueError: the record type is none; or schema or columns are given for records as they are.
        TypeError: columns is one name as it is.
        others: as `read_bag`, and as `read_arrow` when computed.
    """
    if record_type not in _RECORD_TYPES:
        raise ValueError(f"record_type is one of {', '.join(_RECORD_TYPES)}, not {record_type!r}")
    parts = plan_parts(paths, max_bytes=max_bytes)
    if record_type == "ByteArray":
        if schema is not None or columns is not None:
            raise ValueError("records as they are have no schema, and one column")
        schema = Schema([])
    elif schema is None:
        schema = infer_schema(paths, compression_type=compression_type, verify=verify)
    if isinstance(columns, str):  # whose letters would be names
        raise TypeError(f"columns are several names, not the text {columns!r}")
    if columns is not None:
        for name in columns:
            if name not in schema:
                raise FeatureError("there is no such feature to be a column", name)
        schema = Schema([schema[name] for name in columns])
    return dask.dataframe.from_map(
        _frame,
        parts,
        schema=schema,
        record_type=record_type,
        compression_type=compression_type,
        verify=verify,
        meta=_as_frame([], schema, record_type),
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
            `from_pandas`. With record_type "ByteArray" a bag of bytes, or a DataFrame of one column of them.
        directory: local, or mounted under the same path wherever a worker runs.
        mode: "error" wants no data there; "append" adds a set; "overwrite" replaces all sets that are there.
        schema: of a DataFrame: which columns are features, and what they are to be; None: all, as they are. Where a
            column of objects is all None in some partition, only a schema knows what it is.
        compression_type: "", "GZIP" or "ZLIB".
        num_shards: how many there are, of any size: partitions are joined or divided by `repartition`.
        max_records, max_bytes: of a shard, as for ShardedWriter; a partition may then be several. Not with num_shards.
        retries: how often a task that raised is run again, on a distributed cluster.
        client: of the cluster; None is the one that is in use, or else Dask's scheduler in this process.

    Returns:
        The infos of the shards, in the order of the partitions.

    Raises:
        TypeError: the data are neither; ValueError: a schema is given for a bag.
        FeatureError: a column of a DataFrame has another kind in another partition, and there is no schema.
        FileExistsError, ShardError: see WriteJob.begin.
        others: what the last attempt of a task raised; there is nothing new in the directory then. If this process dies
            in the middle of `commit`, so that readers get a ShardError, mode "overwrite" starts again, and
            `tfr.commit(None, prefix)` finishes.
    """
    if record_type not in _RECORD_TYPES:
        raise ValueError(f"record_type is one of {', '.join(_RECORD_TYPES)}, not {record_type!r}")
    batches: Callable[[Any], Iterator[pa.RecordBatch]]
    if isinstance(data, dask.bag.Bag):
        if schema is not None:
            raise ValueError("an example of a bag says itself what it holds: a schema is for DataFrames")
        # Encoded one by one: two examples of a partition may hold what has no place in one column.
        batches, stored = _encoded if record_type == "Example" else _records, "ByteArray"
    elif isinstance(data, dask.dataframe.DataFrame):
        batches, stored = _columns, record_type
    else:
        raise TypeError(f"a dask.bag or dask.dataframe is written, not a {type(data).__name__}")
    sizes = {"num_shards": num_shards, "max_records": max_records, "max_bytes": max_bytes}
    job = WriteJob.begin(
        directory, mode=mode, record_type=stored, schema=schema, compression_type=compression_type, **sizes
    )
    write = dask.delayed(_write, pure=False)
    try:
        if num_shards is not None:
            data = data.repartition(npartitions=num_shards)
        kinds: dict[str, str] = {}
        written = _computed([write(job, batches, part) for part in data.to_delayed()], retries, client)
        for _, others in written:
            unite_kinds(kinds, others)
        return job.commit(chain.from_iterable(infos for infos, _ in written))
    except BaseException:
        job.abort()
        raise


def _examples(
    part: ReadPart, features: Mapping[str, Any] | None, compression_type: str | None, verify: bool
) -> list[dict[str, Any]]:
    """Those of a part."""
    return list(read_part_values(part, features, compression_type=compression_type, verify=verify))


def _frame(
    part: ReadPart, schema: Schema, record_type: str, compression_type: str | None, verify: bool
) -> pd.DataFrame:
    """A partition."""
    batches = read_part(part, schema, record_type=record_type, compression_type=compression_type, verify=verify)
    return _as_frame(list(batches), schema, record_type)


def _as_frame(batches: list[pa.RecordBatch], schema: Schema, record_type: str) -> pd.DataFrame:
    pa = import_pyarrow()
    columns = pa.schema({BYTE_ARRAY: pa.binary()}) if record_type == "ByteArray" else arrow_schema(schema)
    return to_pandas(pa.Table.from_batches(batches, columns))


def _write(job: WriteJob, batches: Callable[[Any], Iterator[pa.RecordBatch]], part: Any) -> _Written:
    """One attempt of a task: its shards, and the kinds of its columns."""
    kinds: dict[str, str] = {}

    def seen() -> Iterator[pa.RecordBatch]:
        for batch in batches(part):
            if job.schema is None and job.record_type == "Example":
                unite_kinds(kinds, column_kinds(batch.schema, job.record_type))
            yield batch

    return job.write(seen()), kinds


def _encoded(examples: Iterable[Any]) -> Iterator[pa.RecordBatch]:
    return _records(map(_serialized, count(), examples))


def _serialized(number: int, example: Any) -> bytes:
    try:
        return encode_example(example)
    except TFRecordError as error:
        error.record_number = number
        raise


def _records(records: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
    pa = import_pyarrow()
    remaining = iter(records)
    while some := list(islice(remaining, _RUN)):
        yield from pa.table({BYTE_ARRAY: pa.array(some, pa.binary())}).to_batches()


def _columns(frame: pd.DataFrame) -> Iterator[pa.RecordBatch]:
    return iter(table_of(frame).to_batches())


def _computed(tasks: list[Any], retries: int, client: distributed.Client | None) -> list[_Written]:
    """What became of all tasks."""
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:  # there is none
            return _computed_here(tasks)
    futures = client.compute(tasks, retries=retries)
    try:
        for done in distributed.as_completed(futures):
            if done.status == "error":
                done.result()
        written: list[_Written] = client.gather(futures)
    except BaseException:
        _stop(client, futures)
        raise
    return written


def _computed_here(tasks: list[Any]) -> list[_Written]:
    """The same by Dask's schedulers without a cluster. When a task has raised, those that have begun are waited for."""
    own_pool = dask.config.get("pool", None) is None
    if own_pool and dask.base.get_scheduler(collections=tasks) is dask.threaded.get:
        # Dask does not wait for its threads, which write files.
        with ThreadPoolExecutor(dask.config.get("num_workers", None) or CPU_COUNT) as pool:
            return list(dask.compute(*tasks, pool=pool))
    return list(dask.compute(*tasks))


def _stop(client: distributed.Client, futures: list[Any]) -> None:
    """No task is begun any more, and what has begun is waited for, since it cannot be stopped and writes files."""
    client.cancel(futures)
    keys = {future.key for future in futures}
    with contextlib.suppress(OSError):  # a worker is lost: why there is an error is known better
        while keys.intersection(chain.from_iterable(client.call_stack().values())):
            time.sleep(_PAUSE)
