"""merge, split, reshard: frames moved to one file or to several, as they are and in their order.

The frames of the outputs are byte for byte those of the inputs: nothing is encoded again, every CRC is checked. Damage
in the input raises, with path, record number and offset, and leaves no output. An output may be one of the inputs: it
is replaced when all has been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfrecord_lite.files.frames import FrameSource, Moved, Progress
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.files.shards import check_prefix, check_sizes


def merge(paths: Any, out: Any, *, options: Any = None, progress: Progress | None = None) -> Moved:
    """All records of the files in one file.

    Args:
        paths: as for `read_records`: a path, glob, directory, file object, "-" or a sequence of these, in this order.
            Compression is recognised from the content.
        out: a path, or a binary file object. A file appears when it is complete.
        options: None, a compression type or TFRecordOptions for the output, which is plain otherwise.
        progress: called with (bytes done, bytes in all) of the input.

    Returns:
        How many records were read, and what was written.

    Raises:
        OSError: a file cannot be read or written.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError: the input is damaged.
    """
    source = FrameSource(paths, progress)
    with source.output(out, options) as file:
        for block in source.blocks():
            file.write(block.frames())
    return Moved(source.read, (file.facts(),))


def split(
    paths: Any,
    prefix: Any,
    *,
    num_shards: int | None = None,
    max_records: int | None = None,
    max_bytes: int | None = None,
    options: Any = None,
    progress: Progress | None = None,
) -> Moved:
    """All records of the files in shards `prefix-00000-of-0000N`, the first ones in the first shard.

    Args:
        paths, options, progress: as for `merge`.
        prefix: path of the shards without their numbers. The shards appear when all are complete.
        num_shards: so many shards, of equally many records as far as possible. The input is read twice.
        max_records: records in a shard at most.
        max_bytes: bytes of frames in a shard at most, before compression; a longer record has a shard for itself.

    Raises:
        ValueError: neither num_shards nor a maximum is given, or both are; or num_shards is given and an input is a
            stream, which cannot be read twice.
        others: as for `merge`.
    """
    if (num_shards is None) == (max_records is None and max_bytes is None):
        raise ValueError("either num_shards, or max_records or max_bytes or both")
    check_sizes(num_shards=num_shards, max_records=max_records, max_bytes=max_bytes)
    check_prefix(prefix)  # before the input is read for its number of records
    if num_shards is None:
        source = FrameSource(paths, progress)
        with ShardedWriter(prefix, max_records=max_records, max_bytes=max_bytes, options=options) as shards:
            for block in source.blocks():
                shards.write_frames(block.frames())
        return Moved.to_shards(source.read, shards.infos)
    source = FrameSource(paths, progress, passes=2)
    source.check_rereadable("shards of equal size are made by counting first")
    with ShardedWriter(prefix, num_shards=num_shards, options=options) as shards:
        spread(source, shards, source.count(), num_shards)
    return Moved.to_shards(source.read, shards.infos)


def reshard(
    paths: Any, prefix: Any, num_shards: int, *, options: Any = None, progress: Progress | None = None
) -> Moved:
    """The records of a set of shards in another number of shards: `split` into `num_shards`.

    Shards of an older set of the prefix, of whatever number, are replaced.
    """
    return split(paths, prefix, num_shards=num_shards, options=options, progress=progress)


def spread(source: FrameSource, shards: ShardedWriter, count: int, num_shards: int) -> None:
    """Write the `count` records of a source to `num_shards` shards in their order, to each equally many."""
    ends = np.cumsum([*equal_shares(count, num_shards)]).tolist()
    number, done = 0, 0
    for block in source.blocks():
        begin = 0
        while begin < len(block):
            while done == ends[number] and number < num_shards - 1:
                number += 1
            is_last = number == num_shards - 1
            end = len(block) if is_last else min(len(block), begin + ends[number] - done)
            shards.write_frames(block.frames(begin, end), shard=number)
            done, begin = done + end - begin, end


def equal_shares(count: int, num_shards: int) -> Iterator[int]:
    """How many of `count` records each shard holds: numbers that differ by 1 at most."""
    return (count * (number + 1) // num_shards - count * number // num_shards for number in range(num_shards))
