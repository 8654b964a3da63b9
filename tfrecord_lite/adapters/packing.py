"""pack: a folder of images -> shards of Examples, with labels, a split, and the file of labels.

    DIR/cat/1.jpg ...  ->  PREFIX-train-00000-of-00008 ...  PREFIX-val-00000-of-00001     (or PREFIX-00000-of-00009)
                           _NAME.labels.json: {"0": "cat", "1": "dog"}, NAME being that of PREFIX

Which part of a split a file belongs to depends on its name alone, so it stays there when others are added. So does the
order of the records unless they are to be in that of the names: mixed, the classes among each other, as training wants
them.

A run that was killed is taken up by the next one with the same arguments and the same files (by their names, sizes and
times): shards that were finished are not made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import tfrecord_lite
from tfrecord_lite.adapters.image_files import Rendition
from tfrecord_lite.adapters.image_folder import ImageFile, Skipped, has_image_extension, list_image_folder
from tfrecord_lite.adapters.images import ImageEncoder, check_skipped
from tfrecord_lite.cardchecker.images import ImageError
from tfrecord_lite.errors import ItemError, counted, printable
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.journal import journal_path
from tfrecord_lite.files.options import TFRecordOptions, as_options
from tfrecord_lite.files.remote import exists, is_url
from tfrecord_lite.files.resumption import ResumableShards
from tfrecord_lite.files.shards import ShardInfo, absolute_prefix, check_sizes
from tfrecord_lite.files.streams import publish

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

ORDERS = ("mixed", "name")
#: As for ShardedWriter.
_DEFAULT_BYTES = 128 << 20
#: Of decimal fractions that are added.
_SHARE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class PackSummary:
    """What `pack` has written.

    Attributes:
        parts: {name of the part, "" without a split: its shards}.
        labels: {text: records}; empty when there are none.
        resumed: images that a run before had finished.
        skipped: what was not packed, by name.
    """

    parts: dict[str, list[ShardInfo]]
    labels: dict[str, int]
    resumed: int
    skipped: list[Skipped]

    @property
    def records(self) -> int:
        """In all shards."""
        return sum(info.records for infos in self.parts.values() for info in infos)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        parts = {part: [asdict(info) for info in infos] for part, infos in self.parts.items()}
        skipped = [{"name": skip.name, "reason": skip.reason} for skip in self.skipped]
        facts = {"labels": self.labels, "resumed": self.resumed, "skipped": skipped}
        return {"records": self.records, "parts": parts, **facts}

    def __str__(self) -> str:
        lines = []
        for part, infos in self.parts.items():
            name = f"{printable(part)}: " if part else ""
            records, size = sum(info.records for info in infos), sum(info.bytes for info in infos)
            lines.append(f"{name}{counted(records, 'record')} in {counted(len(infos), 'shard')}, {size} bytes")
        lines += [f"  {printable(text)}: {count}" for text, count in self.labels.items()]
        if self.resumed:
            lines.append(f"{self.resumed} images were taken over from a run that had not ended")
        lines += map(str, self.skipped)
        return "\n".join(lines)


def pack(
    directory: Any,
    prefix: Any,
    *,
    labels: Any = None,
    split: Mapping[str, float] | None = None,
    rendition: Rendition | None = None,
    order: str = "mixed",
    num_shards: int | None = None,
    max_bytes: int | None = None,
    options: Any = None,
    workers: int | None = None,
    on_error: str = "raise",
    progress: Callable[[int, int], object] | None = None,
    mp_context: BaseContext | None = None,
) -> PackSummary:
    """Pack a folder of images into shards, which appear when all are written; the same for any number of workers.

    Where no image can be used at all, nothing is written.

    Args:
        directory: the folder, a path or URL; see `image_folder` for what is taken, and for labels.
        prefix: of the shards; not in the folder.
        labels: path of a CSV; None takes class folders.
        split: {name of a part: its share}, shares adding up to 1; each part has a prefix of its own, `prefix-name`.
        rendition: how images are stored; None keeps their bytes.
        order: "mixed", or that of the "name".
        num_shards: of each part, with as many images each; None ends a shard before it is larger than `max_bytes`.
        max_bytes: of a shard before compression; 128 MiB when neither is given.
        options: compression, as for TFRecordWriter.
        workers: processes, as for `write_sharded`.
        on_error: "raise" at the first file that claims to be an image by its extension and cannot be used, or "skip"
            them. Other files are packed if they are images, and skipped if not.
        progress: called with (images done, all images) every now and then.
        mp_context: as for `write_sharded`.

    Raises:
        ImageError, OSError: an image cannot be used, the folder not be read, or a shard not be written.
        ItemError: a worker died; with the image that it was at.
        TFRecordError: the CSV is none.
        ValueError: arguments that cannot be right.
    """
    prefix = absolute_prefix(prefix)
    names = {name: f"{prefix}-{name}" for name in _checked_split(split)} if split else {"": prefix}
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}; {', '.join(ORDERS)} are possible")
    if num_shards is not None and max_bytes is not None:
        raise ValueError("shards have either a number or a size")
    check_sizes(num_shards=num_shards, max_bytes=max_bytes)
    encode = ImageEncoder(os.fsdecode(directory), rendition or Rendition(), on_error)
    compression = as_options(options)
    check_outside(prefix, encode.folder)
    folder = list_image_folder(directory, labels)
    check_skipped(folder, on_error)
    skipped = list(folder.skipped)
    done = 0
    with ExitStack() as stack:
        parts: dict[str, tuple[list[ImageFile], ResumableShards]] = {}
        for part, files in _divided(folder.files, split, order).items():
            job = _job(files, encode.rendition, num_shards, max_bytes, compression)
            size = _DEFAULT_BYTES if max_bytes is None else max_bytes
            shards = ResumableShards(names[part], job, len(files), num_shards, size, compression)
            parts[part] = files, stack.enter_context(shards)
        for files, shards in parts.values():  # what a run before has skipped
            some = [_skipped(files[number], reason) for number, reason in shards.skipped]
            check_skipped(replace(folder, skipped=some), on_error)
        resumed = sum(shards.position for _, shards in parts.values())
        for files, shards in parts.values():
            of_part = None if progress is None else partial(_progress, progress, done, len(folder.files))
            try:
                shards.write(files, encode, workers=workers, progress=of_part, mp_context=mp_context)
            except ItemError as error:
                if isinstance(error.__cause__, (ImageError, OSError)):
                    raise error.__cause__ from None  # which names the file
                raise
            done += len(files)
            skipped += [_skipped(files[number], reason) for number, reason in shards.skipped]
        skipped.sort(key=lambda skip: os.fsencode(skip.name))
        packed = {file.name: file.text for file in folder.files if file.text is not None}
        for skip in skipped:
            packed.pop(skip.name, None)
        counts = Counter(packed.values())
        if not any(info.records for _, shards in parts.values() for info in shards.infos):
            for _, shards in parts.values():
                shards.discard()
            return PackSummary({}, {}, 0, skipped)
        _publish_labels(prefix, folder.labels)
        infos = {part: shards.publish() for part, (_, shards) in parts.items()}
    return PackSummary(infos, {text: counts[text] for text in folder.labels.values()}, resumed, skipped)


def is_cut_off(prefix: Any, split: Iterable[str] = ()) -> bool:
    """Whether there is finished work of a `pack` that did not end, for the next to take over."""
    prefix = absolute_prefix(prefix)
    paths = [journal_path(name) for name in ([f"{prefix}-{part}" for part in split] or [prefix])]
    return any(exists(path) if is_url(path) else os.path.exists(path) for path in paths)


def labels_path(prefix: str) -> str:
    """Where the labels of a set are: not under a name that anybody takes for data."""
    directory, name = split_path(prefix)
    return open_directory(directory).join(f"_{name}.labels.json")


def _publish_labels(prefix: str, labels: dict[int, str]) -> None:
    path = labels_path(prefix)
    if labels:
        publish(path, json.dumps(labels, indent=1).encode() + b"\n")
    else:
        directory, name = split_path(path)
        open_directory(directory).remove([name])  # of an older set


def _progress(progress: Callable[[int, int], object], before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _skipped(file: ImageFile, reason: str) -> Skipped:
    return Skipped(file.name, reason, has_image_extension(file.name))


def _checked_split(split: Mapping[str, float]) -> Mapping[str, float]:
    if not all(0 <= share <= 1 for share in split.values()) or abs(sum(split.values()) - 1) > _SHARE_TOLERANCE:
        raise ValueError("the shares of a split add up to 1")
    for part in split:
        if not part or part != os.path.basename(part):
            raise ValueError(f"'{printable(part)}' is no name of a part of a split")
    return split


def check_outside(prefix: str, directory: str) -> None:
    """What is written is not to be packed the next time."""
    if is_url(prefix) or is_url(directory):
        is_inside = prefix.startswith(open_directory(directory).join(""))
    else:
        target, folder = (os.path.realpath(path) for path in (os.path.dirname(prefix), directory))
        is_inside = os.path.commonpath((target, folder)) == folder
    if is_inside:
        raise ValueError("what is written is to lie outside of the folder")


def _divided(files: list[ImageFile], split: Mapping[str, float] | None, order: str) -> dict[str, list[ImageFile]]:
    """The files of each part, in the order of its records."""
    digests = {file.name: hashlib.blake2b(os.fsencode(file.name), digest_size=16).digest() for file in files}
    if order == "mixed":
        files = sorted(files, key=lambda file: digests[file.name])
    if not split:
        return {"": files}
    parts: dict[str, list[ImageFile]] = {part: [] for part in split}
    bounds = list(accumulate(split.values()))[:-1]  # the last part takes all that is left
    for file in files:
        place = int.from_bytes(digests[file.name][8:], "big") / 2**64
        list(parts.values())[bisect_right(bounds, place)].append(file)
    return parts


def _job(
    files: list[ImageFile],
    rendition: Rendition,
    num_shards: int | None,
    max_bytes: int | None,
    options: TFRecordOptions,
) -> str:
    """A digest of all that the shards depend on."""
    import PIL

    versions = tfrecord_lite.__version__, PIL.__version__
    facts = (versions, asdict(rendition), num_shards, max_bytes, asdict(options))
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    for file in files:
        digest.update(repr(astuple(file)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
