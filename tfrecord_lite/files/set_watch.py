"""SetWatch: whether a set of shards is replaced while its files are opened one after the other.

A commit writes its plan before it renames anything, and its manifest before the plan goes. So whoever has opened a file
and then finds manifest and plan as they were before the first one has a file of the same set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from tfrecord_lite.errors import ShardError
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.manifest import load_manifest, plan_name
from tfrecord_lite.files.paths import MANIFEST, STDIN
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import parse_shard_name


class SetWatch:
    """Made before the first file is opened.

    Args:
        sources: what will be opened. Of a set of which it is one file, nothing is asked.
    """

    def __init__(self, sources: Iterable[Any]) -> None:
        sets = Counter(map(_set_of, sources))
        self._states = {each: _State(*each) for each, count in sets.items() if each is not None and count > 1}

    def check(self, source: Any) -> None:
        """Raise ShardError if a source that was just opened may be of another set than those before."""
        each = _set_of(source)
        state = None if each is None else self._states.get(each)
        if state is not None and state.has_changed():
            error = ShardError("its set of shards was replaced, or is about to be, while it was read: read it anew")
            error.path = source
            raise error


class _State:
    """Of one prefix: which set the manifest has for it, and whether a commit is open. Other sets may come and go."""

    def __init__(self, path: str, prefix: str) -> None:
        self._directory, self._prefix = open_directory(path), prefix
        self._has_manifest = (manifest := self._directory.version(MANIFEST)) is not None
        self._manifest, self._plan = manifest, self._version_of_plan()
        self._id = self._set_id()

    def has_changed(self) -> bool:
        """Whether it is another one by now."""
        if is_url(self._directory.path) and not self._has_manifest:
            return False  # a server of files, which is not asked for each
        if self._version_of_plan() != self._plan:
            return True
        manifest = self._directory.version(MANIFEST)
        if manifest != self._manifest and self._set_id() != self._id:
            return True
        self._manifest = manifest
        return False

    def _version_of_plan(self) -> object:
        return self._directory.version(plan_name(self._prefix))

    def _set_id(self) -> str | None:
        with suppress(ShardError):  # who reads by a pattern reads the files as they are
            shards = (load_manifest(self._directory) or {}).get(self._prefix)
            return None if shards is None else shards.id
        return None


def _set_of(source: Any) -> tuple[str, str] | None:
    """(directory, prefix) of a shard."""
    if not isinstance(source, str) or source == STDIN:
        return None
    directory, name = split_path(source)
    shard = parse_shard_name(name)
    return None if shard is None else (directory, shard[0])
