"""Example and SequenceExample, one at a time: Python values <-> serialized bytes, by hand on the wire.

    Example            1: Features
    Features           1: entry, once a feature       entry        1: key (UTF-8)   2: Feature
    Feature            1: BytesList  or  2: FloatList  or  3: Int64List
    BytesList          1: bytes, once a value
    FloatList          1: packed little-endian float32
    Int64List          1: packed varints
    SequenceExample    1: Features (the context)   2: FeatureLists
    FeatureLists       1: entry, once a list          entry        1: key           2: FeatureList
    FeatureList        1: Feature, once a step

(tensorflow/core/example/{feature,example}.proto)

Encoding gives the canonical bytes: keys ascending by their UTF-8 bytes, in an entry the key and then the value, one
packed chunk, minimal varints. That is what `tf.train.Example(...).SerializeToString(deterministic=True)` gives,
except that upb sorts a key that is a prefix of another one after it.

Decoding reads what protobuf reads, however oddly it is written, and rejects what protobuf rejects: of equal keys the
last one wins, and see `map_entry`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from tfrecord_lite.errors import DecodeError, FeatureError
from tfrecord_lite.format import wire_format
from tfrecord_lite.format.map_entry import decode_entry, decode_feature, decode_feature_list, entry_spans
from tfrecord_lite.format.pieces import LARGE_VALUE, Pieces, coalesced, field, pieces_within_limit, total_size
from tfrecord_lite.format.usual_entry import decode_usual_entry
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST, byte_view, feature_values
from tfrecord_lite.format.wire_format import (
    LEN,
    MAX_MESSAGE_SIZE,
    encode_field,
    split_fields,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FIELD_1, _FIELD_2 = 1 << 3 | LEN, 2 << 3 | LEN


class Message(Protocol):
    """Anything that serializes itself as protobuf messages do: this package's, TensorFlow's."""

    def ByteSize(self) -> int: ...  # noqa: N802  protobuf's name
    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...  # noqa: N802


def encode_example(example: Mapping[str, Any] | Message) -> bytes:
    """The serialized Example of a mapping {name: value}.

    Values are bytes-like, str, bool, int, float, arrays and (nested) sequences of these, None for a feature without
    a kind, or generated Feature and list messages, TensorFlow's included. A whole message (a `tf.train.Example`)
    gives its own bytes.

    Raises:
        FeatureError: a value has no place in a feature, naming the key; or the Example would pass 2 GiB, protobuf's
        limit.
    """
    return b"".join(encode_pieces(example))


def encode_pieces(example: Mapping[str, Any] | Message) -> Pieces:
    """What `encode_example` gives, in pieces to be stored one after the other; errors as there.

    Large values are the caller's own buffers: whoever stores the pieces at once saves the copies.
    """
    if not isinstance(example, Mapping):
        return [serialize_message(example)]
    return pieces_within_limit(field(_FIELD_1, _encode_features(example)))


def encode_sequence_example(
    context: Mapping[str, Any] | None, feature_lists: Mapping[str, Iterable[Any]] | None
) -> bytes:
    """The serialized SequenceExample of a context (as for `encode_example`) and {name: one value a step}.

    An argument that is None is left out of the message; an empty mapping is present and empty.

    Raises:
        FeatureError: as `encode_example`; the key of a step reads `name[step]`.
    """
    for argument in (context, feature_lists):
        if not (argument is None or isinstance(argument, Mapping)):
            raise TypeError(f"context and feature lists are mappings or None, not {type(argument).__name__}")
    pieces = [] if context is None else field(_FIELD_1, _encode_features(context))
    if feature_lists is not None:
        lists = {key: _encode_feature_list(steps, key) for key, steps in feature_lists.items()}
        pieces += field(_FIELD_2, _encode_entries(lists))
    return b"".join(pieces_within_limit(pieces))


def serialize_message(message: Message) -> bytes:
    """The bytes of anything that serializes itself as protobuf messages do, in a fixed order of keys."""
    if not hasattr(message, "SerializeToString"):
        raise TypeError(f"an example is a mapping or a protobuf message, not {type(message).__name__}")
    size = message.ByteSize()
    if size > MAX_MESSAGE_SIZE:
        raise FeatureError(f"a message of {size} bytes is more than protobuf's limit of {MAX_MESSAGE_SIZE}")
    return message.SerializeToString(deterministic=True)


def record_bytes(record: Any) -> bytes | memoryview:
    """The bytes of a record as bytes or a flat view of bytes.

    Raises:
        TypeError: it is neither bytes-like and contiguous, nor a message.
    """
    if hasattr(record, "SerializeToString"):
        return encode_example(record)
    view = byte_view(record)
    if view is None or not view.c_contiguous:
        raise TypeError(
            f"a record is bytes-like and contiguous, not {type(record).__name__}"
            + (" (encode the text first)" if isinstance(record, str) else "")
        )
    return view.cast("B") if view.nbytes else b""


def encode_feature(value: Any, key: str) -> Pieces:
    """The serialized Feature of one value, in pieces; `key` is what errors name."""
    if hasattr(value, "SerializeToString"):
        return [_encode_feature_message(value, key)]
    kind, values = feature_values(value, key)
    if kind is None:
        return []
    if kind == BYTES_LIST:
        payload: Pieces = []
        for item in values:
            payload += field(_FIELD_1, [item])
        if total_size(payload) < LARGE_VALUE:
            payload = [b"".join(payload)]
    else:
        packed = values.tobytes() if kind == FLOAT_LIST else wire_format.encode_varints(values)
        payload = [encode_field(_FIELD_1, packed)] if packed else []
    pieces_within_limit(payload, key)
    return field(kind << 3 | LEN, payload)


def _encode_features(example: Mapping[str, Any]) -> Pieces:
    return _encode_entries({key: encode_feature(value, key) for key, value in example.items()})


def _encode_entries(values: Mapping[str, Pieces]) -> Pieces:
    entries: Pieces = []
    for key, value in sorted((encode_key(key), value) for key, value in values.items()):
        entries += field(_FIELD_1, [encode_field(_FIELD_1, key), *field(_FIELD_2, value)])
    return coalesced(entries)


def encode_key(key: Any) -> bytes:
    """The name of a feature as it is stored, UTF-8."""
    if not isinstance(key, str):
        raise FeatureError(f"the name of a feature is a str, not {type(key).__name__}", repr(key))
    try:
        return key.encode()
    except UnicodeEncodeError:
        raise FeatureError("a name with a lone surrogate is not UTF-8", key) from None


def _encode_feature_list(steps: Iterable[Any], key: str) -> Pieces:
    if isinstance(steps, (str, bytes, bytearray, memoryview)):
        raise FeatureError(f"a feature list has a value per step, but this is one {type(steps).__name__}", key)
    pieces: Pieces = []
    for step, value in enumerate(steps):
        pieces += field(_FIELD_1, encode_feature(value, f"{key}[{step}]"))
    return pieces


def _encode_feature_message(message: Any, key: str) -> bytes:
    name = message.DESCRIPTOR.name
    serialized = serialize_message(message)
    if name == "Feature":
        return serialized
    kinds = {"BytesList": BYTES_LIST, "FloatList": FLOAT_LIST, "Int64List": INT64_LIST}
    if name not in kinds:
        raise FeatureError(f"a message {name} has no place in a feature", key)
    return encode_field(kinds[name] << 3 | LEN, serialized)


def decode_example(serialized: Buffer, keys: Collection[str] | None = None) -> dict[str, Any]:
    """{name: value} of a serialized Example.

    Values are list[bytes], float32 array [n], int64 array [n], or None for a feature without a kind; a missing
    feature is absent. Arrays are the caller's own. `encode_example` takes all of them but an empty list, which does not
    say what it is a list of; an empty object array does. With `keys`, only those features are decoded and given, and
    the values of others are not looked at.

    Raises:
        DecodeError: protobuf would reject the bytes.
    """
    data = as_message(serialized)
    keys = as_keys(keys)
    example: dict[str, Any] = {}
    for tag, start, end in split_fields(data, 0, len(data)):
        if tag == _FIELD_1:
            example.update(_decode_features(data, start, end, keys))
    return example


def check_no_sequence_examples(records: Iterable[bytes]) -> None:
    """Raise a DecodeError if a record has feature lists, which `decode_example` would leave out."""
    for data in records:
        for tag, start, _ in split_fields(data, 0, len(data)):
            if tag == _FIELD_2:
                raise DecodeError("a SequenceExample, of which the feature lists have no place here", start)


def as_keys(keys: Collection[str] | None) -> Collection[str] | None:
    """The names of features to decode, in a form that is quickly searched. Raises TypeError: they are no names."""
    if keys is None or isinstance(keys, (frozenset, dict)):
        return keys
    if isinstance(keys, str):
        raise TypeError("keys is a collection of names, not one name")
    names = frozenset(keys)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name of a feature is a str, not {name!r}")
    return names


def decode_sequence_example(serialized: Buffer) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """(context, feature_lists) of a serialized SequenceExample: {name: value} and {name: [value of each step]}.

    Raises:
        DecodeError: protobuf would reject the bytes.
    """
    data = as_message(serialized)
    context: dict[str, Any] = {}
    feature_lists: dict[str, list[Any]] = {}
    for tag, start, end in split_fields(data, 0, len(data)):
        if tag == _FIELD_1:
            context.update(_decode_features(data, start, end, None))
        elif tag == _FIELD_2:
            feature_lists.update(_decode_feature_lists(data, start, end))
    return context, feature_lists


def as_message(serialized: Buffer) -> bytes:
    """The bytes of anything bytes-like. Raises TypeError for others."""
    if isinstance(serialized, bytes):
        return serialized
    view = byte_view(serialized)
    if view is None:
        raise TypeError(f"a serialized message is bytes-like, not {type(serialized).__name__}")
    return view.tobytes()


def _decode_features(data: bytes, start: int, end: int, keys: Collection[str] | None) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for at, stop in entry_spans(data, start, end):
        entry = decode_usual_entry(data, at, stop, keys)
        if entry is None:
            entry = decode_entry(data, at, stop, decode_feature, keys)
        if entry:
            features[entry[0]] = entry[1]
    return features


def _decode_feature_lists(data: bytes, start: int, end: int) -> dict[str, Any]:
    entries = [decode_entry(data, at, stop, decode_feature_list, None) for at, stop in entry_spans(data, start, end)]
    return {entry[0]: entry[1] for entry in entries if entry}
