"""What a notebook shows of a Schema, a reader and a RecordSource."""

from pathlib import Path

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
