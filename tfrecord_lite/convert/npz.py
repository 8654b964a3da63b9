"""NPZ: all columns as numpy arrays in one ZIP. The only format that is held whole in memory.

    numbers of one shape     NAME               int64 or float32 [n, *shape]; 0 where they are missing
    numbers in lists         NAME               [m], all values
                             NAME.row_splits    int64 [n + 1]: record i holds values[row_splits[i] : row_splits[i + 1]]
    bytes                    NAME               uint8, all bytes
                             NAME.offsets       int64 [m + 1]: value i is blob[offsets[i] : offsets[i + 1]]
                             NAME.row_splits    where the number of values is not fixed to one
    missing somewhere        NAME.is_missing    bool [n]

A name with NUL, or of more than 65,520 bytes, is refused: a ZIP archive has no place for it. Any other array is a
feature with a row for each record, text as bytes. Arrays of Python objects are refused: to read one is to run what it
says.
"""

from __future__ import annotations

import errno
import math
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.convert.formats import ROWS_WITHOUT_BYTES, Rows, Skip
from tfrecord_lite.convert.npz_columns import IS_MISSING, OFFSETS, ROW_SPLITS, Columns, columns_of
from tfrecord_lite.convert.tables import chosen, records_of
from tfrecord_lite.errors import FeatureError, TFRecordError, printable
from tfrecord_lite.files.streams import open_seekable
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.schema import Schema

NAME = "npz"
NEEDS_SCHEMA = True
KEEPS_ABSENT = False
COMPRESSIONS = ("GZIP",)  # which is deflate, as ZIP has it
WRAPS = False

_SUFFIX = ".npy"
#: Bytes in a feature's name, behind which the longest of those ends and the suffix have a place in a ZIP archive.
_LONGEST_NAME = (1 << 16) - 1 - len(IS_MISSING + _SUFFIX)
_BATCH_ROWS = 1024
#: What numpy's kinds of arrays are.
_KINDS = {**dict.fromkeys("biu", "int64"), "f": "float32", **dict.fromkeys("USO", "bytes")}

Array = NDArray[Any]


class Encoder:
    """Records -> {name: Lists}."""

    def __init__(self, schema: Schema, text: Collection[str]) -> None:
        for name in schema:
            for end in (ROW_SPLITS, OFFSETS, IS_MISSING):
                if name.endswith(end) and name[: -len(end)] in schema:
                    raise FeatureError("is a name that NPZ needs for another feature", name)
            if "\0" in name or len(name.encode()) > _LONGEST_NAME:  # zipfile would cut it, perhaps to that of another
                raise FeatureError("holds NUL, or is too long for a name in a ZIP archive, as which NPZ has it", name)
        self._schema = schema
        self._decoder: ListDecoder | None = None

    def decode(self, records: Records) -> dict[str, Lists] | None:
        """Of all records, or None when something in them is an error."""
        return self._lists().decode(records)

    def decode_plain(self, records: list[bytes]) -> dict[str, Lists]:
        """The same one by one. Raises FeatureError and DecodeError."""
        return self._lists().decode_plain(records)

    def _lists(self) -> ListDecoder:
        if self._decoder is None:
            self._decoder = ListDecoder(self._schema)
        return self._decoder


class Output:
    """Parts, all of them -> a file."""

    def __init__(self, file: Any, schema: Schema, text: Collection[str], compression_type: str) -> None:
        self._file = file
        self._schema = schema
        self._method = zipfile.ZIP_DEFLATED if compression_type else zipfile.ZIP_STORED
        self._parts: list[dict[str, Lists]] = []
        self.size = 0

    def write(self, part: dict[str, Lists]) -> None:
        """Keep a part."""
        self._parts.append(part)
        for lists in part.values():
            values = lists.values.blob if isinstance(lists.values, BytesArray) else lists.values
            self.size += values.nbytes + lists.row_splits.nbytes

    def close(self) -> None:
        """Write everything."""
        decoder = ListDecoder(self._schema)
        parts = self._parts or [decoder.decode_plain([])]
        with zipfile.ZipFile(self._file, "w", self._method) as archive:
            for name, feature in self._schema.items():
                for key, array in _arrays(name, feature, Lists.joined([part[name] for part in parts])):
                    with archive.open(zipfile.ZipInfo(key + _SUFFIX), "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, array, allow_pickle=False)


class Decoder:
    """Rows whose data are columns -> records."""

    def __init__(self, schema: Mapping[str, FeatureSchema] | None) -> None:
        self._schema = schema

    def __call__(self, rows: Rows, skip: Skip | None) -> list[bytes]:
        return records_of(rows.data, rows.count, self._columns, self._schema, skip)

    def _columns(self, columns: Columns) -> dict[str, Any]:
        schema = self._schema
        names = columns if schema is None else chosen(columns, schema)
        taken = {name: _in_float32(columns[name], name) for name in names}
        if schema is None:
            return taken
        return {name: _declared(column, schema[name]) for name, column in taken.items()}


def kinds(columns: Columns) -> dict[str, str | None]:
    """What each column holds. Raises FeatureError: an array has no place in a feature."""
    found: dict[str, str | None] = {}
    for name, column in columns.items():
        values = column.values if isinstance(column, Lists) else column
        kind = _kind_of(values, name)
        found[name] = kind if len(values) else None
    return found


def _declared(column: Any, feature: FeatureSchema) -> Any:
    """A column as the schema has it.

    Raises FeatureError where it is something else, with the number of the row unless all of the column is.
    """
    from tfrecord_lite.adapters.arrow_columns import as_declared

    kind = _kind_of(column.values if isinstance(column, Lists) else column, feature.name)
    if isinstance(column, Lists):
        return as_declared(column, feature)
    size = math.prod(column.shape[1:])
    if feature.shape is not None and size != math.prod(feature.shape):
        raise FeatureError(f"holds {size} values, not {math.prod(feature.shape)}", feature.name)
    if feature.dtype in (None, kind):
        return column
    if "bytes" in (kind, feature.dtype):
        raise FeatureError(f"is {kind}, not {feature.dtype}", feature.name)
    return as_declared(Lists(column.reshape(-1), np.arange(len(column) + 1) * size), feature)


def _kind_of(values: Any, name: str) -> str:
    """What an array holds. Raises FeatureError if it has no place in a feature."""
    kind = "bytes" if isinstance(values, BytesArray) else _KINDS.get(values.dtype.kind)
    if kind is None:
        raise FeatureError(f"an array of dtype {values.dtype} has no place in a feature", name)
    return kind


def _in_float32(column: Any, name: str) -> Any:
    """A column of larger floats in float32. Raises FeatureError, with the number of the row, where one is beyond."""
    from tfrecord_lite.adapters.arrow_lists import as_float32

    values = column.values if isinstance(column, Lists) else column
    if isinstance(values, BytesArray) or values.dtype.kind != "f" or (isinstance(column, Lists) and values.ndim > 1):
        return column
    if isinstance(column, Lists):
        splits = column.row_splits
        values = as_float32(values, name, lambda at: int(np.searchsorted(splits, at, "right")) - 1)
        return Lists(values, splits, column.is_missing)
    size = max(math.prod(values.shape[1:]), 1)
    return as_float32(values, name, lambda at: at // size)


def read_parts(source: str, compression_type: str, schema: Schema | None, skip: Skip | None) -> Iterator[Rows]:
    """The rows of a file, some thousand at a time."""
    with open_seekable(source) as file:
        try:
            start = file.read(2)
            if start == b"\x93N":
                raise ValueError("one array, and no archive of several")
            if start != b"PK":  # numpy would take it for a pickle
                raise ValueError("no NPZ file: it does not begin as a ZIP archive does")
            file.seek(0)
            with warnings.catch_warnings():  # of how the header is written, with a part of it
                warnings.simplefilter("ignore")
                with np.load(file, allow_pickle=False) as archive:
                    arrays = _read(archive)
            _check_lengths(arrays)
            columns = columns_of(arrays)
        except FeatureError as error:
            error.path = source
            raise
        except MemoryError:  # for columns
            raise
        except Exception as error:
            if _is_of_system(error):
                raise
            problem = TFRecordError(_first_line(error))
            problem.path = source
            raise problem from None
    counts = {len(column) for column in columns.values()}
    if len(counts) > 1:
        mismatch = FeatureError(f"arrays must be equally long, these have {', '.join(map(str, sorted(counts)))} rows")
        mismatch.path = source
        raise mismatch
    count = next(iter(counts), 0)
    for begin in range(0, count, _BATCH_ROWS):
        end = min(begin + _BATCH_ROWS, count)
        yield Rows(source, begin, end - begin, columns.slice(begin, end - begin))


def _arrays(name: str, feature: FeatureSchema, lists: Lists) -> Iterator[tuple[str, Array]]:
    """(key, array) of all arrays that a feature is."""
    if lists.is_missing.any():
        yield name + IS_MISSING, lists.is_missing
    if feature.dtype is None:
        return
    values = lists.values
    if isinstance(values, BytesArray):
        yield name, values.blob
        yield name + OFFSETS, values.offsets
        if feature.shape != () or lists.is_missing.any():
            yield name + ROW_SPLITS, lists.row_splits
    elif feature.shape is None or 0 in feature.shape:  # rows that take no bytes are not read back
        yield name, values
        yield name + ROW_SPLITS, lists.row_splits
    else:
        table = np.zeros((len(lists), math.prod(feature.shape)), values.dtype)
        table[~lists.is_missing] = values.reshape(-1, table.shape[1])
        yield name, table.reshape(len(lists), *feature.shape)


def _read(archive: Any) -> dict[str, Array]:
    """All arrays, by the names of their members: numpy takes "a.npy" for the array "a" where there are both."""
    arrays: dict[str, Array] = {}
    for member in archive.zip.namelist():
        key = member.removesuffix(_SUFFIX)
        if key in arrays:
            raise FeatureError("stands twice in the archive", key)
        try:
            arrays[key] = archive[member]
        except Exception as error:
            if _is_of_system(error):
                raise
            is_object = "allow_pickle" in str(error)  # numpy's advice
            problem = (
                "holds Python objects, which are not read" if is_object else f"cannot be read: {_first_line(error)}"
            )
            raise FeatureError(problem, key) from None
    return arrays


def _check_lengths(arrays: dict[str, Any]) -> None:
    """Raise FeatureError if all arrays say to hold more than bytes vouch for: of no width, they are of any length."""
    kept = {key: array for key, array in arrays.items() if isinstance(array, np.ndarray) and array.ndim}
    room = max(ROWS_WITHOUT_BYTES, sum(array.nbytes for array in kept.values()))
    held = 0
    for key, array in kept.items():
        count = 0 if array.nbytes else max(len(array), array.size)
        held += count
        if held > room:
            raise FeatureError(f"says to hold {count} rows, which take no bytes: {room} of them are read in all", key)


def _is_of_system(error: Exception) -> bool:
    """Whether the file cannot be read: all else that zipfile and numpy raise is about what it holds.

    It is of any class: a header is parsed as Python, what an array says that it holds is asked for at once, and a
    damaged member makes an OSError without a number, or one of a place before the file's start.
    """
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _first_line(error: Exception) -> str:
    """What an error says, without what it may show of the file."""
    return printable(str(error).splitlines()[0][:200]) if str(error) else type(error).__name__
