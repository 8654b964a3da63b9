"""Columns at every limit where their bytes are made in another way: the same as their rows, one by one.

What `test_fast_path_equivalence` draws at random stands here at its limits.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tfrecord_lite import BytesArray, FeatureError, RaggedTensorValue, SparseTensorValue
from tfrecord_lite.format.columns import encode, frames
from tfrecord_lite.format.columns.column import ABSENT, EMPTY, FULL, KINDLESS, MaskedColumn, PackedColumn, ScalarColumn
from tfrecord_lite.format.columns.encode import encode_columns, encode_frames
from tfrecord_lite.format.columns.frames import Scratch
from tfrecord_lite.format.columns.intake import as_source
from tfrecord_lite.format.columns.sources import Arrays, Masked, Payloads, Ragged, Source, Table
from tfrecord_lite.format.example import encode_example
from tfrecord_lite.format.framing import encode_footer, encode_header
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.pieces import WORTH_A_PIECE
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST

GENERATOR = np.random.default_rng(5)


def integers_of(sizes: list[int]) -> list[int]:
    """A number for each size of a varint, 10 for negative ones."""
    return [-1 if size == 10 else (1 << 7 * size) - 1 for size in sizes]


def floats(*shape: int) -> Any:
    return GENERATOR.standard_normal(shape).astype(np.float32)


def ragged(values: Any, lengths: list[int]) -> tuple[Any, list[Any]]:
    """As a column with splits, and its rows."""
    splits = np.cumsum([0, *lengths])
    return SimpleNamespace(values=values, row_splits=splits), np.split(values, splits[1:-1])


def bytes_array(*items: bytes) -> BytesArray:
    return BytesArray(np.frombuffer(b"".join(items), np.uint8), np.cumsum([0, *map(len, items)]))


def both(rows: Any) -> tuple[Any, Any]:
    return rows, rows


SIZES = [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 119, 120, 121, 122, 123, 126, 127, 128, 129, 255, 256, 300, 16383, 16384]
LENGTHS = [1, 2, 0, 5, 31, 1, 40, 0, 3]

#: {name: (column, the same as rows)}
COLUMNS: dict[str, tuple[Any, Any]] = {
    "numbers of one size": both(np.arange(100, 120)),
    "numbers of two sizes": both(np.array([127, 128, 1, 300])),
    "numbers of every size": both(np.array(integers_of(list(range(1, 11))))),
    "numbers of eight and nine bytes": both(np.array(integers_of([8, 9, 8]))),
    "numbers in a list": both(integers_of([1, 10, 5])),
    "bools": both([True, False, True]),
    "unsigned numbers": both(np.array([0, 2**63 - 1, 128], np.uint64)),
    "numbers of the other byte order": both(np.array([1, 300, -5], ">i4")),
    "floats in a list": both([1.5, 2.5, 1e39]),
    "one float each": both(floats(7)),
    "floats of 16 bytes": both(floats(5, 4)),
    "floats of 64 bytes": both(floats(5, 16)),
    "floats of 68 bytes": both(floats(5, 17)),
    "floats just below a piece of their own": both(floats(5, WORTH_A_PIECE // 4 - 1)),
    "floats in a piece of their own": both(floats(5, WORTH_A_PIECE // 4)),
    "a double that raises a signal": both(np.array([0x7FF0000000000001], np.uint64).view(np.float64)),
    "doubles in two axes": both(np.arange(24, dtype=float).reshape(4, 2, 3)),
    "numbers in two axes, one each": both(np.arange(4).reshape(4, 1) * 1000),
    "numbers in two axes": both(np.arange(24).reshape(4, 2, 3) * 1000),
    "rows without values": both(np.empty((3, 0), np.float32)),
    "every other number": both(np.arange(20)[::2]),
    "ragged numbers": ragged(GENERATOR.integers(-3, 300, sum(LENGTHS)), LENGTHS),
    "ragged small numbers": ragged(np.arange(sum(LENGTHS)) % 50, LENGTHS),
    "ragged numbers of every size": ragged(np.array(integers_of([1, 10, 9, 8, 2, 5, 4, 3, 6, 7])), [3, 1, 2, 4]),
    "ragged floats": ragged(floats(sum(LENGTHS)), LENGTHS),
    "ragged floats, all there": ragged(floats(6), [1, 2, 3]),
    "ragged floats of one length": ragged(floats(6), [2, 2, 2]),
    "ragged floats in pieces of their own": ragged(floats(1030), [1000, 30]),
    "nothing but empty lists": ragged(floats(0), [0, 0, 0]),
    "arrays of numbers": both([np.arange(3), np.arange(200), np.arange(1)]),
    "arrays of floats": both([floats(3), floats(0), floats(50)]),
    "arrays of unsigned numbers": both([np.array([1], np.uint64), np.array([2**63 - 1, 0], np.uint64)]),
    "arrays of several dtypes": both([np.arange(3), floats(2)]),
    "arrays of two axes": both([np.arange(4).reshape(2, 2), np.arange(3)]),
    **{f"bytes of {size}": both([b"x" * size] * 3) for size in SIZES},
    **{f"bytes up to {size}": both([b"y" * size, b"", b"z", b"y" * size]) for size in SIZES},
    "bytes of every size": both([b"x" * size for size in SIZES]),
    "bytes in pieces of their own": both([b"x" * size for size in (0, 5000, 1, 30)]),
    "bytes just below a piece of their own": both([b"x" * (WORTH_A_PIECE - 1)] * 2),
    "bytes just in a piece of their own": both([b"x" * WORTH_A_PIECE] * 2),
    "128 sizes apart": both([b"x" * 1000, b"x" * 1127, b"x" * 1128]),
    "127 sizes apart": both([b"x" * 1000, b"x" * 1127]),
    "bytes, some missing": both([b"a", None, b"", None, b"c" * 40]),
    "nothing but missing bytes": both([None, None]),
    "an array of objects": both(np.array([b"a", None, b"bc"], object)),
    "texts": both(["a", "é", ""]),
    "several bytes each": both([[b"a", b"b"], [], [b"c"]][::2]),
    "features of every kind": both([1, None, [1.5, 2.5], b"x", [b"x", b"y"], np.array([], np.int64), [7, 8]]),
    "masked numbers": (
        np.ma.masked_array([1, 300, 3], mask=[False, True, False]),
        [1, None, 3],
    ),
    "masked rows": (
        np.ma.masked_array(np.arange(6).reshape(3, 2), mask=[[True, True], [False, False], [False, False]]),
        [None, [2, 3], [4, 5]],
    ),
    "masked floats in pieces of their own": (
        np.ma.masked_array(np.ones((2, 300), np.float32), mask=[[True] * 300, [False] * 300]),
        [None, np.ones(300, np.float32)],
    ),
    "masked objects": (np.ma.masked_array([b"a", b"b"], mask=[True, False], dtype=object), [None, b"b"]),
    "masked cubes": (
        np.ma.masked_array(np.arange(8).reshape(2, 2, 2), mask=[[[True, True]] * 2, [[False, False]] * 2]),
        [None, [4, 5, 6, 7]],
    ),
    "a mask that hides what has no place": (
        np.ma.masked_array(np.array([2**63, 1], "u8"), mask=[True, False]),
        [None, 1],
    ),
    "texts in an array": both(np.array(["a", "b"])),
    "long values among others": both([b"x" * 40_000, [b"y"]]),
    "masked texts": (np.ma.masked_array(["a", "b"], mask=[True, False]), [None, "b"]),
    "lists of numbers, some missing": (
        Lists.of_lengths(np.arange(4), np.array([3, 0, 0, 1]), np.array([False, True, False, False])),
        [np.arange(3), None, np.array([], np.int64), np.array([3])],
    ),
    "lists of floats, none missing": (
        Lists.of_lengths(floats(2) * 0, np.array([0, 2])),
        [floats(0), np.zeros(2, "f4")],
    ),
    "one value of bytes each, some missing": (
        Lists.of_lengths(bytes_array(b"a", b"", b"ccc"), np.array([1, 0, 1, 1]), np.array([False, True, False, False])),
        [b"a", None, b"", b"ccc"],
    ),
    "one value of bytes each": (Lists.of_lengths(bytes_array(b"a", b"bb"), np.array([1, 1])), [b"a", b"bb"]),
    "several values of bytes, some missing": (
        Lists.of_lengths(bytes_array(b"a", b"bb", b"c"), np.array([2, 0, 0, 1]), np.array([False, True, False, False])),
        [[b"a", b"bb"], None, np.array([], object), [b"c"]],
    ),
    "a bytes array": (bytes_array(b"a", b"", b"bc"), [b"a", b"", b"bc"]),
}


def check(columns: dict[str, Any], rows: dict[str, Any]) -> None:
    count = len(next(iter(rows.values())))
    expected = [encode_example({key: values[row] for key, values in rows.items()}) for row in range(count)]
    assert encode_columns(columns) == expected
    stored: list[bytes] = []
    lengths: list[int] = []
    footers: list[bytes] = []
    for block in encode_frames(columns):
        for group in block.portions():
            stored += map(bytes, group.pieces)
            lengths += group.lengths.tolist()
            footers += [bytes(footer) for footer in group.footers]
    assert b"".join(stored) == b"".join(
        encode_header(len(record)) + record + encode_footer(record) for record in expected
    )
    assert lengths == list(map(len, expected))
    assert footers == list(map(encode_footer, expected))


@pytest.mark.parametrize("key", ["k", "k" * 127, "k" * 128])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_its_rows(name: str, key: str) -> None:
    column, rows = COLUMNS[name]
    check({key: column}, {key: rows})


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_beside_others_is_its_rows(name: str) -> None:
    """Behind and before columns with pieces of their own, and one that divides the records into groups."""
    column, rows = COLUMNS[name]
    count = len(rows)
    others = {
        "a": [b"large" * 1000] * count,
        "b": [None if row % 2 else b"x" for row in range(count)],
        "n": [b"also large" * 500] * count,
        "z": list(range(count)),
    }
    check({"z": others["z"], "m": column, "a": others["a"]}, {"z": others["z"], "m": rows, "a": others["a"]})
    check({**others, "m": column}, {**others, "m": rows})


def test_frames_with_long_bytes_are_given_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [bytes((at,)) * 3000 for at in range(7)]
    columns = {"a": items, "n": np.arange(7)}
    size = len(encode_example({"a": items[0], "n": 0}))
    for limit, count in ((2 * size, 4), (2 * size - 1, 7), (7 * size, 1)):
        monkeypatch.setattr(frames, "_PORTION", limit)
        check(columns, columns)
        (block,) = encode_frames(columns)
        assert sum(1 for _ in block.portions()) == count
    (block,) = encode_frames({"n": np.arange(7)})
    monkeypatch.setattr(frames, "_PORTION", 1)
    assert sum(1 for _ in block.portions()) == 1


def kinds_of(source: Any) -> str:
    """Such as "Masked Table"."""
    name = type(source).__name__
    return f"{name} {kinds_of(source._source)}" if isinstance(source, Masked) else name


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([1, 2], "Table"),
        ([True, 2], "Table"),
        ([1.5], "Table"),
        (np.arange(3), "Table"),
        (np.ma.masked_array([1, 2], mask=[False, False]), "Table"),
        (np.array([2**63 - 1], np.uint64), "Table"),
        (np.array([1], np.uint32), "Table"),
        ([b"x"], "Payloads"),
        ([b"x", None], "Masked Payloads"),
        ([np.arange(2), np.arange(3)], "Arrays"),
        ([np.array([2**63 - 1], np.uint64)], "Arrays"),
        (RaggedTensorValue(np.arange(3), np.array([0, 1, 3])), "Ragged"),
        (Lists.of_lengths(np.arange(1), np.array([1, 0])), "Ragged"),
        (Lists.of_lengths(np.arange(1), np.array([1, 0]), np.array([False, True])), "Masked Ragged"),
        (Lists.of_lengths(bytes_array(b"x"), np.array([1, 0]), np.array([False, True])), "Masked Payloads"),
        *((np.ma.masked_array(np.array([1, 2], dtype), mask=[True, False]), "Masked Table") for dtype in "?Bqe"),
        ([np.arange(2), np.arange(3.0)], "Masked Payloads"),  # one by one
        ([1, 1.5], "Masked Payloads"),
        ([], "Masked Payloads"),
        (np.array([], np.int64), "Masked Payloads"),
    ],
)
def test_what_a_column_becomes(values: Any, kinds: str) -> None:
    assert kinds_of(as_source("k", values)) == kinds


def test_empty_payloads_are_what_their_kind_makes_of_them() -> None:
    sizes = np.array([0, 4])
    for kind, empty in ((FLOAT_LIST, EMPTY), (None, KINDLESS)):
        states = PackedColumn(kind, [b"", b"1234"], sizes).states()
        assert isinstance(states, np.ndarray)
        assert states.tolist() == [empty, FULL]
        assert PackedColumn(kind, [b"1234"], sizes[1:]).states() == FULL
    assert PackedColumn(BYTES_LIST, [b"", b"1234"], sizes).states() == FULL


def test_some_of_a_masked_column_are_masked_as_they_were() -> None:
    column = MaskedColumn(ScalarColumn(np.arange(4)), np.array([True, False, True, False]))
    states = column.take(np.array([0, 1, 3])).states()
    assert isinstance(states, np.ndarray)
    assert states.tolist() == [ABSENT, FULL, FULL]
    assert column.take(np.array([1, 3])).states() == FULL


@pytest.mark.parametrize(
    ("values", "reason", "number"),
    [
        (
            SparseTensorValue(np.zeros((0, 2)), np.zeros(0), np.array([1, 0])),
            "a sparse value has no entry per record",
            None,
        ),
        (Lists.of_lengths(np.array([1, 2**63], np.uint64), np.array([1, 1])), f"{2**63} is outside int64", 1),
        (3, "a column has an entry per record, but this is one int", None),
        ("text", "a column has an entry per record, but this is one str", None),
        (np.ma.masked_array([[1, 2]], mask=[[True, False]]), "an entry is masked in part", None),
        (
            SimpleNamespace(values=np.ma.masked_array([1], mask=[True]), row_splits=[0, 1]),
            "values are masked in a ragged column",
            None,
        ),
        (
            SimpleNamespace(values=SimpleNamespace(row_splits=[0]), row_splits=[0, 1]),
            "a column is ragged in one dimension, not in more",
            None,
        ),
        *(
            (
                SimpleNamespace(values=np.arange(3), row_splits=splits),
                "row_splits do not begin at 0, ascend, and end with the number of values",
                None,
            )
            for splits in ([], [1, 3], [0, 2], [0, 4], [0, 2, 1, 3])
        ),
        (np.array([1, 2**63], np.uint64), f"{2**63} is outside int64", 1),
        ([np.array([1], np.uint64), np.array([0, 2**63], np.uint64)], f"{2**63} is outside int64", 1),
        (SimpleNamespace(values=np.array([1, 2**63], np.uint64), row_splits=[0, 1, 2]), f"{2**63} is outside int64", 1),
        (np.ma.masked_array(np.array([1, 2**63], np.uint64), mask=[True, False]), f"{2**63} is outside int64", 1),
        ([0, 1, -(2**63) - 1], f"{-(2**63) - 1} is outside int64", 2),
        (np.array([b"a", object()]), "a object has no place in a feature", 1),
    ],
)
def test_what_is_no_column_is_told(values: Any, reason: str, number: int | None) -> None:
    with pytest.raises(FeatureError) as caught:
        encode_columns({"k": values})
    assert (caught.value.key, caught.value.record_number) == ("k", number)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("source", "weights", "largest"),
    [
        (Table(np.zeros((2, 3), np.int64)), 48, 30),
        (Table(floats(2, 3)), 12, 30),
        (Table(floats(2, 300)), WORTH_A_PIECE, 3000),
        (Ragged(np.arange(5), np.array([0, 3, 3, 5])), [48, 0, 32], 30),
        (Ragged(np.arange(0), np.array([0])), [], 0),
        (Arrays([np.arange(2), np.arange(3)]), [32, 48], 30),
        (Payloads(BYTES_LIST, [b"abc", b"", b"x" * 2000]), [3, 0, WORTH_A_PIECE], 2000),
        (Payloads(BYTES_LIST, []), [], 0),
        (Masked(Arrays([np.arange(2)]), np.array([False])), [32], 20),
    ],
    ids=range(9),
)
def test_what_a_source_takes(source: Source, weights: Any, largest: int) -> None:
    found = source.weights()
    assert (found if isinstance(found, int) else found.tolist()) == weights
    assert isinstance(found, int) or found.dtype == np.int64
    assert (source.largest(), type(source.largest())) == (largest, int)


def test_columns_are_in_the_order_of_their_utf8_names() -> None:
    names = ["b", "a", "", "é", "ab", "\U0001f600", "\uffff"]
    assert encode_columns({name: [1] for name in names}) == [encode_example(dict.fromkeys(names, 1))]


def test_columns_of_different_length_are_told() -> None:
    with pytest.raises(FeatureError) as caught:
        encode_columns({"a": [1], "b": [b"", b""], "c": [1]})
    assert caught.value.reason == "columns must be equally long: 'a' has 1, 'b' has 2, 'c' has 1"


def test_a_rule_that_is_none_is_told() -> None:
    with pytest.raises(FeatureError) as caught:
        encode_columns({"a": [1]}, {"a": "absnet"})
    assert (caught.value.key, caught.value.reason) == ("a", "what is missing is 'absent' or 'kindless', not 'absnet'")


@pytest.mark.parametrize(("count", "size", "blocks"), [(4096, 0, 1), (4097, 0, 2), (8192, 0, 2), (100, 30_000, 1)])
def test_records_are_encoded_in_blocks(count: int, size: int, blocks: int) -> None:
    ragged = SimpleNamespace(values=np.arange(count), row_splits=[0, 1, *range(1, count - 1), count])
    columns = {"a": np.arange(count), "b": [b"x" * size] * count, "r": ragged}
    assert sum(1 for _ in encode_frames(columns)) == blocks
    lists = np.split(ragged.values, ragged.row_splits[1:-1])
    rows = ({"a": row, "b": b"x" * size, "r": lists[row]} for row in range(count))
    assert encode_columns(columns) == [encode_example(row) for row in rows]


def test_long_rows_make_short_blocks() -> None:
    """A number takes 16 bytes while it is worked on."""
    columns = {"a": np.zeros((300, 1000), np.int64)}
    counts = [len(block) for block in encode_frames(columns)]
    assert counts == [130, 130, 40]
    assert encode_columns(columns) == [encode_example({"a": [0] * 1000})] * 300


def test_a_record_beyond_protobufs_limit_is_refused_before_anything_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"a": [b"x" * 10, b"x" * 89], "b": [1, 1]}
    longest = len(encode_example({"a": b"x" * 89, "b": 1}))
    monkeypatch.setattr(encode, "MAX_MESSAGE_SIZE", longest)
    assert len(encode_columns(columns)) == 2
    monkeypatch.setattr(encode, "MAX_MESSAGE_SIZE", longest - 1)
    monkeypatch.setattr(encode, "_BLOCK_RECORDS", 1)
    with pytest.raises(FeatureError) as caught:
        next(encode_frames(columns))
    assert caught.value.reason == f"{longest} bytes are more than protobuf's limit of {longest - 1}"


def test_scratch_is_the_same_memory_until_more_is_needed() -> None:
    scratch = Scratch()
    first = scratch.take(100)
    assert first.dtype == np.uint8
    assert len(first) == 100
    assert np.shares_memory(first, scratch.take(125))
    assert len(scratch.take(30)) == 30
    assert not np.shares_memory(first, scratch.take(126))
