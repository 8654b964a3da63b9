"""A folder of images -> examples, under the names that TensorFlow's model garden and object detection use.

    image/encoded       bytes of an image file     image/filename       from the folder on, with slashes
    image/format        jpeg, png                  image/class/label    number, where there are labels
    image/height        pixels                     image/class/text     its name
    image/width         pixels
    image/channels      1, 3
    image/colorspace    grayscale, RGB

`list_image_folder` says what is in a folder and where labels come from; `read_image_folder` gives its examples, and an
ImageEncoder makes one in any process. Back it goes by `written_folder.write_image_folder`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.adapters.image_files import Rendition, StoredImage, read_image_file
from tfrecord_lite.adapters.image_folder import (
    ImageFile,
    ImageFolder,
    Skipped,
    has_image_extension,
    list_image_folder,
)
from tfrecord_lite.cardchecker.images import ImageError
from tfrecord_lite.files.directory import open_directory
from tfrecord_lite.files.encoded_chunk import Skip

ENCODED, FORMAT = "image/encoded", "image/format"
IMAGE_FILENAME, CLASS_LABEL, CLASS_TEXT = "image/filename", "image/class/label", "image/class/text"
ON_ERROR = ("raise", "skip")


@dataclass(frozen=True)
class ImageEncoder:
    """A file of a folder -> its example; for any process. A file that cannot be used is an error or a Skip.

    Attributes:
        folder: the path or URL of the folder.
        rendition: how images are stored.
        on_error: "raise" or "skip". A file that has no image's extension is packed if it is an image; if it cannot be
            used it did not claim to be one, and is skipped in any case.
    """

    folder: str
    rendition: Rendition
    on_error: str = "raise"

    def __post_init__(self) -> None:
        if self.on_error not in ON_ERROR:
            raise ValueError(f"on_error is {self.on_error!r}; {', '.join(ON_ERROR)} are possible")

    def __call__(self, file: ImageFile) -> dict[str, Any] | Skip:
        try:
            return image_example(read_image_file(open_directory(self.folder).join(file.name), self.rendition), file)
        except (ImageError, OSError) as error:
            if self.on_error == "raise" and has_image_extension(file.name):
                raise
            reason = error.reason if isinstance(error, ImageError) else error.strerror or type(error).__name__
            return Skip(reason)


def image_example(image: StoredImage, file: ImageFile) -> dict[str, Any]:
    """The example of an image that was read from a file."""
    example: dict[str, Any] = {
        ENCODED: image.encoded,
        FORMAT: image.format,
        "image/height": image.size.height,
        "image/width": image.size.width,
        "image/channels": image.channels,
        "image/colorspace": image.colorspace,
        IMAGE_FILENAME: os.fsencode(file.name),
    }
    if file.label is not None and file.text is not None:
        example |= {CLASS_LABEL: file.label, CLASS_TEXT: os.fsencode(file.text)}
    return example


def read_image_folder(
    folder: Any,
    labels: Any = None,
    *,
    rendition: Rendition | None = None,
    on_error: str = "raise",
    skipped: Callable[[Skipped], object] = lambda skip: None,
) -> Iterator[dict[str, Any]]:
    """The examples of a folder, by name.

    Args:
        folder: path or URL, or what `list_image_folder` has given.
        labels: path of a CSV, see there.
        rendition: how images are stored; None keeps their bytes.
        on_error: "raise" at a file that claims to be an image and cannot be used, or "skip" it.
        skipped: told of what is not taken.

    Raises:
        ImageError, OSError: a file cannot be used.
        TFRecordError: the CSV is none.
    """
    if not isinstance(folder, ImageFolder):
        folder = list_image_folder(folder, labels)
    encode = ImageEncoder(folder.directory, rendition or Rendition(), on_error)
    check_skipped(folder, on_error)
    for skip in folder.skipped:
        skipped(skip)
    for file in folder.files:
        example = encode(file)
        if isinstance(example, Skip):
            skipped(Skipped(file.name, example.reason, has_image_extension(file.name)))
        else:
            yield example


def check_skipped(folder: ImageFolder, on_error: str) -> None:
    """Raise ImageError for the first problem in a folder if errors are to be raised."""
    for skip in folder.skipped:
        if on_error == "raise" and skip.is_problem:
            raise ImageError(folder.path(skip.name), skip.reason)
