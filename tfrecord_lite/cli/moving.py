"""What the commands that move records share: arguments, progress, and what is printed in the end."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfrecord_lite.cli.output import STDOUT, add_json, print_summary

if TYPE_CHECKING:
    from tfrecord_lite.files.frames import Moved

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_UNITS |= {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def add_input_and_output(parser: argparse.ArgumentParser, *, is_prefix: bool = False, is_required: bool = True) -> None:
    """FILE..., -o and what is said about the output."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="file, directory or glob; - is standard input")
    if is_prefix:
        help_text = "prefix of the shards: PREFIX-00000-of-00003 and so on"
        parser.add_argument("-o", "--output", metavar="PREFIX", required=True, help=help_text)
    else:
        help_text = "the file to write, which may be one of those read; - is standard output"
        parser.add_argument("-o", "--output", metavar="OUT", required=is_required, help=help_text)
    parser.add_argument("--compression", choices=("GZIP", "ZLIB"), default="", help="of the output; default: none")
    help_text = "write GZIP that can be entered in the middle, for random access and training"
    parser.add_argument("--seekable", action="store_true", help=help_text)
    add_json(parser)


def add_seed(parser: argparse.ArgumentParser) -> None:
    """--seed."""
    parser.add_argument("--seed", type=natural, metavar="N", help="makes the random choice repeatable")


def move(
    arguments: argparse.Namespace,
    label: str,
    function: Callable[..., Moved],
    **particulars: Any,
) -> int:
    """Run a function of surgery on the files, show its progress, print what came of it."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import TFRecordError
    from tfrecord_lite.files.options import TFRecordOptions

    output = STDOUT if arguments.output == "-" else arguments.output
    compression_type = arguments.compression or ("GZIP" if arguments.seekable else "")
    try:
        options = TFRecordOptions(compression_type, seekable=arguments.seekable)
        with Progress(label, 0) as progress:
            moved = function(arguments.files, output, options=options, progress=progress, **particulars)
    except TFRecordError:
        raise
    except (ValueError, IndexError) as error:  # what was asked for is not possible
        return fail(str(error), 2)
    print_summary(arguments, moved, moved.as_dict())
    return 0


def natural(text: str) -> int:
    """0, 1, 2, ..."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError("0 or a positive integer is needed")
    return int(text)


def positive(text: str) -> int:
    """1, 2, 3, ..."""
    if not (text.isascii() and text.isdecimal() and text.strip("0")):
        raise argparse.ArgumentTypeError("a positive integer is needed")
    return int(text)


def size(text: str) -> int:
    """Bytes: 1000, 64KiB, 128MiB, 2GB; 64K, 128M and 2G are KiB, MiB and GiB, as for GNU's programs."""
    digits = text.rstrip("bBgGiIkKmM")
    unit = _UNITS.get(text[len(digits) :].upper())
    try:
        if unit is not None:
            return positive(digits) * unit
    except argparse.ArgumentTypeError:
        pass
    raise argparse.ArgumentTypeError(
        "a size is a positive number of bytes, perhaps with K, M or G (the same as KiB, MiB, GiB) or KB, MB or GB"
    )


def pixels(text: str) -> tuple[int, int]:
    """Width and height: 512x512."""
    from tfrecord_lite.adapters.image_files import Size

    width, _, height = text.lower().partition("x")
    try:
        return Size(positive(width), positive(height))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError("a size is WIDTHxHEIGHT in pixels, such as 512x512") from None
