"""The wire format at its limits: the shortest and the longest of everything, and where an error says it is."""

from __future__ import annotations

import numpy as np
import pytest

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.wire_format import (
    MAX_DEPTH,
    decode_varint,
    decode_varints,
    encode_field,
    encode_varint,
    encode_varints,
    split_fields,
)

LARGEST = 2**64 - 1
#: (number, its varint): both sides of every limit at which a varint grows.
VARINTS = [
    (0, b"\x00"),
    (1, b"\x01"),
    (0x7F, b"\x7f"),
    (0x80, b"\x80\x01"),
    (300, b"\xac\x02"),
    (2**14 - 1, b"\xff\x7f"),
    (2**14, b"\x80\x80\x01"),
    (2**32, b"\x80\x80\x80\x80\x10"),
    (2**63 - 1, b"\xff" * 8 + b"\x7f"),
    (2**63, b"\x80" * 9 + b"\x01"),
    (LARGEST, b"\xff" * 9 + b"\x01"),
]
INSIDE_VARINT, LONG_VARINT = "the message ends inside a varint", "a varint is too long"
TOO_LONG = "a field is longer than its message"
FIELD_0 = "field number 0"


def signed(number: int) -> int:
    return number if number < 2**63 else number - 2**64


@pytest.mark.parametrize(("number", "varint"), VARINTS)
def test_a_varint_has_as_many_bytes_as_its_number_needs(number: int, varint: bytes) -> None:
    assert encode_varint(number) == varint
    assert decode_varint(varint, 0, len(varint)) == (number, len(varint))
    assert decode_varint(b"\x85" + varint + b"\x01", 1, len(varint) + 2) == (number, 1 + len(varint))


def test_a_varint_is_taken_modulo_2_to_the_64() -> None:
    assert decode_varint(b"\xff" * 9 + b"\x7f", 0, 10) == (LARGEST, 10)
    assert decode_varint(b"\x80" * 9 + b"\x02", 0, 10) == (0, 10)
    assert decode_varint(b"\x80" * 9 + b"\x00", 0, 10) == (0, 10)


@pytest.mark.parametrize(
    ("data", "position", "end", "max_bytes", "reason"),
    [
        (b"\x01", 1, 1, 10, INSIDE_VARINT),
        (b"\x01\x01", 1, 1, 10, INSIDE_VARINT),
        (b"\x01\x80", 1, 2, 10, INSIDE_VARINT),
        (b"\x01\x80\x01", 1, 2, 10, INSIDE_VARINT),
        (b"\x01" + b"\x80" * 10, 1, 11, 10, INSIDE_VARINT),
        (b"\x01" + b"\x80" * 10 + b"\x01", 1, 12, 10, LONG_VARINT),
        (b"\x01" + b"\x80" * 5 + b"\x01", 1, 7, 5, LONG_VARINT),
    ],
)
def test_a_varint_that_does_not_end_is_told_where_it_begins(
    data: bytes, position: int, end: int, max_bytes: int, reason: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_varint(data, position, end, max_bytes)
    assert (caught.value.reason, caught.value.position) == (reason, position)


def test_a_varint_may_have_just_as_many_bytes_as_are_allowed() -> None:
    assert decode_varint(b"\x80\x80\x80\x80\x01\x01", 0, 6, 5) == (2**28, 5)
    assert decode_varint(b"\xff" * 9 + b"\x01\x01", 0, 11) == (LARGEST, 10)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300])
def test_a_field_is_tag_length_and_payload(size: int) -> None:
    assert encode_field(0x0A, b"x" * size) == b"\x0a" + encode_varint(size) + b"x" * size
    assert encode_field(0x7F, memoryview(b"ab")) == b"\x7f\x02ab"


def test_the_fields_of_a_message_and_the_spans_of_their_values() -> None:
    fields = [
        (b"\x08\x01", 1),  # varint
        (b"\x08\x80\x01", 1),
        (b"\x09" + bytes(8), 1),  # fixed64
        (b"\x0d" + bytes(4), 1),  # fixed32
        (b"\x0a\x00", 2),  # length-delimited
        (b"\x0a\x02ab", 2),
        (b"\x0a\x82\x00ab", 3),  # a length in two bytes
        (b"\x0a\x82\x80\x80\x80\x00ab", 6),  # in five, as many as there may be
        (b"\x0a\x80\x01" + bytes(128), 3),
        (b"\x0b\x0c", 1),  # an empty group
        (b"\x8a\x80\x80\x80\x00\x02ab", 6),  # a tag in five bytes
        (b"\x82\x01\x01x", 3),  # field number 16
        (b"\xfa\xff\xff\xff\x0f\x01x", 6),  # the largest field number
    ]
    data = b"\xff\xff" + b"".join(field for field, _ in fields) + b"\xff"
    expected, position = [], 2
    for field, value in fields:
        tag = decode_varint(field, 0, len(field))[0]
        expected.append((tag, position + value, position + len(field)))
        position += len(field)
    assert split_fields(data, 2, len(data) - 1) == expected
    assert split_fields(b"", 0, 0) == []
    assert split_fields(b"\xff\xff", 1, 1) == []


@pytest.mark.parametrize(
    "value",
    [b"\x10\x05", b"\x10\x85\x01", b"\x11" + bytes(8), b"\x15" + bytes(4), b"\x12\x02ab", b"\x12\x00", b"\x13\x14"],
)
def test_a_group_ends_after_its_end_tag(value: bytes) -> None:
    data = b"\x0b" + value + b"\x8c\x00" + b"\x08\x07"
    end = len(value) + 3
    assert split_fields(data, 0, len(data)) == [(0x0B, 1, end), (0x08, end + 1, end + 2)]
    nested = b"\x0b\x0b" + value + value + b"\x0c\x0c"
    assert split_fields(nested, 0, len(nested)) == [(0x0B, 1, len(nested))]


#: (what is wrong, the message, the reason, where): behind one byte that does not belong to it.
BROKEN = [
    ("tag cut", b"\x80", INSIDE_VARINT, 1),
    ("tag too long", b"\x8a\x80\x80\x80\x80\x00", LONG_VARINT, 1),
    ("tag too large", b"\x8a\x80\x80\x80\x10\x00", "a tag is too large", 1),
    ("tag just too large", b"\x80\x80\x80\x80\x10\x00", "a tag is too large", 1),
    ("the largest tag", b"\xff\xff\xff\xff\x0f\x00", "wire type 7 without meaning here", 1),
    ("length missing", b"\x0a", INSIDE_VARINT, 2),
    ("length cut", b"\x0a\x80", INSIDE_VARINT, 2),
    ("length too long", b"\x0a\x80\x80\x80\x80\x80\x00", LONG_VARINT, 2),
    ("length of 2 GiB", b"\x0a\x80\x80\x80\x80\x08", "a length of 2147483648 bytes is more than protobuf allows", 2),
    ("length of 2 GiB less a byte", b"\x0a\xff\xff\xff\xff\x07", TOO_LONG, 1),
    ("payload short of a byte", b"\x0a\x02a", TOO_LONG, 1),
    ("varint missing", b"\x08", INSIDE_VARINT, 2),
    ("varint cut", b"\x08\x80", INSIDE_VARINT, 2),
    ("varint too long", b"\x08" + b"\x80" * 10 + b"\x00", LONG_VARINT, 2),
    ("fixed32 short of a byte", b"\x0d" + bytes(3), TOO_LONG, 1),
    ("fixed64 short of a byte", b"\x09" + bytes(7), TOO_LONG, 1),
    ("end of no group", b"\x0c", "wire type 4 without meaning here", 1),
    ("wire type 6", b"\x0e", "wire type 6 without meaning here", 1),
    ("wire type 7", b"\x0f\x00", "wire type 7 without meaning here", 1),
    ("field number 0", b"\x02\x00", FIELD_0, 1),
    ("field number 0, long", b"\x82\x00\x00", FIELD_0, 1),
    ("the second field", b"\x08\x01\x0e", "wire type 6 without meaning here", 3),
    ("group not closed", b"\x0b", "the message ends inside a group", 2),
    ("group not closed, with a field", b"\x0b\x08\x01", "the message ends inside a group", 4),
    ("group not closed before its field ends", b"\x0b\x0a\x02a", TOO_LONG, 3),
    ("group closed as another", b"\x0b\x14", "a group ends that was not open", 2),
    ("inner group closed as the outer", b"\x0b\x13\x0c\x14", "a group ends that was not open", 3),
    ("in a group: tag cut", b"\x0b\x80", INSIDE_VARINT, 2),
    ("in a group: tag too large", b"\x0b\x8a\x80\x80\x80\x10", "a tag is too large", 2),
    ("in a group: field number 0", b"\x0b\x00\x00\x0c", FIELD_0, 2),
    ("in a group: end of field number 0", b"\x0b\x04", FIELD_0, 2),
    ("in a group: varint cut", b"\x0b\x08\x80", INSIDE_VARINT, 3),
    ("in a group: length cut", b"\x0b\x0a\x80", INSIDE_VARINT, 3),
    (
        "in a group: length of 2 GiB",
        b"\x0b\x0a\x80\x80\x80\x80\x08",
        "a length of 2147483648 bytes is more than protobuf allows",
        3,
    ),
    ("in a group: fixed32 short of a byte", b"\x0b\x0d" + bytes(3), TOO_LONG, 3),
    ("in a group: fixed64 short of a byte", b"\x0b\x09" + bytes(7), TOO_LONG, 3),
    ("in a group: wire type 6", b"\x0b\x0e\x00\x0c", "wire type 6 without meaning here", 3),
    ("in a group: wire type 7", b"\x0b\x0f\x00\x0c", "wire type 7 without meaning here", 3),
]


@pytest.mark.parametrize(("message", "reason", "position"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_message_is_told_with_the_place(message: bytes, reason: str, position: int) -> None:
    """What follows the message would make it whole, and is not looked at."""
    for follows in (b"", b"\x00" * 20, b"\x0c" * 20):
        with pytest.raises(DecodeError) as caught:
            split_fields(b"\x07" + message + follows, 1, 1 + len(message))
        assert (caught.value.reason, caught.value.position) == (reason, position)


def test_values_in_a_group_may_end_with_it_at_the_end_of_the_message() -> None:
    """A value that ends where the message ends is whole: what is missing is the end of the group."""
    for value in (b"\x08\x01", b"\x0d" + bytes(4), b"\x09" + bytes(8), b"\x0a\x01x"):
        with pytest.raises(DecodeError, match="ends inside a group"):
            split_fields(b"\x0b" + value, 0, 1 + len(value))


@pytest.mark.parametrize("depth", [0, 1, 5, MAX_DEPTH])
def test_groups_nest_as_deep_as_is_allowed(depth: int) -> None:
    nested = b"\x0b" * depth + b"\x0c" * depth
    assert split_fields(nested, 0, len(nested), depth) == ([(0x0B, 1, len(nested))] if depth else [])
    deeper = b"\x0b" + nested + b"\x0c"
    with pytest.raises(DecodeError) as caught:
        split_fields(deeper, 0, len(deeper), depth)
    assert caught.value.reason == "groups nest deeper than 100 levels"
    assert caught.value.position == depth + 1


def test_groups_one_after_the_other_are_not_deep() -> None:
    data = b"\x0b" + b"\x13\x14" * 200 + b"\x0c"
    assert split_fields(data, 0, len(data), 2) == [(0x0B, 1, len(data))]


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 12, 40, 41, 100])
@pytest.mark.parametrize("number", [number for number, _ in VARINTS])
def test_many_varints_are_the_varints_of_each(number: int, count: int) -> None:
    """Alone, and among others of one byte; few of them and many are two ways."""
    varint = encode_varint(number)
    value = signed(number)
    for numbers, expected in (
        ([value] * count, varint * count),
        ([value, *[5] * count], varint + b"\x05" * count),
        ([*[0] * count, value], bytes(count) + varint),
    ):
        encoded = encode_varints(np.array(numbers, np.int64))
        assert encoded == expected
        decoded = decode_varints(b"\xff\x80" + encoded + b"\x80\x01", 2, 2 + len(encoded))
        assert decoded.dtype == np.int64
        assert decoded.tolist() == numbers
        decoded[:] = 0


def test_no_varints_are_nothing() -> None:
    assert encode_varints(np.array([], np.int64)) == b""
    decoded = decode_varints(b"\x80", 1, 1)
    assert decoded.dtype == np.int64
    assert decoded.tolist() == []


@pytest.mark.parametrize("before", [0, 39, 40, 100])
def test_varints_in_ten_bytes_are_taken_modulo_2_to_the_64(before: int) -> None:
    data = bytes(before) + b"\x80" * 9 + b"\x03" + b"\x81\x80\x00"
    assert decode_varints(data, 0, len(data)).tolist() == [0] * before + [-(2**63), 1]


@pytest.mark.parametrize("before", [0, 41, 100])
def test_varints_that_do_not_end_are_an_error(before: int) -> None:
    cut, long = bytes(before) + b"\x80", bytes(before) + b"\x80" * 10 + b"\x01"
    for data, reason in ((cut, INSIDE_VARINT), (long, LONG_VARINT), (b"\x80" * 100, INSIDE_VARINT)):
        with pytest.raises(DecodeError) as caught:
            decode_varints(b"\x80\x80" + data + b"\x01", 2, 2 + len(data))
        assert (caught.value.reason, caught.value.position) == (reason, 2)
