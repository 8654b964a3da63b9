"""Statistics: what the features of examples hold, as `statistics_sketch` has found out.

Statistics
  FeatureStatistics      of each feature: in how many records it is, absent, without a kind
    KindValues           of each kind in which it was met: how many values a record holds, and
      Numbers            of int64 and float32, see `numbers`
      BytesValues        of bytes: sizes, encodings, the most frequent ones, and
        ImageStatistics  what the headers of image files say
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from tfrecord_lite.format.encodings import text_of
from tfrecord_lite.look.numbers import Numbers


@dataclass(frozen=True)
class ImageStatistics:
    """What the headers of the image files among some bytes say.

    Attributes:
        count: how many values begin as an image file.
        sizes: the most frequent ones, (("320x240", how many), ...).
        modes: the same of their colours.
        widths, heights: pixels of those whose header can be read.
        unreadable: how many headers cannot.
    """

    count: int
    sizes: tuple[tuple[str, int], ...]
    modes: tuple[tuple[str, int], ...]
    widths: Numbers
    heights: Numbers
    unreadable: int


@dataclass(frozen=True)
class BytesValues:
    """What is known of bytes.

    Attributes:
        count: how many values.
        sizes: of them in bytes.
        encodings: how many are "PNG", "JPEG", "GIF", "WebP", "BMP", "UTF-8" and "other", the most frequent first.
        frequent: the most frequent of those up to 128 bytes, and their counts.
        frequent_error: each of these counts is too low by this at most.
        distinct: how many different values there are; None if they are too many, or too long, to be counted.
        images: None if no value is an image file.
    """

    count: int
    sizes: Numbers
    encodings: tuple[tuple[str, int], ...]
    frequent: tuple[tuple[bytes, int], ...]
    frequent_error: int
    distinct: int | None
    images: ImageStatistics | None

    @property
    def is_constant(self) -> bool:
        """Whether all are the same."""
        return self.distinct == 1


@dataclass(frozen=True)
class KindValues:
    """What a feature holds in the records in which it is of one kind.

    Attributes:
        records: how many those are.
        lengths: how many values each of them holds.
        values: what they are.
    """

    records: int
    lengths: Numbers
    values: Numbers | BytesValues


@dataclass(frozen=True)
class FeatureStatistics:
    """What is known of one feature.

    Attributes:
        name: of the feature.
        kinds: {"int64", "float32" or "bytes": what it holds where it is of that kind}.
        kindless: records in which the feature has no kind.
        absent: records in which it is not there.
    """

    name: str
    kinds: Mapping[str, KindValues]
    kindless: int
    absent: int

    @property
    def present(self) -> int:
        """Records in which it has a kind."""
        return sum(kind.records for kind in self.kinds.values())

    @property
    def empty(self) -> int:
        """Records in which it is a list without values."""
        return sum(kind.lengths.zeros for kind in self.kinds.values())


@dataclass(frozen=True)
class Statistics:
    """What is known of the features of many examples.

    Attributes:
        records: how many examples were looked at.
        features: in the order of their names.
        left_out: how often features were met that are not among these, because the first 10,000 are kept.
    """

    records: int
    features: tuple[FeatureStatistics, ...]
    left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON: bytes are text, or {"base64": ...} where they are none."""
        return {
            "records": self.records,
            "left_out": self.left_out,
            "features": {feature.name: _as_json(feature) for feature in self.features},
        }


def _as_json(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        text = text_of(value)
        return {"base64": base64.b64encode(value).decode("ascii")} if text is None else text
    return value
