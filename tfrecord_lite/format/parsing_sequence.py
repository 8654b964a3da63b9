"""SequenceExamples -> arrays, as the features ask: tf.io.parse_sequence_example and parse_single_sequence_example.

    feature of a list           list missing          one example              a batch of B
    FixedLenSequenceFeature     no steps if           array [steps, *shape]    [B, most steps, *shape], padded with 0
                                allow_missing, else                            or b"", and the number of steps [B]
                                a FeatureError
    VarLenFeature               no steps              sparse [steps, longest]  sparse [B, most steps, longest step]
    RaggedFeature               no steps              ragged [steps, None]     ragged [B, None, None]

A step without a kind is an empty one. Of the context, FixedLenFeature, VarLenFeature and RaggedFeature give what they
give in `parsing.py`; but, as in TensorFlow, the default of a FixedLenFeature is only for an example that lacks the
key: a feature without a kind has no values, and that is the wrong number.

Values and errors are those of tensorflow/core/util/example_proto_fast_parsing.cc, and differ where `parsing.py` says;
also when the steps of a RaggedFeature and of its partitions differ in number, which is an error here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.batch import Batch, Place, shape_text
from tfrecord_lite.format.example import decode_sequence_example
from tfrecord_lite.format.features import FixedLenFeature, FixedLenSequenceFeature, RaggedFeature, VarLenFeature
from tfrecord_lite.format.partitions import partition_batch
from tfrecord_lite.format.plan import DENSE, RAGGED, Column, Plan, plan_of
from tfrecord_lite.format.rows import (
    Rows,
    as_array,
    joined,
    padded,
    positions,
    ragged,
    results,
)
from tfrecord_lite.format.tensor_values import Array, RaggedTensorValue, SparseTensorValue
from tfrecord_lite.format.value_types import type_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

_OF_CONTEXT = (FixedLenFeature, VarLenFeature, RaggedFeature)
_OF_LISTS = (VarLenFeature, FixedLenSequenceFeature, RaggedFeature)


def parse_single_sequence_example(
    serialized: Buffer,
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
    example_name: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(context, feature_lists) of one serialized SequenceExample, as tf.io.parse_single_sequence_example gives them.

    Args:
        serialized: bytes-like.
        context_features: {name: FixedLenFeature(...), VarLenFeature(...) or RaggedFeature(...)}.
        sequence_features: {name: FixedLenSequenceFeature(...), VarLenFeature(...) or RaggedFeature(...)}.
        example_name: for errors to name.
        name: there for TensorFlow's sake.

    Raises:
        FeatureError: the example is not what the features ask for, or they contradict each other.
        DecodeError: the bytes are no SequenceExample.
        TypeError: a dtype, shape or default is of no use as such.
    """
    if not (context_features or sequence_features):
        raise FeatureError("Both context_features and sequence_features are None, but at least one should have values.")
    batch = Batch.of(serialized)
    if not batch.is_single:
        raise FeatureError("Input serialized must be a scalar")
    return _parse(batch.named(example_name), context_features, sequence_features)[:2]


def parse_sequence_example(
    serialized: Buffer | Iterable[Buffer],
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
    example_names: Sequence[Any] | None = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Array]]:
    """(context, feature_lists, lengths) of a batch of SequenceExamples, as tf.io.parse_sequence_example gives them.

    `lengths` holds, for each FixedLenSequenceFeature, the number of steps of every example, int64 [B].

    Args:
        serialized: an iterable or 1-dimensional array of bytes-like records; one record by itself is not a batch.
        context_features: {name: FixedLenFeature(...), VarLenFeature(...) or RaggedFeature(...)}.
        sequence_features: {name: FixedLenSequenceFeature(...), VarLenFeature(...) or RaggedFeature(...)}.
        example_names: one for each record, for errors to name.
        name: there for TensorFlow's sake.

    Raises:
        FeatureError: an example is not what the features ask for, or they contradict each other.
        DecodeError: a record is no SequenceExample; `record_number` says which.
        TypeError: a dtype, shape or default is of no use as such.
    """
    if not (context_features or sequence_features):
        raise FeatureError(
            "Both `context_features` and `sequence_features` argument are None, but at least one should have values."
        )
    return _parse(Batch.of(serialized, example_names), context_features, sequence_features)


def _parse(
    batch: Batch, context_features: Mapping[str, Any] | None, sequence_features: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Array]]:
    context_plan = plan_of(context_features or {}, _OF_CONTEXT)
    lists_plan = plan_of(sequence_features or {}, _OF_LISTS)
    for key, column in lists_plan.columns.items():
        if column.default is not None:
            raise FeatureError(f"Value feature_list.dense_defaults[{key}] must be None", key, True)
    places, decoded = batch.places, batch.decoded(decode_sequence_example)
    contexts, lists = [context for context, _ in decoded], [steps for _, steps in decoded]
    context_rows = {key: _context_rows(column, contexts, places) for key, column in context_plan.columns.items()}
    steps = {key: _steps(column, lists, places) for key, column in lists_plan.columns.items()}
    return (
        results(context_plan, context_rows, is_single=batch.is_single),
        _list_results(lists_plan, steps, is_single=batch.is_single),
        {
            key: steps[key].counts.reshape(() if batch.is_single else -1)
            for key, feature in lists_plan.features.items()
            if isinstance(feature, FixedLenSequenceFeature)
        },
    )


def _context_rows(column: Column, contexts: list[dict[str, Any]], places: list[Place]) -> Rows:
    """What a column holds in all contexts, checked."""
    values = [_context_value(column, context, place) for context, place in zip(contexts, places, strict=True)]
    if column.layout == DENSE:
        return joined(column, _fixed_rows(column, values, places))
    empty = np.empty(0, column.type.dtype)
    return joined(column, [empty if value is None else value for value in values])


def _context_value(column: Column, context: dict[str, Any], place: Place) -> Array | None:
    """The values of one example, none of a feature without a kind; None if the key is missing."""
    key, wanted = column.key, column.type
    if key not in context:
        return None
    value = context[key]
    if value is None:
        return np.empty(0, wanted.dtype)
    if type_of(value) != wanted:
        text = f"Context feature: {key}.  Data types don't match. Expected type: {wanted.name}"
        raise place.whole_error(key, f"Name: {place.name}, {text}")
    return as_array(value)


def _fixed_rows(column: Column, values: list[Array | None], places: list[Place]) -> list[Array]:
    """The values of a FixedLenFeature; None is where the key is missing."""
    key, default = column.key, column.default
    largest = max(len(value) for value in [*values, default, ()] if value is not None)
    if largest != column.size:
        text = f"Inconsistent max number of elements for feature {key}: expected {column.size}, but found {largest}"
        raise FeatureError(text, key, True)
    rows = []
    for value, place in zip(values, places, strict=True):
        row = default if value is None else value
        if row is None:
            raise place.missing_error(column)
        if len(row) != column.size:
            raise place.whole_error(key, f"Unexpected number of elements in example {place.name}")
        rows.append(row)
    return rows


class Steps(NamedTuple):
    """What a list holds in a batch: the values of all steps, and how many steps belong to each example."""

    rows: Rows
    counts: Array


def _steps(column: Column, lists: list[dict[str, list[Any]]], places: list[Place]) -> Steps:
    """What a column holds in all lists, checked."""
    values = [
        [_step(column, step, number, place) for number, step in enumerate(steps.get(column.key, ()))]
        for steps, place in zip(lists, places, strict=True)
    ]
    if column.is_sequence:
        _check_total(column, values)
        for steps, found, place in zip(lists, values, places, strict=True):
            _check_sequence(column, found, place, is_missing=column.key not in steps)
    counts = np.fromiter(map(len, values), np.int64, len(values))
    return Steps(joined(column, [step for found in values for step in found]), counts)


def _step(column: Column, value: Any, number: int, place: Place) -> Array:
    if value is None:
        return np.empty(0, column.type.dtype)
    if type_of(value) != column.type:
        text = f"Feature list: {column.key}, Index: {number}.  Data types don't match."
        raise place.whole_error(column.key, f"Name: {place.name}, {text} Expected type: {column.type.name}")
    return as_array(value)


def _check_total(column: Column, values: list[list[Array]]) -> None:
    """The most values of an example are those of whole steps: what TensorFlow looks at first."""
    largest = max((sum(map(len, steps)) for steps in values), default=0)
    if largest % column.size:
        text = f"Feature list '{column.key}' has an unexpected number of values.  Total values size: {largest}"
        shape = shape_text((None, *column.shape))
        raise FeatureError(f"{text} is not consistent with output shape: {shape}", column.key, True)


def _check_sequence(column: Column, steps: list[Array], place: Place, *, is_missing: bool) -> None:
    """Every step of a FixedLenSequenceFeature has as many values as its shape."""
    key = column.key
    if is_missing and not column.allow_missing:
        text = f"Feature list '{key}' is required but could not be found.  Did you mean to allow_missing?"
        raise place.whole_error(key, f"Name: {place.name}, {text}")
    for number, step in enumerate(steps):
        if len(step) != column.size:
            text = f"Name: {place.name}, Key: {key}, Index: {number}.  Number of values != expected."
            shape = shape_text(column.shape)
            raise place.whole_error(key, f"{text}  values size: {len(step)} but output shape: {shape}")


def _list_results(plan: Plan, steps: Mapping[str, Steps], *, is_single: bool) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for key, feature in plan.features.items():
        if isinstance(feature, RaggedFeature):
            results[key] = _ragged_lists(key, feature, plan.columns, steps, is_single=is_single)
        elif isinstance(feature, VarLenFeature):
            results[key] = _sparse_lists(steps[key], is_single=is_single)
        else:
            column, (rows, counts) = plan.columns[key], steps[key]
            results[key] = padded(column, Rows.of(rows.values, counts * column.size), is_single=is_single)
    return results


def _sparse_lists(steps: Steps, *, is_single: bool) -> SparseTensorValue:
    """Indices [n, 3], dense_shape [B, most steps, longest step]; of one example without the first of both."""
    step, position = positions(steps.rows.lengths)
    example, number = positions(steps.counts)
    indices = np.stack([example[step], number[step], position], 1)
    longest = [steps.counts.max(initial=0), steps.rows.lengths.max(initial=0)]
    shape = np.array([len(steps.counts), *longest], np.int64)
    return SparseTensorValue(indices[:, is_single:], steps.rows.values, shape[is_single:])


def _ragged_lists(
    key: str, feature: RaggedFeature, columns: Mapping[str, Column], steps: Mapping[str, Steps], *, is_single: bool
) -> RaggedTensorValue:
    """[B, None, None], and as many more dimensions as there are partitions; of one example without the first."""
    value_key = feature.value_key or key
    for partition in feature.partitions:
        if not isinstance(partition, RaggedFeature.UniformRowLength):
            counts = steps[partition.key].counts
            if not np.array_equal(counts, steps[value_key].counts):
                raise FeatureError(f"Feature {key}: values and partitions are not aligned", key, True)
    rows = {key: ragged(column, steps[key].rows) for key, column in columns.items() if column.layout == RAGGED}
    inner = partition_batch(key, feature, rows[value_key], rows)
    if is_single:
        return inner
    outer = ragged(columns[value_key], Rows.of(steps[value_key].rows.values, steps[value_key].counts))
    return RaggedTensorValue(inner, outer.row_splits)
