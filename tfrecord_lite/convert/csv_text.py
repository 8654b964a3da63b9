"""CSV, by pyarrow: a first line of names, commas, UTF-8 throughout.

    null (missing, no kind)       nothing between the commas
    int64                         its digits
    float32                       the shortest decimal that is this float32 again, with a point or an exponent in it;
                                  nan, inf, -inf
    bytes                         in quotes, "" inside: the text if they are UTF-8, otherwise base64: and their base64
                                  (a text that begins with "base64:" is written so, too)
    several values, a list        in quotes, JSON as `tfrecord-lite cat` prints it

With a schema everything is read as it was written. Of other files a cell is an integer if it is decimal digits, behind
a minus or not; and another number if it has a point or an exponent, too, or is nan, inf or infinity in letters of any
size. Without a schema a column's kind is judged by all its cells in all files (`column_kinds`): int64 if they are
integers without leading zeros that fit, float32 if they are such and other numbers, lists if they are such lists, bytes
otherwise. So a text of digits is a number, and a text such as "[1, 2]" a list; lists are of any
number of values; and where there is nothing the feature has no kind, also where it was missing. A column that becomes
text for a few of its cells, or for an integer outside int64, is told.

A file that is read may have tabs or semicolons instead of commas: where its first line has no comma outside of quotes,
and one of these. Its lines may end with LF, CR LF or CR. What is written has commas, and LF.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.convert.arrow_errors import arrow_errors
from tfrecord_lite.convert.column_kinds import Found
from tfrecord_lite.convert.csv_cells import cells_of, column_of, found_in_cells
from tfrecord_lite.convert.csv_rows import NOT_UTF8, ROW_LIMIT, sound_rows
from tfrecord_lite.convert.formats import COLUMN_LIMIT, Rows, Skip
from tfrecord_lite.convert.inflated import open_inflated
from tfrecord_lite.convert.lines import TextOutput
from tfrecord_lite.convert.tables import chosen, records_of
from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.schema import Schema

NAME = "csv"
NEEDS_SCHEMA = True
KEEPS_ABSENT = False
COMPRESSIONS = ("GZIP",)
WRAPS = True
SAYS_KINDS = False

_BATCH_ROWS = 4096
#: What separates the cells of a file that is read: the first of these that is in its first line.
_SEPARATORS = (",", "\t", ";")
#: A quote opens at the beginning of a cell; what closes it is empty if that is not in the text.
_QUOTED = re.compile(r'(?<![^,;\t])"(?:[^"]|"")*("|\Z)')
_LINE_END = re.compile(b"[\r\n]")


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
    pa = import_pyarrow()
    import pyarrow.csv as pc

    inflated, path = open_inflated(source, compression_type)

    def unfit(row: int, line: int, why: str) -> None:
        if skip is None:
            raise FeatureError(f"line {line}: {why}")
        skip(row, f"line {line}: {why}")

    with inflated as file, arrow_errors(path):
        names, lines, separator = _names(file, path)
        for data, numbers, at_lines in sound_rows(file, separator, len(names), lines + 1, unfit):
            table = pc.read_csv(
                pa.BufferReader(data),
                pc.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
                pc.ParseOptions(delimiter=separator, newlines_in_values=True, ignore_empty_lines=len(names) > 1),
                pc.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
            if table.num_rows != len(numbers):
                raise TFRecordError(f"{table.num_rows} rows, where {len(numbers)} were counted")
            begin = 0
            for batch in table.to_batches(_BATCH_ROWS):
                end = begin + batch.num_rows
                some = numbers[begin:end].tolist()
                yield Rows(path, some[0], batch.num_rows, batch, lines=at_lines[begin:end].tolist(), numbers=some)
                begin = end


def found(rows: Rows) -> Found:
    """What the cells of each column are."""
    columns = zip(rows.data.schema.names, rows.data.columns, strict=True)
    return {(name, False): found_in_cells(column) for name, column in columns}


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


def _separator(lines: Iterator[str]) -> tuple[str, list[str]]:
    """What stands between the names, outside of quotes, and the lines that were read to find it."""
    read: list[str] = []
    is_quoted = False
    for line in lines:
        read.append(line)
        text = f'"{line}' if is_quoted else line
        bare = _QUOTED.sub("", text)
        found = next((each for each in _SEPARATORS if each in bare), None)
        is_quoted = any(not quoted[1] for quoted in _QUOTED.finditer(text))
        if found is not None or not is_quoted:
            return found or ",", read
    return ",", read


def _names(file: Any, path: str) -> tuple[list[str], int, str]:
    """The names, how many lines they take, and what stands between cells."""
    lines = _text_lines(file)
    try:
        separator, first = _separator(lines)
        reader = csv.reader(itertools.chain(first, lines), strict=True, delimiter=separator)
        names = next(reader, [])
    except csv.Error as error:
        problem = TFRecordError(f"the first line is not that of a CSV: {error}")
        problem.path = path
        raise problem from None
    except TFRecordError as error:
        error.path = path
        raise
    if len(names) > COLUMN_LIMIT:
        problem = TFRecordError(f"{len(names)} columns; {COLUMN_LIMIT} are the limit")
        problem.path = path
        raise problem
    if not names or len(set(names)) < len(names):
        problem = FeatureError("the first line has no names" if not names else "two columns have the same name")
        problem.path = path
        raise problem
    return names, reader.line_num, separator


def _text_lines(file: Any) -> Iterator[str]:
    """Lines, of no more bytes than a row may have."""
    left = ROW_LIMIT
    for number in itertools.count(1):
        line = _line(file, left)
        left -= len(line)
        if left < 0:
            raise TFRecordError(f"a line of names of more than {ROW_LIMIT} bytes")
        if not line:
            return
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise TFRecordError(f"line {number}: {NOT_UTF8}") from None
        yield (text.removeprefix("\ufeff") if number == 1 else text)  # before a quote, the first of its cell


def _line(file: io.BufferedReader, limit: int) -> bytes:
    """The next line, with the LF, CR LF or CR that ends it; of one that is longer than the limit, more than that."""
    line = b""
    while len(line) <= limit and (ahead := file.peek(1)):
        end = _LINE_END.search(ahead)
        line += file.read(len(ahead) if end is None else end.end())
        if end is not None:
            return line + file.read(1) if line.endswith(b"\r") and file.peek(1).startswith(b"\n") else line
    return line
