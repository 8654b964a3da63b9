"""Frames are moved as they are: to one file, to shards, some of them, each once."""

from __future__ import annotations

import errno
import io
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import collect, cut_at, flip_bit, frame, frames, theirs_v1
from hypothesis import given, settings
from hypothesis import strategies as st
from record_files import write

import tfrecord_lite as tfr
from tfrecord_lite import surgery
from tfrecord_lite.files import remote
from tfrecord_lite.format import blocks
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import BLOCK_SIZE, LARGE_FRAME, read_blocks

COMPRESSIONS = ["", "GZIP", "ZLIB"]


@pytest.fixture
def records() -> list[bytes]:
    """Of every size that takes a way of its own, in several blocks."""
    generator = np.random.default_rng(1)
    sizes = [0, 1, 3000, LARGE_FRAME - 17, LARGE_FRAME, LARGE_FRAME + 1, 5, BLOCK_SIZE + 1, 0, *range(200, 1400)]
    return [generator.bytes(size) for size in sizes]


@pytest.fixture
def path(tmp_path: Path, records: list[bytes]) -> Path:
    return write(tmp_path / "data", records)


#: Every function that writes, by name: (paths, out, progress) -> what it says.
WRITERS: dict[str, Callable[..., surgery.Moved]] = {
    "merge": surgery.merge,
    "split": lambda paths, out, **rest: surgery.split(paths, out, max_records=100, **rest),
    "reshard": lambda paths, out, **rest: surgery.reshard(paths, out, 3, **rest),
    "shuffle": lambda paths, out, **rest: surgery.shuffle(paths, out, seed=1, memory=1 << 20, **rest),
    "shuffle to shards": lambda paths, out, **rest: surgery.shuffle(paths, out, seed=1, num_shards=3, **rest),
    "sample": lambda paths, out, **rest: surgery.sample(paths, out, fraction=0.5, seed=1, **rest),
    "filter": lambda paths, out, **rest: surgery.filter(paths, out, numbers=slice(0, None, 2), **rest),
    "dedupe": surgery.dedupe,
}
IN_TWO_PASSES = ["reshard", "sample", "dedupe"]


# Blocks give what was stored.


@given(
    sizes=st.lists(st.sampled_from([0, 1, 20, 500, LARGE_FRAME - 16, LARGE_FRAME + 1, 70_000]), max_size=40),
    seed=st.integers(0, 99),
    verify=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_block_gives_its_frames_as_they_were_stored(sizes: list[int], seed: int, verify: bool) -> None:
    generator = np.random.default_rng(seed)
    data = b"".join(frame(bytes(size)) for size in sizes)
    out, chosen_out, expected, each, crcs = [], [], [], [], []
    for block in read_blocks(io.BytesIO(data), verify=verify):
        chosen = generator.random(len(block)) < 0.5
        # CRCs first or frames first: the buffer is put in order once.
        crcs.append(block.stored_crcs().copy())
        chosen_out += [bytes(piece) for piece in block.chosen_frames(chosen).pieces]
        out += [bytes(piece) for piece in block.frames().pieces]
        expected += [one for one, is_chosen in zip(block.each_frame(), chosen, strict=True) if is_chosen]
        each += block.each_frame()
        assert not len(block.frames(1, 1))
    assert b"".join(out) == b"".join(each) == data
    assert each == [frame(bytes(size)) for size in sizes]
    assert b"".join(chosen_out) == b"".join(expected)
    assert [int(crc) for part in crcs for crc in part] == [
        int.from_bytes(frame(bytes(size))[-4:], "little") for size in sizes
    ]


def test_without_verification_a_block_gives_damaged_frames_as_they_are() -> None:
    data = flip_bit(frames([b"abc", b"defg"]), 14)
    assert (
        b"".join(bytes(p) for block in read_blocks(io.BytesIO(data), verify=False) for p in block.frames().pieces)
        == data
    )


def test_good_frames_before_damage_are_given_as_they_were_stored() -> None:
    data = frames([b"abc"] * 100)
    each = (frame for block in read_blocks(io.BytesIO(flip_bit(data, 19 * 60 + 13))) for frame in block.each_frame())
    found, error = collect(each, tfr.CorruptRecordError)
    assert b"".join(found) == data[: 19 * 60]
    assert error is not None


def test_records_can_still_be_read_from_a_block_that_gave_its_frames() -> None:
    for block in read_blocks(io.BytesIO(frames([b"abc", b"", b"defg"]))):
        block.frames()
        assert block.records() == [b"abc", b"", b"defg"]
    assert Block.of_record(b"xyz").each_frame() == [frame(b"xyz")]


# merge, split, reshard


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_merge_gives_the_frames_of_all_files_in_order(
    tmp_path: Path, path: Path, records: list[bytes], compression: str
) -> None:
    second = write(tmp_path / "second", records[:7], compression)
    write(tmp_path / "glob-1", [b"one"])
    write(tmp_path / "glob-2", [b"two"])
    moved = surgery.merge([path, second, tmp_path / "glob-*"], tmp_path / "out")
    everything = [*records, *records[:7], b"one", b"two"]
    plain = write(tmp_path / "plain", everything).read_bytes()
    assert (tmp_path / "out").read_bytes() == plain
    assert moved.read == moved.written == len(everything)
    assert moved.files == (surgery.WrittenFile(str(tmp_path / "out"), len(everything), len(plain)),)
    assert theirs_v1(tmp_path / "out") == (everything, None)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_outputs_are_compressed_if_asked_for(
    tmp_path: Path, path: Path, records: list[bytes], compression: str
) -> None:
    surgery.merge(path, tmp_path / "out", options=compression)
    assert theirs_v1(tmp_path / "out", compression) == (records, None)
    surgery.split(path, tmp_path / "shard", num_shards=2, options=compression)
    for shard in sorted(tmp_path.glob("shard-*")):
        with tfr.TFRecordReader(shard) as reader:
            assert reader.compression_type == compression
    assert list(tfr.read_records(tmp_path / "shard-*")) == records


@pytest.mark.parametrize("num_shards", [1, 2, 7, 1300])
def test_shards_follow_each_other_and_are_equally_long(
    tmp_path: Path, path: Path, records: list[bytes], num_shards: int
) -> None:
    moved = surgery.reshard(path, tmp_path / "s", num_shards)
    names = [f"s-{number:05}-of-{num_shards:05}" for number in range(num_shards)]
    assert sorted(file.name for file in tmp_path.glob("s-*")) == names
    assert [file.path for file in moved.files] == [str(tmp_path / name) for name in names]
    assert b"".join((tmp_path / name).read_bytes() for name in names) == path.read_bytes()
    counts = [tfr.count_records(tmp_path / name) for name in names]
    assert max(counts) - min(counts) <= 1
    assert counts == [file.records for file in moved.files]
    assert [file.size for file in moved.files] == [(tmp_path / name).stat().st_size for name in names]


def test_shards_are_full_before_the_next_one_begins(tmp_path: Path, path: Path, records: list[bytes]) -> None:
    moved = surgery.split(path, tmp_path / "s", max_records=100)
    assert [file.records for file in moved.files] == [100] * 12 + [len(records) - 1200]
    moved = surgery.split(path, tmp_path / "b", max_bytes=50_000)
    sizes = [len(record) + 16 for record in records]
    for file, following in zip(moved.files, moved.files[1:], strict=False):
        done = sum(other.records for other in moved.files[: moved.files.index(file) + 1])
        assert file.size <= 50_000 or file.records == 1
        assert file.size + sizes[done] > 50_000, following
    assert list(tfr.read_records(tmp_path / "b-*")) == records
    both = surgery.split(path, tmp_path / "c", max_records=100, max_bytes=50_000)
    assert all(file.records <= 100 and (file.size <= 50_000 or file.records == 1) for file in both.files)
    assert list(tfr.read_records(tmp_path / "c-*")) == records


@pytest.mark.parametrize(
    "arguments", [{}, {"num_shards": 2, "max_records": 1}, {"num_shards": 0}, {"max_bytes": -1}, {"max_records": 0}]
)
def test_a_split_that_is_not_clear_is_refused_before_any_work(
    tmp_path: Path, path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        surgery.split(path, tmp_path / "s", **arguments)
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("prefix", ["", "directory/"])
def test_a_prefix_without_a_name_is_refused(path: Path, prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        surgery.split(path, prefix, max_records=1)


# What holds for all of them.


@pytest.mark.parametrize("name", WRITERS)
def test_tensorflow_reads_what_was_written(tmp_path: Path, path: Path, records: list[bytes], name: str) -> None:
    moved = WRITERS[name](path, tmp_path / "out")
    read = [record for file in moved.files for record in theirs_v1(str(file.path))[0]]
    assert len(read) == moved.written
    assert not set(read) - set(records)
    assert moved.read == len(records)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_damage_raises_and_leaves_nothing(tmp_path: Path, records: list[bytes], name: str, compression: str) -> None:
    data = write(tmp_path / "whole", records, compression).read_bytes()
    damaged = tmp_path / "damaged"
    for harmed in (cut_at(data, len(data) - 3), flip_bit(data, len(data) // 2)):
        damaged.write_bytes(harmed)
        with pytest.raises(tfr.TFRecordError) as caught:
            WRITERS[name]([tmp_path / "whole", damaged], tmp_path / "out")
        assert caught.value.path == str(damaged)
        assert caught.value.record_number is not None
        assert caught.value.offset is not None
        assert sorted(os.listdir(tmp_path)) == ["damaged", "whole"]


@pytest.mark.parametrize("name", WRITERS)
def test_no_records_make_sound_outputs(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").write_bytes(b"")
    moved = WRITERS[name](tmp_path / "empty", tmp_path / "out")
    assert (moved.read, moved.written) == (0, 0)
    assert moved.files
    for file in moved.files:
        assert theirs_v1(str(file.path)) == ([], None)


@pytest.mark.parametrize("name", WRITERS)
def test_an_output_may_be_an_input(tmp_path: Path, path: Path, records: list[bytes], name: str) -> None:
    elsewhere = WRITERS[name](path, tmp_path / "elsewhere")
    out = tmp_path / "out"
    first = path.rename(str(elsewhere.files[0].path).replace("elsewhere", "out"))
    moved = WRITERS[name](first, out)
    for file, other in zip(moved.files, elsewhere.files, strict=True):
        assert Path(str(file.path)).read_bytes() == Path(str(other.path)).read_bytes()


@pytest.mark.parametrize("name", WRITERS)
def test_an_output_that_cannot_be_written_is_known_by_its_name(tmp_path: Path, path: Path, name: str) -> None:
    with pytest.raises(OSError, match="missing") as caught:
        WRITERS[name](path, tmp_path / "missing" / "out")
    assert caught.value.errno == errno.ENOENT
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_input_leaves_the_output_alone(tmp_path: Path, path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        WRITERS[name]([path, tmp_path / "missing"], tmp_path / "out")
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("name", WRITERS)
def test_an_interruption_leaves_nothing(tmp_path: Path, path: Path, name: str) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITERS[name](path, tmp_path / "out", progress=interrupt)
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_progress_grows_to_all(tmp_path: Path, records: list[bytes], name: str, compression: str) -> None:
    sources = [write(tmp_path / f"{number}", records, compression) for number in range(2)]
    seen: list[tuple[int, int]] = []
    WRITERS[name](sources, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    done = [number for number, _ in seen]
    assert done == sorted(done)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize("name", sorted(set(WRITERS) - set(IN_TWO_PASSES)))
def test_a_stream_is_an_input_like_any_other(tmp_path: Path, path: Path, name: str) -> None:
    WRITERS[name](path, tmp_path / "from a file")
    moved = WRITERS[name](io.BytesIO(path.read_bytes()), tmp_path / "from a stream")
    for file in moved.files:
        same = Path(str(file.path).replace("a stream", "a file"))
        assert Path(str(file.path)).read_bytes() == same.read_bytes()


@pytest.mark.parametrize("name", IN_TWO_PASSES)
@pytest.mark.parametrize("source", [io.BytesIO(), "-"], ids=["object", "stdin"])
def test_what_has_to_be_read_twice_is_no_stream(tmp_path: Path, name: str, source: Any) -> None:
    with pytest.raises(ValueError, match="read twice"):
        WRITERS[name](source, tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", IN_TWO_PASSES)
def test_standard_input_is_no_file_of_that_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="read twice"):
        WRITERS[name]("-", tmp_path / "out")
    assert os.listdir(tmp_path) == ["-"]


@pytest.fixture
def bucket() -> Iterator[str]:
    """A directory in memory, by its URL."""
    fsspec = pytest.importorskip("fsspec")
    yield "memory://surgery"
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_urls_are_read_as_often_as_files(
    tmp_path: Path, bucket: str, records: list[bytes], name: str, compression: str
) -> None:
    for number, part in enumerate((records, records[::2])):
        path = write(tmp_path / f"data-{number}", part, compression)
        remote.write_bytes(f"{bucket}/data-{number}", path.read_bytes())
    seen: list[tuple[int, int]] = []
    moved = WRITERS[name](f"{bucket}/data-*", tmp_path / "out", progress=lambda *facts: seen.append(facts))
    same = WRITERS[name](tmp_path / "data-*", tmp_path / "same")
    for file, other in zip(moved.files, same.files, strict=True):
        assert Path(str(file.path)).read_bytes() == Path(str(other.path)).read_bytes()
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in ("split", "reshard", "shuffle to shards")])
def test_an_output_may_be_a_file_object(tmp_path: Path, path: Path, name: str) -> None:
    out = io.BytesIO()
    moved = WRITERS[name](path, out)
    WRITERS[name](path, tmp_path / "out")
    assert out.getvalue() == (tmp_path / "out").read_bytes()
    assert moved.files[0].path is None


def test_a_file_is_not_written_while_it_is_read(tmp_path: Path, path: Path) -> None:
    before = path.read_bytes()
    with open(path, "ab") as out, pytest.raises(ValueError, match="the output is an input"):
        surgery.merge(path, out)
    assert path.read_bytes() == before


def test_an_input_that_changes_between_two_passes_is_an_error(tmp_path: Path, path: Path) -> None:
    size = path.stat().st_size

    def grow(done: int, total: int) -> None:
        if done > total / 2 and path.stat().st_size == size:
            with open(path, "ab") as file:
                file.write(frame(b"more"))

    with pytest.raises(tfr.TFRecordError, match="read again"):
        surgery.reshard([path], tmp_path / "s", 2, progress=grow)
    assert os.listdir(tmp_path) == ["data"]


def test_what_was_moved_is_told_to_people_and_programs(tmp_path: Path, path: Path, records: list[bytes]) -> None:
    moved = surgery.filter(path, tmp_path / "out\n", numbers=[0])
    assert str(moved).endswith(f"out\\n: 1 record, 16 bytes\n1 of {len(records)} records written")
    assert moved.as_dict() == {
        "read": len(records),
        "written": 1,
        "files": [{"path": str(tmp_path / "out\n"), "records": 1, "bytes": 16}],
    }
    assert pickle.loads(pickle.dumps(moved)) == moved


def test_blocks_of_all_sizes_are_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    records = [generator.bytes(int(size)) for size in generator.integers(0, 400, 300)]
    path = write(tmp_path / "a", records)
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 1024)
    surgery.merge(path, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    surgery.split(path, tmp_path / "s", max_bytes=3000)
    assert list(tfr.read_records(tmp_path / "s-*")) == records
    surgery.shuffle(path, tmp_path / "once", seed=1)
    monkeypatch.undo()
    surgery.shuffle(path, tmp_path / "again", seed=1)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()
