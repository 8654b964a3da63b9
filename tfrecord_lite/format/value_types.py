"""The three types that a feature can hold, and what users may call them.

    int64      np.int64, np.dtype("int64"), "int64", tf.int64
    float32    np.float32, float, "float32", "float", tf.float32
    bytes      bytes, np.object_, np.bytes_, np.str_, "string", "bytes", tf.string

TensorFlow takes the same, except that bytes and "bytes" are ours. A tf.DType is known by its attributes, so TensorFlow
need not be there.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from tfrecord_lite.errors import FeatureError

#: TensorFlow's names for the three, for scripts that parse.
int64, float32, string = np.int64, np.float32, bytes


class ValueType(NamedTuple):
    """One of the three types that a feature can hold.

    Attributes:
        name: what TensorFlow's parser calls it.
        values_name: what it calls its values.
        list_name: the field of Feature that holds them.
        dtype: of the arrays they are given in.
        padding: what fills up an array when nothing else is asked for.
    """

    name: str
    values_name: str
    list_name: str
    dtype: np.dtype[Any]
    padding: Any


INT64 = ValueType("int64", "int64", "int64_list", np.dtype(np.int64), 0)
FLOAT32 = ValueType("float", "float", "float_list", np.dtype(np.float32), 0.0)
STRING = ValueType("string", "bytes", "bytes_list", np.dtype(object), b"")

_NAMED_TYPES = {"int64": INT64, "float32": FLOAT32, "float": FLOAT32, "string": STRING, "bytes": STRING}
#: By `numpy.dtype.kind`: Python objects, bytes, str.
_STRING_KINDS = "OSU"


def value_type(dtype: Any) -> ValueType:
    """The type that `dtype` means, in any of the spellings above.

    Raises:
        TypeError: it is no dtype, or one that TensorFlow does not take either (int, str).
        FeatureError: it is a dtype that no feature can hold.
    """
    if dtype is bytes:
        return STRING
    if dtype is float:  # to numpy it is float64
        return FLOAT32
    name = dtype if isinstance(dtype, str) else _tensorflow_name(dtype)
    if name in _NAMED_TYPES:
        return _NAMED_TYPES[name]
    if dtype is None or dtype is int or dtype is str:  # numpy would take them for dtypes
        raise _unknown(dtype, "int64, float32 and bytes")
    found = _numpy_dtype(name or dtype, "int64, float32 and bytes")
    if found.kind in _STRING_KINDS:
        return STRING
    for known in (INT64, FLOAT32):
        if found == known.dtype.newbyteorder(found.byteorder):
            return known
    raise FeatureError(f"a feature holds int64, float32 or bytes, not {found}")


def type_of(value: Any) -> ValueType:
    """The type of a value that `decode_example` gives, or of such an array that `encode_example` takes."""
    if isinstance(value, list) or value.dtype == STRING.dtype:
        return STRING
    return INT64 if value.dtype == INT64.dtype else FLOAT32


def splits_dtype(dtype: Any) -> np.dtype[Any]:
    """The numpy dtype of row_splits that `dtype` means: int32 or int64.

    Raises:
        TypeError: it is no dtype.
        FeatureError: it is another dtype.
    """
    if dtype is None:
        raise TypeError("row_splits are int32 or int64, not None")
    found = _numpy_dtype(_tensorflow_name(dtype) or dtype, "int32 and int64")
    if found not in (np.int32, np.int64):
        raise FeatureError(f"row_splits are int32 or int64, not {found}")
    return found


def _tensorflow_name(dtype: Any) -> str | None:
    """The name of a tf.DType, or None."""
    return cast(str, dtype.name) if hasattr(dtype, "as_numpy_dtype") else None


def _numpy_dtype(dtype: Any, known: str) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # a dtype can be written in many forms, and so be wrong in many ways
        raise _unknown(dtype, known) from None
    return found


def _unknown(dtype: Any, known: str) -> TypeError:
    return TypeError(f"{dtype!r} is not one of the dtypes {known}")
