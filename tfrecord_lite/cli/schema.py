"""tfrecord-lite schema FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import positive
from tfrecord_lite.cli.output import add_files, print_line

NAME = "schema"
HELP = "Say which features the records hold: kinds, lengths, how many are missing, ranges, likely encodings."
EXAMPLES = ("tfrecord-lite schema train.tfrecord --json > schema.json", "tfrecord-lite schema train.tfrecord --tf")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `schema`."""
    add_files(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tf", action="store_true", help="print the features to parse, for a script with TensorFlow")
    form.add_argument("--json", action="store_true", help="print JSON, which Schema.from_json reads")
    parser.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="look at N records in all, an equal share of each file from its beginning; without this at every record",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the schema of the files taken together."""
    from tfrecord_lite.files.inference import infer_schema

    schema = infer_schema(arguments.files, sample=arguments.sample, compression_type=arguments.compression)
    if arguments.tf:
        print_line(schema.to_tensorflow())
    elif arguments.json:
        print_line(schema.to_json())
    else:
        print_line(str(schema))
    return 0
