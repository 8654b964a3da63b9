"""read_records, count_records: many files, one after the other."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.paths import STDIN, expand_paths, list_paths
from tfrecord_lite.files.reader import TFRecordReader, check_verifies
from tfrecord_lite.files.reading import Reading, paths_text
from tfrecord_lite.files.remote import is_url

if TYPE_CHECKING:
    from tfrecord_lite.format.recovery import Recovery


def read_records(
    paths: Any,
    compression_type: str | None = None,
    *,
    verify: bool = True,
    max_record_size: int | None = None,
    recovery: Recovery | None = None,
) -> Reading[bytes]:
    """The records of one or many files, in order: an iterator, which can be closed.

    Args:
        paths: a path, URL, glob, directory, binary file object, "-" for standard input, or a sequence of these.
        others: as for TFRecordReader.

    Raises:
        OSError: a file is missing or cannot be read, when called and not while iterating.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError: after the good records before the damage.
        ShardError: after the records of shards whose set was replaced meanwhile.
    """
    given = list_paths(paths)
    readers = open_readers(given, compression_type, verify, max_record_size, recovery=recovery)
    parts = (block.records() for reader in readers for block in reader.blocks())
    return Reading.of(parts, parts, "read_records", lambda: paths_text(given))


def count_records(paths: Any, compression_type: str | None = None, *, verify: bool = True) -> int:
    """How many records the files hold. Args and errors as for `read_records`: a damaged file has no count.

    Without `verify` they are counted from their headers: long records are passed over, not read.
    """
    readers = open_readers(paths, compression_type, verify, None)
    if verify:
        return sum(len(block) for reader in readers for block in reader.blocks())
    return sum(len(sizes) for reader in readers for sizes in reader.frame_sizes())


def open_readers(
    paths: Any,
    compression_type: str | None,
    verify: bool,
    max_record_size: int | None,
    num_threads: int | None = 1,
    recovery: Recovery | None = None,
) -> Generator[TFRecordReader]:
    """One open reader after the other. Paths are looked up at once: what is missing is known before any work."""
    if compression_type is not None:
        check_compression_type(compression_type)
    if recovery is not None:
        check_verifies(verify)
    expanded = expand_paths(paths)
    located = [_located(source) for source in expanded]
    watch = None
    if len(located) > 1:  # before the first one is opened
        from tfrecord_lite.files.set_watch import SetWatch  # with json, for what is many files only

        watch = SetWatch(located)

    def opened() -> Generator[TFRecordReader]:
        for source, path in zip(expanded, located, strict=True):
            with TFRecordReader(
                path,
                compression_type,
                verify=verify,
                max_record_size=max_record_size,
                num_threads=num_threads,
                recovery=recovery,
            ) as reader:
                if path is not source:
                    reader.name = str(source)
                if watch is not None:
                    watch.check(path)
                yield reader

    return opened()


def _located(source: Any) -> Any:
    """A relative path as the file that has just been looked up, wherever the process goes; others as they are."""
    if not isinstance(source, str) or source == STDIN or is_url(source) or os.path.isabs(source):
        return source
    return os.path.join(os.getcwd(), source)
