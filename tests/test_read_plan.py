"""plan_read: files are divided among readers."""

from __future__ import annotations

import pickle
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_files import written

from tfrecord_lite import ShardInfo, commit, plan_read


def infos_of(*records: int) -> list[ShardInfo]:
    return [ShardInfo(f"train-{number}", count, count * 20, 0) for number, count in enumerate(records)]


@given(st.lists(st.integers(0, 1000), max_size=40), st.integers(1, 12))
def test_parts_hold_each_file_once_and_are_as_equal_as_whole_files_can_be(counts: list[int], n: int) -> None:
    infos = infos_of(*counts)
    parts = plan_read(infos, n)
    assert parts == plan_read(iter(infos), n)
    assert pickle.loads(pickle.dumps(parts)) == parts
    assert len(parts) == n
    assert sorted(chain.from_iterable(parts)) == sorted(info.path for info in infos)
    order = {info.path: number for number, info in enumerate(infos)}
    assert all([order[path] for path in part] == sorted(order[path] for path in part) for part in parts)
    loads = [sum(infos[order[path]].records for path in part) for part in parts]
    # Greedy: the heaviest part would not be the heaviest without its lightest file.
    heaviest = max(range(n), key=loads.__getitem__)
    if parts[heaviest]:
        lightest = min(infos[order[path]].records for path in parts[heaviest])
        assert loads[heaviest] - lightest <= min(loads)
    if len(infos) >= n:
        assert all(parts) or 0 in counts


def test_parts_beyond_the_number_of_files_are_empty() -> None:
    assert plan_read(infos_of(5, 7), 4) == [["train-1"], ["train-0"], [], []]


def test_equal_files_are_dealt_out_evenly() -> None:
    assert list(map(len, plan_read(infos_of(*[3] * 10), 4))) == [3, 3, 2, 2]
    assert list(map(len, plan_read(infos_of(*[0] * 10), 4))) == [3, 3, 2, 2]


def test_records_count_where_a_manifest_knows_them_and_bytes_elsewhere(tmp_path: Path) -> None:
    infos = commit(written(tmp_path / "train", [b""] * 6, [b"x" * 1000], [b""] * 6, [b"y"] * 7), tmp_path / "train")
    paths = [str(tmp_path / f"train-0000{number}-of-00004") for number in range(4)]
    by_records = plan_read(infos, 2)
    assert [sum(info.records for info in infos if info.path in part) for part in by_records] == [8, 12]
    assert plan_read(tmp_path, 2) == plan_read(paths, 2) == plan_read(f"{tmp_path}/train-*", 2) == by_records
    (tmp_path / "_MANIFEST.json").unlink()
    by_bytes = plan_read(tmp_path, 2)
    assert by_bytes == [[paths[1]], [paths[0], paths[2], paths[3]]]


def test_with_a_file_that_no_manifest_knows_bytes_count(tmp_path: Path) -> None:
    commit(written(tmp_path / "train", [b"x" * 1000], [b""] * 9, [b""] * 9), tmp_path / "train")
    (other := tmp_path / "zebra").write_bytes(bytes(100))
    first, *rest = (str(tmp_path / f"train-0000{number}-of-00003") for number in range(3))
    assert plan_read(tmp_path, 2) == [[first], [*rest, str(other)]]


def test_relative_directories_are_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(written(tmp_path / "train", [b"a"], [b"b"]), tmp_path / "train")
    monkeypatch.chdir(tmp_path)
    assert plan_read(["train-00000-of-00002", "train-00001-of-00002"], 2) == [
        ["train-00000-of-00002"],
        ["train-00001-of-00002"],
    ]


@pytest.mark.parametrize("n", [0, -1])
def test_there_is_at_least_one_part(n: int) -> None:
    with pytest.raises(ValueError, match="1 part or more"):
        plan_read(infos_of(1), n)


@pytest.mark.parametrize("n", ["2", 2.0, None])
def test_the_number_of_parts_is_a_whole_one(n: Any) -> None:
    with pytest.raises(TypeError, match=f"n is a whole number of parts, not {n!r}"):
        plan_read([], n)


def test_streams_cannot_be_divided(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with (tmp_path / "a").open("rb") as file, pytest.raises(TypeError, match="path"):
        plan_read([file], 2)
