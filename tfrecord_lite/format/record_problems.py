"""What is wrong with each of many records.

records   --Clearance-->   those that need no closer look: of them only the kinds are of interest
             others        one by one: where TensorFlow reads otherwise than protobuf (`wire_problems`), and where
                           that is not what the features ask for (`spec_problems`)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tfrecord_lite.format.canonical import canonical
from tfrecord_lite.format.columns.clearance import Clearance
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_problems import consequence
from tfrecord_lite.format.findings import ERROR, NOTE, Problem
from tfrecord_lite.format.plan import DENSE, Plan
from tfrecord_lite.format.spec_problems import context_problems, example_problems, raised, unfit_reason
from tfrecord_lite.format.tensorflow_parser import Refused
from tfrecord_lite.format.value_types import ValueType, type_of
from tfrecord_lite.format.wire_problems import Readings, read_both
from tfrecord_lite.format.wire_rules import LOSING


class FaultyRecord(NamedTuple):
    """A record with problems.

    Attributes:
        number: among those that were looked at.
        record: its bytes.
        problems: one at the least.
        is_fixable: whether writing it in the canonical way cures one of them, and loses nothing.
    """

    number: int
    record: bytes
    problems: list[Problem]
    is_fixable: bool


class RecordProblems:
    """Looks at records, some at a time.

    Args:
        plan: what the features ask for; None if there are none.

    Attributes:
        kinds: {(name, type): number of the first record} of the features in the records that were looked at last. Of a
            feature in a record with problems the type is None: of which kind it is meant to be is open.
        list_kinds: the same of feature lists without problems.
    """

    def __init__(self, plan: Plan | None) -> None:
        self.kinds: dict[tuple[str, ValueType | None], int] = {}
        self.list_kinds: dict[tuple[str, ValueType], int] = {}
        self._plan = plan
        self._clearance = Clearance(plan)

    def look_at(self, records: Records) -> Iterator[FaultyRecord]:
        """Those with problems, by their numbers; `kinds` is complete when all have been given."""
        unclear = self._clearance.unclear(records).tolist()
        self.kinds = dict(self._clearance.kinds.items())
        self.list_kinds = {}
        for number in unclear:
            record = records.record(number)
            readings = read_both(record)
            self._count(readings, number)
            problems = self._problems(readings)
            if problems:
                is_fixable = any(problem.rule.is_fixable for problem in problems)
                if is_fixable:
                    problems += _hidden(canonical(record), problems)
                yield FaultyRecord(number, record, problems, is_fixable)

    def _problems(self, readings: Readings) -> list[Problem]:
        example, tensorflow, problems, overridden, list_problems, lists = readings
        if any(problem.rule in LOSING for problem in (*problems, *list_problems)):  # nor is any other to be cured then
            problems, list_problems = _not_fixable(problems), _not_fixable(list_problems)
        seen = example if tensorflow is None else tensorflow
        if self._plan is None or seen is None:
            return [*problems, *list_problems]
        if tensorflow is not None:
            problems = [_asked_for(problem, self._plan, tensorflow, overridden) for problem in problems]
        told = {problem.feature for problem in problems if problem.rule.severity == ERROR and problem.feature}
        unfit = [*example_problems(self._plan, seen, overridden, told)]
        if lists is not None:
            unfit += context_problems(self._plan, seen)
        return [*problems, *unfit, *list_problems]

    def _count(self, readings: Readings, number: int) -> None:
        """Remember the features that are there, for either reader."""
        for reading in (readings.example, readings.tensorflow, readings.overridden):
            for name, value in (reading or {}).items():
                if value is not None:
                    kind = name, None if readings.problems else type_of(value)
                    self.kinds[kind] = min(self.kinds.get(kind, number), number)
        for name, steps in ({} if readings.list_problems else readings.lists or {}).items():
            of_steps = next((type_of(step) for step in steps if step is not None), None)  # of all
            if of_steps is not None:
                self.list_kinds.setdefault((name, of_steps), number)


def _hidden(fixed: bytes, told: list[Problem]) -> Iterator[Problem]:
    """How else a record is written that TensorFlow does not get to see for something that is fixed."""
    known = {(problem.rule.name, problem.feature) for problem in told}
    readings = read_both(fixed)
    for problem in (*readings.problems, *readings.list_problems):
        if (problem.rule.name, problem.feature) not in known:
            yield problem._replace(what=f"{problem.what}, which comes to light when the others are fixed")


def _not_fixable(problems: list[Problem]) -> list[Problem]:
    return [problem._replace(rule=problem.rule._replace(is_fixable=False)) for problem in problems]


def _asked_for(problem: Problem, plan: Plan, tensorflow: Mapping[str, Any], overridden: Mapping[str, Any]) -> Problem:
    """A problem of a record that TensorFlow takes, and what it means for the features that are asked for."""
    name = problem.feature
    if name is None:
        return problem  # of the record
    column, value = plan.columns.get(name), tensorflow.get(name)
    if column is None:
        doing = f"passes over it, as it is not asked for; where it is, TensorFlow {problem.tensorflow}"
        return problem._replace(rule=problem.rule._replace(severity=NOTE), tensorflow=doing)
    if isinstance(value, Refused):
        return problem
    takes_overridden = column.layout == DENSE and name in overridden
    if takes_overridden:
        value = overridden[name]
    if isinstance(value, Refused):
        return problem._replace(tensorflow=consequence(None, value))
    reason = unfit_reason(column, value)
    if reason is not None:
        return problem._replace(tensorflow=raised(reason))
    if takes_overridden:
        doing = "takes the last one with a kind; protobuf, and parse_example here, take the feature for missing"
        return problem._replace(tensorflow=doing)
    return problem
