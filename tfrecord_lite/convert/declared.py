"""What a schema has of examples, where they are taken one by one: its features, and no others.

    an example as `decode_example` gives it  ->  the same with the schema's features, each of them as it is declared

Raises FeatureError where a feature is of another kind, or holds another number of values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.feature_schema import DTYPE_NAMES, FeatureSchema
from tfrecord_lite.format.schema import Schema
from tfrecord_lite.format.value_types import type_of


def declared_example(example: Mapping[str, Any], schema: Mapping[str, FeatureSchema]) -> dict[str, Any]:
    """The features of an example that a schema has."""
    found = {name: value for name, value in example.items() if name in schema}
    for name, value in found.items():
        _check(value, schema[name], name)
    return found


def declared_lists(feature_lists: Mapping[str, list[Any]], schema: Schema) -> dict[str, list[Any]]:
    """The feature lists of a SequenceExample that a schema has."""
    found = {name: steps for name, steps in feature_lists.items() if name in schema.feature_lists}
    for name, steps in found.items():
        for number, step in enumerate(steps):
            _check(step, schema.feature_lists[name].step, f"{name}[{number}]")
    return found


def _check(value: Any, feature: FeatureSchema, name: str) -> None:
    if value is None or feature.dtype is None:
        return
    dtype = DTYPE_NAMES[type_of(value)]
    if dtype != feature.dtype:
        raise FeatureError(f"is {dtype}, not {feature.dtype}", name)
    if feature.shape is not None and len(value) != (size := math.prod(feature.shape)):
        raise FeatureError(f"holds {len(value)} values, not {size}", name)
