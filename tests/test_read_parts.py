"""Parts of files: the records of each, as Arrow's batches and as Python values, with the place of every error."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.adapters import read_parts
from tfrecord_lite.adapters.read_parts import RECORD_TYPES, ReadPart, plan_parts, read_part, read_part_values

pa = pytest.importorskip("pyarrow")

from engine_values import REFUSED_PATHS, write_sequences  # noqa: E402

COUNT = 50
FEATURES = {"k": tfr.FixedLenFeature([], "int64")}


def record(number: int, record_type: str) -> bytes:
    if record_type == "SequenceExample":
        return tfr.encode_sequence_example({"k": number}, {"l": [number, number]})
    return tfr.encode_example({"k": number}) if record_type == "Example" else b"record %d" % number


def write(path: Path, records: list[bytes]) -> str:
    with tfr.TFRecordWriter(path, index=True) as writer:
        for each in records:
            writer.write(each)
    return str(path)


@pytest.fixture(params=["whole", "divided"])
def size(request: pytest.FixtureRequest) -> dict[str, int]:
    return {"max_bytes": 300} if request.param == "divided" else {}


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [each.tolist() for each in value] if isinstance(value, list) else getattr(value, "tolist", lambda: value)()


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_values_of_all_parts_are_those_of_the_file(tmp_path: Path, size: Any, record_type: str) -> None:
    records = [record(number, record_type) for number in range(COUNT)]
    parts = plan_parts(write(tmp_path / "a", records), **size)
    assert (len(parts) > 1) is bool(size)
    decode: Any = {"Example": tfr.decode_example, "SequenceExample": tfr.decode_sequence_example, "ByteArray": bytes}
    found = [value for part in parts for value in read_part_values(part, record_type=record_type)]
    assert list(map(plain, found)) == [plain(decode[record_type](each)) for each in records]


def test_values_may_be_parsed_by_features(tmp_path: Path, size: Any) -> None:
    path = write(tmp_path / "a", [record(number, "Example") for number in range(COUNT)])
    found = [value for part in plan_parts(path, **size) for value in read_part_values(part, FEATURES)]
    assert [int(value["k"]) for value in found] == list(range(COUNT))


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_batches_of_all_parts_are_those_of_the_file(tmp_path: Path, size: Any, record_type: str) -> None:
    path = write(tmp_path / "a", [record(number, record_type) for number in range(COUNT)])
    schema = tfr.infer_schema(path) if record_type != "ByteArray" else tfr.Schema([], 0)
    options: Any = {"record_type": record_type, "batch_size": 7}
    batches = [batch for part in plan_parts(path, **size) for batch in read_part(part, schema, **options)]
    assert max(batch.num_rows for batch in batches) <= 7
    rows = pa.Table.from_batches(batches).to_pylist()
    assert len(rows) == COUNT
    if record_type == "ByteArray":
        assert rows == [{"byteArray": b"record %d" % number} for number in range(COUNT)]
    else:
        assert [row["k"] for row in rows] == list(range(COUNT))


@pytest.mark.parametrize("record_type", ["Example", "SequenceExample"])
def test_a_record_that_is_none_is_named_by_its_number_in_the_file(tmp_path: Path, size: Any, record_type: str) -> None:
    records = [record(number, record_type) for number in range(COUNT)]
    schema = tfr.infer_schema(write(tmp_path / "sound", records))
    records[33] = b"\xff"
    path = write(tmp_path / "a", records)
    offset = sum(len(each) + 16 for each in records[:33])
    parts = plan_parts(path, **size)
    for read in (
        lambda part: read_part_values(part, record_type=record_type),
        lambda part: read_part(part, schema, record_type=record_type),
    ):
        with pytest.raises(tfr.DecodeError) as caught:
            list(chain.from_iterable(map(read, parts)))
        assert (caught.value.path, caught.value.record_number) == (path, 33)
        assert caught.value.offset in (offset, None)


def test_what_the_features_do_not_fit_is_named_by_its_number_in_the_file(tmp_path: Path, size: Any) -> None:
    records = [record(number, "Example") for number in range(COUNT)]
    records[33] = tfr.encode_example({"k": "text"})
    path = write(tmp_path / "a", records)
    parts = plan_parts(path, **size)
    with pytest.raises(tfr.FeatureError) as caught:
        list(chain.from_iterable(read_part_values(part, FEATURES) for part in parts))
    assert (caught.value.path, caught.value.record_number) == (path, 33)
    assert caught.value.offset == sum(len(each) + 16 for each in records[:33])


def test_a_sequence_example_is_no_example_whose_feature_lists_are_lost(tmp_path: Path, size: Any) -> None:
    problem = write_sequences(tmp_path / "a")
    parts = plan_parts(tmp_path / "a", **size)
    assert (len(parts) > 1) is bool(size)
    schema = tfr.Schema.from_json('{"features": {"id": {"dtype": "int64", "shape": []}}}')
    with pytest.raises(tfr.DecodeError, match=problem):
        list(chain.from_iterable(read_part(part, schema) for part in parts))
    for features in (None, {"id": tfr.FixedLenFeature([], "int64")}):
        values = chain.from_iterable(read_part_values(part, features) for part in parts)
        assert [next(values)["id"].item() for _ in range(60)] == list(range(60))
        with pytest.raises(tfr.DecodeError, match=problem):
            next(values)


def test_a_record_that_is_damaged_before_a_sequence_example_is_named_first(tmp_path: Path) -> None:
    records = [record(number, "Example") for number in range(COUNT)]
    records[20], records[33] = tfr.encode_example({"k": "text"}), record(33, "SequenceExample")
    (part,) = plan_parts(write(tmp_path / "a", records))
    with pytest.raises(tfr.FeatureError) as caught:
        list(read_part_values(part, FEATURES))
    assert caught.value.record_number == 20
    (part,) = plan_parts(write(tmp_path / "b", [record(0, "SequenceExample"), *records[1:]]))
    with pytest.raises(tfr.DecodeError) as other:
        list(read_part_values(part, FEATURES))
    assert (other.value.record_number, other.value.offset) == (0, 0)


def test_a_large_sequence_example_is_no_example_either(tmp_path: Path) -> None:
    large = tfr.encode_sequence_example({"k": 1}, {"l": [bytes(50 << 20)]})
    (part,) = plan_parts(write(tmp_path / "a", [record(0, "Example"), large]))
    with pytest.raises(tfr.DecodeError, match="a SequenceExample") as caught:
        list(read_part_values(part))
    assert caught.value.record_number == 1


@pytest.mark.parametrize(("paths", "error", "problem"), REFUSED_PATHS)
def test_paths_that_are_none_are_refused(paths: Any, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        plan_parts(paths)


def test_a_batch_holds_no_more_than_arrow_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_parts, "_BATCH_BYTES", 25)
    path = write(tmp_path / "a", [bytes(size) for size in (10, 10, 10, 30, 1, 1)])
    batches = list(read_part(ReadPart(path), tfr.Schema([], 0), record_type="ByteArray"))
    assert [batch.num_rows for batch in batches] == [2, 1, 1, 2]


def test_a_file_that_has_fewer_records_than_when_it_was_divided_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"x"] * 5)
    with pytest.raises(tfr.IndexMismatchError, match="the file has 5 records, and had 9"):
        list(read_part_values(ReadPart(path, 3, 9), record_type="ByteArray"))


def test_only_files_with_names_are_divided(tmp_path: Path) -> None:
    for source in ("-", (tmp_path / "a").open("wb")):
        with pytest.raises(TypeError, match="tasks read files with names"):
            plan_parts(source)
        if source != "-":
            source.close()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="max_bytes is 1 or more, not 0"):
        plan_parts(tmp_path, max_bytes=0)
    for wrong in ("x", 2.5, None, True):
        with pytest.raises(TypeError, match=r"^max_bytes: "):
            plan_parts(tmp_path, max_bytes=wrong)  # type: ignore[arg-type]


def test_urls_are_parts_as_they_are() -> None:
    pytest.importorskip("fsspec")
    with tfr.TFRecordWriter("memory://parts/a") as writer:
        writer.write(b"x")
    (part,) = plan_parts("memory://parts/a", max_bytes=1)
    assert part == ReadPart("memory://parts/a")
    assert list(read_part_values(part, record_type="ByteArray")) == [b"x"]


def test_arrays_are_the_callers_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [record(1, "Example")])
    (value,) = read_part_values(ReadPart(path, 0, 1))
    value["k"][0] = 7
    assert value["k"].dtype == np.int64


def test_a_table_of_records_names_the_one_that_is_no_message() -> None:
    records = [record(number, "Example") for number in range(COUNT)]
    schema = tfr.Schema.from_json('{"features": {"k": {"dtype": "int64", "shape": []}}}')
    for bad, kind in ((b"\xff", tfr.DecodeError), (tfr.encode_example({"k": "text"}), tfr.FeatureError)):
        with pytest.raises(kind) as caught:
            tfr.to_arrow([*records[:33], bad, *records[34:]], schema)
        assert caught.value.record_number == 33
