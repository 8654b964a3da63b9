"""tfrecord-lite sample FILE... [-o OUT] --count N"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from tfrecord_lite.cli.moving import add_input_and_output, add_seed, move, natural
from tfrecord_lite.cli.records import (
    Record,
    add_choice,
    chosen_records,
    print_json_lines,
    print_records,
    print_tables,
)

NAME = "sample"
HELP = (
    "Draw records at random, any choice as likely as any other, and keep their order: into a file, or without -o "
    "printed as head does it."
)
EXAMPLES = (
    "tfrecord-lite sample train.tfrecord -n 3 --seed 1",
    "tfrecord-lite sample train.tfrecord -o few.tfrecord --fraction 0.1",
)

_DEFAULT_RECORDS = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sample`."""
    add_input_and_output(parser, is_required=False)
    add_seed(parser)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("-n", "--count", type=natural, metavar="N", help="so many records; 5 if they are printed")
    size.add_argument("--fraction", type=float, metavar="F", help="or such a part of all, 0 to 1; needs -o")
    add_choice(parser)


def run(arguments: argparse.Namespace) -> int:
    """Draw, and print the records, or how many were written."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.files.selection import sample

    if arguments.output is None:
        if arguments.fraction is not None:
            return fail("--fraction is for a file: say -o OUT, or -n N to print N records", 2)
        count = _DEFAULT_RECORDS if arguments.count is None else arguments.count
        if arguments.compression or arguments.seekable:
            return fail("--compression and --seekable are about the output: say -o OUT; the input's is recognised", 2)
        drawn = _drawn(chosen_records(arguments, None), count, arguments.seed)
        return print_records(arguments, drawn, print_json_lines if arguments.json else print_tables)
    if arguments.where is not None or arguments.columns is not None:
        return fail("--where and --columns are for records that are printed, without -o; filter writes them", 2)
    if arguments.count is None and arguments.fraction is None:
        return fail("--count or --fraction, one of them: how many records?", 2)
    return move(arguments, "sampling", sample, count=arguments.count, fraction=arguments.fraction, seed=arguments.seed)


def _drawn(records: Iterable[Record], count: int, seed: int | None) -> list[Record]:
    """So many of them, in their order, or all if there are fewer. One pass: the input may be a pipe."""
    from tfrecord_lite.look.sketches import Reservoir

    reservoir = Reservoir(count, seed)
    held: dict[int, Record] = {}
    for record in records:
        place = reservoir.place()
        if place is not None:
            held[place] = record
    return sorted(held.values(), key=lambda record: record.number)
