"""Parquet, by pyarrow. A row group holds about 32 MiB.

A fixed shape is a list here: what pyarrow writes of a FixedSizeList with a null in it, it cannot read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tfrecord_lite.adapters.arrow import arrow_schema
from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.convert.arrow_errors import arrow_errors, batches_in_file, lengths_in_file
from tfrecord_lite.convert.arrow_parts import parts
from tfrecord_lite.convert.formats import Rows, Skip
from tfrecord_lite.convert.tables import TableDecoder as Decoder
from tfrecord_lite.convert.tables import TableEncoder, kinds
from tfrecord_lite.files.streams import open_seekable
from tfrecord_lite.format.schema import Schema

__all__ = ["COMPRESSIONS", "NAME", "NEEDS_SCHEMA", "WRAPS", "Decoder", "Encoder", "Output", "kinds", "read_parts"]

NAME = "parquet"
NEEDS_SCHEMA = True
KEEPS_ABSENT = True
COMPRESSIONS = ("GZIP", "SNAPPY", "ZSTD")
WRAPS = False

_ROW_GROUP_BYTES = 32 << 20
_BATCH_ROWS = 1024


class Encoder(TableEncoder):
    """Records -> RecordBatch."""

    def __init__(self, schema: Schema, text: Collection[str]) -> None:
        super().__init__(schema, text, fixed_size=False)


class Output:
    """RecordBatches -> a file."""

    def __init__(self, file: Any, schema: Schema, text: Collection[str], compression_type: str) -> None:
        import_pyarrow()
        import pyarrow.parquet

        self._file = file
        self._columns = arrow_schema(schema, text=text, fixed_size=False)
        codec = (compression_type or "SNAPPY").lower()
        self._writer = pyarrow.parquet.ParquetWriter(file, self._columns, compression=codec)
        self._held: list[Any] = []
        self._held_bytes = 0

    @property
    def size(self) -> int:
        """Bytes, of what is not written yet before compression."""
        return int(self._file.size) + self._held_bytes

    def write(self, part: Any) -> None:
        """Add a part."""
        self._held.append(part)
        self._held_bytes += part.nbytes
        if self._held_bytes >= _ROW_GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Write what is left."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        pa = import_pyarrow()
        if self._held:
            table = pa.Table.from_batches(self._held, self._columns)
            self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
            self._held, self._held_bytes = [], 0


def read_parts(source: str, compression_type: str, schema: Schema | None, skip: Skip | None) -> Iterator[Rows]:
    """The rows of a file, some thousand at a time."""
    import_pyarrow()
    import pyarrow.parquet

    with open_seekable(source) as file, arrow_errors(source):
        begin = 0
        with lengths_in_file():
            # What is buffered in advance would be kept to the end of the file.
            parquet = pyarrow.parquet.ParquetFile(file, pre_buffer=False)
        with parquet:
            for batch in batches_in_file(parquet.iter_batches(_BATCH_ROWS, use_threads=False)):
                for some in parts(batch):
                    yield Rows(source, begin, some.num_rows, some)
                    begin += some.num_rows
