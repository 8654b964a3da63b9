"""Files that TensorFlow reads by itself: which these are, how they are compressed, and their records.

What TensorFlow would lose of a file without a word is looked for as far as that takes little time: GZIP members behind
one that it does not get past. It can only be those that begin in the last 256 KiB of a file (`format.gzip_members` says
why), so a file is inflated for it only where a member may begin there. A cut header at the end of a file, a compressed
stream without its end, and bytes behind a ZLIB stream are not looked for: only reading finds them.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from tfrecord_lite.errors import TFRecordError, printable
from tfrecord_lite.files.compression import HEAD_SIZE, recognise
from tfrecord_lite.files.member_problems import lost_members
from tfrecord_lite.files.paths import STDIN, expand_paths
from tfrecord_lite.files.records import count_records
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.streams import open_source
from tfrecord_lite.format.gzip_members import BUFFER_SIZE, MAGIC

#: Files that are read at the same time when they are shuffled.
_FILES_AT_A_TIME = 16


class LostRecordsError(TFRecordError, ValueError):
    """TensorFlow would read less of a file than is there, without an error.

    Attributes:
        reason: what it does not get past.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class File(NamedTuple):
    """A file and its compression type, "", "GZIP" or "ZLIB"."""

    path: str
    compression_type: str


def sound_files(paths: Any) -> list[File]:
    """The local files that `paths` stand for.

    Raises:
        OSError, ShardError: as `expand_paths`.
        ValueError: a path is a URL or a stream.
        LostRecordsError: TensorFlow would lose records of a file.
        CorruptRecordError, TruncatedRecordError: a file that had to be inflated for that is damaged.
    """
    files = []
    for path in expand_paths(paths):
        if not isinstance(path, str) or path == STDIN or is_url(path):
            name = printable(path) if isinstance(path, str) else type(path).__name__
            raise ValueError(f"TensorFlow reads local files here, not {name}: reader='tfrecord_lite' takes URLs, too")
        stream = open_source(path, "")[0]
        with stream:
            compression_type = recognise(stream.read(HEAD_SIZE))
            has_members = compression_type == "GZIP" and _may_begin_in_its_end(stream)
        if has_members:
            _check_members(path)
        files.append(File(path, compression_type))
    return files


def _may_begin_in_its_end(stream: Any) -> bool:
    """Whether a GZIP member, other than the first of the file, may begin where TensorFlow's last buffer is."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(size - BUFFER_SIZE, 1))
    return MAGIC in stream.read()


def _check_members(path: str) -> None:
    """Raise LostRecordsError where TensorFlow does not get to the last member of a GZIP file."""
    if lost_members(path, 0) is None:  # nothing is lost, however many records there are
        return
    finding = lost_members(path, count_records(path))
    if finding is None:  # somebody has put a sound file there meanwhile
        return
    cure = f"{finding.cure}, or read it with reader='tfrecord_lite'"
    error = LostRecordsError(f"{finding.what}; TensorFlow {finding.tensorflow}; cure: {cure}")
    error.path, error.record_number, error.offset = path, finding.record_number, finding.offset
    raise error


def records(
    tf: Any, files: list[File], part: int, parts: int, seed: int | None, buffer_size: int, is_ordered: bool
) -> Any:
    """The records of files as a tf.data.Dataset of bytes, of which this is one part of several.

    Of at least as many files as there are parts each part has files of its own; of fewer it takes records in turn.

    Args:
        part, parts: which part, and of how many.
        seed: of the order of files and records; None: as they lie.
        buffer_size: records of which the next one is drawn.
        is_ordered: whether what is read in parallel must come in the same order in every run.
    """
    is_dealt = len(files) >= parts
    own = files[part::parts] if is_dealt else files
    names, types = [os.fsencode(file.path) for file in own], [file.compression_type for file in own]
    # Of no files TensorFlow would make floats.
    of_files = tf.data.Dataset.from_tensor_slices((tf.constant(names, tf.string), tf.constant(types, tf.string)))
    if seed is not None and is_dealt:
        found = of_files.shuffle(len(own), seed).interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(len(own), _FILES_AT_A_TIME),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=is_ordered,
        )
    else:
        found = of_files.flat_map(tf.data.TFRecordDataset)
    if not is_dealt:
        found = found.shard(parts, part)
    return found if seed is None else found.shuffle(buffer_size, seed)
