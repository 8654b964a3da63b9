"""verify: is every file sound?

Takes paths, reads every record of every file with its CRCs, and returns a report; damage is in the report, not raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import TFRecordError, printable
from tfrecord_lite.files.paths import expand_paths
from tfrecord_lite.files.reader import TFRecordReader


@dataclass(frozen=True)
class FileReport:
    """What was found in one file.

    Attributes:
        path: the file's name, or None for a file object without one.
        records: sound records before the damage, or all of them.
        size: bytes of their frames, uncompressed.
        error: the first damage, or None. What lies behind it has not been looked at.
    """

    path: str | None
    records: int
    size: int
    error: TFRecordError | None

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.error} (after {self.records} sound records)"
        return f"{printable(self.path or '<file object>')}: {self.records} records, {self.size} bytes, sound"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "records": self.records,
            "bytes": self.size,
            "sound": self.error is None,
            "error": None if self.error is None else self.error.as_dict(),
        }


@dataclass(frozen=True)
class VerifyReport:
    """The files that were looked at, in order."""

    files: tuple[FileReport, ...]

    @property
    def sound(self) -> bool:
        """Whether no file is damaged."""
        return all(file.error is None for file in self.files)

    @property
    def records(self) -> int:
        """Sound records in all files."""
        return sum(file.records for file in self.files)

    def __str__(self) -> str:
        return "\n".join(map(str, self.files))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"sound": self.sound, "records": self.records, "files": [file.as_dict() for file in self.files]}


def verify(
    paths: Any,
    compression_type: str | None = None,
    *,
    max_record_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> VerifyReport:
    """Check every CRC of every record in the files.

    Args:
        paths, compression_type, max_record_size: as for `read_records`.
        progress: called with (files done, files in all) after each file.

    Raises:
        OSError: a file is missing or cannot be read.
    """
    sources = expand_paths(paths)
    reports = []
    for source in sources:
        reports.append(_verify_file(source, compression_type, max_record_size))
        if progress is not None:
            progress(len(reports), len(sources))
    return VerifyReport(tuple(reports))


def _verify_file(source: Any, compression_type: str | None, max_record_size: int | None) -> FileReport:
    error = None
    with TFRecordReader(source, compression_type, max_record_size=max_record_size) as reader:
        try:
            for _ in reader.blocks():
                pass
        except TFRecordError as damage:
            error = damage
        return FileReport(reader.name, reader.record_number, reader.offset, error)
