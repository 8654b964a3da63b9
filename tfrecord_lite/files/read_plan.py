"""plan_read: files are divided among readers, as equally as whole files can be.

Takes paths or ShardInfos; returns a list of paths for each reader. Raises what `expand_paths` raises.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Iterable
from typing import Any, SupportsIndex

from tfrecord_lite.files.directory import file_size, open_directory, split_path
from tfrecord_lite.files.manifest import load_manifest
from tfrecord_lite.files.paths import expand_paths
from tfrecord_lite.files.shards import ShardInfo


def plan_read(files: Any, n: int) -> list[list[str]]:
    """Divide files among `n` readers as equally as whole files can be: each file is in exactly one part.

    The same files give the same parts everywhere.

    Args:
        files: paths, URLs, globs or directories as for `read_records`, or ShardInfos.
        n: how many parts; those beyond the number of files are empty.

    Returns:
        Paths, n lists of them, each in the order of `files`. They are equal in records where the number is known of
        all files (by ShardInfo or manifest), else in bytes.

    Raises:
        TypeError: n is no whole number, or a file has no path.
        ValueError: n is less than 1.
        others: as `read_records`.
    """
    if not isinstance(n, SupportsIndex):
        raise TypeError(f"n is a whole number of parts, not {n!r}")
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"files are divided into 1 part or more, not {n}")
    if isinstance(files, Iterable) and not isinstance(files, (str, bytes)):
        files = list(files)
        if any(isinstance(file, ShardInfo) for file in files):
            return _parts_of([file.path for file in files], [file.records for file in files], n)
    paths = [_only_path(file) for file in expand_paths(files)]
    records: dict[str, int] = {}
    for directory in map(open_directory, dict.fromkeys(split_path(path)[0] for path in paths)):
        for shards in (load_manifest(directory) or {}).values():
            records.update((directory.join(file.path), file.records) for file in shards.files)
    if all(path in records for path in paths):
        return _parts_of(paths, [records[path] for path in paths], n)
    return _parts_of(paths, [file_size(path) for path in paths], n)


def _only_path(file: Any) -> str:
    if not isinstance(file, str):
        raise TypeError("only files with a path can be divided")
    return file


def _parts_of(paths: list[str], weights: list[int], n: int) -> list[list[str]]:
    """The heaviest first, each to the part that has least."""
    loads = [(0, 0, part) for part in range(n)]  # (weight, files, number of the part): a heap
    part_of = [0] * len(paths)
    for number in sorted(range(len(paths)), key=lambda number: -weights[number]):
        weight, count, part = loads[0]
        part_of[number] = part
        heapq.heapreplace(loads, (weight + weights[number], count + 1, part))
    parts: list[list[str]] = [[] for _ in range(n)]
    for path, part in zip(paths, part_of, strict=True):
        parts[part].append(path)
    return parts
