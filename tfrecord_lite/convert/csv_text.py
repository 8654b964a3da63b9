"""CSV, by pyarrow: a first line of names, commas, UTF-8 throughout.

    null (missing, no kind)       nothing between the commas
    int64                         its digits
    float32                       the shortest decimal that is this float32 again, with a point or an exponent in it;
                                  nan, inf, -inf
    bytes                         in quotes, "" inside: the text if they are UTF-8, otherwise base64: and their base64
                                  (a text that begins with "base64:" is written so, too)
    several values, a list        in quotes, JSON as `tfrecord-lite cat` prints it

With a schema everything is read as it was written. Without one a column's kind is judged by all its cells in all files:
int64 if they are integers without leading zeros that fit, float32 if they are numbers, bytes otherwise (so that lists
are the text of their JSON, and a text of digits is a number); one value a cell.

A file that is read may have tabs or semicolons instead of commas: where its first line has no comma outside of quotes,
and one of these. What is written has commas.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.convert.arrow_errors import arrow_errors
from tfrecord_lite.convert.csv_cells import cells_of, column_of, wider
from tfrecord_lite.convert.formats import Rows, Skip, is_gzip
from tfrecord_lite.convert.inflated import open_inflated
from tfrecord_lite.convert.lines import TextOutput
from tfrecord_lite.convert.tables import chosen, records_of
from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NAME = "csv"
NEEDS_SCHEMA = True
COMPRESSIONS = ("GZIP",)
WRAPS = True

#: A row has to fit: pyarrow reads so much at a time.
_BLOCK_BYTES = 16 << 20
_BATCH_ROWS = 4096
#: For each column of each block pyarrow has buffers: a million columns end the process, whatever is in them.
_COLUMN_LIMIT = 100_000
#: What separates the cells of a file that is read: the first of these that is in its first line.
_SEPARATORS = (",", "\t", ";")
_QUOTED = re.compile('"[^"]*("|$)')


class Encoder:
    """Records -> lines."""

    def __init__(self, schema: Schema, text: Collection[str]) -> None:
        import_pyarrow()
        self._schema = schema
        self._decoder: ListDecoder | None = None

    def decode(self, records: Records) -> bytes | None:
        """Of all records, or None when something in them is an error."""
        lists = self._lists().decode(records)
        return None if lists is None else _lines(lists, self._schema)

    def decode_plain(self, records: list[bytes]) -> bytes:
        """The same one by one. Raises FeatureError and DecodeError."""
        return _lines(self._lists().decode_plain(records), self._schema)

    def _lists(self) -> ListDecoder:
        if self._decoder is None:
            self._decoder = ListDecoder(self._schema)
        return self._decoder


class Output(TextOutput):
    """Lines -> a file that begins with the names."""

    def __init__(self, file: Any, schema: Schema, text: Collection[str], compression_type: str) -> None:
        super().__init__(file, schema, text, compression_type)
        if not schema:
            raise FeatureError("the records hold no features, and a CSV without columns holds nothing")
        self.write((",".join(f'"{_doubled(name)}"' for name in schema) + "\n").encode())


class Decoder:
    """Rows whose data is a RecordBatch of binary cells -> records."""

    def __init__(self, schema: Mapping[str, FeatureSchema]) -> None:
        self._schema = schema

    def __call__(self, rows: Rows, skip: Skip | None) -> list[bytes]:
        return records_of(rows.data, rows.count, self._columns, self._schema, skip)

    def _columns(self, batch: Any) -> dict[str, Any]:
        names = chosen(batch.schema.names, self._schema)
        return {name: column_of(batch.column(name), self._schema[name]) for name in names}


def read_parts(source: str, compression_type: str, schema: Schema | None, skip: Skip | None) -> Iterator[Rows]:
    """The rows of a file, some thousand at a time."""
    row = 0
    for batch in _batches(source, compression_type, skip):
        for begin in range(0, batch.num_rows, _BATCH_ROWS):
            some = batch.slice(begin, _BATCH_ROWS)
            yield Rows(source, row, some.num_rows, some)
            row += some.num_rows


def infer(sources: list[str]) -> Schema:
    """The schema of all rows of all files. Rows with another number of cells are left out."""
    from tfrecord_lite.files.paths import STDIN

    dtypes: dict[str, str | None] = {}
    for source in sources:
        if source == STDIN:
            raise ValueError("the kinds are inferred from all rows, and standard input is read once: give a schema")
        for batch in _batches(source, "GZIP" if is_gzip(source) else "", lambda number, why: None):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                dtypes[name] = wider(dtypes.get(name), column)
    return Schema([FeatureSchema(name, dtype, ()) for name, dtype in dtypes.items()])


# Writing


def _lines(lists: Mapping[str, Lists], schema: Schema) -> bytes:
    pa = import_pyarrow()
    import pyarrow.compute as pc

    comma, end, nothing = (pa.scalar(text, pa.large_string()) for text in (",", "\n", ""))
    cells = [pc.fill_null(cells_of(lists[name], feature), nothing) for name, feature in schema.items()]
    rows = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, comma), nothing, end)
    _, offsets, data = rows.buffers()
    size = int(np.frombuffer(offsets, np.int64)[len(rows)])
    return b"" if data is None else data.slice(0, size).to_pybytes()


def _doubled(text: str) -> str:
    return text.replace('"', '""')


# Reading


def _batches(source: str, compression_type: str, skip: Skip | None) -> Iterator[Any]:
    """RecordBatches of binary cells, null where there is nothing between the commas."""
    pa = import_pyarrow()
    import pyarrow.csv as pc

    inflated, path = open_inflated(source, compression_type)
    unfit: list[str] = []

    def on_unfit(row: Any) -> str:
        why = f"{row.actual_columns} cells, not {row.expected_columns}"
        if skip is None:
            unfit.append(f"row {row.number - 1}: {why}" if row.number is not None else why)
            return "error"
        skip(row.number - 1, why)
        return "skip"

    with io.BufferedReader(_Utf8Stream(inflated), 1 << 18) as file, arrow_errors(path):
        separator = _separator(file)
        names = _names(file, path, separator)
        if not file.peek(1):
            return
        try:
            reader = pc.open_csv(
                file,
                pc.ReadOptions(column_names=names, use_threads=False, block_size=_BLOCK_BYTES),
                pc.ParseOptions(
                    delimiter=separator,
                    newlines_in_values=True,
                    ignore_empty_lines=len(names) > 1,
                    invalid_row_handler=on_unfit,
                ),
                pc.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
            yield from reader
        except pa.ArrowInvalid:
            if not unfit:
                raise
            problem = FeatureError(unfit[0])
            problem.path = path
            raise problem from None


class _Utf8Stream(io.RawIOBase):
    """A stream that is UTF-8, or an error that says where it is not: pyarrow shows rows of others to nobody."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count: int = self._stream.readinto(view)
        try:
            self._decoder.decode(view[:count], final=not count)
        except UnicodeDecodeError as error:
            # The decoder's own position begins with what it held back of the bytes before.
            position = self._offset + max(error.start - 3, 0)
            raise TFRecordError(f"not UTF-8, as a CSV has to be, at byte {position}") from None
        self._offset += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _separator(file: Any) -> str:
    """What stands between the names of the first line, outside of quotes."""
    line = file.peek(1).partition(b"\n")[0].decode("utf-8", "replace")
    bare = _QUOTED.sub("", line)
    return next((each for each in _SEPARATORS if each in bare), ",")


def _names(file: Any, path: str, separator: str) -> list[str]:
    """The first line."""
    try:
        names = next(csv.reader(_text_lines(file), strict=True, delimiter=separator), [])
    except csv.Error as error:
        problem = TFRecordError(f"the first line is not that of a CSV: {error}")
        problem.path = path
        raise problem from None
    except TFRecordError as error:
        error.path = path
        raise
    if len(names) > _COLUMN_LIMIT:
        problem = TFRecordError(f"{len(names)} columns; {_COLUMN_LIMIT} are the limit")
        problem.path = path
        raise problem
    if names:
        names[0] = names[0].removeprefix("\ufeff")
    if not names or len(set(names)) < len(names):
        problem = FeatureError("the first line has no names" if not names else "two columns have the same name")
        problem.path = path
        raise problem
    return names


def _text_lines(file: Any) -> Iterator[str]:
    """Lines, of no more bytes than a row may have."""
    left = _BLOCK_BYTES
    while line := file.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise TFRecordError(f"a line of names of more than {_BLOCK_BYTES} bytes")
        yield line.decode("utf-8")
