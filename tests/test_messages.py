"""Messages that are given as examples, as features or as parts of them, and what a message cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format import example as example_module
from tfrecord_lite.format import messages
from tfrecord_lite.format.example import check_no_sequence_examples
from tfrecord_lite.format.wire_format import decode_varints, encode_varint
from tfrecord_lite.proto import example_pb2


def test_a_message_beyond_protobufs_limit_is_refused_before_it_is_serialized(monkeypatch: pytest.MonkeyPatch) -> None:
    message = example_pb2.Example.FromString(tfr.encode_example({"k": bytes(100)}))
    monkeypatch.setattr(example_module, "MAX_MESSAGE_SIZE", message.ByteSize())
    assert tfr.encode_example(message) == message.SerializeToString(deterministic=True)
    monkeypatch.setattr(example_module, "MAX_MESSAGE_SIZE", message.ByteSize() - 1)
    with pytest.raises(tfr.FeatureError, match=f"a message of {message.ByteSize()} bytes is more than"):
        tfr.encode_example(message)


@pytest.mark.parametrize(
    ("context", "lists"), [(None, None), ({}, None), (None, {}), ({"a": 1}, None), (None, {"l": [1, None]})]
)
def test_a_part_of_a_sequence_example_that_is_none_is_left_out(context: object, lists: object) -> None:
    message = messages.sequence_example_to_message(context, lists)  # type: ignore[arg-type]
    serialized = tfr.encode_sequence_example(context, lists)  # type: ignore[arg-type]
    assert serialized == message.SerializeToString(deterministic=True)
    assert message.HasField("context") is (context is not None)
    assert message.HasField("feature_lists") is (lists is not None)


@pytest.mark.parametrize(
    "value",
    [
        example_pb2.Feature(int64_list=example_pb2.Int64List(value=[1, -1])),
        example_pb2.Int64List(value=[1, -1]),
        example_pb2.BytesList(value=[b"a"]),
        example_pb2.FloatList(value=[0.5]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_messages_are_values_of_features(value: object) -> None:
    serialized = tfr.encode_example({"k": value})
    assert messages.example_to_message({"k": value}).SerializeToString(deterministic=True) == serialized
    assert example_pb2.Example.FromString(serialized).features.feature["k"].WhichOneof("kind") is not None


def test_sequence_examples_are_refused_where_their_lists_would_be_lost() -> None:
    plain = tfr.encode_example({"k": 1})
    check_no_sequence_examples([b"", plain, tfr.encode_sequence_example({"k": 1}, None)])
    with pytest.raises(tfr.DecodeError, match="a SequenceExample") as caught:
        check_no_sequence_examples([plain, tfr.encode_sequence_example({"k": 1}, {"l": [1]})])
    assert caught.value.position == len(plain) + 2


@pytest.mark.parametrize("count", [1, 100])
def test_a_packed_varint_of_eleven_bytes_is_too_long(count: int) -> None:
    numbers = encode_varint(2**64 - 1) * count
    np.testing.assert_array_equal(decode_varints(numbers, 0, len(numbers)), [-1] * count)
    too_long = numbers + b"\x80" * 10 + b"\x00"
    with pytest.raises(tfr.DecodeError, match="varint"):
        decode_varints(too_long, 0, len(too_long))
