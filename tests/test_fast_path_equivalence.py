"""Every fast path gives what its plain path gives, on whatever it is fed.

fast                          plain
gaps.frame_group              framing.encode_header + record + framing.encode_footer
blocks.read_blocks            framing.read_frame
wire_format.encode_varints    wire_format.encode_varint
wire_format.decode_varints    wire_format.decode_varint
columns.encode_columns        example.encode_example
TFRecordWriter.write_example  example.encode_example
example.encode_example        protobuf, by messages.example_to_message
example.decode_example        protobuf, by messages.message_to_example
walk.leap                     walk.walk
columns.decode_columns        parsing.parse_example
columns.BatchRows             parsing.parse_example
columns.ExampleDecoder        example.decode_example
columns.ParsedExampleDecoder  parsing.parse_single_example
usual_entry                   map_entry
"""

import io
import re
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import odd_messages
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tfrecord_lite as tfr
from tfrecord_lite.errors import DecodeError, FeatureError, TFRecordError
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.format import blocks, framing, gaps, messages, walk, wire_format
from tfrecord_lite.format.columns import layouts
from tfrecord_lite.format.columns.batch_rows import BatchRows
from tfrecord_lite.format.columns.decode import ColumnDecoder, decode_columns
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder, ParsedExampleDecoder
from tfrecord_lite.format.columns.encode import encode_columns, encode_frames
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import (
    decode_example,
    decode_sequence_example,
    encode_example,
    encode_sequence_example,
)
from tfrecord_lite.format.map_entry import decode_entry, decode_feature
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.usual_entry import decode_usual_entry
from tfrecord_lite.proto.example_pb2 import Example, SequenceExample

#: Around every limit at which a record takes another way.
SIZES = st.one_of(
    st.integers(0, 40),
    st.sampled_from([127, 128, 2047, 2048, 2049, 65535, 65536]),
    st.integers(blocks.LARGE_FRAME - 20, blocks.LARGE_FRAME + 4),
    st.sampled_from([blocks.BLOCK_SIZE - 16, blocks.BLOCK_SIZE, blocks.BLOCK_SIZE + 1]),
)


SIZES_OF_BLOCKS = st.sampled_from([blocks.FOR_RECORDS, blocks.FOR_EXAMPLES, blocks.FOR_BATCHES])


@st.composite
def records(draw: st.DrawFn) -> list[bytes]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    return [generator.bytes(size) for size in draw(st.lists(SIZES, max_size=30))]


def frames_of(payloads: list[bytes]) -> bytes:
    return b"".join(gaps.frame_group(payloads).pieces)


class Dribble(io.RawIOBase):
    """A stream that gives at most `most` bytes at a time, as pipes and sockets do."""

    def __init__(self, data: bytes, most: int) -> None:
        self._source = io.BytesIO(data)
        self._most = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.readinto(memoryview(buffer)[: self._most])


def outcome(run: Callable[[list[bytes]], None]) -> tuple[list[bytes], Any]:
    """The records that came, and the error that ended them as a comparable value."""
    given_records: list[bytes] = []
    try:
        run(given_records)
    except TFRecordError as error:
        return given_records, (type(error), error.args, error.offset)
    return given_records, None


def read_plain(data: bytes, **options: Any) -> tuple[list[bytes], Any]:
    def run(out: list[bytes]) -> None:
        read, offset = io.BytesIO(data).read, 0
        while (record := framing.read_frame(read, offset, **options)) is not None:
            out.append(record)
            offset += len(record) + framing.FRAME_OVERHEAD

    return outcome(run)


def read_fast(stream: Any, **options: Any) -> tuple[list[bytes], Any]:
    def run(out: list[bytes]) -> None:
        for block in blocks.read_blocks(stream, **options):
            out += block.records()

    return outcome(run)


@settings(deadline=None)
@given(records())
def test_a_block_is_its_frames(payloads: list[bytes]) -> None:
    plain = b"".join(framing.encode_header(len(r)) + r + framing.encode_footer(r) for r in payloads)
    assert frames_of(payloads) == plain


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    stored = bytearray(frames_of(draw(records())))
    if stored:
        for place, flip in draw(
            st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=4)
        ):
            stored[int(place * len(stored))] ^= flip
        end = draw(st.one_of(st.just(1.0), st.floats(0, 1)))
        del stored[round(end * len(stored)) :]
    return bytes(stored)


@settings(max_examples=200, deadline=None)
@given(damaged_files(), st.integers(0, 3), st.booleans(), st.sampled_from([None, 0, 100, 40_000]), SIZES_OF_BLOCKS)
def test_reading_blocks_equals_reading_frames(
    stored: bytes, pace: int, verify: bool, limit: int | None, sizes: blocks.Sizes
) -> None:
    # From all at once to a hundred small pieces.
    most = [1 << 30, 70_000, 4096, 13][pace] if len(stored) < 100_000 else [1 << 30, 70_000][pace % 2]
    options = {"verify": verify, "max_record_size": limit}
    found = read_fast(Dribble(stored, most), **options, sizes=sizes)
    assert found == read_plain(stored, **options)


def test_damage_in_every_byte_is_found_by_the_one_crc_of_a_block() -> None:
    payloads = [b"", b"a", b"bc" * 20, bytes(300)]
    stored = frames_of(payloads)
    for at in range(len(stored)):
        damaged = bytearray(stored)
        damaged[at] ^= 0x40
        assert read_fast(io.BytesIO(damaged)) == read_plain(bytes(damaged))
        assert read_fast(io.BytesIO(damaged))[1] is not None


INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 62).map(lambda bits: 2**bits),
    st.integers(0, 63).map(lambda bits: 2**bits - 1),
    st.integers(-3, 300),
)


@settings(deadline=None)
@given(st.lists(INT64, max_size=40))
def test_varints_of_an_array_equal_varints_one_by_one(numbers: list[int]) -> None:
    encoded = wire_format.encode_varints(np.array(numbers, np.int64))
    assert encoded == b"".join(wire_format.encode_varint(number & (2**64 - 1)) for number in numbers)
    assert wire_format.decode_varints(encoded, 0, len(encoded)).tolist() == numbers


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=12), max_size=12).map(b"".join))
def test_decoding_varints_equals_decoding_one_by_one(data: bytes) -> None:
    numbers: list[int] = []
    is_valid, position = True, 0
    try:
        while position < len(data):
            number, position = wire_format.decode_varint(data, position, len(data))
            numbers.append(number - (number >> 63 << 64))
    except DecodeError:
        is_valid = False
    if not is_valid:
        with pytest.raises(DecodeError):
            wire_format.decode_varints(data, 0, len(data))
    else:
        assert wire_format.decode_varints(data, 0, len(data)).tolist() == numbers


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FLOATS = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=200),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    INT64,
    st.booleans(),
    FLOATS,
    st.lists(st.binary(max_size=9), min_size=1, max_size=5),
    st.lists(INT64, min_size=1, max_size=30),
    st.lists(FLOATS, min_size=1, max_size=30),
    st.lists(INT64, max_size=30).map(lambda numbers: np.array(numbers, np.int64)),
    st.lists(FLOATS, max_size=30).map(lambda numbers: np.array(numbers, np.float32)),
    st.just(np.array([], object)),
)
EXAMPLES = st.dictionaries(KEYS, VALUES, max_size=6)


def comparable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, (list, tuple)):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    return value


def one_is_a_prefix(keys: Any) -> bool:
    """upb sorts a key that is a prefix of another one after it; canonical order is bytewise."""
    names = sorted(key.encode() for key in keys)
    return any(after.startswith(before) for before, after in pairwise(names))


@settings(deadline=None)
@given(EXAMPLES)
def test_encoding_an_example_equals_protobuf(example: dict[str, Any]) -> None:
    serialized = encode_example(example)
    message = messages.example_to_message(example)
    assert Example.FromString(serialized) == message
    if not one_is_a_prefix(example):
        assert serialized == message.SerializeToString(deterministic=True)
    assert comparable(decode_example(serialized)) == comparable(messages.message_to_example(message))


@settings(deadline=None)
@given(EXAMPLES, st.dictionaries(KEYS, st.lists(VALUES, max_size=3), max_size=3))
def test_encoding_a_sequence_example_equals_protobuf(
    context: dict[str, Any], feature_lists: dict[str, list[Any]]
) -> None:
    serialized = encode_sequence_example(context, feature_lists)
    message = messages.sequence_example_to_message(context, feature_lists)
    assert SequenceExample.FromString(serialized) == message
    if not one_is_a_prefix(context) and not one_is_a_prefix(feature_lists):
        assert serialized == message.SerializeToString(deterministic=True)
    decoded = decode_sequence_example(serialized)
    assert comparable(decoded) == comparable(messages.message_to_sequence_example(message))


@st.composite
def columns(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """{name: column} and the same as a list of examples."""
    count = draw(st.integers(1, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    as_columns: dict[str, Any] = {}
    as_rows: dict[str, list[Any]] = {}
    for key in draw(st.sets(KEYS, max_size=6)):
        kind = draw(st.sampled_from(COLUMN_KINDS))
        as_columns[key], as_rows[key] = kind(draw, generator, count)
    return as_columns, [{key: rows[number] for key, rows in as_rows.items()} for number in range(count)]


def integers(draw: st.DrawFn, generator: np.random.Generator, count: int) -> NDArray[Any]:
    """Numbers whose varints are of one size, of two, or of all."""
    low, high = draw(st.sampled_from([(0, 64), (0, 300), (-5, 5), (0, 2**40), (-(2**63), 2**63 - 1), (-300, -100)]))
    numbers = generator.integers(low, high, count) >> generator.integers(0, draw(st.sampled_from([1, 63])), count)
    dtype = draw(st.sampled_from(["i8", "i8", "u8", "i4", "u1", "?", ">i4"]))
    return numbers.astype("i8" if dtype == "u8" and numbers.min(initial=0) < 0 else dtype)


def scalars(draw: st.DrawFn, generator: np.random.Generator, count: int) -> Any:
    values = integers(draw, generator, count)
    return (values.tolist() if draw(st.booleans()) else values), list(values)


def tables(draw: st.DrawFn, generator: np.random.Generator, count: int) -> Any:
    width = draw(st.integers(0, 40))
    flat = integers(draw, generator, count * width)
    if draw(st.booleans()):
        dtype = draw(st.sampled_from(["f4", "f8", "f2", ">f4"]))
        flat = generator.standard_normal(count * width).astype(dtype)
    values = flat.reshape(draw(st.sampled_from([(count, width), (count, 1, width)])))
    return values, list(values)


def ragged(draw: st.DrawFn, generator: np.random.Generator, count: int) -> Any:
    lengths = generator.integers(draw(st.sampled_from([0, 1])), draw(st.sampled_from([2, 5, 100])), count)
    flat = integers(draw, generator, int(lengths.sum()))
    if draw(st.booleans()):
        flat = generator.standard_normal(len(flat)).astype(np.float32)
    splits = np.cumsum([0, *lengths])
    rows = np.split(flat, splits[1:-1])
    if draw(st.booleans()):
        return SimpleNamespace(values=flat, row_splits=splits), rows
    return rows, rows


def blobs(draw: st.DrawFn, generator: np.random.Generator, count: int) -> Any:
    most = draw(st.sampled_from([1, 9, 17, 40, 200, 300, 5000]))
    items: list[Any] = [generator.bytes(size) for size in generator.integers(0, most, count)]
    if draw(st.booleans()):
        items = [None if missing else item for missing, item in zip(generator.random(count) < 0.3, items, strict=True)]
    return (np.array([*items, None], object)[:-1] if draw(st.booleans()) else items), items


def masked(draw: st.DrawFn, generator: np.random.Generator, count: int) -> Any:
    values = integers(draw, generator, count)
    if draw(st.booleans()):
        values = generator.standard_normal((count, 3))
    missing = generator.random(count) < 0.3
    mask = np.broadcast_to(missing.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    rows = [None if is_missing else value for value, is_missing in zip(values, missing, strict=True)]
    return np.ma.masked_array(values, mask=mask), rows


def anything(draw: st.DrawFn, generator: np.random.Generator, count: int) -> Any:
    values = draw(st.lists(VALUES, min_size=count, max_size=count))
    return values, values


COLUMN_KINDS = [scalars, scalars, tables, ragged, blobs, masked, anything]


@settings(max_examples=300, deadline=None)
@given(columns(), st.data())
def test_encoding_columns_equals_encoding_each_example(
    both: tuple[dict[str, Any], list[dict[str, Any]]], data: st.DataObject
) -> None:
    as_columns, examples = both
    missing = st.sampled_from(["absent", "kindless"])
    schema = data.draw(st.none() | st.dictionaries(st.sampled_from([*as_columns, "x"]), missing.map(as_rule)))
    absent = {key for key, rule in (schema or {}).items() if rule.missing == "absent"}
    rows = [
        {key: value for key, value in example.items() if value is not None or key not in absent} for example in examples
    ]
    expected = [encode_example(row) for row in rows] if as_columns else []
    assert encode_columns(as_columns, schema) == expected
    blocks = encode_frames(as_columns, schema)
    assert b"".join(b"".join(portion.pieces) for block in blocks for portion in block.portions()) == frames_of(expected)


def as_rule(missing: str) -> SimpleNamespace:
    return SimpleNamespace(missing=missing)


@pytest.mark.parametrize("widest", [1, 2, 3, 4, 5, 9, 10])
def test_blocks_and_their_portions_follow_each_other(widest: int) -> None:
    random = np.random.default_rng(widest)
    low, high = (-(2**63), 2**63 - 1) if widest == 10 else (0, 1 << 7 * widest)
    counts = random.integers(0, 200, 5000)
    counts[7] = 100_000  # more than is worked on at once
    as_columns = {
        "label": random.integers(low, high, 5000),
        "tokens": np.split(random.integers(low, high, counts.sum()), np.cumsum(counts)[:-1]),
        "image": [random.bytes(size) for size in random.integers(0, 5000, 5000)],
        "row": random.standard_normal((5000, 200)),
    }
    expected = [
        encode_example(dict(zip(as_columns, row, strict=True))) for row in zip(*as_columns.values(), strict=True)
    ]
    blocks = encode_frames(as_columns)
    assert b"".join(b"".join(portion.pieces) for block in blocks for portion in block.portions()) == frames_of(expected)


def layout(draw: Any) -> Callable[[np.random.Generator], dict[str, Any]]:
    """Examples of the same names and types, of every type that rows may have."""
    makers: dict[str, Callable[[np.random.Generator], Any]] = {
        "int": lambda random: int(random.integers(-(2**63), 2**63 - 1) >> random.integers(0, 63)),
        "bool": lambda random: bool(random.integers(2)),
        "float": lambda random: float(random.standard_normal() * 10.0 ** random.integers(-50, 50)),
        "nan": lambda random: float("nan"),
        "int16": lambda random: np.int16(random.integers(-300, 300)),
        "uint64": lambda random: np.uint64(random.integers(0, 2**63 - 1)),
        "float32": lambda random: np.uint32(random.integers(2**32)).view(np.float32),
        "float64": lambda random: np.float64(random.standard_normal()),
        "bytes": lambda random: random.bytes(int(random.integers(0, 30))),
        "blob": lambda random: random.bytes(int(random.integers(0, 40_000))),
        "ints": lambda random: random.integers(0, 1000, random.integers(0, 5)),
        "floats": lambda random: random.standard_normal(3).astype(np.float32),
        "halves": lambda random: random.standard_normal(random.integers(0, 3)).astype(np.float16),
        "swapped": lambda random: random.integers(0, 9, 3).astype(">i8"),
        "table": lambda random: random.integers(0, 9, (2, 2)),
        "text": lambda random: "é" * int(random.integers(3)),
        "list": lambda random: [1, 2, int(random.integers(9))],
        "none": lambda random: None,
        "varied": lambda random: [None, 1, 2.0, b"x"][random.integers(4)],
    }
    names = draw(st.lists(st.sampled_from(sorted(makers)), max_size=4, unique=True))
    return lambda random: {name: makers[name](random) for name in names}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_examples_written_one_by_one_are_the_same_file_however_they_are_collected(data: st.DataObject) -> None:
    layouts = [layout(data.draw) for _ in range(data.draw(st.integers(1, 4)))]
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    target, expected = io.BytesIO(), []
    with TFRecordWriter(target) as writer:
        for _ in range(data.draw(st.integers(1, 6))):
            for _ in range(data.draw(st.sampled_from([1, 5, 40, 200]))):
                example = layouts[random.integers(len(layouts))](random)
                writer.write_example(example)
                expected.append(encode_example(example))
                for value in example.values():
                    if isinstance(value, np.ndarray):
                        value[...] = 0
            what = data.draw(st.sampled_from(["flush", "write", "large", "columns", "bad", "nothing"]))
            if what == "flush":
                writer.flush()
                assert target.getvalue() == frames_of(expected)
            elif what in ("write", "large"):
                expected.append(random.bytes(7 if what == "write" else 40_000))
                writer.write(expected[-1])
            elif what == "columns":
                writer.write_columns({"a": [1, 2]})
                expected += [encode_example({"a": 1}), encode_example({"a": 2})]
            elif what == "bad":
                bad: Any
                for bad in ({"int": 2**63}, {"a": []}, {"float": 1j}):
                    with pytest.raises(FeatureError):
                        writer.write_example(bad)
    assert target.getvalue() == frames_of(expected)


@settings(deadline=None)
@given(EXAMPLES, st.data())
def test_keys_select_what_is_decoded(example: dict[str, Any], data: st.DataObject) -> None:
    serialized = encode_example(example)
    keys = data.draw(st.sets(st.sampled_from(sorted(example)))) if example else {"a"}
    everything = decode_example(serialized)
    assert comparable(decode_example(serialized, keys)) == comparable(
        {key: value for key, value in everything.items() if key in keys}
    )


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([None, {"a", "b"}, {"k" * 127}]))
def test_an_entry_at_a_glance_equals_the_entry_by_the_rules(seed: int, is_damaged: bool, keys: Any) -> None:
    random = np.random.default_rng(seed)
    key = ["a", "", "ü", "k" * 127, "k" * 128][random.integers(5)]
    value = FEATURES_OF_A_TABLE[random.integers(len(FEATURES_OF_A_TABLE))](random)
    entry = odd_messages.entry(key, value, random)
    if random.random() < 0.5 and len(value):
        entry = odd_messages.usual_record({key: value})
        (span,) = wire_format.split_fields(entry, 0, len(entry))
        (span,) = wire_format.split_fields(entry, *span[1:])
        entry = entry[slice(*span[1:])]
    if is_damaged and entry:
        entry = odd_messages.damaged(entry, random)
    before, behind = random.bytes(5), random.bytes(int(random.integers(0, 20)))
    data, start, end = before + entry + behind, len(before), len(before) + len(entry)
    try:
        found: Any = decode_usual_entry(data, start, end, keys)
    except DecodeError as error:
        with pytest.raises(DecodeError, match=re.escape(str(error))):
            decode_entry(data, start, end, decode_feature, keys)
        return
    if found is not None:
        plain = decode_entry(data, start, end, decode_feature, keys)
        assert comparable(dict([found] if found else [])) == comparable(dict([plain] if plain else []))


def test_usual_entries_are_taken_at_a_glance() -> None:
    usual: dict[str, Any] = {
        "b": [bytes(300)],
        "empty": [b""],
        "f": np.zeros(3, np.float32),
        "i": np.array([7]),
        "is": np.arange(-100, 100),
    }
    serialized = encode_example(usual)
    (features,) = wire_format.split_fields(serialized, 0, len(serialized))
    found = [
        decode_usual_entry(serialized, start, end, None)
        for _, start, end in wire_format.split_fields(serialized, *features[1:])
    ]
    assert comparable(dict(entry for entry in found if entry)) == comparable(usual)


def integer_of(random: np.random.Generator) -> NDArray[np.int64]:
    low, high = [(0, 1), (0, 10), (0, 128), (-3, 300), (0, 2**40), (-(2**63), 2**63 - 1)][random.integers(6)]
    return random.integers(low, high, 1)


def integers_of(random: np.random.Generator) -> NDArray[np.int64]:
    return random.integers(-2, [100, 2**20, 2**62][random.integers(3)], random.integers(0, 70))


def floats_of(size: int) -> Callable[[np.random.Generator], Any]:
    return lambda random: random.standard_normal(size).astype(np.float32)


def blob_of(random: np.random.Generator) -> list[bytes]:
    size = [0, 1, 7, 8, 15, 16, 17, 60, 100, 127, 128, 255, 256, 257, 3000][random.integers(15)]
    return [random.bytes(size).rstrip(b"x") + b"\0" * int(random.integers(3))]


FEATURES_OF_A_TABLE: list[Callable[[np.random.Generator], Any]] = [
    integer_of,
    integer_of,
    lambda random: np.array([random.integers(0, 3)]),
    integers_of,
    lambda random: random.integers(0, 200, 4),
    floats_of(1),
    floats_of(3),
    floats_of(40),
    lambda random: random.standard_normal(random.integers(0, 9)).astype(np.float32),
    blob_of,
    lambda random: [b"raw"],
    lambda random: [random.bytes(3) for _ in range(random.integers(0, 5))],
]


@st.composite
def records_of_a_table(draw: st.DrawFn) -> tuple[list[bytes], dict[str, Any]]:
    """Serialized Examples, most of one layout, and one of them as a mapping."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    names = ["a", "b", "image/label", "x" * 7, "ü" * 8, "k" * 100, "k" * 101, "n" * 130, ""]
    chosen = random.permutation(names)[: random.integers(1, 7)].tolist()
    makers = {str(name): FEATURES_OF_A_TABLE[random.integers(len(FEATURES_OF_A_TABLE))] for name in chosen}
    oddity = draw(st.sampled_from([0.0, 0.0, 0.02, 0.3]))
    damage = draw(st.sampled_from([0.0, 0.0, 0.01]))
    variety = draw(st.sampled_from([0.0, 0.0, 0.05, 0.5]))
    serialized, example = [], {}
    for _ in range(draw(st.integers(1, 120))):
        example = {name: maker(random) for name, maker in makers.items()}
        if random.random() < variety:
            example = odd_messages.varied(example, random) or example
        is_odd = example and random.random() < oddity
        record = odd_messages.odd_record(example, random) if is_odd else odd_messages.usual_record(example)
        serialized.append(odd_messages.damaged(record, random) if record and random.random() < damage else record)
    return serialized, {name: maker(random) for name, maker in makers.items()}


@st.composite
def features_for(draw: st.DrawFn, example: dict[str, Any]) -> dict[str, Any]:
    features = {}
    for name, value in example.items():
        dtype = "string" if isinstance(value, list) else str(value.dtype)
        default = [b"none"] if dtype == "string" else [7]
        features[name] = draw(
            st.sampled_from(
                [
                    tfr.FixedLenFeature([], dtype),
                    tfr.FixedLenFeature([], dtype, default[0]),
                    tfr.FixedLenFeature([len(value)], dtype),
                    tfr.FixedLenFeature([len(value)], dtype, default * len(value)),
                    tfr.VarLenFeature(dtype),
                    tfr.VarLenFeature(dtype),
                    tfr.RaggedFeature(dtype),
                    tfr.RaggedFeature(dtype),
                    tfr.FixedLenSequenceFeature([], dtype, True),
                    tfr.FixedLenSequenceFeature([], dtype, True, default[0]),
                    None,
                ]
            )
        )
    wanted = {name: feature for name, feature in features.items() if feature is not None}
    return wanted or {next(iter(example)): tfr.VarLenFeature("int64")}


def flat(value: Any) -> Any:
    """A parsed value as something that == compares bit by bit."""
    if isinstance(value, tfr.BytesArray):
        return flat(value.to_objects())
    if isinstance(value, tfr.RaggedTensorValue):
        return "ragged", flat(value.values), flat(value.row_splits)
    if isinstance(value, tfr.SparseTensorValue):
        return "sparse", *map(flat, value)
    content = value.tolist() if value.dtype == object else value.tobytes()
    return str(value.dtype), value.shape, content


def outcome_of(parse: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        result = parse(*arguments, **options)
    except TFRecordError as error:
        return type(error), str(error), error.args, error.record_number
    return {name: flat(value) for name, value in result.items()}


@settings(max_examples=300, deadline=None)
@given(records_of_a_table(), st.data())
def test_decoding_columns_equals_parsing(table: tuple[list[bytes], dict[str, Any]], data: st.DataObject) -> None:
    serialized, example = table
    features = data.draw(features_for(example))
    expected = outcome_of(tfr.parse_example, serialized, features)
    assert outcome_of(decode_columns, serialized, features) == expected
    assert outcome_of(decode_columns, serialized, features, bytes_as="blob") == expected


@settings(max_examples=150, deadline=None)
@given(records_of_a_table(), st.data())
def test_a_batch_of_portions_equals_parsing(table: tuple[list[bytes], dict[str, Any]], data: st.DataObject) -> None:
    """The buffer of each portion is written over before the next one comes; few records are worth a layout, too."""
    serialized, example = table
    features = data.draw(features_for(example))
    decoder = ColumnDecoder(example_plan(features), data.draw(st.sampled_from(["objects", "blob"])))
    limits = sorted({0, len(serialized), *data.draw(st.lists(st.integers(0, len(serialized)), max_size=5))})
    expects_more = data.draw(st.integers(0, 1000))

    def parsed(records: list[bytes]) -> dict[str, Any]:
        batch = BatchRows(decoder.plan.columns, len(records) + expects_more)
        for begin, end in pairwise(limits):
            lying = Records.joined(records[begin:end]).copy()
            rows = decoder.decode(lying)
            if rows is None:  # some of all the records are in error
                rows = decoder.decode_plain(records)
            batch.add(rows, end - begin)
            lying.buffer[:] = 0xAA
        return decoder.results(batch.rows())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "_FEW_BYTES", data.draw(st.sampled_from([1, 1 << 20])))
        found = outcome_of(parsed, serialized)
    expected = outcome_of(tfr.parse_example, serialized, features)
    if isinstance(expected, dict):
        assert found == expected
    else:
        assert found[0] in (FeatureError, DecodeError)


def examples_of(decode: Callable[[list[Any]], None]) -> tuple[list[Any], Any]:
    out: list[Any] = []
    try:
        decode(out)
    except TFRecordError as error:
        return out, (type(error), error.args, error.record_number)
    return out, None


@settings(max_examples=300, deadline=None)
@given(records_of_a_table(), st.booleans(), st.data())
def test_decoding_examples_together_equals_decoding_each(
    table: tuple[list[bytes], dict[str, Any]], has_keys: bool, data: st.DataObject
) -> None:
    serialized, example = table
    keys = data.draw(st.sets(st.sampled_from(sorted(example)))) if has_keys else None
    decoder = ExampleDecoder(keys)

    def plain(out: list[Any]) -> None:
        for number, record in enumerate(serialized):
            try:
                out.append(exact(decode_example(record, keys)))
            except DecodeError as error:
                error.record_number = number
                raise

    def fast(out: list[Any]) -> None:
        decoded, error = decoder.decode(Records.joined(serialized))
        out += map(exact, decoded)
        if error is not None:
            raise error

    expected = examples_of(plain)
    assert examples_of(fast) == expected
    assert examples_of(fast) == expected  # with the layouts remembered


def exact(example: dict[str, Any]) -> list[Any]:
    return [(name, flat(value) if isinstance(value, np.ndarray) else value) for name, value in example.items()]


@settings(max_examples=100, deadline=None)
@given(records_of_a_table(), st.data())
def test_parsing_examples_together_equals_parsing_each(
    table: tuple[list[bytes], dict[str, Any]], data: st.DataObject
) -> None:
    serialized, example = table
    features = data.draw(features_for(example))
    decoder = ParsedExampleDecoder(example_plan(features))

    def plain(out: list[Any]) -> None:
        for number, record in enumerate(serialized):
            try:
                parsed = tfr.parse_single_example(record, features)
            except TFRecordError as error:
                error.record_number = number
                raise
            out.append({name: flat(value) for name, value in parsed.items()})

    def fast(out: list[Any]) -> None:
        decoded, error = decoder.decode(Records.joined(serialized))
        out += [{name: flat(value) for name, value in parsed.items()} for parsed in decoded]
        if error is not None:
            raise error

    assert examples_of(fast) == examples_of(plain)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 20, 255, 256, 257, 300, 70_000]), st.data())
def test_leaping_over_headers_equals_walking(seed: int, longest: int, data: st.DataObject) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 300 if longest < 1000 else 80))
    zeros = random.random() < 0.3  # records full of what headers are known by
    payloads = [
        bytes(size) if zeros and random.random() < 0.2 else random.bytes(size)
        for size in random.integers(0 if zeros else 1, longest + 1, count).tolist()
    ]
    stored = b"".join(framing.encode_header(len(r)) + r + framing.encode_footer(r) for r in payloads)
    end = data.draw(st.integers(max(len(stored) - 400, 0), len(stored)))
    view = memoryview(bytearray(stored + bytes(blocks.MARGIN)))
    found = walk.leap(view, end)
    assert found is None or found.tolist() == walk.walk(view, end)
    if not zeros and count > 100 and longest < 1000:
        assert found is not None


def test_a_damaged_length_is_not_leapt_over() -> None:
    stored = bytearray(b"".join(framing.encode_header(50) + bytes([7]) * 50 + bytes([9]) * 4 for _ in range(200)))
    for at in range(0, 66 * 3, 1):
        damaged = bytearray(stored + bytes(blocks.MARGIN))
        damaged[at] ^= 0x11
        view = memoryview(damaged)
        found = walk.leap(view, len(stored))
        assert found is None or found.tolist() == walk.walk(view, len(stored))
