"""Rows that could not be converted, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import SkippedRegion, TFRecordError, printable
from tfrecord_lite.files.paths import STDIN_NAME


@dataclass(frozen=True)
class SkippedRow:
    """A row, a record, or a damaged region, that was left out.

    Attributes:
        path: of the file, or None.
        number: of the row in it, from 0 on; None for a region.
        reason: why, and where: "record #N", or "line N" of text, from 1 on.
    """

    path: str | None
    number: int | None
    reason: str

    @classmethod
    def of_error(cls, error: TFRecordError) -> SkippedRow:
        """A record that an error is about."""
        path, error.path = error.path, None
        reason, error.path = str(error), path
        return cls(path, error.record_number, reason)

    @classmethod
    def of_region(cls, region: SkippedRegion) -> SkippedRow:
        """A part of a TFRecord file that is damaged."""
        return cls(region.path, None, f"{region.size} bytes, {region.begin} to {region.end}: {region.reason}")

    @classmethod
    def of_row(cls, path: str, number: int, reason: str, line: int | None = None) -> SkippedRow:
        """A row of a file of another format, or of text, which begins in that line."""
        return cls(path, number, f"record #{number}: {reason}" if line is None else f"line {line}: {reason}")

    def __str__(self) -> str:
        return f"{printable(self.path or STDIN_NAME)}: {printable(self.reason)}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"path": self.path, "number": self.number, "reason": self.reason}
