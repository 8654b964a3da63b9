"""tfrecord-lite gallery FILE... -o sheet.png"""

from __future__ import annotations

import argparse
import io
import sys

from tfrecord_lite.cli.moving import natural, positive
from tfrecord_lite.cli.output import add_files, add_json, print_summary
from tfrecord_lite.cli.records import add_where
from tfrecord_lite.cli.stats import add_sample, is_one_of, tell_problems

NAME = "gallery"
HELP = (
    "Draw a contact sheet of the images in the files, with their labels: a PNG of some of them, drawn at random. What "
    "cannot be shown is a cell that says why."
)
EXAMPLES = (
    "tfrecord-lite gallery train.tfrecord -o sheet.png",
    "tfrecord-lite gallery train.tfrecord -o sheet.png -n 12 --where 'label == 3'",
)

_DEFAULT_COUNT = 48
#: A sheet of these is some 100 megapixels.
_MOST = 2000


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `gallery`."""
    add_files(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="the PNG file to write; - is standard output"
    )
    parser.add_argument(
        "-n",
        "--count",
        type=_count,
        default=_DEFAULT_COUNT,
        metavar="N",
        help=f"so many images of each feature at most, up to {_MOST}; default: %(default)s",
    )
    parser.add_argument(
        "--image-feature",
        action="append",
        metavar="NAME",
        help="a feature that holds images; again for more; without this they are found",
    )
    parser.add_argument("--label-feature", metavar="NAME", help="the feature to label them with; without this found")
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="another choice of images; default: 0")
    add_where(parser)
    add_sample(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Draw the sheet, and say what is on it."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import printable
    from tfrecord_lite.files.streams import publish
    from tfrecord_lite.look.contact_sheet import CELL, draw_contact_sheet
    from tfrecord_lite.look.pictures import PictureSketch
    from tfrecord_lite.look.survey import Survey

    sketch = PictureSketch(
        arguments.count,
        CELL,
        image_features=arguments.image_feature,
        label_feature=arguments.label_feature,
        seed=arguments.seed,
    )
    with Progress("reading", 0) as progress:
        survey = Survey(arguments.files, arguments.compression, sample=arguments.sample, progress=progress)
        if is_one_of(arguments.output, survey.files):
            return fail(f"{printable(arguments.output)} is one of the files that are read", 2)
        seen = chosen = 0
        for example in survey.examples():
            seen += 1
            if arguments.where is None or arguments.where(example):
                chosen += 1
                sketch.add(example)
    pictures = sketch.pictures()
    code = tell_problems(survey)
    if seen and not chosen:
        return fail(f"--where holds for none of {seen:,} examples", 1)
    if not pictures:
        if arguments.image_feature:
            return fail(f"no record has an image in {', '.join(map(printable, arguments.image_feature))}", 1)
        return fail("no feature was found to hold images; --image-feature NAME says which one does", 1)
    if arguments.label_feature and not sketch.labels:
        return fail(f"no record with an image has a label in {printable(arguments.label_feature)}", 1)
    file = io.BytesIO()
    draw_contact_sheet(pictures).save(file, "PNG", optimize=True)
    if arguments.output == "-":
        sys.stdout.buffer.write(file.getvalue())
        return code
    publish(arguments.output, file.getvalue())
    image_features = list(dict.fromkeys(picture.feature for picture in pictures))
    facts = {
        "output": arguments.output,
        "images": len(pictures),
        "not_shown": sum(picture.image is None for picture in pictures),
        "image_features": image_features,
        "label_features": sorted(sketch.labels),
    }
    features = ", ".join(map(printable, image_features))
    label = f", labelled by {', '.join(map(printable, sorted(sketch.labels)))}" if sketch.labels else ""
    bad = f", {facts['not_shown']} of them cannot be shown" if facts["not_shown"] else ""
    print_summary(arguments, f"{printable(arguments.output)}: {len(pictures)} images of {features}{label}{bad}", facts)
    return code


def _count(text: str) -> int:
    if positive(text) > _MOST:
        raise argparse.ArgumentTypeError(f"{_MOST} is the most")
    return int(text)
