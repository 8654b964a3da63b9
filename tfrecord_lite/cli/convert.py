"""tfrecord-lite convert IN... OUT"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfrecord_lite.cli.moving import natural, pixels, positive, size
from tfrecord_lite.cli.output import add_json, print_summary
from tfrecord_lite.convert.formats import NAMES

if TYPE_CHECKING:
    from tfrecord_lite.convert.image_folders import ImageOptions

NAME = "convert"
HELP = (
    "Write TFRecord files as Parquet, Arrow IPC, CSV, JSON Lines, NPZ, WebDataset or a folder of images, or these as"
    " TFRecord. The names say which; what is none of the others is TFRecord, and a folder of images --from images."
    " --resize and --encode store the images of records otherwise on any of these ways, and from TFRecord to TFRecord:"
    " format, height, width, channels and colorspace beside the image say what it is then. SequenceExamples become JSON"
    " Lines and nothing else. Exit code 1: something failed, or all rows were skipped; 0 if some are left."
)
EXAMPLES = (
    "tfrecord-lite convert train.tfrecord train.parquet",
    "tfrecord-lite convert table.csv table.tfrecord",
    "tfrecord-lite convert train.tfrecord small.tfrecord --image-feature image --resize 64x64 --encode jpeg",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `convert`."""
    parser.add_argument("files", nargs="+", metavar="IN", help="file, URL, directory or glob; - is standard input")
    parser.add_argument(
        "output",
        metavar="OUT",
        help="the file to write; - is standard output. With --shards or --max-bytes the prefix of TFRecord shards, or"
        " out.csv for out-00000-of-00003.csv and so on. What ends with a slash, a URL too, or is a directory here,"
        " becomes a folder of images; behind a URL it is complete when no file _UNFINISHED is in it",
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
        help="JSON as `tfrecord-lite schema --json` prints it: which features there are, and what each is; others are"
        " left out. Without it all are taken, as they are, and files of which all records have to be seen for that are"
        " read twice: TFRecord for tables, CSV, JSON Lines, WebDataset",
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
        help="at a row that cannot be converted: stop (raise, the default), or leave it out and list it. What the rows "
        "of a column disagree on, such as floats and an integer that float32 does not hold, ends it either way",
    )
    images = parser.add_argument_group("images")
    images.add_argument(
        "--image-feature",
        metavar="NAME",
        help="the feature that holds an image; default: image/encoded, or the only one that is an image",
    )
    images.add_argument("--resize", type=pixels, metavar="WxH", help="shrink to lie within so many pixels: 512x512")
    images.add_argument(
        "--encode", choices=("jpeg", "png"), help="what images become; without this and --resize their bytes are kept"
    )
    images.add_argument(
        "--labels",
        metavar="FILE.csv",
        help="labels of a folder that is read, in the place of class folders: a header with filename and label, perhaps"
        " number",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Convert, and print what was skipped and written."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.convert import convert
    from tfrecord_lite.errors import TFRecordError, add_path, printable
    from tfrecord_lite.files.streams import read_whole
    from tfrecord_lite.format.schema import Schema

    try:
        schema = None
        if arguments.schema is not None:
            try:
                schema = Schema.from_json(read_whole(arguments.schema).decode("utf-8-sig"))
            except UnicodeDecodeError:
                return fail(f"{arguments.schema}: not a schema: not UTF-8 text", 2)
            except TFRecordError as error:
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
                images=_image_options(arguments),
                workers=arguments.workers,
                on_error=arguments.on_error,
                progress=progress,
            )
    except TFRecordError:
        raise
    except ValueError as error:  # what was asked for is not possible
        return fail(str(error), 2)
    if converted.left_out:
        features = ", ".join(map(printable, converted.left_out))
        fail(f"a folder of images has no place for these features, which are left out: {features}", 0)
    for note in converted.notes:
        fail(note, 0)
    print_summary(arguments, converted, converted.as_dict(), skipped=converted.skipped_lines)
    return 0 if converted.records or not converted.skipped else 1


def _image_options(arguments: argparse.Namespace) -> ImageOptions | None:
    """What is said of images; None when nothing is."""
    feature, labels = arguments.image_feature, arguments.labels
    if feature is labels is arguments.resize is arguments.encode is None:
        return None
    from tfrecord_lite.adapters.image_files import Rendition
    from tfrecord_lite.convert.image_folders import ImageOptions

    return ImageOptions(feature, Rendition(arguments.resize, encoding=arguments.encode), labels)
