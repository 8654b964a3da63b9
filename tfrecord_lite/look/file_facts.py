"""FileFacts: what a survey has found out about one file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import ShardError, SkippedRegion, TFRecordError, noun, printable
from tfrecord_lite.format.framing import FRAME_OVERHEAD

if TYPE_CHECKING:
    from tfrecord_lite.files.shards import ShardInfo

#: Damaged regions that are kept for one file; of more only the number is.
MAX_REGIONS = 100


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
        sequence_examples: how many of the examples are SequenceExamples: what was decoded is their context.
        listed: what the manifest of its directory says about it, or None.
        regions: damage that was passed over, the first 100.
        region_count: how many there were.
        lost_bytes: of the uncompressed stream, in all of them.
        unread_bytes: of the frame, of the uncompressed stream, before which reading ended as it is so long; or 0.
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
    sequence_examples: int = 0
    listed: ShardInfo | None = None
    regions: list[SkippedRegion] = field(default_factory=list)
    region_count: int = 0
    lost_bytes: int = 0
    unread_bytes: int = 0
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

    @property
    def is_mixed(self) -> bool:
        """Whether there are SequenceExamples and Examples in it."""
        return 0 < self.sequence_examples < self.examples

    def sequences(self) -> str:
        """What there is to say of SequenceExamples, for people; "" if there are none."""
        count, others = self.sequence_examples, self.examples - self.sequence_examples
        if not self.is_mixed:
            return "holds SequenceExamples" if count else ""
        return f"holds SequenceExamples and Examples, {count:,} of the one and {others:,} of the other"

    def others(self) -> str:
        """What there is to say of records that are no Examples, for people; "" if there are none."""
        count, decoded = self.not_examples, self.examples + self.not_examples
        decoded_records = f"{decoded:,} {noun(decoded, 'record')}{'' if self.is_decoded else ' that were decoded'}"
        if not count:
            return ""
        if count == decoded:
            return f"none of the {decoded_records} is an Example"
        verb = "is no Example" if count == 1 else "are no Examples"
        return f"{count:,} of the {decoded_records} {verb}"

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
            "sequence_examples": self.sequence_examples,
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
            places = f"{self.region_count:,} {noun(self.region_count, 'place')}"
            return f"damaged in {places}, {self.lost_bytes:,} bytes skipped"
        if self.is_complete:
            return "all CRCs sound"
        unread = self.unread_bytes
        long = f", as it begins with a record of {unread - FRAME_OVERHEAD:,} bytes" if unread else ""
        if not self.records:
            return f"not looked at{long}"
        sound = f"CRCs sound in the first {self.records:,} {noun(self.records, 'record')}"
        return f"{sound}; the rest was not looked at{long}"


def has_no_examples(files: Iterable[FileFacts]) -> bool:
    """Whether records were tried, and none of them is an Example."""
    files = list(files)
    return any(facts.not_examples for facts in files) and not any(facts.examples for facts in files)


def _error_as_dict(error: TFRecordError | OSError, path: str | None) -> dict[str, object]:
    if isinstance(error, TFRecordError):
        return error.as_dict()
    text = error.strerror or str(error)
    return {"kind": type(error).__name__, "text": text, "path": path, "record_number": None, "offset": None}
