"""tfrecord-lite diff A B"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tfrecord_lite.cli.output import add_json, as_json, as_text, print_json, print_line

if TYPE_CHECKING:
    from tfrecord_lite.files.difference import Difference, FeatureDifference

NAME = "diff"
HELP = (
    "Say in which records, and in which of their features, two files differ. Exit code 0: all records are the same, 1: "
    "they differ, 2: trouble."
)
EXAMPLES = ("tfrecord-lite diff train.tfrecord val.tfrecord", "tfrecord-lite diff --brief train.tfrecord shards")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `diff`."""
    for name in ("a", "b"):
        parser.add_argument(name, metavar=name.upper(), help="file, directory or glob; - is standard input")
    parser.add_argument("-q", "--brief", action="store_true", help="only say whether they differ")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line a difference, as JSON Lines with --json."""
    from tfrecord_lite.cli.main import describe, fail, reader_has_gone
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import TFRecordError, printable
    from tfrecord_lite.files.difference import diff

    if arguments.a == arguments.b == "-":
        return fail("standard input can be only one of both", 2)
    code = 0
    try:
        with Progress("comparing", 0) as progress:
            for difference in diff(arguments.a, arguments.b, progress=progress):
                code = 1
                progress.clear()
                if arguments.brief:
                    print_line(f"{printable(arguments.a)} and {printable(arguments.b)} differ")
                    break
                if arguments.json:
                    print_json(_as_json(difference))
                else:
                    _print(difference)
        sys.stdout.flush()  # that nobody can be told is no difference
    except (TFRecordError, OSError) as error:
        if reader_has_gone(error):
            raise
        return fail(describe(error), 2)
    return code


def _as_json(difference: Difference) -> dict[str, Any]:
    features = difference.features
    return {
        "what": difference.what,
        "number_a": difference.number_a,
        "number_b": difference.number_b,
        "features": None
        if features is None
        else [{"key": f.key, "what": f.what, "a": as_json(f.a), "b": as_json(f.b)} for f in features],
    }


def _print(difference: Difference) -> None:
    if difference.what == "removed":
        print_line(f"- #{difference.number_a}")
    elif difference.what == "added":
        print_line(f"+ #{difference.number_b}")
    else:
        a, b = difference.number_a, difference.number_b
        number = f"#{a}" if a == b else f"#{a} (#{b} in the second)"
        if difference.features is None:
            print_line(f"! {number}: other bytes, and not both are examples")
        elif not difference.features:
            print_line(f"! {number}: the same features in other bytes")
        else:
            print_line(f"! {number}: " + "; ".join(map(_feature_as_text, difference.features)))


def _feature_as_text(feature: FeatureDifference) -> str:
    from tfrecord_lite.errors import printable

    name = printable(feature.key)
    if feature.what == "removed":
        return f"{name}: {as_text(feature.a)} -> missing"
    if feature.what == "added":
        return f"{name}: missing -> {as_text(feature.b)}"
    kind = f" ({_kind(feature.a)} -> {_kind(feature.b)})" if feature.what == "kind" else ""
    return f"{name}: {as_text(feature.a)} -> {as_text(feature.b)}{kind}"


def _kind(value: Any) -> str:
    if value is None:
        return "no kind"
    if isinstance(value, list):
        return "list" if value and not isinstance(value[0], bytes) else "bytes"
    return str(value.dtype)
