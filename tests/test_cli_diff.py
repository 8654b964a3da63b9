"""diff at the command line: a line for each record that is not the same, and the exit codes of cmp."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main


def write(path: Path, *records: Any) -> str:
    with tfr.TFRecordWriter(path) as writer:
        for record in records:
            if isinstance(record, bytes):
                writer.write(record)
            else:
                writer.write_example(record)
    return str(path)


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = main(["diff", *arguments])
    return code, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("a", "b", "line"),
    [
        ({"k": 1}, {"k": 2}, "! #0: k: 1 -> 2"),
        ({"k": 1}, {"k": 0.5}, "! #0: k: 1 -> 0.5 (int64 -> float32)"),
        ({"k": b"x"}, {"k": None}, '! #0: k: "x" -> no kind (bytes -> no kind)'),
        ({"k": 1, "j": 1}, {"k": 1}, "! #0: j: 1 -> missing"),
        ({"k": 1}, {"k": 1, "j\n": 1}, "! #0: j\\n: missing -> 1"),
        (b"\xff", b"\xfe", "! #0: other bytes, and not both are examples"),
        (b"", b"\n\x00", "! #0: the same features in other bytes"),
    ],
)
def test_a_changed_record_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], a: Any, b: Any, line: str
) -> None:
    assert lines(capsys, write(tmp_path / "a", a), write(tmp_path / "b", b)) == (1, [line])


def test_feature_lists_are_compared_step_by_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = tfr.encode_sequence_example({}, {"l": [np.array([1]), None]})
    b = tfr.encode_sequence_example({}, {"l": [np.array([1]), [b"x"]]})
    code, found = lines(capsys, write(tmp_path / "a", a), write(tmp_path / "b", b))
    assert (code, len(found)) == (1, 1)
    assert found[0].startswith("! #0: l: ")


def test_records_that_are_on_one_side_only_have_their_number_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write(tmp_path / "a", b"1", b"2", b"3"), write(tmp_path / "b", b"0", b"1", b"3")
    assert lines(capsys, a, b) == (1, ["+ #0", "- #1"])
    assert lines(capsys, a, a) == (0, [])
    code, found = lines(capsys, "--brief", a, b)
    assert (code, found) == (1, [f"{a} and {b} differ"])
    code, found = lines(capsys, "--json", a, b)
    assert [json.loads(line)["what"] for line in found] == ["added", "removed"]


def test_what_cannot_be_compared_is_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write(tmp_path / "a", b"1")
    assert main(["diff", "-", "-"]) == 2
    assert "standard input can be only one of both" in capsys.readouterr().err
    assert main(["diff", a, str(tmp_path / "missing")]) == 2
    assert "missing" in capsys.readouterr().err
