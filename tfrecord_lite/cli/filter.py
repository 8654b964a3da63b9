"""tfrecord-lite filter FILE... -o OUT --where 'label == 3' --records 0:1000"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import add_input_and_output, move, natural

NAME = "filter"
HELP = "Keep the records that a condition on their features, or their numbers, choose; with both, those that meet both."
EXAMPLES = (
    "tfrecord-lite filter train.tfrecord -o threes.tfrecord --where 'label == 3'",
    "tfrecord-lite filter train.tfrecord -o some.tfrecord --records 0:10",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `filter`."""
    add_input_and_output(parser)
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        help="comparisons of features with values, joined by `and`: label == 3 and score >= 0.5; "
        '"image/class/text" in ("cat", "dog"); 7 in ids. A feature is compared by its first value.',
    )
    parser.add_argument(
        "--records", type=_numbers, metavar="NUMBERS", help="from 0 on: 100:200, 100:, ::10, or numbers such as 3,17,20"
    )


def run(arguments: argparse.Namespace) -> int:
    """Filter, and print how many records were written."""
    from tfrecord_lite.files.selection import filter  # noqa: A004

    return move(arguments, "filtering", filter, where=arguments.where, numbers=arguments.records)


def _numbers(text: str) -> slice | list[int]:
    parts = text.split(":")
    try:
        if len(parts) == 1:
            return [natural(number) for number in text.split(",")]
        if len(parts) <= 3:
            return slice(*(natural(part) if part else None for part in parts))
    except argparse.ArgumentTypeError:
        pass
    raise argparse.ArgumentTypeError("NUMBERS is BEGIN:END, BEGIN:END:STEP or numbers with commas, from 0 on")
