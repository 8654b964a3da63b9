"""Stretches of records that follow each other in a file, what is decoded of them, and where each record is.

    files -> blocks (reader) -> (Where, Records) -> decoded together, or up to the record that cannot be

What cannot be decoded is an error that says where its record is; or it is left out, when there is somebody to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.format.blocks import FOR_BATCHES
from tfrecord_lite.format.columns.window import Records

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Where(NamedTuple):
    """Records that follow each other in a file.

    Attributes:
        path: of the file, or None.
        number: of the first record in it.
        offsets: of the records in it, int64 [n].
    """

    path: str | None
    number: int
    offsets: NDArray[np.int64]

    def part(self, begin: int, end: int) -> Where:
        """Some of the records."""
        return Where(self.path, self.number + begin, self.offsets[begin:end])

    def locate(self, error: TFRecordError, number: int) -> None:
        """Tell an error that it is about that one of the records."""
        error.path, error.record_number, error.offset = self.path, self.number + number, int(self.offsets[number])


class BlockDecoder(Protocol[T_co]):
    """What makes something of many records at a time, such as ColumnDecoder."""

    def decode(self, records: Records) -> T_co | None:
        """Of all of them; None when something in them is an error."""

    def decode_plain(self, records: list[bytes]) -> T_co:
        """The same record by record; raises a TFRecordError, as if it were about a single record."""


def stretches(readers: Iterator[TFRecordReader]) -> Iterator[tuple[Where, Records]]:
    """The blocks of all files, each valid until the next one is asked for."""
    for reader in readers:
        for block in reader.blocks(FOR_BATCHES):
            records = Records.of(block)
            offsets = reader.offset - block.size + records.starts - records.starts[0]
            yield Where(reader.name, reader.record_number - len(block), offsets), records


def decoded(
    where: Where, records: Records, decoder: BlockDecoder[T], skip: Callable[[TFRecordError], Any] | None = None
) -> Iterator[tuple[Where, T]]:
    """What a decoder makes of a stretch; before an error, of the records before the one that causes it.

    With `skip` such a record is left out, and the error, which says where it is, given to it instead of raised.
    """
    found = decoder.decode(records)
    if found is not None:
        yield where, found
        return
    for number in range(len(where.offsets)):
        try:
            found = decoder.decode_plain([records.record(number)])
        except TFRecordError as error:
            where.locate(error, number)
            if skip is None:
                raise
            skip(error)
        else:
            yield where.part(number, number + 1), found
