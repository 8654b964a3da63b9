"""The decompressed bytes of a GZIP stream whose members say how long they are, several of them inflated at once.

zlib lets other threads run meanwhile. A member that is none of ours, that is damaged, that is not what it says, or that
is too large to be held several times, is left to `InflateStream`, with all that follows it: what comes out, errors
included, is the same.
"""

from __future__ import annotations

import io
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.compression import InflateStream
from tfrecord_lite.format.gzip_members import HEADER_SIZE, decode_header

if TYPE_CHECKING:
    from concurrent.futures import Future

    from _typeshed import WriteableBuffer

#: Members that are held for each thread: one that is inflated and one that waits.
_AHEAD = 2
#: Bytes in the content of a member that is inflated here.
_LONGEST = 16 << 20


class InflateMembers(io.RawIOBase):
    """A GZIP stream, decompressed by several threads.

    Args:
        source: the compressed stream, with `read`; closed with this one.
        num_threads: how many threads inflate.
    """

    def __init__(self, source: Any, num_threads: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # it loads a lot, and few files are read this way

        self._source = source
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="tfrecord_lite.InflateMembers")
        self._most = _AHEAD * num_threads
        self._ahead: deque[tuple[bytes, Future[bytes | None]]] = deque()  # members, and what they hold
        self._content = memoryview(b"")
        self._members = 0
        self._behind: bytes | None = None  # what was read of a member that is not inflated here
        self._plain: InflateStream | None = None  # what gives all the rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._plain is None:
            if not self._content and not self._has_advanced():
                break
            size = min(len(view) - filled, len(self._content))
            view[filled : filled + size] = self._content[:size]
            self._content = self._content[size:]
            filled += size
        if filled or self._plain is None:
            return filled
        return self._plain.readinto(view)

    def close(self) -> None:
        if not self.closed:
            self._threads.shutdown(cancel_futures=True)
            self._source.close()
        super().close()

    def _has_advanced(self) -> bool:
        """Take the content of the next member, or leave the rest to `_plain`; False at the end."""
        while self._behind is None and len(self._ahead) < self._most:
            self._begin_member()
        if self._ahead:
            member, future = self._ahead.popleft()
            content = future.result()
            if content is not None:
                self._content = memoryview(content)
                self._members += 1
                return True
            self._behind = b"".join([member, *(member for member, _ in self._ahead), self._behind or b""])
            self._ahead.clear()
        elif not self._behind and self._members:
            return False
        self._plain = InflateStream(_Continued(self._behind or b"", self._source), "GZIP", self._members)
        return True

    def _begin_member(self) -> None:
        head = self._read_up_to(HEADER_SIZE)
        header = decode_header(head)
        if header is None or max(header.size, header.content_size) > _LONGEST:
            self._behind = head
            return
        member = head + self._read_up_to(header.size - len(head))
        self._ahead.append((member, self._threads.submit(_content, member, header.content_size)))

    def _read_up_to(self, size: int) -> bytes:
        data: bytes = self._source.read(size)
        while len(data) < size and (more := self._source.read(size - len(data))):
            data += more
        return data


def _content(member: bytes, size: int) -> bytes | None:
    """What a member holds; None when it is not one whole member that holds so much."""
    inflate = zlib.decompressobj(31)
    try:
        content = inflate.decompress(member, size + 1)
    except zlib.error:
        return None
    return content if inflate.eof and not inflate.unused_data and len(content) == size else None


class _Continued:
    """A stream with bytes before it."""

    def __init__(self, head: bytes, source: Any) -> None:
        self._head = io.BytesIO(head)
        self._source = source

    def read(self, size: int) -> bytes:
        data: bytes = self._head.read(size) or self._source.read(size)
        return data

    def close(self) -> None:
        self._source.close()
