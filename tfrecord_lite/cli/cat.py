"""tfrecord-lite cat FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.head import show_records
from tfrecord_lite.cli.output import add_files

NAME = "cat"
HELP = "Print every record as a line of JSON (JSON Lines); --text shortens them for people."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cat`."""
    add_files(parser)
    parser.add_argument("--text", action="store_true", help="for people instead of programs")


def run(arguments: argparse.Namespace) -> int:
    """Print all records of the files."""
    show_records(arguments, None, not arguments.text)
    return 0
