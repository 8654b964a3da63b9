"""One entry of the map of features, decoded at a glance when it is written as everybody writes it.

    0a K key   12 LENGTH   TAG LENGTH   0a LENGTH payload        K below 128, the three lengths end together

One kind, one packed chunk or one bytes value, nothing else: then each byte has only one meaning. Of any other entry
nothing is said; `format.example` decodes it by the rules.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import LEN, decode_varints

_FIELD_1, _FIELD_2 = 0x0A, 0x12
_BYTES_TAG, _FLOAT_TAG, _INT64_TAG = (kind << 3 | LEN for kind in (BYTES_LIST, FLOAT_LIST, INT64_LIST))
#: Below this a varint is one byte.
_ONE_BYTE = 0x80


def decode_usual_entry(
    data: bytes, start: int, end: int, keys: Collection[str] | None
) -> tuple[str, Any] | tuple[()] | None:
    """(name, list of bytes, float32 array or int64 array) of the entry data[start:end].

    None if it is unusual, () if it is not but its name is not among the `keys`, of which None is all.
    """
    try:
        name_size = data[start + 1]
        name_end = start + 2 + name_size
        if data[start] != _FIELD_1 or name_size >= _ONE_BYTE or data[name_end] != _FIELD_2:
            return None
        # Each of these ends where the entry does, so none of them goes beyond it.
        at = _payload(data, name_end + 1, end)
        tag = data[at]
        at = _payload(data, at + 1, end)
        if data[at] != _FIELD_1:
            return None
        at = _payload(data, at + 1, end)
        name = data[start + 2 : name_end].decode()
    except (IndexError, UnicodeDecodeError):
        return None
    if keys is not None and name not in keys:
        return ()
    if tag == _BYTES_TAG:
        return name, [data[at:end]]
    if tag == _INT64_TAG:
        if at + 1 == end and data[at] < _ONE_BYTE:
            return name, np.array((data[at],), np.int64)
        return name, decode_varints(data, at, end)
    if tag == _FLOAT_TAG and (end - at) % 4 == 0:
        # A copy: the array must neither be read-only nor keep the whole record alive.
        return name, np.frombuffer(data, "<f4", (end - at) // 4, at).astype(np.float32)
    return None


def _payload(data: bytes, at: int, end: int) -> int:
    """Where the payload begins whose length is written at `at`; raises IndexError if it does not end at `end`."""
    length = data[at]
    at += 1
    if length >= _ONE_BYTE:
        length &= 0x7F
        shift = 7
        while (octet := data[at]) >= _ONE_BYTE and shift < _LONGEST:
            length |= (octet & 0x7F) << shift
            shift += 7
            at += 1
        length |= octet << shift
        at += 1
    if at + length != end:
        raise IndexError
    return at


#: Bits of a length that are read here.
_LONGEST = 28
