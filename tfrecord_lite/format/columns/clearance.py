"""Which of many records need no closer look, because TensorFlow reads them as they are meant.

What a layout reads is written in the usual way: one kind, one chunk, each key once, every tag in one byte. TensorFlow
reads that as protobuf does. If there are features to be parsed, the columns are held against them, too, for all records
of a layout at once. What is not cleared is not therefore wrong: it is for `wire_problems` and `spec_problems` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns.layouts import Group, Layouts
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.features import RaggedFeature
from tfrecord_lite.format.plan import DENSE, Column, Plan
from tfrecord_lite.format.rows import Rows
from tfrecord_lite.format.spec_problems import joint_features, joint_problems, read_by
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING, ValueType
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST

Array = NDArray[Any]

_TYPES = {BYTES_LIST: STRING, FLOAT_LIST: FLOAT32, INT64_LIST: INT64}


class Clearance:
    """Looks at blocks of records, and remembers their layouts.

    Args:
        plan: what the features ask for; None if there are none.

    Attributes:
        kinds: {(name, type): number of the first record} of the features in the records of a block that have a
            layout; those without a kind are not among them.
    """

    def __init__(self, plan: Plan | None) -> None:
        self.kinds: dict[tuple[str, ValueType], int] = {}
        self._columns = {} if plan is None else plan.columns
        self._plan = plan
        self._joint = {} if plan is None else joint_features(plan)
        self._layouts = Layouts(None)

    def unclear(self, records: Records) -> Array:
        """The numbers, ascending, of the records that are to be looked at closely."""
        groups, others = self._layouts.read(records, _no_bytes)
        unclear = [others]
        self.kinds = {}
        for group in groups:
            layout, numbers, _ = group
            first = int(numbers.min())
            for entry in layout.entries:
                if entry.kind is not None:
                    kind = entry.key, _TYPES[entry.kind]
                    self.kinds[kind] = min(self.kinds.get(kind, first), first)
            if self._plan is not None:
                unclear.append(numbers[self._unfit(group)])
        return np.sort(np.concatenate(unclear))

    def _unfit(self, group: Group) -> Array:
        """Which records of a group are not what the features ask for, bool [n]."""
        layout, numbers, found = group
        kinds = {entry.key: entry.kind for entry in layout.entries}
        unfit = np.zeros(len(numbers), bool)
        for key, column in self._columns.items():
            unfit |= _unfit_column(column, kinds.get(key), found.get(key))
        return self._unfit_together(found, unfit)

    def _unfit_together(self, found: Mapping[str, Rows], unfit: Array) -> Array:
        """The same, and of those whose columns are fit, the records in which several do not fit together."""
        assert self._plan is not None
        count = len(unfit)
        for name, feature in self._joint.items():
            keys = read_by(name, feature)
            rows = {key: found.get(key) or _none_of(self._columns[key], count) for key in keys}
            if isinstance(feature, RaggedFeature):
                # Partitions that do not fit one record can fit all of them together.
                for number in np.flatnonzero(~unfit).tolist():
                    part = {key: column.part(number, number + 1) for key, column in rows.items()}
                    unfit[number] = any(
                        any(joint_problems(self._plan, name, part, is_single=is_single)) for is_single in (False, True)
                    )
            elif unfit.any() or any(joint_problems(self._plan, name, rows, is_single=False)):
                return np.ones(count, bool)
        return unfit


def _unfit_column(column: Column, kind: int | None, rows: Rows | None) -> Array | bool:
    """Which records of one layout are not what a column asks for; or whether all are."""
    is_fixed = column.layout == DENSE and not column.is_sequence
    if kind is None or rows is None:
        return is_fixed and column.default is None
    if _TYPES[kind] != column.type:
        return True
    lengths = rows.lengths if rows.size is None else np.int64(rows.size)
    if is_fixed:
        return lengths != column.size
    return lengths % column.size != 0  # by 1, if there are no steps


def _none_of(column: Column, count: int) -> Rows:
    """What a column holds where it is missing from all records."""
    return Rows.equal(np.empty(0, column.type.dtype), count, 0)


def _no_bytes(buffer: Array, starts: Array, sizes: Array) -> Array:
    """Something in the place of each bytes value: nobody looks at it."""
    return np.empty(len(starts), object)
