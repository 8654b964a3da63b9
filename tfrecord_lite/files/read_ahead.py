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
_PIECE = 1 << 20
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
        filled = 0
        while filled < len(view):
            if not self._piece:
                if filled and self._pieces.empty():  # what has come is given before the thread is waited for
                    break
                self._take_piece()
                if not self._piece:
                    break
            size = min(len(view) - filled, len(self._piece))
            view[filled : filled + size] = self._piece[:size]
            self._piece = self._piece[size:]
            filled += size
        if not filled and isinstance(self._end, BaseException):
            raise self._end
        return filled

    def close(self) -> None:
        if not self.closed:
            self._is_wanted = False
            self._room.release()
            if self._thread is None:
                self._source.close()
            else:
                self._thread.join(_PATIENCE)
        super().close()

    def _take_piece(self) -> None:
        """The next piece, or the end: an empty one or an error."""
        if self._end is not None:
            return
        if self._thread is None:
            self._thread = Thread(target=self._read, name="tfrecord_lite.ReadAhead", daemon=True)
            self._thread.start()
        piece = self._pieces.get()
        self._room.release()
        if isinstance(piece, BaseException) or not len(piece):
            self._end = piece
        else:
            self._piece = piece

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
