"""Length-delimited fields at many places of a buffer, with a tag of one byte: where their payloads are.

field    one at each place
items    those that fill each of many spans: the values of lists of bytes
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.columns.window import words
from tfrecord_lite.format.wire_format import decode_varint

Array = NDArray[Any]

#: Lengths of up to so many bytes are read here: 256 MiB.
_MAX_LENGTH_BYTES = 4
_FIELD_1 = 0x0A
#: From here on a byte of a length is not its last one.
_MORE = 0x80
#: So few lists are walked through one after the other: a turn of numpy for all of them costs as much as this.
_FEW_LISTS = 64


def field(buffer: Array, starts: Array, tag: int) -> tuple[Array, Array, Array]:
    """(where the payload begins, its size, where there is no such field) of length-delimited fields at `starts`."""
    head = words(buffer, starts)
    wrong = head & np.uint64(0xFF) != tag
    octets = head >> np.uint64(8)
    sizes = octets & np.uint64(0x7F)
    begins = starts + 2
    goes_on = octets & np.uint64(0x80) != 0
    for place in range(1, _MAX_LENGTH_BYTES):
        if not goes_on.any():
            break
        octets = octets >> np.uint64(8)
        sizes |= np.where(goes_on, (octets & np.uint64(0x7F)) << np.uint64(7 * place), 0)
        begins += goes_on
        goes_on &= octets & np.uint64(0x80) != 0
    else:
        wrong |= goes_on
    return begins, sizes.astype(np.int64), wrong


def items(buffer: Array, starts: Array, ends: Array) -> tuple[Array, Array, Array, Array | None]:
    """(begins, sizes, number of values in each list, bad) of the values of bytes lists that fill the spans.

    `bad` is which of the spans are no such lists, None if all are; if some are not, the rest means nothing.
    """
    begins, sizes, wrong = field(buffer, starts, _FIELD_1)
    if not wrong.any() and np.array_equal(begins + sizes, ends):
        return begins, sizes, np.ones(len(starts), np.int64), None
    lists = np.flatnonzero(starts < ends)
    at, stops = starts[lists], ends[lists]
    found = [(lists[:0], at[:0], at[:0])]
    bad = np.zeros(len(starts), bool)
    while len(lists) >= _FEW_LISTS:
        begins, sizes, wrong = field(buffer, at, _FIELD_1)
        at = begins + sizes
        wrong |= at > stops
        if wrong.any():
            bad[lists[wrong]] = True
        found.append((lists, begins, sizes))
        goes_on = ~wrong & (at < stops)
        lists, at, stops = lists[goes_on], at[goes_on], stops[goes_on]
    for number, start, stop in zip(lists.tolist(), at.tolist(), stops.tolist(), strict=True):
        values = _items_of_one(buffer.data, start, stop)
        if values is None:
            bad[number] = True
        else:
            found.append((np.full(len(values[0]), number), *values))
    # They were found list by list of the first values, then of the second ones: back into the order of the lists.
    lists, begins, sizes = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(lists, kind="stable")
    counts = np.bincount(lists, minlength=len(starts))
    return begins[order], sizes[order], counts, bad if bad.any() else None


def _items_of_one(data: memoryview, at: int, stop: int) -> tuple[Array, Array] | None:
    """(begins, sizes) of the values of one bytes list; None where it is none of the usual form."""
    begins, sizes = [], []
    while at < stop:
        size, begin = data[at + 1], at + 2
        if size >= _MORE:
            try:
                size, begin = decode_varint(data, at + 1, stop, _MAX_LENGTH_BYTES)
            except DecodeError:
                return None
        if data[at] != _FIELD_1 or begin + size > stop:
            return None
        begins.append(begin)
        sizes.append(size)
        at = begin + size
    return np.array(begins, np.int64), np.array(sizes, np.int64)
