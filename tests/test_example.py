"""Examples by hand: the exact bytes, the exact errors, what may be given, what is left out."""

from __future__ import annotations

import array
import re
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from tfrecord_lite.errors import DecodeError, FeatureError
from tfrecord_lite.format import example, pieces
from tfrecord_lite.format.example import (
    as_keys,
    as_message,
    check_no_sequence_examples,
    decode_example,
    decode_sequence_example,
    encode_example,
    encode_feature,
    encode_key,
    encode_pieces,
    encode_sequence_example,
    record_bytes,
    serialize_message,
)
from tfrecord_lite.format.pieces import LARGE_VALUE
from tfrecord_lite.format.wire_format import encode_field
from tfrecord_lite.proto.example_pb2 import BytesList, Example, Feature, Features, FloatList, Int64List


def field_1(*payloads: bytes) -> bytes:
    return encode_field(0x0A, b"".join(payloads))


def field_2(*payloads: bytes) -> bytes:
    return encode_field(0x12, b"".join(payloads))


def field_3(*payloads: bytes) -> bytes:
    return encode_field(0x1A, b"".join(payloads))


#: (value, the serialized Feature)
FEATURES: list[tuple[Any, bytes]] = [
    (None, b""),
    ([b"x", b""], field_1(field_1(b"x"), field_1(b""))),
    (np.array([], object), field_1()),
    ([1.5], field_2(field_1(b"\x00\x00\xc0\x3f"))),
    (np.array([], np.float32), field_2()),
    ([1, 300], field_3(field_1(b"\x01\xac\x02"))),
    (np.array([], np.int64), field_3()),
    (Feature(int64_list=Int64List(value=[7])), field_3(field_1(b"\x07"))),
    (Int64List(value=[7]), field_3(field_1(b"\x07"))),
    (FloatList(), field_2()),
    (BytesList(value=[b"x"]), field_1(field_1(b"x"))),
]


@pytest.mark.parametrize(("value", "feature"), FEATURES, ids=range(len(FEATURES)))
def test_an_example_is_these_bytes(value: Any, feature: bytes) -> None:
    assert b"".join(encode_feature(value, "k")) == feature
    entry = field_1(b"k")
    assert encode_example({"k": value}) == field_1(field_1(entry, field_2(feature)))
    lists = field_2(field_1(field_1(b"s"), field_2(field_1(feature), field_1(feature))))
    assert encode_sequence_example(None, {"s": [value, value]}) == lists
    assert encode_sequence_example({"k": value}, None) == field_1(field_1(entry, field_2(feature)))


def test_no_features_are_an_empty_message_and_nothing_is_absent() -> None:
    assert encode_example({}) == b"\x0a\x00"
    assert encode_sequence_example(None, None) == b""
    assert encode_sequence_example({}, None) == b"\x0a\x00"
    assert encode_sequence_example(None, {}) == b"\x12\x00"
    assert encode_sequence_example({}, {"s": []}) == b"\x0a\x00" + field_2(field_1(field_1(b"s"), field_2()))


def test_names_are_in_the_order_of_their_utf8_bytes() -> None:
    names = ["b", "a", "", "é", "ab", "\U0001f600", "\uffff"]
    encoded = encode_example(dict.fromkeys(names))
    expected = sorted(name.encode() for name in names)
    assert encoded == field_1(*(field_1(field_1(name), field_2()) for name in expected))
    assert list(decode_example(encoded)) == [name.decode() for name in expected]


def test_a_large_value_is_handed_on_and_small_ones_are_put_together() -> None:
    large = bytearray(LARGE_VALUE)
    stored = encode_pieces({"a": b"x", "large": large, "z": [b"y"] * 100})
    assert any(isinstance(piece, memoryview) and piece.obj is large for piece in stored)
    assert len(stored) == 4
    assert encode_example({"large": large, "z": [b"y"]}) == b"".join(encode_pieces({"z": b"y", "large": bytes(large)}))
    # Each value is 64 bytes with its tag and length.
    assert len(encode_feature([b"y" * 62] * (LARGE_VALUE // 64 - 1), "z")) == 1
    assert len(encode_feature([b"y" * 62] * (LARGE_VALUE // 64), "z")) == LARGE_VALUE // 64 + 1
    assert len(encode_pieces({"a": b"x", "z": [b"y"] * 100})) == 1


def test_a_message_is_its_own_bytes_in_a_fixed_order() -> None:
    message = Example(features=Features(feature={name: Feature() for name in "cab"}))
    assert encode_example(message) == encode_example(dict.fromkeys("abc")) == serialize_message(message)
    assert encode_pieces(message) == [serialize_message(message)]


class Large:
    """A message that says it has so many bytes."""

    DESCRIPTOR = Feature.DESCRIPTOR

    def __init__(self, size: int) -> None:
        self._size = size

    def ByteSize(self) -> int:  # noqa: N802
        return self._size

    def SerializeToString(self, *, deterministic: bool = False) -> bytes:  # noqa: N802
        return b"sorted" if deterministic is True else b"in any order"


def test_a_message_may_just_have_2_gib_less_a_byte() -> None:
    assert encode_example(Large(2**31 - 1)) == b"sorted"
    text = "a message of 2147483648 bytes is more than protobuf's limit of 2147483647"
    with pytest.raises(FeatureError) as caught:
        encode_example(Large(2**31))
    assert caught.value.reason == text


def test_a_feature_beyond_2_gib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MAX_MESSAGE_SIZE", 100)
    with pytest.raises(FeatureError) as caught:
        encode_example({"a": 1, "k": b"x" * 99})
    assert (caught.value.key, caught.value.reason) == ("k", "101 bytes are more than protobuf's limit of 100")
    with pytest.raises(FeatureError) as caught:
        encode_example({"k": b"x" * 98})
    assert caught.value.key is None


def fullmatch(text: str) -> str:
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize("what", [[("a", 1)], b"bytes", None])
def test_what_is_no_example_is_called_by_its_type(what: Any) -> None:
    text = f"an example is a mapping or a protobuf message, not {type(what).__name__}"
    with pytest.raises(TypeError, match=fullmatch(text)):
        encode_example(what)


@pytest.mark.parametrize("what", [[], "text", 0])
def test_what_is_no_context_and_no_lists_is_called_by_its_type(what: Any) -> None:
    text = f"context and feature lists are mappings or None, not {type(what).__name__}"
    calls: list[tuple[Any, Any]] = [(what, None), (None, what), (what, {}), ({}, what)]
    for arguments in calls:
        with pytest.raises(TypeError, match=fullmatch(text)):
            encode_sequence_example(*arguments)


def test_a_step_is_named_by_its_number() -> None:
    with pytest.raises(FeatureError) as caught:
        encode_sequence_example({}, {"s": [1, 2, object()]})
    assert caught.value.key == "s[2]"


@pytest.mark.parametrize("steps", ["ab", b"ab", bytearray(b"ab"), memoryview(b"ab")])
def test_one_value_is_no_feature_list(steps: Any) -> None:
    with pytest.raises(FeatureError) as caught:
        encode_sequence_example({}, {"s": steps})
    assert caught.value.key == "s"
    assert caught.value.reason == f"a feature list has a value per step, but this is one {type(steps).__name__}"


def test_a_message_of_another_kind_has_no_place_in_a_feature() -> None:
    with pytest.raises(FeatureError) as caught:
        encode_example({"k": Example()})
    assert (caught.value.key, caught.value.reason) == ("k", "a message Example has no place in a feature")


@pytest.mark.parametrize(
    ("key", "name", "reason"),
    [
        (b"k", "b'k'", "the name of a feature is a str, not bytes"),
        (None, "None", "the name of a feature is a str, not NoneType"),
        ("\ud800", "\ud800", "a name with a lone surrogate is not UTF-8"),
    ],
)
def test_what_is_no_name_is_told(key: Any, name: str, reason: str) -> None:
    for encode in (encode_key, lambda key: encode_example({key: 1})):
        with pytest.raises(FeatureError) as caught:
            encode(key)
        assert (caught.value.key, caught.value.reason) == (name, reason)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_features_in_several_parts_of_a_message_are_one_mapping() -> None:
    unknown = b"\x18\x05"
    data = unknown + encode_example({"a": 1, "b": 2}) + unknown + encode_example({"b": 3, "c": b"x"})
    decoded = decode_example(data)
    assert list(decoded) == ["a", "b", "c"]
    assert [decoded["a"].tolist(), decoded["b"].tolist(), decoded["c"]] == [[1], [3], [b"x"]]
    steps = encode_sequence_example(None, {"s": [1], "t": []})
    context, lists = decode_sequence_example(data + steps + unknown + encode_sequence_example(None, {"t": [b"y"]}))
    assert list(context) == ["a", "b", "c"]
    assert [step.tolist() for step in lists["s"]] == [[1]]
    assert lists["t"] == [[b"y"]]
    assert decode_example(steps) == {}
    assert decode_sequence_example(b"") == ({}, {})


def test_what_is_encoded_here_is_decoded_at_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_example({"a": [b"x" * 200], "b": [1.5] * 50, "c": [300] * 50, "d": 7})
    monkeypatch.setattr(example, "decode_entry", Mock(side_effect=AssertionError("by the rules")))
    assert list(decode_example(data)) == ["a", "b", "c", "d"]
    assert list(decode_example(data, {"b", "x"})) == ["b"]


def test_an_entry_that_is_written_oddly_is_decoded_by_the_rules() -> None:
    feature = field_3(b"\x08\x05\x08\x06")  # not packed
    swapped = field_1(field_1(field_2(feature), field_1(b"k")))
    assert decode_example(swapped)["k"].tolist() == [5, 6]
    assert decode_example(swapped, {"k"})["k"].tolist() == [5, 6]
    assert decode_example(swapped, {"other"}) == {}


@pytest.mark.parametrize("keys", [{"a", "c"}, ["c", "a", "a"], {"a": 1, "c": 2}.keys(), {"a": 1, "c": 2}])
def test_only_the_features_that_are_named_are_given(keys: Any) -> None:
    broken = field_1(field_1(b"b"), field_2(field_3(field_1(b"\x80"))))
    data = encode_example({"a": 1}) + field_1(broken) + encode_example({"c": 3})
    decoded = decode_example(data, keys)
    assert {key: value.tolist() for key, value in decoded.items()} == {"a": [1], "c": [3]}
    assert decode_example(data, []) == {}
    with pytest.raises(DecodeError):
        decode_example(data)
    with pytest.raises(DecodeError):
        decode_example(data, {"b"})
    assert as_keys(keys) == (keys if isinstance(keys, dict) else frozenset("ac"))


def test_keys_that_are_searched_quickly_are_taken_as_they_are() -> None:
    frozen, mapping = frozenset("a"), {"a": 1}
    assert as_keys(frozen) is frozen
    assert as_keys(mapping) is mapping
    assert as_keys(None) is None
    assert isinstance(as_keys(["a"]), frozenset)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("label", "keys is a collection of names, not one name"),
        ([b"label"], "the name of a feature is a str, not b'label'"),
        ([1], "the name of a feature is a str, not 1"),
    ],
)
def test_what_is_no_collection_of_names(keys: Any, text: str) -> None:
    with pytest.raises(TypeError, match=fullmatch(text)):
        as_keys(keys)


def test_a_message_is_anything_bytes_like() -> None:
    data = encode_example({"a": 1})
    assert as_message(data) is data
    messages: list[Any] = [bytearray(data), memoryview(data), np.frombuffer(data, np.uint8), array.array("B", data)]
    for message in messages:
        assert as_message(message) == data
        assert type(as_message(message)) is bytes
        assert decode_example(message)["a"].tolist() == [1]
    strided: Any = memoryview(data + data)[::2]
    assert as_message(strided) == (data + data)[::2]


@pytest.mark.parametrize("what", ["text", 3, None, [1]])
def test_what_is_not_bytes_like_is_called_by_its_type(what: Any) -> None:
    for decode in (as_message, decode_example, decode_sequence_example):
        with pytest.raises(
            TypeError, match=fullmatch(f"a serialized message is bytes-like, not {type(what).__name__}")
        ):
            decode(what)


def test_feature_lists_are_found_in_any_record_at_any_place() -> None:
    plain = encode_example({"a": 1})
    check_no_sequence_examples([])
    check_no_sequence_examples([plain, b"", plain + b"\x1a\x00"])
    with pytest.raises(DecodeError) as caught:
        check_no_sequence_examples([plain, plain + b"\x12\x00"])
    assert caught.value.reason == "a SequenceExample, of which the feature lists have no place here"
    assert caught.value.position == len(plain) + 2


def test_a_record_is_a_message_or_all_bytes_of_what_is_bytes_like() -> None:
    message = Example(features=Features(feature={"n": Feature(int64_list=Int64List(value=[7]))}))
    assert record_bytes(message) == encode_example({"n": 7})
    assert record_bytes(b"bytes") == record_bytes(bytearray(b"bytes")) == b"bytes"
    for shaped in (memoryview(b"abcdefgh").cast("h", (2, 2)), np.frombuffer(b"abcdefgh", np.uint8).reshape(2, 4)):
        found = record_bytes(shaped)
        assert isinstance(found, memoryview)
        assert (found.format, found.shape, found.tobytes()) == ("B", (8,), b"abcdefgh")
    # A view of nothing cannot be cast.
    assert record_bytes(np.zeros((0, 3), np.uint8)) == record_bytes(b"") == b""


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ("text", "str (encode the text first)"),
        (7, "int"),
        (None, "NoneType"),
        (np.arange(3), "ndarray"),
        (np.arange(6, dtype=np.uint8)[::2], "ndarray"),
        (np.zeros((2, 3), np.uint8, order="F"), "ndarray"),
        (memoryview(b"abcd")[::2], "memoryview"),
    ],
)
def test_nothing_else_is_a_record(record: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"^a record is bytes-like and contiguous, not {re.escape(name)}$"):
        record_bytes(record)
