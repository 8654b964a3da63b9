"""What a long job has finished, on disk: shards that are whole, for the same job to take over after a crash.

`.journal-<hash of the prefix's name>.tmp` lies beside the hidden files of its shards, one line of JSON for each step:

    {"format": "tfrecord_lite journal", "version": 1, "job": "5e1f..."}
    {"begun": ".shard-93ab....tmp"}
    {"finished": ".shard-93ab....tmp", "records": 9, "bytes": 8192, "checksum": 3, "end": 10, "skipped": [[7, "..."]]}
    {"complete": true}

`job` is a digest of all that makes the shards what they are: a journal of another job is thrown away, with its files.
A shard is on the disk before its line is. A last line that was cut off is none. A shard that was begun and not
finished, or has not the size that it had, is deleted, and so are those behind it. After `complete` the set is being
committed. A journal is for one process at a time, where the system has locks. Behind a URL it is an object
that is written anew with each line.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.files.directory import file_size, open_directory, split_path
from tfrecord_lite.files.journal_file import open_journal_file
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import HIDDEN_SHARD, ShardInfo

_HEAD = {"format": "tfrecord_lite journal", "version": 1}


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
        prefix: absolute, or a URL.
        job: what the shards depend on, in few characters.

    Attributes:
        finished: the shards that were taken over, then those that were finished since.
        is_complete: whether there are no more to come.

    Raises:
        BlockingIOError: another process is at it.
    """

    def __init__(self, prefix: str, job: str) -> None:
        self._directory = open_directory(split_path(prefix)[0])
        self._job = job
        self._file = open_journal_file(journal_path(prefix), prefix)
        try:
            self._load()
        except BaseException:
            self._file.close()
            raise

    def begin(self, path: str) -> None:
        """A shard is being written."""
        self._files.append(split_path(path)[1])
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
        if self.finished:
            self._file.close()
        else:
            self._file.remove()

    def remove(self) -> None:
        """It is of no more use."""
        self._file.remove()

    def _load(self) -> None:
        entries = list(map(_entry, self._file.read().split(b"\n")[:-1]))
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
        names = {split_path(shard.info.path)[1] for shard in self.finished}
        others = [name for name in self._files if isinstance(name, str) and name not in names]
        self._directory.remove(name for name in others if HIDDEN_SHARD.fullmatch(name))
        self._files = list(names)
        self._file.clear()
        self._add({**_HEAD, "job": self._job}, *map(_line, self.finished))

    def _add(self, *entries: dict[str, Any]) -> None:
        self._file.add(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))

    def _shard(self, entry: dict[str, Any]) -> FinishedShard:
        if not HIDDEN_SHARD.fullmatch(entry["finished"]):
            raise ValueError("not a hidden shard")
        path = self._directory.join(entry["finished"])
        info = ShardInfo(path, *(int(entry[key]) for key in ("records", "bytes", "checksum")))
        return FinishedShard(
            info, int(entry["end"]), [(int(number), str(reason)) for number, reason in entry["skipped"]]
        )


def journal_path(prefix: str) -> str:
    """Where the journal of a prefix is."""
    directory, name = split_path(prefix)
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return open_directory(directory).join(f".journal-{digest}.tmp")


def _line(shard: FinishedShard) -> dict[str, Any]:
    info = shard.info
    facts = {"records": info.records, "bytes": info.bytes, "checksum": info.checksum}
    return {"finished": split_path(info.path)[1], **facts, "end": shard.end, "skipped": shard.skipped}


def _entry(line: bytes) -> dict[str, Any]:
    """A line; nothing where it is none: what cannot be read was not done."""
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            return entry
    return {}


def _size(path: str) -> int:
    try:
        return file_size(path)
    except FileNotFoundError:
        return -1


def _sync(path: str) -> None:
    """A power cut after this does not take the file; nor what is at a URL."""
    if is_url(path):
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
