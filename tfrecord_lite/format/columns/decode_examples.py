"""Many serialized Examples -> examples, one mapping a record, decoded together.

The values are what `decode_example` gives, or with features what `parse_single_example` gives. Arrays are views of one
array for many records, each its own part of it: who keeps one example keeps the arrays of some thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import pairwise, repeat
from typing import Any, Protocol

import numpy as np

from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.format.columns import payloads
from tfrecord_lite.format.columns.decode import ColumnDecoder
from tfrecord_lite.format.columns.layouts import Group, Layouts
from tfrecord_lite.format.columns.parts import bodies
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import as_keys, check_no_sequence_examples, decode_example
from tfrecord_lite.format.features import FixedLenFeature
from tfrecord_lite.format.parsing import parse_single_example
from tfrecord_lite.format.plan import Plan
from tfrecord_lite.format.rows import Rows, result

#: The examples before the first error, and the error, whose record_number is their number.
Decoded = tuple[Iterable[dict[str, Any]], TFRecordError | None]


class Decoder(Protocol):
    """What the classes here have in common."""

    def decode(self, records: Records) -> Decoded:
        """The examples of a block of records, in order."""

    def decode_record(self, record: bytes) -> Decoded:
        """The example of one record."""


class ExampleDecoder:
    """Decodes blocks of records as `decode_example` does, and remembers their layouts.

    Args:
        keys: the only features to decode; None is all.
    """

    def __init__(self, keys: Collection[str] | None) -> None:
        self._keys = as_keys(keys)
        self._layouts = Layouts(self._keys)

    def decode(self, records: Records) -> Decoded:
        """The examples, in order; the error is a DecodeError."""
        groups, others = self._layouts.read(records, payloads.objects)
        if len(groups) == 1 and not len(others):
            return _examples(groups[0]), None
        examples: list[dict[str, Any]] = [{}] * len(records.starts)
        for group in groups:
            for number, example in zip(group[1].tolist(), _examples(group), strict=True):
                examples[number] = example
        for number in others.tolist():
            found, error = self.decode_record(records.record(number))
            if error is not None:
                error.record_number = number
                return examples[:number], error
            (examples[number],) = found
        return examples, None

    def decode_record(self, record: bytes) -> Decoded:
        """The example of one record."""
        return _decoded(decode_example, record, self._keys)


class ParsedExampleDecoder:
    """Decodes blocks of records as `parse_single_example` does."""

    def __init__(self, plan: Plan) -> None:
        self._decoder = ColumnDecoder(plan)

    def decode(self, records: Records) -> Decoded:
        """The examples, in order; the error is a FeatureError or a DecodeError."""
        plan = self._decoder.plan
        rows = self._decoder.decode(records)
        if rows is not None:
            return _parsed(plan, rows, len(records.starts))
        examples: list[dict[str, Any]] = []
        for number in range(len(records.starts)):  # pragma: no branch - one of them is an error
            found, error = self.decode_record(records.record(number))
            if error is not None:
                error.record_number = number
                return examples, error
            examples += found
        return examples, None  # pragma: no cover

    def decode_record(self, record: bytes) -> Decoded:
        """The example of one record."""
        return _decoded(parse_single_example, record, self._decoder.plan.features)


class NoSequenceDecoder:
    """Decodes as another decoder does, but for SequenceExamples, whose feature lists that one leaves out: an error."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decode(self, records: Records) -> Decoded:
        """The examples, in order; the error may be a DecodeError, too."""
        _, is_other = bodies(records.buffer, records.starts, records.ends)
        for number in np.flatnonzero(is_other).tolist():
            error = _sequence_error(records.record(number))
            if error is not None:
                error.record_number = number
                examples, earlier = self._decoder.decode(records.take(np.arange(number)))
                return examples, earlier or error
        return self._decoder.decode(records)

    def decode_record(self, record: bytes) -> Decoded:
        """The example of one record."""
        error = _sequence_error(record)
        return self._decoder.decode_record(record) if error is None else ([], error)


def _sequence_error(record: bytes) -> TFRecordError | None:
    try:
        check_no_sequence_examples([record])
    except TFRecordError as error:
        return error
    return None


def _decoded(decode: Callable[[bytes, Any], dict[str, Any]], record: bytes, wanted: Any) -> Decoded:
    try:
        return [decode(record, wanted)], None
    except TFRecordError as error:
        return [], error


def _examples(group: Group) -> Iterable[dict[str, Any]]:
    layout, numbers, found = group
    columns = {
        entry.key: _values(found[entry.key]) if entry.key in found else [None] * len(numbers)
        for entry in layout.entries
        if entry.is_wanted
    }
    rows = zip(*columns.values(), strict=True) if columns else repeat((), len(numbers))
    return map(dict, map(zip, repeat(tuple(columns)), rows))


def _values(rows: Rows) -> list[Any]:
    """What each record holds: arrays, or lists of bytes."""
    values, count = rows.values, rows.batch_size
    if values.dtype == object:
        items = values.tolist()
        if rows.size == 1:
            return [[item] for item in items]
        return [items[begin:end] for begin, end in pairwise(rows.splits.tolist())]
    if rows.size:
        return list(values.reshape(count, rows.size))
    return [values[begin:end] for begin, end in pairwise(rows.splits.tolist())]


def _parsed(plan: Plan, rows: dict[str, Rows], count: int) -> Decoded:
    dense = {
        key: list(rows[key].values.reshape((count, *plan.columns[key].shape, 1)))
        for key, feature in plan.features.items()
        if isinstance(feature, FixedLenFeature)
    }
    examples: list[dict[str, Any]] = []
    for number in range(count):
        parts = {key: column.part(number, number + 1) for key, column in rows.items() if key not in dense}
        try:
            example = {
                key: dense[key][number][..., 0] if key in dense else result(plan, key, parts, is_single=True)
                for key in plan.features
            }
        except FeatureError as error:
            error.record_number = number
            return examples, error
        examples.append(example)
    return examples, None
