"""Examples -> arrays, as the features ask: tf.io.parse_example and parse_single_example without TensorFlow.

    feature                     key missing, or no kind       one example             a batch of B
    FixedLenFeature             the default, or FeatureError  array [*shape]          [B, *shape]
    VarLenFeature               no values                     sparse [n]              sparse [B, longest]
    FixedLenSequenceFeature     no steps                      array [steps, *shape]   [B, most steps, *shape], padded
    SparseFeature               no values                     sparse [*size]          sparse [B, *size]
    RaggedFeature               no values                     array [n]; ragged if    ragged [B, None, ...]
                                                              there are partitions

Arrays are int64, float32 or, of bytes, object; one value of shape () is an array of shape (), of bytes too: `.item()`
gives it. Arrays are the caller's own; features that read the same key may share one. Results stand in the order of
`features`.

Values and errors are those of tensorflow/core/util/example_proto_fast_parsing.cc: a wrong kind is an error even when
its list is empty, an empty list does not call for the default, and the texts are TensorFlow's. It differs where
TensorFlow silently misreads, or worse:

- protobuf that is merely unusual (several packed chunks, packed beside unpacked, a kind twice, overlong tags) means
  what protobuf says; what protobuf rejects is a DecodeError;
- positions and values of a SparseFeature that differ in number are an error in each example, not only when the whole
  batch differs;
- a uniform row length of 0 or of 2^31 and more, and row ids that ask for millions of empty rows, are errors;
- a shape of more values, or dimensions, than a record or an array can have is an error, where TensorFlow may die;
- a number from numpy as default of an int64 feature must be an integer; it is not cut;
- steps without values (a FixedLenSequenceFeature with a 0 in its shape) are an error, where TensorFlow divides by 0.

Texts differ where TensorFlow's leave something out: for more bytes values than a shape holds they do not say how many.
Which of several errors comes first may differ, too.

The plain path: each record is decoded for itself and checked, then what it holds is put together by column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.batch import Batch, Place, shape_text
from tfrecord_lite.format.example import decode_example
from tfrecord_lite.format.features import (
    FixedLenFeature,
    FixedLenSequenceFeature,
    RaggedFeature,
    SparseFeature,
    VarLenFeature,
)
from tfrecord_lite.format.plan import DENSE, Column, Plan, plan_of
from tfrecord_lite.format.rows import Rows, as_array, joined, results
from tfrecord_lite.format.schema import Schema
from tfrecord_lite.format.tensor_values import Array
from tfrecord_lite.format.value_types import type_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

_ALLOWED = (FixedLenFeature, VarLenFeature, FixedLenSequenceFeature, SparseFeature, RaggedFeature)


def parse_single_example(
    serialized: Buffer, features: Mapping[str, Any], example_names: Any = None, name: str | None = None
) -> dict[str, Any]:
    """{name: value} of one serialized Example, without a batch dimension, as tf.io.parse_single_example gives it.

    Args:
        serialized: bytes-like.
        features: {name: FixedLenFeature(...) or another feature, this package's or TensorFlow's}.
        example_names: there for TensorFlow's sake; one example's errors do not name it.
        name: there for TensorFlow's sake.

    Raises:
        FeatureError: the example is not what the features ask for, or they contradict each other.
        DecodeError: the bytes are no Example.
        TypeError: a dtype, shape or default is of no use as such, or features are no mapping.
    """
    if _are_none(features):
        raise FeatureError(f"Invalid argument: features cannot be {'None' if features is None else 'empty'}.")
    batch = Batch.of(serialized)
    if not batch.is_single:
        raise FeatureError("Input serialized must be a scalar")
    return _parse(batch, features)


def parse_example(
    serialized: Buffer | Iterable[Buffer],
    features: Mapping[str, Any],
    example_names: Sequence[Any] | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """{name: value} of a batch of serialized Examples, as tf.io.parse_example gives it.

    Args:
        serialized: an iterable or 1-dimensional array of bytes-like records. Of one record by itself the result is
            that of `parse_single_example`.
        features: {name: FixedLenFeature(...) or another feature, this package's or TensorFlow's}.
        example_names: one for each record, for errors to name.
        name: there for TensorFlow's sake.

    Raises:
        FeatureError: an example is not what the features ask for, or they contradict each other; `record_number`
            says which of the batch it is.
        DecodeError: a record is no Example; `record_number` says which.
        TypeError: a dtype, shape or default is of no use as such, or features are no mapping.
    """
    return _parse(Batch.of(serialized, example_names), features)


def _are_none(features: Mapping[str, Any] | None) -> bool:
    """Whether there are no features. What is no mapping at all is another error."""
    return features is None or (isinstance(features, Mapping) and not features)


def _parse(batch: Batch, features: Mapping[str, Any]) -> dict[str, Any]:
    plan = example_plan(features)
    return results(plan, example_rows(plan, batch), is_single=batch.is_single)


def example_plan(features: Mapping[str, Any]) -> Plan:
    """The plan for features of an Example, or for those of a Schema. Errors as for `plan_of`."""
    if _are_none(features):
        raise FeatureError(f"Argument `features` cannot be None or falsy. Got {features}")
    plan = plan_of(features.features if isinstance(features, Schema) else features, _ALLOWED)
    for key, column in plan.columns.items():
        if column.is_sequence and not column.allow_missing:
            raise FeatureError("Unsupported: FixedLenSequenceFeature requires allow_missing to be True.", key)
    return plan


def example_rows(plan: Plan, batch: Batch) -> dict[str, Rows]:
    """What each column holds in the records of the batch, checked. Errors as for `parse_example`."""
    examples = list(zip(batch.decoded(decode_example, plan.columns), batch.places, strict=True))
    return {
        key: joined(column, [column_values(column, example.get(key), place) for example, place in examples])
        for key, column in plan.columns.items()
    }


def column_values(column: Column, value: Any, place: Place) -> Array:
    """What one example, which gives `value` for its key, holds of a column, flat.

    Raises:
        FeatureError: it is not what the column asks for.
    """
    if value is None:
        if column.layout != DENSE or column.is_sequence:
            return np.empty(0, column.type.dtype)
        if column.default is None:
            raise place.missing_error(column)
        return column.default
    if type_of(value) != column.type:
        raise _type_error(column, value, place)
    if column.is_sequence and len(value) % column.size:
        raise _steps_error(column, value, place)
    if column.layout == DENSE and not column.is_sequence and len(value) != column.size:
        raise _count_error(column, value, place)
    return as_array(value)


def _type_error(column: Column, value: Any, place: Place) -> FeatureError:
    found, wanted = type_of(value).name, column.type.name
    if column.layout == DENSE:
        return place.error(column.key, f"Data types don't match. Data type: {found} but expected type: {wanted}")
    return place.error(column.key, f"Data types don't match. Expected type: {wanted}, Actual type: {found}")


def _steps_error(column: Column, value: Any, place: Place) -> FeatureError:
    key, count, size = column.key, len(value), column.size
    return place.error(
        key,
        f"Number of {column.type.values_name} values is not a multiple of stride length."
        f" Saw {count} values but output shape is: {shape_text((None, *column.shape))}",
        f"Error while parsing feature with key {key}: number of elements should be divisible by {size},"
        f" found {count} instead",
    )


def _count_error(column: Column, value: Any, place: Place) -> FeatureError:
    key, count, kind = column.key, len(value), column.type
    return place.error(
        key,
        f"Number of {kind.values_name} values != expected."
        f"  Values size: {count} but output shape: {shape_text(column.shape)}",
        f"Key: {key}.  Can't parse serialized Example: Some {kind.list_name} slice was not parsed.",
    )
