"""Arrow IPC: the file format, also known as Feather 2; the stream format to standard output, and from anywhere."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from typing import Any

from tfrecord_lite.adapters.arrow import arrow_schema
from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.convert.arrow_errors import arrow_errors, batches_in_file, lengths_in_file
from tfrecord_lite.convert.arrow_parts import Room, parts
from tfrecord_lite.convert.formats import Rows, Skip
from tfrecord_lite.convert.tables import TableDecoder as Decoder
from tfrecord_lite.convert.tables import TableEncoder as Encoder
from tfrecord_lite.convert.tables import kinds
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
    """The rows of a file, some megabytes at a time."""
    pa = import_pyarrow()
    stream, _, _ = open_source(source, "")
    with io.BufferedReader(stream) as file, arrow_errors(source):
        if file.peek(len(_MAGIC))[: len(_MAGIC)] != _MAGIC:
            with lengths_in_file():
                batches = pa.ipc.open_stream(file)
            yield from _rows(source, batches)
            return
    with open_seekable(source) as file, arrow_errors(source):
        with lengths_in_file():
            reader = pa.ipc.open_file(file)
        yield from _rows(source, (reader.get_batch(number) for number in range(reader.num_record_batches)))


def _rows(source: str, batches: Any) -> Iterator[Rows]:
    row, room = 0, Room()
    for batch in batches_in_file(batches):
        batch.validate(full=True)  # offsets that lead out of the file are not noticed otherwise
        room.take(batch.to_struct_array())
        for some in parts(batch):
            yield Rows(source, row, some.num_rows, some)
            row += some.num_rows
