"""What can still be inflated of a damaged GZIP file.

`ResumingInflateStream` gives what `InflateStream` gives, and raises what that raises; then `resume` goes on with the
next member. The three bytes that a member begins with may stand anywhere: what follows must inflate for a while.

zlib may find out late that it has left a member that was cut: in a stored block, for one, it takes the next members for
data. So whatever looks like the beginning of a member inside an open one is looked at before it is inflated. The open
member has been cut there if what follows inflates as a member, and does not as the rest of the open one.
"""

from __future__ import annotations

import zlib
from typing import Any

from tfrecord_lite.errors import CorruptRecordError
from tfrecord_lite.files.compression import InflateStream

_HEAD = b"\x1f\x8b\x08"
_GZIP_WINDOW_BITS = 31
_CHUNK = 64 << 10
#: How far what seems to be a member is inflated, and the open member is inflated on: further than a stored block goes.
_TRIAL, _LONGER_TRIAL = _CHUNK, 2 * _CHUNK
#: Bytes that may be inflated on trial: so many, and a multiple of what was read. A file can be full of such beginnings.
_PATIENCE, _PATIENCE_PER_BYTE = 64 << 20, 64


class ResumingInflateStream(InflateStream):
    """The decompressed bytes of a GZIP or ZLIB stream, and of the members behind a damaged one."""

    def __init__(self, source: Any, compression_type: str) -> None:
        super().__init__(source, compression_type)
        self._is_at_head = False  # `_input` may begin with what has to be looked at
        self._patience = _PATIENCE

    def resume(self) -> tuple[bool, int]:
        """After an error: go on with the next member, if there is one. A ZLIB stream has none.

        Returns:
            Whether it goes on, and how many compressed bytes are passed over.
        """
        self._inflate = None
        passed, self._salvaged = -self._salvaged, 0
        if self._type != "GZIP":
            while self._input or self._read_more():
                passed, self._input = passed + len(self._input), b""
            return False, max(passed, 0)
        at = 0 if self._is_at_head else 1
        while True:
            at = self._input.find(_HEAD, at)
            if at < 0:
                rest = self._input[1 - len(_HEAD) :]
                passed, self._input, at = passed + len(self._input) - len(rest), rest, 0
                if not self._read_more():
                    return False, max(passed + len(rest), 0)
            elif len(self._input) - at < _TRIAL and self._read_more():
                continue
            elif _inflates(zlib.decompressobj(_GZIP_WINDOW_BITS), self._input[at : at + _TRIAL]):
                self._input, self._error, self._is_at_head = self._input[at:], None, False
                return True, max(passed + at, 0)
            else:
                at += 1

    def _advance(self, size: int) -> bool:
        while len(self._input) < len(_HEAD) and self._read_more():
            pass
        if not self._input:
            return self._end()
        if self._inflate is None:
            self._is_at_head = False
            if not self._begin_member():
                return True
        elif self._is_at_head and self._input.startswith(_HEAD) and self._is_cut_here():
            self._error = CorruptRecordError("compression", reason="GZIP: a member begins where another has not ended")
            return True
        # What may be the beginning of a member waits.
        at = self._input.find(_HEAD, 1)
        if at < 0 and len(self._input) >= len(_HEAD):
            at = len(self._input) - next((n for n in (2, 1) if self._input.endswith(_HEAD[:n])), 0)
        following = b"" if at < 0 else self._input[at:]
        self._input = self._input if at < 0 else self._input[:at]
        super()._advance(size)
        self._is_at_head = not self._input
        self._input += following
        return True

    def _is_cut_here(self) -> bool:
        """Whether the open member ends without its trailer, and what `_input` begins with is the next one."""
        while len(self._input) < _LONGER_TRIAL and self._read_more():
            pass
        self._patience -= _LONGER_TRIAL
        if self._patience < 0 or not _inflates(zlib.decompressobj(_GZIP_WINDOW_BITS), self._input[:_TRIAL]):
            return False
        return not _inflates(self._inflate.copy(), self._input[:_LONGER_TRIAL], is_end=len(self._input) < _LONGER_TRIAL)

    def _read_more(self) -> int:
        data = self._source.read(_CHUNK)
        self._last_read = len(data)
        self._patience += _PATIENCE_PER_BYTE * len(data)
        self._input += data
        return len(data)


def _inflates(inflate: Any, data: bytes, *, is_end: bool = False) -> bool:
    """Whether the decompressor takes the data, and comes to its end if that is the end of everything."""
    try:
        while data and not inflate.eof:
            inflate.decompress(data, _CHUNK)
            data = inflate.unconsumed_tail
    except zlib.error:
        return False
    return not is_end or bool(inflate.eof)
