"""Where frames go: a file under a temporary name, a file in place, a URL, somebody's file object, each perhaps behind
a compressor.

    sink              publishes                         discard() leaves
    AtomicFileSink    on close, by renaming             what was there before
    FileSink          as it goes                        what was written so far
    RemoteSink        on close (see remote.py)          what was there before
    ObjectSink        as it goes                        what was written so far
    DeflateSink       as the sink below it              as the sink below it

A sink takes lists of pieces and stores all of each, or raises. `abandon` is for a child process after fork: it
lets go without touching the file.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import zlib
from typing import Any, Protocol

from tfrecord_lite.format.pieces import Pieces, coalesced, total_size

#: Linux' IOV_MAX, and the limit of writev everywhere else that is larger.
_MAX_BUFFERS = 1024


class Sink(Protocol):
    """What a writer writes to."""

    #: Where the bytes are while they are being written, or None.
    writing_path: str | None
    #: Whether nothing is seen until `close`.
    is_atomic: bool

    def write(self, pieces: Pieces) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def discard(self) -> None: ...
    def abandon(self) -> None: ...


class FileSink:
    """A file, FIFO or device written in place, or an open descriptor of which a copy is used."""

    is_atomic = False

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.writing_path: str | None = path
        if descriptor is None:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_TRANSLATION, 0o666)
        else:
            self._descriptor = os.dup(descriptor)

    def write(self, pieces: Pieces) -> None:
        if not hasattr(os, "writev"):
            pieces = coalesced(pieces)
        for begin in range(0, len(pieces), _MAX_BUFFERS):
            some = pieces[begin : begin + _MAX_BUFFERS]
            size = total_size(some)
            written = _write_some(self._descriptor, some)
            if written < size:
                self._write_rest(some, written)

    def _write_rest(self, pieces: Pieces, written: int) -> None:
        """What is left when the system has taken fewer bytes than it was given."""
        for piece in pieces:
            done = min(written, len(piece))
            written -= done
            while done < len(piece):
                done += os.write(self._descriptor, memoryview(piece)[done:])

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        self.abandon()

    def discard(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class AtomicFileSink(FileSink):
    """A sibling of the file that takes its name when all is written.

    The sibling's name begins with a dot and contains neither ".tfrecord" nor a shard suffix, so no glob for data
    takes it for data (TensorFlow's globs match leading dots). A symbolic link keeps pointing where it points: its
    target is replaced.
    """

    is_atomic = True

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        if os.path.exists(self._path) and not os.access(self._path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        directory = os.path.dirname(self._path)
        self.writing_path = os.path.join(directory, f".writing-{os.getpid()}-{secrets.token_hex(6)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_TRANSLATION
        try:
            self._descriptor = os.open(self.writing_path, flags, 0o666)  # less the umask, as for any new file
        except OSError as error:
            error.filename = path  # the name that the caller knows
            raise

    def close(self) -> None:
        assert self.writing_path is not None
        try:
            super().close()
            os.replace(self.writing_path, self._path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        assert self.writing_path is not None
        super().discard()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.writing_path)


class ObjectSink:
    """A binary file object that belongs to somebody else: written to, flushed, not closed."""

    is_atomic = False
    writing_path: str | None = None

    def __init__(self, target: Any) -> None:
        if isinstance(target, io.TextIOBase):
            raise TypeError("a binary file object is needed: this one takes str (use its .buffer)")
        if hasattr(target, "writable") and not target.writable():
            raise io.UnsupportedOperation("the file object is not open for writing")
        self._target = target

    def write(self, pieces: Pieces) -> None:
        for piece in coalesced(pieces):
            view = memoryview(piece)
            while view:
                written = self._target.write(view)
                if written is None and isinstance(self._target, io.RawIOBase):
                    raise BlockingIOError(errno.EAGAIN, "the file object is non-blocking and takes nothing now")
                view = view[len(view) if written is None else written :]

    def flush(self) -> None:
        flush = getattr(self._target, "flush", None)
        if flush is not None:
            flush()

    def close(self) -> None:
        self.flush()

    def discard(self) -> None: ...

    def abandon(self) -> None: ...


class DeflateSink:
    """A compressor before another sink."""

    def __init__(self, sink: Sink, compressor: Any) -> None:
        self._sink = sink
        self._compressor = compressor
        self.is_atomic = sink.is_atomic
        self.writing_path = sink.writing_path

    def write(self, pieces: Pieces) -> None:
        self._sink.write([self._compressor.compress(piece) for piece in pieces])

    def flush(self) -> None:
        # What TensorFlow flushes with, so that the same calls give the same bytes.
        self._sink.write([self._compressor.flush(zlib.Z_PARTIAL_FLUSH)])
        self._sink.flush()

    def close(self) -> None:
        try:
            self._sink.write([self._compressor.flush()])
        except BaseException:
            self._sink.discard()
            raise
        self._sink.close()

    def discard(self) -> None:
        self._sink.discard()

    def abandon(self) -> None:
        self._sink.abandon()


#: Windows would turn newlines into pairs of bytes.
_NO_TRANSLATION = getattr(os, "O_BINARY", 0)


def _write_some(descriptor: int, pieces: Pieces) -> int:
    return os.writev(descriptor, pieces) if hasattr(os, "writev") else os.write(descriptor, pieces[0])
