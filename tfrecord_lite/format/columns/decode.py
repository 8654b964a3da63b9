"""Many serialized Examples -> columns, as the features ask.

`decode_columns` gives what `parse_example` gives, in a fraction of the time: records are read by their layouts, each
layout for all its records at once, and what has no usual layout is decoded record by record. When anything is wrong, in
whatever record, all are left to the plain path, which says what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.format.batch import Batch, Place
from tfrecord_lite.format.bytes_array import as_blobs
from tfrecord_lite.format.columns import payloads
from tfrecord_lite.format.columns.layouts import Layouts
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import as_message, decode_example
from tfrecord_lite.format.parsing import example_plan, example_rows
from tfrecord_lite.format.plan import DENSE, Column, Plan
from tfrecord_lite.format.rows import Rows, interleaved, results
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST

if TYPE_CHECKING:
    from typing_extensions import Buffer

Array = NDArray[Any]

#: How bytes are given.
BytesAs = Literal["objects", "blob"]

_TYPES = {BYTES_LIST: STRING, FLOAT_LIST: FLOAT32, INT64_LIST: INT64}


def decode_columns(
    records: Iterable[Buffer], features: Mapping[str, Any], *, bytes_as: BytesAs = "objects"
) -> dict[str, Any]:
    """{name: values of all records} of serialized Examples.

    Args:
        records: bytes-like, one Example each.
        features: {name: FixedLenFeature(...) or another feature}, as for `parse_example`.
        bytes_as: how bytes are given: "objects", as object arrays of bytes, or "blob", as BytesArray, which is one blob
            and the offsets of the values in it.

    Returns:
        What `parse_example` gives: for a FixedLenFeature an array [n, *shape], for a FixedLenSequenceFeature one
        [n, most steps, *shape], SparseTensorValue and RaggedTensorValue for the others.

    Raises:
        FeatureError, DecodeError: as `parse_example`.
    """
    decoder = ColumnDecoder(example_plan(features), bytes_as)
    batch = Batch.of(records)
    if batch.is_single:
        raise FeatureError("decode_columns takes many records, not one")
    rows = decoder.decode(Records.joined(list(map(as_message, batch.records))))
    return decoder.results(example_rows(decoder.plan, batch) if rows is None else rows)


class ColumnDecoder:
    """Decodes blocks of records, and remembers their layouts.

    Args:
        plan: what the features ask for.
        bytes_as: as for `decode_columns`.
        names_all: whether a feature that the plan does not name, and that has a kind, is an error.
    """

    def __init__(self, plan: Plan, bytes_as: BytesAs = "objects", *, names_all: bool = False) -> None:
        if bytes_as not in ("objects", "blob"):
            raise ValueError(f"bytes_as is 'objects' or 'blob', not {bytes_as!r}")
        self.plan = plan
        self._names_all = names_all
        self._layouts = Layouts(None if names_all else plan.columns)
        self._take_bytes = payloads.objects if bytes_as == "objects" else payloads.BytesSpans

    def decode(self, records: Records) -> dict[str, Rows] | None:
        """What each column holds in the records, checked; None when something in them is an error.

        Blobs are BytesSpans as yet, valid as long as the records are.
        """
        columns = self.plan.columns
        if not len(records.starts):
            return self.decode_plain([])
        groups, others = self._layouts.read(records, self._take_bytes)
        parts: list[tuple[Array, dict[str, Rows]]] = []
        for layout, numbers, found in groups:
            kinds = {entry.key: entry.kind for entry in layout.entries}
            if self._names_all and not found.keys() <= columns.keys():
                return None
            rows = {}
            for key, column in columns.items():
                checked = _checked(column, kinds.get(key), found.get(key), len(numbers))
                if checked is None:
                    return None
                rows[key] = self._as_asked(checked)
            parts.append((numbers, rows))
        if len(others):
            try:
                rows = self.decode_plain([records.record(number) for number in others.tolist()])
            except TFRecordError:
                return None
            parts.append((others, rows))
        return {key: interleaved([(numbers, rows[key]) for numbers, rows in parts]) for key in columns}

    def decode_plain(self, records: list[bytes]) -> dict[str, Rows]:
        """The same, record by record. Raises FeatureError and DecodeError, as if it were about a single record."""
        if self._names_all:
            for record in records:
                self._check_names(decode_example(record))
        try:
            rows = example_rows(self.plan, Batch(records, [Place()] * len(records), False))
        except FeatureError as error:
            if not self._names_all:
                raise
            why = "the features were inferred from the first records: say what they are"
            raise FeatureError(f"{error.reason} ({why})", error.key, error.names_key) from None
        return {key: self._as_asked(column) for key, column in rows.items()}

    def results(self, rows: Mapping[str, Rows]) -> dict[str, Any]:
        """What the features are in a batch. Raises FeatureError as `rows.results`."""
        rows = {key: column.collected() for key, column in rows.items()}
        try:
            found = results(self.plan, rows, is_single=False)
        except FeatureError as error:
            if error.record_number is None:
                error.record_number = self._first_unfit(rows)
            raise
        if self._take_bytes is payloads.objects:
            return found
        return {key: as_blobs(value) for key, value in found.items()}

    def _first_unfit(self, rows: Mapping[str, Rows]) -> int | None:
        """The number of the first record that is an error in a batch of its own."""
        for number in range(next(iter(rows.values())).batch_size):
            part = {key: column.part(number, number + 1) for key, column in rows.items()}
            try:
                results(self.plan, part, is_single=False)
            except FeatureError:
                return number
        return None

    def _check_names(self, example: Mapping[str, Any]) -> None:
        for key, value in example.items():
            if value is not None and key not in self.plan.columns:
                raise FeatureError("not in the records from which the features were inferred: say what they are", key)

    def _as_asked(self, rows: Rows) -> Rows:
        return rows if self._take_bytes is payloads.objects else rows.with_values(as_blobs(rows.values))


def _checked(column: Column, kind: int | None, rows: Rows | None, count: int) -> Rows | None:
    """What a column holds in `count` records of one layout; None if it is not what is asked for.

    Args:
        column: what is asked for.
        kind: of the feature, None if it has none or is missing.
        rows: its values; None the same.
        count: of the records.
    """
    is_fixed = column.layout == DENSE and not column.is_sequence
    if kind is None or rows is None:
        if not is_fixed:
            return Rows.equal(np.empty(0, column.type.dtype), count, 0)
        return None if column.default is None else Rows.equal(np.tile(column.default, count), count, column.size)
    if _TYPES[kind] != column.type:
        return None
    lengths = rows.lengths if rows.size is None else np.int64(rows.size)
    if is_fixed and (lengths != column.size).any():
        return None
    if column.is_sequence and (lengths % column.size).any():
        return None
    return rows
