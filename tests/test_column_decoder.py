"""decode_columns: what it gives is of the kind that was asked for, and records of one layout are taken together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns import decode
from tfrecord_lite.format.columns.decode import ColumnDecoder, decode_columns
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan

COUNT = 50
FEATURES: dict[str, Any] = {
    "fixed": tfr.FixedLenFeature([2], np.int64),
    "default": tfr.FixedLenFeature([2], np.float32, [0.5, 1.5]),
    "word": tfr.FixedLenFeature([], bytes),
    "words": tfr.VarLenFeature(bytes),
    "ragged words": tfr.RaggedFeature(bytes),
    "steps": tfr.FixedLenSequenceFeature([2], np.float32, allow_missing=True),
    "names": tfr.FixedLenSequenceFeature([], bytes, allow_missing=True),
    "no numbers": tfr.VarLenFeature(np.float32),
    "no rows": tfr.RaggedFeature(np.int64),
}


def record(number: int) -> bytes:
    example: dict[str, Any] = {"fixed": [number, -number], "word": b"w%d\0" % number, "not asked for": 1}
    example |= {"words": [b"a", b"bb"], "ragged words": [b"x" * (number % 3)], "steps": [1.0, 2.0, 3.0, 4.0]}
    return tfr.encode_example(example | {"names": [b"n"]})


def as_lists(value: Any) -> Any:
    if isinstance(value, tfr.SparseTensorValue):
        return [value.indices.tolist(), value.values.tolist(), value.dense_shape.tolist()]
    if isinstance(value, tfr.RaggedTensorValue):
        return [value.flat_values.tolist(), [splits.tolist() for splits in value.nested_row_splits]]
    return value.tolist()


def values_of(value: Any) -> Any:
    if isinstance(value, tfr.SparseTensorValue):
        return value.values
    return value.flat_values if isinstance(value, tfr.RaggedTensorValue) else value


@pytest.mark.parametrize("count", [0, 1, COUNT])
def test_columns_are_what_parse_example_gives_to_the_dtype_and_kind(count: int) -> None:
    records = list(map(record, range(count)))
    expected = tfr.parse_example(records, FEATURES)
    for found in (decode_columns(records, FEATURES), decode_columns(records, FEATURES, bytes_as="objects")):
        assert found.keys() == expected.keys()
        for key, value in found.items():
            assert type(value) is type(expected[key])
            assert type(values_of(value)) is np.ndarray
            assert values_of(value).dtype == values_of(expected[key]).dtype
            assert as_lists(value) == as_lists(expected[key])


@pytest.mark.parametrize("count", [0, 1, COUNT])
def test_bytes_are_blobs_where_that_is_asked_for_and_numbers_stay_arrays(count: int) -> None:
    records = list(map(record, range(count)))
    expected = tfr.parse_example(records, FEATURES)
    found = decode_columns(records, FEATURES, bytes_as="blob")
    for key, value in found.items():
        is_bytes = FEATURES[key].dtype is bytes
        assert isinstance(values_of(value), BytesArray if is_bytes else np.ndarray), key
        assert as_lists(value) == as_lists(expected[key])


def test_records_of_one_layout_are_not_decoded_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for features that are missing, nor for defaults, nor for sequences."""
    records = list(map(record, range(COUNT)))
    expected = tfr.parse_example(records, FEATURES)
    monkeypatch.setattr(decode, "example_rows", None)
    found = decode_columns(records, FEATURES)
    assert {key: as_lists(value) for key, value in found.items()} == {
        key: as_lists(value) for key, value in expected.items()
    }
    assert len(ColumnDecoder(example_plan(FEATURES)).decode(Records.joined(records)) or {}) == len(FEATURES)


@pytest.mark.parametrize("first", [0, 1])
def test_records_without_a_feature_have_its_default_between_those_that_have_it(
    monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Of any size, in records of two layouts, whichever comes first."""
    features = {
        "one": tfr.FixedLenFeature([], np.int64, 7),
        "two": tfr.FixedLenFeature([2], np.float32, [0.5, 1.5]),
        "word": tfr.FixedLenFeature([], bytes, b"default"),
    }
    examples: list[dict[str, Any]] = [
        {"one": number, "two": [number + 0.5, 1.0], "word": b"w"} for number in range(COUNT)
    ]
    for number in range(first, COUNT, 2):
        examples[number] = {"other": number}
    records = list(map(tfr.encode_example, examples))
    expected = {key: value.tolist() for key, value in tfr.parse_example(records, features).items()}
    monkeypatch.setattr(decode, "example_rows", None)
    assert {key: value.tolist() for key, value in decode_columns(records, features).items()} == expected
    assert expected["two"][first] == [0.5, 1.5]


def test_features_that_are_not_asked_for_need_not_be_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no part of what a layout is, so that others are no reason for another layout."""
    monkeypatch.setattr(decode, "example_rows", None)
    records = [tfr.encode_example({"k": number, "other": [b"a"] * (1 + number % 5)}) for number in range(COUNT)]
    found = decode_columns(records, {"k": tfr.FixedLenFeature([], np.int64)})
    assert found["k"].tolist() == list(range(COUNT))


@pytest.mark.parametrize("bytes_as", ["blobs", "", None, "OBJECTS"])
def test_another_kind_of_bytes_is_refused(bytes_as: Any) -> None:
    with pytest.raises(ValueError, match=f"^bytes_as is 'objects' or 'blob', not {bytes_as!r}$"):
        decode_columns([record(0)], FEATURES, bytes_as=bytes_as)


def test_one_record_is_not_many() -> None:
    with pytest.raises(tfr.FeatureError, match=r"^decode_columns takes many records, not one"):
        decode_columns(record(0), FEATURES)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, COUNT])
@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
def test_a_name_that_was_not_inferred_is_an_error_that_says_so(count: int, bytes_as: Any) -> None:
    features: dict[str, Any] = {"k": tfr.FixedLenFeature([1], np.int64)}
    decoder = ColumnDecoder(example_plan(features), bytes_as, names_all=True)
    usual, late = tfr.encode_example({"k": 1, "none": None}), tfr.encode_example({"k": 1, "late": 2})
    assert (decoder.decode(Records.joined([usual] * count)) or {})["k"].values.tolist() == [1] * count
    for records in ([late] * count, [*[usual] * count, late]):
        assert decoder.decode(Records.joined(records)) is None
    with pytest.raises(
        tfr.FeatureError, match=r"not in the records from which the features were inferred: say what they are$"
    ) as caught:
        decoder.decode_plain([usual, late])
    assert caught.value.key == "late"


def test_a_value_that_does_not_fit_inferred_features_is_an_error_that_says_so() -> None:
    decoder = ColumnDecoder(example_plan({"k": tfr.FixedLenFeature([2], np.int64)}), names_all=True)
    records = [tfr.encode_example({"k": [1, 2, 3]})]
    with pytest.raises(tfr.FeatureError) as plainly:
        ColumnDecoder(decoder.plan).decode_plain(records)
    with pytest.raises(tfr.FeatureError) as caught:
        decoder.decode_plain(records)
    why = " (the features were inferred from the first records: say what they are)"
    assert str(caught.value) == str(plainly.value) + why
    assert (caught.value.key, caught.value.names_key) == (plainly.value.key, plainly.value.names_key) == ("k", True)


@pytest.mark.parametrize("bad", [0, 1, COUNT - 1])
def test_what_shows_only_in_the_results_names_its_record(bad: int) -> None:
    features = {"grid": tfr.SparseFeature("at", "value", np.float32, 10)}
    examples: list[dict[str, Any]] = [{"at": [1, 2], "value": [0.5, 1.5]} for _ in range(COUNT)]
    examples[bad] = {"at": [1, 2], "value": [0.5, 1.5, 2.5]}
    records = list(map(tfr.encode_example, examples))
    with pytest.raises(tfr.FeatureError) as caught:
        decode_columns(records, features)
    assert caught.value.record_number == bad
    with pytest.raises(tfr.FeatureError) as plainly:
        tfr.parse_single_example(records[bad], features)
    assert caught.value.key == plainly.value.key


@pytest.mark.parametrize("bad", [0, 1, COUNT - 1])
def test_rows_that_are_not_whole_name_their_record(bad: int) -> None:
    features = {"rows": tfr.RaggedFeature(np.int64, partitions=[tfr.RaggedFeature.UniformRowLength(2)])}
    records = [tfr.encode_example({"rows": [1] if number == bad else [1, 2]}) for number in range(COUNT)]
    with pytest.raises(tfr.FeatureError, match="values are no rows of 2") as caught:
        decode_columns(records, features)
    assert (caught.value.key, caught.value.record_number) == ("rows", bad)


@pytest.mark.parametrize(
    ("value", "other"), [([1, 2], [1, 2, 3]), ([1, 2], [0.5, 1.5]), ([1, 2], [b"a", b"b"]), ([1, 2], None)], ids=str
)
@pytest.mark.parametrize("others", [1, COUNT])
def test_what_does_not_fit_is_left_to_the_plain_path(value: Any, other: Any, others: int) -> None:
    features = {"k": tfr.FixedLenFeature([2], np.int64)}
    records = [tfr.encode_example({"k": value})] * COUNT + [tfr.encode_example({"k": other})] * others
    assert ColumnDecoder(example_plan(features)).decode(Records.joined(records)) is None
    with pytest.raises(tfr.FeatureError) as caught:
        decode_columns(records, features)
    with pytest.raises(tfr.FeatureError) as plainly:
        tfr.parse_example(records, features)
    assert str(caught.value) == str(plainly.value)
    assert caught.value.record_number == plainly.value.record_number
