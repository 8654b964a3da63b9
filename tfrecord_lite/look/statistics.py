"""Statistics: what the features of examples hold, in one pass and bounded memory.

    examples, as decode_example gives them -> StatisticsSketch -> Statistics
      FeatureStatistics      of each feature: in how many records it is, absent, without a kind
        KindValues           of each kind in which it was met: how many values a record holds, and
          Numbers            of int64 and float32, see `numbers`
          BytesValues        of bytes: sizes, encodings, the most frequent ones, and
            ImageStatistics  what the headers of image files say

The values of a feature are collected and judged many at once, which takes a fraction of the time where they are small.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import chain
from typing import Any

import numpy as np

from tfrecord_lite.format.encodings import UTF8, image_encoding, share_encoding, text_of
from tfrecord_lite.format.feature_schema import DTYPE_NAMES
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING
from tfrecord_lite.look.images import image_facts
from tfrecord_lite.look.numbers import FEW, Numbers, NumberSketch
from tfrecord_lite.look.sketches import FrequentValues

#: As many records, or as many bytes in them, wait to be judged.
_MAX_WAITING_RECORDS = 8192
_MAX_WAITING_BYTES = 8 << 20
#: Longer bytes are no classes or names: they are not counted one by one.
_MAX_COUNTED_SIZE = 128
#: Names can be made up by whoever writes a file; a few kilobytes are kept for each.
_MAX_FEATURES = 10_000
#: What bytes are that are neither text nor an image.
OTHER = "other"


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


class StatisticsSketch:
    """Takes examples as `decode_example` gives them, gives Statistics."""

    def __init__(self) -> None:
        self._records = self._left_out = 0
        self._features: dict[str, _FeatureSketch] = {}
        self._waiting_records = self._waiting_bytes = 0

    def add(self, example: Mapping[str, Any]) -> None:
        """Take one example."""
        size = 0
        for name, value in example.items():
            feature = self._features.get(name)
            if feature is None:
                if len(self._features) >= _MAX_FEATURES:
                    self._left_out += 1
                    continue
                feature = self._features[name] = _FeatureSketch()
            feature.waiting.append(value)
            if value.__class__ is list:
                size += sum(map(len, value))
            elif value is not None:
                size += value.nbytes
        self._waiting_records += 1
        self._waiting_bytes += size
        if self._waiting_records >= _MAX_WAITING_RECORDS or self._waiting_bytes >= _MAX_WAITING_BYTES:
            self._judge_waiting()

    def statistics(self) -> Statistics:
        """What is known so far."""
        self._judge_waiting()
        features = (sketch.statistics(name, self._records) for name, sketch in sorted(self._features.items()))
        return Statistics(self._records, tuple(features), self._left_out)

    def _judge_waiting(self) -> None:
        for feature in self._features.values():
            feature.judge_waiting()
        self._records += self._waiting_records
        self._waiting_records = self._waiting_bytes = 0


def statistics_of(examples: Iterable[Mapping[str, Any]]) -> Statistics:
    """Statistics of examples as `decode_example` gives them."""
    sketch = StatisticsSketch()
    for example in examples:
        sketch.add(example)
    return sketch.statistics()


class _FeatureSketch:
    """What was seen of one feature so far.

    Attributes:
        waiting: values that were not judged yet.
    """

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self._kindless = 0
        self._kinds: dict[str, _KindSketch] = {}

    def judge_waiting(self) -> None:
        if not self.waiting:
            return
        by_kind: dict[str, list[Any]] = {}
        found = [value for value in self.waiting if value is not None]
        self._kindless += len(self.waiting) - len(found)
        texts = [value for value in found if value.__class__ is list]
        if texts:
            by_kind[DTYPE_NAMES[STRING]] = texts
        if len(texts) < len(found):
            arrays = [value for value in found if value.__class__ is not list]
            for kind in (FLOAT32, INT64):
                of_kind = [array for array in arrays if array.dtype.kind == kind.dtype.kind]
                if of_kind:
                    by_kind[DTYPE_NAMES[kind]] = of_kind
        for dtype, lists in by_kind.items():
            if dtype not in self._kinds:
                is_bytes = dtype == DTYPE_NAMES[STRING]
                self._kinds[dtype] = _KindSketch(_BytesSketch() if is_bytes else _NumbersSketch())
            self._kinds[dtype].add(lists)
        self.waiting = []

    def statistics(self, name: str, records: int) -> FeatureStatistics:
        kinds = {dtype: sketch.values() for dtype, sketch in sorted(self._kinds.items())}
        absent = records - self._kindless - sum(kind.records for kind in kinds.values())
        return FeatureStatistics(name, kinds, self._kindless, absent)


class _NumbersSketch:
    def __init__(self) -> None:
        self._sketch = NumberSketch()

    def add(self, lists: list[Any]) -> None:
        self._sketch.add(np.concatenate(lists))

    def values(self) -> Numbers:
        return self._sketch.numbers()


class _BytesSketch:
    def __init__(self) -> None:
        self._count = self._uncounted = self._unreadable = 0
        self._sizes, self._widths, self._heights = NumberSketch(), NumberSketch(), NumberSketch()
        self._encodings: Counter[str] = Counter()
        self._frequent, self._image_sizes = FrequentValues(), FrequentValues()
        self._modes: Counter[str] = Counter()

    def add(self, lists: list[list[bytes]]) -> None:
        values = list(chain.from_iterable(lists))
        if not values:
            return
        self._count += len(values)
        self._sizes.add(np.fromiter(map(len, values), np.int64, len(values)))
        short = [value for value in values if len(value) <= _MAX_COUNTED_SIZE]
        self._uncounted += len(values) - len(short)
        self._frequent.add(Counter(short).items())
        if share_encoding(values, UTF8):
            self._encodings[UTF8] += len(values)
            return
        images = []
        for value in values:
            encoding = image_encoding(value)
            if encoding is not None:
                images.append(value)
            elif share_encoding([value], UTF8):
                encoding = UTF8
            self._encodings[encoding or OTHER] += 1
        if images:
            self._add_images(images)

    def _add_images(self, images: list[bytes]) -> None:
        known = [facts for facts in map(image_facts, images) if facts is not None]
        sound = [facts for facts in known if not facts.problem]
        self._unreadable += len(known) - len(sound)
        self._widths.add(np.array([facts.width for facts in sound], np.int64))
        self._heights.add(np.array([facts.height for facts in sound], np.int64))
        self._image_sizes.add(Counter(f"{facts.width}x{facts.height}" for facts in sound).items())
        self._modes.update(facts.mode for facts in sound)

    def values(self) -> BytesValues:
        counted = {encoding: count for encoding, count in self._encodings.items() if encoding not in (UTF8, OTHER)}
        images = None
        if counted:
            images = ImageStatistics(
                count=sum(counted.values()),
                sizes=self._image_sizes.most_frequent(FEW),
                modes=tuple(self._modes.most_common()),
                widths=self._widths.numbers(),
                heights=self._heights.numbers(),
                unreadable=self._unreadable,
            )
        return BytesValues(
            count=self._count,
            sizes=self._sizes.numbers(),
            encodings=tuple(self._encodings.most_common()),
            frequent=self._frequent.most_frequent(FEW),
            frequent_error=self._frequent.error,
            distinct=None if self._uncounted else self._frequent.distinct,
            images=images,
        )


class _KindSketch:
    """What was seen of one kind of one feature so far."""

    def __init__(self, sketch: _NumbersSketch | _BytesSketch) -> None:
        self._sketch = sketch
        self._records = 0
        self._lengths = NumberSketch()

    def add(self, lists: list[Any]) -> None:
        self._records += len(lists)
        self._lengths.add(np.fromiter(map(len, lists), np.int64, len(lists)))
        self._sketch.add(lists)

    def values(self) -> KindValues:
        return KindValues(self._records, self._lengths.numbers(), self._sketch.values())


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
