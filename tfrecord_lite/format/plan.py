"""What the features ask of each record: columns to decode, their specifications judged.

    features {name: FixedLenFeature(...), ...}  ->  plan_of  ->  Plan
        features    the same, as this package's objects
        columns     {key: Column}, one for each key that is looked up in a record

Most features are one column of their own name. A SparseFeature and a RaggedFeature are put together from several, which
features may share. Specifications are judged as TensorFlow judges them when it parses, in its words where it has
some (tensorflow/python/ops/parsing_config.py), and raise where it raises: TypeError for what is of no use as a dtype,
shape or default, FeatureError for the rest.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.features import (
    Feature,
    FixedLenFeature,
    FixedLenSequenceFeature,
    RaggedFeature,
    SparseFeature,
    VarLenFeature,
    as_feature,
)
from tfrecord_lite.format.tensor_values import Array
from tfrecord_lite.format.value_types import INT64, STRING, ValueType, splits_dtype, value_type
from tfrecord_lite.format.wire_format import MAX_MESSAGE_SIZE

DENSE, SPARSE, RAGGED = "Dense", "Sparse", "Ragged"

#: No value takes less than one byte of a message: none holds more values.
_MOST_VALUES = MAX_MESSAGE_SIZE


class Column(NamedTuple):
    """What is looked up in each record under one key.

    Attributes:
        key: the name.
        type: of the values.
        layout: DENSE, SPARSE or RAGGED.
        shape: of one example, or of one step if `is_sequence`; () unless DENSE.
        default: flat, as many values as the shape has (one, if `is_sequence`); None if there is none.
        is_sequence: whether it comes from a FixedLenSequenceFeature.
        allow_missing: whether such a feature may be missing.
        splits_dtype: of the row_splits, if RAGGED.
    """

    key: str
    type: ValueType
    layout: str
    shape: tuple[int, ...] = ()
    default: Array | None = None
    is_sequence: bool = False
    allow_missing: bool = False
    splits_dtype: Any = None

    @property
    def size(self) -> int:
        """Values in one example or step."""
        return math.prod(self.shape)


class Plan(NamedTuple):
    """What `plan_of` gives: features by their names, columns by their keys."""

    features: dict[str, Feature]
    columns: dict[str, Column]


def plan_of(features: Mapping[str, Any], allowed: tuple[type[Any], ...]) -> Plan:
    """The plan for these features, each of them one of the `allowed` classes or TensorFlow's counterpart.

    Raises:
        FeatureError, TypeError: as said above.
    """
    if not isinstance(features, Mapping):
        raise TypeError(f"features are a mapping of names to features, or a Schema, not {type(features).__name__}")
    plan = Plan({}, {})
    for key, given in features.items():
        if not isinstance(key, str):
            raise TypeError(f"the name of a feature is a str, not {key!r}")
        try:
            feature = as_feature(given)
        except FeatureError as error:
            raise FeatureError(error.reason, key) from None
        if not isinstance(feature, allowed):
            raise _error(f"Unsupported {type(given).__name__} {given} for key '{key}'", key)
        plan.features[key] = feature
        for column in _columns(key, feature):
            if not isinstance(column.key, str):
                raise TypeError(f"the keys that feature '{key}' reads are str, not {column.key!r}")
            _add(plan.columns, column)
    return plan


def _columns(key: str, feature: Any) -> Iterator[Column]:
    if isinstance(feature, SparseFeature):
        yield from _sparse_columns(key, feature)
    elif isinstance(feature, RaggedFeature):
        yield from _ragged_columns(key, feature)
    elif isinstance(feature, VarLenFeature):
        yield Column(key, _type(key, feature), SPARSE)
    elif isinstance(feature, FixedLenSequenceFeature):
        yield _sequence_column(key, feature)
    else:
        yield _fixed_column(key, feature)


def _fixed_column(key: str, feature: FixedLenFeature) -> Column:
    kind = _type(key, feature)
    dimensions = _dimensions(key, feature)
    if dimensions[:1] == [None]:
        raise _error(
            f"First dimension of shape for feature {key} unknown. Consider using FixedLenSequenceFeature."
            f" Received feature={feature}.",
            key,
        )
    shape = _known(key, feature, dimensions)
    default = _default(key, feature, kind, math.prod(shape))
    # To TensorFlow a default without values, for an array without values, is none.
    return Column(key, kind, DENSE, shape, default if default is not None and default.size else None)


def _sequence_column(key: str, feature: FixedLenSequenceFeature) -> Column:
    kind = _type(key, feature)
    shape = _known(key, feature, _dimensions(key, feature))
    if not math.prod(shape):
        raise _error(f"Steps of shape {list(shape)} for feature {key} hold no values and cannot be counted.", key)
    default = _default(key, feature, kind, 1)
    return Column(key, kind, DENSE, shape, default, is_sequence=True, allow_missing=bool(feature.allow_missing))


def _sparse_columns(key: str, feature: SparseFeature) -> Iterator[Column]:
    index_key = feature.index_key
    if index_key is not None and not isinstance(index_key, (str, list, tuple)):
        raise TypeError(f"the index key of SparseFeature '{key}' is a str or a list of them, not {index_key!r}")
    if not index_key:
        raise _error(f"Missing index_key for SparseFeature {feature}.", key)
    if not feature.value_key:
        raise _error(f"Missing value_key for SparseFeature {feature}.", key)
    kind = _type(key, feature)
    is_one = isinstance(index_key, str)
    index_keys: list[Any] = [index_key] if is_one else list(index_key)
    sizes = [feature.size] if is_one else feature.size
    sizes = sizes.tolist() if isinstance(sizes, np.ndarray) else sizes
    if not isinstance(sizes, (list, tuple)) or not all(isinstance(size, Integral) for size in sizes):
        wanted = "an int" if is_one else "a list of ints"
        raise TypeError(f"the size of SparseFeature '{key}' is {wanted}, not {feature.size!r}")
    if len(index_keys) != len(sizes):
        raise FeatureError(f"{len(index_keys)} index keys, but {len(sizes)} sizes", key)
    for size in sizes:
        if not -1 <= operator.index(size) < 1 << 63:  # to TensorFlow -1 is one that is not known
            raise _error(f"Dimension {size} of SparseFeature {key} must be >= 0 and less than 2^63", key)
    for each in index_keys:
        yield Column(each, INT64, SPARSE)
    yield Column(feature.value_key, kind, SPARSE)


def _ragged_columns(key: str, feature: RaggedFeature) -> Iterator[Column]:
    dtype = splits_dtype(feature.row_splits_dtype)
    yield Column(feature.value_key or key, value_type(feature.dtype), RAGGED, splits_dtype=dtype)
    for partition in feature.partitions:
        if not isinstance(partition, RaggedFeature.UniformRowLength):
            yield Column(partition.key, INT64, RAGGED, splits_dtype=dtype)
        else:
            _check_row_length(key, partition.length)


def _check_row_length(key: str, length: Any) -> None:
    if not isinstance(length, Integral):
        raise TypeError(f"the uniform row length of feature '{key}' is an integer, not {length!r}")
    # TensorFlow takes 0, and makes one row of no values or none of many, and of more than 32 bits the last 32.
    if not 1 <= operator.index(length) <= _MOST_VALUES:
        raise FeatureError(f"a uniform row length is 1 or more, and less than 2^31, not {length}", key)


def _add(columns: dict[str, Column], column: Column) -> None:
    key = column.key
    known = columns.setdefault(key, column)
    if known.layout != column.layout:
        one, other = sorted((known.layout, column.layout))
        raise _error(f"{one} and {other.lower()} keys must not intersect; intersection: {{'{key}'}}", key)
    if known.type != column.type:
        raise _error(f"Conflicting type {known.type.name} vs {column.type.name} for feature {key}.", key)
    if known.splits_dtype != column.splits_dtype:
        raise _error(
            f"Conflicting partition type {known.splits_dtype} vs {column.splits_dtype} for feature {key}.", key
        )


def _type(key: str, feature: Any) -> ValueType:
    if feature.dtype is None:
        raise _error(f"Missing type for feature {key}. Received feature={feature}.", key)
    try:
        return value_type(feature.dtype)
    except FeatureError as error:
        raise FeatureError(error.reason, key) from None
    except TypeError as error:
        raise TypeError(f"feature '{key}': {error}") from None


def _dimensions(key: str, feature: Any) -> list[int | None]:
    """The dimensions of a feature's shape; None for one that is not known."""
    shape = feature.shape
    if shape is None:
        raise _error(f"Missing shape for feature {key}. Received feature={feature}.", key)
    if hasattr(shape, "as_list") and shape.rank is None:  # a tf.TensorShape of which not even the rank is known
        raise _unknown(key, feature)
    # A number by itself TensorFlow takes of a FixedLenFeature only.
    is_number = isinstance(shape, Integral) and isinstance(feature, FixedLenFeature)
    wrong = TypeError(f"the shape of feature '{key}' is a list of integers, not {shape!r}")
    try:
        given = [shape] if is_number else list(shape)
        dimensions = [None if each is None else operator.index(each) for each in given]
    except TypeError:
        raise wrong from None
    if any(isinstance(each, bool) for each in given):
        raise wrong
    for dimension in dimensions:
        if dimension is not None and dimension < 0:
            raise _error(f"Dimension {dimension} of feature {key} must be >= 0", key)
    return dimensions


def _known(key: str, feature: Any, dimensions: list[int | None]) -> tuple[int, ...]:
    """The shape with these dimensions, which an array can have."""
    shape = tuple(each for each in dimensions if each is not None)
    if len(shape) < len(dimensions):
        raise _unknown(key, feature)
    try:
        np.empty([0] * (len(shape) + 2))  # as many as there are in a batch of steps
    except ValueError:
        raise _error(f"The {len(shape)} dimensions of feature {key} are more than an array can have", key) from None
    if math.prod(filter(None, shape)) > _MOST_VALUES:  # beside a 0 an array cannot have them, either
        raise _error(
            f"Shape {list(shape)} of feature {key} is of 2^31 values or more, zeros aside: no record can hold them", key
        )
    return shape


def _unknown(key: str, feature: Any) -> FeatureError:
    return _error(f"All dimensions of shape for feature {key} need to be known but received {feature.shape!s}.", key)


def _default(key: str, feature: Any, kind: ValueType, size: int) -> Array | None:
    """The default, flat; of numpy's numbers any kind is taken, of Python's no float for an int, as in TensorFlow."""
    value = feature.default_value
    if value is None:
        return None
    is_array = hasattr(value, "dtype")
    unfit = TypeError(f"Cannot convert {value!r} to a default of dtype {kind.name} for feature '{key}'")
    try:
        leaves = np.array(np.asarray(value) if is_array else value, dtype=object).reshape(-1).tolist()
    except ValueError:  # arrays in a list that do not fit each other
        raise unfit from None
    taken: tuple[type[Any], ...] = (bytes, str) if kind is STRING else (int, np.integer, np.bool_)
    if kind is not STRING and (kind is not INT64 or is_array):
        taken += (float, np.floating)
    if not all(isinstance(leaf, taken) for leaf in leaves):
        raise unfit
    if len(leaves) != size:
        raise _error(f"The default of feature {key} has {len(leaves)} values, but its shape has {size}", key)
    try:
        if kind is STRING:
            return np.array([leaf.encode() if isinstance(leaf, str) else bytes(leaf) for leaf in leaves], object)
        with np.errstate(over="ignore"):
            default = np.array(leaves).astype(kind.dtype) if kind is not INT64 else np.array(leaves, kind.dtype)
    except OverflowError:
        raise _error(f"The default of feature {key} is outside {kind.name}", key) from None
    except ValueError as error:  # text that has no UTF-8, or not a number
        raise _error(f"The default of feature {key} is no {kind.name}: {error}", key) from None
    if kind is INT64 and default.tolist() != leaves:
        raise TypeError(f"Cannot convert {value!r} to a default of dtype int64 for feature '{key}': it would be cut")
    return default


def _error(reason: str, key: str) -> FeatureError:
    return FeatureError(reason, key, True)
