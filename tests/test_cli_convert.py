"""convert at the command line: what is said of a schema that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main


@pytest.fixture
def path(tmp_path: Path) -> str:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        writer.write_example({"k": 1})
    return str(tmp_path / "a.tfrecord")


@pytest.mark.parametrize("data", [b"no json", b"\xff", b"[]", b'{"features": 3}'])
def test_what_is_no_schema_is_named(path: str, tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schema.json").write_bytes(data)
    out = str(tmp_path / "a.jsonl")
    assert main(["convert", path, out, "--schema", str(tmp_path / "schema.json")]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"tfrecord-lite: {tmp_path / 'schema.json'}: ")
    assert len(message.splitlines()) == 1
    assert not Path(out).exists()


def test_a_schema_that_is_not_there_is_named(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", path, str(tmp_path / "a.jsonl"), "--schema", str(tmp_path / "missing")]) == 1
    assert str(tmp_path / "missing") in capsys.readouterr().err


def test_a_schema_says_which_features_are_written(path: str, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"features": {"k": {"dtype": "int64", "shape": []}}}')
    assert main(["convert", path, str(tmp_path / "a.jsonl"), "--schema", str(schema), "--quiet"]) == 0
    assert (tmp_path / "a.jsonl").read_text() == '{"k": [1]}\n'
