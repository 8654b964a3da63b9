"""Clearance: of many records, those that need a closer look, and no others where the usual is usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.columns.clearance import Clearance
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING

COUNT = 64


def unclear(examples: list[Mapping[str, Any]], features: Any = None) -> list[int]:
    clearance = Clearance(None if features is None else example_plan(features))
    numbers: list[int] = clearance.unclear(Records.joined(list(map(tfr.encode_example, examples)))).tolist()
    return numbers


USUAL: list[Mapping[str, Any]] = [
    {"b": [b"x" * (number % 5)], "f": [0.5, -0.5], "i": [number, 1, 2], "none": None} for number in range(COUNT)
]
#: Of which every fourth record has one integer more.
LONGER: list[Mapping[str, Any]] = [
    {**example, "i": np.arange(4 if number % 4 == 1 else 3)} for number, example in enumerate(USUAL)
]
ALL, NONE, FOURTH = list(range(COUNT)), list[int](), list(range(1, COUNT, 4))


@pytest.mark.parametrize(
    ("features", "usual", "longer"),
    [
        (None, NONE, NONE),
        ({"i": tfr.FixedLenFeature([3], "int64")}, NONE, FOURTH),
        ({"i": tfr.FixedLenFeature([2], "int64")}, ALL, ALL),
        ({"i": tfr.FixedLenFeature([3], "float32")}, ALL, ALL),
        ({"b": tfr.FixedLenFeature([], bytes), "f": tfr.FixedLenFeature([2], "float32")}, NONE, NONE),
        ({"missing": tfr.FixedLenFeature([], "int64")}, ALL, ALL),
        ({"missing": tfr.FixedLenFeature([], "int64", default_value=7)}, NONE, NONE),
        ({"none": tfr.FixedLenFeature([], "int64")}, ALL, ALL),
        ({"none": tfr.FixedLenFeature([], "int64", default_value=7)}, NONE, NONE),
        ({"i": tfr.FixedLenSequenceFeature([3], "int64", allow_missing=True)}, NONE, FOURTH),
        ({"i": tfr.FixedLenSequenceFeature([], "int64", allow_missing=True)}, NONE, NONE),
        ({"i": tfr.FixedLenSequenceFeature([2], "int64", allow_missing=True)}, ALL, [n for n in ALL if n % 4 != 1]),
        ({"missing": tfr.FixedLenSequenceFeature([2], "int64", allow_missing=True)}, NONE, NONE),
        ({"i": tfr.VarLenFeature("int64"), "missing": tfr.VarLenFeature("int64")}, NONE, NONE),
        ({"i": tfr.VarLenFeature("float32")}, ALL, ALL),
    ],
)
def test_records_that_do_not_hold_what_is_asked_for_are_looked_at(
    features: Any, usual: list[int], longer: list[int]
) -> None:
    assert unclear(USUAL, features) == usual
    assert unclear(LONGER, features) == longer


SPARSE = {"s": tfr.SparseFeature("at", "value", "int64", 10)}
RAGGED = {"r": tfr.RaggedFeature("int64", "value", [tfr.RaggedFeature.RowLengths("lengths")])}


def joint(wrong: list[int], **values: Any) -> list[Mapping[str, Any]]:
    """Of two values; where something else is said, `values`."""
    usual = {"at": [0, 9], "value": [1, 2], "lengths": [1, 1], "x": [7, 8, 9]}
    return [{**usual, **values} if number in wrong else usual for number in range(COUNT)]


def test_features_of_several_columns_are_looked_at_together() -> None:
    assert unclear(joint([]), SPARSE) == unclear(joint([]), RAGGED) == []
    # For the indices of sparse values all records of a layout are looked at, for the lengths of rows those in question.
    assert unclear(joint([5], at=[0, 10]), SPARSE) == ALL
    assert unclear(joint([5, 9], lengths=[1, 2]), RAGGED) == [5, 9]
    assert unclear(joint([5, 9], at=[0, 10]), RAGGED) == []
    named_as_its_values = {"value": tfr.RaggedFeature("int64", partitions=RAGGED["r"].partitions)}
    assert unclear(joint([5, 9], lengths=[1, 2]), named_as_its_values) == [5, 9]
    # They fit each other, though not their records.
    wrong = joint([5], lengths=[2, 1])
    wrong[6] = {**wrong[6], "lengths": [0, 1]}
    assert unclear(wrong, RAGGED) == [5, 6]
    plain = {"x": tfr.FixedLenFeature([3], "int64")}
    assert unclear(joint(FOURTH, x=[1, 2, 3, 4]), {**RAGGED, **plain}) == FOURTH
    assert unclear(joint(FOURTH, x=[1, 2, 3, 4]), {**SPARSE, **plain}) == ALL


def test_a_record_is_looked_at_that_fits_in_a_batch_but_not_by_itself() -> None:
    """Row splits begin with a 0: of a batch TensorFlow's are made of all records', which may be empty."""
    features = {"r": tfr.RaggedFeature("int64", "value", [tfr.RaggedFeature.RowSplits("splits")])}
    examples: list[Mapping[str, Any]] = [{"value": [1, 2], "splits": [0, 2]} for _ in range(COUNT)]
    assert unclear(examples, features) == []
    examples[5] = {"value": np.empty(0, np.int64), "splits": np.empty(0, np.int64)}
    assert unclear(examples, features) == [5]


def test_columns_that_are_missing_are_empty() -> None:
    nothing: list[Mapping[str, Any]] = [{"i": [number]} for number in range(COUNT)]
    assert unclear(nothing, SPARSE) == unclear(nothing, RAGGED) == []
    half: list[Mapping[str, Any]] = [{"value": [number]} for number in range(COUNT)]
    assert unclear(half, SPARSE) == ALL


def test_what_is_not_written_as_usual_is_looked_at() -> None:
    records = list(map(tfr.encode_example, USUAL))
    records[7] = records[7] + b"\x12\x00"  # an unknown field
    records[40] = b"no message"
    assert Clearance(None).unclear(Records.joined(records)).tolist() == [7, 40]


def test_kinds_are_told_with_the_first_record_of_each_block() -> None:
    other: list[Mapping[str, Any]] = [{"b": [0.5], "i": [number]} for number in range(COUNT)]
    clearance = Clearance(None)
    for examples, first, second in ((USUAL + other, 0, COUNT), (other + USUAL, COUNT, 0)):
        assert len(clearance.unclear(Records.joined(list(map(tfr.encode_example, examples))))) == 0
        assert clearance.kinds == {
            ("b", STRING): first,
            ("f", FLOAT32): first,
            ("i", INT64): 0,
            ("b", FLOAT32): second,
        }
    assert len(clearance.unclear(Records.joined([]))) == 0
    assert clearance.kinds == {}
