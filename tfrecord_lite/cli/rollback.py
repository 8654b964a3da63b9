"""tfrecord-lite rollback PREFIX"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.commit import add_prefix
from tfrecord_lite.cli.output import print_json, print_line

NAME = "rollback"
HELP = (
    "Undo a commit of shards that was interrupted. The older set is back, the shards of the new one are deleted; where"
    " the new set is in the manifest already, the commit is finished instead. Without one nothing is done, which is"
    " exit code 0, too."
)
EXAMPLES = ("tfrecord-lite rollback shards/train",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `rollback`."""
    add_prefix(parser)


def run(arguments: argparse.Namespace) -> int:
    """Undo, and print what came of it."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.errors import TFRecordError, printable
    from tfrecord_lite.files.commit import rollback
    from tfrecord_lite.files.manifest import has_plan
    from tfrecord_lite.files.shard_files import sweep_dead

    try:
        was_interrupted = has_plan(arguments.prefix)
        is_undone = rollback(arguments.prefix)
        if was_interrupted:
            sweep_dead(arguments.prefix)
    except TFRecordError:
        raise
    except ValueError as error:  # it is no prefix
        return fail(str(error), 2)
    is_finished = was_interrupted and not is_undone
    if arguments.json:
        print_json({"prefix": arguments.prefix, "undone": is_undone, "finished": is_finished})
    elif not arguments.quiet:
        outcome = "the commit is undone" if is_undone else "there was no commit to undo"
        outcome = "its set was published already: the commit is finished" if is_finished else outcome
        print_line(f"{printable(arguments.prefix)}: {outcome}")
    return 0
