"""The arguments that the verbs of all engines have, looked at by the driver: no task meets what cannot be right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from tfrecord_lite.adapters.read_parts import RECORD_TYPES
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.files.shards import check_sizes
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.schema import Schema

#: As max_bytes: what a task writes is one shard.
_ONE_SHARD = 1 << 62


def check_record_type(record_type: str) -> None:
    """Raise ValueError unless it is one of RECORD_TYPES."""
    if record_type not in RECORD_TYPES:
        raise ValueError(f"record_type is one of {', '.join(RECORD_TYPES)}, not {record_type!r}")


def as_schema(schema: Any, record_type: str) -> Schema | None:
    """A Schema, or {name: FeatureSchema}, as a Schema; None as it is.

    Raises:
        TypeError: it is something else, such as the features of `parse_example`.
        FeatureError: it has nothing that is in records of that type: rows without columns have no number, either.
        ValueError: it could do nothing, for records are taken as they are; or record_type is none of RECORD_TYPES.
    """
    check_record_type(record_type)
    if schema is None:
        return None
    given = schema if isinstance(schema, Schema) else _schema_of(schema)
    if record_type == "ByteArray":
        raise ValueError(f"a schema is of features, and records of the type {record_type} have none")
    check_columns(given, record_type)
    return given


def check_columns(schema: Schema, record_type: str) -> None:
    """Raise FeatureError unless records of that type have something of a schema: their number would be lost, too."""
    if not schema and not (record_type == "SequenceExample" and schema.feature_lists):
        raise FeatureError("the schema has no features, and nothing would be left of the records")


def check_has_columns(names: Collection[Any]) -> None:
    """Raise FeatureError if a DataFrame has no columns of these names: no engine says how many rows it has."""
    if not len(names):
        raise FeatureError("a DataFrame without columns has nothing to write")


def _schema_of(given: Any) -> Schema:
    found = _type_name(given)
    if isinstance(given, Mapping):
        others = [_type_name(feature) for feature in given.values() if not isinstance(feature, FeatureSchema)]
        if not others:
            return Schema(replace(feature, name=name) for name, feature in given.items())
        found = f"{found} of {others[0]}"
    raise TypeError(
        "schema is a tfrecord_lite.Schema, as infer_schema and schema_from_arrow give it, or {name: FeatureSchema},"
        f" not a {found}"
    )


def _type_name(value: Any) -> str:
    """With its package, but for Python's own: others have a Schema, too."""
    module, name = type(value).__module__, type(value).__qualname__
    return name if module == "builtins" else f"{module.split('.')[0]}.{name}"


def shard_sizes(num_shards: Any, max_records: Any, max_bytes: Any) -> tuple[int | None, dict[str, int | None]]:
    """(num_shards, the max_records and max_bytes of what a task writes).

    Raises:
        ValueError: a number is not positive, or num_shards comes with a size.
        TypeError: a number is none.
    """
    given = {"num_shards": num_shards, "max_records": max_records, "max_bytes": max_bytes}
    numbers = {name: None if value is None else whole_number(value, name, 1) for name, value in given.items()}
    check_sizes(**numbers)
    number = numbers.pop("num_shards")
    if number is None:
        return None, numbers
    if any(value is not None for value in numbers.values()):
        raise ValueError("shards have either a number, num_shards, or a size, max_records and max_bytes")
    return number, {"max_records": None, "max_bytes": _ONE_SHARD}
