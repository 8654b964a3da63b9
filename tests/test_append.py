"""Appending: what was there stays, what is new comes behind it, and TensorFlow reads all of it."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import (
    collect,
    delete_range,
    flip_bit,
    frame,
    frames,
    gzip_member,
    gzip_member_of_size,
    python,
    set_length,
    theirs,
    theirs_v1,
    zlib_stream,
)

import tfrecord_lite as tfr
from tfrecord_lite.format.gzip_members import BUFFER_SIZE

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

KINDS = ["", "GZIP", "seekable"]


def options_of(kind: str) -> Any:
    return tfr.TFRecordOptions("GZIP", seekable=True) if kind == "seekable" else kind


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def write(path: Path, records: list[bytes], options: Any = None, **how: Any) -> Path:
    with tfr.TFRecordWriter(path, options, **how) as writer:
        for record in records:
            writer.write(record)
    return path


def read(path: Path) -> list[bytes]:
    return list(tfr.read_records(path))


class FailedError(Exception):
    """What goes wrong while somebody writes."""


def write_and_fail(path: Path, records: list[bytes], options: Any = None, **how: Any) -> int:
    """How large the file was when the exception came."""
    size = 0
    with pytest.raises(FailedError):  # noqa: PT012, SIM117  the writer is to see it
        with tfr.TFRecordWriter(path, options, mode="a", **how) as writer:
            for record in records:
                writer.write(record)
            writer.flush()
            size = path.stat().st_size
            raise FailedError
    return size


OLD = [b"first", b"", noise(5000), b"last of the old"]
NEW = [b"new", noise(70_000, 1), b""]


# What is there stays and what is new comes behind it.


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_appends_are_read_by_everybody(kind: str, tmp_path: Path) -> None:
    path, expected = tmp_path / "a", []
    for number in range(50):
        records = [noise(size, number) for size in (3, 4000, 33_000, 100_000)[: number % 5]]
        write(path, records, options_of(kind) if number % 2 else None if number else options_of(kind), mode="a")
        expected += records
    assert read(path) == expected
    assert tfr.count_records(path) == 100
    if kind:
        assert list(tfr.read_records(io.BytesIO(gzip.decompress(path.read_bytes())))) == expected
        if shutil.which("gzip"):
            subprocess.run(["gzip", "-t"], input=path.read_bytes(), check=True)
    pytest.importorskip("tensorflow")
    assert theirs(path, kind and "GZIP") == (expected, None)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_writes_appends(kind: str, tmp_path: Path) -> None:
    image = noise(300_000)
    path = write(tmp_path / "a", OLD, options_of(kind))
    with tfr.TFRecordWriter(path, mode="a") as writer:
        writer.write(b"record")
        writer.write_example({"label": 3})
        assert writer.write_columns({"label": np.arange(1000)}) == 1000
        writer.write(image)
        writer.write_example({"image": image})
        writer.flush()
        assert writer.writing_path == str(path)
        assert len(read(path)) == len(OLD) + 1004
    examples = [tfr.encode_example({"label": number}) for number in [3, *range(1000)]]
    assert read(path) == [*OLD, b"record", *examples, image, tfr.encode_example({"image": image})]


@pytest.mark.parametrize("kind", ["", "GZIP"])
def test_a_file_that_is_missing_is_made_and_an_empty_one_filled(kind: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        assert read(write(tmp_path / name, NEW, kind, mode="a")) == NEW
    assert read(write(tmp_path / "none", [], kind, mode="a")) == []
    assert read(write(tmp_path / "none", NEW, mode="a")) == NEW


def test_appending_to_plain_gives_what_writing_at_once_gives(tmp_path: Path) -> None:
    write(write(tmp_path / "a", OLD), NEW, mode="a")
    write(tmp_path / "b", OLD + NEW)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("kind", ["", "GZIP"])
def test_files_of_tensorflow_are_continued_and_read_by_it(kind: str, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    path = tmp_path / "a"
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for record in OLD:
            writer.write(record)
    before = path.read_bytes()
    for _ in range(2):
        write(path, NEW, mode="a")
    assert path.read_bytes().startswith(before)
    assert theirs(path, kind) == (OLD + NEW + NEW, None)


# GZIP and TensorFlow.


@pytest.mark.parametrize("past", range(-1, 17))
def test_tensorflow_loses_nothing_behind_a_file_of_its_own_that_ends_anywhere(past: int, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    path, payload = tmp_path / "a", noise(BUFFER_SIZE)

    def size_of(length: int) -> int:
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            writer.write(payload[:length])
        return path.stat().st_size

    length = BUFFER_SIZE - 500
    length += BUFFER_SIZE + past - size_of(length)
    assert size_of(length) == BUFFER_SIZE + past
    stored = path.read_bytes()
    path.write_bytes(stored + gzip_member(frame(b"new")))
    loses = theirs_v1(path, "GZIP") == ([payload[:length]], None)
    assert loses or not 1 <= past <= 8
    path.write_bytes(stored)
    expected = [payload[:length]]
    for size in (3, 0, 100, 70_000, 200_000, 5):
        expected.append(noise(size, size))
        write(path, expected[-1:], mode="a")
        assert theirs_v1(path, "GZIP") == (expected, None)
    assert path.read_bytes().startswith(stored)
    assert (path.stat().st_size > 2 * BUFFER_SIZE + 250_000) == loses  # the comment that makes the file long enough


@pytest.mark.parametrize("seed", range(25))
def test_tensorflow_loses_nothing_behind_members_of_any_kind(seed: int, tmp_path: Path) -> None:
    """Empty ones and such as end where TensorFlow stops: it read not even all of the old ones before."""
    pytest.importorskip("tensorflow")
    generator, path = random.Random(seed), tmp_path / "a"
    filler, data, expected = frames([noise(4000, 7)]), b"", []
    for _ in range(generator.randrange(1, 5)):
        kind = generator.randrange(3)
        if kind == 0:
            data += gzip_member(b"")
        elif kind == 1:
            data += gzip_member(frame(b"small"))
            expected.append(b"small")
        else:
            size = BUFFER_SIZE - len(data) % BUFFER_SIZE + generator.randrange(14)
            count = max(size - 400, 0) // len(filler)
            if size > 400 and count:
                data += gzip_member_of_size(filler * count, size)
                expected += [noise(4000, 7)] * count
    path.write_bytes(data)
    for number in range(4):
        expected.append(noise(generator.choice([3, 100_000, BUFFER_SIZE - 200]), number))
        write(path, expected[-1:], "GZIP", mode="a")
        assert read(path) == expected
        assert theirs_v1(path, "GZIP") == (expected, None)


@pytest.mark.parametrize("empty", ["ours", "theirs", "seekable", "several"])
def test_an_empty_member_does_not_stay_before_data_and_is_put_back_when_there_is_none(
    empty: str, tmp_path: Path
) -> None:
    tf = pytest.importorskip("tensorflow")
    path = tmp_path / "a"
    if empty == "theirs":
        tf.io.TFRecordWriter(str(path), "GZIP").close()
    elif empty == "several":
        path.write_bytes(gzip_member(b"") * 2)
    else:
        write(path, [], options_of("seekable" if empty == "seekable" else "GZIP"))
    before = path.read_bytes()
    assert write_and_fail(path, [b"new"]) > 0
    assert path.read_bytes() == before
    write(path, NEW, mode="a")
    assert theirs(path, "GZIP") == (NEW, None)
    assert path.stat().st_size < BUFFER_SIZE


def test_appending_to_seekable_gzip_inflates_the_last_member_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tfrecord_lite.files.compression as compression

    path = write(tmp_path / "a", [noise(5000, number) for number in range(500)], options_of("seekable"))
    inflated = 0
    plain = compression.InflateStream.readinto

    def counted(self: Any, buffer: Any) -> int:
        nonlocal inflated
        inflated += (count := plain(self, buffer))
        return count

    monkeypatch.setattr(compression.InflateStream, "readinto", counted)
    write(path, NEW, mode="a")
    assert 0 < inflated < 300_000


# What cannot be appended to.


def test_zlib_is_refused_whatever_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(zlib_stream(frames(OLD)))
    for given in (None, "ZLIB", "GZIP", ""):
        with pytest.raises(ValueError, match="ZLIB"):
            tfr.TFRecordWriter(path, given, mode="a")
    with pytest.raises(ValueError, match="ZLIB cannot be appended to"):
        tfr.TFRecordWriter(tmp_path / "new", "ZLIB", mode="a")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == zlib_stream(frames(OLD))


@pytest.mark.parametrize(("is_one", "is_given"), [("", "GZIP"), ("GZIP", ""), ("seekable", "")])
def test_another_compression_than_the_files_is_refused(is_one: str, is_given: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, options_of(is_one))
    with pytest.raises(ValueError, match="cannot be continued as"):
        tfr.TFRecordWriter(path, is_given, mode="a")
    assert read(path) == OLD


def test_what_has_no_tail_to_look_at_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a path"):
        tfr.TFRecordWriter(io.BytesIO(), mode="a")
    with pytest.raises(ValueError, match="regular file"):
        tfr.TFRecordWriter(os.devnull, mode="a")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(ValueError, match="regular file"):
            tfr.TFRecordWriter(tmp_path / "fifo", mode="a")
    with pytest.raises(IsADirectoryError):
        tfr.TFRecordWriter(tmp_path, mode="a")
    with pytest.raises(FileNotFoundError):
        tfr.TFRecordWriter(tmp_path / "no" / "such", mode="a")
    with pytest.raises(ValueError, match="mode"):
        tfr.TFRecordWriter(tmp_path / "b", mode="x")
    with pytest.raises(ValueError, match="repair_tail"):
        tfr.TFRecordWriter(tmp_path / "b", repair_tail=True)
    assert not (tmp_path / "b").exists()


# Giving up.


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_or_discard_leaves_what_was_there(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, options_of(kind))
    before = path.read_bytes()
    assert write_and_fail(path, NEW) > len(before)
    assert path.read_bytes() == before
    writer = tfr.TFRecordWriter(path, mode="a")
    writer.write(NEW[1])
    writer.flush()
    writer.discard()
    assert path.read_bytes() == before
    assert write_and_fail(tmp_path / "b", NEW, options_of(kind)) > 0
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_without_atomic_what_was_written_stays(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, options_of(kind))
    write_and_fail(path, NEW, atomic=False)
    assert read(path) == OLD + NEW


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_what_was_there(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, options_of(kind))
    before = path.read_bytes()
    script = """
import resource, signal, sys, tfrecord_lite as tfr, random
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
writer = tfr.TFRecordWriter(sys.argv[1], mode="a")
try:
    for number in range(100):
        writer.write(random.randbytes(5000))
    writer.close()
except OSError as error:
    print(error.errno)
"""
    done = python(script, path)
    assert done.stdout.strip() == b"27", done.stderr
    assert path.read_bytes() == before


# Others.


@pytest.mark.skipif(sys.platform == "win32", reason="flock is POSIX")
@pytest.mark.parametrize("kind", KINDS)
def test_one_appends_at_a_time(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, options_of(kind))
    with tfr.TFRecordWriter(path, mode="a") as writer:
        writer.write(b"new")
        with pytest.raises(BlockingIOError, match="another writer is appending") as caught:
            tfr.TFRecordWriter(path, mode="a")
        assert caught.value.filename == str(path)
        done = python("import sys, tfrecord_lite as tfr; tfr.TFRecordWriter(sys.argv[1], mode='a')", path)
        assert b"another writer is appending" in done.stderr
    assert read(write(path, [b"newer"], mode="a")) == [*OLD, b"new", b"newer"]


@pytest.mark.parametrize("what", ["replaced", "removed"])
def test_a_file_that_goes_away_meanwhile_is_an_error(what: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD)
    writer = tfr.TFRecordWriter(path, mode="a")
    writer.write(b"new")
    if what == "removed":
        path.unlink()
    else:
        write(path, [b"other"])
    with pytest.raises(OSError, match="replaced or removed"):
        writer.close()
    assert what == "removed" or read(path) == [b"other"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD)
    with tfr.TFRecordWriter(path, mode="a") as writer:
        writer.write(b"new")
        if not (child := os.fork()):
            writer.discard()
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(BlockingIOError):
            tfr.TFRecordWriter(path, mode="a")
    assert read(path) == [*OLD, b"new"]


# Torn tails.


def test_a_plain_file_cut_in_its_last_record_is_an_error_until_repair_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    whole = frames(OLD)
    last = len(whole) - len(frame(OLD[-1]))
    for cut in range(last + 1, len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(tfr.TruncatedRecordError, match="repair_tail=True") as caught:
            tfr.TFRecordWriter(path, mode="a")
        error = caught.value
        assert (error.path, error.offset, error.record_number) == (str(path), last, 3)
        assert (error.available, error.expected) == (cut - last, 12 if cut - last < 12 else len(whole) - last)
        assert path.read_bytes() == whole[:cut]
        assert read(write(path, NEW, mode="a", repair_tail=True)) == OLD[:-1] + NEW


@pytest.mark.parametrize("rest", ["nothing", "zeros"])
def test_a_last_record_that_does_not_hold_and_zeros_behind_are_a_torn_tail(rest: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "a", frames(OLD)
    damaged = whole + bytes(5000) if rest == "zeros" else flip_bit(whole, len(whole) - 6)
    path.write_bytes(damaged)
    with pytest.raises(tfr.CorruptRecordError, match="repair_tail=True") as caught:
        tfr.TFRecordWriter(path, mode="a")
    assert caught.value.part == ("length" if rest == "zeros" else "data")
    assert path.read_bytes() == damaged
    assert read(write(path, NEW, mode="a", repair_tail=True)) == (OLD if rest == "zeros" else OLD[:-1]) + NEW


#: What looks like a torn tail, and is none: {what happened: (file, what is said)}
BEFORE = [b"first", noise(3000), *[b"%04d" % number for number in range(20)]]
NO_TAILS = {
    "bytes are missing in a long record": (delete_range(frames(BEFORE), 500, 2500), "whole records lie behind it"),
    "its length grew": (set_length(frames(BEFORE), 1 << 20, 21), "whole records lie behind it"),
    "a record that held frames is torn": (frames([b"first", frames(BEFORE)])[:-3], "whole records lie behind it"),
    "the record before is damaged, too": (flip_bit(frames(OLD), len(frames(OLD)) - 6) + b"torn", "data CRC"),
    "and zeros follow": (flip_bit(frames(OLD), len(frames(OLD)) - 6) + bytes(50), "data CRC"),
    "bytes are missing in a member": (
        delete_range(gzip_member(frames([noise(3000)]), level=0), 100, 2900) + gzip_member(frames([b"next"])),
        "whole records lie behind it",
    ),
}


@pytest.mark.parametrize("what", NO_TAILS)
def test_a_tail_with_whole_records_is_not_cut_off(what: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    content, problem = NO_TAILS[what]
    path.write_bytes(content)
    for repair_tail in (False, True):
        with pytest.raises(tfr.TFRecordError, match=problem) as caught:
            tfr.TFRecordWriter(path, mode="a", repair_tail=repair_tail)
        assert path.read_bytes() == content
        assert "repair_tail" not in str(caught.value)


@pytest.mark.parametrize("compression_type", ["", "GZIP"])
@pytest.mark.parametrize("seed", range(20))
def test_repair_costs_no_record_that_salvage_brings(seed: int, compression_type: str, tmp_path: Path) -> None:
    generator = random.Random(seed)
    path = tmp_path / "a"
    for _ in range(3):
        records = [noise(generator.choice([0, 4, 100, 3000]), number) for number in range(generator.randrange(1, 30))]
        write(path, records, options_of("seekable" if compression_type else ""), mode="a")
    content = path.read_bytes()
    begin = max(0, len(content) - generator.randrange(1, 6000))
    path.write_bytes(delete_range(content, begin, begin + generator.choice([1, 30, 2000])))
    before, records = path.read_bytes(), list(tfr.salvage(path, compression_type))
    try:
        write(path, NEW, mode="a", repair_tail=True)
        assert read(path) == records + NEW
    except tfr.TFRecordError:
        assert path.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_repair_of_a_sound_file_changes_nothing(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, options_of(kind))
    before = path.read_bytes()
    assert read(write(path, NEW, mode="a", repair_tail=True)) == OLD + NEW
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("repair_tail", [False, True])
def test_damage_in_a_plain_header_is_never_cut_off(repair_tail: bool, tmp_path: Path) -> None:
    path, whole = tmp_path / "a", frames(OLD)
    begin = len(frames(OLD[:2]))
    damaged = [flip_bit(whole, begin + at, at % 8) for at in range(12)]
    damaged += [whole[:begin] + b"x" + whole[begin:], b"not a record at all"]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(tfr.CorruptRecordError) as caught:
            tfr.TFRecordWriter(path, mode="a", repair_tail=repair_tail)
        assert caught.value.part == "length"
        assert caught.value.offset == (begin if data[:begin] == whole[:begin] else 0)
        assert "repair_tail" not in str(caught.value)
        assert path.read_bytes() == data


def test_a_length_beyond_all_files_is_refused_without_being_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(set_length(frames(OLD), 2**64 - 1))
    with pytest.raises(tfr.RecordTooLargeError):
        tfr.TFRecordWriter(path, mode="a", repair_tail=True)
    assert path.read_bytes() == set_length(frames(OLD), 2**64 - 1)


@pytest.mark.parametrize("seed", range(30))
def test_headers_of_any_sizes_are_found_as_the_reader_finds_them(seed: int, tmp_path: Path) -> None:
    generator = random.Random(seed)
    sizes = [[0, 1, 20], [100], [4080, 4096, 30], [70_000, 3], [2_000_000, 5, 0], [0]][seed % 6]
    count = generator.choice([3, 40, 20 if seed % 6 == 4 else 4000])
    records = [noise(generator.choice(sizes), number) for number in range(count)]
    path = write(tmp_path / "a", records)
    whole = path.read_bytes()
    damaged = bytearray(whole[: generator.randrange(len(whole))])
    path.write_bytes(damaged)
    sound, error = collect(tfr.read_records(path), tfr.TFRecordError)
    try:
        tfr.TFRecordWriter(path, mode="a").discard()
        assert error is None
    except tfr.TruncatedRecordError as found:
        known = (found.offset, found.record_number, found.expected, found.available)
        assert isinstance(error, tfr.TruncatedRecordError)
        assert known == (error.offset, error.record_number, error.expected, error.available)
    assert path.read_bytes() == damaged
    assert read(write(path, NEW, mode="a", repair_tail=True)) == sound + NEW


def test_torn_gzip_keeps_its_whole_records(tmp_path: Path) -> None:
    """Of one long member, as TensorFlow writes it, and of ours."""
    path = tmp_path / "a"
    records = [noise(size % 50) for size in range(100)]
    one, ours = gzip_member(frames(records)), b""
    with tfr.TFRecordWriter(path, options_of("seekable")) as writer:
        for number, record in enumerate(records):
            writer.write(record)
            if number % 20 == 19:
                writer.flush()
    ours = path.read_bytes()
    for whole in (one, ours, one + ours, ours + one):
        for cut in range(3, len(whole), 97):
            path.write_bytes(whole[:cut])
            sound, error = collect(tfr.read_records(path), tfr.TFRecordError)
            if error is None:
                continue
            with pytest.raises(tfr.TruncatedRecordError, match="repair_tail=True") as caught:
                tfr.TFRecordWriter(path, mode="a")
            assert isinstance(error, tfr.TruncatedRecordError)
            assert (caught.value.path, caught.value.offset) == (str(path), error.offset)
            assert caught.value.record_number == error.record_number == len(sound)
            assert path.read_bytes() == whole[:cut]
            write(path, NEW, mode="a", repair_tail=True)
            assert read(path) == sound + NEW
            assert os.listdir(tmp_path) == ["a"]
            if cut % 5 == 0:
                assert theirs_v1(path, "GZIP") == (sound + NEW, None)


def test_mending_gzip_keeps_the_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip_member(frames(OLD))[:-9])
    path.chmod(0o640)
    assert read(write(path, NEW, mode="a", repair_tail=True)) == OLD[:-1] + NEW or read(path) == OLD + NEW
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("size", [0, 1, 2, 3, 10])
def test_gzip_that_is_torn_in_its_first_bytes_goes_on_as_gzip(size: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, "GZIP")
    os.truncate(path, size)
    if size:
        with pytest.raises(tfr.TruncatedRecordError, match="repair_tail=True cuts it off"):
            tfr.TFRecordWriter(path, "GZIP", mode="a")
        assert path.stat().st_size == size
    write(path, NEW, "GZIP", mode="a", repair_tail=True)
    assert list(tfr.read_records(path, compression_type="GZIP")) == NEW
    assert theirs_v1(path, "GZIP") == (NEW, None)


@pytest.mark.parametrize("zeros", [1, 2, 5000])
def test_zeros_behind_gzip_are_a_torn_tail(zeros: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a", OLD, "GZIP")
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(zeros))
    with pytest.raises(tfr.TFRecordError, match="repair_tail=True"):
        tfr.TFRecordWriter(path, mode="a")
    write(path, NEW, mode="a", repair_tail=True)
    assert path.read_bytes().startswith(whole)
    assert read(path) == OLD + NEW
    assert theirs_v1(path, "GZIP") == (OLD + NEW, None)


@pytest.mark.parametrize("repair_tail", [False, True])
def test_damage_in_gzip_is_never_cut_off(repair_tail: bool, tmp_path: Path) -> None:
    path = tmp_path / "a"
    first, second = gzip_member(frames(OLD)), gzip_member(frames(NEW))
    for damaged in (
        flip_bit(first, 500) + second,
        first + flip_bit(second, 50),
        flip_bit(first, len(first) - 6) + second,
        first + b"garbage",
        gzip_member(flip_bit(frames(OLD), 14)) + second,
        gzip_member(b"not a record at all"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(tfr.CorruptRecordError) as caught:
            tfr.TFRecordWriter(path, mode="a", repair_tail=repair_tail)
        assert caught.value.path == str(path)
        assert path.read_bytes() == damaged


# Killed.

APPENDING = """
import random, sys, tfrecord_lite as tfr
path, kind, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
options = tfr.TFRecordOptions("GZIP", seekable=True) if kind == "seekable" else kind
number = first
with tfr.TFRecordWriter(path, options, mode="a", repair_tail=True) as writer:
    print("ready", flush=True)
    while True:
        for _ in range(20):
            writer.write(b"%d " % number + random.Random(number).randbytes(random.Random(number).randrange(60_000)))
            number += 1
        writer.flush()
        print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_writer_leaves_all_that_was_flushed_and_is_resumed(kind: str, tmp_path: Path) -> None:
    path, generator = tmp_path / "a", random.Random(5)
    count = 0
    for _ in range(6):
        command = [sys.executable, "-c", APPENDING, str(path), kind, str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(generator.random() * 0.15)
            child.send_signal(signal.SIGKILL)
            flushed = [int(line) for line in child.stdout.read().splitlines()]
        # An empty file is one of no records, and no GZIP.
        given = kind and "GZIP" if path.stat().st_size else ""
        records, error = collect(tfr.read_records(path, given), tfr.TFRecordError)
        assert error is None or isinstance(error, tfr.TruncatedRecordError)
        assert len(records) >= (flushed[-1] if flushed else count)
        assert [int(record.partition(b" ")[0]) for record in records] == list(range(len(records)))
        count = len(records)
    write(path, [b"end"], options_of(kind), mode="a", repair_tail=True)
    records = read(path)
    assert (len(records), records[-1]) == (count + 1, b"end")
    pytest.importorskip("tensorflow")
    assert theirs_v1(path, kind and "GZIP") == (records, None)


@pytest.mark.parametrize("options", [None, tfr.TFRecordOptions("GZIP", seekable=True)])
def test_an_index_is_of_the_whole_file(tmp_path: Path, options: Any) -> None:
    path = tmp_path / "a.tfrecord"
    for number in range(3):
        with tfr.TFRecordWriter(path, options, mode="a", index=True) as writer:
            writer.write(bytes([number]) * (number * 50_000 + 1))
        assert len(tfr.RecordIndex.load(path)) == number + 1
    assert tfr.RecordSource(path)[1:] == [b"\1" * 50_001, b"\2" * 100_001]


def test_an_index_is_stale_when_records_were_appended_without_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    for index in (True, False):
        with tfr.TFRecordWriter(path, mode="a", index=index) as writer:
            writer.write(b"abc")
    with pytest.raises(tfr.IndexMismatchError, match="made for a file of 19 bytes"):
        tfr.RecordIndex.load(path)
    assert len(tfr.RecordSource(path)) == 2
