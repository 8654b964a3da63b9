"""What a user says about features before they are parsed: tf.io's feature classes, without TensorFlow.

    FixedLenFeature(shape, dtype, default_value=None)                            -> array of that shape
    VarLenFeature(dtype)                                                         -> SparseTensorValue
    FixedLenSequenceFeature(shape, dtype, allow_missing=False, default_value=None)   -> array [steps, *shape], padded
    SparseFeature(index_key, value_key, dtype, size, already_sorted=False)       -> SparseTensorValue
    RaggedFeature(dtype, value_key=None, partitions=(), row_splits_dtype=np.int32, validate=False)
                                                                                 -> RaggedTensorValue

Names, order and defaults are those of tensorflow/python/ops/parsing_config.py, and TensorFlow's own objects are
taken wherever these are: they are known by their names and fields, so TensorFlow need not be there. As in
TensorFlow, all but RaggedFeature only remember what they are given; `plan.py` judges it when something is parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.value_types import splits_dtype, value_type


class FixedLenFeature(NamedTuple):
    """A feature with the same number of values in every example; parses to an array.

    Attributes:
        shape: dimensions of one example's array, all known; `[]` for a single value.
        dtype: int64, float32 or bytes.
        default_value: the value of an example in which the feature is missing or has no kind, as many values as the
            shape has; None if that is an error. An empty list is an error either way, as it is in TensorFlow.
    """

    shape: Any
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """A feature with any number of values; parses to a SparseTensorValue.

    Attributes:
        dtype: int64, float32 or bytes.
    """

    dtype: Any


class FixedLenSequenceFeature(NamedTuple):
    """A feature that is a sequence of arrays of one shape; parses to an array with the steps as first dimension.

    Attributes:
        shape: dimensions of one step, all known.
        dtype: int64, float32 or bytes.
        allow_missing: whether a missing feature means no steps. Must be True for an Example.
        default_value: what pads the shorter sequences of a batch; 0 or b"" when it is None. Must be None for a
            SequenceExample.
    """

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


class SparseFeature(NamedTuple):
    """One sparse array in several features: the values in one, their positions in others.

    Attributes:
        index_key: name of the int64 feature with the positions, or a list of them, one for each dimension.
        value_key: name of the feature with the values.
        dtype: int64, float32 or bytes, of the values.
        size: size of the dimension, or a list of them. Positions are not checked against it.
        already_sorted: whether to leave the entries in the order in which they are.
    """

    index_key: Any
    value_key: str
    dtype: Any
    size: Any
    already_sorted: bool = False


class _RaggedFields(NamedTuple):
    dtype: Any
    value_key: str | None
    partitions: tuple[Any, ...]
    row_splits_dtype: Any
    validate: bool


class RaggedFeature(_RaggedFields):
    """A feature with any number of values, in rows if there are partitions; parses to a RaggedTensorValue.

    Attributes:
        dtype: int64, float32 or bytes, of the values.
        value_key: name of the feature with the values; None for the name under which this one stands.
        partitions: how the values fall into rows, the outermost first: RaggedFeature.RowSplits(key), RowLengths(key),
            RowStarts(key), RowLimits(key), ValueRowIds(key), where key names an int64 feature, or
            UniformRowLength(length).
        row_splits_dtype: np.int32 or np.int64.
        validate: whether partitions that do not fit the values are an error; otherwise they are taken as they are.

    Raises:
        FeatureError, TypeError: where TensorFlow's raises a ValueError, a TypeError.
    """

    __slots__ = ()

    class RowSplits(NamedTuple):
        """Row i holds the values from `key`'s value i up to its value i + 1."""

        key: str

    class RowLengths(NamedTuple):
        """Row i holds as many values as `key`'s value i says."""

        key: str

    class RowStarts(NamedTuple):
        """Row i begins at `key`'s value i and ends where the next one begins."""

        key: str

    class RowLimits(NamedTuple):
        """Row i ends at `key`'s value i and begins where the one before ends."""

        key: str

    class ValueRowIds(NamedTuple):
        """Value i belongs to the row that `key`'s value i names."""

        key: str

    class UniformRowLength(NamedTuple):
        """Every row holds `length` values."""

        length: int

    def __new__(
        cls,
        dtype: Any,
        value_key: str | None = None,
        partitions: Sequence[Any] = (),
        row_splits_dtype: Any = np.int32,
        validate: bool = False,
    ) -> RaggedFeature:
        if value_key is not None:
            if not isinstance(value_key, str):
                raise FeatureError(f"Argument `value_key` must be a string; got {value_key!r}")
            if not value_key:
                raise FeatureError("Argument `value_key` must not be empty")
        value_type(dtype)
        splits_dtype(row_splits_dtype)
        if not isinstance(partitions, (list, tuple)):
            raise TypeError(f"Argument `partitions` must be a list or tuple, not {type(partitions).__name__}")
        known = tuple(_as_known(partition, _PARTITIONS) for partition in partitions)
        for partition, given in zip(known, partitions, strict=True):
            if partition is None:
                raise TypeError(f"Argument `partitions` must be a list of partition objects; got {given!r}")
        if not isinstance(validate, bool):
            raise TypeError(f"Argument `validate` must be a bool; got {validate!r}")
        return super().__new__(cls, dtype, value_key, known, row_splits_dtype, validate)


Feature: TypeAlias = "FixedLenFeature | VarLenFeature | FixedLenSequenceFeature | SparseFeature | RaggedFeature"

_FEATURES: tuple[type[Any], ...] = (
    FixedLenFeature,
    VarLenFeature,
    FixedLenSequenceFeature,
    SparseFeature,
    RaggedFeature,
)
_PARTITIONS: tuple[type[Any], ...] = (
    RaggedFeature.RowSplits,
    RaggedFeature.RowLengths,
    RaggedFeature.RowStarts,
    RaggedFeature.RowLimits,
    RaggedFeature.ValueRowIds,
    RaggedFeature.UniformRowLength,
)


def as_feature(given: Any) -> Feature | None:
    """The feature object that `given` is or, if it is TensorFlow's, stands for; None if it is neither."""
    return cast("Feature | None", _as_known(given, _FEATURES))


def _as_known(given: Any, known: tuple[type[Any], ...]) -> Any:
    """`given` as one of the `known` named tuples; None if it is not one, nor TensorFlow's of that name and fields."""
    if isinstance(given, known):
        return given
    by_name = {cls.__name__: cls for cls in known}
    for base in type(given).__mro__:
        cls = by_name.get(base.__name__)
        if cls is not None and getattr(base, "_fields", None) == cls._fields:
            return cls(*given)
    return None
