"""What the real tf.io parses, ours parses to the same; where it raises, ours raises, saying the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr

tf = pytest.importorskip("tensorflow")

INT64, FLOAT, STRING = "int64", "float32", "string"
NO_BYTES, NO_FLOATS, NO_INTS = np.array([], object), np.array([], np.float32), np.array([], np.int64)
DTYPE_NAMES = (INT64, FLOAT, STRING)
RAISES = "raises"


def tensorflows(feature: Any) -> Any:
    """The same feature as an object of TensorFlow's."""
    fields = [getattr(tf, value) if isinstance(value, str) and value in DTYPE_NAMES else value for value in feature]
    if isinstance(feature, tfr.RaggedFeature):
        fields[2] = [getattr(tf.io.RaggedFeature, type(part).__name__)(*part) for part in feature.partitions]
        fields[3] = tf.as_dtype(np.dtype(feature.row_splits_dtype))
    return getattr(tf.io, type(feature).__name__)(*fields)


def all_tensorflows(features: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tensorflows(feature) for key, feature in features.items()}


def array_outcome(array: Any) -> Any:
    return array.dtype.name, array.shape, array.tolist() if array.dtype == object else array.tobytes()


def tensor_outcome(tensor: Any) -> Any:
    array = np.asarray(tensor.numpy(), tensor.dtype.as_numpy_dtype)
    assert array.shape == tuple(tensor.shape)
    return array_outcome(array)


def outcome(value: Any) -> Any:
    """A parsed value, ours or TensorFlow's, in a form that compares values, dtypes and shapes."""
    if isinstance(value, np.ndarray):
        return array_outcome(value)
    if isinstance(value, dict):
        return {key: outcome(item) for key, item in value.items()}
    if isinstance(value, tfr.SparseTensorValue):
        return "sparse", *map(array_outcome, value)
    if isinstance(value, tfr.RaggedTensorValue):
        return "ragged", array_outcome(value.flat_values), *map(array_outcome, value.nested_row_splits)
    if isinstance(value, tf.SparseTensor):
        return "sparse", *map(tensor_outcome, (value.indices, value.values, value.dense_shape))
    if isinstance(value, tf.RaggedTensor):
        return "ragged", tensor_outcome(value.flat_values), *map(tensor_outcome, value.nested_row_splits)
    if isinstance(value, tuple):
        return tuple(map(outcome, value))
    return tensor_outcome(value)


def ours(parse: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    try:
        return outcome(parse(*args)), ""
    except (tfr.FeatureError, TypeError) as error:
        return RAISES, re.sub("  Did you mean .*", "", str(error))


def theirs(parse: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    try:
        return outcome(parse(*args)), ""
    except (tf.errors.InvalidArgumentError, ValueError, TypeError) as error:
        return RAISES, re.sub(r"^{{.*?}} |\n.*| \[Op:.*|  Did you mean .*", "", str(error))


def agree(parse: str, serialized: Any, *features: Mapping[str, Any]) -> tuple[str, str]:
    """Both outcomes are equal; gives the texts of both errors."""
    our_result, our_text = ours(getattr(tfr, parse), serialized, *features)
    records = tf.constant(serialized, tf.string)
    their_result, their_text = theirs(getattr(tf.io, parse), records, *map(all_tensorflows, features))
    assert our_result == their_result, (our_text, their_text)
    return our_text, their_text


def agree_in_words(parse: str, serialized: Any, *features: Mapping[str, Any]) -> None:
    our_text, their_text = agree(parse, serialized, *features)
    assert their_text in our_text


# Every cell of the table: a feature of each class, and an example of each state.

VALUES: dict[str, dict[str, Any]] = {
    "missing": {},
    "no kind": {"k": None},
    "empty": {"k": NO_INTS},
    "empty, wrong kind": {"k": NO_FLOATS},
    "empty bytes": {"k": NO_BYTES},
    "wrong kind": {"k": [1.0, 2.0]},
    "bytes": {"k": [b"x", b"y"]},
    "one": {"k": 5},
    "two": {"k": [5, -6]},
    "three": {"k": [5, 6, 7]},
    "four": {"k": [5, 6, 7, 8]},
}
FEATURES = {
    "FixedLen": tfr.FixedLenFeature([], INT64),
    "FixedLen of 2": tfr.FixedLenFeature([2], INT64),
    "FixedLen of 2x2": tfr.FixedLenFeature([2, 2], INT64),
    "FixedLen with default": tfr.FixedLenFeature([], INT64, -1),
    "FixedLen of 1x2 with default": tfr.FixedLenFeature([1, 2], INT64, [[-1, -2]]),
    "FixedLen of 0": tfr.FixedLenFeature([0], INT64),
    "FixedLen of 0 with default": tfr.FixedLenFeature([0], INT64, []),
    "FixedLen of floats": tfr.FixedLenFeature([2], FLOAT),
    "FixedLen of bytes": tfr.FixedLenFeature([2], STRING),
    "FixedLen of bytes with default": tfr.FixedLenFeature([], STRING, "é"),
    "FixedLen of bytes with a NUL at the end": tfr.FixedLenFeature([2], STRING, [b"\xff\0", b"\0"]),
    "VarLen": tfr.VarLenFeature(INT64),
    "VarLen of floats": tfr.VarLenFeature(FLOAT),
    "VarLen of bytes": tfr.VarLenFeature(STRING),
    "FixedLenSequence": tfr.FixedLenSequenceFeature([], INT64, True),
    "FixedLenSequence of 2": tfr.FixedLenSequenceFeature([2], INT64, True),
    "FixedLenSequence with default": tfr.FixedLenSequenceFeature([1, 2], INT64, True, [9]),
    "FixedLenSequence of floats": tfr.FixedLenSequenceFeature([], FLOAT, True),
    "FixedLenSequence of bytes": tfr.FixedLenSequenceFeature([1], STRING, True, b"-"),
    "Sparse": tfr.SparseFeature("k", "k", INT64, 100),
    "Sparse, two dimensions": tfr.SparseFeature(["k", "k"], "k", INT64, [100, 50]),
    "Ragged": tfr.RaggedFeature(INT64),
    "Ragged of bytes": tfr.RaggedFeature(STRING, row_splits_dtype=np.int64),
    "Ragged, missing partition": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.RowLengths("p")]),
    "Ragged, validated": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.RowStarts("p")], np.int64, True),
    "Ragged, uniform": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.UniformRowLength(2)]),
}
OTHER = tfr.encode_example({"k": [5, 6]})


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("feature", FEATURES)
def test_every_cell_of_the_table(feature: str, value: str) -> None:
    record, features = tfr.encode_example(VALUES[value]), {"k": FEATURES[feature]}
    # Of too many bytes TensorFlow only says that it failed.
    is_in_words = "niform" not in feature and (feature, value) != ("FixedLen of bytes with default", "bytes")
    for parse, serialized in [
        ("parse_single_example", record),
        ("parse_example", record),
        ("parse_example", [record]),
        ("parse_example", [OTHER, record]),
    ]:
        (agree_in_words if is_in_words else agree)(parse, serialized, features)


@pytest.mark.parametrize("feature", FEATURES)
def test_a_batch_of_none(feature: str) -> None:
    agree("parse_example", [], {"k": FEATURES[feature]})


@pytest.mark.parametrize("feature", FEATURES)
def test_tensorflows_own_features_are_taken(feature: str) -> None:
    features = {"k": FEATURES[feature]}
    records = [OTHER, tfr.encode_example({"k": [7, 8]})]
    assert ours(tfr.parse_example, records, features) == ours(tfr.parse_example, records, all_tensorflows(features))


def test_records_and_names_may_be_tensors() -> None:
    features = {"k": tfr.FixedLenFeature([2], INT64)}
    assert tfr.parse_example(tf.constant([OTHER]), features)["k"].tolist() == [[5, 6]]
    assert tfr.parse_single_example(tf.constant(OTHER), features)["k"].tolist() == [5, 6]
    shape = tf.TensorShape([2])
    default = tf.constant([1, 2], tf.int64)
    given_by_tensorflow = {"k": tf.io.FixedLenFeature(shape, tf.int64, default)}
    assert tfr.parse_single_example(b"", given_by_tensorflow)["k"].tolist() == [1, 2]


@pytest.mark.parametrize("default", [b"\xff\0", b"\0\0", b"\0", b"", "é\0", None])
def test_bytes_that_end_in_nuls_pad_as_they_are(default: Any) -> None:
    records = [b"", tfr.encode_example({"k": [b"a\0", b"b"]}), tfr.encode_example({"k": b"c"})]
    features = {"k": tfr.FixedLenSequenceFeature([], STRING, True, default)}
    agree_in_words("parse_example", records, features)
    expected = tfr.parse_example(records, features)["k"].tolist()
    assert tfr.decode_columns(records * 5, features)["k"].tolist() == expected * 5
    assert tfr.decode_columns(records * 5, features, bytes_as="blob")["k"].to_objects().tolist() == expected * 5


@pytest.mark.parametrize(
    "feature",
    [partial(tfr.FixedLenFeature, [], FLOAT), partial(tfr.FixedLenSequenceFeature, [], FLOAT, True)],
    ids=["FixedLen", "FixedLenSequence"],
)
def test_a_default_keeps_its_sign_whatever_tensorflow_has_made_a_tensor_of_before(feature: Any) -> None:
    """It keeps the tensors of Python's numbers, and finds them again by a comparison to which -0.0 is 0.0."""
    records = [b"", tfr.encode_example({"k": 1.5})]
    if feature.func is tfr.FixedLenFeature:
        records[1] = b""
    theirs = []
    for default in (0.0, -0.0, [-0.0]):
        features = {"k": feature(default)}
        expected = np.signbit(np.ravel(default))
        for parse in (tfr.parse_example, tfr.decode_columns):
            assert np.signbit(parse(records, features)["k"].flat[0]) == expected
        theirs.append(bool(np.signbit(tf.io.parse_example(records, all_tensorflows(features))["k"].numpy().flat[0])))
    assert theirs[0] == theirs[1]
    assert theirs[2]


@pytest.mark.parametrize("names", [["one", "two"], [b"one", b"two"], [], None, ["one"], "one"])
def test_names_are_part_of_errors(names: Any) -> None:
    features = {"k": tfr.FixedLenFeature([2], INT64)}
    records = [OTHER, tfr.encode_example({"k": 1})]
    our_text = ours(tfr.parse_example, records, features, names)[1]
    their_text = theirs(tf.io.parse_example, records, all_tensorflows(features), names)[1]
    assert our_text.partition(":")[0] == their_text.partition(":")[0]
    if names != ["one"] and names != "one":
        assert our_text == their_text


# SequenceExamples.

STEPS: dict[str, dict[str, Any]] = {
    "missing": {},
    "no steps": {"k": []},
    "a step without kind": {"k": [None]},
    "an empty step": {"k": [NO_INTS]},
    "an empty step of the wrong kind": {"k": [NO_FLOATS]},
    "wrong kind": {"k": [[1.0]]},
    "mixed kinds": {"k": [[1], [b"x"]]},
    "ones": {"k": [[1], [2], [3]]},
    "twos": {"k": [[1, 2], [3, 4]]},
    "uneven": {"k": [[1, 2], [3]]},
    "uneven, but a multiple": {"k": [[1], [2, 3, 4]]},
    "with gaps": {"k": [[1, 2], None, [3, 4]]},
}
OF_LISTS = {
    "FixedLenSequence": tfr.FixedLenSequenceFeature([], INT64),
    "FixedLenSequence of 2": tfr.FixedLenSequenceFeature([2], INT64),
    "FixedLenSequence, allow_missing": tfr.FixedLenSequenceFeature([1, 2], INT64, True),
    "FixedLenSequence, default": tfr.FixedLenSequenceFeature([], INT64, True, 0),
    "FixedLenSequence of bytes": tfr.FixedLenSequenceFeature([], STRING, True),
    "VarLen": tfr.VarLenFeature(INT64),
    "Ragged": tfr.RaggedFeature(INT64),
    "Ragged, uniform": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.UniformRowLength(1)], np.int64),
    "FixedLen": tfr.FixedLenFeature([], INT64),
    "Sparse": tfr.SparseFeature("k", "k", INT64, 10),
}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("feature", OF_LISTS)
def test_every_cell_of_the_table_of_lists(feature: str, steps: str) -> None:
    record = tfr.encode_sequence_example({}, STEPS[steps])
    other = tfr.encode_sequence_example({}, {"k": [[1, 2], [3, 4], [5, 6]]})
    features: tuple[Any, Any] = ({}, {"k": OF_LISTS[feature]})
    is_in_words = feature not in ("FixedLen", "Sparse", "Ragged, uniform")
    for parse, serialized in [
        ("parse_single_sequence_example", record),
        ("parse_sequence_example", record),
        ("parse_sequence_example", [record]),
        ("parse_sequence_example", [other, record]),
    ]:
        (agree_in_words if is_in_words else agree)(parse, serialized, *features)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("feature", [key for key in FEATURES if "starts" not in key])
def test_every_cell_of_the_table_of_contexts(feature: str, value: str) -> None:
    record = tfr.encode_sequence_example(VALUES[value], {})
    other = tfr.encode_sequence_example({"k": [5, 6]}, {})
    is_in_words = "niform" not in feature and "Sparse" not in feature and "Sequence" not in feature
    for parse, serialized in [
        ("parse_single_sequence_example", record),
        ("parse_sequence_example", [record]),
        ("parse_sequence_example", [other, record]),
    ]:
        (agree_in_words if is_in_words else agree)(parse, serialized, {"k": FEATURES[feature]}, {})


@pytest.mark.parametrize(
    "feature", [feature for key, feature in OF_LISTS.items() if key not in ("FixedLen", "Sparse")], ids=str
)
def test_a_batch_of_no_sequences(feature: Any) -> None:
    agree("parse_sequence_example", [], {"c": tfr.VarLenFeature(INT64), "r": tfr.RaggedFeature(INT64)}, {"k": feature})


def test_context_and_lists_together_and_tensorflows_features() -> None:
    record = tfr.encode_sequence_example({"k": 1, "z": [1.5]}, {"k": [b"a", b"b"], "z": [1, 2]})
    context: dict[str, Any] = {"k": tfr.FixedLenFeature([], INT64), "z": tfr.VarLenFeature(FLOAT)}
    lists: dict[str, Any] = {"k": tfr.FixedLenSequenceFeature([], STRING), "z": tfr.RaggedFeature(INT64)}
    for parse, serialized in [("parse_single_sequence_example", record), ("parse_sequence_example", [record] * 2)]:
        agree(parse, serialized, context, lists)
        parsed = getattr(tfr, parse)(serialized, all_tensorflows(context), all_tensorflows(lists))
        assert outcome(parsed) == outcome(getattr(tfr, parse)(serialized, context, lists))


# Specifications.

SPECS: dict[str, Any] = {
    "scalar default for shape [3]": tfr.FixedLenFeature([3], INT64, 0),
    "default of another length": tfr.FixedLenFeature([3], INT64, [1, 2]),
    "default of another shape": tfr.FixedLenFeature([2, 2], INT64, [1, 2, 3, 4]),
    "float for int64": tfr.FixedLenFeature([], INT64, 1.5),
    "str for int64": tfr.FixedLenFeature([], INT64, "1"),
    "int for float32": tfr.FixedLenFeature([], FLOAT, 1),
    "bool for int64": tfr.FixedLenFeature([], INT64, True),
    "mixed numbers for float32": tfr.FixedLenFeature([2], FLOAT, [1, 2.5]),
    "double beyond float32": tfr.FixedLenFeature([], FLOAT, 1e40),
    "int for bytes": tfr.FixedLenFeature([], STRING, 1),
    "bytes and str for bytes": tfr.FixedLenFeature([2], STRING, [b"\xff", "x"]),
    "array of another dtype": tfr.FixedLenFeature([2], INT64, np.array([1, 2], np.int16)),
    "array of doubles": tfr.FixedLenFeature([1], FLOAT, np.array([0.1])),
    "array of whole doubles for int64": tfr.FixedLenFeature([], INT64, np.float64(3)),
    "array of str": tfr.FixedLenFeature([1], STRING, np.array(["x"])),
    "int beyond int64": tfr.FixedLenFeature([], INT64, 2**63),
    "smallest int64": tfr.FixedLenFeature([], INT64, -(2**63)),
    "shape None": tfr.FixedLenFeature(None, INT64),
    "shape [None, 2]": tfr.FixedLenFeature([None, 2], INT64),
    "shape [1, None]": tfr.FixedLenFeature([1, None], INT64),
    "shape [-1]": tfr.FixedLenFeature([-1], INT64),
    "shape [1.0]": tfr.FixedLenFeature([1.0], INT64),
    "shape '1'": tfr.FixedLenFeature("1", INT64),
    "shape [True]": tfr.FixedLenFeature([True], INT64),
    "shape 1": tfr.FixedLenFeature(1, INT64, 4),
    "shape of numpy ints": tfr.FixedLenFeature(np.array([1]), INT64, 4),
    "dtype None": tfr.FixedLenFeature([], None),
    "dtype int32": tfr.FixedLenFeature([], np.int32),
    "dtype int": tfr.VarLenFeature(int),
    "dtype float": tfr.VarLenFeature(float),
    "dtype str": tfr.VarLenFeature(str),
    "dtype object": tfr.VarLenFeature(object),
    "dtype of the other byte order": tfr.VarLenFeature(np.dtype(">i8")),
    "not allow_missing": tfr.FixedLenSequenceFeature([], INT64),
    "shape of unknown rank": tfr.FixedLenFeature(tf.TensorShape(None), INT64),
    "sequence of shape None": tfr.FixedLenSequenceFeature(None, INT64, True),
    "sequence of shape [None]": tfr.FixedLenSequenceFeature([None], INT64, True),
    "sequence with two defaults": tfr.FixedLenSequenceFeature([], INT64, True, [1, 2]),
    "sequence with a default of another dtype": tfr.FixedLenSequenceFeature([], INT64, True, "a"),
    "no index key": tfr.SparseFeature("", "k", INT64, 3),
    "no index keys": tfr.SparseFeature([], "k", INT64, []),
    "no value key": tfr.SparseFeature("i", "", INT64, 3),
    "a list of sizes for one key": tfr.SparseFeature("i", "k", INT64, [3]),
    "one size for a list of keys": tfr.SparseFeature(["i"], "k", INT64, 3),
    "more keys than sizes": tfr.SparseFeature(["i", "j"], "k", INT64, [3]),
    "size None": tfr.SparseFeature("i", "k", INT64, None),
    "size -1": tfr.SparseFeature("i", "k", INT64, -1),
    "an index key of another dtype": tfr.SparseFeature("k", "k", FLOAT, 3),
    "size 0": tfr.SparseFeature("i", "k", INT64, 0),
    "size True": tfr.SparseFeature("i", "k", INT64, True),
    "size 2.0": tfr.SparseFeature("i", "k", INT64, 2.0),
    "size -5": tfr.SparseFeature("i", "k", INT64, -5),
    "size beyond int64": tfr.SparseFeature("i", "k", INT64, 2**63),
    "largest size": tfr.SparseFeature("i", "k", INT64, 2**63 - 1),
    "sizes of which one is -5": tfr.SparseFeature(["i", "j"], "k", INT64, [3, -5]),
    "sizes of which one is beyond int64": tfr.SparseFeature(["i", "j"], "k", INT64, [3, 2**63]),
    "sizes of which one is no integer": tfr.SparseFeature(["i", "j"], "k", INT64, [3, 2.0]),
    "sizes with a product beyond int64": tfr.SparseFeature(["i", "j"], "k", INT64, [2**62, 2**62]),
    "sizes of numpy": tfr.SparseFeature(["i", "j"], "k", INT64, np.array([3, 4])),
    "sizes of numpy that are no integers": tfr.SparseFeature(["i", "j"], "k", INT64, np.array([3.0, 4.0])),
    "an index key that is a number": tfr.SparseFeature(5, "k", INT64, 3),
    "an index key that is bytes": tfr.SparseFeature(b"i", "k", INT64, 3),
    "index keys of which one is a number": tfr.SparseFeature(["i", 5], "k", INT64, [3, 4]),
    "index keys of numpy": tfr.SparseFeature(np.array(["i", "j"]), "k", INT64, [3, 4]),
    "a value key that is a number": tfr.SparseFeature("i", 5, INT64, 3),  # type: ignore[arg-type]
    "a partition key that is a number": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.RowSplits(5)]),  # type: ignore[arg-type]
    "shape ...": tfr.FixedLenFeature(..., INT64),
    "shape 2.0": tfr.FixedLenFeature(2.0, INT64),
    "shape with a dimension beyond int64": tfr.FixedLenFeature([2**63], INT64),
    "shape with a dimension beyond int64, and 0": tfr.FixedLenFeature([2**63, 0], INT64),
    "shape with a product beyond int64": tfr.FixedLenFeature([2**32, 2**32], INT64),
    "shape with a product beyond int64 before a 0": tfr.FixedLenFeature([2**32, 2**32, 0], INT64),
    "sequence of shape ...": tfr.FixedLenSequenceFeature(..., INT64, True),
    "sequence of shape 5": tfr.FixedLenSequenceFeature(5, INT64, True),
    "sequence of shape [-1]": tfr.FixedLenSequenceFeature([-1], INT64, True),
    "sequence with a dimension beyond int64": tfr.FixedLenSequenceFeature([2**63], INT64, True),
    "dtype int65": tfr.VarLenFeature("int65"),
    "dtype (": tfr.VarLenFeature("("),
    "surrogate for bytes": tfr.FixedLenFeature([], STRING, "\ud800"),
    "int beyond double for float32": tfr.FixedLenFeature([], FLOAT, 10**400),
    "uniform rows of 2.0": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.UniformRowLength(2.0)]),  # type: ignore[arg-type]
    "uniform rows of True": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.UniformRowLength(True)]),
    "uniform rows of a number of numpy": tfr.RaggedFeature(
        INT64,
        "k",
        [tfr.RaggedFeature.UniformRowLength(np.int64(2)), tfr.RaggedFeature.RowSplits("p")],
    ),
}


@pytest.mark.parametrize("spec", SPECS)
def test_specifications_are_judged_alike(spec: str) -> None:
    for parse, serialized in [("parse_single_example", b""), ("parse_example", [b"", b""])]:
        agree(parse, serialized, {"x": SPECS[spec]})


@pytest.mark.parametrize(
    "spec",
    [
        "shape None",
        "shape [None, 2]",
        "shape [1, None]",
        "dtype None",
        "not allow_missing",
        "no index key",
        "no value key",
    ],
)
def test_specifications_are_judged_in_the_same_words(spec: str) -> None:
    our_text, their_text = agree("parse_example", [b""], {"x": SPECS[spec]})
    words = their_text.replace("tf.int64", "'int64'").replace("<dtype: 'int64'>", "'int64'")
    assert words in our_text


def test_a_type_error_is_one_in_both() -> None:
    for spec in ("float for int64", "str for int64", "int for bytes", "shape [1.0]", "dtype int", "size None"):
        with pytest.raises(TypeError):
            tfr.parse_example([b""], {"x": SPECS[spec]})
        with pytest.raises(TypeError):
            tf.io.parse_example([b""], {"x": tensorflows(SPECS[spec])})


@pytest.mark.parametrize(
    "features",
    [
        {"k": tfr.VarLenFeature(FLOAT), "s": tfr.SparseFeature("k", "v", FLOAT, 3)},
        {"k": tfr.FixedLenFeature([], INT64), "s": tfr.SparseFeature("k", "v", FLOAT, 3)},
        {"k": tfr.FixedLenFeature([], INT64), "r": tfr.RaggedFeature(INT64, "k")},
        {"k": tfr.VarLenFeature(INT64), "r": tfr.RaggedFeature(INT64, "k")},
        {"k": tfr.RaggedFeature(INT64), "r": tfr.RaggedFeature(FLOAT, "k")},
        {"k": tfr.RaggedFeature(INT64), "r": tfr.RaggedFeature(INT64, "k", row_splits_dtype=np.int64)},
        {"k": tfr.VarLenFeature(INT64), "s": tfr.SparseFeature("k", "v", FLOAT, 3), "v": tfr.VarLenFeature(FLOAT)},
        {"r": tfr.RaggedFeature(INT64, "k"), "q": tfr.RaggedFeature(INT64, "k", [tfr.RaggedFeature.RowLengths("k")])},
        {"v": tfr.SparseFeature("k", "v", FLOAT, 3), "s": tfr.SparseFeature("k", "v", FLOAT, 4)},
        {},
    ],
)
def test_features_that_share_keys(features: dict[str, Any]) -> None:
    record = tfr.encode_example({"k": [1, 0], "v": [0.5, 1.5]})
    for parse, serialized in [("parse_single_example", record), ("parse_example", [record, b""])]:
        agree(parse, serialized, features)


# Partitions.

RF = tfr.RaggedFeature
PARTITION_VALUES = {
    "missing": None,
    "good": [0, 1, 3],
    "-1": [-1],
    "beyond": [0, 5],
    "descending": [3, 1],
    "negative": [0, -2, 1],
    "beyond int32": [2**40],
    "all negative": [-1, -2],
}


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("given_values", PARTITION_VALUES)
@pytest.mark.parametrize("partition", [RF.RowSplits, RF.RowLengths, RF.RowStarts, RF.RowLimits, RF.ValueRowIds])
def test_partitions_that_fit_or_do_not(partition: Any, given_values: str, validate: bool) -> None:
    positions = PARTITION_VALUES[given_values]
    example = {"v": [1, 2, 3]} if positions is None else {"v": [1, 2, 3], "p": positions}
    record, other = tfr.encode_example(example), tfr.encode_example({"v": [7]})
    features = {"r": RF(INT64, "v", [partition("p")], validate=validate)}
    agree("parse_single_example", record, features)
    agree("parse_example", [record], features)
    agree("parse_example", [record, other, record], features)


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_uniform_partitions(length: int, validate: bool) -> None:
    uniform, splits = RF.UniformRowLength(length), RF.RowSplits("p")
    record, other = tfr.encode_example({"v": range(6), "p": [0, 1, 1, 6]}), tfr.encode_example({"v": NO_INTS})
    for partitions in ([uniform], [uniform, splits], [splits, uniform], [uniform, RF.UniformRowLength(2)]):
        features = {"r": RF(INT64, "v", partitions, np.int64, validate)}
        agree("parse_single_example", record, features)
        agree("parse_example", [record, other], features)


# Anything at all, but mostly such that something is parsed: each key has a dtype that is mostly kept to.

DTYPE_OF = {"a": INT64, "b": INT64, "p": INT64, "f": FLOAT, "s": STRING}
KEYS = st.sampled_from(sorted(DTYPE_OF))
INT64_KEYS = st.sampled_from("abp")
INTS = st.one_of(
    st.lists(st.integers(-1, 4), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), min_size=1, max_size=4).map(sorted),
    st.lists(st.integers(0, 4), min_size=2, max_size=2),
    st.just(NO_INTS),
)
VALUES_OF: dict[str, st.SearchStrategy[Any]] = {
    INT64: INTS,
    FLOAT: st.one_of(st.lists(st.floats(width=32), min_size=1, max_size=3), st.just(NO_FLOATS)),
    STRING: st.one_of(st.lists(st.binary(max_size=2), min_size=1, max_size=3), st.just(NO_BYTES)),
}
ANY_VALUES = st.one_of(st.none(), *VALUES_OF.values())
DEFAULTS = {INT64: -7, FLOAT: 0.25, STRING: b"?"}


def mostly(strategy: st.SearchStrategy[Any], otherwise: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda number: strategy if number else otherwise)


@st.composite
def examples_like(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.sets(KEYS, max_size=5))
    return {key: draw(mostly(VALUES_OF[DTYPE_OF[key]], ANY_VALUES)) for key in sorted(keys)}


@st.composite
def sequences_like(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    keys = draw(st.sets(KEYS, max_size=4))
    count = draw(st.integers(0, 3))
    lists = {}
    for key in sorted(keys):
        step = mostly(VALUES_OF[DTYPE_OF[key]], ANY_VALUES)
        lists[key] = draw(mostly(st.lists(step, min_size=count, max_size=count), st.lists(step, max_size=3)))
    return draw(examples_like()), lists


def partitions() -> st.SearchStrategy[Any]:
    keyed = [RF.RowSplits, RF.RowLengths, RF.RowStarts, RF.RowLimits, RF.ValueRowIds]
    uniform = st.builds(RF.UniformRowLength, st.integers(1, 3))
    return st.lists(st.one_of(uniform, *(st.builds(partition, INT64_KEYS) for partition in keyed)), max_size=2)


@st.composite
def features_like(draw: st.DrawFn, classes: str) -> tuple[str, Any]:
    """(name, feature) of one of the classes, by their first letters."""
    key = draw(KEYS)
    dtype = draw(mostly(st.just(DTYPE_OF[key]), st.sampled_from(DTYPE_NAMES)))
    chosen = draw(st.sampled_from(classes))
    if chosen == "F":
        shape = draw(st.sampled_from([[], [1], [2], [1, 2], [0], [2, 2]]))
        default = draw(st.sampled_from([None, np.full(shape, DEFAULTS[dtype]).tolist()]))
        return key, tfr.FixedLenFeature(shape, dtype, default)
    if chosen == "Q":
        shape, default = draw(st.sampled_from([[], [1], [2]])), draw(mostly(st.none(), st.just(DEFAULTS[dtype])))
        return key, tfr.FixedLenSequenceFeature(shape, dtype, draw(mostly(st.just(True), st.just(False))), default)
    if chosen == "S":
        keys = draw(st.one_of(INT64_KEYS, st.lists(INT64_KEYS, min_size=1, max_size=2)))
        size: Any = 3 if isinstance(keys, str) else [3] * len(keys)
        return "sparse " + key, tfr.SparseFeature(keys, key, dtype, size, draw(st.booleans()))
    if chosen == "R":
        splits_dtype = draw(mostly(st.just(np.int64), st.just(np.int32)))
        feature = RF(dtype, key, draw(partitions()), splits_dtype, draw(mostly(st.just(False), st.just(True))))
        return "ragged " + key, feature
    return key, tfr.VarLenFeature(dtype)


def feature_dicts(classes: str, least: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(features_like(classes), min_size=least, max_size=2).map(dict)


def has_misaligned_sparse(features: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an example by itself has more positions than values, or fewer: TensorFlow only counts the batch."""

    def count(example: Mapping[str, Any], key: str) -> int:
        return 0 if example.get(key) is None else len(example[key])

    return any(
        count(example, index_key) != count(example, feature.value_key)
        for feature in features.values()
        if isinstance(feature, tfr.SparseFeature)
        for index_key in ([feature.index_key] if isinstance(feature.index_key, str) else feature.index_key)
        for example in examples
    )


def has_misaligned_steps(features: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the steps of a ragged list and of its partitions differ in number, which TensorFlow does not notice."""
    return any(
        len(lists.get(partition.key, ())) != len(lists.get(feature.value_key or key, ()))
        for key, feature in features.items()
        if isinstance(feature, tfr.RaggedFeature)
        for partition in feature.partitions
        if not isinstance(partition, RF.UniformRowLength)
        for lists in examples
    )


@pytest.mark.parametrize("partition", [RF.RowSplits, RF.RowLengths, RF.RowStarts, RF.RowLimits])
def test_steps_are_never_divided_by_those_of_another_example(partition: Any) -> None:
    """Validated or not; TensorFlow notices it only if they are validated, or differ in number in the whole batch."""
    lists = {"v": [[1, 2], [3, 4]], "p": [[1, 1]]}, {"v": [[5, 6]], "p": [[2], [2]]}
    records = [tfr.encode_sequence_example({}, each) for each in lists]
    for validate in (False, True):
        features = {"k": RF(INT64, "v", [partition("p")], validate=validate)}
        with pytest.raises(tfr.FeatureError, match="Feature k: values and partitions are not aligned"):
            tfr.parse_sequence_example(records, {}, features)
        assert (theirs(tf.io.parse_sequence_example, records, {}, all_tensorflows(features))[0] == RAISES) == validate


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feature_dicts("FVQSR", 1), st.lists(examples_like(), max_size=3))
def test_any_features_of_any_examples(features: dict[str, Any], examples: list[dict[str, Any]]) -> None:
    records = [tfr.encode_example(example) for example in examples]
    for record in records[:1]:
        agree("parse_single_example", record, features)
    if has_misaligned_sparse(features, examples):
        assert ours(tfr.parse_example, records, features)[0] == RAISES
    else:
        agree("parse_example", records, features)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feature_dicts("FVR"), feature_dicts("VQR"), st.lists(sequences_like(), max_size=3))
def test_any_features_of_any_sequences(
    context: dict[str, Any], lists: dict[str, Any], examples: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    records = [tfr.encode_sequence_example(*example) for example in examples]
    for record in records[:1]:
        if has_misaligned_steps(lists, [examples[0][1]]):
            assert ours(tfr.parse_single_sequence_example, record, context, lists)[0] == RAISES
        else:
            agree("parse_single_sequence_example", record, context, lists)
    if has_misaligned_steps(lists, [example[1] for example in examples]):
        assert ours(tfr.parse_sequence_example, records, context, lists)[0] == RAISES
    else:
        agree("parse_sequence_example", records, context, lists)
