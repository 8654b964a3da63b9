"""RecordIndex: what it says, what it is kept as, and that it is refused wherever it does not belong."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import flip_bit, frame, frames, header, python_output, set_length
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite import (
    CorruptRecordError,
    IndexMismatchError,
    PublishedError,
    RecordIndex,
    RecordTooLargeError,
    TFRecordError,
    TFRecordOptions,
    TFRecordReader,
    TFRecordWriter,
    TruncatedRecordError,
    count_records,
    encode_example,
    read_records,
    salvage,
)
from tfrecord_lite.files import remote
from tfrecord_lite.files.directory import open_directory
from tfrecord_lite.files.fingerprint import Fingerprint
from tfrecord_lite.format.framing import DEFAULT_MAX_RECORD_SIZE
from tfrecord_lite.format.index_text import decode_index_text, encode_index_text, is_index_text

SIZES = [3, 0, 100_000, 5, 4095, 4096, 32 << 10, 600_000, 1, 65_535, 65_536]
MIXTURES = {
    "nothing": [],
    "one empty record": [0],
    "small": [7, 100, 0, 250] * 20_000,
    "long": [4096, 9000, 12_000] * 200,
    "around a block": [524_272, 524_271, 524_273, 10],
    "huge": [3_000_000, 1, 2_000_000],
    "all kinds": SIZES * 5,
    "long ones among small ones": ([50] * 3000 + [40_000]) * 8,
}


def write(path: Path, sizes: list[int], options: Any = None, **more: Any) -> Path:
    with TFRecordWriter(path, options, **more) as writer:
        for number, size in enumerate(sizes):
            writer.write(bytes([number % 256]) * size)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "a.tfrecord", SIZES)


def facts(index: RecordIndex) -> tuple[list[int], list[int]]:
    assert index.offsets.dtype == index.sizes.dtype == np.int64
    return index.offsets.tolist(), index.sizes.tolist()


@pytest.mark.parametrize("verify", [True, "headers", False])
@pytest.mark.parametrize("sizes", MIXTURES.values(), ids=MIXTURES)
def test_an_index_says_where_each_frame_is(tmp_path: Path, sizes: list[int], verify: Any) -> None:
    path = write(tmp_path / "a", sizes)
    index = RecordIndex.build(path, verify=verify)
    assert len(index) == len(sizes) == count_records(path, verify=False)
    ends = np.cumsum(np.array(sizes, np.int64) + 16)
    assert facts(index) == ((ends - np.array(sizes) - 16).tolist(), (np.array(sizes) + 16).tolist())


@pytest.mark.parametrize("options", ["GZIP", "ZLIB"])
def test_offsets_in_compressed_files_are_those_of_the_uncompressed_stream(tmp_path: Path, options: str) -> None:
    plain, compressed = write(tmp_path / "a", SIZES), write(tmp_path / "b", SIZES, options)
    expected = facts(RecordIndex.build(plain))
    for verify in (True, "headers", False):
        built = RecordIndex.build(compressed, verify=verify)
        assert (built.compression_type, facts(built)) == (options, expected)
    built.save()
    loaded = RecordIndex.load(compressed)
    assert (loaded.compression_type, facts(loaded)) == (options, expected)


def test_the_saved_text_is_what_dali_reads(path: Path) -> None:
    saved = RecordIndex.build(path).save()
    assert saved == f"{path}.idx"
    data, offset, lines = path.read_bytes(), 0, []
    while offset < len(data):  # as DALI's tfrecord2idx goes through a file
        begin = offset
        offset += 12 + struct.unpack_from("<q", data, offset)[0] + 4
        lines.append(f"{begin} {offset - begin}\n")
    assert Path(saved).read_text() == "".join(lines)
    loaded = RecordIndex.load(path)
    assert facts(loaded) == facts(RecordIndex.build(path))
    assert loaded.compression_type == ""


def test_an_index_may_be_kept_elsewhere(path: Path, tmp_path: Path) -> None:
    index = RecordIndex.build(path)
    assert index.save(tmp_path / "elsewhere") == str(tmp_path / "elsewhere")
    assert not Path(f"{path}.idx").exists()
    assert facts(RecordIndex.load(path, tmp_path / "elsewhere")) == facts(index)
    with pytest.raises(FileNotFoundError, match=r"a\.tfrecord\.idx"):
        RecordIndex.load(path)


def test_an_index_cannot_be_changed_by_accident(path: Path) -> None:
    index = RecordIndex.build(path)
    for array in (index.offsets, index.sizes, index.limits):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# Damaged data files.


@pytest.mark.parametrize("verify", [True, "headers"])
@pytest.mark.parametrize("sizes", [[20] * 3000, [9000] * 100], ids=["small", "long"])
def test_a_damaged_header_is_named_as_by_the_reader(tmp_path: Path, sizes: list[int], verify: Any) -> None:
    path = write(tmp_path / "a", sizes)
    number = len(sizes) // 2
    offset = sum(sizes[:number]) + 16 * number
    for position in (0, 3, 8, 11):
        damaged = flip_bit(path.read_bytes(), offset + position)
        (tmp_path / "b").write_bytes(damaged)
        with pytest.raises(CorruptRecordError) as caught:
            RecordIndex.build(tmp_path / "b", verify=verify)
        error = caught.value
        assert (error.path, error.record_number, error.offset, error.part) == (
            str(tmp_path / "b"),
            number,
            offset,
            "length",
        )
        assert error.reason == ""


def test_damaged_data_is_found_by_a_full_check_and_passed_over_by_others(path: Path) -> None:
    offset = 12 + 19 + 16 + 1000
    path.write_bytes(flip_bit(path.read_bytes(), offset))
    with pytest.raises(CorruptRecordError) as caught:
        RecordIndex.build(path)
    assert (caught.value.record_number, caught.value.part) == (2, "data")
    for verify in ("headers", False):
        assert len(RecordIndex.build(path, verify=verify)) == len(SIZES)


@pytest.mark.parametrize("verify", [True, "headers", False])
@pytest.mark.parametrize("sizes", [[20] * 3000, [9000] * 100, [3_000_000]], ids=["small", "long", "huge"])
def test_a_torn_file_has_no_index_and_no_count(tmp_path: Path, sizes: list[int], verify: Any) -> None:
    path = write(tmp_path / "a", sizes)
    offset = sum(sizes[:-1]) + 16 * (len(sizes) - 1)
    for kept in (1, 11, 12, 13, sizes[-1] + 15):
        (tmp_path / "b").write_bytes(path.read_bytes()[: offset + kept])
        for attempt in (
            lambda: RecordIndex.build(tmp_path / "b", verify=verify),
            lambda: count_records(tmp_path / "b", verify=verify is True),
        ):
            with pytest.raises(TruncatedRecordError) as caught:
                attempt()
            assert (caught.value.record_number, caught.value.offset) == (len(sizes) - 1, offset)
            assert caught.value.available == kept


@pytest.mark.parametrize("length", [2**31, 2**40, 2**62, 2**63 - 1, 2**64 - 1])
def test_lying_lengths_say_the_same_as_when_they_are_read(path: Path, length: int) -> None:
    path.write_bytes(set_length(path.read_bytes(), length, 35))
    outcomes = []
    for attempt in (
        lambda: list(read_records(path)),
        lambda: count_records(path, verify=False),
        lambda: RecordIndex.build(path, verify="headers"),
        lambda: RecordIndex.build(path, verify=False),
    ):
        with pytest.raises(TFRecordError) as caught:
            attempt()
        outcomes.append((type(caught.value), str(caught.value)))
    assert len(set(outcomes)) == 1


def test_a_record_longer_than_readers_accept_is_not_indexed_by_stealth(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    length = DEFAULT_MAX_RECORD_SIZE + 1
    with path.open("wb") as file:
        file.write(header(length))
        file.truncate(length + 16)
    with pytest.raises(RecordTooLargeError):
        RecordIndex.build(path, verify="headers")


@pytest.mark.parametrize("verify", [True, "headers"])
def test_other_files_are_called_what_they_seem_to_be(tmp_path: Path, verify: Any) -> None:
    (tmp_path / "a").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(CorruptRecordError, match="PNG"):
        RecordIndex.build(tmp_path / "a", verify=verify)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["directory", "FIFO"])
def test_only_regular_files_have_an_index(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "a")
    for attempt in (RecordIndex.build, RecordIndex.load):
        with pytest.raises(OSError, match=r"directory|regular"):
            attempt(tmp_path / "a")


# Indexes that do not belong.


def rewritten(path: Path, change: Any) -> None:
    path.write_bytes(change(path.read_bytes()))


STALE = {
    "a longer file": (lambda data: data + frame(b"more"), "bytes, this one has"),
    "a shorter file": (lambda data: data[:-16], "bytes, this one has"),
    "an empty file": (lambda data: b"", "bytes, this one has 0"),
    "another head": (lambda data: flip_bit(data, 13), "begins differently"),
    "another tail": (lambda data: flip_bit(data, len(data) - 1), "ends differently"),
}


@pytest.mark.parametrize(("change", "fact"), STALE.values(), ids=STALE)
def test_a_stale_index_is_refused_with_the_fact_that_differs(path: Path, change: Any, fact: str) -> None:
    RecordIndex.build(path).save()
    rewritten(path, change)
    with pytest.raises(IndexMismatchError, match=fact) as caught:
        RecordIndex.load(path)
    assert caught.value.path == f"{path}.idx"


def test_the_index_of_another_file_is_refused(path: Path, tmp_path: Path) -> None:
    RecordIndex.build(path).save()
    other = write(tmp_path / "other", SIZES[::-1])
    for suffix in (".idx", ".idx.json"):
        shutil.copy(f"{path}{suffix}", f"{other}{suffix}")
    with pytest.raises(IndexMismatchError, match="begins differently"):
        RecordIndex.load(other)
    os.unlink(f"{other}.idx.json")
    with pytest.raises(IndexMismatchError, match="no header of frame #0 at offset 0"):
        RecordIndex.load(other)


def test_an_index_goes_with_its_file_under_another_name(path: Path, tmp_path: Path) -> None:
    RecordIndex.build(path).save()
    for suffix in ("", ".idx", ".idx.json"):
        shutil.copy(f"{path}{suffix}", tmp_path / f"copy{suffix}")
    assert facts(RecordIndex.load(tmp_path / "copy")) == facts(RecordIndex.build(path))


TEXTS = {
    "cut in a line": lambda text: text[:-3],
    "cut after a line": lambda text: text[: text.rindex(b"\n", 0, -1) + 1],
    "a line more": lambda text: text + b"1 16\n",
    "empty": lambda text: b"",
    "no number": lambda text: text.replace(b"0 19", b"0 x9"),
    "three numbers": lambda text: text.replace(b"0 19\n", b"0 19 1\n"),
    "one number": lambda text: text.replace(b"0 19\n", b"019\n"),
    "negative": lambda text: text.replace(b"0 19\n", b"0 -19\n"),
    "too long a number": lambda text: text.replace(b"0 19\n", b"0 " + b"9" * 19 + b"\n"),
    "too small a frame": lambda text: text.replace(b"19 16\n", b"19 15\n34 1\n"),
    "an overlap": lambda text: text.replace(b"19 16\n", b"18 17\n"),
    "a gap": lambda text: text.replace(b"19 16\n", b"20 15\n"),
    "Windows lines": lambda text: text.replace(b"\n", b"\r\n"),
    "another beginning": lambda text: text.replace(b"0 19\n", b"1 18\n"),
    "sizes that overflow": lambda text: b"0 " + b"9" * 18 + b"\n" + b"9" * 18 + b" " + b"9" * 18 + b"\n",
}


@pytest.mark.parametrize("with_companion", [True, False])
@pytest.mark.parametrize("change", TEXTS.values(), ids=TEXTS)
def test_a_damaged_index_is_refused(path: Path, change: Any, with_companion: bool) -> None:
    saved = Path(RecordIndex.build(path).save())
    before = saved.read_bytes()
    rewritten(saved, change)
    assert saved.read_bytes() != before
    if not with_companion:
        os.unlink(f"{saved}.json")
    with pytest.raises(IndexMismatchError) as caught:
        RecordIndex.load(path)
    assert caught.value.path == str(saved)


def changed(facts: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({key: value for key, value in (facts | changes).items() if value is not None}).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"version": 2},
        {"file_size": None},
        {"file_size": "7"},
        {"file_size": 7},
        {"head_sha256": "00"},
        {"tail_sha256": None},
        {"compression_type": "gzip"},
        {"records": 3},
        {"index_sha256": "00"},
    ],
    ids=str,
)
def test_a_companion_that_says_something_else_is_refused(path: Path, change: dict[str, Any]) -> None:
    companion = Path(RecordIndex.build(path).save() + ".json")
    rewritten(companion, lambda data: changed(json.loads(data), **change))
    with pytest.raises(IndexMismatchError):
        RecordIndex.load(path)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000, b"null"], ids=lambda data: data[:4])
def test_a_companion_that_is_no_companion_is_refused(path: Path, data: bytes) -> None:
    companion = Path(RecordIndex.build(path).save() + ".json")
    companion.write_bytes(data)
    with pytest.raises(IndexMismatchError, match="companion"):
        RecordIndex.load(path)


def test_an_index_by_dali_is_loaded_when_it_fits(path: Path) -> None:
    saved = RecordIndex.build(path).save()
    os.unlink(f"{saved}.json")
    assert facts(RecordIndex.load(path)) == facts(RecordIndex.build(path))
    rewritten(path, lambda data: data + frame(b"more"))
    with pytest.raises(IndexMismatchError, match="plain file of"):
        RecordIndex.load(path)


def test_an_empty_index_is_that_of_an_empty_file_only(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "a.idx").touch()
    assert len(RecordIndex.load(tmp_path / "a")) == 0
    write(tmp_path / "a", [1])
    with pytest.raises(IndexMismatchError):
        RecordIndex.load(tmp_path / "a")


def binary_index(path: Path) -> bytes:
    """As PyPI tfr-reader writes it: a count, and three numbers a record."""
    offsets, sizes = facts(RecordIndex.build(path))
    numbers = [
        number for offset, size in zip(offsets, sizes, strict=True) for number in (offset, offset + size, size - 16)
    ]
    return struct.pack(f"<{1 + len(numbers)}Q", len(offsets), *numbers)


def test_another_programs_binary_index_is_neither_read_nor_overwritten(path: Path, tmp_path: Path) -> None:
    content = binary_index(path)
    index = Path(f"{path}.idx")
    index.write_bytes(content)
    with pytest.raises(IndexMismatchError, match="not the text of an index"):
        RecordIndex.load(path)
    with pytest.raises(IndexMismatchError, match="not overwritten"):
        RecordIndex.build(path).save()
    before = path.read_bytes()
    with pytest.raises(IndexMismatchError, match="not overwritten"):
        TFRecordWriter(path, index=True)
    assert (index.read_bytes(), path.read_bytes()) == (content, before)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tfrecord", "a.tfrecord.idx"]


def test_somebody_elses_json_is_not_overwritten(path: Path) -> None:
    Path(f"{path}.idx.json").write_text('{"name": "mine"}')
    with pytest.raises(IndexMismatchError, match="not overwritten"):
        RecordIndex.build(path).save()
    assert not Path(f"{path}.idx").exists()
    assert Path(f"{path}.idx.json").read_text() == '{"name": "mine"}'


def test_an_index_replaces_an_older_one(path: Path) -> None:
    RecordIndex.build(path).save()
    write(path, [1, 2, 3])
    index = RecordIndex.build(path)
    index.save()
    assert facts(RecordIndex.load(path)) == facts(index) == ([0, 17, 35], [17, 18, 19])


def test_a_place_that_cannot_be_written_is_an_oserror(path: Path, tmp_path: Path) -> None:
    index = RecordIndex.build(path)
    with pytest.raises(FileNotFoundError, match="missing"):
        index.save(tmp_path / "missing" / "a.idx")
    with pytest.raises(IsADirectoryError):
        index.save(tmp_path)


# The text.

limits = st.lists(st.integers(16, 10**17) | st.integers(16, 300), max_size=40).map(
    lambda sizes: (np.cumsum([0, *sizes])[:-1], np.array(sizes, np.int64))
)


@given(limits.filter(lambda arrays: not len(arrays[0]) or arrays[0][-1] < 10**18))
def test_the_text_is_that_of_pythons_formatting_and_reads_back(arrays: tuple[Any, Any]) -> None:
    offsets, sizes = arrays
    text = encode_index_text(offsets, sizes)
    assert text == b"".join(b"%d %d\n" % pair for pair in zip(offsets.tolist(), sizes.tolist(), strict=True))
    assert is_index_text(text)
    for array, back in zip(arrays, decode_index_text(text), strict=True):
        assert back.dtype == np.int64
        assert np.array_equal(array, back)


@given(st.text("0123456789 \n\r-x", max_size=60).map(str.encode) | st.binary(max_size=60))
def test_any_text_is_read_as_python_reads_it_or_refused(text: bytes) -> None:
    lines = text.split(b"\n")
    pairs = [line.split(b" ") for line in lines[:-1]]
    is_sound = lines[-1] == b"" and all(
        len(pair) == 2 and all(number.isdigit() and len(number) <= 18 for number in pair) for pair in pairs
    )
    if is_sound:
        offsets, sizes = decode_index_text(text)
        assert list(zip(offsets.tolist(), sizes.tolist(), strict=True)) == [tuple(map(int, pair)) for pair in pairs]
    else:
        with pytest.raises(ValueError, match=r"."):
            decode_index_text(text)


def test_text_of_several_blocks_reads_back_and_damage_in_it_is_found() -> None:
    sizes = np.random.default_rng(1).integers(16, 10**6, 200_000)
    offsets = np.cumsum(sizes) - sizes
    text = encode_index_text(offsets, sizes)
    assert np.array_equal(np.stack(decode_index_text(text)), np.stack((offsets, sizes)))
    broken = text[:-100] + text[-100:].replace(b" ", b"-")
    with pytest.raises(ValueError, match="in or after line"):
        decode_index_text(broken)


def test_a_saved_index_takes_little_more_memory_than_its_text_and_its_numbers(tmp_path: Path) -> None:
    path, sizes = tmp_path / "a", np.full(1_000_000, len(frame(b"")), np.int64)
    path.write_bytes(frame(b"") * len(sizes))
    index = RecordIndex.build(path, verify="headers")
    tracemalloc.start()
    try:
        text_size = os.path.getsize(index.save())
        saving = tracemalloc.get_traced_memory()[1]
        del index
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        loaded = RecordIndex.load(path)
        loading = tracemalloc.get_traced_memory()[1] - before
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert np.array_equal(loaded.sizes, sizes)
    slack = 5 << 20
    assert saving < text_size + slack
    assert loading < text_size + 25 * len(sizes) + slack  # offsets, sizes and limits, and what is compared
    assert kept < 16 * len(sizes) + slack


# Written on the way.


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("options", [None, "GZIP", "ZLIB"])
def test_a_writer_keeps_the_index_of_what_it_wrote(tmp_path: Path, options: Any, atomic: bool) -> None:
    path = tmp_path / "a.tfrecord"
    with TFRecordWriter(path, options, atomic=atomic, index=True) as writer:
        for size in SIZES * 3:
            writer.write(bytes(size))
        for number in range(3000):
            writer.write_example({"a": number, "b": b"x" * (number % 7)})
        writer.flush()
        for number in range(3):
            writer.write_example({"a": number})
        writer.write(b"between")
        writer.write_example({"image": bytes(100_000)})
        writer.write_columns({"a": np.arange(9000), "b": [b"x" * (number % 300) for number in range(9000)]})
        writer.write_columns({"a": np.zeros((40, 3000), np.float32), "image": [bytes(90_000)] * 40})
        writer.write_columns({"a": np.arange(0)})
        writer.write(encode_example({"last": 1}))
    loaded = RecordIndex.load(path)
    assert facts(loaded) == facts(RecordIndex.build(path))
    assert len(loaded) == count_records(path) == 33 + 3000 + 3 + 2 + 9000 + 40 + 1


def test_a_writer_keeps_no_index_unless_it_is_asked_to(path: Path, tmp_path: Path) -> None:
    assert [file.name for file in tmp_path.iterdir()] == ["a.tfrecord"]


def test_nothing_is_kept_of_a_file_that_is_not_published(path: Path, tmp_path: Path) -> None:
    RecordIndex.build(path).save()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(TypeError), TFRecordWriter(path, index=True) as writer:
        writer.write("text")  # type: ignore[arg-type]
    writer = TFRecordWriter(path, index=True)
    writer.write(b"x")
    writer.discard()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert len(RecordIndex.load(path)) == len(SIZES)


@pytest.mark.parametrize("target", [io.BytesIO(), "/dev/null"], ids=["file object", "device"])
def test_what_is_no_regular_file_is_refused_before_anything_is_written(target: Any) -> None:
    with pytest.raises(io.UnsupportedOperation, match="regular file"):
        TFRecordWriter(target, index=True)


def test_of_two_writers_on_one_path_none_keeps_the_index_of_the_others_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    first, second = TFRecordWriter(path, index=True), TFRecordWriter(path, index=True)
    first.write(b"1")
    second.write(b"2")
    first.close()
    second.close()
    assert list(read_records(path)) == [b"2"]
    assert facts(RecordIndex.load(path)) == ([0], [17])


def test_a_file_whose_index_cannot_be_saved_is_said_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    writer = TFRecordWriter(path, index=True)
    writer.write(b"record")
    (tmp_path / "a.idx").mkdir()
    with pytest.raises(PublishedError, match=r"only its index is not saved.*nothing is to be written again") as caught:
        writer.close()
    assert caught.value.path == str(path)
    assert isinstance(caught.value.__cause__, IsADirectoryError)
    writer.close()
    assert list(read_records(path)) == [b"record"]
    assert [file.name for file in tmp_path.glob("a?*")] == ["a.idx"]
    (tmp_path / "a.idx").rmdir()
    RecordIndex.build(path).save()
    assert len(RecordIndex.load(path)) == 1


def test_a_file_that_is_gone_before_its_index_is_saved_is_not_said_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace = tmp_path / "a", os.replace

    def replacing(old: str, new: str) -> None:
        replace(old, new)
        os.unlink(new)

    monkeypatch.setattr(os, "replace", replacing)
    with pytest.raises(FileNotFoundError), TFRecordWriter(path, index=True) as writer:
        writer.write(b"record")


LIMITED = """
import os, resource, signal, sys
import tfrecord_lite as tfr

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
directory, options, count, limit, mode = sys.argv[1:]
path = directory + "/a"
if mode == "a":
    tfr.TFRecordWriter(path, options).close()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), hard))
try:
    with tfr.TFRecordWriter(path, options, index=True, mode=mode) as writer:
        for number in range(int(count)):
            writer.write(b"")
except tfr.PublishedError as error:
    print(error.__cause__.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert os.listdir(directory) == ["a"], os.listdir(directory)
assert tfr.count_records(path) == int(count)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
@pytest.mark.parametrize("mode", ["w", "a"])
@pytest.mark.parametrize(
    ("options", "count", "limit"), [("", 1, 100), ("GZIP", 10_000, 5000)], ids=["the companion", "the text"]
)
def test_no_half_of_an_index_stays_where_a_file_is_too_large(
    tmp_path: Path, options: str, count: int, limit: int, mode: str
) -> None:
    assert python_output(LIMITED, tmp_path, options, str(count), str(limit), mode).split() == [str(errno.EFBIG)]


def test_an_older_index_goes_where_half_of_a_newer_one_would_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = write(tmp_path / "a", [5, 6], index=True), tmp_path / "kept"
    os.rename(tmp_path / "a.idx", kept)
    (tmp_path / "a.idx").symlink_to(kept)
    (tmp_path / "kept.json").write_text("another program's")
    replace = os.replace

    def failing(old: str, new: str) -> None:
        if os.path.basename(new) == "a.idx.json":
            raise OSError(errno.EIO, os.strerror(errno.EIO), new)
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(PublishedError, match="Input/output error"):
        write(path, [7], index=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "a.idx", "kept.json"]
    assert not (tmp_path / "a.idx").exists()


def test_no_half_of_an_index_stays_behind_a_url(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(url: str, data: bytes) -> None:
        if url.endswith(".json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), url)
        remote.write_bytes(url, data)

    monkeypatch.setattr("tfrecord_lite.files.streams.write_bytes", full)
    with pytest.raises(PublishedError, match="No space left"), TFRecordWriter(f"{memory}/a", index=True) as writer:
        writer.write(b"record")
    assert list(open_directory(memory).sizes()) == ["a"]
    assert list(read_records(memory)) == [b"record"]


DIES_BEFORE_THE_INDEX = """
import os, signal, sys
import tfrecord_lite as tfr

replace, allowed = os.replace, int(sys.argv[2])

def dying(*arguments):
    global allowed
    allowed -= 1
    if allowed < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*arguments)

os.replace = dying
with tfr.TFRecordWriter(sys.argv[1], index=True) as writer:
    for number in range(50):
        writer.write(bytes(number))
"""


@pytest.mark.parametrize("replaced", [0, 1, 2, 3])
@pytest.mark.parametrize("had_index", [True, False])
def test_a_writer_that_dies_between_its_renames_leaves_no_index_that_is_believed(
    tmp_path: Path, replaced: int, had_index: bool
) -> None:
    path = write(tmp_path / "a", [5, 6], index=had_index)
    result = subprocess.run([sys.executable, "-c", DIES_BEFORE_THE_INDEX, path, str(replaced)], capture_output=True)
    assert result.returncode == (0 if replaced == 3 else -signal.SIGKILL), result.stderr
    expected = facts(RecordIndex.build(path))
    assert len(expected[0]) == (2 if replaced == 0 else 50)
    try:
        assert facts(RecordIndex.load(path)) == expected
    except (FileNotFoundError, IndexMismatchError):
        assert replaced < 3
    with TFRecordWriter(path, index=True) as writer:
        writer.write(b"again")
    assert len(RecordIndex.load(path)) == 1


def test_frame_sizes_of_a_pipe_are_those_that_come_through_it() -> None:
    data = frames([b"a", b"bc", bytes(50_000)])
    with TFRecordReader(io.BytesIO(data)) as reader:
        assert np.concatenate(list(reader.frame_sizes())).tolist() == [17, 18, 50_016]
        assert (reader.record_number, reader.offset) == (3, len(data))


def test_an_index_is_shown_by_its_file_and_how_many_records_it_has(path: Path) -> None:
    index = RecordIndex.build(path)
    assert repr(index) == f"RecordIndex({str(path)!r}, {len(index)} records)"


@pytest.mark.parametrize("verify", ["all", 2, None])
def test_other_ways_of_checking_are_refused(path: Path, verify: Any) -> None:
    with pytest.raises(ValueError, match="verify is True, False or 'headers'"):
        RecordIndex.build(path, verify=verify)


def test_a_file_that_changes_while_its_index_is_made_has_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = Fingerprint.of

    def growing(name: str) -> Fingerprint:
        found = now(name)
        with open(name, "ab") as file:
            file.write(frame(b"one more"))
        return found

    monkeypatch.setattr(Fingerprint, "of", growing)
    with pytest.raises(IndexMismatchError, match="changed while it was read"):
        RecordIndex.build(path)


def test_what_was_appended_behind_damage_is_said_to_be_there_and_without_an_index(tmp_path: Path) -> None:
    path = tmp_path / "data.tfrecord"
    options = TFRecordOptions("GZIP", seekable=True)
    sizes = []
    for record in (b"first" * 20, b"second" * 20, b"third" * 20):
        with TFRecordWriter(path, options, mode="a") as writer:
            writer.write(record)
        sizes.append(path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[sizes[1] - 20] ^= 1
    path.write_bytes(content)
    writer = TFRecordWriter(path, options, mode="a", index=True)
    writer.write(b"fourth")
    with pytest.raises(PublishedError, match=r"the file is damaged, and nothing is to be written again"):
        writer.close()
    assert path.read_bytes()[: len(content)] == bytes(content)
    with salvage(path) as survivors:
        assert list(survivors) == [b"first" * 20, b"third" * 20, b"fourth"]
    assert not Path(f"{path}.idx").exists()
