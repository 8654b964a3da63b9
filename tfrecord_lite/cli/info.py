"""tfrecord-lite info FILE..."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line

if TYPE_CHECKING:
    from tfrecord_lite.look.overview import Overview

NAME = "info"
HELP = (
    "Say what files are: shards found and missing, records, size, compression, state of the CRCs, schema. Of large "
    "files only the beginning is looked at, and no record of more than some 250 MiB, which is said; count and verify "
    "read all. Exit code 1 when something is wrong."
)
EXAMPLES = ("tfrecord-lite info train.tfrecord", "tfrecord-lite info --json shards")

#: So many files have a line each; of more only those that something is wrong with.
_MANY = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `info`."""
    add_files(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line a file, a line a set of shards, and the schema. Damage is part of what is said."""
    from tfrecord_lite.look.overview import overview

    found = overview(arguments.files, arguments.compression)
    if arguments.json:
        import json

        print_json(found.as_dict() | {"schema": json.loads(found.schema.to_json())})
        return 0 if found.is_sound else 1
    shown = [file for file in found.files if len(found.files) <= _MANY or not file.facts.is_sound]
    for file in shown:
        print_line(str(file))
    for shards in found.sets:
        print_line(str(shards))
    if len(found.files) > 1:
        print_line(_total(found))
    if not all(file.facts.is_complete or file.facts.error for file in found.files):
        print_line("Not everything was looked at: `tfrecord-lite verify` checks every CRC.")
    for file in found.files:
        if others := file.facts.others():
            print_line(f"{file.facts.name}: {others}")
        if sequences := file.facts.sequences():
            print_line(f"{file.facts.name} {sequences}")
    if found.schema or found.schema.records:
        print_line(f"\n{found.schema}")
    return 0 if found.is_sound else 1


def _total(found: Overview) -> str:
    from tfrecord_lite.errors import noun
    from tfrecord_lite.look import wording

    count, is_exact = found.records
    if count is None:
        records = f"at least {sum(file.facts.records for file in found.files):,} records"
    else:
        records = f"{'' if is_exact else 'about '}{count:,} {noun(count, 'record')}"
    wrong = sum(not file.facts.is_sound for file in found.files)
    seen = sum(file.facts.is_complete or file.facts.records > 0 for file in found.files)
    where = "any" if seen == len(found.files) else f"the {seen:,} looked at"
    state = f"something wrong with {wrong:,}" if wrong else f"nothing wrong with {where}"
    return f"{len(found.files):,} files, {records}, {wording.size(found.bytes)}, {state}"
