"""The parser that all commands have: --help with examples, --quiet, errors that cannot act on a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, NoReturn

from tfrecord_lite.errors import printable


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose subparsers are of its kind. --quiet may stand before a command and behind it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": _Formatter, **settings})
        self.add_argument(
            "--quiet",
            action="store_true",
            default=argparse.SUPPRESS,  # that of a subparser must not undo what stood before
            help="no progress and no summary: only errors, what was skipped, and what the command is there to print",
        )

    def error(self, message: str) -> NoReturn:
        """Say how the command was called wrongly: `*` may have named files."""
        super().error(printable(message))


def examples_text(examples: Iterable[str]) -> str:
    """For the end of a command's help."""
    return "\n".join(["examples:", *(f"  {example}" for example in examples)])


class _Formatter(argparse.HelpFormatter):
    """Fills paragraphs of one line, and leaves others as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = text.splitlines()
        return "\n".join(indent + line for line in lines) if len(lines) > 1 else super()._fill_text(text, width, indent)
