"""Output files of any format: nothing has its name before all of them have it."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from tfrecord_lite.files.output_files import OutputFiles, of_path


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_one_file_gets_its_name_when_it_is_published(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"old")
    files = OutputFiles(str(tmp_path / "a.csv"), ".csv", "", False)
    file = files.open_next()
    assert file.writable()
    assert (file.write(b"new"), file.write(b""), file.write(memoryview(b"er"))) == (3, 0, 2)
    assert (file.tell(), file.size) == (5, 5)
    file.close()
    assert (tmp_path / "a.csv").read_bytes() == b"old"
    files.publish()
    assert (tmp_path / "a.csv").read_bytes() == b"newer"
    assert names(tmp_path) == ["a.csv"]


def test_shards_are_named_when_their_number_is_known(tmp_path: Path) -> None:
    files = OutputFiles(str(tmp_path / "a.csv"), ".csv", "", True)
    for number in range(3):
        files.open_next().write(b"%d" % number)
    assert not [name for name in names(tmp_path) if not name.startswith(".")]
    files.publish()
    assert names(tmp_path) == [f"a-0000{number}-of-00003.csv" for number in range(3)]
    assert [Path(file.path).read_bytes() for file in files.files] == [b"0", b"1", b"2"]


def test_what_is_discarded_leaves_nothing_and_goes_nowhere(tmp_path: Path) -> None:
    for is_sharded in (False, True):
        files = OutputFiles(str(tmp_path / "a.csv"), ".csv", "", is_sharded)
        file = files.open_next()
        file.write(b"x")
        if is_sharded:
            file = files.open_next()
            file.write(b"y")
        files.discard()
        assert names(tmp_path) == []
        assert file.write(b"late") == 4  # a library may still flush
        assert file.size == 1


def test_what_is_written_can_be_compressed(tmp_path: Path) -> None:
    files = OutputFiles(str(tmp_path / "a.csv.gz"), ".csv.gz", "GZIP", False)
    file = files.open_next()
    file.write(b"text" * 1000)
    files.publish()
    assert file.size == 4000
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == b"text" * 1000
    assert zlib.decompress((tmp_path / "a.csv.gz").read_bytes(), 31) == b"text" * 1000


@pytest.mark.parametrize("other", ["a-00000-of-00002.csv", "a-00007-of-00012.csv", "a-123456-of-1234567.csv"])
def test_a_set_is_not_mixed_with_another_of_its_name(tmp_path: Path, other: str) -> None:
    (tmp_path / other).write_bytes(b"")
    with pytest.raises(FileExistsError, match="remove them first") as caught:
        OutputFiles(str(tmp_path / "a.csv"), ".csv", "", True)
    assert caught.value.filename == str(tmp_path / other)
    OutputFiles(str(tmp_path / "a.json"), ".json", "", True)
    OutputFiles(str(tmp_path / "b.csv"), ".csv", "", True)
    OutputFiles(str(tmp_path / "a.csv"), ".csv", "", False)


@pytest.mark.parametrize("name", ["", ".csv"])
def test_shards_need_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        OutputFiles(f"{tmp_path}/{name}", name, "", True)


def test_a_rename_that_fails_leaves_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = OutputFiles(str(tmp_path / "a.csv"), ".csv", "", True)
    for number in range(3):
        files.open_next().write(b"%d" % number)
    rename = os.replace

    def failing(old: Any, new: Any) -> None:
        if "00001-of" in new:
            raise OSError(28, "No space left on device", new)
        rename(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="No space left"):
        files.publish()
    assert names(tmp_path) == ["a-00000-of-00003.csv"]
    assert (tmp_path / "a-00000-of-00003.csv").read_bytes() == b"0"


def test_a_sink_that_cannot_be_made_leaves_no_hidden_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("tfrecord_lite.files.output_files.open_sink", failing)
    with pytest.raises(MemoryError):
        OutputFiles(str(tmp_path / "a.csv"), ".csv", "", True).open_next()
    assert names(tmp_path) == []


def test_a_dash_is_standard_output() -> None:
    assert of_path("-") == "/dev/stdout"
    assert of_path(b"a") == of_path(Path("a")) == "a"
