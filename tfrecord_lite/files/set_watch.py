"""SetWatch: whether a set of shards is replaced while its files are opened one after the other.

A commit writes its plan before it renames anything, and its manifest before the plan goes. So whoever has opened a file
and then finds manifest and plan as they were before the first one has a file of the same set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tfrecord_lite.errors import ShardError
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.manifest import plan_name
from tfrecord_lite.files.paths import MANIFEST, STDIN
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import parse_shard_name


class SetWatch:
    """Made before the first file is opened.

    Args:
        sources: what will be opened. Of a set of which it is one file, or behind a URL without a manifest, nothing is
            asked.
    """

    def __init__(self, sources: Iterable[Any]) -> None:
        sets = Counter(map(_set_of, sources))
        states = {each: _state(*each) for each, count in sets.items() if each is not None and count > 1}
        self._states = {each: state for each, state in states.items() if not is_url(each[0]) or state[0] is not None}

    def check(self, source: Any) -> None:
        """Raise ShardError if a source that was just opened may be of another set than those before."""
        each = _set_of(source)
        if each in self._states and _state(*each) != self._states[each]:
            error = ShardError("its set of shards was replaced, or is about to be, while it was read: read it anew")
            error.path = source
            raise error


def _set_of(source: Any) -> tuple[str, str] | None:
    """(directory, prefix) of a shard."""
    if not isinstance(source, str) or source == STDIN:
        return None
    directory, name = split_path(source)
    shard = parse_shard_name(name)
    return None if shard is None else (directory, shard[0])


def _state(path: str, prefix: str) -> tuple[object, object]:
    directory = open_directory(path)
    return directory.version(MANIFEST), directory.version(plan_name(prefix))
