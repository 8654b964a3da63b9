"""Schema: what a data set holds, feature by feature, written by hand or inferred from its records.

As JSON, where of each feature only "dtype" and "shape" (null: any number of values) need to be there:

    {"schema_version": 1, "records": 100, "features": {
      "label": {"dtype": "int64", "shape": []},
      "tokens": {"dtype": "int64", "shape": null, "missing": "absent",
                 "kinds": {"int64": {"records": 98, "min_length": 3, "max_length": 90}}, "absent": 2}
    }}

SequenceExamples have feature lists beside the features of their context:

    "feature_lists": {"words": {"step": {"dtype": "bytes", "shape": []}, "records": 9, "min_steps": 3, "max_steps": 20}}

As features for `parse_example` or `parse_sequence_example`, and as the same in Python for a script with TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfrecord_lite.errors import FeatureError, counted
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema, is_count
from tfrecord_lite.format.features import FixedLenFeature, FixedLenSequenceFeature, RaggedFeature
from tfrecord_lite.format.schema_table import HEADINGS, LIST_HEADINGS, feature_rows, html_table, list_rows, table

#: To be raised when a reader of the present form could misunderstand the JSON.
SCHEMA_VERSION = 1

_TENSORFLOW_DTYPES = {"int64": "tf.int64", "float32": "tf.float32", "bytes": "tf.string"}


class Schema(Mapping[str, FeatureSchema]):
    """What is known of a data set: a mapping {name: FeatureSchema}. Printed, it is a table.

    Args:
        features: a FeatureSchema for each feature; of SequenceExamples for each of their context.
        records: how many records have been looked at.
        feature_lists: a FeatureListSchema for each feature list of SequenceExamples.

    Attributes:
        records: as given.
        feature_lists: {name: FeatureListSchema}; empty where there are Examples only.

    Raises:
        FeatureError: two features, or two lists, have the same name.
    """

    def __init__(
        self, features: Iterable[FeatureSchema], records: int = 0, feature_lists: Iterable[FeatureListSchema] = ()
    ) -> None:
        self._features: dict[str, FeatureSchema] = _by_name(features, "features")
        self.records = records
        self.feature_lists: Mapping[str, FeatureListSchema] = _by_name(feature_lists, "feature lists")

    def __getitem__(self, name: str) -> FeatureSchema:
        return self._features[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        mine = self.records, self._features, self.feature_lists
        return mine == (other.records, other._features, other.feature_lists)

    __hash__ = None  # type: ignore[assignment]  # like other mappings

    def __repr__(self) -> str:
        return f"<Schema: {self._counts()}, {counted(self.records, 'record')}>"

    def __str__(self) -> str:
        text = [self._summary()]
        if len(self):
            text += table(HEADINGS, feature_rows(self.values()))
        if self.feature_lists:
            text += ["", *table(LIST_HEADINGS, list_rows(self.feature_lists.values()))]
        return "\n".join(text)

    def _repr_html_(self) -> str:
        """The tables of `str`, for a notebook."""
        page = html_table(f"Schema: {self._summary()}", HEADINGS, feature_rows(self.values()))
        if self.feature_lists:
            page += html_table("Feature lists", LIST_HEADINGS, list_rows(self.feature_lists.values()))
        return page

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

    @property
    def sequence_features(self) -> dict[str, FixedLenSequenceFeature | RaggedFeature]:
        """{name: feature} of the feature lists, for `parse_sequence_example` beside `features` for the context.

        Raises:
            FeatureError: the steps of a list were met in several kinds.
        """
        features = {name: each.feature for name, each in self.feature_lists.items()}
        return {name: feature for name, feature in features.items() if feature is not None}

    def to_tensorflow(self) -> str:
        """`features` as Python, for a script in which `tf` is TensorFlow: `features = {...}`.

        With feature lists two dicts, under the names of the arguments of tf.io.parse_sequence_example.

        Raises:
            FeatureError: as for `features` and `sequence_features`.
        """
        context = _as_python("context_features" if self.feature_lists else "features", self.features)
        lists = _as_python("sequence_features", self.sequence_features) if self.feature_lists else []
        return "\n".join([*context, *lists])

    def to_json(self) -> str:
        """The schema as JSON in ASCII, a feature a line. `from_json` gives an equal one."""
        lists = f', "feature_lists": {_as_lines(self.feature_lists)}' if self.feature_lists else ""
        records, features = self.records, _as_lines(self._features)
        return f'{{"schema_version": {SCHEMA_VERSION}, "records": {records}, "features": {features}{lists}}}'

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that `to_json`, or somebody, wrote. All but "features" may be left out.

        Raises:
            FeatureError: it is no JSON, or no schema, or one of a later version.
        """
        import json

        try:
            given = json.loads(text, object_pairs_hook=json_object, parse_constant=_no_number)
        except RecursionError:
            raise FeatureError("not a schema: nested too deeply") from None
        except ValueError as error:
            raise FeatureError(f"not a schema: {error}") from None
        if not isinstance(given, dict):
            raise FeatureError(f"not a schema: a {type(given).__name__} instead of an object")
        if given.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise FeatureError(f"a schema of version {given['schema_version']!r}; known is {SCHEMA_VERSION}")
        unknown = given.keys() - {"schema_version", "records", "features", "feature_lists"}
        if unknown:
            raise FeatureError(f"not a schema: {min(unknown)!r} is not known")
        if not isinstance(given.get("features"), dict):
            raise FeatureError('not a schema: "features" is no object, or missing')
        lists = given.get("feature_lists", {})
        if not isinstance(lists, dict):
            raise FeatureError('not a schema: "feature_lists" is no object')
        records = given.get("records", 0)
        if not is_count(records):
            raise FeatureError(f"not a schema: records is a number of records, not {records!r}")
        features = [FeatureSchema.from_dict(name, feature) for name, feature in given["features"].items()]
        return cls(features, records, [FeatureListSchema.from_dict(name, each) for name, each in lists.items()])

    def _parsed(self) -> Iterator[FeatureSchema]:
        """The features that can be parsed."""
        for name, feature in self.items():
            if feature.is_mixed:
                seen = feature.kinds.items()
                counts = ", ".join(f"{dtype} in {counted(of.records, 'record')}" for dtype, of in seen)
                raise FeatureError(f"met in several kinds, which cannot be parsed: {counts}", name)
            if feature.dtype is not None:
                yield feature

    def _summary(self) -> str:
        return f"{self._counts()}, {counted(self.records, 'record')} looked at"

    def _counts(self) -> str:
        """How many features and feature lists there are."""
        features, lists = len(self), len(self.feature_lists)
        more = f", {counted(lists, 'feature list')} of SequenceExamples" if lists else ""
        return f"{counted(features, 'feature')}{more}"


def _by_name(given: Iterable[Any], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in given:
        if each.name in found:
            raise FeatureError(f"there are two {what} of this name", each.name)
        found[each.name] = each
    return found


def _as_lines(given: Mapping[str, Any]) -> str:
    """JSON of an object, what is in it a line each."""
    import json  # only for JSON: a command that prints for people starts sooner

    lines = [f"  {json.dumps(name)}: {json.dumps(each.as_dict())}" for name, each in given.items()]
    return "{\n" + ",\n".join(lines) + "\n}" if lines else "{}"


def _as_python(name: str, features: Mapping[str, Any]) -> list[str]:
    """The lines of `NAME = {...}`."""
    lines = [f"    {_quoted(key)}: tf.io.{_called(feature)}," for key, feature in features.items()]
    return [f"{name} = {{", *lines, "}"]


def _called(feature: FixedLenFeature | FixedLenSequenceFeature | RaggedFeature) -> str:
    dtype, name = _TENSORFLOW_DTYPES[feature.dtype], type(feature).__name__
    if isinstance(feature, RaggedFeature):
        return f"{name}({dtype})"
    allowed = ", allow_missing=True" if isinstance(feature, FixedLenSequenceFeature) and feature.allow_missing else ""
    return f"{name}({feature.shape}, {dtype}{allowed})"


def json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in JSON. Raises ValueError: a name stands twice in it, and one of the two would be lost."""
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
