"""tfrecord-lite verify FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line

NAME = "verify"
HELP = "Check every CRC of every record. Exit code 0 when all files are sound, 1 when one is damaged."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `verify`."""
    add_files(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line a file: how many records, or the first damage."""
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.files.verification import verify

    with Progress("verifying", len(arguments.files)) as progress:
        report = verify(arguments.files, arguments.compression, progress=progress)
    if arguments.json:
        print_json(report.as_dict())
    else:
        print_line(str(report))
    return 0 if report.sound else 1
