"""Values that every engine is to write as the same records: what is missing, null, empty, or there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import tfrecord_lite as tfr
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema

COLUMNS = pa.schema(
    [
        ("id", pa.int64()),
        ("flag", pa.bool_()),
        ("label", pa.int64()),
        ("ratio", pa.float32()),
        ("name", pa.string()),
        ("tokens", pa.list_(pa.int64())),
        ("floats", pa.list_(pa.float32())),
        ("words", pa.list_(pa.binary())),
    ]
)
#: For an engine that makes doubles of all floats, and the like.
SCHEMA = tfr.Schema([replace(feature, missing="absent") for feature in tfr.schema_from_arrow(COLUMNS).values()])
#: With two features more, which no row has.
MORE = tfr.Schema(
    [*SCHEMA.values(), FeatureSchema("nowhere", "int64", ()), FeatureSchema("gone", "bytes", None, "absent")]
)
#: What a schema is not, and what every engine says of it, at the call.
NO_SCHEMA: Any = {"id": tfr.FixedLenFeature([], "int64")}
NO_SCHEMA_PROBLEM = "^schema is a tfrecord_lite.Schema, .*, not a dict of tfrecord_lite.FixedLenFeature$"
_RAW = "^a schema is of features, and records of the type ByteArray have none$"
_EMPTY = "^the schema has no features, and nothing would be left of the records$"
_STEPS = [FeatureListSchema(FeatureSchema("steps", "int64", None))]
#: (record_type, schema, the error, its text) of what every engine refuses at the call, whether it reads or writes.
REFUSED_SCHEMAS: list[tuple[str, Any, type[Exception], str]] = [
    ("Example", NO_SCHEMA, TypeError, NO_SCHEMA_PROBLEM),
    ("Example", tfr.Schema([]), tfr.FeatureError, _EMPTY),
    ("Example", {}, tfr.FeatureError, _EMPTY),
    ("Example", tfr.Schema([], feature_lists=_STEPS), tfr.FeatureError, _EMPTY),
    ("SequenceExample", tfr.Schema([]), tfr.FeatureError, _EMPTY),
    ("ByteArray", SCHEMA, ValueError, _RAW),
    ("ByteArray", dict(SCHEMA), ValueError, _RAW),
    ("ByteArray", tfr.Schema([]), ValueError, _RAW),
]
#: (paths, the error, its text) of what every engine refuses to read, at the call.
REFUSED_PATHS: list[tuple[Any, type[Exception], str]] = [
    ([], ValueError, "^there is no path: the list of paths is empty$"),
    ((), ValueError, "^there is no path: the list of paths is empty$"),
    (3, TypeError, "^paths are str, PathLike, file objects or a sequence of them, not int$"),
]
#: What every engine says of data without a column, at the call.
NO_COLUMNS_PROBLEM = "^a DataFrame without columns has nothing to write$"
#: (records of a bag or PCollection of the type ByteArray, what is said of the last one).
NO_RECORDS: list[tuple[list[Any], str]] = [
    ([b"a", "b"], r"a record is bytes-like and contiguous, not str \(encode the text first\)$"),
    ([b"a", 3], "a record is bytes-like and contiguous, not int$"),
    ([b"a", None], "a record is bytes-like and contiguous, not NoneType$"),
]
TABLE = pa.Table.from_pylist(
    [
        {"id": 0, "flag": True, "label": 7, "ratio": 0.5, "name": "ä", "tokens": [], "floats": [], "words": []},
        {"id": 1, "flag": None, "label": None, "ratio": None, "name": None, "tokens": None, "floats": None},
        {"id": 2, "flag": False, "label": -1, "ratio": 2.0, "name": "", "tokens": [1], "floats": [1], "words": [b""]},
    ],
    COLUMNS,
)


def as_rows() -> list[dict[str, Any]]:
    """The same as examples in Python."""
    return list(TABLE.to_pylist())


def as_records(**more: Any) -> list[bytes]:
    """What every engine is to write: a null is no feature, and [] a list of the kind that others have.

    Args:
        more: features of each record.
    """
    kinds = {"tokens": "int64", "floats": "float32", "words": object}
    return [
        tfr.encode_example(
            {
                name: np.empty(0, kinds[name]) if value == [] else value
                for name, value in row.items()
                if value is not None
            }
            | more
        )
        for row in as_rows()
    ]


def as_more_records() -> list[bytes]:
    """The same with the schema MORE."""
    return as_records(nowhere=None)


def write_sequences(path: Path) -> str:
    """A file of Examples with an index whose record #60 is a SequenceExample; what whoever reads Examples says of it.

    Every record has the feature `id`, of int64.
    """
    records = [tfr.encode_example({"id": number}) for number in range(100)]
    records[60] = tfr.encode_sequence_example({"id": 60}, {"steps": [[1], [2]]})
    with tfr.TFRecordWriter(path, index=True) as writer:
        for record in records:
            writer.write(record)
    where = f"{path}: record #60 at offset {sum(len(record) + 16 for record in records[:60])}: "
    return re.escape(where) + ".*a SequenceExample, of which the feature lists have no place here"
