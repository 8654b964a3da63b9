"""tfrecord-lite split FILE... -o PREFIX --max-bytes 128MiB"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, move, positive, size

NAME = "split"
HELP = "Put the records of the files into shards, as they are and in their order."
EXAMPLES = (
    "tfrecord-lite split train.tfrecord -o piece --shards 4",
    "tfrecord-lite split train.tfrecord -o piece --max-bytes 128MiB",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `split`."""
    add_input_and_output(parser, is_prefix=True)
    parser.add_argument("--shards", type=positive, metavar="N", help="so many shards; the input is read twice")
    parser.add_argument("--max-records", type=positive, metavar="N", help="records in a shard at most")
    parser.add_argument("--max-bytes", type=size, metavar="SIZE", help="bytes of a shard, before compression: 128MiB")


def run(arguments: argparse.Namespace) -> int:
    """Split, and print a line a shard."""
    from tfrecord_lite.files.surgery import split

    return move(
        arguments,
        "splitting",
        split,
        num_shards=arguments.shards,
        max_records=arguments.max_records,
        max_bytes=arguments.max_bytes,
    )
