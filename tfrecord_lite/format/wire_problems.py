"""Where TensorFlow reads a serialized Example otherwise than protobuf does, and why.

Takes one record; what protobuf reads (`decode_example`) is held against what TensorFlow reads (`tensorflow_parser`).
Where they differ, the way in which the record is written says why (`wire_rules`).
A SequenceExample, which has feature lists beside its features, is read by another parser: see `sequence_problems`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.canonical import sequence_in
from tfrecord_lite.format.example import decode_example
from tfrecord_lite.format.feature_problems import consequence, misread_features, name_not_utf8, same
from tfrecord_lite.format.findings import Problem
from tfrecord_lite.format.sequence_problems import broken_lists, sequence_problems
from tfrecord_lite.format.tensorflow_parser import Refused, entries_in, values_in
from tfrecord_lite.format.tensorflow_sequence_parser import sequence_entries_in
from tfrecord_lite.format.wire_format import split_fields
from tfrecord_lite.format.wire_rules import (
    BROKEN_MESSAGE,
    DUPLICATE_KEY,
    INCOMPLETE_ENTRY,
    KEY_NOT_UTF8,
    LOST_ENTRY,
    MISREAD,
    NOT_AN_EXAMPLE,
    OVERLONG_TAG,
    REJECTS,
    UNKNOWN_FIELD,
)
from tfrecord_lite.format.written_entries import FIELD_1, FIELD_2, WrittenEntry, has_overlong_tag, written_entries


class Readings(NamedTuple):
    """What the two make of a record.

    Attributes:
        example: {name: value} as protobuf reads it; None when it refuses.
        tensorflow: {name: value, or Refused} as TensorFlow reads it, without names that are not UTF-8; None when it
            refuses.
        problems: where they differ, or what is lost in both.
        overridden: {name: value, or Refused} of the last entry with a kind, where a later one has none: for a
            FixedLenFeature, and in parse_single_example for any, TensorFlow takes it.
        list_problems: the same as `problems` of the feature lists, which are no features.
        lists: {name: steps} of its feature lists, as protobuf reads them, if it is a SequenceExample; what is said of
            features is about its context then. None if it is an Example.
    """

    example: dict[str, Any] | None
    tensorflow: dict[str, Any] | None
    problems: list[Problem]
    overridden: dict[str, Any]
    list_problems: list[Problem]
    lists: Mapping[str, list[Any]] | None = None


def read_both(record: bytes) -> Readings:
    """What protobuf and TensorFlow make of a record."""
    entries = entries_in(record)
    theirs = None if entries is None else values_in(entries)
    try:
        ours = decode_example(record)
    except DecodeError as error:
        if entries is None:
            problem = Problem(NOT_AN_EXAMPLE, None, f"protobuf refuses the record: {error}", REJECTS)
            return Readings(None, None, [problem], {}, [])
        return _refused(record, entries, error)
    if theirs is not None and len(entries or ()) == len(ours) and _is_plain(record) and _are_same(ours, theirs):
        return Readings(ours, theirs, [], {}, [])  # each entry once, for both: no need to look for a reason
    sequence = sequence_in(record)
    if sequence is not None:
        theirs, problems, list_problems = sequence_problems(record, *sequence)
        return Readings(ours, theirs, problems, {}, list_problems, sequence[1])
    overridden = _overridden(entries or [])
    problems = list(_problems(record, ours, theirs, overridden))
    return Readings(ours, theirs, problems, overridden, broken_lists(record))


def _are_same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether both read the same features."""
    return ours.keys() == theirs.keys() and all(same(value, theirs[name]) for name, value in ours.items())


def _is_plain(record: bytes) -> bool:
    """Whether a record is one Features message and nothing else, behind a tag of one byte."""
    return record[:1] == bytes((FIELD_1,)) and len(split_fields(record, 0, len(record))) == 1


def _refused(record: bytes, entries: list[tuple[bytes, bytes]], error: DecodeError) -> Readings:
    """What to say of a record that protobuf refuses, and TensorFlow takes."""
    odd = name_not_utf8(key for key, _ in entries)
    if odd is None:
        what, doing = f"protobuf refuses the record: {error}", "takes what it understands of it"
        if sequence_entries_in(record) is None:
            doing += "; parse_sequence_example raises InvalidArgumentError"
        problem = Problem(BROKEN_MESSAGE, None, what, doing)
    else:
        what = f"the name of a feature is not UTF-8: {odd!r}; protobuf, and so everybody else, refuses the record"
        problem = Problem(KEY_NOT_UTF8, None, what, "takes such names, and no other reader does")
    named = [entry for entry in entries if name_not_utf8([entry[0]]) is None]  # no others can be asked for
    theirs, overridden = values_in(named), _overridden(named)
    return Readings(None, theirs, [problem, *_unread(theirs, overridden)], overridden, [])


def _unread(tensorflow: dict[str, Any], overridden: dict[str, Any]) -> Iterator[Problem]:
    """What to say of the features of such a record that TensorFlow refuses if they are asked for."""
    for name, value in {**tensorflow, **overridden}.items():
        if isinstance(value, Refused):
            yield Problem(BROKEN_MESSAGE, name, "it is not written as TensorFlow reads it", consequence(None, value))


def _overridden(entries: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    last = dict(entries)
    return values_in([(key, feature) for key, feature in entries if feature and not last[key]])


def _problems(
    record: bytes, ours: dict[str, Any], theirs: dict[str, Any] | None, overridden: dict[str, Any]
) -> Iterator[Problem]:
    entries = list(written_entries(record))
    written: dict[str, list[WrittenEntry]] = {}
    for entry in entries:
        written.setdefault(entry.key, []).append(entry)
        if entry.is_lost:
            what = "its entry holds a field that no entry has, for which protobuf drops it"
            doing = REJECTS if theirs is None else "does not see it either, without an error"
            yield Problem(LOST_ENTRY, entry.key, what, doing)
    if theirs is None:
        yield from _rejections(record, entries)
    else:
        yield from misread_features(record, ours, theirs, written, has_overlong_tag(record, 0, len(record)))
    for key, several in written.items():
        if len(several) > 1 and theirs is not None and not isinstance(theirs.get(key), Refused):
            doing = "takes the last one, as protobuf does"
            doing += _but_one_with_a_kind(overridden[key]) if key in overridden else ""
            yield Problem(DUPLICATE_KEY, key, f"the record has it {len(several)} times", doing)


def _but_one_with_a_kind(value: Any) -> str:
    """What else TensorFlow does with entries of one key, of which the last has no kind, another that value."""
    refusal = f", for which it {consequence(None, value)}" if isinstance(value, Refused) else ""
    return f"; but for a FixedLenFeature, and in parse_single_example for any, the last one with a kind{refusal}"


def _rejections(record: bytes, entries: list[WrittenEntry]) -> Iterator[Problem]:
    """Why TensorFlow refuses a record that protobuf reads."""
    found = list(_known_rejections(record, entries))
    if not any(entry.is_lost for entry in entries):
        found = found or [Problem(MISREAD, None, "the record is written in an unusual way", REJECTS)]
    yield from found


def _known_rejections(record: bytes, entries: list[WrittenEntry]) -> Iterator[Problem]:
    for entry in entries:
        if not entry.is_lost and sorted(entry.tags) != [FIELD_1, FIELD_2]:
            keys, values = entry.tags.count(FIELD_1), entry.tags.count(FIELD_2)
            yield Problem(INCOMPLETE_ENTRY, entry.key, f"its entry holds {keys} keys and {values} values", REJECTS)
    top = split_fields(record, 0, len(record))
    if any(tag == FIELD_1 and has_overlong_tag(record, start, end) for tag, start, end in top):
        yield Problem(OVERLONG_TAG, None, "an entry has a tag in more bytes than it needs", REJECTS)
    features = [field for tag, start, end in top if tag == FIELD_1 for field in split_fields(record, start, end)]
    if any(tag != FIELD_1 for tag, _, _ in features) or any(tag & 7 in (3, 4) for tag, _, _ in top):
        yield Problem(UNKNOWN_FIELD, None, "the record holds a field that no Example has", REJECTS)
