"""What a long job has finished, on disk: shards that are whole, for the same job to take over after a crash.

`.journal-<hash of the prefix's name>.tmp` lies beside the hidden files of its shards, one line of JSON for each step:

    {"format": "tfrecord_lite journal", "version": 1, "job": "5e1f..."}
    {"begun": ".shard-93ab....tmp"}
    {"finished": ".shard-93ab....tmp", "records": 9, "bytes": 8192, "checksum": 3, "end": 10, "skipped": [[7, "..."]]}
    {"complete": true}

`job` is a digest of all that makes the shards what they are: a journal of another job is thrown away, with its files.
A shard is on the disk before its line is. A last line that was cut off is none. A shard that was begun and not
finished, or has not the size that it had, is deleted, and so are those behind it. After `complete` the set is being
committed. A journal is for one process at a time, where the system has locks.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.files.shards import ShardInfo

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HEAD = {"format": "tfrecord_lite journal", "version": 1}
#: Whatever stands in a journal, no other files are deleted.
_SHARD = re.compile(r"\.shard-[0-9a-f-]+\.tmp")


@dataclass(frozen=True)
class FinishedShard:
    """A shard that is whole.

    Attributes:
        info: of its hidden file.
        end: the items before this number are in this shard or those before it, or were skipped.
        skipped: (number of the item, reason) of those that were skipped since the shard before.
    """

    info: ShardInfo
    end: int
    skipped: list[tuple[int, str]]


class Journal:
    """The journal of a prefix, opened and locked.

    Args:
        prefix: absolute.
        job: what the shards depend on, in few characters.

    Attributes:
        finished: the shards that were taken over, then those that were finished since.
        is_complete: whether there are no more to come.

    Raises:
        BlockingIOError: another process is at it.
    """

    def __init__(self, prefix: str, job: str) -> None:
        self._directory = os.path.dirname(prefix)
        self._path = journal_path(prefix)
        self._job = job
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            self._lock(prefix)
            self._load()
        except BaseException:
            os.close(self._descriptor)
            raise

    def begin(self, path: str) -> None:
        """A shard is being written."""
        self._files.append(os.path.basename(path))
        self._add({"begun": self._files[-1]})

    def finish(self, shard: FinishedShard) -> None:
        """A shard is whole."""
        _sync(shard.info.path)
        self._add(_line(shard))
        self.finished.append(shard)

    def complete(self) -> None:
        """All shards are whole."""
        self._add({"complete": True})
        self.is_complete = True

    def start_anew(self) -> None:
        """Forget everything."""
        self._forget(0)

    def close(self) -> None:
        """Keep it for the next time, unless there is nothing in it."""
        if self._descriptor >= 0 and not self.finished:
            self.remove()
        self._let_go()

    def remove(self) -> None:
        """It is of no more use."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        self._let_go()

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _lock(self, prefix: str) -> None:
        # A lock of the process, which worker processes do not inherit with the descriptor.
        if fcntl is None:
            return
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                problem = "another process is writing these shards"
                raise BlockingIOError(errno.EWOULDBLOCK, problem, prefix) from None
            # some network file systems have no locks

    def _load(self) -> None:
        with open(self._descriptor, "rb", closefd=False) as file:
            entries = list(map(_entry, file.read().split(b"\n")[:-1]))
        self.finished: list[FinishedShard] = []
        self.is_complete = {"complete": True} in entries
        self._files = [file for entry in entries for file in map(entry.get, ("begun", "finished")) if file is not None]
        kept = 0
        if entries[:1] == [{**_HEAD, "job": self._job}]:
            with contextlib.suppress(KeyError, TypeError, ValueError):  # by whomever that was written
                self.finished = [self._shard(entry) for entry in entries if "finished" in entry]
            whole = [self.is_complete or _size(shard.info.path) == shard.info.bytes for shard in self.finished]
            kept = whole.index(False) if False in whole else len(whole)
        if not self.is_complete or not kept:
            self._forget(kept)

    def _forget(self, kept: int) -> None:
        """All but the first shards that were finished."""
        del self.finished[kept:]
        self.is_complete = False
        names = {os.path.basename(shard.info.path) for shard in self.finished}
        for name in self._files:
            if isinstance(name, str) and _SHARD.fullmatch(name) and name not in names:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._directory, name))
        self._files = list(names)
        os.ftruncate(self._descriptor, 0)
        self._add({**_HEAD, "job": self._job}, *map(_line, self.finished))

    def _add(self, *entries: dict[str, Any]) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_END)
        os.write(self._descriptor, b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))
        os.fsync(self._descriptor)

    def _shard(self, entry: dict[str, Any]) -> FinishedShard:
        if not _SHARD.fullmatch(entry["finished"]):
            raise ValueError("not a hidden shard")
        path = os.path.join(self._directory, entry["finished"])
        info = ShardInfo(path, *(int(entry[key]) for key in ("records", "bytes", "checksum")))
        return FinishedShard(
            info, int(entry["end"]), [(int(number), str(reason)) for number, reason in entry["skipped"]]
        )


def journal_path(prefix: str) -> str:
    """Where the journal of a prefix is."""
    directory, name = os.path.split(prefix)
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return os.path.join(directory, f".journal-{digest}.tmp")


def _line(shard: FinishedShard) -> dict[str, Any]:
    info = shard.info
    facts = {"records": info.records, "bytes": info.bytes, "checksum": info.checksum}
    return {"finished": os.path.basename(info.path), **facts, "end": shard.end, "skipped": shard.skipped}


def _entry(line: bytes) -> dict[str, Any]:
    """A line; nothing where it is none: what cannot be read was not done."""
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            return entry
    return {}


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1


def _sync(path: str) -> None:
    """A power cut after this does not take the file."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
