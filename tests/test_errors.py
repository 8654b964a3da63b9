import pickle

import pytest

from tfrecord_lite import errors
from tfrecord_lite.errors import (
    CorruptRecordError,
    DecodeError,
    FeatureError,
    IndexMismatchError,
    ItemError,
    PublishedError,
    RecordTooLargeError,
    ShardError,
    TFRecordError,
    TruncatedRecordError,
    UncertainCommitError,
)

WHERE = "train-00003-of-00010: corrupted record #17 at offset 8192"
EXAMPLES = [
    (
        CorruptRecordError("data", 0x1C2D3E4F, 10),
        f"{WHERE}: data CRC-32C stored 0x1c2d3e4f, computed 0x0000000a",
    ),
    (
        CorruptRecordError("compression", reason="GZIP: incorrect data check"),
        f"{WHERE}: compression: GZIP: incorrect data check",
    ),
    (
        TruncatedRecordError(116, 20),
        "train-00003-of-00010: truncated record #17 at offset 8192: 116 bytes expected, 20 available",
    ),
    (
        TruncatedRecordError(None, None, "the GZIP stream ends before its trailer"),
        "train-00003-of-00010: truncated record #17 at offset 8192: the GZIP stream ends before its trailer",
    ),
    (
        RecordTooLargeError(5000, 1000),
        "train-00003-of-00010: record #17 at offset 8192 is 5000 bytes long, more than the limit of 1000",
    ),
    (
        DecodeError("a varint is too long", 7),
        "train-00003-of-00010: record #17 at offset 8192: not a valid message: a varint is too long at byte 7",
    ),
    (FeatureError("a set has no place in a feature", "a\x1bb"), None),
    (PublishedError("published"), "train-00003-of-00010: published"),
    (UncertainCommitError("perhaps published"), "train-00003-of-00010: perhaps published"),
    (IndexMismatchError("made for another file"), "train-00003-of-00010: made for another file"),
    (
        ShardError("3 bytes long, but 17 bytes were written"),
        "train-00003-of-00010: 3 bytes long, but 17 bytes were written",
    ),
    (ItemError(57, 58, "'a\x1b.png'", "KeyError: 'x'"), r"train-00003-of-00010: item #57 ('a\x1b.png'): KeyError: 'x'"),
    (
        ItemError(4, 8, "4", "a worker process died"),
        "train-00003-of-00010: one of the items #4 to #7 (the first is 4): a worker process died",
    ),
]


@pytest.mark.parametrize(("error", "text"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_error_says_where_and_survives_pickling(error: TFRecordError, text: str | None) -> None:
    error.path, error.record_number, error.offset = "train-00003-of-00010", 17, 8192
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
    if text is not None:
        assert str(error) == text


def test_repr_says_where() -> None:
    error = CorruptRecordError("data", 1, 2)
    assert repr(error) == "CorruptRecordError('data', 1, 2, '')"
    error.path, error.record_number, error.offset = "a\x1b", 0, 16
    text = r"CorruptRecordError('data', 1, 2, '', path='a\x1b', record_number=0, offset=16)"
    assert repr(error) == repr(pickle.loads(pickle.dumps(error))) == text
    mismatch = IndexMismatchError("made for another file")
    mismatch.path = "a"
    assert repr([mismatch]) == "[IndexMismatchError('made for another file', path='a')]"


def test_all_errors_are_one_tree_and_the_docstring_shows_it() -> None:
    tree = [value for value in vars(errors).values() if isinstance(value, type) and value is not errors.SkippedRegion]
    assert len(tree) == 11
    assert errors.__doc__ is not None
    for error in tree:
        assert issubclass(error, TFRecordError)
        assert error.__name__ in errors.__doc__
        assert error is TFRecordError or issubclass(error, (ValueError, EOFError))


def test_names_from_data_are_escaped() -> None:
    assert str(FeatureError("is missing", "a\x1b[2Jb\n")) == r"feature 'a\x1b[2Jb\n': is missing"
    error = TFRecordError("gone")
    error.path = "evil\r\n\udcff"
    assert str(error) == r"evil\r\n\udcff: gone"
