"""What protobuf's backend in Python makes of an Example or SequenceExample where it is at variance with upb.

It finds fields by the bytes of their tags, and looks at less in what it does not know. upb reads by the specification,
and so do we.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from odd_messages import field, varint

#: Message: {field number: message or kind of value}. A tag of any other number or wire type is of no known field.
FIELDS = {
    "Example": {1: "Features"},
    "SequenceExample": {1: "Features", 2: "FeatureLists"},
    "Features": {1: "Entry"},
    "FeatureLists": {1: "ListEntry"},
    "Entry": {1: "key", 2: "Feature"},
    "ListEntry": {1: "key", 2: "FeatureList"},
    "FeatureList": {1: "Feature"},
    "Feature": {1: "BytesList", 2: "FloatList", 3: "Int64List"},
    "BytesList": {1: "bytes"},
    "FloatList": {1: "floats"},
    "Int64List": {1: "ints"},
}
VARINT, FIXED64, DELIMITED, GROUP, END_GROUP, FIXED32 = range(6)
UNPACKED = {"ints": VARINT, "floats": FIXED32}

OVERLONG_TAG = "a tag with more bytes than it needs is of an unknown field"
LARGE_TAG = "a tag beyond 32 bits is of an unknown field, no damage"
UNKNOWN_IN_ENTRY = "an entry of a map with an unknown field is an entry"
OPEN_GROUP = "an unknown group may end with its message, if its last byte looks like its end"
FIELD_0 = "a field number 0 within an unknown group is no damage"
NOT_UTF_8 = "a key that is not UTF-8 is a UnicodeDecodeError, no DecodeError"
KINDS = {OVERLONG_TAG, LARGE_TAG, UNKNOWN_IN_ENTRY, OPEN_GROUP, FIELD_0, NOT_UTF_8}


def known_fields(data: bytes, message: str, notes: set[str]) -> bytes:
    """The fields of `message` that the backend in Python finds, and nothing else.

    What it does otherwise than upb is added to `notes`.

    Raises:
        DecodeError: the backend refuses the bytes.
    """
    out, at = b"", 0
    while at < len(data):
        begin = at
        tag, at, is_overlong = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise DecodeError
        kind = None if is_overlong or tag >> 32 else FIELDS[message].get(number)
        if kind is not None and wire_type == DELIMITED:
            size, at, _ = _varint(data, at)
            inside, at = data[at : at + size], at + size
            if at > len(data):
                raise DecodeError
            out += field(number, known_fields(inside, kind, notes) if kind in FIELDS else inside)
            if kind == "key" and not _is_utf_8(inside):
                notes.add(NOT_UTF_8)
                raise DecodeError
            _check_packed(inside, kind)
            continue
        at = _skip(data, at, number, wire_type, notes)
        if kind is not None and UNPACKED.get(kind) == wire_type:
            out += data[begin:at]
        elif is_overlong:
            notes.add(OVERLONG_TAG)
        elif tag >> 32:
            notes.add(LARGE_TAG)
        elif message in ("Entry", "ListEntry"):
            notes.add(UNKNOWN_IN_ENTRY)
    return out


def _check_packed(data: bytes, kind: str) -> None:
    at = 0
    while kind == "ints" and at < len(data):
        at = _varint(data, at)[1]
    if kind == "floats" and len(data) % 4:
        raise DecodeError


def _skip(data: bytes, at: int, number: int, wire_type: int, notes: set[str]) -> int:
    """The end of an unknown field, whose tag ends at `at`."""
    if wire_type == VARINT:
        at = _varint(data, at)[1]
    elif wire_type == FIXED64:
        at += 8
    elif wire_type == FIXED32:
        at += 4
    elif wire_type == DELIMITED:
        size, at, _ = _varint(data, at)
        at += size
    elif wire_type == GROUP:
        at = _skip_group(data, at, number, notes)
    else:
        raise DecodeError
    if at > len(data):
        raise DecodeError
    return at


def _skip_group(data: bytes, at: int, number: int, notes: set[str]) -> int:
    end_tag = varint(number << 3 | END_GROUP)
    is_open = True
    while at < len(data):
        tag, at, _ = _varint(data, at)
        if tag & 7 == END_GROUP:
            is_open = False
            break
        if tag >> 3 == 0:
            notes.add(FIELD_0)
        at = _skip(data, at, tag >> 3, tag & 7, notes)
    if not data[:at].endswith(end_tag):
        raise DecodeError
    if is_open:
        notes.add(OPEN_GROUP)
    return at


def _varint(data: bytes, at: int) -> tuple[int, int, bool]:
    """Its value, its end, and whether a shorter one says the same."""
    value = 0
    for count in range(10):
        if at + count >= len(data):
            raise DecodeError
        byte = data[at + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value, at + count + 1, count > 0 and byte == 0
    raise DecodeError


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
