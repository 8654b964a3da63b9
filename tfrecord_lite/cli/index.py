"""tfrecord-lite index FILE..."""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line

NAME = "index"
HELP = "Save where each record is, as FILE.idx (the text that DALI reads), checking every CRC on the way."
EXAMPLES = ("tfrecord-lite index train.tfrecord",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `index`."""
    add_files(parser)
    add_json(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not check the CRCs: long records are passed over")


def run(arguments: argparse.Namespace) -> int:
    """Print a line a file: how many records, and where their index is."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.errors import printable
    from tfrecord_lite.files.index import RecordIndex
    from tfrecord_lite.files.paths import expand_paths

    if "-" in arguments.files:
        return fail("an index lies beside its file: give a file, - has no place", 2)
    indexes = []
    for path in expand_paths(arguments.files):
        index = RecordIndex.build(path, arguments.compression, verify=not arguments.no_verify)
        saved = index.save()
        indexes.append({"path": path, "index": saved, "records": len(index)})
        if not (arguments.json or arguments.quiet):
            print_line(f"{len(index)}\t{printable(saved)}")
    if arguments.json:
        print_json({"files": indexes})
    return 0
