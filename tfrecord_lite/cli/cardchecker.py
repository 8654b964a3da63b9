"""tfrecord-lite cardchecker write --id DIR --dl DIR --background DIR -o FILE"""

from __future__ import annotations

import argparse
import os

from tfrecord_lite.cli.output import STDOUT, add_json, print_summary

NAME = "cardchecker"
HELP = "Make the data set for a model that tells identity cards and driver licences from everything else."
EXAMPLES = (
    "tfrecord-lite cardchecker write --id cards --dl licences --background backgrounds -o cards.tfrecord --seed 1",
)

_WRITE_HELP = (
    "Write one record for every triple of images: the first of each directory in the order of their names, the "
    "second of each, and so on. The directories must hold equally many images."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cardchecker write`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    write = actions.add_parser("write", help="images -> TFRecord file", description=_WRITE_HELP, epilog=parser.epilog)
    for option, destination, content in (
        ("--id", "id_directory", "identity cards, at least 153 rows x 368 columns"),
        ("--dl", "dl_directory", "driver licences, at least 70 rows x 120 columns"),
        ("--background", "background_directory", "backgrounds, of any size"),
    ):
        write.add_argument(option, dest=destination, metavar="DIR", required=True, help=f"directory of {content}")
    write.add_argument(
        "-o", "--output", metavar="FILE", default="images.tfrecords", help="default: %(default)s; - is standard output"
    )
    write.add_argument("--seed", type=_seed, metavar="N", help="makes the random choice of crops repeatable")
    write.add_argument("--format", choices=("raw", "png", "jpeg"), default="raw", help="default: %(default)s")
    write.add_argument("--compression", choices=("GZIP", "ZLIB"), default="", help="default: none")
    write.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="at an image that cannot be used: stop (raise, the default), or leave its triple out and say so",
    )
    add_json(write)


def run(arguments: argparse.Namespace) -> int:
    """Write the file and print the summary."""
    from tfrecord_lite.cardchecker import write_record_binary_cls
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import printable

    directories = (arguments.id_directory, arguments.dl_directory, arguments.background_directory)
    for directory in directories:
        if not os.path.isdir(directory):
            return fail(f"{printable(directory)} is not a directory", 2)
    images = [_list_images(directory) for directory in directories]
    cards, licences, backgrounds = images
    if not len(cards) == len(licences) == len(backgrounds):
        counts = ", ".join(f"{printable(d)} {len(found)}" for d, found in zip(directories, images, strict=True))
        return fail(f"the directories must hold equally many images: {counts}", 2)
    if not cards:
        return fail(f"no images in {', '.join(printable(directory) for directory in directories)}", 2)

    output = STDOUT if arguments.output == "-" else arguments.output
    with Progress("writing", len(cards)) as progress:
        summary = write_record_binary_cls(
            cards,
            licences,
            backgrounds,
            output,
            seed=arguments.seed,
            image_format=arguments.format,
            options=arguments.compression,
            on_error=arguments.on_error,
            progress=progress,
        )
    print_summary(arguments, summary, summary.as_dict(), skipped=summary.skipped)
    return 0 if summary.records else 1


def _list_images(directory: str) -> list[str]:
    """Paths of the image files in `directory`, by name. Says on stderr how many other files there are."""
    from tfrecord_lite.cardchecker.images import EXTENSIONS
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.errors import printable

    extensions = tuple(extension for of_format in EXTENSIONS.values() for extension in of_format)
    with os.scandir(directory) as entries:
        files = sorted(entry.path for entry in entries if entry.is_file() and not entry.name.startswith("."))
    images = [path for path in files if path.lower().endswith(extensions)]
    if len(images) < len(files):
        others = len(files) - len(images)
        fail(f"{printable(directory)}: {others} files left out that have no image's extension", 0)
    return images


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a seed is 0 or a positive integer")
    return int(text)
