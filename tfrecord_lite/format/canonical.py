"""A serialized Example or SequenceExample written again in the canonical way.

    record  --decoded by protobuf's rules, encoded-->  record

The features are the same; what protobuf does not know is left out, and of what is there twice the one that counts
stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.example import (
    decode_example,
    decode_sequence_example,
    encode_example,
    encode_sequence_example,
)
from tfrecord_lite.format.values import with_kind
from tfrecord_lite.format.wire_format import LEN, split_fields

#: The fields of a SequenceExample, of which an Example does not have the second.
_CONTEXT, _FEATURE_LISTS = 1 << 3 | LEN, 2 << 3 | LEN


def canonical(record: bytes) -> bytes:
    """The record in the canonical bytes of what protobuf reads in it.

    Raises:
        DecodeError: protobuf would reject the bytes.
    """
    sequence = sequence_in(record)
    if sequence is None:
        return encode_example(_encodable(decode_example(record)))
    context, feature_lists = sequence
    has_context = any(tag == _CONTEXT for tag, _, _ in split_fields(record, 0, len(record)))
    lists = {name: [with_kind(value) for value in steps] for name, steps in feature_lists.items()}
    return encode_sequence_example(_encodable(context) if has_context else None, lists)


def sequence_in(record: bytes) -> tuple[dict[str, Any], dict[str, list[Any]]] | None:
    """(context, feature lists) of a record that has feature lists; None of an Example.

    An Example may hold a field of their number that it does not know, whose bytes are none.

    Raises:
        DecodeError: protobuf would reject the bytes.
    """
    if all(tag != _FEATURE_LISTS for tag, _, _ in split_fields(record, 0, len(record))):
        return None
    try:
        return decode_sequence_example(record)
    except DecodeError:
        return None


def _encodable(example: Mapping[str, Any]) -> dict[str, Any]:
    return {name: with_kind(value) for name, value in example.items()}
