"""One entry of the map of features, or of lists of features, decoded by protobuf's rules, however it is written.

    entry          1: key (UTF-8)   2: Feature or FeatureList
    Feature        1: BytesList  or  2: FloatList  or  3: Int64List
    FeatureList    1: Feature, once a step

Of two keys, or two kinds, in one entry the last one wins; repeated lists of one kind are joined; values may be packed,
unpacked or both. An entry that holds an unknown field is no feature: upb, in every version, keeps it among the unknown
fields. Raises DecodeError where protobuf rejects the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format import wire_format
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import FIXED32, LEN, MAX_DEPTH, VARINT, split_fields

_FIELD_1, _FIELD_2 = 1 << 3 | LEN, 2 << 3 | LEN
_LIST_TAGS = {_FIELD_1: BYTES_LIST, _FIELD_2: FLOAT_LIST, 3 << 3 | LEN: INT64_LIST}
#: The tag under which a list's values stand when they are not packed.
_UNPACKED_TAGS = {FLOAT_LIST: 1 << 3 | FIXED32, INT64_LIST: 1 << 3 | VARINT}
#: How many levels may open below Features and FeatureLists, which are one below the top.
_MAP_DEPTH = MAX_DEPTH - 1

#: Decodes the value of an entry: (data, spans of the value in it, levels that may still open) -> value.
DecodeValue = Callable[[bytes, "list[tuple[int, int]]", int], Any]


def entry_spans(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """The map entries in data[start:end], a Features or FeatureLists message."""
    return [(at, stop) for tag, at, stop in split_fields(data, start, end, _MAP_DEPTH) if tag == _FIELD_1]


def decode_entry(
    data: bytes, start: int, end: int, decode: DecodeValue, keys: Collection[str] | None
) -> tuple[str, Any] | tuple[()]:
    """(key, value) of one map entry; nothing if its key is not wanted, or it holds a field that protobuf does not know,
    for which protobuf drops it."""
    key, spans, is_known = "", [], True
    for tag, at, stop in split_fields(data, start, end, _MAP_DEPTH - 1):
        if tag == _FIELD_1:
            try:
                key = data[at:stop].decode("utf-8")
            except UnicodeDecodeError:
                raise DecodeError("the name of a feature is not UTF-8", at) from None
        elif tag == _FIELD_2:
            spans.append((at, stop))
        else:
            is_known = False
    if keys is not None and key not in keys:
        return ()
    value = decode(data, spans, _MAP_DEPTH - 2)
    return (key, value) if is_known else ()


def decode_feature_list(data: bytes, spans: list[tuple[int, int]], depth: int) -> list[Any]:
    return [
        decode_feature(data, [(at, stop)], depth - 1)
        for start, end in spans
        for tag, at, stop in split_fields(data, start, end, depth)
        if tag == _FIELD_1
    ]


def decode_feature(data: bytes, spans: list[tuple[int, int]], depth: int) -> Any:
    """The value of one Feature, whose bytes are those of `spans` joined (protobuf merges repeated messages)."""
    kind: int | None = None
    values: list[Any] = []
    for start, end in spans:
        for tag, list_start, list_end in split_fields(data, start, end, depth):
            if tag not in _LIST_TAGS:
                continue
            if kind != _LIST_TAGS[tag]:
                kind, values = _LIST_TAGS[tag], []
            values += _decode_list(data, list_start, list_end, kind, depth - 1)
    if kind is None or kind == BYTES_LIST:
        return None if kind is None else values
    if len(values) == 1:
        return values[0]
    return np.concatenate(values) if values else np.empty(0, np.float32 if kind == FLOAT_LIST else np.int64)


def _decode_list(data: bytes, start: int, end: int, kind: int, depth: int) -> list[Any]:
    """The values of a BytesList; of the other kinds, arrays to be joined, one for each chunk."""
    spans = split_fields(data, start, end, depth)
    if kind == BYTES_LIST:
        return [data[at:stop] for tag, at, stop in spans if tag == _FIELD_1]
    unpacked = _UNPACKED_TAGS[kind]
    decode = _decode_floats if kind == FLOAT_LIST else wire_format.decode_varints
    return [decode(data, at, stop) for tag, at, stop in spans if tag in (_FIELD_1, unpacked)]


def _decode_floats(data: bytes, start: int, end: int) -> NDArray[np.float32]:
    if (end - start) % 4:
        raise DecodeError("packed floats are not a multiple of 4 bytes long", start)
    # A copy: the array must neither be read-only nor keep the whole record alive.
    return np.frombuffer(data, "<f4", (end - start) // 4, start).astype(np.float32)
