"""shuffle: all records of all files in a random order, in bounded memory.

Each record is thrown into one of some buckets, at random, and each bucket is shuffled by itself: read one bucket after
the other, every order of all records is equally likely (Rao 1961, Sandelius 1962). A bucket that does not fit into
memory is shuffled in the same way, by smaller ones.

Buckets are files without names in the directory of the output, or if that is a URL or a pipe in the one for temporary
files, so that nothing is left of them however the process ends. They exist only when the records do not fit into
memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.errors import add_path
from tfrecord_lite.files.frames import FrameSource, Moved, Progress, grouped
from tfrecord_lite.files.paths import as_path
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.files.shards import check_sizes
from tfrecord_lite.files.sinks import ObjectSink
from tfrecord_lite.files.streams import open_nameless
from tfrecord_lite.files.surgery import equal_shares
from tfrecord_lite.files.temporary import temporary_directory
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import read_blocks

if TYPE_CHECKING:
    from typing_extensions import Self

#: Buckets at a time; a file each. With the usual memory they are enough for 16 GiB, twice in a row for 1 TiB.
_BUCKETS = 64
_MEMORY = 256 << 20
#: What a frame takes in a list besides its bytes.
_FRAME_ROOM = 64
#: Progress is reported once in so many frames.
_REPORTED = 1024


def shuffle(
    paths: Any,
    out: Any,
    *,
    seed: int | None = None,
    num_shards: int | None = None,
    memory: int = _MEMORY,
    options: Any = None,
    progress: Progress | None = None,
) -> Moved:
    """All records of the files in a random order: every order is equally likely.

    Args:
        paths, options, progress: as for `merge`.
        out: a path or a binary file object; with `num_shards` the prefix of shards, as for `split`.
        seed: makes the order repeatable, with the same `memory`; None draws another one each time.
        num_shards: write so many shards, of equally many records as far as possible.
        memory: bytes that may be taken for records. What does not fit is written to files without names in the
            directory of the output, and read again. If the output is a URL, a pipe or a device it is the directory for
            temporary files, `tempfile.gettempdir()`; if it is a file object, the current one.

    Raises:
        ValueError: memory or num_shards is less than 1.
        others: as for `merge`.
    """
    check_sizes(num_shards=num_shards, memory=memory)
    generator = np.random.default_rng(seed)
    source = FrameSource(paths, progress, passes=2)
    buckets = _Buckets(generator, memory, _directory_for_buckets(out))
    if num_shards is None:
        # An output that cannot be written is known before any work.
        with source.output(out, options) as file, buckets:
            with closing(source.blocks()) as blocks:
                buckets.scatter(blocks)
            for group in grouped(_with_progress(buckets.frames(), source)):
                file.write(group)
            source.report_share(1.0)
        return Moved(source.read, (file.facts(),))
    with ShardedWriter(out, num_shards=num_shards, options=options) as shards, buckets:
        with closing(source.blocks()) as blocks:
            buckets.scatter(blocks)
        frames = _with_progress(buckets.frames(), source)
        for number, share in enumerate(equal_shares(source.read, num_shards)):
            for group in grouped(islice(frames, share)):
                shards.write_frames(group, shard=number)
        source.report_share(1.0)
    return Moved.to_shards(source.read, shards.infos)


def _directory_for_buckets(out: Any) -> str:
    if not isinstance(out, (str, bytes, os.PathLike)):
        return os.getcwd()
    name = as_path(out)
    is_beside_no_file = is_url(name) or (os.path.exists(name) and not os.path.isfile(name))
    return temporary_directory() if is_beside_no_file else os.path.dirname(os.path.realpath(name))


def _with_progress(frames: Iterator[bytes], source: FrameSource) -> Iterator[bytes]:
    for done, frame in enumerate(frames, 1):
        yield frame
        if done % _REPORTED == 0:
            source.report_share(done / source.read)


class _Buckets:
    """Frames that are thrown into buckets. A context manager, which lets go of them all.

    Args:
        generator: throws them.
        memory: bytes that they may take.
        directory: for what does not fit.
    """

    def __init__(self, generator: np.random.Generator, memory: int, directory: str) -> None:
        self._generator = generator
        self._memory = memory
        self._directory = directory
        self._buckets = [_Bucket(directory) for _ in range(_BUCKETS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bucket in self._buckets:
            bucket.close()

    def scatter(self, blocks: Iterable[Block]) -> None:
        """Throw all frames of the blocks."""
        room, is_stored = 0, False
        add = [bucket.held.append for bucket in self._buckets]
        for block in blocks:
            # Of `random` each record takes one number, in whatever blocks the records come.
            thrown = (self._generator.random(len(block)) * len(add)).astype(np.int64).tolist()
            for number, frame in zip(thrown, block.each_frame(), strict=True):
                add[number](frame)
            room += block.size + _FRAME_ROOM * len(block)
            if room > self._memory:
                self._store()
                room, is_stored = 0, True
        if is_stored:
            self._store()

    def frames(self) -> Iterator[bytes]:
        """All frames, in a random order."""
        for bucket in self._buckets:
            if bucket.room <= self._memory or bucket.stored == 1:
                frames = bucket.frames()
                bucket.close()
                yield from map(frames.__getitem__, self._generator.permutation(len(frames)).tolist())
                del frames
            else:
                with _Buckets(self._generator, self._memory, self._directory) as smaller:
                    smaller.scatter(bucket.blocks())
                    bucket.close()
                    yield from smaller.frames()

    def _store(self) -> None:
        for bucket in self._buckets:
            bucket.store()


class _Bucket:
    """Frames in memory, or after `store` in a file.

    Attributes:
        held: those in memory.
        stored: how many are in the file.
        room: what those would take in memory.
    """

    def __init__(self, directory: str) -> None:
        self.held: list[bytes] = []
        self.stored = self.room = 0
        self._directory = directory
        self._file: Any = None

    def store(self) -> None:
        """Move what is in memory to the file."""
        if not self.held:
            return
        if self._file is None:
            self._file = open_nameless(self._directory)
        self.stored += len(self.held)
        self.room += sum(map(len, self.held)) + _FRAME_ROOM * len(self.held)
        try:
            ObjectSink(self._file).write([*self.held])
        except OSError as error:
            add_path(error, self._directory)
            raise
        self.held.clear()

    def blocks(self) -> Iterator[Block]:
        """The frames in the file; they are checked again."""
        self._file.seek(0)
        return read_blocks(self._file)

    def frames(self) -> list[bytes]:
        """All frames."""
        if self._file is None:
            return self.held
        return [frame for block in self.blocks() for frame in block.each_frame()]

    def close(self) -> None:
        """Let go of the frames and of the file."""
        self.held = []
        if self._file is not None:
            self._file.close()
            self._file = None
