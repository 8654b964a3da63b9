"""tfrecord-lite head FILE..."""

from __future__ import annotations

import argparse
import sys
from itertools import islice

from tfrecord_lite.cli.moving import natural
from tfrecord_lite.cli.output import add_files
from tfrecord_lite.cli.records import add_choice, chosen_records, print_json_lines, print_records, print_tables

NAME = "head"
HELP = (
    "Show the first examples, shortened for people: as a table if it fits, images by format and size; --json for JSON "
    "Lines with everything in them."
)
EXAMPLES = (
    "tfrecord-lite head train.tfrecord --where 'label == 3' --columns label,text",
    "tfrecord-lite head -n 1 --json train.tfrecord",
)

_DEFAULT_RECORDS = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `head`."""
    add_files(parser)
    parser.add_argument("-n", "--records", type=natural, default=_DEFAULT_RECORDS, metavar="N", help="how many (5)")
    add_choice(parser)
    parser.add_argument("--json", action="store_true", help="JSON Lines, bytes that are not text as base64")


def run(arguments: argparse.Namespace) -> int:
    """Print the first records of the files taken together."""
    records = islice(chosen_records(arguments, arguments.compression), min(arguments.records, sys.maxsize))
    return print_records(arguments, records, print_json_lines if arguments.json else print_tables)
