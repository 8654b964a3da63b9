"""From what people write to the files they mean.

Takes one path, URL, glob, directory, file object or "-" for standard input, or a sequence of them; returns a list
of paths and URLs (str) and file objects. Raises FileNotFoundError and its like before anything is read.
"""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterable
from typing import Any, BinaryIO

from tfrecord_lite.files.manifest import listed_files
from tfrecord_lite.files.remote import base_name, expand_url, is_url

Source = "str | BinaryIO"
STDIN = "-"
#: Of the index of a file, and, behind that, of what binds it to its file: see index.py.
INDEX_SUFFIX, COMPANION_SUFFIX = ".idx", ".json"
_NO_DATA = (INDEX_SUFFIX, INDEX_SUFFIX + COMPANION_SUFFIX)
_LOCAL = re.compile("(file|local)://")
_PROBLEMS = dict.fromkeys(("directory", "manifest"), "no data files in the directory")
_PROBLEMS["pattern"] = "no file matches the pattern"


def expand_paths(paths: Any) -> list[str | BinaryIO]:
    """Every file that `paths` stands for, in order: globs and directories sorted by name.

    A directory with a manifest holds the files that this lists and no others, see `manifest`. In any other directory,
    the regular files (and links to them) are data whose names begin with neither "." nor "_", as Spark, Beam and Hadoop
    have it. An index (.idx) and what belongs to it is data neither there nor for a glob. A name that exists is never
    taken as a pattern.

    Raises:
        FileNotFoundError: a path does not exist, or a pattern or directory holds no file, or not one that its manifest
            lists.
        ShardError: a file is not of the size in the manifest, or a commit in the directory was not finished.
        PermissionError: a file cannot be read.
    """
    expanded: list[str | BinaryIO] = []
    for path in list_paths(paths):
        expanded += [path] if hasattr(path, "read") else _expand(path)
    return expanded


def list_paths(paths: Any) -> list[Any]:
    """One path or many as a list, not looked up yet."""
    if _is_path(paths) or hasattr(paths, "read"):
        return [paths]
    if not isinstance(paths, Iterable):
        raise TypeError(f"paths are str, PathLike, file objects or a sequence of them, not {type(paths).__name__}")
    return list(paths)


def check_readable(path: str) -> None:
    """Raise the OSError, path in it, that opening `path` would meet; it may be a FIFO, so nothing is opened."""
    os.stat(path)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def as_path(path: Any) -> str:
    """A path or URL as str; bytes are decoded as the file system's names are.

    A file:// URL becomes the local path that it is, whose characters mean themselves: "%20" is no blank.
    """
    if not _is_path(path):
        raise TypeError(f"a path is str, bytes or PathLike, not {type(path).__name__}")
    name = os.fsdecode(path)
    return name if (local := _LOCAL.match(name)) is None else name[local.end() :]


def _is_path(path: Any) -> bool:
    return isinstance(path, (str, bytes, os.PathLike))


def _expand(path: Any) -> list[str | BinaryIO]:
    name = as_path(path)
    if name == STDIN:
        return [name]
    is_remote = is_url(name)
    if is_remote:
        kind, found = expand_url(name)
    elif os.path.isdir(name):
        listed = listed_files(name)
        kind, found = ("directory", _files_in(name)) if listed is None else ("manifest", listed)
    elif glob.has_magic(name) and not os.path.lexists(name):
        kind, found = "pattern", [match for match in glob.glob(name, recursive=True) if not os.path.isdir(match)]
        found = [os.path.join(os.curdir, match) if match == STDIN else match for match in found]  # a file, no stream
    else:
        kind, found = "file", [name]
    if kind != "file":
        found = [file for file in found if not file.endswith(_NO_DATA)]
    if kind == "directory":
        name_of = base_name if is_remote else os.path.basename
        found = [file for file in found if not name_of(file).startswith((".", "_"))]
    if not found:
        raise FileNotFoundError(errno.ENOENT, _PROBLEMS[kind], name)
    if not is_remote:
        for file in found:
            check_readable(file)
    return [*(found if kind == "manifest" else sorted(found))]


def _files_in(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.path for entry in entries if entry.is_file()]
