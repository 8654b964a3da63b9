"""tfrecord-lite cat FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.output import add_files
from tfrecord_lite.cli.records import add_choice, chosen_records, print_json_lines, print_lists, print_records

NAME = "cat"
HELP = "Print every record as a line of JSON (JSON Lines); --text shortens them for people."
EXAMPLES = (
    "tfrecord-lite cat train.tfrecord --columns label,text > train.jsonl",
    "tfrecord-lite cat train.tfrecord | head -1",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cat`."""
    add_files(parser)
    add_choice(parser)
    parser.add_argument("--text", action="store_true", help="for people instead of programs")


def run(arguments: argparse.Namespace) -> int:
    """Print all records of the files."""
    return print_records(
        arguments, chosen_records(arguments, arguments.compression), print_lists if arguments.text else print_json_lines
    )
