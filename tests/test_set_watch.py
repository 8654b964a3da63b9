"""A set of shards that is replaced while its files are read is an error, and no mixture of two sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tfrecord_lite as tfr
from tfrecord_lite import ShardedWriter, ShardError, plan_read, read_batches, read_examples
from tfrecord_lite.files.directory import open_directory
from tfrecord_lite.files.manifest import SUCCESS, load_manifest, save_plan
from tfrecord_lite.files.manifest import Plan as CommitPlan


def write(directory: Any, version: int, prefix: str = "train", shards: int = 3) -> None:
    with ShardedWriter(open_directory(str(directory)).join(prefix), num_shards=shards) as writer:
        for _ in range(30):
            writer.write_example({"version": version})


def versions(directory: Any) -> Iterator[int]:
    for example in read_examples(directory):
        yield example["version"].item()


def batches(directory: Any) -> Iterator[int]:
    for batch in read_batches(directory, {"version": tfr.FixedLenFeature([], "int64")}, batch_size=1):
        yield batch["version"].item()


def planned(directory: Any) -> Iterator[int]:
    (files,) = plan_read(directory, 1)
    yield from versions(files)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A directory."""
    return tmp_path if request.param == "local" else request.getfixturevalue("memory")


@pytest.mark.parametrize("read", [versions, batches, planned])
def test_no_reader_gives_records_of_two_sets(place: Any, read: Callable[[Any], Iterator[int]]) -> None:
    write(place, 1)
    reading = read(place)
    assert next(reading) == 1
    write(place, 2)
    found: list[int] = []
    with pytest.raises(ShardError, match="was replaced, or is about to be, while it was read"):
        found.extend(reading)
    assert set(found) <= {1}
    assert list(read(place)) == [2] * 30


def test_frames_of_two_sets_are_not_moved_into_one_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", 1)
    replaced = False

    def replace(done: int, total: int) -> None:
        nonlocal replaced
        if not replaced:
            replaced = True
            write(tmp_path / "data", 2)

    with pytest.raises(ShardError, match="was replaced"):
        tfr.surgery.merge(tmp_path / "data", tmp_path / "out", progress=replace)
    assert not (tmp_path / "out").exists()


def test_other_sets_in_the_directory_come_and_go(place: Any) -> None:
    write(place, 1)
    pattern = open_directory(str(place)).join("train-*")
    reading = versions(pattern)
    assert next(reading) == 1
    write(place, 7, "other")
    assert list(reading) == [1] * 29


def test_a_commit_that_was_cut_off_is_read_by_a_pattern_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, 1)
    directory = open_directory(str(tmp_path))
    sets = load_manifest(directory)
    assert sets is not None
    save_plan(directory, "train", CommitPlan(sets["train"], [".shard-0.tmp"] * 3, {}, []))
    (tmp_path / SUCCESS).unlink()
    assert list(versions(tmp_path / "train-*")) == [1] * 30
    reading = versions(tmp_path / "train-*")
    assert next(reading) == 1
    for plan in tmp_path.glob("_PLAN-*"):
        plan.unlink()  # it went on
    with pytest.raises(ShardError, match="was replaced"):
        list(reading)


def test_of_one_file_and_of_files_of_other_names_nothing_is_asked(tmp_path: Path) -> None:
    write(tmp_path, 1, shards=1)
    shutil.copy(tmp_path / "train-00000-of-00001", tmp_path / "a")
    shutil.copy(tmp_path / "a", tmp_path / "b")
    for paths in (tmp_path / "train-00000-of-00001", [tmp_path / "a", tmp_path / "b"]):
        reading = versions(paths)
        next(reading)
        write(tmp_path, 2, shards=1)
        assert set(reading) == {1}
        write(tmp_path, 1, shards=1)
