"""What head, cat and sample share: which records are chosen, and how they are printed.

files -> Record, Record, ... (those that --where chooses) -> JSON Lines, a table, or a few lines a record
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from tfrecord_lite.cli.output import as_text, print_json, print_line, print_table

#: Records whose columns are made as wide as they need together.
_ROWS = 1000
#: Where the output is no terminal, a table may be so wide.
_WIDTH = 160


class Record(NamedTuple):
    """One record, and what it is.

    Attributes:
        number: how many came before it, in all files.
        size: bytes in it.
        kind: "example", "sequence example" or "record".
        context: its features, of a SequenceExample those of its context; empty for a record that is neither.
        feature_lists: of a SequenceExample.
        data: the record itself.
    """

    number: int
    size: int
    kind: str
    context: dict[str, Any]
    feature_lists: dict[str, list[Any]]
    data: bytes

    def only(self, columns: Collection[str]) -> Record:
        """With these features only, in this order."""
        context = {name: self.context[name] for name in columns if name in self.context}
        lists = {name: self.feature_lists[name] for name in columns if name in self.feature_lists}
        return self._replace(context=context, feature_lists=lists)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """--where and --columns."""
    add_where(parser)
    parser.add_argument(
        "--columns",
        action="append",
        metavar="A,B",
        help="only these features, in this order; again for one with a comma in its name",
    )


def add_where(parser: argparse.ArgumentParser) -> None:
    """--where."""
    parser.add_argument(
        "--where",
        type=_condition,
        metavar="CONDITION",
        help="only records for which it holds: label == 3 and score >= 0.5; "
        '"image/class/text" in ("cat", "dog"); 7 in ids. A feature is compared by its first value.',
    )


def chosen_records(arguments: argparse.Namespace, compression_type: str | None) -> Iterator[Record]:
    """The records of the files that --where chooses."""
    from tfrecord_lite.errors import DecodeError, FeatureError
    from tfrecord_lite.files.records import open_readers
    from tfrecord_lite.format.example import decode_example
    from tfrecord_lite.format.framing import FRAME_OVERHEAD

    where = arguments.where
    number = 0
    missing = set() if where is None else set(where.keys)
    for reader in open_readers(arguments.files, compression_type, True, None):
        for data in reader:
            number += 1
            if where is not None:
                try:
                    example = decode_example(data, where.keys)
                    missing -= example.keys()
                    if not where(example):
                        continue
                except (DecodeError, FeatureError) as error:
                    error.path, error.record_number = reader.name, reader.record_number - 1
                    error.offset = reader.offset - len(data) - FRAME_OVERHEAD
                    raise
            yield _decoded(number - 1, data)
    if number and missing:
        raise FeatureError(f"no record has a feature '{min(missing)}'", min(missing), names_key=True)


def print_records(
    arguments: argparse.Namespace, records: Iterable[Record], form: Callable[[Iterator[Record]], None]
) -> int:
    """Print records as `form` does it, with the features of --columns, or all by their names; gives the exit code."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.errors import printable

    columns = _columns(arguments)
    missing = set(columns or ())
    printed = 0

    def shown() -> Iterator[Record]:
        nonlocal printed
        for record in records:
            printed += 1
            missing.difference_update(record.context, record.feature_lists)
            yield record.only(sorted({*record.context, *record.feature_lists}) if columns is None else columns)

    form(shown())
    if printed and missing:
        return fail(f"none of the records that were printed has a feature '{printable(min(missing))}'", 1)
    return 0


def print_json_lines(records: Iterator[Record]) -> None:
    """Everything, a line each."""
    from tfrecord_lite.format.json_form import bytes_as_record, example_as_record, sequence_example_as_json

    for record in records:
        if record.kind == "record":
            print_json(bytes_as_record(record.data))
        elif record.kind == "example":
            print_json(example_as_record(record.context, record.data))
        else:
            print_json(sequence_example_as_json(record.context, record.feature_lists))


def print_lists(records: Iterator[Record]) -> None:
    """For people, a line a feature, shortened."""
    for record in records:
        print_line(f"#{record.number} {record.kind}, {record.size:,} bytes")
        for line in _lines(record):
            print_line(f"  {line}")


def print_tables(records: Iterator[Record]) -> None:
    """For people: a table where the records are examples and it fits, otherwise as `print_lists` does.

    What comes before an error is printed before it is raised.
    """
    while True:
        some: list[Record] = []
        try:
            some.extend(islice(records, _ROWS))  # which keeps what came before an error
        finally:
            rows = _rows(some) if some else []
            if rows is None:
                print_lists(iter(some))
            else:
                print_table(rows)
        if not some:
            return


def _condition(text: str) -> Any:
    from tfrecord_lite.format.condition import Condition

    try:
        return Condition(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _columns(arguments: argparse.Namespace) -> list[str] | None:
    """The names that --columns gives. The first time a list, again one name each."""
    if arguments.columns is None:
        return None
    first, *others = arguments.columns
    return [name for name in (*first.split(","), *others) if name]


def _decoded(number: int, data: bytes) -> Record:
    """What a record is: an Example, a SequenceExample (a field 2 at top level), or just bytes."""
    from tfrecord_lite.errors import DecodeError
    from tfrecord_lite.format.example import decode_example, decode_sequence_example

    try:
        context, feature_lists = decode_sequence_example(data)
        if feature_lists:
            return Record(number, len(data), "sequence example", context, feature_lists, data)
        return Record(number, len(data), "example", decode_example(data), {}, data)
    except DecodeError:
        return Record(number, len(data), "record", {}, {}, data)


def _lines(record: Record) -> Iterator[str]:
    from tfrecord_lite.errors import counted, printable

    if record.kind == "record":
        yield as_text([record.data])
        return
    for name, feature in record.context.items():
        yield f"{printable(name)}: {as_text(feature)}"
    for name, steps in record.feature_lists.items():
        yield f"{printable(name)}: {counted(len(steps), 'step')}: {as_text(steps) if steps else '[]'}"


def _rows(records: list[Record]) -> list[list[str]] | None:
    """A table of examples with a column for each feature; None if there are others, or it would be too wide."""
    from tfrecord_lite.errors import printable

    if any(record.kind != "example" for record in records):
        return None
    names = list(dict.fromkeys(name for record in records for name in record.context))
    rows = [["#", *map(printable, names)]]
    for record in records:
        cells = (as_text(record.context[name]) if name in record.context else "" for name in names)
        rows.append([str(record.number), *cells])
    width = sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True))
    return rows if width <= _width() else None


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH
