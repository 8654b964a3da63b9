"""Reading: what read_records, read_examples and read_batches give, an iterator that says what it reads.

parts (lists of records, ...) -> Reading -> one after the other, by the loop of `chain`, which runs no Python code
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from itertools import chain
from typing import Any, TypeVar, cast

from tfrecord_lite.errors import counted, printable

Item = TypeVar("Item")

#: Names of features that are shown.
_SHOWN_NAMES = 8


class Reading(chain[Item]):
    """An iterator. `close` ends it early, as that of a generator does."""

    _source: Generator[Any]
    _what: str
    _facts: Callable[[], str]

    @classmethod
    def of(
        cls, parts: Iterable[Iterable[Item]], source: Generator[Any], what: str, facts: Callable[[], str]
    ) -> Reading[Item]:
        """The items of all parts.

        Args:
            parts: of items that are at hand.
            source: what the parts come from, which is closed when this is.
            what: the name of the function that reads.
            facts: says of what, once somebody wants to know.
        """
        reading = cast("Reading[Item]", cls.from_iterable(parts))
        reading._source, reading._what, reading._facts = source, what, facts
        return reading

    def close(self) -> None:
        """End it, and close the file that is open."""
        self._source.close()
        deque(self, 0)  # what is at hand

    def __repr__(self) -> str:
        return f"<{self._what}: {self._facts()}>"

    def _repr_html_(self) -> str:
        """For a notebook: what is read, and from where. Nothing is read for it."""
        from html import escape

        return f"<p><b>{self._what}</b> {escape(self._facts())}</p>"


def paths_text(paths: list[Any]) -> str:
    """The paths that somebody gave, for people."""
    if not paths:
        return "no paths"
    first = getattr(paths[0], "name", None) if hasattr(paths[0], "read") else paths[0]
    more = f" and {counted(len(paths) - 1, 'more path')}" if len(paths) > 1 else ""
    return f"{printable(str(first or '<file object>'))}{more}"


def features_text(names: Iterable[str] | None) -> str:
    """The features that are read, None for all, for people."""
    if names is None:
        return "all features"
    given = list(names)
    shown = [printable(str(name)) for name in given[:_SHOWN_NAMES]] + ["..."] * (len(given) > _SHOWN_NAMES)
    return f"{counted(len(given), 'feature')}: {', '.join(shown)}"
