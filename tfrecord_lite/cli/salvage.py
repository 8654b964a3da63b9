"""tfrecord-lite salvage IN OUT"""

from __future__ import annotations

import argparse
import os

from tfrecord_lite.cli.output import STDOUT, add_compression, add_json, print_summary

NAME = "salvage"
HELP = (
    "Write the sound records of a damaged file to another one, compressed as it is, and list what was lost. Exit code"
    " 0 when nothing was lost, 1 when something was; when nothing is left, OUT is not written."
)
EXAMPLES = ("tfrecord-lite salvage damaged.tfrecord saved.tfrecord",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `salvage`."""
    parser.add_argument("input", metavar="IN", help="the damaged file; - is standard input")
    help_text = (
        "a file to be written, which appears when it is complete; - is standard output, and the list goes to stderr"
    )
    parser.add_argument("output", metavar="OUT", help=help_text)
    add_compression(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each region that was skipped, and how many records there are."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.files.salvage import salvage
    from tfrecord_lite.files.writer import TFRecordWriter

    output = STDOUT if arguments.output == "-" else arguments.output
    with salvage(arguments.input, arguments.compression) as survivors:
        if _are_same(arguments.input, output):
            return fail("IN and OUT are the same file: what was lost could not be looked for again", 2)
        with TFRecordWriter(output, survivors.compression_type) as writer:
            for record in survivors:
                writer.write(record)
            if survivors.regions and not survivors.records:
                writer.discard()
    report = {**survivors.as_dict(), "output": arguments.output}
    print_summary(arguments, survivors, report, skipped=survivors.regions)
    return 0 if survivors.sound else 1


def _are_same(first: str, second: str) -> bool:
    return os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second)
