"""TFRecord files -> files of another format.

files --encoded_stretches--> encoded parts --> one file, or shards, published together
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from typing import Any

from tfrecord_lite.convert.encoded_stretches import encoded_stretches, record_stretches
from tfrecord_lite.convert.formats import COLUMN_LIMIT, extension_of
from tfrecord_lite.convert.rewriting import Rewrite, RewritingEncoder
from tfrecord_lite.convert.skipped import SkippedRow
from tfrecord_lite.convert.to_records import Decoded, is_rereadable, write_decoded
from tfrecord_lite.errors import FeatureError, TFRecordError, counted, printable
from tfrecord_lite.files.frames import Progress, WrittenFile
from tfrecord_lite.files.output_files import OutputFile, OutputFiles, of_path
from tfrecord_lite.files.stretches import decoded
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import decode_example
from tfrecord_lite.format.infer import schema_of
from tfrecord_lite.format.schema import Schema

_NOTHING = "the records hold no features, or the schema none, and a table without columns holds nothing of them"


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
            with closing(_examples(sources, skips)) as examples:
                schema = schema_of(examples)
            total = schema.records
            notes = list(_notes(schema, module.NAME, keeps_absent=module.KEEPS_ABSENT))
        else:
            with closing(record_stretches(sources, skips)) as found:
                total = sum(len(where.offsets) for where, _ in found)
    if module.NEEDS_SCHEMA and schema is not None and len(schema) > COLUMN_LIMIT:
        cure = "a schema (--schema) says which are wanted, and JSON Lines and WebDataset have no columns"
        raise FeatureError(f"{len(schema)} features, of which each is a column; {COLUMN_LIMIT} are the limit: {cure}")
    holds_nothing = module.NEEDS_SCHEMA and not schema
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
                    if count and holds_nothing:
                        raise FeatureError(_NOTHING)
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


class _Examples:
    """An ExampleDecoder as a BlockDecoder."""

    def __init__(self) -> None:
        self._decoder = ExampleDecoder(None)

    def decode(self, records: Records) -> list[dict[str, Any]] | None:
        examples, error = self._decoder.decode(records)
        return list(examples) if error is None else None

    def decode_plain(self, records: list[bytes]) -> list[dict[str, Any]]:
        return [decode_example(record) for record in records]


def _examples(sources: list[Any], skips: bool) -> Generator[dict[str, Any]]:
    """All examples; those that are none are left out, if that is what will become of them."""
    decoder = _Examples()
    skip: Callable[[TFRecordError], object] | None = (lambda error: None) if skips else None
    with closing(record_stretches(sources, skips)) as found:
        for where, records in found:
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
