"""Arrow IPC: the file format, also known as Feather 2; the stream format to standard output, and from anywhere."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from typing import Any

from tfrecord_lite.adapters.arrow import arrow_schema
from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.convert.arrow_errors import arrow_errors
from tfrecord_lite.convert.formats import ROWS_WITHOUT_BYTES, Rows, Skip
from tfrecord_lite.convert.tables import TableDecoder as Decoder
from tfrecord_lite.convert.tables import TableEncoder as Encoder
from tfrecord_lite.convert.tables import kinds
from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.files.streams import open_seekable, open_source
from tfrecord_lite.format.schema import Schema

__all__ = ["COMPRESSIONS", "NAME", "NEEDS_SCHEMA", "WRAPS", "Decoder", "Encoder", "Output", "kinds", "read_parts"]

NAME = "arrow"
NEEDS_SCHEMA = True
KEEPS_ABSENT = True
COMPRESSIONS = ("LZ4", "ZSTD")
WRAPS = False

#: How a file of the file format begins.
_MAGIC = b"ARROW1"
_BATCH_ROWS = 1024


class Output:
    """RecordBatches -> a file."""

    def __init__(self, file: Any, schema: Schema, text: Collection[str], compression_type: str) -> None:
        pa = import_pyarrow()
        options = pa.ipc.IpcWriteOptions(compression=compression_type.lower() or None)
        is_stream = file.path == "/dev/stdout"
        new = pa.ipc.new_stream if is_stream else pa.ipc.new_file
        self._file = file
        self._writer = new(file, arrow_schema(schema, text=text), options=options)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._file.size)

    def write(self, part: Any) -> None:
        """Add a part."""
        self._writer.write_batch(part)

    def close(self) -> None:
        """Write the end."""
        self._writer.close()


def read_parts(source: str, compression_type: str, schema: Schema | None, skip: Skip | None) -> Iterator[Rows]:
    """The rows of a file, some thousand at a time."""
    pa = import_pyarrow()
    stream, _, _ = open_source(source, "")
    with io.BufferedReader(stream) as file, arrow_errors(source):
        if file.peek(len(_MAGIC))[: len(_MAGIC)] != _MAGIC:
            yield from _rows(source, pa.ipc.open_stream(file))
            return
    with open_seekable(source) as file, arrow_errors(source):
        reader = pa.ipc.open_file(file)
        yield from _rows(source, (reader.get_batch(number) for number in range(reader.num_record_batches)))


def _rows(source: str, batches: Any) -> Iterator[Rows]:
    row = 0
    for batch in batches:
        room = max(ROWS_WITHOUT_BYTES, 8 * batch.get_total_buffer_size())  # a flag takes a bit
        _check_length(batch, room)
        rows = batch.to_struct_array()  # whose fields, unlike columns, are had without their names, perhaps not UTF-8
        for number in range(batch.num_columns):
            _check_length(rows.field(number), room)
        batch.validate(full=True)  # offsets that lead out of the file are not noticed otherwise
        for begin in range(0, batch.num_rows, _BATCH_ROWS):
            some = batch.slice(begin, _BATCH_ROWS)
            yield Rows(source, row, some.num_rows, some)
            row += some.num_rows


def _check_length(array: Any, room: int) -> None:
    """Raise TFRecordError if an array says to be longer than that: those of no width are of any length."""
    pa = import_pyarrow()
    if len(array) > room:
        raise TFRecordError(f"says to hold {len(array)} values, and has bytes for {room} at the most")
    if isinstance(array, (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)):
        _check_length(array.values, room)
