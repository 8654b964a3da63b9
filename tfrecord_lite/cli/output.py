"""What all commands share: the arguments that name files, and how values become JSON or a short line for people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from tfrecord_lite.errors import printable
from tfrecord_lite.files.compression_types import COMPRESSION_TYPES
from tfrecord_lite.format.encodings import image_encoding

#: What `-` means to those who open it.
STDOUT = "/dev/stdout"

_SHORT_TEXT = 60
_SHORT_LIST = 8


def add_files(parser: argparse.ArgumentParser) -> None:
    """FILE... and --compression."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="file, URL, directory or glob; - is standard input")
    add_compression(parser)


def add_compression(parser: argparse.ArgumentParser) -> None:
    """--compression."""
    parser.add_argument(
        "--compression",
        choices=COMPRESSION_TYPES,
        metavar="GZIP|ZLIB",
        help="the compression; without this it is recognised from the content",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def print_line(text: str) -> None:
    """One line of result."""
    sys.stdout.write(text + "\n")


def print_json(value: Any) -> None:
    """One line of JSON; ASCII only, so that nothing in it can act on a terminal."""
    print_line(_json(value))


def print_summary(
    arguments: argparse.Namespace, summary: object, facts: dict[str, Any], *, skipped: Iterable[object] = ()
) -> None:
    """What came of a command that writes to `arguments.output`: on stderr when the output itself went to stdout.

    Unless it was asked for as JSON, --quiet leaves only `skipped`: what of the input is not in the output.
    """
    stream = sys.stderr if arguments.output in ("-", STDOUT) else sys.stdout
    text = "\n".join(map(str, skipped)) if arguments.quiet else str(summary)
    if text := _json(facts) if arguments.json else text:
        stream.write(text + "\n")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of as many cells each, every column as wide as it needs."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(map(str.ljust, row, widths)).rstrip())


def as_json(value: Any) -> Any:
    """A decoded feature for JSON, in a form that loses nothing."""
    from tfrecord_lite.format.json_form import feature_as_json

    return feature_as_json(value)


def as_text(value: Any) -> str:
    """A decoded feature for people, shortened."""
    if value is None:
        return "no kind"
    shown = [_bytes_as_text(item) if isinstance(item, bytes) else as_text_item(item) for item in value[:_SHORT_LIST]]
    more = [f"... {len(value) - _SHORT_LIST} more"] if len(value) > _SHORT_LIST else []
    joined = ", ".join(shown + more)
    return joined if len(value) == 1 else f"[{joined}]"


def as_text_item(value: Any) -> str:
    """One number, or the feature of one step."""
    import numpy as np

    return str(value) if np.isscalar(value) else as_text(value)


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def _bytes_as_text(data: bytes) -> str:
    if image_encoding(data) is not None:
        from tfrecord_lite.look.images import image_facts

        return f"<{image_facts(data)}, {len(data):,} bytes>"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return f"<{len(data):,} bytes>"
    if len(text) > _SHORT_TEXT:
        return f'"{printable(text[:_SHORT_TEXT])}..." ({len(data):,} bytes)'
    return f'"{printable(text)}"'
