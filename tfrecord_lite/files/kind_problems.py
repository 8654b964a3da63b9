"""Where records are sound one by one, and no parser takes them all.

mixed-kinds          a feature is of one kind in some records, and of another in others
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tfrecord_lite.format.feature_schema import DTYPE_NAMES
from tfrecord_lite.format.findings import WARNING, Finding, Problem, Rule
from tfrecord_lite.format.value_types import ValueType

MIXED_KINDS = Rule("mixed-kinds", WARNING, "write the records again with one kind, or the others under another name")


class Place(NamedTuple):
    """Where a record is: name of the file, its number there, and its offset."""

    path: str | None
    record_number: int
    offset: int


def mixed_kinds(kinds: Mapping[str, Mapping[ValueType, Place]]) -> Iterator[Finding]:
    """What to say of the features of all files: {name: {kind: the first record in which it is of that kind}}."""
    for name, places in kinds.items():
        if len(places) < 2:
            continue
        met = list(places.items())  # in the order in which they were met
        first, *others = [f"{DTYPE_NAMES[kind]} in record #{at.record_number} of {at.path}" for kind, at in met]
        what = f"it is {first}, and {', '.join(others)}"
        doing = (
            "parses a feature as one kind, and raises InvalidArgumentError at records of another, whatever is asked for"
        )
        yield Finding.of(Problem(MIXED_KINDS, name, what, doing), *met[1][1])
