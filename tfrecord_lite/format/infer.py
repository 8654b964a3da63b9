"""SchemaSketch, schema_of: the schema that decoded examples follow, in one pass and bounded memory.

    examples {name: list[bytes] | float32 array | int64 array | None}, as decode_example gives them  ->  Schema

What is declared follows from what was seen:

    dtype      of the one kind in which the feature was met; None if there were several, or none
    shape      () or (n,) if every list holds the same number n of values and n is not 0; otherwise None
    missing    "absent" if the feature was absent from a record, and in no record without a kind; otherwise "kindless"

The values of a feature are collected and judged many at once, which takes a fraction of the time where they are small.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from tfrecord_lite.format.encodings import ENCODINGS, RAW, share_encoding
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import ABSENT, DTYPE_NAMES, KINDLESS, FeatureSchema, KindStatistics
from tfrecord_lite.format.schema import Schema
from tfrecord_lite.format.value_types import STRING, type_of

# As many lists of a feature, or as many bytes in them, wait to be judged: enough for the cost of calling numpy to
# vanish, and little memory even for hundreds of features.
_MAX_WAITING_LISTS = 512
_MAX_WAITING_BYTES = 1 << 16


def schema_of(examples: Iterable[Mapping[str, Any]]) -> Schema:
    """The schema of examples as `decode_example` gives them, features in the order of their names."""
    sketch = SchemaSketch()
    for example in examples:
        sketch.add(example)
    return sketch.schema()


class SchemaSketch:
    """Takes examples, and of SequenceExamples the feature lists as well; gives their Schema."""

    def __init__(self) -> None:
        self._features: dict[str, _SeenFeature] = {}
        self._lists: dict[str, _SeenList] = {}
        self._records = 0

    def add(self, example: Mapping[str, Any]) -> None:
        """An example, or the context of a SequenceExample, as `decode_example` gives it."""
        self._records += 1
        features = self._features
        for name, value in example.items():
            feature = features.get(name)
            if feature is None:
                feature = features[name] = _SeenFeature()
            feature.add(value)

    def add_lists(self, feature_lists: Mapping[str, list[Any]]) -> None:
        """The feature lists of a record whose context was added, as `decode_sequence_example` gives them."""
        for name, steps in feature_lists.items():
            if name not in self._lists:
                self._lists[name] = _SeenList()
            self._lists[name].add(steps)

    def schema(self) -> Schema:
        """What follows from them, features and lists in the order of their names."""
        features = [feature.schema(name, self._records) for name, feature in sorted(self._features.items())]
        lists = [seen.schema(name, self._records) for name, seen in sorted(self._lists.items())]
        return Schema(features, self._records, lists)


class _SeenList:
    """What was seen of one feature list so far."""

    def __init__(self) -> None:
        self._step = _SeenFeature()
        self._lengths = _Range()
        self._steps = self._records = 0

    def add(self, steps: list[Any]) -> None:
        self._records += 1
        self._steps += len(steps)
        self._lengths.include([len(steps)])
        for step in steps:
            self._step.add(step)

    def schema(self, name: str, records: int) -> FeatureListSchema:
        """What follows after so many records."""
        step, lengths = self._step.schema(name, self._steps), self._lengths
        return FeatureListSchema(step, self._records, records - self._records, lengths.low, lengths.high)


class _SeenFeature:
    """What was seen of one feature so far."""

    def __init__(self) -> None:
        self._kindless = 0
        self._kinds: dict[str, _SeenKind] = {}

    def add(self, value: Any) -> None:
        if value is None:
            self._kindless += 1
            return
        kind = type_of(value)
        dtype = DTYPE_NAMES[kind]
        if dtype not in self._kinds:
            self._kinds[dtype] = _SeenBytes() if kind is STRING else _SeenNumbers()
        self._kinds[dtype].add(value)

    def schema(self, name: str, records: int) -> FeatureSchema:
        """What follows after so many records."""
        kinds = {dtype: seen.statistics() for dtype, seen in sorted(self._kinds.items())}
        absent = records - self._kindless - sum(seen.records for seen in kinds.values())
        missing = ABSENT if absent and not self._kindless else KINDLESS
        dtype, shape = None, None
        if len(kinds) == 1:
            [(dtype, seen)] = kinds.items()
            if seen.min_length == seen.max_length > 0:
                shape = () if seen.max_length == 1 else (seen.max_length,)
        return FeatureSchema(name, dtype, shape, missing, kinds, self._kindless, absent)


class _SeenKind(ABC):
    """What was seen of one kind of one feature so far."""

    def __init__(self) -> None:
        self._records = 0
        self._lengths = _Range()
        self._waiting: list[Any] = []
        self._waiting_bytes = 0

    def add(self, values: Any) -> None:
        self._waiting.append(values)
        self._waiting_bytes += self._size(values)
        if len(self._waiting) >= _MAX_WAITING_LISTS or self._waiting_bytes >= _MAX_WAITING_BYTES:
            self._judge_waiting()

    def statistics(self) -> KindStatistics:
        self._judge_waiting()
        return KindStatistics(self._records, self._lengths.low, self._lengths.high, **self._value_statistics())

    def _judge_waiting(self) -> None:
        if self._waiting:
            self._records += len(self._waiting)
            self._lengths.include(list(map(len, self._waiting)))
            self._judge(self._waiting)
            self._waiting, self._waiting_bytes = [], 0

    @abstractmethod
    def _size(self, values: Any) -> int:
        """Bytes in one list."""

    @abstractmethod
    def _judge(self, lists: list[Any]) -> None:
        """Look at the values in one list or more."""

    @abstractmethod
    def _value_statistics(self) -> dict[str, Any]:
        """What was seen of the values, as KindStatistics has it."""


class _SeenNumbers(_SeenKind):
    def __init__(self) -> None:
        super().__init__()
        self._values = _Range()
        self._non_finite = 0

    def _size(self, values: Any) -> int:
        return int(values.nbytes)

    def _judge(self, lists: list[Any]) -> None:
        values = np.concatenate(lists)
        if values.dtype == np.float32:
            finite = values[np.isfinite(values)]
            self._non_finite += values.size - finite.size
            values = finite
        if values.size:
            self._values.include([values.min().item(), values.max().item()])

    def _value_statistics(self) -> dict[str, Any]:
        return {"min_value": self._values.low, "max_value": self._values.high, "non_finite": self._non_finite}


class _SeenBytes(_SeenKind):
    def __init__(self) -> None:
        super().__init__()
        self._sizes = _Range()
        self._encodings = list(ENCODINGS)  # that all values so far share

    def _size(self, values: Any) -> int:
        return sum(map(len, values))

    def _judge(self, lists: list[Any]) -> None:
        values = list(chain.from_iterable(lists))
        if values:
            self._sizes.include(list(map(len, values)))
            self._encodings = [encoding for encoding in self._encodings if share_encoding(values, encoding)]

    def _value_statistics(self) -> dict[str, Any]:
        low, high = self._sizes.low, self._sizes.high
        encoding = None
        if high:  # of nothing but empty values nothing is known
            encoding = self._encodings[0] if self._encodings else RAW if low == high else None
        return {"min_size": low, "max_size": high, "encoding": encoding}


class _Range:
    """The least and the greatest of the numbers so far; None before the first."""

    def __init__(self) -> None:
        self.low: Any = None
        self.high: Any = None

    def include(self, numbers: list[Any]) -> None:
        """Of one number or more."""
        if self.low is not None:
            numbers = [self.low, self.high, *numbers]
        self.low, self.high = min(numbers), max(numbers)
