"""Items -> shards, which are kept as they are finished: a job that was killed goes on where it was.

Each shard holds records of items that follow each other, so that what is finished is a beginning of the items, of which
the journal says how long it is. What is made is the same whether and wherever the job was cut off, and for any number
of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import PublishedError, ShardError, UncertainCommitError
from tfrecord_lite.files.commit import commit
from tfrecord_lite.files.encoded_chunk import EncodedChunk
from tfrecord_lite.files.journal import FinishedShard, Journal
from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.published import cleaning_up
from tfrecord_lite.files.shard_files import ShardFile, hidden_shard
from tfrecord_lite.files.sharding import encode_items
from tfrecord_lite.files.shards import ShardInfo, absolute_prefix, check_sizes

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from tfrecord_lite.format.frame_group import FrameGroup


class ResumableShards:
    """The shards of one prefix, which survive this process one by one.

    In a with-block: at its end, however it comes, the shard that is being written is deleted and those that are
    finished are kept, hidden, with their journal. `publish` makes them appear.

    Args:
        prefix: as for ShardedWriter.
        job: a digest of all that the records and their order depend on.
        items: how many there are.
        num_shards: so many shards, of equally many items; None ends a shard before it is larger than `max_bytes`.
        max_bytes: of frames in a shard.
        options: compression.

    Attributes:
        position: how many items are done.
        skipped: (number of the item, reason) of those that were skipped, in order.

    Raises:
        ValueError: the prefix is none, or a number is not positive.
        BlockingIOError: another process writes these shards.
        PublishedError: the shards are there, and what was left of their commit fails again; also at the end of the
            block, when their journal cannot be deleted.
        UncertainCommitError: whether they are there is still not known.
    """

    def __init__(
        self, prefix: Any, job: str, items: int, num_shards: int | None, max_bytes: int, options: TFRecordOptions
    ) -> None:
        self._prefix = absolute_prefix(prefix)
        check_sizes(num_shards=num_shards, max_bytes=max_bytes)
        self._items = items
        self._ends = None if num_shards is None else [items * n // num_shards for n in range(1, num_shards + 1)]
        self._max_bytes = max_bytes
        self._options = options
        self._journal = Journal(self._prefix, job)
        self._shard: ShardFile | None = None
        self._noted = 0  # how many of `skipped` are in the journal
        self._is_published = False
        self._take_over()

    def __enter__(self) -> ResumableShards:
        return self

    def __exit__(self, kind: type[BaseException] | None, *others: object) -> None:
        if self._shard is not None:
            self._shard.discard()
        if self._is_published and kind is None:
            with cleaning_up(self._prefix):
                self._journal.remove()
        else:
            self._journal.close()

    @property
    def infos(self) -> list[ShardInfo]:
        """Of the shards that are finished."""
        return [shard.info for shard in self._journal.finished]

    def write(
        self,
        items: Sequence[Any],
        encode: Callable[[Any], Any],
        *,
        workers: int | None = None,
        progress: Callable[[int], object] | None = None,
        mp_context: BaseContext | None = None,
    ) -> None:
        """Encode what is not done yet of the items, and finish the last shard.

        Args:
            items: all of them, also those that are done.
            encode: as for `write_sharded`, but it gives one record or a Skip.
            workers, mp_context: as there.
            progress: called with how many of the items are done.

        Raises:
            ItemError: as there.
        """
        if not self._journal.is_complete:
            left = islice(items, self.position, None)
            with closing(encode_items(left, encode, workers, mp_context, self.position)) as results:
                for chunk in results:
                    self._store(chunk)
                    if progress is not None:
                        progress(self.position)
            self._finish_last()

    def publish(self) -> list[ShardInfo]:
        """Commit the shards, of which none is to come; the infos with their final paths. Errors as `commit`."""
        if not self._journal.is_complete:
            self._journal.complete()
        infos = commit(self.infos, self._prefix)
        self._is_published = True
        return infos

    def discard(self) -> None:
        """Delete what is finished."""
        self._journal.start_anew()

    def _take_over(self) -> None:
        """What the journal has."""
        if self._journal.is_complete:
            try:
                commit(self.infos, self._prefix)  # it was about to be done, or is
            except (PublishedError, UncertainCommitError):
                raise
            except (FileNotFoundError, ShardError):
                self._journal.start_anew()
        self.position = self._journal.finished[-1].end if self._journal.finished else 0
        self.skipped = [skip for shard in self._journal.finished for skip in shard.skipped]
        self._noted = len(self.skipped)

    def _store(self, chunk: EncodedChunk) -> None:
        begin, self.position = self.position, self.position + chunk.items
        self.skipped += chunk.reasons
        skipped = {number for number, _ in chunk.reasons}
        numbers = iter([number for number in range(begin, self.position) if number not in skipped])
        if sum(map(len, chunk.groups)) != chunk.items - len(skipped):
            raise TypeError("encode gives one record for each item, or a Skip")
        for group in chunk.groups:
            for frame in group.split(list(range(1, len(group) + 1))):
                self._store_frame(frame, next(numbers))

    def _store_frame(self, frame: FrameGroup, number: int) -> None:
        """The frame of item `number`."""
        if self._ends is not None:
            while number >= (end := self._ends[len(self._journal.finished)]):
                self._finish(end)
        elif self._shard is not None and self._shard.size + int(frame.frame_sizes()[0]) > self._max_bytes:
            self._finish(number)
        self._open_shard().write(frame)

    def _open_shard(self) -> ShardFile:
        if self._shard is None:
            path = hidden_shard(self._prefix)
            self._journal.begin(path)  # first: what is on the disk and not in the journal would stay there
            self._shard = ShardFile(path, self._prefix, self._options)
        return self._shard

    def _finish(self, end: int) -> None:
        """No more is written to the shard, which holds items up to `end`."""
        info = self._open_shard().close()
        self._shard = None
        skipped = [skip for skip in self.skipped[self._noted :] if skip[0] < end]
        self._noted += len(skipped)
        self._journal.finish(FinishedShard(info, end, skipped))

    def _finish_last(self) -> None:
        if self._ends is not None:
            for end in self._ends[len(self._journal.finished) :]:
                self._finish(end)
        elif self._shard is not None or not self._journal.finished:
            self._finish(self._items)
