"""Scatter: rows made of parts, against the same parts joined row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from damage import frames
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_facts_example import varint

from tfrecord_lite.format.columns.frames import Frames, Scratch
from tfrecord_lite.format.columns.scatter import MAX_GARBAGE, Scatter

Array = NDArray[Any]

CONSTANT, FIXED, VARIABLE, VARINT, APART = "constant", "fixed", "variable", "varint", "apart"


def octets(items: list[bytes]) -> Array:
    """Rows as wide as the longest item; behind a shorter one stands what must not be seen."""
    width = max(map(len, items))
    return np.frombuffer(b"".join(item.ljust(width, b"\xee") for item in items), np.uint8).reshape(len(items), width)


def lengths_of(items: list[bytes]) -> Array:
    return np.fromiter(map(len, items), np.int64, len(items))


def scattered(kinds: list[str], columns: list[list[bytes]], numbers: Array | None, total: int) -> list[bytes]:
    """The records that a Scatter writes of the parts: of all records, or of some of `total` while others are empty."""
    count = len(columns[0])
    lengths, inner_sizes = np.zeros(total, np.int64), np.zeros(total, np.int64)
    records = np.arange(count) if numbers is None else numbers
    for kind, items in zip(kinds, columns, strict=True):
        lengths[records] += lengths_of(items)
        inner_sizes[records] += 0 if kind == APART else lengths_of(items)
    made = Frames(lengths, inner_sizes, Scratch())
    scatter = Scatter(made, numbers)
    for kind, items in zip(kinds, columns, strict=True):
        if kind == CONSTANT:
            scatter.constant(items[0])
        elif kind == FIXED:
            scatter.fixed(octets(items))
        elif kind == VARIABLE:
            scatter.variable(octets(items), lengths_of(items))
        elif kind == VARINT:
            scatter.varint(np.array([decoded(item) for item in items], np.uint64).view(np.int64))
        else:
            scatter.apart(list(items))
    scatter.flush()
    found = made.records()
    stored = b"".join(bytes(piece) for group in made.portions() for piece in group.pieces)
    assert stored == frames(found)
    return found


def decoded(item: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(item))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[bytes]]]:
    count = draw(st.integers(1, 6))

    def column(kind: str) -> list[bytes]:
        if kind == CONSTANT:
            return [draw(st.binary(min_size=1, max_size=20))] * count
        if kind == FIXED:
            width = draw(st.integers(1, 130))
            return draw(st.lists(st.binary(min_size=width, max_size=width), min_size=count, max_size=count))
        if kind == VARINT:
            return [
                varint(value) for value in draw(st.lists(st.integers(0, 2**64 - 1), min_size=count, max_size=count))
            ]
        items = draw(st.lists(st.binary(max_size=MAX_GARBAGE), min_size=count, max_size=count))
        return items if kind == APART or any(items) else [b"x"] * count

    kinds = draw(st.lists(st.sampled_from([CONSTANT, FIXED, VARIABLE, VARINT, APART]), min_size=1, max_size=8))
    return kinds, [column(kind) for kind in kinds]


@settings(deadline=None)
@given(tables(), st.data())
def test_rows_are_their_parts_joined(table: tuple[list[str], list[list[bytes]]], data: st.DataObject) -> None:
    kinds, columns = table
    expected = [b"".join(parts) for parts in zip(*columns, strict=True)]
    assert scattered(kinds, columns, None, len(expected)) == expected
    total = len(expected) + data.draw(st.integers(0, 3))
    numbers = np.sort(np.array(data.draw(st.permutations(range(total)))[: len(expected)], np.int64))
    among = [b""] * total
    for number, record in zip(numbers.tolist(), expected, strict=True):
        among[number] = record
    assert scattered(kinds, columns, numbers, total) == among


def test_what_is_written_behind_a_shorter_row_is_gone_in_the_end() -> None:
    columns = [[b"a" * MAX_GARBAGE, b""], [b"", b"b" * MAX_GARBAGE]]
    assert scattered([VARIABLE] * 2, columns, None, 2) == [b"a" * MAX_GARBAGE, b"b" * MAX_GARBAGE]


def test_what_stays_where_it_is_comes_between_the_parts_around_it() -> None:
    columns = [[b"<"] * 2, [b"long", b""], [b"|"] * 2, [b"", b"longer"], [b">"] * 2]
    assert scattered([CONSTANT, APART, CONSTANT, APART, CONSTANT], columns, None, 2) == [b"<long|>", b"<|longer>"]
