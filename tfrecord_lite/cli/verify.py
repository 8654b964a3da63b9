"""tfrecord-lite verify FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import positive
from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line

NAME = "verify"
HELP = "Check every CRC of every record. Exit code 0 when all files are sound, 1 when one is damaged or cannot be read."
EXAMPLES = (
    "tfrecord-lite verify --quiet train.tfrecord shards && echo sound",
    "tfrecord-lite verify --all damaged.tfrecord",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `verify`."""
    add_files(parser)
    parser.add_argument("--examples", action="store_true", help="check that every record is an Example, too")
    parser.add_argument("--all", action="store_true", help="go on behind damage and list all of it, not only the first")
    parser.add_argument("--workers", type=positive, metavar="N", help="files read at a time")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line a file: how many records, or what is wrong."""
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.files.verification import verify

    with Progress("verifying", len(arguments.files)) as progress:
        report = verify(
            arguments.files,
            arguments.compression,
            examples=arguments.examples,
            regions=arguments.all,
            workers=arguments.workers,
            progress=progress,
        )
    if arguments.json:
        print_json(report.as_dict())
    else:
        for file in report.files:
            if not (arguments.quiet and file.sound):
                print_line(str(file))
    return 0 if report.sound else 1
