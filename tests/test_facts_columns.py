"""Columns: many Examples at once, against the same Examples one by one.

The records are made by hand, by the rules of protobuf's wire format, with all its oddities at random places. The oracle
is protobuf's upb backend with the generated classes, then `parse_example`, `decode_example` and `encode_example`, which
other tests hold against protobuf and TensorFlow, and TensorFlow itself where it reads what protobuf reads.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from damage import append_garbage, cut_at, flip_bit, python
from google.protobuf.internal import api_implementation
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ids import stable
from numpy.typing import NDArray
from test_facts_example import varint

import tfrecord_lite as tfr

needs_upb = pytest.mark.skipif(api_implementation.Type() != "upb", reason="upb is the oracle")

#: Seeds do not shrink to anything smaller: looking for it would only take time.
BOUNDED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=(Phase.explicit, Phase.generate))

Array = NDArray[Any]
INT64, FLOAT, BYTES = "int64", "float32", "string"

# The wire, by hand.

VARINT, FIXED64, DELIMITED, GROUP, END_GROUP, FIXED32 = range(6)
KIND_NUMBERS = {BYTES: 1, FLOAT: 2, INT64: 3}

#: What TensorFlow's own parser reads as protobuf does.
SHARED_ODDITIES = frozenset(
    {
        "unpacked",
        "empty packed chunk",
        "high bits in a varint",
        "overlong number",
        "value before key",
        "key order",
        "duplicate key",
        "features twice",
        "unknown field in Example",
    }
)
ODDITIES = SHARED_ODDITIES | {
    "several packed chunks",
    "packed and unpacked",
    "same kind twice",
    "two kinds",
    "a kind, another, the first again",
    "key twice",
    "value twice",
    "entry without value",
    "empty entry",
    "unknown field in Features",
    "unknown field in an entry",
    "unknown field in a Feature",
    "unknown field in a list",
    "overlong tag",
    "overlong length",
}


def delimited(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | DELIMITED) + varint(len(payload)) + payload


def plain_list(kind: str, values: Sequence[Any]) -> bytes:
    """The fields of a list: numbers in one packed chunk."""
    if kind == BYTES:
        return b"".join(delimited(1, value) for value in values)
    if not values:
        return b""
    return delimited(1, b"".join(varint(value) if kind == INT64 else value for value in values))


def plain_entry(key: bytes, kind: str, values: Sequence[Any]) -> bytes:
    feature = delimited(KIND_NUMBERS[kind], plain_list(kind, values))
    return delimited(1, delimited(1, key) + delimited(2, feature))


class Named(NamedTuple):
    """One feature of a layout: how many values it has, or None for any number of them."""

    key: bytes
    kind: str
    size: int | None
    may_miss: bool = False

    @property
    def name(self) -> str:
        return self.key.decode()


#: Values of a record: None for a feature without a kind; floats are four bytes, as their payload must not change.
Row = list[tuple[Named, list[Any] | None]]


class Wire:
    """Serializes rows, each oddity with a probability of `rate` wherever it can be."""

    def __init__(self, generator: np.random.Generator, oddities: Iterable[str] = (), rate: float = 0.05) -> None:
        self.generator = generator
        self.oddities = frozenset(oddities)
        self.rate = rate
        #: TensorFlow rejects groups anywhere, and an entry without a kind after another one of the same key.
        self.is_for_tensorflow = self.oddities <= SHARED_ODDITIES

    def happens(self, oddity: str) -> bool:
        return oddity in self.oddities and self.generator.random() < self.rate

    def below(self, end: int) -> int:
        return int(self.generator.integers(end))

    def tag(self, number: int, wire_type: int) -> bytes:
        return varint(number << 3 | wire_type, 2 + self.below(4) if self.happens("overlong tag") else 0)

    def delimited(self, number: int, payload: bytes) -> bytes:
        size = 2 + self.below(4) if self.happens("overlong length") else 0
        return self.tag(number, DELIMITED) + varint(len(payload), size) + payload

    def number(self, value: int) -> bytes:
        if self.happens("high bits in a varint"):
            ten = varint(value, 10)
            return ten[:9] + bytes([ten[9] | 2 * self.below(64)])
        return varint(value, 1 + self.below(10) if self.happens("overlong number") else 0)

    def unknown(self, number: int, *wire_types: int) -> bytes:
        """A field that nobody knows: of an unknown number, or of `number` with a wire type that is not its own."""
        if wire_types and self.below(2):
            wire_type = wire_types[self.below(len(wire_types))]
        else:
            number = [9, 15, 16, 1000, 2**29 - 1][self.below(5)]
            wire_type = self.below(6)
            if wire_type in (GROUP, END_GROUP) and self.is_for_tensorflow:
                wire_type = DELIMITED
        body = {
            VARINT: varint(self.below(2**40)),
            FIXED64: b"\x0a\x02\x08\x01\x0a\x02\x08\x01",
            DELIMITED: varint(5) + b"\x0a\x03\x0a\x01k",
            FIXED32: b"\x0a\x02\x08\x01",
        }
        if wire_type in body:
            return self.tag(number, wire_type) + body[wire_type]
        inner = varint(3 << 3 | VARINT) + b"\x07" + varint(1 << 3 | DELIMITED) + b"\x01k"
        return self.tag(number, GROUP) + inner + self.tag(number, END_GROUP)

    def list_fields(self, kind: str, values: Sequence[Any]) -> bytes:
        out = b""
        if kind == BYTES:
            for value in values:
                if self.happens("unknown field in a list"):
                    out += self.unknown(1, VARINT, FIXED32, FIXED64)
                out += self.delimited(1, value)
        elif self.happens("unpacked"):
            out += self.unpacked(kind, values)
        elif self.happens("several packed chunks"):
            for part in self.split(values, 3):
                out += self.packed(kind, part)
        elif self.happens("packed and unpacked"):
            for part in self.split(values, 4):
                out += self.packed(kind, part) if self.below(2) else self.unpacked(kind, part)
        elif values or self.happens("empty packed chunk"):
            out += self.packed(kind, values)
        if kind != BYTES and self.happens("unknown field in a list"):
            unknown = self.unknown(1, FIXED64, FIXED32 if kind == INT64 else VARINT)
            out = unknown + out if self.below(2) else out + unknown
        return out

    def packed(self, kind: str, values: Sequence[Any]) -> bytes:
        return self.delimited(1, b"".join(self.number(value) if kind == INT64 else value for value in values))

    def unpacked(self, kind: str, values: Sequence[Any]) -> bytes:
        if kind == INT64:
            return b"".join(self.tag(1, VARINT) + self.number(value) for value in values)
        return b"".join(self.tag(1, FIXED32) + value for value in values)

    def split(self, values: Sequence[Any], most: int) -> list[Sequence[Any]]:
        places = sorted(self.below(len(values) + 1) for _ in range(self.below(most)))
        return [values[begin:end] for begin, end in zip([0, *places], [*places, len(values)], strict=True)]

    def kind_field(self, kind: str, values: Sequence[Any]) -> bytes:
        return self.delimited(KIND_NUMBERS[kind], self.list_fields(kind, values))

    def feature(self, kind: str, values: Sequence[Any] | None) -> bytes:
        out = b""
        if values is not None:
            parts = self.split(values, 3) if self.happens("same kind twice") else [values]
            fields = [self.kind_field(kind, part) for part in parts]
            if self.happens("two kinds"):
                other = [name for name in KIND_NUMBERS if name != kind][self.below(2)]
                fields.insert(0, delimited(KIND_NUMBERS[other], plain_list(other, SOME_VALUES[other][: self.below(3)])))
                if self.happens("a kind, another, the first again"):
                    fields.insert(0, delimited(KIND_NUMBERS[kind], plain_list(kind, SOME_VALUES[kind])))
            if self.happens("unknown field in a Feature"):
                fields.insert(self.below(len(fields) + 1), self.unknown(1 + self.below(3), VARINT, FIXED32, FIXED64))
            out = b"".join(fields)
        elif self.happens("unknown field in a Feature"):
            out = self.unknown(1, VARINT)
        return out

    def entry(self, named: Named, values: Sequence[Any] | None) -> bytes:
        key = self.delimited(1, named.key)
        if self.happens("key twice"):
            key = delimited(1, b"another") + key
        if not named.key and self.happens("empty entry"):
            key = b""
        if values is not None and self.happens("value twice"):
            parts = [delimited(2, self.kind_field(named.kind, part)) for part in self.split(values, 3)]
            value = b"".join(parts)
        elif values is None and self.happens("entry without value"):
            value = b""
        else:
            value = self.delimited(2, self.feature(named.kind, values))
        payload = value + key if self.happens("value before key") else key + value
        return self.delimited(1, payload)

    def record(self, row: Row) -> bytes:
        entries = [self.entry(named, values) for named, values in row]
        for place, (named, values) in reversed(list(enumerate(row))):
            if self.happens("unknown field in an entry"):  # protobuf leaves such an entry out
                kind = list(KIND_NUMBERS)[self.below(3)]
                fields = delimited(1, named.key) + delimited(2, delimited(KIND_NUMBERS[kind], b""))
                entries.insert(self.below(len(entries) + 1), delimited(1, fields + varint(9 << 3) + b"\x05"))
                continue  # the places behind this one may have moved
            if self.happens("duplicate key") and not (self.is_for_tensorflow and values is None):
                kind = list(KIND_NUMBERS)[self.below(3)]
                entries.insert(self.below(place + 1), plain_entry(named.key, kind, SOME_VALUES[kind]))
        if self.happens("unknown field in Features"):
            entries.insert(self.below(len(entries) + 1), self.unknown(1, VARINT, FIXED32, FIXED64))
        shares = self.split(entries, 4) if self.happens("features twice") else [entries]
        parts = [self.delimited(1, b"".join(share)) for share in shares]
        if self.happens("unknown field in Example"):
            parts.insert(self.below(len(parts) + 1), self.unknown(1, VARINT, FIXED32, FIXED64))
        return b"".join(parts)


# Values and layouts.


def float_bytes(value: float) -> bytes:
    return struct.pack("<f", value)


SIGNALLING_NAN, PAYLOAD_NAN = b"\x01\x00\x80\x7f", b"\x34\x12\xc0\xff"
SOME_VALUES: dict[str, list[Any]] = {
    BYTES: [b"other", b"", b"x"],
    FLOAT: [float_bytes(8.5), SIGNALLING_NAN, float_bytes(0)],
    INT64: [-7, 0, 300],
}
BYTES_SIZES = [0, 0, 1, 1, 2, 15, 16, 17, 127, 128, 255, 256, 257, 5000]
LIST_SIZES = [0, 0, 0, 1, 1, 1, 2, 3, 12, 13, 31, 32, 33, 63, 64, 65, 126, 127, 128, 129, 200]
FLOATS = [*map(float_bytes, [0.0, -0.0, 1.5, -2.25, float("inf"), float("-inf"), 1e-45, 3.4e38])]
FLOATS += [SIGNALLING_NAN, PAYLOAD_NAN, b"\x00\x00\xc0\x7f", b"\x0a\x05\x0a\x03"]
INTS = [0, 0, 1, -1, 127, 128, 255, 16383, 16384, 2**31, -(2**31), 2**56, 2**63 - 1, -(2**63), -128, 2**35 - 1]
LOOKALIKES = [
    plain_entry(b"one", INT64, [6]),
    plain_entry(b"a", BYTES, [b"b"])[2:],
    delimited(1, plain_entry(b"one", INT64, [6])),
    b"\x0a\x03one\x12\x05\x1a\x03\x0a\x01\x07",
    b"trailing\0\0",
    b"\0",
]

LONG = "ключ-" * 30
KEYS = {
    "a prefix": [b"a", b"aa", b"aab", b"aaba"],
    "1, 7, 8, 127, 128 and 300 bytes": [b"k", b"seven77", b"eight888", b"x" * 127, b"y" * 128, b"z" * 300],
    "not ASCII": ["é".encode(), "中文".encode(), LONG.encode(), "\U0001f600".encode(), b"\0", "e\u0301".encode()],
    "the same length": [b"k1", b"k2", b"k3", b"k4"],
    "empty": [b"", b"one"],
}
ALL_KEYS = [key for keys in KEYS.values() for key in keys]


def layout_of(keys: Sequence[bytes], generator: np.random.Generator) -> list[Named]:
    """For each key a feature of some kind and count."""
    layout = []
    for key in keys:
        kind = list(KIND_NUMBERS)[int(generator.integers(3))]
        count = [1, 1, 2, 3, 40, None, None, None][int(generator.integers(8))]
        layout.append(Named(key, kind, count, count is None or bool(generator.integers(2))))
    return layout


LAYOUT = [
    Named(b"one", INT64, 1),
    Named(b"on", INT64, 2, True),
    Named(b"ones", INT64, None, True),
    Named("größe".encode(), FLOAT, 3),
    Named(b"f", FLOAT, None, True),
    Named(b"seven77", BYTES, 1),
    Named(b"eight888", BYTES, 2, True),
    Named(b"x" * 127, BYTES, None, True),
    Named(b"y" * 128, FLOAT, 1, True),
    Named(b"z" * 300, INT64, 1),
    Named(b"", INT64, None, True),
]


def random_values(named: Named, generator: np.random.Generator) -> list[Any]:
    count = named.size
    if count is None:
        count = LIST_SIZES[int(generator.integers(len(LIST_SIZES)))]
    if named.kind == FLOAT:
        return [FLOATS[place] for place in generator.integers(0, len(FLOATS), count)]
    if named.kind == INT64:
        if generator.random() < 0.5:  # one byte each: the list's size is the payload's
            return list(map(int, generator.integers(0, 128, count)))
        return [INTS[place] for place in generator.integers(0, len(INTS), count)]
    if generator.random() < 0.1:
        return [LOOKALIKES[place] for place in generator.integers(0, len(LOOKALIKES), count)]
    sizes = BYTES_SIZES if count < 4 else BYTES_SIZES[:-1]
    blobs = [generator.bytes(sizes[place]) for place in generator.integers(0, len(sizes), count)]
    return [blob[:-2] + b"\0\0" if len(blob) == 16 else blob for blob in blobs]


def random_row(layout: Sequence[Named], wire: Wire, gaps: float) -> Row:
    """Values for a layout; features that may miss do so, or have no kind, with a probability of `gaps` each."""
    row: Row = []
    for named in layout:
        if named.may_miss and wire.generator.random() < gaps:
            continue
        has_no_kind = named.may_miss and wire.generator.random() < gaps
        row.append((named, None if has_no_kind else random_values(named, wire.generator)))
    if wire.happens("key order"):
        row = [row[place] for place in wire.generator.permutation(len(row))]
    return row


def table(
    seed: int,
    count: int,
    oddities: Iterable[str] = ODDITIES,
    *,
    layout: Sequence[Named] = LAYOUT,
    rate: float = 0.05,
    gaps: float = 0.03,
) -> list[bytes]:
    wire = Wire(np.random.default_rng(seed), oddities, rate)
    return [wire.record(random_row(layout, wire, gaps)) for _ in range(count)]


DEFAULTS: dict[str, Any] = {INT64: -5, FLOAT: 2.5, BYTES: b"default"}


def features_of(layout: Sequence[Named], turn: int = 0) -> dict[str, Any]:
    """Features that fit the layout: fixed where the count is, else each class in turn; one in seven is left out."""
    features: dict[str, Any] = {"nowhere": tfr.FixedLenFeature([2], BYTES, [b"a", b"bc"])}
    for place, named in enumerate(layout, turn):
        choice = place % 4
        if place % 7 == 6:
            continue
        if named.size is not None and (choice or named.may_miss):
            default = [DEFAULTS[named.kind]] * named.size if named.may_miss else None
            shape = [] if named.size == 1 and place % 2 else [named.size]
            features[named.name] = tfr.FixedLenFeature(
                shape, named.kind, default if shape or not default else default[0]
            )
        elif choice == 0:
            features[named.name] = tfr.VarLenFeature(named.kind)
        elif choice == 1:
            features[named.name] = tfr.RaggedFeature(named.kind)
        elif choice == 2:
            features[named.name] = tfr.FixedLenSequenceFeature([], named.kind, True, DEFAULTS[named.kind])
        else:
            features[named.name] = tfr.RaggedFeature(named.kind, row_splits_dtype=np.int64)
        if isinstance(features[named.name], tfr.RaggedFeature):
            features["again " + named.name] = features[named.name]._replace(value_key=named.name)
    return features


# Outcomes that can be compared.


def array_outcome(array: Any) -> Any:
    if isinstance(array, tfr.BytesArray):
        assert array.blob.dtype == np.uint8
        assert array.offsets.dtype == np.int64
        assert array.blob.ndim == array.offsets.ndim == 1
        assert array.offsets[0] == 0
        assert array.offsets[-1] == array.blob.size
        assert array.offsets.size == array.size + 1 == int(np.prod(array.shape)) + 1
        objects = array.to_objects()
        assert objects.shape == tuple(array.shape)
        return "blob", array_outcome(objects)
    assert isinstance(array, np.ndarray)
    if array.dtype == object:
        items = array.tolist()
        assert all(type(item) is bytes for item in array.ravel())
        return "object", array.shape, items
    assert array.dtype.isnative
    return array.dtype.name, array.shape, array.tobytes()


def outcome(value: Any) -> Any:
    """A parsed value in a form that compares values bit for bit, dtypes, shapes and order of keys."""
    if isinstance(value, dict):
        return [(key, outcome(item)) for key, item in value.items()]
    if isinstance(value, tfr.SparseTensorValue):
        return "sparse", *map(array_outcome, value)
    if isinstance(value, tfr.RaggedTensorValue):
        return "ragged", outcome(value.values), array_outcome(value.row_splits)
    return array_outcome(value)


def as_blobs(value: Any) -> Any:
    """An outcome with the object arrays as the blobs that they are with bytes_as="blob"."""
    if isinstance(value, list):
        return [(key, as_blobs(item)) for key, item in value]
    if value[0] in ("sparse", "ragged"):
        return value[0], *map(as_blobs, value[1:])
    return ("blob", value) if value[0] == "object" else value


def attempt(run: Callable[[], Any]) -> Any:
    """The outcome, or the error as what can be compared."""
    try:
        return outcome(run())
    except (tfr.TFRecordError, TypeError) as error:
        return type(error), str(error), getattr(error, "record_number", None), getattr(error, "key", None)


def assert_columns_equal(records: Sequence[bytes], features: Mapping[str, Any]) -> None:
    """decode_columns gives what parse_example gives; the message says where, as the whole is too long to read."""
    expected = outcome(tfr.parse_example(records, features))
    for got, wanted in [
        (outcome(tfr.decode_columns(records, features)), expected),
        (outcome(tfr.decode_columns(records, features, bytes_as="blob")), as_blobs(expected)),
    ]:
        wrong = [key for (key, value), (_, other) in zip(got, wanted, strict=True) if value != other]
        assert not wrong, f"differs in {wrong}: {shrunk(records, features, wrong)}"
        assert got == wanted


def assert_same_outcome(records: Sequence[bytes], features: Mapping[str, Any]) -> Any:
    """decode_columns gives or raises what parse_example does: class, text, record_number and key."""
    expected = attempt(lambda: tfr.parse_example(records, features))
    got = attempt(lambda: tfr.decode_columns(records, features))
    assert got == expected
    return expected


def shrunk(records: Sequence[bytes], features: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The fewest records at one end and the other that still make a difference, for the message of a failure."""
    few = {key: features[key] for key in keys[:1]}

    def differs(part: Sequence[bytes]) -> bool:
        return bool(attempt(lambda: tfr.decode_columns(part, few)) != attempt(lambda: tfr.parse_example(part, few)))

    part = list(records)
    step = len(part) // 2
    while step:
        begin = 0
        while begin < len(part):
            fewer = part[:begin] + part[begin + step :]
            if differs(fewer):
                part = fewer
            else:
                begin += step
        step //= 2
    return few, part


# The oracle: protobuf's own reading, put into columns by the shortest code there is.


def message_values(feature: Any) -> tuple[str, list[Any] | Array] | None:
    kind = feature.WhichOneof("kind")
    if kind is None:
        return None
    if kind == "float_list":  # from the wire, as a Python float changes signalling NaNs
        floats = type(feature.float_list)()
        floats.CopyFrom(feature.float_list)
        floats.DiscardUnknownFields()
        raw = floats.SerializeToString()
        return FLOAT, np.frombuffer(raw[len(raw) - 4 * len(floats.value) :], "<f4").astype(np.float32)
    return (INT64 if kind == "int64_list" else BYTES), list(getattr(feature, kind).value)


def filled(kind: str, values: Sequence[Any]) -> Array:
    if kind == BYTES:
        array = np.empty(len(values), object)
        array[:] = values
        return array
    return np.array(values, np.dtype(kind)) if len(values) else np.empty(0, kind)


def joined(kind: str, rows: Sequence[Sequence[Any]]) -> Array:
    return np.concatenate([filled(kind, []), *(filled(kind, row) for row in rows)])


def protobuf_column(messages: Sequence[Any], name: str, feature: Any) -> Any:
    """What a feature is to give, from messages whose values fit it."""
    key = getattr(feature, "value_key", None) or name
    kind = feature.dtype if isinstance(feature.dtype, str) else np.dtype(feature.dtype).name
    rows: list[Any] = []
    for message in messages:
        known = message_values(message.features.feature[key]) if key in message.features.feature else None
        assert known is None or known[0] == kind
        rows.append(None if known is None else known[1])
    if isinstance(feature, tfr.FixedLenFeature):
        shape = tuple(feature.shape)
        default = (
            None
            if feature.default_value is None
            else filled(kind, np.array(feature.default_value, object).ravel().tolist())
        )
        rows = [default if row is None else row for row in rows]
        return joined(kind, rows).reshape(len(rows), *shape)
    rows = [[] if row is None else row for row in rows]
    lengths = [len(row) for row in rows]
    if isinstance(feature, tfr.VarLenFeature):
        indices = [(number, place) for number, length in enumerate(lengths) for place in range(length)]
        dense_shape = np.array([len(rows), max(lengths, default=0)])
        return tfr.SparseTensorValue(np.array(indices, np.int64).reshape(-1, 2), joined(kind, rows), dense_shape)
    if isinstance(feature, tfr.RaggedFeature):
        splits = np.cumsum([0, *lengths]).astype(feature.row_splits_dtype)
        return tfr.RaggedTensorValue(joined(kind, rows), splits)
    longest = max(lengths, default=0)
    padded = filled(kind, [feature.default_value] * (len(rows) * longest)).reshape(len(rows), longest)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = filled(kind, row)
    return padded


def assert_protobuf_agrees(records: Sequence[bytes], features: Mapping[str, Any]) -> None:
    messages = [tfr.Example.FromString(record) for record in records]
    columns = tfr.decode_columns(records, features)
    assert list(columns) == list(tfr.parse_example(records[:1], features))
    for name, feature in features.items():
        assert outcome(columns[name]) == outcome(protobuf_column(messages, name, feature)), name


# decode_columns: whatever is in the batch.


@needs_upb
@pytest.mark.parametrize("oddity", sorted(ODDITIES))
def test_an_oddity_in_few_records_changes_nothing_else(oddity: str) -> None:
    for seed, rate in [(1, 0.02), (2, 0.3), (3, 1.0)]:
        records = table(seed, 40, {oddity}, rate=rate)
        assert_columns_equal(records, features_of(LAYOUT, seed))
        assert_protobuf_agrees(records, features_of(LAYOUT, seed))


@needs_upb
@pytest.mark.parametrize("gaps", [0.0, 0.05, 0.5, 1.0])
def test_canonical_records_with_and_without_gaps(gaps: float) -> None:
    records = table(4, 80, (), gaps=gaps)
    for turn in range(4):
        assert_columns_equal(records, features_of(LAYOUT, turn))
        assert_protobuf_agrees(records, features_of(LAYOUT, turn))


@needs_upb
@pytest.mark.parametrize("keys", KEYS)
def test_keys_of_every_size_and_kind(keys: str) -> None:
    for seed in range(6):
        layout = layout_of(KEYS[keys], np.random.default_rng(seed))
        records = table(seed, 80, ODDITIES if seed % 2 else (), layout=layout, rate=0.02)
        assert_columns_equal(records, features_of(layout, seed))
        assert_protobuf_agrees(records, features_of(layout, seed))


@needs_upb
@settings(BOUNDED, max_examples=60)
@given(
    st.integers(0, 2**32),
    st.integers(0, 120),
    st.sets(st.sampled_from(sorted(ODDITIES))),
    st.sampled_from([0.001, 0.01, 0.1, 0.5]),
    st.sampled_from([0.0, 0.02, 0.5]),
    st.lists(st.sampled_from(ALL_KEYS), min_size=1, max_size=6, unique=True),
)
def test_columns_equal_parsed_examples(
    seed: int, count: int, oddities: set[str], rate: float, gaps: float, keys: list[bytes]
) -> None:
    layout = layout_of(keys, np.random.default_rng(seed))
    records = table(seed, count, oddities, layout=layout, rate=rate, gaps=gaps)
    features = features_of(layout, seed % 8)
    assert_columns_equal(records, features)
    assert_protobuf_agrees(records, features)


@settings(BOUNDED, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([0.0, 0.02, 0.3]))
def test_features_that_may_not_fit_give_the_same_outcome(seed: int, count: int, gaps: float) -> None:
    generator = np.random.default_rng(seed)
    layout = layout_of([b"a", b"ab", b"abc", b"b"], generator)
    records = table(seed, count, ODDITIES, layout=layout, rate=0.02, gaps=gaps)
    features = features_of(layout_of([b"a", b"ab", b"abc", b"b", b"c"], generator))
    if seed % 3 == 0:
        features["s"] = tfr.SparseFeature("a", "ab", INT64, 100)
        features["p"] = tfr.RaggedFeature(FLOAT, "b", [tfr.RaggedFeature.RowLengths("a")])
    assert_same_outcome(records, features)
    # The features one by one: one that fails does not hide the others.
    for name, feature in features.items():
        assert_same_outcome(records, {name: feature})


def test_thousands_of_records() -> None:
    records = table(5, 3000, layout=LAYOUT[:6], rate=0.002, gaps=0.001)
    assert_columns_equal(records, features_of(LAYOUT[:6], 1))


def test_wide_lists_and_large_values_beside_small_ones() -> None:
    layout = [Named(b"ints", INT64, None), Named(b"blob", BYTES, None), Named(b"floats", FLOAT, None)]
    wire = Wire(np.random.default_rng(0), ODDITIES, 0.02)
    records = []
    for size in [0, 1, 5, 70_000, 2, 0, 1637, 1638, 1639, 16383, 16384, 3, 5000]:
        ints = [INTS[place] for place in wire.generator.integers(0, len(INTS), size)]
        floats = [FLOATS[place] for place in wire.generator.integers(0, len(FLOATS), size // 4)]
        blob = [b"\0" * size, b"", b"x" * (size % 7)]
        records.append(wire.record(list(zip(layout, [ints, blob, floats], strict=True))))
    assert_columns_equal(records, features_of(layout, 0))
    assert_columns_equal(records, features_of(layout, 1))


def mutated(record: bytes) -> Iterator[bytes]:
    for place, byte in enumerate(record):
        for other in {byte ^ 1, byte ^ 2, byte ^ 8, byte ^ 0x10, byte ^ 0x80, 0, 255, byte + 1 & 255} - {byte}:
            yield record[:place] + bytes([other]) + record[place + 1 :]


SMALL: Row = [
    (Named(b"ab", INT64, 2), [5, 300]),
    (Named(b"ac", FLOAT, 1), [float_bytes(1.5)]),
    (Named(b"b", BYTES, 1), [b"xyz"]),
]
SMALL_FEATURES: dict[str, Any] = {
    "ab": tfr.FixedLenFeature([2], INT64),
    "ac": tfr.FixedLenFeature([], FLOAT, 0.5),
    "b": tfr.RaggedFeature(BYTES),
}
SMALL_RECORD = Wire(np.random.default_rng(0)).record(SMALL)


def test_one_changed_byte_of_one_record_means_what_it_means_to_the_plain_decoder() -> None:
    for changed in mutated(SMALL_RECORD):
        for batch in ([SMALL_RECORD] * 5 + [changed] + [SMALL_RECORD] * 2, [changed] * 3):
            for features in (SMALL_FEATURES, {"b": tfr.VarLenFeature(BYTES), "z": tfr.VarLenFeature(INT64)}):
                assert_same_outcome(batch, features)


def test_a_record_cut_anywhere_means_what_it_means_to_the_plain_decoder() -> None:
    for end in range(len(SMALL_RECORD)):
        for batch in ([SMALL_RECORD, SMALL_RECORD[:end], SMALL_RECORD], [SMALL_RECORD[:end]] * 3):
            assert_same_outcome(batch, SMALL_FEATURES)
    for garbage in (b"\0", b"\x0a", b"\x48\x05", SMALL_RECORD, b"\x0a\0", b"\x12\0"):
        batch = [SMALL_RECORD, append_garbage(SMALL_RECORD, garbage), SMALL_RECORD]
        assert_same_outcome(batch, SMALL_FEATURES)


def test_values_that_are_swapped_between_records_of_one_size() -> None:
    """Every record has the same length, and other things at the same places."""
    rows = []
    for keys in (b"ab", b"ba"):
        for kinds in ((INT64, BYTES), (BYTES, INT64)):
            for sizes in ((1, 3), (3, 1), (2, 2)):
                values = [
                    [65] * size if kind == INT64 else [b"A" * size] for kind, size in zip(kinds, sizes, strict=True)
                ]
                parts = zip(keys.decode(), kinds, values, strict=True)
                rows.append(b"".join(plain_entry(key.encode(), kind, value) for key, kind, value in parts))
    records = [delimited(1, row) for row in rows]
    for kind in (INT64, BYTES):
        for key in "ab":
            fitting = [r for r in records if tfr.decode_example(r)[key].__class__ is (np.ndarray, list)[kind == BYTES]]
            assert_columns_equal(fitting * 20, {key: tfr.RaggedFeature(kind)})
            assert_same_outcome(records, {key: tfr.RaggedFeature(kind)})


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda record: np.frombuffer(record, np.uint8)])
def test_records_may_be_anything_bytes_like(kind: Callable[[bytes], Any]) -> None:
    records = table(6, 50)
    features = features_of(LAYOUT)
    expected = outcome(tfr.parse_example(records, features))
    assert outcome(tfr.decode_columns(list(map(kind, records)), features)) == expected
    assert outcome(tfr.decode_columns(map(kind, records), features)) == expected


def test_records_may_stand_in_an_object_array() -> None:
    records = table(7, 20)
    array = np.empty(20, object)
    array[:] = records
    assert outcome(tfr.decode_columns(array, features_of(LAYOUT))) == outcome(
        tfr.decode_columns(records, features_of(LAYOUT))
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_records(count: int) -> None:
    for turn in range(4):
        assert_columns_equal(table(turn, count), features_of(LAYOUT, turn))


MISSING: dict[str, Any] = {
    "no default": tfr.FixedLenFeature([2], INT64),
    "default": tfr.FixedLenFeature([2], FLOAT, [1, 2]),
    "default of bytes": tfr.FixedLenFeature([1, 2], BYTES, [[b"a", b""]]),
    "var": tfr.VarLenFeature(INT64),
    "ragged": tfr.RaggedFeature(BYTES),
    "sequence": tfr.FixedLenSequenceFeature([2], FLOAT, True),
    "sparse": tfr.SparseFeature("i", "v", INT64, 7),
    "partitions": tfr.RaggedFeature(INT64, "v", [tfr.RaggedFeature.RowSplits("i")]),
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("row", [[], [(Named(b"other", INT64, 1), [3])], [(Named(b"k", INT64, 1), None)]], ids=len)
def test_a_feature_that_no_record_has(name: str, row: Row) -> None:
    records = [Wire(np.random.default_rng(0)).record(row)] * 9
    expected = assert_same_outcome(records, {"k": MISSING[name]})
    assert (expected[0] is tfr.FeatureError) == (name == "no default")


REFUSED_FEATURES: dict[str, Any] = {
    "none": {},
    "not a feature": {"k": 3},
    "a list of them": {"k": [tfr.VarLenFeature(INT64)]},
    "a bad dtype": {"k": tfr.VarLenFeature(np.int32)},
    "a default that does not fit": {"k": tfr.FixedLenFeature([2], INT64, [1, 2, 3])},
    "an unknown shape": {"k": tfr.FixedLenFeature([None], INT64)},
    "allow_missing=False": {"k": tfr.FixedLenSequenceFeature([], INT64)},
}


@pytest.mark.parametrize("name", REFUSED_FEATURES)
@pytest.mark.parametrize("count", [0, 1, 10])
def test_features_of_no_use_are_refused_as_parse_example_refuses_them(name: str, count: int, tmp_path: Path) -> None:
    records = [SMALL_RECORD] * count
    write_file(tmp_path / "a", records)
    assert assert_same_outcome(records, REFUSED_FEATURES[name])[0] in (tfr.FeatureError, TypeError)
    with pytest.raises((tfr.FeatureError, TypeError)):
        tfr.read_batches(tmp_path / "a", REFUSED_FEATURES[name])  # when called, not when iterated


# TensorFlow, where it reads what protobuf reads.


def tensor_outcome(value: Any) -> Any:
    array = np.asarray(value.numpy(), value.dtype.as_numpy_dtype)
    return array_outcome(array)


def tensorflows(feature: Any) -> Any:
    import tensorflow as tf

    fields = [getattr(tf, field) if isinstance(field, str) and field in DEFAULTS else field for field in feature]
    if isinstance(feature, tfr.RaggedFeature):
        fields[3] = tf.as_dtype(np.dtype(feature.row_splits_dtype))
    return getattr(tf.io, type(feature).__name__)(*fields)


@pytest.mark.parametrize("seed", range(4))
def test_tensorflow_parses_the_same_columns(seed: int) -> None:
    tf = pytest.importorskip("tensorflow")
    records = table(seed, 300, SHARED_ODDITIES, rate=0.05)
    features = features_of([named for named in LAYOUT if named.key], seed)  # TensorFlow takes no empty value_key
    parsed = tf.io.parse_example(
        tf.constant(records, tf.string), {name: tensorflows(feature) for name, feature in features.items()}
    )
    for name, value in tfr.decode_columns(records, features).items():
        theirs = parsed[name]
        if isinstance(theirs, tf.SparseTensor):
            expected: Any = ("sparse", *map(tensor_outcome, (theirs.indices, theirs.values, theirs.dense_shape)))
        elif isinstance(theirs, tf.RaggedTensor):
            expected = ("ragged", tensor_outcome(theirs.values), tensor_outcome(theirs.row_splits))
        else:
            expected = tensor_outcome(theirs)
        assert outcome(value) == expected, name


# read_batches and read_examples: the same from files.


@functools.cache
def shared_table() -> tuple[bytes, ...]:
    return tuple(table(8, 600, rate=0.004))


def framed(records: Iterable[bytes]) -> list[bytes]:
    """Frames, fast; that `masked_crc32c` is right is shown elsewhere."""
    heads = ((struct.pack("<Q", len(record)), record) for record in records)
    crc = tfr.masked_crc32c
    return [head + struct.pack("<I", crc(head)) + record + struct.pack("<I", crc(record)) for head, record in heads]


def write_file(path: Path, records: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(framed(records)))
    return path


def in_batches(records: Sequence[bytes], size: int, *, drop_remainder: bool = False) -> list[Sequence[bytes]]:
    end = len(records) - (len(records) % size if drop_remainder else 0)
    return [records[begin : begin + size] for begin in range(0, end, size)]


def parsed_batches(records: Sequence[bytes], features: Mapping[str, Any], size: int, **options: Any) -> list[Any]:
    return [outcome(tfr.parse_example(batch, features)) for batch in in_batches(records, size, **options)]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("size", [1, 7, 128, 5000])
def test_batches_are_what_parse_example_gives(tmp_path: Path, size: int, num_threads: int | None) -> None:
    records = shared_table()[:60] if size == 1 else shared_table()
    path = write_file(tmp_path / "a", records)
    features = features_of(LAYOUT, 2)
    batches = tfr.read_batches(path, features, batch_size=size, num_threads=num_threads)
    assert list(map(outcome, batches)) == parsed_batches(records, features, size)


@pytest.mark.parametrize("drop_remainder", [False, True])
@pytest.mark.parametrize("size", [1, 7, 61, 5000])
def test_batches_go_on_across_files(tmp_path: Path, size: int, drop_remainder: bool) -> None:
    records = shared_table()[:120]
    counts = [1, 0, 60, 9, 20, 0, 30, 0]
    places = list(itertools.accumulate(counts, initial=0))
    paths = [
        write_file(tmp_path / f"part-{number}", records[begin:end])
        for number, (begin, end) in enumerate(itertools.pairwise(places))
    ]
    features = features_of(LAYOUT, 1)
    expected = parsed_batches(records, features, size, drop_remainder=drop_remainder)
    for given_paths in (paths, tmp_path, str(tmp_path / "part-*"), list(map(str, paths))):
        batches = tfr.read_batches(given_paths, features, batch_size=size, drop_remainder=drop_remainder)
        assert list(map(outcome, batches)) == expected


@pytest.mark.parametrize("num_threads", [None, 1, 2])
@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_batches_of_compressed_files(tmp_path: Path, compression_type: str, num_threads: int | None) -> None:
    records = shared_table()[:300]
    with tfr.TFRecordWriter(tmp_path / "a", compression_type) as writer:
        for record in records:
            writer.write(record)
    features = features_of(LAYOUT, 3)
    for type_given in (None, compression_type):
        batches = tfr.read_batches(
            tmp_path / "a", features, batch_size=70, num_threads=num_threads, compression_type=type_given
        )
        assert list(map(outcome, batches)) == parsed_batches(records, features, 70)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_batches_of_blobs(tmp_path: Path, num_threads: int) -> None:
    records = shared_table()[:200]
    path = write_file(tmp_path / "a", records)
    for turn in range(4):
        features = features_of(LAYOUT, turn)
        batches = tfr.read_batches(path, features, batch_size=97, bytes_as="blob", num_threads=num_threads)
        assert list(map(outcome, batches)) == list(map(as_blobs, parsed_batches(records, features, 97)))


def test_batches_of_a_file_object(tmp_path: Path) -> None:
    records = shared_table()[:100]
    features = features_of(LAYOUT)
    with open(write_file(tmp_path / "a", records), "rb") as file:
        batches = list(map(outcome, tfr.read_batches(file, features, batch_size=30)))
    assert batches == parsed_batches(records, features, 30)


def test_large_records_among_small_ones_in_batches(tmp_path: Path) -> None:
    """Frames as large as what is read at once, and larger."""
    layout = [Named(b"blob", BYTES, 1), Named(b"label", INT64, 1)]
    sizes = [10, 2**20 - 60, 2**20, 2**20 + 1, 5, 0, 9_000_000, 1, 300_000, 70_000] + [100] * 300
    wire = Wire(np.random.default_rng(0))
    blobs = [np.random.default_rng(number).bytes(size) for number, size in enumerate(sizes)]
    records = [wire.record(list(zip(layout, [[blob], [number]], strict=True))) for number, blob in enumerate(blobs)]
    path = write_file(tmp_path / "a", records)
    features = {"blob": tfr.FixedLenFeature([], BYTES), "label": tfr.FixedLenFeature([], INT64)}
    for size, num_threads in itertools.product([4, 1024], [1, 2]):
        batches = list(tfr.read_batches(path, features, batch_size=size, num_threads=num_threads))
        assert [blob for batch in batches for blob in batch["blob"].tolist()] == blobs
        assert [label for batch in batches for label in batch["label"].tolist()] == list(range(len(sizes)))


def arrays_of(value: Any) -> list[Array]:
    if isinstance(value, dict):
        return [array for item in value.values() for array in arrays_of(item)]
    if isinstance(value, tfr.BytesArray):
        return [value.blob, value.offsets]
    if isinstance(value, tfr.RaggedTensorValue):
        return [*arrays_of(value.values), value.row_splits]
    if isinstance(value, tuple):
        return [array for item in value for array in arrays_of(item)]
    return [value]


def spoil(array: Array) -> None:
    array[...] = b"garbage" if array.dtype == object else np.array(77, array.dtype)


def raw(array: Array) -> Any:
    return array.tolist() if array.dtype == object else array.tobytes()


@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_arrays_of_a_batch_are_the_callers_own(tmp_path: Path, num_threads: int, bytes_as: Any) -> None:
    layout = [*LAYOUT, Named(b"plain", FLOAT, 8), Named(b"same", INT64, 1)]
    default = np.array([1.0, 2.0], np.float32)
    features = {
        **{name: feature for name, feature in features_of(layout, 3).items() if not name.startswith("again ")},
        "plain": tfr.FixedLenFeature([8], FLOAT),
        "defaults": tfr.FixedLenFeature([2], FLOAT, default),
        "other defaults": tfr.FixedLenFeature([2], FLOAT, default),
    }
    for oddities in ((), ODDITIES):
        records = table(9, 64, oddities, layout=layout, rate=0.01, gaps=0.0)
        path = write_file(tmp_path / "a", records)
        wanted = list(tfr.read_batches(path, features, batch_size=16, bytes_as=bytes_as))
        batches = tfr.read_batches(path, features, batch_size=16, bytes_as=bytes_as, num_threads=num_threads)
        for batch, other in zip(batches, wanted, strict=True):
            assert outcome(batch) == outcome(other)
            for array, before in zip(arrays_of(batch), arrays_of(other), strict=True):
                assert array.flags.writeable
                assert raw(array) == raw(before)  # spoiling the others has not changed this one
                spoil(array)
        assert default.tolist() == [1.0, 2.0]
        columns = tfr.decode_columns(records, features, bytes_as=bytes_as)
        other = tfr.decode_columns(records, features, bytes_as=bytes_as)
        for array, before in zip(arrays_of(columns), arrays_of(other), strict=True):
            assert array.flags.writeable
            assert raw(array) == raw(before)
            spoil(array)


def test_batches_kept_do_not_change_while_later_ones_are_read(tmp_path: Path) -> None:
    records = shared_table()
    path = write_file(tmp_path / "a", records)
    features = features_of(LAYOUT, 2)
    for num_threads in (1, 2):
        batches = list(tfr.read_batches(path, features, batch_size=64, num_threads=num_threads))
        assert list(map(outcome, batches)) == parsed_batches(records, features, 64)


# Examples, decoded ahead.


def exact(value: Any) -> Any:
    """An example as decode_example gives it, with its types and the order of its keys."""
    assert type(value) is dict
    out: list[Any] = []
    for key, item in value.items():
        assert type(key) is str
        if isinstance(item, np.ndarray):
            assert item.ndim == 1
            out.append((key, item.dtype.str, item.tobytes(), item.flags.writeable))
        else:
            assert item is None or type(item) is list
            assert item is None or all(type(each) is bytes for each in item)
            out.append((key, item))
    return out


def assert_examples_equal(path: Any, records: Sequence[bytes], **options: Any) -> None:
    examples = list(tfr.read_examples(path, **options))
    assert len(examples) == len(records)
    for number, (example, record) in enumerate(zip(examples, records, strict=True)):
        assert exact(example) == exact(tfr.decode_example(record, options.get("keys"))), (number, record)


@pytest.mark.parametrize("oddity", ["none", *sorted(ODDITIES)])
def test_examples_read_are_the_examples_decoded(tmp_path: Path, oddity: str) -> None:
    for rate, gaps in [(0.02, 0.02), (0.5, 0.3)]:
        records = table(10, 40, {oddity} & ODDITIES, rate=rate, gaps=gaps)
        assert_examples_equal(write_file(tmp_path / "a", records), records)


@pytest.mark.parametrize("keys", KEYS)
def test_examples_read_with_keys_of_every_size_and_kind(tmp_path: Path, keys: str) -> None:
    for seed in range(6):
        layout = layout_of(KEYS[keys], np.random.default_rng(seed))
        records = table(seed, 60, ODDITIES if seed % 2 else (), layout=layout, rate=0.02)
        assert_examples_equal(write_file(tmp_path / "a", records), records)


def test_examples_of_many_files_and_of_some_keys(tmp_path: Path) -> None:
    records = shared_table()
    paths = [write_file(tmp_path / "1", records[:300]), tmp_path / "2", write_file(tmp_path / "3", records[301:])]
    paths[1].write_bytes(gzip.compress(framed(records[300:301])[0]))
    assert_examples_equal(paths, records)
    assert_examples_equal(tmp_path, records)
    for keys in ({"one", "f", "nowhere"}, [""], set[str]()):
        assert_examples_equal(paths, records, keys=keys)


@settings(BOUNDED, max_examples=40)
@given(
    st.integers(0, 2**32),
    st.integers(0, 60),
    st.sampled_from([0.0, 0.01, 0.1]),
    st.lists(st.sampled_from(ALL_KEYS), max_size=6, unique=True),
)
def test_examples_of_any_table(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, rate: float, keys: list[bytes]
) -> None:
    layout = layout_of(keys, np.random.default_rng(seed))
    records = table(seed, count, layout=layout, rate=rate)
    assert_examples_equal(write_file(tmp_path_factory.mktemp("a") / "a", records), records)


def why_undecodable(record: bytes) -> tuple[str, int | None] | None:
    try:
        tfr.decode_example(record)
    except tfr.DecodeError as error:
        return error.reason, error.position
    return None


def test_examples_with_one_changed_byte(tmp_path: Path) -> None:
    """A record that is no Example ends the reading, after those before it; any other is what it is when alone."""
    batches = []
    for changed in mutated(SMALL_RECORD):
        why = why_undecodable(changed)
        if why is None:
            batches += [changed, SMALL_RECORD]
            continue
        path = write_file(tmp_path / "a", [SMALL_RECORD] * 3 + [changed, SMALL_RECORD])
        examples = tfr.read_examples(path)
        for _ in range(3):
            assert exact(next(examples)) == exact(tfr.decode_example(SMALL_RECORD))
        with pytest.raises(tfr.DecodeError) as caught:
            next(examples)
        assert (caught.value.reason, caught.value.position) == why
        assert facts(caught.value) == (str(path), 3, 3 * (len(SMALL_RECORD) + 16))
    assert_examples_equal(write_file(tmp_path / "a", batches), batches)


def test_arrays_and_lists_of_an_example_are_the_callers_own(tmp_path: Path) -> None:
    records = table(11, 100, (), gaps=0.0)
    path = write_file(tmp_path / "a", records)
    for example, record in zip(tfr.read_examples(path), records, strict=True):
        expected = tfr.decode_example(record)
        for key, value in example.items():
            assert exact({key: value}) == exact({key: expected[key]})
            if isinstance(value, np.ndarray):
                spoil(value)
            else:
                value.append(b"garbage")


@pytest.mark.parametrize("turn", range(4))
def test_examples_with_features_are_parsed_one_by_one(tmp_path: Path, turn: int) -> None:
    records = shared_table()[:150]
    features = features_of(LAYOUT, turn)
    path = write_file(tmp_path / "a", records)
    examples = list(tfr.read_examples(path, features))
    assert list(map(outcome, examples)) == [outcome(tfr.parse_single_example(record, features)) for record in records]


def test_an_example_that_is_not_what_the_features_ask_for_comes_after_the_ones_before(tmp_path: Path) -> None:
    bad = delimited(1, plain_entry(b"ab", INT64, [1]))
    path = write_file(tmp_path / "a", [SMALL_RECORD] * 20 + [bad] + [SMALL_RECORD] * 5)
    examples = tfr.read_examples(path, SMALL_FEATURES)
    assert len(list(itertools.islice(examples, 20))) == 20
    with pytest.raises(tfr.FeatureError) as caught:
        next(examples)
    assert facts(caught.value) == (str(path), 20, 20 * (len(SMALL_RECORD) + 16))


# Records that are no good, and files that are no good.


def facts(error: tfr.TFRecordError) -> tuple[Any, Any, Any]:
    return error.path and os.fspath(error.path), error.record_number, error.offset


class Ending(NamedTuple):
    batches: list[Any]
    error: tfr.TFRecordError | None


def read_all(paths: Any, features: Mapping[str, Any] | None, size: int, **options: Any) -> Ending:
    batches: list[Any] = []
    try:
        for batch in tfr.read_batches(paths, features, batch_size=size, **options):
            batches.append(outcome(batch))  # noqa: PERF401 - what came before an error counts
    except tfr.TFRecordError as error:
        return Ending(batches, error)
    return Ending(batches, None)


BAD_RECORDS: dict[str, tuple[bytes, type[tfr.TFRecordError]]] = {
    "cut": (SMALL_RECORD[:-1], tfr.DecodeError),
    "key not UTF-8": (delimited(1, plain_entry(b"\xff", INT64, [1])), tfr.DecodeError),
    "field 0": (SMALL_RECORD + b"\0\0", tfr.DecodeError),
    "tag of 6 bytes": (varint(10, 6) + SMALL_RECORD[1:], tfr.DecodeError),
    "wrong count": (delimited(1, plain_entry(b"ab", INT64, [1, 2, 3])), tfr.FeatureError),
    "wrong kind": (delimited(1, plain_entry(b"ab", FLOAT, [b"1234", b"5678"])), tfr.FeatureError),
    "missing": (b"", tfr.FeatureError),
    "empty list where there is a default": (
        delimited(1, plain_entry(b"ab", INT64, [1, 2]) + plain_entry(b"ac", FLOAT, [])),
        tfr.FeatureError,
    ),
    "wrong kind of a ragged feature": (
        delimited(1, plain_entry(b"ab", INT64, [1, 2]) + plain_entry(b"b", INT64, [])),
        tfr.FeatureError,
    ),
}
SMALL_FRAME = len(SMALL_RECORD) + 16


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("size", [1, 7, 1024])
@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_bad_record_comes_after_the_whole_batches_before_it(
    tmp_path: Path, name: str, size: int, num_threads: int
) -> None:
    bad, error_class = BAD_RECORDS[name]
    for place in (0, 6, 7, 8, 50, 99):
        records = [SMALL_RECORD] * place + [bad] + [SMALL_RECORD] * (99 - place)
        path = write_file(tmp_path / "a", records)
        batches, error = read_all(path, SMALL_FEATURES, size, num_threads=num_threads)
        good = place // size * size
        assert batches == parsed_batches(records[:good], SMALL_FEATURES, size)
        assert type(error) is error_class
        assert facts(error) == (str(path), place, place * SMALL_FRAME)
        assert str(path) in str(error)
        if error_class is tfr.FeatureError:
            with pytest.raises(tfr.FeatureError) as caught:
                tfr.parse_example(records, SMALL_FEATURES)
            assert getattr(error, "key", None) == caught.value.key


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_bad_record_in_the_second_file_is_counted_in_that_file(tmp_path: Path, name: str) -> None:
    bad, error_class = BAD_RECORDS[name]
    first = write_file(tmp_path / "1", [SMALL_RECORD] * 10)
    second = write_file(tmp_path / "2", [SMALL_RECORD] * 5 + [bad])
    for size in (4, 1024):
        batches, error = read_all([first, second], SMALL_FEATURES, size)
        assert len(batches) == 15 // size
        assert type(error) is error_class
        assert facts(error) == (str(second), 5, 5 * SMALL_FRAME)


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_columns_of_a_bad_record_raise_what_parse_example_raises(name: str) -> None:
    bad, _ = BAD_RECORDS[name]
    for other in BAD_RECORDS.values():
        for records in (
            [SMALL_RECORD] * 40 + [bad] + [SMALL_RECORD] * 40,
            [bad],
            [SMALL_RECORD, bad, other[0]],
            [other[0], SMALL_RECORD, bad],
        ):
            expected = assert_same_outcome(records, SMALL_FEATURES)
            assert issubclass(expected[0], tfr.TFRecordError)


def test_the_first_bad_thing_in_a_file_is_the_one_that_is_reported(tmp_path: Path) -> None:
    for bad, error_class in BAD_RECORDS.values():
        stored = framed([SMALL_RECORD] * 10 + [bad] + [SMALL_RECORD] * 89)
        stored[90] = flip_bit(stored[90], 20)
        (tmp_path / "a").write_bytes(b"".join(stored))
        batches, error = read_all(tmp_path / "a", SMALL_FEATURES, 7)
        assert (len(batches), type(error)) == (1, error_class)
        stored[3] = flip_bit(stored[3], 20)
        (tmp_path / "a").write_bytes(b"".join(stored))
        batches, error = read_all(tmp_path / "a", SMALL_FEATURES, 2)
        assert (len(batches), type(error)) == (1, tfr.CorruptRecordError)


FLIPS = {"length": 0, "length CRC": 9, "first byte": 12, "last byte": -5, "data CRC": -1}


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("flip", FLIPS)
def test_a_flipped_bit_comes_after_the_whole_batches_before_it(tmp_path: Path, flip: str, num_threads: int) -> None:
    records = [*shared_table()[:80]]
    path = tmp_path / "a"
    features = features_of(LAYOUT)
    for place, size in itertools.product([0, 7, 40, 79], [7, 1024]):
        stored = framed(records)
        offset = sum(map(len, stored[:place]))
        stored[place] = flip_bit(stored[place], FLIPS[flip])
        path.write_bytes(b"".join(stored))
        batches, error = read_all(path, features, size, num_threads=num_threads)
        assert batches == parsed_batches(records[: place // size * size], features, size)
        assert isinstance(error, tfr.CorruptRecordError)
        assert error.part == ("length" if flip.startswith("length") else "data")
        assert facts(error) == (str(path), place, offset)


def test_examples_before_a_flipped_bit_all_come(tmp_path: Path) -> None:
    records = shared_table()[:150]
    for flip, place in itertools.product(FLIPS.values(), [0, 1, 75, 149]):
        stored = framed(records)
        offset = sum(map(len, stored[:place]))
        stored[place] = flip_bit(stored[place], flip)
        (tmp_path / "a").write_bytes(b"".join(stored))
        examples = tfr.read_examples(tmp_path / "a")
        for record in records[:place]:
            assert exact(next(examples)) == exact(tfr.decode_example(record))
        with pytest.raises(tfr.CorruptRecordError) as caught:
            next(examples)
        assert facts(caught.value) == (str(tmp_path / "a"), place, offset)


def test_with_verify_false_a_record_with_a_wrong_crc_is_read(tmp_path: Path) -> None:
    records = shared_table()[:100]
    stored = framed(records)
    stored[40] = flip_bit(stored[40], -1)
    stored[41] = flip_bit(stored[41], -3)
    (tmp_path / "a").write_bytes(b"".join(stored))
    features = features_of(LAYOUT)
    for size, num_threads in itertools.product([7, 1024], [1, 2]):
        ending = read_all(tmp_path / "a", features, size, verify=False, num_threads=num_threads)
        assert ending == (parsed_batches(records, features, size), None)
    assert_examples_equal(tmp_path / "a", records, verify=False)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_cut_file_gives_its_whole_batches_first(tmp_path: Path, num_threads: int) -> None:
    records = [*shared_table()[:60]]
    stored = framed(records)
    features = features_of(LAYOUT)
    for place, size in itertools.product([0, 7, 30, 59], [1, 7, 1024]):
        offset = sum(map(len, stored[:place]))
        frame_size = len(stored[place])
        for end in (1, 8, 11, 12, 13, frame_size - 5, frame_size - 4, frame_size - 1):
            (tmp_path / "a").write_bytes(cut_at(b"".join(stored), offset + end))
            batches, error = read_all(tmp_path / "a", features, size, num_threads=num_threads)
            assert len(batches) == place // size
            assert type(error) is tfr.TruncatedRecordError
            assert facts(error) == (str(tmp_path / "a"), place, offset)
        (tmp_path / "a").write_bytes(cut_at(b"".join(stored), offset))
        ending = read_all(tmp_path / "a", features, size, num_threads=num_threads)
        assert ending == (parsed_batches(records[:place], features, size), None)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_cut_or_flipped_compressed_file_gives_its_whole_batches_first(tmp_path: Path, num_threads: int) -> None:
    records = shared_table()[:100]
    features = features_of(LAYOUT)
    stored = gzip.compress(b"".join(framed(records)), mtime=0)
    for damaged in (stored[:-9], stored[: len(stored) // 2], flip_bit(stored, -6), flip_bit(stored, len(stored) // 2)):
        (tmp_path / "a.gz").write_bytes(damaged)
        batches, error = read_all(tmp_path / "a.gz", features, 9, num_threads=num_threads)
        assert isinstance(error, (tfr.TruncatedRecordError, tfr.CorruptRecordError))
        assert batches == parsed_batches(records, features, 9)[: len(batches)]
        assert len(batches) == len(list(good_records(tmp_path / "a.gz"))) // 9


def good_records(path: Path) -> Iterator[bytes]:
    try:
        yield from tfr.read_records(path)
    except tfr.TFRecordError:
        return


def test_no_records_are_no_batches(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with tfr.TFRecordWriter(tmp_path / "empty.gz", "GZIP"):
        pass
    features = features_of(LAYOUT)
    empty = tmp_path / "empty"
    for paths in ([], empty, [empty, empty], tmp_path / "empty.gz", tmp_path):
        assert list(tfr.read_batches(paths, features)) == []
        assert list(tfr.read_batches(paths, features, num_threads=2, drop_remainder=True)) == []
        assert list(tfr.read_examples(paths)) == []


def test_a_record_of_no_bytes_is_an_example_without_features(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a", [b""] * 5)
    [batch] = tfr.read_batches(path, {"k": tfr.FixedLenFeature([], INT64, 3), "v": tfr.VarLenFeature(BYTES)})
    assert batch["k"].tolist() == [3] * 5
    assert batch["v"].dense_shape.tolist() == [5, 0]
    assert list(tfr.read_examples(path)) == [{}] * 5


def test_files_that_cannot_be_read_are_an_error_when_called(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    for path in (tmp_path / "missing", tmp_path / "*.none", tmp_path / "directory"):
        with pytest.raises(FileNotFoundError, match=str(path.name).replace("*", ".")):
            tfr.read_batches(path, features_of(LAYOUT))


REFUSED_OPTIONS: list[dict[str, Any]] = [
    {"batch_size": 0},
    {"batch_size": -1},
    {"bytes_as": "arrays"},
    {"num_threads": 0},
    {"num_threads": -1},
    {"compression_type": "gzip"},
]


@pytest.mark.parametrize("options", REFUSED_OPTIONS, ids=stable)
def test_options_of_no_use_are_refused_when_called(tmp_path: Path, options: dict[str, Any]) -> None:
    path = write_file(tmp_path / "a", [SMALL_RECORD])
    with pytest.raises(ValueError):
        tfr.read_batches(path, SMALL_FEATURES, **options)


@pytest.mark.parametrize("size", [2.5, "7", None])
def test_a_batch_size_that_is_no_integer_is_refused_when_called(tmp_path: Path, size: Any) -> None:
    path = write_file(tmp_path / "a", [SMALL_RECORD])
    with pytest.raises((TypeError, ValueError)):
        tfr.read_batches(path, SMALL_FEATURES, batch_size=size)


def test_a_batch_size_may_be_numpys(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a", [SMALL_RECORD] * 5)
    assert len(list(tfr.read_batches(path, SMALL_FEATURES, batch_size=np.int64(2)))) == 3


SHRINK = """
import os, sys
import tfrecord_lite as tfr
path, how, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
features = {"blob": tfr.FixedLenFeature([], bytes), "label": tfr.FixedLenFeature([], "int64")}
if how == "examples":
    batches = tfr.read_examples(path)
else:
    batches = tfr.read_batches(path, features, batch_size=10, num_threads=threads, bytes_as=how)
first = next(batches) if threads < 3 else None
os.truncate(path, 0)
count = 0
try:
    for batch in batches:
        count += 1
except (tfr.TFRecordError, OSError) as error:
    print("error", type(error).__name__)
print("end", count < 300)
if first is not None:
    print(bytes(first["label"]).count(7) > 0, len(first["blob"]) > 0)
"""


@pytest.mark.parametrize(("how", "threads"), [("objects", 1), ("blob", 2), ("objects", 3), ("examples", 1)])
def test_a_file_that_shrinks_to_nothing_while_it_is_read_ends_the_reading_and_not_the_process(
    tmp_path: Path, how: str, threads: int
) -> None:
    wire = Wire(np.random.default_rng(0))
    record = wire.record([(Named(b"blob", BYTES, 1), [bytes(100_000)]), (Named(b"label", INT64, 1), [7])])
    path = write_file(tmp_path / "a", [record] * 300)
    done = python(SHRINK, path, how, str(threads))
    assert done.returncode == 0, done.stderr.decode()
    assert "end True" in done.stdout.decode()


def test_reading_that_is_given_up_leaves_no_thread_behind(tmp_path: Path) -> None:
    import threading

    path = write_file(tmp_path / "a", shared_table())
    before = threading.active_count()
    for reading in (
        tfr.read_batches(path, features_of(LAYOUT), batch_size=5, num_threads=2),
        tfr.read_examples(path),
    ):
        next(reading)
        close = getattr(reading, "close", None)
        if close is not None:
            close()
        del reading, close
    deadline = 50
    while threading.active_count() > before and deadline:
        threading.Event().wait(0.1)
        deadline -= 1
    assert threading.active_count() == before


# features=None: what the first records say.


def example_file(path: Path, examples: Iterable[Mapping[str, Any]]) -> Path:
    return write_file(path, map(tfr.encode_example, examples))


def test_a_constant_count_is_inferred_as_an_array_and_any_other_as_ragged(tmp_path: Path) -> None:
    examples = [
        {
            "one": number,
            "three": [number, -1, 300],
            "f": [0.5, float(number)],
            "text": b"x" * number,
            "any": [number] * (number % 4),
        }
        if number % 4
        else {"one": number, "three": [1, 2, 3], "f": [1.5, 2.5], "text": "é"}
        for number in range(100)
    ]
    [batch] = tfr.read_batches(example_file(tmp_path / "a", examples))
    assert sorted(batch) == ["any", "f", "one", "text", "three"]
    assert batch["one"].dtype == np.int64
    assert batch["one"].reshape(100).tolist() == list(range(100))
    assert batch["three"].dtype == np.int64
    assert batch["three"].tolist() == [example["three"] for example in examples]
    assert batch["f"].dtype == np.float32
    assert batch["f"].tolist() == [example["f"] for example in examples]
    assert batch["text"].dtype == object
    texts = [example["text"].encode() if isinstance(example["text"], str) else example["text"] for example in examples]
    assert batch["text"].reshape(100).tolist() == texts
    assert isinstance(batch["any"], tfr.RaggedTensorValue)
    assert batch["any"].to_list() == [example.get("any", []) for example in examples]


@pytest.mark.parametrize("batch_size", [1, 7, 1024])
@pytest.mark.parametrize("num_threads", [1, 2])
def test_inferred_features_hold_for_every_batch(tmp_path: Path, batch_size: int, num_threads: int) -> None:
    examples = [{"one": number, "any": [0.5] * (number % 3) or None, "b": [b"a", b"b"]} for number in range(60)]
    path = example_file(tmp_path / "a", examples)
    batches = list(tfr.read_batches(path, batch_size=batch_size, num_threads=num_threads))
    assert [number for batch in batches for number in batch["one"].ravel().tolist()] == list(range(60))
    assert all(isinstance(batch["any"], tfr.RaggedTensorValue) for batch in batches)
    assert [row for batch in batches for row in batch["any"].to_list()] == [[0.5] * (n % 3) for n in range(60)]
    assert all(batch["b"].tolist() == [[b"a", b"b"]] * len(batch["b"]) for batch in batches)


def test_inferred_bytes_can_be_blobs(tmp_path: Path) -> None:
    path = example_file(tmp_path / "a", [{"b": b"x" * number, "r": [b"y"] * number or None} for number in range(9)])
    [batch] = tfr.read_batches(path, bytes_as="blob")
    assert isinstance(batch["b"], tfr.BytesArray)
    assert batch["b"].to_objects().ravel().tolist() == [b"x" * number for number in range(9)]
    assert isinstance(batch["r"].values, tfr.BytesArray)


def test_a_feature_that_only_one_early_record_has_is_not_dropped(tmp_path: Path) -> None:
    examples: list[dict[str, Any]] = [{"one": number} for number in range(50)]
    examples[3]["extra"] = [7, 8]
    [batch] = tfr.read_batches(example_file(tmp_path / "a", examples))
    assert batch["extra"].to_list() == [[7, 8] if number == 3 else [] for number in range(50)]


@pytest.mark.parametrize("paths", [[], "empty"])
def test_features_of_no_records_are_inferred_to_be_no_batches(tmp_path: Path, paths: Any) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert list(tfr.read_batches(paths and tmp_path / paths)) == []


LATE: dict[str, tuple[str, dict[str, Any]]] = {
    "a new feature": ("extra", {"extra": 5}),
    "a new key that begins as another": ("labe", {"labe": 5}),
    "another count": ("label", {"label": [1, 2]}),
    "no values": ("label", {"label": np.array([], np.int64)}),
    "no kind": ("label", {"label": None}),
    "another kind": ("label", {"label": 0.5}),
    "another kind of a ragged feature": ("any", {"any": [b"x"]}),
}


@pytest.mark.parametrize("late", LATE)
def test_a_late_record_that_does_not_fit_what_was_inferred_is_an_error_that_names_it(tmp_path: Path, late: str) -> None:
    key, changes = LATE[late]
    blob = np.random.default_rng(0).bytes(1_000_000)
    examples: list[dict[str, Any]] = [{"label": 3, "blob": blob, "any": [1] * (n % 3) or None} for n in range(41)]
    examples[39] |= changes
    path = example_file(tmp_path / "a", examples)
    offset = sum(map(len, framed(tfr.read_records(path))[:39]))
    count, caught = 0, None
    try:
        for batch in tfr.read_batches(path, batch_size=4):
            assert sorted(batch) == ["any", "blob", "label"]
            count += 1
    except tfr.FeatureError as error:
        caught = error
    assert caught is not None
    assert key in str(caught)
    assert caught.key == key
    assert facts(caught) == (str(path), 39, offset)
    assert count == 9


def test_a_late_missing_ragged_feature_is_an_empty_row_and_a_missing_fixed_one_an_error(tmp_path: Path) -> None:
    blob = bytes(1_000_000)
    examples: list[dict[str, Any]] = [{"label": 3, "blob": blob, "any": [1] * (n % 3) or None} for n in range(41)]
    del examples[40]["any"]
    batches = list(tfr.read_batches(example_file(tmp_path / "a", examples), batch_size=4))
    assert [row for batch in batches for row in batch["any"].to_list()] == [[1] * (n % 3) for n in range(40)] + [[]]
    del examples[40]["label"]
    with pytest.raises(tfr.FeatureError, match="label"):
        list(tfr.read_batches(example_file(tmp_path / "a", examples), batch_size=4))


def test_a_feature_that_gets_a_kind_late_is_not_dropped(tmp_path: Path) -> None:
    """In the records that are looked at it has none; what it holds later must not be lost without a word."""
    blob = bytes(1_000_000)
    path = example_file(tmp_path / "a", [{"blob": blob, "later": [5] if n == 39 else None} for n in range(40)])
    with pytest.raises(tfr.FeatureError, match="later") as caught:
        list(tfr.read_batches(path, batch_size=4))
    assert caught.value.record_number == 39


@pytest.mark.parametrize("late", LATE)
def test_a_record_in_a_later_file_that_does_not_fit_is_an_error_too(tmp_path: Path, late: str) -> None:
    key, changes = LATE[late]
    example: dict[str, Any] = {"label": 3, "blob": b"x", "any": [1]}
    examples = [{**example, "any": [1] * (number % 3) or None} for number in range(2000)]
    paths = [example_file(tmp_path / "1", examples), example_file(tmp_path / "2", [example] * 3 + [example | changes])]
    for size in (100, 5000):
        with pytest.raises(tfr.FeatureError, match=key) as caught:
            list(tfr.read_batches(paths, batch_size=size))
        assert facts(caught.value)[:2] == (str(paths[1]), 3)


@needs_upb
@pytest.mark.parametrize("oddities", [(), ODDITIES], ids=["canonical", "odd"])
def test_inferred_columns_hold_what_the_examples_hold(tmp_path: Path, oddities: Iterable[str]) -> None:
    for seed in range(4):
        records = table(seed, 200, oddities, rate=0.02)
        examples = [tfr.decode_example(record) for record in records]
        path = write_file(tmp_path / "a", records)
        batches = list(tfr.read_batches(path, batch_size=60))
        assert set(batches[0]) == {key for example in examples for key in example if example[key] is not None}
        for number, example in enumerate(examples):
            batch, place = batches[number // 60], number % 60
            for key, column in batch.items():
                if isinstance(column, tfr.RaggedTensorValue):
                    row = column.flat_values[column.row_splits[place] : column.row_splits[place + 1]]
                else:
                    row = column[place : place + 1].ravel()
                value = example.get(key)
                value = [] if value is None else value
                is_equal = (
                    row.tolist() == value if row.dtype == object else row.tobytes() == np.asarray(value).tobytes()
                )
                assert is_equal, (key, number)


def test_two_kinds_under_one_key_cannot_be_inferred(tmp_path: Path) -> None:
    path = example_file(tmp_path / "a", [{"k": 1}, {"k": 0.5}])
    with pytest.raises(tfr.FeatureError, match="k"):
        list(tfr.read_batches(path))


# encode_columns and write_columns.


def rows_of(columns: Mapping[str, Any], count: int) -> list[bytes]:
    return [tfr.encode_example({key: values[number] for key, values in columns.items()}) for number in range(count)]


def assert_rows_equal(columns: Mapping[str, Any], rows: Mapping[str, Any], directory: Path | None = None) -> None:
    """`columns` are written as the same as rows, {name: values that encode_example takes}."""
    count = len(next(iter(rows.values())))
    expected = rows_of(rows, count)
    assert tfr.encode_columns(columns) == expected
    if directory:
        with tfr.TFRecordWriter(directory / "columns") as writer:
            assert writer.write_columns(columns) == count
        with tfr.TFRecordWriter(directory / "rows") as writer:
            for number in range(count):
                writer.write_example({key: values[number] for key, values in rows.items()})
        assert (directory / "columns").read_bytes() == (directory / "rows").read_bytes() == b"".join(framed(expected))
        assert list(tfr.read_records(directory / "columns")) == expected


INTEGER_DTYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", ">i4", ">i8", ">u4", ">u8", "?"]
FLOAT_DTYPES = ["f2", "f4", "f8", ">f2", ">f4", ">f8", "g"]
SHAPES: list[tuple[int, ...]] = [(), (1,), (0,), (3,), (2, 2), (2, 0, 3), (130,)]


@pytest.mark.parametrize("shape", SHAPES, ids=stable)
@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_integers_and_bools_of_every_dtype_and_shape(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    if dtype == "?":
        flat = generator.integers(0, 2, (50, *shape)).astype(bool)
    else:
        limits = np.iinfo(dtype)
        top = min(int(limits.max), 2**63 - 1)
        flat = generator.integers(limits.min, top, (50, *shape), np.int64, endpoint=True)
        flat = (flat >> generator.integers(0, limits.bits, flat.shape)).astype(dtype)
        for number, value in enumerate([limits.min, top, 0, 127, 128 & top]):
            flat[number] = value
    assert_rows_equal({"k": flat, "j": flat[::-1]}, {"k": list(flat), "j": list(flat[::-1])}, tmp_path)


@pytest.mark.parametrize("shape", SHAPES, ids=stable)
@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_floats_of_every_dtype_and_shape(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    flat = generator.standard_normal((50, *shape)).astype(dtype)
    for number, value in enumerate([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-8]):
        flat[number] = value
    assert_rows_equal({"k": flat, "j": flat[::-1]}, {"k": list(flat), "j": list(flat[::-1])}, tmp_path)


def test_payloads_of_nans_are_kept() -> None:
    payloads = np.frombuffer(SIGNALLING_NAN + PAYLOAD_NAN + b"\xff\xff\xff\x7f", np.float32)
    assert_rows_equal({"k": payloads.reshape(3, 1)}, {"k": payloads.reshape(3, 1)})
    records = tfr.encode_columns({"k": payloads})
    assert b"".join(tfr.decode_example(record)["k"].tobytes() for record in records) == payloads.tobytes()


def test_floats_too_large_become_infinite_without_a_warning() -> None:
    large = np.array([1e39, -1e300, 3.5e38, 3.4e38, 1.0])
    assert_rows_equal({"k": large}, {"k": list(large)})
    assert_rows_equal({"k": large.tolist()}, {"k": large.tolist()})
    assert_rows_equal({"k": large.reshape(5, 1)}, {"k": list(large.reshape(5, 1))})
    decoded = [tfr.decode_example(record)["k"][0] for record in tfr.encode_columns({"k": large})]
    assert decoded[:3] == [np.inf, -np.inf, np.inf]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2, 2**63, 4], np.uint64),
        np.array([[1, 1], [2, 2], [2, 2**64 - 1]], np.uint64),
        [1, 2, 2**63],
        [1, 2, -(2**63) - 1],
        [[1], [2], [3, 2**70]],
        [np.array([1], np.uint64), np.array([], np.uint64), np.array([1, 2**63], np.uint64)],
        SimpleNamespace(values=np.array([1, 2, 2**63], np.uint64), row_splits=[0, 1, 1, 3]),
        np.ma.masked_array(np.array([2**63, 1, 2**63], np.uint64), mask=[True, False, False]),
    ],
    ids=["array", "2-D", "list", "list, below", "lists", "arrays", "row_splits", "masked"],
)
def test_an_integer_outside_int64_names_its_key_and_record(tmp_path: Path, values: Any) -> None:
    with pytest.raises(tfr.FeatureError, match="the key") as caught:
        tfr.encode_columns(
            {"a": list(range(4 if isinstance(values, np.ndarray) and values.shape == (4,) else 3)), "the key": values}
        )
    assert (caught.value.key, caught.value.record_number) == ("the key", 2)
    with tfr.TFRecordWriter(tmp_path / "a") as writer, pytest.raises(tfr.FeatureError):
        writer.write_columns({"the key": values})
    assert (tmp_path / "a").read_bytes() == b""


def test_a_masked_integer_outside_int64_is_just_missing() -> None:
    masked = np.ma.masked_array(np.array([2**63, 1], np.uint64), mask=[True, False])
    assert_rows_equal({"k": masked}, {"k": [None, 1]})


@pytest.mark.parametrize("dtype", ["i8", "u8", "i4", "?", "f4", "f8"])
def test_masked_entries_are_features_without_a_kind(tmp_path: Path, dtype: str) -> None:
    values = np.arange(10).astype(dtype)
    mask = np.arange(10) % 3 == 0
    rows = [None if hidden else value for value, hidden in zip(values, mask, strict=True)]
    assert_rows_equal({"k": np.ma.masked_array(values, mask)}, {"k": rows}, tmp_path)
    wide = np.ma.masked_array(np.stack([values, values], 1), np.stack([mask, mask], 1))
    wide_rows = [None if row is None else [row, row] for row in rows]
    assert_rows_equal({"k": wide, "j": values}, {"k": wide_rows, "j": list(values)}, tmp_path)
    for hidden in (np.zeros(10, bool), np.ones(10, bool)):
        column = np.ma.masked_array(values, hidden)
        assert_rows_equal({"k": column}, {"k": [None] * 10 if hidden.all() else list(values)}, tmp_path)
    assert_rows_equal({"k": np.ma.masked_array(values)}, {"k": list(values)}, tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        [1, None, 2],
        [None, None, None],
        [None, b"", b"x"],
        [0.5, None, None],
        [[1, 2], None, [3]],
        [np.array([1]), None, np.array([], np.int64)],
        [b"x", [b"y", b"z"], None],
        ["é", "", None],
        [1, "x", b"y"],
        [True, False, 3],
        [1.5, [1, 2], "x"],
        [np.float32(0.1), np.float64(0.1), 0.1],
        [np.float16(0.1), np.int8(-1), np.bool_(True)],
        [np.array([b"x\0"], object), np.array([0.5], ">f8"), np.zeros((2, 2), np.uint8)],
        [bytearray(b"a"), memoryview(b"b"), b"c"],
        [[[1, 2], [3, 4]], [[5]], [[[6]]]],
        [tfr.int64_feature([1]), tfr.bytes_feature([b"x"]), None],
        (1, 2, 3),
        np.array(["é", "b", "c"]),
        np.array([b"x", b"yy", b""]),
        np.array([1, None, b"x"], object),
        np.array([[b"x", b"y"], [b"", b"z"], [b"1", b"2"]], object),
    ],
    ids=stable,
)
def test_lists_of_anything_that_encode_example_takes(values: Any) -> None:
    assert_rows_equal({"k": values, "ints": [1, 2, 3]}, {"k": values, "ints": [1, 2, 3]})


@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_bytes_of_every_size(tmp_path: Path, count: int) -> None:
    generator = np.random.default_rng(count)
    items = [generator.bytes(BYTES_SIZES[place]) for place in generator.integers(0, len(BYTES_SIZES), count)]
    items = [item[:-1] + b"\0" if item else item for item in items]
    lists = [items[: number % 4] or None for number in range(count)]
    array = np.empty(count, object)
    array[:] = items
    forms: list[Any] = [items, [bytearray(item) for item in items], [memoryview(item) for item in items], array]
    for column in forms:
        assert_rows_equal({"k": column, "lists": lists}, {"k": items, "lists": lists}, tmp_path)


def test_payloads_around_the_limits_of_a_varint(tmp_path: Path) -> None:
    """Where the size of a list, a feature, an entry, or the record takes one byte more."""
    for base in (90, 16340):
        for size in range(base, base + 50):
            ints = np.full((2, size), 5, np.uint8)
            assert_rows_equal({"k": ints, "b": [bytes(size)] * 2}, {"k": ints, "b": [bytes(size)] * 2})
    flat = np.repeat([1, 128, -1], 300)
    lengths = np.arange(len(flat))
    cut = [flat[: length % 200] for length in lengths]
    assert_rows_equal({"k": cut}, {"k": cut}, tmp_path)


@pytest.mark.parametrize("dtype", ["i8", "i4", "u8", "?", "f4", "f8", ">i8", "O"])
def test_ragged_columns(tmp_path: Path, dtype: str) -> None:
    lengths = [0, 1, 2, 0, 0, 127, 128, 5, 0]
    splits = np.cumsum([0, *lengths])
    flat = np.arange(splits[-1]).astype(dtype)
    if dtype == "O":
        flat[:] = [b"v" * (number % 5) for number in range(len(flat))]
    rows = [flat[begin:end] for begin, end in itertools.pairwise(splits)]
    for column in (
        rows,
        SimpleNamespace(values=flat, row_splits=splits),
        SimpleNamespace(values=flat, row_splits=splits.astype(np.int32)),
        SimpleNamespace(values=flat, row_splits=splits.tolist()),
        tfr.RaggedTensorValue(flat, splits),
    ):
        assert_rows_equal({"k": column, "n": lengths}, {"k": rows, "n": lengths}, tmp_path)


def test_a_ragged_column_whose_values_are_a_table() -> None:
    values = np.arange(12).reshape(6, 2)
    column = tfr.RaggedTensorValue(values, np.array([0, 2, 2, 6]))
    assert_rows_equal({"k": column}, {"k": [values[:2], values[2:2], values[2:]]})


def test_a_column_that_is_ragged_twice_is_flattened_or_refused() -> None:
    inner = tfr.RaggedTensorValue(np.arange(4), np.array([0, 1, 3, 4]))
    column = tfr.RaggedTensorValue(inner, np.array([0, 1, 3]))
    try:
        records = tfr.encode_columns({"k": column})
    except tfr.FeatureError as error:
        assert error.key == "k"  # noqa: PT017 - either will do
    else:
        assert records == [tfr.encode_example({"k": [0]}), tfr.encode_example({"k": [1, 2, 3]})]


def test_a_sparse_value_is_not_taken_for_a_column_of_three_entries() -> None:
    sparse = tfr.SparseTensorValue(np.array([[0, 0], [2, 0]]), np.array([3, 4]), np.array([3, 1]))
    try:
        records = tfr.encode_columns({"k": sparse})
    except tfr.FeatureError as error:
        assert error.key == "k"  # noqa: PT017 - either will do
    else:
        assert [tfr.decode_example(record)["k"].tolist() for record in records] == [[3], [], [4]]


def test_arrays_in_any_order_of_memory() -> None:
    table_ = np.arange(60).reshape(5, 4, 3)
    for values in (
        table_[::2],
        table_[::-1],
        table_[:, ::2, ::-1],
        np.asfortranarray(table_),
        table_.transpose(2, 0, 1),
        np.broadcast_to(np.arange(3), (5, 3)),
        table_[:, 0, 0],
    ):
        assert_rows_equal({"k": values}, {"k": list(values)})
        assert_rows_equal({"k": values.astype(np.float32)}, {"k": list(values.astype(np.float32))})
    read_only = table_.copy()
    read_only.flags.writeable = False
    assert_rows_equal({"k": read_only}, {"k": list(read_only)})


def test_columns_are_left_as_they_were() -> None:
    columns: dict[str, Any] = {
        "swapped": np.arange(5, dtype=">i8"),
        "masked": np.ma.masked_array([1, 2, 3, 4, 5], mask=[False, True, False, False, True]),
        "floats": np.linspace(0, 1, 5),
        "items": [bytearray(b"x") for _ in range(5)],
    }
    before = {key: (list(values), type(values), getattr(values, "dtype", None)) for key, values in columns.items()}
    masked = np.ma.getmaskarray(columns["masked"]).copy()
    tfr.encode_columns(columns)
    for key, values in columns.items():
        got = (list(values), type(values), getattr(values, "dtype", None))
        assert repr(got) == repr(before[key])
    assert np.array_equal(np.ma.getmaskarray(columns["masked"]), masked)


@pytest.mark.parametrize("keys", KEYS)
def test_columns_are_written_in_the_order_of_their_keys_bytes(keys: str) -> None:
    names = [key.decode() for key in KEYS[keys]]
    for order in itertools.islice(itertools.permutations(names), 24):
        columns = {name: np.arange(3) + len(name) for name in order}
        assert_rows_equal(columns, {name: list(values) for name, values in columns.items()})


def test_no_columns_and_no_records(tmp_path: Path) -> None:
    nothing: list[dict[str, Any]] = [{}, {"a": []}, {"a": np.empty((0, 3)), "b": []}, {"a": np.ma.masked_array([])}]
    for columns in nothing:
        assert tfr.encode_columns(columns) == []
        with tfr.TFRecordWriter(tmp_path / "a") as writer:
            assert writer.write_columns(columns) == 0
        assert (tmp_path / "a").read_bytes() == b""


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [1, 2], "b": [1]},
        {"a": np.arange(3), "b": np.arange(2)},
        {"a": [], "b": np.arange(1)},
        {"a": [b"x"], "b": SimpleNamespace(values=np.arange(3), row_splits=[0, 1, 3])},
        {"a": np.ma.masked_array([1, 2], [True, True]), "b": [None]},
    ],
    ids=stable,
)
def test_columns_of_different_length_are_an_error_that_names_both(columns: dict[str, Any], tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer, pytest.raises(tfr.FeatureError, match=r"'a'.*'b'"):
        writer.write_columns(columns)
    assert (tmp_path / "a").read_bytes() == b""


@pytest.mark.parametrize(
    ("values", "number"),
    [
        (np.array([1, 2], "M8[s]"), 0),
        (np.array([1, 2], "m8[s]"), 0),
        (np.array([1 + 2j, 0]), 0),
        (np.zeros(2, [("x", "i4")]), 0),
        ([1, {}], 1),
        ([[1], []], 1),
        ([[1, b"x"], [1]], 0),
        ([b"x", [1, None]], 1),
        ([1, object()], 1),
        (["x", "\ud800"], 1),
    ],
    ids=stable,
)
def test_what_has_no_place_in_a_feature_names_its_key_and_record(values: Any, number: int) -> None:
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.encode_columns({"other": [1, 2], "the key": values})
    assert (caught.value.key, caught.value.record_number) == ("the key", number)
    with pytest.raises(tfr.FeatureError):
        tfr.encode_example({"the key": values[number]})


class Drawn(NamedTuple):
    columns: dict[str, Any]
    rows: dict[str, list[Any]]

    def __repr__(self) -> str:
        """What the columns are: their values are too many to be printed."""
        what = {
            key[:9]: (type(v).__name__, getattr(v, "dtype", None), getattr(v, "shape", None))
            for key, v in self.columns.items()
        }
        return f"{len(next(iter(self.rows.values())))} rows of {what}"


@st.composite
def drawn_columns(draw: st.DrawFn) -> Drawn:
    """Columns, and the same as rows."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 40))
    columns: dict[str, Any] = {}
    rows: dict[str, list[Any]] = {}
    for key in draw(st.lists(st.sampled_from(ALL_KEYS), min_size=1, max_size=6, unique=True)):
        name = key.decode()
        shape = draw(st.sampled_from(SHAPES))
        dtype = draw(st.sampled_from([*INTEGER_DTYPES, *FLOAT_DTYPES]))
        array: Array = generator.integers(0, 128, (count, *shape)).astype(dtype)
        if np.dtype(dtype) in (np.dtype("i8"), np.dtype("f8")):
            array = generator.integers(-(2**63), 2**63 - 1, (count, *shape)).astype(dtype)
        form = draw(st.sampled_from(["array", "masked", "list", "ragged", "splits", "bytes", "bytes with gaps"]))
        if form == "array":
            columns[name], rows[name] = array, list(array)
        elif form == "masked":
            hidden = generator.random(count) < draw(st.sampled_from([0.0, 0.1, 1.0]))
            mask = np.broadcast_to(hidden.reshape(count, *[1] * len(shape)), array.shape)
            columns[name] = np.ma.masked_array(array, mask)
            rows[name] = [None if gone else value for value, gone in zip(array, hidden, strict=True)]
            if array.size == 0:  # there is nothing that could be masked
                rows[name] = list(array)
        elif form == "list":
            columns[name] = rows[name] = [value if value.ndim else value.item() for value in array]
        elif form.startswith("bytes"):
            sizes = generator.integers(0, len(BYTES_SIZES), count)
            values: list[Any] = [generator.bytes(BYTES_SIZES[place]) for place in sizes]
            if form != "bytes":
                values[int(generator.integers(count))] = None
            columns[name] = rows[name] = values
        else:
            lengths = generator.integers(0, draw(st.sampled_from([1, 3, 150])), count)
            splits = np.cumsum([0, *lengths])
            flat = np.resize(array.ravel(), splits[-1]).astype(dtype) if array.size else np.zeros(splits[-1], dtype)
            cut = [flat[begin:end] for begin, end in itertools.pairwise(splits)]
            columns[name] = cut if form == "ragged" else SimpleNamespace(values=flat, row_splits=splits)
            rows[name] = cut
    return Drawn(columns, rows)


@settings(BOUNDED, max_examples=150)
@given(drawn_columns())
def test_any_columns_are_written_as_their_rows(drawn: Drawn) -> None:
    assert_rows_equal(*drawn)


def test_columns_written_come_back(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    count = 2000
    columns: dict[str, Any] = {
        "label": generator.integers(-(2**63), 2**63 - 1, count),
        "embedding": generator.standard_normal((count, 4, 2)).astype(np.float32),
        "name": [generator.bytes(size) for size in generator.integers(0, 300, count)],
        "tokens": tfr.RaggedTensorValue(
            np.arange(count * 3), np.sort(np.r_[0, generator.integers(0, count * 3, count - 1), count * 3])
        ),
        "flag": np.ma.masked_array(np.ones(count, bool), np.arange(count) % 5 == 0),
    }
    with tfr.TFRecordWriter(tmp_path / "a", "GZIP") as writer:
        assert writer.write_columns(columns) == count
    features = {
        "label": tfr.FixedLenFeature([], INT64),
        "embedding": tfr.FixedLenFeature([4, 2], FLOAT),
        "name": tfr.FixedLenFeature([], BYTES),
        "tokens": tfr.RaggedFeature(INT64, row_splits_dtype=np.int64),
        "flag": tfr.FixedLenFeature([], INT64, -1),
    }
    [batch] = tfr.read_batches(tmp_path / "a", features, batch_size=5000)
    assert np.array_equal(batch["label"], columns["label"])
    assert batch["embedding"].tobytes() == columns["embedding"].tobytes()
    assert batch["name"].tolist() == columns["name"]
    assert np.array_equal(batch["tokens"].values, columns["tokens"].values)
    assert np.array_equal(batch["tokens"].row_splits, columns["tokens"].row_splits)
    assert batch["flag"].tolist() == [-1 if number % 5 == 0 else 1 for number in range(count)]
    # What was read can be written again, ragged values and all.
    assert tfr.encode_columns({**batch, "flag": columns["flag"]}) == list(tfr.read_records(tmp_path / "a"))
