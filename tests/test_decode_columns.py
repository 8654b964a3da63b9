"""Columns of records that have something wrong: the same as from `parse_example`, and which record it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frames
from odd_messages import field, varint

import tfrecord_lite as tfr
from tfrecord_lite.format import partitions
from tfrecord_lite.format.columns import encode
from tfrecord_lite.format.columns.decode import ColumnDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan

COUNT = 40


def int64s(*payloads: bytes) -> bytes:
    """A record whose feature k is a packed list of these varints."""
    feature = field(3, field(1, b"".join(payloads)))
    return field(1, field(1, field(1, b"k") + field(2, feature)))


def test_one_record_by_itself_is_no_column() -> None:
    with pytest.raises(tfr.FeatureError, match="decode_columns takes many records, not one"):
        tfr.decode_columns(tfr.encode_example({"k": 1}), {"k": tfr.FixedLenFeature([], "int64")})  # type: ignore[arg-type]


def test_no_records_are_columns_without_rows() -> None:
    features: dict[str, Any] = {"k": tfr.FixedLenFeature([2], "int64"), "v": tfr.VarLenFeature(bytes)}
    found, expected = tfr.decode_columns([], features), tfr.parse_example([], features)
    assert found["k"].shape == expected["k"].shape == (0, 2)
    assert found["v"].dense_shape.tolist() == expected["v"].dense_shape.tolist() == [0, 0]


def test_steps_that_are_not_whole_are_the_error_that_parse_example_raises() -> None:
    features = {"k": tfr.FixedLenSequenceFeature([2], "int64", allow_missing=True)}
    records = [tfr.encode_example({"k": [1, 2, 3]}) for _ in range(COUNT)]
    with pytest.raises(tfr.FeatureError) as expected:
        tfr.parse_example(records, features)
    with pytest.raises(tfr.FeatureError) as found:
        tfr.decode_columns(records, features)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("number", [0, 17, COUNT - 1])
def test_a_varint_of_eleven_bytes_among_lists_names_its_record(number: int) -> None:
    records = [int64s(*map(varint, range(count % 5))) for count in range(COUNT)]
    features = {"k": tfr.VarLenFeature("int64")}
    expected = tfr.parse_example(records, features)["k"]
    np.testing.assert_array_equal(tfr.decode_columns(records, features)["k"].values, expected.values)
    records[number] = int64s(varint(1), b"\x80" * 10 + b"\x00", varint(2))
    with pytest.raises(tfr.DecodeError) as plain:
        tfr.parse_example(records, features)
    with pytest.raises(tfr.DecodeError) as found:
        tfr.decode_columns(records, features)
    assert (found.value.record_number, str(found.value)) == (number, str(plain.value))


PARTITIONED = {"r": tfr.RaggedFeature("int64", "v", [tfr.RaggedFeature.ValueRowIds("p")], "int64", True)}


def test_rows_that_only_a_batch_together_has_too_many_of_are_no_records_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_MAX_EMPTY_ROWS", 10)
    record = tfr.encode_example({"v": [1], "p": [8]})
    (tmp_path / "a").write_bytes(frames([record] * COUNT))
    assert len(next(tfr.read_batches(tmp_path / "a", PARTITIONED, batch_size=1))["r"]) == 1
    with pytest.raises(tfr.FeatureError, match="row ids ask for 360 rows") as caught:
        next(tfr.read_batches(tmp_path / "a", PARTITIONED, batch_size=COUNT))
    assert caught.value.record_number is None


@pytest.mark.parametrize("number", [0, 17, COUNT - 1])
def test_partitions_that_do_not_fit_come_after_the_examples_before(tmp_path: Path, number: int) -> None:
    records = [tfr.encode_example({"v": [1, 2], "p": [0, 1]}) for _ in range(COUNT)]
    records[number] = tfr.encode_example({"v": [1, 2], "p": [1, 0]})
    (tmp_path / "a").write_bytes(frames(records))
    examples = tfr.read_examples(tmp_path / "a", PARTITIONED)
    assert [next(examples)["r"].to_list() for _ in range(number)] == [[[1], [2]]] * number
    with pytest.raises(tfr.FeatureError, match="row ids are not ascending") as caught:
        next(examples)
    assert caught.value.record_number == number


def test_columns_of_a_record_beyond_protobufs_limit_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"k": [b"x" * 10, b"x" * 100, b"x" * 20]}
    records = [tfr.encode_example({"k": value}) for value in columns["k"]]
    monkeypatch.setattr(encode, "MAX_MESSAGE_SIZE", len(records[1]))
    assert tfr.encode_columns(columns) == records
    monkeypatch.setattr(encode, "MAX_MESSAGE_SIZE", len(records[1]) - 1)
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        with pytest.raises(tfr.FeatureError, match=f"{len(records[1])} bytes are more than protobuf's limit"):
            writer.write_columns(columns)
        writer.write_columns({"k": columns["k"][:1]})
    assert list(tfr.read_records(tmp_path / "a")) == records[:1]


def test_a_feature_that_was_not_inferred_is_an_error_however_many_records_have_it() -> None:
    decoder = ColumnDecoder(example_plan({"k": tfr.FixedLenFeature([], "int64")}), names_all=True)
    usual = [tfr.encode_example({"k": number, "kindless": None}) for number in range(COUNT)]
    assert decoder.decode(Records.joined(usual)) is not None
    for records in ([tfr.encode_example({"k": 1, "late": 2})], [tfr.encode_example({"k": 1, "late": 2})] * COUNT):
        assert decoder.decode(Records.joined([*usual, *records])) is None
        with pytest.raises(
            tfr.FeatureError, match="not in the records from which the features were inferred"
        ) as caught:
            decoder.decode_plain([*usual, *records])
        assert caught.value.key == "late"


def test_a_record_that_is_an_error_only_when_it_is_parsed_singly_is_not_the_one() -> None:
    """Splits that do not begin with 0: in a batch TensorFlow, and so parse_example, take them."""
    partitions = [tfr.RaggedFeature.RowSplits("s")]
    features = {"r": tfr.RaggedFeature("int64", value_key="v", partitions=partitions, validate=True)}
    odd, bad = (tfr.encode_example({"v": [1, 2], "s": splits}) for splits in ([1, 2], [0, 5]))
    with pytest.raises(tfr.FeatureError):
        tfr.parse_single_example(odd, features)
    tfr.decode_columns([odd], features)
    with pytest.raises(tfr.FeatureError, match="do not form valid rows") as caught:
        tfr.decode_columns([odd, bad], features)
    assert caught.value.record_number == 1
