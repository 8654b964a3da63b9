"""The features of a record: exactly these, with TensorFlow's bytes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tfrecord_lite.cardchecker import image_example, image_example_single_cls
from tfrecord_lite.cardchecker.images import encode_pixels

PIXELS = np.random.default_rng(5).integers(0, 256, (320, 320), dtype=np.uint8)


def by_tensorflow(values: dict[str, bytes | int]) -> bytes:
    tf = pytest.importorskip("tensorflow")

    def feature(value: bytes | int) -> Any:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = tf.train.Features(feature={name: feature(value) for name, value in values.items()})
    serialized: bytes = tf.train.Example(features=features).SerializeToString(deterministic=True)
    return serialized


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("image_format", ["raw", "png", "jpeg"])
def test_single_image_has_the_bytes_of_tensorflow(image_format: str, label: int) -> None:
    stored = encode_pixels(PIXELS, image_format)
    expected = by_tensorflow(
        {
            "image/image_id_raw": stored,
            "image/format": image_format.encode(),
            "image/label": label,
            "image/height": 320,
            "image/width": 320,
        }
    )
    assert image_example_single_cls(stored, label, image_format=image_format) == expected


def test_format_is_raw_unless_said_otherwise() -> None:
    raw = PIXELS.tobytes()
    assert image_example_single_cls(raw, 1) == image_example_single_cls(raw, 1, image_format="raw")


def test_four_images_have_the_bytes_of_tensorflow() -> None:
    images = [np.full((320, 320), shade, np.uint8).tobytes() for shade in (1, 2, 3, 4)]
    expected = by_tensorflow(
        {
            "image/image_id_raw": images[0],
            "image/image_dl_raw": images[1],
            "image/image_nm_raw": images[2],
            "image/image_nt_raw": images[3],
            "image/format": b"raw",
            "image/id_height": 63,
            "image/id_width": 278,
            "image/dl_height": 30,
            "image/dl_width": 100,
        }
    )
    assert image_example(*images) == expected


@pytest.mark.parametrize(
    "image",
    [
        bytearray(PIXELS.tobytes()),
        memoryview(PIXELS.tobytes()),
        PIXELS,
        PIXELS[:, :, None],
        PIXELS.ravel(),
        np.asfortranarray(PIXELS),
    ],
    ids=["bytearray", "memoryview", "array", "array with channel", "flat array", "array by columns"],
)
def test_arrays_and_all_kinds_of_bytes_are_taken(image: Any) -> None:
    assert image_example_single_cls(image, 1) == image_example_single_cls(PIXELS.tobytes(), 1)
    assert image_example(image, image, image, image) == image_example(*[PIXELS.tobytes()] * 4)


@pytest.mark.parametrize("label", [np.int64(1), np.uint8(1), True])
def test_label_may_be_any_integer_type(label: Any) -> None:
    assert image_example_single_cls(PIXELS, label) == image_example_single_cls(PIXELS, 1)


@pytest.mark.parametrize("label", [1.0, "1", None])
def test_label_that_is_no_integer_is_a_type_error(label: Any) -> None:
    with pytest.raises(TypeError):
        image_example_single_cls(PIXELS, label)


@pytest.mark.parametrize("size", [0, 102_399, 102_401, 63 * 278])
def test_raw_of_another_size_is_an_error_saying_both(size: int) -> None:
    with pytest.raises(ValueError, match=rf"img_raw has {size} bytes; 320 x 320 pixels have 102400"):
        image_example_single_cls(bytes(size), 1)


def test_each_of_the_four_images_is_checked_and_named() -> None:
    good = bytes(102_400)
    for place, name in enumerate(("img_id_raw", "img_dl_raw", "img_nm_raw", "img_nt_raw")):
        images = [good] * 4
        images[place] = b"short"
        with pytest.raises(ValueError, match=f"^{name} has 5 bytes"):
            image_example(*images)


def test_array_of_another_dtype_is_an_error() -> None:
    with pytest.raises(ValueError, match="img_raw is an array of float32; uint8 is needed"):
        image_example_single_cls(PIXELS.astype(np.float32), 1)


@pytest.mark.parametrize("image", ["text", 102_400, None], ids=repr)
def test_what_is_neither_bytes_nor_array_is_a_type_error(image: Any) -> None:
    with pytest.raises(TypeError):
        image_example_single_cls(image, 1)


@pytest.mark.parametrize("image_format", ["jpg", "RAW", "", "gif", None])
def test_unknown_format_is_an_error_naming_the_known(image_format: Any) -> None:
    with pytest.raises(ValueError, match="raw, png, jpeg are possible"):
        image_example_single_cls(PIXELS, 1, image_format=image_format)


@pytest.mark.parametrize(("said", "stored"), [("png", "jpeg"), ("jpeg", "png"), ("png", "raw"), ("jpeg", "raw")])
def test_format_that_the_bytes_do_not_have_is_an_error(said: str, stored: str) -> None:
    with pytest.raises(ValueError, match=f"img_raw does not begin like a {said} file"):
        image_example_single_cls(encode_pixels(PIXELS, stored), 1, image_format=said)


def test_import_brings_neither_pillow_nor_protobuf_nor_tensorflow() -> None:
    script = (
        "import sys, tfrecord_lite.cardchecker, tfrecord_lite.cardchecker.specimens; "
        "sys.exit(sorted({'PIL', 'google.protobuf', 'tensorflow'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
