"""What TensorFlow's own parser makes of a serialized SequenceExample, right or wrong.

    record           --sequence_entries_in-->   [(key, Feature), ...] and [(key, FeatureList), ...]; None: rejected
    Feature          --context_value_in-->      what it holds   raises Refused when TensorFlow raises
    FeatureList      --steps_in-->              what its steps hold, if one kind is asked for   the same

It stands in the same file as the one for Examples (see `tensorflow_parser`), and takes other short cuts: of an entry it
takes the key, then the value, and nothing else; of equal keys the last; and what a step holds behind its first list, or
first chunk, it takes for the step after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfrecord_lite.format.tensorflow_cursor import Cursor, Overrun, Stopped, skip_field
from tfrecord_lite.format.tensorflow_parser import MayCrash, Refused, list_in, value_in
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import LEN

#: The types of the kinds.
TYPES = {BYTES_LIST: STRING, FLOAT_LIST: FLOAT32, INT64_LIST: INT64}

Entries = list[tuple[bytes, bytes]]

_FIELD_1, _FIELD_2 = 1 << 3 | LEN, 2 << 3 | LEN
#: What a step without values holds.
_NOTHING: dict[int, Any] = {BYTES_LIST: [], FLOAT_LIST: np.empty(0, np.float32), INT64_LIST: np.empty(0, np.int64)}


def sequence_entries_in(record: bytes) -> tuple[Entries, Entries] | None:
    """The entries of context and feature lists that TensorFlow sees, in order; None when it rejects the record."""
    cursor = Cursor(record)
    context: Entries = []
    lists: Entries = []
    try:
        while not cursor.is_at_limit():
            if cursor.takes(_FIELD_1):
                context += _entries(cursor)
            elif cursor.takes(_FIELD_2):
                lists += _entries(cursor)
            else:
                skip_field(cursor, cursor.tag())
    except Stopped:
        return None
    return context, lists


def context_value_in(name: str, feature: bytes) -> Any:
    """list[bytes], float32 array, int64 array, or None for a feature without a kind, as TensorFlow reads it.

    Raises:
        Refused: TensorFlow raises.
    """
    try:
        return value_in([feature])
    except Refused:
        raise Refused(f"Context feature: {name}.  Data types don't match.") from None


def steps_in(name: str, feature_list: bytes, kind: int) -> list[Any]:
    """One list[bytes], float32 array or int64 array a step, as TensorFlow reads them for a VarLenFeature of that kind.

    Raises:
        Refused: TensorFlow raises.
    """
    cursor = Cursor(feature_list)
    steps: list[Any] = []
    is_overrun = False
    while not cursor.is_at_limit():
        try:
            cursor.expect(_FIELD_1)
            size = cursor.varint32()
        except Stopped:
            size = 1
        if size == 1:
            raise Refused(f"Error in sequence feature {name}")
        limit = cursor.enter(size)
        try:
            steps.append(_step(cursor, kind) if size else _NOTHING[kind])
        except Overrun:  # of bytes, which it learns when it has counted the values of all steps
            is_overrun = True
            steps.append(_NOTHING[kind])
            cursor.at = cursor.limit
        except Stopped:
            where = f"Feature list: {name}, Index: {len(steps)}"
            raise Refused(f"{where}.  Data types don't match. Expected type: {TYPES[kind].name}") from None
        cursor.limit = limit
    if is_overrun:
        raise MayCrash(f"Unexpected number of elements for feature {name}")
    return steps


def _entries(cursor: Cursor) -> Entries:
    """Those of Features or FeatureLists."""
    entries = []
    limit = cursor.enter(cursor.varint32())
    while not cursor.is_at_limit():
        cursor.expect(_FIELD_1)
        outer = cursor.enter(cursor.varint32())
        cursor.expect(_FIELD_1)
        key = cursor.take(cursor.varint32())
        cursor.expect(_FIELD_2)
        entries.append((key, cursor.take(cursor.varint32())))
        if not cursor.is_at_limit():
            raise Stopped
        cursor.limit = outer
    cursor.limit = limit
    return entries


def _step(cursor: Cursor, kind: int) -> Any:
    cursor.expect(kind << 3 | LEN)
    limit = cursor.enter(cursor.varint32())
    values = list_in(cursor, kind)
    cursor.limit = limit
    return values
