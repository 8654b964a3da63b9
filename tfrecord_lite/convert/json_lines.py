"""JSON Lines, a record a line, in the form of `format/json_form.py`: what `tfrecord-lite cat` prints. Loses nothing.

Without a schema each line says what its values are, but that integers are floats where other lines have floats in the
same feature (`column_kinds`); of a stream, which is read once, that is an error. So records with a feature of several
kinds are not written. With a schema its features alone are taken, either way.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from tfrecord_lite.convert.column_kinds import Found, found_in
from tfrecord_lite.convert.declared import declared_example, declared_lists
from tfrecord_lite.convert.formats import Rows, Skip
from tfrecord_lite.convert.inflated import open_inflated
from tfrecord_lite.convert.lines import TextOutput as Output
from tfrecord_lite.errors import DecodeError, FeatureError
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.parts import bodies
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import decode_example, decode_sequence_example
from tfrecord_lite.format.json_form import (
    example_as_json,
    example_as_record,
    record_as_json,
    record_from_json,
    sequence_example_as_json,
)
from tfrecord_lite.format.json_kinds import INEXACT, Column, kinds_in_form, kinds_in_json
from tfrecord_lite.format.schema import Schema

__all__ = [
    "COMPRESSIONS",
    "NAME",
    "NEEDS_SCHEMA",
    "SAYS_KINDS",
    "WRAPS",
    "Decoder",
    "Encoder",
    "Output",
    "found",
    "read_parts",
]

NAME = "jsonl"
NEEDS_SCHEMA = False
COMPRESSIONS = ("GZIP",)
WRAPS = True
SAYS_KINDS = True

#: Lines are taken together until they have so many bytes.
_PART_BYTES = 1 << 20
#: A longer line is refused: no record could be so long.
_MAX_LINE = 3 << 30


class Encoder:
    """Records -> lines. Any record has a line; with a schema it has to be a message that follows it.

    Attributes:
        kinds: of which kinds the features were so far; not looked at where a schema says it.
    """

    def __init__(self, schema: Schema | None, text: Collection[str]) -> None:
        self._schema = schema
        self.kinds: set[tuple[Column, str]] = set()

    def decode(self, records: Records) -> bytes | None:
        """The lines of all records. Those that are Examples and nothing else are decoded together."""
        if self._schema is not None:
            try:
                return self.decode_plain([records.record(number) for number in range(len(records.starts))])
            except (DecodeError, FeatureError):
                return None
        _, are_other = bodies(records.buffer, records.starts, records.ends)
        examples, error = ExampleDecoder(None).decode(records.take(np.flatnonzero(~are_other)))
        if error is not None:
            return self.decode_plain([records.record(number) for number in range(len(records.starts))])
        found = iter(examples)
        forms = [
            record_as_json(records.record(number))
            if is_other
            else example_as_record(next(found), records.record(number))
            for number, is_other in enumerate(are_other.tolist())
        ]
        return self._seen(forms)

    def decode_plain(self, records: list[bytes]) -> bytes:
        """The same one by one. Raises DecodeError and FeatureError where there is a schema."""
        if self._schema is None:
            return self._seen(list(map(record_as_json, records)))
        return _lines([_declared(record, self._schema) for record in records])

    def _seen(self, forms: list[Any]) -> bytes:
        found = (each for form in forms for each in kinds_in_form(form))
        self.kinds.update((column, kind) for column, kinds in found for kind in kinds if kind != INEXACT)
        return _lines(forms)


class Decoder:
    """Lines -> records."""

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema

    def __call__(self, rows: Rows, skip: Skip | None) -> list[bytes]:
        records = []
        for number, line in enumerate(rows.data):
            try:
                records.append(record_from_json(line, self._schema))
            except FeatureError as error:
                if skip is None:
                    error.record_number = number
                    raise
                skip(number, str(error))
        return records


def found(rows: Rows) -> Found:
    """Of what kinds the features in the lines are."""
    return found_in(map(kinds_in_json, rows.data))


def _declared(record: bytes, schema: Schema) -> Any:
    """What a schema has of a record, for JSON."""
    context, feature_lists = decode_sequence_example(record)
    if not feature_lists and not schema.feature_lists:
        return example_as_json(declared_example(decode_example(record), schema))
    return sequence_example_as_json(declared_example(context, schema), declared_lists(feature_lists, schema))


def _lines(forms: Iterable[Any]) -> bytes:
    return "".join(json.dumps(form) + "\n" for form in forms).encode("ascii")


def read_parts(source: str, compression_type: str, schema: Schema | None, skip: Skip | None) -> Iterator[Rows]:
    """The lines of a file that are not blank, about a megabyte at a time."""
    file, path = open_inflated(source, compression_type)
    with file:
        begin, done = 0, 0
        lines: list[bytes] = []
        numbers: list[int] = []
        size = number = 0
        while line := file.readline(_MAX_LINE):
            done += len(line)
            number += 1
            if line.isspace():
                continue
            lines.append(line)
            numbers.append(number)
            size += len(line)
            if size >= _PART_BYTES:
                yield Rows(path, begin, len(lines), lines, done, numbers)
                begin, lines, numbers, size = begin + len(lines), [], [], 0
        if lines:
            yield Rows(path, begin, len(lines), lines, done, numbers)
