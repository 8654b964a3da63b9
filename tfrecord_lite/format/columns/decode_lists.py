"""Serialized Examples of many records -> the Lists of each feature, as a schema declares them.

    records, {name: FeatureSchema}  ->  {name: Lists}

Records of one layout are decoded together, the others one by one. Unlike `decode.ColumnDecoder` it keeps apart what
`parse_example` takes for the same: a feature that is missing, or has no kind, and an empty list.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns import payloads
from tfrecord_lite.format.columns.layouts import Layouts
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import check_no_sequence_examples, decode_example
from tfrecord_lite.format.feature_schema import DTYPE_NAMES, FeatureSchema
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.rows import Rows, interleaved
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING, type_of
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST

Array = NDArray[Any]

_DTYPES = {BYTES_LIST: DTYPE_NAMES[STRING], FLOAT_LIST: DTYPE_NAMES[FLOAT32], INT64_LIST: DTYPE_NAMES[INT64]}
_EMPTY = {
    DTYPE_NAMES[INT64]: np.empty(0, np.int64),
    DTYPE_NAMES[FLOAT32]: np.empty(0, np.float32),
    DTYPE_NAMES[STRING]: BytesArray(np.empty(0, np.uint8), np.zeros(1, np.int64)),
}


class ListDecoder:
    """Decodes blocks of records, and remembers their layouts.

    Args:
        schema: the features to decode; others are not looked at. One whose dtype is None must have no kind.

    Raises:
        FeatureError: a feature was met in several kinds.
    """

    def __init__(self, schema: Mapping[str, FeatureSchema]) -> None:
        for name, feature in schema.items():
            if feature.is_mixed:
                raise FeatureError(f"met in several kinds, which fit no column: {', '.join(feature.kinds)}", name)
        self.schema = schema
        self._layouts = Layouts(frozenset(schema))

    def decode(self, records: Records) -> dict[str, Lists] | None:
        """What each feature holds in the records; None when something in them is an error."""
        count = len(records.starts)
        if not count or not self.schema:
            return self._checked_plain(records, np.arange(count))
        groups, others = self._layouts.read(records, payloads.blob)
        parts: list[tuple[Array, dict[str, Lists]]] = []
        for layout, numbers, found in groups:
            kinds = {entry.key: entry.kind for entry in layout.entries}
            lists = {}
            for name, feature in self.schema.items():
                rows, kind = found.get(name), kinds.get(name)
                if rows is None or kind is None:
                    lists[name] = Lists.all_missing(len(numbers))
                elif _problem(feature, _DTYPES[kind], rows.lengths if rows.size is None else np.array([rows.size])):
                    return None
                else:
                    lists[name] = Lists(rows.values, rows.splits)
            parts.append((numbers, lists))
        if len(others):
            plain = self._checked_plain(records, others)
            if plain is None:
                return None
            parts.append((others, plain))
        return {name: _together(feature, [(n, lists[name]) for n, lists in parts]) for name, feature in self._items()}

    def decode_plain(self, records: list[bytes]) -> dict[str, Lists]:
        """The same, record by record. Raises FeatureError and DecodeError, as if it were about a single record."""
        check_no_sequence_examples(records)
        examples = [decode_example(record, self.schema.keys()) for record in records]
        return {name: _plain(feature, [example.get(name) for example in examples]) for name, feature in self._items()}

    def _items(self) -> list[tuple[str, FeatureSchema]]:
        return list(self.schema.items())

    def _checked_plain(self, records: Records, numbers: Array) -> dict[str, Lists] | None:
        try:
            return self.decode_plain([records.record(number) for number in numbers.tolist()])
        except TFRecordError:
            return None


def _problem(feature: FeatureSchema, dtype: str, lengths: Array) -> str:
    """What is wrong with values of that dtype, so many in each record; "" if nothing is."""
    if feature.dtype is None:
        return f"is {dtype}, and has no kind in the schema"
    if dtype != feature.dtype:
        return f"is {dtype}, not {feature.dtype}"
    if feature.shape is not None and (lengths != (size := math.prod(feature.shape))).any():
        return f"holds {lengths[lengths != size][0]} values, not {size}"
    return ""


def _plain(feature: FeatureSchema, values: list[Any]) -> Lists:
    present = [value for value in values if value is not None]
    lengths = np.array([0 if value is None else len(value) for value in values], np.int64)
    for value in present:
        problem = _problem(feature, DTYPE_NAMES[type_of(value)], np.array([len(value)]))
        if problem:
            raise FeatureError(problem, feature.name)
    if not present:
        return _typed(feature, Lists.all_missing(len(values)))
    is_missing = np.fromiter((value is None for value in values), np.bool_, len(values))
    if isinstance(present[0], list):
        objects = np.empty(int(lengths.sum()), object)
        objects[:] = [item for value in present for item in value]
        return Lists.of_lengths(BytesArray.from_objects(objects), lengths, is_missing)
    return Lists.of_lengths(np.concatenate(present), lengths, is_missing)


def _typed(feature: FeatureSchema, lists: Lists) -> Lists:
    """The same with values of the feature's dtype, if there are none."""
    if len(lists.values) or feature.dtype is None:
        return lists
    return Lists(_EMPTY[feature.dtype], lists.row_splits, lists.is_missing)


def _together(feature: FeatureSchema, parts: list[tuple[Array, Lists]]) -> Lists:
    """The lists of several groups of records, of each of which the numbers among all are given."""
    if len(parts) == 1:
        return _typed(feature, parts[0][1])
    is_missing = np.empty(sum(len(numbers) for numbers, _ in parts), np.bool_)
    rows = []
    for numbers, lists in parts:
        is_missing[numbers] = lists.is_missing
        rows.append((numbers, Rows.of(_typed(feature, lists).values, lists.lengths)))
    whole = interleaved(rows)
    return Lists(whole.values, whole.splits, is_missing)
