"""write_sharded: items of any kind -> encoded in several processes -> shards.

    items --chunks--> workers: encode, frame --frames--> this process: deal out, write, commit

Results are taken in the order of the items, so the shards are the same for any number of workers. Only this process
touches the shards: whatever becomes of workers, there is one place that cleans up. Memory is bounded by the chunks
under way, whose size follows the time and room that items take.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.encoded_chunk import EncodedChunk, Failure, encode_chunk
from tfrecord_lite.files.encoding_pool import EncodingPool
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format.pieces import total_size

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

#: A chunk of items is sent at once; it grows up to one of these. Seconds: progress is shown, and an error found, soon.
_CHUNK_SECONDS = 0.25
_CHUNK_BYTES = 4 << 20
_CHUNK_ITEMS = 1024


@dataclass(frozen=True)
class ShardedSummary:
    """What `write_sharded` has written.

    Attributes:
        shards: one info for each, in order.
        records: in all of them.
        skipped: items for which encode gave None or a Skip.
    """

    shards: tuple[ShardInfo, ...]
    records: int
    skipped: int


def write_sharded(
    items: Iterable[Any],
    encode: Callable[[Any], Any],
    prefix: Any,
    *,
    num_shards: int | None = None,
    max_records: int | None = None,
    max_bytes: int | None = None,
    workers: int | None = None,
    options: Any = None,
    progress: Callable[[int, int | None], object] | None = None,
    mp_context: BaseContext | None = None,
) -> ShardedSummary:
    """Encode items in several processes and write them as shards, which appear all together or not at all.

    The shards are byte for byte the same for any number of workers. An exception, a worker that dies and Ctrl-C leave
    no file behind, and what was there before stays; but for a Ctrl-C that comes when the manifest is there already, or
    on its way to a server: then the set is there, whole, as `commit` has it from its step 5 on.

    Args:
        items: any iterable, also without an end in memory; with several workers, items are picklable.
        encode: called with each item, gives an example, a serialized record, an iterable of these, or None to skip
            the item. With several workers, it is picklable: a function of a module, not a lambda.
        prefix, num_shards, max_records, max_bytes, options: as for ShardedWriter. Records are dealt out in order.
        workers: processes; None is one for each processor, 0 and 1 encode in this process.
        progress: called with (items done, number of all items, or None where they have no len) every now and then.
        mp_context: how processes are started, of multiprocessing.get_context; None is Python's default.

    Raises:
        ItemError: encode raised an exception (or SystemExit), which is the cause, or a worker died; with the item in
            question, or several where it cannot be told which.
        TypeError: encode cannot be pickled.
        others: as ShardedWriter.
    """
    total = len(items) if isinstance(items, Sized) else None
    done, skipped = 0, 0
    writer = ShardedWriter(prefix, num_shards=num_shards, max_records=max_records, max_bytes=max_bytes, options=options)
    with writer, closing(encode_items(items, encode, workers, mp_context)) as results:
        for result in results:
            for frames in result.groups:
                writer.write_frames(frames)
            done, skipped = done + result.items, skipped + result.skipped
            if progress is not None:
                progress(done, total)
    infos = tuple(writer.infos)
    return ShardedSummary(infos, sum(info.records for info in infos), skipped)


def encode_items(
    items: Iterable[Any],
    encode: Callable[[Any], Any],
    workers: int | None,
    mp_context: BaseContext | None,
    begin: int = 0,
) -> Generator[EncodedChunk, None, None]:
    """What becomes of items, chunk by chunk in their order; arguments and errors as for `write_sharded`.

    Args:
        begin: the number of the first item.
    """
    count = _processors() if workers is None else workers
    if count < 0:
        raise ValueError(f"workers is 0 or more, not {count}")
    chunks = _Chunks(items, begin)
    with ExitStack() as stack:
        if count > 1:
            results = stack.enter_context(EncodingPool(count, encode, mp_context)).results(chunks)
        else:
            results = (encode_chunk(encode, first, some) for first, some in chunks)
        for result in results:
            if isinstance(result, Failure):
                raise result.as_error() from result.error
            yield result
            chunks.adapt(result)


class _Chunks:
    """(number of the first, list of items) again and again, as many at a time as is good."""

    def __init__(self, items: Iterable[Any], begin: int) -> None:
        self._items = iter(items)
        self._size = 1
        self._begin = begin

    def __iter__(self) -> Iterator[tuple[int, list[Any]]]:
        while some := list(islice(self._items, self._size)):
            yield self._begin, some
            self._begin += len(some)

    def adapt(self, result: EncodedChunk) -> None:
        """Take a result as a sign of how long and large those to come will be."""
        size = sum(total_size(frames.pieces) for frames in result.groups)
        share = max(result.seconds / _CHUNK_SECONDS, size / _CHUNK_BYTES, 1e-9)
        self._size = max(1, min(_CHUNK_ITEMS, 2 * self._size, int(result.items / share)))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
