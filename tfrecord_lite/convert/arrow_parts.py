"""RecordBatches by what their rows stand for: Arrow may have a value once, or none at all, and mean it many times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.adapters.arrow_lists import is_bytes, is_list
from tfrecord_lite.convert.formats import ROWS_WITHOUT_BYTES
from tfrecord_lite.errors import TFRecordError

#: In a part: rows, where they are short, and bytes that they stand for, where they are long and more than one.
_PART_ROWS = 1024
_PART_BYTES = 16 << 20
#: Bytes that a number takes, or where a value ends, when a part is worked on.
_NUMBER = 8.0


class Room:
    """For the values of one file that take no bytes of it: a header says how many they are."""

    def __init__(self) -> None:
        self._bytes = self._values = 0

    def take(self, columns: Any) -> None:
        """Those of a batch, as a StructArray that is valid. Raises TFRecordError if there is no room for them."""
        buffers = {buffer.address: buffer.size for buffer in columns.buffers() if buffer is not None}
        self._bytes += sum(buffers.values())  # not of dictionaries, which batches may share
        self._values += sum(_without_bytes(columns.field(number)) for number in range(columns.type.num_fields))
        room = max(ROWS_WITHOUT_BYTES, 8 * self._bytes)  # a flag takes a bit
        if self._values > room:
            raise TFRecordError(f"says to hold {self._values} values, and has bytes for {room} at the most")


def parts(batch: Any) -> Iterator[Any]:
    """The rows of a batch in slices that are some megabytes when each value stands where it is meant."""
    columns = batch.to_struct_array()  # whose fields, unlike columns, are had without their names, perhaps not UTF-8
    for begin in range(0, batch.num_rows, _PART_ROWS):
        rows = columns.slice(begin, _PART_ROWS)
        ends = np.cumsum(sum((_sizes(rows.field(number)) for number in range(batch.num_columns)), np.zeros(len(rows))))
        at, done = 0, 0.0
        while at < len(rows):
            end = max(int(np.searchsorted(ends, done + _PART_BYTES, "right")), at + 1)
            yield batch.slice(begin + at, end - at)
            at, done = end, ends[end - 1]


def _without_bytes(array: Any) -> int:
    """How many values are of a type that takes no bytes; those of lists as often as they are meant."""
    import pyarrow.compute

    if not is_list(import_pyarrow(), array.type):
        return _of_no_width(array.type, len(array))
    meant = pyarrow.compute.sum(pyarrow.compute.list_value_length(array)).as_py() or 0
    return _of_no_width(array.type.value_type, max(meant, len(array.values)))


def _of_no_width(column: Any, count: int) -> int:
    pa = import_pyarrow()
    if pa.types.is_fixed_size_list(column):
        return _of_no_width(column.value_type, count * column.list_size) if column.list_size else count
    is_empty = pa.types.is_fixed_size_binary(column) and not column.byte_width
    return count if is_empty or pa.types.is_null(column) else 0


def _sizes(array: Any, *, is_inside: bool = False) -> Any:
    """What each value takes where it stands, or any of them, where all take the same; in floats, which have no end."""
    pa = import_pyarrow()
    column = array.type
    if pa.types.is_fixed_size_list(column):
        size = column.list_size
        inner = _sizes(array.values.slice(array.offset * size, len(array) * size), is_inside=True)
        sizes = inner * size if isinstance(inner, float) else inner.reshape(len(array), size).sum(axis=1)
    elif is_list(pa, column) and not is_inside:  # lists in lists are refused elsewhere
        sizes = _sizes_of_lists(array)
    elif not pa.types.is_dictionary(column):
        sizes = _lengths(pa, array)
    else:
        words = _lengths(pa, array.dictionary)
        numbers = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
        sizes = words if isinstance(words, float) else words[numbers]
    return sizes + _NUMBER


def _sizes_of_lists(array: Any) -> NDArray[np.float64]:
    import pyarrow.compute

    lengths = pyarrow.compute.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    begins = array.offsets.to_numpy()[: len(array)].astype(np.int64)
    begins[lengths == 0] = begins[lengths > 0].min(initial=len(array.values))
    ends = begins + lengths
    begin = begins.min()
    inner = _sizes(array.values.slice(begin, ends.max() - begin), is_inside=True)
    sizes: NDArray[np.float64]
    if isinstance(inner, float):
        sizes = inner * lengths
    else:
        sums = np.append(0.0, np.cumsum(inner))
        sizes = sums[ends - begin] - sums[begins - begin]
    return sizes


def _lengths(pa: Any, array: Any) -> Any:
    """Bytes in each value; in any of them, where they are equally long. None but its own for a number."""
    import pyarrow.compute

    column = array.type
    if pa.types.is_fixed_size_binary(column):
        return float(column.byte_width)
    if not is_bytes(pa, column) or not len(array):
        return 0.0
    if str(column).endswith("_view"):  # which binary_length does not take
        views = np.frombuffer(array.buffers()[1], np.int32)  # for each a length, and what takes three more
        lengths = views[4 * array.offset :: 4][: len(array)]
        return np.where(array.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    return pyarrow.compute.binary_length(array).fill_null(0).to_numpy(zero_copy_only=False)
