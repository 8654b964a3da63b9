"""The records of the data set: pixels and label <-> the features of one Example.

Takes images that are already cropped, resized to 320 x 320 and encoded. Returns serialized Examples, equal
byte for byte to those of `tf.train.Example` (serialized deterministically). Raises ValueError for bytes that
are not what `image/format` would say about them: a reader has nothing else to go by.

    one image (image_example_single_cls)      four images (image_example)
    image/image_id_raw    bytes, the image    image/image_id_raw, _dl_raw, _nm_raw, _nt_raw    bytes
    image/format          raw, png or jpeg    image/format                                     raw
    image/label           1 card, 0 not       image/id_height, id_width                        63, 278
    image/height, width   320                 image/dl_height, dl_width                        30, 100

Heights and widths of the four-image form are those of the card's and the licence's crop *before* they were
resized.
"""

from __future__ import annotations

import operator
from typing import Any, SupportsIndex, Union

import numpy as np

from tfrecord_lite.cardchecker.crops import ID_CROP, LICENCE_CROP
from tfrecord_lite.cardchecker.images import IMAGE_FORMATS, SIDE
from tfrecord_lite.format.example import encode_example

ImageBytes = Union[bytes, bytearray, memoryview, "np.ndarray[Any, np.dtype[np.uint8]]"]

RAW_SIZE = SIDE * SIDE
# How files of the encoded formats begin.
SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}


def image_example_single_cls(img_raw: ImageBytes, label: SupportsIndex, *, image_format: str = "raw") -> bytes:
    """One image and its label as a serialized Example.

    Args:
        img_raw: the image as `image_format` says: 320 x 320 pixels of uint8, as bytes or as an array, or the
            bytes of a PNG or JPEG file.
        label: 1 for a card, 0 for anything else.
        image_format: "raw", "png" or "jpeg".

    Raises:
        ValueError: unknown format, or bytes that are not of that format.
        TypeError: neither bytes nor an array, or a label that is no integer.
    """
    return encode_example(
        {
            "image/image_id_raw": _stored("img_raw", img_raw, image_format),
            "image/format": image_format,
            "image/label": operator.index(label),
            "image/height": SIDE,
            "image/width": SIDE,
        }
    )


def image_example(
    img_id_raw: ImageBytes, img_dl_raw: ImageBytes, img_nm_raw: ImageBytes, img_nt_raw: ImageBytes
) -> bytes:
    """Identity crop, licence crop, non-match and background as one serialized Example without a label.

    Args:
        img_id_raw, img_dl_raw, img_nm_raw, img_nt_raw: 320 x 320 pixels of uint8, as bytes or as arrays.

    Raises:
        ValueError: an image of another size or dtype.
        TypeError: neither bytes nor an array.
    """
    return encode_example(
        {
            "image/image_id_raw": _stored("img_id_raw", img_id_raw, "raw"),
            "image/image_dl_raw": _stored("img_dl_raw", img_dl_raw, "raw"),
            "image/image_nm_raw": _stored("img_nm_raw", img_nm_raw, "raw"),
            "image/image_nt_raw": _stored("img_nt_raw", img_nt_raw, "raw"),
            "image/format": "raw",
            "image/id_height": ID_CROP.height,
            "image/id_width": ID_CROP.width,
            "image/dl_height": LICENCE_CROP.height,
            "image/dl_width": LICENCE_CROP.width,
        }
    )


def _stored(name: str, image: ImageBytes, image_format: str) -> bytes:
    """`image` as bytes, once they are seen to be what `image_format` says."""
    check_image_format(image_format)
    if isinstance(image, np.ndarray) and image.dtype != np.uint8:
        raise ValueError(f"{name} is an array of {image.dtype}; uint8 is needed")
    if isinstance(image, np.ndarray) and image.ndim > 1 and image.shape not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        raise ValueError(f"{name} is an array of shape {image.shape}; {(SIDE, SIDE)} or {(SIDE, SIDE, 1)} is needed")
    stored = image.tobytes() if isinstance(image, np.ndarray) else memoryview(image).tobytes()
    if image_format == "raw" and len(stored) != RAW_SIZE:
        raise ValueError(f"{name} has {len(stored)} bytes; {SIDE} x {SIDE} pixels have {RAW_SIZE}")
    if not stored.startswith(SIGNATURES.get(image_format, b"")):
        raise ValueError(f"{name} does not begin like a {image_format} file")
    return stored


def check_image_format(image_format: str) -> None:
    """Raise ValueError unless `image_format` is one that records can have."""
    if image_format not in IMAGE_FORMATS:
        raise ValueError(f"image_format is {image_format!r}; {', '.join(IMAGE_FORMATS)} are possible")
