"""Frames as they are, on their way from files to files.

    FrameSource    the frames of one or many files, block by block, every CRC checked
    FrameFile      a file that whole frames are written to
    Moved          what came of it

Frames that are moved are not encoded again: header, record and footer are the bytes that were read. A frame whose CRCs
do not hold is never moved; it is an error that names the file, the record and the offset.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import TFRecordError, counted, printable
from tfrecord_lite.files.paths import expand_paths, is_rereadable
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.remote import size as remote_size
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_RECORDS, Sizes
from tfrecord_lite.format.frame_group import FrameGroup

if TYPE_CHECKING:
    from typing_extensions import Self

#: Called with (bytes done, bytes in all) of the input files. Where their sizes are not known, all is 0.
Progress = Callable[[int, int], None]

#: So much of small frames is put together for one call of the system.
_TOGETHER = 1 << 20


@dataclass(frozen=True)
class WrittenFile:
    """A file of frames.

    Attributes:
        path: the file's name, or None for a file object.
        records: how many it holds.
        size: bytes of their frames before compression; of a shard, of the file.
    """

    path: str | None
    records: int
    size: int

    def __str__(self) -> str:
        name = "standard output" if self.path == "/dev/stdout" else printable(self.path or "<file object>")
        return f"{name}: {counted(self.records, 'record')}, {self.size} bytes"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"path": self.path, "records": self.records, "bytes": self.size}


@dataclass(frozen=True)
class Moved:
    """What came of frames that were moved.

    Attributes:
        read: how many records the inputs hold.
        files: what was written, in order.
    """

    read: int
    files: tuple[WrittenFile, ...]

    @classmethod
    def to_shards(cls, read: int, infos: Iterable[ShardInfo]) -> Moved:
        """When they went to shards."""
        return cls(read, tuple(WrittenFile(info.path, info.records, info.bytes) for info in infos))

    @property
    def written(self) -> int:
        """Records in all the files."""
        return sum(file.records for file in self.files)

    def __str__(self) -> str:
        lines = [str(file) for file in self.files]
        return "\n".join([*lines, f"{self.written} of {counted(self.read, 'record')} written"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"read": self.read, "written": self.written, "files": [file.as_dict() for file in self.files]}


class FrameSource:
    """The frames of one or many files, in order. They can be read several times unless a source is a stream.

    Args:
        paths: as for `read_records`. Compression is recognised from the content.
        progress: called after each block.
        passes: how often the files are gone through, or as much is done besides. Each is an equal part of the progress.

    Attributes:
        sources: paths and file objects.
        read: records read in this pass.
        reader: of the block that was given last.
        number: of its source.

    Raises:
        OSError: a file is missing or cannot be read.
    """

    def __init__(self, paths: Any, progress: Progress | None = None, passes: int = 1) -> None:
        self.sources = expand_paths(paths)
        self.read = self.number = 0
        self.reader: TFRecordReader
        self._progress = progress
        self._sizes = [0 if progress is None else _size_of(source) for source in self.sources]
        self._passes = passes
        self._passed = 0  # passes that are over
        self._known = 0  # records, from the first pass

    def blocks(self, sizes: Sizes = FOR_RECORDS, *, verify: bool = True) -> Generator[Block]:
        """All frames, block by block, each valid until the next is asked for.

        Raises:
            CorruptRecordError, TruncatedRecordError, RecordTooLargeError: as a reader, after the frames before them.
            TFRecordError: the files hold other numbers of records than in the pass before.
        """
        self.read = 0
        before = self._passed * sum(self._sizes)
        with closing(open_readers(self.sources, None, verify, None, None)) as readers:
            for number, (reader, size) in enumerate(zip(readers, self._sizes, strict=True)):
                self.number, self.reader = number, reader
                for block in reader.blocks(sizes):
                    self.read += len(block)
                    yield block
                    if not reader.compression_type:
                        self.report(before + min(reader.offset, size))
                before += size
                self.report(before)
        self._passed += 1
        if self._passed > 1 and self.read != self._known:
            raise TFRecordError(f"the input held {self._known} records, and {self.read} when it was read again")
        self._known = self.read

    def count(self) -> int:
        """How many records there are. The CRCs are left to the pass that moves them."""
        for _ in self.blocks(verify=False):
            pass
        return self.read

    def report(self, done: int) -> None:
        """Tell how many bytes of all passes are done."""
        if self._progress is not None:
            self._progress(done, self._passes * sum(self._sizes))

    def report_share(self, share: float) -> None:
        """Tell how much of what comes after the last pass is done, 0 to 1."""
        size = sum(self._sizes)
        self.report(self._passed * size + int(share * size))

    def output(self, out: Any, options: Any) -> FrameFile:
        """A file to move the frames to: `out` and `options` as for TFRecordWriter.

        Raises:
            ValueError: it would be written in place, and is one of the files that are read.
        """
        file = FrameFile(out, options)
        written = file.identity()
        for source in self.sources:
            if written is not None and _identity(source) == written:
                file.discard()
                raise ValueError(f"the output is an input, and cannot be replaced: {printable(str(source))}")
        return file

    def check_rereadable(self, why: str) -> None:
        """Raise ValueError when a source cannot be read twice, which is needed for `why`."""
        for source in self.sources:
            if not is_rereadable(source):
                name = "a file object" if not isinstance(source, str) else printable(source)
                raise ValueError(f"{why}, so the input is read twice, and {name} cannot be: give a file")


class FrameFile:
    """A file that whole frames are written to. A context manager: published, or not, as by TFRecordWriter.

    Args:
        path, options, atomic: as for TFRecordWriter.
    """

    def __init__(self, path: Any, options: Any = None, *, atomic: bool = True) -> None:
        self.records = self.size = 0
        self._path = path
        self._writer = TFRecordWriter(path, options, atomic=atomic)

    def write(self, frames: FrameGroup) -> None:
        """Write whole frames."""
        self._writer.write_frames(frames)
        self.records += len(frames)
        self.size += int(frames.frame_sizes().sum())

    def close(self) -> None:
        """Publish the file."""
        self._writer.close()

    def discard(self) -> None:
        """Give up."""
        self._writer.discard()

    def identity(self) -> tuple[int, int] | None:
        """What tells the file that is being written from all others."""
        return _identity(self._writer.writing_path or self._path)

    def facts(self) -> WrittenFile:
        """What has been written."""
        is_path = isinstance(self._path, (str, bytes, os.PathLike))
        return WrittenFile(os.fsdecode(self._path) if is_path else None, self.records, self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)


def grouped(frames: Iterable[bytes]) -> Iterator[FrameGroup]:
    """Frames that are given each by itself, as many together as are worth a call of the system's."""
    some: list[bytes] = []
    size = 0
    for frame in frames:
        some.append(frame)
        size += len(frame)
        if size >= _TOGETHER:
            yield FrameGroup.of_frames(some)
            some, size = [], 0
    if some:
        yield FrameGroup.of_frames(some)


def _identity(file: Any) -> tuple[int, int] | None:
    """(device, inode) of a regular file, given by its path or as a file object; None when it is something else."""
    try:
        status = os.stat(file if isinstance(file, str) else file.fileno())
    except (OSError, ValueError, AttributeError):  # an object that is no file of the system's
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _size_of(source: Any) -> int:
    if isinstance(source, str) and is_url(source):
        return remote_size(source) or 0
    return os.path.getsize(source) if isinstance(source, str) and os.path.isfile(source) else 0
