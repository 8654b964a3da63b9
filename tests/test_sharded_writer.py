"""ShardedWriter as a TFRecordWriter: frames that are moved to a shard, and what surrounds them keeps its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.files.frames import FrameSource
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.gaps import frame_group


def shards(folder: Path) -> list[list[bytes]]:
    return [list(tfr.read_records(path)) for path in sorted(folder.glob("train-*"))]


def frames(*records: bytes) -> FrameGroup:
    return frame_group(list(records))


def test_frames_go_to_the_shard_that_is_named_and_take_no_turn(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=3) as writer:
        writer.write(b"0")
        writer.write_frames(frames(b"a", b"b"), shard=2)
        writer.write(b"1")
        writer.write_frames(frames(b"c"), shard=0)
        writer.write(b"2")
        writer.write_frames(frames(), shard=1)
        writer.write(b"3")
    assert shards(tmp_path) == [[b"0", b"c", b"3"], [b"1"], [b"a", b"b", b"2"]]
    assert [info.records for info in writer.infos] == [3, 1, 3]


@pytest.mark.parametrize(
    ("options", "shard", "problem"),
    [
        ({"num_shards": 3}, 3, "no shard 3 of 3"),
        ({"num_shards": 3}, -1, "no shard -1 of 3"),
        ({"max_records": 3}, 0, "no shard 0 of None"),
    ],
)
def test_a_shard_that_is_not_there_is_refused_and_nothing_is_written(
    options: Any, shard: int, problem: str, tmp_path: Path
) -> None:
    with tfr.ShardedWriter(tmp_path / "train", **options) as writer:
        with pytest.raises(ValueError, match=problem):
            writer.write_frames(frames(b"a"), shard=shard)
        writer.write(b"0")
    assert [record for shard in shards(tmp_path) for record in shard] == [b"0"]


@pytest.mark.parametrize("options", [{"num_shards": 4}, {"max_records": 3}, {"max_bytes": 100}], ids=str)
def test_frames_that_are_moved_lie_as_records_that_are_written(options: Any, tmp_path: Path) -> None:
    records = [b"%d" % number * (number % 7) for number in range(30)]
    with tfr.TFRecordWriter(tmp_path / "all") as one:
        for record in records:
            one.write(record)
    for name in ("written", "moved"):
        (tmp_path / name).mkdir()
    with tfr.ShardedWriter(tmp_path / "written" / "train", **options) as writer:
        for record in records:
            writer.write(record)
    with tfr.ShardedWriter(tmp_path / "moved" / "train", **options) as writer:
        for block in FrameSource(tmp_path / "all").blocks():
            writer.write_frames(block.frames())
    assert shards(tmp_path / "moved") == shards(tmp_path / "written")
    assert [info.records for info in writer.infos] == list(map(len, shards(tmp_path / "written")))


def test_columns_go_on_with_the_turn_of_the_record_before(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=3) as writer:
        writer.write_example({"k": 0})
        assert writer.write_columns({"k": np.arange(1, 6)}) == 5
        writer.write_example({"k": 6})
        writer.write_example({"k": 99}, key="k")
        writer.write_example({"k": 7})
    found = [[int(tfr.decode_example(record)["k"][0]) for record in shard] for shard in shards(tmp_path)]
    assert [[number for number in shard if number != 99] for shard in found] == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_columns_that_are_refused_take_no_turn(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        writer.write(b"0")
        with pytest.raises(tfr.FeatureError):
            writer.write_columns({"k": np.arange(3), "l": np.arange(2)})
        writer.write(b"1")
    assert shards(tmp_path) == [[b"0"], [b"1"]]


def test_a_record_that_is_longer_than_a_shard_has_one_of_its_own(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", max_bytes=40, max_records=2) as writer:
        for record in (b"a", b"b", b"c", bytes(100), b"d", bytes(24), b"e"):
            writer.write(record)
    assert shards(tmp_path) == [[b"a", b"b"], [b"c"], [bytes(100)], [b"d"], [bytes(24)], [b"e"]]
    assert [info.bytes for info in writer.infos] == [34, 17, 116, 17, 40, 17]


def test_a_set_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    writer = tfr.ShardedWriter(tmp_path / "train", num_shards=2, publish=False)
    writer.write(b"0")
    writer.discard()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="discarded"):
        writer.write(b"1")
