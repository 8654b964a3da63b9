"""Files of any format, written under temporary names and published together: one, or the shards of a set.

    out.csv        one file                                        --shards or --max-bytes:  out-00000-of-00003.csv ...

Each is a binary file object that can be written to and told, not read or sought in. Nothing has a final name before
`publish`; `discard` leaves nothing.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.claims import ClaimedSet
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.shards import absolute_prefix, shard_name
from tfrecord_lite.files.sinks import Sink
from tfrecord_lite.files.spooled import hidden_sink
from tfrecord_lite.files.streams import open_sink

if TYPE_CHECKING:
    from typing_extensions import Buffer


class OutputFile(io.RawIOBase):
    """A sink as a file object that others write to. Closing it does nothing: `publish` and `discard` end it.

    Attributes:
        path: where it is to be when it is complete: the final name, after `publish`.
        size: bytes that were written so far, before compression.
        is_complete: whether nothing more is written.
        is_discarded: whether what is written goes nowhere. A library may still do so when its writer is thrown away.
    """

    def __init__(self, path: str, sink: Sink) -> None:
        self.path = path
        self.size = 0
        self.sink = sink
        self.is_complete = False
        self.is_discarded = False

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        view = memoryview(data).cast("B")
        if len(view) and not self.is_discarded:
            self.sink.write([view])
            self.size += len(view)
        return len(view)

    def tell(self) -> int:
        return self.size


class OutputFiles:
    """One file, or as many shards as are asked for.

    Args:
        path: of the file, a URL, or "-" for standard output; of shards their names without "-00000-of-00003".
        extension: the end of the path that stays the end of each shard's name.
        compression_type: "", or "GZIP" for a stream around all that is written.
        is_sharded: whether there are shards.

    Raises:
        OSError: a file cannot be written; there are shards of this name already.
        ValueError: the path is no name for shards, see `check_prefix`.
    """

    def __init__(self, path: str, extension: str, compression_type: str, is_sharded: bool) -> None:
        self._path = path
        self._extension = extension
        self._options = TFRecordOptions(compression_type)
        self._is_sharded = is_sharded
        self.files: list[OutputFile] = []
        if is_sharded:
            self._prefix = absolute_prefix(path[: len(path) - len(extension)])
            self._directory = open_directory(split_path(self._prefix)[0])
            self._check_free()
        self._set: ClaimedSet | None = None  # of shards, with the first of them

    def open_next(self) -> OutputFile:
        """One more file; the one before is complete."""
        for file in self.files[-1:]:
            _complete(file)
        if self._is_sharded:
            path = self._new_path()
            hidden = hidden_sink(path, self._path)
            try:
                file = OutputFile(path, open_sink(hidden, self._options, atomic=False))
            except BaseException:
                hidden.discard()
                if not self.files:
                    self._release()
                raise
        else:
            file = OutputFile(self._path, open_sink(self._path, self._options, atomic=True))
        self.files.append(file)
        return file

    def publish(self) -> None:
        """Give all files their names. What fails on the way leaves whole files only."""
        try:
            for number, file in enumerate(self.files):
                _complete(file)
                if self._is_sharded:
                    hidden, file.path = file.path, shard_name(self._prefix, number, len(self.files)) + self._extension
                    self._directory.rename({split_path(hidden)[1]: split_path(file.path)[1]})
        except BaseException:
            self.discard()
            raise
        self._release()

    def discard(self) -> None:
        """Remove what is not published."""
        for file in self.files:
            file.is_discarded = True
            with contextlib.suppress(OSError):
                file.sink.discard()
        self._release()

    def _new_path(self) -> str:
        if self._set is None:
            try:
                self._set = ClaimedSet(self._prefix + self._extension, "shard")
            except OSError as error:
                error.filename = self._path
                raise
        return self._set.new_path()

    def _release(self) -> None:
        if self._set is not None:
            self._set.release()
            self._set = None

    def _check_free(self) -> None:
        name = split_path(self._prefix)[1]
        pattern = re.compile(f"{re.escape(name)}-[0-9]{{5,}}-of-[0-9]{{5,}}{re.escape(self._extension)}")
        for other in sorted(self._directory.sizes()):
            if pattern.fullmatch(other):
                text = "there are shards of this name, and a new set would be mixed with them: remove them first"
                raise FileExistsError(errno.EEXIST, text, self._directory.join(other))


def _complete(file: OutputFile) -> None:
    if not file.is_complete:
        file.sink.close()
        file.is_complete = True


def of_path(path: Any) -> str:
    """A path as str, where "-" is standard output."""
    name = os.fsdecode(path)
    return "/dev/stdout" if name == "-" else name
