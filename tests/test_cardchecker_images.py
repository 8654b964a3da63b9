"""Opening one image safely: the same red channel as Keras, and every way in which an image can be wrong."""

from __future__ import annotations

import errno
import io
import pathlib
import pickle
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, features

from tfrecord_lite.cardchecker.crops import Pixels, Size
from tfrecord_lite.cardchecker.images import (
    FORMATS,
    PIXEL_LIMIT,
    ImageError,
    ImageSource,
    encode_pixels,
    open_red_channel,
    resize,
)
from tfrecord_lite.errors import TFRecordError

ANY_SIZE = Size(1, 1)


def colourful(rows: int = 40, columns: int = 60) -> Image.Image:
    pixels = np.random.default_rng(7).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def with_alpha() -> Image.Image:
    picture = colourful().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def sixteen_bit() -> Image.Image:
    return Image.fromarray((np.arange(40 * 60) * 27 % 65536).astype(np.uint16).reshape(40, 60))


def transparent_palette() -> Image.Image:
    picture = colourful().quantize(16)
    picture.info["transparency"] = bytes(range(0, 256, 16))
    return picture


def exif_rotated() -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned by 90 degrees
    return colourful(), exif


#: Not every Pillow is built with these.
WEBP = pytest.param("webp", marks=pytest.mark.skipif(not features.check("webp"), reason="a Pillow without WebP"))
JPEG_2000 = pytest.param("jp2", marks=pytest.mark.skipif(not features.check("jpg_2000"), reason="one without it"))

PICTURES: dict[str, Callable[[], Image.Image]] = {
    "rgb.png": colourful,
    "rgb.jpg": colourful,
    "rgb.bmp": colourful,
    "rgb.webp": colourful,
    "rgb.tiff": colourful,
    "rgb.ppm": colourful,
    "grey.png": lambda: colourful().convert("L"),
    "grey.jpg": lambda: colourful().convert("L"),
    "grey_alpha.png": lambda: with_alpha().convert("LA"),
    "alpha.png": with_alpha,
    "alpha.webp": with_alpha,
    "palette.png": lambda: colourful().quantize(16),
    "palette.gif": lambda: colourful().quantize(16),
    "transparent_palette.png": transparent_palette,
    "bilevel.png": lambda: colourful().convert("1"),
    "sixteen_bit.png": sixteen_bit,
    "sixteen_bit.tiff": sixteen_bit,
    "cmyk.jpg": lambda: colourful().convert("CMYK"),
    "cmyk.tiff": lambda: colourful().convert("CMYK"),
    "lab.tiff": lambda: colourful().convert("LAB"),
    "float.tiff": lambda: colourful().convert("F"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_red_channel_is_that_of_keras_load_img(name: str, tmp_path: pathlib.Path) -> None:
    tf = pytest.importorskip("tensorflow")
    path = tmp_path / name
    PICTURES[name]().save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras lets Pillow's warning about transparent palettes pass
        expected = np.asarray(tf.keras.utils.load_img(path))[:, :, 0]
    found = open_red_channel(path, "there", ANY_SIZE)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)
    with Image.open(path) as opened:
        np.testing.assert_array_equal(open_red_channel(opened, "there", ANY_SIZE), expected)


def test_exif_orientation_is_not_applied_as_in_keras(tmp_path: pathlib.Path) -> None:
    tf = pytest.importorskip("tensorflow")
    picture, exif = exif_rotated()
    path = tmp_path / "rotated.jpg"
    picture.save(path, exif=exif)
    found = open_red_channel(str(path), "there", ANY_SIZE)
    assert found.shape == (40, 60)
    np.testing.assert_array_equal(found, np.asarray(tf.keras.utils.load_img(path))[:, :, 0])


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_red_channel_of_an_array_is_its_first(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    expected = array if array.ndim == 2 else array[:, :, 0]
    np.testing.assert_array_equal(open_red_channel(array, "there", ANY_SIZE), expected)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5), np.float32),
        np.zeros((4, 5, 3), np.int64),
        np.zeros((4, 5), bool),
        np.zeros((4, 5, 2), np.uint8),
        np.zeros(20, np.uint8),
        np.zeros((2, 4, 5, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_other_arrays_are_an_error_that_says_what_is_needed(array: Pixels) -> None:
    with pytest.raises(ImageError, match=r"^target_images_id\[3\]: is an array of .* is needed") as caught:
        open_red_channel(array, "target_images_id[3]", ANY_SIZE)
    assert str(array.dtype) in str(caught.value)
    assert str(array.shape) in str(caught.value)


@pytest.mark.parametrize("image", [None, 3, b"card.png", ["card.png"]], ids=repr)
def test_anything_else_is_a_type_error(image: object) -> None:
    with pytest.raises(TypeError, match=r"there: a path, a Pillow image or a numpy array is needed"):
        open_red_channel(image, "there", ANY_SIZE)  # type: ignore[arg-type]


def saved(path: pathlib.Path) -> ImageSource:
    colourful(30, 50).save(path)
    return path


@pytest.mark.parametrize("minimum", [Size(31, 50), Size(30, 51)])
@pytest.mark.parametrize("source", ["path", "picture", "array"])
def test_too_small_image_says_its_size_and_what_is_needed(source: str, minimum: Size, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "small.png"
    images: dict[str, ImageSource] = {
        "path": saved(path),
        "picture": colourful(30, 50),
        "array": np.zeros((30, 50), np.uint8),
    }
    with pytest.raises(ImageError) as caught:
        open_red_channel(images[source], "target_images_dl[2]", minimum)
    name = str(path) if source == "path" else "target_images_dl[2]"
    assert caught.value.image == name
    assert str(caught.value) == (
        f"{name}: has 30 rows x 50 columns; at least {minimum.rows} rows x {minimum.columns} columns are needed"
    )
    assert open_red_channel(images[source], "there", Size(30, 50)).shape == (30, 50)


def test_empty_array_is_too_small() -> None:
    with pytest.raises(ImageError, match="at least 1 rows x 1 columns"):
        open_red_channel(np.zeros((0, 5), np.uint8), "there", ANY_SIZE)


@pytest.mark.parametrize("content", [b"", b"not an image", b"<html></html>", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_no_image_is_an_error_naming_it(content: bytes, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"photo\.jpg: ") as caught:
        open_red_channel(path, "there", ANY_SIZE)
    assert caught.value.image == str(path)


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", WEBP, "tiff", "gif", "ppm"])
def test_file_cut_anywhere_is_an_image_error_or_still_whole(extension: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"cut.{extension}"
    colourful(24, 24).save(path)
    whole = path.read_bytes()
    expected = open_red_channel(path, "there", ANY_SIZE)
    for size in {*range(0, len(whole), 7), len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:size])
        try:
            found = open_red_channel(path, "there", ANY_SIZE)
        except ImageError:
            continue
        # What is cut off behind the pixels is not missed; a cut inside them must never pass.
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", WEBP, "tiff", "gif", "ppm"])
def test_damaged_file_raises_nothing_but_image_error(extension: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"damaged.{extension}"
    colourful(24, 24).save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(11)
    for _ in range(150):
        damaged = bytearray(whole)
        # Headers are at the front of most formats, TIFF's at its end.
        reach = 64 if random.integers(2) else len(whole)
        damaged[int(random.integers(-reach, reach)) % len(whole)] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        try:
            open_red_channel(path, "there", ANY_SIZE)
        except ImageError as error:
            assert error.image == str(path)  # noqa: PT017  passing without an error is fine


def test_missing_file_is_file_not_found_with_its_path(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        open_red_channel(tmp_path / "nowhere.png", "there", ANY_SIZE)
    assert caught.value.filename == str(tmp_path / "nowhere.png")
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("extension", ["png", "gif", WEBP, "tiff"])
def test_animated_and_several_pages_are_an_error(extension: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"moving.{extension}"
    frames = [Image.new("RGB", (30, 20), (shade, 0, 0)) for shade in (10, 120, 240)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=r"moving.*: has several frames or pages"):
        open_red_channel(path, "there", ANY_SIZE)
    with Image.open(path) as opened, pytest.raises(ImageError, match=r"there: has several frames"):
        open_red_channel(opened, "there", ANY_SIZE)


def test_of_a_jpeg_with_further_pictures_the_first_is_the_photograph(tmp_path: pathlib.Path) -> None:
    Image.init()
    if "MPO" not in Image.SAVE_ALL:
        pytest.skip("this Pillow cannot write one")
    path = tmp_path / "stereo.jpg"
    first = colourful(64, 48)
    first.save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    alone = tmp_path / "alone.jpg"
    first.save(alone, "JPEG")
    with Image.open(path) as picture:
        assert picture.format == "MPO"
    assert np.array_equal(open_red_channel(path, "there", ANY_SIZE), open_red_channel(alone, "there", ANY_SIZE))


@pytest.mark.parametrize("extension", ["ico", "tga", "pcx", "pdf", "eps", "icns", JPEG_2000, "dds"])
def test_formats_beside_the_allow_list_are_an_error(extension: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"card.{extension}"
    colourful(64, 64).save(path)
    with pytest.raises(ImageError, match=r"is not an image that is read here \(JPEG, PNG, "):
        open_red_channel(path, "there", ANY_SIZE)


def test_opened_picture_of_another_format_is_an_error(tmp_path: pathlib.Path) -> None:
    colourful().save(tmp_path / "card.pcx")
    with Image.open(tmp_path / "card.pcx") as opened, pytest.raises(ImageError, match="is a PCX file"):
        open_red_channel(opened, "there", ANY_SIZE)


def png_header(width: int, height: int) -> bytes:
    """A PNG file that says it has this size, and has no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = struct.pack(">I", 4) + b"IDATxxxx" + struct.pack(">I", zlib.crc32(b"IDATxxxx"))
    return b"\x89PNG\r\n\x1a\n" + chunk + data


@pytest.mark.parametrize(
    ("width", "height"),
    # Just above our limit, where Pillow warns, and where Pillow refuses.
    [(8192, PIXEL_LIMIT // 8192 + 1), (10_000, 10_000), (60_000, 60_000)],
)
def test_too_many_pixels_are_an_error_before_decoding(width: int, height: int, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(ImageError, match=rf"bomb\.png: .*{PIXEL_LIMIT} pixels are the limit"):
        open_red_channel(path, "there", ANY_SIZE)


def test_most_pixels_allowed_are_not_refused_for_their_number(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_header(8192, PIXEL_LIMIT // 8192))
    with pytest.raises(ImageError, match="cannot be decoded"):  # there are no pixels behind the header
        open_red_channel(path, "there", ANY_SIZE)


def test_out_of_memory_is_not_blamed_on_the_image(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    saved(tmp_path / "card.png")
    monkeypatch.setattr(Image.Image, "getchannel", no_memory)
    with pytest.raises(MemoryError):
        open_red_channel(tmp_path / "card.png", "there", ANY_SIZE)


def test_image_error_is_in_our_tree_and_survives_pickling() -> None:
    error = ImageError("card.png", "is blue")
    assert isinstance(error, TFRecordError)
    assert isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.image, again.reason) == (ImageError, "card.png", "is blue")
    assert str(again) == str(error) == "card.png: is blue"


def test_image_error_escapes_names() -> None:
    assert str(ImageError("\x1b[2Jcard\n.png", "is\x07 blue")) == r"\x1b[2Jcard\n.png: is\x07 blue"


def test_resized_is_320_square_and_bilinear() -> None:
    pixels = np.asarray(colourful().getchannel("R"))
    expected = Image.fromarray(pixels).resize((320, 320), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(resize(pixels[:, :]), np.asarray(expected))
    assert resize(pixels[3:20, 5:9]).shape == (320, 320)


def test_resized_constant_stays_constant() -> None:
    assert set(np.unique(resize(np.full((63, 278), 77, np.uint8)))) == {77}


def test_raw_pixels_are_stored_row_by_row() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3).T
    assert encode_pixels(pixels, "raw") == bytes([0, 3, 1, 4, 2, 5])


def test_png_gives_the_pixels_back_and_jpeg_nearly() -> None:
    pixels = resize(np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8))
    for image_format, tolerance in (("png", 0), ("jpeg", 12)):
        stored = encode_pixels(pixels, image_format)
        assert stored == encode_pixels(pixels.copy(), image_format)
        with Image.open(io.BytesIO(stored)) as picture:
            assert (picture.format, picture.mode) == (image_format.upper(), "L")
            again = np.asarray(picture)
        assert np.abs(again.astype(int) - pixels).max() <= tolerance


def test_formats_are_known_to_pillow() -> None:
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)
