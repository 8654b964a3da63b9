"""Records read together by their layout: every usual form is read so, every damaged byte ends as in the plain path."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odd_messages import field, varint

import tfrecord_lite as tfr
from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.format.blocks import MARGIN
from tfrecord_lite.format.columns import fields, parts, payloads, sequences
from tfrecord_lite.format.columns.decode import ColumnDecoder, decode_columns
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder, ParsedExampleDecoder
from tfrecord_lite.format.columns.layout import (
    FLOATS,
    KINDLESS,
    LIST,
    SCALAR,
    SHORT,
    SHORT_SKIPPED,
    SKIPPED,
    Entry,
    Layout,
    entries_of,
    identity_of,
)
from tfrecord_lite.format.columns.layouts import Layouts
from tfrecord_lite.format.columns.sequences import feature_lists
from tfrecord_lite.format.columns.window import Records, windows, words
from tfrecord_lite.format.example import (
    decode_example,
    decode_sequence_example,
    encode_example,
    encode_sequence_example,
)
from tfrecord_lite.format.parsing import example_plan, parse_example, parse_single_example
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import encode_varint, split_fields

COUNT = 12


def number(bits: int) -> np.ndarray[Any, Any]:
    return np.array([(1 << bits) - 1 if bits < 64 else -1], np.int64)


def floats(size: int, at: int) -> np.ndarray[Any, Any]:
    return np.arange(at, at + size, dtype=np.float32)


#: {name: (an example for each of the records, the forms of its entries by name)}
TABLES: dict[str, tuple[list[dict[str, Any]], dict[str, int]]] = {
    "numbers of one byte": ([{"n": number(at % 8)} for at in range(COUNT)], {"n": SCALAR}),
    "numbers of every size": ([{"n": number(6 * at)} for at in range(COUNT)], {"n": SCALAR}),
    "numbers of ten bytes": ([{"n": number(64)} for _ in range(COUNT)], {"n": SCALAR}),
    "a number and its neighbours": (
        [{"a": number(5), "n": number(6 * at), "z": floats(1, at)} for at in range(COUNT)],
        {"a": SCALAR, "n": SCALAR, "z": FLOATS},
    ),
    "a few floats": ([{"f": floats(3, at), "g": floats(16, at)} for at in range(COUNT)], {"f": FLOATS, "g": FLOATS}),
    "many floats": ([{"f": floats(17, at), "g": floats(40, at)} for at in range(COUNT)], {"f": FLOATS, "g": FLOATS}),
    "many small entries": (
        [{f"f{name}": floats(4, at + name) for name in range(9)} for at in range(COUNT)],
        {f"f{name}": FLOATS for name in range(9)},
    ),
    "short bytes": ([{"b": [b"x" * (9 * at)]} for at in range(COUNT)], {"b": SHORT}),
    "long bytes": ([{"b": [b"x" * (100 + 40 * at)]} for at in range(1, COUNT + 1)], {"b": LIST}),
    "bytes of three lengths of a length": (
        [{"b": [b"x" * size]} for size in (200, 0, 127, 128, 16383, 16384, 1, 2, 3, 4, 5, 70_000)],
        {"b": LIST},
    ),
    "lists of numbers": ([{"l": np.arange(at) * 100} for at in range(COUNT)], {"l": LIST}),
    "lists of floats": ([{"l": floats(at, 0)} for at in range(2, COUNT + 2)], {"l": FLOATS}),
    "lists of no bytes": ([{"l": np.empty(0, object)} for _ in range(COUNT)], {"l": LIST}),
    "lists of floats, the first of them empty": ([{"l": floats(at % 4, at)} for at in range(COUNT)], {"l": LIST}),
    "lists of bytes": (
        [{"l": np.array([b"x" * place for place in range(at % 4)], object)} for at in range(COUNT)],
        {"l": LIST},
    ),
    "without a kind": ([{"a": None, "n": number(at)} for at in range(COUNT)], {"a": KINDLESS, "n": SCALAR}),
    "without a kind behind floats": (
        [{"f": floats(2, at), "k": None} for at in range(COUNT)],
        {"f": FLOATS, "k": KINDLESS},
    ),
    "two numbers in more than ten bytes": ([{"n": [-1, 200]} for _ in range(COUNT)], {"n": LIST}),
    "nothing but without a kind": ([{"a": None} for _ in range(COUNT)], {"a": KINDLESS}),
    "names of every length": (
        [{"": number(at), "n" * 7: number(at), "n" * 8: [b"x" * at], "n" * 100: number(at)} for at in range(COUNT)],
        {"": SCALAR, "n" * 7: SCALAR, "n" * 8: SHORT, "n" * 100: SCALAR},
    ),
    "one of each": (
        [
            {
                "bytes": [b"x" * at],
                "floats": floats(3, at),
                "image": [b"i" * (150 + at)],
                "kindless": None,
                "label": number(at),
                "list": np.arange(at + 2) * 1000,
                "tokens": [b"t" * place for place in range(at + 1)],
                "vector": floats(20, at),
            }
            for at in range(1, COUNT + 1)
        ],
        {
            "bytes": SHORT,
            "floats": FLOATS,
            "image": LIST,
            "kindless": KINDLESS,
            "label": SCALAR,
            "list": LIST,
            "tokens": LIST,
            "vector": FLOATS,
        },
    ),
}
#: Those of which no record needs a form that the first one does not show.
OF_ONE_LAYOUT = [name for name in TABLES if name not in ("lists of floats",)]


def exact(value: Any) -> Any:
    return (str(value.dtype), value.tolist()) if isinstance(value, np.ndarray) else value


def outcome(examples: list[dict[str, Any]], error: TFRecordError | None) -> Any:
    found = [[(key, exact(value)) for key, value in example.items()] for example in examples]
    return found, error and (type(error), error.args, error.record_number)


def plainly(records: list[bytes], keys: Any = None) -> Any:
    examples = []
    for number, record in enumerate(records):
        try:
            examples.append(decode_example(record, keys))
        except TFRecordError as error:
            error.record_number = number
            return outcome(examples, error)
    return outcome(examples, None)


def together(records: list[bytes], keys: Any = None) -> Any:
    examples, error = ExampleDecoder(keys).decode(Records.joined(records))
    return outcome(list(examples), error)


def serialized(name: str) -> list[bytes]:
    return [encode_example(example) for example in TABLES[name][0]]


@pytest.mark.parametrize("name", TABLES)
def test_the_form_of_every_entry_is_seen(name: str) -> None:
    entries = entries_of(serialized(name)[0], None)
    assert entries is not None
    assert {entry.key: entry.form for entry in entries} == TABLES[name][1]
    assert all(entry.is_wanted for entry in entries)
    skipped = entries_of(serialized(name)[0], frozenset())
    assert skipped is not None
    assert {(entry.kind, entry.is_wanted) for entry in skipped} == {(None, False)}
    assert {entry.form for entry in skipped} <= {SHORT_SKIPPED, SKIPPED}


@pytest.mark.parametrize("value", [0, 127, 128, 255, 2**14, 2**63 - 1, -1])
def test_a_number_is_one_number_in_however_many_bytes(value: int) -> None:
    assert entries_of(encode_example({"n": value}), None) == (Entry("n", INT64_LIST, SCALAR),)


@pytest.mark.parametrize(("size", "form", "skipped"), [(127, SHORT, SHORT_SKIPPED), (128, LIST, SKIPPED)])
def test_an_entry_is_short_whose_length_takes_one_byte(size: int, form: int, skipped: int) -> None:
    record = encode_example({"b": bytes(size - 9)})
    assert entries_of(record, None) == (Entry("b", BYTES_LIST, form),)
    assert entries_of(record, {"other"}) == (Entry("b", None, skipped),)


def test_floats_without_a_value_are_a_list_however_they_are_written() -> None:
    no_chunk, empty_chunk = b"\x12\x00", b"\x12\x02\x0a\x00"
    for values in (no_chunk, empty_chunk):
        record = field(1, field(1, field(1, b"f") + field(2, values)))
        assert entries_of(record, None) == (Entry("f", FLOAT_LIST, LIST),)


def test_short_bytes_are_read_together_up_to_the_longest() -> None:
    records = [encode_example({"b": bytes(size)}) for size in range(119)]
    ((layout, numbers, _),), others = Layouts(None).read(Records.joined(records), payloads.objects)
    assert layout.entries == (Entry("b", BYTES_LIST, SHORT),)
    assert (len(numbers), len(others)) == (119, 0)
    longer = encode_example({"b": bytes(119)})
    ((_, numbers, _),), others = Layouts(None).read(Records.joined([*records, longer]), payloads.objects)
    assert (len(numbers), others.tolist()) == (119, [119])
    assert longer[3:6] == b"\x0a\x80\x01"
    # The first byte of a length of two bytes is no length.
    records[9] = b"\x0a\x82\x01\x0a\x80" + longer[6:]
    assert together(records) == plainly(records)


@pytest.mark.parametrize("name", OF_ONE_LAYOUT)
def test_records_of_one_layout_are_one_group(name: str) -> None:
    records = Records.joined(serialized(name))
    layouts = Layouts(None)
    for _ in range(2):
        groups, others = layouts.read(records, payloads.objects)
        assert others.tolist() == []
        assert [numbers.tolist() for _, numbers, _ in groups] == [list(range(COUNT))]


def of_other_names(example: dict[str, Any]) -> dict[str, Any]:
    return {key.upper() + "!" * (not key): value for key, value in example.items()}


def with_one_more(example: dict[str, Any]) -> dict[str, Any]:
    return example | {"~": None}


def without_the_last(example: dict[str, Any]) -> dict[str, Any]:
    return {key: example[key] for key in sorted(example)[:-1]}


@pytest.mark.parametrize("name", OF_ONE_LAYOUT)
@pytest.mark.parametrize("keys", [None, frozenset()], ids=["all wanted", "none wanted"])
@pytest.mark.parametrize("other", [of_other_names, with_one_more, without_the_last])
def test_a_record_of_other_features_is_left_alone_and_the_others_stay_together(
    name: str, keys: Any, other: Any
) -> None:
    records = serialized(name)
    records[9] = encode_example(other(TABLES[name][0][9]))
    groups, others = Layouts(keys).read(Records.joined(records), payloads.objects)
    assert others.tolist() == [9]
    assert [numbers.tolist() for _, numbers, _ in groups] == [[*range(9), 10, 11]]


@pytest.mark.parametrize(
    "name", ["short bytes", "many floats", "long bytes", "lists of floats, the first of them empty"]
)
def test_a_last_record_that_ends_early_hides_no_other(name: str) -> None:
    """Nor is anything behind the buffer looked at."""
    long = {"x": floats(300, 0), "y": [b"y" * 100], "z": np.arange(100)}
    examples = [example | long for example in TABLES[name][0]]
    records = list(map(encode_example, examples))
    records[3] = encode_example(of_other_names(examples[3]))
    ((start, end),) = ((start, end) for _, start, end in split_fields(records[-1], 0, len(records[-1])))
    body = records[-1][start:end]
    for size in range(0, len(body), 13):
        records[-1] = field(1, body[:size])
        assert together(records) == plainly(records), size


# The ids have no backslashes: `make mutants` calls tests by them.
@pytest.mark.parametrize(
    "payload", [b"", b"\x01" * 11, b"\x01" * 40, b"\x80" * 10 + b"\x01", b"\x01\x02", b"\x80"], ids=bytes.hex
)
def test_what_is_no_single_number_is_left_alone_among_numbers(payload: bytes) -> None:
    records = [encode_example({"n": number(bits)}) for bits in (1, 64, 7, 30, 8, 63, 14, 64, 2)]
    records[4:4] = [field(1, field(1, field(1, b"n") + field(2, field(3, field(1, payload)))))]
    records.append(encode_example({"m": 1}))
    groups, others = Layouts(None).read(Records.joined(records), payloads.objects)
    assert [numbers.tolist() for _, numbers, _ in groups] == [[0, 1, 2, 3, 5, 6, 7, 8, 9]]
    assert others.tolist() == [4, 10]
    assert together(records) == plainly(records)


def test_what_lies_behind_the_last_record_may_look_like_more_of_it() -> None:
    """As what a buffer held before may: it is not looked at, up to the end of the buffer."""
    usual = encode_example({f"b{number}": bytes(100) for number in range(16)})
    ((_, start, _),) = split_fields(usual, 0, len(usual))
    for size in (0, 30, 150, 500):
        records = [usual] * 9 + [field(1, usual[start : start + size])]
        buffer, starts, ends = Records.joined(records)
        more = np.frombuffer(usual, np.uint8)[start + size :][:MARGIN]
        buffer = np.concatenate((buffer[: ends[-1]], more))
        examples, error = ExampleDecoder(None).decode(Records(buffer, starts, ends))
        assert outcome(list(examples), error) == plainly(records)


def test_a_length_of_five_bytes_hides_no_other_field() -> None:
    records = serialized("lists of numbers")
    header = 2
    body = records[9][header:]
    assert records[9] == field(1, body)
    records[3] = b"\x0a" + varint(len(body), 4) + body
    records[5] = field(2, body)
    assert together(records) == plainly(records)


def test_lists_of_one_value_each_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = Mock(wraps=fields.field)
    monkeypatch.setattr(fields, "field", looked_at)
    lengths = [3, 0, 200] * fields._FEW_LISTS
    values = Records.joined([field(1, bytes(length)) for length in lengths])
    begins, sizes, counts, bad = fields.items(*values)
    assert (begins + sizes).tolist() == values.ends.tolist()
    assert (sizes.tolist(), counts.tolist(), bad) == (lengths, [1] * len(lengths), None)
    assert counts.dtype == np.int64
    assert looked_at.call_count == 1


@pytest.mark.parametrize("lengths", [[5000], [0, 5000, 1], [1000] * 5, [1] * 500 + [5000], [*range(200)]], ids=repr)
def test_so_many_turns_are_taken_as_there_are_values_in_many_lists(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int]
) -> None:
    """And not as many as the longest list has values."""
    looked_at = Mock(wraps=fields.field)
    monkeypatch.setattr(fields, "field", looked_at)
    begins, sizes, counts, bad = fields.items(*Records.joined([field(1, b"x") * length for length in lengths]))
    assert (counts.tolist(), bad) == (lengths, None)
    assert len(begins) == len(sizes) == sum(lengths)
    assert looked_at.call_count <= 1 + sum(lengths) / fields._FEW_LISTS


#: Bytes of which lists of bytes, and what is nearly one, are made.
LIST_BYTES = st.sampled_from(
    [b"\x0a\x00", b"\x0a\x01x", b"\x0a\x02\xff\xff", b"\x0a\x82\x00xy", b"\x0a", b"\x80", b"\x00", b"\x12"]
)

#: A length that takes a byte more than is read here.
LONG_LENGTH = b"\x0a\x82\x80\x80\x80\x00xy"
#: Of values: where lengths take one byte more.
SIZES = [0, 1, 127, 128, 129, 256, 16383, 16384, 1 << 21]


@settings(deadline=None)
@given(
    payloads=st.lists(st.lists(LIST_BYTES | st.just(b"\x0a\x02\x0a\x00"), max_size=8).map(b"".join), max_size=9),
    few=st.sampled_from([1, 4, 64]),
)
@example(payloads=[b"".join(b"\x0a" + encode_varint(size) + bytes(size) for size in SIZES)], few=1)
@example(payloads=[b"".join(b"\x0a" + encode_varint(size) + bytes(size) for size in SIZES)], few=64)
@example(payloads=[b"\x0a" + encode_varint(size) + b"\xff" * size for size in (2, 200, 3)], few=1)
@example(payloads=[LONG_LENGTH], few=1)
@example(payloads=[LONG_LENGTH], few=64)
def test_values_of_lists_are_the_fields_that_they_are(payloads: list[bytes], few: int) -> None:
    """However many lists are looked at together, and whichever of them are no lists of bytes."""
    if not payloads:
        return
    records = Records.joined(payloads)
    expected: list[list[bytes] | None] = []
    for payload in payloads:
        try:
            spans = split_fields(payload, 0, len(payload))
        except TFRecordError:
            expected.append(None)
        else:
            is_usual = all(tag == 0x0A for tag, _, _ in spans)
            starts = [0, *(end for _, _, end in spans[:-1])]
            is_usual &= all(payload[at] == 0x0A for at, _ in zip(starts, spans, strict=False))
            is_usual &= all(start - at <= 5 for at, (_, start, _) in zip(starts, spans, strict=False))
            expected.append([payload[start:end] for _, start, end in spans] if is_usual else None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "_FEW_LISTS", few)
        begins, sizes, counts, bad = fields.items(*records)
        if None in expected:
            assert bad is not None
            assert bad.tolist() == [values is None for values in expected]
        else:
            assert bad is None
            data = records.buffer.tobytes()
            values = [data[begin : begin + size] for begin, size in zip(begins.tolist(), sizes.tolist(), strict=True)]
            assert values == [value for of_list in expected for value in of_list or []]
            assert counts.tolist() == [len(of_list or []) for of_list in expected]


@pytest.mark.parametrize("few", [1, 5])
@pytest.mark.parametrize("name", ["lists of bytes", "one of each"])
def test_damage_to_lists_ends_as_in_the_plain_path_however_many_are_walked_through(
    monkeypatch: pytest.MonkeyPatch, name: str, few: int
) -> None:
    monkeypatch.setattr(fields, "_FEW_LISTS", few)
    records = serialized(name)
    assert together(records) == plainly(records)
    record = records[9]
    for place in range(len(record)):
        for bits in (0x01, 0x80):
            records[9] = record[:place] + bytes((record[place] ^ bits,)) + record[place + 1 :]
            assert together(records) == plainly(records), (place, bits)


def test_records_that_are_not_of_a_layout_cost_each_part_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them leaves it at another part: by another value, without one of the entries, or with an odd number."""
    names = [f"n{number:02}" for number in range(20)]
    usual = dict.fromkeys(names, 1) | {"words": [b"a", b"b", b"c"], "z": [1, 2, 3]}
    others = [usual | {name: value} for name in names for value in (None, [1, 2], 0.5)]
    records = [encode_example(usual)] * 9 + list(map(encode_example, others)) + [encode_example(usual)]
    odd = records[0]
    for place in (odd.index(b"words") + 12, odd.index(b"words") + 15):  # the tags of the second and of the third word
        assert odd[place] == 0x0A
        records.append(odd[:place] + b"\x12" + odd[place + 1 :])
    layout = Layout(entries_of(records[0], None) or ())
    looked_at = {type_: Mock(wraps=type_.check) for type_ in (parts.Head, parts.OpenEntry)}
    values_taken = Mock(wraps=parts.Head.values)
    for type_, mock in looked_at.items():
        monkeypatch.setattr(type_, "check", lambda *args, mock=mock: mock(*args))
    monkeypatch.setattr(parts.Head, "values", lambda *args: values_taken(*args))
    body = Records.joined(records)
    begins, _ = parts.bodies(*body)
    numbers, found = layout.read(Records(body.buffer, begins, body.ends), payloads.objects)
    assert numbers.tolist() == [*range(9), 9 + len(others)]
    assert {key: len(rows.values) for key, rows in found.items()} == {
        **dict.fromkeys(names, 10),
        "words": 30,
        "z": 30,
    }
    assert sum(mock.call_count for mock in looked_at.values()) == len(layout._parts)
    assert values_taken.call_count <= 2 * len(layout._parts)
    assert together(records) == plainly(records)


def test_all_spans_that_are_no_varints_are_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_CHUNK", 20)
    items = [b"\x80" * 10 + b"\x01" if number % 3 == 1 else bytes(7) for number in range(12)]
    buffer, starts, ends = Records.joined(items)
    _, _, bad = payloads.integers(buffer, starts, ends - starts)
    assert bad is not None
    assert bad.tolist() == [number % 3 == 1 for number in range(12)]


def test_a_turn_for_each_word_of_the_longest_is_for_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Mock(wraps=windows)
    monkeypatch.setattr(payloads, "windows", taken)
    for count, at_once in ((8, 0), (499, 0), (500, 1), (2000, 1)):
        items = [b"x" * (number % 101) for number in range(count)]
        records = Records.joined(items)
        taken.reset_mock()
        assert payloads.objects(records.buffer, records.starts, records.ends - records.starts).tolist() == items
        assert taken.call_count == at_once


def test_a_list_of_one_byte_is_not_an_empty_one() -> None:
    for kind in (FLOAT_LIST, INT64_LIST):
        records = [field(1, field(1, field(1, b"l") + field(2, field(kind, b"")))) for _ in range(COUNT)]
        assert together(records) == plainly(records)
        records[9] = field(1, field(1, field(1, b"l") + field(2, field(kind, b"\x0a"))))
        assert together(records) == plainly(records)


@pytest.mark.parametrize("name", TABLES)
def test_records_read_together_are_the_records_read_one_by_one(name: str) -> None:
    records = serialized(name)
    assert together(records) == plainly(records)
    some: list[Any] = [{"n"}, {"l", "label"}, {"tokens", "vector", "bytes"}, frozenset()]
    for keys in some:
        assert together(records, keys) == plainly(records, keys)
    decoder = ExampleDecoder(None)
    for _ in range(2):
        examples, error = decoder.decode(Records.joined(records))
        assert outcome(list(examples), error) == plainly(records)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "bytes of three lengths of a length"])
def test_any_damage_to_one_record_ends_as_in_the_plain_path(name: str) -> None:
    records = serialized(name)
    record = records[9]
    places = range(len(record)) if len(record) < 150 else [*range(60), *range(60, len(record), 7), len(record) - 1]
    for place in places:
        for bits in (0x01, 0x80):
            records[9] = record[:place] + bytes((record[place] ^ bits,)) + record[place + 1 :]
            assert together(records) == plainly(records), (place, bits)
        records[9] = record[:place]
        assert together(records) == plainly(records), place
    for record_with_more in (record + b"\x00", record + b"\x0a\x00", b"", record + record):
        records[9] = record_with_more
        assert together(records) == plainly(records)


def features_of(table: str, wide: Any) -> dict[str, Any]:
    dtypes = {BYTES_LIST: "string", FLOAT_LIST: "float32", INT64_LIST: "int64"}
    entries = entries_of(serialized(table)[-1], None) or ()
    return {entry.key: wide(dtypes[entry.kind]) for entry in entries if entry.kind is not None and entry.key}


def flat(value: Any) -> Any:
    if isinstance(value, tfr.BytesArray):
        return flat(value.to_objects())
    if isinstance(value, tfr.RaggedTensorValue):
        return flat(value.values), flat(value.row_splits)
    if isinstance(value, tuple):
        return [flat(part) if isinstance(part, tfr.BytesArray) else flat(np.asarray(part)) for part in value]
    return str(value.dtype), value.shape, value.tolist()


@pytest.mark.parametrize("name", [name for name in TABLES if name != "nothing but without a kind"])
def test_columns_are_what_is_parsed(name: str) -> None:
    records = serialized(name)
    for wide in (tfr.VarLenFeature, tfr.RaggedFeature, lambda dtype: tfr.FixedLenSequenceFeature([], dtype, True)):
        features = features_of(name, wide)
        expected = {key: flat(value) for key, value in parse_example(records, features).items()}
        for bytes_as in ("objects", "blob"):
            found = decode_columns(records, features, bytes_as=bytes_as)
            assert {key: flat(value) for key, value in found.items()} == expected
        assert ColumnDecoder(example_plan(features)).decode(Records.joined(records)) is not None
        examples, error = ParsedExampleDecoder(example_plan(features)).decode(Records.joined(records))
        assert error is None
        plain = [parse_single_example(record, features) for record in records]
        assert [{key: flat(value) for key, value in example.items()} for example in examples] == [
            {key: flat(value) for key, value in example.items()} for example in plain
        ]


def test_columns_that_do_not_hold_what_is_asked_for_are_left_to_the_plain_path() -> None:
    records = serialized("one of each")
    for features in (
        {"label": tfr.VarLenFeature("float32")},
        {"label": tfr.FixedLenFeature([2], "int64")},
        {"absent": tfr.FixedLenFeature([], "int64")},
        {"list": tfr.FixedLenFeature([3], "int64")},
        {"list": tfr.FixedLenSequenceFeature([2], "int64", True)},
    ):
        assert ColumnDecoder(example_plan(features)).decode(Records.joined(records)) is None
    for features, shape in (
        ({"floats": tfr.FixedLenFeature([3], "float32")}, (COUNT, 3)),
        ({"absent": tfr.FixedLenFeature([2], "int64", [7, 8])}, (COUNT, 2)),
        ({"kindless": tfr.FixedLenFeature([2], "int64", [7, 8])}, (COUNT, 2)),
        ({"vector": tfr.FixedLenSequenceFeature([10], "float32", True)}, (COUNT, 2, 10)),
    ):
        (values,) = decode_columns(records, features).values()
        assert values.shape == shape
        assert flat(values) == flat(next(iter(parse_example(records, features).values())))


def test_several_layouts_in_one_block_are_read_each_for_itself() -> None:
    one, two, three = ([encode_example({name: number(at % 60)}) for at in range(30)] for name in "abc")
    records = [record for triple in zip(one, two, three[:5] + two[5:], strict=True) for record in triple]
    layouts = Layouts(None)
    for turn in range(2):
        groups, others = layouts.read(Records.joined(records), payloads.objects)
        assert [[entry.key for entry in layout.entries] for layout, _, _ in groups] == [["b"], ["a"]][
            :: 1 if turn else -1
        ]
        assert sorted(numbers.tolist()[0] for _, numbers, _ in groups) == [0, 1]
        assert others.tolist() == [2, 5, 8, 11, 14]
    assert together(records) == plainly(records)


def test_few_records_are_left_to_the_plain_path() -> None:
    records = [encode_example({"n": 1})] * 8
    assert Layouts(None).read(Records.joined(records), payloads.objects)[1].tolist() == []
    assert Layouts(None).read(Records.joined(records[:7]), payloads.objects)[1].tolist() == list(range(7))


def numbers_named(names: list[str]) -> Records:
    return Records.joined([encode_example({name: 1}) for name in names])


def found_in(layouts: Layouts, names: list[str]) -> tuple[list[str], list[int]]:
    """The name in each layout that was found, and the numbers of the records that have none."""
    groups, others = layouts.read(numbers_named(names), payloads.objects)
    return [layout.entries[0].key for layout, _, _ in groups], others.tolist()


def test_a_layout_that_few_records_have_ends_the_search_but_in_a_large_block() -> None:
    assert found_in(Layouts(None), ["rare"] * 7 + ["a"] * 248) == (["rare"], list(range(7, 255)))
    assert found_in(Layouts(None), ["rare"] * 8 + ["a"] * 247) == (["rare", "a"], [])
    assert found_in(Layouts(None), ["rare"] * 7 + ["a"] * 249) == (["rare", "a"], [])
    rare = [f"rare {number}" for number in range(2)]
    assert found_in(Layouts(None), [*rare, *["a"] * 509]) == (rare, list(range(2, 511)))
    assert found_in(Layouts(None), [*rare, *["a"] * 510]) == ([*rare, "a"], [])


def test_only_a_layout_that_many_records_have_is_remembered() -> None:
    layouts = Layouts(None)
    assert found_in(layouts, ["b"] * 7 + ["a"] * 250) == (["b", "a"], [])
    assert found_in(layouts, ["b"] * 8 + ["a"] * 8) == (["a", "b"], [])
    assert found_in(layouts, ["c"] * 9) == (["c"], [])
    assert found_in(layouts, ["b"] * 9 + ["a"] * 10 + ["c"] * 8) == (["c", "a", "b"], [])
    assert found_in(layouts, ["c"] * 8 + ["b"] * 9 + ["a"] * 10) == (["a", "b", "c"], [])


def test_a_layout_of_one_record_comes_before_those_of_none() -> None:
    layouts = Layouts(None)
    each = ["a"] * 10 + ["b"] * 9 + ["c"] * 8
    assert found_in(layouts, each) == (["a", "b", "c"], [])
    assert found_in(layouts, ["c", *(f"rare {number}" for number in range(8))])[0] == ["c", "rare 0"]
    assert found_in(layouts, each) == (["c", "a", "b"], [])


def test_so_many_layouts_are_remembered() -> None:
    layouts = Layouts(None)
    for number in range(70):
        found_in(layouts, [f"n{number}"] * 8)
    assert [layout.entries[0].key for layout in layouts._known] == [f"n{number}" for number in range(69, 5, -1)]


def test_a_remembered_layout_is_widened_and_replaced() -> None:
    layouts = Layouts(None)
    ones, lists = ([encode_example({"n": np.arange(count)})] * 8 for count in (1, 3))
    for records in (ones, lists, ones + lists):
        groups, others = layouts.read(Records.joined(records), payloads.objects)
        assert len(groups) == 1
        assert others.tolist() == []
    assert [layout.entries for layout in layouts._known] == [(Entry("n", INT64_LIST, LIST),)]


def test_rows_of_two_sizes_are_in_the_end_one_layout() -> None:
    layouts = Layouts(None)
    few, more = ([encode_example({"f": np.zeros(count, np.float32)})] * 8 for count in (8, 12))
    for records in (few, more, few + more):
        groups, others = layouts.read(Records.joined(records), payloads.objects)
        assert len(groups) == 1
        assert others.tolist() == []


@pytest.mark.parametrize("more", [0, 1])
def test_few_records_of_many_bytes_have_a_layout(more: int) -> None:
    assert len(encode_example({"a": b""})) == 13
    records = [b"before"] * 100 + [encode_example({"a": bytes((1 << 18) - 23)})] * 3
    records.append(encode_example({"a": bytes((1 << 18) - 24 + more)}))
    assert sum(map(len, records[100:])) == (1 << 20) - 1 + more
    groups, others = Layouts(None).read(Records.joined(records), payloads.objects)
    assert [numbers.tolist() for _, numbers, _ in groups] == [[100, 101, 102, 103]] * more
    assert len(others) == (100 if more else 104)


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("features", [8, 9])
def test_few_records_have_a_layout_only_if_there_are_many_bytes_for_each_entry(features: int, is_known: bool) -> None:
    example: dict[str, Any] = {f"n{number}": 1 for number in range(features - 1)} | {"image": b"x" * (1 << 20)}
    layouts = Layouts(None)
    if is_known:
        groups, _ = layouts.read(Records.joined([encode_example(example)] * 8), payloads.objects)
        assert len(groups) == 1
    groups, others = layouts.read(Records.joined([encode_example(example)]), payloads.objects)
    assert (len(groups), len(others)) == ((1, 0) if features == 8 else (0, 1))


def test_a_record_that_its_own_layout_does_not_read_is_left_to_the_plain_path() -> None:
    odd = b"\x0a\x0f\x0a\x0d\x0a\x81\x00n\x12\x07\x1a\x05\x0a\x03\x01\x02\x03"
    records = [odd, *[encode_example({"a": 1})] * 300, odd]
    assert decode_example(odd)["n"].tolist() == [1, 2, 3]
    groups, others = Layouts(None).read(Records.joined(records), payloads.objects)
    assert others.tolist() == [0, 301]
    assert [numbers.tolist() for _, numbers, _ in groups] == [list(range(1, 301))]


def test_a_layout_is_widened_to_what_it_meets() -> None:
    scalar, listed = (Layout((Entry("n", INT64_LIST, form),)) for form in (SCALAR, LIST))
    assert scalar.widened(scalar.entries) is None
    widened = scalar.widened(listed.entries)
    assert widened is not None
    assert widened.entries == listed.entries
    assert listed.widened(scalar.entries) is None
    few, more = (Layout((Entry("f", FLOAT_LIST, FLOATS, size),)) for size in (8, 12))
    widened = few.widened(more.entries)
    assert widened is not None
    assert widened.entries == (Entry("f", FLOAT_LIST, LIST, 0),)
    assert identity_of(few.entries) == identity_of(more.entries) == identity_of(widened.entries)
    assert identity_of((Entry("f", None, KINDLESS),)) != identity_of((Entry("f", None, SKIPPED),))


def test_only_the_entries_that_differ_are_widened() -> None:
    same = Entry("a", INT64_LIST, SCALAR), Entry("f", FLOAT_LIST, FLOATS, 8)
    scalar, listed = (Entry("n", INT64_LIST, form) for form in (SCALAR, LIST))
    widened = Layout((*same, scalar)).widened((*same, listed))
    assert widened is not None
    assert widened.entries == (*same, listed)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\x0a\x00",
        encode_example({"n" * 101: 1}),
        encode_example({"a": 1}) + encode_example({"a": 2}),
        b"\x0a\x0e" + encode_example({"a": None})[2:] * 2,  # a name twice
        b"\x0a\x05\x0a\x03\x0a\x01\xff",  # no value
        b"\x0a\x07\x0a\x05\x0a\x01\xff\x12\x00",  # no UTF-8
        b"\x0a\x0b\x0a\x09\x0a\x01a\x12\x04\x0a\x00\x12\x00",  # two kinds
        b"\x0a\x09\x0a\x07\x0a\x01a\x12\x02\x22\x00",  # a kind that there is not
        encode_example({"a": 1}) + b"\x18\x00",
        encode_example({"a": 1})[:-1],
        encode_sequence_example({"a": 1}, {}),
    ],
)
def test_what_is_written_in_an_unusual_way_has_no_layout(record: bytes) -> None:
    assert entries_of(record, None) is None


def test_bytes_at_many_places_are_taken() -> None:
    data = np.arange(40, dtype=np.uint8)
    places = np.array([0, 3, 32])
    assert words(data, places).tolist() == [int.from_bytes(bytes(range(at, at + 8)), "little") for at in (0, 3, 32)]
    assert windows(data, np.array([0, 37]), 3).tolist() == [[0, 1, 2], [37, 38, 39]]
    with pytest.raises(IndexError):
        windows(data, np.array([38]), 3)


def test_records_are_joined_with_room_around_them() -> None:
    records = Records.joined([b"abc", b"", b"d"])
    assert [records.record(number) for number in range(3)] == [b"abc", b"", b"d"]
    assert (records.starts.tolist(), records.ends.tolist()) == ([8, 11, 11], [11, 11, 12])
    some = records.take(np.array([2, 0]))
    assert [some.record(number) for number in range(2)] == [b"d", b"abc"]
    assert not np.shares_memory(records.copy().buffer, records.buffer)
    assert records.copy().record(0) == b"abc"
    assert Records.joined([]).starts.tolist() == []


def test_only_what_has_feature_lists_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Mock(wraps=decode_sequence_example)
    monkeypatch.setattr(sequences, "decode_sequence_example", decode)
    lists = encode_sequence_example({"a": 1}, {"s": [1, 2]})
    records = [encode_example({"a": 1}), lists, b"\x12\x01x", encode_sequence_example({}, {}), lists]
    found = [
        {key: [step.tolist() for step in steps] for key, steps in each.items()}
        for each in feature_lists(Records.joined(records))
    ]
    assert found == [{"s": [[1], [2]]}] * 2
    assert [bytes(call.args[0]) for call in decode.call_args_list] == records[1:]


@pytest.mark.parametrize("most", [0, 1, 7, 8, 9, 255, 256, 257, 1000])
@pytest.mark.parametrize("end", [b"", b"\0", b"\0\0x"])
@pytest.mark.parametrize("few", [-5000, payloads._FEW_VALUES], ids=["all at once", "one by one"])
def test_bytes_in_spans_are_objects_or_one_blob(
    monkeypatch: pytest.MonkeyPatch, most: int, end: bytes, few: int
) -> None:
    monkeypatch.setattr(payloads, "_FEW_VALUES", few)
    items = [b"", b"y" * most + end, b"\0", b"ab\0", b"z" * (most // 2), b""]
    records = Records.joined([b"--".join(items)])
    sizes = np.array([len(item) for item in items])
    starts = records.starts[0] + np.cumsum([0, *(sizes[:-1] + 2)])
    objects = payloads.objects(records.buffer, starts, sizes)
    assert objects.dtype == object
    assert objects.tolist() == items
    blob = payloads.blob(records.buffer, starts, sizes)
    assert blob.to_objects().tolist() == items
    assert payloads.joined(records.buffer, starts, sizes) == b"".join(items)
