"""One image file -> what a record stores of it.

Takes a path or URL. Returns the encoded image and what is known of it. Raises ImageError for a file that is no image or
cannot be used, and the matching OSError for one that cannot be opened.

What a file is, its content decides. Only decoders of an allow-list are let near it, the number of pixels is read from
the header and checked before anything is decoded, and every image is decoded to its end, also when bytes are kept.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfrecord_lite.cardchecker.images import (
    FORMATS,
    JPEG_OF_A_PHONE,
    PIXEL_LIMIT,
    ImageError,
    decoding,
)
from tfrecord_lite.files.streams import read_regular

if TYPE_CHECKING:
    from PIL import Image

RESIZE_MODES = ("fit", "crop", "stretch")
ENCODINGS = ("jpeg", "png")
#: The usual choice for photographs: half the bytes of 95, and nothing that a model would see.
DEFAULT_QUALITY = 90

#: More than any photograph has: a file is held whole while it is decoded.
_FILE_LIMIT = 256 << 20
#: Progressive JPEGs have about ten. Each costs the decoder a walk over the whole image, however few bytes it takes.
_SCAN_LIMIT = 100
#: Marker, length of the header, number of components. In an image's data no 0xff is followed by 0xda, and videos or
#: thumbnails, which telephones put into their files, hold few of these.
_SCAN = re.compile(rb"\xff\xda\x00[\x08\x0a\x0c\x0e][\x01-\x04]")

_IMAGE_WIDTH, _IMAGE_LENGTH, _ORIENTATION = 0x0100, 0x0101, 0x0112
#: What Exif's orientations 2 to 8 ask for, by the names of Pillow's Transpose.
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_SIDEWAYS = (5, 6, 7, 8)

_COLORSPACES = {"1": "grayscale", "L": "grayscale", "I;16": "grayscale", "LA": "grayscale", "I": "grayscale"}
_COLORSPACES |= {"F": "grayscale", "P": "RGB", "RGBA": "RGB", "RGBX": "RGB", "PA": "RGB", "RGB": "RGB"}
_JPEG_FORMATS = ("JPEG", JPEG_OF_A_PHONE)


class Size(NamedTuple):
    """Of an image, in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Rendition:
    """How images are stored. Without a size and an encoding, their bytes are kept as they are.

    Otherwise they are turned as their Exif orientation says, become grey or RGB of 8 bits (of 16 bits the upper eight,
    as in TensorFlow; without transparency), and lose their metadata.

    Attributes:
        size: None keeps it.
        mode: "fit" shrinks until the image lies within the size, its shape is kept, and a smaller one stays as it is;
            "crop" scales until it covers the size, and cuts off what juts out on both sides; "stretch" distorts.
        encoding: "jpeg" or "png"; None is "jpeg" for what was one, "png" for all else.
        quality: of a JPEG, 1 to 100.
    """

    size: Size | None = None
    mode: str = "fit"
    encoding: str | None = None
    quality: int = DEFAULT_QUALITY

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"a size is 1 x 1 at least, not {self.size.width} x {self.size.height}")
        if self.size is not None and self.size.width * self.size.height > PIXEL_LIMIT:
            raise ValueError(f"a size has {PIXEL_LIMIT} pixels at most")
        if self.mode not in RESIZE_MODES:
            raise ValueError(f"mode is {self.mode!r}; {', '.join(RESIZE_MODES)} are possible")
        if self.encoding not in (None, *ENCODINGS):
            raise ValueError(f"encoding is {self.encoding!r}; {', '.join(ENCODINGS)} are possible")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality is 1 to 100, not {self.quality}")

    @property
    def keeps_bytes(self) -> bool:
        """Whether nothing is asked for."""
        return self.size is None and self.encoding is None


@dataclass(frozen=True)
class StoredImage:
    """An image as a record stores it.

    Attributes:
        encoded: the bytes of an image file.
        format: "jpeg", "png", or, where bytes are kept, another of Pillow's names in lower case.
        size: of the image as it is stored, whatever its Exif orientation.
        channels: as tf.io.decode_image counts them in a JPEG or PNG.
        colorspace: "RGB", "grayscale", or another of Pillow's names.
    """

    encoded: bytes
    format: str
    size: Size
    channels: int
    colorspace: str


def read_image_file(path: str, rendition: Rendition) -> StoredImage:
    """An image file as it is to be stored.

    Raises:
        ImageError: it is of no format that is read, damaged, too large, without pixels, has several frames, or is asked
            to be rendered from more than 16 bits a channel.
        OSError: it cannot be read.
    """
    data = read_regular(path, _FILE_LIMIT)
    if data is None:
        raise ImageError(path, f"has more than {_FILE_LIMIT} bytes, which are the limit")
    return stored_image(data, path, rendition)


def stored_image(data: bytes, path: str, rendition: Rendition) -> StoredImage:
    """The same of the bytes of an image file; the path is for errors. Raises ImageError."""
    if not data:
        raise ImageError(path, "is empty")
    from PIL import Image

    with decoding(path), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        _check(path, picture, data)
        return _kept(picture, data) if rendition.keeps_bytes else _rendered(path, picture, rendition)


def _check(path: str, picture: Image.Image, data: bytes) -> None:
    """What the header says, before anything is decoded."""
    if picture.format not in (*FORMATS, JPEG_OF_A_PHONE):
        raise ImageError(path, f"is a {picture.format} file; {', '.join(FORMATS)} are read")
    if not 0 < picture.width * picture.height <= PIXEL_LIMIT:
        raise ImageError(path, f"has {picture.width} x {picture.height} pixels; 1 to {PIXEL_LIMIT} are read")
    if getattr(picture, "is_animated", False) and picture.format != JPEG_OF_A_PHONE:
        raise ImageError(path, "has several frames or pages; one is needed")
    if picture.format in _JPEG_FORMATS and len(_SCAN.findall(data)) > _SCAN_LIMIT:
        raise ImageError(path, f"has more than {_SCAN_LIMIT} scans, which would take for ever to decode")


def _kept(picture: Image.Image, data: bytes) -> StoredImage:
    """Its bytes as they are."""
    from PIL.TiffImagePlugin import TiffImageFile

    size = Size(*picture.size)
    if isinstance(picture, TiffImageFile):  # newer Pillows say how large it will be when it is turned
        size = Size(int(picture.tag_v2[_IMAGE_WIDTH]), int(picture.tag_v2[_IMAGE_LENGTH]))
    mode = picture.mode
    channels = len(picture.getbands())
    if mode == "P":
        channels = 4 if "transparency" in picture.info else 3
    elif mode == "CMYK":
        channels = 3
    name = "jpeg" if picture.format in _JPEG_FORMATS else str(picture.format).lower()
    picture.draft(None, (1, 1))  # to see that it can be decoded to its end, which is faster if it is small
    picture.load()
    return StoredImage(data, name, size, channels, _COLORSPACES.get(mode, mode))


def _rendered(path: str, picture: Image.Image, rendition: Rendition) -> StoredImage:
    from PIL import Image

    if picture.format == "TIFF":
        picture.load()  # which turns it, and takes the orientation away
    orientation = _orientation(picture)
    encoding = rendition.encoding or ("jpeg" if picture.format in _JPEG_FORMATS else "png")
    if rendition.size is None:
        image = _in_8_bits(path, picture)
    else:
        image = _resized(path, picture, rendition, is_sideways=orientation in _SIDEWAYS)
    if orientation in _TURNS:
        image = image.transpose(Image.Transpose[_TURNS[orientation]])
    image.info = {}  # metadata, which would be stored
    file = io.BytesIO()
    if encoding == "jpeg":
        image.save(file, "JPEG", quality=rendition.quality)
    else:
        image.save(file, "PNG")
    channels = len(image.getbands())
    return StoredImage(file.getvalue(), encoding, Size(*image.size), channels, _COLORSPACES[image.mode])


def _resized(path: str, picture: Image.Image, rendition: Rendition, *, is_sideways: bool) -> Image.Image:
    """In 8 bits and of its size, before it is turned: all that is done is the same sideways."""
    from PIL import Image

    assert rendition.size is not None
    whole = Size(*picture.size)
    wanted = Size(*reversed(rendition.size)) if is_sideways else rendition.size
    across, down = wanted.width / whole.width, wanted.height / whole.height
    left, top = 0.0, 0.0  # what is cut off on each side
    if rendition.mode == "fit":
        across = down = min(across, down, 1)
        wanted = Size(max(1, round(whole.width * across)), max(1, round(whole.height * down)))
    elif rendition.mode == "crop":
        across = down = max(across, down)
        left = (whole.width - wanted.width / across) / 2
        top = (whole.height - wanted.height / down) / 2
    # A JPEG is decoded at an eighth, a quarter or half of its size, whichever is not smaller than what is needed.
    picture.draft(None, (math.ceil(whole.width * across), math.ceil(whole.height * down)))
    image = _in_8_bits(path, picture)
    if wanted == image.size and not (left or top):
        return image
    across, down = image.width / whole.width, image.height / whole.height
    box = (left * across, top * down, (whole.width - left) * across, (whole.height - top) * down)
    shrinks = wanted.width <= box[2] - box[0] and wanted.height <= box[3] - box[1]
    # Smaller, HAMMING is as good as BICUBIC and takes two thirds of the time; larger, it has blocks.
    resampling = Image.Resampling.HAMMING if shrinks else Image.Resampling.BICUBIC
    return image.resize(wanted, resampling, box, reducing_gap=2.0)


def _in_8_bits(path: str, picture: Image.Image) -> Image.Image:
    """Decoded, as L or RGB."""
    from PIL import Image

    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and picture.format == "PNG"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        raise ImageError(path, "has 32 bits a channel; 8 or 16 are rendered")
    picture.load()
    wanted = "L" if mode in ("1", "L", "LA", "La") else "RGB"
    return picture if mode == wanted else picture.convert(wanted)


def _orientation(picture: Image.Image) -> int:
    """As Exif has it; 1, as it should be, where that cannot be read."""
    with contextlib.suppress(ValueError, TypeError, KeyError, SyntaxError, struct.error):
        value = picture.getexif().get(_ORIENTATION)
        if value in _TURNS:
            return int(value)
    return 1
