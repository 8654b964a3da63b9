"""Schema: what a data set holds, feature by feature, written by hand or inferred from its records.

As JSON, where of each feature only "dtype" and "shape" (null: any number of values) need to be there:

    {"schema_version": 1, "records": 100, "features": {
      "label": {"dtype": "int64", "shape": []},
      "tokens": {"dtype": "int64", "shape": null, "missing": "absent",
                 "kinds": {"int64": {"records": 98, "min_length": 3, "max_length": 90}}, "absent": 2}
    }}

As features for `parse_example`, and as the same in Python for a script that uses TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError, printable
from tfrecord_lite.format.feature_schema import FeatureSchema, KindStatistics, is_count
from tfrecord_lite.format.features import FixedLenFeature, RaggedFeature

#: To be raised when a reader of the present form could misunderstand the JSON.
SCHEMA_VERSION = 1

_TENSORFLOW_DTYPES = {"int64": "tf.int64", "float32": "tf.float32", "bytes": "tf.string"}
_HEADINGS = ("name", "dtype", "shape", "records", "missing", "values", "encoding")
_WIDEST_COLUMN = 60


class Schema(Mapping[str, FeatureSchema]):
    """What is known of a data set: a mapping {name: FeatureSchema}. Printed, it is a table.

    Args:
        features: a FeatureSchema for each feature.
        records: how many records have been looked at.

    Raises:
        FeatureError: two features have the same name.
    """

    def __init__(self, features: Iterable[FeatureSchema], records: int = 0) -> None:
        self._features: dict[str, FeatureSchema] = {}
        for feature in features:
            if feature.name in self._features:
                raise FeatureError("there are two features of this name", feature.name)
            self._features[feature.name] = feature
        self.records = records

    def __getitem__(self, name: str) -> FeatureSchema:
        return self._features[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return self.records == other.records and self._features == other._features

    __hash__ = None  # type: ignore[assignment]  # like other mappings

    def __repr__(self) -> str:
        return f"<Schema: {len(self)} features, {self.records} records>"

    def __str__(self) -> str:
        rows = [_HEADINGS] + [row for feature in self.values() for row in _rows(feature)]
        # A very long name moves what stands behind it in its own line, not in all.
        widths = [min(max(map(len, column)), _WIDEST_COLUMN) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([f"{len(self)} features, {self.records} records looked at", *(lines if len(self) else [])])

    def _repr_html_(self) -> str:
        """The table of `str`, for a notebook."""
        from html import escape

        head = "".join(f'<th scope="col">{name}</th>' for name in _HEADINGS)
        rows = (row for feature in self.values() for row in _rows(feature))
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        caption = f"Schema: {len(self)} features, {self.records} records looked at"
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    @property
    def features(self) -> dict[str, FixedLenFeature | RaggedFeature]:
        """{name: feature} for `parse_example`, which takes every record that was looked at.

        A feature with the same number of values in every record is a FixedLenFeature. One with any number of them,
        or missing from some records, is a RaggedFeature (its row_splits int32, the default): there a missing one is
        an empty row, and no value has to be made up for it. A feature that had no kind in any record is left out.

        Raises:
            FeatureError: a feature was met in several kinds.
        """
        features: dict[str, FixedLenFeature | RaggedFeature] = {}
        for feature in self._parsed():
            dtype, shape = feature.dtype, feature.fixed_shape
            features[feature.name] = RaggedFeature(dtype) if shape is None else FixedLenFeature(list(shape), dtype)
        return features

    def to_tensorflow(self) -> str:
        """`features` as Python, for a script in which `tf` is TensorFlow: `features = {...}`.

        Raises:
            FeatureError: as for `features`.
        """
        lines = ["features = {"]
        for feature in self._parsed():
            dtype, shape = _TENSORFLOW_DTYPES[feature.dtype], feature.fixed_shape
            parsed = f"RaggedFeature({dtype})" if shape is None else f"FixedLenFeature({list(shape)}, {dtype})"
            lines.append(f"    {_quoted(feature.name)}: tf.io.{parsed},")
        return "\n".join([*lines, "}"])

    def to_json(self) -> str:
        """The schema as JSON in ASCII, a feature a line. `from_json` gives an equal one."""
        lines = [f"  {json.dumps(name)}: {json.dumps(feature.as_dict())}" for name, feature in self.items()]
        features = "\n" + ",\n".join(lines) + "\n" if lines else ""
        return f'{{"schema_version": {SCHEMA_VERSION}, "records": {self.records}, "features": {{{features}}}}}'

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that `to_json`, or somebody, wrote. "schema_version" and "records" may be left out.

        Raises:
            FeatureError: it is no JSON, or no schema, or one of a later version.
        """
        try:
            given = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise FeatureError(f"not a schema: {error}") from None
        if not isinstance(given, dict):
            raise FeatureError(f"not a schema: a {type(given).__name__} instead of an object")
        if given.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise FeatureError(f"a schema of version {given['schema_version']!r}; known is {SCHEMA_VERSION}")
        unknown = given.keys() - {"schema_version", "records", "features"}
        if unknown:
            raise FeatureError(f"not a schema: {min(unknown)!r} is not known")
        if not isinstance(given.get("features"), dict):
            raise FeatureError('not a schema: "features" is no object, or missing')
        records = given.get("records", 0)
        if not is_count(records):
            raise FeatureError(f"not a schema: records is a number of records, not {records!r}")
        return cls([FeatureSchema.from_dict(name, feature) for name, feature in given["features"].items()], records)

    def _parsed(self) -> Iterator[FeatureSchema]:
        """The features that can be parsed."""
        for name, feature in self.items():
            if feature.is_mixed:
                counts = ", ".join(f"{dtype} in {seen.records} records" for dtype, seen in feature.kinds.items())
                raise FeatureError(f"met in several kinds, which cannot be parsed: {counts}", name)
            if feature.dtype is not None:
                yield feature


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")


def _quoted(name: str) -> str:
    """The name as a Python literal, in the double quotes of the rest of the script where they need no escape."""
    literal = repr(name)
    return literal if {"'", '"'} & set(name) else f'"{literal[1:-1]}"'


def _rows(feature: FeatureSchema) -> list[tuple[str, ...]]:
    """The lines of the table about one feature: one for each kind that was seen."""
    name = printable(feature.name) or "(no name)"
    declared = None if feature.shape is None else str(list(feature.shape))
    counts = ((feature.absent, "absent"), (feature.kindless, "kindless"))
    missing = ", ".join(f"{count} {state}" for count, state in counts if count)
    if not feature.kinds:
        return [(name, feature.dtype or "no kind", declared or ("" if missing else "any"), "", missing, "", "")]
    return [
        (
            name,
            f"{dtype} (mixed)" if feature.is_mixed else dtype,
            declared or f"[{_span(seen.min_length, seen.max_length)}]",
            str(seen.records),
            missing,
            _values(dtype, seen),
            seen.encoding or "",
        )
        for dtype, seen in feature.kinds.items()
    ]


def _values(dtype: str, seen: KindStatistics) -> str:
    parts = []
    if seen.min_size is not None:
        parts.append(f"{_span(seen.min_size, seen.max_size)} bytes")
    if seen.min_value is not None:
        # The shortest decimals that are these float32, not the digits of the doubles beside them.
        shown = (np.float32(value) if dtype == "float32" else value for value in (seen.min_value, seen.max_value))
        parts.append(_span(*shown))
    if seen.non_finite:
        parts.append(f"{seen.non_finite} NaN or infinite")
    return ", ".join(parts)


def _span(low: Any, high: Any) -> str:
    return str(low) if low == high else f"{low!s} to {high!s}"
