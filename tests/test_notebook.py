"""What a notebook shows of a Schema, a reader and a RecordSource."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / f"a{EVIL}.tfrecord"
    with tfr.TFRecordWriter(path, "GZIP") as writer:
        for number in range(3):
            writer.write_example({"label": number, EVIL: "x"})
    return path


def test_a_schema_is_a_table(path: Path) -> None:
    page = tfr.infer_schema(path)._repr_html_()
    assert page.startswith("<table><caption>Schema: 2 features, 3 records looked at</caption>")
    assert "<td>label</td><td>int64</td><td>[]</td>" in page
    assert EVIL not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_reader_says_where_it_is(path: Path) -> None:
    with tfr.TFRecordReader(path) as reader:
        next(reader)
        assert repr(reader) == f"<TFRecordReader: {path}, GZIP, 1 record read, next at offset {reader.offset}>"
        assert EVIL not in reader._repr_html_()
        assert next(reader)
    assert repr(reader).endswith(", closed>")
    assert "2 records read" in reader._repr_html_()


def test_a_source_lists_its_files(tmp_path: Path) -> None:
    for number in range(12):
        with tfr.TFRecordWriter(tmp_path / f"{number:02}{EVIL}") as writer:
            for _ in range(number):
                writer.write(b"")
    page = tfr.RecordSource(tmp_path)._repr_html_()
    assert "<caption>RecordSource: 12 files, 66 records; 2 more files are not shown</caption>" in page
    assert page.count("<tr>") == 11
    assert "<td>6</td><td>4</td>" in page  # the fifth file begins at number 6
    assert EVIL not in page


def test_what_reads_files_says_what_and_which(path: Path) -> None:
    features = {"label": tfr.FixedLenFeature([], np.int64), EVIL: tfr.VarLenFeature(bytes)}
    assert repr(tfr.read_records(path)) == f"<read_records: {path}>"
    assert repr(tfr.read_records([path, path, path])) == f"<read_records: {path} and 2 more paths>"
    assert repr(tfr.read_examples(path)) == f"<read_examples: {path}, all features>"
    assert repr(tfr.read_examples(path, keys=["label"])) == f"<read_examples: {path}, 1 feature: label>"
    assert repr(tfr.read_examples(path, features)) == f"<read_examples: {path}, 2 features: label, {EVIL}>"
    batches = tfr.read_batches(path, batch_size=2)
    assert repr(batches) == f"<read_batches: {path}, all features, batches of 2>"
    many = {f"f{n}\x1b": tfr.VarLenFeature(bytes) for n in range(12)}
    assert repr(tfr.read_batches(path, many)).endswith(
        "12 features: f0\\x1b, f1\\x1b, f2\\x1b, f3\\x1b, f4\\x1b, f5\\x1b, f6\\x1b, f7\\x1b, ..., batches of 1024>"
    )
    with path.open("rb") as file:
        assert repr(tfr.read_records(file)) == f"<read_records: {path}>"
    assert repr(tfr.read_records(io.BytesIO())) == "<read_records: <file object>>"
    for reading in (tfr.read_records(path), tfr.read_examples(path, features), tfr.read_batches(path, features)):
        page = reading._repr_html_()
        assert EVIL not in page
        assert page.startswith("<p><b>read_")
        assert "&lt;img src=x" in page


@pytest.mark.parametrize("read", [tfr.read_records, tfr.read_examples, tfr.read_batches])
def test_reading_is_an_iterator_that_can_be_closed(path: Path, read: Any) -> None:
    arguments = {"batch_size": 1} if read is tfr.read_batches else {}
    assert len(list(read(path, **arguments))) == 3
    reading = read(iter([path, path]), **arguments)
    assert iter(reading) is reading
    next(reading)
    repr(reading)  # reads nothing, and uses nothing up
    next(reading)
    reading.close()
    reading.close()
    assert list(reading) == []
