"""tfrecord-lite sample FILE... -o OUT --count N"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, add_seed, move, natural

NAME = "sample"
HELP = "Draw records at random, any choice as likely as any other, and keep their order."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sample`."""
    add_input_and_output(parser)
    add_seed(parser)
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("-n", "--count", type=natural, metavar="N", help="so many records")
    size.add_argument("--fraction", type=float, metavar="F", help="or such a part of all, 0 to 1")


def run(arguments: argparse.Namespace) -> int:
    """Draw, and print how many records were written."""
    from tfrecord_lite.files.selection import sample

    return move(arguments, "sampling", sample, count=arguments.count, fraction=arguments.fraction, seed=arguments.seed)
