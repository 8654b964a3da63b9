"""tfrecord-lite commit PREFIX"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.output import add_json, print_json, print_line

NAME = "commit"
HELP = (
    "Finish a commit of shards that was interrupted. Until that is done, or undone by rollback, readers of their"
    " directory get an error. A set that is published already stays as it is. Exit code 1: no commit has begun, and"
    " nothing is published."
)
EXAMPLES = ("tfrecord-lite commit shards/train",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `commit`."""
    add_prefix(parser)


def add_prefix(parser: argparse.ArgumentParser) -> None:
    """PREFIX and --json."""
    parser.add_argument(
        "prefix", metavar="PREFIX", help="of the shards, a path or URL: data/train for data/train-00000-of-00004"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Finish, and print what is published."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.errors import TFRecordError
    from tfrecord_lite.files.commit import commit
    from tfrecord_lite.files.frames import WrittenFile
    from tfrecord_lite.files.manifest import has_plan
    from tfrecord_lite.files.shard_files import sweep_dead

    try:
        was_interrupted = has_plan(arguments.prefix)
        infos = commit(None, arguments.prefix)
        if was_interrupted:
            sweep_dead(arguments.prefix)
    except TFRecordError:
        raise
    except ValueError as error:  # it is no prefix
        return fail(str(error), 2)
    files = [WrittenFile(info.path, info.records, info.bytes) for info in infos]
    if arguments.json:
        print_json({"records": sum(file.records for file in files), "files": [file.as_dict() for file in files]})
    elif not arguments.quiet:
        for file in files:
            print_line(str(file))
    return 0
