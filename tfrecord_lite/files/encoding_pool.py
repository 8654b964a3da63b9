"""Worker processes that encode items: chunks of items -> frames, in the order of the items.

Chunks and frames travel in files of a temporary directory. In the executor's own pipes there are only short messages,
which are there or not: for the rest of a long one, cut off because a worker died, the executor would wait without end.

A worker notes in a file of its own which item it is at, where it can be read after its death.

A worker ends when its lifeline does, a pipe that only the process that started it holds at the other end: so none
outlives that process, however it dies.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import struct
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import ItemError, add_path
from tfrecord_lite.files.encoded_chunk import Encode, Failure, encode_chunk, shortened
from tfrecord_lite.files.interrupts import HAS_MASK, interrupts_held
from tfrecord_lite.files.temporary import TemporaryPath

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

#: (encode, number of the first item, items, note) -> what becomes of the chunk, or a Failure: see `encode_chunk`.
TakeChunk = Callable[[Encode, int, list[Any], Callable[[int, int], None]], Any]

#: Chunks under way for each worker: one is encoded, one waits.
_CHUNKS_PER_WORKER = 2

_DIED = "a worker process died while it was at it (killed, out of memory, or it did not start)"


class EncodingPool:
    """`count` worker processes, all of which have ended when the with-block has.

    Args:
        count: of processes.
        encode: called with items.
        mp_context: how processes are started.
        take_chunk: what a worker does with a chunk of items, as `encode_chunk`; a function of a module.

    Raises:
        TypeError: encode cannot be pickled.
    """

    def __init__(
        self, count: int, encode: Encode, mp_context: BaseContext | None, take_chunk: TakeChunk = encode_chunk
    ) -> None:
        try:
            pickle.dumps(encode)  # also where processes are forked, and it would not be needed
        except Exception as error:
            problem = "encode cannot be sent to other processes: take a function of a module, no lambda or inner one"
            raise TypeError(f"{problem}, or workers=0 ({error})") from error
        self._count = count
        self._context = context = multiprocessing.get_context() if mp_context is None else mp_context
        # A server that forks belongs to the whole program, and what it was started with goes on to others' processes.
        self._inherits_mask = context.get_start_method() != "forkserver"
        self._directory = TemporaryPath()
        os.mkdir(self._directory.path, 0o700)  # pickles are taken from there
        self._reader, self._lifeline = context.Pipe(duplex=False)
        self._arguments = (self._reader, self._lifeline, encode, take_chunk, self._directory.path)
        self._executor: ProcessPoolExecutor | None = None  # with the first chunk

    def __enter__(self) -> EncodingPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *others: object) -> None:
        executor = self._executor
        # Those of an executor that did not come to start all of them are nobody's: it does not wait for them.
        processes = [] if executor is None else list((executor._processes or {}).values())
        try:
            if kind is None and executor is not None:
                executor.shutdown()
        finally:
            self._lifeline.close()
            for process in processes:
                process.kill()  # in the middle of whatever they do, also where they do not look at the lifeline yet
            if executor is not None:
                executor.shutdown(cancel_futures=True)
            for process in processes:
                process.join()
            self._reader.close()
            self._directory.remove()

    def results(self, chunks: Iterable[tuple[int, list[Any]]]) -> Iterator[Any]:
        """What becomes of each chunk (number of the first item, items), in order: what `take_chunk` gives."""
        under_way: deque[_Sent] = deque()
        try:
            for begin, items in chunks:
                under_way.append(_Sent(self._directory.path, begin, items))
                sent = under_way[-1]
                sent.future = self._submit(sent)
                if len(under_way) == self._count * _CHUNKS_PER_WORKER:
                    yield under_way[0].result()
                    under_way.popleft()
            while under_way:
                yield under_way[0].result()
                under_way.popleft()
        except BrokenProcessPool as error:
            lost = [sent for sent in under_way if sent.future is None or sent.future.exception() is not None]
            raise self._death(lost) from error

    def _submit(self, sent: _Sent) -> Future[None]:
        """Hand it to a worker; processes are started with it as they are needed."""
        try:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    self._count, self._context, initializer=_start_worker, initargs=self._arguments
                )
            with interrupts_held(self._inherits_mask):
                return self._executor.submit(_encode_in_worker, sent.path, sent.begin, sent.end)
        except OSError as error:  # a pipe to one that was killed as it started, or there can be no more
            raise ItemError(sent.begin, sent.end, shortened(sent.items[0]), f"{_DIED}: {error.strerror}") from None

    def _death(self, lost: list[_Sent]) -> ItemError:
        """What a worker died of, as far as can be told, when the results of these chunks will not come."""
        assert self._executor is not None
        processes = list((self._executor._processes or {}).values())
        for process in processes:
            # The executor has terminated those that it knew of, and would wait for one that was just being started.
            process.terminate()
        # One that starts needs what the executor throws away. The exit codes are the executor's to fetch until it is
        # shut down: of those whom a server forked, there is only one who gets them.
        running = {process.sentinel for process in processes}
        while running:
            running.difference_update(wait(running))
        self._executor.shutdown()
        died = [process for process in processes if process.exitcode != -signal.SIGTERM]
        begin, end, item = lost[0].begin, lost[-1].end, lost[0].items[0]
        found = []
        for noted in map(self._noted, died or processes):
            found += [(*noted, sent) for sent in lost if sent.begin <= noted[0] < noted[1] <= sent.end]
        if found:
            begin, end, sent = min(found, key=lambda one: one[0])
            item = sent.items[begin - sent.begin]
            if not died:
                end = max(end for _, end, _ in found)
        return ItemError(begin, end, shortened(item), _DIED)

    def _noted(self, process: BaseProcess) -> tuple[int, int]:
        """What a worker has noted last: items [begin, end); none when it did not come to that."""
        try:
            with open(_note_path(self._directory.path, process.pid), "rb") as file:
                begin, end = _NOTE.unpack(file.read())
        except (FileNotFoundError, struct.error):
            return 0, 0
        return begin, end


class _Sent:
    """A chunk that is under way to a worker or back.

    Attributes:
        begin, end: the numbers of its items.
        path: of the file that holds the items, then the result.
        future: done when the result is there; None before anybody was told of the chunk.
    """

    def __init__(self, directory: str, begin: int, items: list[Any]) -> None:
        self.begin = begin
        self.end = begin + len(items)
        self.items = items
        self.path = os.path.join(directory, str(begin))
        self.future: Future[None] | None = None
        try:
            _save(self.path, items)
        except OSError:
            raise
        except Exception as error:  # whatever the methods of an item raise
            number = next((number for number, item in enumerate(items) if not _is_picklable(item)), 0)
            reason = f"cannot be sent to another process: {error}"
            raise ItemError(begin + number, begin + number + 1, shortened(items[number]), reason) from error

    def result(self) -> Any:
        """What the worker made of it."""
        assert self.future is not None
        try:
            self.future.result()
        except (BrokenProcessPool, OSError):
            raise
        except Exception as error:
            reason = f"a worker could not take them: {type(error).__name__}: {error}"
            raise ItemError(self.begin, self.end, shortened(self.items[0]), reason) from error
        result = _load(self.path)
        os.unlink(self.path)
        return result


#: The items that a worker is at: [begin, end).
_NOTE = struct.Struct("<qq")

#: In a worker: what it was started with, and the file of its note.
_encode: Encode
_take_chunk: TakeChunk
_note_file: int


def _start_worker(
    reader: Connection, lifeline: Connection, encode: Encode, take_chunk: TakeChunk, directory: str
) -> None:
    global _encode, _take_chunk, _note_file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # with which the executor ends those that it has no use for
    if HAS_MASK:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _encode, _take_chunk = encode, take_chunk
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    _note_file = os.open(_note_path(directory, os.getpid()), flags, 0o600)  # as long as the process is there
    lifeline.close()  # our copy of its end
    threading.Thread(target=_end_with, args=(reader,), daemon=True).start()


def _end_with(reader: Connection) -> None:
    """Wait until nobody holds the other end, and die."""
    with contextlib.suppress(EOFError, OSError):
        reader.recv_bytes()
    os._exit(1)


def _note_path(directory: str, process: int | None) -> str:
    return os.path.join(directory, f"worker-{process}")


def _note(begin: int, end: int) -> None:
    os.lseek(_note_file, 0, os.SEEK_SET)
    os.write(_note_file, _NOTE.pack(begin, end))


def _encode_in_worker(path: str, begin: int, end: int) -> None:
    """Put what becomes of the items [begin, end) in a file into their place."""
    _note(begin, end)
    result = _take_chunk(_encode, begin, _load(path), _note)
    _note(begin, end)
    if isinstance(result, Failure):
        result.trace = "".join(traceback.format_exception(result.error))
        if not _is_picklable(result.error):
            result.error = RuntimeError(f"{type(result.error).__name__}: {result.error}")
    _save(path, result)


def _save(path: str, value: Any) -> None:
    try:
        with open(path, "wb") as file:
            pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)
    except OSError as error:
        add_path(error, path)
        raise


def _load(path: str) -> Any:
    with open(path, "rb") as file:
        return pickle.load(file)


def _is_picklable(value: Any) -> bool:
    """Whether it comes out again at the other end."""
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # noqa: BLE001 - whatever its own methods raise
        return False
    return True
