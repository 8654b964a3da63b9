"""RecordSource: any record of many files by its number, one or many at a time, its CRCs checked.

    number -> file and number in it -> where its frame is (RecordIndex) -> the bytes (Ranges) -> record (format.lookup)

Fits torch.utils.data.DataLoader and grain.MapDataset.source as it is. Files are opened when they are first read, in
each process for itself; what is pickled, or taken along by a fork, is the numbers, not the open files. Several threads
may read at once.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import TFRecordError, counted, printable
from tfrecord_lite.files.indexed_file import IndexedFile
from tfrecord_lite.files.paths import expand_paths
from tfrecord_lite.files.ranges import Ranges
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.lookup import block_of

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
Array = NDArray[np.int64]

#: Each open file keeps a descriptor; a process has 1024 of these unless it asked for more.
_MAX_OPEN = 256
#: Files that are listed in a notebook.
_SHOWN_FILES = 10


def index_of(number: SupportsIndex) -> int:
    """The number of a record as Python's. Raises TypeError: it is no integer, or is masked."""
    if np.ma.is_masked(number):  # there is a number beneath the mask
        raise TypeError("the number of a record is masked")
    return operator.index(number)


class RecordSource(Sequence[bytes]):
    """The records of plain files, numbered through all of them: a sequence of bytes, also a context manager.

    `source[7]`, `source[-1]` and numpy integers give a record, slices a list of them, `source.__getitems__(numbers)` a
    list in the order that was asked for.

    Args:
        paths: as for `read_records`, but files with names only.
        verify: whether the CRCs of a record are checked when it is read.
        save_index: whether an index is saved beside each file that has none, or one that does not belong to it.

    The index that is saved beside a file is used when it belongs to the file as it is now. Otherwise the headers are
    read for one, long records being passed over; with `verify`, their CRCs are checked, those of the records when they
    are read.

    A local file must not be made shorter while it is read: it is mapped into memory, and the system ends a process that
    looks behind its end. Where many records are asked for, that is noticed before. Nor must other records be written
    over those that it has: old and new ones would be mixed, and if their CRCs are right nothing shows it. To put
    another file in its place, as TFRecordWriter does unless it is told otherwise, does no harm; but at a URL, where
    each range is asked for by name, that is the same mixture until the source lets go of it (`rest`) and looks again.

    Raises:
        OSError: a file is missing or cannot be read; or, as io.UnsupportedOperation, it is compressed and cannot be
            entered anywhere.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError: a file without an index has a damaged header, or
            an end inside a record.
        IndexMismatchError: (save_index) another program's file has the name of the index. While reading: the file
            was changed after the source was made, and before this process opened it.
        CorruptRecordError, RecordTooLargeError: while reading, with path, number of the record in its file, and offset.
        IndexError: there is no record of that number.
    """

    def __init__(self, paths: Any, *, verify: bool = True, save_index: bool = False) -> None:
        self._verify = verify
        self._files: list[IndexedFile] = []
        for path in expand_paths(paths):
            if not isinstance(path, str):
                raise TypeError(f"random access needs files with names, not a {type(path).__name__}")
            self._files.append(IndexedFile(path, verify=verify, save_index=save_index))
        #: The number of the first record of each file, and behind them how many there are.
        self._begins: list[int] = np.cumsum([0, *map(len, self._files)]).tolist()
        self._first_end = len(self._files[0]) if self._files else 0
        self._open: deque[IndexedFile] = deque()
        self._is_closed = False

    def __len__(self) -> int:
        return self._begins[-1]

    @property
    def size(self) -> int:
        """Bytes in the frames of all records."""
        return sum(file.size for file in self._files)

    def __repr__(self) -> str:
        return f"RecordSource({counted(len(self._files), 'file')}, {counted(len(self), 'record')})"

    def _repr_html_(self) -> str:
        """For a notebook: how many records each of the first files holds. Nothing is read for it."""
        from html import escape

        begins = self._begins[: _SHOWN_FILES + 1]
        rows = "".join(
            f"<tr><td>{escape(printable(file.name))}</td><td>{begin}</td><td>{end - begin}</td></tr>"
            for file, begin, end in zip(self._files, begins[:-1], begins[1:], strict=False)
        )
        more = len(self._files) - _SHOWN_FILES
        caption = f"RecordSource: {counted(len(self._files), 'file')}, {counted(len(self), 'record')}"
        caption += f"; {more} more files are not shown" if more > 0 else ""
        head = '<th scope="col">file</th><th scope="col">first record</th><th scope="col">records</th>'
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    @overload
    def __getitem__(self, number: SupportsIndex) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: Any) -> Any:
        if type(number) is int:
            index = number
        elif isinstance(number, slice):
            return self.__getitems__(range(*number.indices(len(self))))
        else:
            index = index_of(number)
        begins = self._begins
        if index < 0:
            index += begins[-1]
            if index < 0:
                raise self._out_of_range(number)
        if index < self._first_end:  # of most sources the only file, and to look for one takes a tenth of the time
            file = self._files[0]
        else:
            which = bisect_right(begins, index) - 1
            try:
                file = self._files[which]
            except IndexError:
                raise self._out_of_range(number) from None
            index -= begins[which]
        take = file.take
        if take is not None:
            record = take(index)
            if record is not None:
                return record
        return file.record(self._ranges(file), index)

    def __getitems__(self, numbers: Sequence[SupportsIndex] | Array | range) -> list[bytes]:
        """The records of these numbers, in their order. Faster than one by one."""
        return self._each(numbers, IndexedFile.records)

    def together(self, numbers: Sequence[SupportsIndex] | Array | range) -> Records:
        """The same in one buffer, to be decoded together: each is copied once, and one call checks the CRCs of all."""
        try:
            frames = self._each(numbers, IndexedFile.frames)
        except TFRecordError:
            frames = []
        block = block_of(frames, verify=self._verify) if frames else None
        # What is wrong with a record is found, and told, where each is read by itself.
        return Records.joined(self.__getitems__(numbers)) if block is None else Records.of(block)

    def locate(self, error: TFRecordError, number: int) -> None:
        """Tell an error that it is about that record."""
        which = bisect_right(self._begins, number) - 1
        self._files[which].locate(error, number - self._begins[which])

    def rest(self) -> None:
        """Let go of all files. They are opened again when records are read."""
        while self._open:
            self._open.popleft().close()

    def close(self) -> None:
        """Let go of all files. Records cannot be read any more."""
        self._is_closed = True
        self.rest()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": deque(), "_files": list(map(copy, self._files))}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _each(
        self,
        numbers: Sequence[SupportsIndex] | Array | range,
        read: Callable[[IndexedFile, Ranges, Array], list[T]],
    ) -> list[T]:
        """What `read` gives for each of the numbers, of the files in which they are."""
        if not len(numbers):
            return []
        try:
            found = np.asarray(numbers)
        # Of no one shape (of which numpy before 1.24 warns, which may be an error), or something in it is masked.
        except (ValueError, UserWarning, np.ma.MaskError):
            found = np.empty(0)
        # Too large for an int64, of several types, or no integers, as those beneath a mask.
        if found.dtype.kind not in "iu" or found.ndim != 1 or np.ma.is_masked(numbers):
            found = np.array(list(map(index_of, numbers)), object)
        count = len(self)
        least = found.min()
        if least < -count or found.max() >= count:
            raise self._out_of_range(next(number for number in found if not -count <= number < count))
        indices = found.astype(np.int64, copy=False)
        if least < 0:
            indices = np.where(indices < 0, indices + count, indices)
        if len(self._files) == 1:
            return read(self._files[0], self._ranges(self._files[0]), indices)
        files = np.searchsorted(self._begins, indices, "right") - 1
        order = np.argsort(files, kind="stable")
        items: list[Any] = [None] * len(indices)
        for places in np.split(order, np.flatnonzero(np.diff(files[order])) + 1):
            which = int(files[places[0]])
            of_file = read(self._files[which], self._ranges(self._files[which]), indices[places] - self._begins[which])
            for place, item in zip(places.tolist(), of_file, strict=True):
                items[place] = item
        return items

    def _ranges(self, file: IndexedFile) -> Ranges:
        return file.ranges or self._opened(file)

    def _opened(self, file: IndexedFile) -> Ranges:
        """Open a file, and close the one that was opened first when there are too many."""
        if self._is_closed:
            raise ValueError("the source is closed")
        ranges = file.open()
        self._open.append(file)
        if len(self._open) > _MAX_OPEN:
            self._open.popleft().close()
        return ranges

    def _out_of_range(self, number: Any) -> IndexError:
        return IndexError(f"there is no record #{number} among {len(self)}")
