"""What Beam's workers do for the transforms of beam.py: functions of one element, DoFns as Beam calls them, picklable.

    Encode         an example -> records; at the end of a bundle {feature: dtype} of its examples, as the output KINDS
    Deal           a record -> (number of a shard, record)
    WriteShard     (number of a shard, its records) -> ShardInfos of hidden files
    WriteBundle    the records of a bundle -> ShardInfos of hidden files
    Commit         all ShardInfos, and what all bundles tell of kinds -> ShardInfos of the set, which is there then
    Read           a ReadPart -> its records or examples

They are classes, for Beam would take the annotations of a function for types of elements that it has to check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from random import randrange
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from tfrecord_lite.adapters.kinds import unite_kinds
from tfrecord_lite.adapters.read_parts import read_part_values
from tfrecord_lite.adapters.record_encoder import RecordEncoder
from tfrecord_lite.adapters.write_job import WriteJob
from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.files.sharded_writer import ShardedWriter

#: The name of what a bundle tells of the kinds of its features.
KINDS = "kinds"


class Encode(beam.DoFn):  # type: ignore[misc]
    """Makes records of examples: an empty list waits for the kind that others in its bundle have.

    Args:
        encode: gives an encoder, which is of one bundle and no longer.

    Raises:
        FeatureError, TypeError: as RecordEncoder, without a number: nobody knows what a bundle is.
    """

    def __init__(self, encode: Callable[[], RecordEncoder]) -> None:
        super().__init__()
        self._make = encode

    def start_bundle(self) -> None:
        self._encoder = self._make()

    def process(self, element):  # type: ignore[no-untyped-def]
        with _unnumbered():
            yield from self._encoder.encode(element)

    def finish_bundle(self):  # type: ignore[no-untyped-def]
        with _unnumbered():
            self._encoder.finish()
        if self._encoder.kinds:
            yield beam.pvalue.TaggedOutput(KINDS, _in_global_window(self._encoder.kinds))


class Deal(beam.DoFn):  # type: ignore[misc]
    """Gives each record the number of a shard in turn; the first one by chance, for one worker may get few records."""

    def __init__(self, num_shards: int) -> None:
        super().__init__()
        self._num_shards = num_shards

    def setup(self) -> None:
        begin = randrange(self._num_shards)
        self._numbers = cycle([*range(begin, self._num_shards), *range(begin)])

    def process(self, element):  # type: ignore[no-untyped-def]
        yield next(self._numbers), element


class WriteShard(beam.DoFn):  # type: ignore[misc]
    """Writes all records of a shard; errors as `WriteJob.attempt`, and nothing is left then."""

    def __init__(self, job: WriteJob) -> None:
        super().__init__()
        self._job = job

    def process(self, element):  # type: ignore[no-untyped-def]
        _, records = element
        with self._job.attempt() as writer:
            for record in records:
                writer.write(record)
        yield from writer.infos


class WriteBundle(beam.DoFn):  # type: ignore[misc]
    """Writes the records of a bundle; errors as `WriteJob.attempt`.

    They come one by one. It is told of the end of a bundle that succeeded, and torn down after another.
    """

    _writer: ShardedWriter | None = None

    def __init__(self, job: WriteJob) -> None:
        super().__init__()
        self._job = job

    def process(self, element) -> None:  # type: ignore[no-untyped-def]
        if self._writer is None:
            self._writer = self._job.attempt()
        self._writer.write(element)

    def finish_bundle(self):  # type: ignore[no-untyped-def]
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()
            yield from map(_in_global_window, writer.infos)

    def teardown(self) -> None:
        if self._writer is not None:
            self._writer.discard()


class Commit(beam.DoFn):  # type: ignore[misc]
    """Publishes what all bundles wrote.

    Raises:
        FeatureError: a feature has another kind in another bundle.
        others: as `WriteJob.commit`.
    """

    def __init__(self, job: WriteJob) -> None:
        super().__init__()
        self._job = job

    def process(self, element, infos, kinds):  # type: ignore[no-untyped-def]
        united: dict[str, str] = {}
        try:
            for each in kinds:
                unite_kinds(united, each)
            published = self._job.commit(sorted(infos, key=lambda info: info.path))
        except (FeatureError, FileExistsError):  # whoever tries again gets the same: what bundles wrote is of no use
            self._job.abort()
            raise
        yield from published


class Read(beam.DoFn):  # type: ignore[misc]
    """Reads a part; arguments and errors as `read_part_values`, with path, record number and offset."""

    def __init__(self, features: Mapping[str, Any] | None, options: Mapping[str, Any]) -> None:
        super().__init__()
        self._features = features
        self._options = options

    def process(self, element):  # type: ignore[no-untyped-def]
        try:
            yield from read_part_values(element, self._features, **self._options)
        except (OSError, TFRecordError) as error:
            # Else Beam makes another one to tell in which step it was raised, of the class and its arguments or a
            # RuntimeError: file, record and offset are attributes, and would be lost. Whatever a DoFn raises passes
            # there (DoFnRunner's _reraise_augmented), and nothing but Beam's own mark on an error, that it has been
            # told, has it passed on: there is no public way. Should the mark get another name, tests/test_beam.py
            # notices.
            error._tagged_with_step = True  # type: ignore[union-attr]
            raise


def _in_global_window(value: Any) -> WindowedValue:
    """As Beam wants what comes of the end of a bundle."""
    window = GlobalWindow()
    return WindowedValue(value, window.max_timestamp(), [window])


@contextmanager
def _unnumbered() -> Iterator[None]:
    """Errors do not say which example of the bundle it is."""
    try:
        yield
    except TFRecordError as error:
        error.record_number = None
        raise
