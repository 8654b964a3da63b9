"""tfrecord-lite shuffle FILE... -o OUT --seed N"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, add_seed, move, positive, size

NAME = "shuffle"
HELP = "Put all records of the files into a random order, any order as likely as any other, in bounded memory."
EXAMPLES = (
    "tfrecord-lite shuffle train.tfrecord -o shuffled.tfrecord --seed 1",
    "tfrecord-lite shuffle shards -o mixed --shards 2",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `shuffle`."""
    add_input_and_output(parser)
    add_seed(parser)
    parser.add_argument("--shards", type=positive, metavar="N", help="write so many shards; OUT is their prefix then")
    parser.add_argument(
        "--memory",
        type=size,
        default="256MiB",
        metavar="SIZE",
        help="for records; what does not fit is written beside OUT meanwhile, to TMPDIR for a URL or pipe; "
        "default: %(default)s",
    )


def run(arguments: argparse.Namespace) -> int:
    """Shuffle, and print what was written."""
    from tfrecord_lite.files.shuffling import shuffle

    return move(
        arguments,
        "shuffling",
        shuffle,
        seed=arguments.seed,
        num_shards=arguments.shards,
        memory=arguments.memory,
    )
