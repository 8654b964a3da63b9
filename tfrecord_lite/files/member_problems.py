"""Where TensorFlow does not get past a member of a GZIP file that is sound.

empty-member         a member without content: what follows is lost, without a word
straddling-member    a member that ends just behind where a buffer of TensorFlow's ends: the same
zero-padding         zeros behind a member, which others pass over, but for one at the end: DataLossError
unknown-members      a stream, whose members cannot be looked at
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from itertools import chain
from typing import Any

from tfrecord_lite.errors import CorruptRecordError, RecordTooLargeError, TFRecordError
from tfrecord_lite.files.members import ReadAt, members_at, positioned
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.remote_ranges import HeldRanges
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.findings import ERROR, NOTE, Finding, Problem, Rule
from tfrecord_lite.format.framing import HEADER_SIZE
from tfrecord_lite.format.gzip_members import InputBuffer

_REPACK = "write the file again (lint --fix OUT): as one member it is read whole"

EMPTY_MEMBER = Rule("empty-member", ERROR, _REPACK, True)
STRADDLING_MEMBER = Rule("straddling-member", ERROR, _REPACK, True)
ZERO_PADDING = Rule("zero-padding", ERROR, _REPACK, True)
UNKNOWN_MEMBERS = Rule("unknown-members", NOTE, "name the file instead of giving a stream")

_PIECE = 1 << 20


def lost_members(path: Any, records: int, damage: TFRecordError | None = None) -> Finding | None:
    """What TensorFlow loses of a GZIP file of several members, of which so many records are sound before the damage.

    None also when TensorFlow meets the damage first; otherwise it never comes to that.
    """
    found = _loss(path, is_sound=damage is None)
    if found is None:
        return None
    rule, lost_from = found
    part = damage.part if isinstance(damage, CorruptRecordError) else ""
    most = records + (part == "data")  # a frame of which only the record is damaged can be stepped over
    number = offset = 0
    expected = () if damage is None else (TFRecordError,)  # another one is of a file that has become another
    with TFRecordReader(path, verify=False) as reader, suppress(*expected):
        for size in chain.from_iterable(sizes.tolist() for sizes in reader.frame_sizes()):
            if number == most or offset + size > lost_from:
                break
            number, offset = number + 1, offset + size
    is_inside = lost_from - offset >= HEADER_SIZE
    has_bad_header = part == "length" or isinstance(damage, RecordTooLargeError)
    if number > records or (has_bad_header and number == records and is_inside):
        return None
    lost = records - number
    behind = f"{lost} records, from #{number} on," if damage is None else f"all from record #{number} on"
    if rule is ZERO_PADDING:
        is_end = damage is None and not lost
        what = "zeros stand behind a GZIP member" + ("" if is_end else f", and {behind.rstrip(',')}, behind them")
        doing = "raises DataLossError: inflate() failed with error -3: incorrect header check"
        doing = f"reads all records, and then {doing}" if is_end else doing
        return Finding.of(Problem(rule, None, what, doing), reader.name, number, offset)
    why = "holds nothing" if rule is EMPTY_MEMBER else "ends just behind where its buffer ends"
    what = f"{behind} lie{'s' * (damage is not None)} behind a GZIP member that {why}"
    doing = "reads nothing behind it, without an error"
    doing = f"raises DataLossError: truncated record at {offset}" if is_inside else doing
    return Finding.of(Problem(rule, None, what, doing), reader.name, number, offset)


def unknown_members(path: str | None) -> Finding:
    """What to say of a stream, which cannot be read again."""
    what = "it is a stream of GZIP members, or of zeros: whether TensorFlow gets past each was not looked at"
    return Finding.of(Problem(UNKNOWN_MEMBERS, None, what, "may lose what follows one of them"), path)


def _loss(path: Any, *, is_sound: bool) -> tuple[Rule, int] | None:
    """What TensorFlow does not get past, and how many bytes of the uncompressed stream it has then.

    None also when the compression is damaged before that. A sound file may be looked at without inflating all of it.
    """
    buffer, needed = InputBuffer(), 0
    stalled: tuple[Rule, int] | None = None
    end = content_end = 0
    read_at: ReadAt
    with ExitStack() as stack:
        if is_url(path):
            ranges = HeldRanges(path)
            read_at, file_size = ranges.read, ranges.size
        else:
            stream = stack.enter_context(open_source(path, "")[0])
            read_at, file_size = positioned(stream), stream.seek(0, os.SEEK_END)
        with suppress(TFRecordError):  # zeros behind a member, or damage
            for member in members_at(read_at, file_size, buffer, believe=is_sound):
                end, content_end = member.end, member.offset + member.size
                if stalled is not None and member.size:
                    return stalled
                if stalled is None and buffer.needed != needed:
                    needed = buffer.needed
                    if file_size <= needed:
                        stalled = STRADDLING_MEMBER if member.size else EMPTY_MEMBER, content_end
        padding_end = _end_of_zeros(read_at, end)
    is_last = padding_end == file_size
    if stalled is not None:
        return None if is_last else stalled
    if padding_end == end:
        return None
    # Of one byte at the end it does not notice that no member begins with it.
    return None if is_last and padding_end - end == 1 else (ZERO_PADDING, content_end)


def _end_of_zeros(read_at: ReadAt, position: int) -> int:
    """Where the zeros end that begin there."""
    while data := read_at(position, _PIECE):
        count = len(data) - len(data.lstrip(b"\0"))
        position += count
        if count < len(data):
            break
    return position
