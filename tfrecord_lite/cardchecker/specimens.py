"""Cards that belong to nobody, landscapes that are nowhere, and a contact sheet of a data set.

Takes a numpy random generator, and draws something else each time with it. Returns Pillow RGB images, large
enough for `write_record_binary_cls`. For demonstrations and tests: a model that learned from these has
learned nothing about real cards.

    identity card 430 x 270                     driver licence 200 x 126
    +--------------------------------+          +--------------------------+
    | header band                    |          | header band              |
    | photo   name, number, date     |          | title, name, number      |
    |         (the crop is here)     |          | (the crop is here)       |
    | signature          bars        |          | photo   classes   bars   |
    | machine readable lines  <<<<<  |          +--------------------------+
    +--------------------------------+
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tfrecord_lite.cardchecker.crops import Pixels

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Drawing = Callable[[np.random.Generator], "Image.Image"]

SURNAMES = ("ABENDROTH", "BIRKENAU", "CASTELLAN", "DUNMORE", "ELLINGTON", "FAIRWEATHER", "GREENLEAF")
GIVEN_NAMES = ("ADA MARIE", "BRUNO", "CLARA", "DAVID JON", "EMILIA", "FELIX", "GRETA LOU", "HUGO", "IDA")
INK: Colour = (28, 30, 48)

SHEET_COLUMNS = 8
THUMBNAIL = 112
CAPTION = 16
# Labels 0 and 1 on the contact sheet: grey for anything, green for a card.
LABEL_COLOURS: tuple[Colour, Colour] = ((120, 120, 120), (20, 140, 70))


def draw_id_card(random: np.random.Generator) -> Image.Image:
    """An identity card: photo, lines of text, signature, machine readable zone, the word SPECIMEN."""
    card = _draw_paper(random, width=430, height=270)
    band = _draw_colour(random, 40, 110)
    _fill(card, (0, 0, 430, 24), band)
    _write(card, (12, 5), "SPECIMENIA   IDENTITY CARD", 14, (255, 255, 255))
    _draw_portrait(card, random, (12, 38, 82, 140))

    surname, given_names = str(random.choice(SURNAMES)), str(random.choice(GIVEN_NAMES))
    number = _draw_digits(random, 9)
    born = f"{random.integers(1, 29):02}.{random.integers(1, 13):02}.{random.integers(1940, 2005)}"
    for row, (title, value) in enumerate(
        (("SURNAME", surname), ("GIVEN NAMES", given_names), ("NUMBER", f"{number}   {born}"))
    ):
        _write(card, (96, 28 + 21 * row), title, 5, band)
        _write(card, (96, 35 + 21 * row), value, 11, INK)
    _fill(card, (318, 34, 350, 58), (214, 178, 74))

    _draw_signature(card, random, left=110, top=112)
    _draw_bars(card, random, (270, 104, 404, 132))
    _write(card, (150, 150), "SPECIMEN", 40, _draw_colour(random, 150, 200))
    zone = f"IDSPC{surname}<<{given_names.replace(' ', '<')}".ljust(30, "<")
    _write(card, (14, 212), zone, 13, INK)
    _write(card, (14, 236), f"{number}<{_draw_digits(random, 7)}SPC".ljust(30, "<"), 13, INK)
    return card


def draw_licence(random: np.random.Generator) -> Image.Image:
    """A driver licence: title, name, photo, classes of vehicles, the word SPECIMEN."""
    card = _draw_paper(random, width=200, height=126)
    band = _draw_colour(random, 60, 130)
    _fill(card, (0, 0, 200, 9), band)
    _write(card, (24, 12), "DRIVER LICENCE", 7, band)
    _write(card, (24, 21), f"1 {random.choice(SURNAMES)!s}", 7, INK)
    _write(card, (24, 31), f"5 {_draw_digits(random, 8)}", 7, INK)

    _draw_portrait(card, random, (8, 48, 54, 112))
    for row, classes in enumerate(("A  A1  B", "BE  C1", "L  M  T")):
        _write(card, (66, 50 + 13 * row), classes, 8, INK)
    _draw_bars(card, random, (130, 50, 190, 76))
    _write(card, (66, 94), "SPECIMEN", 17, _draw_colour(random, 140, 190))
    return card


def draw_background(random: np.random.Generator) -> Image.Image:
    """A landscape: sky, clouds, hills in front of each other, bushes, and the grain of a photograph."""
    from PIL import Image, ImageDraw

    width, height = (int(side) for side in random.integers(300, 500, size=2))
    zenith = random.integers((60, 110, 160), (120, 170, 230))
    horizon = random.integers((150, 180, 200), (250, 230, 240))
    sky = np.linspace(zenith, horizon, height)
    scene = Image.fromarray(np.repeat(sky[:, None], width, axis=1).astype(np.uint8))
    pen = ImageDraw.Draw(scene)
    for _ in range(random.integers(2, 9)):
        _draw_blob(pen, random, (0, 0, width, height // 3), _draw_colour(random, 225, 256))
    columns = np.arange(width)
    for depth in range(1, 5):
        waves = random.uniform(8, 40) * np.sin(columns / random.uniform(30, 120) + random.uniform(0, 6))
        ridge = height * (0.3 + 0.15 * depth) + waves
        outline = [(0, height), *zip(columns.tolist(), ridge.tolist(), strict=True), (width, height)]
        pen.polygon(outline, fill=_draw_shade(random, 200 - 30 * depth, (0.8, 1.0, 0.7)))
    for _ in range(random.integers(5, 30)):
        bush = _draw_shade(random, 150, (0.6, 1.0, 0.4))
        _draw_blob(pen, random, (0, height // 2, width, height), bush)
    grain = np.asarray(scene) + random.normal(0, 8, (height, width, 1))
    return Image.fromarray(grain.clip(0, 255).astype(np.uint8))


def draw_contact_sheet(pictures: Sequence[tuple[Pixels, int]]) -> Image.Image:
    """All pictures in rows of eight, small, each over its number and label.

    Args:
        pictures: (uint8 pixels of any size, label 0 or 1) each.
    """
    from PIL import Image

    rows = -(-len(pictures) // SHEET_COLUMNS)
    cell_width, cell_height = THUMBNAIL + 8, THUMBNAIL + CAPTION + 8
    sheet = Image.new("RGB", (SHEET_COLUMNS * cell_width, max(rows, 1) * cell_height), (255, 255, 255))
    for number, (pixels, label) in enumerate(pictures):
        left, top = number % SHEET_COLUMNS * cell_width, number // SHEET_COLUMNS * cell_height
        _fill(sheet, (left + 2, top + 2, left + cell_width - 2, top + cell_height - 2), LABEL_COLOURS[label])
        sheet.paste(Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL)), (left + 4, top + 4))
        caption = f"{number}: label {label} " + ("card" if label else "other")
        _write(sheet, (left + 8, top + THUMBNAIL + 8), caption, 11, (255, 255, 255))
    return sheet


def _draw_paper(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Pale paper with the fine waves that make copying harder."""
    from PIL import Image, ImageDraw

    paper = Image.new("RGB", (width, height), _draw_colour(random, 222, 250))
    pen = ImageDraw.Draw(paper)
    line = _draw_colour(random, 190, 225)
    length, swing = random.uniform(12, 40), random.uniform(3, 9)
    columns = np.arange(0, width + 2, 2)
    for offset in range(-10, height + 10, 6):
        rows = offset + swing * np.sin(columns / length + offset / 40)
        pen.line(list(zip(columns.tolist(), rows.tolist(), strict=True)), fill=line)
    return paper


def _draw_portrait(card: Image.Image, random: np.random.Generator, box: tuple[int, int, int, int]) -> None:
    """Head and shoulders in front of a plain wall."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = box
    width, height = right - left, bottom - top
    portrait = Image.new("RGB", (width, height), _draw_colour(random, 170, 210))
    pen = ImageDraw.Draw(portrait)
    coat, hair = _draw_colour(random, 30, 140), _draw_shade(random, 130, (1.0, 0.8, 0.6))
    skin = _draw_shade(random, 235, (1.0, 0.8, 0.68))
    pen.ellipse((-width * 0.1, height * 0.72, width * 1.1, height * 1.5), fill=coat)
    pen.ellipse((width * 0.24, height * 0.1, width * 0.76, height * 0.7), fill=hair)
    pen.ellipse((width * 0.3, height * 0.22, width * 0.7, height * 0.78), fill=skin)
    card.paste(portrait, (left, top))


def _draw_blob(
    pen: ImageDraw.ImageDraw, random: np.random.Generator, box: tuple[int, int, int, int], colour: Colour
) -> None:
    """A cloud or a bush with its upper left somewhere in `box`."""
    left, top = (int(place) for place in random.integers(box[:2], box[2:]))
    width, height = int(random.integers(20, 90)), int(random.integers(8, 40))
    pen.ellipse((left, top, left + width, top + height), fill=colour)


def _draw_signature(card: Image.Image, random: np.random.Generator, left: int, top: int) -> None:
    from PIL import ImageDraw

    along = np.linspace(0, 1, 60)
    columns = left + 110 * along + 8 * np.sin(along * random.uniform(15, 30))
    rows = top + 8 * np.sin(along * random.uniform(20, 45)) + 6 * np.sin(along * random.uniform(3, 9))
    path = list(zip(columns.tolist(), rows.tolist(), strict=True))
    ImageDraw.Draw(card).line(path, fill=(30, 40, 120), width=2)


def _draw_bars(card: Image.Image, random: np.random.Generator, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    while left < right:
        bar, gap = (int(width) for width in random.integers(1, 5, size=2))
        _fill(card, (left, top, min(left + bar, right), bottom), INK)
        left += bar + gap


def _write(image: Image.Image, corner: tuple[int, int], text: str, height: int, colour: Colour) -> None:
    """Text of `height` with its upper left at `corner`, in Pillow's own font: none has to be installed."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (2 * height * len(text), 3 * height))
    ImageDraw.Draw(canvas).text((height, height // 2), text, fill=255, font=_load_font(height * 4 / 3))
    mask = canvas.crop(canvas.getbbox())
    width = max(1, round(mask.width * height / mask.height))
    image.paste(colour, corner, mask.resize((width, height), Image.Resampling.BICUBIC))


@cache
def _load_font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError):  # before Pillow 10.1, or built without FreeType: one size only
        return ImageFont.load_default()


def _fill(image: Image.Image, box: tuple[int, int, int, int], colour: Colour) -> None:
    image.paste(colour, box)


def _draw_digits(random: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in random.integers(0, 10, count))


def _draw_colour(random: np.random.Generator, darkest: int, brightest: int) -> Colour:
    red, green, blue = (int(part) for part in random.integers(darkest, brightest, 3))
    return red, green, blue


def _draw_shade(random: np.random.Generator, brightest: int, tint: tuple[float, float, float]) -> Colour:
    """Half to all of `brightest`, in one hue."""
    light = random.uniform(0.5, 1.0) * brightest
    red, green, blue = (int(light * part) for part in tint)
    return red, green, blue
