"""What is known of one feature: its declaration (dtype, shape, how it is missing), and what was seen of it.

    FeatureSchema           the declaration, and of each kind in which the feature was met:
      KindStatistics        how often, how long, which values

A feature of one kind has a dtype. One that was met in several kinds has none and cannot be parsed; one that had no kind
in any record has none either, and there is nothing to parse.

For JSON each is a dict of its attributes, without the name and without what is as if nothing had been looked at. Only
"dtype" and "shape" need to be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.encodings import ENCODINGS, RAW
from tfrecord_lite.format.example import encode_key
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING, value_type

#: What a missing value can be written as: not at all, or as a feature without a kind.
ABSENT, KINDLESS = "absent", "kindless"
#: What the three types are called in a schema.
DTYPE_NAMES = {INT64: "int64", FLOAT32: "float32", STRING: "bytes"}


@dataclass(frozen=True)
class KindStatistics:
    """What was seen of a feature in the records in which it holds one kind.

    Attributes:
        records: how many those are.
        min_length, max_length: values in the shortest and in the longest list.
        min_value, max_value: the least and the greatest of the numbers, of float32 those that are finite; None for
            bytes, and if there are none.
        non_finite: numbers that are NaN or infinite.
        min_size, max_size: bytes in the shortest and in the longest value; None for numbers, and if there are none.
        encoding: what all values seem to be: "PNG", "JPEG", "GIF", "WebP", "BMP", "UTF-8", or "raw" if they are none
            of these and all of one size. None if a single value, an empty one too, is something else.
    """

    records: int
    min_length: int
    max_length: int
    min_value: int | float | None = None
    max_value: int | float | None = None
    non_finite: int = 0
    min_size: int | None = None
    max_size: int | None = None
    encoding: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        values = {attribute: getattr(self, attribute.name) for attribute in fields(self)}
        return {attribute.name: value for attribute, value in values.items() if value != attribute.default}


@dataclass(frozen=True)
class FeatureSchema:
    """What is known of one feature.

    Attributes:
        name: of the feature.
        dtype: "int64", "float32" or "bytes", and given in any way that FixedLenFeature takes; None if the feature was
            met in several kinds, or in none.
        shape: dimensions of one record's values, () for a single one; None for any number of values.
        missing: what a missing value is written as: "absent" (not at all) or "kindless" (a feature without a kind).
        kinds: {dtype: KindStatistics} of every kind that was seen; empty if nothing was looked at.
        kindless: records in which the feature has no kind.
        absent: records in which it is not there.

    Raises:
        FeatureError: the name is not text, or there is no such dtype, shape or way to be missing.
        TypeError: what is given as dtype or shape is none.
    """

    name: str
    dtype: Any
    shape: tuple[int, ...] | None
    missing: str = KINDLESS
    kinds: Mapping[str, KindStatistics] = field(default_factory=dict)
    kindless: int = 0
    absent: int = 0

    def __post_init__(self) -> None:
        encode_key(self.name)
        if self.dtype is not None:
            object.__setattr__(self, "dtype", DTYPE_NAMES[value_type(self.dtype)])
        if self.shape is not None:
            object.__setattr__(self, "shape", tuple(self.shape))
            if not all(is_count(size) for size in self.shape):
                raise FeatureError(f"a shape is a list of numbers of values, or None, not {self.shape}", self.name)
        if self.missing not in (ABSENT, KINDLESS):
            raise FeatureError(f"a missing value is {ABSENT} or {KINDLESS}, not {self.missing!r}", self.name)

    @property
    def is_mixed(self) -> bool:
        """Whether the feature was met in several kinds."""
        return len(self.kinds) > 1

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape if no record was seen without the feature or its kind, otherwise None."""
        return None if self.kindless or self.absent else self.shape

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shape = None if self.shape is None else list(self.shape)
        declared = {"dtype": self.dtype, "shape": shape, "missing": self.missing}
        kinds = {dtype: statistics.as_dict() for dtype, statistics in self.kinds.items()}
        seen = {"kinds": kinds, "kindless": self.kindless, "absent": self.absent}
        return declared | {attribute: value for attribute, value in seen.items() if value}

    @classmethod
    def from_dict(cls, name: str, given: Any) -> FeatureSchema:
        """What `as_dict` gave, or somebody wrote.

        Raises:
            FeatureError: it is something else.
        """
        check_names(given, {"dtype", "shape"}, cls, name)
        if given["dtype"] not in (None, *DTYPE_NAMES.values()):
            raise FeatureError(f"a dtype is int64, float32, bytes or null, not {given['dtype']!r}", name)
        if not isinstance(given["shape"], (list, type(None))):
            raise FeatureError(f"a shape is a list or null, not {given['shape']!r}", name)
        for count in ("kindless", "absent"):
            if not is_count(given.get(count, 0)):
                raise FeatureError(f"{count} is a number of records, not {given[count]!r}", name)
        kinds = given.get("kinds", {})
        if not isinstance(kinds, dict) or not kinds.keys() <= set(DTYPE_NAMES.values()):
            raise FeatureError("kinds are an object with int64, float32 or bytes in it", name)
        statistics = {dtype: _statistics(kind, dtype, name) for dtype, kind in kinds.items()}
        return cls(name, **given | {"kinds": statistics})


def _statistics(given: Any, dtype: str, name: str) -> KindStatistics:
    check_names(given, {"records", "min_length", "max_length"}, KindStatistics, name)
    for attribute, value in given.items():
        if attribute == "encoding":
            is_right = value in (*ENCODINGS, RAW)
        elif attribute in ("min_value", "max_value"):
            is_right = _is_number(value, dtype)
        else:
            is_right = is_count(value)
        if not is_right:
            raise FeatureError(f"{value!r} is no {attribute}", name)
    return KindStatistics(**given)


def check_names(given: Any, needed: set[str], cls: type[Any], name: str) -> None:
    """Raise unless `given` is a dict with what is needed and nothing but attributes of the class."""
    if not isinstance(given, dict):
        raise FeatureError(f"a {cls.__name__} is an object, not a {type(given).__name__}", name)
    known = {attribute.name for attribute in fields(cls)} - {"name"}
    for problem, names in (("is missing", needed - given.keys()), ("is not known", given.keys() - known)):
        if names:
            raise FeatureError(f"{min(names)!r} {problem}", name)


def _is_number(value: Any, dtype: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if dtype == "float32":
        return abs(value) <= float(np.finfo(np.float32).max)
    return isinstance(value, int) and -(2**63) <= value < 2**63


def is_count(value: Any) -> bool:
    """Whether it is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
