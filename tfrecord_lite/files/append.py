"""Going on with a file: its tail is looked at, then what is written goes behind it.

    plain    all headers are looked at, and the last record with its CRC
    GZIP     members that say how long they are (`TFRecordOptions.seekable`) are passed over, the last one is read; any
             other file is read from the start. Such members are what is appended, whatever the options say: one that
             ended in a place where TensorFlow stops would make it lose what comes next (`format.gzip_members`)
    ZLIB     cannot be appended to: of such a file TensorFlow reads the first stream, and no more

A tail is torn where a writer was killed or the power failed: the file ends inside a frame or a member, in nothing but
zeros, or with a record whose CRC does not hold. It is cut off when that is asked for; whole records in a torn member
are kept. Damage anywhere else is never cut off, nor is a tail in which there are whole records: bytes before them are
missing, or a record held frames itself, and `salvage` brings them.

What is at a URL can be replaced only: see remote_append.py.
"""

from __future__ import annotations

import contextlib
import os
import stat
from functools import partial
from typing import Any

from tfrecord_lite.errors import CorruptRecordError, SkippedRegion, TFRecordError, TruncatedRecordError
from tfrecord_lite.files import sinks
from tfrecord_lite.files.compression import HEAD_SIZE, recognise
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.deflate import MembersSink
from tfrecord_lite.files.members import Member, find_members
from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.paths import as_path
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.remote_append import RemoteAppendSink
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.framing import (
    FRAME_OVERHEAD,
    HEADER_SIZE,
    MAX_LENGTH,
    decode_header,
    read_frame,
)
from tfrecord_lite.format.gaps import frame_group
from tfrecord_lite.format.gzip_members import InputBuffer
from tfrecord_lite.format.skim import skim

_PIECE = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b\x08"
#: Empty members at the end are taken away up to this size: they are put back when the writer is discarded.
_MOST_RESTORED = 64 << 10
#: What is before a file whose members do not say what they hold.
_NONE = Member(0, 0, 0, 0, None)
_HINT = "repair_tail=True cuts it off"
_GOES_ON = "whole records lie behind it, which salvage brings"


def open_append_sink(path: Any, options: TFRecordOptions, atomic: bool, repair_tail: bool) -> sinks.Sink:
    """A sink for what goes behind the records that are there; a new file where there is none.

    Args:
        path: of a regular file, or of none yet; or a URL, of which a copy is continued.
        options: without a compression type, that of the file.
        atomic: whether `discard` takes away what was written.
        repair_tail: cut off a torn tail.

    Raises:
        OSError: the file cannot be written, or another writer is appending to it.
        ValueError: what it is cannot be appended to, or is not what the options say.
        TruncatedRecordError, CorruptRecordError: the file is damaged, at the offset that the error tells.
    """
    name = _regular_path(path)
    if is_url(name):
        return RemoteAppendSink(name, partial(_open, options=options, atomic=True, repair_tail=repair_tail))
    return _open(name, name, options, atomic, repair_tail)


def _open(path: str, name: str, options: TFRecordOptions, atomic: bool, repair_tail: bool) -> sinks.Sink:
    """The same for a local file that the caller knows by another name, perhaps."""
    wanted = None if options.compression_type is None else check_compression_type(options.compression_type)
    if wanted == "ZLIB":
        raise ValueError("ZLIB cannot be appended to: TensorFlow ignores all but the first stream")
    options.compressor()  # what zlib refuses must not leave a file behind
    sink = sinks.AppendSink(path, name, atomic)
    try:
        with contextlib.closing(open_source(path, "")[0]) as stream:
            head = stream.read(HEAD_SIZE)
            # A file that is torn in its first bytes does not say what it was to be.
            found = "GZIP" if wanted == "GZIP" and _GZIP_MAGIC.startswith(head) else recognise(head)
            if found == "ZLIB":
                raise ValueError(f"{name!r} is ZLIB, which cannot be appended to")
            if wanted not in (None, found):
                raise ValueError(f"{name!r} is {found or 'plain'}, and cannot be continued as {wanted or 'plain'}")
            if not found:
                _mend_plain(sink, stream, repair_tail)
                return sink
            if not options.compression_type:
                options = TFRecordOptions("GZIP")
            buffer = _mend_gzip(sink, stream, options, repair_tail)
            if buffer is not None:
                return MembersSink(sink, options, sink.size, buffer)
    except TFRecordError as error:
        error.path = name
        sink.discard()
        raise
    except BaseException:
        sink.discard()
        raise
    sink.abandon()  # the file has been written anew
    return _open(path, name, options, atomic, repair_tail=False)


def _regular_path(path: Any) -> str:
    if hasattr(path, "write") and not isinstance(path, os.PathLike):
        raise ValueError("mode='a' needs a path: a file object is written to from where it stands, with mode='w'")
    name = as_path(path)
    if not is_url(name) and os.path.exists(name):
        mode = os.stat(name).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise ValueError(f"mode='a' needs a regular file, whose tail can be looked at: {name!r} is none")
    return name


def _mend_plain(sink: sinks.AppendSink, stream: Any, repair_tail: bool) -> None:
    """See to it that the file ends with a whole record."""
    end, last, records, damage = _sound_headers(stream, sink.size)
    in_last = False
    if records:
        try:
            stream.seek(last)
            read_frame(stream.read, last, max_record_size=MAX_LENGTH)
        except TFRecordError as error:
            error.record_number = records - 1
            if damage is not None:
                raise  # with what lies behind it, it is no tail
            end, damage, in_last = last, error, True
    if damage is None:
        return
    if not isinstance(damage, TruncatedRecordError) and not in_last and not _is_zero(stream, end):
        raise damage
    _check_tail(stream, end, "", damage, repair_tail)
    sink.cut(end)


def _sound_headers(stream: Any, size: int) -> tuple[int, int, int, TFRecordError | None]:
    """(where the whole frames with sound headers end, where the last of them begins, how many, what is wrong there)."""
    position = last = records = 0
    try:
        for sizes in skim(stream, size, verify=True, longest=MAX_LENGTH):
            position, records = position + int(sizes.sum()), records + len(sizes)
            last = position - int(sizes[-1])
        while position < size:  # what is wrong is near
            stream.seek(position)
            header = stream.read(HEADER_SIZE)
            if len(header) < HEADER_SIZE:
                raise TruncatedRecordError(HEADER_SIZE, len(header))
            frame_size = decode_header(header, position) + FRAME_OVERHEAD
            if position + frame_size > size:
                raise TruncatedRecordError(frame_size, size - position)
            last, records, position = position, records + 1, position + frame_size
    except TFRecordError as error:
        error.offset, error.record_number = position, records
        return position, last, records, error
    return position, last, records, None


def _check_tail(stream: Any, begin: int, compression_type: str, damage: TFRecordError, repair_tail: bool) -> None:
    """Raise `damage`, which is not before `begin`, unless it may be cut off: that is asked for, and costs no record."""
    regions: list[SkippedRegion] = []
    stream.seek(begin)
    if any(regions for _ in TFRecordReader(stream, compression_type, recovery=regions.append).blocks()):
        raise _with_reason(damage, _GOES_ON)
    if not repair_tail:
        raise _with_reason(damage, _HINT)


def _is_zero(stream: Any, position: int) -> bool:
    stream.seek(position)
    while piece := stream.read(_PIECE):
        if piece.strip(b"\0"):
            return False
    return True


def _mend_gzip(sink: sinks.AppendSink, stream: Any, options: TFRecordOptions, repair_tail: bool) -> InputBuffer | None:
    """See to it that the file ends with a whole record in a whole member; None when it had to be written anew.

    Returns:
        What TensorFlow's buffer is like at its end.
    """
    buffer = InputBuffer()
    members: list[Member] = []
    damage: TFRecordError | None = None
    try:
        for member in find_members(stream, buffer):
            members.append(member)  # noqa: PERF402  those before the damage count
    except TFRecordError as error:
        damage = error
    end = members[-1].end if members else 0
    if damage is None and members and not members[-1].size and end - members[-1].start <= _MOST_RESTORED:
        sink.cut(members[-1].start, restorable=True)  # TensorFlow stops at it
        return _mend_gzip(sink, stream, options, repair_tail)
    if damage is not None and _is_zero(stream, end):
        if not repair_tail:
            raise _with_reason(damage, _HINT)
        sink.cut(end)
        return _mend_gzip(sink, stream, options, repair_tail)
    if isinstance(damage, CorruptRecordError):
        raise damage
    if not members and damage is None:
        return buffer
    told = members if all(member.records is not None for member in members) else []
    last = told[-1] if told else _NONE
    stream.seek(last.start)
    reader = TFRecordReader(stream, "GZIP")
    try:
        for _ in reader.blocks():
            pass
    except TFRecordError as error:
        error.offset = last.offset + reader.offset
        error.record_number = sum(member.records or 0 for member in told[:-1]) + reader.record_number
        if not isinstance(error, TruncatedRecordError) or reader.offset < last.size:
            raise
        _check_tail(stream, last.start, "GZIP", error, repair_tail)
        if reader.offset > last.size:
            _write_anew(sink, stream, last.end, options, buffer if told else InputBuffer())
            return None
        sink.cut(last.end)
        return _mend_gzip(sink, stream, options, repair_tail=False)
    return buffer


def _write_anew(sink: sinks.AppendSink, stream: Any, end: int, options: TFRecordOptions, buffer: InputBuffer) -> None:
    """Replace the file by one with the same members up to `end` and the whole records behind them in new ones.

    What is left of a torn member cannot be given an end where it is: the bits of its last records would have to change.
    """
    assert sink.writing_path is not None
    target = sinks.AtomicFileSink(sink.writing_path)
    try:
        assert target.writing_path is not None
        os.chmod(target.writing_path, stat.S_IMODE(os.stat(sink.writing_path).st_mode))
        stream.seek(0)
        while (missing := end - stream.tell()) > 0:
            target.write([stream.read(min(missing, _PIECE))])
        behind = MembersSink(target, options, end, buffer)
        with contextlib.suppress(TruncatedRecordError):
            for block in TFRecordReader(stream, "GZIP").blocks():
                behind.write(frame_group(block.records()).pieces)
        behind.close()
    except BaseException:
        target.discard()
        raise


def _with_reason(error: TFRecordError, reason: str) -> TFRecordError:
    assert isinstance(error, (CorruptRecordError, TruncatedRecordError))
    error.reason = f"{error.reason}; {reason}" if error.reason else reason
    return error.with_traceback(None)
