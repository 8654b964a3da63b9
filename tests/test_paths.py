import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frame

from tfrecord_lite import (
    ShardedWriter,
    TFRecordError,
    TFRecordReader,
    TFRecordWriter,
    count_records,
    read_records,
    surgery,
)
from tfrecord_lite.files.paths import list_paths
from tfrecord_lite.format.blocks import read_blocks


def write(path: Path, *records: bytes) -> Path:
    with TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (2, 0, 1):
        write(tmp_path / f"train-{number:05}-of-00003", f"{number}".encode())
    write(tmp_path / "_hidden", b"hidden")
    write(tmp_path / ".hidden", b"hidden")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("convert", [str, Path, os.fsencode, lambda path: [str(path)], lambda path: (Path(path),)])
def test_a_path_may_be_str_bytes_pathlike_or_in_a_sequence(tmp_path: Path, convert: Any) -> None:
    path = write(tmp_path / "a.tfrecord", b"a")
    assert list(read_records(convert(path))) == [b"a"]


def test_standard_input_is_taken_once(folder: Path) -> None:
    with pytest.raises(ValueError, match="standard input, -, is read once"):
        read_records(["-", folder, "-"])


@pytest.mark.parametrize("paths", [2, None, np.array(2), np.array("a")], ids=repr)
def test_paths_that_are_none_are_a_type_error(paths: Any) -> None:
    with pytest.raises(TypeError, match=r"^paths are str, PathLike, file objects or a sequence of them, not "):
        list_paths(paths)


def test_an_error_of_what_gives_the_paths_is_its_own() -> None:
    def given() -> Iterator[str]:
        raise TypeError("its own")
        yield ""

    with pytest.raises(TypeError, match="its own"):
        list_paths(given())


def test_a_glob_is_read_in_the_order_of_names(folder: Path) -> None:
    assert list(read_records(f"{folder}/train-*")) == [b"0", b"1", b"2"]


def test_a_directory_is_its_data_files(folder: Path) -> None:
    assert list(read_records(folder)) == [b"0", b"1", b"2"]


def test_a_sequence_is_read_in_its_own_order(folder: Path) -> None:
    names = [folder / "train-00001-of-00003", f"{folder}/train-0000[02]*"]
    assert list(read_records(names)) == [b"1", b"0", b"2"]


def test_a_generator_of_paths_is_a_sequence(folder: Path) -> None:
    assert count_records(path for path in folder.glob("train-*")) == 3


def test_a_glob_of_directories_is_all_of_them_as_their_manifests_say(tmp_path: Path) -> None:
    for day in ("day=2", "day=1", "_temporary", "other"):
        (tmp_path / day).mkdir()
        with ShardedWriter(tmp_path / day / "part", num_shards=2) as writer:
            for number in range(3):
                writer.write(f"{day} {number}".encode())
    stray = tmp_path / "day=1" / "part-00007-of-00009"  # what a set that was replaced has left
    stray.write_bytes((tmp_path / "day=2" / "part-00000-of-00002").read_bytes())
    records = [b"day=1 0", b"day=1 2", b"day=1 1", b"day=2 0", b"day=2 2", b"day=2 1"]
    assert list(read_records(tmp_path / "day=*")) == records
    assert count_records(tmp_path / "*") == 9
    assert count_records(tmp_path / "day=2" / "*") == 3  # neither _MANIFEST.json nor _SUCCESS
    (tmp_path / "day=3").mkdir()
    with pytest.raises(FileNotFoundError, match="no data files in the directory"):
        count_records(tmp_path / "day=*")


def test_a_directory_that_a_glob_finds_is_no_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").mkdir()
    (tmp_path / "-" / "data").write_bytes(frame(b"a"))
    monkeypatch.chdir(tmp_path)
    assert list(read_records("*")) == [b"a"]


def test_a_name_that_exists_is_no_pattern(tmp_path: Path) -> None:
    write(tmp_path / "a1", b"other")
    write(tmp_path / "a[1]", b"this")
    assert list(read_records(tmp_path / "a[1]")) == [b"this"]


@pytest.mark.parametrize("name", ["missing", "missing-*", "train-00000-of-00003/below"])
def test_what_is_missing_is_an_oserror_with_its_name_before_any_work(folder: Path, name: str) -> None:
    with pytest.raises(OSError, match=r"missing|below") as caught:
        read_records([folder / "train-00000-of-00003", folder / name])
    assert str(folder / name) in str(caught.value)


def test_an_empty_directory_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no data files"):
        read_records(tmp_path)


def test_links_that_lead_nowhere_are_oserrors(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("dangling", "loop"):
        for read in (read_records, TFRecordReader):
            with pytest.raises(OSError, match=name):
                read(tmp_path / name)


@pytest.mark.parametrize("paths", [3, None, [3], [None], [["nested"]]])
def test_what_is_no_path_is_a_type_error(paths: Any) -> None:
    with pytest.raises(TypeError):
        read_records(paths)


def test_a_reader_of_one_file_refuses_a_directory(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        TFRecordReader(tmp_path)


def test_file_objects_are_read_from_where_they_stand_and_stay_open(tmp_path: Path) -> None:
    data = write(tmp_path / "a", b"a", b"b").read_bytes()
    stream = io.BytesIO(b"before" + data)
    stream.seek(6)
    assert list(read_records(stream)) == [b"a", b"b"]
    assert not stream.closed
    with (tmp_path / "a").open("rb") as file:
        assert list(read_records([file, io.BytesIO(data)])) == [b"a", b"b"] * 2
        assert not file.closed


def test_a_text_file_object_is_a_type_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="binary"):
        list(read_records(io.StringIO("text")))
    with pytest.raises(TypeError, match="binary"), (tmp_path / "a").open("w") as file:
        TFRecordWriter(file)


@pytest.mark.parametrize("source", ["'-'", "sys.stdin", "sys.stdin.buffer", "'/dev/stdin'"])
def test_standard_input_is_read(tmp_path: Path, source: str) -> None:
    path = write(tmp_path / "a", b"a", b"b" * 70000, b"c")
    code = f"import sys, tfrecord_lite as tfr; print([len(r) for r in tfr.read_records({source})])"
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        result = subprocess.run([sys.executable, "-c", code], stdin=cat.stdout, capture_output=True, text=True)
    assert result.stdout == "[1, 70000, 1]\n", result.stderr


def test_records_come_through_a_pipe_as_they_are_written() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source, os.fdopen(write_end, "wb", buffering=0) as target:
        writer = TFRecordWriter(target)
        writer.write(b"first")
        writer.flush()
        records = read_records(source)
        assert next(records) == b"first"
        writer.write(b"second")
        writer.close()
        assert next(records) == b"second"


def test_a_non_blocking_stream_with_nothing_to_read_is_no_end_of_file() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    with os.fdopen(read_end, "rb", buffering=0) as source, os.fdopen(write_end, "wb"), pytest.raises(BlockingIOError):
        list(read_records(source))


def test_a_non_blocking_stream_that_pauses_in_a_large_record_is_no_end_of_file() -> None:
    class Pausing(io.BytesIO):
        """Gives what it holds, and nothing yet behind it."""

        def readinto(self, buffer: Any, /) -> int | None:  # type: ignore[override]
            return super().readinto(buffer) or None

        def read(self, size: int | None = -1, /) -> bytes | None:  # type: ignore[override]
            return super().read(size) or None

    for length in (100, 100_000, 2_000_000):
        blocks = read_blocks(Pausing(frame(bytes(length))[:-1]))
        with pytest.raises(BlockingIOError, match="nothing to read now"):
            list(blocks)


def test_relative_paths_mean_the_files_that_were_there_when_they_were_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            write(tmp_path / folder / name, f"{folder} {name}".encode())
    monkeypatch.chdir(tmp_path / "here")
    records = read_records(["a", "b"])
    assert next(records) == b"here a"
    monkeypatch.chdir(tmp_path / "there")
    assert list(records) == [b"here b"]
    (tmp_path / "here" / "b").write_bytes(b"damaged here")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(TFRecordError) as caught:
        list(read_records("b"))
    assert caught.value.path == "b"


def test_absolute_paths_are_read_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a", b"a")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert list(read_records(path)) == [b"a"]


@pytest.mark.parametrize("pattern", ["", "train*", "*.tfrecord*", "**"])
def test_indexes_are_no_data_unless_they_are_named(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "train.tfrecord"
    with TFRecordWriter(path, index=True) as writer:
        writer.write(b"a")
    (tmp_path / "train2.tfrecord.idx").write_bytes(b"\1" + bytes(31))  # another program's
    assert len(list(tmp_path.iterdir())) == 4
    assert list(read_records(f"{tmp_path}/{pattern}")) == [b"a"]
    with pytest.raises(FileNotFoundError, match="no file matches"):
        read_records(f"{tmp_path}/*.idx")
    with pytest.raises(TFRecordError, match=r"\.idx: .*by its name this is an index, not data"):
        count_records(f"{path}.idx")
    with pytest.raises(TFRecordError, match=r"\.json: .*by its name this is an index, not data"):
        count_records(f"{path}.idx.json")


def test_a_list_of_shards_that_is_named_is_told_from_data(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=1) as writer:
        writer.write(b"a")
    with pytest.raises(TFRecordError, match=r"_MANIFEST\.json: .*by its name this is a list of shards, not data"):
        count_records(tmp_path / "_MANIFEST.json")
    write(tmp_path / "data.idx", b"a", b"b")
    assert count_records(tmp_path / "data.idx") == 2


def test_splitting_beside_other_files_hides_none_of_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.tfrecord", name.encode())
    surgery.split(tmp_path / "a.tfrecord", tmp_path / "piece", num_shards=2)
    assert list(read_records(tmp_path)) == [b"a", b"b", b"a"]


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_file_that_goes_while_it_is_looked_at_is_missing_and_not_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    """As in a directory in which somebody commits."""
    path = tmp_path / "a"
    path.write_bytes(frame(b"old"))
    access = os.access

    def asked_between(name: Any, mode: int) -> bool:
        monkeypatch.setattr(os, "access", access)
        path.rename(tmp_path / "older")
        found = access(name, mode)
        if comes_back:
            path.write_bytes(frame(b"new"))
        return found

    monkeypatch.setattr(os, "access", asked_between)
    if comes_back:
        assert list(read_records(path)) == [b"new"]
    else:
        with pytest.raises(FileNotFoundError, match=r"'.*a'"):
            list(read_records(path))


@pytest.mark.parametrize("paths", [{"a", "b"}, frozenset("ab")], ids=["set", "frozenset"])
def test_what_has_no_order_is_no_list_of_paths(paths: Any) -> None:
    """Each process would number the records in another way."""
    with pytest.raises(TypeError, match="paths have an order"):
        list_paths(paths)
