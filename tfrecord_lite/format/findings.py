"""What lint has to say: rules, problems and findings.

    Rule       a way in which TensorFlow reads other than what is there, or does not read at all
    Problem    one case of it, in one record or file
    Finding    a problem and its place

A rule is an "error" when something is lost, misread or refused, a "warning" when it may be, a "note" when it is only
good to know. `is_fixable` says whether writing the same examples again in the canonical way is the cure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tfrecord_lite.errors import printable

ERROR, WARNING, NOTE = "error", "warning", "note"


class Rule(NamedTuple):
    """What lint looks for.

    Attributes:
        name: of the rule.
        severity: ERROR, WARNING or NOTE.
        cure: what to do.
        is_fixable: whether `fix` does it.
    """

    name: str
    severity: str
    cure: str
    is_fixable: bool = False


class Problem(NamedTuple):
    """One case of a rule.

    Attributes:
        rule: which one.
        feature: name of the feature, or None when it is about the whole record or file.
        what: what is there.
        tensorflow: what TensorFlow does with it.
        cure: what to do, where the rule's own words are not enough; otherwise "".
    """

    rule: Rule
    feature: str | None
    what: str
    tensorflow: str
    cure: str = ""


@dataclass(frozen=True)
class Finding:
    """A problem and its place.

    Attributes:
        rule: its name, such as "split-list".
        severity: "error", "warning" or "note".
        path: name of the file or directory, or None for a file object without one, and for what is about all files.
        record_number: how many records of the file come before the one in question; None when it is about the file.
        offset: of that record's frame in the uncompressed stream, or None.
        feature: name of the feature, or None.
        what: what is there.
        tensorflow: what TensorFlow does with it.
        cure: what to do.
        is_fixable: whether writing the same examples again in the canonical way is the cure.
    """

    rule: str
    severity: str
    path: str | None
    record_number: int | None
    offset: int | None
    feature: str | None
    what: str
    tensorflow: str
    cure: str
    is_fixable: bool

    @classmethod
    def of(
        cls,
        problem: Problem,
        path: str | None,
        record_number: int | None = None,
        offset: int | None = None,
    ) -> Finding:
        """A problem at that place."""
        rule, feature, what, tensorflow, cure = problem
        place = (path, record_number, offset)
        return cls(rule.name, rule.severity, *place, feature, what, tensorflow, cure or rule.cure, rule.is_fixable)

    @property
    def place(self) -> str:
        """File, record and offset, for people."""
        path = "" if self.path is None else printable(self.path)
        if self.record_number is None:
            return path if self.offset is None else f"{path}: offset {self.offset}"
        return f"{path}: record #{self.record_number} at offset {self.offset}"

    def __str__(self) -> str:
        feature = "" if self.feature is None else f"feature '{printable(self.feature)}': "
        place = f"{self.place}: " if self.place else ""
        what, tensorflow, cure = printable(self.what), printable(self.tensorflow), printable(self.cure)
        return f"{place}{self.severity} {self.rule}: {feature}{what}; TensorFlow {tensorflow}; cure: {cure}"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "path": self.path,
            "record_number": self.record_number,
            "offset": self.offset,
            "feature": self.feature,
            "what": self.what,
            "tensorflow": self.tensorflow,
            "cure": self.cure,
            "is_fixable": self.is_fixable,
        }
