"""A folder behind a URL with all that is below it, such as one of images: listed, and written.

    OUT/_UNFINISHED       comes first and goes last: as long as it is there the folder is not complete
    OUT/cat/1.jpg ...     what was written into a local folder, each file whole or not at all, several at a time

Object stores have no folders, and no way to give many objects their names at once. So there is a mark. A crash while
files are sent leaves it, and those that were sent, until somebody deletes them: there are no locks by which to tell a
writer that died from one that is at work. A crash before that leaves nothing.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from tfrecord_lite.files.paths import NOT_COMPLETE, UNFINISHED
from tfrecord_lite.files.remote import RemoteSink, locate, os_errors
from tfrecord_lite.files.remote_directory import RemoteDirectory
from tfrecord_lite.files.temporary import TemporaryPath

_TEXT = b"Files are being written into this folder. If nothing writes it any more, delete all that is in it.\n"


class ListedFile(NamedTuple):
    """A file behind a URL.

    Attributes:
        size: bytes; 0 where the server does not tell.
        version: of all that the server tells of it: another one when the file is replaced.
    """

    size: int
    version: int


def list_remote_folder(url: str) -> dict[str, ListedFile]:
    """{name, with slashes: file} of all files below a URL.

    Raises:
        FileNotFoundError: there are none.
        NotADirectoryError: it is a file itself.
        OSError: the server cannot be asked.
    """
    with os_errors(url):
        fs, path = locate(url)
        root = path.rstrip("/")
        found = [facts for facts in fs.find(path, detail=True).values() if facts["type"] == "file"]
    # Names that end with a slash are nothing but the sign of a folder.
    files = {facts["name"].removeprefix(f"{root}/"): facts for facts in found if not facts["name"].endswith("/")}
    if root in files:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), url)
    if not files:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url)
    return {name: ListedFile(facts["size"] or 0, _digest(repr(facts))) for name, facts in files.items()}


@contextlib.contextmanager
def new_remote_folder(url: str) -> Iterator[str]:
    """Gives the path of a new local folder, and sends what is in it when the with-block ends without an exception.

    After an error nothing is at the URL. One process at a time writes there.

    Raises:
        FileExistsError: there is something at the URL.
        OSError: files cannot be written here, or not there, or the protocol cannot write, or not at once.
    """
    _check_new(url)
    directory, local = RemoteDirectory(url), TemporaryPath()
    mark = RemoteSink(directory.join(UNFINISHED))  # now: what cannot be written to is to be known before hours of work
    try:
        os.mkdir(local.path)
        yield local.path
        files = _files_below(local.path)
        mark.write([_TEXT])
    except BaseException:
        mark.discard()
        local.remove()
        raise
    try:
        directory.make_folders({name.rpartition("/")[0] for name in files} | {""})
        mark.close()
        directory.upload(files)
        directory.remove([UNFINISHED])
    except BaseException:
        with contextlib.suppress(OSError):  # why it failed is known better
            directory.remove(files)
            directory.remove([UNFINISHED])
        raise
    finally:
        local.remove()


def _check_new(url: str) -> None:
    with os_errors(url):
        fs, path = locate(url)
        for folder, _, files in fs.walk(path):
            if UNFINISHED in files and folder.rstrip("/") == path.rstrip("/"):
                raise FileExistsError(errno.EEXIST, NOT_COMPLETE, url)
            if set(files) - {""}:  # which is the sign of the folder itself
                raise FileExistsError(errno.EEXIST, "the folder is there already, and not empty", url)


def _files_below(directory: str) -> dict[str, str]:
    """{name, with slashes: path}; files in no folder, such as labels.csv, are the last."""
    found = {}
    for folder, _, names in os.walk(directory, topdown=False):
        for path in (os.path.join(folder, name) for name in names):
            found[os.path.relpath(path, directory).replace(os.sep, "/")] = path
    return found


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
