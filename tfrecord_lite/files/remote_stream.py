"""RemoteStream: a URL -> byte stream, read from its beginning in blocks of 8 MiB.

Each block is a request. An HTTP server that gives whole files only is asked once more, for all of it. Where less comes
than the size that a server tells, that is an error, and no end.
"""

from __future__ import annotations

import errno
import io
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.remote import BLOCK_SIZE, locate, os_errors

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class RemoteStream(io.RawIOBase):
    """A file read from its beginning, a block at a time. What was fetched before an error is given before the error.

    Raises:
        OSError: there is no such file, or the server cannot be asked.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._block = memoryview(b"")
        self._position = 0  # behind the block
        self._file: Any = io.BytesIO()  # there is something to close whatever happens next
        with os_errors(url):
            # Some backends close what they have opened when they are garbage: it is kept.
            self._fs, self._path = locate(url)
            self._file = self._fs.open(self._path, "rb", block_size=BLOCK_SIZE, cache_type="none")
            if (getattr(self._file, "details", None) or {}).get("type") == "directory":
                raise IsADirectoryError(errno.EISDIR, "a directory", url)
            if isinstance(self._file, io.BytesIO):  # memory:// has one object, and so one position, for all
                self._file = io.BytesIO(self._file.getvalue())
        self._size = getattr(self._file, "size", None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        self._fill()
        count = min(len(view), len(self._block))
        view[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def read(self, size: int = -1) -> bytes:
        self._fill()
        end = len(self._block) if size < 0 else size
        data, self._block = bytes(self._block[:end]), self._block[end:]
        return data

    def close(self) -> None:
        try:
            if not self.closed:
                with os_errors(self._url):
                    self._file.close()
        finally:
            super().close()

    def _fill(self) -> None:
        """Fetch a block when there is nothing left of the one before."""
        if self._block:
            return
        with os_errors(self._url):
            block = self._fetch()
            if not block and self._size is not None and self._position < self._size:
                raise OSError(errno.EIO, f"ended after {self._position} of {self._size} bytes", self._url)
        self._block = memoryview(block)
        self._position += len(block)

    def _fetch(self) -> bytes:
        try:
            return bytes(self._file.read(BLOCK_SIZE))
        except ValueError:  # so says an HTTP server that gives whole files only
            if not self._position:
                raise
        self._file.close()
        self._file = self._fs.open(self._path, "rb", block_size=0)  # everything, in one answer
        skipped = 0
        while skipped < self._position and (data := self._file.read(self._position - skipped)):
            skipped += len(data)
        return bytes(self._file.read(BLOCK_SIZE))
