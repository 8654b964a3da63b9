"""One image: opened safely, reduced to its red channel, resized, and encoded for a record.

Takes a path, a Pillow image or a uint8 array (rows x columns, with 1, 3 or 4 channels or none). Returns uint8
arrays of rows x columns. Raises ImageError, which names the image, for everything that is wrong with it, and
the matching OSError (FileNotFoundError, ...) for a file that cannot be opened at all.

The red channel is that of `tf.keras.utils.load_img(path)`: what is not RGB is converted by Pillow's
`convert("RGB")`, the Exif orientation is not applied. Files come from strangers, so only decoders of an
allow-list are let near them, and the number of pixels is read from the header and checked before anything is
decoded.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from tfrecord_lite.cardchecker.crops import Pixels, Size
from tfrecord_lite.errors import TFRecordError, printable

if TYPE_CHECKING:
    from PIL import Image

ImageSource = Union[str, "os.PathLike[str]", "Image.Image", "np.ndarray[Any, Any]"]

# Formats of photographs and scans whose decoders are in wide use and well tested, by Pillow's names, with the
# extensions that their files have.
EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp", ".dib"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
FORMATS = tuple(EXTENSIONS)
# What Pillow's JPEG decoder calls a JPEG that carries further pictures, as many phones write them (previews, depth).
# The first is the photograph.
JPEG_OF_A_PHONE = "MPO"

# More than nearly every camera delivers, and 256 MiB at four bytes a pixel: what one hostile header can cost.
PIXEL_LIMIT = 64 * 2**20

SIDE = 320
IMAGE_FORMATS = ("raw", "png", "jpeg")
# Text on a card has hard edges; below about 90 the blocks around them become visible.
JPEG_QUALITY = 95


class ImageError(TFRecordError, ValueError):
    """An image cannot be used.

    Attributes:
        image: path of the file, or where the image stood, such as "target_images_id[3]".
        reason: what is wrong.
    """

    def __init__(self, image: str, reason: str) -> None:
        super().__init__(image, reason)
        self.image = image
        self.reason = reason

    def _problem(self) -> str:
        return f"{printable(self.image)}: {printable(self.reason)}"


def open_red_channel(image: ImageSource, place: str, minimum: Size) -> Pixels:
    """The red channel of `image`: uint8, rows x columns.

    Args:
        image: path, Pillow image, or uint8 array of shape [rows, columns] or [rows, columns, 1, 3 or 4].
        place: names an image that has no file name in errors.
        minimum: the least rows and columns that will do.

    Raises:
        ImageError: not an image of an allowed format, damaged, animated, too large or too small.
        OSError: the file cannot be opened.
        TypeError: `image` is none of the above.
    """
    if isinstance(image, np.ndarray):
        return _red_channel_of_array(image, place, minimum)
    from PIL import Image

    if isinstance(image, Image.Image):
        with decoding(place):
            return _red_channel_of_picture(image, place, minimum)
    if isinstance(image, (str, os.PathLike)):
        name = os.fspath(image)
        with open(name, "rb") as file, decoding(name), Image.open(file, formats=FORMATS) as picture:
            return _red_channel_of_picture(picture, name, minimum)
    raise TypeError(f"{place}: a path, a Pillow image or a numpy array is needed, not {type(image).__name__}")


def _red_channel_of_array(array: np.ndarray[Any, Any], name: str, minimum: Size) -> Pixels:
    channels = array.shape[2:]
    if array.dtype != np.uint8 or array.ndim < 2 or channels not in ((), (1,), (3,), (4,)):
        raise ImageError(
            name,
            f"is an array of {array.dtype} of shape {array.shape}; "
            "uint8 of [rows, columns] or [rows, columns, 1, 3 or 4] is needed",
        )
    _check_size(name, Size(*array.shape[:2]), minimum)
    return array if array.ndim == 2 else array[:, :, 0]


def _red_channel_of_picture(picture: Image.Image, name: str, minimum: Size) -> Pixels:
    # Pillow images that were never a file have no format.
    if picture.format not in (*FORMATS, JPEG_OF_A_PHONE, None):
        raise ImageError(name, f"is a {picture.format} file; {', '.join(FORMATS)} are read")
    _check_size(name, Size(picture.height, picture.width), minimum)
    if getattr(picture, "is_animated", False) and picture.format != JPEG_OF_A_PHONE:
        raise ImageError(name, "has several frames or pages; one is needed")
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    return np.asarray(rgb.getchannel("R"))


def _check_size(name: str, size: Size, minimum: Size) -> None:
    if size.rows * size.columns > PIXEL_LIMIT:
        raise ImageError(name, f"has {size.rows} rows x {size.columns} columns; {PIXEL_LIMIT} pixels are the limit")
    if size.rows < minimum.rows or size.columns < minimum.columns:
        raise ImageError(
            name,
            f"has {size.rows} rows x {size.columns} columns; "
            f"at least {minimum.rows} rows x {minimum.columns} columns are needed",
        )


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Around all that Pillow does with an image: whatever fails in there is an ImageError about `name`.

    Damaged files make decoders raise nearly anything (OSError, SyntaxError, struct.error, ...), hence the
    wide net. Their warnings are about metadata we do not use and about sizes we check ourselves.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (ImageError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise ImageError(name, f"is not an image that is read here ({', '.join(FORMATS)})") from error
        except Image.DecompressionBombError as error:
            raise ImageError(name, f"is too large; {PIXEL_LIMIT} pixels are the limit") from error
        except Exception as error:
            raise ImageError(name, f"cannot be decoded: {error}") from error


def resize(pixels: Pixels) -> Pixels:
    """`pixels` of any size as SIDE x SIDE, bilinear, by Pillow (so smoothed where they shrink)."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def encode_pixels(pixels: Pixels, image_format: str) -> bytes:
    """What a record stores for `pixels`: themselves row by row for "raw", else a greyscale PNG or JPEG file.

    The same pixels give the same bytes; for "png" and "jpeg", as long as Pillow stays the same.
    """
    if image_format == "raw":
        return pixels.tobytes()
    from PIL import Image

    file = io.BytesIO()
    if image_format == "png":
        Image.fromarray(pixels).save(file, "PNG")
    else:
        Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
