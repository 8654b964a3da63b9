"""The kinds of columns: those of all blocks of a set are to be one, or a reader has no schema for all shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfrecord_lite.adapters.arrow import schema_from_arrow
from tfrecord_lite.adapters.arrow_sequences import sequence_schema_from_arrow
from tfrecord_lite.errors import FeatureError

if TYPE_CHECKING:
    import pyarrow as pa


def column_kinds(columns: pa.Schema, record_type: str) -> dict[str, str]:
    """{column: dtype}, but for columns of nothing but nulls."""
    schema = sequence_schema_from_arrow(columns) if record_type == "SequenceExample" else schema_from_arrow(columns)
    features = [*schema.items(), *((name, each.step) for name, each in schema.feature_lists.items())]
    return {name: feature.dtype for name, feature in features if feature.dtype is not None}


def unite_kinds(kinds: dict[str, str], others: dict[str, str]) -> None:
    """Add the kinds of another block.

    Raises:
        FeatureError: a column has another one there, and a reader would have no schema for all shards.
    """
    for name, dtype in others.items():
        if kinds.setdefault(name, dtype) != dtype:
            raise FeatureError(f"is {kinds[name]} in one block, and {dtype} in another: give a schema", name)
