"""What a Lint says of itself while it goes through files, and what it writes; without TensorFlow."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import flip_bit

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.format.record_problems import RecordProblems

TWICE = tfr.encode_example({"k": 1}) + tfr.encode_example({"k": 2})
NO_EXAMPLE = b"\xff"


def usual(number: int, size: int = 0) -> bytes:
    return tfr.encode_example({"k": number, "text": b"x" * size})


def write(path: Path, records: list[bytes], options: str = "") -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


def places(findings: Any) -> list[tuple[str, int | None, int | None]]:
    return [(finding.rule, finding.record_number, finding.offset) for finding in findings]


def test_files_and_records_are_counted_as_they_are_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "a", [usual(1), TWICE])
    write(tmp_path / "b", [usual(1), usual(2), NO_EXAMPLE])
    with tfr.lint([tmp_path / "a", tmp_path / "b"]) as findings:
        assert findings.as_dict() == {"files": 0, "records": 0, "rewritten": 0, "written": []}
        assert next(findings).rule == "duplicate-key"
        assert (findings.files, findings.records) == (1, 2)
        assert next(findings).rule == "not-an-example"
        assert (findings.files, findings.records) == (2, 5)
        assert next(findings, None) is None
    assert findings.as_dict() == {"files": 2, "records": 5, "rewritten": 0, "written": []}


@pytest.mark.parametrize("size", [0, 50, 300_000], ids=["small", "blocks", "by themselves"])
def test_a_finding_has_the_place_of_its_record_wherever_it_lies(size: int, tmp_path: Path) -> None:
    count = 60_000 if size == 50 else 20
    records = [usual(number, size) for number in range(count)]
    wrong = [0, 7, count - 1]
    for number in wrong:
        records[number] += usual(number)
    offsets = np.cumsum([0, *(len(record) + 16 for record in records)])
    found = places(tfr.lint(write(tmp_path / "a", records)))
    # Each has two names, and both of them twice.
    assert sorted(set(found)) == [("duplicate-key", number, int(offsets[number])) for number in wrong]


def test_records_that_are_fixed_are_canonical_and_all_others_the_frames_they_were(tmp_path: Path) -> None:
    records = [usual(0), TWICE, usual(1), NO_EXAMPLE, TWICE, TWICE, usual(2, 100_000), usual(3)]
    path = write(tmp_path / "a", records)
    with tfr.lint(path, fix=tmp_path / "b") as findings:
        rules = [finding.rule for finding in findings]
    assert rules == ["duplicate-key", "not-an-example", "duplicate-key", "duplicate-key"]
    fixed = [tfr.encode_example({"k": 2}) if record is TWICE else record for record in records]
    assert (tmp_path / "b").read_bytes() == write(tmp_path / "c", fixed).read_bytes()
    assert findings.rewritten == 3
    (file,) = findings.written
    assert (file.path, file.records, file.size) == (str(tmp_path / "b"), 8, os.path.getsize(tmp_path / "b"))
    assert places(tfr.lint(tmp_path / "b")) == [("not-an-example", 3, sum(len(record) + 16 for record in fixed[:3]))]


def test_what_is_damaged_stays_behind_and_records_behind_it_are_fixed(tmp_path: Path) -> None:
    records = [usual(0), TWICE, usual(1), TWICE, usual(2)]
    path = write(tmp_path / "a", records)
    at = sum(len(record) + 16 for record in records[:2]) + 14
    path.write_bytes(flip_bit(path.read_bytes(), at, 0))
    with tfr.lint(path, fix=tmp_path / "b") as findings:
        rules = [finding.rule for finding in findings]
    assert rules[0] == rules[-1] == "duplicate-key"
    assert len(rules) == 3
    whole = tfr.encode_example({"k": 2})
    assert list(tfr.read_records(tmp_path / "b")) == [usual(0), whole, whole, usual(2)]
    assert (findings.records, findings.rewritten) == (4, 2)


def test_outputs_are_compressed_as_the_files_were(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name, options in (("a", ""), ("b", "GZIP"), ("c", "ZLIB"), ("d", "GZIP")):
        write(tmp_path / name, [TWICE, usual(1)], options)
    with tfr.lint([tmp_path / name for name in "abcd"], fix=out) as findings:
        rules = [finding.rule for finding in findings]
    assert rules == ["duplicate-key"] * 4 + ["mixed-compression"]
    assert findings.compressions == {"": str(tmp_path / "a"), "GZIP": str(tmp_path / "b"), "ZLIB": str(tmp_path / "c")}
    for name, options in (("a", ""), ("b", "GZIP"), ("c", "ZLIB"), ("d", "GZIP")):
        with tfr.TFRecordReader(out / name) as reader:
            assert reader.compression_type == options
            assert list(reader) == [tfr.encode_example({"k": 2}), usual(1)]
    assert [file.path for file in findings.written] == [str(out / name) for name in "abcd"]


def test_files_that_were_finished_before_it_ended_early_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in "ab":
        write(tmp_path / name, [TWICE])
    with tfr.lint([tmp_path / "a", tmp_path / "b"], fix=out) as findings:
        next(findings)
        next(findings)
    assert os.listdir(out) == ["a"]
    assert [file.path for file in findings.written] == [str(out / "a")]
    assert next(findings, None) is None


@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_record_longer_than_allowed_is_damage_and_no_error(is_gzip: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "a", [usual(0), usual(1, 500)])
    if is_gzip:
        path.write_bytes(gzip.compress(path.read_bytes()))
    (finding,) = tfr.lint(path, max_record_size=400)
    assert (finding.record_number, finding.offset, finding.path) == (1, len(usual(0)) + 16, str(path))


def test_what_cannot_be_read_is_a_finding_of_its_file_and_the_next_is_looked_at(tmp_path: Path) -> None:
    good = write(tmp_path / "good", [TWICE])
    found = list(tfr.lint([tmp_path / "missing", good]))
    assert [(finding.rule, finding.path) for finding in found] == [
        ("unreadable", str(tmp_path / "missing")),
        ("duplicate-key", str(good)),
    ]


def test_features_that_no_record_has_and_that_nobody_asked_for_are_said_once(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, [usual(number) for number in range(5)]) for name in "ab"]
    features = {"k": tfr.FixedLenFeature([], np.int64), "never": tfr.VarLenFeature(bytes)}
    found = list(tfr.lint(paths, features))
    assert [(finding.feature, finding.path) for finding in found] == [("never", None), ("text", None)]


def test_without_a_record_nothing_is_said_of_features(tmp_path: Path) -> None:
    found = list(tfr.lint(write(tmp_path / "a", []), {"k": tfr.FixedLenFeature([], np.int64)}))
    assert [finding.rule for finding in found] == ["no-records"]


def test_names_that_are_asked_for_are_remembered_among_any_number_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfrecord_lite.files.kind_problems._MOST_NAMES", 10)
    records = [tfr.encode_example({f"name {number}": number}) for number in range(30)]
    path = write(tmp_path / "a", [*records, tfr.encode_example({"k": 1})])
    found = list(tfr.lint(path, {"k": tfr.VarLenFeature(np.int64)}))
    assert "k" not in [finding.feature for finding in found]
    assert 10 <= len(found) <= 31


def test_a_file_that_goes_while_it_is_looked_at_is_a_finding(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [usual(0), usual(1)])
    path.write_bytes(flip_bit(path.read_bytes(), 14, 0))
    good = write(tmp_path / "good", [TWICE])
    with tfr.lint([path, good]) as findings:
        assert next(findings).rule == "corrupted"
        path.unlink()  # what lies behind the damage was not looked at
        assert [(finding.rule, finding.path) for finding in findings] == [
            ("unreadable", str(path)),
            ("duplicate-key", str(good)),
        ]


def test_a_file_that_goes_while_it_is_mended_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [usual(0), usual(1)])
    path.write_bytes(flip_bit(path.read_bytes(), 14, 0))
    with tfr.lint(path, fix=tmp_path / "b") as findings:
        assert next(findings).rule == "corrupted"
        path.unlink()
        with pytest.raises(FileNotFoundError, match="a'"):
            next(findings)
    assert os.listdir(tmp_path) == []


def _becomes_another(path: Path) -> None:
    """Put a damaged file with an empty member in the place of one that is open."""
    path.unlink()
    path.write_bytes(gzip.compress(b"x" * 100) + gzip.compress(b"") + gzip.compress(b"x"))


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = write(tmp_path / "a", [TWICE])
    path.write_bytes(gzip.compress(path.read_bytes()) + gzip.compress(b""))
    return path


def test_a_file_that_is_damaged_when_its_members_are_looked_at_is_a_finding(tmp_path: Path, members: Path) -> None:
    good = write(tmp_path / "good", [TWICE])
    with tfr.lint([members, good]) as findings:
        assert next(findings).rule == "duplicate-key"
        _becomes_another(members)
        assert [(finding.rule, finding.path) for finding in findings] == [
            ("unreadable", str(members)),
            ("duplicate-key", str(good)),
            ("mixed-compression", None),
        ]


def test_a_file_that_becomes_damaged_while_it_is_mended_is_an_error_and_nothing_is_written(
    tmp_path: Path, members: Path
) -> None:
    with tfr.lint(members, fix=tmp_path / "b") as findings:
        assert next(findings).rule == "duplicate-key"
        _becomes_another(members)
        with pytest.raises(tfr.TruncatedRecordError, match="a: truncated record #0"):
            next(findings)
    assert os.listdir(tmp_path) == ["a"]


def test_the_command_tells_of_a_file_that_changes_without_a_traceback(
    tmp_path: Path, members: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    look_at = RecordProblems.look_at

    def look_and_change(self: Any, records: Any) -> Any:
        _becomes_another(members)
        return look_at(self, records)

    monkeypatch.setattr(RecordProblems, "look_at", look_and_change)
    assert main(["lint", str(members), "--fix", str(tmp_path / "b")]) == 2
    assert "a: truncated record #0 at offset 0" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["a"]


def test_a_stream_is_not_read_again_where_there_is_a_file_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "a", [usual(0), usual(1)]).read_bytes()
    (tmp_path / "-").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(data) + gzip.compress(b""))))
    assert [finding.rule for finding in tfr.lint("-")] == ["unknown-members"]
