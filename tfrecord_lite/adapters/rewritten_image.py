"""A record that holds an image -> the same with the image stored otherwise, and what it says of the image.

    FOLDER/NAME              bytes of an image file: stored anew
    FOLDER/format            what it is now, in upper case where it was in upper case
    FOLDER/height, width     pixels         FOLDER/channels      1, 3
    FOLDER/key/sha256        of its bytes   FOLDER/colorspace    grayscale, RGB

FOLDER is that of the image's feature, `image` of `image/encoded`. Of a feature without a folder it is `image`, too, and
`format`, `height`, `width`, `channels`, `depth` and `colorspace` themselves are told where they said what the image was
before. No feature is added, and others stay as they are, coordinates in pixels too.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfrecord_lite.adapters.image_files import Rendition, Size, StoredImage, stored_image
from tfrecord_lite.adapters.images import ENCODED
from tfrecord_lite.adapters.written_folder import image_of
from tfrecord_lite.cardchecker.images import EXTENSIONS, FORMATS, ImageError
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.example import check_no_sequence_examples, decode_example, encode_example
from tfrecord_lite.format.values import with_kind

_FOLDER = "image"
_FORMATS = {extension[1:] for extensions in EXTENSIONS.values() for extension in extensions}
_COLORSPACES = {"rgb", "grayscale"}


@dataclass(frozen=True)
class ImageRewriter:
    """A serialized Example -> one with its image in another rendition; for any process.

    Attributes:
        feature: that holds the image; None is `image/encoded`, or the only one that is an image.
        rendition: how it is to be stored.
        found: the features in which images were, so far, in this process; see `check_one_feature`.
    """

    feature: str | None
    rendition: Rendition
    found: set[str] = field(default_factory=set, compare=False)

    def __call__(self, record: bytes) -> bytes:
        """One whose feature has no kind stays as it is.

        Raises:
            FeatureError: there is no image, or it cannot be rendered.
            DecodeError: it is no Example, or a SequenceExample.
        """
        check_no_sequence_examples([record])
        example = decode_example(record)
        named = ENCODED if self.feature is None else self.feature
        if named in example and example[named] is None:
            self.found.add(named)
            return record
        key, data, _ = image_of(example, self.feature, 0)
        self.found.add(key)
        try:
            image = stored_image(data, key, self.rendition)
        except ImageError as error:
            raise FeatureError(error.reason, key) from error
        example[key] = [image.encoded]
        _tell(example, key, image, data)
        return encode_example({name: with_kind(value) for name, value in example.items()})


def _tell(example: dict[str, Any], key: str, image: StoredImage, before: bytes) -> None:
    """Let the other features say what the image is now."""
    facts: dict[str, str | int] = {
        "format": image.format,
        "height": image.size.height,
        "width": image.size.width,
        "channels": image.channels,
        "depth": image.channels,
        "colorspace": image.colorspace,
    }
    folder, slash, _ = key.rpartition("/")
    for name, fact in facts.items():
        _replace(example, f"{folder if slash else _FOLDER}/{name}", fact)
        if not slash and _may_be_about(name, example.get(name), _size_of(before)):
            _replace(example, name, fact)
    digest = f"{folder if slash else _FOLDER}/key/sha256"
    if example.get(digest) == [hashlib.sha256(before).hexdigest().encode()]:
        example[digest] = [hashlib.sha256(image.encoded).hexdigest().encode()]


def _replace(example: dict[str, Any], name: str, fact: str | int) -> None:
    """Put a fact where one of its kind is."""
    value = example.get(name)
    if value is None or len(value) != 1:
        return
    if isinstance(value, list) and isinstance(fact, str):
        example[name] = [(fact.upper() if name.endswith("format") and value[0].isupper() else fact).encode()]
    elif isinstance(value, np.ndarray) and isinstance(fact, int):
        example[name] = np.array([fact], value.dtype)


def _may_be_about(name: str, value: Any, size: Size) -> bool:
    """Whether a value said what an image of that size was; it may have been turned."""
    if value is None or len(value) != 1:
        return False
    if isinstance(value, list):
        known = {"format": _FORMATS, "colorspace": _COLORSPACES}.get(name, set())
        return value[0].decode("utf-8", "replace").lower() in known
    return value[0] in (size if name in ("height", "width") else (1, 3, 4))


def _size_of(data: bytes) -> Size:
    """Of an image file that was decoded before, as it is stored."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        return Size(*picture.size)
