"""Lists of images -> a TFRecord file for training a classifier.

Takes three equally long lists; the images at the same place in them are a triple. Every triple becomes one
record, made from one of four crops (see `crops`) with the features of `image_example_single_cls` (see
`examples`). Returns a summary. Raises ValueError for arguments that cannot be right, before any work;
ImageError, or OSError from the file system, for an image that cannot be used, unless it is to be skipped.

One triple is in memory at a time. The file appears under its name when it is complete (see `TFRecordWriter`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from tfrecord_lite.cardchecker import crops
from tfrecord_lite.cardchecker.examples import check_image_format, image_example_single_cls
from tfrecord_lite.cardchecker.images import (
    ImageError,
    ImageSource,
    encode_pixels,
    open_red_channel,
    resize,
)
from tfrecord_lite.errors import printable
from tfrecord_lite.files.writer import TFRecordWriter

if TYPE_CHECKING:
    from tfrecord_lite.files.options import TFRecordOptions

Path = Union[str, "os.PathLike[str]"]
MINIMUMS = {
    "target_images_id": crops.ID_MINIMUM,
    "target_images_dl": crops.LICENCE_MINIMUM,
    "target_bg_natural": crops.BACKGROUND_MINIMUM,
}


@dataclass(frozen=True)
class Skipped:
    """A triple that did not become a record.

    Attributes:
        number: its place in the lists, from 0.
        image: the image that could not be used: its path, or its place such as "target_images_id[3]".
        reason: what is wrong with it.
    """

    number: int
    image: str
    reason: str

    def __str__(self) -> str:
        return f"triple {self.number} skipped: {printable(self.image)}: {printable(self.reason)}"


@dataclass(frozen=True)
class Summary:
    """What was written.

    Attributes:
        path: the file.
        records: how many records it holds.
        labels: records per label, 0 and 1.
        kinds: records per kind: id, licence, non_match, background.
        skipped: the triples left out, with reasons.
    """

    path: str
    records: int
    labels: dict[int, int]
    kinds: dict[str, int]
    skipped: list[Skipped]

    def as_dict(self) -> dict[str, Any]:
        """All of it in types that JSON knows; labels become strings, as JSON's keys are."""
        return {**asdict(self), "labels": {str(label): count for label, count in self.labels.items()}}

    def __str__(self) -> str:
        lines = [
            f"{printable(self.path)}: {self.records} records",
            "  by label: " + ", ".join(f"{label}: {count}" for label, count in self.labels.items()),
            "  by kind: " + ", ".join(f"{kind}: {count}" for kind, count in self.kinds.items()),
            *(f"  {skipped}" for skipped in self.skipped),
        ]
        return "\n".join(lines)


def write_record_binary_cls(
    target_images_id: Sequence[ImageSource],
    target_images_dl: Sequence[ImageSource],
    target_bg_natural: Sequence[ImageSource],
    path: Path = "images.tfrecords",
    *,
    seed: int | None = None,
    image_format: str = "raw",
    options: TFRecordOptions | str | None = None,
    on_error: str = "raise",
    progress: Callable[[int, int], object] | None = None,
) -> Summary:
    """Write one record for every triple of identity card, driver licence and background.

    Each image is a path, a Pillow image or a uint8 array of shape [rows, columns] or [rows, columns, 1, 3 or 4]. All
    three of a triple are opened and checked, whichever of them the record is made
    from.

    Args:
        target_images_id: identity cards, at least 153 rows x 368 columns each.
        target_images_dl: driver licences, at least 70 rows x 120 columns each.
        target_bg_natural: backgrounds of any size.
        path: the file to write.
        seed: a non-negative integer makes the choice of crops repeatable: same seed and images, same bytes.
            Every triple has random numbers of its own, so that one that is skipped does not change the
            others.
        image_format: how the 320 x 320 pixels are stored: "raw", "png" or "jpeg".
        options: compression, as for `TFRecordWriter`.
        on_error: "raise" stops at an image that cannot be used, and no file appears; "skip" leaves its triple
            out and says so in the summary.
        progress: called with (triples done, all triples) after each triple.

    Returns:
        The summary: records, per label, per kind, and what was skipped why.

    Raises:
        ValueError: lists of different length, an unknown `image_format` or `on_error`, or a negative seed.
        ImageError: an image is of no known format, damaged, animated, too small or too large.
        OSError: a file cannot be opened or written.
    """
    lists = dict(zip(MINIMUMS, (target_images_id, target_images_dl, target_bg_natural), strict=True))
    total = _common_length(lists)
    check_image_format(image_format)
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is {on_error!r}; raise, skip are possible")
    entropy = np.random.SeedSequence(seed).entropy

    kinds = dict.fromkeys(crops.LABELS, 0)
    skipped: list[Skipped] = []
    with TFRecordWriter(path, options) as writer:
        for number in range(total):
            try:
                channels = [
                    open_red_channel(images[number], f"{name}[{number}]", MINIMUMS[name])
                    for name, images in lists.items()
                ]
            except (ImageError, OSError) as error:
                if on_error == "raise":
                    raise
                skipped.append(_skipped(number, error))
            else:
                random = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
                kind, crop = crops.draw_crop(random, *channels)
                stored = encode_pixels(resize(crop), image_format)
                writer.write(image_example_single_cls(stored, crops.LABELS[kind], image_format=image_format))
                kinds[kind] += 1
            if progress is not None:
                progress(number + 1, total)
    labels = {label: sum(kinds[kind] for kind in kinds if crops.LABELS[kind] == label) for label in (0, 1)}
    return Summary(os.fspath(path), sum(kinds.values()), labels, kinds, skipped)


def _common_length(lists: dict[str, Sequence[ImageSource]]) -> int:
    for name, images in lists.items():
        is_list = hasattr(images, "__len__") and hasattr(images, "__getitem__")
        if not is_list or isinstance(images, (str, bytes, os.PathLike, Mapping)):
            raise TypeError(f"{name} is a list of images, not one {type(images).__name__}")
    lengths = {name: len(images) for name, images in lists.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"the lists must be equally long: {found}")
    return lengths["target_images_id"]


def _skipped(number: int, error: ImageError | OSError) -> Skipped:
    if isinstance(error, ImageError):
        return Skipped(number, error.image, error.reason)
    return Skipped(number, str(error.filename), error.strerror or type(error).__name__)
