"""Serialized Examples and SequenceExamples: protobuf says what they are, the plain path what comes of them.

For columns, the input is records with two bytes of length in front of each.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from damage import frame
from google.protobuf.message import DecodeError, Message

import tfrecord_lite as tfr
from fuzz.comparison import exact, outcome
from tfrecord_lite.format.columns.decode_examples import ParsedExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.messages import message_to_example, message_to_sequence_example
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.proto.example_pb2 import Example, SequenceExample

#: What is asked of the records; the seeds have these names.
FEATURES: list[dict[str, Any]] = [
    {"a": tfr.FixedLenFeature([], "int64"), "b": tfr.VarLenFeature("float32"), "c": tfr.RaggedFeature("string")},
    {"a": tfr.FixedLenFeature([], "int64", 7), "c": tfr.FixedLenFeature([1], "string", [b"none"])},
    {"a": tfr.RaggedFeature("int64"), "b": tfr.FixedLenSequenceFeature([], "float32", True)},
    {"b": tfr.FixedLenFeature([3], "float32"), "a": tfr.VarLenFeature("int64"), "c": tfr.VarLenFeature("string")},
]
LISTS: dict[str, Any] = {
    "a": tfr.FixedLenSequenceFeature([], "int64", True),
    "b": tfr.VarLenFeature("float32"),
    "c": tfr.RaggedFeature("string"),
}


def same_as_protobuf(data: bytes, decode: Callable[[bytes], Any], parse: Callable[[bytes], Any]) -> None:
    """Both refuse the bytes, or both give the same.

    But for one thing: within a group that it does not know, upb lets a field number 0 pass.
    """
    try:
        expected = exact(parse(data))
    except DecodeError:
        expected = None
    try:
        found = exact(decode(data))
    except tfr.DecodeError as error:
        if error.reason == "field number 0":
            return
        found = None
    assert found == expected


def parsed_by(message: type[Message], convert: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    return lambda data: convert(message.FromString(data))


def check_example(data: bytes) -> None:
    same_as_protobuf(data, tfr.decode_example, parsed_by(Example, message_to_example))


def check_sequence_example(data: bytes) -> None:
    same_as_protobuf(data, tfr.decode_sequence_example, parsed_by(SequenceExample, message_to_sequence_example))


def check_parsing(data: bytes) -> None:
    """Only errors of ours, and records decoded together are those parsed one by one."""
    for features in FEATURES:
        found, error = ParsedExampleDecoder(example_plan(features)).decode(Records.joined([data]))
        plain = outcome(lambda features=features: [tfr.parse_single_example(data, features)])  # type: ignore[misc]
        if error is None:
            assert exact(found) == plain
        else:
            assert type(error) is plain[0]
            assert not found
        outcome(lambda features=features: tfr.parse_example([data, data], features))  # type: ignore[misc]


def check_sequence_parsing(data: bytes) -> None:
    """Only errors of ours."""
    for context in FEATURES:
        outcome(lambda context=context: tfr.parse_single_sequence_example(data, context, LISTS))  # type: ignore[misc]
        outcome(lambda context=context: tfr.parse_sequence_example([data, data], context, LISTS))  # type: ignore[misc]


def with_lengths(records: list[bytes]) -> bytes:
    return b"".join(len(record).to_bytes(2, "little") + record for record in records)


def split(data: bytes) -> list[bytes]:
    records, position = [], 0
    while position + 2 <= len(data):
        end = position + 2 + int.from_bytes(data[position : position + 2], "little")
        records.append(data[position + 2 : end])
        position = end
    return records


def check_columns(data: bytes) -> None:
    """Columns are what parse_example gives, and one batch of a file is these columns.

    Which of several bad records is told of may differ: a file is read in order, parse_example asks first whether all
    are messages.
    """
    records = split(data)
    stored = b"".join(map(frame, records))
    for features in FEATURES:
        expected = outcome(lambda features=features: tfr.parse_example(records, features))  # type: ignore[misc]
        assert outcome(lambda features=features: tfr.decode_columns(records, features)) == expected  # type: ignore[misc]
        if records:
            try:
                batches = tfr.read_batches(io.BytesIO(stored), features, batch_size=len(records), num_threads=1)
                batch = exact(next(batches))
            except tfr.TFRecordError:
                batch = None
            assert batch == (expected if isinstance(expected, dict) else None)
