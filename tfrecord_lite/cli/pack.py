"""tfrecord-lite pack DIR -o PREFIX"""

from __future__ import annotations

import argparse

from tfrecord_lite.cli.moving import pixels, positive, size
from tfrecord_lite.cli.output import add_json, print_summary
from tfrecord_lite.errors import printable

NAME = "pack"
HELP = "Pack a folder of images into shards of Examples, with labels."
EXAMPLES = ("tfrecord-lite pack photos -o packed --split train=0.9,val=0.1 --resize 512x512 --encode jpeg",)

_EPILOG = """\
The folders directly in DIR are the classes; without any there are no labels. PREFIX-00000-of-00004 and so on appear
when all are written, with the labels in _NAME.labels.json. After a crash the same command goes on where it was.
TensorFlow decodes JPEG, PNG, GIF and BMP; --encode makes JPEG or PNG of TIFF, WebP and PPM, too.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pack`."""
    parser.epilog = f"{_EPILOG}\n{parser.epilog}"
    parser.add_argument("directory", metavar="DIR", help="the folder of images, a path or URL")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PREFIX",
        required=True,
        help="prefix of the shards, outside of DIR; its folder exists",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE.csv",
        help="labels, in the place of class folders: a header with filename (as DIR has it) and label, perhaps number",
    )
    parser.add_argument(
        "--split",
        type=_split,
        metavar="NAME=SHARE,...",
        help="parts with a prefix of their own, such as train=0.9,val=0.1: by a hash of a file's name, for good",
    )
    parser.add_argument("--resize", type=pixels, metavar="WxH", help="pixels, such as 512x512")
    parser.add_argument(
        "--resize-mode",
        choices=("fit", "crop", "stretch"),
        default="fit",
        help="fit (the default): shrink to lie within the size; crop: cover it and cut off the rest; stretch: distort",
    )
    parser.add_argument(
        "--encode",
        choices=("jpeg", "png"),
        help="what images become, turned as Exif says; without this and --resize their bytes are kept, and with"
        " --resize alone a JPEG is one again and all else PNG",
    )
    parser.add_argument("--quality", type=_quality, metavar="1-100", help="of JPEG; default: 90")
    parser.add_argument(
        "--order", choices=("mixed", "name"), default="mixed", help="of the records: mixed (the default), or by name"
    )
    parser.add_argument("--shards", type=positive, metavar="N", help="so many shards, of as many images each")
    parser.add_argument("--max-bytes", type=size, metavar="SIZE", help="bytes of a shard; default: 128MiB")
    parser.add_argument("--compression", choices=("GZIP", "ZLIB"), default="", help="default: none")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes; default: one for each processor")
    parser.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="at an image that cannot be used: stop (raise, the default), or leave it out and say so",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Pack, and print what was packed and what was skipped."""
    from tfrecord_lite.adapters.image_files import DEFAULT_QUALITY, Rendition
    from tfrecord_lite.adapters.packing import is_cut_off, pack
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress

    if arguments.quality is not None and (arguments.encode or (arguments.resize and "jpeg")) != "jpeg":
        return fail("--quality is for JPEG that is made: give --encode jpeg or --resize", 2)
    if arguments.output == "-":
        return fail("standard output takes one file, and no shards", 2)
    try:
        rendition = Rendition(
            arguments.resize, arguments.resize_mode, arguments.encode, arguments.quality or DEFAULT_QUALITY
        )
        with Progress("packing", 0) as progress:
            summary = pack(
                arguments.directory,
                arguments.output,
                labels=arguments.labels,
                split=arguments.split,
                rendition=rendition,
                order=arguments.order,
                num_shards=arguments.shards,
                max_bytes=arguments.max_bytes,
                options=arguments.compression,
                workers=arguments.workers,
                on_error=arguments.on_error,
                progress=progress,
            )
    except BaseException as error:
        if type(error) is ValueError:
            return fail(str(error), 2)
        if is_cut_off(arguments.output, arguments.split or ()):
            fail("what is finished is kept, hidden: the same command goes on from there", 0)
        raise
    print_summary(arguments, summary, summary.as_dict(), skipped=summary.skipped)
    if not summary.records:
        return fail(f"nothing was written: there is no image in {printable(arguments.directory)}", 1)
    return 0


def _split(text: str) -> dict[str, float]:
    try:
        pairs = [(name, float(share)) for name, _, share in (part.partition("=") for part in text.split(","))]
    except ValueError:
        pairs = []
    if not pairs or len(dict(pairs)) < len(pairs):
        raise argparse.ArgumentTypeError("a split is NAME=SHARE,NAME=SHARE,..., such as train=0.9,val=0.1")
    return dict(pairs)


def _quality(text: str) -> int:
    quality = positive(text)
    if quality > 100:
        raise argparse.ArgumentTypeError("a quality is 1 to 100")
    return quality
