"""What is said of one file, to people and programs."""

from __future__ import annotations

import errno
import os

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.look.file_facts import FileFacts, has_no_examples


def located(error: tfr.TFRecordError, path: str, number: int | None = None) -> tfr.TFRecordError:
    error.path, error.record_number = path, number
    return error


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (FileFacts("a"), "not looked at"),
        (FileFacts("a", is_complete=True), "all CRCs sound"),
        (FileFacts("a", records=1), "CRCs sound in the first 1 record; the rest was not looked at"),
        (FileFacts("a", records=1200), "CRCs sound in the first 1,200 records; the rest was not looked at"),
        (FileFacts("a", records=3, region_count=2, lost_bytes=1700), "damaged in 2 places, 1,700 bytes skipped"),
        (FileFacts("a", error=PermissionError(errno.EACCES, "Permission denied")), "Permission denied"),
        (FileFacts("a", error=OSError("odd")), "odd"),
        (FileFacts("a", error=located(tfr.ShardError("not the shard"), "a"), records=3), "not the shard"),
    ],
)
def test_its_state_is_what_is_known_of_its_crcs(facts: FileFacts, state: str) -> None:
    assert facts.state() == state
    assert facts.is_sound is (facts.error is None and not facts.region_count)


def test_damage_behind_sound_records_comes_then() -> None:
    damage = located(tfr.CorruptRecordError("data"), "a", 3)
    assert FileFacts("a", records=3, error=damage).state().startswith("then: corrupted record #3")
    assert FileFacts("a", error=damage).state().startswith("corrupted record #3")


@pytest.mark.parametrize(
    ("facts", "others"),
    [
        (FileFacts("a", records=5, examples=5), ""),
        (FileFacts("a", records=5, examples=4, not_examples=1), "1 of the 5 records is no Example"),
        (FileFacts("a", records=5, examples=3, not_examples=2), "2 of the 5 records are no Examples"),
        (FileFacts("a", records=5, not_examples=5), "none of the 5 records is an Example"),
        (FileFacts("a", records=9, not_examples=1), "none of the 1 record that were decoded is an Example"),
    ],
)
def test_records_that_are_no_examples_are_counted(facts: FileFacts, others: str) -> None:
    assert facts.others() == others
    assert has_no_examples([facts]) is (facts.not_examples > 0 and not facts.examples)
    assert not has_no_examples([facts, FileFacts("b", examples=1)])


@pytest.mark.parametrize(
    ("sequences", "text"),
    [
        (0, ""),
        (5, "holds SequenceExamples"),
        (2, "holds SequenceExamples and Examples, 2 of the one and 3 of the other"),
    ],
)
def test_sequence_examples_are_counted(sequences: int, text: str) -> None:
    assert FileFacts("a", examples=5, sequence_examples=sequences).sequences() == text


def test_errors_are_json() -> None:
    damage = located(tfr.CorruptRecordError("data"), "a", 3)
    assert FileFacts("a", error=damage).as_dict()["error"] == damage.as_dict()
    missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "a")
    assert FileFacts("a", error=missing).as_dict()["error"] == {
        "kind": "FileNotFoundError",
        "text": os.strerror(errno.ENOENT),
        "path": "a",
        "record_number": None,
        "offset": None,
    }
    assert FileFacts("a").as_dict()["error"] is None


def test_names_are_harmless() -> None:
    assert FileFacts("a\x1b").name == "a\\x1b"
    assert FileFacts(None).name == "<file object>"
