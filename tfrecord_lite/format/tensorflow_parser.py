"""What TensorFlow's own parser makes of a serialized Example, right or wrong.

    record    --entries_in-->   [(key, Feature), ...]   None when it rejects the record
    Features of one key   --value_in-->   what the last one holds   raises Refused when TensorFlow raises
    entries   --values_in-->   {name: value, or Refused}

tf.io.parse_example does not use protobuf: it has a parser of its own, which takes short cuts. This is that parser
(tensorflow/core/util/example_proto_fast_parsing.cc, and protobuf's CodedInputStream, on which it stands), step by step,
with its short cuts: it looks only at the first field of a Feature and at the first chunk of a list, it knows tags of
one byte, and a length that goes beyond what is around it is taken to end there. It is for telling where TensorFlow
reads other than what is there; nothing here is to be used for reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.tensorflow_cursor import Cursor, Negative, Stopped, skip_field
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import FIXED32, LEN, VARINT, decode_varints

_FIELD_1, _FIELD_2 = 1 << 3 | LEN, 2 << 3 | LEN
_KINDS = {kind << 3 | LEN: kind for kind in (BYTES_LIST, FLOAT_LIST, INT64_LIST)}
_UNPACKED_FLOAT, _UNPACKED_INT64 = 1 << 3 | FIXED32, 1 << 3 | VARINT

_NOT_PARSED = "Can't parse serialized Example."


class Refused(Exception):
    """TensorFlow does not take a feature; the text is what it says."""


class MayCrash(Refused):
    """It raises, or writes beyond the end of its memory, from which the process dies."""


def entries_in(record: bytes) -> list[tuple[bytes, bytes]] | None:
    """(key, serialized Feature) of each entry that TensorFlow sees, in order; None when it rejects the record."""
    cursor = Cursor(record)
    entries: list[tuple[bytes, bytes]] = []
    try:
        while not cursor.is_at_limit():
            if cursor.takes(_FIELD_1):
                _features(cursor, entries)
            else:
                skip_field(cursor, cursor.tag())
    except Stopped:
        return None
    return entries


def value_in(features: Sequence[bytes]) -> Any:
    """list[bytes], float32 array, int64 array, or None for a feature without a kind, as TensorFlow reads it.

    Args:
        features: what stands under one key, at least one; the last one counts, but the others are glanced at.

    Raises:
        Refused: TensorFlow raises.
    """
    if any(feature and feature[0] not in _KINDS for feature in features):
        raise Refused("Unsupported datatype.")
    feature = features[-1]
    if not feature:
        return None
    cursor = Cursor(feature, 1)
    try:
        limit = cursor.enter(cursor.varint32())
        value = list_in(cursor, _KINDS[feature[0]])
        cursor.limit = limit
    except Negative:
        raise MayCrash(_NOT_PARSED) from None
    except Stopped:
        raise Refused(_NOT_PARSED) from None
    return value


def values_in(entries: Sequence[tuple[bytes, bytes]]) -> dict[str, Any]:
    """{name: value as `value_in` gives it, or the Refused that it raises} of what `entries_in` gives."""
    features: dict[str, list[bytes]] = {}
    for key, feature in entries:
        features.setdefault(key.decode("utf-8", "surrogateescape"), []).append(feature)
    values: dict[str, Any] = {}
    for name, written in features.items():
        try:
            values[name] = value_in(written)
        except Refused as refused:
            values[name] = refused.with_traceback(None)
    return values


def _features(cursor: Cursor, entries: list[tuple[bytes, bytes]]) -> None:
    limit = cursor.enter(cursor.varint32())
    while not cursor.is_at_limit():
        cursor.expect(_FIELD_1)
        entries.append(_entry(cursor))
    cursor.limit = limit


def _entry(cursor: Cursor) -> tuple[bytes, bytes]:
    limit = cursor.enter(cursor.varint32())
    key = feature = b""
    for _ in range(2):
        tag = cursor.tag()
        if tag == _FIELD_1:
            key = cursor.take(cursor.varint32())
        elif tag == _FIELD_2:
            feature = cursor.take(cursor.varint32())
        else:
            raise Stopped
    if not cursor.is_at_limit():
        raise Stopped
    cursor.limit = limit
    return key, feature


def list_in(cursor: Cursor, kind: int) -> Any:
    """The values of a list of that kind, up to the limit or, of numbers, to the end of the first packed chunk.

    Raises:
        Stopped: the parser gives up.
    """
    return _LISTS[kind](cursor)


def _bytes_list(cursor: Cursor) -> list[bytes]:
    values = []
    while not cursor.is_at_limit():
        cursor.expect(_FIELD_1)
        values.append(cursor.take(cursor.varint32()))
    return values


def _float_list(cursor: Cursor) -> Any:
    if cursor.is_at_limit():
        return np.empty(0, np.float32)
    if cursor.takes(_FIELD_1):
        return np.frombuffer(cursor.take(cursor.varint32() // 4 * 4), "<f4").astype(np.float32)
    values: list[bytes] = []
    while not cursor.is_at_limit():
        cursor.expect(_UNPACKED_FLOAT)
        values.append(cursor.take(4))
    return np.frombuffer(b"".join(values), "<f4").astype(np.float32)


def _int64_list(cursor: Cursor) -> Any:
    if cursor.takes(_FIELD_1):
        limit = cursor.enter(cursor.varint32())
        try:
            packed = decode_varints(cursor.data, cursor.at, cursor.limit)
        except DecodeError:
            raise Stopped from None
        cursor.at, cursor.limit = cursor.limit, limit
        return packed
    values: list[int] = []
    while not cursor.is_at_limit():
        cursor.expect(_UNPACKED_INT64)
        values.append(cursor.varint64())
    return np.array(values, np.uint64).view(np.int64)


_LISTS = {BYTES_LIST: _bytes_list, FLOAT_LIST: _float_list, INT64_LIST: _int64_list}
