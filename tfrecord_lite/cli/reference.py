"""All commands as a page of Markdown, which `make docs` writes to docs/commands.md.

Made from the parsers, and not from argparse's help, whose form is another in each version of Python.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from tfrecord_lite.cli.completion import commands_of
from tfrecord_lite.cli.main import parser_of


def reference() -> str:
    """The page."""
    return "\n".join(_lines(parser_of(), "#"))


def _lines(parser: argparse.ArgumentParser, level: str) -> Iterator[str]:
    arguments = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    positionals = [action for action in arguments if not action.option_strings]
    options = [action for action in arguments if action.option_strings and action.dest != "help"]
    commands = commands_of(parser)
    behind = ["COMMAND ..."] if commands else [_metavar(action) for action in positionals]
    required = [f"{action.option_strings[0]} {_metavar(action)}" for action in options if action.required]
    synopsis = " ".join([parser.prog, "[options]", *behind, *required])
    yield from (f"{level} {parser.prog}", "", parser.description or "", "", "```text", synopsis, "```", "")
    for action in (*positionals, *options):
        names = ", ".join(action.option_strings)
        shown = " ".join(filter(None, (names, "" if action.nargs == 0 else _metavar(action))))
        yield f"- `{shown}`: {_help(parser, action)}"
    if parser.epilog:
        yield from ("", "```text", parser.epilog.rstrip(), "```")
    yield ""
    for command in commands:
        yield from _lines(command, "##")


def _metavar(action: argparse.Action) -> str:
    name = str(action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest))
    return f"{name}..." if action.nargs == "+" else name


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return (action.help or "") % {**vars(action), "prog": parser.prog}


if __name__ == "__main__":
    sys.stdout.write(reference())
