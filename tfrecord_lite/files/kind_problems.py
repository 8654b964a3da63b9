"""Where records are sound one by one, and no parser takes them all.

mixed-kinds          a feature, or a feature list, is of one kind in some records, and of another in others
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tfrecord_lite.format.feature_schema import DTYPE_NAMES
from tfrecord_lite.format.findings import WARNING, Finding, Problem, Rule
from tfrecord_lite.format.value_types import ValueType

MIXED_KINDS = Rule("mixed-kinds", WARNING, "write the records again with one kind, or the others under another name")

#: Names of features that are remembered besides those that are asked for: a hostile file can hold any number.
_MOST_NAMES = 10_000


class Place(NamedTuple):
    """Where a record is: name of the file, its number there, and its offset."""

    path: str | None
    record_number: int
    offset: int


class MetKinds:
    """Which features there are in the records of all files, and where each was first met in each kind.

    Args:
        subject: what has the kinds, for findings.
        asked_for: names that are remembered whatever their number; others are up to 10,000.
    """

    def __init__(self, subject: str, asked_for: Collection[str]) -> None:
        self._subject = subject
        self._asked_for = asked_for
        self._places: dict[str, dict[ValueType, Place]] = {}

    @property
    def names(self) -> Collection[str]:
        """Of the features."""
        return self._places.keys()

    def add(self, name: str, kind: ValueType | None, place: Place) -> None:
        """There is a feature of that name, and, if it is not open, of that kind."""
        if name not in self._places and name not in self._asked_for and len(self._places) >= _MOST_NAMES:
            return
        places = self._places.setdefault(name, {})
        if kind is not None:
            places.setdefault(kind, place)

    def mixed_kinds(self) -> Iterator[Finding]:
        """What to say of features of several kinds."""
        for name, places in self._places.items():
            if len(places) < 2:
                continue
            met = list(places.items())  # in the order in which they were met
            first, *others = [f"{DTYPE_NAMES[kind]} in record #{at.record_number} of {at.path}" for kind, at in met]
            what = f"{self._subject} is {first}, and {', '.join(others)}"
            doing = (
                "parses a feature as one kind, and raises InvalidArgumentError at records of another, whatever is asked"
                " for"
            )
            yield Finding.of(Problem(MIXED_KINDS, name, what, doing), *met[1][1])
