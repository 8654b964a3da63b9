"""Bytes values as one blob and the offsets at which they begin, instead of one Python object each.

    value i, counted in C order:    blob[offsets[i] : offsets[i + 1]]

That is how Arrow, and whoever decodes on another processor, wants them. An array of objects costs 50 bytes a value and
an object's time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.tensor_values import RaggedTensorValue, SparseTensorValue

Array = NDArray[Any]


class BytesArray:
    """An array of bytes values.

    Attributes:
        blob: uint8 [bytes], the values one after the other, and nothing else.
        offsets: int64 [values + 1], the first 0, the last the length of the blob.
        shape: of the array; the values stand in C order.

    Raises:
        ValueError: the offsets do not begin at 0, ascend, and end with the length of the blob.
    """

    def __init__(self, blob: Array, offsets: Array, shape: Sequence[int] | None = None) -> None:
        if not len(offsets) or offsets[0] or offsets[-1] != len(blob) or (offsets[1:] < offsets[:-1]).any():
            raise ValueError("offsets do not begin at 0, ascend, and end with the length of the blob")
        self.blob = blob
        self.offsets = offsets
        self.shape = (len(offsets) - 1,) if shape is None else tuple(shape)

    @classmethod
    def from_objects(cls, values: Array) -> BytesArray:
        """Of an object array of bytes."""
        items = values.reshape(-1).tolist()
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, items), np.int64, len(items)), out=offsets[1:])
        return cls(np.frombuffer(bytearray().join(items), np.uint8), offsets, values.shape)

    def to_objects(self) -> Array:
        """The same as an object array of bytes."""
        data, splits = self.blob.tobytes(), self.offsets.tolist()
        objects = np.empty(len(splits) - 1, object)
        objects[:] = [data[begin:end] for begin, end in pairwise(splits)]
        return objects.reshape(self.shape)

    def tolist(self) -> list[Any]:
        """The same as (nested) lists of bytes."""
        values: list[Any] = self.to_objects().tolist()
        return values

    def __getitem__(self, number: int) -> bytes:
        if len(self.shape) != 1:
            raise TypeError("of an array of several dimensions `to_objects` gives the values")
        begin, end = self.offsets[:-1][number], self.offsets[1:][number]
        return self.blob[begin:end].tobytes()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"BytesArray(shape={self.shape}, {len(self.blob)} bytes)"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of `to_objects`."""
        return np.dtype(object)

    @property
    def size(self) -> int:
        """How many values there are."""
        return math.prod(self.shape)

    def reshape(self, *shape: Any) -> BytesArray:
        """The same values in another shape, given as for `numpy.ndarray.reshape`."""
        # numpy knows the rules, and an array of no bytes costs none.
        numbers = np.broadcast_to(np.zeros((), np.uint8), self.shape).reshape(*shape)
        return BytesArray(self.blob, self.offsets, numbers.shape)

    def part(self, begin: int, end: int) -> BytesArray:
        """Values `begin` to `end` of one dimension."""
        first, last = self.offsets[[begin, end]].tolist()
        return BytesArray(self.blob[first:last], self.offsets[begin : end + 1] - first)

    def take(self, order: Array) -> BytesArray:
        """The values of one dimension in another order."""
        return BytesArray.from_objects(self.to_objects()[order])

    def octets(self) -> Any:
        """The bytes as numbers: uint8 [bytes] of a single value, else ragged rows of uint8, nested as the shape is."""
        if not self.shape:
            return self.blob
        rows = RaggedTensorValue(self.blob, self.offsets)
        for axis in range(len(self.shape) - 1, 0, -1):
            rows = RaggedTensorValue(rows, np.arange(math.prod(self.shape[:axis]) + 1) * self.shape[axis])
        return rows


def concatenated(arrays: Sequence[BytesArray]) -> BytesArray:
    """The values of several arrays of one dimension, one after the other."""
    sizes = [array.offsets[1:] - array.offsets[:-1] for array in arrays]
    offsets = np.zeros(sum(map(len, sizes)) + 1, np.int64)
    np.cumsum(np.concatenate(sizes), out=offsets[1:])
    return BytesArray(np.concatenate([array.blob for array in arrays]), offsets)


def as_blobs(result: Any) -> Any:
    """A parsed result (array, sparse or ragged) with a BytesArray where it has an array of objects."""
    if isinstance(result, SparseTensorValue):
        return result._replace(values=as_blobs(result.values))
    if isinstance(result, RaggedTensorValue):
        return RaggedTensorValue(as_blobs(result.values), result.row_splits)
    is_objects = isinstance(result, np.ndarray) and result.dtype == object
    return BytesArray.from_objects(result) if is_objects else result
