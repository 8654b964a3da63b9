"""Files of records, read, recovered and salvaged. The first byte says how, the rest is the file."""

from __future__ import annotations

import io
from typing import Any

import tfrecord_lite as tfr
from fuzz.comparison import collected
from tfrecord_lite.format import framing

COMPRESSIONS = ("", "GZIP", "ZLIB", None)
LIMIT = 1 << 20


class Dribble(io.RawIOBase):
    """Gives at most 13 bytes at a time, as sockets may."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.readinto(memoryview(buffer)[:13])


def frame_by_frame(data: bytes, verify: bool) -> tuple[list[bytes], Any]:
    def records() -> Any:
        read, offset = io.BytesIO(data).read, 0
        while (record := framing.read_frame(read, offset, verify=verify, max_record_size=LIMIT)) is not None:
            yield record
            offset += len(record) + framing.FRAME_OVERHEAD

    return collected(records())


def check_frames(data: bytes) -> None:
    """A reader gives what reading frame by frame does, however the bytes arrive."""
    if not data:
        return
    how, stored = data[0], data[1:]
    compression_type, verify = COMPRESSIONS[how % 4], how & 4 == 0

    def read(stream: Any) -> tuple[list[bytes], Any]:
        try:
            reader = tfr.TFRecordReader(stream, compression_type, verify=verify, max_record_size=LIMIT)
        except tfr.TFRecordError as error:
            return [], type(error)
        return collected(reader)

    found = read(io.BytesIO(stored))
    assert read(Dribble(stored)) == found
    if compression_type == "":
        records, error = frame_by_frame(stored, verify)
        assert found[0] == records
        assert (found[1] and found[1][0]) == (error and error[0])


def check_salvage(data: bytes) -> None:
    """Nothing but sound records, those before the damage among them, and no error at all."""
    if not data:
        return
    compression_type, stored = COMPRESSIONS[data[0] % 4], data[1:]
    with tfr.salvage(io.BytesIO(stored), compression_type, max_record_size=LIMIT) as salvage:
        saved = list(salvage)
    before, error = collected(tfr.TFRecordReader(io.BytesIO(stored), compression_type, max_record_size=LIMIT))
    assert saved[: len(before)] == before
    assert salvage.sound == (error is None)
    if salvage.compression_type == "":
        kept = sum(len(record) + framing.FRAME_OVERHEAD for record in saved)
        assert kept + salvage.bytes_lost == salvage.bytes_read == len(stored)
