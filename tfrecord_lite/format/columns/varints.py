"""Varints of many numbers at once: how long each is, its bytes, and back.

Seven bits go into each byte, the lowest first; every byte but the last has its top bit set. Negative numbers are taken
modulo 2^64 and fill ten bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_SIZE = 10

_ONE = np.uint64(1)
#: The continuation bits of a varint of so many bytes, as far as they lie in its first eight.
_CONTINUATION = np.array([0x8080_8080_8080_8080 & ((1 << 8 * max(size - 1, 0)) - 1) for size in range(11)], np.uint64)
#: (varints longer than this need the step, mask of what stays, mask of what moves, by how many bits)
_SPREAD = [
    (4, 0x0000_0000_0FFF_FFFF, 0x00FF_FFFF_F000_0000, 4),
    (2, 0x0000_3FFF_0000_3FFF, 0x0FFF_C000_0FFF_C000, 2),
    (1, 0x007F_007F_007F_007F, 0x3F80_3F80_3F80_3F80, 1),
]
_TOP = np.uint64(0x8080_8080_8080_8080)


def sizes(values: Array) -> Array:
    """Bytes in the varint of each of int64 or uint64 `values` [n], as int64 [n]."""
    numbers = values.view(np.uint64)
    # The exponent of a double is the bit length, once no rounding can carry into the next power of two.
    exponents = (numbers & ~(numbers >> _ONE) | _ONE).astype(np.float64).view(np.int64) >> 52
    return (exponents * 9 + (64 - 9 * 1022)) >> 6


def rows(values: Array, of_size: Array, widest: int) -> Array:
    """The varints of `values` [n] as uint8 [n, widest]; behind the `of_size` bytes of a row stands anything."""
    numbers = values.view(np.uint64)
    low = numbers & np.uint64(0x00FF_FFFF_FFFF_FFFF)
    for needed_above, stays, moves, shift in _SPREAD:
        if widest > needed_above:
            low = low & np.uint64(stays) | (low & np.uint64(moves)) << np.uint64(shift)
    low |= _CONTINUATION.take(of_size)
    octets = low.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    if widest <= 8:
        return octets[:, :widest]
    high = (numbers >> np.uint64(56)).astype(np.uint8)
    wide = np.empty((len(numbers), MAX_SIZE), np.uint8)
    wide[:, :8].view("V8")[...] = octets.view("V8")
    wide[:, 8] = high & 0x7F | (of_size == MAX_SIZE).astype(np.uint8) << 7
    wide[:, 9] = high >> 7
    return wide[:, :widest]


def from_words(low: Array, high: Array, of_size: Array, widest: int) -> tuple[Array, Array | None]:
    """The numbers whose varints are given, as int64 [n], and which of them are no such varints, None if all are.

    Args:
        low, high: uint64 [n], their first and their second eight bytes, little-endian; behind a varint stands anything.
        of_size: bytes in each, 1 to 10.
        widest: the largest of them.
    """
    if widest == 1:
        bits = low & np.uint64(0xFF)
        wrong = bits & np.uint64(0x80)
        return bits.view(np.int64), (wrong != 0) if wrong.any() else None
    unused = (8 - np.minimum(of_size, np.uint8(8)).astype(np.uint64)) << np.uint64(3)
    # Of the bytes of a varint all but the last have their top bit set; flipped, none is to be left.
    bits = (low << unused >> unused) ^ (_TOP >> np.uint64(8) >> unused)
    if widest > 8:
        is_nine, is_ten = of_size == 9, of_size == 10
        bits ^= np.where(is_nine | is_ten, _TOP & ~(_TOP >> np.uint64(8)), np.uint64(0))
        last_bits = np.where(is_ten, np.uint64(0x8080), np.where(is_nine, np.uint64(0x80), np.uint64(0)))
        wrong = bits & _TOP | (high ^ is_ten * np.uint64(0x80)) & last_bits
    else:
        wrong = bits & _TOP
    for needed_above, stays, moves, shift in reversed(_SPREAD):
        if widest > needed_above:
            bits = bits & np.uint64(stays) | bits >> np.uint64(shift) & np.uint64(moves)
    if widest > 8:
        bits |= np.where(is_nine | is_ten, (high & np.uint64(0x7F)) << np.uint64(56), np.uint64(0))
        bits |= np.where(is_ten, (high & np.uint64(0x100)) << np.uint64(55), np.uint64(0))
    return bits.view(np.int64), (wrong != 0) if wrong.any() else None


def sizes_in_lists(values: Array) -> Array:
    """The same as `sizes`, as uint8 [n] and with less memory: for long lists."""
    lowest, highest = int(values.min(initial=0)), int(values.max(initial=0))
    if lowest < 0 or highest >> 28:
        return sizes(values).astype(np.uint8)
    of_size = np.ones(len(values), np.uint8)
    for bits in range(7, highest.bit_length(), 7):
        of_size += (values >= 1 << bits).view(np.uint8)
    return of_size


def planes(values: Array, of_size: Array) -> list[Array]:
    """The first bytes of the varints of int64 `values` [n], their second bytes, ..., each uint8 [n].

    Behind the end of a varint stands anything. For long lists: where one byte of each is written at a time, plane by
    plane is less work than row by row.
    """
    widest = int(of_size.max(initial=1))
    numbers = values.astype(np.uint32) if widest <= 4 else values.view(np.uint64)
    result: list[Array] = []
    for place in range(widest):
        plane = (numbers >> numbers.dtype.type(7 * place)).astype(np.uint8)
        if place + 1 < widest:
            plane = plane & 0x7F | (of_size > place + 1).view(np.uint8) << 7
        result.append(plane)
    return result
