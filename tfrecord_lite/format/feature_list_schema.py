"""What is known of one feature list of SequenceExamples: what a step holds, and how many steps there are.

For JSON a dict of its attributes without the name, of which only "step" needs to be there:

    {"step": {"dtype": "bytes", "shape": []}, "records": 100, "min_steps": 3, "max_steps": 20}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import FeatureError, counted
from tfrecord_lite.format.feature_schema import FeatureSchema, check_names, is_count
from tfrecord_lite.format.features import FixedLenSequenceFeature, RaggedFeature


@dataclass(frozen=True)
class FeatureListSchema:
    """What is known of one feature list.

    Attributes:
        step: what a step holds, under the name of the list. What is counted there are steps, not records.
        records: how many records have the list.
        absent: records in which it is not there.
        min_steps, max_steps: in the shortest and in the longest of them.
    """

    step: FeatureSchema
    records: int = 0
    absent: int = 0
    min_steps: int = 0
    max_steps: int = 0

    @property
    def name(self) -> str:
        """Of the list."""
        return self.step.name

    @property
    def feature(self) -> FixedLenSequenceFeature | RaggedFeature | None:
        """What to give to `parse_sequence_example`; None where no step had a kind: there is nothing to parse.

        A list whose steps all hold as many values is a FixedLenSequenceFeature, any other a RaggedFeature.

        Raises:
            FeatureError: steps were met in several kinds.
        """
        if self.step.is_mixed:
            counts = ", ".join(f"{dtype} in {counted(seen.records, 'step')}" for dtype, seen in self.step.kinds.items())
            raise FeatureError(f"its steps are of several kinds, which cannot be parsed: {counts}", self.name)
        if self.step.dtype is None:
            return None
        shape = self.step.fixed_shape
        if shape is None:
            return RaggedFeature(self.step.dtype)
        return FixedLenSequenceFeature(list(shape), self.step.dtype, allow_missing=self.absent > 0)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        return {"step": self.step.as_dict()} | {name: count for name, count in counts.items() if count}

    @classmethod
    def from_dict(cls, name: str, given: Any) -> FeatureListSchema:
        """What `as_dict` gave, or somebody wrote.

        Raises:
            FeatureError: it is something else.
        """
        check_names(given, {"step"}, cls, name)
        for count in _COUNTS:
            if not is_count(given.get(count, 0)):
                raise FeatureError(f"{count} is a number of records or steps, not {given[count]!r}", name)
        return cls(**given | {"step": FeatureSchema.from_dict(name, given["step"])})


_COUNTS = ("records", "absent", "min_steps", "max_steps")
