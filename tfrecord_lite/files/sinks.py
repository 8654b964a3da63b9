"""Where frames go: a file under a temporary name, a file in place, a URL, somebody's file object; perhaps from a
compressor, which is a sink, too (see `deflate`).

    sink              publishes                         discard() leaves
    AtomicFileSink    on close, by renaming             what was there before
    HiddenFileSink    not at all: somebody renames it   nothing
    FileSink          as it goes                        what was written so far
    RemoteSink        on close (see remote.py)          what was there before
    ObjectSink        as it goes                        what was written so far
    AppendSink        as it goes                        what was there before, or what was written so far

A sink takes lists of pieces and stores all of each, or raises. `abandon` is for a child process after fork: it
lets go without touching the file.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from typing import Any, Protocol

from tfrecord_lite.errors import add_path
from tfrecord_lite.files.claims import Claim, remove_open
from tfrecord_lite.format.pieces import Pieces, coalesced, total_size

#: Linux' IOV_MAX, and the limit of writev everywhere else that is larger.
_MAX_BUFFERS = 1024


class Sink(Protocol):
    """What a writer writes to."""

    #: Whether nothing is seen until `close`.
    is_atomic: bool

    @property
    def writing_path(self) -> str | None:
        """Where the bytes are while they are being written, or None."""

    def write(self, pieces: Pieces) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def discard(self) -> None: ...
    def abandon(self) -> None: ...


class FileSink:
    """A file, FIFO or device written in place, or an open descriptor of which a copy is used."""

    is_atomic = False

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.writing_path = path
        self._name = path  # that the caller knows, for errors
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
            try:
                written = _write_some(self._descriptor, some)
                if written < size:
                    self._write_rest(some, written)
            except OSError as error:
                add_path(error, self._name)
                raise

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


class HiddenFileSink(FileSink):
    """A new file under a temporary name, for somebody to rename when it is closed.

    Its name is to begin with a dot and to contain neither ".tfrecord" nor a shard suffix, so that no glob for data
    takes it for data (TensorFlow's globs match leading dots).

    Args:
        path: the temporary name.
        name: what the caller knows it by, for errors.
    """

    is_atomic = True

    def __init__(self, path: str, name: str) -> None:
        self.writing_path, self._name = path, name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_TRANSLATION
        try:
            self._descriptor = os.open(path, flags, 0o666)  # less the umask, as for any new file
        except OSError as error:
            error.filename = name
            raise
        except BaseException:  # Ctrl-C, when the file may have been made
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def write(self, pieces: Pieces) -> None:
        if self._descriptor < 0:
            self._descriptor = os.open(self.writing_path, os.O_WRONLY | os.O_APPEND | _NO_TRANSLATION)
        super().write(pieces)

    def rest(self) -> None:
        """Let go of the file until the next write: a process may hold only so many open."""
        self.abandon()

    def discard(self) -> None:
        super().discard()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.writing_path)


class AtomicFileSink(HiddenFileSink):
    """A hidden sibling of the file that takes its name when all is written.

    A symbolic link keeps pointing where it points: its target is replaced. What a process left that was killed while it
    wrote the same file is deleted.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        if os.path.exists(self._path) and not os.access(self._path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        self._name = path
        try:
            self._claim = Claim(self._path)
        except OSError as error:
            error.filename = path
            raise
        self._descriptor, self.writing_path = self._claim.descriptor, self._claim.path
        # Who may read the file that is replaced may read the new one, and nobody else.
        with contextlib.suppress(OSError):
            os.chmod(self.writing_path, stat.S_IMODE(os.stat(self._path).st_mode))

    def close(self) -> None:
        self._descriptor = -1  # the claim's, which is closed there
        self._claim.publish(self._path)

    def discard(self) -> None:
        self._descriptor = -1
        self._claim.release()

    def abandon(self) -> None:
        self._descriptor = -1
        self._claim.abandon()


class AppendSink(FileSink):
    """The end of a file that is there, or of a new one, for one process at a time.

    Args:
        path: of the file.
        name: what the caller knows it by, for errors.
        atomic: whether `discard` takes away what was written.

    Attributes:
        size: of the file when it was opened, less what `cut` took.
    """

    def __init__(self, path: str, name: str, atomic: bool) -> None:
        self.is_atomic = atomic
        self.writing_path, self._name = path, name
        self._replaced = b""
        while True:
            self._existed = os.path.exists(path)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_TRANSLATION, 0o666)
            try:
                _lock(self._descriptor, name)
                # Whoever had the lock before may have removed or replaced the file that we opened.
                if self._is_in_place():
                    break
            except BaseException:
                self.abandon()
                raise
            self.abandon()
        self.size = os.lseek(self._descriptor, 0, os.SEEK_END)

    def cut(self, size: int, *, restorable: bool = False) -> None:
        """Shorten the file to `size`; `discard` puts the rest back if it is told to."""
        if restorable:
            os.lseek(self._descriptor, size, os.SEEK_SET)
            self._replaced = os.read(self._descriptor, self.size - size) + self._replaced
        os.ftruncate(self._descriptor, size)
        self.size = os.lseek(self._descriptor, 0, os.SEEK_END)

    def close(self) -> None:
        if self._descriptor >= 0 and not self._is_in_place():
            self.abandon()
            raise OSError(errno.ESTALE, "the file was replaced or removed while it was appended to", self._name)
        super().close()

    def discard(self) -> None:
        if self._descriptor < 0:
            return
        if self.is_atomic:
            os.ftruncate(self._descriptor, self.size)
            if self._replaced:
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
                os.write(self._descriptor, self._replaced)
            if not self._existed and not self.size:
                descriptor, self._descriptor = self._descriptor, -1
                remove_open(os.path.realpath(self.writing_path), descriptor)
        super().discard()

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.writing_path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False


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


#: Windows would turn newlines into pairs of bytes.
_NO_TRANSLATION = getattr(os, "O_BINARY", 0)


def _write_some(descriptor: int, pieces: Pieces) -> int:
    return os.writev(descriptor, pieces) if hasattr(os, "writev") else os.write(descriptor, pieces[0])


def _lock(descriptor: int, path: str) -> None:
    """Keep others from appending to the file, until the descriptor is closed; where locks are not known, nothing."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(errno.EWOULDBLOCK, "another writer is appending to the file", path) from None
    except (ImportError, OSError):  # Windows, some network file systems
        pass
