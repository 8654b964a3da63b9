"""The text of an index, as DALI reads it: a line a frame.

    offset size\n     decimal; of the frame's first byte, and of the whole frame (length + 16)

Text is made and read by numpy, many lines at once. `decode_index_text` is strict: anything but such lines is a
ValueError that says in which line.
"""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]
_Octets = NDArray[np.uint8]

#: So many decimal digits always fit into an int64; no file is that long.
_MAX_DIGITS = 18
#: Lines made, and bytes of text read, at once: what numpy works on stays in the cache.
_LINES = 16 << 10
_TEXT = 512 << 10

_POWERS = 10 ** np.arange(1, _MAX_DIGITS + 1)
_FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "V4")
#: Of eight digits, the first in the lowest byte, the last n.
_LAST = np.array([0, *(2**64 - 2 ** (64 - 8 * count) for count in range(1, 9))], np.uint64)


def encode_index_text(offsets: Array, sizes: Array) -> bytes:
    """The lines of these frames."""
    text = BytesIO()  # lines to be joined would be there twice
    for begin in range(0, len(offsets), _LINES):
        text.write(_lines(offsets[begin : begin + _LINES], sizes[begin : begin + _LINES]))
    return text.getvalue()


def decode_index_text(text: bytes) -> tuple[Array, Array]:
    """(offsets, sizes), int64 [n] each.

    Raises:
        ValueError: this is no such text, and where.
    """
    if text and not text.endswith(b"\n"):
        raise ValueError("its last line is not complete")
    ends = [0]
    while ends[-1] < len(text):
        ends.append(text.find(b"\n", min(ends[-1] + _TEXT, len(text) - 1)) + 1)
    count = text.count(b"\n")
    offsets, sizes = np.empty(count, np.int64), np.empty(count, np.int64)
    done = 0
    for begin, end in pairwise(ends):
        try:
            numbers = _numbers(text[begin:end])
        except ValueError as error:
            raise ValueError(f"{error} in or after line {done + 1}") from None
        some = slice(done, done + len(numbers))
        offsets[some], sizes[some] = numbers.T
        done = some.stop
    return offsets, sizes


def is_index_text(head: bytes) -> bool:
    """Whether a file that begins with `head` may be such text."""
    return not head.strip(b"0123456789 \n")


def _lines(offsets: Array, sizes: Array) -> bytes:
    parts: list[_Octets] = []
    used: list[NDArray[np.bool_]] = []
    for numbers, separator in ((offsets, b" "), (sizes, b"\n")):
        digits = _digits(numbers)
        width = digits.shape[1]
        counts = np.searchsorted(_POWERS, numbers, "right") + 1
        parts += [digits, np.full((len(numbers), 1), ord(separator), np.uint8)]
        used += [np.arange(width) >= width - counts[:, None], np.ones((len(numbers), 1), np.bool_)]
    return np.concatenate(parts, axis=1)[np.concatenate(used, axis=1)].tobytes()


def _digits(numbers: Array) -> _Octets:
    """The decimal digits of each number, zeros before them, uint8 [n, a multiple of 4]."""
    fours = []
    rest = numbers
    while True:
        fours.append(_FOUR_DIGITS.take(rest % 10_000))
        rest = rest // 10_000
        if not rest.any():
            break
    digits: _Octets = np.stack(fours[::-1], axis=1).view(np.uint8)
    return digits


def _numbers(text: bytes) -> Array:
    """The numbers in whole lines, int64 [n, 2]."""
    # Zeros before the first number, so that one may always look 24 digits back.
    octets = np.frombuffer(bytes(24).replace(b"\0", b"0") + text, np.uint8)
    if octets.max() > ord("9"):
        raise ValueError("there is something else than two numbers")
    separators = np.flatnonzero(octets < ord("0"))
    kinds = octets[separators]
    if len(kinds) % 2 or (kinds[::2] != ord(" ")).any() or (kinds[1::2] != ord("\n")).any():
        raise ValueError("there is something else than two numbers")
    widths = np.diff(separators, prepend=23) - 1
    if widths.min() < 1 or widths.max() > _MAX_DIGITS:
        raise ValueError(f"a number has no digits, or more than {_MAX_DIGITS}")
    words = np.ndarray((len(octets) - 7,), "<u8", octets, strides=(1,))
    numbers = np.empty((len(separators) // 2, 2), np.int64)
    for column in (0, 1):
        numbers[:, column] = _values(words, separators[column::2], widths[column::2])
    return numbers


def _values(words: NDArray[np.uint64], ends: Array, widths: Array) -> Array:
    """The numbers that end where `ends` say, eight digits at a time."""
    values = np.zeros(len(ends), np.int64)
    for place in range(0, int(widths.max()), 8):
        eight = words[ends - place - 8] & _LAST[np.clip(widths - place, 0, 8)]
        eight &= np.uint64(0x0F0F0F0F0F0F0F0F)
        for factor, shift, kept in _MERGES:
            eight = (eight * factor >> shift) & kept
        values += eight.astype(np.int64) * 10**place
    return values


#: Eight digits, then four pairs, then two fours: neighbours are merged by a multiplication and a shift.
_MERGES = [
    (np.uint64(base * 2**bits + 1), np.uint64(bits), np.uint64(kept))
    for base, bits, kept in ((10, 8, 0x00FF00FF00FF00FF), (100, 16, 0x0000FFFF0000FFFF), (10_000, 32, 0xFFFFFFFF))
]
