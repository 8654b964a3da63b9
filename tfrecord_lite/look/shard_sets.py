"""Which shards of a set are there, and which are missing: told by their names.

    prefix-00000-of-00003  prefix-00002-of-00003   ->   2 of 3, number 1 is missing

What the manifest of a directory lists and is not there is noticed where the file is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tfrecord_lite.errors import printable
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.shards import parse_shard_name

#: Ranges of missing shards that are printed.
_SHOWN = 8


@dataclass(frozen=True)
class ShardSetFacts:
    """The shards of one prefix and one count.

    Attributes:
        prefix: their names without number and count.
        count: how many there should be.
        found: how many were given to be looked at.
        others: how many more of them lie beside these.
        missing: the numbers of those that are nowhere, as ((first, last), ...).
    """

    prefix: str
    count: int
    found: int
    others: int
    missing: tuple[tuple[int, int], ...]

    @property
    def missing_count(self) -> int:
        """How many are missing."""
        return self.count - self.found - self.others

    def __str__(self) -> str:
        text = f"{printable(self.prefix)}: {self.found:,} of {self.count:,} shards"
        if self.others:
            text += f", {self.others:,} more beside them, not looked at"
        if self.missing:
            ranges = [str(first) if first == last else f"{first} to {last}" for first, last in self.missing]
            more = f" and {len(ranges) - _SHOWN} more ranges" if len(ranges) > _SHOWN else ""
            text += f", missing: {', '.join(ranges[:_SHOWN])}{more}"
        return text

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        facts = {"prefix": self.prefix, "count": self.count, "found": self.found, "others": self.others}
        return facts | {"missing_count": self.missing_count, "missing": [list(pair) for pair in self.missing]}


def shard_sets(paths: Iterable[str]) -> list[ShardSetFacts]:
    """The sets of which these files are shards."""
    found: dict[tuple[str, int], set[int]] = {}
    for path in paths:
        shard = parse_shard_name(path)
        if shard is not None:
            prefix, number, count = shard
            found.setdefault((prefix, count), set()).add(number)
    facts = []
    for (prefix, count), numbers in sorted(found.items()):
        others = _beside(prefix, count) - numbers if len(numbers) < count else set()
        gaps = _gaps(sorted(numbers | others), count)
        facts.append(ShardSetFacts(prefix, count, len(numbers), len(others), gaps))
    return facts


def _beside(prefix: str, count: int) -> set[int]:
    """The numbers of the shards of that set in its directory."""
    directory, name = split_path(prefix)
    try:
        shards = [parse_shard_name(entry) for entry in open_directory(directory).sizes() if entry.startswith(name)]
    except OSError:
        return set()
    return {shard[1] for shard in shards if shard is not None and shard[0] == name and shard[2] == count}


def _gaps(numbers: list[int], count: int) -> tuple[tuple[int, int], ...]:
    """The ranges of [0, count) in which none of these ascending numbers is, first and last of each."""
    limits = [-1, *numbers, count]
    return tuple((low + 1, high - 1) for low, high in pairwise(limits) if high - low > 1)
