"""Fingerprints: what tells one state of a file from another, and what is kept of it beside an index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from damage import flip_bit
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.files.fingerprint import Companion, Fingerprint

END = 64 << 10
TEXT = b"0 17\n17 17\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").write_bytes(bytes(range(256)) * 1000)
    return tmp_path / "data"


def companion() -> Companion:
    return Companion.of(Fingerprint(34, "aa", "bb"), "GZIP", 2, TEXT)


@pytest.mark.parametrize(
    ("position", "difference"),
    [(0, "begins"), (END - 1, "begins"), (-1, "ends"), (-END, "ends")],
)
def test_a_change_at_either_end_is_seen(path: Path, position: int, difference: str) -> None:
    data, before = path.read_bytes(), Fingerprint.of(str(path))
    path.write_bytes(flip_bit(data, position))
    after = Fingerprint.of(str(path))
    assert before.difference(after) == f"that {difference} differently"
    assert after.difference(before) == f"that {difference} differently"


def test_a_change_in_the_middle_is_not_looked_for(path: Path) -> None:
    data, before = path.read_bytes(), Fingerprint.of(str(path))
    path.write_bytes(flip_bit(data, END))
    assert before.difference(Fingerprint.of(str(path))) is None


def test_another_size_is_named_before_anything_else(path: Path) -> None:
    before = Fingerprint.of(str(path))
    path.write_bytes(b"")
    assert before.difference(Fingerprint.of(str(path))) == "of 256000 bytes, this one has 0"


@pytest.mark.parametrize("size", [0, 1, END - 1, END, END + 1])
def test_files_of_any_size_have_one(tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(bytes(size))
    found = Fingerprint.of(str(tmp_path / "a"))
    assert found.file_size == size
    assert (found.head_sha256 == found.tail_sha256) is True  # of zeros
    (tmp_path / "b").write_bytes(bytes(size))
    assert found == Fingerprint.of(str(tmp_path / "b"))


def test_a_companion_comes_back_from_its_json() -> None:
    assert Companion.from_json(companion().to_json()) == companion()
    assert Companion.is_companion(companion().to_json())


def test_a_companion_fits_its_own_file_and_text() -> None:
    companion().check(Fingerprint(34, "aa", "bb"), TEXT, 2)


@pytest.mark.parametrize(
    ("fingerprint", "text", "records", "message"),
    [
        (Fingerprint(34, "aa", "bb"), b"0 18\n", 2, "not the index"),
        (Fingerprint(34, "aa", "bb"), TEXT, 3, "not the index"),
        (Fingerprint(33, "aa", "bb"), TEXT, 2, "made for a file of 34 bytes, this one has 33"),
        (Fingerprint(34, "ab", "bb"), TEXT, 2, "made for a file that begins differently"),
        (Fingerprint(34, "aa", "bc"), TEXT, 2, "made for a file that ends differently"),
    ],
)
def test_a_companion_says_what_does_not_fit(fingerprint: Fingerprint, text: bytes, records: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        companion().check(fingerprint, text, records)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "a version that is not known here, 2"),
        ({"version": "x" * 100}, "not known here, 'x{19}$"),
        ({"file_size": "34"}, "without file_size"),
        ({"file_size": True}, "without file_size"),
        ({"records": None}, "without records"),
        ({"head_sha256": 3}, "without head_sha256"),
        ({"compression_type": "LZMA"}, "compression that does not exist"),
        ({"format": "another"}, "not what is kept beside an index"),
    ],
    ids=str,
)
def test_json_that_says_something_else_is_refused(changes: dict[str, Any], message: str) -> None:
    facts = json.loads(companion().to_json()) | changes
    with pytest.raises(ValueError, match=message):
        Companion.from_json(json.dumps(facts).encode())


@given(st.binary(max_size=40) | st.sampled_from([b"[" * 100_000, b"[]", b"3", b'{"format": []}', b"\xff"]))
def test_other_bytes_are_no_companion(data: bytes) -> None:
    assert not Companion.is_companion(data)
    with pytest.raises(ValueError, match="not what is kept beside an index"):
        Companion.from_json(data)
