"""What the columns hold in a batch that comes in portions: each put where it stays before its buffer is used again.

    rows of a portion, bytes as BytesSpans -> add -> rows of the batch, bytes as BytesArray

A large value is copied once: its blob is one array, which for the first portion is made as large as all of them are
expected to be. Memory that is not written to is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns.payloads import BytesSpans
from tfrecord_lite.format.rows import Rows

Array = NDArray[Any]

#: A blob is made larger than expected by this part of it: values differ in size.
_SLACK = 1 / 16
#: But never by more than this, or by as much again: one large value says little about others.
_MOST_AHEAD = 256 << 20


class BatchRows:
    """The rows of the records of a batch.

    Args:
        columns: their names.
        count: how many records are to come, or at most.

    Attributes:
        size: how many have come.
    """

    def __init__(self, columns: Iterable[str], count: int) -> None:
        self._count = count
        self._parts: dict[str, list[Rows]] = {key: [] for key in columns}
        self._blobs: dict[str, _GrowingBlob] = {}
        self.size = 0

    def add(self, rows: Mapping[str, Rows], size: int) -> None:
        """What the columns hold in the next `size` records."""
        self.size += size
        for key, parts in self._parts.items():
            part = rows[key]
            if not isinstance(part.values, np.ndarray):
                blob = self._blobs.setdefault(key, _GrowingBlob())
                blob.add(part.values, self._count / max(self.size, 1))
                part = part.with_values(None)
            parts.append(part)

    def rows(self) -> dict[str, Rows]:
        """What they hold in all."""
        return {key: self._joined(key, parts) for key, parts in self._parts.items()}

    def _joined(self, key: str, parts: list[Rows]) -> Rows:
        blob = self._blobs.get(key)
        if blob is None:
            values = parts[0].values if len(parts) == 1 else np.concatenate([part.values for part in parts])
        else:
            values = blob.values()
        if len(parts) == 1:
            return parts[0].with_values(values)
        size = parts[0].size
        if size is not None and all(part.size == size for part in parts):
            return Rows.equal(values, self.size, size)
        return Rows.of(values, np.concatenate([part.lengths for part in parts]))


class _GrowingBlob:
    """Values one after the other, in memory of their own."""

    def __init__(self) -> None:
        self._octets: Array = np.empty(0, np.uint8)
        self._used = 0
        self._sizes: list[Array] = []

    def add(self, values: BytesSpans | BytesArray, expected: float) -> None:
        """Copy some more.

        Args:
            values: of one dimension.
            expected: how many times as much there will be in the end as with these.
        """
        spans = BytesSpans.of(values) if isinstance(values, BytesArray) else values
        begin = self._used
        self._used += int(spans.sizes.sum())
        if self._used > len(self._octets):
            ahead = self._used * (expected * (1 + _SLACK) - 1) if expected > 1 else 0
            whole = np.empty(self._used + int(min(ahead, max(_MOST_AHEAD, self._used))), np.uint8)
            whole[:begin] = self._octets[:begin]
            self._octets = whole
        spans.copy_to(self._octets[begin : self._used])
        self._sizes.append(spans.sizes)

    def values(self) -> BytesArray:
        """All of them."""
        offsets = np.zeros(sum(map(len, self._sizes)) + 1, np.int64)
        np.cumsum(np.concatenate(self._sizes), out=offsets[1:])
        # What did not come is given back, and the rest stays where it is. Nobody else has seen the array yet.
        self._octets.resize(self._used, refcheck=False)
        return BytesArray(self._octets, offsets)
