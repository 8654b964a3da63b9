"""BytesArray: one blob and offsets, the same as an array of bytes objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.format.bytes_array import as_blobs, concatenated
from tfrecord_lite.format.tensor_values import RaggedTensorValue, SparseTensorValue


def objects(values: list[bytes], *shape: int) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape) if shape else array


VALUES = st.lists(st.binary(max_size=5), max_size=12)


@given(VALUES, st.data())
def test_it_is_the_array_of_objects(values: list[bytes], data: st.DataObject) -> None:
    array = tfr.BytesArray.from_objects(objects(values))
    assert (len(array), array.size, array.shape) == (len(values), len(values), (len(values),))
    assert array.dtype == array.to_objects().dtype == np.dtype(object)
    assert list(array) == array.tolist() == array.to_objects().tolist() == values
    assert [array[number] for number in range(-len(values), len(values))] == values + values
    begin = data.draw(st.integers(0, len(values)))
    end = data.draw(st.integers(begin, len(values)))
    assert array.part(begin, end).tolist() == values[begin:end]
    order = data.draw(st.permutations(range(len(values))))
    assert array.take(np.array(order, np.int64)).tolist() == [values[number] for number in order]
    assert concatenated([array.part(0, begin), array.part(begin, len(values))]).tolist() == values
    assert repr(array) == f"BytesArray(shape=({len(values)},), {sum(map(len, values))} bytes)"


def test_of_several_dimensions_values_are_given_by_the_array_of_objects() -> None:
    values = [b"a", b"bb", b"", b"c", b"d", b"e"]
    array = tfr.BytesArray.from_objects(objects(values, 2, 3))
    assert (array.shape, array.size, len(array)) == ((2, 3), 6, 2)
    assert array.tolist() == [values[:3], values[3:]]
    assert array.reshape(3, 2).tolist() == [values[:2], values[2:4], values[4:]]
    assert array.reshape(-1).tolist() == values
    with pytest.raises(TypeError, match="`to_objects` gives the values"):
        array[0]
    with pytest.raises(ValueError, match="reshape"):
        array.reshape(4)


@pytest.mark.parametrize("offsets", [[], [1, 3], [0, 2], [0, 2, 1, 3]])
def test_offsets_that_do_not_fit_the_blob_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets do not begin at 0"):
        tfr.BytesArray(np.zeros(3, np.uint8), np.array(offsets, np.int64))


def test_octets_are_rows_of_numbers_nested_as_the_shape_is() -> None:
    values = [b"\x01\x02", b"", b"\x03", b"\x04"]
    single = tfr.BytesArray.from_objects(objects(values[:1], 1)).reshape(())
    assert single.octets().tolist() == [1, 2]
    assert tfr.BytesArray.from_objects(objects(values)).octets().to_list() == [[1, 2], [], [3], [4]]
    table = tfr.BytesArray.from_objects(objects(values, 2, 2)).octets()
    assert table.to_list() == [[[1, 2], []], [[3], [4]]]
    assert table.nested_row_splits[0].tolist() == [0, 2, 4]


def test_results_of_bytes_become_blobs_and_others_stay() -> None:
    values = objects([b"a", b"bc"])
    numbers = np.arange(2)
    sparse = as_blobs(SparseTensorValue(np.zeros((2, 1)), values, np.array([2])))
    ragged = as_blobs(RaggedTensorValue(RaggedTensorValue(values, np.array([0, 2])), np.array([0, 1])))
    for found in (as_blobs(values), sparse.values, ragged.flat_values):
        assert isinstance(found, tfr.BytesArray)
        assert found.tolist() == [b"a", b"bc"]
    assert as_blobs(numbers) is numbers
    assert as_blobs(SparseTensorValue(np.zeros((2, 1)), numbers, np.array([2]))).values is numbers
