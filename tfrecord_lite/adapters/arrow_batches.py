"""RecordBatches: of what a ListDecoder gave, of a size, and no larger than Arrow's offsets reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tfrecord_lite.adapters.arrow_columns import array_of, import_pyarrow
from tfrecord_lite.format.lists import Lists

if TYPE_CHECKING:
    import pyarrow as pa

#: Arrow's binary has 32-bit offsets: what is larger is given in several batches.
_MAX_BYTES = 1 << 30


def lists_to_batch(lists: Mapping[str, Lists], columns: pa.Schema, count: int) -> pa.RecordBatch:
    """What a ListDecoder gave for `count` records, as a RecordBatch of that schema.

    Raises:
        FeatureError: what is to be text is not UTF-8, with record_number in the batch.
    """
    pa = import_pyarrow()
    arrays = [array_of(lists[field.name], field) for field in columns]
    if arrays:
        return pa.RecordBatch.from_arrays(arrays, schema=columns)
    return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), count, [None]))


def of_size(batches: Iterator[pa.RecordBatch], batch_size: int) -> Iterator[pa.RecordBatch]:
    """The same rows, so many in each batch."""
    pieces: list[pa.RecordBatch] = []
    held = held_bytes = 0
    for batch in batches:
        begin = 0
        while begin < batch.num_rows:
            some = batch.slice(begin, min(batch_size - held, batch.num_rows - begin))
            begin += some.num_rows
            pieces.append(some)
            held, held_bytes = held + some.num_rows, held_bytes + some.nbytes
            if held == batch_size or held_bytes > _MAX_BYTES:
                yield _combined(pieces)
                pieces, held, held_bytes = [], 0, 0
    if pieces:
        yield _combined(pieces)


def _combined(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(pieces) == 1:
        return pieces[0]
    pa = import_pyarrow()
    (batch,) = pa.Table.from_batches(pieces).combine_chunks().to_batches()
    return batch


def runs(records: list[bytes]) -> Iterable[tuple[int, int]]:
    """Runs of records that hold no more than a batch may."""
    begin, size = 0, 0
    for number, record in enumerate(records):
        size += len(record)
        if size > _MAX_BYTES and number > begin:
            yield begin, number
            begin, size = number, len(record)
    if begin < len(records):
        yield begin, len(records)
