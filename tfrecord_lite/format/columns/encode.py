"""Columns -> the serialized Examples of all records, and their frames, in one buffer.

Takes {name: values with one entry per record}; gives what `encode_example` gives for each record, byte for byte.
The sizes are computed from the inside out, then the parts are written from left to right, each for all records (see
`scatter`). Records that hold no kind or an empty list somewhere have other parts: records are grouped by what they
hold, and each group is written for itself.

Raises FeatureError: a value has no place in a feature, or columns of different length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.blocks import Block, seal
from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.column import EMPTY, FULL, KINDLESS, Column
from tfrecord_lite.format.columns.intake import as_column
from tfrecord_lite.format.columns.scatter import MAX_GARBAGE, Scatter
from tfrecord_lite.format.example import encode_key
from tfrecord_lite.format.framing import FRAME_OVERHEAD, HEADER_SIZE
from tfrecord_lite.format.wire_format import LEN, MAX_MESSAGE_SIZE, encode_field, encode_varint

Array = np.typing.NDArray[Any]

#: Records that are encoded together: enough that numpy's calls cost little, few enough that their bytes stay in the
#: cache.
_BLOCK_RECORDS = 4096
#: Fewer when records are long.
_BLOCK_BYTES = 2 << 20

_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"


def encode_columns(columns: Mapping[str, Any]) -> list[bytes]:
    """The serialized Example of each record of `columns` {name: values with one entry per record}.

    Values are arrays (the first axis is that of the records, the others are flattened), lists of bytes-like
    objects, ragged columns (a list of arrays, or an object with values and row_splits), or lists of anything
    `encode_example` takes. An entry that is None or masked becomes a feature without a kind.

    Raises:
        FeatureError: a value has no place in a feature, with its key and record_number; or columns of different length.
    """
    return [record for block in encode_frames(columns) for record in block.records()]


def encode_frames(columns: Mapping[str, Any]) -> Iterator[Block]:
    """The same as frames, block by block, all CRCs in place; each block has a buffer of its own."""
    entries, count = _entries(columns)
    if not entries:
        return
    average = sum(int(entry.sizes.sum()) for entry in entries) // max(count, 1) + FRAME_OVERHEAD
    step = max(1, min(_BLOCK_RECORDS, _BLOCK_BYTES // average))
    for begin in range(0, count, step):
        records = slice(begin, min(begin + step, count))
        members = [entry.take(records) for entry in entries]
        yield _encode_block([(members, np.arange(len(members[0].sizes)))])


class _Entry:
    """A feature's entries in the map of features, of n records.

    Attributes:
        sizes: bytes of the whole entry, int64 [n].
    """

    def __init__(self, key: bytes, column: Column) -> None:
        self.key = key
        self.column = column
        self.states = column.states()
        is_full = self.states == FULL
        self._list_sizes = _field_sizes(column.sizes) * is_full
        if column.kind is None:
            self._feature_sizes = column.sizes
        else:
            self._feature_sizes = _field_sizes(self._list_sizes) * (self.states != KINDLESS)
        self._head = encode_field(_FIELD_1[0], key) + _FIELD_2
        self._entry_sizes = len(self._head) - 1 + _field_sizes(self._feature_sizes)
        self.sizes = _field_sizes(self._entry_sizes)

    def take(self, records: slice | Array) -> _Entry:
        """The same for some of the records."""
        return _Entry(self.key, self.column.take(records))

    def write(self, rows: Scatter) -> None:
        """Write the entries of records that are all of one state."""
        state, column = self.states[0], self.column
        rows.constant(_FIELD_1)
        rows.varint(self._entry_sizes)
        rows.constant(self._head)
        rows.varint(self._feature_sizes)
        if state == KINDLESS:
            return
        if column.kind is not None:
            rows.constant(encode_varint(column.kind << 3 | LEN))
            rows.varint(self._list_sizes)
            if state == EMPTY:
                return
            rows.constant(_FIELD_1)
            rows.varint(column.sizes)
        column.write(rows)


def _entries(columns: Mapping[str, Any]) -> tuple[list[_Entry], int]:
    """The entries of all columns in the order of their keys, and the number of records."""
    entries = [_Entry(encode_key(key), as_column(key, values)) for key, values in columns.items()]
    counts = {key: len(entry.sizes) for key, entry in zip(columns, entries, strict=True)}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{key!r} has {count}" for key, count in counts.items())
        raise FeatureError(f"columns must be equally long: {found}")
    return sorted(entries, key=lambda entry: entry.key), max(counts.values(), default=0)


def encode_parts(parts: Sequence[tuple[Mapping[str, Any], Array]]) -> Block:
    """Records of several layouts in one block: (columns, int64 numbers of their records in the block) of each."""
    return _encode_block([(_entries(columns)[0], numbers) for columns, numbers in parts])


def _encode_block(parts: Sequence[tuple[list[_Entry], Array]]) -> Block:
    features_sizes = np.empty(sum(len(numbers) for _, numbers in parts), np.int64)
    for entries, numbers in parts:
        features_sizes[numbers] = np.add.reduce([entry.sizes for entry in entries])
    lengths = _field_sizes(features_sizes)
    if int(lengths.max()) > MAX_MESSAGE_SIZE:
        raise FeatureError(f"{lengths.max()} bytes are more than protobuf's limit of {MAX_MESSAGE_SIZE}")
    frame_ends = np.cumsum(lengths + FRAME_OVERHEAD)
    starts = frame_ends - lengths - FRAME_OVERHEAD + HEADER_SIZE
    buffer = np.empty(int(frame_ends[-1]) + MAX_GARBAGE, np.uint8)
    for entries, numbers in parts:
        for records in _groups([entry.states for entry in entries]):
            members = entries if records is None else [entry.take(records) for entry in entries]
            written = numbers if records is None else numbers[records]
            rows = Scatter(buffer, starts[written])
            rows.constant(_FIELD_1)
            rows.varint(features_sizes[written])
            for entry in members:
                entry.write(rows)
            rows.flush()
    block = Block(buffer.data[: int(frame_ends[-1])], HEADER_SIZE, lengths.tolist())
    seal(block)
    return block


def _groups(states: list[Array]) -> Iterator[Array | None]:
    """The numbers of the records that agree in the states of all columns; None is all of them."""
    if all((column == column[0]).all() for column in states):
        yield None
        return
    _, group_of = np.unique(np.stack(states, axis=1), axis=0, return_inverse=True)
    group_of = group_of.reshape(-1)
    for group in range(int(group_of.max()) + 1):
        yield np.flatnonzero(group_of == group)


def _field_sizes(payload_sizes: Array) -> Array:
    """Bytes of length-delimited fields, with a tag of one byte, around payloads of these sizes."""
    if int(payload_sizes.max(initial=0)) < 0x80:
        return payload_sizes + 2
    return payload_sizes + varints.sizes(payload_sizes) + 1
