"""Where TensorFlow reads a serialized SequenceExample otherwise than protobuf does, and why.

Takes one record with feature lists; what protobuf reads is held against what TensorFlow reads
(`tensorflow_sequence_parser`), with the same rules as for Examples (`wire_rules`).

    sequence_problems   of a record that protobuf reads: of its context, and of its feature lists
    broken_lists        of a record of which it reads the context alone, as an Example
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.example import decode_sequence_example
from tfrecord_lite.format.feature_problems import HIDDEN, KINDS, kind_problem, misread_features, name_not_utf8, same
from tfrecord_lite.format.findings import Problem, Rule
from tfrecord_lite.format.tensorflow_parser import MayCrash, Refused
from tfrecord_lite.format.tensorflow_sequence_parser import (
    TYPES,
    context_value_in,
    sequence_entries_in,
    steps_in,
)
from tfrecord_lite.format.value_types import type_of
from tfrecord_lite.format.values import BYTES_LIST
from tfrecord_lite.format.wire_format import split_fields
from tfrecord_lite.format.wire_rules import (
    BROKEN_LISTS,
    BROKEN_MESSAGE,
    DUPLICATE_KEY,
    INCOMPLETE_ENTRY,
    KEY_NOT_UTF8,
    LOST_ENTRY,
    MISREAD,
    MIXED_STEPS,
    OVERLONG_TAG,
    REJECTS_SEQUENCE,
    UNKNOWN_FIELD,
    VALUE_FIRST,
)
from tfrecord_lite.format.written_entries import (
    FIELD_1,
    FIELD_2,
    WrittenEntry,
    has_overlong_tag,
    payloads,
    written_entries,
)

#: What lies in a SequenceExample under FIELD_1 and FIELD_2.
_PARTS = {FIELD_1: "the context", FIELD_2: "the feature lists"}

Written = dict[str, list[WrittenEntry]]


def sequence_problems(
    record: bytes, context: dict[str, Any], lists: dict[str, list[Any]]
) -> tuple[dict[str, Any] | None, list[Problem], list[Problem]]:
    """What TensorFlow makes of a record with feature lists.

    Args:
        record: what protobuf reads.
        context: {name: value} as protobuf reads it.
        lists: {name: one value a step}, the same.

    Returns:
        {name: value, or Refused} of the context as TensorFlow reads it, None when it refuses the record; problems of
        the context; problems of the feature lists.
    """
    seen = sequence_entries_in(record)
    written = {part: _by_key(record, part) for part in _PARTS}
    of_context, of_lists = ([*_entry_problems(record, part, written[part], seen is None)] for part in _PARTS)
    if seen is None:
        if any(tag & 7 in (3, 4) for tag, _, _ in split_fields(record, 0, len(record))):
            what = "the record holds a group, which no SequenceExample has"
            of_context.append(Problem(UNKNOWN_FIELD, None, what, REJECTS_SEQUENCE))
        unknown = [] if of_lists else [Problem(MISREAD, None, "it is written in an unusual way", REJECTS_SEQUENCE)]
        return None, of_context or unknown, of_lists
    theirs, their_lists = ({_text(key): value for key, value in part} for part in seen)
    values = {name: _context_value(name, feature) for name, feature in theirs.items()}
    has_hidden = has_overlong_tag(record, 0, len(record))
    of_context += _context_problems(record, context, values, written[FIELD_1], has_hidden)
    of_lists += _list_problems(record, lists, their_lists, written[FIELD_2], has_hidden)
    return values, of_context, of_lists


def broken_lists(record: bytes) -> list[Problem]:
    """What to say of a record that protobuf reads as an Example, if it refuses it as a SequenceExample."""
    try:
        decode_sequence_example(record)
    except DecodeError as error:
        reason = str(error)
    else:
        return []
    refusal = f"as a SequenceExample protobuf refuses the record: {reason}"
    seen = sequence_entries_in(record)
    if seen is None:
        doing = f"{REJECTS_SEQUENCE}; but as an Example, of which the field is none, it reads it"
        return [Problem(BROKEN_LISTS, None, refusal, doing)]
    name = name_not_utf8(key for key, _ in seen[1])
    if name is not None:
        what = f"the name of a feature list is not UTF-8: {name!r}; protobuf, and so everybody else, refuses it"
        return [Problem(KEY_NOT_UTF8, None, what, "takes the record, and no other reader does")]
    may_crash = any(isinstance(_reading(_text(key), steps, BYTES_LIST), MayCrash) for key, steps in seen[1])
    doing = "takes what it understands of it, or raises InvalidArgumentError" + ", or crashes" * may_crash
    return [Problem(BROKEN_MESSAGE, None, refusal, doing)]


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def _by_key(record: bytes, part: int) -> Written:
    written: Written = {}
    for entry in written_entries(record, part):
        written.setdefault(entry.key, []).append(entry)
    return written


def _entry_problems(record: bytes, part: int, written: Written, is_refused: bool) -> Iterator[Problem]:
    """What is wrong with the entries of the context or of the feature lists, whatever stands in them."""
    for key, entries in written.items():
        for entry in entries:
            if entry.is_lost:
                what = "its entry holds a field that no entry has, for which protobuf drops it"
                doing = REJECTS_SEQUENCE if is_refused else "does not see it either, without an error"
                yield Problem(LOST_ENTRY, key, what, doing)
            elif is_refused:
                yield from _rejections(record, entry)
    if not is_refused:
        return
    for start, end in payloads(record, 0, len(record), part):
        if has_overlong_tag(record, start, end):
            what = f"an entry of {_PARTS[part]} has a tag in more bytes than it needs"
            yield Problem(OVERLONG_TAG, None, what, REJECTS_SEQUENCE)
        if any(tag != FIELD_1 for tag, _, _ in split_fields(record, start, end)):
            what = f"beside the entries of {_PARTS[part]} stands a field that is none"
            yield Problem(UNKNOWN_FIELD, None, what, REJECTS_SEQUENCE)


def _rejections(record: bytes, entry: WrittenEntry) -> Iterator[Problem]:
    """For what TensorFlow refuses a record with that entry, if it does."""
    if entry.tags == [FIELD_2, FIELD_1]:
        what = "its entry holds the value before the key, which TensorFlow takes of an Example alone"
        yield Problem(VALUE_FIRST, entry.key, what, REJECTS_SEQUENCE)
    elif entry.tags != [FIELD_1, FIELD_2]:
        keys, values = entry.tags.count(FIELD_1), entry.tags.count(FIELD_2)
        yield Problem(INCOMPLETE_ENTRY, entry.key, f"its entry holds {keys} keys and {values} values", REJECTS_SEQUENCE)
    if has_overlong_tag(record, *entry.span):
        what = "its entry has a key or value behind a tag in more bytes than it needs"
        yield Problem(OVERLONG_TAG, entry.key, what, REJECTS_SEQUENCE)


def _context_value(name: str, feature: bytes) -> Any:
    try:
        return context_value_in(name, feature)
    except Refused as refused:
        return refused.with_traceback(None)


def _context_problems(
    record: bytes, ours: dict[str, Any], theirs: dict[str, Any], written: Written, has_hidden: bool
) -> Iterator[Problem]:
    yield from misread_features(record, ours, theirs, written, has_hidden)
    for name, entries in written.items():
        if len(entries) > 1 and not isinstance(theirs.get(name), Refused):
            what = f"the context has it {len(entries)} times"
            yield Problem(DUPLICATE_KEY, name, what, "takes the last one, as protobuf does")


def _list_problems(
    record: bytes, ours: dict[str, list[Any]], theirs: dict[str, bytes], written: Written, has_hidden: bool
) -> Iterator[Problem]:
    for name, steps in ours.items():
        entries = written[name]
        if name not in theirs:
            what = "the feature list stands behind a tag that is written in more bytes than it needs"
            yield Problem(
                OVERLONG_TAG, name, what, "does not see the feature list, without an error where it may be missing"
            )
            continue
        doing = _doing(steps, _readings(record, entries[-1], theirs[name]))
        if doing:
            found = list(_unusual_steps(record, entries[-1]))
            if len(_types(steps)) > 1:
                names = ", ".join(sorted(kind.values_name for kind in _types(steps)))
                found.append((MIXED_STEPS, f"the steps of the feature list are of different kinds: {names}"))
            if not found:
                found = [(OVERLONG_TAG, HIDDEN) if has_hidden else (MISREAD, "it is written in an unusual way")]
            for rule, what in found:
                yield Problem(rule, name, what, doing)
        if len(entries) > 1 and not doing.startswith("raises"):
            what = f"the record has the feature list {len(entries)} times"
            yield Problem(DUPLICATE_KEY, name, what, "takes the last one, as protobuf does")


def _types(steps: list[Any]) -> set[Any]:
    return {type_of(value) for value in steps if value is not None}


def _readings(record: bytes, entry: WrittenEntry, feature_list: bytes) -> dict[int, Any]:
    """{kind: steps, or Refused} of what TensorFlow reads, for each kind that may be asked for: those that are there."""
    steps = [step for value in entry.values for step in payloads(record, *value, FIELD_1)]
    kinds = {tag >> 3 for step in steps for tag, _, _ in split_fields(record, *step) if tag in KINDS}
    return {kind: _reading(entry.key, feature_list, kind) for kind in sorted(kinds or TYPES)}


def _reading(name: str, feature_list: bytes, kind: int) -> Any:
    try:
        return steps_in(name, feature_list, kind)
    except Refused as refused:
        return refused.with_traceback(None)


def _doing(ours: list[Any], readings: dict[int, Any]) -> str:
    """What TensorFlow does with a feature list, unless it is what protobuf does: then nothing."""
    types = _types(ours)
    meant = {kind: reading for kind, reading in readings.items() if not types or TYPES[kind] in types}
    if len(types) < 2 and all(_are_same(ours, reading) for reading in meant.values()):
        return ""
    consequences = {kind: _consequence(ours, reading) for kind, reading in {**meant, **readings}.items()}
    first = next(iter(consequences.values()))
    if all(isinstance(reading, Refused) for reading in readings.values()):
        return first + ", whatever kind is asked for" * (len(readings) > 1)
    if len(readings) == 1:
        return first
    return "; ".join(
        f"where {TYPES[kind].values_name} values are asked for, {what}" for kind, what in consequences.items()
    )


def _are_same(ours: list[Any], theirs: Any) -> bool:
    """Whether both read the same steps; one without a kind is an empty one."""
    if isinstance(theirs, Refused) or len(ours) != len(theirs):
        return False
    return all(
        not len(other) if value is None else same(value, other) for value, other in zip(ours, theirs, strict=True)
    )


def _consequence(ours: list[Any], theirs: Any) -> str:
    if isinstance(theirs, MayCrash):
        return f"may crash for a VarLenFeature, and for others raises InvalidArgumentError: {theirs}"
    if isinstance(theirs, Refused):
        return f"raises InvalidArgumentError: {theirs}"
    # What it does not take of a step it takes for steps.
    return f"reads {len(theirs)} steps instead of {len(ours)}, without an error"


def _unusual_steps(record: bytes, entry: WrittenEntry) -> Iterator[tuple[Rule, str]]:
    """In what a feature list is written in an unusual way, by rules."""
    found: dict[Rule, list[str]] = {}
    for start, end in entry.values:
        if has_overlong_tag(record, start, end):
            yield OVERLONG_TAG, "a step of the feature list has a tag in more bytes than it needs"
        if any(tag != FIELD_1 for tag, _, _ in split_fields(record, start, end)):
            yield UNKNOWN_FIELD, "the feature list holds a field that none has"
        for number, step in enumerate(payloads(record, start, end, FIELD_1)):
            if (problem := kind_problem(record, *step)) is not None:
                found.setdefault(problem[0], []).append(f"in step {number} of the feature list {problem[1]}")
    for rule, steps in found.items():
        yield rule, steps[0] + f"; and so in {len(steps) - 1} other steps" * (len(steps) > 1)
