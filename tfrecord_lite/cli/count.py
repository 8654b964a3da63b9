"""tfrecord-lite count FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line

NAME = "count"
HELP = "Count the records of each file, checking every CRC on the way."
EXAMPLES = ("tfrecord-lite count train.tfrecord val.tfrecord", "tfrecord-lite count - < train.tfrecord")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `count`."""
    add_files(parser)
    add_json(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not check the CRCs")


def run(arguments: argparse.Namespace) -> int:
    """Print a line a file, and the total when there are several."""
    from tfrecord_lite.errors import printable
    from tfrecord_lite.files.paths import STDIN, STDIN_NAME, expand_paths
    from tfrecord_lite.files.records import count_records

    counts = []
    for path in expand_paths(arguments.files):
        count = count_records([path], arguments.compression, verify=not arguments.no_verify)
        name = STDIN_NAME if path == STDIN else str(path)
        counts.append({"path": name, "records": count})
        if not arguments.json:
            print_line(f"{count}\t{printable(name)}")
    total = sum(int(str(entry["records"])) for entry in counts)
    if arguments.json:
        print_json({"records": total, "files": counts})
    elif len(counts) > 1:
        print_line(f"{total}\ttotal")
    return 0
