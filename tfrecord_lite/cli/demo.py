"""tfrecord-lite demo"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from tfrecord_lite.cli.output import as_text, print_line

if TYPE_CHECKING:
    from tfrecord_lite.cardchecker.specimens import Drawing

NAME = "demo"
HELP = "Draw specimen cards, make a data set of them, verify it and show it. Needs no network and no images."
EXAMPLES = ("tfrecord-lite demo --out demo",)

# Enough for a small model to learn from, and drawn in seconds.
_TRIPLES = 48
_SEED = 2
_RECORDS_SHOWN = 4


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `demo`."""
    parser.add_argument("--out", metavar="DIR", default="demo", help="where the files go; default: %(default)s")


def run(arguments: argparse.Namespace) -> int:
    """Draw, write, verify, print, and leave a contact sheet."""
    import numpy as np

    from tfrecord_lite.cardchecker import write_record_binary_cls
    from tfrecord_lite.cardchecker.images import SIDE
    from tfrecord_lite.cardchecker.specimens import draw_background, draw_contact_sheet, draw_id_card, draw_licence
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import printable
    from tfrecord_lite.files.examples import read_examples
    from tfrecord_lite.files.verification import verify

    out = arguments.out
    cards = _draw_specimens(os.path.join(out, "id"), draw_id_card)
    licences = _draw_specimens(os.path.join(out, "dl"), draw_licence)
    backgrounds = _draw_specimens(os.path.join(out, "background"), draw_background)
    path = os.path.join(out, "images.tfrecords")
    with Progress("writing", _TRIPLES) as progress:
        summary = write_record_binary_cls(cards, licences, backgrounds, path, seed=_SEED, progress=progress)

    report = verify(path)
    if not report.sound or report.files[0].records != summary.records:
        return fail(str(report), 1)
    lines = [str(summary), f"Read back: {summary.records} records, every CRC is sound.", "First records:"]
    pictures = []
    for number, example in enumerate(read_examples(path)):
        if number < _RECORDS_SHOWN:
            lines.append(f"  {number}  " + "  ".join(f"{name} {as_text(value)}" for name, value in example.items()))
        pixels = np.frombuffer(example["image/image_id_raw"][0], np.uint8).reshape(SIDE, SIDE)
        pictures.append((pixels, int(example["image/label"][0])))

    sheet = os.path.join(out, "contact_sheet.png")
    draw_contact_sheet(pictures).save(sheet)
    shown = printable(out)
    lines += [
        "Files:",
        f"  {shown}/id, dl, background: the specimens, {_TRIPLES} of each",
        f"  {printable(path)}: the data set",
        f"  {printable(sheet)}: what is in it, with the labels",
        "The same from your own images:",
        "  tfrecord-lite cardchecker write --id DIR --dl DIR --background DIR -o images.tfrecords",
    ]
    if not arguments.quiet:
        print_line("\n".join(lines))
    return 0


def _draw_specimens(directory: str, draw: Drawing) -> list[str]:
    """Draw specimens into PNG files and return their paths."""
    import numpy as np

    from tfrecord_lite.cli.progress import Progress

    os.makedirs(directory, exist_ok=True)
    paths = [os.path.join(directory, f"{number:03}.png") for number in range(_TRIPLES)]
    with Progress("drawing", _TRIPLES) as progress:
        for number, path in enumerate(paths):
            draw(np.random.default_rng([_SEED, number])).save(path, compress_level=1)
            progress(number + 1, _TRIPLES)
    return paths
