"""Where mended files go: never over an input, never two to one name."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from tfrecord_lite.files.lint_outputs import outputs_of


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    paths = [str(tmp_path / "in" / name) for name in "ab"]
    for path in paths:
        Path(path).write_bytes(b"")
    return paths


def test_one_file_goes_to_a_file_or_into_a_directory(tmp_path: Path, files: list[str]) -> None:
    out = str(tmp_path / "out")
    assert outputs_of(files[:1], tmp_path / "new") == [tmp_path / "new"]
    assert outputs_of(files[:1], out) == [os.path.join(out, "a")]
    assert outputs_of(files, Path(out)) == [os.path.join(out, "a"), os.path.join(out, "b")]


def test_streams_go_to_a_file_only(tmp_path: Path) -> None:
    stream, out = io.BytesIO(), io.BytesIO()
    assert outputs_of([stream], out) == [out]
    assert outputs_of(["-"], tmp_path / "new") == [tmp_path / "new"]
    for source in (stream, "-"):
        with pytest.raises(ValueError, match="a stream has no name"):
            outputs_of([source], tmp_path)


def test_several_files_need_a_directory(tmp_path: Path, files: list[str]) -> None:
    for out in (tmp_path / "new", files[0]):
        with pytest.raises(ValueError, match="for 2 files the output is a directory that is there"):
            outputs_of(files, out)


def test_two_files_of_one_name_are_refused(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a").write_bytes(b"")
    with pytest.raises(ValueError, match="two files have the same name"):
        outputs_of([files[0], str(tmp_path / "other" / "a")], tmp_path / "out")


@pytest.mark.parametrize("is_link", [False, True])
def test_what_is_in_the_directory_already_is_not_replaced(tmp_path: Path, files: list[str], is_link: bool) -> None:
    there = tmp_path / "out" / "b"
    if is_link:
        there.symlink_to("nowhere")
    else:
        there.write_bytes(b"")
    with pytest.raises(ValueError, match=r"out/b' is there already"):
        outputs_of(files, tmp_path / "out")


def test_an_input_is_not_replaced_under_any_name(tmp_path: Path, files: list[str], monkeypatch: Any) -> None:
    (tmp_path / "link").symlink_to(files[0])
    (tmp_path / "folder").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    for out in (files[0], "in/a", "link", tmp_path / "in", "folder"):
        with pytest.raises(ValueError, match="the output is an input"):
            outputs_of(files[:1], out)
    with pytest.raises(ValueError, match="the output is an input"):
        outputs_of(["not there yet"], "not there yet")
