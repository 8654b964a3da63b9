"""The protobuf wire format: varints, tags and length-delimited fields.

A message is a sequence of fields, each a tag (field number << 3 | wire type) and a value:

    wire type   value                                                  here
    0           varint, up to 10 bytes, taken modulo 2^64              VARINT
    1           8 bytes                                                FIXED64
    2           length as a varint below 2^31, then that many bytes    LEN
    3 ... 4     fields up to the end-group tag of the same number      GROUP (unknown fields only)
    5           4 bytes, little-endian                                 FIXED32

Takes `bytes` and positions in them, returns positions and values, raises DecodeError. What is accepted is what
protobuf's upb accepts: tags and lengths in up to 5 bytes even when fewer would do, field numbers 1 to 2^29 - 1,
groups to a total depth of 100 (upb/wire/reader.h and decode.c). One exception: field number 0 inside an unknown
group, which protobuf 7.34 to 7.36 let pass and every version before them, and the specification, do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import DecodeError

VARINT, FIXED64, LEN, START_GROUP, END_GROUP, FIXED32 = range(6)

#: Sub-messages and groups may nest this deep, as in every protobuf implementation; it bounds the recursion.
MAX_DEPTH = 100
#: protobuf can neither write nor read a message of 2 GiB or more: lengths are signed 32-bit numbers.
MAX_MESSAGE_SIZE = 2**31 - 1

_ONE_BYTE = [bytes((byte,)) for byte in range(0x80)]
_MAX_TAG_BYTES = 5
_MAX_VARINT_BYTES = 10
_UINT64 = 0xFFFF_FFFF_FFFF_FFFF
_INT64_MAX = 0x7FFF_FFFF_FFFF_FFFF
#: Up to so many bytes or values a Python loop is done before numpy has begun.
_FEW = 40
_SEVEN = np.uint64(7)
_SHIFTS = np.arange(0, 7 * _MAX_VARINT_BYTES, 7, dtype=np.uint64)

Span = tuple[int, int, int]


def encode_varint(value: int) -> bytes:
    """The shortest varint of 0 <= value < 2^64."""
    if value < 0x80:
        return _ONE_BYTE[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_field(tag: int, payload: bytes | memoryview) -> bytes:
    """A length-delimited field whose tag fits one byte."""
    return b"".join((_ONE_BYTE[tag], encode_varint(len(payload)), payload))


def decode_varint(
    data: bytes | memoryview, position: int, end: int, max_bytes: int = _MAX_VARINT_BYTES
) -> tuple[int, int]:
    """(value modulo 2^64, position after it) of the varint at `position`, which must end before `end`."""
    if position < end and data[position] < 0x80:
        return data[position], position + 1
    value = shift = 0
    limit = min(end, position + max_bytes)
    for at in range(position, limit):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _UINT64, at + 1
        shift += 7
    raise DecodeError("the message ends inside a varint" if limit == end else "a varint is too long", position)


def split_fields(data: bytes, start: int, end: int, depth: int = MAX_DEPTH) -> list[Span]:
    """The fields of the message data[start:end] as (tag, value start, value end).

    For LEN fields the span is that of the payload, for VARINT that of the varint, for a group it ends after the end
    tag. `depth` is how many levels may still open below this message. Raises DecodeError when the message does not
    end exactly at `end`.
    """
    spans: list[Span] = []
    position = start
    while position < end:
        tag = data[position]
        at = position + 1
        if tag >= 0x80:
            tag, at = _decode_tag(data, position, end)
        wire_type = tag & 7
        if wire_type == LEN:
            if at < end and data[at] < 0x80:
                length = data[at]
                at += 1
            else:
                length, at = _decode_length(data, at, end)
            stop = at + length
        elif wire_type == VARINT:
            stop = decode_varint(data, at, end)[1]
        elif wire_type == FIXED32:
            stop = at + 4
        elif wire_type == FIXED64:
            stop = at + 8
        elif wire_type == START_GROUP:
            stop = _skip_group(data, at, end, tag, depth)
        else:
            raise DecodeError(f"wire type {wire_type} without meaning here", position)
        if stop > end:
            raise DecodeError("a field is longer than its message", position)
        if tag < 8:
            raise DecodeError("field number 0", position)
        spans.append((tag, at, stop))
        position = stop
    return spans


def _decode_tag(data: bytes, position: int, end: int) -> tuple[int, int]:
    tag, at = decode_varint(data, position, end, _MAX_TAG_BYTES)
    if tag > 0xFFFF_FFFF:
        raise DecodeError("a tag is too large", position)
    return tag, at


def _decode_length(data: bytes, position: int, end: int) -> tuple[int, int]:
    length, at = decode_varint(data, position, end, _MAX_TAG_BYTES)
    if length > MAX_MESSAGE_SIZE:
        raise DecodeError(f"a length of {length} bytes is more than protobuf allows", position)
    return length, at


def _skip_group(data: bytes, position: int, end: int, start_tag: int, depth: int) -> int:
    """The position after the end tag of the group that `start_tag` opened before `position`.

    An explicit stack: a hostile message must not exhaust Python's own.
    """
    open_groups = [start_tag]
    while open_groups:
        if len(open_groups) > depth:
            raise DecodeError(f"groups nest deeper than {MAX_DEPTH} levels", position)
        if position >= end:
            raise DecodeError("the message ends inside a group", position)
        tag, at = _decode_tag(data, position, end)
        wire_type = tag & 7
        if tag < 8:
            raise DecodeError("field number 0", position)
        if wire_type == END_GROUP:
            if tag >> 3 != open_groups.pop() >> 3:
                raise DecodeError("a group ends that was not open", position)
        elif wire_type == START_GROUP:
            open_groups.append(tag)
        else:
            at = _skip_value(data, at, end, wire_type)
        position = at
    return position


def _skip_value(data: bytes, position: int, end: int, wire_type: int) -> int:
    if wire_type == VARINT:
        return decode_varint(data, position, end)[1]
    if wire_type == LEN:
        length, at = _decode_length(data, position, end)
        stop = at + length
    elif wire_type in (FIXED32, FIXED64):
        stop = position + (4 if wire_type == FIXED32 else 8)
    else:
        raise DecodeError(f"wire type {wire_type} without meaning here", position)
    if stop > end:
        raise DecodeError("a field is longer than its message", position)
    return stop


def encode_varints(values: NDArray[np.int64]) -> bytes:
    """The varints of an int64 array, one after the other; negative numbers take 10 bytes."""
    if len(values) * 4 <= _FEW:
        return b"".join([encode_varint(value & _UINT64) for value in values.tolist()])
    groups = (values.astype(np.uint64)[:, None] >> _SHIFTS) & np.uint64(0x7F)
    groups = groups.astype(np.uint8)
    # A varint ends at its highest non-zero group; zero itself has one group.
    last = _MAX_VARINT_BYTES - 1 - (groups[:, ::-1] != 0).argmax(axis=1)
    last[values == 0] = 0
    places = np.arange(_MAX_VARINT_BYTES)
    groups |= np.where(places < last[:, None], np.uint8(0x80), np.uint8(0))
    squeezed: NDArray[np.uint8] = groups[places <= last[:, None]]
    return squeezed.tobytes()


def decode_varints(data: bytes, start: int, end: int) -> NDArray[np.int64]:
    """The varints that fill data[start:end], as int64."""
    if end - start <= _FEW:
        numbers = []
        while start < end:
            number, start = decode_varint(data, start, end)
            numbers.append(number if number <= _INT64_MAX else number - 2**64)
        return np.array(numbers, np.int64)
    octets = np.frombuffer(data, np.uint8, end - start, start)
    lasts = np.flatnonzero(octets < 0x80)
    if not len(lasts) or lasts[-1] != len(octets) - 1:
        raise DecodeError("the message ends inside a varint", start)
    widths = np.diff(lasts, prepend=-1)
    widest = int(widths.max())
    if widest > _MAX_VARINT_BYTES:
        raise DecodeError("a varint is too long", start)
    groups = (octets & 0x7F).astype(np.uint64)
    values = groups[lasts]
    for place in range(1, widest):  # from each last byte backwards
        values = np.where(widths > place, values << _SEVEN | groups[lasts - place], values)
    return values.view(np.int64)
