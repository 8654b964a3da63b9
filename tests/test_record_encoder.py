"""Examples in Python become the records that the same values make as columns of Arrow, whichever engine has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.feature_schema import FeatureSchema

pa = pytest.importorskip("pyarrow")

from engine_values import NO_RECORDS, TABLE, as_rows  # noqa: E402

from tfrecord_lite.adapters.record_encoder import RecordEncoder  # noqa: E402
from tfrecord_lite.adapters.write_job import WriteJob  # noqa: E402


def encoded(examples: Iterable[Any], record_type: str = "Example", schema: Any = None) -> list[bytes]:
    encoder = RecordEncoder(record_type, schema)
    records = [record for example in examples for record in encoder.encode(example)]
    encoder.finish()
    return records


def test_a_table_and_its_rows_are_the_same_records(tmp_path: Any) -> None:
    job = WriteJob.begin(tmp_path)
    (info,) = job.write(TABLE.to_batches())
    assert encoded(as_rows()) == list(tfr.read_records(info.path))


@pytest.mark.parametrize("missing", ["absent", "kindless"])
def test_a_schema_says_what_is_missing_and_of_which_kind(tmp_path: Any, missing: str) -> None:
    schema = tfr.Schema([FeatureSchema(name, dtype, None, missing) for name, dtype in KINDS.items()])
    table = pa.table({"a": [None, [], [1]], "b": [[b"x", b""], None, []], "c": [1, 2, None], "more": [1, 2, 3]})
    job = WriteJob.begin(tmp_path, schema=schema)
    (info,) = job.write(table.to_batches())
    records = list(tfr.read_records(info.path))
    assert encoded(table.to_pylist(), schema=schema) == records
    assert tfr.decode_example(records[0]).get("a", "absent") == (None if missing == "kindless" else "absent")
    messages = [tfr.Example.FromString(tfr.encode_example({"a": np.empty(0, np.int64), "c": 2, "more": 2}))]
    assert encoded(messages, schema=schema) == encoded([{"a": [], "c": 2.0}], schema=schema)


KINDS = {"a": "float32", "b": "bytes", "c": "int64"}


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        ({"a": b"x"}, "is bytes, not float32"),
        ({"c": 1.5}, "is float32, and no whole number, instead of int64"),
        ({"b": 1}, "is int64, not bytes"),
        ({"c": [1, "x"]}, "a list mixes kinds"),
    ],
)
def test_what_a_schema_does_not_allow_is_an_error(example: dict[str, Any], problem: str) -> None:
    schema = tfr.Schema([FeatureSchema(name, dtype, None) for name, dtype in KINDS.items()])
    with pytest.raises(tfr.FeatureError, match=problem) as caught:
        encoded([{}, {}, example], schema=schema)
    assert caught.value.record_number == 2
    with pytest.raises(tfr.FeatureError, match="holds 1 values, not 2"):
        encoded([{"c": [1]}], schema=tfr.Schema([FeatureSchema("c", "int64", (2,))]))
    with pytest.raises(tfr.FeatureError, match="have no kind"):
        encoded([{"c": []}], schema=tfr.Schema([FeatureSchema("c", None, None)]))


def test_an_empty_list_is_of_the_kind_that_others_have() -> None:
    examples = [{"x": [], "y": 1}, {"y": 2, "x": [[], ()]}, {"y": 3}, {"x": [b"v"]}, {"x": range(0)}]
    records = list(map(tfr.decode_example, encoded(examples)))
    assert [record.get("x") for record in records] == [[], [], None, [b"v"], []]
    assert [record["y"].item() for record in records[:3]] == [1, 2, 3]
    kind = tfr.Example.FromString(encoded(examples)[0]).features.feature["x"].WhichOneof("kind")
    assert kind == "bytes_list"


def test_an_empty_list_that_nobody_knows_the_kind_of_is_named() -> None:
    with pytest.raises(tfr.FeatureError, match="'x': empty lists of no type have no kind: give a schema") as caught:
        encoded([{"y": 1}, {"x": []}, {"x": None}])
    assert caught.value.record_number == 1
    with pytest.raises(tfr.FeatureError, match=r"'x\[\]': empty lists of no type"):
        encoded([(None, {"x": [[], None]})], "SequenceExample")


def test_a_feature_is_of_one_kind() -> None:
    for others in ({"x": 0.5}, tfr.Example.FromString(tfr.encode_example({"x": 0.5})), {"x": tfr.float_feature(0.5)}):
        with pytest.raises(tfr.FeatureError, match="'x': is int64 in one block, and float32 in another") as caught:
            encoded([{"x": 1}, others])
        assert caught.value.record_number == 1
    steps = [({"x": 1}, {"x": [[0.5]]}), ({}, {"x": [["a"]]})]
    with pytest.raises(tfr.FeatureError, match=r"'x\[\]': is float32 in one block, and bytes"):
        encoded(steps, "SequenceExample")


def test_messages_are_stored_as_they_are() -> None:
    record = tfr.encode_example({"x": None, "y": 1})
    assert encoded([tfr.Example.FromString(record)]) == [record]
    assert encoded([{"x": tfr.Feature(), "y": tfr.int64_feature(1)}]) == [record]
    empty = tfr.encode_example({"x": np.empty(0, object)})
    assert encoded([{"x": tfr.BytesList()}]) == [empty]
    for wrong, problem in ((1, "not int"), (tfr.SequenceExample(), "SequenceExample is no Example")):
        with pytest.raises(TypeError, match=problem):
            encoded([wrong])


def test_nulls_of_sequences_are_those_of_arrow(tmp_path: Any) -> None:
    lists = pa.list_(pa.list_(pa.int64()))
    table = pa.table({"id": [1, None, 3], "x": pa.array([None, [[1], None, []], []], lists)})
    job = WriteJob.begin(tmp_path, record_type="SequenceExample")
    (info,) = job.write(table.to_batches())
    records = list(tfr.read_records(info.path))
    rows = [({"id": row["id"]}, {"x": row["x"]}) for row in table.to_pylist()]
    assert records == [
        tfr.encode_sequence_example({"id": 1}, {}),
        tfr.encode_sequence_example({}, {"x": [1, None, np.empty(0, np.int64)]}),
        tfr.encode_sequence_example({"id": 3}, {"x": []}),
    ]
    assert encoded(rows, "SequenceExample") == records
    assert encoded([(None, None)], "SequenceExample") == [tfr.encode_sequence_example(None, None)]
    with pytest.raises(tfr.FeatureError, match="this is one str"):
        encoded([({}, {"x": "text"})], "SequenceExample")


NO_PAIRS: tuple[Any, ...] = (
    1,
    {"id": 1},
    {"id": 1, "x": []},
    "ab",
    ({},),
    ({}, {}, {}),
    ({}, [("x", [1])]),
    (3, {}),
    tfr.SequenceExample(),
)


@pytest.mark.parametrize("item", NO_PAIRS, ids=repr)
def test_what_is_no_pair_of_mappings_is_no_sequence_example(item: Any) -> None:
    with pytest.raises(TypeError, match=r"a SequenceExample is a pair \(context, feature lists\) of mappings or None"):
        encoded([({}, {}), item], "SequenceExample")


def test_records_are_stored_as_they_are() -> None:
    given = [b"", b"any", bytearray(b"array"), memoryview(b"view"), np.bytes_(b"scalar")]
    records = encoded(given, "ByteArray")
    assert records == [b"", b"any", b"array", b"view", b"scalar"]
    assert {type(record) for record in records} == {bytes}


@pytest.mark.parametrize(("records", "problem"), NO_RECORDS)
def test_what_is_no_record_is_refused(records: list[Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        encoded(records, "ByteArray")
