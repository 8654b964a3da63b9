"""Varints of whole columns: at every size of one, alone and beside others, they are those made one by one."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.spans import spans
from tfrecord_lite.format.wire_format import encode_varint

#: Both sides of every power of two, and what a rounding to doubles could carry over.
LIMITS = sorted({number for bits in range(64) for number in (2**bits - 1, 2**bits, 2**bits + 1, 2**63 - 1 - 2**bits)})
NUMBERS = [number for number in LIMITS if number < 2**63] + [
    -1,
    -2,
    *(-(2**bits) for bits in range(35, 64)),
    *(2**bits - 2**63 for bits in range(63)),
]


def of_size(size: int) -> list[int]:
    return [number for number in NUMBERS if len(encoded(number)) == size]


def encoded(number: int) -> bytes:
    return encode_varint(number & (2**64 - 1))


def words(octets: list[bytes], behind: int) -> tuple[Any, Any]:
    """The first and the second eight bytes of each, with anything behind."""
    padded = np.frombuffer(b"".join(piece.ljust(16, bytes((behind,))) for piece in octets), "<u8").reshape(-1, 2)
    return padded[:, 0].copy(), padded[:, 1].copy()


def test_the_size_of_every_varint() -> None:
    sizes = varints.sizes(np.array(NUMBERS, np.int64))
    assert sizes.dtype == np.int64
    assert sizes.tolist() == [len(encoded(number)) for number in NUMBERS]
    unsigned = np.array([0, 127, 128, 2**63, 2**64 - 1], np.uint64)
    assert varints.sizes(unsigned).tolist() == [1, 1, 2, 10, 10]


@pytest.mark.parametrize("widest", range(1, 11))
def test_the_bytes_of_varints_up_to_every_size(widest: int) -> None:
    numbers = [number for size in range(1, widest + 1) for number in of_size(size)]
    values = np.array(numbers, np.int64)
    sizes = varints.sizes(values)
    rows = varints.rows(values, sizes, widest)
    assert rows.dtype == np.uint8
    assert rows.shape == (len(numbers), widest)
    found = [row.tobytes()[:size] for row, size in zip(rows, sizes.tolist(), strict=True)]
    assert found == [encoded(number) for number in numbers]
    planes = varints.planes(values, sizes.astype(np.uint8))
    assert [plane.dtype for plane in planes] == [np.uint8] * widest
    by_plane = np.stack(planes, axis=1)
    found = [row.tobytes()[:size] for row, size in zip(by_plane, sizes.tolist(), strict=True)]
    assert found == [encoded(number) for number in numbers]


@pytest.mark.parametrize(("widest", "behind"), [*product(range(1, 11), [0x00, 0x7F, 0x80, 0xFF])])
def test_numbers_come_back_whatever_stands_behind_their_varints(widest: int, behind: int) -> None:
    numbers = [number for size in range(1, widest + 1) for number in of_size(size)]
    octets = [encoded(number) for number in numbers]
    sizes = np.array([len(piece) for piece in octets], np.uint8)
    found, wrong = varints.from_words(*words(octets, behind), sizes, widest)
    assert wrong is None
    assert found.dtype == np.int64
    assert found.tolist() == numbers


@pytest.mark.parametrize("widest", range(1, 11))
def test_bytes_that_are_no_varint_of_their_size_are_found(widest: int) -> None:
    """Each size with the top bit of one of its bytes turned, beside one that is right."""
    octets, is_wrong = [encoded(of_size(widest)[0])], [False]
    for size in range(1, widest + 1):
        right = encoded(of_size(size)[-1])
        for place in range(size):
            octets += [right, right[:place] + bytes((right[place] ^ 0x80,)) + right[place + 1 :]]
            is_wrong += [False, True]
    sizes = np.array([len(piece) for piece in octets], np.uint8)
    for behind in (0x00, 0xFF):
        _, wrong = varints.from_words(*words(octets, behind), sizes, widest)
        assert wrong is not None
        assert wrong.dtype == np.bool_
        assert wrong.tolist() == is_wrong


def test_ten_bytes_are_taken_modulo_2_to_the_64() -> None:
    octets = [b"\x80" * 9 + b"\x7f", b"\xff" * 9 + b"\x02", b"\x80" * 9 + b"\x00"]
    numbers, wrong = varints.from_words(*words(octets, 0), np.full(3, 10, np.uint8), 10)
    assert wrong is None
    assert numbers.tolist() == [-(2**63), 2**63 - 1, 0]


@pytest.mark.parametrize("highest", [0, 1, *(2 ** (7 * size) + off for size in range(1, 9) for off in (-1, 0, 1))])
def test_the_sizes_in_lists_are_the_same_sizes(highest: int) -> None:
    for lowest in (0, -1):
        numbers = np.array([lowest, highest, *(number for number in LIMITS if number < highest)], np.int64)
        sizes = varints.sizes_in_lists(numbers)
        assert sizes.dtype == np.uint8
        assert sizes.tolist() == [len(encoded(number)) for number in numbers.tolist()]


def test_no_numbers_have_no_sizes_and_one_empty_plane() -> None:
    nothing = np.array([], np.int64)
    assert varints.sizes(nothing).tolist() == []
    sizes = varints.sizes_in_lists(nothing)
    assert sizes.dtype == np.uint8
    assert sizes.tolist() == []
    assert [plane.tolist() for plane in varints.planes(nothing, sizes)] == [[]]


@pytest.mark.parametrize(
    ("sizes", "limit", "most", "found"),
    [
        ([], 10, None, []),
        ([3, 3, 3], 9, None, [(0, 3)]),
        ([3, 3, 3], 8, None, [(0, 2), (2, 3)]),
        ([3, 3, 3, 3], 6, None, [(0, 2), (2, 4)]),
        ([9, 9, 1], 5, None, [(0, 1), (1, 2), (2, 3)]),
        ([1, 9, 1, 1], 5, None, [(0, 1), (1, 2), (2, 4)]),
        ([0, 0, 0], 0, None, [(0, 3)]),
        ([1, 1, 1, 1, 1], 10, 2, [(0, 2), (2, 4), (4, 5)]),
        ([1, 1, 1], 10, 3, [(0, 3)]),
        ([4, 1, 1], 4, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_spans_hold_what_fits(sizes: list[int], limit: int, most: int | None, found: list[tuple[int, int]]) -> None:
    ends = np.cumsum(np.array(sizes, np.int64))
    assert [(some.start, some.stop) for some in spans(ends, limit, most)] == found
