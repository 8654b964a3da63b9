"""What records store -> pixels, without TensorFlow: what `adapters.tf_data` decodes in TensorFlow, pixel for pixel.

What a record's pixels are depends on `image/format`:

    raw    320 x 320 bytes
    png    a PNG file
    jpeg   a JPEG file
    jpg    320 x 320 bytes if it is just as many, else a JPEG file: older writers stored pixels and said jpg

Of a file with colours the pixels are the grey levels that TensorFlow makes of them: of a JPEG file its luminance
channel, of a PNG file a weighted mean, and nothing of its alpha. Where it takes more than that to say what TensorFlow
makes of a file, that is an ImageError.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.cardchecker.crops import Pixels
from tfrecord_lite.cardchecker.examples import RAW_SIZE, SIGNATURES
from tfrecord_lite.cardchecker.images import SIDE, ImageError, decoding

if TYPE_CHECKING:
    from PIL import Image

Array = NDArray[Any]

#: Of red, green and blue in a grey level, in parts of 32,768: what libpng makes of the 0.299 and 0.587 that TensorFlow
#: asks for (tensorflow/core/lib/png/png_io.cc).
_WEIGHTS = (9797, 19234, 3737)
#: Where the IHDR chunk of a PNG file says how many bits a sample has, and whether there are colours.
_DEPTH, _COLOUR_TYPE, _HAS_COLOURS = 24, 25, 2


def decode_pixels(images: Sequence[Any] | Array, formats: Sequence[str | bytes] | Array) -> Pixels:
    """The pixels of many records.

    Args:
        images: `image/image_id_raw` of each record, bytes-like.
        formats: `image/format` of each.

    Returns:
        uint8 [n, 320, 320, 1].

    Raises:
        ImageError: an image has another format or size, or is damaged; it is named as images[number].
        ValueError: not as many formats as images.
    """
    if len(images) != len(formats):
        raise ValueError(f"{len(images)} images, but {len(formats)} formats")
    pixels = np.empty((len(images), SIDE, SIDE, 1), np.uint8)
    for number, (image, image_format) in enumerate(zip(images, formats, strict=True)):
        pixels[number, :, :, 0] = _decoded(f"images[{number}]", image, image_format)
    return pixels


def _decoded(name: str, image: Any, given: str | bytes) -> Pixels:
    """uint8 [320, 320] of one record."""
    image_format = given.decode(errors="backslashreplace") if isinstance(given, bytes) else given
    size = len(image)
    if image_format == "raw" or (image_format == "jpg" and size == RAW_SIZE):
        if size != RAW_SIZE:
            raise ImageError(name, f"is raw and has {size} bytes; {SIDE} x {SIDE} pixels have {RAW_SIZE}")
        return np.frombuffer(image, np.uint8).reshape(SIDE, SIDE)
    if image_format not in ("png", "jpeg", "jpg"):
        raise ImageError(name, f"has the format {image_format!r}; raw, png, jpeg and jpg are possible")
    file = bytes(image)
    is_png = file.startswith(SIGNATURES["png"])
    # TensorFlow goes by what is there, but decodes a JPEG file faster and coarser when it is called png.
    if not is_png and (image_format == "png" or not file.startswith(SIGNATURES["jpeg"])):
        raise ImageError(name, f"has the format {image_format!r} and does not begin like such a file")
    from PIL import Image

    with decoding(name), Image.open(io.BytesIO(file), formats=["PNG" if is_png else "JPEG"]) as picture:
        if picture.size != (SIDE, SIDE):
            rows, columns = picture.height, picture.width
            raise ImageError(name, f"has {rows} rows x {columns} columns; {SIDE} x {SIDE} are needed")
        return _of_png(name, picture, file) if is_png else _of_jpeg(name, picture)


def _of_png(name: str, picture: Image.Image, file: bytes) -> Pixels:
    """The grey levels of a PNG file."""
    if file[_COLOUR_TYPE] & _HAS_COLOURS:
        if file[_DEPTH] > 8 or not picture.info.keys().isdisjoint(("gamma", "srgb", "icc_profile")):
            raise ImageError(name, "is a PNG file with colours of 16 bits or a gamma; grey levels are needed")
        return _grey(np.asarray(picture.convert("RGB")))
    if picture.mode.startswith("I"):  # 16 bits, of which the upper ones count
        return (np.asarray(picture) >> 8).astype(np.uint8)
    return np.asarray(picture.convert("RGBA").getchannel(0))


def _grey(colours: Pixels) -> Pixels:
    """The grey levels of uint8 [rows, columns, 3], as libpng has them: the fraction is cut off, unless it is grey."""
    weighted = colours @ np.array(_WEIGHTS, np.uint32) >> 15
    is_grey = (colours == colours[:, :, :1]).all(axis=2)
    grey: Pixels = np.where(is_grey, colours[:, :, 0], weighted).astype(np.uint8)
    return grey


def _of_jpeg(name: str, picture: Image.Image) -> Pixels:
    """The luminance of a JPEG file."""
    if picture.mode not in ("L", "RGB"):
        raise ImageError(name, f"is a JPEG file of {picture.mode} colours; grey or YCbCr is needed")
    picture.draft("L", None)  # the decoder leaves the colours out
    return np.asarray(picture)
