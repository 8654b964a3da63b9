"""URLs: what fsspec reaches (s3://, gs://, memory://, http:// ...), read, written and listed. The only module that
imports fsspec, when the first URL is met.

    expand_url      one file, glob or directory -> URLs of files; which of them are data is said in paths.py
    RemoteSink      a URL -> sink that publishes when it is closed: see sinks.py
    read_bytes, write_bytes, exists, size     small files, and questions
    locate, os_errors    a URL -> backend and path there; whatever that raises: for remote_stream.py and others

How a server is reached and who one is there (endpoint, keys) is fsspec's configuration: its files, the environment
(FSSPEC_S3_ENDPOINT_URL) or, in a program, `fsspec.config.conf["s3"] = {"endpoint_url": ...}`. Attempts are repeated by
the backend of the protocol, or not at all.

Whatever a backend raises comes out as an OSError with the URL in it; a package that is missing is an ImportError.
Backends are looked up for each file: fsspec has one for each thread and each process, also after a fork.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
from collections.abc import Iterator
from typing import Any

from tfrecord_lite.errors import printable
from tfrecord_lite.files.interrupts import interrupts_held
from tfrecord_lite.format.pieces import Pieces, coalesced

#: Bytes fetched at once: large enough that waiting for the answer costs little beside the transfer.
BLOCK_SIZE = 8 << 20

#: "s3://", "simplecache::s3://"; a single letter is a Windows drive.
_URL = r"[A-Za-z][A-Za-z0-9+.\-]+(::[A-Za-z][A-Za-z0-9+.\-]+)*://"
#: Of the OSErrors that backends raise without a number.
_NUMBERS = {FileNotFoundError: errno.ENOENT, IsADirectoryError: errno.EISDIR, PermissionError: errno.EACCES}
_NUMBERS |= {FileExistsError: errno.EEXIST, TimeoutError: errno.ETIMEDOUT}
#: Of HTTP's answers: Not Found and Gone; Unauthorized and Forbidden.
_NOT_THERE, _NOT_ALLOWED = (404, 410), (401, 403)


def is_url(path: str) -> bool:
    """Whether this is a URL, perhaps a chained one, and no local path. Whether its protocol is known is not asked."""
    return "://" in path and re.match(_URL, path) is not None


def base_name(url: str) -> str:
    """The last part of a file's name."""
    return _link(url).rpartition("/")[2]


def expand_url(url: str) -> tuple[str, list[str]]:
    """("pattern" | "directories" | "directory" | "file", the files that it stands for, as URLs).

    A name that exists is never taken as a pattern. One that matches directories and no file stands for these.

    Raises:
        FileNotFoundError: there is nothing of this name.
        OSError: the server cannot be asked.
    """
    with os_errors(url):
        fs, path = locate(url)
        if glob.has_magic(path) and not fs.exists(path):
            kind, found = "pattern", list(fs.glob(path, detail=True).values())
            if found and all(facts["type"] == "directory" for facts in found):
                return "directories", [_renamed(url, path, facts["name"]) for facts in found]
        elif fs.info(path)["type"] == "directory":
            kind, found = "directory", fs.ls(path, detail=True)
        else:
            return "file", [url]
        names = [facts["name"] for facts in found if facts["type"] == "file" and facts["name"] != path]
        return kind, [_renamed(url, path, name) for name in names]


def size(url: str) -> int | None:
    """Bytes in a file, None when the server does not tell."""
    with os_errors(url):
        fs, path = locate(url)
        told: int | None = fs.info(path)["size"]
        return told


def exists(url: str) -> bool:
    """Whether there is a file, or a directory."""
    with os_errors(url):
        fs, path = locate(url)
        return bool(fs.exists(path))


def version(url: str) -> str | None:
    """What changes when a file is replaced; None where there is none."""
    with os_errors(url):
        fs, path = locate(url)
        return str(fs.ukey(path)) if fs.exists(path) else None


def read_bytes(url: str) -> bytes:
    """All of a small file."""
    with os_errors(url):
        fs, path = locate(url)
        return bytes(fs.cat_file(path))


def write_bytes(url: str, data: bytes) -> None:
    """Publish a small file, whole or not at all."""
    sink = RemoteSink(url)
    try:
        sink.write([data])
    except BaseException:
        sink.discard()
        raise
    sink.close()


class RemoteSink:
    """A file that is there when it is closed. Until then, and after a crash, the one before it is.

    A crash leaves parts of an upload that nobody sees; the rules of a bucket can have them removed. Whether there is a
    place to write to may be noticed only when the first bytes are sent, some 50 MB later.

    Attributes:
        is_published: whether it has its name.
    """

    is_atomic = True
    is_published = False
    writing_path: str | None = None

    def __init__(self, url: str) -> None:
        self._url = url
        with os_errors(url):
            fs, path = locate(url)
            self._fs = fs
            # With autocommit=False alone memory:// publishes at once, and during a transaction it does not.
            in_transaction, fs._intrans = fs._intrans, True
            try:
                self._file = fs.open(path, "wb", autocommit=False)
            except NotImplementedError as error:
                raise OSError(errno.EROFS, "this protocol is for reading only", url) from error
            finally:
                fs._intrans = in_transaction
            fs.transaction.files.remove(self._file)  # it is committed here, by no one else's transaction
            from fsspec.spec import AbstractBufferedFile

            if type(self._file).commit is AbstractBufferedFile.commit:
                self.abandon()
                raise OSError(errno.EOPNOTSUPP, "this protocol cannot publish a file when it is complete", url)

    def write(self, pieces: Pieces) -> None:
        with os_errors(self._url):
            for piece in coalesced(pieces):
                self._file.write(piece)

    def flush(self) -> None:
        """Nobody could see it before it is complete."""

    def complete(self) -> None:
        """Send what is left: only the name is missing, which `close` gives."""
        with os_errors(self._url):
            self._file.close()

    def close(self) -> None:
        try:
            self.complete()
            # fsspec sends it in another thread, which a Ctrl-C here does not end: it would be there after all.
            with interrupts_held(masks=False, once=True), os_errors(self._url):
                self._file.commit()
                self.is_published = True
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        # When the upload cannot be given up nobody sees it all the same, and why it is to be is known better.
        with contextlib.suppress(OSError), os_errors(self._url):
            self._file.discard()
        self.abandon()

    def abandon(self) -> None:
        with contextlib.suppress(AttributeError):  # of what is only memory
            self._file.closed = True  # or it would be uploaded when it is garbage


def locate(url: str) -> tuple[Any, str]:
    """(backend, path there) of a URL. What was known of the directories above is forgotten: others write there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        text = f'{printable(url)} needs fsspec: pip install "tfrecord-lite-codec[fsspec]"'
        raise ImportError(text) from error
    fs, path = url_to_fs(url)
    fs.invalidate_cache(path)
    return fs, path


@contextlib.contextmanager
def os_errors(url: str) -> Iterator[None]:
    """Whatever a backend raises becomes an OSError that names the URL."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename == url:
            raise
        cause = error.__cause__ or error
        number = _number_of(error, cause)
        is_plain = cause is error and number != errno.EIO and isinstance(error, OSError)
        text = os.strerror(number) if is_plain else f"{type(cause).__name__}: {cause}".removesuffix(": ")
        raise OSError(number, printable(text), url) from error


def _number_of(error: Exception, cause: BaseException) -> int:
    """What kind of OSError it is. Of HTTP the backend says "not found" whatever the server answers, or if none does."""
    if isinstance(error, FileNotFoundError):
        status = getattr(cause, "status", None)  # of an answer
        if isinstance(status, int) and status not in _NOT_THERE:
            return errno.EACCES if status in _NOT_ALLOWED else errno.EIO
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return errno.EIO
    number = error.errno if isinstance(error, OSError) else None
    return number or next((number for kind, number in _NUMBERS.items() if isinstance(error, kind)), errno.EIO)


def _renamed(url: str, path: str, name: str) -> str:
    """The URL of `name`, which was found below `url`, whose path is `path`."""
    link = _link(url)
    place = link.rstrip("/")
    before = place[: -len(path)] if path and place.endswith(path) else link.partition("://")[0] + "://"
    return url.replace(link, name if "://" in name else before + name, 1)


def _link(url: str) -> str:
    """The part of a chained URL that names the file; the others say how it is reached."""
    return next(link for link in url.split("::") if "://" in link)
