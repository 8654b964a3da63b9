"""tfrecord-lite convert IN... OUT"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import natural, positive, size
from tfrecord_lite.cli.output import add_json, print_summary
from tfrecord_lite.convert.formats import NAMES

NAME = "convert"
HELP = (
    "Write TFRecord files as Parquet, Arrow IPC, CSV, JSON Lines, NPZ or WebDataset, or files of these as TFRecord."
    " The names say which; what is none of the others is TFRecord."
)
EXAMPLES = ("tfrecord-lite convert train.tfrecord train.parquet", "tfrecord-lite convert table.csv table.tfrecord")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `convert`."""
    parser.add_argument("files", nargs="+", metavar="IN", help="file, directory or glob; - is standard input")
    parser.add_argument(
        "output",
        metavar="OUT",
        help="the file to write; - is standard output. With --shards or --max-bytes the prefix of TFRecord shards, or"
        " out.csv for out-00000-of-00003.csv and so on",
    )
    for option, destination in (("--from", "from_format"), ("--to", "to_format")):
        parser.add_argument(
            option, dest=destination, choices=NAMES, metavar="FORMAT", help=f"one of {', '.join(NAMES)}"
        )
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--shards", type=positive, metavar="N", help="write so many files")
    sizes.add_argument("--max-bytes", type=size, metavar="SIZE", help="begin another file at about this size: 128MiB")
    parser.add_argument(
        "--schema",
        metavar="FILE",
        help="JSON as `tfrecord-lite schema --json` prints it: which features there are, and what each column is."
        " Without it TFRecord files are read twice, and columns are what they are in the input",
    )
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="NAME",
        help="write this feature of bytes as a string; repeatable",
    )
    parser.add_argument("--workers", type=natural, default=0, metavar="N", help="encode in N processes; default: none")
    parser.add_argument(
        "--compression", metavar="GZIP", help="of the output: GZIP, ZLIB, or what its format has (SNAPPY, ZSTD, LZ4)"
    )
    parser.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="at a row that cannot be converted: stop (raise, the default), or leave it out and list it",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Convert, and print what was skipped and written."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.convert import convert
    from tfrecord_lite.errors import TFRecordError, add_path
    from tfrecord_lite.files.streams import read_whole
    from tfrecord_lite.format.schema import Schema

    try:
        schema = None
        if arguments.schema is not None:
            try:
                schema = Schema.from_json(read_whole(arguments.schema).decode("utf-8"))
            except (TFRecordError, UnicodeDecodeError) as error:
                return fail(f"{arguments.schema}: {error}", 2)
            except OSError as error:
                add_path(error, arguments.schema)
                raise
        with Progress("converting", 0) as progress:
            converted = convert(
                arguments.files,
                arguments.output,
                from_format=arguments.from_format,
                to_format=arguments.to_format,
                schema=schema,
                text=arguments.text,
                num_shards=arguments.shards,
                max_bytes=arguments.max_bytes,
                compression=arguments.compression,
                workers=arguments.workers,
                on_error=arguments.on_error,
                progress=progress,
            )
    except TFRecordError:
        raise
    except ValueError as error:  # what was asked for is not possible
        return fail(str(error), 2)
    print_summary(arguments, converted, converted.as_dict(), is_complete=not converted.skipped)
    return 0 if converted.records or not converted.skipped else 1
