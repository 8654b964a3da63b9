"""What files are, at a glance: how many records they hold, and how that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.files.shards import ShardInfo
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
