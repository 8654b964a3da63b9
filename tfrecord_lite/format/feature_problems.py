"""What is unusual about one Feature as it is written, and what comes of it in TensorFlow.

Feature                        --kind_problem-->   (rule, what is there)
values by protobuf, TensorFlow --misread_features--> problems
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfrecord_lite.format.findings import Problem, Rule
from tfrecord_lite.format.tensorflow_parser import MayCrash, Refused
from tfrecord_lite.format.value_types import type_of
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import FIXED32, LEN, VARINT, split_fields
from tfrecord_lite.format.wire_rules import MISREAD, OVERLONG_TAG, REPEATED_KIND, SPLIT_LIST, TWO_KINDS, UNKNOWN_FIELD
from tfrecord_lite.format.written_entries import FIELD_1, WrittenEntry, has_overlong_tag

HIDDEN = "it stands behind a tag that is written in more bytes than it needs"

#: Of the fields of a Feature that hold a list.
KINDS = {BYTES_LIST << 3 | LEN: "bytes_list", FLOAT_LIST << 3 | LEN: "float_list", INT64_LIST << 3 | LEN: "int64_list"}
_UNPACKED = {FLOAT_LIST << 3 | LEN: 1 << 3 | FIXED32, INT64_LIST << 3 | LEN: 1 << 3 | VARINT}


def name_not_utf8(keys: Iterable[bytes]) -> str | None:
    """The first of these names that is not UTF-8, with escapes for what is not."""
    for key in keys:
        try:
            key.decode("utf-8")
        except UnicodeDecodeError:
            return key.decode("utf-8", "backslashreplace")
    return None


def misread_features(
    record: bytes,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    written: Mapping[str, list[WrittenEntry]],
    has_hidden: bool,
) -> Iterator[Problem]:
    """Why TensorFlow reads features otherwise than protobuf does, of a record that it takes."""
    for name, value in ours.items():
        if name not in theirs:
            if value is not None:  # without a kind it is as good as missing
                yield Problem(OVERLONG_TAG, name, HIDDEN, "does not see the feature, without an error")
        elif not same(value, theirs[name]):
            yield _misread(record, name, written[name], value, theirs[name], has_hidden)


def _misread(
    record: bytes, name: str, entries: list[WrittenEntry], ours: Any, theirs: Any, has_hidden: bool
) -> Problem:
    """Why that is so of one of them, or TensorFlow refuses it."""
    tensorflow = consequence(ours, theirs)
    found = [kind_problem(record, *span) for entry in entries for span in entry.values[-1:]]
    known = [problem for problem in found if problem is not None]
    if known and found[-1] is not None:
        rule, what = known[-1]
    elif known and isinstance(theirs, Refused):  # it glances at the others, too
        rule, what = known[-1][0], f"the record has it {len(entries)} times, and in one before the last {known[-1][1]}"
    elif has_hidden:
        rule, what = OVERLONG_TAG, HIDDEN
    else:
        rule, what = MISREAD, "it is written in an unusual way"
    return Problem(rule, name, what, tensorflow)


def kind_problem(record: bytes, start: int, end: int) -> tuple[Rule, str] | None:
    """What is unusual about a Feature."""
    fields = split_fields(record, start, end)
    if has_overlong_tag(record, start, end):
        return OVERLONG_TAG, "its kind has a tag in more bytes than it needs"
    kinds = [KINDS[tag] for tag, _, _ in fields if tag in KINDS]
    if any(tag not in KINDS for tag, _, _ in fields):
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


def consequence(ours: Any, theirs: Any) -> str:
    """What it means that TensorFlow reads that instead."""
    if isinstance(theirs, MayCrash):
        return f"may crash, or raises InvalidArgumentError: {theirs}"
    if isinstance(theirs, Refused):
        return f"raises InvalidArgumentError: {theirs}"
    if theirs is None:
        return f"takes it for missing instead of {described(ours)}, without an error"
    if ours is not None and type_of(ours) == type_of(theirs) and len(theirs) < len(ours):
        return f"reads {len(theirs)} of the {len(ours)} values, without an error"
    return f"reads {described(theirs)} instead of {described(ours)}, without an error"


def described(value: Any) -> str:
    return "no value" if value is None else f"{len(value)} {type_of(value).values_name} values"


def same(ours: Any, theirs: Any) -> bool:
    """Whether two values of a feature are the same, to the bit."""
    if ours is None or theirs is None or isinstance(theirs, Refused):
        return ours is theirs
    if isinstance(ours, list) or isinstance(theirs, list):
        return bool(type(ours) is type(theirs) and ours == theirs)
    return bool(ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes())
