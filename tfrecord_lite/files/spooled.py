"""SpooledSink: a file in the directory for temporary files until it is closed, then, whole, what is at a URL.

A set of shards is written at all its ends at once and an object only from its beginning on, with a buffer of tens of MB
for each that is open. So they wait on the disk.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.remote import RemoteSink, is_url
from tfrecord_lite.files.sinks import HiddenFileSink
from tfrecord_lite.files.temporary import TemporaryPath

_PIECE = 8 << 20


def remote_sink(url: str, name: str) -> RemoteSink:
    """A sink for a hidden object of a set. Nothing is sent yet, but a URL that cannot be written to is refused.

    Raises:
        OSError: with `name`, where URLs have a bucket first and this one has none; others as RemoteSink.
    """
    try:
        return RemoteSink(url)
    except OSError as error:
        if error.errno == errno.EIO and split_path(url)[0].endswith("://"):  # memory:// takes names there
            problem = "nothing can be written there: behind the bucket a prefix needs a name, '/train'"
            raise OSError(errno.EINVAL, problem, name) from error
        raise


def upload(path: str, sink: RemoteSink, check: Callable[[], object] = lambda: None) -> None:
    """Publish a file of this machine. After an error nothing has been published.

    Args:
        path: of the file.
        sink: where it goes.
        check: called before the last step, to raise an error if that is not to be taken.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                sink.write([piece])
        sink.complete()
        check()
    except BaseException:
        sink.discard()
        raise
    sink.close()


class SpooledSink(HiddenFileSink):
    """A hidden file, as others are, whose close takes as long as the upload does.

    Args:
        url: where it goes.
        name: what the caller knows it by, for errors.

    Raises:
        OSError: there is no room for it here; or the protocol cannot write, or not at once.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._remote = remote_sink(url, name)  # now: what cannot be written to is to be known before hours of work
        try:
            self._spool = TemporaryPath()
            super().__init__(self._spool.path, name)
        except BaseException:
            self._remote.discard()
            raise

    def rest(self) -> None:
        super().abandon()

    def close(self) -> None:
        super().abandon()
        try:
            upload(self._spool.path, self._remote)
        finally:
            self._spool.remove()

    def discard(self) -> None:
        super().discard()
        self._spool.remove()
        if self._remote.is_published:
            directory, name = split_path(self._url)
            open_directory(directory).remove([name])
        else:
            self._remote.discard()

    def abandon(self) -> None:
        super().abandon()
        self._remote.abandon()


def hidden_sink(path: str, name: str) -> HiddenFileSink:
    """A sink for a new file or URL under a temporary name."""
    return SpooledSink(path, name) if is_url(path) else HiddenFileSink(path, name)
