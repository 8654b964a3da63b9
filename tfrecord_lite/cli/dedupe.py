"""tfrecord-lite dedupe FILE... -o OUT"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, move

NAME = "dedupe"
HELP = "Keep each record once, at its first place: records that are the same byte for byte."
EXAMPLES = ("tfrecord-lite dedupe train.tfrecord val.tfrecord -o unique.tfrecord",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `dedupe`."""
    add_input_and_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Leave out what is there already, and print how many records were written."""
    from tfrecord_lite.files.duplicates import dedupe

    return move(arguments, "looking for duplicates", dedupe)
