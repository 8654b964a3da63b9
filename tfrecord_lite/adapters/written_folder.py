"""Examples -> a new folder of images, with `labels.csv`, from which the same labels are read again.

It takes what others have written as well: all it needs is the image. Names come from data, so none leads out of the
folder, is hidden, or is given twice. Raises FeatureError for an example that has no image. A folder behind a URL waits
in the directory for temporary files until it is complete: see `files/remote_folder.py`.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfrecord_lite.adapters.folder_names import FreeNames, harmless
from tfrecord_lite.adapters.image_files import Rendition, stored_image
from tfrecord_lite.adapters.image_folder import FILENAME, LABEL, LABELS_CSV, NUMBER
from tfrecord_lite.adapters.images import CLASS_LABEL, CLASS_TEXT, ENCODED, IMAGE_FILENAME
from tfrecord_lite.cardchecker.images import EXTENSIONS, FORMATS, JPEG_OF_A_PHONE, ImageError, decoding
from tfrecord_lite.errors import FeatureError, printable
from tfrecord_lite.files.claims import ClaimedSet
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.sinks import FileSink
from tfrecord_lite.format.encodings import image_encoding

#: What beside an image only says what it is, in its folder.
_FACTS = ("format", "height", "width", "channels", "depth", "colorspace", "key/sha256")
_FOLDER = "image"


class WrittenFolder(NamedTuple):
    """What came of a folder.

    Attributes:
        images: how many there are.
        left_out: features that it does not hold, in order.
    """

    images: int
    left_out: tuple[str, ...]


def write_image_folder(
    examples: Iterable[Mapping[str, Any]], directory: Any, *, image_feature: str | None = None
) -> WrittenFolder:
    """Write the images of examples into a new folder, which appears when all are written.

    An image is `FOLDER/NAME`: the folder is its class, where it has one, the name that of `image/filename`, or its
    number; with the extension of what the image is. Names are made harmless, and different. `labels.csv` says what
    label each has. It has the numbers of labels where each text has one, and another for each; otherwise the feature
    that they are in is among those left out.

    Args:
        examples: as `read_examples` gives them.
        directory: path or URL; is not there yet, or empty.
        image_feature: which feature holds the image; None takes `image/encoded`, or the only one that is an image.

    Raises:
        FeatureError: an example has no image, or without image_feature one in another feature than others.
        FileExistsError: there is something in the directory.
        OSError: a file cannot be written.
    """
    images = (folder_image(example, image_feature, number) for number, example in enumerate(examples))
    return write_folder_images(images, directory)


def write_folder_images(images: Iterable[FolderImage], directory: Any) -> WrittenFolder:
    """What `write_image_folder` does, of images that are found already."""
    directory = os.fsdecode(directory)
    if is_url(directory):
        from tfrecord_lite.files.remote_folder import new_remote_folder

        with new_remote_folder(directory) as path:
            return _write_images(images, path)
    directory = _checked_new_folder(directory)
    try:
        claimed = ClaimedSet(directory)
    except OSError as error:
        error.filename = directory
        raise
    writing = claimed.new_path()
    try:
        os.mkdir(writing)
        written = _write_images(images, writing)
        if os.path.isdir(directory):
            os.rmdir(directory)
        os.rename(writing, directory)
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise
    finally:
        claimed.release()
    return written


def _checked_new_folder(directory: str) -> str:
    """The absolute path of a folder that is to be written. Raises FileExistsError when there is something in it."""
    path = os.path.abspath(directory)
    if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(errno.EEXIST, "the folder is there already, and not empty", path)
    return path


@dataclass(frozen=True)
class FolderImage:
    """An image on its way into a folder.

    Attributes:
        feature: where it was.
        data: bytes of an image file.
        extensions: that its format has.
        filename: from the folder on, as data has it; "" without one.
        text: the name of its class; None without one.
        number: of its class, as text; "" without one.
        number_feature: where that was; None without one.
        left_out: other features of its example, which a folder does not hold. What the image itself says is none of
            them.
    """

    feature: str
    data: bytes
    extensions: tuple[str, ...]
    filename: str
    text: str | None
    number: str
    number_feature: str | None
    left_out: frozenset[str]


def folder_image(
    example: Mapping[str, Any], image_feature: str | None, number: int = 0, rendition: Rendition | None = None
) -> FolderImage:
    """The image of an example, and where it belongs.

    Args:
        example: as `read_examples` gives it.
        image_feature: see `write_image_folder`.
        number: of the example, for errors.
        rendition: how the image is to be stored; None keeps its bytes.

    Raises:
        FeatureError: the example has no image, or one that cannot be rendered; or its label has a NUL.
    """
    key, data, extensions = image_of(example, image_feature, number)
    if rendition is not None and not rendition.keeps_bytes:
        try:
            stored = stored_image(data, key, rendition)
        except ImageError as error:
            raise _error(error.reason, key, number) from error
        data, extensions = stored.encoded, EXTENSIONS[stored.format.upper()]
    filenames = example.get(IMAGE_FILENAME)
    filename = os.fsdecode(filenames[0]) if isinstance(filenames, list) and len(filenames) == 1 else ""
    text, label, text_feature, label_feature = _label_of(example)
    held = {key, text_feature, label_feature, IMAGE_FILENAME if filename else None}
    folder = key.rpartition("/")[0] or _FOLDER
    told = {f"{folder}/{fact}" for fact in _FACTS}
    if text is not None and "\0" in text:
        raise _error("has a NUL, which not every reader of CSV takes", CLASS_TEXT, number)
    left_out = frozenset(example.keys() - held - told)
    return FolderImage(key, data, extensions, filename, text, label, label_feature, left_out)


def _write_images(images: Iterable[FolderImage], directory: str) -> WrittenFolder:
    names = FreeNames()
    rows: list[tuple[str, str, str]] = []
    left_out: set[str] = set()
    unsaid: set[str] = set()  # features with numbers that only a column of numbers says
    count = 0
    feature: str | None = None
    for image in images:
        check_one_feature({image.feature, feature := feature or image.feature})
        name = names.free(_name_of(image, count), image.extensions)
        path = os.path.join(directory, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write(path, image.data)
        if image.text is not None:
            rows.append((name, image.text, image.number))
            if image.number_feature is not None and image.number != image.text:
                unsaid.add(image.number_feature)
        left_out |= image.left_out
        count += 1
    has_numbers = _is_one_to_one({row[1:] for row in rows})
    if rows:
        _write(os.path.join(directory, LABELS_CSV), _labels_csv(rows, has_numbers).encode("utf-8", "surrogateescape"))
    return WrittenFolder(count, tuple(sorted(left_out if has_numbers else left_out | unsaid)))


def _is_one_to_one(labels: set[tuple[str, str]]) -> bool:
    """Whether each text has a number, and another for each: a CSV with others is refused when it is read."""
    texts, numbers = ({label[place] for label in labels} for place in (0, 1))
    return len(labels) == len(texts) == len(numbers) and "" not in numbers


def _labels_csv(rows: list[tuple[str, str, str]], has_numbers: bool) -> str:
    """Of (name, text, number)."""
    columns = 3 if has_numbers else 2
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((FILENAME, LABEL, NUMBER)[:columns])
    writer.writerows(row[:columns] for row in rows)
    return file.getvalue()


def image_of(example: Mapping[str, Any], feature: str | None, number: int) -> tuple[str, bytes, tuple[str, ...]]:
    """(the feature, the image, the extensions that its format has)."""
    if feature is None and ENCODED not in example:
        keys = [key for key, value in example.items() if _may_be_image(value)]
        if not keys:
            raise _error("no feature is an image", None, number)
        if len(keys) > 1:
            raise _error(f"{len(keys)} features are images: {_listed(keys)}; name the one to write", None, number)
        (key,) = keys
    else:
        key = ENCODED if feature is None else feature
    try:
        image = _image_in(example.get(key))
    except ImageError as error:
        raise _error(error.reason, key, number) from error
    if image is None:
        raise _error(f"is no image file ({', '.join(FORMATS)})", key, number)
    return key, *image


def check_one_feature(features: Collection[str]) -> None:
    """Raise FeatureError when the images of several records were found in different features."""
    if len(features) > 1:
        raise FeatureError(f"the images are in {_listed(sorted(features))}, by record; name the one to write")


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f"'{printable(key)}'" for key in keys)


def _may_be_image(value: Any) -> bool:
    """Whether a feature is an image, or would be one that cannot be read."""
    try:
        return _image_in(value) is not None
    except ImageError:
        return True


def _image_in(value: Any) -> tuple[bytes, tuple[str, ...]] | None:
    """The same of a feature, if it is one. Raises ImageError where it only begins as one."""
    from PIL import Image

    if not isinstance(value, list) or len(value) != 1:
        return None
    try:
        with decoding(""), Image.open(io.BytesIO(value[0]), formats=FORMATS) as picture:
            found = str(picture.format)
    except ImageError:
        if image_encoding(value[0]) is None:
            return None
        raise
    return value[0], EXTENSIONS["JPEG" if found == JPEG_OF_A_PHONE else found]


def _label_of(example: Mapping[str, Any]) -> tuple[str | None, str, str | None, str | None]:
    """(text, number as text, the features of both) of the class; None and "" where there is none."""
    label = CLASS_LABEL if CLASS_LABEL in example else "label"
    texts, labels = example.get(CLASS_TEXT), example.get(label)
    number, of_number = "", None
    if labels is not None and hasattr(labels, "dtype") and labels.dtype.kind == "i" and len(labels) == 1:
        number, of_number = str(int(labels[0])), label
    if isinstance(texts, list) and len(texts) == 1 and texts[0]:  # an empty text is no label in a CSV
        return os.fsdecode(texts[0]), number, CLASS_TEXT, of_number
    return number or None, number, None, of_number


def _name_of(image: FolderImage, number: int) -> str:
    """Where an image would like to be."""
    parts = [harmless(part) for part in image.filename.split("/")] if image.filename else [f"{number:08}"]
    if image.text is not None:
        folder = harmless(image.text)
        parts = [folder, *(parts[1:] if parts[0] == folder and len(parts) > 1 else parts)]
    return "/".join(parts)


def _write(path: str, data: bytes) -> None:
    sink = FileSink(path)
    try:
        sink.write([data])
    finally:
        sink.close()


def _error(reason: str, key: str | None, number: int) -> FeatureError:
    error = FeatureError(reason, key)
    error.record_number = number
    return error
