"""Sinks that compress what they are given and hand it to the sink below them, which publishes it or not.

DeflateSink    one stream, GZIP or ZLIB, byte for byte as TensorFlow's
MembersSink    GZIP in members that can be entered one by one
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import Any

from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.sinks import Sink
from tfrecord_lite.format import gzip_members
from tfrecord_lite.format.framing import FRAME_OVERHEAD
from tfrecord_lite.format.gzip_members import InputBuffer
from tfrecord_lite.format.pieces import Pieces, total_size
from tfrecord_lite.format.walk import walk

#: Bytes in the content of a member. A record is reached by inflating its member, about a millisecond; the file is
#: larger by what the compressor forgets, 0.2% (token ids) to 1.6% (text). At four times the size it is 0.1% to 0.4%.
MEMBER_SIZE = 256 << 10


class _CompressingSink:
    """What is in the compressor goes below before that is closed; the rest is as the sink below does it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.is_atomic = sink.is_atomic
        self.writing_path = sink.writing_path

    def close(self) -> None:
        try:
            self._finish()
        except BaseException:
            self._sink.discard()
            raise
        self._sink.close()

    def discard(self) -> None:
        self._sink.discard()

    def abandon(self) -> None:
        self._sink.abandon()

    def _finish(self) -> None:
        """Write the end of the compressed stream."""
        raise NotImplementedError


class DeflateSink(_CompressingSink):
    """A compressor before another sink: one stream."""

    def __init__(self, sink: Sink, compressor: Any) -> None:
        super().__init__(sink)
        self._compressor = compressor

    def write(self, pieces: Pieces) -> None:
        self._sink.write([self._compressor.compress(piece) for piece in pieces])

    def flush(self) -> None:
        # What TensorFlow flushes with, so that the same calls give the same bytes.
        self._sink.write([self._compressor.flush(zlib.Z_PARTIAL_FLUSH)])
        self._sink.flush()

    def _finish(self) -> None:
        self._sink.write([self._compressor.flush()])


class MembersSink(_CompressingSink):
    """GZIP in members that can be entered one by one, before another sink. `format.gzip_members` has their layout.

    Each `write` takes whole frames. A member ends before its content would exceed MEMBER_SIZE; a longer frame has one
    of its own. Only what is compressed of the present member is held in memory.

    Args:
        sink: where the members go.
        options: for the compressor.
        position: in the file, of the first member.
        buffer: what TensorFlow's buffer is like there.
    """

    def __init__(
        self, sink: Sink, options: TFRecordOptions, position: int = 0, buffer: InputBuffer | None = None
    ) -> None:
        super().__init__(sink)
        self._options = options
        self._position = position
        self._buffer = buffer or InputBuffer()
        self._compressor: Any = None  # of the present member, if there is one
        self._compressed: Pieces = []
        self._content_size = 0
        self._records = 0

    def write(self, pieces: Pieces) -> None:
        size = total_size(pieces)
        if size > MEMBER_SIZE and int.from_bytes(pieces[0][:8], "little") + FRAME_OVERHEAD == size:
            self._end_member()
            self._compress(pieces, size, 1)
            return
        frames = memoryview(b"".join(pieces))
        limits = walk(frames, size)
        begin = 0  # number of the first frame that is not compressed yet
        while begin < len(limits) - 1:
            room = limits[begin] + MEMBER_SIZE - self._content_size
            end = bisect_right(limits, room, begin) - 1
            if end <= begin and self._content_size:
                self._end_member()
                continue
            end = max(end, begin + 1)
            self._compress([frames[limits[begin] : limits[end]]], limits[end] - limits[begin], end - begin)
            begin = end

    def flush(self) -> None:
        self._end_member()
        self._sink.flush()

    def _finish(self) -> None:
        if not self._position:
            self._compress([], 0, 0)  # a GZIP file of no records is a member of nothing, not nothing
        self._end_member()

    def _compress(self, pieces: Pieces, size: int, records: int) -> None:
        if self._compressor is None:
            self._compressor = self._options.compressor()
        self._compressed += map(self._compressor.compress, pieces)
        self._content_size += size
        self._records += records

    def _end_member(self) -> None:
        if self._compressor is None:
            return
        member = b"".join([*self._compressed, self._compressor.flush()])
        zlib_header, body = member[:10], memoryview(member)[10:]
        padding = self._buffer.padding(self._position + gzip_members.HEADER_SIZE + len(body))
        header = gzip_members.encode_header(zlib_header, len(body), self._content_size, self._records, padding)
        self._compressor, self._compressed, self._content_size, self._records = None, [], 0, 0
        self._sink.write([header, body])
        self._position += len(header) + len(body)
