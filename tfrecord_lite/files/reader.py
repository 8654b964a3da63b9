"""TFRecordReader: a file -> its records, every CRC checked.

The file is opened and inflated by `streams`, cut into frames by `format.blocks`; here path and record number are
added to errors. Good records come first, then the error about what follows them. Memory is bounded by the longest
record allowed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import (
    CorruptRecordError,
    SkippedRegion,
    TFRecordError,
    TruncatedRecordError,
    add_path,
    counted,
    printable,
)
from tfrecord_lite.files.paths import kind_of_name
from tfrecord_lite.files.streams import open_source, seekable_size
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_RECORDS, Sizes, read_blocks, read_inflated_blocks
from tfrecord_lite.format.framing import FRAME_OVERHEAD
from tfrecord_lite.format.skim import skim

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    from tfrecord_lite.format.recovery import Recovery


class TFRecordReader:
    """The records of one file, in order. An iterator of bytes; also a context manager.

    It is for the process that opened it: a child process after fork shares the place in the file with its parent, and
    what one of the two reads the other would miss.

    Args:
        path: a path, a URL that fsspec knows, a binary file object (read from where it stands, not closed), or "-" for
            standard input.
        compression_type: None recognises it from the content; "" is certainly plain, "GZIP", "ZLIB".
        verify: whether the CRCs are checked. Those of a GZIP or ZLIB stream always are.
        max_record_size: the longest record to accept, in bytes; None is 2 GiB - 1.
        num_threads: 2 reads, and inflates, ahead in a thread of its own; 1 does not. None is 2 for compressed files
            and URLs, where it pays, and 1 for others. More inflate the members of seekable GZIP side by side, all but
            the caller's own; for other files they are not used.
        recovery: called with a SkippedRegion instead of an error about damage. Reading goes on with the next sound
            frame, but ends, as at the end of a file, when it returns False; what it raises is raised. In a compressed
            file reading goes on behind a damaged header, and in a GZIP file with the next member. All in one thread,
            and not without `verify`.

    Attributes:
        compression_type: "", "GZIP" or "ZLIB", as given or recognised.
        name: of the file, for errors; None for a file object without one.
        offset: of the next frame, in the uncompressed stream (of what could be inflated, after damage to a GZIP file).
        record_number: how many records have been read.

    Raises:
        OSError: the file cannot be opened, before anything is read; or not be read.
        ValueError: the reader is closed, or was opened by another process.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError: while reading, with path, record number and
            offset; and again at each further attempt.
    """

    def __init__(
        self,
        path: Any,
        compression_type: str | None = None,
        *,
        verify: bool = True,
        max_record_size: int | None = None,
        num_threads: int | None = 1,
        recovery: Recovery | None = None,
    ) -> None:
        if recovery is not None:
            check_verifies(verify)
        self._stream, self.name, self.compression_type = open_source(
            path, compression_type, num_threads, resumes=recovery is not None
        )
        self._verify = verify
        self._read_blocks: Callable[..., Iterator[Block]]
        if recovery is None:
            read = read_inflated_blocks if self.compression_type else read_blocks
            self._read_blocks = partial(read, self._stream, verify=verify, max_record_size=max_record_size)
        else:
            from tfrecord_lite.format.recovery import recover_blocks

            skip, resume = partial(self._skip, recovery), getattr(self._stream, "resume", None)
            self._read_blocks = partial(
                recover_blocks, self._stream, skip, max_record_size=max_record_size, resume=resume
            )
        self._blocks: Iterator[Block] | None = None
        self._records: Iterator[bytes] = iter(())
        self._error: Exception | None = None
        self._is_closed = False
        self._process = os.getpid()
        self.offset = 0
        self.record_number = 0

    def __iter__(self) -> Self:
        return self

    def __repr__(self) -> str:
        return f"<TFRecordReader: {self._facts()}>"

    def _repr_html_(self) -> str:
        """For a notebook: where the reader is. Nothing is read for it."""
        from html import escape

        return f"<p><b>TFRecordReader</b> {escape(self._facts())}</p>"

    def __next__(self) -> bytes:
        record = next(self._records, None)
        while record is None:
            self._records = iter(self._next_block().records())
            record = next(self._records, None)
        self.offset += len(record) + FRAME_OVERHEAD
        self.record_number += 1
        return record

    def blocks(self, sizes: Sizes = FOR_RECORDS) -> Iterator[Block]:
        """The records block by block, each valid until the next is asked for. Not to be mixed with iteration."""
        while True:
            try:
                block = self._next_block(sizes)
            except StopIteration:
                return
            self.offset += block.size
            self.record_number += len(block)
            yield block

    def frame_sizes(self) -> Iterator[NDArray[np.int64]]:
        """The size of each frame (length + 16), int64 arrays, instead of the records.

        From the headers alone, whose CRCs are checked, where the file can be entered anywhere; long records are passed
        over. Other files (compressed, pipes) are read as they are by `blocks`, and so is what follows a damaged header,
        which raises what reading raises. Not to be mixed with iteration.
        """
        size = seekable_size(self._stream)
        if size is not None:
            for sizes in skim(self._stream, size, verify=self._verify):
                self.offset += int(sizes.sum())
                self.record_number += len(sizes)
                yield sizes
            if self.offset == size:
                return
            self._stream.seek(self.offset)
            self._read_blocks = partial(self._read_blocks, offset=self.offset)
        for block in self.blocks():
            yield block.ends - block.starts + FRAME_OVERHEAD

    @property
    def members(self) -> int:
        """How many members of a GZIP file, or streams of a ZLIB file, have begun so far; 0 of other files.

        Known only without threads and recovery.
        """
        return getattr(self._stream, "members", 0)

    @property
    def padding(self) -> int:
        """How many zeros behind members of a GZIP file were passed over so far. Known as `members` is."""
        return getattr(self._stream, "padding", 0)

    def locate(self, error: TFRecordError, block: Block, number: int) -> None:
        """Tell an error that it is about that record of the block that `blocks` gave last."""
        error.path = self.name
        error.record_number = self.record_number - len(block) + number
        error.offset = self.offset - block.size + int(block.starts[number] - block.starts[0])

    def close(self) -> None:
        """Close the file. A file object that was given stays open."""
        self._is_closed, self._records = True, iter(())
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _facts(self) -> str:
        name, compression = printable(str(self.name or "<file object>")), self.compression_type or "not compressed"
        state = ", closed" if self._is_closed else ""
        return (
            f"{name}, {compression}, {counted(self.record_number, 'record')} read, next at offset {self.offset}{state}"
        )

    def _next_block(self, sizes: Sizes = FOR_RECORDS) -> Block:
        if self._is_closed:
            raise ValueError("the reader is closed")
        if self._process != os.getpid():
            raise ValueError("the reader was opened by another process, which goes on reading: open one in each")
        if self._error is not None:
            raise self._error
        if self._blocks is None:
            self._blocks = self._read_blocks(sizes=sizes)
        try:
            return next(self._blocks)
        except BaseException as error:
            # The end or the last word about this file: the error's traceback may keep us alive long after.
            self._stream.close()
            if isinstance(error, TFRecordError):
                error.path, error.record_number, error.offset = self.name, self.record_number, self.offset
                kind = "" if self.offset else kind_of_name(self.name)
                if kind and isinstance(error, (CorruptRecordError, TruncatedRecordError)):
                    error.reason = f"by its name this is {kind}, not data"
            elif isinstance(error, OSError):
                add_path(error, self.name)
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                self._error = error
            raise

    def _skip(self, recovery: Recovery, region: SkippedRegion) -> bool:
        """Tell about a region, and be where it ends."""
        goes_on = recovery(region._replace(path=self.name)) is not False
        if goes_on:
            self.offset = region.end
        return goes_on


def check_verifies(verify: bool) -> None:
    """Raise ValueError unless there are CRCs to go by."""
    if not verify:
        raise ValueError("recovery needs verify=True: sound frames are found by their CRCs")
