"""Images in records: their facts, small pictures of them, the choice of some; hostile ones say what is wrong."""

import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tfrecord_lite.look.contact_sheet import CELL, draw_contact_sheet
from tfrecord_lite.look.images import PictureError, image_facts, raw_size_of, thumbnail
from tfrecord_lite.look.pictures import PictureSketch, find_label_feature

pytest.importorskip("sklearn")
from sklearn.datasets import load_digits, load_sample_images

PHOTO = Image.fromarray(load_sample_images().images[0])
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def png_of_claimed_size(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size: a bomb for who believes it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("image_format", FORMATS)
def test_facts_of_a_photograph(image_format: str) -> None:
    facts = image_facts(encoded(PHOTO, image_format))
    assert facts is not None
    assert (facts.format.upper(), facts.width, facts.height, facts.problem) == (image_format, 640, 427, "")
    assert facts.mode == ("palette" if image_format == "GIF" else "RGB")


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_thumbnail_looks_like_the_photograph(image_format: str) -> None:
    small = thumbnail(encoded(PHOTO, image_format), 64).convert("RGB")
    assert max(small.size) == 64
    wanted = PHOTO.resize(small.size, Image.Resampling.BILINEAR)
    assert np.abs(np.asarray(small, float) - np.asarray(wanted, float)).mean() < 12


def test_deep_and_transparent_images_are_shown() -> None:
    ramp = Image.fromarray(np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32))
    small = thumbnail(encoded(ramp, "PNG"), 32)
    assert small.mode == "L"
    assert np.asarray(small).min() < 10
    assert np.asarray(small).max() > 245
    clear = thumbnail(encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 0)), "PNG"), 32)
    assert clear.getpixel((0, 0)) == (255, 0, 0, 0)


@pytest.mark.parametrize("size", [(65535, 65535), (20000, 20000), (2**31 - 1, 1)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    data = png_of_claimed_size(*size)
    with pytest.raises(PictureError, match="too large"):
        thumbnail(data, 64)
    facts = image_facts(data)
    assert facts is not None
    assert "too large" in facts.problem or (facts.width, facts.height) == size


@pytest.mark.parametrize("image_format", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_cut_or_changed_image_is_shown_or_refused_and_nothing_else(image_format: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(PHOTO.resize((40, 30)), image_format))
    cut = data.draw(st.integers(12, len(whole)))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[:cut])
    facts = image_facts(damaged)
    assert facts is None or str(facts).startswith(facts.format)
    with contextlib.suppress(PictureError):
        assert max(thumbnail(damaged, 32, (3, 3)).size) <= 32


def test_raw_pixels_are_known_by_the_size_beside_them() -> None:
    pixels = bytes(range(6)) * 3
    example = {"image/raw": [pixels], "image/height": np.array([2]), "image/width": np.array([3])}
    assert raw_size_of("image/raw", example) == (3, 2)
    assert thumbnail(pixels, 32, (3, 2)).mode == "RGB"
    assert raw_size_of("image/raw", example | {"image/height": np.array([5])}) is None
    assert raw_size_of("image/raw", example | {"image/height": np.array([], np.int64)}) is None
    assert raw_size_of("image/raw", example | {"image/width": [b"3"]}) is None
    assert raw_size_of("x", {"x": [pixels], "height": np.array([2]), "width": np.array([3])}) == (3, 2)
    assert (
        raw_size_of("image/raw", example | {"image/height": np.array([2**62]), "image/width": np.array([2**62])})
        is None
    )


def test_images_and_their_labels_are_found() -> None:
    sketch = PictureSketch(8, 32)
    for number, (image, label) in enumerate(zip(load_digits().images[:30], load_digits().target, strict=False)):
        picture = encoded(Image.fromarray(image.astype(np.uint8)), "PNG")
        sketch.add(
            {"text": [b"no image"], "scan/digit": [picture], "scan/label": np.array([label]), "n": np.array([number])}
        )
    pictures = sketch.pictures()
    assert [picture.feature for picture in pictures] == ["scan/digit"] * 8
    assert [picture.label for picture in pictures] == [str(load_digits().target[p.record_number]) for p in pictures]
    assert sketch.labels == {"scan/label"}
    numbers = [picture.record_number for picture in pictures]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 8


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("image/class/label", "image/class/text"), "image/class/text"),
        (("label", "coarse_label"), "label"),
        (("LABEL",), "LABEL"),
        (("labels_of_nothing", "unlabelled", "by"), None),
        (("y",), "y"),
    ],
)
def test_a_label_is_found_by_its_name(names: tuple[str, ...], found: str | None) -> None:
    assert find_label_feature({name: np.array([1]) for name in names}, ()) == found


def test_what_is_long_or_a_list_is_no_label() -> None:
    assert find_label_feature({"label": np.array([1, 2])}, ()) is None
    assert find_label_feature({"label": [b"x" * 1000]}, ()) is None
    assert find_label_feature({"label": [b"\xff"]}, ()) is None
    assert find_label_feature({"label": None}, ()) is None


def test_an_image_that_cannot_be_shown_is_a_picture_that_says_why() -> None:
    sketch = PictureSketch(4, 32)
    whole = encoded(PHOTO, "JPEG")
    for data in (whole, whole[: len(whole) // 2], png_of_claimed_size(60000, 60000), b"junk"):
        sketch.add({"image": [data]})
    good, cut, bomb, junk = sketch.pictures()
    assert (good.image is not None, good.problem) == (True, "")
    assert cut.image is bomb.image is junk.image is None
    assert "truncated" in cut.problem
    assert "too large" in bomb.problem
    assert junk.problem == "not an image"


def test_a_contact_sheet_has_a_cell_for_every_picture() -> None:
    sketch = PictureSketch(20, CELL)
    for number in range(20):
        file = encoded(PHOTO, "JPEG") if number % 5 else png_of_claimed_size(60000, 60000)
        sketch.add({"image": [file], "label": ["日本 \u202e é".encode()]})
    sheet = draw_contact_sheet(sketch.pictures())
    assert sheet.width * sheet.height > 20 * CELL * CELL
    colours = {colour for _, colour in sheet.getcolors(1 << 24) or []}
    assert (160, 40, 30) in colours  # of the cells that say why
    assert len(colours) > 1000  # of photographs


def test_names_of_lines_and_of_any_length_stand_on_the_sheet() -> None:
    sketch = PictureSketch(3, CELL)
    image = encoded(Image.new("L", (2, 2), 0), "PNG")
    sketch.add({name: [image] for name in ("a\nb", "\r\x1b\0", "long" * 1_000_000)})
    sheet = draw_contact_sheet(sketch.pictures())
    assert sheet.height > CELL


def test_a_tiny_image_is_enlarged_on_the_sheet() -> None:
    sketch = PictureSketch(1, CELL)
    sketch.add({"image": [encoded(Image.new("L", (2, 2), 0), "PNG")]})
    sheet = np.asarray(draw_contact_sheet(sketch.pictures()).convert("L"))
    assert (sheet == 0).sum() >= CELL * CELL


@pytest.mark.parametrize(
    ("data", "size", "problem"),
    [
        (b"text", None, "not an image"),
        (b"text", (0, 4), "not an image"),
        (b"text", (1 << 16, 1 << 16), "too large: 65536 x 65536 pixels"),
        (b"text", (3, 1), "4 bytes are not 3 x 1 pixels"),
        (b"text", (2, 1), "4 bytes are not 2 x 1 pixels"),
    ],
)
def test_pixels_that_are_none_are_refused(data: bytes, size: tuple[int, int] | None, problem: str) -> None:
    with pytest.raises(PictureError, match=problem):
        thumbnail(data, 10, size)
    assert thumbnail(b"text", 10, (4, 1)).mode == "L"
    assert thumbnail(b"text", 10, (1, 1)).mode == "RGBA"


def test_what_is_no_list_of_bytes_has_no_size() -> None:
    sides = {"height": np.array([1]), "width": np.array([1])}
    for value in (None, [], np.array([1]), [[b"x"]]):
        assert raw_size_of("x", {"x": value, **sides}) is None
    assert raw_size_of("x", {"x": [b"x"], **sides}) == (1, 1)
