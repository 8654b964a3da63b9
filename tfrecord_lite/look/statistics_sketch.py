"""StatisticsSketch: examples -> Statistics, in one pass and bounded memory.

The values of a feature are collected and judged many at once, which takes a fraction of the time where they are small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from tfrecord_lite.format.encodings import UTF8, image_encoding, share_encoding
from tfrecord_lite.format.feature_schema import DTYPE_NAMES
from tfrecord_lite.format.value_types import FLOAT32, INT64, STRING
from tfrecord_lite.look.images import image_facts
from tfrecord_lite.look.numbers import FEW, Numbers, NumberSketch
from tfrecord_lite.look.sketches import FrequentValues
from tfrecord_lite.look.statistics import BytesValues, FeatureStatistics, ImageStatistics, KindValues, Statistics

#: As many records, or as many bytes in them, wait to be judged.
_MAX_WAITING_RECORDS = 8192
_MAX_WAITING_BYTES = 8 << 20
#: Longer bytes are no classes or names: they are not counted one by one.
_MAX_COUNTED_SIZE = 128
#: Names can be made up by whoever writes a file; a few kilobytes are kept for each.
_MAX_FEATURES = 10_000
#: What bytes are that are neither text nor an image.
OTHER = "other"


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
