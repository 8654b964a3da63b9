"""Records of many files by their numbers, decoded: as columns and one by one, with the place of what is wrong."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tracing import skip_unless_shrinking_is_traced

import tfrecord_lite as tfr
from tfrecord_lite.adapters import decoded_records
from tfrecord_lite.adapters.decoded_records import DecodedRecords

COUNT = 40
FEATURES: dict[str, Any] = {
    "k": tfr.FixedLenFeature([], "int64"),
    "b": tfr.VarLenFeature(bytes),
    "r": tfr.RaggedFeature("int64", "n", [], "int64"),
}


def example(number: int) -> dict[str, Any]:
    return {"k": number, "n": [number], "b": [b"x" * number, b"y"][: number % 3] or None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, numbers in (("a", range(25)), ("b", range(25, COUNT))):
        with tfr.TFRecordWriter(tmp_path / name) as writer:
            for number in numbers:
                writer.write_example(example(number))
    return tmp_path


@pytest.mark.parametrize("numbers", [[], [3], [39, 0, 25, 24], [5, 5], list(range(COUNT))], ids=str)
@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
def test_columns_and_examples_are_those_of_the_records(folder: Path, numbers: list[int], bytes_as: Any) -> None:
    records = pickle.loads(pickle.dumps(DecodedRecords(folder, FEATURES, bytes_as=bytes_as)))
    serialized = [tfr.encode_example(example(number)) for number in numbers]
    columns = records.columns(np.array(numbers, np.int64))
    assert columns["k"].tolist() == numbers
    assert columns["b"].values.tolist() == [value for number in numbers for value in example(number)["b"] or ()]
    assert columns["r"].to_list() == [[number] for number in numbers]
    found = records.examples(np.array(numbers, np.int64))
    for one, record in zip(found, serialized, strict=True):
        expected = tfr.parse_single_example(record, FEATURES)
        assert one["k"] == expected["k"]
        assert one["b"].values.tolist() == expected["b"].values.tolist()
        assert isinstance(one["b"].values, tfr.BytesArray) is (bytes_as == "blob")
        np.testing.assert_array_equal(one["r"], expected["r"])


def test_features_are_inferred_when_none_are_given(folder: Path, tmp_path: Path) -> None:
    records = DecodedRecords(folder)
    assert set(records.features) == {"k", "n", "b"}
    assert records.columns([7, 2])["k"].tolist() == [7, 2]
    (tmp_path / "empty").write_bytes(b"")
    assert DecodedRecords(tmp_path / "empty").columns([]) == {}


@pytest.mark.parametrize("kind", ["columns", "examples"])
def test_a_record_that_does_not_fit_is_named(tmp_path: Path, kind: str) -> None:
    partitioned = {"r": tfr.RaggedFeature("int64", "v", [tfr.RaggedFeature.RowLengths("p")], "int64", True)}
    for name, features, odd in (
        ("kind", FEATURES, {"k": "text"}),
        ("partitions", partitioned, {"v": [1, 2], "p": [5]}),
    ):
        with tfr.TFRecordWriter(tmp_path / name) as writer:
            for number in range(COUNT):
                writer.write_example(odd if number == 13 else {"k": number, "v": [1, 2], "p": [2]})
        records = DecodedRecords(tmp_path / name, features)
        read = getattr(records, kind)
        assert len(read([12, 14])) == (2 if kind == "examples" else len(features))
        with pytest.raises(tfr.FeatureError) as caught:
            read([1, 13, 12])
        assert (caught.value.path, caught.value.record_number) == (str(tmp_path / name), 13)
        assert caught.value.offset is not None


def test_a_number_that_no_record_has_is_an_index_error(folder: Path) -> None:
    records = DecodedRecords(folder, FEATURES)
    for read in (records.columns, records.examples):
        with pytest.raises(IndexError):
            read([COUNT])


def test_an_image_is_held_once_beside_the_portion_that_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_unless_shrinking_is_traced()
    portion, count = 1 << 20, 120
    monkeypatch.setattr(decoded_records, "_PORTION", portion)
    images = [np.random.default_rng(number).bytes(100_000 + number) for number in range(count)]
    with tfr.TFRecordWriter(tmp_path / "images") as writer:
        for image in images:
            writer.write_example({"image": image})
    features = {"image": tfr.FixedLenFeature([], bytes)}
    records = DecodedRecords(tmp_path / "images", features, bytes_as="blob")
    order = np.random.default_rng(0).permutation(count)
    tracemalloc.start()
    try:
        found = records.columns(order)["image"]
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.tolist() == [images[number] for number in order]
    assert kept < found.offsets[-1] + 100_000
    # A sixteenth more is asked for than is expected, and given back.
    assert peak < found.offsets[-1] * 17 / 16 + 1.5 * portion
