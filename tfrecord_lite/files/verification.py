"""verify: is every file sound?

Takes paths, reads every record of every file with its CRCs, and returns a report. What is wrong with a file is in the
report, not raised, a file that is missing included: the others are looked at all the same. Shards of a directory with
a manifest must also be what this says: as many bytes and records, and the checksum.

Several files are read at a time, each in a thread: CRCs, inflating and reading let other threads run.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import DecodeError, ShardError, SkippedRegion, TFRecordError, counted, printable
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.paths import find_files, list_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_EXAMPLES, FOR_RECORDS
from tfrecord_lite.format.framing import FRAME_OVERHEAD

if TYPE_CHECKING:
    from tfrecord_lite.files.shards import ShardInfo

#: Bytes of a GZIP member without content: header, an empty block, trailer.
_SHORTEST_MEMBER = 20
#: Files read at a time unless told otherwise: with more, threads wait for each other in Python.
_WORKERS = 4


@dataclass(frozen=True)
class FileReport:
    """What was found in one file.

    Attributes:
        path: the file's name, or None for a file object without one.
        records: sound records, those before the error if there is one.
        size: bytes of the uncompressed stream that were looked at.
        error: the first damage, the first record that is no Example, or the OSError when the file cannot be read: what
            lies behind it has not been looked at. A ShardError when nothing is damaged, but this is not the shard that
            the manifest lists, or the shards of a directory are not known. Otherwise None.
        regions: instead of the first, all damage and all records that are no Examples, when that was asked for.
        padding: zeros between the members of a GZIP file and behind the last, before the error if there is one. They
            are legal there, and the file is sound; but where so many as a member has at least are, one may be gone.
    """

    path: str | None
    records: int
    size: int
    error: TFRecordError | OSError | None
    regions: tuple[SkippedRegion, ...] = ()
    padding: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with the file."""
        return self.error is None and not self.regions

    def __str__(self) -> str:
        name = printable(self.path or "<file object>")
        lines = [str(region) for region in self.regions]
        if isinstance(self.error, ShardError):
            lines.append(str(self.error))
        elif isinstance(self.error, TFRecordError):
            lines.append(f"{self.error} (after {counted(self.records, 'sound record')})")
        elif self.error is not None:
            lines.append(f"{name}: {self.error.strerror or self.error}")
        elif self.regions:
            lines.append(
                f"{name}: {counted(self.records, 'sound record')}, {counted(len(self.regions), 'damaged region')}"
            )
        else:
            lines.append(f"{name}: {counted(self.records, 'record')}, {self.size} bytes, sound")
        if self.padding >= _SHORTEST_MEMBER:
            lines.append(f"{name}: {self.padding} zeros behind GZIP members: padding, or members that are gone")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "records": self.records,
            "bytes": self.size,
            "sound": self.sound,
            "error": _error_as_dict(self.error, self.path),
            "regions": [region.as_dict() for region in self.regions],
            "padding": self.padding,
        }


@dataclass(frozen=True)
class VerifyReport:
    """The files that were looked at, in order."""

    files: tuple[FileReport, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with any file."""
        return all(file.sound for file in self.files)

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
    examples: bool = False,
    regions: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> VerifyReport:
    """Check every CRC of every record in the files.

    Args:
        paths, compression_type, max_record_size: as for `read_records`.
        examples: whether every record must also be an Example that can be decoded.
        regions: go on behind damage, as a reader with `recovery` does, and report all of it, and every record that is
            no Example, as SkippedRegions.
        workers: how many files are read at a time; None is 4, or the number of processors if that is less.
        progress: called with (files done, files in all) after each file.

    Returns:
        A report with an entry for each file, in the order of `paths`; a file, glob or directory that is not there has
        one, too.
    """
    if compression_type is not None:
        check_compression_type(compression_type)
    if workers is not None and workers < 1:
        raise ValueError(f"workers is 1 or more, or None, not {workers}")
    sources = list(_sources(paths))
    reports: list[FileReport] = []
    stop = Event()

    def verify_one(source: Any) -> FileReport:
        if isinstance(source, FileReport):
            return source
        file, shard = source
        return _verify_file(file, shard, compression_type, max_record_size, examples, regions, stop)

    def verify_all(results: Iterator[FileReport]) -> None:
        for report in results:
            reports.append(report)
            if progress is not None:
                progress(len(reports), len(sources))

    if len(sources) <= 1:  # here, where Ctrl-C ends even a read that waits for a pipe
        verify_all(map(verify_one, sources))
        return VerifyReport(tuple(reports))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers or min(_WORKERS, os.cpu_count() or 1)) as pool:
        try:
            verify_all(pool.map(verify_one, sources))
        finally:
            stop.set()  # an exception here, Ctrl-C for one, does not wait for the files
    return VerifyReport(tuple(reports))


def _sources(paths: Any) -> Iterator[Any]:
    """(file, what a manifest says about it) of every file, or the report that a path stands for none."""
    for path in list_paths(paths):
        try:
            yield from find_files(path)
        except (OSError, ShardError) as error:
            yield FileReport(os.fsdecode(path), 0, 0, error)


def _verify_file(
    source: Any,
    shard: ShardInfo | None,
    compression_type: str | None,
    max_record_size: int | None,
    examples: bool,
    regions: bool,
    stop: Event,
) -> FileReport:
    found: list[SkippedRegion] = []
    recovery = found.append if regions else None
    try:
        if shard is not None and not os.path.exists(source):
            from tfrecord_lite.files.manifest import check_shard  # with it comes json, for sets of shards only

            check_shard(source, shard)
        reader = TFRecordReader(source, compression_type, max_record_size=max_record_size, recovery=recovery)
    except OSError as error:
        return FileReport(None if hasattr(source, "read") else source, 0, 0, error)
    failure: TFRecordError | OSError | None = None
    unfit = checksum = 0
    with reader:
        try:
            for block in reader.blocks(FOR_EXAMPLES if examples else FOR_RECORDS):
                if stop.is_set():
                    break
                if shard is not None:
                    checksum = crc32c.extend(checksum, block.stored_crcs().tobytes())
                for problem, length in _unfit(reader, block) if examples else ():
                    if not regions:
                        raise problem
                    found.append(_region(problem, length))
                    unfit += 1
        except TFRecordError as error:
            records, size = error.record_number or 0, error.offset or 0
            return FileReport(reader.name, records, size, error.with_traceback(None), padding=reader.padding)
        except OSError as error:
            failure = error
        except MemoryError:
            failure = OSError(errno.ENOMEM, "not enough memory: perhaps for a record, which is held whole", reader.name)
    if shard is not None and failure is None and not found:
        from tfrecord_lite.files.manifest import check_content, check_shard

        try:
            check_shard(source, shard)
            check_content(source, shard, reader.record_number, checksum)
        except (OSError, ShardError) as error:
            failure = error.with_traceback(None)
    records = reader.record_number - unfit
    return FileReport(reader.name, records, reader.offset, failure, tuple(found), reader.padding)


def _unfit(reader: TFRecordReader, block: Block) -> Iterator[tuple[DecodeError, int]]:
    """What is wrong with each record of the block that is no Example, and its length."""
    # Here: a check of CRCs alone, of which there are many, starts in half the time without these.
    from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
    from tfrecord_lite.format.columns.window import Records
    from tfrecord_lite.format.example import decode_example

    _, error = ExampleDecoder(None).decode(Records.of(block))
    if error is None:
        return
    first = error.record_number or 0
    for number, record in enumerate(block.records()[first:], first):
        try:
            decode_example(record)
        except DecodeError as problem:
            reader.locate(problem, block, number)
            yield problem.with_traceback(None), len(record)


def _region(error: DecodeError, length: int) -> SkippedRegion:
    begin = error.offset or 0
    path, error.path = error.path, None  # it stands before the reason
    return SkippedRegion(begin, begin + length + FRAME_OVERHEAD, str(error), path)


def _error_as_dict(error: TFRecordError | OSError | None, path: str | None) -> dict[str, object] | None:
    if error is None or isinstance(error, TFRecordError):
        return None if error is None else error.as_dict()
    text = error.strerror or str(error)
    return {"kind": type(error).__name__, "text": text, "path": path, "record_number": None, "offset": None}
