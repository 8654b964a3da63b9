"""tfrecord-lite --print-completion SHELL: what makes a shell complete commands, options and file names.

Made by shtab from the parsers, which is installed as the extra [completion] and needed for this only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

SHELLS = ("bash", "zsh")


class PrintCompletion(argparse.Action):
    """Prints the script and exits."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(
            option_strings,
            argparse.SUPPRESS,
            choices=SHELLS,
            default=argparse.SUPPRESS,
            help='print what makes the shell complete: eval "$(tfrecord-lite --print-completion bash)"',
        )

    def __call__(self, parser: argparse.ArgumentParser, *values: Any) -> None:
        """Called by argparse with (parser, namespace, shell, option).

        Raises:
            ImportError: shtab is not installed.
        """
        try:
            import shtab
        except ImportError as error:
            raise ImportError(
                f'--print-completion needs shtab ({error}): pip install "tfrecord-lite-codec[completion]"'
            ) from error

        for action in _actions(parser):
            if action.nargs != 0 and action.type is None and action.choices is None:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        sys.stdout.write(shtab.complete(parser, values[1]) + "\n")
        parser.exit()


def commands_of(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of its commands; none for a parser without."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices.values())
    return []


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    yield from parser._actions
    for command in commands_of(parser):
        yield from _actions(command)
