"""Paths, URLs and file objects as byte streams. The only module that opens anything; URLs by way of `remote`.

`open_source` gives what is read from: an object with `readinto`, `read` and `close`, already decompressed.
`open_sink` gives what is written to: see `sinks.py`. Both raise the operating system's own errors with the path in
them. `open_nameless` gives a file to write to and to read again, of which nothing is left.

What only writers, compressed files or URLs need is imported where it is used: commands shall start at once.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from tfrecord_lite.errors import add_path
from tfrecord_lite.files import heap as _heap  # noqa: F401  for what it does to the memory of whoever reads and writes
from tfrecord_lite.files.compression import HEAD_SIZE, InflateStream, is_settled, recognise
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.object_streams import ObjectStream, PrefixedStream
from tfrecord_lite.files.paths import STDIN, STDIN_NAME, as_path, check_readable
from tfrecord_lite.files.remote import RemoteSink, is_url, read_bytes, write_bytes
from tfrecord_lite.files.remote_stream import RemoteStream

#: What is fetched of a URL at the least by those who read a few bytes here and there.
_REMOTE_BUFFER = 1 << 20

if TYPE_CHECKING:
    from tfrecord_lite.files.options import TFRecordOptions
    from tfrecord_lite.files.remote_ranges import RemoteRanges
    from tfrecord_lite.files.sinks import Sink


def open_source(
    path: Any, compression_type: str | None = None, num_threads: int | None = 1, *, resumes: bool = False
) -> tuple[Any, str | None, str]:
    """(stream, name for errors, compression type) of a path, a URL, a file object, or "-" for standard input.

    Args:
        path: as above.
        compression_type: None recognises it from the content; "" is certainly plain.
        num_threads: more than 1 reads ahead in a thread; None does so for compressed streams and URLs. More than 2
            inflate the members of seekable GZIP side by side.
        resumes: whether a compressed stream shall have a `resume` to go on behind damage; then nothing reads ahead.
    """
    if compression_type is not None:
        compression_type = check_compression_type(compression_type)
    stream, name = _open_raw(path)
    is_remote = isinstance(stream, RemoteStream)
    try:
        if compression_type is None:
            head = _read_head(stream)
            compression_type = recognise(head)
            stream = _put_back(head, stream)
        if resumes:
            num_threads = 1
        if compression_type == "GZIP" and num_threads is not None and num_threads > 2:
            from tfrecord_lite.files.inflate_ahead import InflateMembers

            stream = InflateMembers(stream, num_threads - 1)
        elif compression_type and resumes:
            from tfrecord_lite.files.member_recovery import ResumingInflateStream

            stream = ResumingInflateStream(stream, compression_type)
        elif compression_type:
            stream = InflateStream(stream, compression_type)
        if bool(compression_type) or is_remote if num_threads is None else num_threads > 1:
            from tfrecord_lite.files.read_ahead import ReadAhead

            stream = ReadAhead(stream)
        return stream, name, compression_type
    except BaseException as error:
        if isinstance(error, OSError):
            add_path(error, name)
        stream.close()
        raise


def read_ends(path: str, size: int) -> tuple[int, bytes, bytes]:
    """(bytes in all, first `size` bytes, last `size` bytes) of a regular file or a URL, fewer when it is shorter."""
    if is_url(path):
        ranges = _remote_ranges(path)
        count = min(size, ranges.size)
        return ranges.size, ranges.read(0, count), ranges.read(ranges.size - count, count)
    with open(path, "rb", buffering=0) as file:
        file_size = os.fstat(file.fileno()).st_size
        head = _read_up_to(file, size)
        file.seek(max(file_size - size, 0))
        return file_size, head, _read_up_to(file, size)


def read_range(path: str, offset: int, size: int) -> bytes:
    """`size` bytes of a regular file or a URL from `offset` on, fewer at its end."""
    if is_url(path):
        ranges = _remote_ranges(path)
        return ranges.read(offset, min(size, max(ranges.size - offset, 0)))
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        return _read_up_to(file, size)


def read_whole(path: str) -> bytes:
    """All of a small file or URL."""
    if is_url(path):
        return read_bytes(path)
    check_readable(path)
    with open(path, "rb") as file:
        return file.read()


def read_regular(path: str, limit: int) -> bytes | None:
    """All of a regular file or URL; None where that is more than `limit` bytes.

    Raises:
        OSError: it cannot be read; or has become anything else, a FIFO perhaps, for which nobody waits.
    """
    if is_url(path):
        with RemoteStream(path) as stream:
            data = _read_up_to(stream, limit + 1)
        return data if len(data) <= limit else None
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return _read_up_to(file, limit) if status.st_size <= limit else None


def open_seekable(path: str) -> BinaryIO:
    """A regular file or URL for a library that finds its own way in it, as Parquet's and ZIP's do; or "-" if it is one.

    Raises:
        OSError: it cannot be opened; or it is no regular file, in which nobody can go back.
    """
    if is_url(path):
        from tfrecord_lite.files.remote_file import RemoteFile

        return io.BufferedReader(RemoteFile(path), _REMOTE_BUFFER)
    opened = _stdin_descriptor() if path == STDIN else path
    if opened is None or not stat.S_ISREG(os.stat(opened).st_mode):
        raise OSError(errno.ESPIPE, "this format is read from both ends: a regular file is needed", path)
    if isinstance(opened, int):
        os.lseek(opened, 0, os.SEEK_SET)  # something of it may have been looked at
        opened = os.dup(opened)
    return open(opened, "rb")


def publish(path: str, data: bytes) -> None:
    """Put a small file, or what is at a URL, in its place, whole or not at all; a FIFO or device is written to."""
    if is_url(path):
        write_bytes(path, data)
        return
    sink = _open_file_sink(path, atomic=True)
    try:
        sink.write([data])
    except BaseException:
        sink.discard()
        raise
    sink.close()


def seekable_size(stream: Any) -> int | None:
    """Bytes of a plain regular file as `open_source` gives it; None for what cannot be entered anywhere."""
    if not isinstance(stream, io.FileIO):
        return None
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def open_sink(path: Any, options: TFRecordOptions, atomic: bool) -> Sink:
    """A sink for a path, a URL, a binary file object, or a file sink that is open already."""
    from tfrecord_lite.files import sinks
    from tfrecord_lite.files.deflate import DeflateSink, MembersSink

    compressor = options.compressor()  # first: what zlib refuses must not leave a file behind
    if isinstance(path, sinks.FileSink):
        sink: Sink = path
    elif hasattr(path, "write") and not isinstance(path, os.PathLike):
        sink = sinks.ObjectSink(path)
    elif is_url(name := as_path(path)):
        sink = RemoteSink(name)  # atomic in any case: there is no other way to write
    else:
        sink = _open_file_sink(name, atomic)
    if options.seekable:
        return MembersSink(sink, options)
    return sink if compressor is None else DeflateSink(sink, compressor)


def open_nameless(directory: str) -> io.FileIO:
    """A file in the directory without a name there, gone when it is closed and however the process ends."""
    import tempfile  # and with it some twenty modules that nothing else here needs

    # Where the system has no such files it has a name after all, which no glob for data takes for data.
    file: Any = tempfile.TemporaryFile(buffering=0, dir=directory, prefix=".writing-", suffix=".tmp")  # noqa: SIM115
    return cast("io.FileIO", file)


def _open_raw(path: Any) -> tuple[Any, str | None]:
    if hasattr(path, "read") and not isinstance(path, os.PathLike):
        name = getattr(path, "name", None)
        return ObjectStream(path), name if isinstance(name, str) else None
    name = as_path(path)
    if name == STDIN:
        if sys.stdin is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), STDIN_NAME)
        return ObjectStream(sys.stdin), STDIN_NAME
    if is_url(name):
        return RemoteStream(name), name
    check_readable(name)
    return open(name, "rb", buffering=0), name


def _stdin_descriptor() -> int | None:
    """That of standard input, or None where it is closed or an object of somebody's."""
    try:
        return None if sys.stdin is None else sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _remote_ranges(url: str) -> RemoteRanges:
    from tfrecord_lite.files.remote_ranges import RemoteRanges

    return RemoteRanges(url)


def _read_up_to(file: io.RawIOBase, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _read_head(stream: Any) -> bytes:
    """As much as is needed to recognise it: a pipe may not have more to give yet."""
    head = b""
    while not is_settled(head) and (data := stream.read(HEAD_SIZE - len(head))):
        head += data
    return head


def _put_back(head: bytes, stream: Any) -> Any:
    """The stream with `head` before it again."""
    if isinstance(stream, io.FileIO) and stream.seekable():
        stream.seek(0)
        return stream
    return PrefixedStream(head, stream)


def _open_file_sink(path: str, atomic: bool) -> Sink:
    from tfrecord_lite.files import sinks

    if not os.path.basename(path):
        raise FileNotFoundError(errno.ENOENT, "a file name is needed", path)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    descriptor = _own_descriptor(path)
    if descriptor is not None:
        return sinks.FileSink(path, descriptor)
    is_special = mode is not None and not stat.S_ISREG(mode)  # and so cannot be replaced
    if is_special or not atomic:
        return sinks.FileSink(path)
    return sinks.AtomicFileSink(path)


def _own_descriptor(path: str) -> int | None:
    """The number of the open file that a name such as /dev/stdout stands for.

    Whoever opened it said where to write (`>>`, a pipe); opening the name again would begin at the start.
    """
    if path == "/dev/stdout":  # whether there is such a name or not: on Windows there is none
        return 1
    number = re.fullmatch(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+", os.path.abspath(path))
    if number is None or not os.path.exists(path):
        return None
    return {"stdout": 1, "stderr": 2}.get(number[1]) or int(path.rpartition("/")[2])
