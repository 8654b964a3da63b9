"""ShardedWriter: records -> shards that appear all together or not at all.

It is a TFRecordWriter up to the point where frames are stored: what was framed together is cut between shards that have
reached their size, or dealt out to a given number of them. So a shard's bytes are those of a TFRecordWriter that was
given its records, and what becomes of the set in all the ways in which a program can end is what becomes of a file.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.shard_files import ShardFiles
from tfrecord_lite.files.shards import ShardInfo, absolute_prefix, check_sizes
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.format.frame_group import FrameGroup

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from tfrecord_lite.format.example import Message

#: Shards of 100 to 200 MB are what TensorFlow's guide recommends.
_DEFAULT_BYTES = 128 << 20


class ShardedWriter(TFRecordWriter):
    """Writes records to `prefix-00000-of-00010` and so on. Records are written as by a TFRecordWriter.

    With `num_shards` they are dealt out one by one, or by their keys; each shard is there, even an empty one. Without
    it a shard is ended before the record with which it would be larger than `max_bytes` or `max_records` allow; a
    longer record has a shard of its own, and no records at all are one empty shard.

    On a clean close the set is published by `commit`: an older set of the prefix is replaced, and files of its name are
    removed. Until then there are hidden files in the directory of the prefix.

    Args:
        prefix: path of the shards up to "-00000-of-00010"; the directory must exist.
        num_shards: how many, up to a million; then neither of the next two.
        max_records: in a shard.
        max_bytes: of frames in a shard, before compression; 128 MiB when neither is given.
        options: as for TFRecordWriter.
        publish: False leaves the hidden files, for somebody to `commit` all `infos` of several writers.

    Raises:
        OSError: a shard cannot be written.
        ValueError: the prefix is none, see `check_prefix`; a number is not positive, or num_shards too large;
            num_shards and a size are given; or the options name no compression.
        PublishedError: (at the close) the set is there, and an OSError came behind that.
        UncertainCommitError: (at the close) whether the set is there is not known; `commit(None, prefix)` tells.
    """

    def __init__(
        self,
        prefix: Any,
        *,
        num_shards: int | None = None,
        max_records: int | None = None,
        max_bytes: int | None = None,
        options: Any = None,
        publish: bool = True,
    ) -> None:
        self._prefix = absolute_prefix(prefix)
        check_sizes(num_shards=num_shards, max_records=max_records, max_bytes=max_bytes)
        if num_shards is not None and not (max_records is None and max_bytes is None):
            raise ValueError("shards have either a number, num_shards, or a size, max_records and max_bytes")
        if max_records is None and max_bytes is None:
            max_bytes = _DEFAULT_BYTES
        self._num_shards = num_shards
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._publish = publish
        self._hands: list[int] = []  # the shard of each record that is collected and not stored
        self._turn = 0  # the shard of the next record without a key
        super().__init__(prefix, options)

    @property
    def infos(self) -> list[ShardInfo]:
        """What was written, after `close`: one info for each shard, in order."""
        return list(self._shards.infos)

    def write(self, record: Buffer | NDArray[Any] | Message, *, key: str | bytes | int | None = None) -> None:
        """Write one record, as TFRecordWriter.write.

        Args:
            record: as there.
            key: records of equal keys go to one shard of `num_shards`, the same one on every machine (by BLAKE2b).
                7 and "7" are equal.
        """
        self._deal(super().write, record, key)

    def write_example(self, example: Mapping[str, Any] | Message, *, key: str | bytes | int | None = None) -> None:
        """Write one example, as TFRecordWriter.write_example; the key as for `write`."""
        self._deal(super().write_example, example, key)

    def write_frames(self, frames: FrameGroup, *, shard: int | None = None) -> None:
        """Write frames as they are, as TFRecordWriter.write_frames; or, of `num_shards`, all to one."""
        if shard is None:
            super().write_frames(frames)
        elif self._num_shards is None or not 0 <= shard < self._num_shards:
            raise ValueError(f"there is no shard {shard} of {self._num_shards}")
        else:
            self._write_pending()
            self._store(self._shards.write, shard, frames)

    def _deal(self, write: Any, data: Any, key: str | bytes | int | None) -> None:
        if self._num_shards is None:
            if key is not None:
                raise ValueError("keys need num_shards: shards of a size are filled one after the other")
            write(data)
            return
        turn = self._turn
        try:
            self._hands.append(turn if key is None else _hash(key) % self._num_shards)
            if key is None:
                self._turn = (turn + 1) % self._num_shards
            write(data)
        except BaseException:
            collected = len(self._pending or ()) + len(self._rows)
            if len(self._hands) > collected:  # it was not taken
                del self._hands[collected:]
                self._turn = turn
            raise

    def _open_sink(self, path: Any, options: TFRecordOptions, atomic: bool) -> Any:
        self._shards = ShardFiles(self._prefix, options, self._publish)
        try:
            for _ in range(self._num_shards or 1):
                self._shards.add()
        except BaseException:
            self._shards.discard()
            raise
        return self._shards

    def _add(self, frames: FrameGroup) -> None:
        if self._num_shards is None:
            self._roll(frames)
        else:
            self._deal_out(frames)

    def _deal_out(self, frames: FrameGroup) -> None:
        assert self._num_shards is not None
        count = len(frames)
        hands = np.array(self._hands[:count], np.int64)
        del self._hands[:count]
        if len(hands) < count:  # columns, which are counted here first
            numbers = self._turn + np.arange(count - len(hands) + 1)
            self._turn = int(numbers[-1]) % self._num_shards
            hands = np.concatenate((hands, numbers[:-1] % self._num_shards))
        if self._num_shards == 1:
            self._shards.write(0, frames)
            return
        for number, some in frames.deal(hands):
            self._shards.write(number, some)

    def _roll(self, frames: FrameGroup) -> None:
        ends, (records, size) = [], (self._shards.last.records, self._shards.last.size)
        sizes = np.cumsum(frames.frame_sizes())
        begin, before = 0, 0
        while begin < len(frames):
            end = len(frames)
            if self._max_records is not None:
                end = min(end, begin + self._max_records - records)
            if self._max_bytes is not None:
                end = min(end, int(np.searchsorted(sizes, before + self._max_bytes - size, "right")))
            if end <= begin and not records:
                end = begin + 1
            elif end <= begin:
                ends.append(begin)
                records, size = 0, 0
                continue
            records, size = records + end - begin, size + int(sizes[end - 1]) - before
            begin, before = end, int(sizes[end - 1])
        for number, some in enumerate(frames.split([*ends, len(frames)])):
            if number:
                self._shards.finish()
                self._shards.add()
            if len(some):
                self._shards.write(self._shards.last_number, some)

    def close_forgotten(self) -> None:
        if not self._publish:  # nobody has asked for the infos
            self.discard()
        super().close_forgotten()


def _hash(key: str | bytes | int) -> int:
    """The same on every machine, in every process."""
    if isinstance(key, str):
        data = key.encode("utf-8", "surrogatepass")
    else:
        data = key if isinstance(key, bytes) else str(operator.index(key)).encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
