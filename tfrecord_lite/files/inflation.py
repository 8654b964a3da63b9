"""How far a decompressor comes, to the byte, and all that it gives up to there."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

#: What zlib says of a trailer at the last byte of its CRC; and of its size, which it comes to when the CRC holds.
WRONG_CRC, WRONG_SIZE = "incorrect data check", "incorrect length check"

#: Input of one step; what it gives is a thousand times as long at most.
_STEP = 4 << 10


class Course:
    """How far a decompressor comes.

    Attributes:
        at: up to where it has taken the data; where it breaks, the first byte that it does not take.
        error: what zlib finds wrong there.
        size: how many bytes came of it.
    """

    def __init__(self, inflate: Any, data: bytes, at: int = 0) -> None:
        self._inflate, self._data = inflate, data
        self.at = at
        self.error = ""
        self.size = 0

    @property
    def is_whole(self) -> bool:
        """Whether it has come to a trailer that holds."""
        return bool(self._inflate.eof)

    def go_on(self, end: int) -> None:
        """Take the data before `end`."""
        for _ in self.pieces(end):
            pass

    def pieces(self, end: int) -> Iterator[bytes]:
        """What comes of the data before `end`, all of it where it breaks."""
        step = _STEP
        while self.at < end and not self.is_whole:
            data = self._data[self.at : min(self.at + step, end)]
            before = self._inflate.copy()
            try:
                piece = self._inflate.decompress(data)
            except zlib.error as error:
                self._inflate = before
                if len(data) == 1:
                    self.error = str(error)
                    return
                step = len(data) // 2
                continue
            self.at += len(data) - len(self._inflate.unused_data)
            self.size += len(piece)
            yield piece
