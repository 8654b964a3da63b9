"""convert of Arrow and Parquet: files that hold little, and mean much of it or say so."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.convert import arrow_ipc, convert, parquet

pytest.importorskip("pyarrow")
import pyarrow as pa
import pyarrow.parquet as pq

from tfrecord_lite.convert import arrow_parts

NO_BYTES = {"null": pa.null(), "binary of width 0": pa.binary(0), "lists of no numbers": pa.list_(pa.int64(), 0)}
LONG = b"x" * (4 << 20)


def of_no_bytes(kind: str, count: int) -> Any:
    """An array of so many values."""
    column = NO_BYTES[kind]
    if kind == "lists of no numbers":
        return pa.Array.from_buffers(column, count, [None], children=[pa.array([], pa.int64())])
    return pa.Array.from_buffers(column, count, [None] if kind == "null" else [None, pa.py_buffer(b"")])


def views_of(values: Any, begins: list[int], sizes: list[int]) -> Any:
    """Lists that may have values in common."""
    buffers = [None, *(pa.py_buffer(np.array(numbers, np.int32)) for numbers in (begins, sizes))]
    return pa.Array.from_buffers(pa.list_view(values.type), len(begins), buffers, children=[values])


def write(path: Path, columns: list[Any], batches: int = 1, *, is_stream: bool = False) -> Path:
    batch = pa.RecordBatch.from_arrays(columns, [f"c{number}" for number in range(len(columns))])
    new = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, new(file, batch.schema) as writer:
        for _ in range(batches):
            writer.write_batch(batch)
    return path


@pytest.mark.skipif(not hasattr(pa, "list_view"), reason="this pyarrow has no list_view")
@pytest.mark.parametrize("kind", NO_BYTES)
def test_lists_that_have_the_same_values_of_no_bytes_are_counted_each(kind: str, tmp_path: Path) -> None:
    count = 1 << 16
    views = views_of(of_no_bytes(kind, count), [0] * 200, [count] * 200)
    path = write(tmp_path / "a.arrow", [views])
    with pytest.raises(tfr.TFRecordError, match=rf"a\.arrow: says to hold {200 * count} values, and has bytes for "):
        convert(path, tmp_path / "b.tfrecord")


@pytest.mark.parametrize("kind", NO_BYTES)
@pytest.mark.parametrize("is_stream", [False, True], ids=["file", "stream"])
def test_values_that_take_no_bytes_have_one_room_in_a_file(
    kind: str, is_stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_parts, "ROWS_WITHOUT_BYTES", 100)
    path, column = tmp_path / "a.arrow", of_no_bytes(kind, 50)
    assert convert(write(path, [column], 2, is_stream=is_stream), tmp_path / "b.tfrecord").records == 100
    assert convert(write(path, [column, column], is_stream=is_stream), tmp_path / "b.tfrecord").records == 50
    for columns, batches in ([column], 3), ([column] * 3, 1):
        write(path, columns, batches, is_stream=is_stream)
        with pytest.raises(tfr.TFRecordError, match=r"a\.arrow: says to hold 150 values, and has bytes for 100 at the"):
            convert(path, tmp_path / "b.tfrecord")
    write(path, [column, column, pa.array(range(50))], 5, is_stream=is_stream)
    assert convert(path, tmp_path / "b.tfrecord").records == 250


def test_a_dictionary_that_batches_share_makes_no_room_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_parts, "ROWS_WITHOUT_BYTES", 100)
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 10, pa.int8()), pa.array(["a" * 1000]))
    path = write(tmp_path / "a.arrow", [words, *[of_no_bytes("null", 10)] * 10], 3)
    with pytest.raises(tfr.TFRecordError, match="says to hold 200 values, and has bytes for 160 at the most"):
        convert(path, tmp_path / "b.tfrecord")


@pytest.mark.parametrize("shape", ["1048576,", "2, 524288", "1, 1048576"])
def test_arrays_that_take_no_bytes_have_one_room_in_an_npz(shape: str, tmp_path: Path) -> None:
    header = f"{{'descr': '|S0', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
    array = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", array)
        archive.writestr("b.npy", array)
    with pytest.raises(tfr.FeatureError, match=r"'b': says to hold 1048576 rows, which take no bytes: 1048576 of them"):
        convert(tmp_path / "a.npz", tmp_path / "b.tfrecord")


def test_a_length_beyond_all_memory_is_an_error_about_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.arrow", [pa.array(range(1003))], is_stream=True)
    data = path.read_bytes()
    length = (1003 * 8).to_bytes(8, "little")  # of the buffer; that of the body is a multiple of 64 or of 8
    assert length in data
    path.write_bytes(data.replace(length, (1 << 62).to_bytes(8, "little")))
    with pytest.raises(tfr.TFRecordError, match=r"a\.arrow: holds, or says to hold, more than there is memory for$"):
        convert(path, tmp_path / "b.tfrecord")


def test_memory_that_is_short_for_our_own_work_is_not_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(batch: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(arrow_ipc, "parts", short)
    with pytest.raises(MemoryError):
        convert(write(tmp_path / "a.arrow", [pa.array([1])]), tmp_path / "b.tfrecord")


def dictionary_of(values: Any) -> Any:
    """A dictionary of one value, which twelve rows mean."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * 12, pa.int8()), values)


def binary_views() -> Any:
    views = np.array([len(LONG), 0, 0, 0] * 12, np.int32)
    return pa.Array.from_buffers(pa.binary_view(), 12, [None, pa.py_buffer(views), pa.py_buffer(LONG)])


#: {kind: what makes a column of twelve rows, each of which stands for as much as LONG}
LONG_ROWS: dict[str, Callable[[], Any]] = {
    "dictionary": lambda: dictionary_of(pa.array([LONG])),
    "dictionary of one width": lambda: dictionary_of(
        pa.Array.from_buffers(pa.binary(len(LONG)), 1, [None, pa.py_buffer(LONG)])
    ),
    "lists of words": lambda: pa.ListArray.from_arrays(
        pa.array(range(13), pa.int32()), dictionary_of(pa.array([LONG]))
    ),
    "fixed lists of words": lambda: pa.FixedSizeListArray.from_arrays(dictionary_of(pa.array([LONG])), 1),
    "plain": lambda: pa.array([LONG] * 12),
    "lists of numbers": lambda: pa.array([np.zeros(len(LONG) // 8)] * 12),
}
if hasattr(pa, "binary_view"):
    LONG_ROWS["views"] = binary_views
    LONG_ROWS["words that are views"] = lambda: dictionary_of(binary_views())
if hasattr(pa, "list_view"):
    LONG_ROWS["lists with values in common"] = lambda: views_of(
        pa.array(np.zeros(len(LONG) // 8)), [0] * 12, [1 << 19] * 12
    )
    LONG_ROWS["lists with words in common"] = lambda: views_of(dictionary_of(pa.array([LONG])), [11] * 12, [1] * 12)


@pytest.mark.parametrize("kind", LONG_ROWS)
def test_rows_that_stand_for_much_are_worked_on_a_few_at_a_time(kind: str) -> None:
    column = LONG_ROWS[kind]()
    for offset in (0, 3):  # of a slice
        batch = pa.RecordBatch.from_arrays([column.slice(offset)], ["a"])
        slices = list(arrow_parts.parts(batch))
        assert [len(each) for each in slices] == [3] * ((12 - offset) // 3)
        assert all(some.equals(batch.slice(3 * number, 3)) for number, some in enumerate(slices))


def test_a_long_row_is_alone_and_nulls_and_short_rows_are_many() -> None:
    mixed = pa.array([0, None, 1, 0, 1, None], pa.int8())
    long_and_short = pa.DictionaryArray.from_arrays(mixed, pa.array([b"short", b"x" * (17 << 20)]))
    batch = pa.RecordBatch.from_arrays([long_and_short, pa.array([[1], None, [], [2, 3], None, [4]])], ["a", "b"])
    assert [len(each) for each in arrow_parts.parts(batch)] == [2, 1, 1, 1, 1]
    for column in (
        pa.array([1] * 2500),
        pa.array(["word", None] * 1250),
        pa.array([[], None] * 1250, pa.list_(pa.string())),
        pa.DictionaryArray.from_arrays(pa.array([None] * 2500, pa.int8()), pa.array([], pa.string())),
        pa.array([[["a"]]] * 2500),
        pa.array([{"a": 1}] * 2500),
    ):
        batch = pa.RecordBatch.from_arrays([column], ["a"])
        assert [len(each) for each in arrow_parts.parts(batch)] == [1024, 1024, 452]


def test_long_rows_of_arrow_and_parquet_become_the_records_that_they_are(tmp_path: Path) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 6, pa.int8()), pa.array([LONG, b"short"]))
    write(tmp_path / "a.arrow", [words])
    pq.write_table(pa.table({"c0": words}), tmp_path / "a.parquet")
    for module, name in (arrow_ipc, "a.arrow"), (parquet, "a.parquet"):
        rows = list(module.read_parts(str(tmp_path / name), "", None, None))
        assert [(each.begin, each.count) for each in rows] == [(0, 6), (6, 6)]
        convert(tmp_path / name, tmp_path / "b.tfrecord")
        records = list(tfr.read_examples(tmp_path / "b.tfrecord"))
        assert [record["c0"] for record in records] == [[LONG], [b"short"]] * 6
