"""Where a command's streams have no place, it says so before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main


@pytest.fixture
def path(tmp_path: Path) -> str:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"x")
    return str(tmp_path / "a")


def test_an_index_has_a_file(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", path, "-"]) == 2
    assert "give a file, - has no place" in capsys.readouterr().err
    assert not Path(f"{path}.idx").exists()


def test_standard_input_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "-", "-"]) == 2
    assert "standard input, -, is read once" in capsys.readouterr().err


def test_what_is_salvaged_does_not_replace_what_it_is_taken_from(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(path).read_bytes()
    assert main(["salvage", path, path]) == 2
    assert "IN and OUT are the same file" in capsys.readouterr().err
    assert Path(path).read_bytes() == before


def test_where_nothing_is_salvaged_there_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad").write_bytes(bytes(range(200)))
    assert main(["salvage", str(tmp_path / "bad"), str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    assert "0 records" in "".join(capsys.readouterr())
