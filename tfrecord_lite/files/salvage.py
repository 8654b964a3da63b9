"""salvage: what is left of a damaged file, and what is lost.

Takes one file, gives its sound records as the reader with `recovery` does, and keeps the list of what was skipped.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import SkippedRegion, counted
from tfrecord_lite.files.reader import TFRecordReader

if TYPE_CHECKING:
    from typing_extensions import Self


def salvage(path: Any, compression_type: str | None = None, *, max_record_size: int | None = None) -> Salvage:
    """The sound records of a damaged file: an iterator of bytes that also says what was lost.

    Every record whose frame is whole and has its CRCs is given, in order, and nothing else. Frames stored inside a
    damaged record (TFRecord bytes as a value) are skipped with it, and not given as records, where its header is sound
    and what follows it is a sound frame or the end of the file. In a GZIP file they are those that can still be
    inflated: before the damage to a member, perhaps behind it (where the references of deflate may give a record once
    more), and from the next member on. Where the header of a member, or of a ZLIB file, is damaged or gone, or bytes
    have come into it or before it, what stands behind it comes back, too, but for a record that began in the member
    before; not where more than 1024 bytes stand before the data. A file whose first bytes are damaged is not recognised
    as compressed: say what it is. Damage to the first bytes behind the header leaves nothing of a member. What a record
    holds that is GZIP itself (a .gz file as a value) may pass for a member where it stands behind damage to the one
    that it is in: frames in it are given then.

    Args:
        path: a path, a binary file object, or "-" for standard input.
        compression_type, max_record_size: as for TFRecordReader. Longer records are skipped.

    Raises:
        OSError: the file cannot be opened; or, while iterating, not be read.
    """
    return Salvage(path, compression_type, max_record_size)


class Salvage:
    """An iterator of the sound records of a file; also a context manager.

    Attributes:
        regions: the SkippedRegions so far, in order.
        path: name of the file, or None for a file object without one.
        compression_type: "", "GZIP" or "ZLIB".
    """

    def __init__(self, path: Any, compression_type: str | None, max_record_size: int | None) -> None:
        self.regions: list[SkippedRegion] = []
        self._reader = TFRecordReader(
            path, compression_type, max_record_size=max_record_size, recovery=self.regions.append
        )
        self.path = self._reader.name
        self.compression_type = self._reader.compression_type

    @property
    def records(self) -> int:
        """Records given so far."""
        return self._reader.record_number

    @property
    def bytes_read(self) -> int:
        """Bytes of the uncompressed stream so far, lost ones included."""
        return self._reader.offset

    @property
    def bytes_lost(self) -> int:
        """Bytes in the regions, of the uncompressed stream."""
        return sum(region.size for region in self.regions)

    @property
    def compressed_bytes_lost(self) -> int:
        """Bytes of a compressed file that could not be inflated: how much they held is unknown."""
        return sum(region.compressed_bytes for region in self.regions)

    @property
    def sound(self) -> bool:
        """Whether nothing was skipped so far."""
        return not self.regions

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._reader)

    def close(self) -> None:
        """Close the file. A file object that was given stays open."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        """The regions, a line each, and what came out."""
        lost = f"{counted(self.bytes_lost, 'byte')} lost"
        if self.compressed_bytes_lost:
            lost += f", and what {self.compressed_bytes_lost} compressed bytes held"
        return "\n".join([*map(str, self.regions), f"{counted(self.records, 'record')}, {lost}"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "sound": self.sound,
            "records": self.records,
            "bytes_read": self.bytes_read,
            "bytes_lost": self.bytes_lost,
            "compressed_bytes_lost": self.compressed_bytes_lost,
            "regions": [region.as_dict() for region in self.regions],
        }
