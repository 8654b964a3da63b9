"""tfrecord-lite: finds the command, runs it, turns errors into one line and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import select
import sys
from collections.abc import Sequence

import tfrecord_lite
from tfrecord_lite.cli.completion import PrintCompletion
from tfrecord_lite.cli.output import STDOUT
from tfrecord_lite.cli.parser import Parser, examples_text
from tfrecord_lite.cli.progress import Progress
from tfrecord_lite.errors import TFRecordError, printable

_SURGERY = ("merge", "split", "reshard", "shuffle", "sample", "filter", "dedupe", "diff")
_LOOK = ("info", "head", "cat", "schema", "stats", "gallery", "report")
_SHARDS = ("commit", "rollback")
_MAKE = ("convert", "pack", "cardchecker", "demo")
_COMMANDS = (*_LOOK, "count", "verify", "lint", "salvage", "index", *_SURGERY, *_SHARDS, *_MAKE)

_EPILOG = """\
exit codes:
  0    all is well
  1    something is wrong with the data, or a file cannot be read or written; diff: they differ
  2    the command was called wrongly, with standard output closed perhaps, or an extra is not installed;
       diff: a file cannot be read;
       lint: SPEC cannot be read, or OUT not be written
       a command whose reader has had enough (head, less) ends with 0, whatever it had found by then
  130  interrupted (Ctrl-C)
  143  terminated (SIGTERM, as docker stop and batch systems send it); it cleans up as after Ctrl-C

Results go to standard output; progress (on a terminal only), messages and errors to standard error.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in `arguments` (sys.argv when None) and return its exit code."""
    code = 0
    _fill_closed_streams()
    try:
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
        finally:  # also of help, after which argparse exits
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        has_gone = reader_has_gone(error)
        with contextlib.suppress(OSError):  # it is no file
            descriptor = sys.stdout.fileno()
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)  # Python must not notice again when it closes it
        return code if has_gone or code == 2 else fail(describe(error), 1)  # of 2 something worse was said
    return code


def parser_of(names: Sequence[str] = _COMMANDS) -> Parser:
    """The parser of the command line with these commands; their modules are imported."""
    parser = Parser(
        prog="tfrecord-lite",
        description="Look into, check and write TFRecord files without TensorFlow.",
        epilog=_EPILOG,
    )
    parser.set_defaults(quiet=False)
    parser.add_argument("--version", action="version", version=f"tfrecord-lite {tfrecord_lite.__version__}")
    parser.add_argument("--print-completion", action=PrintCompletion)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        command = importlib.import_module(f"tfrecord_lite.cli.{name}")
        text = examples_text(command.EXAMPLES)
        subparser = commands.add_parser(
            command.NAME, help=command.HELP.partition(". ")[0], description=command.HELP, epilog=text
        )
        command.configure(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def fail(message: str, code: int) -> int:
    """Say on stderr what went wrong; returns the exit code, to be returned, whether anybody hears it or not."""
    with contextlib.suppress(OSError):  # of a full device, say
        print(f"tfrecord-lite: {message}", file=sys.stderr)  # noqa: T201
    return code


def reader_has_gone(error: Exception) -> bool:
    """Whether it only says that whoever read our output has had enough (head, less), which is no error.

    A pipe to a process of our own, or a connection, that breaks is one.
    """
    if not isinstance(error, BrokenPipeError) or error.filename not in (None, STDOUT) or sys.stdout is None:
        return False
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # it is no file
        return False
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))  # POLLERR or POLLHUP: nobody reads it any more


def describe(error: TFRecordError | OSError) -> str:
    """One line about an error."""
    if isinstance(error, FileNotFoundError) and error.filename is None:
        try:
            os.getcwd()
        except FileNotFoundError:
            return f"the current directory is gone: {error.strerror}"
    if isinstance(error, TFRecordError) or error.filename is None:
        return str(error)
    # Of two, the second is the one that somebody named: the first is hidden, and was to be called so.
    return f"{printable(os.fsdecode(error.filename2 or error.filename))}: {error.strerror}"


def _fill_closed_streams() -> None:
    """See to it that no file of ours gets the number of a standard stream, into which others would write.

    Of the streams themselves standard error is there afterwards, and goes nowhere.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the lowest free number is the next one that is given out
            os.set_inheritable(os.open(os.devnull, os.O_RDWR if number else os.O_WRONLY), True)
    if sys.stderr is None:
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115


def _run(arguments: Sequence[str]) -> int:
    if sys.stdout is None:
        return fail("standard output is closed", 2)
    try:
        # The others are not even imported when a command is named: it is to start at once.
        parser = parser_of(arguments[:1] if arguments and arguments[0] in _COMMANDS else _COMMANDS)
        parsed = parser.parse_args(arguments)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal or pipe that does not take every character
        if getattr(parsed, "files", []).count("-") > 1:  # the second time it would be empty
            return fail("standard input, -, is read once: name it once", 2)
        Progress.is_wanted = not parsed.quiet
        code: int = parsed.run(parsed)
    except (TFRecordError, OSError) as error:
        if reader_has_gone(error):
            raise
        return fail(describe(error), 1)
    except MemoryError:
        return fail("not enough memory: perhaps for one of the records, which are held whole", 1)
    except ImportError as error:
        return fail(str(error), 2)
    return code
