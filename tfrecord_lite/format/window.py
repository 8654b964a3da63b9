"""A byte stream of which the part behind `begin` can be read again.

It is a stream itself, so that frames are read from it in any way; `release` lets go of what will not be read again. An
error of the stream below is kept in `error`, and what came before it is then all there is, until `resume`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.blocks import ByteStream, arrived

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: How much is asked for at once, however much is wanted: memory follows what arrives.
_CHUNK = 1 << 20


class Window:
    """What has been read of a stream and not been released.

    Args:
        stream: the stream below.
        resume: makes it go on behind an error that it raised; gives whether it does, and how many bytes below it (of a
            compressed stream) are passed over.

    Attributes:
        begin, end: offsets in the stream of what is held.
        position: offset of what `read` and `readinto` give next, from `begin` to `end`.
        error: of the stream below, a TFRecordError; `end` is the end of what it gave.
        passed_over: bytes below the stream that `resume` has passed over.
    """

    def __init__(self, stream: ByteStream, resume: Callable[[], tuple[bool, int]] | None = None) -> None:
        self._stream = stream
        self._resume = resume
        self._held = bytearray()
        self._has_ended = False
        self.begin = 0
        self.position = 0
        self.error: TFRecordError | None = None
        self.passed_over = 0

    @property
    def end(self) -> int:
        return self.begin + len(self._held)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        if size and self.position == self.end:  # asked for nothing, a stream gives nothing wherever it stands
            self._extend(size)
        data = self._copy(self.position, size)
        self.position += len(data)
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The same into a buffer."""
        view = memoryview(buffer).cast("B")
        if self.position < self.end or not view:
            data = self.read(len(view))
            view[: len(data)] = data
            return len(data)
        count: int = self._given(self._stream.readinto, view, 0)
        self._held += view[:count]
        self.position += count
        return count

    def peek(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` on, fewer only where the stream ends; `position` stays."""
        self.reach(offset + size)
        return self._copy(offset, size)

    def crc(self, begin: int, end: int) -> int:
        """The CRC-32C of what is held in [begin, end)."""
        with memoryview(self._held) as view, view[begin - self.begin : end - self.begin] as part:
            return crc32c.value(part)

    def reach(self, end: int) -> bool:
        """Read on until `end` is held; whether it is."""
        while self.end < end and self._extend(min(end - self.end, _CHUNK)):
            pass
        return self.end >= end

    def release(self, offset: int) -> None:
        """Let go of what lies before `offset`."""
        del self._held[: offset - self.begin]
        self.begin = offset
        self.position = max(self.position, offset)

    def resume(self) -> bool:
        """Go on behind the error if the stream can; else what there is has come to its end."""
        self.error = None
        goes_on, passed = (False, 0) if self._resume is None else self._resume()
        self._has_ended = not goes_on
        self.passed_over += passed
        return goes_on

    def _copy(self, offset: int, size: int) -> bytes:
        """At most `size` of the bytes held from `offset` on, in one copy: a slice of a bytearray would be another."""
        at = offset - self.begin
        with memoryview(self._held) as view, view[at : at + size] as part:
            return bytes(part)

    def _extend(self, size: int) -> int:
        """Hold some bytes more, and say how many."""
        data = self._given(self._stream.read, size, b"")
        self._held += data
        return len(data)

    def _given(self, read: Callable[[Any], Any], request: Any, nothing: Any) -> Any:
        """What the stream gives when asked, or nothing."""
        if self._has_ended or self.error is not None:
            return nothing
        try:
            given = arrived(read(request))
        except TFRecordError as error:
            self.error = error.with_traceback(None)
            return nothing
        self._has_ended = not given
        return given
