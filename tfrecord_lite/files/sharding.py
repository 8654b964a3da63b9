"""write_sharded: items of any kind -> encoded in several processes -> shards.

    items --chunks--> workers: encode, frame --frames--> this process: deal out, write, commit

Results are taken in the order of the items, so the shards are the same for any number of workers. Only this process
touches files: whatever becomes of workers, there is one place that cleans up. Memory is bounded by the chunks under
way, whose size follows the time and room that items take.

A worker ends when its pipe from this process does, so none outlives it, however it dies.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from reprlib import Repr
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.errors import ItemError
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.pieces import total_size
from tfrecord_lite.format.values import byte_view

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext

#: A chunk of items is sent at once; it grows up to one of these. Seconds: progress is shown, and an error found, soon.
_CHUNK_SECONDS = 0.25
_CHUNK_BYTES = 4 << 20
_CHUNK_ITEMS = 1024
#: Chunks under way for each worker: one is encoded, one waits.
_CHUNKS_PER_WORKER = 2


@dataclass(frozen=True)
class ShardedSummary:
    """What `write_sharded` has written.

    Attributes:
        shards: one info for each, in order.
        records: in all of them.
        skipped: items for which encode gave None.
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
    no file behind, and what was there before stays.

    Args:
        items: any iterable, also without an end in memory; with several workers, items are picklable.
        encode: called with each item, gives an example, a serialized record, an iterable of these, or None to skip
            the item. With several workers, it is picklable: a function of a module, not a lambda.
        prefix, num_shards, max_records, max_bytes, options: as for ShardedWriter. Records are dealt out in order.
        workers: processes; None is one for each processor, 0 and 1 encode in this process.
        progress: called with (items done, number of all items, or None where they have no len) every now and then.
        mp_context: how processes are started, of multiprocessing.get_context; None is Python's default.

    Raises:
        ItemError: encode raised an exception, which is the cause, or a worker died; with the items in question.
        TypeError: encode cannot be pickled.
        others: as ShardedWriter.
    """
    total = len(items) if isinstance(items, Sized) else None
    count = _processors() if workers is None else workers
    if count < 0:
        raise ValueError(f"workers is 0 or more, not {count}")
    if count > 1:
        _check_picklable(encode)
    done, skipped = 0, 0
    with ShardedWriter(
        prefix, num_shards=num_shards, max_records=max_records, max_bytes=max_bytes, options=options
    ) as writer:
        chunks = _Chunks(items)
        with contextlib.ExitStack() as stack:
            if count > 1:
                results = stack.enter_context(_Pool(count, encode, mp_context)).results(chunks)
            else:
                results = (_encode_chunk(encode, begin, some) for begin, some in chunks)
            for result in results:
                if isinstance(result, _Failure):
                    raise result.as_error() from result.error
                for frames in result.groups:
                    writer.write_frames(frames)
                done, skipped = done + result.items, skipped + result.skipped
                chunks.adapt(result)
                if progress is not None:
                    progress(done, total)
    infos = tuple(writer.infos)
    return ShardedSummary(infos, sum(info.records for info in infos), skipped)


@dataclass
class _Encoded:
    """What became of a chunk."""

    groups: list[FrameGroup]
    items: int
    skipped: int
    seconds: float


@dataclass
class _Failure:
    """An item that could not be encoded.

    Attributes:
        trace: where in a worker that was, as text: pickling an exception loses it.
    """

    number: int
    item: str
    error: Exception
    trace: str = ""

    def as_error(self) -> ItemError:
        """What to raise from `error`."""
        if self.trace:
            self.error.__cause__ = _WorkerTraceback(self.trace)
        reason = f"{type(self.error).__name__}: {self.error}"
        return ItemError(self.number, self.number + 1, self.item, reason)


class _Chunks:
    """(number of the first, list of items) again and again, as many at a time as is good."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)
        self._size = 1
        self._begin = 0

    def __iter__(self) -> Iterator[tuple[int, list[Any]]]:
        while some := list(islice(self._items, self._size)):
            yield self._begin, some
            self._begin += len(some)

    def adapt(self, result: _Encoded) -> None:
        """Take a result as a sign of how long and large those to come will be."""
        size = sum(total_size(frames.pieces) for frames in result.groups)
        share = max(result.seconds / _CHUNK_SECONDS, size / _CHUNK_BYTES, 1e-9)
        self._size = max(1, min(_CHUNK_ITEMS, 2 * self._size, int(result.items / share)))


class _Collector(TFRecordWriter):
    """A writer that keeps the frames, and puts nothing into its file."""

    def __init__(self) -> None:
        self.groups: list[FrameGroup] = []
        super().__init__(io.BytesIO())

    def _store_frames(self, frames: FrameGroup) -> None:
        self.groups.append(FrameGroup([b"".join(frames.pieces)], frames.lengths.copy(), frames.footers.copy()))


def _encode_chunk(encode: Callable[[Any], Any], begin: int, items: list[Any]) -> _Encoded | _Failure:
    start = time.perf_counter()
    skipped = 0
    with _Collector() as writer:
        for number, item in enumerate(items, begin):
            try:
                encoded = encode(item)
                if encoded is None:
                    skipped += 1
                else:
                    _write(writer, encoded)
            except Exception as error:  # noqa: BLE001 - it is raised where the results are taken
                return _Failure(number, _shortened(item), error)
    return _Encoded(writer.groups, len(items), skipped, time.perf_counter() - start)


def _write(writer: TFRecordWriter, encoded: Any) -> None:
    if isinstance(encoded, Mapping) or hasattr(encoded, "SerializeToString"):
        writer.write_example(encoded)
    elif isinstance(encoded, (str, np.ndarray)) or byte_view(encoded) is not None or not isinstance(encoded, Iterable):
        writer.write(encoded)
    else:
        for one in encoded:
            if not isinstance(one, Mapping) and byte_view(one) is None and not hasattr(one, "SerializeToString"):
                raise TypeError(
                    f"encode gives examples, bytes, iterables of these, or None, not a {type(one).__name__}"
                )
            _write(writer, one)


class _Pool:
    """Worker processes, all of which have ended when the with-block has."""

    def __init__(self, count: int, encode: Callable[[Any], Any], mp_context: BaseContext | None) -> None:
        import multiprocessing

        self._count = count
        context = multiprocessing.get_context() if mp_context is None else mp_context
        reader, self._lifeline = context.Pipe(duplex=False)
        arguments = (reader, self._lifeline, encode)
        self._executor = ProcessPoolExecutor(count, context, initializer=_start_worker, initargs=arguments)
        self._reader = reader

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *others: object) -> None:
        try:
            if kind is None:
                self._executor.shutdown()
        finally:
            self._lifeline.close()  # workers end at once, in the middle of whatever they do
            self._executor.shutdown(cancel_futures=True)
            self._reader.close()

    def results(self, chunks: Iterable[tuple[int, list[Any]]]) -> Iterator[_Encoded | _Failure]:
        """What becomes of each chunk, in order."""
        under_way: deque[tuple[Future[_Encoded | _Failure], int, list[Any]]] = deque()
        try:
            for begin, some in chunks:
                under_way.append((self._executor.submit(_encode_in_worker, begin, some), begin, some))
                if len(under_way) == self._count * _CHUNKS_PER_WORKER:
                    yield self._result(*under_way[0])
                    under_way.popleft()
            while under_way:
                yield self._result(*under_way[0])
                under_way.popleft()
        except BrokenProcessPool as error:
            lost = [(begin, some) for future, begin, some in under_way if future.exception() is not None]
            (begin, first), (last, others) = lost[0], lost[-1]
            reason = "a worker process died while it was at it (killed, out of memory, or it did not start)"
            raise ItemError(begin, last + len(others), _shortened(first[0]), reason) from error

    def _result(self, future: Future[_Encoded | _Failure], begin: int, items: list[Any]) -> _Encoded | _Failure:
        try:
            return future.result()
        except BrokenProcessPool:
            raise
        except Exception as error:  # an item cannot be sent to another process
            raise ItemError(begin, begin + len(items), _shortened(items[0]), f"cannot be sent: {error}") from error


#: In a worker: what it was started with.
_encode: Callable[[Any], Any]


def _start_worker(reader: Connection, lifeline: Connection, encode: Callable[[Any], Any]) -> None:
    global _encode
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    _encode = encode
    lifeline.close()  # our copy of its end
    threading.Thread(target=_end_with, args=(reader,), daemon=True).start()


def _end_with(reader: Connection) -> None:
    """Wait until nobody holds the other end, and die."""
    with contextlib.suppress(EOFError, OSError):
        reader.recv_bytes()
    os._exit(1)


def _encode_in_worker(begin: int, items: list[Any]) -> _Encoded | _Failure:
    result = _encode_chunk(_encode, begin, items)
    if isinstance(result, _Failure):
        result.trace = "".join(traceback.format_exception(result.error))
        result.error = _portable(result.error)
    return result


class _WorkerTraceback(Exception):
    """Where in a worker an exception came from."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _portable(error: Exception) -> Exception:
    """The exception, or one that says the same and can be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever its own methods raise
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _check_picklable(encode: Callable[[Any], Any]) -> None:
    try:
        pickle.dumps(encode)
    except Exception as error:
        problem = (
            "encode cannot be sent to other processes: take a function of a module instead of a lambda or an inner"
        )
        raise TypeError(f"{problem} one, or workers=0 ({error})") from error


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Repr(Repr):
    """Shows which item it is, but not what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120

    def repr_bytes(self, item: bytes, level: int) -> str:
        return f"<{type(item).__name__}, {len(item)} long>"

    repr_bytearray = repr_bytes

    def repr_ndarray(self, item: Any, level: int) -> str:
        return f"<ndarray, {item.dtype} {item.shape}>"


def _shortened(item: Any) -> str:
    return _Repr().repr(item)
