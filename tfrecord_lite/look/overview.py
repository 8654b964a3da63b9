"""Overview: what some files are, in about a second whatever their size.

Of up to 250 files an equal share of 64 MiB is read and its CRCs checked, so small files are looked at whole; of a
larger one the number of records is what its manifest or index says, or an estimate. The schema is of 1,000 records.
A record beyond some 250 MiB is not read.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import IndexMismatchError, noun
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.format.infer import SchemaSketch
from tfrecord_lite.format.schema import Schema
from tfrecord_lite.look import wording
from tfrecord_lite.look.file_facts import FileFacts
from tfrecord_lite.look.shard_sets import ShardSetFacts, shard_sets
from tfrecord_lite.look.survey import Survey

#: Read and checked in a fraction of a second, inflated in about one third.
_BYTES = 64 << 20
_RECORDS = 1000
#: Opening a file and decoding its first records takes a few milliseconds.
_FILES = 250


@dataclass(frozen=True)
class FileOverview:
    """One file.

    Attributes:
        facts: what was seen of it.
        records: how many it holds; None if that is not known.
        records_from: how that is known: "read", "manifest", "index", "estimate"; or "unknown".
    """

    facts: FileFacts
    records: int | None
    records_from: str

    def __str__(self) -> str:
        facts = self.facts
        if facts.error is not None and not facts.records:
            return f"{facts.name}: {facts.state()}"
        count = "? records" if self.records is None else f"{self.records:,} {noun(self.records, 'record')}"
        if self.records_from == "estimate":
            count = f"about {count}"
        elif self.records_from in ("manifest", "index"):
            count += f" by its {self.records_from}"
        size = [] if facts.bytes is None else [wording.size(facts.bytes)]
        compression = [facts.compression_type] if facts.compression_type else []
        return ", ".join([f"{facts.name}: {count}", *size, *compression, facts.state()])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = self.facts
        known = {"records": self.records, "records_from": self.records_from}
        return facts.as_dict() | known | {"checked_records": facts.records, "checked_bytes": facts.stream_bytes}


@dataclass(frozen=True)
class Overview:
    """Some files taken together.

    Attributes:
        files: in order.
        sets: the sets of shards of which they are part.
        schema: of the first records of each file.
    """

    files: tuple[FileOverview, ...]
    sets: tuple[ShardSetFacts, ...]
    schema: Schema

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with what was looked at, and no shard is missing."""
        return all(file.facts.is_sound for file in self.files) and not any(shards.missing for shards in self.sets)

    @property
    def records(self) -> tuple[int | None, bool]:
        """How many records there are, and whether that is exact; None if nothing can be said."""
        known = [file for file in self.files if file.records is not None]
        count = sum(file.records or 0 for file in known)
        if len(known) == len(self.files):
            return count, all(file.records_from != "estimate" for file in known)
        measured = [file.facts.bytes for file in known if file.facts.bytes is not None]
        if len(measured) < len(known) or not sum(measured) or any(file.facts.bytes is None for file in self.files):
            return None, False
        return round(count * self.bytes / sum(measured)), False

    @property
    def bytes(self) -> int:
        """The size of all files, as far as it is known."""
        return sum(file.facts.bytes or 0 for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, but for the schema."""
        records, is_exact = self.records
        return {
            "sound": self.is_sound,
            "complete": all(file.facts.is_complete for file in self.files),
            "records": records,
            "records_are_exact": is_exact,
            "bytes": self.bytes,
            "files": [file.as_dict() for file in self.files],
            "shard_sets": [shards.as_dict() for shards in self.sets],
        }


def overview(paths: Any, compression_type: str | None = None) -> Overview:
    """What the files are.

    Args:
        paths, compression_type: as for `read_records`. A file that is missing is part of what is said.
    """
    sketch = SchemaSketch()
    survey = Survey(
        paths,
        compression_type,
        sample=_RECORDS,
        max_bytes=_BYTES,
        max_files=_FILES,
        recovers=False,
        take_lists=sketch.add_lists,
    )
    for example in survey.examples():
        sketch.add(example)
    files = tuple(FileOverview(facts, *_records(facts)) for facts in survey.files)
    sets = shard_sets(facts.path for facts in survey.files if facts.path is not None and not _is_missing(facts))
    return Overview(files, tuple(sets), sketch.schema())


def _is_missing(facts: FileFacts) -> bool:
    return isinstance(facts.error, FileNotFoundError)


def _records(facts: FileFacts) -> tuple[int | None, str]:
    """How many records a file holds, and how that is known."""
    if facts.is_complete or facts.error is not None:
        return facts.records, "read"
    if facts.listed is not None:
        return facts.listed.records, "manifest"
    if facts.path is not None and facts.bytes is not None:
        if not is_url(facts.path):
            from tfrecord_lite.files.index import RecordIndex  # and hashlib with it; small files are read whole

            with contextlib.suppress(OSError, IndexMismatchError):
                return len(RecordIndex.load(facts.path)), "index"
        seen = facts.stream_bytes + facts.unread_bytes
        if seen and not facts.compression_type:
            return round((facts.records + bool(facts.unread_bytes)) * facts.bytes / seen), "estimate"
    return None, "unknown"
