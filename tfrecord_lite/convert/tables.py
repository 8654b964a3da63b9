"""What the formats that hold Arrow's columns share: records -> RecordBatch, and rows of one -> records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from tfrecord_lite.adapters.arrow import arrow_schema, from_arrow, schema_from_arrow
from tfrecord_lite.adapters.arrow_batches import lists_to_batch
from tfrecord_lite.convert.formats import Rows, Skip
from tfrecord_lite.errors import FeatureError, printable
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.encode import encode_columns
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.schema import Schema


class TableEncoder:
    """Records -> RecordBatch.

    Args:
        schema: of the records.
        text: features of bytes that are strings.
        fixed_size: as for `arrow_schema`.
    """

    def __init__(self, schema: Schema, text: Collection[str], *, fixed_size: bool = True) -> None:
        self._schema = schema
        self._columns = arrow_schema(schema, text=text, fixed_size=fixed_size)
        self._decoder: ListDecoder | None = None

    def decode(self, records: Records) -> Any:
        """Of all records, or None when something in them is an error."""
        try:
            lists = self._lists().decode(records)
            return None if lists is None else lists_to_batch(lists, self._columns, len(records.starts))
        except FeatureError:  # what is to be text is none
            return None

    def decode_plain(self, records: list[bytes]) -> Any:
        """The same one by one. Raises FeatureError and DecodeError."""
        return lists_to_batch(self._lists().decode_plain(records), self._columns, len(records))

    def _lists(self) -> ListDecoder:
        if self._decoder is None:
            self._decoder = ListDecoder(self._schema)
        return self._decoder


class TableDecoder:
    """Rows whose data is a RecordBatch -> records.

    Args:
        schema: which columns are features, and what they are to be; None: all, as they are.
    """

    def __init__(self, schema: Mapping[str, FeatureSchema] | None) -> None:
        self._schema = schema

    def __call__(self, rows: Rows, skip: Skip | None) -> list[bytes]:
        missing = schema_from_arrow(rows.data.schema) if self._schema is None else self._schema
        return records_of(rows.data, rows.count, self._columns, missing, skip)

    def _columns(self, batch: Any) -> Mapping[str, Any]:
        if self._schema is None:
            return from_arrow(batch)
        names = chosen(batch.schema.names, self._schema)
        return from_arrow(batch.select(names), self._schema)


def chosen(names: Iterable[str], schema: Mapping[str, FeatureSchema]) -> list[str]:
    """Those of the columns that a schema has. Raises FeatureError if they are none."""
    found = [name for name in names if name in schema]
    if not found:
        raise FeatureError("no column is a feature of the schema")
    return found


def records_of(
    rows: Any,
    count: int,
    columns_of: Callable[[Any], Mapping[str, Any]],
    schema: Mapping[str, FeatureSchema] | None,
    skip: Skip | None,
) -> list[bytes]:
    """The records of rows; those rows that cannot be any are given to `skip`, or raised.

    Args:
        rows: with a method `slice(begin, length)`, as a RecordBatch has it.
        count: how many there are.
        columns_of: what the columns of such rows are, for `encode_columns`. A FeatureError says which row it is about.
        schema: what is written for a missing value.
        skip: as for a Decoder.
    """
    records: list[bytes] = []
    begin, end = 0, count
    while begin < count:
        try:
            records += encode_columns(columns_of(rows.slice(begin, end - begin)), schema)
        except FeatureError as error:
            if error.record_number is None:
                raise
            bad = begin + error.record_number
            if skip is None:
                error.record_number = bad
                raise
            if bad > begin:  # what is before it may be bad in another column
                end = bad
                continue
            skip(bad, str(FeatureError(error.reason, error.key)))
            begin, end = bad + 1, count
        else:
            begin, end = end, count
    return records


def kinds(batch: Any) -> dict[str, str | None]:
    """What each column of a RecordBatch holds. Raises FeatureError: a column's type has no place in a feature."""
    return {name: feature.dtype for name, feature in schema_from_arrow(batch.schema).items()}


class SameKinds:
    """Sees to it that a column is of one kind in all files: what differs in it from record to record is not parsed."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, str]] = {}

    def check(self, path: str, kinds_there: Mapping[str, str | None]) -> None:
        """Raise a FeatureError about a column of this file that was of another kind in one before."""
        for name, dtype in kinds_there.items():
            if dtype is None:
                continue
            before, where = self._found.setdefault(name, (dtype, path))
            if before != dtype:
                cure = "a schema (--schema) says what it is to be"
                error = FeatureError(f"is {dtype}, and {before} in {printable(where)}: {cure}", name)
                error.path = path
                raise error
