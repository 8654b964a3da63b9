"""tfrecord-lite: finds the command, runs it, turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

import tfrecord_lite
from tfrecord_lite.errors import TFRecordError, printable

_SURGERY = ("merge", "split", "reshard", "shuffle", "sample", "filter", "dedupe", "diff")
_LOOK = ("info", "head", "cat", "schema", "stats", "gallery", "report")
_COMMANDS = (*_LOOK, "count", "verify", "lint", "salvage", "index", *_SURGERY, "convert", "pack", "cardchecker", "demo")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in `arguments` (sys.argv when None) and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="tfrecord-lite", description="Look into, check and write TFRecord files without TensorFlow."
    )
    parser.add_argument("--version", action="version", version=f"tfrecord-lite {tfrecord_lite.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in _COMMANDS:
        command = importlib.import_module(f"tfrecord_lite.cli.{name}")
        subparser = commands.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        command.configure(subparser)
        subparser.set_defaults(run=command.run)
    parsed = parser.parse_args(arguments)
    if sys.stdout is None:
        return fail("standard output is closed", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal or pipe that does not take every character
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has had enough (head, less). Python must not notice again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except (TFRecordError, OSError) as error:
        return fail(describe(error), 1)
    except MemoryError:
        return fail("not enough memory: perhaps for one of the records, which are held whole", 1)
    except ImportError as error:
        return fail(str(error), 2)
    return code


def fail(message: str, code: int) -> int:
    """Say on stderr what went wrong; returns the exit code, to be returned."""
    print(f"tfrecord-lite: {message}", file=sys.stderr)  # noqa: T201
    return code


def describe(error: TFRecordError | OSError) -> str:
    """One line about an error."""
    if isinstance(error, TFRecordError) or error.filename is None:
        return str(error)
    return f"{printable(os.fsdecode(error.filename))}: {error.strerror}"
