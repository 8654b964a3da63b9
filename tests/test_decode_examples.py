"""Examples decoded in blocks: in the order of the records, up to the first error, which says what its record's is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.columns import decode_examples
from tfrecord_lite.format.columns.decode_examples import (
    Decoded,
    ExampleDecoder,
    NoSequenceDecoder,
    ParsedExampleDecoder,
)
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan

COUNT = 12
EXAMPLES: list[dict[str, Any]] = [
    {
        "name": b"n",
        "none": None,
        "number": number,
        "numbers": range(number % 4 + 2),
        "vector": [0.5, float(number)],
        "words": [b"w"] * (number % 3 + 2),
    }
    for number in range(COUNT)
]
RECORDS = [tfr.encode_example(example) for example in EXAMPLES]
FEATURES: dict[str, Any] = {
    "vector": tfr.FixedLenFeature([2], "float32"),
    "words": tfr.VarLenFeature(bytes),
    "number": tfr.FixedLenFeature([], "int64"),
}
SEQUENCE = tfr.encode_sequence_example({"number": 1}, {"list": [1]})
DAMAGED = RECORDS[0][:-1]


def as_lists(example: dict[str, Any]) -> dict[str, Any]:
    """Arrays with their dtype."""
    return {
        key: (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value for key, value in example.items()
    }


def decoded(found: Decoded) -> tuple[list[dict[str, Any]], tfr.TFRecordError | None]:
    examples, error = found
    return list(map(as_lists, examples)), error


def plainly(records: list[bytes], keys: set[str] | None = None) -> list[dict[str, Any]]:
    return [as_lists(tfr.decode_example(record, keys)) for record in records]


def test_records_of_one_layout_are_not_decoded_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, expected = ExampleDecoder(None), plainly(RECORDS)
    parsed = [tfr.parse_single_example(record, FEATURES)["words"].values.tolist() for record in RECORDS]
    monkeypatch.setattr(decode_examples, "decode_example", None)
    monkeypatch.setattr(decode_examples, "parse_single_example", None)
    monkeypatch.setattr(decode_examples, "check_no_sequence_examples", None)
    assert decoded(decoder.decode(Records.joined(RECORDS))) == (expected, None)
    assert decoded(NoSequenceDecoder(decoder).decode(Records.joined(RECORDS))) == (expected, None)
    examples, error = ParsedExampleDecoder(example_plan(FEATURES)).decode(Records.joined(RECORDS))
    assert error is None
    assert [example["words"].values.tolist() for example in examples] == parsed


@pytest.mark.parametrize(
    "keys",
    [{"none", "number"}, {"name"}, {"none"}, {"absent"}, set()],
    ids=lambda keys: "+".join(sorted(keys)) or "none at all",
)
def test_only_the_features_that_are_wanted_are_decoded(keys: set[str]) -> None:
    assert decoded(ExampleDecoder(keys).decode(Records.joined(RECORDS))) == (plainly(RECORDS, keys), None)


def test_features_that_are_not_wanted_need_not_be_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [tfr.encode_example({"a": number, "b": [[1], [0.5], [b""]][number % 3]}) for number in range(COUNT)]
    expected = plainly(records, {"a"})
    monkeypatch.setattr(decode_examples, "decode_example", None)
    assert decoded(ExampleDecoder({"a"}).decode(Records.joined(records))) == (expected, None)


@pytest.mark.parametrize("layouts", [1, 2, 3])
@pytest.mark.parametrize("others", [0, 1])
def test_records_of_several_layouts_are_examples_in_their_order(layouts: int, others: int) -> None:
    records = [tfr.encode_example({f"k{number % layouts}": number}) for number in range(12 * layouts)]
    records[5:5] = [b""] * others
    assert decoded(ExampleDecoder(None).decode(Records.joined(records))) == (plainly(records), None)


@pytest.mark.parametrize("number", [0, 3, COUNT])
def test_the_examples_before_a_record_that_is_an_error_are_given(number: int) -> None:
    records = [*RECORDS[:number], DAMAGED, *RECORDS[number:]]
    for decoder in (ExampleDecoder(None), NoSequenceDecoder(ExampleDecoder(None))):
        examples, error = decoded(decoder.decode(Records.joined(records)))
        assert examples == plainly(RECORDS[:number])
        assert isinstance(error, tfr.DecodeError)
        assert error.record_number == number
    parsed, error = ParsedExampleDecoder(example_plan(FEATURES)).decode(Records.joined(records))
    assert [int(example["number"]) for example in parsed] == list(range(number))
    assert isinstance(error, tfr.DecodeError)
    assert error.record_number == number


@pytest.mark.parametrize("number", [0, 3, COUNT])
def test_a_record_whose_columns_do_not_fit_each_other_is_an_error_behind_the_examples_before_it(number: int) -> None:
    features = {"r": tfr.RaggedFeature("int64", "v", [tfr.RaggedFeature.RowLengths("l")], "int64", True)}
    records = [tfr.encode_example({"v": [1, 2], "l": [1, 1]}) for _ in range(COUNT + 1)]
    records[number] = tfr.encode_example({"v": [1, 2], "l": [1, 2]})
    parsed, error = ParsedExampleDecoder(example_plan(features)).decode(Records.joined(records))
    assert [example["r"].to_list() for example in parsed] == [[[1], [2]]] * number
    assert isinstance(error, tfr.FeatureError)
    assert (error.key, error.record_number) == ("r", number)


def test_one_record_is_decoded_by_itself() -> None:
    for decoder in (ExampleDecoder({"number"}), NoSequenceDecoder(ExampleDecoder({"number"}))):
        assert decoded(decoder.decode_record(RECORDS[7])) == ([{"number": (np.int64, [7])}], None)
        examples, error = decoder.decode_record(DAMAGED)
        assert examples == []
        assert isinstance(error, tfr.DecodeError)
    ((example,), error) = ParsedExampleDecoder(example_plan(FEATURES)).decode_record(RECORDS[7])
    assert error is None
    assert list(example) == list(FEATURES)
    assert example["vector"].tolist() == [0.5, 7]


@pytest.mark.parametrize("number", [0, 3, COUNT])
def test_a_sequence_example_is_an_error_only_where_that_is_asked_for(number: int) -> None:
    # Two records are written in an unusual way, but hold no feature lists.
    usual = [*RECORDS, b"", RECORDS[0] + RECORDS[1]]
    records = [*usual[:number], SEQUENCE, *usual[number:]]
    assert decoded(ExampleDecoder(None).decode(Records.joined(records))) == (plainly(records), None)
    decoder = NoSequenceDecoder(ExampleDecoder(None))
    examples, error = decoded(decoder.decode(Records.joined(records)))
    assert examples == plainly(records[:number])
    assert isinstance(error, tfr.DecodeError)
    assert error.record_number == number
    assert "a SequenceExample" in str(error)
    nothing, error = decoder.decode_record(SEQUENCE)
    assert nothing == []
    assert "a SequenceExample" in str(error)
    assert decoded(decoder.decode(Records.joined(usual))) == (plainly(usual), None)


def test_an_error_before_a_sequence_example_is_the_first() -> None:
    unfit = tfr.encode_example({**EXAMPLES[0], "number": [1, 2]})
    decoder = NoSequenceDecoder(ParsedExampleDecoder(example_plan(FEATURES)))
    parsed, error = decoder.decode(Records.joined([RECORDS[0], RECORDS[1], unfit, *RECORDS[2:], SEQUENCE]))
    assert len(list(parsed)) == 2
    assert isinstance(error, tfr.FeatureError)
    assert (error.key, error.record_number) == ("number", 2)
