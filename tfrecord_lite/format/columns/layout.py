"""The layout of a record: which features it holds, in which order and form. Records of one layout are read together.

    record  ->  entries_of  ->  entries  ->  Layout  ->  read(records)  ->  values of each feature

A layout knows where in a record everything stands but for lengths that differ: it goes through all records at once, one
part after the other, and finds at each part which records do not follow it. It knows only the usual ways of writing an
Example; what it reads is what the plain decoder would, and what it does not read is left to that.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.columns.parts import Head, OpenEntry, Part, Payload, State, TakeBytes, Unfit
from tfrecord_lite.format.columns.varints import MAX_SIZE
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.rows import Rows
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST
from tfrecord_lite.format.wire_format import LEN, encode_field, encode_varint, split_fields

Array = NDArray[Any]

#: Forms of an entry: without a kind; one number; floats, always as many; one value in a short entry of bytes; any list
#: of one kind; not wanted, in a short entry; not wanted.
KINDLESS, SCALAR, FLOATS, SHORT, LIST, SHORT_SKIPPED, SKIPPED = range(7)

#: The form that takes what the form takes, and more.
_WIDER = {SCALAR: LIST, FLOATS: LIST, SHORT: LIST, SHORT_SKIPPED: SKIPPED}

#: Longer names are for the plain decoder.
_MAX_KEY = 100
#: Below this size a length takes one byte.
_ONE_BYTE = 0x80
#: Floats up to this size are read together with what stands around them.
_SMALL_PAYLOAD = 64
#: Parts larger than this are divided.
_MAX_HEAD = 192

_FIELD_1, _FIELD_2 = 0x0A, 0x12
_TAG_OF_KIND = {kind: kind << 3 | LEN for kind in (BYTES_LIST, FLOAT_LIST, INT64_LIST)}
_KIND_OF_TAG = {tag: kind for kind, tag in _TAG_OF_KIND.items()}


class Entry(NamedTuple):
    """A feature in a record.

    Attributes:
        key: its name.
        kind: BYTES_LIST, FLOAT_LIST or INT64_LIST; None if it has none, or is not wanted.
        form: how it is written.
        size: bytes of the payload, if the form is FLOATS.
    """

    key: str
    kind: int | None
    form: int
    size: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether its values are wanted."""
        return self.form not in (SHORT_SKIPPED, SKIPPED)


class Layout:
    """The entries of a record, and how to read the values of many such records.

    Args:
        entries: in the order in which they stand.
    """

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self.identity = identity_of(entries)
        self._parts = list(_parts(entries))

    def widened(self, entries: Sequence[Entry]) -> Layout | None:
        """A layout of the same identity that takes the forms of these entries, too; None if this one does so."""
        pairs = list(zip(self.entries, entries, strict=True))
        if all(own.form == other.form and own.size == other.size for own, other in pairs):
            return None
        forms = [
            own if own[2:] == other[2:] else own._replace(form=_WIDER.get(own.form, own.form), size=0)
            for own, other in pairs
        ]
        return None if tuple(forms) == self.entries else Layout(tuple(forms))

    def read(self, records: Records, take_bytes: TakeBytes) -> tuple[Array, dict[str, Rows]]:
        """(numbers of the records that are of this layout, what its wanted features hold in them).

        Args:
            records: from their first entry on.
            take_bytes: how bytes are given.
        """
        numbers, states = self._followers(records)
        while len(numbers):
            found: dict[str, Rows] = {}
            bad = np.zeros(len(numbers), bool)
            for part, state in zip(self._parts, states, strict=True):
                try:
                    found.update(part.values(records.buffer, state, take_bytes))
                except Unfit as unfit:
                    bad |= unfit.bad
            if not bad.any():
                return numbers, found
            rest = np.flatnonzero(~bad)
            numbers, states = numbers[rest], [_of_some(state, rest) for state in states]
        return numbers, {}

    def _followers(self, records: Records) -> tuple[Array, list[State]]:
        """(numbers of the records that follow all parts, what each part found in them).

        Others are left out where they show, and the rest goes on: however many there are, each part is looked for once.
        """
        numbers, position, ends = np.arange(len(records.starts)), records.starts, records.ends
        found: list[tuple[Array, State]] = []
        for part in self._parts:
            if not len(numbers):
                return numbers, []
            position, bad, state = part.check(records.buffer, position, ends)
            found.append((numbers, state))
            if bad is not None:
                numbers, position, ends = numbers[~bad], position[~bad], ends[~bad]
        if not np.array_equal(position, ends):
            numbers = numbers[position == ends]
        return numbers, [
            state if len(of) == len(numbers) else _of_some(state, np.searchsorted(of, numbers)) for of, state in found
        ]


def _of_some(state: State, rows: Array) -> State:
    """What a part found in some of the records in which it was found."""
    return tuple(array[rows] for array in state)


def identity_of(entries: Sequence[Entry]) -> Any:
    """What two layouts have in common of which one can be widened to hold the other's records, too."""
    return tuple((entry.key, entry.kind, entry.form == KINDLESS) for entry in entries)


def entries_of(record: bytes, wanted: Collection[str] | None, most: int = sys.maxsize) -> tuple[Entry, ...] | None:
    """The entries of a record, or None if it is written in an unusual way.

    Args:
        record: a serialized Example.
        wanted: names of the features whose values are wanted; None is all.
        most: with more entries than these it is unusual, too.
    """
    try:
        entries = tuple(_entries(record, wanted, most))
    except (DecodeError, UnicodeDecodeError, _Unusual):
        return None
    names = {entry.key for entry in entries}
    return entries if entries and len(names) == len(entries) else None


class _Unusual(Exception):
    """Not for a layout."""


def _entries(record: bytes, wanted: Collection[str] | None, most: int) -> Iterator[Entry]:
    entries = _fields(record, *_only(record, 0, len(record), _FIELD_1), _FIELD_1)
    if len(entries) > most:
        raise _Unusual
    for start, end in entries:
        spans = split_fields(record, start, end)
        if [tag for tag, _, _ in spans] != [_FIELD_1, _FIELD_2]:
            raise _Unusual
        (_, key_start, key_end), (_, value_start, value_end) = spans
        if key_end - key_start > _MAX_KEY:
            raise _Unusual
        key, is_short = record[key_start:key_end].decode("utf-8"), end - start < _ONE_BYTE
        if wanted is None or key in wanted:
            yield _wanted_entry(record, key, value_start, value_end, is_short=is_short)
        else:
            yield Entry(key, None, SHORT_SKIPPED if is_short else SKIPPED)


def _wanted_entry(record: bytes, key: str, start: int, end: int, *, is_short: bool) -> Entry:
    if start == end:
        return Entry(key, None, KINDLESS)
    spans = split_fields(record, start, end)
    if len(spans) != 1 or spans[0][0] not in _KIND_OF_TAG:
        raise _Unusual
    tag, list_start, list_end = spans[0]
    kind = _KIND_OF_TAG[tag]
    if list_start == list_end:
        return Entry(key, kind, LIST)
    if kind == BYTES_LIST:
        count = len(_fields(record, list_start, list_end, _FIELD_1))
        return Entry(key, kind, SHORT if is_short and count == 1 else LIST)
    payload_start, payload_end = _only(record, list_start, list_end, _FIELD_1)
    if kind == FLOAT_LIST and payload_start < payload_end:
        return Entry(key, kind, FLOATS, payload_end - payload_start)
    payload = record[payload_start:payload_end]
    is_one = kind == INT64_LIST and len(payload) <= MAX_SIZE and sum(octet < _ONE_BYTE for octet in payload) == 1
    return Entry(key, kind, SCALAR if is_one and is_short else LIST)


def _fields(record: bytes, start: int, end: int, tag: int) -> list[tuple[int, int]]:
    spans = split_fields(record, start, end)
    if any(found != tag for found, _, _ in spans):
        raise _Unusual
    return [(at, stop) for _, at, stop in spans]


def _only(record: bytes, start: int, end: int, tag: int) -> tuple[int, int]:
    spans = _fields(record, start, end, tag)
    if len(spans) != 1:
        raise _Unusual
    return spans[0]


def _parts(entries: tuple[Entry, ...]) -> Iterator[Part]:
    """The parts that read the entries: small ones together, up to one whose length differs."""
    constant = bytearray()
    floats: list[tuple[str, int, int]] = []
    for key, kind, form, size in entries:
        name = key.encode()
        if constant and (form in (LIST, SKIPPED) or len(constant) > _MAX_HEAD):
            yield Head(bytes(constant), [], floats)
            constant, floats = bytearray(), []
        if form in (LIST, SKIPPED):
            yield OpenEntry(key, kind)
        elif form == KINDLESS:
            constant += _constant_head(name, 0, ())
        elif form == FLOATS:
            constant += _constant_head(name, size, (_TAG_OF_KIND[FLOAT_LIST], _FIELD_1))
            if size <= _SMALL_PAYLOAD:
                floats.append((key, len(constant), size // 4))
                constant += bytes(size)
                continue
            yield Head(bytes(constant), [], floats)
            constant, floats = bytearray(), []
            yield Payload(key, size)
        else:
            tags = () if kind is None else (_TAG_OF_KIND[kind], _FIELD_1)
            begin = len(constant)
            constant += _constant_head(name, 0, tags)
            ends_at = len(constant) - 1
            lengths_at = [begin + 1, *range(ends_at - 2 * len(tags), ends_at + 1, 2)]
            longest = _ONE_BYTE - 1 - constant[begin + 1]
            yield Head(bytes(constant), lengths_at, floats, key if tags else None, kind, longest)
            constant, floats = bytearray(), []
    if constant:
        yield Head(bytes(constant), [], floats)


def _constant_head(name: bytes, size: int, tags: tuple[int, ...]) -> bytes:
    """What stands in an entry before a payload of `size` bytes that lies in fields of these tags in its value."""
    head = b""
    for tag in reversed((_FIELD_2, *tags)):
        head = bytes((tag,)) + encode_varint(size + len(head)) + head
    head = encode_field(_FIELD_1, name) + head
    return bytes((_FIELD_1,)) + encode_varint(size + len(head)) + head
