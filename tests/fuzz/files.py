"""Indexes and seekable GZIP files with any content."""

from __future__ import annotations

import gzip
import io
import zlib

from damage import frames

import tfrecord_lite as tfr
from fuzz.folder import file, folder
from tfrecord_lite.files.member_reader import MemberReader
from tfrecord_lite.files.members import find_members
from tfrecord_lite.format import gzip_members

RECORDS = [b"first", b"", b"third record"]
#: Between the text of an index and its companion.
BETWEEN = b"\n---\n"


def check_index(data: bytes) -> None:
    """An index is refused as one, or every record is where it says, or is missed with an error of ours."""
    text, _, companion = data.partition(BETWEEN)
    path = folder() / "indexed"
    if not path.exists():
        path.write_bytes(frames(RECORDS))
    file("indexed.idx", text)
    if companion:
        file("indexed.idx.json", companion)
    else:
        (folder() / "indexed.idx.json").unlink(missing_ok=True)
    try:
        index = tfr.RecordIndex.load(path)
    except (tfr.IndexMismatchError, OSError):
        return
    assert index.limits[-1] == path.stat().st_size
    try:
        with tfr.RecordSource(path) as source:
            assert list(source) == RECORDS
    except (tfr.TFRecordError, OSError):
        pass


def check_members(data: bytes) -> None:
    """A seekable file is read as gzip reads it, or refused."""
    gzip_members.decode_header(data[: gzip_members.HEADER_SIZE])
    try:
        members = list(find_members(io.BytesIO(data)))
    except tfr.TFRecordError:
        members = []
    assert all(member.size >= 0 for member in members)
    try:
        with MemberReader(file("members.gz", data)) as reader:
            whole = reader.read(0, reader.size)
            assert reader.read(reader.size // 2, 10) == whole[reader.size // 2 :][:10]
    except (tfr.TFRecordError, OSError):
        return
    try:
        expected = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return
    assert whole == expected
