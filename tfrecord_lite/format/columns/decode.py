"""Many serialized Examples -> columns, as the features ask.

`decode_columns` gives what `parse_example` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.batch import Batch
from tfrecord_lite.format.bytes_array import as_blobs
from tfrecord_lite.format.parsing import example_plan, example_rows
from tfrecord_lite.format.rows import results

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: How bytes are given.
BytesAs = Literal["objects", "blob"]


def decode_columns(
    records: Iterable[Buffer],
    features: Mapping[str, Any],
    *,
    bytes_as:
    #: How bytes are given.
    BytesAs = "objects",
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
    check_bytes_as(bytes_as)
    plan = example_plan(features)
    batch = Batch.of(records)
    if batch.is_single:
        raise FeatureError("decode_columns takes many records, not one")
    columns = results(plan, example_rows(plan, batch), is_single=False)
    return columns if bytes_as == "objects" else {name: as_blobs(values) for name, values in columns.items()}


def check_bytes_as(bytes_as: str) -> None:
    """Raise ValueError unless it is one of BytesAs."""
    if bytes_as not in ("objects", "blob"):
        raise ValueError(f"bytes_as is 'objects' or 'blob', not {bytes_as!r}")
