"""Folders of images -> TFRecord files, and back. Unlike what is in the other formats a folder is no file.

files of a folder --names--> workers: serialized records --> one file, or shards
TFRecord files --stretches--> workers: images --> a new folder, which appears when it is complete

What is in the folder and in the records: see `adapters/image_folder.py`, `adapters/images.py` and
`adapters/written_folder.py`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tfrecord_lite.adapters.image_files import Rendition
from tfrecord_lite.adapters.image_folder import ImageFile, Skipped, has_image_extension, list_image_folder
from tfrecord_lite.adapters.images import ENCODED, ImageEncoder, check_skipped
from tfrecord_lite.adapters.written_folder import (
    FolderImage,
    folder_image,
    write_folder_images,
)
from tfrecord_lite.cardchecker.images import ImageError
from tfrecord_lite.convert.encoded_stretches import encoded_stretches
from tfrecord_lite.convert.skipped import SkippedRow
from tfrecord_lite.convert.to_records import Decoded, write_decoded
from tfrecord_lite.files.directory import open_directory
from tfrecord_lite.files.encoded_chunk import Skip
from tfrecord_lite.files.frames import Progress, WrittenFile
from tfrecord_lite.files.ordered_map import map_ordered
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import decode_example, encode_example


@dataclass(frozen=True)
class ImageOptions:
    """What there is to say about images.

    Attributes:
        feature: that holds an image. None is `image/encoded`, or of records the only one that is an image.
        rendition: how images are stored.
        labels: path of a CSV with the labels of a folder that is read; None takes class folders.
    """

    feature: str | None = None
    rendition: Rendition = field(default_factory=Rendition)
    labels: Any = None


def images_to_records(
    directory: str,
    output: Any,
    options: ImageOptions,
    compression_type: str,
    workers: int,
    skips: bool,
    progress: Progress | None,
    *,
    num_shards: int | None,
    max_bytes: int | None,
) -> tuple[list[WrittenFile], list[SkippedRow]]:
    """See `conversion.convert`. Records are in the order of the names."""
    folder = list_image_folder(directory, options.labels)
    on_error = "skip" if skips else "raise"
    check_skipped(folder, on_error)
    if not folder.files:
        raise ImageError(directory, "there is no image in it")
    skipped = [_skipped_row(directory, skip) for skip in folder.skipped]
    encode = _Encode(ImageEncoder(directory, options.rendition, on_error), options.feature or ENCODED)
    items = _items(directory, folder.files)
    with closing(map_ordered(encode, items, workers)) as results:
        files = write_decoded(results, output, compression_type, skipped, progress, num_shards, max_bytes)
    return files, skipped


def records_to_images(
    sources: list[Any],
    output: Any,
    options: ImageOptions,
    workers: int,
    skips: bool,
    progress: Progress | None,
) -> tuple[list[WrittenFile], list[SkippedRow], tuple[str, ...]]:
    """See `conversion.convert`; and the features that a folder does not hold."""
    skipped: list[SkippedRow] = []
    size = 0

    def images() -> Iterator[FolderImage]:
        nonlocal size
        encoder = _ImageDecoder(options)
        with closing(encoded_stretches(sources, encoder, skipped, workers, skips)) as results:
            for encoded in results:
                for _, part in encoded.parts:
                    size += sum(len(image.data) for image in part)
                    yield from part
                if progress is not None:
                    progress(*encoded.progress)

    written = write_folder_images(images(), output)
    return [WrittenFile(os.fsdecode(output), written.images, size)], skipped, written.left_out


class _Item(NamedTuple):
    """A file on its way to a worker, and (bytes done, bytes in all) when it is done."""

    path: str
    file: ImageFile
    progress: tuple[int, int]

    def __repr__(self) -> str:
        return repr(self.path)


class _Encode:
    """What a worker does with a file."""

    def __init__(self, encoder: ImageEncoder, feature: str) -> None:
        self._encoder = encoder
        self._feature = feature

    def __call__(self, item: _Item) -> Decoded:
        example = self._encoder(item.file)
        if isinstance(example, Skip):
            skip = Skipped(item.file.name, example.reason, has_image_extension(item.file.name))
            return Decoded([], [_skipped_row(self._encoder.folder, skip)], item.progress)
        example = {self._feature if name == ENCODED else name: value for name, value in example.items()}
        return Decoded([encode_example(example)], [], item.progress)


class _ImageDecoder:
    """Records -> images, a BlockDecoder."""

    def __init__(self, options: ImageOptions) -> None:
        self._options = options

    def decode(self, records: Records) -> None:
        """One by one: an image is work enough, and one without would have all of them done twice."""

    def decode_plain(self, records: list[bytes]) -> list[FolderImage]:
        """The same. Raises FeatureError and DecodeError."""
        feature, rendition = self._options.feature, self._options.rendition
        return [folder_image(decode_example(record), feature, 0, rendition) for record in records]


def _items(directory: str, files: list[ImageFile]) -> Generator[_Item]:
    done, total = 0, sum(file.size for file in files)
    for file in files:
        done += file.size
        yield _Item(open_directory(directory).join(file.name), file, (done, total))


def _skipped_row(directory: str, skip: Skipped) -> SkippedRow:
    return SkippedRow(open_directory(directory).join(skip.name), None, skip.reason)
