"""RemoteAppendSink: going on with what is at a URL.

Object stores have no append. The object is fetched into the directory for temporary files and continued there as a file
is, with the same look at its tail; on close it takes the place of the one that is there, whole or not at all. One
process at a time: somebody else's is noticed, unless it is put there in the moment of this one's last request.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable

from tfrecord_lite.files.remote import RemoteSink, version
from tfrecord_lite.files.remote_stream import RemoteStream
from tfrecord_lite.files.sinks import Sink
from tfrecord_lite.files.spooled import upload
from tfrecord_lite.files.temporary import TemporaryPath
from tfrecord_lite.format.pieces import Pieces


class RemoteAppendSink:
    """A copy of an object, continued. Until it is closed, and after a crash, the object is what it was.

    Args:
        url: of the object; it may be that there is none.
        open_end: called with (path of the copy, url), gives a sink for what goes behind its records.

    Raises:
        OSError: the object cannot be fetched, or there is no room for it.
        others: as open_end.
    """

    is_atomic = True
    writing_path: str | None = None

    def __init__(self, url: str, open_end: Callable[[str, str], Sink]) -> None:
        self._url = url
        RemoteSink(url).discard()  # what cannot be written to is to be known before anything is
        self._copy = TemporaryPath()
        self._path = self._copy.path
        try:
            self._version = version(url)
            if self._version is not None:
                self._fetch()
            self._end = open_end(self._path, url)
        except BaseException as error:
            if isinstance(error, OSError) and error.filename == self._path:
                error.filename = url
            self._copy.remove()
            raise

    def write(self, pieces: Pieces) -> None:
        self._end.write(pieces)

    def flush(self) -> None:
        self._end.flush()

    def close(self) -> None:
        """Replace the object.

        Raises:
            OSError: it cannot be; ESTALE where it is not the one that was continued: somebody else was faster.
        """
        try:
            self._end.close()
            upload(self._path, RemoteSink(self._url), self._check_version)
        finally:
            self._copy.remove()

    def _check_version(self) -> None:
        """Between this and the last request of an upload nobody is kept away: stores do that, but not all of them."""
        if version(self._url) != self._version:
            raise OSError(errno.ESTALE, "it was replaced or removed while it was appended to", self._url)

    def discard(self) -> None:
        self._end.discard()
        self._copy.remove()

    def abandon(self) -> None:
        self._end.abandon()

    def _fetch(self) -> None:
        with contextlib.closing(RemoteStream(self._url)) as stream, open(self._path, "xb") as file:
            while piece := stream.read():
                file.write(piece)
