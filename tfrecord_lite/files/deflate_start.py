"""Where the deflated data of a member begins behind a damaged header, which cannot be asked.

Every byte may be the first of the data. From most of them nothing can be inflated; but a few bytes before the data, or
inside it, may pass for its beginning for as long as a stored block is. So where several do they are inflated side by
side, further and further: it is the one that comes to a trailer that holds, or goes furthest.

A damaged header may pass for a sound one that is shorter or longer. Where what follows it begins with no frame and
cannot be inflated, its end is one place among the others. But what it gives before another place may hold a frame, or
end one: then it is right, its data are damaged, and the other place is in a member behind it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from tfrecord_lite.files.compression import WINDOW_BITS
from tfrecord_lite.files.inflation import Course
from tfrecord_lite.format.framing import HEADER_SIZE, is_header
from tfrecord_lite.format.resync import LONGEST_FOUND, find_headers, sound_across

GZIP_HEAD = b"\x1f\x8b\x08"
#: How long a damaged header may be: of GZIP it may hold the name of a file; and bytes may have come into it.
LONGEST_HEADER = 1 << 10
#: How far what seems to be a member is inflated.
TRIAL = 64 << 10
#: Bytes in which the first ones of what is inflated are, the code tables of deflate before them included.
BEGINNING = 1 << 10

#: Sound headers that say nothing.
_SOUND_HEADERS = {"GZIP": GZIP_HEAD + b"\0\0\0\0\0\0\xff", "ZLIB": b"\x78\x9c"}
#: How far the places are inflated between which nothing else decides: over many stored blocks.
_LONGEST_TRIAL = 1 << 20
#: Input of one step, output of one piece.
_STEP, _PIECE = 4 << 10, 64 << 10


class DeflateStart:
    """Where the data begins.

    The proof is the header of a frame whose CRC holds; or that it inflates up to the trailer, which holds, or for long.

    Args:
        compression_type: "GZIP" or "ZLIB".
        peek: gives the bytes from the beginning of the header on, so many or up to the end of everything.
        patience: bytes that may be inflated on trial, in and out.
        passes: whether the header passes for a sound one.
        before: what was inflated before it, as much of it as is kept.

    Attributes:
        at: the place, from the beginning of the header on; None where nothing proves it, or the header is right.
        is_certain: whether what proves it is a frame or a trailer.
        cost: bytes that were inflated on trial.
    """

    def __init__(
        self, compression_type: str, peek: Callable[[int], bytes], patience: int, *, passes: bool, before: bytes
    ) -> None:
        self.at: int | None = None
        self.is_certain = False
        self.cost = 0
        self._type, self._peek, self._patience, self._before = compression_type, peek, patience, before
        stated = self._as_stated() if passes else None
        if stated is None or stated.is_broken:
            best = self._furthest(self._candidates(stated))
            self.at = None if best is None or best is stated else best.at
            self.is_certain = best is not None and (best.has_frame or best.is_whole)

    def _as_stated(self) -> _Trial:
        """The header's own end. What this costs is at most once what the member costs anyway."""
        trial, size = _Trial(0, zlib.decompressobj(WINDOW_BITS[self._type])), TRIAL
        while True:
            data = self._peek(size)
            trial.go_on(data, size)
            trial.is_broken |= len(data) < size and not trial.is_whole
            if trial.is_broken or trial.is_whole or size >= _LONGEST_TRIAL:
                return trial
            size *= 2

    def _candidates(self, stated: _Trial | None) -> list[_Trial]:
        data = self._peek(LONGEST_HEADER + TRIAL)
        trials = [] if stated is None else [stated]
        given = b"" if stated is None else self._stated(data[: LONGEST_HEADER + BEGINNING])
        if is_header(given[:HEADER_SIZE]):
            return trials
        for at in range(min(LONGEST_HEADER + 1, len(data))):
            if self.cost > self._patience or (at and _is_member(data, at)):
                break
            self.cost += BEGINNING
            beginning = _beginning(inflate_behind_header(self._type), data[at : at + BEGINNING], HEADER_SIZE)
            if not beginning or data[at : at + HEADER_SIZE] in given:  # that is what a stored block holds
                continue
            # Inside the data the symbols of a block may pass for its head.
            if beginning in given and beginning not in data[at : at + BEGINNING] and self._stated(data[:at]):
                continue
            trial = _Trial(at, inflate_behind_header(self._type), has_frame=is_header(beginning))
            if trials or not trial.has_frame:
                self.cost += trial.go_on(data, at + TRIAL)
            if trial.has_frame or trial.is_whole or trial.reached >= at + TRIAL:
                if stated is not None and self._gives_frame(data[:at]):
                    return [stated]
                trials.append(trial)
            if trial.has_frame or trial.is_whole:
                break  # what begins inside it is a part of it
        return trials

    def _gives_frame(self, data: bytes) -> bool:
        """Whether a frame begins in what the data give behind the header that they have, or goes on in that."""
        given = self._stated(data)
        is_across, cost = sound_across(self._before + given, len(self._before))
        self.cost += cost
        return is_across or len(find_headers(given, LONGEST_FOUND)[0]) > 0

    def _stated(self, data: bytes) -> bytes:
        """What the data give behind the header that they have, up to where they break."""
        course = Course(zlib.decompressobj(WINDOW_BITS[self._type]), data)
        given = b"".join(course.pieces(len(data)))
        self.cost += len(given)
        return given

    def _furthest(self, trials: list[_Trial]) -> _Trial | None:
        """Of several places the one from which most can be inflated."""
        size = LONGEST_HEADER + TRIAL
        while len(trials) > 1 and size < _LONGEST_TRIAL and self.cost < self._patience:
            if all(trial.is_broken or trial.is_whole for trial in trials):
                break
            size *= 2
            data = self._peek(size)
            self.cost += sum(trial.go_on(data, size) for trial in trials)
            if len(data) < size:
                for trial in trials:
                    trial.is_broken |= not trial.is_whole
        # In steps, for the header's end is among the candidates, too: of equals it is the first.
        return max(
            trials, key=lambda trial: (not trial.is_broken, trial.reached // _STEP, trial.has_frame), default=None
        )


class _Trial:
    """A place where the data may begin.

    Attributes:
        at: the place.
        has_frame: whether it begins with the header of a frame.
        reached: up to where it could be inflated.
        is_broken: whether no more can be.
        is_whole: whether it has come to a trailer that holds.
    """

    def __init__(self, at: int, inflate: Any, *, has_frame: bool = False) -> None:
        self.at, self.has_frame = at, has_frame
        self.reached = at
        self.is_broken = self.is_whole = False
        self._inflate = inflate

    def go_on(self, data: bytes, end: int) -> int:
        """Inflate up to `end`; gives how many bytes that were, in and out."""
        cost = 0
        end = min(end, len(data))
        while self.reached < end and not self.is_broken and not self.is_whole:
            piece = data[self.reached : min((self.reached // _STEP + 1) * _STEP, end)]
            cost += len(piece)
            try:
                rest = piece
                while rest and not self._inflate.eof:
                    cost += len(self._inflate.decompress(rest, _PIECE))
                    rest = self._inflate.unconsumed_tail
            except zlib.error:
                self.is_broken = True
                break
            self.is_whole = self._inflate.eof
            self.reached += len(piece) - len(self._inflate.unused_data)
        return cost


def inflate_behind_header(compression_type: str) -> Any:
    """A decompressor to which a sound header has been given."""
    inflate = zlib.decompressobj(WINDOW_BITS[compression_type])
    inflate.decompress(_SOUND_HEADERS[compression_type])
    return inflate


def inflates(inflate: Any, data: bytes) -> bool:
    """Whether the decompressor takes the data."""
    try:
        while data and not inflate.eof:
            inflate.decompress(data, _PIECE)
            data = inflate.unconsumed_tail
    except zlib.error:
        return False
    return True


def begins_with_frame(data: bytes) -> bool:
    """Whether this is a member that begins with a frame's header: it is one, too, where its data are damaged."""
    return is_header(_beginning(zlib.decompressobj(WINDOW_BITS["GZIP"]), data, HEADER_SIZE))


def _is_member(data: bytes, at: int) -> bool:
    """Whether the next member begins here."""
    is_head = data.startswith(GZIP_HEAD, at)
    return is_head and inflates(zlib.decompressobj(WINDOW_BITS["GZIP"]), data[at : at + TRIAL])


def _beginning(inflate: Any, data: bytes, size: int) -> bytes:
    """The first bytes of what the data inflates to; none where they do not inflate."""
    try:
        beginning: bytes = inflate.decompress(data, size)
    except zlib.error:
        return b""
    return beginning
