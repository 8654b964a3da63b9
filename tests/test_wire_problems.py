"""What is said of records that TensorFlow reads otherwise than protobuf, beyond the cases in test_lint."""

from __future__ import annotations

import pytest
from odd_messages import field

from tfrecord_lite.format.wire_problems import read_both
from tfrecord_lite.format.wire_rules import DUPLICATE_KEY, MISREAD, OVERLONG_TAG, UNKNOWN_FIELD

tf = pytest.importorskip("tensorflow")


def bytes_feature(value: bytes) -> bytes:
    return field(1, field(1, value))


def entry(key: bytes, *features: bytes) -> bytes:
    return field(1, field(1, key) + b"".join(field(2, feature) for feature in features))


def overlong(message: bytes) -> bytes:
    """The same behind a tag in two bytes."""
    return bytes((message[0] | 0x80, 0)) + message[1:]


def read_by_tensorflow(record: bytes, key: str) -> list[bytes]:
    found = tf.io.parse_example([record], {key: tf.io.VarLenFeature(tf.string)})[key]
    return list(found.values.numpy())


def test_an_entry_of_two_values_without_a_name_is_misread() -> None:
    record = field(1, field(1, field(2, bytes_feature(b"x")) + field(2, b"")))
    found = read_both(record)
    assert found.example == {"": [b"x"]}
    assert found.tensorflow == {"": None}
    assert read_by_tensorflow(record, "") == []
    (problem,) = found.problems
    assert (problem.rule, problem.feature) == (MISREAD, "")
    assert problem.tensorflow == "takes it for missing instead of 1 bytes values, without an error"


def test_features_that_override_others_behind_an_overlong_tag_are_misread() -> None:
    record = field(1, entry(b"k", bytes_feature(b"old"))) + overlong(field(1, entry(b"k", bytes_feature(b"new"))))
    found = read_both(record)
    assert found.example == {"k": [b"new"]}
    assert read_by_tensorflow(record, "k") == [b"old"]
    assert [(problem.rule, problem.feature) for problem in found.problems] == [
        (OVERLONG_TAG, "k"),
        (DUPLICATE_KEY, "k"),
    ]
    assert found.problems[0].tensorflow == "reads 1 bytes values instead of 1 bytes values, without an error"


def test_an_odd_feature_under_a_name_that_comes_again_is_refused() -> None:
    record = field(1, entry(b"k", b"\x48\x01") + entry(b"k", bytes_feature(b"x")))
    found = read_both(record)
    assert found.example == {"k": [b"x"]}
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unsupported datatype"):
        read_by_tensorflow(record, "k")
    problem = found.problems[0]
    what = "the record has it 2 times, and in one before the last it holds a field that no Feature has"
    assert (problem.rule, problem.feature, problem.what) == (UNKNOWN_FIELD, "k", what)
    assert problem.tensorflow.startswith("raises InvalidArgumentError: Unsupported datatype")
