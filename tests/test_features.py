"""The feature classes: TensorFlow's names and fields, every spelling of a dtype, and what a plan makes of them."""

from __future__ import annotations

import collections
import inspect
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.features import as_feature
from tfrecord_lite.format.plan import DENSE, RAGGED, SPARSE, plan_of
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING, splits_dtype, value_type

CLASSES = ["FixedLenFeature", "VarLenFeature", "FixedLenSequenceFeature", "SparseFeature", "RaggedFeature"]
PARTITIONS = ["RowSplits", "RowLengths", "RowStarts", "RowLimits", "ValueRowIds", "UniformRowLength"]
ALL = tuple(getattr(tfr, name) for name in CLASSES)

EXAMPLES = [
    tfr.FixedLenFeature([2], np.int64, [1, 2]),
    tfr.VarLenFeature(bytes),
    tfr.FixedLenSequenceFeature([], "float32", True, 0.5),
    tfr.SparseFeature(["i", "j"], "v", "int64", [3, 4], True),
    tfr.RaggedFeature("string", "v", [tfr.RaggedFeature.RowSplits("p"), tfr.RaggedFeature.UniformRowLength(2)]),
]


@pytest.mark.parametrize("name", CLASSES)
def test_a_feature_class_has_the_fields_and_defaults_of_tensorflows(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    our_class, their_class = getattr(tfr, name), getattr(tf.io, name)
    assert our_class._fields == their_class._fields
    assert our_class.__name__ == their_class.__name__
    ours, theirs = inspect.signature(our_class.__new__), inspect.signature(their_class.__new__)
    assert list(ours.parameters)[1:] == list(theirs.parameters)[1:]
    for parameter in list(ours.parameters)[1:]:
        default = theirs.parameters[parameter].default
        if default is tf.int32:
            default = np.int32
        assert ours.parameters[parameter].default == default


@pytest.mark.parametrize("name", PARTITIONS)
def test_a_partition_has_the_fields_of_tensorflows(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    assert getattr(tfr.RaggedFeature, name)._fields == getattr(tf.io.RaggedFeature, name)._fields


def test_the_functions_have_the_arguments_of_tensorflows() -> None:
    tf = pytest.importorskip("tensorflow")
    for name in ("parse_example", "parse_single_example", "parse_sequence_example", "parse_single_sequence_example"):
        ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (tfr, tf.io))
        assert list(ours) == list(theirs)
        assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
        assert getattr(tfr.io, name) is getattr(tfr, name)


@pytest.mark.parametrize("feature", EXAMPLES, ids=lambda feature: type(feature).__name__)
def test_a_feature_is_pickled_and_compared(feature: Any) -> None:
    copy = pickle.loads(pickle.dumps(feature))
    assert copy == feature
    assert type(copy) is type(feature)
    assert repr(feature).startswith(type(feature).__name__)


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        *((spelling, INT64) for spelling in ("int64", np.int64, np.dtype("int64"), np.dtype(">i8"))),
        *((spelling, FLOAT32) for spelling in ("float", "float32", float, np.float32, np.dtype(">f4"))),
        *((spelling, STRING) for spelling in ("string", "bytes", bytes, object, np.object_, np.bytes_, np.str_)),
        *((np.dtype(spelling), STRING) for spelling in ("O", "S", "S7", "U")),
    ],
    ids=str,
)
def test_a_dtype_in_every_spelling(spelling: Any, expected: Any) -> None:
    assert value_type(spelling) is expected


@pytest.mark.parametrize("name", ["int64", "float32", "string"])
def test_a_dtype_of_tensorflows(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    assert value_type(getattr(tf, name)) is value_type(name)
    assert splits_dtype(tf.int32) == np.int32


@pytest.mark.parametrize("dtype", ["int32", "float64", "half", np.uint8, np.bool_, bool, np.complex64, np.uint64])
def test_a_dtype_that_no_feature_can_hold_is_an_error(dtype: Any) -> None:
    with pytest.raises(tfr.FeatureError, match="int64, float32 or bytes"):
        value_type(dtype)


@pytest.mark.parametrize("dtype", [None, int, str, "nope", 3.5])
def test_what_is_no_dtype_is_a_type_error(dtype: Any) -> None:
    with pytest.raises(TypeError):
        value_type(dtype)


RAGGED_ERRORS: list[tuple[Any, dict[str, Any]]] = [
    (tfr.FeatureError, {"dtype": "int32"}),
    (TypeError, {"dtype": None}),
    (tfr.FeatureError, {"dtype": "int64", "value_key": ""}),
    (tfr.FeatureError, {"dtype": "int64", "value_key": 3}),
    (tfr.FeatureError, {"dtype": "int64", "row_splits_dtype": np.float32}),
    (TypeError, {"dtype": "int64", "row_splits_dtype": None}),
    (TypeError, {"dtype": "int64", "partitions": tfr.RaggedFeature.RowSplits}),
    (TypeError, {"dtype": "int64", "partitions": ["p"]}),
    (TypeError, {"dtype": "int64", "partitions": [tfr.VarLenFeature("int64")]}),
    (TypeError, {"dtype": "int64", "validate": 1}),
]


@pytest.mark.parametrize(("error", "arguments"), RAGGED_ERRORS)
def test_a_ragged_feature_is_judged_when_it_is_made(error: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(error):
        tfr.RaggedFeature(**arguments)


def test_features_are_known_by_name_and_fields() -> None:
    foreign = collections.namedtuple("FixedLenFeature", "shape dtype default_value")  # type: ignore[name-match]
    assert as_feature(foreign([1], "int64", None)) == tfr.FixedLenFeature([1], "int64")

    class FixedLenFeatureOfMine(foreign):
        pass

    assert as_feature(FixedLenFeatureOfMine([1], "int64", 3)) == tfr.FixedLenFeature([1], "int64", 3)
    other = collections.namedtuple("VarLenFeature", "dtype size")  # type: ignore[name-match]
    assert as_feature(other("int64", 3)) is None
    assert as_feature("int64") is None


def test_a_plan_names_every_key_once() -> None:
    plan = plan_of(
        {
            "a": tfr.FixedLenFeature([2, 3], "int64", range(6)),
            "s": tfr.SparseFeature("i", "v", "float", 9),
            "i": tfr.VarLenFeature("int64"),
            "r": tfr.RaggedFeature("bytes", None, [tfr.RaggedFeature.RowLengths("p")], np.int64),
        },
        ALL,
    )
    assert {key: (column.layout, column.type.name) for key, column in plan.columns.items()} == {
        "a": (DENSE, "int64"),
        "i": (SPARSE, "int64"),
        "v": (SPARSE, "float"),
        "r": (RAGGED, "string"),
        "p": (RAGGED, "int64"),
    }
    assert list(plan.features) == ["a", "s", "i", "r"]
    column = plan.columns["a"]
    assert (column.shape, column.size) == ((2, 3), 6)
    assert column.default is not None
    assert column.default.tolist() == list(range(6))
    assert plan.columns["p"].splits_dtype == np.int64


PLAN_ERRORS: list[tuple[Any, Any, str]] = [
    (tfr.FixedLenSequenceFeature([2, 0], "int64", True), tfr.FeatureError, "cannot be counted"),
    (tfr.RaggedFeature("int64", None, [tfr.RaggedFeature.UniformRowLength(0)]), tfr.FeatureError, "1 or more"),
    (tfr.RaggedFeature("int64", None, [tfr.RaggedFeature.UniformRowLength(-1)]), tfr.FeatureError, "1 or more"),
    (tfr.RaggedFeature("int64", None, [tfr.RaggedFeature.UniformRowLength("2")]), TypeError, "integer"),  # type: ignore[arg-type]
    (tfr.FixedLenFeature([], "int64", np.float64(1.5)), TypeError, "would be cut"),
    (tfr.FixedLenFeature([], "int64", np.nan), TypeError, "Cannot convert nan"),
    (tfr.FixedLenFeature([2], "int64", [[1], [2, 3]]), TypeError, "Cannot convert"),
    (
        tfr.FixedLenFeature([10**30], "int64", 0),
        tfr.FeatureError,
        r"\[10{30}\] of feature k.* is of 2\^31 values or more",
    ),
    (tfr.FixedLenFeature([2**16, 2**15], "int64"), tfr.FeatureError, "no record can hold them"),
    (tfr.FixedLenFeature([0, 2**31], "int64"), tfr.FeatureError, "no record can hold them"),
    (tfr.FixedLenSequenceFeature([2**31], "int64", True), tfr.FeatureError, "no record can hold them"),
    (tfr.FixedLenFeature([1] * 200, "int64"), tfr.FeatureError, "The 200 dimensions of feature k"),
    (tfr.FixedLenFeature(..., "int64"), TypeError, "the shape of feature 'k.*' is a list of integers, not Ellipsis"),
    (tfr.FixedLenFeature([1.5], "int64"), TypeError, "the shape of feature 'k.*' is a list of integers, not \\[1.5\\]"),
    (tfr.FixedLenFeature([2, True], "int64"), TypeError, "the shape of feature 'k.*' is a list of integers, not"),
    (tfr.VarLenFeature("int65"), TypeError, "feature 'k.*': 'int65' is not one of the dtypes int64, float32 and bytes"),
    (tfr.SparseFeature("i", "v", "int64", -2), tfr.FeatureError, "Dimension -2 of SparseFeature k"),
    (tfr.SparseFeature("i", "v", "int64", np.uint64(2**63)), tfr.FeatureError, "must be >= 0 and less than 2"),
    (tfr.SparseFeature("i", b"v", "int64", 3), TypeError, "the keys that feature 'k.*' reads are str, not b'v'"),  # type: ignore[arg-type]
    (tfr.RaggedFeature("int64", None, [tfr.RaggedFeature.UniformRowLength(2**31)]), tfr.FeatureError, "less than 2"),
    (tfr.FixedLenFeature([], "int64", np.float64("nan")), tfr.FeatureError, "default of feature k.* is no int64"),
    (tfr.FixedLenFeature([], "bytes", "\ud800"), tfr.FeatureError, "default of feature k.* is no string"),
    ("int64", tfr.FeatureError, "Unsupported str int64 for key 'k\\\\x1b'"),
]


@pytest.mark.parametrize(("feature", "error", "text"), PLAN_ERRORS, ids=str)
def test_specifications_that_make_no_sense(feature: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        plan_of({"k\x1b": feature}, ALL)


def test_the_name_of_a_feature_is_a_str() -> None:
    with pytest.raises(TypeError, match="b'k'"):
        plan_of({b"k": tfr.VarLenFeature("int64")}, ALL)  # type: ignore[dict-item]


def test_parsing_loads_neither_tensorflow_nor_protobuf() -> None:
    code = (
        "import sys, tfrecord_lite as tfr;"
        "record = tfr.encode_example({'k': 1});"
        "assert tfr.parse_example([record], {'k': tfr.FixedLenFeature([], 'int64')})['k'].tolist() == [1];"
        "assert not {'tensorflow', 'google'} & {name.split('.')[0] for name in sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("field", "value"), [("row_splits_dtype", "float32"), ("value_key", "")])
def test_what_is_wrong_with_tensorflows_feature_is_told_with_its_name(field: str, value: str) -> None:
    tf = pytest.importorskip("tensorflow")
    feature = tf.io.RaggedFeature(tf.int64)._replace(**{field: value})  # which TensorFlow does not look at
    with pytest.raises(tfr.FeatureError) as caught:
        plan_of({"some name": feature}, ALL)
    assert caught.value.key == "some name"
