"""A byte stream that a thread of its own reads, and inflates, ahead of the caller.

zlib and the operating system let other threads run meanwhile, so it pays where inflating takes about as long as what
the caller does with the bytes, and hardly anywhere else. An error of the stream is raised where the stream itself would
have raised it: after the bytes before it.
"""

from __future__ import annotations

import io
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes in a piece, and how many pieces the thread may be ahead.
_PIECE = 256 << 10
_AHEAD = 4
#: Seconds that `close` waits for the thread, which may be waiting for a pipe.
_PATIENCE = 1.0


class ReadAhead(io.RawIOBase):
    """A stream read ahead, from the first time that it is read from.

    Args:
        source: a stream with `readinto`, which is closed with this one.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._thread: Thread | None = None
        self._pieces: SimpleQueue[memoryview | BaseException] = SimpleQueue()
        self._room = Semaphore(_AHEAD)
        self._is_wanted = True
        self._piece = memoryview(b"")
        self._end: memoryview | BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._piece and not self._next_piece():
            return 0
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._is_wanted = False
            self._room.release()
            if self._thread is None:
                self._source.close()
            else:
                self._thread.join(_PATIENCE)
        super().close()

    def _next_piece(self) -> bool:
        """Whether there is another one; raises the error of the stream, and again at each further attempt."""
        if self._end is None:
            if self._thread is None:
                self._thread = Thread(target=self._read, name="tfrecord_lite.ReadAhead", daemon=True)
                self._thread.start()
            piece = self._pieces.get()
            self._room.release()
            if not isinstance(piece, BaseException) and len(piece):
                self._piece = piece
                return True
            self._end = piece
        if isinstance(self._end, BaseException):
            raise self._end
        return False

    def _read(self) -> None:
        """What the thread does. It closes the source itself: nobody else knows when it no longer reads from it."""
        try:
            size = 1
            while size:
                self._room.acquire()
                if not self._is_wanted:
                    break
                buffer = memoryview(bytearray(_PIECE))
                size = self._source.readinto(buffer)
                self._pieces.put(buffer[:size])
        except BaseException as error:  # noqa: BLE001  it is the caller's
            self._pieces.put(error)
        finally:
            self._source.close()
