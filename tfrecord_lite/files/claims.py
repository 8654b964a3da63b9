"""Names of hidden files beside an output, each for one process as long as that lives.

    .writing-<hash of the name>-0.tmp      a file that is being written, or the sign of several
    .shard-<hash of the name>-0.tmp        the sign of a set of shards
    .shard-<hash>-0-93ab....tmp            one of them

In the directory for temporary files the name is that of this package: see temporary.py.

Who writes takes the first number that is free, and locks its file. What a process left that was killed is locked by
nobody: whoever writes the same output again deletes it, up to a number that nobody has, and whatever else lay there
when the process last looked, which it does once a minute. The lock is flock's, which ends with the process and with
those that it forked. Where there is none (Windows, some network file systems) nothing is deleted, and nobody writes
over it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import os
import re
import secrets
import shutil
import time

from tfrecord_lite.files.interrupts import interrupts_held
from tfrecord_lite.files.remote import is_url

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SIGN = re.compile(r"\.[a-z]+-[0-9a-f]{16}-[0-9]+\.tmp")
#: A directory is not listed for each file that is written there: seconds until it is again.
_LOOKS_AGAIN = 60.0
#: directory -> when it was listed, and the signs that lay in it then.
_last_seen: dict[str, tuple[float, list[str]]] = {}
_FLAGS = os.O_NONBLOCK | os.O_NOFOLLOW if hasattr(os, "O_NOFOLLOW") else 0  # whatever may lie there


def hidden_name(kind: str, name: str) -> str:
    """How the names of hidden files begin for an output of that name: no glob for data takes them for data."""
    return f".{kind}-{hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()}"


class Claim:
    """A hidden file beside an output, created and locked. Thrown away, also by Ctrl-C before anybody has it, it goes.

    Args:
        output: its final path.
        kind: how its name begins.
        sweeps: whether what dead processes have left of these names is deleted.

    Attributes:
        path: of the file.
        descriptor: for writing; it holds the lock. -1 when nothing is held any more.

    Raises:
        OSError: no file can be created there.
    """

    path, descriptor = "", -1  # Ctrl-C may come before there is anything

    def __init__(self, output: str, kind: str = "writing", *, sweeps: bool = True) -> None:
        self._process = os.getpid()
        directory, name = os.path.split(output)
        begin = os.path.join(directory, hidden_name(kind, name))
        if sweeps:
            for path in _seen(directory):
                if path.startswith(f"{begin}-"):
                    _remove_if_dead(path)
        for number in itertools.count():
            path = f"{begin}-{number}.tmp"
            if sweeps:
                _remove_if_dead(path)
            if self.descriptor < 0:
                self._create(path)
            elif not (sweeps and os.path.lexists(path)):
                return

    def __del__(self) -> None:
        # When Python ends, `os` may be gone before this is: the lock goes with the process, and the next one sweeps.
        if self.descriptor >= 0 and os is not None and self._process == os.getpid():
            self.release()

    def release(self) -> None:
        """Delete the file, unless it has another name by now."""
        with interrupts_held(masks=False):
            descriptor, self.descriptor = self.descriptor, -1
            if descriptor >= 0:
                remove_open(self.path, descriptor)

    def publish(self, path: str) -> None:
        """Close the file and give it its name; it is deleted when that fails."""
        # The lock stays until it has it. Where there are none (Windows) what is open gets no other name.
        lock = -1 if fcntl is None else os.dup(self.descriptor)
        try:
            self.abandon()
            os.replace(self.path, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            raise
        finally:
            if lock >= 0:
                os.close(lock)

    def abandon(self) -> None:
        """Let go without touching anything."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _create(self, path: str) -> None:
        """Nothing where somebody else has it."""
        try:
            # 0o666 less the umask, as for any new file.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        except FileExistsError:
            return
        except OSError:
            raise
        except BaseException:  # Ctrl-C, when the file may have been made
            _remove_if_dead(path)
            raise
        self.path, self.descriptor = path, descriptor
        if _lock(descriptor, path) is False:  # whoever came between has deleted it, or is about to
            self.abandon()


class ClaimedSet:
    """The sign that a process is about several hidden files. Behind a URL there is none, as there are no locks.

    Args:
        output, kind, sweeps: as for `Claim`.
    """

    def __init__(self, output: str, kind: str = "writing", *, sweeps: bool = True) -> None:
        self._sign: Claim | None = None
        if is_url(output):
            directory, slash, name = output.rpartition("/")
            self._path = f"{directory}{slash}{hidden_name(kind, name)}-{secrets.token_hex(4)}.tmp"
        else:
            self._sign = Claim(output, kind, sweeps=sweeps)
            self._path = self._sign.path

    def new_path(self) -> str:
        """A path for a file or folder of it, another one at each call."""
        return f"{_beginning(self._path)}{secrets.token_hex(8)}.tmp"

    def release(self) -> None:
        """The files of it have other names now, or are deleted."""
        if self._sign is not None:
            self._sign.release()

    def discard(self) -> None:
        """Delete what there may be of it: of a file that was just made when Ctrl-C came nobody knows the name."""
        if self._sign is not None and self._sign.descriptor >= 0:
            if _remove_files_of(self._path):
                self._sign.release()
            else:
                self._sign.abandon()

    def abandon(self) -> None:
        """Let go without touching anything."""
        if self._sign is not None:
            self._sign.abandon()


def _seen(directory: str) -> list[str]:
    """The signs that lay there at the last look."""
    key, now = os.path.abspath(directory), time.monotonic()
    when, names = _last_seen.get(key, (-math.inf, []))
    if now - when >= _LOOKS_AGAIN:
        try:
            names = [name for name in os.listdir(key) if _SIGN.fullmatch(name)]
        except OSError:  # whoever writes there is told
            return []
        _last_seen[key] = now, names
    return [os.path.join(directory, name) for name in names]


def remove_open(path: str, descriptor: int) -> None:
    """Delete a file, unless it has another name by now, and close its descriptor, which may hold a lock.

    Nobody is to get the lock of what is about to be deleted. Where there are no locks (Windows) what is open cannot be
    deleted.
    """
    if fcntl is None:
        os.close(descriptor)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    finally:
        if fcntl is not None:
            os.close(descriptor)


def _remove_if_dead(path: str) -> None:
    if fcntl is None:  # nobody can tell
        return
    try:
        descriptor = os.open(path, os.O_RDWR | _FLAGS)
    except OSError:  # there is none, as a rule
        return
    try:
        if _lock(descriptor, path) and _remove_files_of(path):
            remove_path(path)  # the last: until then somebody else goes on with it if we die
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: str) -> bool | None:
    """Whether the file is ours now, and in its place; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_files_of(sign: str) -> bool:
    """Whether all of them are gone: until then the sign has to stay."""
    directory, beginning = os.path.split(_beginning(sign))
    paths = [os.path.join(directory, name) for name in os.listdir(directory or os.curdir) if name.startswith(beginning)]
    for path in paths:
        remove_path(path)
    return not any(map(os.path.lexists, paths))


def _beginning(path: str) -> str:
    """How the other files of a sign begin."""
    return f"{path.removesuffix('.tmp')}-"


def remove_path(path: str) -> None:
    """Delete a file or a folder with all that is in it, if it is there and can be deleted."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # of somebody else, in a directory where that matters
            os.unlink(path)
