"""Columns as arrays of jax: the same values, in the same memory where that can be, and nothing lost without a word."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.tensor_values import RaggedTensorValue

jax = pytest.importorskip("jax")
from tfrecord_lite.adapters.jax import to_jax  # noqa: E402

FEATURES = {
    "number": tfr.FixedLenFeature([], np.int64),
    "values": tfr.FixedLenFeature([2], np.float32),
    "ids": tfr.RaggedFeature(np.int64),
    "some": tfr.VarLenFeature(np.float32),
    "text": tfr.FixedLenFeature([], bytes),
    "words": tfr.RaggedFeature(bytes),
}


@pytest.fixture
def columns(tmp_path: Path) -> Any:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for number in range(20):
            example = {"number": number, "values": [float(number), 0.5], "text": f"t{number}"}
            lists = {"ids": np.arange(number % 3), "some": np.ones(number % 2, np.float32)}
            writer.write_example(example | lists | {"words": [b"w"] * (number % 2) or None})
    return next(tfr.read_batches(tmp_path / "a", FEATURES))


def aligned(shape: Any, dtype: Any, at: int = 0) -> Any:
    """An array that begins so many bytes behind a multiple of 64."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    octets = np.zeros(size + 128, np.uint8)
    begin = -octets.ctypes.data % 64 + at
    array = octets[begin : begin + size].view(dtype).reshape(shape)
    array[...] = np.arange(array.size).reshape(shape)
    return array


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.uint32, np.float16, np.float32, np.bool_])
def test_an_array_stays_in_its_memory(dtype: Any) -> None:
    array = aligned((3, 5), dtype)
    found = to_jax({"a": array})["a"]
    assert isinstance(found, jax.Array)
    assert found.dtype == dtype
    assert found.unsafe_buffer_pointer() == array.ctypes.data
    np.testing.assert_array_equal(found, array)


def test_memory_lives_as_long_as_the_result() -> None:
    found = to_jax({"a": aligned((1000, 100), np.float32)})["a"]
    gc.collect()
    more = [aligned((1000, 100), np.float32) * 2 for _ in range(10)]
    np.testing.assert_array_equal(found, more[0] / 2)


ODD = {
    "not aligned": aligned((3, 5), np.float32, 4),
    "with gaps": aligned((3, 6), np.float32)[:, ::2],
    "backwards": aligned((3, 5), np.float32)[::-1],
    "transposed": aligned((3, 5), np.float32).T,
    "of another byte order": aligned((3, 5), np.float32).astype(">f4"),
    "broadcast": np.broadcast_to(np.float32(3), (3, 5)),
    "without values": np.empty((0, 5), np.float32),
    "of shape ()": np.array(2.5, np.float32),
    "not a number": np.array([np.nan, np.inf], np.float32),
}


@pytest.mark.parametrize("array", ODD.values(), ids=ODD.keys())
def test_odd_arrays_have_the_same_values(array: Any) -> None:
    found = to_jax({"a": array})["a"]
    assert isinstance(found, jax.Array)
    assert (found.shape, found.dtype) == (array.shape, np.float32)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("at", [0, 4])
def test_what_cannot_be_written_to_is_taken(at: int) -> None:
    array = aligned((3, 5), np.float32, at)
    array.flags.writeable = False
    np.testing.assert_array_equal(to_jax({"a": array})["a"], array)


WIDE = {
    "int64": np.array([-(2**31), 2**31 - 1], np.int64),
    "uint64": np.array([0, 2**32 - 1], np.uint64),
    "float64": np.array([0.5, np.nan, -np.inf]),
    "complex128": np.array([1 + 2j]),
    "another byte order": np.array([7, -7], ">i8"),
}


@pytest.mark.parametrize("array", WIDE.values(), ids=WIDE.keys())
def test_64_bits_become_32_where_that_is_the_same(array: Any) -> None:
    found = to_jax({"a": array})["a"]
    assert found.dtype.itemsize * 2 == array.dtype.itemsize
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([1, 2**31]), "feature 'a': 2147483648 is no int32, and jax has no int64"),
        (np.array([[-(2**31) - 1]], ">i8"), "feature 'a': -2147483649 is no int32, and jax has no int64"),
        (np.array([2**32], np.uint64), "feature 'a': 4294967296 is no uint32, and jax has no uint64"),
        (np.array([0.1]), "feature 'a': 0.1 is no float32, and jax has no float64"),
        (np.array([1e300]), "feature 'a': 1e[+]300 is no float32"),
    ],
)
def test_a_value_that_32_bits_do_not_hold_is_an_error(array: Any, message: str) -> None:
    with pytest.raises(tfr.FeatureError, match=message):
        to_jax({"b": np.zeros(1), "a": array})


def test_with_x64_nothing_is_changed() -> None:
    for array in (np.array([1, 2**62]), np.array([0.1])):
        with jax.enable_x64(True):
            found = to_jax({"a": array})["a"]
            assert found.dtype == array.dtype
            assert found.tolist() == array.tolist()


def test_columns_of_a_data_set(columns: Any) -> None:
    found = to_jax(columns)
    assert list(found) == list(columns)
    assert found["number"].tolist() == list(range(20))
    np.testing.assert_array_equal(found["values"], columns["values"])
    assert isinstance(found["ids"].values, jax.Array)
    assert [np.asarray(part).tolist() for part in (found["ids"].values, found["ids"].row_splits)] == [
        columns["ids"].values.tolist(),
        columns["ids"].row_splits.tolist(),
    ]
    for part, expected in zip(found["some"], columns["some"], strict=True):
        assert isinstance(part, jax.Array)
        np.testing.assert_array_equal(part, expected)


def test_bytes_stay_as_they_are(columns: Any) -> None:
    found = to_jax(columns)
    assert found["text"] is columns["text"]
    assert found["words"].values is columns["words"].values
    with pytest.raises(TypeError):
        jax.jit(lambda batch: batch)(found)


def test_blobs_are_ragged_rows_of_octets() -> None:
    values = np.array([[b"ab", b"", b"c"], [b"d", b"efg", b"\xff"]], object)
    rows = to_jax({"a": BytesArray.from_objects(values)})["a"]
    assert rows.ragged_rank == 2
    assert rows.flat_values.dtype == np.uint8
    lists = [[bytes(value) for value in row] for row in rows.to_list()]
    assert lists == values.tolist()
    single = BytesArray(np.frombuffer(b"xyz", np.uint8), np.array([0, 3]), ())
    assert bytes(to_jax({"a": single})["a"].tolist()) == b"xyz"
    none = to_jax({"a": BytesArray.from_objects(np.empty((2, 0), object))})["a"]
    assert none.to_list() == [[], []]


def test_ragged_and_sparse_columns_go_through_jit(columns: Any) -> None:
    batch = {name: to_jax(columns)[name] for name in ("ids", "some", "number")}
    again = jax.jit(lambda batch: jax.tree.map(lambda array: array + 1, batch))(batch)
    assert isinstance(again["ids"], RaggedTensorValue)
    np.testing.assert_array_equal(again["ids"].values, columns["ids"].values + 1)
    np.testing.assert_array_equal(again["some"].indices, columns["some"].indices + 1)


def test_without_jax_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['jax'] = None; import tfrecord_lite.adapters.jax"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith('ImportError: this needs jax: pip install "tfrecord-lite-codec[grain]"\n')


@pytest.mark.parametrize("wrong", [5, None, [1], np.zeros(3)])
def test_what_is_no_mapping_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"columns is a mapping of names to values, not {type(wrong).__name__}"):
        to_jax(wrong)


def test_masked_values_are_refused_by_name() -> None:
    with pytest.raises(tfr.FeatureError, match="masked values have no place in an array of jax") as found:
        to_jax({"number": np.ma.array([1, 2], np.int32, mask=[False, True])})
    assert found.value.key == "number"
    assert to_jax({"number": np.ma.array([1, 2], np.int32)})["number"].tolist() == [1, 2]
