"""Columns as arrays of jax, in the same memory where jax allows it. Needs jax: the extra `[grain]`.

    array of bools or numbers    jax.Array, by dlpack
    RaggedTensorValue            RaggedTensorValue of jax.Arrays, a pytree
    SparseTensorValue            SparseTensorValue of jax.Arrays, a pytree
    BytesArray                   as ragged rows of uint8; a single value as uint8 [bytes]
    bytes, and anything else     as they are: jax has no arrays of bytes, and refuses them where they are computed with

Without jax_enable_x64, jax has no dtypes of 64 bits: int64 becomes int32, and float64 float32. A value that changes
then is an error; jax by itself would not say so. An array that jax can take as it is shares its memory with the result,
so nobody may write to it any more. jax copies what does not lie at a multiple of 64 bytes in memory; also copied are
other byte orders, arrays with gaps, and with numpy before 2.1 those that cannot be written to.

The results are on the CPU; `jax.device_put(to_jax(columns), device)` takes them all elsewhere, or to the shards of a
sharding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

try:
    import jax
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ImportError('this needs jax: pip install "tfrecord-lite-codec[grain]"') from error

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.tensor_values import Array, RaggedTensorValue, SparseTensorValue

#: Kinds of dtypes that jax has: bool, signed, unsigned, floating, complex.
_NUMBERS = "biufc"


def to_jax(columns: Mapping[str, Any]) -> dict[str, Any]:
    """{name: jax.Array} of {name: array}, as said above.

    Args:
        columns: as `OrderedBatches`, `read_batches`, `parse_example` and the adapters for grain give them.

    Raises:
        FeatureError: a value has no place in 32 bits, and jax_enable_x64 is not set; or values are masked.
        TypeError: it is no mapping.
    """
    if not isinstance(columns, Mapping):
        raise TypeError(f"columns is a mapping of names to values, not {type(columns).__name__}")
    return {key: _as_jax(key, value) for key, value in columns.items()}


def _as_jax(key: str, value: Any) -> Any:
    if isinstance(value, BytesArray):
        return _as_jax(key, value.octets())
    if isinstance(value, RaggedTensorValue):
        return RaggedTensorValue(_as_jax(key, value.values), _as_jax(key, value.row_splits))
    if isinstance(value, SparseTensorValue):
        return SparseTensorValue(*(_as_jax(key, part) for part in value))
    return _of_array(key, value) if isinstance(value, np.ndarray) and value.dtype.kind in _NUMBERS else value


def _of_array(key: str, array: Array) -> jax.Array:
    if np.ma.is_masked(array):
        raise FeatureError("masked values have no place in an array of jax", key)
    dtype = jax.dtypes.canonicalize_dtype(array.dtype.newbyteorder("="))
    with np.errstate(over="ignore"):  # found below
        fitting = np.asarray(array, dtype, order="C")
    if fitting.itemsize < array.itemsize:
        _check_nothing_lost(key, array, fitting)
    try:
        return jax.dlpack.from_dlpack(fitting)
    except BufferError:  # numpy before 2.1 does not hand on what cannot be written to
        return jax.numpy.array(fitting)


def _check_nothing_lost(key: str, wide: Array, narrow: Array) -> None:
    is_lost = (narrow != wide) & (wide == wide)  # nan stays nan
    if is_lost.any():
        value = wide[is_lost][0]
        raise FeatureError(
            f"{value} is no {narrow.dtype}, and jax has no {wide.dtype.newbyteorder('=')} unless jax_enable_x64 is set",
            key,
        )


def _flatten(value: RaggedTensorValue) -> tuple[tuple[Any, Any], None]:
    return (value.values, value.row_splits), None


def _unflatten(_: None, parts: tuple[Any, Any]) -> RaggedTensorValue:
    return RaggedTensorValue(*parts)


jax.tree_util.register_pytree_node(RaggedTensorValue, _flatten, _unflatten)
