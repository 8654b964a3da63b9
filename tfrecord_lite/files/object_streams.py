"""Streams around what is open already: somebody's file object, and a stream whose beginning was looked at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class ObjectStream(io.RawIOBase):
    """A file object that belongs to somebody else: read from where it stands, not closed."""

    def __init__(self, source: Any) -> None:
        if isinstance(source, io.TextIOBase):
            source = getattr(source, "buffer", source)
        # read1: at most one call of the system's, so that a pipe's records come when they are there.
        self._read = getattr(source, "read1", source.read)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._read(size)
        if data is None:
            raise BlockingIOError("the file object is non-blocking and has nothing to read now")
        if isinstance(data, str):
            raise TypeError("a binary file object is needed: this one gives str")
        return bytes(data)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class PrefixedStream(io.RawIOBase):
    """A stream with what was read of it already before it again."""

    def __init__(self, head: bytes, stream: Any) -> None:
        self._head = memoryview(head)
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            data: bytes = self._stream.read(size)
            return data
        data, self._head = bytes(self._head[:size]), self._head[size:]
        return data

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._head:
            count: int = self._stream.readinto(buffer)
            return count
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
