"""Images in records: what they are told by their headers, and small pictures of them.

    image_facts    bytes of an image file -> ImageFacts, or None where they do not begin as one; nothing is decoded
    thumbnail      bytes of an image file, or raw pixels -> a small Pillow image

They come from strangers: only the decoder that the first bytes name is let near them, the number of pixels is read
from the header and limited before anything is decoded, of an animation only the first frame is. Raises PictureError,
and nothing else, for what cannot be shown.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import printable
from tfrecord_lite.format.encodings import image_encoding

if TYPE_CHECKING:
    from PIL import Image

#: What one hostile header can cost: 128 MiB at four bytes a pixel, and about a second.
PIXEL_LIMIT = 32 << 20

_MODES = {
    "1": "black and white",
    "L": "gray",
    "LA": "gray with alpha",
    "I;16": "16-bit gray",
    "I": "32-bit gray",
    "P": "palette",
    "PA": "palette with alpha",
}
_RAW_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


class PictureError(ValueError):
    """An image cannot be shown; its text says why in a few words."""


@dataclass(frozen=True)
class ImageFacts:
    """What the header of an image file says.

    Attributes:
        format: "PNG", "JPEG", "GIF", "WebP" or "BMP".
        width, height: pixels; 0 where there is a problem.
        mode: of its colours, such as "gray" or "RGB"; "" where there is a problem.
        problem: why the header cannot be read; "" if it can.
    """

    format: str
    width: int = 0
    height: int = 0
    mode: str = ""
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.format} {self.problem or f'{self.width}x{self.height} {self.mode}'}"


def image_facts(data: bytes) -> ImageFacts | None:
    """What an image file is; None if the bytes do not begin as one."""
    encoding = image_encoding(data)
    if encoding is None:
        return None
    try:
        with _opened(data, encoding) as picture:
            return ImageFacts(encoding, picture.width, picture.height, _MODES.get(picture.mode, picture.mode))
    except PictureError as error:
        return ImageFacts(encoding, problem=str(error))


def thumbnail(data: bytes, side: int, raw_size: tuple[int, int] | None = None) -> Image.Image:
    """A picture that fits into a square of `side` pixels, as mode "L", "RGB" or "RGBA"; small images as they are.

    Args:
        data: an image file, or pixels of uint8 row by row, their 1, 3 or 4 channels together.
        side: pixels.
        raw_size: (width, height) of pixels that are no file.

    Raises:
        PictureError: it is none, damaged, or too large.
    """
    encoding = image_encoding(data)
    if encoding is None:
        return _shrunk(_raw_picture(data, raw_size), side)
    with _opened(data, encoding) as picture:
        if picture.width * picture.height > PIXEL_LIMIT:
            raise PictureError(f"too large: {picture.width} x {picture.height} pixels")
        picture.draft("RGB", (2 * side, 2 * side))  # a JPEG decodes to a fraction of its size as fast
        return _shrunk(picture, side)


def raw_size_of(name: str, example: Mapping[str, Any]) -> tuple[int, int] | None:
    """(width, height) of the pixels that feature `name` holds without a file around them; None if it does not.

    They stand in features beside it, "image/height" and "image/width" for "image/pixels", or in "height" and "width",
    and the feature holds just as many bytes as they say, with 1, 3 or 4 channels.
    """
    value = example.get(name)
    if not isinstance(value, list) or not value or not isinstance(value[0], bytes):
        return None
    folder = name.rpartition("/")[0]
    for prefix in (f"{folder}/", "") if folder else ("",):
        width, height = (_first_integer(example.get(prefix + side)) for side in ("width", "height"))
        if width * height and len(value[0]) in {width * height * channels for channels in _RAW_CHANNELS}:
            return width, height
    return None


def _first_integer(value: Any) -> int:
    """The first of int64 values, if it could be a number of pixels; otherwise 0."""
    if value is None or isinstance(value, list) or value.dtype.kind != "i" or not len(value):
        return 0
    return max(0, int(value[0]))


def _raw_picture(data: bytes, size: tuple[int, int] | None) -> Image.Image:
    from PIL import Image

    width, height = size or (0, 0)
    if not width * height:
        raise PictureError("not an image")
    if width * height > PIXEL_LIMIT:
        raise PictureError(f"too large: {width} x {height} pixels")
    channels, rest = divmod(len(data), width * height)
    if rest or channels not in _RAW_CHANNELS:
        raise PictureError(f"{len(data)} bytes are not {width} x {height} pixels")
    return Image.frombytes(_RAW_CHANNELS[channels], (width, height), data)


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    with _decoding():
        if picture.mode.startswith("I;16"):
            shown = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        elif picture.mode in ("1", "L"):
            shown = picture.convert("L")
        else:
            has_alpha = picture.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in picture.info
            shown = picture.convert("RGBA" if has_alpha else "RGB")
        shown.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return shown


@contextmanager
def _opened(data: bytes, encoding: str) -> Iterator[Image.Image]:
    from PIL import Image

    with _decoding():
        picture = Image.open(io.BytesIO(data), formats=[encoding.upper()])
    with picture:
        yield picture


@contextmanager
def _decoding() -> Iterator[None]:
    """Around all that Pillow does with an image: whatever fails in there is a PictureError.

    Damaged files make decoders raise nearly anything (OSError, SyntaxError, struct.error, ...), hence the wide net.
    Their warnings are about metadata and about sizes that are checked here.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (PictureError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise PictureError("damaged header") from error
        except Image.DecompressionBombError as error:
            raise PictureError("too large: more pixels than Pillow takes") from error
        except Exception as error:
            raise PictureError(f"cannot be decoded: {printable(str(error))}") from error
