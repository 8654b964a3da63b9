"""Pixels out of records without TensorFlow: those that the real TensorFlow decodes, and errors that name the image."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import encoded, opened, photographs
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.adapters.tf_data import read_record_single_cls
from tfrecord_lite.cardchecker import ImageError, decode_pixels

tf = pytest.importorskip("tensorflow")

RAMP = (np.add.outer(np.arange(320) // 4, np.arange(320) // 3)).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(0, 256, (320, 320, 4), np.uint8)


def png(width: int, depth: int, colour_type: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG file of any kind, of 320 rows given as they are stored."""
    head = struct.pack(">IIBBBBB", width, 320, depth, colour_type, 0, 0, 0)
    size = len(rows) // 320
    data = zlib.compress(b"".join(b"\0" + rows[at : at + size] for at in range(0, len(rows), size)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", data), chunk(b"IEND", b"")],
    )


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def by_tensorflow(images: list[bytes], formats: list[str], folder: Path) -> Any:
    """What `read_record_single_cls` reads, in the order of the records."""
    found = []
    for number, (image, image_format) in enumerate(zip(images, formats, strict=True)):
        with tfr.TFRecordWriter(folder / str(number)) as writer:
            writer.write_example({"image/image_id_raw": image, "image/format": image_format, "image/label": 1})
        (batch,) = read_record_single_cls(folder / str(number), batch_size=1, epoch=1).as_numpy_iterator()
        found.append(batch["img"])
    return np.concatenate(found)


GREY, RGB, RGBA = Image.fromarray(RAMP), Image.fromarray(NOISE[..., :3]), Image.fromarray(NOISE)
BITS = {1: 40, 2: 80, 4: 160, 8: 320, 16: 640}
FILES = {
    "raw": (RAMP.tobytes(), "raw"),
    "raw as jpg": (NOISE[..., 0].tobytes(), "jpg"),
    "png": (encoded(GREY, "PNG"), "png"),
    "png as jpeg": (encoded(GREY, "PNG"), "jpeg"),
    "jpeg": (encoded(GREY, "JPEG", quality=95), "jpeg"),
    "jpeg as jpg": (encoded(Image.fromarray(NOISE[..., 1]), "JPEG", quality=60), "jpg"),
    "progressive jpeg": (encoded(GREY, "JPEG", progressive=True), "jpeg"),
    "jpeg with colours": (encoded(RGB, "JPEG", quality=80), "jpeg"),
    "jpeg with colours of half the size": (encoded(RGB, "JPEG", quality=80, subsampling=2), "jpeg"),
    "jpeg with an orientation": (
        encoded(RGB, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
        "jpeg",
    ),
    "png with colours": (encoded(RGB, "PNG"), "png"),
    "png with colours that are grey": (encoded(GREY.convert("RGB"), "PNG"), "png"),
    "png with colours and alpha": (encoded(RGBA, "PNG"), "png"),
    "png with colours of which one is transparent": (encoded(RGB, "PNG", transparency=(0, 0, 0)), "png"),
    "png with a palette": (encoded(RGB.quantize(60), "PNG"), "png"),
    "png with a palette and alpha": (encoded(RGB.quantize(60), "PNG", transparency=bytes(range(60))), "png"),
    "png with alpha": (encoded(Image.fromarray(NOISE[..., :2], "LA"), "PNG"), "png"),
    "png with a gamma": (png(320, 8, 0, NOISE[..., 0].tobytes(), chunk(b"gAMA", struct.pack(">I", 45455))), "png"),
    "png with a transparent grey": (encoded(GREY, "PNG", transparency=7), "png"),
    **{f"png of {bits} bits": (png(320, bits, 0, NOISE.tobytes()[: 320 * size]), "png") for bits, size in BITS.items()},
    "png of 16 bits and alpha": (png(320, 16, 4, NOISE.tobytes()[: 320 * 1280]), "png"),
    "png of 2 bits, one transparent": (
        png(320, 2, 0, NOISE.tobytes()[: 320 * 80], chunk(b"tRNS", b"\0\1")),
        "png",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_those_that_tensorflow_decodes(name: str, tmp_path: Path) -> None:
    image, image_format = FILES[name]
    found = decode_pixels([image], [image_format])
    assert found.dtype == np.uint8
    assert found.shape == (1, 320, 320, 1)
    np.testing.assert_array_equal(found, by_tensorflow([image], [image_format], tmp_path))


def test_photographs_are_the_same_in_every_format(tmp_path: Path) -> None:
    pictures = [opened(data).resize((320, 320)) for data in photographs().values()]
    for picture in pictures:
        picture.info.clear()  # of a colour profile
    files = [encoded(picture, kind) for picture in pictures for kind in ("JPEG", "PNG")]
    formats = ["jpeg", "png"] * len(pictures)
    np.testing.assert_array_equal(decode_pixels(files, formats), by_tensorflow(files, formats, tmp_path))


def test_many_records_of_any_format_come_in_their_order() -> None:
    images = np.array([encoded(GREY, "PNG"), RAMP.tobytes(), bytearray(NOISE[..., 0].tobytes())], object)
    found = decode_pixels(images, np.array([b"png", b"raw", b"jpg"], object))
    np.testing.assert_array_equal(found[..., 0], [RAMP, RAMP, NOISE[..., 0]])
    assert decode_pixels([], []).shape == (0, 320, 320, 1)


@pytest.mark.parametrize(
    ("image", "image_format", "problem"),
    [
        (RAMP.tobytes(), "bmp", "has the format 'bmp'; raw, png, jpeg and jpg are possible"),
        (RAMP.tobytes(), b"\xff", r"has the format '\\\\xff'"),
        (bytes(102_399), "raw", "is raw and has 102399 bytes; 320 x 320 pixels have 102400"),
        (encoded(GREY.crop((0, 0, 64, 320)), "PNG"), "png", "has 320 rows x 64 columns; 320 x 320 are needed"),
        (encoded(GREY.crop((0, 0, 320, 64)), "JPEG"), "jpg", "has 64 rows x 320 columns"),
        (b"no image", "png", "has the format 'png' and does not begin like such a file"),
        (bytes(1000), "jpg", "does not begin like such a file"),
        (encoded(GREY, "JPEG"), "png", "does not begin like such a file"),
        (encoded(RGB, "PNG")[:-900], "png", "cannot be decoded"),
        (encoded(GREY, "JPEG")[:-900], "jpeg", "cannot be decoded"),
        (encoded(RGB.convert("CMYK"), "JPEG"), "jpeg", "is a JPEG file of CMYK colours"),
        (png(320, 16, 2, (NOISE.tobytes() * 2)[: 320 * 1920]), "png", "colours of 16 bits or a gamma"),
        (
            png(320, 8, 2, NOISE[..., :3].tobytes(), chunk(b"gAMA", struct.pack(">I", 45455))),
            "png",
            "colours of 16 bits or a gamma",
        ),
        (png(320, 8, 2, NOISE[..., :3].tobytes(), chunk(b"sRGB", b"\0")), "png", "colours of 16 bits or a gamma"),
    ],
)
def test_what_cannot_be_decoded_is_an_error_naming_the_image(image: bytes, image_format: Any, problem: str) -> None:
    with pytest.raises(ImageError, match=rf"images\[1\]: .*{problem}"):
        decode_pixels([RAMP.tobytes(), image], ["raw", image_format])


def test_as_many_formats_as_images_are_needed() -> None:
    with pytest.raises(ValueError, match="1 images, but 2 formats"):
        decode_pixels([RAMP.tobytes()], ["raw", "raw"])
