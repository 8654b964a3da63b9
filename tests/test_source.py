"""RecordSource: any record by its number, whole and checked, in every process that uses it."""

from __future__ import annotations

import copy
import io
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import flip_bit
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite import (
    CorruptRecordError,
    IndexMismatchError,
    RecordIndex,
    RecordSource,
    TFRecordOptions,
    TFRecordWriter,
    TruncatedRecordError,
    read_records,
)
from tfrecord_lite.files import source as source_module

SIZES = [[3, 0, 100_000, 5], [], [7] * 400, [0], [4096, 1, 70_000] * 20, []]


def write(path: Path, records: Sequence[bytes], **more: Any) -> Path:
    with TFRecordWriter(path, **more) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(1)
    for number, sizes in enumerate(SIZES):
        write(tmp_path / f"{number}.tfrecord", [generator.bytes(size) for size in sizes], index=number % 2 == 0)
    return tmp_path


@pytest.fixture
def records(folder: Path) -> list[bytes]:
    return list(read_records(folder))


@pytest.mark.parametrize("verify", [True, False])
def test_it_is_the_sequence_of_all_records(folder: Path, records: list[bytes], verify: bool) -> None:
    with RecordSource(folder, verify=verify) as source:
        assert len(source) == len(records) == 465
        assert [source[number] for number in range(len(source))] == records
        assert [source[number - len(source)] for number in range(len(source))] == records
        assert list(source) == records
        assert records[400] in source
        assert repr(source) == "RecordSource(6 files, 465 records)"
        for part in (slice(None), slice(3, 7), slice(-5, None), slice(None, None, -3), slice(9, 2), slice(0, 10**9)):
            assert source[part] == records[part]


@given(numbers=st.lists(st.integers(-465, 464), max_size=60))
def test_many_come_in_the_order_they_were_asked_for(shared: tuple[Any, list[bytes]], numbers: list[int]) -> None:
    source, records = shared
    assert source.__getitems__(numbers) == [records[number] for number in numbers]
    assert source.__getitems__(np.array(numbers, np.int32)) == [records[number] for number in numbers]
    assert source.together(numbers).each() == [records[number] for number in numbers]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("shared")
    generator = np.random.default_rng(1)
    for number, sizes in enumerate(SIZES):
        write(folder / f"{number}.tfrecord", [generator.bytes(size) for size in sizes])
    with RecordSource(folder) as source:
        yield source, list(read_records(folder))


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64, np.uint64])
def test_numpy_integers_are_numbers(folder: Path, records: list[bytes], kind: Any) -> None:
    source = RecordSource(folder)
    assert source[kind(100)] == records[100]
    assert source.__getitems__([kind(5), kind(100)]) == [records[5], records[100]]


@pytest.mark.parametrize("number", [465, -466, 10**30, -(10**30), np.int64(465)])
def test_a_number_without_a_record_is_an_indexerror(folder: Path, number: Any) -> None:
    source = RecordSource(folder)
    with pytest.raises(IndexError, match=f"#{int(number)}.* 465"):
        source[number]
    for read in (source.__getitems__, source.together):
        with pytest.raises(IndexError, match=f"#{int(number)}.* 465"):
            read([0, number])


@pytest.mark.parametrize("number", [1.0, "1", None, [1], np.array([1, 2]), np.float64(1)], ids=repr)
def test_what_is_no_number_is_a_type_error(folder: Path, number: Any) -> None:
    source = RecordSource(folder)
    with pytest.raises(TypeError):
        source[number]
    with pytest.raises(TypeError):
        source.__getitems__([number, number])
    with pytest.raises(TypeError):
        source.__getitems__([0, number])


def test_the_number_beneath_a_mask_is_none(folder: Path) -> None:
    source = RecordSource(folder)
    number: Any = np.ma.array(5, mask=True)
    masked: Any = np.ma.array([1, 5], mask=[False, True])
    for numbers in ([number], [2, number], masked):
        with pytest.raises(TypeError, match="the number of a record is masked"):
            source.__getitems__(numbers)
    with pytest.raises(TypeError, match="the number of a record is masked"):
        source[number]


def test_masked_numbers_are_a_type_error_and_not_the_numbers_beneath(folder: Path) -> None:
    source = RecordSource(folder)
    masked: Any = np.ma.array([0, 1], mask=[False, True])
    for read in (source.__getitems__, source.together):
        with pytest.raises(TypeError):
            read(masked)
    assert source.__getitems__(np.ma.array([0, 1])) == source.__getitems__([0, 1])


def test_no_records_are_a_source_too(tmp_path: Path) -> None:
    write(tmp_path / "a", [])
    source = RecordSource([tmp_path / "a"])
    assert (len(source), source[:], source.__getitems__([]), list(source)) == (0, [], [], [])
    with pytest.raises(IndexError):
        source[0]


def test_records_outlive_their_source(folder: Path, records: list[bytes]) -> None:
    source = RecordSource(folder)
    found = [*source[:50], source[100]]
    source.close()
    del source
    assert found == [*records[:50], records[100]]


def test_a_closed_source_gives_nothing_more(folder: Path) -> None:
    source = RecordSource(folder)
    source[0]
    for _ in range(2):
        source.close()
        with pytest.raises(ValueError, match="closed"):
            source[0]
        with pytest.raises(ValueError, match="closed"):
            source.__getitems__(range(20))
    assert len(source) == 465


def open_files(folder: Path) -> list[str]:
    names = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return [os.readlink(name) for name in names if os.path.exists(name) and str(folder) in os.readlink(name)]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_a_copy_of_a_source_has_files_of_its_own(folder: Path, records: list[bytes]) -> None:
    with RecordSource(folder) as source:
        assert source[0] == records[0]
        other = copy.copy(source)
    assert other[:] == records
    with pytest.raises(ValueError, match="the source is closed"):
        source[0]
    other.close()
    with pytest.raises(ValueError, match="the source is closed"):
        other[0]


def test_files_are_opened_when_they_are_read_once_and_closed_in_the_end(folder: Path) -> None:
    source = RecordSource(folder)
    assert open_files(folder) == []
    for _ in range(3):
        source[0], source.__getitems__([1, 2] * 20)
    assert open_files(folder) == [str(folder / "0.tfrecord")]
    list(source)
    assert len(open_files(folder)) == 4  # those that hold records
    source.close()
    assert open_files(folder) == []
    source = RecordSource(folder)
    list(source)
    del source
    assert open_files(folder) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_of_many_files_only_some_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "_MAX_OPEN", 5)
    for number in range(20):
        write(tmp_path / f"{number:02}", [b"%d" % number] * 3)
    source = RecordSource(tmp_path)
    numbers = random.Random(1).choices(range(60), k=500)
    assert [source[number] for number in numbers] == [b"%d" % (number // 3) for number in numbers]
    assert source.__getitems__(numbers) == [b"%d" % (number // 3) for number in numbers]
    assert len(open_files(tmp_path)) == 5


# Indexes.


def test_a_saved_index_is_used_when_it_belongs_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a", [b"a", b"bc"], index=True)
    monkeypatch.setattr(RecordIndex, "build", None)
    assert RecordSource(path)[:] == [b"a", b"bc"]


@pytest.mark.parametrize("save", [True, False])
def test_an_index_that_does_not_belong_is_made_anew(tmp_path: Path, save: bool) -> None:
    path = write(tmp_path / "a", [b"a", b"bc"], index=True)
    write(path, [b"abc", b""])
    before = Path(f"{path}.idx").read_bytes()
    assert RecordSource(path, save_index=save)[:] == [b"abc", b""]
    if save:
        assert len(RecordIndex.load(path)) == 2
    else:
        assert Path(f"{path}.idx").read_bytes() == before


def test_indexes_are_saved_only_when_asked_to(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"a"])
    RecordSource(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    RecordSource(tmp_path, save_index=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "a.idx", "a.idx.json"]
    assert len(RecordSource(tmp_path)) == 1


def test_another_programs_index_is_passed_by(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"a"])
    Path(f"{path}.idx").write_bytes(bytes(32))
    assert RecordSource(path)[:] == [b"a"]
    with pytest.raises(IndexMismatchError, match="not overwritten"):
        RecordSource(path, save_index=True)
    assert Path(f"{path}.idx").read_bytes() == bytes(32)


@pytest.mark.parametrize("verify", [True, False])
def test_an_index_that_fits_and_lies_is_never_believed(tmp_path: Path, verify: bool) -> None:
    path = write(tmp_path / "a", [b"a" * 20, b"b" * 30, b"c" * 40, b"d" * 5])
    # The second frame is said to be larger and the third smaller: the ends meet.
    Path(f"{path}.idx").write_text("0 36\n36 51\n87 51\n138 21\n")
    source = RecordSource(path, verify=verify)
    assert (source[0], source[3]) == (b"a" * 20, b"d" * 5)
    for read in (lambda: source[1], lambda: source.__getitems__([0, 3, 1] * 5), lambda: source.together([0, 3, 1])):
        with pytest.raises(IndexMismatchError, match="record of 35 bytes, the file one of 30") as caught:
            read()
        assert (caught.value.path, caught.value.record_number, caught.value.offset) == (str(path), 1, 36)


# Damage.


@pytest.mark.parametrize("position", [0, 7, 8, 11, 12, 31, 32, 35])
@pytest.mark.parametrize("index", [True, False])
def test_every_flipped_byte_is_found_whichever_way_it_is_read(tmp_path: Path, position: int, index: bool) -> None:
    path = write(tmp_path / "b", [b"other"])
    path = write(tmp_path / "c", [b"x" * 20] * 10_000, index=index)  # its ends are hashed, not its middle
    damaged_at = 36 * 5000
    data = flip_bit(path.read_bytes(), damaged_at + position)
    path.write_bytes(data)
    if position < 12 and not index:
        with pytest.raises(CorruptRecordError) as caught:
            RecordSource([tmp_path / "b", path])
        assert (caught.value.path, caught.value.record_number, caught.value.offset) == (str(path), 5000, damaged_at)
        return
    source = RecordSource([tmp_path / "b", path])
    good = [number for number in range(len(source)) if number != 5001]
    assert source.__getitems__(good) == [b"other"] + [b"x" * 20] * 9_999
    assert source.together(good).each() == source.__getitems__(good)
    some = [0, 7, 5001, 9]
    for read in (
        lambda: source[5001],
        lambda: source.__getitems__(some),
        lambda: source[4000:6000],
        lambda: source.together(some),
    ):
        with pytest.raises(CorruptRecordError) as caught:
            read()
        error = caught.value
        assert (error.path, error.record_number, error.offset) == (str(path), 5000, damaged_at)
        assert error.part == ("length" if position < 12 else "data")


def test_without_verification_data_is_given_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"x" * 20] * 20)
    path.write_bytes(flip_bit(path.read_bytes(), 12))
    source = RecordSource(path, verify=False)
    assert source[0] == b"y" + b"x" * 19
    assert source[:20] == source.together(range(20)).each() == [b"y" + b"x" * 19] + [b"x" * 20] * 19


def test_a_torn_file_is_no_source(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"x" * 20] * 20)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(TruncatedRecordError) as caught:
        RecordSource(path)
    assert (caught.value.path, caught.value.record_number) == (str(path), 19)


@pytest.mark.parametrize("options", [None, TFRecordOptions("GZIP", seekable=True)], ids=["plain", "GZIP"])
def test_a_long_record_is_held_once_and_beside_it_what_was_inflated(tmp_path: Path, options: Any) -> None:
    size = 16 << 20
    source = RecordSource(write(tmp_path / "a", [b"short", bytes(size), b"last"], options=options))
    source[0]
    reads: list[Any] = [lambda: source[1], lambda: source.__getitems__([1]), lambda: source.__getitems__([1] + [0] * 9)]
    for read in [*reads, lambda: source.together([1])]:
        tracemalloc.start()
        try:
            assert read()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < (1 if options is None else 2) * size + (1 << 20)


def test_a_long_record_that_is_damaged_is_held_once(tmp_path: Path) -> None:
    size = 16 << 20
    path = write(tmp_path / "a", [b"short", bytes(size)])
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"!")
    source = RecordSource(path)
    tracemalloc.start()
    try:
        for read in (lambda: source[1], lambda: source.__getitems__([1]), lambda: source.together([1, 0])):
            with pytest.raises(CorruptRecordError):
                read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + (1 << 20)


# Files that change, and those that cannot be entered.


@pytest.mark.parametrize("options", [None, TFRecordOptions("GZIP", seekable=True)], ids=["plain", "seekable"])
@pytest.mark.parametrize("change", ["longer", "shorter", "rewritten", "gone"])
def test_a_file_that_was_changed_after_it_was_numbered_is_not_served(tmp_path: Path, change: str, options: Any) -> None:
    path = write(tmp_path / "a", [b"a", b"bc"], options=options)
    source = RecordSource(path)
    copy = pickle.loads(pickle.dumps(source))
    if change == "longer":
        write(path, [b"a", b"bc", b"d"], options=options)
    elif change == "shorter":
        os.truncate(path, path.stat().st_size - 3)
    elif change == "rewritten":
        write(path, [b"a", b"xy"], options=options)
        os.utime(path, ns=(0, 0))
    else:
        path.unlink()
    for one in (source, copy):
        with pytest.raises(FileNotFoundError if change == "gone" else IndexMismatchError, match=str(path)):
            one[0]


def test_an_open_file_that_is_replaced_is_read_on_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"a", b"bc"])
    source = RecordSource(path)
    assert source[0] == b"a"
    write(path, [b"something else"] * 5)
    assert source[:] == [b"a", b"bc"]


def test_a_file_that_is_cut_off_is_noticed_before_many_records_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [bytes(1000)] * 100)
    source = RecordSource(path)
    assert len(source[:]) == 100
    os.truncate(path, 5000)
    for read in (lambda: source[:], lambda: source.together(range(100))):
        with pytest.raises(IndexMismatchError, match="a: the file was cut off"):
            read()


@pytest.mark.parametrize("options", ["GZIP", "ZLIB"])
def test_what_is_compressed_in_one_piece_is_refused_with_what_is_needed(tmp_path: Path, options: str) -> None:
    path = write(tmp_path / "a", [bytes(5 << 20)], options=options)
    with pytest.raises(io.UnsupportedOperation, match=f"a: .*plain file or seekable GZIP.* {options}"):
        RecordSource(path)


@pytest.mark.parametrize("index", [True, False])
def test_seekable_gzip_is_entered_anywhere(tmp_path: Path, index: bool) -> None:
    generator = np.random.default_rng(2)
    expected = [generator.bytes(int(size)) for size in [*generator.integers(0, 3000, 700), 6 << 20, 5]]
    options = TFRecordOptions("GZIP", seekable=True)
    source = RecordSource(write(tmp_path / "a", expected, options=options, index=index))
    numbers = generator.permutation(len(expected)).tolist()
    assert source.__getitems__(numbers) == [expected[number] for number in numbers]
    assert source.together(numbers).each() == [expected[number] for number in numbers]
    assert [source[number] for number in numbers[:20]] == [expected[number] for number in numbers[:20]]
    again = pickle.loads(pickle.dumps(source))
    assert again[701] == expected[701]
    assert again[-2] == expected[-2]


def test_damage_in_a_member_is_found_when_its_records_are_read(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    expected = [generator.bytes(3000) for _ in range(400)]
    path = write(tmp_path / "a", expected, options=TFRecordOptions("GZIP", seekable=True), index=True)
    source = RecordSource(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert source[0] == expected[0]
    assert source[-1] == expected[-1]
    with pytest.raises(CorruptRecordError, match="compression") as caught:
        source[200]
    assert caught.value.record_number == 200


def test_what_has_no_name_or_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="names"):
        RecordSource(io.BytesIO())
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(io.UnsupportedOperation, match="regular file"):
        RecordSource(tmp_path / "fifo")
    with pytest.raises(FileNotFoundError, match="missing"):
        RecordSource(tmp_path / "missing")


# Processes and threads.


@pytest.mark.parametrize("is_open", [True, False])
def test_a_pickled_source_is_the_same_source(folder: Path, records: list[bytes], is_open: bool) -> None:
    source = RecordSource(folder)
    if is_open:
        list(source)
    copy = pickle.loads(pickle.dumps(source))
    assert copy[:] == source[:] == records
    assert [copy[number] for number in range(len(copy))] == records
    copy.close()
    assert source[:] == records


def test_relative_paths_stay_those_files(folder: Path, records: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    source = RecordSource("*.tfrecord")
    pickled = pickle.dumps(source)
    monkeypatch.chdir("/")
    assert source[:] == pickle.loads(pickled)[:] == records


def records_of(arguments: tuple[RecordSource, list[int]]) -> list[bytes]:
    source, numbers = arguments
    return [source[number] for number in numbers] + source.__getitems__(numbers)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("is_open", [True, False])
def test_other_processes_read_from_it_at_the_same_time(
    folder: Path, records: list[bytes], method: str, is_open: bool
) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not {method}")
    path = str(folder)
    code = f"""
import multiprocessing, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_source import records_of
from tfrecord_lite import RecordSource, read_records
if __name__ == "__main__":
    source = RecordSource({path!r})
    if {is_open}:
        list(source)
    records = list(read_records({path!r}))
    orders = [list(range(begin, len(source), 3)) for begin in range(3)]
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        found = pool.map(records_of, [(source, order) for order in orders])
    assert found == [[records[number] for number in order] * 2 for order in orders]
    assert source[:] == records
    print("same")
"""
    script = folder / "_program.py"
    script.write_text(code)
    result = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True, timeout=300)
    assert result.stdout == "same\n", result.stderr


def test_a_fork_goes_on_with_the_files_that_are_open(folder: Path, records: list[bytes]) -> None:
    code = f"""
import os, sys
from tfrecord_lite import RecordSource, read_records
source = RecordSource({str(folder)!r})
records = list(read_records({str(folder)!r}))
assert source[:] == records
child = os.fork()
if child == 0:
    same = source[:] == records
    source.close()
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
assert status == 0 and source[:] == records
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_threads_read_while_files_are_opened_and_closed(
    folder: Path, records: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "_MAX_OPEN", 2)
    source = RecordSource(folder)
    orders = [random.Random(seed).sample(range(len(records)), len(records)) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(records_of, [(source, order) for order in orders]))
    assert found == [[records[number] for number in order] * 2 for order in orders]
