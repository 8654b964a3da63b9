"""A contact sheet: many pictures on one, each over its number and label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfrecord_lite.errors import printable
from tfrecord_lite.look.pictures import Picture

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

#: Pixels of the square that a picture fits into.
CELL = 160
_GAP = 10
_LINE = 16
_FONT = 12
_MOST_COLUMNS = 8

_PAPER, _INK, _SOFT = (250, 250, 248), (28, 28, 30), (110, 110, 115)
_EMPTY, _ALARM = (236, 232, 226), (160, 40, 30)


def draw_contact_sheet(pictures: Sequence[Picture]) -> Image.Image:
    """One or more pictures in rows, as square as it gets. One that cannot be shown is a cell that says why."""
    from PIL import Image, ImageDraw

    columns = max(1, min(_MOST_COLUMNS, round(len(pictures) ** 0.5 * 1.2)))
    rows = -(-len(pictures) // columns)
    several = len({picture.feature for picture in pictures}) > 1
    captions = 3 if several else 2
    width, height = CELL + _GAP, CELL + _GAP + captions * _LINE
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = _font()
    for at, picture in enumerate(pictures):
        left, top = _GAP + at % columns * width, _GAP + at // columns * height
        _draw_picture(sheet, pen, font, picture, left, top)
        lines = [f"#{picture.record_number}  {picture.label}", picture.facts, *([picture.feature] if several else [])]
        for number, line in enumerate(lines):
            colour = _SOFT if number else _INK
            _write(pen, font, (left, top + CELL + 2 + number * _LINE), line, colour)
    return sheet


def _draw_picture(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    picture: Picture,
    left: int,
    top: int,
) -> None:
    if picture.image is None:
        pen.rectangle((left, top, left + CELL - 1, top + CELL - 1), fill=_EMPTY, outline=_ALARM)
        for number, line in enumerate(_wrapped(f"cannot be shown: {picture.problem}", 22)[:8]):
            _write(pen, font, (left + 8, top + 8 + number * _LINE), line, _ALARM)
        return
    image = picture.image
    times = CELL // max(image.size)
    if times > 1:  # some tiny pixels: each as a square
        image = image.resize((image.width * times, image.height * times), 0)
    corner = left + (CELL - image.width) // 2, top + (CELL - image.height) // 2
    sheet.paste(image, corner, image if image.mode == "RGBA" else None)


def _write(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    corner: tuple[int, int],
    text: str,
    colour: tuple[int, int, int],
) -> None:
    """One line, cut where the cell ends, in Pillow's own font: none has to be installed."""
    shown = printable(text[:CELL]).encode("latin-1", "backslashreplace").decode("latin-1")[:CELL]
    while shown and pen.textlength(shown, font=font) > CELL:
        shown = shown[:-1]
    pen.text(corner, shown, fill=colour, font=font)


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    try:
        return ImageFont.load_default(_FONT)
    except (TypeError, ImportError):  # before Pillow 10.1, or built without FreeType: one size only
        return ImageFont.load_default()
