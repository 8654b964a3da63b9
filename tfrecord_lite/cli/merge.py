"""tfrecord-lite merge FILE... -o OUT"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, move

NAME = "merge"
HELP = "Put all records of the files into one file, as they are."
EXAMPLES = (
    "tfrecord-lite merge train.tfrecord val.tfrecord -o all.tfrecord",
    "tfrecord-lite merge shards -o all.tfrecord --compression GZIP",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `merge`."""
    add_input_and_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Merge, and print how many records were written."""
    from tfrecord_lite.files.surgery import merge

    return move(arguments, "merging", merge)
