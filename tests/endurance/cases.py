"""The cases: each takes an empty folder and how much of everything there is to be."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

import tfrecord_lite as tfr
from endurance.steps import step

#: What a step may take whatever the sizes: buffers, and memory that the allocator keeps (`files/heap.py`).
SLACK = 128 << 20
#: Records that are asked for at random.
ENTERED = 10_000
#: Records that are written at once.
_AT_ONCE = 1 << 20


def records(folder: Path, count: int) -> None:
    """Many records in one file: written, counted, indexed, and entered at random."""
    path = folder / "records.tfrecord"
    with step("write_columns", SLACK), tfr.TFRecordWriter(path) as writer:
        for begin in range(0, count, _AT_ONCE):
            writer.write_columns({"number": np.arange(begin, min(begin + _AT_ONCE, count))})
    print(f"    {count:,} records, {path.stat().st_size:,} bytes")  # noqa: T201
    with step("count_records", SLACK):
        assert tfr.count_records(path) == count
    with step("RecordIndex.build", 24 * count + SLACK):
        index = tfr.RecordIndex.build(path)
    assert (len(index), index.limits[-1]) == (count, path.stat().st_size)
    with step("RecordIndex.save", 20 * count + SLACK):
        index.save()
    sizes = index.sizes[::1000]
    del index
    with step("RecordIndex.load", 44 * count + SLACK):
        index = tfr.RecordIndex.load(path)
    assert (len(index), index.limits[-1]) == (count, path.stat().st_size)
    assert np.array_equal(index.sizes[::1000], sizes)
    del index
    with step("RecordSource", 44 * count + SLACK):
        source = tfr.RecordSource(path)
    numbers = np.random.default_rng(0).integers(0, count, ENTERED)
    with step(f"{ENTERED:,} records at random, together", path.stat().st_size + SLACK):  # the file is mapped
        _check_numbers(source.__getitems__(numbers), numbers)
    with step(f"{ENTERED:,} records at random, one by one", path.stat().st_size + SLACK):
        _check_numbers([source[number] for number in numbers.tolist()], numbers)
    _check_numbers([source[0], source[-1]], np.array([0, count - 1]))
    source.close()


def sparse(folder: Path, count: int, length: int = 1 << 30) -> None:
    """A small record, `count` long ones of zeros that take no place on the disk, and a small one."""
    path = folder / "sparse.tfrecord"
    with step("write", SLACK):
        _write_sparse(path, count, length)
    status = path.stat()
    print(f"    {status.st_size / 2**30:.1f} GiB, {status.st_blocks * 512 / 2**20:.1f} MiB on the disk")  # noqa: T201
    with step("count_records, verify=False", SLACK):
        assert tfr.count_records(path, verify=False) == count + 2
    with step('RecordIndex.build, verify="headers"', SLACK):
        index = tfr.RecordIndex.build(path, verify="headers")
    assert index.sizes.tolist() == [len(b"first") + 16, *[length + 16] * count, len(b"last") + 16]
    with step("RecordIndex.save and load", SLACK):
        index.save()
        assert np.array_equal(tfr.RecordIndex.load(path).limits, index.limits)
    with step("the first and the last by RecordSource", SLACK), tfr.RecordSource(path) as source:
        assert source[-1] == b"last"
        assert source.__getitems__([-1, 0] * 10) == [b"last", b"first"] * 10
    with step("count --no-verify", SLACK):
        assert _command("count", "--no-verify", path) == f"{count + 2}\t{path}\n"
    with step("a long one by RecordSource", 2 * length + SLACK), tfr.RecordSource(path) as source:
        assert source[count // 2 + 1].count(0) == length  # the record, and the pages of the file
    with step("a long one by TFRecordReader", length + SLACK), tfr.TFRecordReader(path) as reader:
        assert next(reader) == b"first"
        assert next(reader).count(0) == length
    with step("append", SLACK), tfr.TFRecordWriter(path, mode="a") as writer:
        writer.write(b"more")
    with tfr.RecordSource(path) as source:
        assert (len(source), source[-1], source[-2]) == (count + 3, b"more", b"last")


def shards(folder: Path, count: int) -> None:
    """A set of many shards in one directory, three records in each."""
    expected = [b"%d" % (shard + turn * count) for shard in range(count) for turn in range(3)]
    with step("ShardedWriter", 3000 * count + SLACK), tfr.ShardedWriter(folder / "set", num_shards=count) as writer:
        for number in range(3 * count):
            writer.write(b"%d" % number)
    assert len(os.listdir(folder)) == count + 2  # and the manifest, and the mark of success
    with step("count_records", 3000 * count + SLACK):
        assert tfr.count_records(folder) == len(expected)
    with step("count_records of a glob", 3000 * count + SLACK):
        assert tfr.count_records(f"{folder}/set-*") == len(expected)
    with step("read_records", 3000 * count + SLACK):
        assert list(tfr.read_records(folder)) == expected
    with step("plan_read, 7 parts", 3000 * count + SLACK):
        parts = tfr.plan_read(folder, 7)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with step("read_records of each part", 3000 * count + SLACK):
        assert sorted(chain.from_iterable(map(_read, parts))) == sorted(expected)
    with step("info", SLACK):
        facts = _command("info", folder)
    assert f"{3 * count:,} records" in facts
    with step("RecordSource", 3000 * count + SLACK):
        source = tfr.RecordSource(folder)
    numbers = np.random.default_rng(0).integers(0, 3 * count, ENTERED).tolist()
    with step(f"{ENTERED:,} records at random, together", SLACK):
        assert source.__getitems__(numbers) == [expected[number] for number in numbers]
    with step(f"{ENTERED:,} records at random, one by one", SLACK):
        assert [source[number] for number in numbers] == [expected[number] for number in numbers]
    source.close()
    with step("verify", 3000 * count + SLACK):
        assert tfr.verify(folder).sound


def _check_numbers(found: list[bytes], numbers: Any) -> None:
    features = {"number": tfr.FixedLenFeature([], "int64")}
    assert np.array_equal(tfr.decode_columns(found, features)["number"], numbers)


def _write_sparse(path: Path, count: int, length: int) -> None:
    from tfrecord_lite.format import crc32c, framing

    crc, zeros = 0, bytes(1 << 20)
    for begin in range(0, length, len(zeros)):
        crc = crc32c.extend(crc, zeros[: length - begin])
    header, footer = framing.encode_header(length), crc32c.mask(crc).to_bytes(4, "little")
    with path.open("wb") as file:
        for small in (b"first", b"last"):
            file.write(framing.encode_header(len(small)) + small + framing.encode_footer(small))
            for _ in range(count if small == b"first" else 0):
                file.write(header)
                file.seek(length, os.SEEK_CUR)
                file.write(footer)


def _read(paths: list[str]) -> list[bytes]:
    return list(tfr.read_records(paths))


def _command(*arguments: Any) -> str:
    command = [sys.executable, "-m", "tfrecord_lite", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
