"""Specimens: large enough for their crops, different with every draw, and the contact sheet of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tfrecord_lite.cardchecker import crops
from tfrecord_lite.cardchecker.crops import Pixels, Size
from tfrecord_lite.cardchecker.specimens import (
    LABEL_COLOURS,
    draw_background,
    draw_contact_sheet,
    draw_id_card,
    draw_licence,
)

Draw = Callable[[np.random.Generator], Image.Image]
ALL = [
    (draw_id_card, crops.ID_MINIMUM),
    (draw_licence, crops.LICENCE_MINIMUM),
    (draw_background, crops.BACKGROUND_MINIMUM),
]


@pytest.mark.parametrize(("draw", "minimum"), ALL)
def test_specimens_are_rgb_and_large_enough(draw: Draw, minimum: Size) -> None:
    for seed in range(5):
        picture = draw(np.random.default_rng(seed))
        assert picture.mode == "RGB"
        assert (picture.height, picture.width) >= minimum
        assert picture.width >= minimum.columns


@pytest.mark.parametrize(("draw", "minimum"), ALL)
def test_same_seed_draws_the_same_and_another_something_else(draw: Draw, minimum: Size) -> None:
    first, again, other = (draw(np.random.default_rng(seed)).tobytes() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("draw", "crop"), [(draw_id_card, crops.ID_CROP), (draw_licence, crops.LICENCE_CROP)])
def test_crop_of_a_card_has_text_on_it(draw: Draw, crop: crops.Region) -> None:
    for seed in range(5):
        pixels = crop.of(np.asarray(draw(np.random.default_rng(seed)))[:, :, 0])
        # Dark ink on pale paper, some of each.
        assert 0.01 < (pixels < 128).mean() < 0.5


def picture(shade: int) -> Pixels:
    return np.full((320, 320), shade, np.uint8)


def test_contact_sheet_shows_every_picture_in_its_label_colour() -> None:
    pictures = [(picture(10 * number), number % 2) for number in range(11)]
    sheet = draw_contact_sheet(pictures)
    cell_width, cell_height = sheet.width // 8, sheet.height // 2
    for number, (pixels, label) in enumerate(pictures):
        left, top = number % 8 * cell_width, number // 8 * cell_height
        shade = pixels[0, 0]
        assert sheet.getpixel((left + cell_width // 2, top + cell_height // 3)) == (shade, shade, shade)
        assert sheet.getpixel((left + 2, top + 2)) == LABEL_COLOURS[label]
    assert sheet.getpixel((3 * cell_width + 10, cell_height + 10)) == (255, 255, 255)


def test_captions_of_the_two_labels_differ() -> None:
    captions = [np.asarray(draw_contact_sheet([(picture(0), label)]))[-20:, :120] for label in (0, 1)]
    white = [(caption == 255).all(axis=2) for caption in captions]
    assert white[0].any()
    assert (white[0] != white[1]).any()


def test_contact_sheet_of_nothing_is_empty_paper() -> None:
    assert set(draw_contact_sheet([]).convert("L").tobytes()) == {255}
