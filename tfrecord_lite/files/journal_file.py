"""The bytes of a journal: a file that grows, locked, or an object behind a URL, which is written anew each time.

What was added is there for whoever reads it after a crash at any later moment.
"""

from __future__ import annotations

import errno
import os
from typing import Protocol

from tfrecord_lite.files.claims import remove_open
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.spooled import remote_sink

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class JournalFile(Protocol):
    """Where a journal is kept."""

    def read(self) -> bytes:
        """All there is."""

    def add(self, data: bytes) -> None:
        """Put something behind it."""

    def clear(self) -> None:
        """Forget all there is."""

    def remove(self) -> None:
        """It is of no more use."""

    def close(self) -> None:
        """Let go of it."""


def open_journal_file(path: str, name: str) -> JournalFile:
    """A journal, a new one if there is none.

    Args:
        path: of the file, or its URL.
        name: for errors.

    Raises:
        BlockingIOError: another process is at it.
        OSError: it cannot be written.
    """
    return RemoteJournalFile(path, name) if is_url(path) else LocalJournalFile(path, name)


class LocalJournalFile:
    """A file, for one process at a time where the system has locks."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            self._lock(name)
        except BaseException:
            self.close()
            raise

    def read(self) -> bytes:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with open(self._descriptor, "rb", closefd=False) as file:
            return file.read()

    def add(self, data: bytes) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_END)
        os.write(self._descriptor, data)
        os.fsync(self._descriptor)

    def clear(self) -> None:
        os.ftruncate(self._descriptor, 0)

    def remove(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        remove_open(self._path, descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _lock(self, name: str) -> None:
        # A lock of the process, which worker processes do not inherit with the descriptor.
        if fcntl is None:
            return
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                problem = "another process is writing these shards"
                raise BlockingIOError(errno.EWOULDBLOCK, problem, name) from None
            # some network file systems have no locks


class RemoteJournalFile:
    """An object: whoever else writes one of this name is not noticed."""

    def __init__(self, url: str, name: str) -> None:
        remote_sink(url, name).discard()  # what cannot be written to is to be known now
        directory, self._name = split_path(url)
        self._directory = open_directory(directory)
        self._data = self._directory.read(self._name) or b""

    def read(self) -> bytes:
        return self._data

    def add(self, data: bytes) -> None:
        self._data += data
        self._directory.write(self._name, self._data)

    def clear(self) -> None:
        self._data = b""  # something is added next

    def remove(self) -> None:
        self._directory.remove([self._name])

    def close(self) -> None:
        """There is nothing to let go of."""
