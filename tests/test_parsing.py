"""Parsing as it is documented, without TensorFlow: results, errors and what they say, and unusual protobuf."""

from __future__ import annotations

import contextlib
import pickle
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.partitions import _MAX_EMPTY_ROWS
from tfrecord_lite.format.wire_format import encode_field

RECORDS = [
    tfr.encode_example({"id": 7, "name": b"ab\0", "scores": [0.5, 1.5], "tags": [b"x", b"y"], "at": [2, 0]}),
    tfr.encode_example({"id": 8, "name": b"", "scores": [2.5], "tags": np.array([], object), "at": [1, 3]}),
]


def test_a_batch_of_every_feature() -> None:
    parsed = tfr.parse_example(
        RECORDS,
        {
            "id": tfr.FixedLenFeature([], np.int64),
            "name": tfr.FixedLenFeature([], bytes),
            "size": tfr.FixedLenFeature([1, 2], "float32", [[1, 2]]),
            "scores": tfr.FixedLenSequenceFeature([], float, True, -1.0),
            "tags": tfr.VarLenFeature(bytes),
            "sparse": tfr.SparseFeature("place", "value", np.int64, 5),
            "at": tfr.RaggedFeature(np.int64),
        },
    )
    assert list(parsed) == ["id", "name", "size", "scores", "tags", "sparse", "at"]
    assert parsed["id"].dtype == np.int64
    assert parsed["id"].tolist() == [7, 8]
    assert parsed["name"].dtype == object
    assert parsed["name"].tolist() == [b"ab\0", b""]
    assert parsed["size"].dtype == np.float32
    assert parsed["size"].tolist() == [[[1, 2]], [[1, 2]]]
    assert parsed["scores"].tolist() == [[0.5, 1.5], [2.5, -1]]
    assert parsed["tags"].indices.tolist() == [[0, 0], [0, 1]]
    assert parsed["tags"].values.tolist() == [b"x", b"y"]
    assert parsed["tags"].dense_shape.tolist() == [2, 2]
    assert parsed["sparse"].indices.shape == (0, 2)
    assert parsed["sparse"].dense_shape.tolist() == [2, 5]
    assert parsed["at"].to_list() == [[2, 0], [1, 3]]
    assert parsed["at"].row_splits.dtype == np.int32


def test_one_value_of_one_example_is_an_array_of_shape_nothing() -> None:
    features = {"id": tfr.FixedLenFeature([], np.int64), "name": tfr.FixedLenFeature([], bytes)}
    parsed = tfr.parse_single_example(RECORDS[0], features)
    assert all(isinstance(value, np.ndarray) and value.shape == () for value in parsed.values())
    assert parsed["id"] == 7
    assert parsed["id"].dtype == np.int64
    assert parsed["name"].item() == b"ab\0"
    assert parsed["name"].dtype == object


def test_one_record_is_bytes_like_and_several_are_iterable() -> None:
    features = {"id": tfr.FixedLenFeature([], np.int64)}
    ones: list[Any] = [RECORDS[0], bytearray(RECORDS[0]), memoryview(RECORDS[0]), np.array(RECORDS[0], object)]
    for record in ones:
        assert tfr.parse_single_example(record, features)["id"].shape == ()
        assert tfr.parse_example(record, features)["id"].shape == ()
    views = [memoryview(record) for record in RECORDS]
    batches: list[Any] = [RECORDS, tuple(RECORDS), iter(RECORDS), np.array(RECORDS, object), views]
    for records in batches:
        assert tfr.parse_example(records, features)["id"].tolist() == [7, 8]
    with pytest.raises(tfr.FeatureError, match="serialized must be a scalar"):
        tfr.parse_single_example(RECORDS, features)  # type: ignore[arg-type]
    with pytest.raises(tfr.FeatureError, match=r"got shape: \[1,2\]"):
        tfr.parse_example(np.array([RECORDS], object), features)
    wrongs: list[Any] = ["text", ["text"], 5, [5]]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            tfr.parse_example(wrong, features)


def test_arrays_are_the_callers_own() -> None:
    features: dict[str, Any] = {
        "size": tfr.FixedLenFeature([2], np.int64, np.array([1, 2])),
        "id": tfr.FixedLenFeature([], np.int64),
    }
    calls: list[tuple[Any, Any]] = [(tfr.parse_single_example, RECORDS[0]), (tfr.parse_example, RECORDS)]
    for parse, serialized in calls:
        first = parse(serialized, features)
        for array in first.values():
            assert array.flags.writeable
            array[...] = 0
        assert parse(serialized, features)["size"].any()
    assert features["size"].default_value.tolist() == [1, 2]


def test_sparse_entries_are_sorted_with_their_values_unless_they_are_said_to_be() -> None:
    record = tfr.encode_example({"y": [1, 0, 1], "x": [0, 5, -3], "v": [b"a", b"b", b"c"]})
    sparse = tfr.parse_example([record], {"s": tfr.SparseFeature(["y", "x"], "v", bytes, [2, 3])})["s"]
    assert sparse.indices.tolist() == [[0, 0, 5], [0, 1, -3], [0, 1, 0]]
    assert sparse.values.tolist() == [b"b", b"c", b"a"]
    assert sparse.dense_shape.tolist() == [1, 2, 3]
    sparse = tfr.parse_single_example(record, {"s": tfr.SparseFeature("x", "v", bytes, 3, True)})["s"]
    assert sparse.indices.tolist() == [[0], [5], [-3]]


def test_positions_and_values_are_counted_in_each_example() -> None:
    records = [tfr.encode_example({"i": i, "v": v}) for i, v in (([0], [1]), ([1, 2], [1]), ([0], [5, 6]))]
    features = {"s": tfr.SparseFeature("i", "v", np.int64, 3)}
    with pytest.raises(tfr.FeatureError, match="feature 's': 1 values in 'v', but 2 in 'i'") as caught:
        tfr.parse_example(records, features)
    assert (caught.value.key, caught.value.record_number) == ("s", 1)
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.parse_single_example(records[2], features)
    assert caught.value.record_number is None


def test_partitions_nest() -> None:
    record = tfr.encode_example({"v": range(6), "inner": [2, 0, 4], "outer": [0, 1, 3]})
    partitions = [tfr.RaggedFeature.RowSplits("outer"), tfr.RaggedFeature.RowLengths("inner")]
    features = {"r": tfr.RaggedFeature(np.int64, "v", partitions, np.int64, True)}
    single = tfr.parse_single_example(record, features)["r"]
    assert single.to_list() == [[[0, 1]], [[], [2, 3, 4, 5]]]
    assert single.ragged_rank == 2
    assert single.shape == (2, None, None)
    assert single.dtype == np.int64
    batch = tfr.parse_example([record, b"", record], {"r": features["r"]._replace(validate=False)})["r"]
    assert batch.to_list() == [single.to_list(), [], single.to_list()]
    assert [splits.dtype for splits in batch.nested_row_splits] == [np.int64] * 3
    assert len(batch.flat_values) == 12


def test_a_record_cannot_ask_for_any_number_of_rows() -> None:
    features = {"r": tfr.RaggedFeature(np.int64, "v", [tfr.RaggedFeature.ValueRowIds("p")], np.int64)}
    record = tfr.encode_example({"v": [1], "p": [_MAX_EMPTY_ROWS + 1]})
    calls: list[tuple[Any, Any]] = [(tfr.parse_single_example, record), (tfr.parse_example, [record])]
    for parse, serialized in calls:
        with pytest.raises(tfr.FeatureError, match="row ids ask for"):
            parse(serialized, features)


# Errors.


def test_an_error_says_what_tensorflow_says_and_knows_key_and_record() -> None:
    features = {"id": tfr.FixedLenFeature([], np.int64), "scores": tfr.FixedLenFeature([2], np.float32)}
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.parse_example(RECORDS, features, ["first", b"second\x1b"])
    error = caught.value
    assert str(error) == (
        "Name: second\\x1b, Key: scores, Index: 1.  Number of float values != expected."
        "  Values size: 1 but output shape: [2]"
    )
    assert (error.key, error.record_number) == ("scores", 1)
    assert isinstance(error, ValueError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "Feature: k (data type: int64) is required but could not be found."),
        ({"k": [1, 2]}, "Key: k.  Can't parse serialized Example: Some int64_list slice was not parsed."),
        ({"k": [1.0]}, "Key: k.  Data types don't match. Data type: float but expected type: int64"),
    ],
)
def test_an_error_about_one_example(value: Any, text: str) -> None:
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.parse_single_example(tfr.encode_example(value), {"k": tfr.FixedLenFeature([], np.int64)})
    assert str(caught.value) == text
    assert caught.value.record_number is None


def test_bytes_that_are_no_example_are_a_decode_error_that_says_which() -> None:
    features = {"id": tfr.FixedLenFeature([], np.int64)}
    with pytest.raises(tfr.DecodeError, match="record #2: not a valid message") as caught:
        tfr.parse_example([*RECORDS, RECORDS[0][:-1]], features)
    assert caught.value.record_number == 2
    with pytest.raises(tfr.DecodeError, match=r"^not a valid message"):
        tfr.parse_single_example(b"\xff", features)
    with pytest.raises(tfr.DecodeError, match="record #0"):
        tfr.parse_sequence_example([b"\xff"], features)


@pytest.mark.parametrize("features", [None, {}])
def test_no_features_are_an_error(features: Any) -> None:
    for parse in (tfr.parse_example, tfr.parse_single_example, tfr.parse_sequence_example):
        with pytest.raises(tfr.FeatureError):
            parse(RECORDS[0], features)
    with pytest.raises(tfr.FeatureError):
        tfr.parse_single_sequence_example(RECORDS[0], features, features)


def test_every_prefix_and_every_flip_is_an_error_of_ours_or_parsed() -> None:
    features: dict[str, Any] = {
        "id": tfr.FixedLenFeature([], np.int64, 0),
        "scores": tfr.VarLenFeature(float),
        "tags": tfr.RaggedFeature(bytes),
        "at": tfr.RaggedFeature(np.int64, "at"),
        "name": tfr.FixedLenSequenceFeature([1], bytes, True),
    }
    record = RECORDS[0]
    damaged = [record[:end] for end in range(len(record))]
    damaged += [bytes([*record[:at], record[at] ^ 1 << bit, *record[at + 1 :]]) for at in range(40) for bit in range(8)]
    for case in damaged:
        with contextlib.suppress(tfr.TFRecordError):
            tfr.parse_example([case], features)


# Where TensorFlow silently misreads, and we read what protobuf reads.


def record_of(feature: bytes) -> bytes:
    entry = encode_field(0x0A, b"k") + encode_field(0x12, feature)
    return encode_field(0x0A, encode_field(0x0A, entry))


ODDITIES: dict[str, tuple[bytes, Any]] = {
    "several packed chunks": (encode_field(0x1A, b"\x0a\x01\x05\x0a\x01\x06"), [5, 6]),
    "packed, then unpacked": (encode_field(0x1A, b"\x0a\x01\x05\x08\x06"), [5, 6]),
    "the same kind twice": (encode_field(0x1A, b"\x0a\x01\x05") + encode_field(0x1A, b"\x08\x06"), [5, 6]),
    "another kind first": (encode_field(0x12, b"") + encode_field(0x1A, b"\x0a\x02\x05\x06"), [5, 6]),
    "an overlong tag": (b"\x9a\x00\x04\x0a\x02\x05\x06", [5, 6]),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_unusual_protobuf_is_read_as_protobuf_reads_it(oddity: str) -> None:
    feature, expected = ODDITIES[oddity]
    record = record_of(feature)
    features: dict[str, Any] = {"k": tfr.FixedLenFeature([2], np.int64)}
    assert tfr.parse_single_example(record, features)["k"].tolist() == expected
    assert tfr.parse_example([record], features)["k"].tolist() == [expected]
    assert tfr.parse_single_sequence_example(record, features)[0]["k"].tolist() == expected
    assert tfr.parse_example([record], {"k": tfr.VarLenFeature(np.int64)})["k"].values.tolist() == expected


@pytest.mark.parametrize("oddity", ODDITIES)
def test_tensorflow_misreads_it(oddity: str) -> None:
    tf = pytest.importorskip("tensorflow")
    feature, expected = ODDITIES[oddity]
    try:
        parsed = tf.io.parse_single_example(record_of(feature), {"k": tf.io.VarLenFeature(tf.int64)})
    except tf.errors.InvalidArgumentError:
        return
    assert parsed["k"].values.numpy().tolist() != expected


def test_the_last_of_equal_keys_counts_even_without_a_kind() -> None:
    record = tfr.encode_example({"k": 5}) + tfr.encode_example({"k": None})
    assert tfr.parse_single_example(record, {"k": tfr.FixedLenFeature([], np.int64, 9)})["k"] == 9


# SequenceExamples.

SEQUENCES = [
    tfr.encode_sequence_example({"id": 1}, {"xy": [[0.0, 1.0], [2.0, 3.0]], "tags": [[b"a"], None]}),
    tfr.encode_sequence_example({"id": 2}, {"xy": []}),
]
CONTEXT = {"id": tfr.FixedLenFeature([], np.int64)}
LISTS: dict[str, Any] = {
    "xy": tfr.FixedLenSequenceFeature([2], np.float32),
    "tags": tfr.RaggedFeature(bytes),
    "sparse": tfr.VarLenFeature(np.int64),
}


def test_a_batch_of_sequences() -> None:
    context, lists, lengths = tfr.parse_sequence_example(SEQUENCES, CONTEXT, LISTS)
    assert context["id"].tolist() == [1, 2]
    assert lists["xy"].tolist() == [[[0, 1], [2, 3]], [[0, 0], [0, 0]]]
    assert lists["tags"].to_list() == [[[b"a"], []], []]
    assert lists["sparse"].dense_shape.tolist() == [2, 0, 0]
    assert {key: value.tolist() for key, value in lengths.items()} == {"xy": [2, 0]}


def test_one_sequence() -> None:
    context, lists = tfr.parse_single_sequence_example(SEQUENCES[0], CONTEXT, LISTS)
    assert context["id"].shape == ()
    assert lists["xy"].tolist() == [[0, 1], [2, 3]]
    assert lists["tags"].to_list() == [[b"a"], []]
    assert lists["sparse"].indices.shape == (0, 2)
    assert tfr.parse_sequence_example(SEQUENCES[0], CONTEXT, LISTS)[2]["xy"].shape == ()
    with pytest.raises(tfr.FeatureError, match="serialized must be a scalar"):
        tfr.parse_single_sequence_example(SEQUENCES, CONTEXT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lists", "text"),
    [
        ({}, "Name: mine, Feature list 'k' is required but could not be found."),
        ({"k": [[1], [1.0]]}, "Name: mine, Feature list: k, Index: 1.  Data types don't match. Expected type: int64"),
        ({"k": [[1], [1, 2]]}, "Name: mine, Key: k, Index: 1.  Number of values != expected.  values size: 2"),
    ],
)
def test_an_error_about_a_list_says_which_step(lists: Any, text: str) -> None:
    record = tfr.encode_sequence_example({}, lists)
    features = {"k": tfr.FixedLenSequenceFeature([], np.int64)}
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.parse_sequence_example([record], None, features, ["mine"])
    assert str(caught.value).startswith(text)
    assert (caught.value.key, caught.value.record_number) == ("k", 0)
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.parse_single_sequence_example(record, None, features, "mine")
    assert str(caught.value).startswith(text)
    assert caught.value.record_number is None


def test_a_context_feature_without_a_kind_is_not_a_missing_one() -> None:
    features = {"k": tfr.FixedLenFeature([], np.int64, 9)}
    assert tfr.parse_single_sequence_example(tfr.encode_sequence_example({}, {}), features)[0]["k"] == 9
    with pytest.raises(tfr.FeatureError, match=r"^Unexpected number of elements in example <unknown>"):
        tfr.parse_single_sequence_example(tfr.encode_sequence_example({"k": None}, {}), features)


def test_steps_of_values_and_partitions_are_counted() -> None:
    features = {"r": tfr.RaggedFeature(np.int64, "v", [tfr.RaggedFeature.RowLengths("p")])}
    good = tfr.encode_sequence_example({}, {"v": [[1, 2], [3]], "p": [[1, 1], [1]]})
    assert tfr.parse_single_sequence_example(good, None, features)[1]["r"].to_list() == [[[1], [2]], [[3]]]
    assert tfr.parse_sequence_example([good], None, features)[1]["r"].to_list() == [[[[1], [2]], [[3]]]]
    bad = tfr.encode_sequence_example({}, {"v": [[1, 2], [3]], "p": [[3]]})
    with pytest.raises(tfr.FeatureError, match="values and partitions are not aligned"):
        tfr.parse_single_sequence_example(bad, None, features)


def test_a_ragged_value_shows_itself() -> None:
    ragged = tfr.RaggedTensorValue(np.array([[1, 2], [3, 4]]), np.array([0, 0, 2]))
    assert repr(ragged).startswith("RaggedTensorValue(values=array(")
    assert ragged.shape == (2, None, 2)
    assert ragged.to_list() == [[], [[1, 2], [3, 4]]]
    assert len(ragged) == 2


@pytest.mark.parametrize("features", [-1, "x", True, [1], [], 0, np.zeros(2)], ids=repr)
def test_features_that_are_no_mapping_are_a_type_error(features: Any) -> None:
    parses: list[Any] = [tfr.parse_example, tfr.decode_columns]
    parses += [lambda records, features: tfr.parse_single_example(records[0], features)]
    parses += [tfr.parse_sequence_example] if isinstance(features, (int, str)) and features else []
    for parse in parses:
        with pytest.raises(TypeError, match="features are a mapping of names to features, or a Schema, not "):
            parse([RECORDS[0]], features)
