"""A shuffle is exact, global, repeatable, and takes no more memory than it was given."""

from __future__ import annotations

import io
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import HAS_PROC, MEMORY, flip_bit, python, python_output, theirs_v1

import tfrecord_lite as tfr
from tfrecord_lite import surgery
from tfrecord_lite.files import shuffling
from tfrecord_lite.files.streams import open_nameless

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow


def write(path: Path, records: list[bytes], options: Any = None) -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


#: In memory; by files, some records at a time; by files, each record at once, and those again.
MEMORIES = [1 << 20, 20_000, 1]


@pytest.fixture
def records() -> list[bytes]:
    generator = np.random.default_rng(1)
    return [b"%d" % number + generator.bytes(int(size)) for number, size in enumerate(generator.integers(0, 900, 700))]


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_all_records_come_in_another_order(tmp_path: Path, records: list[bytes], memory: int, compression: str) -> None:
    sources = [write(tmp_path / "1", records[:300], compression), write(tmp_path / "2", records[300:], compression)]
    surgery.shuffle(sources, tmp_path / "out", seed=1, memory=memory)
    shuffled, error = theirs_v1(tmp_path / "out")
    assert error is None
    assert Counter(shuffled) == Counter(records)
    order = np.array([records.index(record) for record in shuffled])
    # Global: as many records of the second file as of the first have changed places; no neighbours stay.
    assert 0.3 < np.mean(order[:300] >= 300) < 0.85
    assert np.sum(np.diff(order) == 1) < 10
    assert sorted(os.listdir(tmp_path)) == ["1", "2", "out"]


@pytest.mark.parametrize("memory", MEMORIES)
def test_the_same_seed_gives_the_same_order(tmp_path: Path, records: list[bytes], memory: int) -> None:
    write(tmp_path / "a", records)
    write(tmp_path / "b", records, "GZIP")
    outputs = []
    for path, seed in (("a", 1), ("a", 1), ("b", 1), ("a", 2), ("a", None), ("a", None)):
        surgery.shuffle(tmp_path / path, tmp_path / "out", seed=seed, memory=memory)
        outputs.append((tmp_path / "out").read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(set(outputs)) == 4


@pytest.mark.parametrize("memory", [1 << 20, 1])
@pytest.mark.parametrize("num_buckets", [2, 64])
def test_every_order_is_as_likely_as_any_other(
    tmp_path: Path, memory: int, num_buckets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffling, "_BUCKETS", num_buckets)
    path = write(tmp_path / "a", [b"a", b"b", b"c", b"d"])
    rounds = 24 * 20
    counts: Counter[bytes] = Counter()
    for seed in range(rounds):
        out = io.BytesIO()
        surgery.shuffle(path, out, seed=seed, memory=memory)
        counts[out.getvalue()] += 1
    assert len(counts) == math.factorial(4)
    # 20 of each are expected; the standard deviation is 4.4.
    assert min(counts.values()) > 3
    assert max(counts.values()) < 40


@pytest.mark.parametrize("num_shards", [1, 3, 1000])
def test_shards_are_equally_long(tmp_path: Path, records: list[bytes], num_shards: int) -> None:
    path = write(tmp_path / "a", records)
    moved = surgery.shuffle(path, tmp_path / "s", seed=1, num_shards=num_shards, memory=20_000)
    surgery.shuffle(path, tmp_path / "one", seed=1, memory=20_000)
    counts = [file.records for file in moved.files]
    assert max(counts) - min(counts) <= 1
    data = b"".join(file.read_bytes() for file in sorted(tmp_path.glob("s-*")))
    assert data == (tmp_path / "one").read_bytes()
    assert len(counts) == num_shards


def test_a_record_larger_than_the_memory_is_moved(tmp_path: Path) -> None:
    records = [bytes([number]) * 100_000 for number in range(70)]
    path = write(tmp_path / "a", records)
    surgery.shuffle(path, tmp_path / "out", seed=1, memory=50_000)
    assert sorted(tfr.read_records(tmp_path / "out")) == records


def test_what_does_not_fit_goes_to_temporary_files_if_the_output_is_a_url(
    tmp_path: Path, records: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    path = write(tmp_path / "a", records)
    surgery.shuffle(path, tmp_path / "out", seed=1, memory=20_000)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    directories: list[str] = []

    def open_and_note(directory: str) -> io.FileIO:
        directories.append(directory)
        return open_nameless(directory)

    monkeypatch.setattr(shuffling, "open_nameless", open_and_note)
    surgery.shuffle(path, "memory://shuffle/out", seed=1, memory=20_000)
    assert set(directories) == {str(tmp_path / "temporary")}
    assert fsspec.filesystem("memory").cat_file("/shuffle/out") == (tmp_path / "out").read_bytes()
    fsspec.filesystem("memory").rm("/shuffle", recursive=True)
    (tmp_path / "temporary").rmdir()


@pytest.mark.parametrize("arguments", [{"memory": 0}, {"num_shards": 0}])
def test_a_shuffle_that_is_not_possible_is_refused(tmp_path: Path, arguments: dict[str, int]) -> None:
    path = write(tmp_path / "a", [b"a"])
    with pytest.raises(ValueError, match="1 or more"):
        surgery.shuffle(path, tmp_path / "out", seed=1, **arguments)  # type: ignore[arg-type]


def test_damage_on_the_way_leaves_nothing_and_no_open_file(tmp_path: Path, records: list[bytes]) -> None:
    data = write(tmp_path / "a", records).read_bytes()
    (tmp_path / "a").write_bytes(flip_bit(data, len(data) - 2))
    before = len(os.listdir("/proc/self/fd")) if HAS_PROC else 0
    with pytest.raises(tfr.CorruptRecordError) as caught:
        surgery.shuffle(tmp_path / "a", tmp_path / "out", seed=1, memory=1000)
    assert caught.value.record_number == len(records) - 1
    assert os.listdir(tmp_path) == ["a"]
    if HAS_PROC:
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_killed_shuffle_leaves_no_more_than_the_output_that_was_begun(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [bytes(1000)] * 5000)
    script = """
import os, signal, sys
from tfrecord_lite import surgery
def kill(done, total):
    if done > total * 0.75:
        os.kill(os.getpid(), signal.SIGKILL)
surgery.shuffle(sys.argv[1], sys.argv[2], seed=1, memory=100_000, progress=kill)
"""
    assert python(script, path, tmp_path / "out").returncode == -9
    left = [name for name in os.listdir(tmp_path) if name != "a"]
    assert len(left) <= 1
    assert all(name.startswith(".writing-") for name in left)


@pytest.mark.skipif(not HAS_PROC, reason="this system does not tell how much memory a process took")
@pytest.mark.parametrize("length", [150, 50_000])
def test_memory_is_bounded(tmp_path: Path, length: int) -> None:
    size = 96 << 20
    record = np.random.default_rng(1).bytes(length)
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for _ in range(size // (length + 16)):
            writer.write(record)
    script = (
        MEMORY
        + """
import sys
from tfrecord_lite import surgery
surgery.merge(sys.argv[1], "/dev/null")
before = peak()
moved = surgery.shuffle(sys.argv[1], sys.argv[2], seed=1, memory=16 << 20)
assert moved.read == moved.written
print(peak() - before)
"""
    )
    # The memory it was given, what the interpreter keeps of it unused, and some MiB of buffers.
    assert int(python_output(script, tmp_path / "a", tmp_path / "out")) < 2.5 * (16 << 20)
    assert (tmp_path / "out").stat().st_size == (tmp_path / "a").stat().st_size
