"""infer_schema over files: what it looks at, in which order, and where it says something is wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.infer import SchemaSketch

NO_EXAMPLE = b"\xff\xff"


def write(path: Path, records: list[bytes], options: str = "") -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


def examples(count: int, size: int = 0) -> list[bytes]:
    return [tfr.encode_example({"k": number, "text": b"x" * size}) for number in range(count)]


@pytest.mark.parametrize("size", [0, 300, 40_000], ids=["one block", "blocks", "records by themselves"])
def test_it_is_what_a_sketch_of_each_example_is(size: int, tmp_path: Path) -> None:
    count = 20_000 if size == 300 else 50
    records = [*examples(count, size), *examples(3)]
    write(tmp_path / "a", records[: count // 2])
    write(tmp_path / "b", records[count // 2 :], "GZIP")
    sketch = SchemaSketch()
    for record in records:
        sketch.add(tfr.decode_example(record))
    assert tfr.infer_schema([tmp_path / "a", tmp_path / "b"]) == sketch.schema()


@pytest.mark.parametrize("before", [0, 3, 30_000])
def test_a_record_that_is_no_example_is_named_with_its_place(before: int, tmp_path: Path) -> None:
    records = examples(before, 30)
    path = write(tmp_path / "b", [*records, NO_EXAMPLE, *examples(5)])
    with pytest.raises(tfr.DecodeError) as caught:
        tfr.infer_schema([write(tmp_path / "a", examples(2)), path])
    error = caught.value
    assert (error.path, error.record_number) == (str(path), before)
    assert error.offset == sum(len(record) + 16 for record in records)


@pytest.mark.parametrize("sample", [1, 4, 5])
def test_what_lies_behind_the_sample_is_not_decoded(sample: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a", [*examples(4), NO_EXAMPLE])
    if sample <= 4:
        assert tfr.infer_schema(path, sample=sample).records == sample
        return
    with pytest.raises(tfr.DecodeError) as caught:
        tfr.infer_schema(path, sample=sample)
    assert caught.value.record_number == 4


def test_files_that_have_no_share_are_not_opened(tmp_path: Path) -> None:
    class Untouched(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("this was not to be read")

        read1 = readinto = read  # type: ignore[assignment]

    last = io.BytesIO(write(tmp_path / "a", examples(3)).read_bytes())
    assert tfr.infer_schema([Untouched(), last], sample=1).records == 1


@pytest.mark.parametrize("sample", [0, -1])
def test_a_sample_has_a_record_at_least(sample: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"1 record or more, not {sample}"):
        tfr.infer_schema(write(tmp_path / "a", examples(1)), sample=sample)


def test_a_sample_is_a_whole_number(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        tfr.infer_schema(write(tmp_path / "a", examples(1)), sample=1.5)  # type: ignore[arg-type]


def test_of_sequence_examples_the_sample_counts_too(tmp_path: Path) -> None:
    records = [tfr.encode_sequence_example({"k": number}, {"steps": [[number]] * number}) for number in range(1, 5)]
    path = write(tmp_path / "a", [*records, tfr.encode_sequence_example({}, {"late": [[b"x"]]})])
    schema = tfr.infer_schema(path, sample=3)
    assert schema.records == 3
    assert list(schema) == ["k"]
    assert list(schema.feature_lists) == ["steps"]
    assert list(tfr.infer_schema(path).feature_lists) == ["late", "steps"]


def test_a_record_longer_than_allowed_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [*examples(2), bytes(500)])
    with pytest.raises(tfr.RecordTooLargeError) as caught:
        tfr.infer_schema(path, max_record_size=400)
    assert (caught.value.path, caught.value.record_number, caught.value.length) == (str(path), 2, 500)


def test_files_are_closed_when_the_sample_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tfr.TFRecordReader] = []
    from tfrecord_lite.files import records

    class Reader(tfr.TFRecordReader):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr(records, "TFRecordReader", Reader)
    paths = [write(tmp_path / name, examples(9)) for name in "ab"]
    assert tfr.infer_schema(paths, sample=4).records == 4
    assert len(opened) == 2
    assert all(each._stream.closed for each in opened)
