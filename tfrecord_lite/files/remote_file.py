"""RemoteFile: what is at a URL as a file to seek in, for libraries that find their own way in one."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from tfrecord_lite.files.remote_ranges import RemoteRanges

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class RemoteFile(io.RawIOBase):
    """Each read is a request.

    Raises:
        OSError: there is no such file, or the server cannot be asked.
    """

    def __init__(self, url: str) -> None:
        self._ranges = RemoteRanges(url)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._ranges.size}[whence]
        if start + offset < 0:
            raise ValueError("there is nothing before the start")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._ranges.read(self._position, min(len(view), max(self._ranges.size - self._position, 0)))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
