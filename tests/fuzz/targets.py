"""Every target, with what makes its seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fuzz import commands, files, messages, seeds, streams


class Target(NamedTuple):
    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


TARGETS = {
    "frames": Target(streams.check_frames, seeds.streams),
    "salvage": Target(streams.check_salvage, seeds.streams),
    "example": Target(messages.check_example, seeds.examples),
    "sequence_example": Target(messages.check_sequence_example, seeds.sequence_examples),
    "parsing": Target(messages.check_parsing, seeds.examples),
    "sequence_parsing": Target(messages.check_sequence_parsing, seeds.sequence_examples),
    "columns": Target(messages.check_columns, seeds.tables),
    "index": Target(files.check_index, seeds.indexes),
    "members": Target(files.check_members, seeds.stored),
    "command": Target(commands.check_command, seeds.command_files),
}
