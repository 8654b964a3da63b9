"""Whether an open member of a GZIP file ends where another seems to begin.

A record may be a .gz file, and where it stands in a stored block it inflates there like the next member. That the open
one does not inflate up to its end proves nothing: it may be damaged further on. It goes on, and what begins inside it
is its data, where

    - it comes to its trailer, and of the CRC and the size there one holds; or
    - behind all members that begin there, one after the other, it gives the header of a frame whose CRC holds; or
    - a sound frame goes on across the place.

Otherwise it was cut: of a member that was, the last stored block reaches into those behind it, and then it breaks.
"""

from __future__ import annotations

import zlib
from typing import Any

from tfrecord_lite.files.compression import WINDOW_BITS
from tfrecord_lite.files.deflate_start import GZIP_HEAD
from tfrecord_lite.files.inflation import WRONG_CRC, WRONG_SIZE, Course
from tfrecord_lite.format.framing import HEADER_SIZE
from tfrecord_lite.format.gzip_members import TRAILER_SIZE
from tfrecord_lite.format.resync import LONGEST_FOUND, find_headers, sound_across

#: Bytes in which frames are looked for: all that stored blocks give of the data, and more.
_MOST_GIVEN = 1 << 20
_SIZE_SIZE = 4
#: Of data that it takes so much is known to be its: the rest is as long as a stored block.
_SHARE_KNOWN = 4


class MemberCut:
    """The open member where what looks like another begins.

    Args:
        inflate: its decompressor, which stays as it is.
        size: how many bytes came of it so far.
        given: the last of them; a frame that begins before these is not seen.
        data: what follows from there on: more than a stored block, or up to the end of everything.
        is_end: whether that is the end of everything.

    Attributes:
        is_cut: whether it ended there without its trailer.
        known: so many bytes of the data are its for certain.
        cost: bytes in which frames were looked for.
    """

    def __init__(self, inflate: Any, size: int, given: bytes, data: bytes, *, is_end: bool) -> None:
        self.cost = 0
        self._inflate, self._given, self._data = inflate, given, data
        course = Course(inflate.copy(), data)
        course.go_on(len(data))
        self._size = (size + course.size).to_bytes(8, "little")[:_SIZE_SIZE]
        if course.error or (is_end and not course.is_whole):
            self.known = self._known(course)
        else:
            self.known = course.at if course.is_whole else len(data) // _SHARE_KNOWN
        self.is_cut = not self.known

    def _known(self, course: Course) -> int:
        """Up to where the member, whose course breaks, goes on for certain; 0 where it seems to be cut."""
        if WRONG_SIZE in course.error and course.at >= TRAILER_SIZE:  # else it was cut in its trailer
            return course.at
        if WRONG_CRC in course.error and self._data[course.at + 1 :].startswith(self._size):
            return course.at
        whole, reached = _members(self._data)
        return max(whole, 1) if self._has_frame(reached, course.at) else 0

    def _has_frame(self, behind: int, end: int) -> bool:
        """Whether the member gives a header in the data from `behind` to `end`, or a sound frame across the place."""
        course, given = Course(self._inflate.copy(), self._data), bytearray(self._given)
        for piece in course.pieces(min(behind, end)):
            given += piece
            if len(given) > _MOST_GIVEN:
                return False
        behind = len(given)
        for piece in course.pieces(end):
            looked_at = max(len(given) + 1 - HEADER_SIZE, behind)
            given += piece
            if len(find_headers(bytes(given[looked_at:]), LONGEST_FOUND)[0]):
                self.cost += len(given)
                return True
            if len(given) > _MOST_GIVEN:
                break
        self.cost += len(given)
        is_across, cost = sound_across(given, len(self._given))
        self.cost += cost
        return is_across


def _members(data: bytes) -> tuple[int, int]:
    """Up to where the data are whole members, one after the other with zeros between; with another that breaks."""
    whole, at = 0, 0
    while (head := data.find(GZIP_HEAD, at)) >= 0 and not data[at:head].strip(b"\0"):
        course = Course(zlib.decompressobj(WINDOW_BITS["GZIP"]), data, head)
        course.go_on(len(data))
        at = course.at
        if not course.is_whole:
            break
        whole = at
    return whole, at
