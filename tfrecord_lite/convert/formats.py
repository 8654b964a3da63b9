"""The formats, and what a module of one has.

    NAME           as for --from and --to; the module is found under it in FORMATS
    NEEDS_SCHEMA   whether records are written by a schema, which is inferred if none is given
    KEEPS_ABSENT   where it is: whether a feature that is absent comes back so without a schema
    COMPRESSIONS   what --compression may be when it is written
    WRAPS          whether GZIP is a stream around the whole file, and not the format's own affair

    Encoder(schema, text)         records -> a part of a file: a `stretches.BlockDecoder`, picklable while it is unused
    Output(file, schema, text, compression_type)          .write(part), .size, .close()
    read_parts(source, compression_type, schema, skip)    -> Rows, Rows, ...: what is in a file, a part at a time
    Decoder(schema)               picklable; called with (rows, skip) gives their serialized records
    found(rows)           where each row may be of other kinds: what its columns hold, see `column_kinds`; picklable
    Encoder.kinds         there: of which kinds its features were, of which one is to be
    SAYS_KINDS            there: whether a row says what it is, or that is judged by all of them
    kinds(data)           where all rows say it: {column: "int64", "float32", "bytes", or None for none} of data of Rows

A row that cannot become a record is given to `skip` with its number in the part, or raised as a FeatureError with that
number when skip is None; what is no row at all already by `read_parts`, with its number in the file, and its place in
the reason. People are told the lines of text, as an editor counts them; other rows as record #N, from 0 on, like
records of TFRecord files. Parts are picklable: they are made and taken in worker processes, written and read in one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import printable

TFRECORD = "tfrecord"
#: Ends of the names of files that are a CSV with tabs, which is read and not written.
TSV = (".tsv", ".tsv.gz")
#: name: (module, ends of the names of its files).
FORMATS = {
    "parquet": ("tfrecord_lite.convert.parquet", (".parquet", ".pq")),
    "arrow": ("tfrecord_lite.convert.arrow_ipc", (".arrow", ".feather", ".ipc")),
    "csv": ("tfrecord_lite.convert.csv_text", (".csv", ".csv.gz", *TSV)),
    "jsonl": ("tfrecord_lite.convert.json_lines", (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")),
    "npz": ("tfrecord_lite.convert.npz", (".npz",)),
    "webdataset": ("tfrecord_lite.convert.webdataset", (".tar", ".tar.gz", ".tgz")),
}
#: A folder of them, which is no file: see image_folders.
IMAGES = "images"
NAMES = (TFRECORD, *FORMATS, IMAGES)
#: So many rows and values may take no bytes of a file, in all its columns: their number is what its header says. Where
#: others take bytes they may be more, for which those vouch.
ROWS_WITHOUT_BYTES = 1 << 20
#: For each column of each block pyarrow has buffers: a million columns end the process, whatever is in them.
COLUMN_LIMIT = 100_000
_ENDS_OF_TFRECORD = (".tfrecord", ".tfrecords", ".tfrec", ".tfrecord.gz", ".tfrecords.gz")

#: Called with the number of a bad row in its part, and what is wrong with it.
Skip = Callable[[int, str], object]


@dataclass
class Rows:
    """A part of a file: rows that follow each other.

    Attributes:
        path: of the file.
        begin: number of the first row in it.
        count: how many there are.
        data: they themselves, in a form of the format's.
        done: bytes of the file that are read by then; None where that is not known.
        lines: where rows are text, the numbers of the lines in which they begin, from 1 on, as an editor counts them.
        numbers: of the rows in the file, where others between them were left out.
        notes: what is to be said of the file.
    """

    path: str
    begin: int
    count: int
    data: Any
    done: int | None = None
    lines: list[int] | None = None
    numbers: list[int] | None = None
    notes: tuple[str, ...] = ()

    def number_of(self, number: int) -> int:
        """Of that row of the part in the file."""
        return self.begin + number if self.numbers is None else self.numbers[number]

    def __repr__(self) -> str:
        if self.lines is not None:
            return f"{self.path}, lines {self.lines[0]} to {self.lines[-1]}"
        return f"{self.path}, records #{self.begin} to #{self.begin + self.count - 1}"


def format_of(path: str) -> str:
    """The name of the format that a file has by its name: TFRecord unless it is one of the others."""
    return next((name for name, (_, ends) in FORMATS.items() if path.lower().endswith(ends)), TFRECORD)


def extension_of(path: str, format_name: str) -> str:
    """The end of a file's name that says its format, as it is written there; "" when there is none."""
    ends = _ENDS_OF_TFRECORD if format_name == TFRECORD else FORMATS[format_name][1]
    found = max((end for end in ends if path.lower().endswith(end)), key=len, default="")
    return path[len(path) - len(found) :]


def is_gzip(path: str) -> bool:
    """Whether a file is compressed by its name."""
    return path.lower().endswith((".gz", ".tgz"))


def load_format(name: str) -> Any:
    """The module of a format.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in FORMATS:
        raise ValueError(f"there is no format '{printable(name)}': {', '.join(NAMES)}")
    return importlib.import_module(FORMATS[name][0])
