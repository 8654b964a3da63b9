"""Columns -> arrays of jax, without a copy where jax allows it. Needs jax: the extra `grain`.

    an array of bools or numbers    a jax.Array, by dlpack
    RaggedTensorValue               a RaggedTensorValue of jax.Arrays, a pytree once this module is imported
    SparseTensorValue               a SparseTensorValue of jax.Arrays, a pytree as it is
    bytes                           a FeatureError: decode them first, or leave them out

Unless jax_enable_x64 is set, jax knows no dtypes of 64 bits: int64 becomes int32, float64 float32. jax would cut off what
does not fit; here it is a FeatureError that names the feature. An array that is already as jax has it is not copied: nobody
may write to it afterwards. Copied are those whose dtype changes, of another byte order, with gaps between the values, or
not at a multiple of 64 bytes in memory.

The arrays are on the CPU; `jax.device_put(to_jax(columns), device_or_sharding)` takes all of them elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.tensor_values import RaggedTensorValue, SparseTensorValue

try:
    import jax
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ImportError('this needs jax: pip install "tfrecord-lite-codec[grain]"') from error

Array = np.typing.NDArray[Any]

_NUMBERS = "biufc"


def to_jax(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The same columns as arrays of jax.

    Args:
        columns: {name: values}, as `read_batches`, `parse_example` and the other adapters give them; values may also be
            what numpy makes an array of.

    Raises:
        FeatureError: a column holds bytes or other objects, or a value that jax has no room for.
    """
    return {key: _value(key, column) for key, column in columns.items()}


def _value(key: str, value: Any) -> Any:
    if isinstance(value, RaggedTensorValue):
        return RaggedTensorValue(_value(key, value.values), _array(key, value.row_splits))
    if isinstance(value, SparseTensorValue):
        return SparseTensorValue(*(_array(key, part) for part in value))
    if isinstance(value, BytesArray):
        raise _bytes_error(key)
    return _array(key, np.asarray(value))


def _array(key: str, array: Array) -> jax.Array:
    if array.dtype.kind not in _NUMBERS:
        raise _bytes_error(key)
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    fitting = np.asarray(array, dtype, order="C")
    if dtype.itemsize < array.dtype.itemsize:
        _check_equal(key, array, fitting)
    try:
        return jax.dlpack.from_dlpack(fitting)
    except BufferError:  # numpy before 2.1 hands on nothing that is read-only
        return jax.numpy.array(fitting)


def _check_equal(key: str, wide: Array, narrow: Array) -> None:
    is_lost = narrow != wide
    if wide.dtype.kind in "fc":
        is_lost &= ~np.isnan(wide)
    if is_lost.any():
        number = int(np.flatnonzero(is_lost)[0])
        ...


def _bytes_error(key: str) -> FeatureError:
    return FeatureError("jax has no arrays of bytes or objects: decode them first, or leave the feature out", key)


def _flatten(ragged: RaggedTensorValue) -> tuple[tuple[Any, Any], None]:
    return (ragged.values, ragged.row_splits), None


def _unflatten(_: None, parts: tuple[Any, Any]) -> RaggedTensorValue:
    return RaggedTensorValue(*parts)


jax.tree_util.register_pytree_node(RaggedTensorValue, _flatten, _unflatten)
