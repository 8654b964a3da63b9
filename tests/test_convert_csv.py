"""convert: CSV with other separators, files that are GZIP whatever their name, folders without images."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert


def examples_of(path: Path) -> list[dict[str, object]]:
    """With lists in the place of arrays."""
    return [{name: list(value) for name, value in example.items()} for example in tfr.read_examples(path)]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_separator_is_told_from_the_first_line(separator: str, tmp_path: Path) -> None:
    rows = [["n", "text", '"a,b;c"'], ["1", '"x, y; z"', "1.5"], ["2", '"\ttab"', "2.5"]]
    (tmp_path / "t.csv").write_text("".join(separator.join(row) + "\n" for row in rows))
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [
        {"n": [1], "text": [b"x, y; z"], "a,b;c": [1.5]},
        {"n": [2], "text": [b"\ttab"], "a,b;c": [2.5]},
    ]


def test_quoted_names_with_separators_in_them_are_not_cut(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        writer.write_example({"a;b\tc": 1})
    convert(tmp_path / "a.tfrecord", tmp_path / "t.csv")
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [{"a;b\tc": [1]}]


def test_a_name_says_that_a_file_has_tabs_and_such_a_file_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.tsv").write_text("n\ttext\n1\ta,b\n")
    assert main(["convert", str(tmp_path / "t.tsv"), str(tmp_path / "out.tfrecord")]) == 0
    assert examples_of(tmp_path / "out.tfrecord") == [{"n": [1], "text": [b"a,b"]}]
    assert main(["convert", str(tmp_path / "out.tfrecord"), str(tmp_path / "back.tsv")]) == 2
    assert "a CSV is written with commas" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["csv", "jsonl", "tar"])
def test_gzip_is_recognised_by_the_content(end: str, tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for number in range(50):
            writer.write_example({"n": number})
    assert main(["convert", str(tmp_path / "a.tfrecord"), str(tmp_path / f"t.{end}"), "--compression", "GZIP"]) == 0
    data = (tmp_path / f"t.{end}").read_bytes()
    assert gzip.decompress(data)
    convert(tmp_path / f"t.{end}", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "a.tfrecord").read_bytes()
    (tmp_path / f"cut.{end}").write_bytes(data[:-12])
    with pytest.raises(tfr.TFRecordError, match=f"/cut.{end}: "):
        convert(tmp_path / f"cut.{end}", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_folder_without_images_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    assert main(["convert", str(tmp_path / "photos"), str(tmp_path / "out"), "--from", "images"]) == 1
    assert "photos: there is no image in it\n" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["photos"]
