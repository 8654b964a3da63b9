"""Records in Apache Beam: one set of shards that appears whole or not at all. Needs the extra `[beam]`.

    examples | WriteExamples("out/train", num_shards=8)      PCollection of examples -> shards in that directory
    pipeline | ReadExamples("out/train", features)           shards -> PCollection of examples, CRCs checked

    construction   plan_parts               WriteJob.begin
    bundles        a part -> its records    records -> hidden files -> ShardInfos
    one bundle                              all ShardInfos -> WriteJob.commit

What a worker does with each element stands in beam_functions.py. A bundle that a runner tries again writes hidden
files of its own; those count whose ShardInfos the runner hands on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

try:
    import apache_beam as beam
    from apache_beam.transforms.window import GlobalWindows
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] != "apache_beam":
        raise
    raise ImportError('this needs Apache Beam: pip install "tfrecord-lite-codec[beam]"') from error

from tfrecord_lite.adapters.beam_functions import KINDS, Commit, Deal, Encode, Read, WriteBundle, WriteShard
from tfrecord_lite.adapters.engine_arguments import as_schema, check_record_type, shard_sizes
from tfrecord_lite.adapters.read_parts import plan_parts
from tfrecord_lite.adapters.record_encoder import RecordEncoder
from tfrecord_lite.adapters.write_job import Mode, WriteJob
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.parsing import example_plan

if TYPE_CHECKING:
    from typing_extensions import Self

#: As in `plan_parts`: a shard of the usual size is read by one worker.
_PART_BYTES = 128 << 20


class WriteExamples(beam.PTransform):  # type: ignore[misc]
    """Writes a bounded PCollection as one set of shards; gives a PCollection of their ShardInfos, after the commit.

    Which record is in which shard, and in what order, is Beam's choice. Each application to a PCollection is one job:
    a pipeline that is run again writes the job's set again, in the place of the one of the run before (also with mode
    "error", which wants no data of others), and deletes what a run that failed has left.

    A pipeline has nobody who is told of its failure. Around one, this is a context manager that calls `abort` when the
    block raises:

        with WriteExamples("out/train") as writing, beam.Pipeline() as pipeline:
            pipeline | beam.Create(examples) | writing

    Args:
        directory: a URL, or a path that is the same wherever a worker runs.
        num_shards: how many there are, of any size: records are dealt out by a shuffle. None: each bundle writes one,
            or more by their size, without a shuffle.
        mode: "error" wants no data there; "append" adds a set; "overwrite" replaces all sets that are there.
        record_type: "Example": elements are as for `encode_example`; "SequenceExample": pairs of context and feature
            lists, as for `encode_sequence_example`; or "ByteArray": the records themselves. None is no feature, [] of
            the kind that others in its bundle have; a `tf.train.Example` is stored as it is.
        schema: which features of Examples there are, and what they are to be: a Schema, or {name: FeatureSchema}. One
            that no example has is missing from all. None: all, as they are. Where an empty list is the only value in
            some bundle, only a schema knows what it is.
        compression_type: "", "GZIP" or "ZLIB".
        max_records, max_bytes: of a shard, as for ShardedWriter; not with num_shards.

    Raises:
        ValueError: a word or number is none of those that are known; num_shards comes with a size; or there is a schema
            for other records than Examples. A FeatureError, which is one: the schema has no features.
        TypeError: num_shards or a size is no number, or the schema none.
        FileExistsError, ShardError: see WriteJob.begin; when applied, and so are a ValueError about the directory, or
            of an unbounded PCollection, and OSError.
        FeatureError: (when the pipeline runs) an example cannot be encoded, or a feature has another kind in another
            example, and there is no schema. As after anything else that is raised, but for a PublishedError, nothing
            new can be read: there are no shards, but perhaps hidden files of bundles that were done, until `abort`.
            Those of a process that died stay: to another job they look like those of one that still writes. If the
            process dies in the middle of `commit`, so that readers get a ShardError, `tfr.commit(None, prefix)`
            finishes it, and a job with mode "overwrite" undoes it.
        PublishedError: (when the pipeline runs) the records are there, and are not to be written again; only cleaning
            up has failed.
        UncertainCommitError: (when the pipeline runs) whether they are there is not known; `commit(None, error.path)`
            finishes it, or tells.
    """

    def __init__(
        self,
        directory: Any,
        *,
        num_shards: int | None = None,
        mode: Mode = "error",
        record_type: str = "Example",
        schema: Mapping[str, FeatureSchema] | None = None,
        compression_type: str = "",
        max_records: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        super().__init__()
        self._num_shards, _ = shard_sizes(num_shards, max_records, max_bytes)
        schema = as_schema(schema, record_type)
        if schema is not None and record_type != "Example":
            raise ValueError(f"a schema is of Examples, and not of records of the type {record_type}")
        check_compression_type(compression_type)
        self._encode = partial(RecordEncoder, record_type, schema)
        self._begin = partial(
            WriteJob.begin,
            directory,
            mode=mode,
            record_type="ByteArray",
            compression_type=compression_type,
            num_shards=num_shards,
            max_records=max_records,
            max_bytes=max_bytes,
        )
        self._jobs: list[WriteJob] = []

    def expand(self, pcoll: Any) -> Any:
        if not pcoll.is_bounded:
            raise ValueError("the PCollection is unbounded: it has no end, behind which a set of shards is committed")
        job = self._begin()
        self._jobs.append(job)
        encode = beam.ParDo(Encode(self._encode)).with_outputs(KINDS, main="records")
        records, kinds = pcoll | beam.WindowInto(GlobalWindows()) | "Encode" >> encode
        if self._num_shards is None:
            infos = records | "Write" >> beam.ParDo(WriteBundle(job))
        else:
            dealt = records | "Deal" >> beam.ParDo(Deal(self._num_shards)) | beam.GroupByKey()
            infos = dealt | "Write" >> beam.ParDo(WriteShard(job))
        # BundleBasedDirectRunner gives whoever takes a tagged output as a side input the other elements, too.
        kinds = kinds | "Kinds" >> beam.Map(lambda each: each)
        # A side input is complete, and the same when the commit is tried again; and there is one when nothing is.
        written = [beam.pvalue.AsList(each) for each in (infos, kinds)]
        return pcoll.pipeline | beam.Create([None]) | "Commit" >> beam.ParDo(Commit(job), *written)

    def abort(self) -> None:
        """After a pipeline that failed for good: delete its hidden files, and undo a commit that was interrupted."""
        with ExitStack() as endings:  # one that fails does not keep the others from theirs
            for job in self._jobs:
                endings.callback(job.abort)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with ExitStack() as endings:
                for job in self._jobs:
                    endings.callback(job.abort_after, error)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_jobs": []}


class ReadExamples(beam.PTransform):  # type: ignore[misc]
    """Reads records into a PCollection.

    Args:
        paths: as for `read_records`, but files with names only, which workers see under the same names.
        features: {name: FixedLenFeature(...) or another feature}, or a Schema: elements are what `parse_single_example`
            gives; None: what `decode_example` gives.
        record_type: "Example"; "SequenceExample": what `decode_sequence_example` gives; or "ByteArray": the records
            themselves. Those have no features.
        max_bytes: that one worker reads at a time; a larger file is divided if it has a saved index.
        compression_type, verify: as for `read_records`.

    Raises:
        OSError, ShardError: a file is missing, or not the one of its manifest.
        ValueError: the record type or the compression type is none; there are features, and no Examples; there is no
            path; or max_bytes is not positive.
        FeatureError, TypeError: the features are of no use. A TypeError, too: max_bytes is no number.
        DecodeError: (when the pipeline runs) a record is not of the type; a SequenceExample with feature lists is no
            Example, either.
        others: (when the pipeline runs) as `read_examples`, all with path, record number and offset. Where workers are
            several, or processes of their own, Beam raises a RuntimeError with all of that in its text.
    """

    def __init__(
        self,
        paths: Any,
        features: Mapping[str, Any] | None = None,
        *,
        record_type: str = "Example",
        max_bytes: int = _PART_BYTES,
        compression_type: str | None = None,
        verify: bool = True,
    ) -> None:
        super().__init__()
        check_record_type(record_type)
        if compression_type is not None:
            check_compression_type(compression_type)
        if features is not None:
            if record_type != "Example":
                raise ValueError(f"features are of Examples, and not of records of the type {record_type}")
            example_plan(features)  # what is of no use is to be an error here, and not on a worker
        self._parts = plan_parts(paths, max_bytes=max_bytes)
        options = {"record_type": record_type, "compression_type": compression_type, "verify": verify}
        self._read = Read(features, options)

    def expand(self, pcoll: Any) -> Any:
        parts = pcoll | beam.Create(self._parts) | beam.Reshuffle()  # any worker takes any part
        return parts | "Read" >> beam.ParDo(self._read)
