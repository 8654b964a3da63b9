"""Row by row: Example and SequenceExample on the wire.

The oracle is protobuf's upb backend with the generated classes: `decode_example` accepts what it accepts, with equal
values, and raises DecodeError for the rest and nothing else. TensorFlow's fast parser stands in the third column.
"""

from __future__ import annotations

import math
import pickle
import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError as ProtobufDecodeError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr

needs_upb = pytest.mark.skipif(api_implementation.Type() != "upb", reason="upb is the oracle")

# The wire, by hand.

VARINT, FIXED64, DELIMITED, GROUP, END_GROUP, FIXED32 = range(6)


def varint(value: int, size: int = 0) -> bytes:
    """The varint of `value`, overlong when `size` asks for more bytes than it needs."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    while len(out) < size:
        out[-1] |= 128
        out.append(0)
    return bytes(out)


def tag(number: int, wire_type: int, size: int = 0) -> bytes:
    return varint(number << 3 | wire_type, size)


def delimited(number: int, value: bytes, tag_size: int = 0, length_size: int = 0) -> bytes:
    return tag(number, DELIMITED, tag_size) + varint(len(value), length_size) + value


def number_field(number: int, value: int) -> bytes:
    return tag(number, VARINT) + varint(value)


def example(*entries: bytes) -> bytes:
    return delimited(1, b"".join(entries))


def entry(key: bytes, feature: bytes) -> bytes:
    return delimited(1, delimited(1, key) + delimited(2, feature))


def packed_ints(*values: int) -> bytes:
    return delimited(1, b"".join(map(varint, values)))


def unpacked_ints(*values: int) -> bytes:
    return b"".join(number_field(1, value) for value in values)


def packed_floats(*values: float) -> bytes:
    return delimited(1, struct.pack(f"<{len(values)}f", *values))


def unpacked_floats(*values: float) -> bytes:
    return b"".join(tag(1, FIXED32) + struct.pack("<f", value) for value in values)


def blobs(*values: bytes) -> bytes:
    return b"".join(delimited(1, value) for value in values)


def bytes_list(fields: bytes) -> bytes:
    return delimited(1, fields)


def float_list(fields: bytes) -> bytes:
    return delimited(2, fields)


def int64_list(fields: bytes) -> bytes:
    return delimited(3, fields)


def groups(count: int, number: int = 9) -> bytes:
    return tag(number, GROUP) * count + tag(number, END_GROUP) * count


# Values that can be compared: the kind, and the value with floats as their bytes.

Comparable = tuple[str, Any] | None


def comparable(value: Any) -> Comparable:
    """A value of `decode_example`, whose type is checked on the way."""
    if value is None:
        return None
    if isinstance(value, list):
        assert all(type(item) is bytes for item in value)
        return ("bytes_list", value)
    assert isinstance(value, np.ndarray)
    assert value.ndim == 1
    if value.dtype == np.float32:
        return ("float_list", value.tobytes())
    assert value.dtype == np.int64
    return ("int64_list", value.tolist())


def comparable_feature(feature: Any) -> Comparable:
    """The same of a protobuf Feature; floats are taken from the wire, as a Python float changes signalling NaNs."""
    kind = feature.WhichOneof("kind")
    if kind is None:
        return None
    if kind == "float_list":
        floats = type(feature.float_list)()
        floats.CopyFrom(feature.float_list)
        floats.DiscardUnknownFields()
        raw = floats.SerializeToString()
        return (kind, raw[len(raw) - 4 * len(floats.value) :])
    return (kind, list(getattr(feature, kind).value))


def comparable_features(features: Any) -> dict[str, Comparable]:
    return {key: comparable_feature(feature) for key, feature in features.feature.items()}


def ours(serialized: bytes) -> dict[str, Comparable] | None:
    """What decode_example gives, None for DecodeError; anything else that is raised fails the test."""
    try:
        decoded = tfr.decode_example(serialized)
    except tfr.DecodeError as error:
        assert isinstance(error, tfr.TFRecordError)  # noqa: PT017 - the type is what is looked at
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: PT017
        return None
    assert isinstance(decoded, dict)
    assert all(type(key) is str for key in decoded)
    return {key: comparable(value) for key, value in decoded.items()}


def oracle(serialized: bytes) -> dict[str, Comparable] | None:
    try:
        message = tfr.Example.FromString(serialized)
    except ProtobufDecodeError:
        return None
    return comparable_features(message.features)


def has_field_0_in_a_group(serialized: bytes) -> bool:
    """Whether this is the one thing that protobuf 7.34 to 7.36 accept although no other version does."""
    try:
        tfr.decode_sequence_example(serialized)
    except tfr.DecodeError as error:
        return error.reason == "field number 0" and sequence_oracle(serialized) is not None
    return False


Sequence_ = tuple[dict[str, Comparable], dict[str, list[Comparable]]]


def our_sequence(serialized: bytes) -> Sequence_ | None:
    try:
        context, feature_lists = tfr.decode_sequence_example(serialized)
    except tfr.DecodeError:
        return None
    return (
        {key: comparable(value) for key, value in context.items()},
        {key: [comparable(value) for value in values] for key, values in feature_lists.items()},
    )


def sequence_oracle(serialized: bytes) -> Sequence_ | None:
    try:
        message = tfr.SequenceExample.FromString(serialized)
    except ProtobufDecodeError:
        return None
    return (
        comparable_features(message.context),
        {
            key: [comparable_feature(feature) for feature in values.feature]
            for key, values in message.feature_lists.feature_list.items()
        },
    )


def ints(*values: int) -> Comparable:
    return ("int64_list", list(values))


def floats(*values: float) -> Comparable:
    return ("float_list", struct.pack(f"<{len(values)}f", *values))


# The table. `theirs` is what tf.io.parse_single_example makes of key k as a VarLenFeature: the list, or REJECTED.

REJECTED = "rejected"


class Case(NamedTuple):
    serialized: bytes
    expected: dict[str, Comparable] | None
    theirs: list[Any] | str
    key: str = "k"


ONE = int64_list(packed_ints(5))
GOOD = example(entry(b"k", ONE))
K5 = {"k": ints(5)}
UNKNOWN = number_field(9, 5)

CASES: dict[str, Case] = {
    "packed ints": Case(example(entry(b"k", int64_list(packed_ints(1, 2, -1)))), {"k": ints(1, 2, -1)}, [1, 2, -1]),
    "unpacked ints": Case(example(entry(b"k", int64_list(unpacked_ints(1, 2, -1)))), {"k": ints(1, 2, -1)}, [1, 2, -1]),
    "packed floats": Case(example(entry(b"k", float_list(packed_floats(1, 2)))), {"k": floats(1, 2)}, [1.0, 2.0]),
    "unpacked floats": Case(example(entry(b"k", float_list(unpacked_floats(1, 2)))), {"k": floats(1, 2)}, [1.0, 2.0]),
    "bytes": Case(
        example(entry(b"k", bytes_list(blobs(b"a", b"", b"c\0")))),
        {"k": ("bytes_list", [b"a", b"", b"c\0"])},
        [b"a", b"", b"c\0"],
    ),
    "empty int list": Case(example(entry(b"k", b"\x1a\0")), {"k": ints()}, []),
    "empty float list": Case(example(entry(b"k", b"\x12\0")), {"k": floats()}, []),
    "empty bytes list": Case(example(entry(b"k", b"\x0a\0")), {"k": ("bytes_list", [])}, []),
    "empty packed chunk": Case(example(entry(b"k", int64_list(delimited(1, b"")))), {"k": ints()}, []),
    "no kind": Case(example(entry(b"k", b"")), {"k": None}, []),
    "nothing": Case(b"", {}, []),
    "empty Features": Case(b"\x0a\0", {}, []),
    "duplicate key": Case(example(entry(b"k", int64_list(packed_ints(6))), entry(b"k", ONE)), K5, [5]),
    "features twice": Case(GOOD + example(entry(b"j", ONE)), {"k": ints(5), "j": ints(5)}, [5]),
    "features twice, same key": Case(example(entry(b"k", int64_list(packed_ints(6)))) + GOOD, K5, [5]),
    "ints in two chunks": Case(
        example(entry(b"k", int64_list(packed_ints(1, 2) + packed_ints(3)))), {"k": ints(1, 2, 3)}, [1, 2]
    ),
    "ints packed then unpacked": Case(
        example(entry(b"k", int64_list(packed_ints(1, 2) + unpacked_ints(3)))), {"k": ints(1, 2, 3)}, [1, 2]
    ),
    "floats in two chunks": Case(
        example(entry(b"k", float_list(packed_floats(1, 2) + packed_floats(3)))), {"k": floats(1, 2, 3)}, [1.0, 2.0]
    ),
    "ints unpacked then packed": Case(
        example(entry(b"k", int64_list(unpacked_ints(3) + packed_ints(1, 2)))), {"k": ints(3, 1, 2)}, REJECTED
    ),
    "a kind twice": Case(
        example(entry(b"k", int64_list(packed_ints(1, 2)) + int64_list(packed_ints(3)))), {"k": ints(1, 2, 3)}, [1, 2]
    ),
    "bytes_list twice": Case(
        example(entry(b"k", bytes_list(blobs(b"a")) + bytes_list(blobs(b"b")))),
        {"k": ("bytes_list", [b"a", b"b"])},
        [b"a"],
    ),
    "two kinds": Case(example(entry(b"k", bytes_list(blobs(b"a")) + ONE)), K5, REJECTED),
    "two kinds, first wins there": Case(
        example(entry(b"k", ONE + bytes_list(blobs(b"a")))), {"k": ("bytes_list", [b"a"])}, [5]
    ),
    "a kind, another, the first again": Case(
        example(entry(b"k", int64_list(packed_ints(1)) + bytes_list(b"") + ONE)), K5, [1]
    ),
    "entry without key": Case(example(delimited(1, delimited(2, ONE))), {"": ints(5)}, REJECTED, ""),
    "entry without value": Case(example(delimited(1, delimited(1, b"k"))), {"k": None}, REJECTED),
    "empty entry": Case(example(delimited(1, b"")), {"": None}, REJECTED, ""),
    "key twice": Case(example(delimited(1, delimited(1, b"x") + delimited(1, b"k") + delimited(2, ONE))), K5, REJECTED),
    "value twice, two kinds": Case(
        example(delimited(1, delimited(1, b"k") + delimited(2, bytes_list(blobs(b"a"))) + delimited(2, ONE))),
        K5,
        REJECTED,
    ),
    "value twice, one kind": Case(
        example(delimited(1, delimited(1, b"k") + delimited(2, int64_list(packed_ints(4))) + delimited(2, ONE))),
        {"k": ints(4, 5)},
        REJECTED,
    ),
    "value before key": Case(example(delimited(1, delimited(2, ONE) + delimited(1, b"k"))), K5, [5]),
    "empty key": Case(example(entry(b"", ONE)), {"": ints(5)}, [5], ""),
    "unknown field in Example": Case(UNKNOWN + GOOD + delimited(7, b"zz"), K5, [5]),
    "unknown field in Features": Case(delimited(1, UNKNOWN + entry(b"k", ONE)), K5, REJECTED),
    "unknown field in Feature": Case(example(entry(b"k", UNKNOWN + ONE)), K5, REJECTED),
    "unknown field in a list": Case(example(entry(b"k", int64_list(UNKNOWN + packed_ints(5)))), K5, REJECTED),
    "unknown field behind the kind": Case(example(entry(b"k", ONE + UNKNOWN)), K5, [5]),
    "unknown field behind a list of integers": Case(
        example(entry(b"k", int64_list(packed_ints(5) + UNKNOWN))), K5, [5]
    ),
    "unknown field behind a list of bytes": Case(
        example(entry(b"k", bytes_list(delimited(1, b"x") + UNKNOWN))), {"k": ("bytes_list", [b"x"])}, REJECTED
    ),
    # upb keeps such an entry as an unknown field of Features: it is not in the map.
    "unknown field in an entry": Case(
        example(entry(b"j", ONE), delimited(1, delimited(1, b"k") + delimited(2, ONE) + UNKNOWN)),
        {"j": ints(5)},
        REJECTED,
    ),
    "known number, other wire type": Case(GOOD + number_field(1, 5), K5, [5]),
    "fixed32 in an int list": Case(
        example(entry(b"k", int64_list(tag(1, FIXED32) + b"1234" + packed_ints(5)))), K5, REJECTED
    ),
    "key not UTF-8": Case(example(entry(b"\xff", ONE)), None, [5], "\udcff"),
    "key a surrogate": Case(example(entry(b"\xed\xa0\x80", ONE)), None, [5], "\udced\udca0\udc80"),
    "key overlong UTF-8": Case(example(entry(b"\xc1\xab", ONE)), None, [5], "\udcc1\udcab"),
    "tag in 2 bytes": Case(delimited(1, GOOD[2:], 2), K5, []),
    "tag in 5 bytes": Case(delimited(1, GOOD[2:], 5), K5, []),
    "tag in 6 bytes": Case(delimited(1, GOOD[2:], 6), None, []),
    "kind's tag in 5 bytes": Case(example(entry(b"k", delimited(3, ONE[2:], 5))), K5, REJECTED),
    "kind's tag in 6 bytes": Case(example(entry(b"k", delimited(3, ONE[2:], 6))), None, REJECTED),
    "length overrun at the top": Case(tag(1, DELIMITED) + varint(100) + GOOD[2:], None, [5]),
    "length overrun of a list": Case(example(entry(b"k", tag(3, DELIMITED) + varint(30) + packed_ints(5))), None, [5]),
    "length overrun of a packed chunk": Case(
        example(entry(b"k", int64_list(tag(1, DELIMITED) + varint(9) + b"\x05"))), None, [5]
    ),
    "length 2^31": Case(tag(1, DELIMITED) + varint(2**31) + GOOD[2:], None, [5]),
    "length 2^32 + n": Case(tag(1, DELIMITED) + varint(2**32 + len(GOOD) - 2) + GOOD[2:], None, [5]),
    "packed floats of 5 bytes": Case(
        example(entry(b"k", float_list(delimited(1, struct.pack("<f", 1) + b"x")))), None, [1.0]
    ),
    "field 0, varint": Case(GOOD + tag(0, VARINT) + b"\1", None, [5]),
    "field 0, delimited": Case(GOOD + tag(0, DELIMITED) + b"\0", None, [5]),
    "field 0 in a Feature": Case(example(entry(b"k", tag(0, VARINT) + b"\1" + ONE)), None, REJECTED),
    "wire type 6": Case(GOOD + tag(9, 6), None, REJECTED),
    "wire type 7": Case(GOOD + tag(9, 7), None, REJECTED),
    "end without group": Case(GOOD + tag(9, END_GROUP), None, REJECTED),
    "group without end": Case(GOOD + tag(9, GROUP), None, REJECTED),
    "group closed by another": Case(GOOD + tag(9, GROUP) + tag(8, END_GROUP), None, REJECTED),
    "varint of 11 bytes": Case(example(entry(b"k", int64_list(delimited(1, b"\x80" * 10 + b"\1")))), None, REJECTED),
    "varint of 10 bytes with extra high bits": Case(
        example(entry(b"k", int64_list(delimited(1, b"\xff" * 9 + b"\x7f")))), {"k": ints(-1)}, [-1]
    ),
    "overlong varint": Case(example(entry(b"k", int64_list(delimited(1, b"\x85\x80\x80\0")))), K5, [5]),
    "groups nested 100 deep": Case(GOOD + groups(100), K5, REJECTED),
    "groups nested 101 deep": Case(GOOD + groups(101), None, REJECTED),
    # A group in a Feature stands in three messages already.
    "groups nested 97 deep in a Feature": Case(example(entry(b"k", groups(97) + ONE)), K5, REJECTED),
    "groups nested 98 deep in a Feature": Case(example(entry(b"k", groups(98) + ONE)), None, REJECTED),
    "groups nested 96 deep in a list": Case(
        example(entry(b"k", int64_list(groups(96) + packed_ints(5)))), K5, REJECTED
    ),
    "groups nested 97 deep in a list": Case(
        example(entry(b"k", int64_list(groups(97) + packed_ints(5)))), None, REJECTED
    ),
    "a SequenceExample": Case(GOOD + delimited(2, delimited(1, delimited(1, b"x"))), K5, [5]),
}


@pytest.mark.parametrize("name", CASES)
def test_row_decodes_as_the_table_says(name: str) -> None:
    case = CASES[name]
    assert ours(case.serialized) == case.expected


def test_field_0_in_a_group_is_rejected_as_by_the_specification() -> None:
    # protobuf 7.34 to 7.36 let it pass, those before them do not.
    assert ours(GOOD + tag(9, GROUP) + tag(0, VARINT) + b"\1" + tag(9, END_GROUP)) is None


@needs_upb
@pytest.mark.parametrize("name", CASES)
def test_row_decodes_in_protobuf_as_the_table_says(name: str) -> None:
    case = CASES[name]
    assert oracle(case.serialized) == case.expected


@pytest.mark.parametrize("name", CASES)
def test_row_parses_in_tensorflow_as_the_table_says(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    case = CASES[name]
    dtype = tf.int64
    if "float" in name:
        dtype = tf.float32
    elif name in ("bytes", "empty bytes list", "bytes_list twice"):
        dtype = tf.string
    key: Any = case.key.encode("utf-8", "surrogateescape")
    result: list[Any] | str
    try:
        result = (
            tf.io.parse_single_example(case.serialized, {key: tf.io.VarLenFeature(dtype)})[key].values.numpy().tolist()
        )
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):  # the message of the former may hold the input
        result = REJECTED
    assert result == case.theirs


def every_case() -> Iterator[bytes]:
    for case in CASES.values():
        yield case.serialized


@needs_upb
def test_every_proper_prefix_of_every_row_is_judged_as_by_protobuf() -> None:
    for serialized in every_case():
        for cut in range(len(serialized)):
            assert ours(serialized[:cut]) == oracle(serialized[:cut]), serialized[:cut].hex()


def test_every_proper_prefix_of_a_message_is_a_decode_error() -> None:
    """But the empty one, which is an Example without features."""
    whole = example(
        entry(b"k", int64_list(packed_ints(1, -2))),
        entry(b"name", bytes_list(blobs(b"abc", b"d"))),
        entry(b"x", float_list(packed_floats(1.5, 2.5))),
    )
    assert len(ours(whole) or ()) == 3
    assert ours(b"") == {}
    for cut in range(1, len(whole)):
        with pytest.raises(tfr.DecodeError):
            tfr.decode_example(whole[:cut])


@needs_upb
def test_every_byte_of_a_message_replaced_by_every_byte_is_judged_as_by_protobuf() -> None:
    whole = example(
        entry(b"k", int64_list(packed_ints(1, -2))),
        entry(b"b", bytes_list(blobs(b"a"))),
        entry(b"x", float_list(packed_floats(1.5))),
    )
    for position in range(len(whole)):
        for byte in range(256):
            damaged = whole[:position] + bytes([byte]) + whole[position + 1 :]
            assert ours(damaged) == oracle(damaged), damaged.hex()


def test_bare_text_and_other_bytes_raise_decode_error_only() -> None:
    for data in (b"\xff", b"\0", b"hello world", b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", bytes(100), b"\x80" * 20):
        with pytest.raises(tfr.DecodeError):
            tfr.decode_example(data)
        with pytest.raises(tfr.DecodeError):
            tfr.decode_sequence_example(data)


def test_decode_error_does_not_print_the_payload() -> None:
    damaged = example(entry(b"k", bytes_list(blobs(b"SECRETPAYLOAD"))))[:-1]
    with pytest.raises(tfr.DecodeError) as raised:
        tfr.decode_example(damaged)
    assert "SECRET" not in str(raised.value)


def test_decoded_keys_can_be_chosen() -> None:
    serialized = example(entry(b"a", ONE), entry(b"b", b""), entry(b"c", bytes_list(blobs(b"x"))))
    decoded = tfr.decode_example(serialized, keys=["c", "a", "missing"])
    assert {key: comparable(value) for key, value in decoded.items()} == {"a": ints(5), "c": ("bytes_list", [b"x"])}


def test_missing_kindless_and_empty_stay_three_things() -> None:
    decoded = tfr.decode_example(tfr.encode_example({"kindless": None, "empty": np.zeros(0, np.int64)}))
    assert "missing" not in decoded
    assert decoded["kindless"] is None
    assert comparable(decoded["empty"]) == ints()


def test_decoded_arrays_do_not_alias_each_other() -> None:
    serialized = example(entry(b"k", float_list(packed_floats(1, 2))))
    first, second = tfr.decode_example(serialized), tfr.decode_example(serialized)
    try:
        first["k"][0] = 7
    except ValueError:  # a read-only view of immutable bytes is as good
        return
    assert second["k"].tolist() == [1, 2]
    assert serialized == example(entry(b"k", float_list(packed_floats(1, 2))))


# Encoding.


def test_negative_int64_takes_ten_bytes() -> None:
    assert tfr.encode_example({"k": -1}) == example(entry(b"k", int64_list(packed_ints(-1))))
    assert tfr.encode_example({"k": -1}).endswith(bytes.fromhex("ffffffffffffffffff01"))


@pytest.mark.parametrize(
    ("value", "feature"),
    [
        (np.zeros(0, np.int64), "1a00"),
        (np.zeros(0, np.float32), "1200"),
        (None, ""),
    ],
)
def test_empty_kinds_have_their_golden_bytes(value: Any, feature: str) -> None:
    assert tfr.encode_example({"k": value}) == example(entry(b"k", bytes.fromhex(feature)))


def test_generated_message_keeps_its_empty_kind() -> None:
    for message, feature in ((tfr.BytesList(), "0a00"), (tfr.FloatList(), "1200"), (tfr.Int64List(), "1a00")):
        assert tfr.encode_example({"k": message}) == example(entry(b"k", bytes.fromhex(feature)))
    assert tfr.encode_example({"k": tfr.Feature()}) == example(entry(b"k", b""))


def test_generated_messages_are_taken_as_they_are() -> None:
    feature = tfr.Feature(int64_list=tfr.Int64List(value=[1, 2]))
    expected = example(entry(b"k", int64_list(packed_ints(1, 2))))
    assert tfr.encode_example({"k": feature}) == expected
    assert tfr.encode_example({"k": feature.int64_list}) == expected


VALUES: dict[str, tuple[Any, Comparable]] = {
    "bytes": (b"x\0", ("bytes_list", [b"x\0"])),
    "bytearray": (bytearray(b"x"), ("bytes_list", [b"x"])),
    "memoryview": (memoryview(b"xyz")[1:], ("bytes_list", [b"yz"])),
    "str": ("ä", ("bytes_list", ["ä".encode()])),
    "list of str and bytes": (["a", b"b"], ("bytes_list", [b"a", b"b"])),
    "tuple of bytes": ((b"a", b""), ("bytes_list", [b"a", b""])),
    "object array": (np.array([b"a\0", b"bb"], object), ("bytes_list", [b"a\0", b"bb"])),
    "bool": (True, ints(1)),
    "numpy bool": (np.bool_(True), ints(1)),
    "bool list": ([True, False], ints(1, 0)),
    "bool array": (np.array([True, False]), ints(1, 0)),
    "int": (7, ints(7)),
    "smallest int": (-(2**63), ints(-(2**63))),
    "largest int": (2**63 - 1, ints(2**63 - 1)),
    "numpy int": (np.int16(-7), ints(-7)),
    "uint64": (np.array([2**63 - 1], np.uint64), ints(2**63 - 1)),
    "int32 matrix, in C order": (np.array([[1, 2], [3, 4]], np.int32), ints(1, 2, 3, 4)),
    "Fortran matrix, in C order": (np.array([[1, 2], [3, 4]], order="F"), ints(1, 2, 3, 4)),
    "strided array": (np.arange(10)[::-3], ints(9, 6, 3, 0)),
    "big-endian array": (np.array([1, 2], ">i4"), ints(1, 2)),
    "zero-dimensional array": (np.array(3), ints(3)),
    "nested list, flattened": ([[1, 2], [3, 4]], ints(1, 2, 3, 4)),
    "range": (range(3), ints(0, 1, 2)),
    "float": (1.5, floats(1.5)),
    "float list": ([1.5, 2.5], floats(1.5, 2.5)),
    "numpy float": (np.float64(2.5), floats(2.5)),
    "float16 array": (np.array([1.5, 65504], np.float16), floats(1.5, 65504)),
    "float64 array": (np.array([0.1]), floats(0.1)),
    "big-endian floats": (np.array([1.5], ">f8"), floats(1.5)),
    "empty float array": (np.zeros((0, 3)), floats()),
    "float too large": (1e39, ("float_list", struct.pack("<f", math.inf))),
    "float array too large": (np.array([1e39, -1e39]), ("float_list", struct.pack("<2f", math.inf, -math.inf))),
    "None": (None, None),
}


@pytest.mark.parametrize("name", VALUES)
def test_value_encodes_by_its_kind(name: str) -> None:
    value, expected = VALUES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        serialized = tfr.encode_example({"k": value})
    assert ours(serialized) == {"k": expected}
    assert oracle(serialized) == {"k": expected}


def test_signalling_nan_of_an_array_keeps_its_payload() -> None:
    bits = np.array([0x7FA00001, 0xFFC12345, 0x7F800001], np.uint32)
    serialized = tfr.encode_example({"k": bits.view(np.float32)})
    assert bits.tobytes() in serialized
    assert tfr.decode_example(serialized)["k"].tobytes() == bits.tobytes()


BAD_VALUES: dict[str, Any] = {
    "empty list": [],
    "empty tuple": (),
    "int above int64": 2**63,
    "int below int64": -(2**63) - 1,
    "uint64 above int64": np.array([2**63], np.uint64),
    "numpy uint64 above int64": np.uint64(2**63),
    "int above int64 in a list": [1, 2**63],
    "mixed bytes and int": [b"a", 1],
    "mixed int and str": [1, "a"],
    "mixed float and bytes": [1.5, b"a"],
    "mixed int and float": [1, 2.5],
    "None in a list": [1, None],
    "complex": 1j,
    "complex array": np.array([1j]),
    "dict": {"a": 1},
    "set": {1},
    "object": object(),
    "datetime array": np.array(["2020-01-01"], "datetime64[D]"),
    "object array of objects": np.array([object()], object),
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_value_that_cannot_be_encoded_is_a_feature_error_with_its_key(name: str) -> None:
    with pytest.raises(tfr.FeatureError) as raised:
        tfr.encode_example({"good": 1, "the/key": BAD_VALUES[name]})
    assert isinstance(raised.value, tfr.TFRecordError)
    assert "the/key" in str(raised.value)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_keys_are_in_plain_byte_order_even_where_one_is_a_prefix() -> None:
    keys = ["b", "aa", "a", "", "é", "z", "Z", "a/b", "aaa", "￿", "\U00010000"]
    serialized = tfr.encode_example(dict.fromkeys(keys, 5))
    assert serialized == example(*(entry(key, ONE) for key in sorted(key.encode() for key in keys)))


@needs_upb
def test_upb_sorts_a_prefix_behind_the_longer_key() -> None:
    """Why canonical bytes differ from protobuf's there, and only there."""
    message = tfr.Example()
    message.features.feature["a"].int64_list.value.append(5)
    message.features.feature["aa"].int64_list.value.append(5)
    assert message.SerializeToString(deterministic=True) == example(entry(b"aa", ONE), entry(b"a", ONE))
    assert tfr.encode_example({"aa": 5, "a": 5}) == example(entry(b"a", ONE), entry(b"aa", ONE))


def test_helpers_make_the_features_of_the_tutorial() -> None:
    assert tfr.bytes_feature(b"x") == tfr.Feature(bytes_list=tfr.BytesList(value=[b"x"]))
    assert tfr.float_feature(1.5) == tfr.Feature(float_list=tfr.FloatList(value=[1.5]))
    assert tfr.int64_feature(-3) == tfr.Feature(int64_list=tfr.Int64List(value=[-3]))
    assert tfr.int64_feature(True) == tfr.Feature(int64_list=tfr.Int64List(value=[1]))
    features = tfr.Features(feature={"k": tfr.int64_feature(5)})
    assert tfr.Example(features=features).SerializeToString() == GOOD


# Property (a): encode_example is protobuf's deterministic serialization.

WIDE_INTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 300),
    st.builds(lambda bits, off: max(-(2**63), min(2**63 - 1, 2**bits + off)), st.integers(0, 63), st.integers(-1, 1)),
)
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
ENCODED_VALUES: st.SearchStrategy[tuple[str, Any, list[Any]]] = st.one_of(
    st.lists(st.binary(max_size=20), min_size=1, max_size=4).map(lambda value: ("bytes_list", value, value)),
    st.binary(max_size=200).map(lambda value: ("bytes_list", value, [value])),
    st.text(st.characters(codec="utf-8"), max_size=8).map(lambda value: ("bytes_list", value, [value.encode()])),
    st.lists(WIDE_INTS, min_size=1, max_size=40).map(lambda value: ("int64_list", value, value)),
    WIDE_INTS.map(lambda value: ("int64_list", value, [value])),
    st.booleans().map(lambda value: ("int64_list", value, [int(value)])),
    st.lists(WIDE_INTS, max_size=40).map(lambda value: ("int64_list", np.array(value, np.int64), value)),
    st.lists(st.integers(0, 255), max_size=9).map(lambda value: ("int64_list", np.array(value, np.uint8), value)),
    st.lists(st.floats(), min_size=1, max_size=9).map(lambda value: ("float_list", value, value)),
    st.floats().map(lambda value: ("float_list", value, [value])),
    st.lists(st.floats(width=32, allow_nan=False), max_size=9).map(
        lambda value: ("float_list", np.array(value, np.float32), value)
    ),
    st.lists(st.floats(), max_size=9).map(lambda value: ("float_list", np.array(value, np.float64), value)),
    st.none().map(lambda value: ("", value, [])),
)


def build_feature(kind: str, values: Sequence[Any], of: Any) -> Any:
    if kind == "":
        return of.Feature()
    lists = {"bytes_list": of.BytesList, "float_list": of.FloatList, "int64_list": of.Int64List}
    return of.Feature(**{kind: lists[kind](value=values)})


def without_prefixes(mapping: Mapping[str, Any]) -> bool:
    keys = sorted(key.encode() for key in mapping)
    return not any(after.startswith(before) for before, after in pairwise(keys))


@needs_upb
@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, ENCODED_VALUES, max_size=6).filter(without_prefixes))
def test_encode_example_is_protobufs_deterministic_serialization(
    features: dict[str, tuple[str, Any, list[Any]]],
) -> None:
    message = tfr.Example(
        features=tfr.Features(
            feature={key: build_feature(kind, values, tfr) for key, (kind, _, values) in features.items()}
        )
    )
    if not features:
        message = tfr.Example(features=tfr.Features())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoded = tfr.encode_example({key: value for key, (_, value, _) in features.items()})
    assert isinstance(encoded, bytes)
    if features:
        assert encoded == message.SerializeToString(deterministic=True)
    assert ours(encoded) == comparable_features(message.features)


@needs_upb
def test_encode_example_is_tensorflows_serialization() -> None:
    tf = pytest.importorskip("tensorflow")
    features: dict[str, tuple[str, list[Any]]] = {
        "image/raw": ("bytes_list", [bytes(1000)]),
        "image/size": ("int64_list", [320, -1, 2**40]),
        "score": ("float_list", [0.1, 1e39, math.nan]),
        "nothing": ("", []),
        "ünïcode": ("bytes_list", ["ß".encode(), b""]),
    }
    message = tf.train.Example(
        features=tf.train.Features(
            feature={key: build_feature(kind, values, tf.train) for key, (kind, values) in features.items()}
        )
    )
    encoded = tfr.encode_example({key: values or None for key, (_, values) in features.items()})
    assert encoded == message.SerializeToString(deterministic=True)
    assert ours(message.SerializeToString()) == comparable_features(message.features)


# Properties (b) and (c): odd messages, and the same damaged.


def any_size_varint(value: int, largest: int = 10) -> st.SearchStrategy[bytes]:
    return st.one_of(st.just(0), st.integers(2, largest)).map(lambda size: varint(value, size))


@st.composite
def odd_field(draw: st.DrawFn, number: int, value: bytes) -> bytes:
    """A length-delimited field, tag and length now and then overlong."""
    if draw(st.integers(0, 7)):
        return delimited(number, value)
    return delimited(number, value, draw(st.integers(0, 5)), draw(st.integers(0, 5)))


def unknown_fields(depth: int = 2) -> st.SearchStrategy[bytes]:
    """Fields that no message here knows: other numbers, or numbers it knows with another wire type."""
    numbers = st.sampled_from([4, 5, 9, 15, 16, 2047, 2048, 2**29 - 1])
    plain = st.one_of(
        st.builds(lambda number, value: tag(number, VARINT) + value, numbers, WIDE_INTS.flatmap(any_size_varint)),
        st.builds(lambda number, value: tag(number, FIXED64) + value, numbers, st.binary(min_size=8, max_size=8)),
        st.builds(lambda number, value: tag(number, FIXED32) + value, numbers, st.binary(min_size=4, max_size=4)),
        st.builds(delimited, numbers, st.binary(max_size=9), st.integers(0, 5), st.integers(0, 5)),
        st.builds(groups, st.integers(1, 90), numbers),
        st.builds(
            lambda number, value: tag(number, FIXED64) + value, st.integers(1, 3), st.binary(min_size=8, max_size=8)
        ),
    )
    if depth == 0:
        return plain
    inner = st.lists(unknown_fields(depth - 1), max_size=2).map(b"".join)
    group = st.builds(lambda number, body: tag(number, GROUP) + body + tag(number, END_GROUP), numbers, inner)
    return st.one_of(plain, group)


UNKNOWNS = unknown_fields()


def with_unknowns(fields: st.SearchStrategy[bytes], max_size: int = 3) -> st.SearchStrategy[bytes]:
    """Some of `fields` in any order, with an unknown field between them now and then."""
    return st.lists(st.one_of(fields, fields, fields, fields, UNKNOWNS), max_size=max_size).map(b"".join)


FLOAT_BITS = st.one_of(
    st.binary(min_size=4, max_size=4), st.sampled_from([bytes.fromhex("0100a07f"), bytes(4), bytes.fromhex("0000807f")])
)
INT_VARINTS = st.one_of(
    WIDE_INTS.flatmap(any_size_varint), st.just(b"\xff" * 9 + b"\x7f"), st.integers(0, 300).map(varint)
)
INT_FIELDS = with_unknowns(
    st.one_of(
        st.lists(INT_VARINTS, max_size=20).map(b"".join).flatmap(lambda chunk: odd_field(1, chunk)),
        INT_VARINTS.map(lambda value: tag(1, VARINT) + value),
        INT_VARINTS.map(lambda value: tag(1, VARINT, 3) + value),
    )
)
FLOAT_FIELDS = with_unknowns(
    st.one_of(
        st.lists(FLOAT_BITS, max_size=9).map(b"".join).flatmap(lambda chunk: odd_field(1, chunk)),
        FLOAT_BITS.map(lambda bits: tag(1, FIXED32) + bits),
    )
)
BYTES_FIELDS = with_unknowns(st.binary(max_size=12).flatmap(lambda value: odd_field(1, value)))
ODD_KINDS = st.one_of(
    BYTES_FIELDS.flatmap(lambda fields: odd_field(1, fields)),
    FLOAT_FIELDS.flatmap(lambda fields: odd_field(2, fields)),
    INT_FIELDS.flatmap(lambda fields: odd_field(3, fields)),
)
ODD_FEATURES = with_unknowns(ODD_KINDS, 2)
ODD_KEYS = st.one_of(st.sampled_from([b"k", b"k", b"j", b"", "ß".encode()]), KEYS.map(str.encode))


def odd_entries(values: st.SearchStrategy[bytes], unknown: bool = True) -> st.SearchStrategy[bytes]:
    """Entries with key and value in any order, missing or repeated."""
    key_field = ODD_KEYS.flatmap(lambda key: odd_field(1, key))
    value_field = values.flatmap(lambda value: odd_field(2, value))
    usual = st.tuples(key_field, value_field).map(b"".join)
    fields = st.one_of(key_field, value_field, UNKNOWNS) if unknown else st.one_of(key_field, value_field)
    odd = st.lists(fields, max_size=4).map(b"".join)
    return st.one_of(usual, usual, odd).flatmap(lambda fields: odd_field(1, fields))


ODD_FEATURE_MAPS = with_unknowns(odd_entries(ODD_FEATURES), 4)
ODD_EXAMPLES = with_unknowns(ODD_FEATURE_MAPS.flatmap(lambda features: odd_field(1, features)), 2)
ODD_FEATURE_LISTS = with_unknowns(ODD_FEATURES.flatmap(lambda feature: odd_field(1, feature)), 3)
ODD_SEQUENCES = with_unknowns(
    st.one_of(
        ODD_FEATURE_MAPS.flatmap(lambda features: odd_field(1, features)),
        with_unknowns(odd_entries(ODD_FEATURE_LISTS), 3).flatmap(lambda lists: odd_field(2, lists)),
    ),
    3,
)
ODD = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Byte edits, insertions, deletions and cuts."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 4)):
            case 0:
                del data[at:]
            case 1:
                data[at:at] = draw(st.binary(min_size=1, max_size=3))
            case 2:
                del data[at : at + draw(st.integers(1, 4))]
            case 3:
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case _:
                if at < len(data):
                    data[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@needs_upb
@ODD
@given(ODD_EXAMPLES)
def test_odd_example_decodes_as_in_protobuf(serialized: bytes) -> None:
    expected = oracle(serialized)
    assert expected is not None
    assert ours(serialized) == expected


@needs_upb
@ODD
@given(damaged(ODD_EXAMPLES))
def test_damaged_example_is_judged_as_by_protobuf(serialized: bytes) -> None:
    assume(not has_field_0_in_a_group(serialized))
    assert ours(serialized) == oracle(serialized)


@needs_upb
@ODD
@given(ODD_SEQUENCES)
def test_odd_sequence_example_decodes_as_in_protobuf(serialized: bytes) -> None:
    expected = sequence_oracle(serialized)
    assert expected is not None
    assert our_sequence(serialized) == expected


@needs_upb
@ODD
@given(damaged(ODD_SEQUENCES))
def test_damaged_sequence_example_is_judged_as_by_protobuf(serialized: bytes) -> None:
    assume(not has_field_0_in_a_group(serialized))
    assert our_sequence(serialized) == sequence_oracle(serialized)


@needs_upb
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_random_bytes_are_judged_as_by_protobuf(serialized: bytes) -> None:
    assume(not has_field_0_in_a_group(serialized))
    assert ours(serialized) == oracle(serialized)
    assert our_sequence(serialized) == sequence_oracle(serialized)


# SequenceExample.


@needs_upb
@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(KEYS, ENCODED_VALUES, max_size=3).filter(without_prefixes),
    st.dictionaries(KEYS, st.lists(ENCODED_VALUES, max_size=3), max_size=3).filter(without_prefixes),
)
def test_encode_sequence_example_is_protobufs_deterministic_serialization(
    context: dict[str, tuple[str, Any, list[Any]]], lists: dict[str, list[tuple[str, Any, list[Any]]]]
) -> None:
    message = tfr.SequenceExample(
        context=tfr.Features(
            feature={key: build_feature(kind, values, tfr) for key, (kind, _, values) in context.items()}
        ),
        feature_lists=tfr.FeatureLists(
            feature_list={
                key: tfr.FeatureList(feature=[build_feature(kind, values, tfr) for kind, _, values in items])
                for key, items in lists.items()
            }
        ),
    )
    encoded = tfr.encode_sequence_example(
        {key: value for key, (_, value, _) in context.items()},
        {key: [value for _, value, _ in items] for key, items in lists.items()},
    )
    if context and lists:
        assert encoded == message.SerializeToString(deterministic=True)
    assert our_sequence(encoded) == (
        comparable_features(message.context),
        {
            key: [comparable_feature(feature) for feature in values.feature]
            for key, values in message.feature_lists.feature_list.items()
        },
    )


def test_sequence_example_that_cannot_be_encoded_names_its_key() -> None:
    with pytest.raises(tfr.FeatureError, match="the/context"):
        tfr.encode_sequence_example({"the/context": object()}, {})
    with pytest.raises(tfr.FeatureError, match="the/list"):
        tfr.encode_sequence_example({}, {"the/list": [1, object()]})


def test_example_and_context_read_as_each_other() -> None:
    """They have one field number; an Example is a SequenceExample without lists."""
    assert our_sequence(GOOD) == (K5, {})
    sequence = tfr.encode_sequence_example({"k": 5}, {"list": [1, 2]})
    assert ours(sequence) == K5
    assert our_sequence(sequence) == (K5, {"list": [ints(1), ints(2)]})
