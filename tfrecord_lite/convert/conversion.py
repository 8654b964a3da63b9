"""convert: TFRecord files -> files of another format, or back; or TFRecord files whose images are stored otherwise.

Memory is bounded by the parts that are under way, some megabytes or one long row each, for all formats but NPZ, whose
columns are whole in one file. Of Arrow a batch is held as it is in the file, of Parquet a row group and 1,024 rows
of it as pyarrow gives them, of CSV some 16 MiB, into which a row has to fit.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfrecord_lite.convert.formats import IMAGES, NAMES, TFRECORD, TSV, format_of, is_gzip, load_format
from tfrecord_lite.convert.skipped import SkippedRow
from tfrecord_lite.errors import counted, printable
from tfrecord_lite.files.frames import Progress, WrittenFile
from tfrecord_lite.files.output_files import of_path
from tfrecord_lite.files.paths import NO_DATA_FILES, STDIN, as_path, expand_paths, list_paths
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import check_sizes
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    from tfrecord_lite.adapters.rewritten_image import ImageRewriter
    from tfrecord_lite.convert.image_folders import ImageOptions

#: Behind what is said of a directory whose files are taken for TFRecord.
_HINT = "; a folder of images is read with --from images (from_format)"

#: Formats in which strings and bytes are two things.
_WITH_STRINGS = ("parquet", "arrow")


@dataclass(frozen=True)
class Converted:
    """What came of a conversion.

    Attributes:
        files: what was written, in order; `size` of one is that before compression.
        skipped: rows that were left out, and why.
        left_out: features for which there is no place in a folder of images; that of the label's number among them
            where not each text has a number, and another for each.
        notes: what became something else than most would expect, or nothing, and why: a sentence each.
    """

    files: tuple[WrittenFile, ...]
    skipped: tuple[SkippedRow, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def records(self) -> int:
        """Records in all the files."""
        return sum(file.records for file in self.files)

    @property
    def skipped_lines(self) -> list[str]:
        """A line for each of `skipped`."""
        return [f"skipped {row}" for row in self.skipped]

    def __str__(self) -> str:
        lines = self.skipped_lines + [str(file) for file in self.files]
        count = f", {len(self.skipped)} skipped" if self.skipped else ""
        return "\n".join([*lines, f"{counted(self.records, 'record')} written{count}"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        files, skipped = [file.as_dict() for file in self.files], [row.as_dict() for row in self.skipped]
        told = {"left_out": list(self.left_out), "notes": list(self.notes)}
        return {"records": self.records, "files": files, "skipped": skipped, **told}


def convert(
    inputs: Any,
    output: Any,
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    schema: Schema | None = None,
    text: Collection[str] = (),
    num_shards: int | None = None,
    max_bytes: int | None = None,
    compression: str | None = None,
    images: ImageOptions | None = None,
    workers: int = 0,
    on_error: str = "raise",
    progress: Progress | None = None,
) -> Converted:
    """Write TFRecord files as files of another format, or files of another format as TFRecord files.

    What is written appears when it is complete. Formats and how each says what it holds: see the modules of this room.

    Args:
        inputs: as for `read_records`, all of one format; or one folder of images, a path or
            URL.
        output: a path, a URL, or "-" for standard output. With shards, of TFRecord files their prefix; of others a
            name such as "out.csv", of which they are "out-00000-of-00003.csv". Of images a folder that is new or empty,
            see `files.remote_folder` for one behind a URL.
        from_format, to_format: names of `formats.NAMES`; None goes by the names of the files, and takes an output that
            ends with a slash or is a directory for a folder of images.
        schema: which features, and what they are: those alone are converted, either way. None converts all: what they
            are is inferred from all records where tables are written, and from all rows where each may be of other
            kinds (CSV, JSON Lines, WebDataset); these are then read twice.
        text: features of bytes that become strings, in Parquet and Arrow IPC, which have both.
        num_shards: so many files, each with about as many records.
        max_bytes: a file is ended with the part with which it reaches so many bytes (of TFRecord files, before the
            record that is too many). Not with num_shards; neither is one file.
        compression: of what is written: "GZIP" or "ZLIB" for TFRecord, otherwise what the format has. None goes by the
            name for formats that are text, and is the format's own default for others.
        images: which feature they are, and how they are to be stored, which makes TFRecord of TFRecord files, too;
            of a folder of them where labels come from. What a record says of its image: `adapters.rewritten_image`.
        workers: processes that encode; 0 and 1 do without.
        on_error: "raise", or "skip" for rows that cannot be converted, and damage of TFRecord files: they are left out,
            and listed. So are rows with a text in a column in which most have numbers, or a number among texts, where
            each row says its kinds. What is wrong with all of a column is an error; so is what a stream tells too late.
        progress: called with (bytes done, bytes in all) of the inputs.

    Raises:
        ValueError: what is asked for is not possible.
        TFRecordError, OSError: a row cannot be converted, a file not be read or written.
        ItemError: a worker died; it names what it was at.
        ImportError: a format needs a package that is not there.
    """
    from tfrecord_lite.convert.from_records import from_records, rewrite_records
    from tfrecord_lite.convert.to_records import to_records

    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is 'raise' or 'skip', not {on_error!r}")
    if num_shards is not None and max_bytes is not None:
        raise ValueError("files have either a number, num_shards, or a size, max_bytes")
    check_sizes(num_shards=num_shards, max_bytes=max_bytes)
    sources = [_image_folder(inputs)] if from_format == IMAGES else _expanded(inputs, from_format)
    source_format, target_format = _formats(sources, output, from_format, to_format, is_rewritten=images is not None)
    _check_apart(sources, output)
    if text and target_format not in (*_WITH_STRINGS, IMAGES):
        raise ValueError(
            f"text is for {' and '.join(_WITH_STRINGS)} that are written: {target_format} has no strings beside bytes"
        )
    shards = {"num_shards": num_shards, "max_bytes": max_bytes}
    skips = on_error == "skip"
    if IMAGES in (source_format, target_format):
        if schema is not None or text:
            raise ValueError("a schema and text are for tables, and not for a folder of images")
        from tfrecord_lite.adapters.packing import check_outside
        from tfrecord_lite.convert.image_folders import ImageOptions, images_to_records, records_to_images

        options = images or ImageOptions()
        if source_format == IMAGES:
            check_outside(of_path(output), sources[0])
            files, skipped = images_to_records(
                sources[0], output, options, compression or "", workers, skips, progress, **shards
            )
        else:
            _check_folder(output, options, num_shards, max_bytes, compression)
            files, skipped, left_out = records_to_images(sources, output, options, workers, skips, progress)
            return Converted(tuple(files), tuple(skipped), left_out)
        return Converted(tuple(files), tuple(skipped))
    rewrite = None if images is None else _rewriter(images)
    notes: list[str] = []
    if source_format == target_format == TFRECORD:
        assert rewrite is not None
        if schema is not None or text:
            raise ValueError("a schema and text are for tables")
        files, skipped = rewrite_records(
            sources, output, rewrite, compression or "", workers, skips, progress, **shards
        )
    elif source_format == TFRECORD:
        module = load_format(target_format)
        found = _compression(module, os.fsdecode(output), compression)
        files, skipped, notes = from_records(
            sources, output, module, schema, text, found, workers, skips, progress, rewrite=rewrite, **shards
        )
    else:
        if not all(isinstance(source, str) for source in sources):
            raise ValueError("file objects are read as TFRecord only: give paths")
        module = load_format(source_format)
        files, skipped, notes = to_records(
            sources, output, module, schema, compression or "", workers, skips, progress, rewrite=rewrite, **shards
        )
    return Converted(tuple(files), tuple(skipped), notes=tuple(notes))


def _rewriter(images: ImageOptions) -> ImageRewriter:
    """What becomes of each record. Raises ValueError when nothing does, or what is said is for folders only."""
    from tfrecord_lite.adapters.rewritten_image import ImageRewriter

    if images.labels is not None:
        raise ValueError("labels are for a folder that is read")
    if images.rendition.keeps_bytes:
        raise ValueError(
            "what is said of images changes none of them: a size (--resize) or an encoding (--encode) does"
        )
    return ImageRewriter(images.feature, images.rendition)


def _expanded(inputs: Any, from_format: str | None) -> list[Any]:
    """All files. Raises ValueError when a directory is perhaps a folder of images: of that its labels are no data."""
    from tfrecord_lite.adapters.image_folder import LABELS_CSV

    given = list_paths(inputs)
    try:
        sources = expand_paths(given)
    except FileNotFoundError as error:
        if error.strerror == NO_DATA_FILES:
            error.strerror = f"{error.strerror}{_HINT}"
        raise
    if from_format is None:
        labels = {os.path.join(as_path(path), LABELS_CSV) for path in given if not hasattr(path, "read")}
        for found in labels.intersection(sources):
            cure = "say --from images or --from csv (from_format)"
            raise ValueError(f"{printable(found)}: are these labels of images, or a table? {cure}")
    return sources


def _image_folder(inputs: Any) -> str:
    """The one folder that is read. Raises ValueError when there are more, or it is none."""
    paths = list_paths(inputs)
    if len(paths) != 1 or hasattr(paths[0], "read"):
        raise ValueError("images are read from one folder")
    path = as_path(paths[0])
    if os.path.exists(path) and not os.path.isdir(path):
        raise ValueError(f"images are read from a folder, and this is none: {printable(path)}")
    return path


def _formats(
    sources: list[Any], output: Any, source_format: str | None, target_format: str | None, *, is_rewritten: bool
) -> tuple[str, str]:
    name = os.fsdecode(output)
    is_folder = name.endswith("/") if is_url(name) else name.endswith(os.sep) or os.path.isdir(name)
    target = target_format or (IMAGES if is_folder else format_of(name))
    if target == "csv" and name.lower().endswith(TSV):
        raise ValueError("a CSV is written with commas: give it a name with .csv")
    found = {source_format or format_of(source if isinstance(source, str) else "") for source in sources}
    if len(found) > 1:
        raise ValueError(f"the inputs are of several formats: {', '.join(sorted(found))}")
    (source,) = found
    if source == target and not (source == TFRECORD and is_rewritten):
        others = "see merge, split and reshard, or " if source == TFRECORD else ""
        cure = f"{others}say with --from or --to (from_format, to_format) what one is: {', '.join(NAMES)}"
        raise ValueError(f"both sides are {source}: {cure}")
    if TFRECORD not in (source, target):
        raise ValueError(f"{source} to {target}: one side has to be TFRecord")
    return source, target


def _check_folder(
    output: Any, options: ImageOptions, num_shards: int | None, max_bytes: int | None, compression: str | None
) -> None:
    """Raise ValueError when what is asked for cannot be said of a folder that is written."""
    if options.labels is not None:
        raise ValueError("labels are for a folder that is read; one that is written has those of the records")
    if num_shards is not None or max_bytes is not None or compression:
        raise ValueError("a folder of images has neither shards nor a compression")
    name = os.fsdecode(output)
    if name == STDIN:
        raise ValueError("a folder of images is no stream: give a path or a URL")


def _compression(module: Any, output: str, compression: str | None) -> str:
    """What a file that is not TFRecord is compressed with."""
    if compression is None:
        return "GZIP" if module.WRAPS and is_gzip(output) else ""
    if compression and compression not in module.COMPRESSIONS:
        raise ValueError(f"{module.NAME} has {', '.join(module.COMPRESSIONS)}, not {printable(compression)}")
    return compression


def _check_apart(sources: list[Any], output: Any) -> None:
    """Raise ValueError when the output is one of the inputs."""
    name = os.fsdecode(output)
    for source in sources:
        is_file = isinstance(source, str) and source != STDIN and os.path.exists(source) and os.path.exists(name)
        if is_file and os.path.samefile(source, name):
            raise ValueError(f"the output is an input: {printable(source)}")
