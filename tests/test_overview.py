"""What files are, at a glance: how many records they hold, and how that is known."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest
from damage import HAS_PROC, MEMORY, python_output

import tfrecord_lite as tfr
from tfrecord_lite.files.shards import ShardInfo
from tfrecord_lite.format import framing
from tfrecord_lite.look.file_facts import FileFacts
from tfrecord_lite.look.overview import FileOverview, Overview, overview


def write(path: Path, count: int, options: str = "", *, index: bool = False) -> str:
    with tfr.TFRecordWriter(path, options, index=index) as writer:
        for number in range(count):
            writer.write_example({"k": number})
    return str(path)


def test_small_files_are_read_whole(tmp_path: Path) -> None:
    found = overview(write(tmp_path / "a", 10))
    assert found.records == (10, True)
    assert [(file.records, file.records_from) for file in found.files] == [(10, "read")]


@pytest.mark.parametrize("options", ["", "GZIP"])
def test_large_files_are_known_by_their_index_or_estimated(
    tmp_path: Path, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfrecord_lite.look.overview._BYTES", 1)
    monkeypatch.setattr("tfrecord_lite.look.overview._RECORDS", 100)
    count = 40_000
    path = write(tmp_path / "a", count, options)
    (file,) = overview(path).files
    if options:
        assert (file.records, file.records_from) == (None, "unknown")
        assert "? records" in str(file)
    else:
        assert file.records_from == "estimate"
        assert abs((file.records or 0) - count) < count / 20  # the first numbers are the shortest
        assert ": about " in str(file)
    tfr.RecordIndex.build(path).save()
    (file,) = overview(path).files
    assert (file.records, file.records_from) == (count, "index")
    assert "40,000 records by its index" in str(file)


def file(records: int | None, known: str, size: int | None) -> FileOverview:
    return FileOverview(FileFacts("a", bytes=size), records, known)


@pytest.mark.parametrize(
    ("files", "records"),
    [
        ([], (0, True)),
        ([file(3, "read", 30), file(4, "index", 40)], (7, True)),
        ([file(3, "read", 30), file(4, "estimate", 40)], (7, False)),
        ([file(3, "read", 30), file(None, "unknown", 60)], (9, False)),
        ([file(3, "read", 30), file(None, "unknown", None)], (None, False)),
        ([file(3, "read", None), file(None, "unknown", 60)], (None, False)),
        ([file(0, "read", 0), file(None, "unknown", 60)], (None, False)),
    ],
)
def test_records_of_all_files_are_estimated_by_those_that_are_known(
    files: list[FileOverview], records: tuple[int | None, bool]
) -> None:
    assert Overview(tuple(files), (), tfr.Schema([], 0)).records == records


def test_what_a_manifest_says_is_known_without_reading() -> None:
    listed = FileFacts("a", bytes=100, listed=ShardInfo("a", 7, 100, 0))
    assert str(FileOverview(listed, 7, "manifest")) == "a: 7 records by its manifest, 100 bytes, not looked at"


LONG = 1 << 30  # longer than what is read


def long_record(path: Path, *, after: int = 0, size: int = LONG) -> str:
    """Some records, and the header of a long one, with a hole behind it in which `size` bytes and a CRC have room."""
    name = write(path, after)
    with open(name, "ab") as stream:
        stream.write(framing.encode_header(LONG))
        stream.truncate(stream.tell() + size + framing.FOOTER_SIZE)
    return name


@pytest.mark.parametrize(("after", "state"), [(0, "not looked at"), (3, "CRCs sound in the first 3 records; the rest")])
def test_a_long_record_is_left_unread_and_said(tmp_path: Path, after: int, state: str) -> None:
    path = long_record(tmp_path / "a", after=after)
    found = overview(path)
    (file,) = found.files
    assert (found.is_sound, file.facts.is_complete, file.facts.records) == (True, False, after)
    assert (file.records, file.records_from) == (after + 1, "estimate")
    assert file.facts.state().startswith(state)
    assert file.facts.state().endswith("not looked at, as it begins with a record of 1,073,741,824 bytes")
    assert list(found.schema.features) == ["k"] * (after > 0)


@pytest.mark.skipif(not HAS_PROC, reason="memory is read from /proc")
@pytest.mark.parametrize("options", ["", "GZIP"])
def test_a_long_record_takes_no_memory(tmp_path: Path, options: str) -> None:
    path = long_record(tmp_path / "a", after=3)
    if options:
        with open(path, "rb") as stream, gzip.open(tmp_path / "b", "wb", 1) as packed:
            packed.write(stream.read(400 << 20))  # more than would be read
        path = str(tmp_path / "b")
    script = "import sys\nfrom tfrecord_lite.look.overview import overview\n"
    grown = "limit(256 << 20)\n(file,) = overview(sys.argv[1]).files\nprint(file.facts.records, file.records_from)"
    assert python_output(MEMORY + script + grown, path).split() == ["3", "unknown" if options else "estimate"]


def test_a_long_record_for_which_there_is_no_room_is_cut_off(tmp_path: Path) -> None:
    path = long_record(tmp_path / "a", after=3, size=LONG - 1)
    offset = os.path.getsize(path) - LONG - 15
    (file,) = overview(path).files
    error = file.facts.error
    assert isinstance(error, tfr.TruncatedRecordError)
    assert (error.path, error.record_number, error.offset) == (path, 3, offset)
    assert (error.expected, error.available) == (LONG + 16, LONG + 15)
    assert (file.records, file.records_from, file.facts.is_sound) == (3, "read", False)


def test_a_record_that_is_too_long_for_all_readers_is_so_here(tmp_path: Path) -> None:
    stream = io.BytesIO(framing.encode_header(2**40) + bytes(1000))
    (file,) = overview(stream).files
    error = file.facts.error
    assert isinstance(error, tfr.RecordTooLargeError)
    assert (error.length, error.limit, error.record_number) == (2**40, framing.DEFAULT_MAX_RECORD_SIZE, 0)


def test_what_the_manifest_says_against_a_file_stands_though_its_record_is_not_read(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "a", num_shards=1) as writer:
        writer.write(b"x")
    (info,) = writer.infos
    long_record(Path(info.path))
    (file,) = overview(tmp_path).files
    assert isinstance(file.facts.error, tfr.ShardError)


def test_many_files_of_long_records_are_not_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfrecord_lite.look.overview._BYTES", 100)
    monkeypatch.setattr("tfrecord_lite.look.survey._LONGEST", 1500)
    monkeypatch.setattr("tfrecord_lite.look.survey._LONGEST_OVERDRAWN", 10)
    for number in range(5):
        with tfr.TFRecordWriter(tmp_path / f"{number}.tfrecord") as writer:
            writer.write_example({"k": bytes(1000)})
            writer.write_example({"k": b""})
    found = overview(tmp_path)
    read = [file.facts.records for file in found.files]
    assert read == [2, 0, 0, 0, 0]
    assert found.is_sound
    assert all(1 <= (file.records or 0) <= 2 for file in found.files)
