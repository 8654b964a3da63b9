"""From what people write to the files they mean.

Takes one path, URL, glob, directory, file object or "-" for standard input, or a sequence of them; returns a list
of paths and URLs (str) and file objects. Raises FileNotFoundError and its like before anything is read.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
from typing import TYPE_CHECKING, Any, BinaryIO

from tfrecord_lite.files.remote import base_name, expand_url, is_url

if TYPE_CHECKING:
    from tfrecord_lite.files.shards import ShardInfo

Source = "str | BinaryIO"
STDIN = "-"
#: What it is called, as sys.stdin is.
STDIN_NAME = "<stdin>"
#: Which shards a directory holds: see manifest.py.
MANIFEST = "_MANIFEST.json"
#: Of the index of a file, and, behind that, of what binds it to its file: see index.py.
INDEX_SUFFIX, COMPANION_SUFFIX = ".idx", ".json"
_NO_DATA = (INDEX_SUFFIX, INDEX_SUFFIX + COMPANION_SUFFIX)
_KINDS = {**dict.fromkeys(_NO_DATA, "an index"), MANIFEST: "a list of shards"}
#: What stands in a directory of shards: see manifest.py.
_OF_A_SET = r"_SUCCESS|_MANIFEST\.json|_PLAN-[0-9a-f]+\.json"
_LOCAL = ("file://", "local://")
#: In a folder that is not complete, and what is said of one: see remote_folder.py.
UNFINISHED = "_UNFINISHED"
NOT_COMPLETE = "the folder is not complete: if nothing writes it any more, delete all that is in it"
#: What is said of a directory that holds none.
NO_DATA_FILES = "no data files in the directory"
_PROBLEMS = {"directory": NO_DATA_FILES, "pattern": "no file matches the pattern"}


def expand_paths(paths: Any) -> list[str | BinaryIO]:
    """Every file that `paths` stands for, in order: globs and directories sorted by name.

    In a directory, the regular files (and links to them) are data whose names begin with neither "." nor "_", as Spark,
    Beam and Hadoop have it; of those that have the name of a shard of a set in the directory's manifest, the ones that
    it lists and no others, see `manifest`. An index (.idx) and what belongs to it is data neither there nor for a glob,
    and neither are the manifest and its like. A name that exists is never taken as a pattern. A pattern that matches
    directories and no file stands for these directories.

    Raises:
        FileNotFoundError: a path does not exist, or a pattern or directory holds no file, or not one that its manifest
            lists.
        ShardError: a file is not of the size in the manifest, or a commit in the directory was not finished.
        PermissionError: a file cannot be read.
    """
    expanded: list[str | BinaryIO] = []
    for path in list_paths(paths):
        found = find_files(path)
        if any(shard is not None for _, shard in found):
            from tfrecord_lite.files.manifest import check_shards  # with it comes json, for directories only

            check_shards([(file, shard) for file, shard in found if shard is not None])
        for file, _ in found:
            if isinstance(file, str) and file != STDIN and not is_url(file):
                check_readable(file)
            expanded.append(file)
    return expanded


def list_paths(paths: Any) -> list[Any]:
    """One path or many as a list, not looked up yet. Raises TypeError: they are none."""
    if _is_path(paths) or hasattr(paths, "read"):
        return [paths]
    kind = type(paths).__name__
    if isinstance(paths, (set, frozenset)):  # a set has another order in each process
        raise TypeError(f"paths have an order, and a {kind} has none: give a list")
    try:
        given = iter(paths)
    except TypeError:
        raise TypeError(f"paths are str, PathLike, file objects or a sequence of them, not {kind}") from None
    found = list(given)
    if sum(_is_path(path) and as_path(path) == STDIN for path in found) > 1:  # the second time it would be empty
        raise ValueError("standard input, -, is read once: name it once")
    return found


def find_files(path: Any) -> list[tuple[Any, ShardInfo | None]]:
    """Every file that one path stands for, as `expand_paths` has it, not looked at; and what a manifest says about it.

    Raises:
        FileNotFoundError: a pattern or directory holds no file.
        ShardError: a commit in the directory was not finished.
    """
    if hasattr(path, "read"):
        return [(path, None)]
    name = as_path(path)
    if name == STDIN:
        return [(name, None)]
    is_remote = is_url(name)
    shards: dict[str, ShardInfo] = {}
    if is_remote:
        kind, found = expand_url(name)
        if kind == "directories":
            found = [directory for directory in sorted(found) if not base_name(directory).startswith("_")]
            return [file for directory in found for file in find_files(directory)]
        if kind == "directory":
            found, shards = _without_others(name, {base_name(file): file for file in found})
    elif os.path.isdir(name):
        kind = "directory"
        with os.scandir(name) as entries:
            files = {entry.name: entry.path if entry.is_file() else None for entry in entries}
        found, shards = _without_others(name, files)
    elif glob.has_magic(name) and not os.path.lexists(name):
        matches = sorted(glob.glob(name, recursive=True))
        matches = [os.path.join(os.curdir, match) if match == STDIN else match for match in matches]  # no stream
        kind, found = "pattern", [match for match in matches if not os.path.isdir(match)]
        if not found and (directories := [match for match in matches if not os.path.basename(match).startswith("_")]):
            return [file for directory in directories for file in find_files(directory)]
    else:
        kind, found = "file", [name]
    name_of = base_name if is_remote else os.path.basename
    if kind != "file":
        found = [file for file in found if not file.endswith(_NO_DATA) and not re.fullmatch(_OF_A_SET, name_of(file))]
    if kind == "directory":
        found = [file for file in found if not name_of(file).startswith((".", "_"))]
    if not found and not shards:
        raise FileNotFoundError(errno.ENOENT, _PROBLEMS[kind], name)
    return [(file, shards.get(file)) for file in sorted([*found, *shards])]


def is_rereadable(source: Any) -> bool:
    """Whether a source, as `expand_paths` gives it, is there to be read again: a regular file or a URL, no stream."""
    return isinstance(source, str) and source != STDIN and (is_url(source) or os.path.isfile(source))


def kind_of_name(path: str | None) -> str:
    """What a file of that name is, when it is ours and no data; otherwise ""."""
    return next((kind for end, kind in _KINDS.items() if path is not None and path.endswith(end)), "")


def check_readable(path: str) -> None:
    """Raise the OSError, path in it, that opening `path` would meet; it may be a FIFO, so nothing is opened."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    while not os.access(path, os.R_OK):  # not readable, or a commit was about to put another in its place
        before, found = found, os.stat(path)
        if os.path.samestat(before, found):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def as_path(path: Any) -> str:
    """A path or URL as str; bytes are decoded as the file system's names are.

    A file:// URL becomes the local path that it is, whose characters mean themselves: "%20" is no blank.
    """
    if not _is_path(path):
        raise TypeError(f"a path is str, bytes or PathLike, not {type(path).__name__}")
    name = os.fsdecode(path)
    return name.partition("://")[2] if name.startswith(_LOCAL) else name


def _is_path(path: Any) -> bool:
    return isinstance(path, (str, bytes, os.PathLike))


def _without_others(directory: str, files: dict[str, str | None]) -> tuple[list[str], dict[str, ShardInfo]]:
    """(files whose names are not of a set, shards of all sets: what the manifest lists) of a directory.

    Args:
        directory: its path or URL.
        files: {name: its path, None if it is no file} of everything there.
    """
    from tfrecord_lite.files.directory import open_directory
    from tfrecord_lite.files.manifest import published_sets
    from tfrecord_lite.files.shards import shard_pattern

    place = open_directory(directory)
    sets = published_sets(place, files)
    patterns = [shard_pattern(prefix) for prefix in sets]
    shards = {place.join(shard.path): shard for entry in sets.values() for shard in entry.files}
    listed = {shard.path for shard in shards.values()}
    others = [
        path
        for name, path in files.items()
        if path is not None and name not in listed and not any(pattern.fullmatch(name) for pattern in patterns)
    ]
    return others, shards
