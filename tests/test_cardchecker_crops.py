"""Which part of a card becomes a record: places, sizes and chances."""

from __future__ import annotations

import numpy as np
import pytest

from tfrecord_lite.cardchecker import crops
from tfrecord_lite.cardchecker.crops import Pixels, Region, draw_crop, draw_window_below


def coordinates(rows: int, columns: int) -> Pixels:
    """Pixels that are all different nearby, so that a crop shows where it came from."""
    return (np.arange(rows)[:, None] * 7 + np.arange(columns) * 3).astype(np.uint8)


def test_id_crop_is_rows_27_to_90_and_columns_90_to_368() -> None:
    card = coordinates(200, 400)
    np.testing.assert_array_equal(crops.ID_CROP.of(card), card[27:90, 90:368])


def test_licence_crop_is_rows_10_to_40_and_columns_20_to_120() -> None:
    card = coordinates(100, 150)
    np.testing.assert_array_equal(crops.LICENCE_CROP.of(card), card[10:40, 20:120])


def test_minimum_sizes_are_those_of_crop_and_window() -> None:
    assert crops.ID_MINIMUM == (153, 368)
    assert crops.LICENCE_MINIMUM == (70, 120)
    assert crops.BACKGROUND_MINIMUM == (1, 1)


@pytest.mark.parametrize(
    ("crop", "minimum"),
    [(crops.ID_CROP, crops.ID_MINIMUM), (crops.LICENCE_CROP, crops.LICENCE_MINIMUM)],
)
def test_smallest_card_has_one_window_row_and_fills_it(crop: Region, minimum: crops.Size) -> None:
    card = np.zeros(minimum, np.uint8)
    for seed in range(50):
        window = draw_window_below(np.random.default_rng(seed), card, crop)
        assert window.top == crop.top + crop.height
        assert window.of(card).shape == (crop.height, crop.width)


def test_windows_reach_every_place_and_no_other() -> None:
    random = np.random.default_rng(0)
    card = np.zeros((153 + 2, 278 + 3), np.uint8)
    places = {draw_window_below(random, card, crops.ID_CROP)[:2] for _ in range(500)}
    assert places == {(top, left) for top in range(90, 93) for left in range(4)}


def test_four_kinds_have_equal_chance() -> None:
    random = np.random.default_rng(1)
    card, licence, background = coordinates(153, 368), coordinates(70, 120), coordinates(5, 5)
    kinds = [draw_crop(random, card, licence, background)[0] for _ in range(4000)]
    for kind in ("id", "licence", "non_match", "background"):
        # Five standard deviations around 1000.
        assert abs(kinds.count(kind) - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5


def test_non_matches_come_from_either_card_with_equal_chance() -> None:
    random = np.random.default_rng(2)
    card, licence, background = coordinates(200, 400), coordinates(100, 150), coordinates(5, 5)
    drawn = [draw_crop(random, card, licence, background) for _ in range(4000)]
    shapes = [crop.shape for kind, crop in drawn if kind == "non_match"]
    assert set(shapes) == {(63, 278), (30, 100)}
    assert abs(shapes.count((30, 100)) - len(shapes) / 2) < 5 * (len(shapes) / 4) ** 0.5


def test_each_kind_shows_its_own_pixels() -> None:
    random = np.random.default_rng(3)
    card, licence, background = np.full((160, 370), 1), np.full((80, 130), 2), np.full((5, 6), 3)
    for _ in range(100):
        kind, crop = draw_crop(random, *(channel.astype(np.uint8) for channel in (card, licence, background)))
        shape, values = {
            "id": ((63, 278), {1}),
            "licence": ((30, 100), {2}),
            "background": ((5, 6), {3}),
            "non_match": (crop.shape, {1 if crop.shape == (63, 278) else 2}),
        }[kind]
        assert crop.shape == shape
        assert set(np.unique(crop).tolist()) == values


def test_cards_have_label_1_and_the_rest_0() -> None:
    assert crops.LABELS == {"id": 1, "licence": 1, "non_match": 0, "background": 0}
