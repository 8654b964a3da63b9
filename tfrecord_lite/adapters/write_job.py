"""WriteJob: what the tasks of an engine write becomes one set of shards, whole or not at all. Needs pyarrow.

    driver   job = WriteJob.begin(directory, ...)     nothing but the directory is there
    tasks    infos = job.write(record_batches)        every attempt its own hidden files
             with job.attempt() as writer: ...        or a writer of them, where an engine hands on one by one
    driver   job.commit(all infos)                    the set appears; what other attempts left is swept
             job.abort_after(error)                   or nothing does: after whatever was raised before the set is there

The engine says which attempt of a task counts, by whose infos it hands to `commit`: an attempt that failed, was killed,
or was started twice leaves hidden files that nobody reads. A driver that dies in the middle of `commit` is followed by
one that calls it again with the same infos. A PublishedError says that the set is there: the job is not to be repeated;
an UncertainCommitError, that `commit(None, prefix)` tells whether it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from tfrecord_lite.adapters.batch_records import write_batch
from tfrecord_lite.adapters.engine_arguments import as_schema, shard_sizes
from tfrecord_lite.errors import PublishedError, ShardError, TFRecordError, UncertainCommitError, printable
from tfrecord_lite.files.commit import commit, rollback
from tfrecord_lite.files.directory import file_size, open_directory, split_path
from tfrecord_lite.files.frames import FrameSource
from tfrecord_lite.files.manifest import check_size, load_manifest, open_plans, ways_to_end
from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.paths import as_path, find_files
from tfrecord_lite.files.published import cleaning_up
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shard_files import sweep
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.files.shards import ShardInfo, check_prefix
from tfrecord_lite.files.surgery import spread
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

Mode = Literal["error", "append", "overwrite"]
_OTHERS: dict[str, Literal["keep", "replace", "refuse"]] = {"error": "refuse", "append": "keep", "overwrite": "replace"}


@dataclass(frozen=True)
class WriteJob:
    """What every task is told. Picklable; made by `begin`.

    Attributes:
        prefix: of the job's shards, another one for each job; those of later jobs sort behind those of earlier ones.
        mode: see `begin`.
        record_type: "Example": columns are features. "SequenceExample": features of the context, and feature lists
            where they are lists of lists. "ByteArray": records are the values of the one column, `byteArray`.
        schema: which columns are features, and what they are to be: where there is no such column, the feature is
            missing from every row. None: all, as they are, and a null is no feature. Of "ByteArray" there is none.
        options: compression.
        num_shards: how many there are to be in the end; None: as many as tasks write.
        sizes: max_records and max_bytes of a shard, as for ShardedWriter.
    """

    prefix: str
    mode: Mode
    record_type: str
    schema: Schema | None
    options: TFRecordOptions
    num_shards: int | None
    sizes: Mapping[str, int | None]

    @property
    def directory(self) -> str:
        """Where the shards will be."""
        return split_path(self.prefix)[0]

    @classmethod
    def begin(
        cls,
        directory: Any,
        *,
        mode: Mode = "error",
        record_type: str = "Example",
        schema: Mapping[str, FeatureSchema] | None = None,
        compression_type: str = "",
        num_shards: int | None = None,
        max_records: int | None = None,
        max_bytes: int | None = None,
    ) -> WriteJob:
        """Look whether the job can be done, and make the directory.

        Args:
            directory: where the shards will be: mounted under the same path wherever a task runs, or a URL that is
                reached from everywhere. A relative one is of the directory that this process is in.
            num_shards: so many shards, even empty ones. What a task writes is one; where there are not as many of
                these, `commit` moves all frames.
            max_records, max_bytes: of a shard; not with num_shards.
            mode: "error" wants no data there; "append" adds a set to those that are there; with "overwrite" all sets
                that are there go when the new one comes.
            others: see the class.

        Raises:
            FileExistsError: (mode "error") there are data.
            ShardError: (mode "append") the manifest cannot be read; (mode "error") another commit is under way there,
                or was interrupted; (mode "overwrite") there are files that no manifest lists, which nobody but their
                owner deletes.
            ValueError: a word is none of those that are known, a number not positive, or num_shards comes with a size;
                or there is a schema for records as they are ("ByteArray").
            FeatureError: the schema has no features.
            TypeError: a number is none, or the schema.
            OSError: the directory cannot be made.
        """
        if mode not in _OTHERS:
            raise ValueError(f"mode is one of {', '.join(_OTHERS)}, not {mode!r}")
        schema = as_schema(schema, record_type)
        token = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        options = TFRecordOptions(compression_type)
        number, sizes = shard_sizes(num_shards, max_records, max_bytes)
        place = as_path(directory)
        place = place if is_url(place) else os.path.abspath(place)
        prefix = check_prefix(open_directory(place).join(f"part-{token}"))
        job = cls(prefix, mode, record_type, schema, options, number, sizes)
        if not is_url(prefix):
            os.makedirs(job.directory, exist_ok=True)
        job._check_directory()
        return job

    def write(self, batches: Iterable[pa.RecordBatch]) -> list[ShardInfo]:
        """One attempt of one task: its rows as shards under hidden names.

        Returns:
            The infos of its shards; none where there are no rows.

        Raises:
            FeatureError: a column or a row is not what it is to be, with the row's number among those of the task as
                record_number. As after any other exception, nothing is left of the attempt.
            OSError, ValueError: as ShardedWriter.
        """
        batches = (batch for batch in batches if batch.num_rows)
        first = next(batches, None)
        if first is None:
            return []
        number = 0
        with self.attempt() as writer:
            for batch in chain([first], batches):
                try:
                    write_batch(writer, batch, self.record_type, self.schema)
                except TFRecordError as error:
                    if error.record_number is not None:
                        error.record_number += number
                    raise
                number += batch.num_rows
        return writer.infos

    def attempt(self) -> ShardedWriter:
        """A writer for one attempt of one task. After `close` it has the infos; `discard` leaves nothing.

        Raises:
            OSError, ValueError: as ShardedWriter.
        """
        return ShardedWriter(self.prefix, options=self.options, publish=False, **self.sizes)

    def commit(self, infos: Iterable[ShardInfo]) -> list[ShardInfo]:
        """Publish the shards of these infos, in their order, and delete what other attempts left.

        Without infos there is one empty shard. After a crash it goes on where it was; a second time it does nothing.
        With other infos of the same job, it replaces the set that the job has published, also in mode "error".
        With num_shards, and another number of infos, all frames go through this process to so many other files, of
        equally many records each, before anything is published.

        Raises:
            FileExistsError: (mode "error") by now there are shards of others.
            PublishedError: the set is there, and an OSError came behind that.
            UncertainCommitError: whether the set is there is not known.
            ShardError, TFRecordError: (num_shards) what a task wrote is not what its info says.
            others: as the function `commit`.
        """
        written = list(infos)
        if not written:
            with self.attempt() as writer:
                pass
            written = writer.infos
        published = self._published(written)
        with cleaning_up(self.prefix):
            sweep(self.prefix)
        return published

    def abort(self) -> None:
        """Nothing of the job is left; what was there before is as it was. A set that is published stays."""
        rollback(self.prefix)
        sweep(self.prefix)

    def abort_after(self, error: BaseException) -> None:
        """`abort`, for whom an error is on its way: that a set is there, perhaps, is not to be hidden by another."""
        is_published = isinstance(error, (PublishedError, UncertainCommitError))
        with contextlib.suppress(*(OSError, TFRecordError) if is_published else ()):
            self.abort()

    def _published(self, written: list[ShardInfo]) -> list[ShardInfo]:
        if self.num_shards not in (None, len(written)):
            try:
                written = self._resharded(written)
            except FileNotFoundError:  # they were swept after a commit of theirs; what is missing for another reason
                return commit(None, self.prefix)  # is missing here, too
        others = _OTHERS[self.mode]
        if others == "refuse" and self._has_set():
            others = "keep"
        return commit(written, self.prefix, others=others)

    def _has_set(self) -> bool:
        """Whether the job has published a set already, as one that is run again has."""
        return split_path(self.prefix)[1] in (load_manifest(open_directory(self.directory)) or {})

    def _resharded(self, written: list[ShardInfo]) -> list[ShardInfo]:
        """The same records in other hidden files, `num_shards` of them. What tasks wrote stays until the sweep."""
        assert self.num_shards is not None
        paths = [open_directory(self.directory).join(split_path(info.path)[1]) for info in written]
        for path, info in zip(paths, written, strict=True):
            check_size(path, file_size(path), info.bytes)
        source, count = FrameSource(paths), sum(info.records for info in written)
        with ShardedWriter(self.prefix, num_shards=self.num_shards, options=self.options, publish=False) as shards:
            spread(source, shards, count, self.num_shards)
        return shards.infos

    def _check_directory(self) -> None:
        directory = open_directory(self.directory)
        if self.mode == "append":  # whatever others commit meanwhile: nothing of theirs is touched
            load_manifest(directory)  # one that cannot be read is an error now, and not after the work
            return
        for name in open_plans(directory):
            prefix = directory.join(name)
            if self.mode == "overwrite":  # what was left in the middle goes either way; one under way is waited for
                rollback(prefix)
                continue
            raise ShardError(
                f"a commit of '{printable(prefix)}' is under way or was interrupted: {ways_to_end(prefix)}, and so does"
                " mode 'overwrite'"
            )
        try:
            found = find_files(self.directory)
        except FileNotFoundError:
            return
        if self.mode == "error":
            raise FileExistsError(errno.EEXIST, "there are data already", self.directory)
        strange = [path for path, shard in found if shard is None]
        if strange:
            problem = f"a file that no manifest lists, '{printable(split_path(strange[0])[1])}', is not overwritten"
            raise ShardError(f"{problem}: remove it, or write elsewhere")
