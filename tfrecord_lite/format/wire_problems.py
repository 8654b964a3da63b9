"""Where TensorFlow reads a serialized Example otherwise than protobuf does, and why.

Takes one record; what protobuf reads (`decode_example`) is held against what TensorFlow reads (`tensorflow_parser`).
Where they differ, the way in which the record is written says why:

    split-list         a list in several chunks, or packed and unpacked: TensorFlow reads the first chunk
    repeated-kind      the same kind twice in a Feature: the first
    two-kinds          two kinds in a Feature: the first, protobuf the last
    overlong-tag       a tag in more bytes than it needs: what it stands before is passed over, or the record refused
    unknown-field      a field that no Feature, list or Features has: refused
    incomplete-entry   an entry of the map without its key or its value, or with one of them twice: refused
    lost-entry         an entry with another field in it: refused; protobuf drops it
    duplicate-key      the same key twice: the last one counts, for both; if it has a kind
    key-not-utf8       protobuf refuses the record
    broken-message     protobuf refuses the record, TensorFlow takes what it understands of it
    not-an-example     both refuse the record
    misread            none of these, but they differ
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.canonical import sequence_in
from tfrecord_lite.format.example import decode_example
from tfrecord_lite.format.findings import ERROR, WARNING, Problem, Rule
from tfrecord_lite.format.tensorflow_parser import Refused, entries_in, values_in
from tfrecord_lite.format.value_types import type_of
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import FIXED32, LEN, VARINT, split_fields
from tfrecord_lite.format.written_entries import (
    FIELD_1,
    FIELD_2,
    WrittenEntry,
    has_overlong_tag,
    payloads,
    written_entries,
    written_entry,
)

_REWRITE = "write the example again in the canonical way (lint --fix OUT)"
_BY_HAND = "the record has to be written again from its source"

SPLIT_LIST = Rule("split-list", ERROR, _REWRITE, True)
REPEATED_KIND = Rule("repeated-kind", ERROR, _REWRITE, True)
TWO_KINDS = Rule("two-kinds", ERROR, f"{_REWRITE}, which keeps the last kind, or make up your mind", True)
OVERLONG_TAG = Rule("overlong-tag", ERROR, _REWRITE, True)
UNKNOWN_FIELD = Rule("unknown-field", ERROR, f"{_REWRITE}, which drops the field", True)
INCOMPLETE_ENTRY = Rule("incomplete-entry", ERROR, _REWRITE, True)
LOST_ENTRY = Rule("lost-entry", ERROR, _BY_HAND)
DUPLICATE_KEY = Rule("duplicate-key", WARNING, f"{_REWRITE}, which keeps the last one, or give them two names", True)
KEY_NOT_UTF8 = Rule("key-not-utf8", ERROR, f"{_BY_HAND}, with another name for the feature")
BROKEN_MESSAGE = Rule("broken-message", ERROR, _BY_HAND)
NOT_AN_EXAMPLE = Rule("not-an-example", ERROR, "leave the record out, or do not parse these files as Examples")
MISREAD = Rule("misread", ERROR, _REWRITE, True)

#: What TensorFlow says of a record that its parser does not take.
REJECTS = "raises InvalidArgumentError: Could not parse example input"

_HIDDEN = "it stands behind a tag that is written in more bytes than it needs"

_KINDS = {BYTES_LIST << 3 | LEN: "bytes_list", FLOAT_LIST << 3 | LEN: "float_list", INT64_LIST << 3 | LEN: "int64_list"}
_UNPACKED = {FLOAT_LIST << 3 | LEN: 1 << 3 | FIXED32, INT64_LIST << 3 | LEN: 1 << 3 | VARINT}


class Readings(NamedTuple):
    """What the two make of a record.

    Attributes:
        example: {name: value} as protobuf reads it; None when it refuses.
        tensorflow: {name: value, or Refused} as TensorFlow reads it, without names that are not UTF-8; None when it
            refuses.
        problems: where they differ, or what is lost in both.
        overridden: {name: value, or Refused} of the last entry with a kind, where a later one has none: for a
            FixedLenFeature, and in parse_single_example for any, TensorFlow takes it.
    """

    example: dict[str, Any] | None
    tensorflow: dict[str, Any] | None
    problems: list[Problem]
    overridden: dict[str, Any]


def read_both(record: bytes) -> Readings:
    """What protobuf and TensorFlow make of a record."""
    entries = entries_in(record)
    theirs = None if entries is None else values_in(entries)
    try:
        ours = decode_example(record)
    except DecodeError as error:
        if entries is None:
            problem = Problem(NOT_AN_EXAMPLE, None, f"protobuf refuses the record: {error}", REJECTS)
            return Readings(None, None, [problem], {})
        return _refused(entries, error)
    if theirs is not None and len(entries or ()) == len(ours) and _is_plain(record) and _are_same(ours, theirs):
        return Readings(ours, theirs, [], {})  # each entry once, for both: no need to look for a reason
    overridden = _overridden(entries or [])
    return Readings(ours, theirs, list(_problems(record, ours, theirs, overridden)), overridden)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two values of a feature are the same, to the bit."""
    if ours is None or theirs is None or isinstance(theirs, Refused):
        return ours is theirs
    if isinstance(ours, list) or isinstance(theirs, list):
        return bool(type(ours) is type(theirs) and ours == theirs)
    return bool(ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes())


def _are_same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether both read the same features."""
    return ours.keys() == theirs.keys() and all(same(value, theirs[name]) for name, value in ours.items())


def _is_plain(record: bytes) -> bool:
    """Whether a record is one Features message and nothing else, behind a tag of one byte."""
    return record[:1] == bytes((FIELD_1,)) and len(split_fields(record, 0, len(record))) == 1


def _refused(entries: list[tuple[bytes, bytes]], error: DecodeError) -> Readings:
    """What to say of a record that protobuf refuses, and TensorFlow takes."""
    odd = next((key for key, _ in entries if not _is_utf8(key)), None)
    if odd is None:
        what, doing = f"protobuf refuses the record: {error}", "takes what it understands of it"
        problem = Problem(BROKEN_MESSAGE, None, what, doing)
    else:
        name = odd.decode("utf-8", "backslashreplace")
        what = f"the name of a feature is not UTF-8: {name!r}; protobuf, and so everybody else, refuses the record"
        problem = Problem(KEY_NOT_UTF8, None, what, "takes such names, and no other reader does")
    named = [entry for entry in entries if _is_utf8(entry[0])]  # no others can be asked for
    theirs, overridden = values_in(named), _overridden(named)
    return Readings(None, theirs, [problem, *_unread(theirs, overridden)], overridden)


def _is_utf8(key: bytes) -> bool:
    try:
        key.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unread(tensorflow: dict[str, Any], overridden: dict[str, Any]) -> Iterator[Problem]:
    """What to say of the features of such a record that TensorFlow refuses if they are asked for."""
    for name, value in {**tensorflow, **overridden}.items():
        if isinstance(value, Refused):
            yield Problem(BROKEN_MESSAGE, name, "it is not written as TensorFlow reads it", _consequence(None, value))


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
        has_hidden = has_overlong_tag(record, 0, len(record))
        for name, value in ours.items():
            if name not in theirs:
                if value is not None:  # without a kind it is as good as missing
                    yield Problem(OVERLONG_TAG, name, _HIDDEN, "does not see the feature, without an error")
            elif not same(value, theirs[name]):
                yield _misread(record, name, written[name], value, theirs[name], has_hidden)
    for key, several in written.items():
        if len(several) > 1 and theirs is not None and not isinstance(theirs.get(key), Refused):
            doing = "takes the last one, as protobuf does"
            doing += _but_one_with_a_kind(overridden[key]) if key in overridden else ""
            yield Problem(DUPLICATE_KEY, key, f"the record has it {len(several)} times", doing)
    if sequence_in(record) is not None:
        yield from _step_problems(record)


def _but_one_with_a_kind(value: Any) -> str:
    """What else TensorFlow does with entries of one key, of which the last has no kind, another that value."""
    refusal = f", for which it {_consequence(None, value)}" if isinstance(value, Refused) else ""
    return f"; but for a FixedLenFeature, and in parse_single_example for any, the last one with a kind{refusal}"


def _step_problems(record: bytes) -> Iterator[Problem]:
    """What is unusual about the steps of feature lists, for which TensorFlow has another parser of the same kind."""
    doing = "raises InvalidArgumentError, or reads other than what is there without an error"
    for start, end in payloads(record, 0, len(record), FIELD_2):
        for at, stop in payloads(record, start, end, FIELD_1):
            entry = written_entry(record, at, stop)
            steps = [step for value in entry.values for step in payloads(record, *value, FIELD_1)]
            for number, step in enumerate(steps):
                if (found := _kind_problem(record, *step)) is not None:
                    yield Problem(found[0], entry.key, f"in step {number} of its list {found[1]}", doing)


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


def _misread(
    record: bytes, name: str, entries: list[WrittenEntry], ours: Any, theirs: Any, has_hidden: bool
) -> Problem:
    """Why TensorFlow reads a feature otherwise than protobuf does, or refuses it."""
    tensorflow = _consequence(ours, theirs)
    found = [_kind_problem(record, *span) for entry in entries for span in entry.values[-1:]]
    known = [problem for problem in found if problem is not None]
    if known and found[-1] is not None:
        rule, what = known[-1]
    elif known and isinstance(theirs, Refused):  # it glances at the others, too
        rule, what = known[-1][0], f"the record has it {len(entries)} times, and in one before the last {known[-1][1]}"
    elif has_hidden:
        rule, what = OVERLONG_TAG, _HIDDEN
    else:
        rule, what = MISREAD, "it is written in an unusual way"
    return Problem(rule, name, what, tensorflow)


def _kind_problem(record: bytes, start: int, end: int) -> tuple[Rule, str] | None:
    """What is unusual about a Feature."""
    fields = split_fields(record, start, end)
    if has_overlong_tag(record, start, end):
        return OVERLONG_TAG, "its kind has a tag in more bytes than it needs"
    kinds = [_KINDS[tag] for tag, _, _ in fields if tag in _KINDS]
    if any(tag not in _KINDS for tag, _, _ in fields):
        return UNKNOWN_FIELD, "it holds a field that no Feature has"
    if len(set(kinds)) > 1:
        return TWO_KINDS, f"it holds two kinds: {', '.join(kinds)}"
    for tag, list_start, list_end in fields:
        if (found := _list_problem(record, tag, list_start, list_end)) is not None:
            return found
    return (REPEATED_KIND, f"it holds {len(kinds)} lists of the kind {kinds[0]}") if len(kinds) > 1 else None


def _list_problem(record: bytes, kind: int, start: int, end: int) -> tuple[Rule, str] | None:
    """What is unusual about a list."""
    if has_overlong_tag(record, start, end):
        return OVERLONG_TAG, "its list has a tag in more bytes than it needs"
    tags = [tag for tag, _, _ in split_fields(record, start, end)]
    if set(tags) - {FIELD_1, _UNPACKED.get(kind)}:
        return UNKNOWN_FIELD, "its list holds a field that no list has"
    chunks = tags.count(FIELD_1)
    if kind in _UNPACKED and chunks and len(tags) > 1:
        loose = len(tags) - chunks
        return SPLIT_LIST, f"its list is in {chunks} packed chunks" + (f" and {loose} unpacked values" * bool(loose))
    return None


def _consequence(ours: Any, theirs: Any) -> str:
    """What it means that TensorFlow reads that instead."""
    if isinstance(theirs, Refused):
        return f"raises InvalidArgumentError: {theirs}"
    if theirs is None:
        return f"takes it for missing instead of {_described(ours)}, without an error"
    if ours is not None and type_of(ours) == type_of(theirs) and len(theirs) < len(ours):
        return f"reads {len(theirs)} of the {len(ours)} values, without an error"
    return f"reads {_described(theirs)} instead of {_described(ours)}, without an error"


def _described(value: Any) -> str:
    return "no value" if value is None else f"{len(value)} {type_of(value).values_name} values"
