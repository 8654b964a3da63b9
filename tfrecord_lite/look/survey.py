"""Survey: every example of many files, whatever is wrong with some of them, and what each file is.

    paths -> files -> blocks, CRCs checked -> examples to the caller, facts into FileFacts

What is wrong (damage, a missing file, records that are no Examples, shards that are not what the manifest lists) is
kept with its file and not raised. How much of the files is looked at can be limited; the facts say how much it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfrecord_lite.errors import DecodeError, ShardError, SkippedRegion, TFRecordError, printable
from tfrecord_lite.files import remote
from tfrecord_lite.files.manifest import check_content, check_shard
from tfrecord_lite.files.options import check_compression_type
from tfrecord_lite.files.paths import STDIN, find_files, list_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_EXAMPLES
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import decode_sequence_example

#: Damaged regions that are kept for one file; of more only the number is.
MAX_REGIONS = 100

Example = dict[str, Any]


@dataclass
class FileFacts:
    """What is known of one file.

    Attributes:
        path: its name, or None for a file object without one.
        bytes: its size; None if it has none, as a pipe.
        compression_type: "", "GZIP" or "ZLIB".
        records: sound records that were read.
        stream_bytes: bytes of the uncompressed stream that were looked at.
        is_complete: whether all of it was looked at.
        examples: how many records were decoded.
        not_examples: how many others were tried and are no Examples.
        is_sequence: whether its first record is a SequenceExample; of these the context is decoded.
        listed: what the manifest of its directory says about it, or None.
        regions: damage that was passed over, the first 100.
        region_count: how many there were.
        lost_bytes: of the uncompressed stream, in all of them.
        error: why it could not be read, or not further; or in what it differs from what the manifest says.
    """

    path: str | None
    bytes: int | None = None
    compression_type: str = ""
    records: int = 0
    stream_bytes: int = 0
    is_complete: bool = False
    examples: int = 0
    not_examples: int = 0
    is_sequence: bool = False
    listed: ShardInfo | None = None
    regions: list[SkippedRegion] = field(default_factory=list)
    region_count: int = 0
    lost_bytes: int = 0
    error: TFRecordError | OSError | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with what was looked at; records that are no Examples are records all the same."""
        return self.error is None and not self.region_count

    @property
    def is_decoded(self) -> bool:
        """Whether every record that was read was also decoded, or tried."""
        return self.examples + self.not_examples == self.records

    @property
    def name(self) -> str:
        """Its name, for people."""
        return printable(self.path or "<file object>")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "bytes": self.bytes,
            "compression": self.compression_type,
            "records": self.records,
            "uncompressed_bytes": self.stream_bytes,
            "complete": self.is_complete,
            "sound": self.is_sound,
            "error": None if self.error is None else _error_as_dict(self.error, self.path),
            "regions": [region.as_dict() for region in self.regions],
            "examples": self.examples,
            "not_examples": self.not_examples,
            "sequence_examples": self.is_sequence,
        }

    def state(self) -> str:
        """What is known about its CRCs, for people."""
        if self.error is not None:
            if isinstance(self.error, TFRecordError):
                problem = str(self.error).removeprefix(f"{self.name}: ")
                is_about_all = isinstance(self.error, ShardError) or not self.records
                return problem if is_about_all else f"then: {problem}"
            return self.error.strerror or str(self.error)
        if self.region_count:
            places = "1 place" if self.region_count == 1 else f"{self.region_count:,} places"
            return f"damaged in {places}, {self.lost_bytes:,} bytes skipped"
        if self.is_complete:
            return "all CRCs sound"
        if not self.records:
            return "not looked at"
        return f"CRCs sound in the first {self.records:,} records; the rest was not looked at"


class Survey:
    """The examples of files, limited or not, with the facts about the files.

    Args:
        paths, compression_type: as for `read_records`.
        sample: decode no more than this many records in all, an equal share of each file from its beginning; what a
            short file lacks is taken from those after it. None decodes all.
        max_bytes: read no more than about this many bytes of the uncompressed streams in all, shared out the same way.
            None reads all, or with a sample just what it takes.
        max_files: open no more than this many files, spread evenly over all. None opens all.
        recovers: go on behind damage. Otherwise a file ends there.
        progress: called with (bytes read, size of all files) every now and then, if their sizes are known.

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
    ) -> None:
        if compression_type is not None:
            check_compression_type(compression_type)
        self._compression_type = compression_type
        self._sample, self._max_bytes, self._recovers = sample, max_bytes, recovers
        self._progress = progress
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

    def examples(self) -> Iterator[Example]:
        """The examples, in order."""
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

        try:
            reader = TFRecordReader(source, self._compression_type, recovery=keep if self._recovers else None)
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
                    if not facts.records:
                        facts.is_sequence = _is_sequence(block)
                    facts.records, facts.stream_bytes = reader.record_number, reader.offset
                    wanted = None if limit is None else limit - facts.examples - facts.not_examples
                    yield from _decoded(decoder, block, wanted, facts)
                    if self._progress is not None and self._total:
                        self._progress(min(done + facts.stream_bytes, self._total), self._total)
                    if _has_enough(facts, limit, max_bytes):
                        facts.is_complete = facts.bytes == facts.stream_bytes and not facts.compression_type
                        break
                else:
                    facts.is_complete = True
            except (TFRecordError, OSError) as error:
                facts.error = error.with_traceback(None)
            facts.records, facts.stream_bytes = reader.record_number, reader.offset
        if facts.listed is not None and facts.is_complete and facts.is_sound:
            try:
                check_content(source, facts.listed, facts.records, checksum)
            except ShardError as error:
                facts.error = error.with_traceback(None)


def _error_as_dict(error: TFRecordError | OSError, path: str | None) -> dict[str, object]:
    if isinstance(error, TFRecordError):
        return error.as_dict()
    text = error.strerror or str(error)
    return {"kind": type(error).__name__, "text": text, "path": path, "record_number": None, "offset": None}


def _has_enough(facts: FileFacts, limit: int | None, max_bytes: int | None) -> bool:
    if max_bytes is not None:
        return facts.stream_bytes >= max_bytes
    return limit is not None and facts.examples + facts.not_examples >= limit


def _sources(paths: Any) -> Iterator[tuple[Any, FileFacts]]:
    """Every file that the paths stand for, and a first look at it; a path that stands for none is one with an error."""
    for path in list_paths(paths):
        try:
            found = find_files(path)
        except (OSError, ShardError) as error:
            yield path, FileFacts(os.fsdecode(path), error=error)
            continue
        for source, shard in found:
            name = source if isinstance(source, str) else getattr(source, "name", None)
            facts = FileFacts(name if isinstance(name, str) else None, listed=shard)
            try:
                facts.bytes = _size(source)
                if shard is not None:
                    check_shard(source, shard)
            except (OSError, ShardError) as error:
                facts.error = error
            yield source, facts


def _size(source: Any) -> int | None:
    if not isinstance(source, str) or source == STDIN:
        return None
    if remote.is_url(source):
        return remote.size(source)
    return os.stat(source).st_size if os.path.isfile(source) or not os.path.exists(source) else None


def _is_sequence(block: Block) -> bool:
    record = block.data if isinstance(block.data, bytes) else Records.of(block).record(0)
    try:
        return bool(decode_sequence_example(record)[1])
    except DecodeError:
        return False


def _decoded(decoder: ExampleDecoder, block: Block, limit: int | None, facts: FileFacts) -> Iterator[Example]:
    """The examples among the first records of a block; the others are counted."""
    count = len(block) if limit is None else min(limit, len(block))
    if count <= 0:
        return
    records = Records.of(block)
    if count < len(block):
        records = records.take(np.arange(count))
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
