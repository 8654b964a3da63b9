"""The parts of a layout: each reads one stretch of many records at once.

    Head        everything up to a value of differing length, of which all lengths are single bytes; or all constant
    Payload     floats, always as many, too long to be taken with a head
    OpenEntry   one entry of any size

A part has two steps. `check` looks whether the records follow it and finds where it ends in each; only when records
have been found to follow all parts of a layout, `values` takes the values. What is accepted in `check` means to
protobuf what the part says, to the byte; whatever is not accepted may mean anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.blocks import MARGIN
from tfrecord_lite.format.columns import payloads, varints
from tfrecord_lite.format.columns.fields import field, items
from tfrecord_lite.format.columns.window import windows
from tfrecord_lite.format.rows import Rows
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import LEN

Array = NDArray[Any]

_FIELD_1, _FIELD_2 = 0x0A, 0x12

#: Takes the bytes values in spans: `payloads.objects` or `payloads.blob`.
TakeBytes = Callable[[Array, Array, Array], Any]

#: What a part found in n records, for its values: arrays [n, ...].
State = tuple[Array, ...]


class Checked(NamedTuple):
    """What `check` found.

    Attributes:
        ends: int64 [n], where the part ends in each record.
        bad: bool [n], which records do not follow it; None if all do.
        state: for `values`.
    """

    ends: Array
    bad: Array | None
    state: State = ()


class Unfit(Exception):
    """Values that a part cannot take after all.

    Attributes:
        bad: bool [n], which records they are in.
    """

    def __init__(self, bad: Array) -> None:
        super().__init__()
        self.bad = bad


class Part(Protocol):
    """One stretch of the records of a layout."""

    def check(self, buffer: Array, starts: Array, limits: Array) -> Checked:
        """Look at the records, in which this part starts at `starts` and must not go beyond `limits`, int64 [n]."""

    def values(self, buffer: Array, state: State, take_bytes: TakeBytes) -> Iterator[tuple[str, Rows]]:
        """(key, values) of the features that end in it. Raises Unfit."""


class Head:
    """Constant bytes, among them small payloads, and at the end perhaps a value of up to some hundred bytes.

    All lengths around that value are of one byte, so each is the value's own length and a constant: one subtraction of
    a multiple of the value's length turns what must be there into constants, eight bytes at a time.

    Args:
        constant: the bytes up to the value, the lengths that depend on its length as if it were empty; the last of them
            is its own.
        lengths_at: places of these lengths, the last of them the value's own; none if there is no value at the end.
        floats: (key, place, count) of the payloads in `constant`.
        key: the name of the feature that ends here, None if it is not wanted.
        kind: INT64_LIST for one number, BYTES_LIST for one value, None for none.
        longest: the most bytes that keep all lengths at one byte.
    """

    def __init__(
        self,
        constant: bytes,
        lengths_at: list[int],
        floats: list[tuple[str, int, int]],
        key: str | None = None,
        kind: int | None = None,
        longest: int = 0,
    ) -> None:
        # The value is to begin at a multiple of eight: then a number is a column of the words.
        self._pad = -len(constant) % 8
        self._size = len(constant)
        self._lengths_at = [self._pad + at for at in lengths_at]
        self._floats = [(key, self._pad + at, count) for key, at, count in floats]
        self._key, self._kind = key, kind
        self._shortest, self._longest = (1, varints.MAX_SIZE) if kind == INT64_LIST else (0, longest)
        mask = bytearray(self._pad) + bytearray(b"\xff") * self._size
        for _, at, count in self._floats:
            mask[at : at + 4 * count] = bytes(4 * count)
        if lengths_at:
            mask[-1] = 0
        multiples = bytearray(len(mask))
        for at in self._lengths_at[:-1]:
            multiples[at] = 1
        masks = np.frombuffer(mask, "<u8")
        template = np.frombuffer(bytes(self._pad) + constant, "<u8") & masks
        #: Of each word what is looked at, what that must be, and by how much of the value's length it is larger.
        self._words = list(zip(masks, template, np.frombuffer(multiples, "<u8"), strict=True))
        self._width = len(mask) + (16 if kind == INT64_LIST else 0)

    def check(self, buffer: Array, starts: Array, limits: Array) -> Checked:
        taken = windows(buffer, starts - self._pad, self._width)
        ends = starts + self._size
        state: State = (taken,)
        if self._lengths_at:
            sizes = taken[:, self._lengths_at[-1]].copy()
            bad = None
            if sizes.min() < self._shortest or sizes.max() > self._longest:
                bad = (sizes < self._shortest) | (sizes > self._longest)
            state, ends = (taken, ends, sizes), ends + sizes
        else:
            sizes, bad = None, None
        for word, (mask, template, multiple) in zip(taken.view("<u8").T, self._words):  # noqa: B905  a value follows
            found = word & mask
            if multiple:
                found -= sizes * multiple
            bad = _joined(bad, found != template)
        if ends.max() > len(buffer) - MARGIN:
            # Whoever goes beyond the end of his record does not end there; beyond the buffer he must not even look.
            bad = _joined(bad, ends > limits)
        return Checked(ends, bad, state)

    def values(self, buffer: Array, state: State, take_bytes: TakeBytes) -> Iterator[tuple[str, Rows]]:
        taken = state[0]
        count = len(taken)
        for key, at, size in self._floats:
            floats = np.ndarray((count, size), "<f4", taken, at, (self._width, 4)).astype(np.float32)
            yield key, Rows.equal(floats.reshape(-1), count, size)
        if self._key is None:
            return
        _, begins, sizes = state
        if self._kind == BYTES_LIST:
            yield self._key, Rows.equal(take_bytes(buffer, begins, sizes.astype(np.int64)), count, 1)
            return
        low, high = taken.view("<u8")[:, -2:].T
        numbers, bad = varints.from_words(low, high, sizes, int(sizes.max()))
        if bad is not None:
            raise Unfit(bad)
        yield self._key, Rows.equal(numbers, count, 1)


class Payload:
    """Floats, always as many."""

    def __init__(self, key: str, size: int) -> None:
        self._key = key
        self._size = size

    def check(self, buffer: Array, starts: Array, limits: Array) -> Checked:
        ends = starts + self._size
        return Checked(ends, _joined(None, ends > limits), (starts,))

    def values(self, buffer: Array, state: State, take_bytes: TakeBytes) -> Iterator[tuple[str, Rows]]:
        (begins,) = state
        floats = windows(buffer, begins, self._size).view("<f4").astype(np.float32, copy=False)
        yield self._key, Rows.equal(floats.reshape(-1), len(begins), self._size // 4)


class OpenEntry:
    """One entry of any size: a list of one kind, with any number of values; or one that is not wanted.

    Args:
        key: its name.
        kind: of its list; None if it is not wanted.
    """

    def __init__(self, key: str, kind: int | None) -> None:
        self._key = key
        self._kind = kind
        name = key.encode()
        constant = bytes((_FIELD_1, len(name))) + name + bytes((_FIELD_2,))
        self._size = len(constant)
        padding = -len(constant) % 8
        self._template = np.frombuffer(constant + bytes(padding), "<u8")
        self._mask = np.frombuffer(b"\xff" * len(constant) + bytes(padding), "<u8")

    def check(self, buffer: Array, starts: Array, limits: Array) -> Checked:
        begins, sizes, bad = field(buffer, starts, _FIELD_1)
        ends = begins + sizes
        found = windows(buffer, begins, 8 * len(self._mask)).view("<u8") & self._mask
        bad |= (found != self._template).any(axis=1) | (ends > limits)
        # The tag of the value has been seen with the name.
        begins, sizes, wrong = field(buffer, begins + (self._size - 1), _FIELD_2)
        bad |= wrong | (begins + sizes != ends)
        if self._kind is None:
            return Checked(ends, _joined(None, bad))
        begins, sizes, wrong = field(buffer, np.minimum(begins, limits), self._kind << 3 | LEN)
        bad |= wrong | (begins + sizes != ends)
        if self._kind == BYTES_LIST:
            return Checked(ends, _joined(None, bad), (begins, sizes))
        is_full = sizes > 0
        begins, sizes, wrong = field(buffer, np.minimum(begins, limits), _FIELD_1)
        bad |= is_full & (wrong | (begins + sizes != ends))
        sizes = np.where(is_full, sizes, 0)
        if self._kind == FLOAT_LIST:
            bad |= sizes % 4 != 0
        return Checked(ends, _joined(None, bad), (begins, sizes))

    def values(self, buffer: Array, state: State, take_bytes: TakeBytes) -> Iterator[tuple[str, Rows]]:
        if self._kind is None:
            return
        begins, sizes = state
        if self._kind == FLOAT_LIST:
            yield self._key, Rows.of(payloads.floats(buffer, begins, sizes), sizes // 4)
        elif self._kind == INT64_LIST:
            numbers, counts, bad = payloads.integers(buffer, begins, sizes)
            if bad is not None:
                raise Unfit(bad)
            yield self._key, Rows.of(numbers, counts)
        else:
            begins, sizes, counts, bad = items(buffer, begins, begins + sizes)
            if bad is not None:
                raise Unfit(bad)
            yield self._key, Rows.of(take_bytes(buffer, begins, sizes), counts)


def bodies(buffer: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
    """(where the first entry of each record begins, which records are not one `features` field)."""
    begins, sizes, bad = field(buffer, starts, _FIELD_1)
    return begins, bad | (begins + sizes != ends)


def _joined(bad: Array | None, more: Array) -> Array | None:
    """Both, or None if there is none."""
    if not more.any():
        return bad
    return more if bad is None else bad | more
