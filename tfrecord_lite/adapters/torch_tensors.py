"""Columns, or the values of one example, as PyTorch's tensors.

    array                   tensor in the same memory
    RaggedTensorValue       nested tensor (jagged layout) in the same memory, or a padded one
    SparseTensorValue       sparse COO tensor; of bytes, which that cannot hold, a SparseTensorValue of the above
    array of objects        lists of bytes
    BytesArray              as ragged rows of uint8; a single value as uint8 [bytes]
    anything else           as it is

Only an array that torch cannot hold is copied: of another byte order, not writable, or stepping backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.tensor_values import Array, RaggedTensorValue, SparseTensorValue

#: How rows of different lengths are given.
RaggedAs = Literal["nested", "padded"]
#: What stands behind the shorter rows: of all values, or {name: number}, and 0 for other names.
Padding = float | Mapping[str, float]


#: {name: numpy arrays and what else columns may be} -> the same, changed.
Transform = Callable[[dict[str, Any]], Mapping[str, Any]]


class ItemMaker:
    """What makes an item, {name: tensor}, of the values that were read.

    Raises:
        ValueError: `ragged` is another word.
        TypeError: the transform is no function, or returns no mapping; the padding is no number.
        FeatureError: as `as_tensors`.
    """

    def __init__(self, transform: Transform | None, ragged: RaggedAs, padding: Padding) -> None:
        if ragged not in ("nested", "padded"):
            raise ValueError(f"ragged is 'nested' or 'padded', not {ragged!r}")
        if transform is not None and not callable(transform):
            raise TypeError(f"transform is a function or None, not {type(transform).__name__}")
        _check_padding(padding)
        self._transform, self._ragged, self._padding = transform, ragged, padding

    def __call__(self, values: dict[str, Any]) -> dict[str, Any]:
        changed = values if self._transform is None else self._transform(values)
        if not isinstance(changed, Mapping):
            raise TypeError(f"a transform returns a mapping of names to values, not {type(changed).__name__}")
        return as_tensors(changed, self._ragged, self._padding)


def as_tensors(values: Mapping[str, Any], ragged: RaggedAs, padding: Padding) -> dict[str, Any]:
    """{name: tensor} of {name: value}.

    Args:
        values: as `read_batches`, `parse_single_example` or a transform gives them.
        ragged: whether rows of different lengths become a nested tensor or a padded one.
        padding: what stands behind the shorter rows, of all values or {name: number}; 0 where a name is not in it.

    Raises:
        FeatureError: a padding is for a name that is not there; there are ragged rows of ragged rows, which a nested
            tensor cannot hold; rows are to be padded that cannot hold the padding; or values are masked.
    """
    of_names = padding if isinstance(padding, Mapping) else dict.fromkeys(values, padding)
    for name in of_names:
        if name not in values:
            raise FeatureError("there is a padding for it, but no such value", name)
    tensors = {}
    for name, value in values.items():
        try:
            tensors[name] = _as_tensor(value, ragged, of_names.get(name, 0))
        except _NoTensor as error:
            raise FeatureError(str(error), name) from None
    return tensors


def pinned(value: Any) -> Any:
    """A value, or a sparse one's parts, in pinned memory where it is a tensor."""
    if isinstance(value, SparseTensorValue):
        return SparseTensorValue(*map(pinned, value))
    return value.pin_memory() if isinstance(value, torch.Tensor) else value


def _check_padding(padding: Any) -> None:
    """Raise TypeError where it is no number and no {name: number}."""
    of_names = padding if isinstance(padding, Mapping) else {"": padding}
    if not all(isinstance(name, str) and isinstance(number, Real) for name, number in of_names.items()):
        raise TypeError(f"padding is a number or {{name: number}}, not {padding!r}")


class _NoTensor(Exception):
    """Why there is no tensor of a value."""


def _as_tensor(value: Any, ragged: RaggedAs, padding: float) -> Any:
    if isinstance(value, BytesArray):
        value = value.octets()
    if isinstance(value, RaggedTensorValue):
        return _of_ragged(value, ragged, padding)
    if isinstance(value, SparseTensorValue):
        return _of_sparse(value, ragged, padding)
    return _of_array(value) if isinstance(value, np.ndarray) else value


def _check_mask(array: Any) -> None:
    """Raise _NoTensor where values are masked: they would come out as if they were not."""
    if np.ma.is_masked(array):
        raise _NoTensor("masked values have no place in a tensor")


def _of_array(array: Array) -> Any:
    _check_mask(array)
    if array.dtype == object:
        return array.tolist()
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or any(stride < 0 or stride % array.itemsize for stride in array.strides):
        array = array.copy()
    try:
        return torch.from_numpy(array)
    except TypeError:  # a dtype that torch does not have, such as text
        return array


def _of_ragged(value: RaggedTensorValue, ragged: RaggedAs, padding: float) -> Any:
    flat: Any = value.flat_values
    _check_mask(flat)
    if isinstance(flat, BytesArray):
        value = _octets(value)
    elif flat.dtype == object:
        return value.to_list()
    if ragged == "padded":
        return _of_array(_padded(value, padding))
    if value.ragged_rank > 1:
        raise _NoTensor('rows of rows of different lengths are no nested tensor: ragged="padded" takes them')
    return torch.nested.nested_tensor_from_jagged(_of_array(value.flat_values), _of_array(value.row_splits))


def _of_sparse(value: SparseTensorValue, ragged: RaggedAs, padding: float) -> Any:
    if value.values.dtype == object:  # sparse tensors hold no bytes
        values = _as_tensor(value.values, ragged, padding)
        return SparseTensorValue(_of_array(value.indices), values, _of_array(value.dense_shape))
    indices = _of_array(value.indices).t()
    return torch.sparse_coo_tensor(indices, _of_array(value.values), value.dense_shape.tolist(), check_invariants=True)


def _octets(value: Any) -> RaggedTensorValue:
    """A ragged value that has a BytesArray inside, with rows of uint8 in its place."""
    inner = value.values.octets() if isinstance(value.values, BytesArray) else _octets(value.values)
    return RaggedTensorValue(inner, value.row_splits)


def _padded(value: RaggedTensorValue, padding: float) -> Array:
    inner = _padded(value.values, padding) if isinstance(value.values, RaggedTensorValue) else value.values
    lengths = np.diff(value.row_splits)
    longest = int(lengths.max(initial=0))
    if inner.dtype.kind in "iu" and not _holds(inner.dtype, padding):
        raise _NoTensor(f"its rows are of {inner.dtype}, which has no {padding} for a padding")
    try:
        array = np.full((len(value), longest, *inner.shape[1:]), padding, inner.dtype)
    except OverflowError:  # an integer beyond all floats
        raise _NoTensor(f"its rows are of {inner.dtype}, which does not reach its padding") from None
    array[np.arange(longest) < lengths[:, np.newaxis]] = inner
    return array


def _holds(dtype: np.dtype[Any], padding: float) -> bool:
    """Whether a dtype of integers has that number."""
    limits = np.iinfo(dtype)
    return bool(limits.min <= padding <= limits.max) and padding == int(padding)
