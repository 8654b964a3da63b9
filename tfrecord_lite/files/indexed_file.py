"""One file and where its records are: record by number, opened when the first one is asked for.

    number -> offset and size of its frame -> Ranges -> format.lookup -> record

What is pickled is what is known about the file, not the open file. Before a file is read it must be in the state in
which it was when its index was made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import IndexMismatchError, TFRecordError
from tfrecord_lite.files.index import RecordIndex
from tfrecord_lite.files.ranges import FileState, MappedRanges, Ranges, open_ranges
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.format.lookup import record_at, record_taker, records_at

Array = NDArray[np.int64]

#: Fewer records are taken out one by one where they can be.
_FEW = 8
_CHANGED = "the file was changed after its records were numbered"


class IndexedFile:
    """The records of one file.

    Args:
        name: path of the file, as errors tell it.
        verify, save_index: as for RecordSource.

    Attributes:
        name: as given.
        ranges: the open file, or None while it is not open.
        take: gives a record of the open file by its number, or None: then `record` does, or says what is wrong.
    """

    def __init__(self, name: str, *, verify: bool, save_index: bool) -> None:
        self.name = name
        self._path = name if is_url(name) else os.path.abspath(name)  # wherever the process goes
        self._verify = verify
        self.ranges: Ranges | None = None
        self.take: Callable[[int], bytes | None] | None = None
        self._state = open_ranges(self._path).state
        self._limits = _limits(self._path, name, verify, save_index)
        self._limit_at: Sequence[int] = memoryview(self._limits)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self._limit_at) - 1

    @property
    def size(self) -> int:
        """Bytes in the frames of all records."""
        return self._limit_at[-1] - self._limit_at[0]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"ranges": None, "take": None, "_limit_at": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._limit_at = memoryview(self._limits)  # type: ignore[arg-type]

    def open(self) -> Ranges:
        """Open the file, unless it was changed."""
        try:
            ranges = open_ranges(self._path)
        except TFRecordError as error:  # a part of a member is not one
            changed = not is_url(self._path) and FileState.of(os.stat(self._path)) != self._state
            raise self._located(IndexMismatchError(_CHANGED) if changed else error, None)  # noqa: B904
        if ranges.state != self._state:
            raise self._located(IndexMismatchError(_CHANGED), None)
        if isinstance(ranges, MappedRanges):
            self.take = record_taker(ranges.map, self._limit_at, verify=self._verify)
        self.ranges = ranges
        return ranges

    def close(self) -> None:
        """Let go of the open file."""
        self.ranges = self.take = None

    def record(self, ranges: Ranges, number: int) -> bytes:
        """One record, read from the open file."""
        begin, end = self._limit_at[number], self._limit_at[number + 1]
        try:
            buffer, position = ranges.at(begin, end - begin)
            return record_at(buffer, position, end - begin, begin, self._verify)
        except TFRecordError as error:
            raise self._located(error, number)  # noqa: B904

    def records(self, ranges: Ranges, numbers: Array) -> list[bytes]:
        """Many records, in the order of `numbers`."""
        take = self.take
        if len(numbers) < _FEW and take is not None:
            taken = list(map(take, numbers.tolist()))
            records = None if None in taken else cast(list[bytes], taken)
        else:
            offsets = self._limits[numbers]
            sizes = self._limits[numbers + 1] - offsets
            try:
                buffer, positions = ranges.at_many(offsets, sizes)
                records = records_at(buffer, positions, sizes, verify=self._verify)
            except IndexMismatchError as error:  # of the whole file
                raise self._located(error, None)  # noqa: B904
            except TFRecordError:  # of a range
                records = None
        # Which of them has something wrong is found one by one.
        return [self.record(ranges, number) for number in numbers.tolist()] if records is None else records

    def frames(self, ranges: Ranges, numbers: Array) -> list[memoryview]:
        """The frames of many records, unchecked, in the order of `numbers`; of a mapped file where they lie in it."""
        offsets = self._limits[numbers]
        sizes = self._limits[numbers + 1] - offsets
        buffer, positions = ranges.at_many(offsets, sizes)
        view, ends = memoryview(buffer), (positions + sizes).tolist()
        return [view[start:end] for start, end in zip(positions.tolist(), ends, strict=True)]

    def locate(self, error: TFRecordError, number: int) -> None:
        """Tell an error that it is about that record."""
        error.path, error.record_number, error.offset = self.name, number, self._limit_at[number]

    def _located(self, error: TFRecordError, number: int | None) -> TFRecordError:
        error.path, error.record_number = self.name, number
        return error


def _limits(path: str, name: str, verify: bool, save_index: bool) -> Array:
    """Of the saved index when it belongs to the file, else of a new one."""
    try:
        return RecordIndex.load(path).limits
    except (FileNotFoundError, PermissionError, IndexMismatchError):
        pass  # a saved index only saves time
    try:
        index = RecordIndex.build(path, verify="headers" if verify else False)
    except TFRecordError as error:
        error.path = name
        raise
    if save_index:
        index.save()
    return index.limits
