"""SequenceExamples as Arrow batches, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite import DecodeError, FeatureError
from tfrecord_lite.adapters.arrow_sequences import (
    sequence_schema_from_arrow,
    sequences_from_arrow,
    sequences_to_batch,
)
from tfrecord_lite.adapters.read_parts import plan_parts, read_part
from tfrecord_lite.adapters.write_job import WriteJob

pa = pytest.importorskip("pyarrow")

NO_BYTES = np.empty(0, object)
NO_INTS = np.empty(0, np.int64)
RECORDS = [
    tfr.encode_sequence_example(
        {"id": 1, "v": np.zeros(4, np.float32)}, {"w": ["a", "b"], "r": [NO_INTS, np.arange(2)]}
    ),
    tfr.encode_sequence_example({"id": 2}, {"w": [], "r": [None, np.arange(3)]}),
    tfr.encode_sequence_example({"id": 3}, {"w": [NO_BYTES, ["c", ""]]}),
    tfr.encode_sequence_example({}, {}),
]


def written(directory: Path, records: list[bytes]) -> Path:
    path = directory / "sequences"
    with tfr.TFRecordWriter(path, index=True) as writer:
        for record in records:
            writer.write(record)
    return path


def test_what_is_missing_and_what_is_empty_stay_apart(tmp_path: Path) -> None:
    schema = tfr.infer_schema(written(tmp_path, RECORDS))
    batch = sequences_to_batch(RECORDS, schema)
    batch.validate(full=True)
    assert batch["w"].to_pylist() == [[[b"a"], [b"b"]], [], [[], [b"c", b""]], None]
    assert batch["r"].to_pylist() == [[[], [0, 1]], [None, [0, 1, 2]], None, None]
    assert batch["id"].to_pylist() == [1, 2, 3, None]
    assert batch["v"].to_pylist() == [[0.0] * 4, None, None, None]
    assert batch.schema.field("r").type == pa.list_(pa.list_(pa.int64()))
    assert sequences_from_arrow(batch, schema) == RECORDS
    assert sequences_from_arrow(batch.slice(1, 2)) == RECORDS[1:3]  # what is missing stands in the fields' metadata


@pytest.mark.parametrize("names", [["id"], ["w"], []])
def test_only_some_columns_are_wanted(tmp_path: Path, names: list[str]) -> None:
    schema = tfr.infer_schema(written(tmp_path, RECORDS))
    features = [feature for name, feature in schema.items() if name in names]
    lists = [each for name, each in schema.feature_lists.items() if name in names]
    batch = sequences_to_batch(RECORDS, tfr.Schema(features, feature_lists=lists))
    assert batch.schema.names == names
    assert batch.num_rows == 4


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (tfr.encode_sequence_example({}, {"r": [[1], ["text"]]}), "feature 'r': is bytes, not int64"),
        (tfr.encode_sequence_example({"id": 0.5}, {}), "feature 'id': is float32, not int64"),
        (tfr.encode_sequence_example({"id": [1, 2]}, {}), "holds 2 values, not 1"),
    ],
)
def test_a_record_that_is_not_what_the_schema_says_is_named(tmp_path: Path, record: bytes, problem: str) -> None:
    path = written(tmp_path, [*RECORDS, record])
    schema = tfr.infer_schema(path, sample=4)
    (part,) = plan_parts(path)
    with pytest.raises(FeatureError, match=problem) as caught:
        list(read_part(part, schema, record_type="SequenceExample"))
    assert (caught.value.path, caught.value.record_number) == (str(path), 4)


def test_bytes_that_are_no_sequence_example_are_named(tmp_path: Path) -> None:
    schema = tfr.infer_schema(written(tmp_path, RECORDS))
    with pytest.raises(DecodeError) as caught:
        sequences_to_batch([*RECORDS, b"\x0a\xff"], schema)
    assert caught.value.record_number == 4


def test_a_name_of_both_a_feature_and_a_list_has_no_column() -> None:
    record = tfr.encode_sequence_example({"x": 1}, {"x": [1]})
    with pytest.raises(FeatureError, match="'x': a feature of the context and a feature list have the same name"):
        sequences_to_batch([record], schema_of_both())


def schema_of_both() -> Any:
    lists = sequence_schema_from_arrow(pa.schema({"x": pa.list_(pa.list_(pa.int64()))})).feature_lists
    return tfr.Schema(sequence_schema_from_arrow(pa.schema({"x": pa.int64()})).values(), feature_lists=lists.values())


@pytest.mark.parametrize(
    ("columns", "problem", "number"),
    [
        ({"x": pa.array([[[1]], [[2], [None]]])}, "a null inside a list", 1),
        ({"x": pa.array([[[[1]]]])}, "inside a list: a feature is a list of one level", None),
        ({"x": pa.array([[[1]], [], [[2**63]]], pa.list_(pa.list_(pa.uint64())))}, "is outside int64", 2),
    ],
)
def test_steps_without_a_place_are_refused(columns: Any, problem: str, number: int | None) -> None:
    with pytest.raises(FeatureError, match=problem) as caught:
        sequences_from_arrow(pa.RecordBatch.from_pydict(columns))
    assert caught.value.record_number == number


def test_steps_of_a_fixed_size_are_steps(tmp_path: Path) -> None:
    boxes = pa.array([[[0.5, 1.0]], None, []], pa.list_(pa.list_(pa.float32(), 2)))
    job = WriteJob.begin(tmp_path, record_type="SequenceExample")
    job.commit(job.write([pa.RecordBatch.from_pydict({"boxes": boxes, "id": [1, 2, 3]})]))
    found = [tfr.decode_sequence_example(record) for record in tfr.read_records(tmp_path)]
    assert [context["id"].item() for context, _ in found] == [1, 2, 3]
    assert [{name: np.array(steps).tolist() for name, steps in lists.items()} for _, lists in found] == [
        {"boxes": [[0.5, 1.0]]},
        {},
        {"boxes": []},
    ]
    schema = tfr.infer_schema(tmp_path)
    (part,) = plan_parts(tmp_path)
    (batch,) = read_part(part, schema, record_type="SequenceExample")
    assert batch["boxes"].to_pylist() == boxes.to_pylist()
