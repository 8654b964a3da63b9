"""What a Python or numpy value means as a feature: its kind, and its values in the form that the kind stores.

Takes one value of an example mapping, returns (kind, values), raises FeatureError naming the key.

    value                                                     kind         values
    None                                                      None         None
    bytes-like, str (as UTF-8)                                BYTES_LIST   list of bytes-like
    bool, int, arrays of bool, signed or unsigned integers    INT64_LIST   int64 array [n]
    float, floating arrays                                    FLOAT_LIST   float32 array [n], little-endian
    (nested) lists, tuples and object arrays of one of these  that kind    flattened in C order

Nothing is guessed and nothing is cut: mixed lists, integers outside int64, empty lists (of which kind?) and numpy's
fixed-width bytes (they have already lost trailing NULs) are errors. An empty *array* has a dtype, and so a kind; an
empty object array is an empty bytes_list. Doubles are rounded to float32 as C does it, so 1e39 becomes inf.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError

#: Field numbers in the oneof `kind` of message Feature.
BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3

#: As many dimensions as a numpy array may have; a list that contains itself ends here.
_MAX_NESTING = 64
_BYTE_FORMATS = ("B", "b", "c")
_NUMBER_FORMATS = tuple("?hHiIlLqQnNefd")


def feature_values(value: Any, key: str) -> tuple[int | None, Any]:
    """(kind, values) of one value, as in the table above."""
    if value is None:
        return None, None
    if isinstance(value, (bytes, str)):
        return BYTES_LIST, [_as_bytes(value, key)]
    if isinstance(value, np.ndarray):
        return _array_values(value, key)
    if isinstance(value, int):
        return INT64_LIST, _int64_array([value], key)
    if isinstance(value, float):
        return _array_values(np.array([value]), key)
    if isinstance(value, (list, tuple, range)):
        return _list_values(list(_leaves(value, key)), key)
    if isinstance(value, np.generic) or hasattr(value, "__array__"):
        return _array_values(np.asarray(value), key)
    if isinstance(value, array):
        return _array_values(np.asarray(value), key)
    view = byte_view(value)
    if view is None:
        raise FeatureError(f"a {type(value).__name__} has no place in a feature", key)
    return BYTES_LIST, [_flat(view)]


def with_kind(value: Any) -> Any:
    """A value that was decoded, as one to encode: of an empty list nobody sees that it was one of bytes."""
    return np.empty(0, object) if isinstance(value, list) and not value else value


def _array_values(values: NDArray[Any], key: str) -> tuple[int, Any]:
    if np.ma.is_masked(values):
        raise FeatureError("masked values have no place in a feature", key)
    dtype, flat = values.dtype, np.asarray(values).reshape(-1)
    if dtype.kind in "bi":
        return INT64_LIST, flat.astype(np.int64, copy=False)
    if dtype.kind == "u":
        if dtype.itemsize == 8 and flat.size and int(flat.max()) > np.iinfo(np.int64).max:
            raise FeatureError(f"{flat.max()} is outside int64", key)
        return INT64_LIST, flat.astype(np.int64)
    if dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return FLOAT_LIST, flat.astype("<f4", copy=False)
    if dtype.kind == "U":
        return BYTES_LIST, [_as_bytes(text, key) for text in flat.tolist()]
    if dtype.kind == "O":
        return _list_values(flat.tolist(), key) if flat.size else (BYTES_LIST, [])
    if dtype.kind == "S" and not flat.size:
        return BYTES_LIST, []
    if dtype.kind == "S":
        raise FeatureError(
            f"an array of dtype {dtype} has lost trailing NULs: use a list or an object array of bytes", key
        )
    raise FeatureError(f"an array of dtype {dtype} has no place in a feature", key)


def _list_values(leaves: list[Any], key: str) -> tuple[int, Any]:
    if not leaves:
        raise FeatureError(
            "an empty list has no kind: give an empty array with a dtype (object for bytes), or None", key
        )
    kinds = {_leaf_kind(leaf, key) for leaf in leaves}
    if len(kinds) > 1:
        names = ", ".join(sorted({type(leaf).__name__ for leaf in leaves}))
        raise FeatureError(f"a list mixes kinds: {names}", key)
    kind = kinds.pop()
    if kind == BYTES_LIST:
        return kind, [_as_bytes(leaf, key) for leaf in leaves]
    if kind == INT64_LIST:
        return kind, _int64_array([int(leaf) for leaf in leaves], key)
    # No detour over Python floats for numpy's: a signalling NaN would lose its payload.
    return _array_values(np.array(leaves), key)


def _int64_array(numbers: list[int], key: str) -> NDArray[np.int64]:
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        outside = next(number for number in numbers if not -(2**63) <= number < 2**63)
        raise FeatureError(f"{outside} is outside int64", key) from None


def _leaf_kind(leaf: Any, key: str) -> int:
    if isinstance(leaf, (bytes, str)):
        return BYTES_LIST
    if isinstance(leaf, (int, np.integer, np.bool_)):
        return INT64_LIST
    if isinstance(leaf, (float, np.floating)):
        return FLOAT_LIST
    if byte_view(leaf) is not None:
        return BYTES_LIST
    raise FeatureError(f"a list holds a {type(leaf).__name__}, which has no place in a feature", key)


def _leaves(value: Sequence[Any], key: str, depth: int = 0) -> Iterator[Any]:
    if depth == _MAX_NESTING:
        raise FeatureError(f"lists nest deeper than {_MAX_NESTING} levels", key)
    for item in value:
        if isinstance(item, (list, tuple, range)):
            yield from _leaves(item, key, depth + 1)
        elif isinstance(item, np.ndarray):
            yield from _array_values(item, key)[1]
        else:
            yield item


def _as_bytes(value: Any, key: str) -> bytes | memoryview:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError:
            raise FeatureError("text with a lone surrogate is not UTF-8", key) from None
    view = byte_view(value)
    assert view is not None  # _leaf_kind has seen it
    return _flat(view)


def byte_view(value: Any) -> memoryview | None:
    """A view of anything bytes-like, or None: buffers of numbers, of text or of pointers to objects are not.

    Of numbers a memoryview is taken: nobody makes one by mistake.
    """
    try:
        view = memoryview(value)
    except (TypeError, ValueError):  # numpy has dtypes that it cannot show
        return None
    is_bytes = view.format in _BYTE_FORMATS or (isinstance(value, memoryview) and view.format in _NUMBER_FORMATS)
    return view if is_bytes else None


def _flat(view: memoryview) -> bytes | memoryview:
    """The bytes of a view, one after the other, so that its length is their number."""
    if not view.nbytes:
        return b""
    return view.cast("B") if view.c_contiguous else view.tobytes()
