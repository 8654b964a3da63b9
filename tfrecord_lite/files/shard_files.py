"""The files of shards while they are written: each hidden, counted and summed on the way, all published together."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

from tfrecord_lite.files.claims import ClaimedSet, hidden_name
from tfrecord_lite.files.commit import commit, rollback
from tfrecord_lite.files.deflate import DeflateSink
from tfrecord_lite.files.directory import file_size, open_directory, split_path
from tfrecord_lite.files.manifest import has_plan
from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.published import cleaning_up
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.files.spooled import hidden_sink
from tfrecord_lite.files.streams import open_sink
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.pieces import Pieces

_KIND = "shard"
#: Files that are open at a time: a process may have 256 on macOS and 1024 on Linux, and others need some, too.
_MAX_OPEN = 128
#: What a compressor is given at a time: level 0 makes other bytes of other portions, and those depend on how records
#: happened to be collected.
_PORTION = 1 << 18


def hidden_shard(prefix: str) -> str:
    """A path for a shard of that prefix while it is written, another one at each call."""
    directory, name = split_path(prefix)
    return open_directory(directory).join(f"{_hidden(name)}{secrets.token_hex(8)}.tmp")


def sweep(prefix: str) -> None:
    """Delete the hidden files of a prefix that were never committed: whoever still writes one does so for nobody."""
    path, name = split_path(prefix)
    directory = open_directory(path)
    directory.remove(each for each in directory.sizes() if each.startswith(_hidden(name)))


def sweep_dead(prefix: str) -> None:
    """Delete what killed writers of a prefix have left, where locks tell that they are dead."""
    if not is_url(prefix):
        ClaimedSet(prefix, _KIND).release()


def _hidden(name: str) -> str:
    return f"{hidden_name(_KIND, name)}-"


class ShardFile:
    """One shard.

    Args:
        path: a `hidden_shard` of the prefix.
        prefix: for errors.
        options: compression.

    Attributes:
        path: where it is now.
        records: how many it holds.
        size: bytes in their frames, before compression.
    """

    def __init__(self, path: str, prefix: str, options: TFRecordOptions) -> None:
        self._file = hidden_sink(path, prefix)
        try:
            self._sink = open_sink(self._file, options, atomic=False)
        except BaseException:
            self._file.discard()
            raise
        self.path = path
        self._held = bytearray()
        self._checksum = 0
        self.records = 0
        self.size = 0

    def write(self, frames: FrameGroup) -> None:
        """Store frames at the end."""
        is_stream = isinstance(self._sink, DeflateSink)
        self._sink.write(list(self._portions(frames.pieces)) if is_stream else frames.pieces)
        self.records += len(frames)
        self.size += int(frames.frame_sizes().sum())
        self._checksum = crc32c.extend(self._checksum, frames.footers.tobytes())

    def rest(self) -> None:
        """Let go of the file until the next write."""
        self._file.rest()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._release()
        self._sink.flush()

    def close(self) -> ShardInfo:
        """What it has become."""
        self._release()
        self._sink.close()
        return ShardInfo(self.path, self.records, file_size(self.path), self._checksum)

    def discard(self) -> None:
        """Delete the file."""
        self._sink.discard()

    def abandon(self) -> None:
        """Let go without touching the file."""
        self._sink.abandon()

    def _release(self) -> None:
        if self._held:
            self._sink.write([bytes(self._held)])
            self._held.clear()

    def _portions(self, pieces: Pieces) -> Iterator[bytes]:
        """The bytes in portions of one size; the rest is held."""
        for piece in pieces:
            view = memoryview(piece)
            while len(view):
                some = view[: _PORTION - len(self._held)]
                view = view[len(some) :]
                self._held += some
                if len(self._held) == _PORTION:
                    yield bytes(self._held)
                    self._held.clear()


class ShardFiles:
    """The files of one set, in the place of a writer's sink.

    Args:
        prefix: absolute, or a URL.
        publish: whether `close` commits. Then what a killed process has left of these shards is deleted; others may
            be about to be committed by somebody.

    Attributes:
        infos: of all shards, after `close`.
    """

    is_atomic = True
    writing_path = None
    _process = 0  # of those that may discard it: none as long as there is nothing
    _set: ClaimedSet | None = None

    def __init__(self, prefix: str, options: TFRecordOptions, publish: bool) -> None:
        self._prefix = prefix
        self._options = options
        self._publish = publish
        self._shards: list[ShardFile] = []
        self._open: dict[int, None] = {}  # the numbers of open files, the one that was used last at the end
        self._written: list[ShardInfo] = []
        self.infos: list[ShardInfo] = []
        self._process = os.getpid()
        if publish:
            try:
                # A commit that was cut off may still want its files, and knows what is to become of them.
                self._sweeps_later = not is_url(prefix) and has_plan(prefix)
                self._set = ClaimedSet(prefix, _KIND, sweeps=not self._sweeps_later)
            except OSError as error:
                error.filename = prefix
                raise

    def __del__(self) -> None:
        # Ctrl-C may come before a writer has it. When Python ends, `os` may be gone before this is.
        if os is not None and self._process == os.getpid() and not self._written:
            self.discard()

    @property
    def last_number(self) -> int:
        """The number of the shard that was added last."""
        return len(self._shards) - 1

    @property
    def last(self) -> ShardFile:
        """The shard that was added last."""
        return self._shards[-1]

    def add(self) -> None:
        """One more shard."""
        self._opening(len(self._shards))
        path = hidden_shard(self._prefix) if self._set is None else self._set.new_path()
        self._shards.append(ShardFile(path, self._prefix, self._options))

    def write(self, number: int, frames: FrameGroup) -> None:
        """Store frames in shard `number`."""
        self._opening(number)
        self._shards[number].write(frames)

    def finish(self) -> None:
        """No more is written to the last shard."""
        self._written.append(self.last.close())
        self._open.pop(self.last_number, None)

    def flush(self) -> None:
        for number in range(len(self._written), len(self._shards)):
            self._opening(number)
            self._shards[number].flush()

    def close(self) -> None:
        for shard in self._shards[len(self._written) :]:
            self._written.append(shard.close())
        self.infos = commit(self._written, self._prefix) if self._publish else self._written
        if self._set is not None:
            with cleaning_up(self._prefix):
                self._set.release()
                if self._sweeps_later:
                    sweep_dead(self._prefix)

    def discard(self) -> None:
        """Delete all files. Where a commit has begun and cannot be undone they stay, for the next writer to find."""
        if self._publish and len(self._written) == len(self._shards) > 0:
            try:
                rollback(self._prefix, self._written)
            except BaseException:
                self.abandon()
                raise
        with contextlib.ExitStack() as stack:  # each of them, whatever becomes of the others
            if self._set is not None:
                stack.callback(self._set.discard)
            for shard in self._shards:
                stack.callback(shard.discard)
        self._shards = []

    def abandon(self) -> None:
        for shard in self._shards:
            shard.abandon()
        if self._set is not None:
            self._set.abandon()

    def _opening(self, number: int) -> None:
        """Be ready for the file of shard `number` to be open: close the one that was used longest ago, if need be."""
        if number in self._open:
            del self._open[number]
        elif len(self._open) == _MAX_OPEN:
            longest_ago = next(iter(self._open))
            del self._open[longest_ago]
            self._shards[longest_ago].rest()
        self._open[number] = None
