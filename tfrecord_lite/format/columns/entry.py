"""What stands around the payloads of one feature: the tags, lengths and name of its entry in the map of features.

    entry     0a LENGTH   0a length name   12 LENGTH feature
    feature   TAG LENGTH list              nothing, when it has no kind
    list      0a LENGTH payload            nothing, when it is empty

The LENGTHs depend on the size of the payload. Where all these heads are of one length and there are few different
ones, they are made once by the plain path and looked up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns import varints
from tfrecord_lite.format.columns.column import ABSENT, FULL, KINDLESS, Column
from tfrecord_lite.format.columns.scatter import Scatter
from tfrecord_lite.format.wire_format import LEN, encode_field, encode_varint

Array = NDArray[Any]

_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"
#: More payload sizes than this are not looked up.
_MAX_HEADS = 128


class Entry:
    """The entries of one feature in records that all have the same of it.

    Args:
        key: the name, UTF-8.
        column: the feature.
        state: what the records have.

    Attributes:
        sizes: bytes of the whole entry, int64 [n]; an int when all are equal.
        outer_sizes: those of them that do not lie in the buffer of the frames, in the same form.
    """

    def __init__(self, key: bytes, column: Column, state: int) -> None:
        self._column = column if state == FULL else None
        self.outer_sizes: Array | int = 0
        #: bytes: the same in every record; uint8 [n, width]; int64 [n]: varints of these.
        self._head: list[bytes | Array] = []
        if state == FULL:
            self.sizes: Array | int = column.sizes
            if column.is_apart:
                self.outer_sizes = column.sizes
            self._add_head(key, column.kind)
        elif state != ABSENT:
            feature = b"" if state == KINDLESS or column.kind is None else encode_field(column.kind << 3 | LEN, b"")
            self._head = [_head(key, None, len(feature)) + feature]
            self.sizes = len(self._head[0])
        else:
            self.sizes = 0

    def write(self, rows: Scatter) -> None:
        """Write the entries of all records."""
        for part in self._head:
            if isinstance(part, bytes):
                rows.constant(part)
            elif part.ndim == 2:
                rows.fixed(part)
            else:
                rows.varint(part)
        if self._column is not None:
            self._column.write(rows)

    def _add_head(self, key: bytes, kind: int | None) -> None:
        sizes = self.sizes
        if isinstance(sizes, int):
            self._head = [_head(key, kind, sizes)]
            self.sizes = len(self._head[0]) + sizes
            return
        low, high = int(sizes.min()), int(sizes.max())
        head = _head(key, kind, low)
        if low == high:
            self._head = [head]
            self.sizes = low + len(head)
        elif high - low < _MAX_HEADS and len(head) == len(_head(key, kind, high)):
            heads = _heads(key, kind, low, high)
            self._head = [heads.take(sizes - low).view(np.uint8).reshape(-1, len(head))]
            self.sizes = sizes + len(head)
        else:
            if kind is not None:
                list_sizes = field_sizes(sizes)
                self._head = [bytes((kind << 3 | LEN,)), list_sizes, _FIELD_1, sizes]
                sizes = field_sizes(list_sizes)
            key_field = encode_field(_FIELD_1[0], key)
            entry_sizes = len(key_field) + field_sizes(sizes)
            self._head = [_FIELD_1, entry_sizes, key_field + _FIELD_2, sizes, *self._head]
            self.sizes = field_sizes(entry_sizes)


@lru_cache(1 << 12)
def _head(key: bytes, kind: int | None, size: int) -> bytes:
    """What stands before a payload of `size` bytes in its entry."""
    head = b""
    if kind is not None:
        head = _FIELD_1 + encode_varint(size)
        head = bytes((kind << 3 | LEN,)) + encode_varint(len(head) + size) + head
    head = encode_field(_FIELD_1[0], key) + _FIELD_2 + encode_varint(len(head) + size) + head
    return _FIELD_1 + encode_varint(len(head) + size) + head


@lru_cache(1 << 8)
def _heads(key: bytes, kind: int | None, low: int, high: int) -> NDArray[np.void]:
    """The heads for payloads of low, ..., high bytes, all of one length."""
    heads = [_head(key, kind, size) for size in range(low, high + 1)]
    return np.frombuffer(b"".join(heads), f"V{len(heads[0])}")


def field_sizes(payload_sizes: Array) -> Array:
    """Bytes of length-delimited fields, with a tag of one byte, around payloads of these sizes."""
    if int(payload_sizes.max(initial=0)) < 0x80:
        return payload_sizes + 2
    return payload_sizes + varints.sizes(payload_sizes) + 1
