"""TFRecord files -> files of another format.

    files --stretches of records--> workers: encoded parts --> this process: one file, or shards, published together

Stretches are taken in their order, so that what is written is the same for any number of workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfrecord_lite.adapters.written_folder import check_one_feature
from tfrecord_lite.convert.column_kinds import check_written
from tfrecord_lite.convert.formats import extension_of
from tfrecord_lite.convert.rewriting import Rewrite, RewritingEncoder
from tfrecord_lite.convert.skipped import SkippedRow
from tfrecord_lite.convert.to_records import Decoded, is_rereadable, write_decoded
from tfrecord_lite.errors import FeatureError, SkippedRegion, TFRecordError, counted, printable
from tfrecord_lite.files.frames import Progress, WrittenFile
from tfrecord_lite.files.ordered_map import map_ordered
from tfrecord_lite.files.output_files import OutputFile, OutputFiles, of_path
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.files.stretches import BlockDecoder, Where, decoded, stretches
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import decode_example
from tfrecord_lite.format.infer import schema_of
from tfrecord_lite.format.json_kinds import Column
from tfrecord_lite.format.recovery import Recovery
from tfrecord_lite.format.schema import Schema


def from_records(
    sources: list[Any],
    output: Any,
    module: Any,
    schema: Schema | None,
    text: Collection[str],
    compression_type: str,
    workers: int,
    skips: bool,
    progress: Progress | None,
    *,
    rewrite: Rewrite | None = None,
    num_shards: int | None,
    max_bytes: int | None,
) -> tuple[list[WrittenFile], list[SkippedRow], list[str]]:
    """See `conversion.convert`; the module is that of the format, see `formats`."""
    skipped: list[SkippedRow] = []
    notes: list[str] = []
    total = None
    if (schema is None and module.NEEDS_SCHEMA) or num_shards is not None:
        _check_rereadable(sources, "the schema is inferred" if num_shards is None else "records are counted")
        if schema is None and module.NEEDS_SCHEMA:
            schema = schema_of(_examples(sources, skips))
            total = schema.records
            notes = list(_notes(schema, module.NAME, keeps_absent=module.KEEPS_ABSENT))
            if total and not len(schema):
                raise FeatureError("the records hold no features, and a table without columns holds nothing of them")
        else:
            total = sum(len(where.offsets) for where, _ in _stretches(sources, skips))
    encoder: Any = module.Encoder(schema, text)
    if rewrite is not None:
        encoder = RewritingEncoder(rewrite, encoder)
    path, wrapper = of_path(output), compression_type if module.WRAPS else ""
    is_sharded = num_shards is not None or max_bytes is not None
    outputs = OutputFiles(path, extension_of(path, module.NAME), wrapper, is_sharded)
    try:
        with closing(encoded_stretches(sources, encoder, skipped, workers, skips, num_shards, total or 0)) as results:
            writer = _Writer(outputs, lambda file: module.Output(file, schema, text, compression_type))
            for encoded in results:
                while num_shards is not None and len(outputs.files) <= encoded.shard:
                    writer.open_next()
                for count, part in encoded.parts:
                    if max_bytes is not None and writer.size >= max_bytes:
                        writer.open_next()
                    writer.write(part, count)
                if progress is not None:
                    progress(*encoded.progress)
            while num_shards is not None and len(outputs.files) < num_shards:
                writer.open_next()
            writer.close()
        outputs.publish()
    except BaseException:
        outputs.discard()
        raise
    counts = zip(writer.counts, outputs.files, strict=True)
    return [WrittenFile(file.path, count, file.size) for count, file in counts], skipped, notes


def _notes(schema: Schema, format_name: str, *, keeps_absent: bool) -> Iterator[str]:
    """What a table does not tell of the features that are not there."""
    for name, feature in schema.items():
        absent = f"'{printable(name)}' is absent from {counted(feature.absent, 'record')}"
        if feature.absent and feature.kindless:
            yield (
                f"{absent} and without a kind in {counted(feature.kindless, 'record')}: {format_name} has one null for"
                " both, which becomes a feature without a kind"
            )
        elif feature.absent and not keeps_absent:
            yield f"{absent}: {format_name} has no sign for it, and without a schema it comes back without a kind"


def encoded_stretches(
    sources: list[Any],
    encoder: BlockDecoder[Any],
    skipped: list[SkippedRow],
    workers: int,
    skips: bool,
    num_shards: int | None = None,
    total: int = 0,
) -> Generator[Encoded]:
    """What an encoder makes of all records, in order; of `total` ones each shard holds as many as any other."""
    report = None if not skips else lambda region: skipped.append(SkippedRow.of_region(region))
    items = _items(_stretches(sources, skips, report), _Position(sources), num_shards, total)
    found: set[str] = set()
    kinds: set[tuple[Column, str]] = set()
    with closing(map_ordered(_Encode(encoder, skips), items, workers)) as results:
        for encoded in results:
            skipped += encoded.skipped
            check_one_feature(found := found | encoded.found)
            check_written(kinds := kinds | encoded.kinds)
            yield encoded


@dataclass
class _Stretch:
    """Records on their way to a worker.

    Attributes:
        where: they come from.
        records: they themselves.
        shard: that they go to, where that is settled.
        progress: (bytes done, bytes in all) when they are done.
    """

    where: Where
    records: Records
    shard: int
    progress: tuple[int, int]

    def __repr__(self) -> str:
        begin = self.where.number
        return f"{self.where.path}, records {begin} to {begin + len(self.where.offsets) - 1}"


@dataclass
class Encoded:
    """What became of a stretch: parts and how many records each holds, what was left out, see Rewrite; and the kinds of
    features where these are asked for.
    """

    parts: list[tuple[int, Any]]
    skipped: list[SkippedRow]
    shard: int
    progress: tuple[int, int]
    found: set[str]
    kinds: set[tuple[Column, str]]


class _Encode:
    """What a worker does."""

    def __init__(self, encoder: BlockDecoder[Any], skips: bool) -> None:
        self._encoder = encoder
        self._skips = skips

    def __call__(self, stretch: _Stretch) -> Encoded:
        errors: list[TFRecordError] = []
        skip = errors.append if self._skips else None
        found = decoded(stretch.where, stretch.records, self._encoder, skip)
        parts = [(len(where.offsets), part) for where, part in found]
        rewritten = set(getattr(self._encoder, "found", ()))
        kinds = set(getattr(self._encoder, "kinds", ()))
        skipped = [SkippedRow.of_error(error) for error in errors]
        return Encoded(parts, skipped, stretch.shard, stretch.progress, rewritten, kinds)


class _Writer:
    """The file that is written, and how many records each has got."""

    def __init__(self, outputs: OutputFiles, new: Callable[[OutputFile], Any]) -> None:
        self._outputs = outputs
        self._new = new
        self.counts: list[int] = []
        self.open_next()

    @property
    def size(self) -> int:
        """Bytes in the file so far."""
        return int(self._output.size)

    def open_next(self) -> None:
        """End the file and begin another."""
        self.close()
        self._output = self._new(self._outputs.open_next())
        self.counts.append(0)

    def write(self, part: Any, count: int) -> None:
        """Add a part of so many records."""
        self._output.write(part)
        self.counts[-1] += count

    def close(self) -> None:
        """End the file."""
        if self.counts:
            self._output.close()


class _Position:
    """How far the sources are read: bytes of plain files, whole files of others."""

    def __init__(self, sources: list[Any]) -> None:
        self._sizes = {
            source: os.path.getsize(source) for source in sources if isinstance(source, str) and os.path.isfile(source)
        }
        self._total = sum(self._sizes.values())
        self._path: str | None = None
        self._before = 0

    def after(self, where: Where) -> tuple[int, int]:
        """(bytes done, bytes in all) when these records are done."""
        if where.path != self._path:
            self._before += self._sizes.get(self._path or "", 0)
            self._path = where.path
        size = self._sizes.get(where.path or "", 0)
        return self._before + min(int(where.offsets[-1]), size), self._total


def _stretches(
    sources: list[Any], skips: bool, report: Callable[[SkippedRegion], object] | None = None
) -> Generator[tuple[Where, Records]]:
    def recovery(region: SkippedRegion) -> bool:
        if report is not None:
            report(region)
        return True

    recovers: Recovery | None = recovery if skips else None
    with closing(open_readers(sources, None, True, None, None, recovers)) as readers:
        yield from stretches(readers)


def _items(
    given: Generator[tuple[Where, Records]], position: _Position, num_shards: int | None, total: int
) -> Iterator[_Stretch]:
    """The stretches, cut where a shard ends; with num_shards each holds as many of `total` records as any other."""
    ends = [] if num_shards is None else [(shard + 1) * total // num_shards for shard in range(num_shards)]
    shard, number = 0, 0
    with closing(given):
        for where, records in given:
            kept, begin, progress = records.copy(), 0, position.after(where)
            while begin < len(where.offsets):
                while shard < len(ends) - 1 and ends[shard] <= number:
                    shard += 1
                end = len(where.offsets)
                if shard < len(ends) - 1:
                    end = min(end, begin + ends[shard] - number)
                yield _Stretch(where.part(begin, end), kept.take(np.arange(begin, end)), shard, progress)
                number, begin = number + end - begin, end


class _Examples:
    """An ExampleDecoder as a BlockDecoder."""

    def __init__(self) -> None:
        self._decoder = ExampleDecoder(None)

    def decode(self, records: Records) -> list[dict[str, Any]] | None:
        examples, error = self._decoder.decode(records)
        return list(examples) if error is None else None

    def decode_plain(self, records: list[bytes]) -> list[dict[str, Any]]:
        return [decode_example(record) for record in records]


def _examples(sources: list[Any], skips: bool) -> Iterator[dict[str, Any]]:
    """All examples; those that are none are left out, if that is what will become of them."""
    decoder = _Examples()
    skip: Callable[[TFRecordError], object] | None = (lambda error: None) if skips else None
    for where, records in _stretches(sources, skips):
        for _, examples in decoded(where, records, decoder, skip):
            yield from examples


def _check_rereadable(sources: list[Any], why: str) -> None:
    for source in sources:
        if not is_rereadable(source):
            cure = "give a schema" if why.startswith("the schema") else "use max_bytes"
            raise ValueError(f"{why}, so the input is read twice, and a stream cannot be: {cure}")


def rewrite_records(
    sources: list[Any],
    output: Any,
    rewrite: Rewrite,
    compression_type: str,
    workers: int,
    skips: bool,
    progress: Progress | None,
    *,
    num_shards: int | None,
    max_bytes: int | None,
) -> tuple[list[WrittenFile], list[SkippedRow]]:
    """TFRecord files as TFRecord files, every record rewritten; see `conversion.convert`."""
    skipped: list[SkippedRow] = []
    with closing(encoded_stretches(sources, RewritingEncoder(rewrite), skipped, workers, skips)) as results:
        decoded_parts = (
            Decoded([record for _, part in encoded.parts for record in part], [], encoded.progress)
            for encoded in results
        )
        files = write_decoded(decoded_parts, output, compression_type, skipped, progress, num_shards, max_bytes)
    return files, skipped
