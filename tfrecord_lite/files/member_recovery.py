"""What can still be inflated of a damaged GZIP file.

`ResumingInflateStream` gives what `InflateStream` gives, and raises what that raises; then `resume` goes on with the
next member. The three bytes that a member begins with may stand anywhere: what follows must inflate for a while.

zlib may find out late that it has left a member that was cut: in a stored block, for one, it takes the next members for
data. So whatever looks like the beginning of a member inside an open one is looked at before it is inflated. The open
member may have been cut there if what follows inflates as a member, and does not as the rest of the open one;
member_cut.py.

Where only a header is damaged, or one and the trailer before it, `resume` goes on with the data behind it, as if a
sound one stood before that: zlib checks the trailer as ever. Where the data begins is looked for; deflate_start.py.
"""

from __future__ import annotations

import zlib
from typing import Any

from tfrecord_lite.errors import CorruptRecordError
from tfrecord_lite.files.compression import WINDOW_BITS, InflateStream
from tfrecord_lite.files.deflate_start import (
    BEGINNING,
    GZIP_HEAD,
    LONGEST_HEADER,
    TRIAL,
    DeflateStart,
    begins_with_frame,
    inflate_behind_header,
    inflates,
)
from tfrecord_lite.files.inflation import WRONG_CRC, WRONG_SIZE
from tfrecord_lite.files.member_cut import MemberCut
from tfrecord_lite.format.framing import is_header

_CHUNK = 64 << 10
#: How far the open member is inflated on where another may begin: further than a stored block goes.
_LONGER_TRIAL = 2 * TRIAL
#: Bytes that may be inflated on trial: so many, and a multiple of what was read. A file can be full of such beginnings.
_PATIENCE, _PATIENCE_PER_BYTE = 64 << 20, 64
#: What is kept of what was inflated: a record that holds what looks like a member rarely has more before that.
_GIVEN = 64 << 10
#: Bytes of a trailer that zlib takes before it says what is wrong with it.
_TAKEN = {WRONG_CRC: 3, WRONG_SIZE: 7}
#: Zeros that are taken for padding and may be of the data behind a header that is gone: of an empty stored block.
_ZEROS_OF_DATA = 3


class ResumingInflateStream(InflateStream):
    """The decompressed bytes of a GZIP or ZLIB stream, of what stands behind a damaged header, and of members behind
    damage.
    """

    def __init__(self, source: Any, compression_type: str) -> None:
        super().__init__(source, compression_type)
        self._is_at_head = False  # `_input` may begin with what has to be looked at
        self._patience = _PATIENCE
        self._begun: bytes | None = None  # what was taken of the open member, which has given nothing yet
        self._passed: int | None = None  # bytes before the data behind a damaged header, which comes next
        self._zeros = 0  # passed over as padding since the last member
        self._read = 0  # bytes of the source
        self._known = 0  # up to where in the source the open member is known to go on
        self._size = 0  # bytes that were inflated of the open member
        self._given = b""  # the last bytes that were inflated

    def resume(self) -> tuple[bool, int]:
        """After an error: go on with the data behind a damaged header, or else with the next member, if there is one.

        A ZLIB stream has none.

        Returns:
            Whether it goes on, and how many compressed bytes are passed over.
        """
        if self._passed is not None:
            passed, self._passed, self._error = self._passed, None, None
            return True, passed
        self._inflate = None
        passed, self._salvaged = -self._salvaged, 0
        if self._type != "GZIP":
            while self._input or self._read_more():
                passed, self._input = passed + len(self._input), b""
            return False, max(passed, 0)
        taken = next((size for what, size in _TAKEN.items() if what in str(self._error)), None)
        if taken is not None:  # where its trailer is damaged, the next header may be gone with it
            end = max(-passed - taken, 0)
            passed, self._input, self._begun, self._is_at_head = passed + end, self._input[end:], None, True
            begin = None
            if not self._input.startswith(GZIP_HEAD):
                begin = self._data_begin(passes=False, is_certain=True)
            if begin is not None:
                self._go_on(self._input[begin:])
                self.members, self._error = self.members + 1, None
                return True, max(passed + begin, 0)
        at = 0 if self._is_at_head else 1
        while True:
            at = self._input.find(GZIP_HEAD, at)
            if at < 0:
                rest = self._input[1 - len(GZIP_HEAD) :]
                passed, self._input, at = passed + len(self._input) - len(rest), rest, 0
                if not self._read_more():
                    return False, max(passed + len(rest), 0)
            elif len(self._input) - at < TRIAL and self._read_more():
                continue
            elif _is_member(self._input[at : at + TRIAL]):
                self._input, self._error, self._is_at_head = self._input[at:], None, False
                return True, max(passed + at, 0)
            else:
                at += 1

    def _advance(self, size: int) -> bool:
        goes_on = self._advance_to_head(size)
        if self._begun is not None and (self._output or self._error is not None):
            self._look_behind_header(self._begun)
        return goes_on

    def _advance_to_head(self, size: int) -> bool:
        """`_advance`, but not beyond what may be the beginning of a member."""
        while len(self._input) < len(GZIP_HEAD) and self._read_more():
            pass
        if not self._input:
            return self._end()
        if self._inflate is None:
            self._is_at_head = False
            self._begun = b"" if self._type == "GZIP" or not self.members else None
            if not self._begin_member():
                return True
        elif self._is_at_head and self._input.startswith(GZIP_HEAD) and self._is_cut_here():
            self._error = CorruptRecordError("compression", reason="GZIP: a member begins where another has not ended")
            return True
        # What may be the beginning of a member waits.
        at = self._input.find(GZIP_HEAD, 1)
        if at < 0 and len(self._input) >= len(GZIP_HEAD):
            at = len(self._input) - next((n for n in (2, 1) if self._input.endswith(GZIP_HEAD[:n])), 0)
        following = b"" if at < 0 else self._input[at:]
        self._input = self._input if at < 0 else self._input[:at]
        piece = self._input
        super()._advance(size)
        self._size += len(self._output)
        self._given = (self._given + self._output)[-_GIVEN:]
        if self._begun is not None:
            self._begun += piece[: len(piece) - len(self._input)]
            if len(self._begun) > _LONGER_TRIAL:
                self._begun = None
        self._is_at_head = not self._input
        self._input += following
        return True

    def _is_cut_here(self) -> bool:
        """Whether the open member ends without its trailer, and what `_input` begins with is the next one."""
        if self._position() < self._known:
            return False
        while len(self._input) < _LONGER_TRIAL and self._read_more():
            pass
        self._patience -= _LONGER_TRIAL
        if self._patience < 0 or not _is_member(self._input[:TRIAL]):
            return False
        if self._begun is not None and self._data_begin(passes=False) is not None:
            return True  # a damaged header seems to be so long
        is_end = len(self._input) < _LONGER_TRIAL
        cut = MemberCut(self._inflate, self._size, self._given, self._input[:_LONGER_TRIAL], is_end=is_end)
        self._patience -= cut.cost
        self._known = self._position() + cut.known
        return cut.is_cut

    def _begin_member(self) -> bool:
        padding = self.padding
        begins = super()._begin_member()
        self._known = self._size = 0
        self._zeros = 0 if begins else self._zeros + self.padding - padding
        return begins

    def _look_behind_header(self, begun: bytes) -> None:
        """Before the first bytes of a member are given, or its error: where only its header is damaged say so, and be
        behind it.
        """
        at = None if is_header(self._output) else self._data_begin(passes=bool(self._output))
        self._begun = None
        if at is None:
            return
        what = "the header of a member" if self._type == "GZIP" else "the header"
        self._error = CorruptRecordError("compression", reason=f"{self._type}: {what} is damaged")
        self._output = memoryview(b"")
        zeros = self._zeros_of_data()
        self.padding -= max(len(zeros) - at, 0)
        self._passed = max(at - len(zeros), 0)
        self._go_on((zeros + begun + self._input)[at:])

    def _go_on(self, data: bytes) -> None:
        """With data of a member as if they stood behind a sound header."""
        self._inflate = inflate_behind_header(self._type)
        self._input, self._salvaged, self._is_at_head = data, 0, False
        self._zeros = self._known = self._size = 0

    def _data_begin(self, *, passes: bool, is_certain: bool = False) -> int | None:
        """Where behind a damaged header the data of the open member begins, from its first byte on; else None.

        With `is_certain` also None where neither a frame nor a trailer proves it.
        """
        if self._patience < LONGEST_HEADER * BEGINNING:
            return None
        before = self._given[: max(len(self._given) - len(self._output), 0)]
        start = DeflateStart(self._type, self._peek, self._patience, passes=passes, before=before)
        self._patience -= start.cost
        return start.at if start.is_certain or not is_certain else None

    def _peek(self, size: int) -> bytes:
        """What was taken of the open member and what follows, so much in all."""
        before = self._zeros_of_data() + (self._begun or b"")
        while len(before) + len(self._input) < size and self._read_more():
            pass
        return before + self._input

    def _position(self) -> int:
        """Of `_input` in the source."""
        return self._read - len(self._input)

    def _zeros_of_data(self) -> bytes:
        return bytes(min(self._zeros, _ZEROS_OF_DATA))

    def _read_more(self) -> int:
        data = self._source.read(_CHUNK)
        self._last_read = len(data)
        self._read += len(data)
        self._patience += _PATIENCE_PER_BYTE * len(data)
        self._input += data
        return len(data)


def _is_member(data: bytes) -> bool:
    """Whether what looks like the beginning of a member seems to be one, which may be damaged further on."""
    return begins_with_frame(data) or inflates(zlib.decompressobj(WINDOW_BITS["GZIP"]), data)
