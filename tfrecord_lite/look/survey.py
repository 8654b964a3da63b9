"""Survey: every example of many files, whatever is wrong with some of them, and what each file is.

    paths -> files -> blocks, CRCs checked -> examples to the caller, facts into FileFacts

What is wrong (damage, a missing file, records that are no Examples, shards that are not what the manifest lists) is
kept with its file and not raised. How much of the files is looked at can be limited; the facts say how much it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfrecord_lite.errors import RecordTooLargeError, ShardError, SkippedRegion, TFRecordError, TruncatedRecordError
from tfrecord_lite.files import remote
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.paths import STDIN, STDIN_NAME, find_files, list_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.blocks import FOR_EXAMPLES
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.sequences import feature_lists
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.framing import DEFAULT_MAX_RECORD_SIZE, FRAME_OVERHEAD
from tfrecord_lite.look.file_facts import MAX_REGIONS, FileFacts, has_no_examples

Example = dict[str, Any]

#: Where only so many bytes are to be read, a record may go beyond them by this much: it takes a second, and up to five
#: times its length in memory.
_LONGEST = 192 << 20
#: And where that has happened already, in the files before.
_LONGEST_OVERDRAWN = 4 << 20


class Survey:
    """The examples of files, limited or not, with the facts about the files.

    Args:
        paths, compression_type: as for `read_records`.
        sample: decode no more than this many records in all, an equal share of each file from its beginning; what a
            short file lacks is taken from those after it. None decodes all.
        max_bytes: read no more than about this many bytes of the uncompressed streams in all, shared out the same way.
            None reads all, or with a sample just what it takes. A record far beyond it is not read either: the file
            ends there.
        max_files: open no more than this many files, spread evenly over all. None opens all.
        recovers: go on behind damage. Otherwise a file ends there.
        progress: called with (bytes read, size of all files) every now and then, if their sizes are known.
        take_lists: given the feature lists of each SequenceExample, as `decode_sequence_example` gives them.

    Attributes:
        files: facts, complete when `examples` has come to its end.

    Raises:
        ValueError: there is no such compression type.
    """

    def __init__(
        self,
        paths: Any,
        compression_type: str | None = None,
        *,
        sample: int | None = None,
        max_bytes: int | None = None,
        max_files: int | None = None,
        recovers: bool = True,
        progress: Callable[[int, int], object] | None = None,
        take_lists: Callable[[dict[str, list[Any]]], object] | None = None,
    ) -> None:
        if compression_type is not None:
            check_compression_type(compression_type)
        self._compression_type = compression_type
        self._sample, self._max_bytes, self._recovers = sample, max_bytes, recovers
        self._progress, self._take_lists = progress, take_lists
        self._sources = list(_sources(paths))
        self.files = [facts for _, facts in self._sources]
        if max_files is not None and len(self._sources) > max_files:
            self._sources = [self._sources[number * len(self.files) // max_files] for number in range(max_files)]
        self._total = sum(facts.bytes or 0 for facts in self.files)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with any file."""
        return all(facts.is_sound for facts in self.files)

    @property
    def is_complete(self) -> bool:
        """Whether all of every file was looked at, and every record decoded."""
        return all(facts.is_complete and facts.is_decoded for facts in self.files)

    @property
    def has_no_examples(self) -> bool:
        """Whether there are records, and none of those that were tried is an Example."""
        return has_no_examples(self.files)

    def examples(self) -> Iterator[Example]:
        """The examples, in order; of SequenceExamples the context."""
        decoded = read = done = 0
        for number, (source, facts) in enumerate(self._sources):
            if facts.error is None or facts.listed is not None:
                share = (number + 1) / len(self._sources)
                limit = None if self._sample is None else int(self._sample * share) - decoded
                max_bytes = None if self._max_bytes is None else int(self._max_bytes * share) - read
                yield from self._of_file(source, facts, limit, max_bytes, done)
            decoded, read, done = decoded + facts.examples, read + facts.stream_bytes, done + (facts.bytes or 0)

    def _of_file(
        self, source: Any, facts: FileFacts, limit: int | None, max_bytes: int | None, done: int
    ) -> Iterator[Example]:
        if limit == 0 and max_bytes is None:
            return

        def keep(region: SkippedRegion) -> None:
            facts.region_count += 1
            facts.lost_bytes += region.size
            if len(facts.regions) < MAX_REGIONS:
                facts.regions.append(region)

        longest = None if max_bytes is None else max(_LONGEST + max_bytes, _LONGEST_OVERDRAWN)
        recovery = keep if self._recovers else None
        try:
            reader = TFRecordReader(source, self._compression_type, max_record_size=longest, recovery=recovery)
        except OSError as error:
            facts.error = facts.error or error
            return
        decoder = ExampleDecoder(None)
        checksum = 0
        with reader:
            facts.compression_type = reader.compression_type
            try:
                for block in reader.blocks(FOR_EXAMPLES):
                    if facts.listed is not None:
                        checksum = crc32c.extend(checksum, block.stored_crcs().tobytes())
                    facts.records, facts.stream_bytes = reader.record_number, reader.offset
                    wanted = None if limit is None else limit - facts.examples - facts.not_examples
                    if wanted is None or wanted > 0:
                        records = Records.of(block)
                        if wanted is not None and wanted < len(block):
                            records = records.take(np.arange(wanted))
                        yield from _decoded(decoder, records, facts)
                        for lists in feature_lists(records):
                            facts.sequence_examples += 1
                            if self._take_lists is not None:
                                self._take_lists(lists)
                    if self._progress is not None and self._total:
                        self._progress(min(done + facts.stream_bytes, self._total), self._total)
                    if _has_enough(facts, limit, max_bytes):
                        facts.is_complete = facts.bytes == facts.stream_bytes and not facts.compression_type
                        break
                else:
                    facts.is_complete = True
            except (TFRecordError, OSError) as error:
                found: TFRecordError | OSError | None = error.with_traceback(None)
                if isinstance(error, RecordTooLargeError) and error.limit == longest:
                    found = _left_unread(error, facts)
                facts.error = found or facts.error
            facts.records, facts.stream_bytes = reader.record_number, reader.offset
        if facts.listed is not None and facts.is_complete and facts.is_sound:
            from tfrecord_lite.files.manifest import check_content

            try:
                check_content(source, facts.listed, facts.records, checksum)
            except ShardError as error:
                facts.error = error.with_traceback(None)


def _has_enough(facts: FileFacts, limit: int | None, max_bytes: int | None) -> bool:
    if max_bytes is not None:
        return facts.stream_bytes >= max_bytes
    return limit is not None and facts.examples + facts.not_examples >= limit


def _left_unread(error: RecordTooLargeError, facts: FileFacts) -> TFRecordError | None:
    """What is wrong with a record that is not read for its length; None, and it is among the facts, if nothing is."""
    frame_size = error.length + FRAME_OVERHEAD
    if facts.bytes is not None and not facts.compression_type:
        available = facts.bytes - (error.offset or 0)
        if available < frame_size:
            return _in_place_of(error, TruncatedRecordError(frame_size, available))
    if error.length > DEFAULT_MAX_RECORD_SIZE:
        return _in_place_of(error, RecordTooLargeError(error.length, DEFAULT_MAX_RECORD_SIZE))
    facts.unread_bytes = frame_size
    return None


def _in_place_of(error: TFRecordError, other: TFRecordError) -> TFRecordError:
    other.path, other.record_number, other.offset = error.path, error.record_number, error.offset
    return other


def _sources(paths: Any) -> Iterator[tuple[Any, FileFacts]]:
    """Every file that the paths stand for, and a first look at it; a path that stands for none is one with an error."""
    for path in list_paths(paths):
        try:
            found = find_files(path)
        except (OSError, ShardError) as error:
            yield path, FileFacts(os.fsdecode(path), error=error)
            continue
        for source, shard in found:
            facts = FileFacts(_name(source), listed=shard)
            try:
                facts.bytes = _size(source)
                if shard is not None:
                    from tfrecord_lite.files.manifest import check_shard  # with it comes json, for sets of shards only

                    check_shard(source, shard)
            except (OSError, ShardError) as error:
                facts.error = error
            yield source, facts


def _name(source: Any) -> str | None:
    if isinstance(source, str):
        return STDIN_NAME if source == STDIN else source
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else None


def _size(source: Any) -> int | None:
    if not isinstance(source, str) or source == STDIN:
        return None
    if remote.is_url(source):
        return remote.size(source)
    return os.stat(source).st_size if os.path.isfile(source) or not os.path.exists(source) else None


def _decoded(decoder: ExampleDecoder, records: Records, facts: FileFacts) -> Iterator[Example]:
    """The examples among the records; the others are counted."""
    count = len(records.starts)
    if not count:
        return
    examples, error = decoder.decode(records)
    begin = 0
    for example in examples:
        facts.examples, begin = facts.examples + 1, begin + 1
        yield example
    if error is None:
        return
    for number in range(begin, count):  # one by one: a file of other records has an error in each
        found, error = decoder.decode_record(records.record(number))
        if error is None:
            facts.examples += 1
            yield from found
        else:
            facts.not_examples += 1
