"""One image file: kept or rendered, as Pillow and TensorFlow see it; and files that are hostile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import WITH_ORIENTATION, encoded, opened, photographs, pixels, png_of_size, with_orientation
from PIL import Image

from tfrecord_lite.adapters.image_files import Rendition, Size, read_image_file
from tfrecord_lite.cardchecker.images import ImageError

KEPT = Rendition()
PNG = Rendition(encoding="png")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.jpg"


def rgb(name: str = "china") -> Image.Image:
    return opened(photographs()[name])


def with_alpha(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.putalpha(100)
    return image


def sixteen_bits() -> Image.Image:
    grey = np.asarray(rgb().convert("L"), np.uint16)
    return Image.fromarray(grey * 256 + np.arange(grey.shape[1], dtype=np.uint16) % 256)


KINDS: dict[str, Any] = {
    "RGB JPEG": lambda: encoded(rgb(), "JPEG"),
    "progressive JPEG": lambda: encoded(rgb(), "JPEG", progressive=True),
    "grey JPEG": lambda: encoded(rgb().convert("L"), "JPEG"),
    "CMYK JPEG": lambda: encoded(rgb().convert("CMYK"), "JPEG"),
    "RGB PNG": lambda: encoded(rgb(), "PNG"),
    "grey PNG": lambda: encoded(rgb().convert("L"), "PNG"),
    "grey PNG with alpha": lambda: encoded(with_alpha(rgb().convert("L")), "PNG"),
    "PNG with alpha": lambda: encoded(with_alpha(rgb()), "PNG"),
    "PNG with a palette": lambda: encoded(rgb().convert("P"), "PNG"),
    "PNG with a palette and transparency": lambda: encoded(rgb().convert("P"), "PNG", transparency=3),
    "PNG of 1 bit": lambda: encoded(rgb().convert("1"), "PNG"),
    "PNG of 16 bits": lambda: encoded(sixteen_bits(), "PNG"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kept_bytes_are_what_tensorflow_is_told_of_them(path: Path, kind: str) -> None:
    tf = pytest.importorskip("tensorflow")
    data = KINDS[kind]()
    path.write_bytes(data)
    stored = read_image_file(str(path), KEPT)
    assert stored.encoded == data
    assert stored.format == ("jpeg" if "JPEG" in kind else "png")
    assert tf.io.decode_image(data).shape == (stored.size.height, stored.size.width, stored.channels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["jpeg", "png"])
def test_tensorflow_decodes_what_is_rendered_to_pillows_pixels(path: Path, kind: str, encoding: str) -> None:
    tf = pytest.importorskip("tensorflow")
    path.write_bytes(KINDS[kind]())
    stored = read_image_file(str(path), Rendition(Size(200, 200), encoding=encoding))
    assert stored.format == encoding
    assert stored.size == (200, 133)
    decode = tf.io.decode_image
    if encoding == "jpeg":  # TensorFlow's default is faster and less exact
        decode = lambda data: tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE")  # noqa: E731
    found = decode(stored.encoded).numpy()
    assert found.shape == (133, 200, stored.channels)
    assert (stored.channels, stored.colorspace) in ((1, "grayscale"), (3, "RGB"))
    np.testing.assert_array_equal(found.reshape(pixels(stored.encoded).shape), pixels(stored.encoded))
    # It is still the same picture.
    expected = np.asarray(rgb().resize((200, 133)).convert("RGB" if stored.channels == 3 else "L"), int)
    coarse = kind in ("PNG of 1 bit", "PNG with a palette", "PNG with a palette and transparency")
    assert np.abs(found.reshape(expected.shape) - expected).mean() < (30 if coarse else 12 if "CMYK" in kind else 6)


def test_png_of_the_same_size_has_the_pixels_of_its_source(path: Path) -> None:
    path.write_bytes(photographs()["china"])
    np.testing.assert_array_equal(pixels(read_image_file(str(path), PNG).encoded), pixels(photographs()["china"]))
    path.write_bytes(encoded(with_alpha(rgb()), "PNG"))
    np.testing.assert_array_equal(pixels(read_image_file(str(path), PNG).encoded), np.asarray(rgb()))


def test_of_16_bits_the_upper_eight_are_taken_as_by_tensorflow(path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    path.write_bytes(KINDS["PNG of 16 bits"]())
    stored = read_image_file(str(path), PNG)
    expected = tf.io.decode_png(path.read_bytes()).numpy()[:, :, 0]
    np.testing.assert_array_equal(pixels(stored.encoded), expected)


@pytest.mark.parametrize(
    ("size", "mode", "expected"),
    [
        ((320, 320), "fit", (320, 214)),
        ((2000, 100), "fit", (150, 100)),
        ((2000, 2000), "fit", (640, 427)),
        ((1, 1), "fit", (1, 1)),
        ((100, 200), "crop", (100, 200)),
        ((1000, 1000), "crop", (1000, 1000)),
        ((100, 200), "stretch", (100, 200)),
        ((700, 20), "stretch", (700, 20)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_sizes(path: Path, size: tuple[int, int], mode: str, expected: tuple[int, int], form: str) -> None:
    path.write_bytes(encoded(rgb(), form))
    stored = read_image_file(str(path), Rendition(Size(*size), mode))
    assert stored.size == opened(stored.encoded).size == expected
    assert stored.format == form.lower()


def test_crop_takes_the_middle_and_stretch_takes_all(path: Path) -> None:
    path.write_bytes(encoded(rgb(), "PNG"))
    middle = rgb().crop((320 - 427 // 2, 0, 320 + 427 // 2, 427)).resize((100, 100))
    found = pixels(read_image_file(str(path), Rendition(Size(100, 100), "crop")).encoded).astype(int)
    assert np.abs(found - np.asarray(middle)).mean() < 2
    found = pixels(read_image_file(str(path), Rendition(Size(100, 100), "stretch")).encoded).astype(int)
    assert np.abs(found - np.asarray(rgb().resize((100, 100)))).mean() < 2


@pytest.mark.parametrize("form", WITH_ORIENTATION)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "rendition", [PNG, Rendition(Size(100, 300), "fit", "png"), Rendition(Size(90, 30), "crop", "png")]
)
def test_exif_orientation_is_carried_out_and_gone(
    path: Path, form: str, orientation: int, rendition: Rendition
) -> None:
    upright = rgb("grace_hopper").resize((256, 300))
    path.write_bytes(with_orientation(upright, orientation, form))
    stored = read_image_file(str(path), rendition)
    plain = path.with_name("plain.png")
    plain.write_bytes(encoded(upright, "PNG"))
    expected = read_image_file(str(plain), rendition)
    assert stored.size == expected.size
    found = opened(stored.encoded)
    assert 0x0112 not in found.getexif()
    assert np.abs(np.asarray(found, int) - pixels(expected.encoded)).mean() < 3
    kept = read_image_file(str(path), KEPT)
    assert kept.size == (upright.size if orientation < 5 else upright.size[::-1])  # as it is stored
    assert kept.encoded == path.read_bytes()


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_tiff_of_16_bits_is_turned_once(path: Path, orientation: int) -> None:
    path.write_bytes(with_orientation(sixteen_bits(), orientation, "TIFF"))
    expected = np.asarray(sixteen_bits()) >> 8
    np.testing.assert_array_equal(pixels(read_image_file(str(path), PNG).encoded), expected)


def test_a_broken_exif_is_no_orientation(path: Path) -> None:
    path.write_bytes(encoded(rgb(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"))
    assert read_image_file(str(path), PNG).size == (640, 427)


def test_metadata_does_not_get_into_what_is_rendered(path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "the place where I live"
    secret = b"the place where I live"
    path.write_bytes(encoded(rgb(), "JPEG", exif=exif, icc_profile=secret, comment=secret))
    assert secret in path.read_bytes()
    for rendition in (PNG, Rendition(encoding="jpeg"), Rendition(Size(100, 100))):
        assert secret not in read_image_file(str(path), rendition).encoded


def test_quality_decides_about_the_bytes(path: Path) -> None:
    path.write_bytes(photographs()["flower"])
    sizes = [
        len(read_image_file(str(path), Rendition(None, "fit", "jpeg", quality)).encoded) for quality in (30, 90, 95)
    ]
    assert sizes == sorted(sizes)


def test_the_first_picture_of_a_phones_file_is_taken(path: Path) -> None:
    path.write_bytes(encoded(rgb(), "MPO", save_all=True, append_images=[rgb("flower").resize((64, 64))]))
    assert opened(path.read_bytes()).format == "MPO"
    assert read_image_file(str(path), KEPT).format == "jpeg"
    stored = read_image_file(str(path), Rendition(Size(320, 320)))
    assert (stored.format, stored.size) == ("jpeg", (320, 214))


@pytest.mark.parametrize("more", [b"\xff\xda" * 1000, np.random.default_rng(0).bytes(30 << 20)], ids=["marks", "video"])
def test_what_a_phone_puts_behind_a_photograph_does_no_harm(path: Path, more: bytes) -> None:
    path.write_bytes(photographs()["china"] + more)
    assert read_image_file(str(path), KEPT).encoded == path.read_bytes()
    assert read_image_file(str(path), PNG).size == (640, 427)


@pytest.mark.parametrize("form", ["WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_other_formats_are_kept_under_their_names_or_become_png(path: Path, form: str) -> None:
    path.write_bytes(encoded(rgb(), form))
    assert read_image_file(str(path), KEPT).format == form.lower()
    assert read_image_file(str(path), Rendition(Size(64, 64))).format == "png"


def many_scans() -> bytes:
    """A progressive JPEG with its last scan again and again."""
    data = encoded(rgb(), "JPEG", progressive=True)
    begin = data.rindex(b"\xff\xda")
    return data[:begin] + data[begin:-2] * 200 + b"\xff\xd9"


def animation(form: str) -> bytes:
    return encoded(rgb(), form, save_all=True, append_images=[rgb("flower")])


HOSTILE: dict[str, tuple[Any, str]] = {
    "nothing": (lambda: b"", "is empty"),
    "text": (lambda: b"no image", "is not an image that is read here"),
    "HTML": (lambda: b"<!DOCTYPE html><html>404</html>", "is not an image that is read here"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is not an image that is read here"),
    "EPS, which starts a program": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
    "bomb": (lambda: png_of_size(60_000, 60_000), "pixels"),
    "largest bomb": (lambda: png_of_size(2**31 - 1, 2**31 - 1), "pixels"),
    "no columns": (lambda: png_of_size(0, 10), "."),
    "no rows": (lambda: png_of_size(10, 0), "."),
    "too little data": (lambda: png_of_size(1000, 1000), "cannot be decoded"),
    "cut JPEG": (lambda: photographs()["china"][:50_000], "cannot be decoded: image file is truncated"),
    "JPEG of a header": (lambda: photographs()["china"][:700], "cannot be decoded"),
    "cut PNG": (lambda: encoded(rgb(), "PNG")[:50_000], "cannot be decoded"),
    "cut WebP": (lambda: encoded(rgb(), "WEBP")[:5000], "."),
    "JPEG of many scans": (many_scans, "scans"),
    "animated GIF": (lambda: animation("GIF"), "several frames"),
    "animated WebP": (lambda: animation("WEBP"), "several frames"),
    "animated PNG": (lambda: animation("PNG"), "several frames"),
    "TIFF of pages": (lambda: animation("TIFF"), "several frames"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("rendition", [KEPT, PNG, Rendition(Size(64, 64), "crop", "jpeg")], ids=["kept", "png", "crop"])
def test_what_cannot_be_used_is_an_error_that_names_the_file(path: Path, kind: str, rendition: Rendition) -> None:
    make, reason = HOSTILE[kind]
    path.write_bytes(make())
    with pytest.raises(ImageError, match=reason) as caught:
        read_image_file(str(path), rendition)
    assert caught.value.image == str(path)
    assert "\n" not in str(caught.value)


def test_images_of_32_bits_are_kept_but_not_rendered(path: Path) -> None:
    path.write_bytes(encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"))
    assert read_image_file(str(path), KEPT).format == "tiff"
    with pytest.raises(ImageError, match="32 bits"):
        read_image_file(str(path), PNG)


def test_a_file_that_is_too_large_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.write(photographs()["china"])
        file.truncate(1 << 40)
    with pytest.raises(ImageError, match="bytes, which are the limit"):
        read_image_file(str(path), KEPT)


@pytest.mark.skipif(os.name != "posix", reason="needs FIFOs")
def test_a_fifo_is_no_wait(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        read_image_file(str(path), KEPT)


@pytest.mark.parametrize("damage", range(40))
def test_flipped_bytes_are_an_image_or_an_error(path: Path, damage: int) -> None:
    random = np.random.default_rng(damage)
    forms = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM")
    data = bytearray(encoded(rgb().resize((60, 40)), forms[damage % len(forms)]))
    for _ in range(3):
        data[random.integers(len(data) if damage % 2 else 200)] = random.integers(256)
    path.write_bytes(data)
    for rendition in (KEPT, Rendition(Size(30, 30))):
        try:
            stored = read_image_file(str(path), rendition)
        except ImageError:
            continue
        assert min(stored.size) > 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": Size(0, 10)},
        {"size": Size(10, -1)},
        {"size": Size(1 << 20, 1 << 20)},
        {"mode": "fill"},
        {"encoding": "gif"},
        {"quality": 0},
        {"quality": 101},
    ],
)
def test_a_rendition_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Rendition(**arguments)
