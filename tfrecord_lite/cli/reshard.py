"""tfrecord-lite reshard FILE... -o PREFIX --shards N"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, move, positive

NAME = "reshard"
HELP = "Put the records of a set of shards into another number of shards, as they are and in their order."
EXAMPLES = ("tfrecord-lite reshard shards -o resharded --shards 2",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `reshard`."""
    add_input_and_output(parser, is_prefix=True)
    parser.add_argument("--shards", type=positive, metavar="N", required=True, help="so many shards")


def run(arguments: argparse.Namespace) -> int:
    """Reshard, and print a line a shard."""
    from tfrecord_lite.files.surgery import reshard

    return move(arguments, "resharding", reshard, num_shards=arguments.shards)
