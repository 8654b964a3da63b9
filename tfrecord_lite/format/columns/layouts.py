"""The layouts that the records of a data set have, as they are met: blocks of records -> groups of one layout.

The most frequent is tried first, on all records, the next on those that are left. A record that none of them reads
shows a new one; when new ones are of no use, the rest is left to the plain decoder. Layouts that differ only in the
forms of their entries become one, with the wider forms.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns.layout import Layout, entries_of, identity_of
from tfrecord_lite.format.columns.parts import TakeBytes, bodies
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.rows import Rows

Array = NDArray[Any]

#: As many layouts are remembered; to try one costs as much as to decode a few records plainly.
_MAX_LAYOUTS = 64
#: For fewer records than these, and of fewer bytes, a layout costs more than decoding them plainly, which copies them.
_FEW_RECORDS, _FEW_BYTES = 8, 1 << 20
#: Of few records each entry must save the copying of so many bytes: to look at it costs as much for one as for many.
_BYTES_PER_ENTRY = 1 << 17
#: One in so many records may show a layout that few others have, or none; then there is no looking for more.
_DISAPPOINTMENT = 256

#: A layout, the numbers of its records, what its wanted features hold in them.
Group = tuple[Layout, Array, dict[str, Rows]]


class Layouts:
    """Those met so far. Several threads may read at once: the list of them is replaced, never changed.

    Args:
        wanted: names of the features whose values are wanted; None is all.
    """

    def __init__(self, wanted: Collection[str] | None) -> None:
        self._wanted = wanted
        self._known: list[Layout] = []

    def read(self, records: Records, take_bytes: TakeBytes) -> tuple[list[Group], Array]:
        """The records by their layouts, and the numbers of those that have none."""
        begins, bad = bodies(records.buffer, records.starts, records.ends)
        others, rest = np.flatnonzero(bad), np.flatnonzero(~bad)
        entries = Records(records.buffer, begins, records.ends)
        sizes = records.ends - records.starts
        groups: list[Group] = []
        for layout in self._known:
            if len(layout.entries) > _most_entries(sizes[rest]):
                continue
            rest = _read_group(layout, entries, rest, take_bytes, groups)
        patience = 1 + len(records.starts) // _DISAPPOINTMENT
        while patience and (most := _most_entries(sizes[rest])):
            found = self._layout_of(records.record(rest[0]), most)
            left = rest if found is None else _read_group(found, entries, rest, take_bytes, groups)
            if found is None or not _most_entries(np.delete(sizes[rest], np.searchsorted(rest, left))):
                patience -= 1
            else:
                self._remember(found)
            if len(left) == len(rest):
                # Written in an unusual way: not even its own layout reads it.
                others, left = np.append(others, rest[0]), rest[1:]
            rest = left
        self._sort(groups)
        return groups, np.sort(np.append(others, rest))

    def _layout_of(self, record: bytes, most: int) -> Layout | None:
        entries = entries_of(record, self._wanted, most)
        if entries is None:
            return None
        identity = identity_of(entries)
        for known in self._known:
            if known.identity == identity:
                return known.widened(entries)
        return Layout(entries)

    def _remember(self, layout: Layout) -> None:
        others = [known for known in self._known if known.identity != layout.identity]
        self._known = [*others[: _MAX_LAYOUTS - 1], layout]

    def _sort(self, groups: list[Group]) -> None:
        """The most frequent in this block first."""
        counts = {id(layout): len(numbers) for layout, numbers, _ in groups}
        self._known = sorted(self._known, key=lambda layout: -counts.get(id(layout), 0))


def _most_entries(sizes: Array) -> int:
    """Up to how many entries a layout may have that is worth its while for records of these sizes."""
    if len(sizes) >= _FEW_RECORDS:
        return sys.maxsize
    size = int(sizes.sum())
    return size // _BYTES_PER_ENTRY if size >= _FEW_BYTES else 0


def _read_group(layout: Layout, records: Records, rest: Array, take_bytes: TakeBytes, groups: list[Group]) -> Array:
    """Read what is of the layout; gives the numbers of those that are not."""
    numbers, found = layout.read(records if len(rest) == len(records.starts) else records.take(rest), take_bytes)
    if not len(numbers):
        return rest
    groups.append((layout, rest[numbers], found))
    return np.delete(rest, numbers)
