"""read_batches: files -> columns of many examples at a time.

    blocks of records (reader) -> rows of each column (format.columns) -> batches across blocks and files -> results

Batches are cut where the caller wants them, blocks where reading is fast; a batch that spans several is put together.
Whole batches before a damaged or unfit record are given before its error is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.files.reader import TFRecordReader, open_readers
from tfrecord_lite.format.blocks import Block
from tfrecord_lite.format.columns.decode import BytesAs, ColumnDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.framing import FRAME_OVERHEAD
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.rows import Rows, concatenated


def read_batches(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    batch_size: int = 1024,
    drop_remainder: bool = False,
    bytes_as: BytesAs = "objects",
    num_threads: int | None = None,
    compression_type: str | None = None,
    verify: bool = True,
    max_record_size: int | None = None,
) -> Iterator[dict[str, Any]]:
    """The examples of one or many files, batch by batch, in order: {name: values of `batch_size` records}.

    Each batch is what `parse_example` gives for its records; batches go on across files.

    Args:
        paths: as for `read_records`.
        features: {name: FixedLenFeature(...) or another feature}. None infers them from the first records, as
            `infer_schema` does; what a later record holds must then fit.
        batch_size: records in each batch.
        drop_remainder: whether the last batch is left out when it is smaller.
        bytes_as: "objects" or "blob", as for `decode_columns`.
        num_threads: 2 reads, and inflates, ahead in a thread of its own; 1 does not. None is 2 for compressed files,
            where it pays, and 1 for others.
        others: as for `read_records`.

    Raises:
        FeatureError, TypeError: the features are of no use, when called. A record is not what they ask for, after the
            whole batches before it, with path, record number and offset.
        others: as `read_examples`.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is 1 or more, not {batch_size}")
    if features is None:
        raise FeatureError("features cannot be inferred yet")
    decoder = ColumnDecoder(example_plan(features), bytes_as)
    readers = open_readers(paths, compression_type, verify, max_record_size)
    return _batches(readers, decoder, batch_size, drop_remainder)


class _Piece(NamedTuple):
    """Records that follow each other in a file.

    Attributes:
        rows: what each column holds in them.
        path: of the file, or None.
        number: of the first record in it.
        offsets: of the records in it, int64 [n].
    """

    rows: dict[str, Rows]
    path: str | None
    number: int
    offsets: np.typing.NDArray[np.int64]

    def part(self, begin: int, end: int) -> _Piece:
        """Some of the records."""
        rows = {key: rows.part(begin, end) for key, rows in self.rows.items()}
        return _Piece(rows, self.path, self.number + begin, self.offsets[begin:end])


def _batches(
    readers: Iterator[TFRecordReader], decoder: ColumnDecoder, batch_size: int, drop_remainder: bool
) -> Iterator[dict[str, Any]]:
    pieces: list[_Piece] = []
    held = 0
    for reader in readers:
        for block in reader.blocks():
            for piece in _decoded(decoder, block, reader):
                begin, size = 0, len(piece.offsets)
                while held + size - begin >= batch_size:
                    end = begin + batch_size - held
                    yield _batch(decoder, [*pieces, piece.part(begin, end)])
                    pieces, held, begin = [], 0, end
                if begin < size:
                    pieces.append(piece.part(begin, size))
                    held += size - begin
    if pieces and not drop_remainder:
        yield _batch(decoder, pieces)


def _batch(decoder: ColumnDecoder, pieces: list[_Piece]) -> dict[str, Any]:
    rows = {key: concatenated([piece.rows[key] for piece in pieces]) for key in decoder.plan.columns}
    try:
        return decoder.results(rows)
    except FeatureError as error:
        number = error.record_number
        for piece in pieces:
            if number is None:
                break
            if number < len(piece.offsets):
                _locate(error, piece, number)
                break
            number -= len(piece.offsets)
        raise


def _decoded(decoder: ColumnDecoder, block: Block, reader: TFRecordReader) -> Iterator[_Piece]:
    """The records of a block; before an error, those before the record that causes it."""
    offsets = reader.offset - block.size + np.cumsum([0, *block.lengths[:-1]]) + FRAME_OVERHEAD * np.arange(len(block))
    where = _Piece({}, reader.name, reader.record_number - len(block), offsets)
    rows = decoder.decode(Records.of(block))
    if rows is not None:
        yield where._replace(rows=rows)
        return
    for number, record in enumerate(block.records()):
        try:
            rows = decoder.decode_plain([record])
        except TFRecordError as error:
            _locate(error, where, number)
            raise
        yield _Piece(rows, where.path, where.number + number, offsets[number : number + 1])


def _locate(error: TFRecordError, piece: _Piece, number: int) -> None:
    error.path = piece.path
    error.record_number = piece.number + number
    error.offset = int(piece.offsets[number])
