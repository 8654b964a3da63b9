"""tfrecord-lite head FILE... and, with other defaults, cat."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tfrecord_lite.cli.moving import natural
from tfrecord_lite.cli.output import add_files, as_text, print_json, print_line

NAME = "head"
HELP = "Show the first examples, shortened for people; --json for JSON Lines with everything in them."

_DEFAULT_RECORDS = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `head`."""
    add_files(parser)
    parser.add_argument("-n", "--records", type=natural, default=_DEFAULT_RECORDS, metavar="N", help="how many (5)")
    parser.add_argument("--json", action="store_true", help="JSON Lines, bytes that are not text as base64")


def run(arguments: argparse.Namespace) -> int:
    """Print the first records of the files taken together."""
    show_records(arguments, arguments.records, arguments.json)
    return 0


def show_records(arguments: argparse.Namespace, limit: int | None, is_json: bool) -> None:
    """Print up to `limit` records, all when it is None."""
    from tfrecord_lite.format.json_form import record_as_json

    for number, record in enumerate(islice(_records(arguments), limit)):
        if is_json:
            print_json(record_as_json(record))
        else:
            kind, value = _decode(record)
            print_line(f"#{number} {kind}, {len(record)} bytes")
            for line in _record_as_text(kind, value):
                print_line(f"  {line}")


def _records(arguments: argparse.Namespace) -> Iterator[bytes]:
    from tfrecord_lite.files.reader import read_records

    return read_records(arguments.files, arguments.compression)


def _decode(record: bytes) -> tuple[str, Any]:
    """What a record is: an Example, a SequenceExample (a field 2 at top level), or just bytes."""
    from tfrecord_lite.errors import DecodeError
    from tfrecord_lite.format.example import decode_example, decode_sequence_example

    try:
        context, feature_lists = decode_sequence_example(record)
        if feature_lists:
            return "sequence example", (context, feature_lists)
        return "example", decode_example(record)
    except DecodeError:
        return "record", record


def _record_as_text(kind: str, value: Any) -> Iterator[str]:
    from tfrecord_lite.errors import printable

    if kind == "record":
        yield as_text([value])
        return
    context, lists = value if kind == "sequence example" else (value, {})
    for name, feature in sorted(context.items()):
        yield f"{printable(name)}: {as_text(feature)}"
    for name, steps in sorted(lists.items()):
        yield f"{printable(name)}: {len(steps)} steps: {as_text(steps) if steps else '[]'}"
