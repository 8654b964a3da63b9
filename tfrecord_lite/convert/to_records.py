"""Files of another format -> TFRecord files.

files --rows--> workers: serialized records --> this process: one file, or shards, published together
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from tfrecord_lite.adapters.written_folder import check_one_feature
from tfrecord_lite.convert.column_kinds import ColumnKinds, Found
from tfrecord_lite.convert.formats import Rows, Skip, is_gzip
from tfrecord_lite.convert.rewriting import Rewrite
from tfrecord_lite.convert.skipped import SkippedRow
from tfrecord_lite.errors import DecodeError, FeatureError, TFRecordError
from tfrecord_lite.files.frames import Progress, WrittenFile
from tfrecord_lite.files.ordered_map import map_ordered
from tfrecord_lite.files.output_files import of_path
from tfrecord_lite.files.paths import STDIN
from tfrecord_lite.files.sharded_writer import ShardedWriter
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.format.framing import FRAME_OVERHEAD
from tfrecord_lite.format.schema import Schema


def to_records(
    sources: list[Any],
    output: Any,
    module: Any,
    schema: Schema | None,
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
    stream_kinds: ColumnKinds | None = None
    if schema is None and hasattr(module, "found"):
        if all(is_rereadable(source) for source in sources):
            # Read twice, also what would fit into memory: what a row becomes hangs on all rows, so those that are
            # parsed could be kept up to a bound only, and two ways to the same records would be one too many.
            kinds = _kinds(sources, module, workers)
            if module.SAYS_KINDS:
                schema = kinds.unified(skips=skips)
            else:
                schema, notes = kinds.judged()
        elif module.SAYS_KINDS:
            stream_kinds = ColumnKinds()
        else:
            raise ValueError("the kinds are inferred from all rows, and a stream is read once: give a schema")
    decode = _Decode(module.Decoder(schema), skips, rewrite, None if stream_kinds is None else module.found)
    unread = None if not skips else lambda path, number, why: skipped.append(SkippedRow(path, number, why))
    rows = _rows(sources, module, schema, unread, notes)
    with closing(map_ordered(decode, rows, workers)) as results:
        checked = results if stream_kinds is None else _of_same_kinds(results, stream_kinds)
        files = write_decoded(checked, output, compression_type, skipped, progress, num_shards, max_bytes)
    return files, skipped, notes


def is_rereadable(source: Any) -> bool:
    """Whether what is read is there again; also of a file that is missing, which its opening says."""
    return isinstance(source, str) and source != STDIN and (os.path.isfile(source) or not os.path.exists(source))


def _kinds(sources: list[Any], module: Any, workers: int) -> ColumnKinds:
    """What is met in the columns of all files, which are read for it."""
    kinds = ColumnKinds()
    all_rows = _rows(sources, module, None, _pass_over, [])
    with closing(map_ordered(_Find(module.found), all_rows, workers)) as results:
        for rows, found in results:
            kinds.add(rows, found)
    return kinds


class _Find:
    """What a worker does for it: gives the rows back without their data, and what was found."""

    def __init__(self, found: Callable[[Rows], Found]) -> None:
        self._found = found

    def __call__(self, part: _Part) -> tuple[Rows, Found]:
        return replace(part.rows, data=None), self._found(part.rows)


def _pass_over(path: str, number: int, why: str) -> None:
    """Of rows that are unfit, which is told when they are converted."""


def _of_same_kinds(results: Iterable[Decoded], kinds: ColumnKinds) -> Iterator[Decoded]:
    """The same; raises a FeatureError behind the last one if a column was of several kinds."""
    for decoded in results:
        if decoded.found is not None:
            kinds.add(*decoded.found)
        yield decoded
    kinds.check_same()


def write_decoded(
    results: Iterable[Decoded],
    output: Any,
    compression_type: str,
    skipped: list[SkippedRow],
    progress: Progress | None,
    num_shards: int | None,
    max_bytes: int | None,
) -> list[WrittenFile]:
    """One file, or shards, of all records; what was left out is added to `skipped`."""
    writer: Any
    if num_shards is None and max_bytes is None:
        writer = TFRecordWriter(of_path(output), compression_type)
    else:
        writer = ShardedWriter(of_path(output), num_shards=num_shards, max_bytes=max_bytes, options=compression_type)
    count = size = 0
    rewritten: set[str] = set()
    with writer:
        for found in results:
            skipped += found.skipped
            check_one_feature(rewritten := rewritten | found.rewritten)
            for record in found.records:
                writer.write(record)
            count += len(found.records)
            size += sum(map(len, found.records)) + FRAME_OVERHEAD * len(found.records)
            if progress is not None:
                progress(*found.progress)
    if isinstance(writer, ShardedWriter):
        return [WrittenFile(info.path, info.records, info.bytes) for info in writer.infos]
    path = of_path(output)
    return [WrittenFile(path, count, size)]


class _Part(NamedTuple):
    """Rows on their way to a worker, and (bytes done, bytes in all) when they are done."""

    rows: Rows
    progress: tuple[int, int]

    def __repr__(self) -> str:
        return repr(self.rows)


class Decoded(NamedTuple):
    """What became of them: serialized records, what was left out, and features that were rewritten, see Rewrite."""

    records: list[bytes]
    skipped: list[SkippedRow]
    progress: tuple[int, int]
    rewritten: frozenset[str] = frozenset()
    found: tuple[Rows, Found] | None = None


class _Decode:
    """What a worker does."""

    def __init__(
        self,
        decoder: Callable[[Rows, Any], list[bytes]],
        skips: bool,
        rewrite: Rewrite | None,
        found: Callable[[Rows], Found] | None,
    ) -> None:
        self._decoder = decoder
        self._skips, self._rewrite = skips, rewrite
        self._find = None if found is None else _Find(found)

    def __call__(self, part: _Part) -> Decoded:
        rows = part.rows
        skipped: dict[int, SkippedRow] = {}

        def skip(number: int, why: str) -> None:
            line = None if rows.lines is None else rows.lines[number]
            skipped[number] = SkippedRow.of_row(rows.path, rows.number_of(number), why, line)

        try:
            records = self._decoder(rows, skip if self._skips else None)
            if self._rewrite is not None:
                numbers = [number for number in range(rows.count) if number not in skipped]
                records = self._rewritten(self._rewrite, dict(zip(numbers, records, strict=True)), skip)
        except (DecodeError, FeatureError) as error:
            error.path = rows.path
            number, error.record_number = error.record_number, None
            if rows.lines is not None and number is not None:
                error.path = None
                at_line = FeatureError(f"line {rows.lines[number]}: {error}")
                at_line.path = rows.path
                raise at_line from error
            if number is not None:
                error.record_number = rows.number_of(number)
            raise
        rewritten = frozenset(() if self._rewrite is None else self._rewrite.found)
        found = None if self._find is None else self._find(part)
        return Decoded(records, [skipped[number] for number in sorted(skipped)], part.progress, rewritten, found)

    def _rewritten(self, rewrite: Rewrite, records: dict[int, bytes], skip: Skip) -> list[bytes]:
        """Those that can be; of one that cannot be `skip` is told, or its error raised with the number of its row."""
        rewritten = []
        for number, record in records.items():
            try:
                rewritten.append(rewrite(record))
            except (DecodeError, FeatureError) as error:
                error.record_number = None if self._skips else number
                if not self._skips:
                    raise
                skip(number, str(error))
        return rewritten


def _rows(
    sources: list[Any],
    module: Any,
    schema: Schema | None,
    skip: Callable[[str, int, str], object] | None,
    notes: list[str],
) -> Generator[_Part]:
    """The rows of all files, one after the other; what is to be said of the files is added to `notes`."""
    sizes = [os.path.getsize(source) if os.path.isfile(source) else 0 for source in sources]
    is_checked = schema is None and hasattr(module, "kinds")
    if is_checked:
        from tfrecord_lite.convert.tables import SameKinds  # with all of Arrow's, for tables only

        same = SameKinds()
    done = 0
    for source, size in zip(sources, sizes, strict=True):
        of_file = None if skip is None else partial(skip, source)
        try:
            with closing(module.read_parts(source, "GZIP" if is_gzip(source) else "", schema, of_file)) as parts:
                for rows in parts:
                    if is_checked:
                        same.check(source, module.kinds(rows.data))
                    notes += rows.notes
                    yield _Part(rows, (done + min(rows.done or 0, size), sum(sizes)))
        except TFRecordError as error:
            error.path = error.path or source
            raise
        done += size
