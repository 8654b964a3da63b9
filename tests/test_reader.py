import gc
import os
import warnings
from pathlib import Path

import pytest
from damage import MEASURES_MEMORY, MEMORY, python_output

from tfrecord_lite import (
    CorruptRecordError,
    DecodeError,
    TFRecordReader,
    TFRecordWriter,
    TruncatedRecordError,
    count_records,
    read_examples,
    read_records,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.tfrecord"
    with TFRecordWriter(path) as writer:
        for size in (3, 0, 100_000, 5):
            writer.write(bytes(size))
    return path


def test_offset_and_record_number_follow_the_iteration(path: Path) -> None:
    with TFRecordReader(path) as reader:
        seen = [(reader.offset, reader.record_number)]
        for _ in reader:
            seen.append((reader.offset, reader.record_number))  # noqa: PERF401
    assert seen == [(0, 0), (19, 1), (35, 2), (100_051, 3), (100_072, 4)]
    assert seen[-1][0] == path.stat().st_size


def test_an_error_is_raised_again_and_never_becomes_an_end(path: Path) -> None:
    os.truncate(path, 100_060)
    reader = TFRecordReader(path)
    assert len([next(reader) for _ in range(3)]) == 3
    for _ in range(2):
        with pytest.raises(TruncatedRecordError) as caught:
            next(reader)
        assert (caught.value.record_number, caught.value.offset) == (3, 100_051)
        assert (caught.value.expected, caught.value.available) == (12, 9)


def open_files() -> set[str]:
    return {
        os.readlink(f"/proc/self/fd/{number}")
        for number in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{number}")
    }


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_files_are_closed_at_the_end_at_an_error_and_when_given_up(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a"
    with TFRecordWriter(path, compression) as writer:
        for _ in range(100_000):
            writer.write(b"0123456789")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert count_records(path) == 100_000
        assert str(path) not in open_files()
        records = read_records(path)
        next(records)
        assert str(path) in open_files()
        del records
        assert str(path) not in open_files()
        os.truncate(path, path.stat().st_size - 5)
        with pytest.raises(TruncatedRecordError) as caught:
            count_records(path)
        assert str(path) not in open_files()
        del caught
        gc.collect()


def test_without_verification_damaged_data_is_given_as_it_is(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    path.write_bytes(data)
    assert next(read_records(path, verify=False)) == b"\1\0\0"
    with pytest.raises(CorruptRecordError):
        next(read_records(path))


def test_a_record_that_is_no_example_is_named(tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write_example({"a": 1})
        writer.write(b"\xff")
    examples = read_examples(tmp_path / "a")
    assert next(examples)["a"].tolist() == [1]
    with pytest.raises(DecodeError, match=r"a: record #1 at offset \d+: not a valid message") as caught:
        next(examples)
    assert caught.value.record_number == 1


def test_keys_choose_the_features(tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write_example({"a": 1, "b": b"x", "c": 2.0})
    assert next(read_examples(tmp_path / "a", keys=["b", "missing"])) == {"b": [b"x"]}


def test_a_closed_reader_gives_nothing_more(path: Path) -> None:
    reader = TFRecordReader(path)
    next(reader)
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        next(reader)


def test_an_unknown_compression_is_an_error_before_anything_is_opened() -> None:
    for read in (read_records, TFRecordReader, count_records):
        with pytest.raises(ValueError, match="'gzip'"):
            read("/missing", "gzip")


@pytest.mark.skipif(not MEASURES_MEMORY, reason="memory is read from /proc, and that of one allocator")
def test_a_long_record_is_held_once(tmp_path: Path) -> None:
    size = 128 << 20
    with TFRecordWriter(tmp_path / "long") as writer:
        writer.write(bytes(size))
    script = (
        MEMORY
        + """
import sys
import tfrecord_lite as tfr
before = peak()
(record,) = tfr.read_records(sys.argv[1])
print(len(record), peak() - before)
"""
    )
    length, grown = map(int, python_output(script, tmp_path / "long").split())
    assert length == size
    assert size < grown < 1.6 * size  # and what is asked for at once
