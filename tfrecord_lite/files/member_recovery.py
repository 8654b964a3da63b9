"""What can still be inflated of a damaged GZIP file.

`ResumingInflateStream` gives what `InflateStream` gives, and raises what that raises; then `resume` goes on with the
next member. The three bytes that a member begins with may stand anywhere: what follows must inflate for a while.

zlib may find out late that it has left a member that was cut: in a stored block, for one, it takes the next members for
data. So whatever looks like the beginning of a member inside an open one is looked at before it is inflated. The open
member has been cut there if what follows inflates as a member, and does not as the rest of the open one.

Where only a header is damaged, `resume` goes on with the data behind it, as if a sound one stood before that: zlib
checks the trailer as ever. Where the data begins a damaged header cannot be asked, so it is looked for at every byte of
the longest that is usual.
"""

from __future__ import annotations

import zlib
from typing import Any

from tfrecord_lite.errors import CorruptRecordError
from tfrecord_lite.files.compression import WINDOW_BITS, InflateStream
from tfrecord_lite.format.framing import HEADER_SIZE, is_header

_HEAD = b"\x1f\x8b\x08"
#: A sound header that says nothing, and how long a damaged one may be: a GZIP header may hold the name of a file.
_SOUND_HEADERS = {"GZIP": _HEAD + b"\0\0\0\0\0\0\xff", "ZLIB": b"\x78\x9c"}
_LONGEST_HEADERS = {"GZIP": 512, "ZLIB": 2}
_CHUNK = 64 << 10
#: How far what seems to be a member is inflated, and the open member is inflated on: further than a stored block goes.
_TRIAL, _LONGER_TRIAL = _CHUNK, 2 * _CHUNK
#: Bytes that may be inflated on trial: so many, and a multiple of what was read. A file can be full of such beginnings.
_PATIENCE, _PATIENCE_PER_BYTE = 64 << 20, 64
#: Bytes in which the first ones of what is inflated are, the code tables of deflate before them included.
_BEGINNING = 1 << 10


class ResumingInflateStream(InflateStream):
    """The decompressed bytes of a GZIP or ZLIB stream, of what stands behind a damaged header, and of members behind
    damage.
    """

    def __init__(self, source: Any, compression_type: str) -> None:
        super().__init__(source, compression_type)
        self._is_at_head = False  # `_input` may begin with what has to be looked at
        self._patience = _PATIENCE
        self._begun: bytes | None = None  # what was taken of the open member, unless so much that its header holds
        self._given = b""  # the first bytes of what that gave
        self._passed = 0  # bytes before the data behind a damaged header, which comes next

    def resume(self) -> tuple[bool, int]:
        """After an error: go on with the data behind a damaged header, or else with the next member, if there is one.

        A ZLIB stream has none.

        Returns:
            Whether it goes on, and how many compressed bytes are passed over.
        """
        if self._passed:
            passed, self._passed, self._error = self._passed, 0, None
            return True, passed
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
            elif _inflates(_decompressor("GZIP"), self._input[at : at + _TRIAL]):
                self._input, self._error, self._is_at_head = self._input[at:], None, False
                return True, max(passed + at, 0)
            else:
                at += 1

    def _advance(self, size: int) -> bool:
        goes_on = self._advance_to_head(size)
        if self._error is not None:
            self._look_behind_header()
        return goes_on

    def _advance_to_head(self, size: int) -> bool:
        """`_advance`, but not beyond what may be the beginning of a member."""
        while len(self._input) < len(_HEAD) and self._read_more():
            pass
        if not self._input:
            return self._end()
        if self._inflate is None:
            self._is_at_head = False
            self._begun = b"" if self._type == "GZIP" or not self.members else None
            self._given = b""
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
        piece = self._input
        super()._advance(size)
        if self._begun is not None:
            self._begun += piece[: len(piece) - len(self._input)]
            self._given += bytes(self._output[: _BEGINNING - len(self._given)])
            if len(self._begun) > _LONGER_TRIAL:
                self._begun = None
        self._is_at_head = not self._input
        self._input += following
        return True

    def _is_cut_here(self) -> bool:
        """Whether the open member ends without its trailer, and what `_input` begins with is the next one."""
        while len(self._input) < _LONGER_TRIAL and self._read_more():
            pass
        self._patience -= _LONGER_TRIAL
        if self._patience < 0 or not _inflates(_decompressor("GZIP"), self._input[:_TRIAL]):
            return False
        if self._begun is not None and not self._given and self._data_begin():
            return True  # a damaged header seems to be so long
        return not _inflates(self._inflate.copy(), self._input[:_LONGER_TRIAL], is_end=len(self._input) < _LONGER_TRIAL)

    def _look_behind_header(self) -> None:
        """After an error: where only the header of the member is damaged say so, and be behind it."""
        at = self._data_begin()
        if at and self._begun is not None:
            what = "the header of a member" if self._type == "GZIP" else "the header"
            self._error = CorruptRecordError("compression", reason=f"{self._type}: {what} is damaged")
            self._inflate = _decompressor(self._type)
            self._inflate.decompress(_SOUND_HEADERS[self._type])
            self._input, self._salvaged, self._is_at_head = (self._begun + self._input)[at:], 0, False
            self._passed = at
        self._begun = None

    def _data_begin(self) -> int:
        """Where behind a damaged header the data of the open member begins, from its first byte on; else 0."""
        longest = _LONGEST_HEADERS[self._type]
        if self._begun is None or self._patience < longest * _BEGINNING:
            return 0
        wanted = longest + _TRIAL - len(self._begun)
        while len(self._input) < wanted and self._read_more():
            pass
        data = self._begun + self._input
        at = _find_data(self._type, data, self._given)
        self._patience -= (at or longest) * _BEGINNING
        return at

    def _read_more(self) -> int:
        data = self._source.read(_CHUNK)
        self._last_read = len(data)
        self._patience += _PATIENCE_PER_BYTE * len(data)
        self._input += data
        return len(data)


def _decompressor(compression_type: str) -> Any:
    return zlib.decompressobj(WINDOW_BITS[compression_type])


def _find_data(compression_type: str, data: bytes, given: bytes) -> int:
    """Where the deflated data of a member begins behind a damaged header; 0 where nothing proves it.

    The proof is the header of a frame whose CRC holds; or that it inflates up to the trailer, which holds, or for long.

    Args:
        data: from the beginning of the header on.
        given: the first bytes of what the member gave by its header, which is not given again.
    """
    header = _SOUND_HEADERS[compression_type]
    if is_header(given):
        return 0
    for at in range(1, min(_LONGEST_HEADERS[compression_type] + 1, len(data))):
        if data.startswith(_HEAD, at) and _inflates(_decompressor("GZIP"), data[at : at + _TRIAL]):
            return 0  # here begins the next one
        beginning = _beginning(compression_type, header + data[at : at + _BEGINNING])
        if beginning and beginning not in given:
            inflate, is_end = _decompressor(compression_type), len(data) - at < _TRIAL
            if is_header(beginning) or _inflates(inflate, header + data[at : at + _TRIAL], is_end=is_end):
                return at
    return 0


def _beginning(compression_type: str, data: bytes) -> bytes:
    """The first bytes, a frame's header if it is one, of what the data inflates to; none where they do not inflate."""
    try:
        beginning: bytes = _decompressor(compression_type).decompress(data, HEADER_SIZE)
    except zlib.error:
        return b""
    return beginning


def _inflates(inflate: Any, data: bytes, *, is_end: bool = False) -> bool:
    """Whether the decompressor takes the data, and comes to its end if that is the end of everything."""
    try:
        while data and not inflate.eof:
            inflate.decompress(data, _CHUNK)
            data = inflate.unconsumed_tail
    except zlib.error:
        return False
    return not is_end or bool(inflate.eof)
