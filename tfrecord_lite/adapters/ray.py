"""TFRecord files as Ray Data sets, and back, without TensorFlow. Needs Ray Data: the extra `[ray]`.

    read_tfrecords     files -> ray.data.Dataset: Arrow blocks of one schema, every CRC checked
    write_tfrecords    ray.data.Dataset -> one set of shards, which appears whole or not at all
    TFRecordDatasource, TFRecordDatasink    the same for `ray.data.read_datasource` and `Dataset.write_datasink`

    driver   plan_parts -> one ReadTask for some parts each          WriteJob.begin           WriteJob.commit, or .abort
    tasks                   read_part -> blocks    ...    blocks -> WriteJob.write -> ShardInfos

A task whose worker was lost is run again by Ray; one that raised, where Ray was told so (newer versions:
`retried_map_errors` and `max_map_retries` of the DataContext), else the writing fails and leaves nothing. The attempt
counts whose result Ray hands over.

A null is a missing feature, [] an empty list. Of what Ray makes of arrays, its tensors, the values are written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from itertools import pairwise
from typing import Any

try:
    import pyarrow as pa
    import ray.data
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in {"ray", "pyarrow", "pandas"}:
        raise
    raise ImportError('this needs Ray Data: pip install "tfrecord-lite-codec[ray]"') from error
from ray.data import Datasink, Datasource
from ray.data.block import BlockAccessor, BlockMetadata
from ray.data.datasource import ReadTask, WriteResult

from tfrecord_lite.adapters.arrow import arrow_schema
from tfrecord_lite.adapters.arrow_sequences import sequence_arrow_schema
from tfrecord_lite.adapters.engine_arguments import as_schema, check_columns
from tfrecord_lite.adapters.kinds import column_kinds, unite_kinds
from tfrecord_lite.adapters.read_parts import BYTE_ARRAY, ReadPart, plan_parts, read_part
from tfrecord_lite.adapters.write_job import Mode, WriteJob
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.schema import Schema

#: Names of Arrow's extension types.
_FIXED_TENSORS = {"ray.data.arrow_tensor", "ray.data.arrow_tensor_v2", "arrow.fixed_shape_tensor"}
_VARIABLE_TENSORS = {"ray.data.arrow_variable_shaped_tensor"}


def read_tfrecords(
    paths: Any,
    schema: Schema | None = None,
    *,
    record_type: str = "Example",
    compression_type: str | None = None,
    verify: bool = True,
    **ray_options: Any,
) -> ray.data.Dataset:
    """The records of files as a Dataset, read when it is consumed.

    Args:
        paths: as for `read_records`, but files with names only, under the same path wherever a task runs.
        schema: which features are columns, and what they are (see `arrow_schema`); all blocks have it. None infers it
            from all records, which the driver reads for that: give one, or that of a sample, where they are many.
        record_type: "Example"; "SequenceExample", whose feature lists are columns of lists of lists; or "ByteArray":
            the records themselves, in the one column `byteArray`.
        compression_type, verify: as for `read_records`.
        ray_options: as for `ray.data.read_datasource`. `override_num_blocks` tasks read, where there are as many files
            or a large file has a saved index: then its records are divided.

    Raises:
        ValueError: record_type is none of these, or there is a schema for records as they are; or there is no path.
        TypeError: Ray has no such option, or the schema is none.
        FeatureError: a feature was met in several kinds, or there are no features.
        OSError, TFRecordError: as `read_records`. What is wrong with a record Ray raises when the Dataset is consumed,
            in an error of the same class: path, record number and offset are in its text, and those of its `cause`.
    """
    # What Ray does not know goes to sources that it makes itself; for one that is made already it is forgotten.
    unknown = ray_options.keys() - signature(ray.data.read_datasource).parameters.keys()
    if unknown:
        raise TypeError(f"read_tfrecords() got an unexpected keyword argument '{min(unknown)}'")
    datasource = TFRecordDatasource(
        paths, schema, record_type=record_type, compression_type=compression_type, verify=verify
    )
    return ray.data.read_datasource(datasource, **ray_options)


def write_tfrecords(
    dataset: ray.data.Dataset,
    directory: Any,
    *,
    mode: Mode = "error",
    record_type: str = "Example",
    schema: Mapping[str, FeatureSchema] | None = None,
    compression_type: str = "",
    num_shards: int | None = None,
    max_records: int | None = None,
    max_bytes: int | None = None,
    **ray_options: Any,
) -> list[ShardInfo]:
    """Write a Dataset as one set of shards, which appears whole when all tasks are done, or not at all.

    Each task begins a shard of its own, and another where the one is full. Without `max_records` and `max_bytes` there
    is a task for each block; with one of them, tasks take as many blocks as fill a shard.

    Args:
        dataset: of columns that have a place in a feature, see `from_arrow`; Ray's tensors are lists of their values.
        directory: where the shards will be: a URL, or a path that is the same wherever a task runs.
        mode: "error" wants no data there; "append" adds a set to those that are there; "overwrite" replaces them.
        record_type: "Example"; "SequenceExample": columns of lists of lists are feature lists; or "ByteArray": records
            are the values of the one column, `byteArray`, which is of binary.
        schema: which columns are features, and what they are to be: a Schema, or {name: FeatureSchema}. A feature that
            is no column is missing from every row. None: all, as they are.
        compression_type: "", "GZIP" or "ZLIB".
        num_shards: how many there are, of any size: rows are dealt out by `Dataset.repartition`.
        max_records, max_bytes: of a shard; not with num_shards.
        ray_options: as for `Dataset.write_datasink`: `concurrency`, `ray_remote_args`.

    Returns:
        What is known of the shards, in their order.

    Raises:
        FileExistsError, ShardError, ValueError, TypeError: as WriteJob.begin, before anything is computed; TypeError,
            too, if it is no Dataset.
        FeatureError: a column or value has no place in a feature; or a column has another kind in another block.
        PublishedError: the records are there, and are not to be written again; only cleaning up has failed.
        UncertainCommitError: whether they are there is not known; `commit(None, error.path)` finishes it, or tells.
        others: what Ray raises for a task that failed, or OSError. Nothing of the job is left; where even that could
            not be seen to, readers get a ShardError that says what to do.
    """
    if not isinstance(dataset, ray.data.Dataset):
        raise TypeError(f"a ray.data.Dataset is written, not a {type(dataset).__name__}")
    job = WriteJob.begin(
        directory,
        mode=mode,
        record_type=record_type,
        schema=schema,
        compression_type=compression_type,
        num_shards=num_shards,
        max_records=max_records,
        max_bytes=max_bytes,
    )
    datasink = TFRecordDatasink(job)
    try:
        if job.num_shards is not None:
            dataset = dataset.repartition(job.num_shards)
        dataset.write_datasink(datasink, **ray_options)
    except BaseException as error:  # Ray tells the datasink of Exceptions only, and a KeyboardInterrupt is none
        job.abort_after(error)
        raise
    return datasink.shards


class TFRecordDatasource(Datasource):  # type: ignore[misc]
    """What `ray.data.read_datasource` takes. Arguments as for `read_tfrecords`."""

    def __init__(
        self,
        paths: Any,
        schema: Schema | None = None,
        *,
        record_type: str = "Example",
        compression_type: str | None = None,
        verify: bool = True,
    ) -> None:
        super().__init__()
        schema = as_schema(schema, record_type)
        self._paths = list(dict.fromkeys(part.path for part in plan_parts(paths)))
        if record_type == "ByteArray":
            schema, self._columns = Schema([]), pa.schema([(BYTE_ARRAY, pa.binary())])
        else:
            if schema is None:
                schema = infer_schema(self._paths, compression_type=compression_type, verify=verify)
                if schema.records:
                    check_columns(schema, record_type)
            self._columns = (sequence_arrow_schema if record_type == "SequenceExample" else arrow_schema)(schema)
        self._blocks = partial(
            _blocks, schema=schema, record_type=record_type, compression_type=compression_type, verify=verify
        )

    def estimate_inmemory_data_size(self) -> int | None:
        """The bytes of the files, if all are local."""
        return None if any(map(is_url, self._paths)) else sum(map(os.path.getsize, self._paths))

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        """At most `parallelism` tasks, each for some parts that follow one another."""
        size = self.estimate_inmemory_data_size()
        sizes = {"max_bytes": -(-size // parallelism)} if size else {}
        parts = plan_parts(self._paths, **sizes)
        count = min(parallelism, len(parts))
        bounds = [len(parts) * number // count for number in range(count + 1)]
        tasks = []
        for begin, end in pairwise(bounds):
            some = parts[begin:end]
            metadata = BlockMetadata(
                num_rows=None,
                size_bytes=None if size is None else size // count,
                exec_stats=None,
                input_files=list(dict.fromkeys(part.path for part in some)),
            )
            tasks.append(ReadTask(partial(self._blocks, some), metadata, self._columns, per_task_row_limit))
        return tasks


class TFRecordDatasink(Datasink):  # type: ignore[misc]
    """What `Dataset.write_datasink` takes, once.

    Attributes:
        shards: after the commit, what is known of them.
    """

    def __init__(self, job: WriteJob) -> None:
        self._job = job
        self.shards: list[ShardInfo] = []

    @property
    def min_rows_per_write(self) -> int | None:
        """As many rows as fill a shard."""
        return self._job.sizes["max_records"]

    @property
    def min_bytes_per_write(self) -> int | None:
        """As many bytes as fill a shard, where their number is what limits it: Ray wants one of the two."""
        job = self._job
        return None if job.num_shards or self.min_rows_per_write is not None else job.sizes["max_bytes"]

    def write(self, blocks: Iterable[Any], ctx: Any) -> _Written:
        """One attempt of one task."""
        kinds: dict[str, str] = {}

        def batches() -> Iterator[pa.RecordBatch]:
            for block in blocks:
                table = _without_tensors(BlockAccessor.for_block(block).to_arrow())
                if self._job.schema is None and self._job.record_type != "ByteArray":
                    unite_kinds(kinds, column_kinds(table.schema, self._job.record_type))
                yield from table.to_batches()

        infos = self._job.write(batches())
        return _Written(ctx.task_idx, infos, kinds)

    def on_write_complete(self, write_result: WriteResult[_Written]) -> None:
        """Commit the shards of all tasks, in the order in which Ray numbers these."""
        tasks = sorted(write_result.write_returns, key=lambda written: written.task)
        kinds: dict[str, str] = {}
        for written in tasks:
            unite_kinds(kinds, written.kinds)
        self.shards = self._job.commit(info for written in tasks for info in written.infos)

    def on_write_failed(self, error: Exception) -> None:
        """Leave nothing, unless it is published."""
        self._job.abort_after(error)


@dataclass(frozen=True)
class _Written:
    """What a task tells: its number, its shards, and the kinds of its columns."""

    task: int
    infos: list[ShardInfo]
    kinds: dict[str, str]


def _blocks(
    parts: list[ReadPart], *, schema: Schema, record_type: str, compression_type: str | None, verify: bool
) -> Iterator[pa.Table]:
    """The records of some parts."""
    for part in parts:
        for batch in read_part(part, schema, record_type=record_type, compression_type=compression_type, verify=verify):
            yield pa.Table.from_batches([batch])


def _without_tensors(table: pa.Table) -> pa.Table:
    """The same with lists in the place of Ray's and Arrow's tensors: a feature has no shape."""
    for number, field in enumerate(table.schema):
        name = getattr(field.type, "extension_name", "")
        chunks = table.column(number).chunks
        if name in _FIXED_TENSORS and getattr(field.type, "permutation", None) is None:
            lists = [chunk.storage for chunk in chunks]
        elif name in _VARIABLE_TENSORS:
            data = field.type.storage_type.get_field_index("data")
            lists = [chunk.storage.flatten()[data] for chunk in chunks]
        else:
            continue
        if chunks:
            table = table.set_column(number, pa.field(field.name, lists[0].type, metadata=field.metadata), lists)
    return table
