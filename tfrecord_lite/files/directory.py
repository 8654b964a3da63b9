"""A directory of shards, on this machine or behind a URL: what commit, manifests and journals need of one.

    sizes()          names of all files, and how long they are
    read, write      small files; whole or not at all
    rename, remove   many at a time
    locked()         nobody else commits in it

Object stores have no renames: there a file is copied to its new name, and then deleted under the old one. Between the
two it is there twice, which whoever goes on after a crash has to know. They have no locks either: two who commit in one
directory of a store at the same time are not kept apart.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from tfrecord_lite.errors import add_path
from tfrecord_lite.files import remote
from tfrecord_lite.files.remote import is_url

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Directory(Protocol):
    """Where files are. Errors are OSErrors with the path of the file."""

    @property
    def path(self) -> str:
        """Its own."""

    def join(self, name: str) -> str:
        """The path of a file."""

    def sizes(self) -> dict[str, int]:
        """{name: bytes} of everything in it but directories."""

    def check_names(self, names: Iterable[str]) -> None:
        """Raise IsADirectoryError where a name is that of a directory, which no file can replace."""

    def read(self, name: str) -> bytes | None:
        """All of a small file; None where there is none."""

    def version(self, name: str) -> object:
        """What is another one when a file is replaced; None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Put a small file in the place of any other of that name."""

    def rename(self, names: Mapping[str, str]) -> None:
        """Give each file, {old name: new name}, in the place of any other of that name."""

    def remove(self, names: Iterable[str]) -> None:
        """Delete files, those that are there."""

    def locked(self) -> AbstractContextManager[None]:
        """Wait until no other process is in here, where the system can tell."""


def open_directory(path: str) -> Directory:
    """The directory of that path or URL; "" is the current one. It is not looked at yet."""
    if not is_url(path):
        return LocalDirectory(path)
    from tfrecord_lite.files.remote_directory import RemoteDirectory

    return RemoteDirectory(path)


def split_path(path: str) -> tuple[str, str]:
    """(directory, name) of a path or URL, as os.path.split."""
    if not is_url(path):
        return os.path.split(path)
    directory, _, name = path.rpartition("/")
    return (directory + "/" if directory.endswith(":/") else directory), name


def file_size(path: str) -> int:
    """Bytes in a file or in what is at a URL.

    Raises:
        OSError: there is none, or it cannot be asked.
    """
    if not is_url(path):
        return os.stat(path).st_size
    found = remote.size(path)
    if found is None:
        raise OSError(None, "the server does not tell how long it is", path)
    return found


class LocalDirectory:
    """A directory of the file system."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def path(self) -> str:
        return self._path or os.curdir

    def join(self, name: str) -> str:
        return os.path.join(self._path, name)

    def sizes(self) -> dict[str, int]:
        sizes = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    continue
                with contextlib.suppress(FileNotFoundError):  # others delete and rename theirs meanwhile
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
        return sizes

    def check_names(self, names: Iterable[str]) -> None:
        for path in map(self.join, names):
            if os.path.isdir(path) and not os.path.islink(path):
                raise IsADirectoryError(errno.EISDIR, "a directory has the name of a file that is to be written", path)

    def read(self, name: str) -> bytes | None:
        try:
            with open(self.join(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def version(self, name: str) -> object:
        try:
            status = os.stat(self.join(name))
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def write(self, name: str, data: bytes) -> None:
        from tfrecord_lite.files.claims import Claim  # with hashlib and secrets, which those who read have no need of

        path = self.join(name)
        claim = Claim(path)
        try:
            with open(claim.descriptor, "wb", closefd=False) as file:
                file.write(data)
            os.fsync(claim.descriptor)
            claim.publish(path)
        except BaseException as error:
            if isinstance(error, OSError):
                add_path(error, path)
            claim.release()
            raise
        self._sync()

    def rename(self, names: Mapping[str, str]) -> None:
        for old, new in names.items():
            os.replace(self.join(old), self.join(new))
        self._sync()

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.join(name))
        self._sync()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """The lock dies with the process; some network file systems have none."""
        if fcntl is None:
            yield
            return
        descriptor = os.open(self._path or os.curdir, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _sync(self) -> None:
        """Renames outlast a power cut, where the system can."""
        if os.name != "posix":
            return
        descriptor = os.open(self._path or os.curdir, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
