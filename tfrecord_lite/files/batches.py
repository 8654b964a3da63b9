"""read_batches: files -> columns of many examples at a time.

    blocks of records (reader) -> rows of each column (format.columns) -> batches across blocks and files -> results

Batches are cut where the caller wants them, blocks where reading is fast; a batch that spans several is put together.
Whole batches before a damaged or unfit record are given before its error is raised.
"""

from __future__ import annotations

import operator
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.files.paths import list_paths
from tfrecord_lite.files.reading import Reading, features_text, paths_text
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.files.stretches import Where, decoded, stretches
from tfrecord_lite.format.columns.batch_rows import BatchRows
from tfrecord_lite.format.columns.decode import BytesAs, ColumnDecoder
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.infer import schema_of
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.plan import Plan

if TYPE_CHECKING:
    from tfrecord_lite.format.recovery import Recovery

#: As much is looked at when the features are to be inferred.
_INFERRED_RECORDS, _INFERRED_BYTES = 1024, 8 << 20


def read_batches(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    batch_size: int = 1024,
    drop_remainder: bool = False,
    bytes_as: BytesAs = "objects",
    num_threads: int | None = None,
    compression_type: str | None = None,
    verify: bool = True,
    max_record_size: int | None = None,
    recovery: Recovery | None = None,
) -> Reading[dict[str, Any]]:
    """The examples of one or many files, batch by batch, in order: {name: values of `batch_size` records}.

    An iterator, which can be closed. Each batch is what `parse_example` gives for its records; batches go on across
    files.

    Args:
        paths: as for `read_records`.
        features: {name: FixedLenFeature(...) or another feature}, or a Schema. None infers them from the first records
            (1,024 or 8 MiB, or the first block if that is more) as `infer_schema` does; a record that does not fit, or
            holds values of a feature of which those held none, is then an error.
        batch_size: records in each batch.
        drop_remainder: whether the last batch is left out when it is smaller.
        bytes_as: "objects" or "blob", as for `decode_columns`.
        num_threads: as for TFRecordReader: 2 reads ahead in a thread, None does so for compressed files and URLs.
        others: as for `read_records`.

    Raises:
        FeatureError, TypeError: the features are of no use, when called. A record is not what they ask for, after the
            whole batches before it, with path, record number and offset.
        others: as `read_examples`.
    """
    if operator.index(batch_size) < 1:
        raise ValueError(f"batch_size is 1 or more, not {batch_size}")
    if num_threads is not None and num_threads < 1:
        raise ValueError(f"num_threads is 1 or more, or None, not {num_threads}")
    decoder = None if features is None else ColumnDecoder(example_plan(features), bytes_as)
    given = list_paths(paths)
    readers = open_readers(given, compression_type, verify, max_record_size, num_threads, recovery)
    found = stretches(readers)

    def batches() -> Generator[dict[str, Any]]:
        with closing(readers):
            used, read = (decoder, found) if decoder is not None else _inferred(found, bytes_as)
            yield from _batches(read, used, batch_size, drop_remainder)

    parts = batches()
    return Reading.of(
        (parts,),
        parts,
        "read_batches",
        lambda: f"{paths_text(given)}, {features_text(features)}, batches of {batch_size}",
    )


def _inferred(
    given: Iterator[tuple[Where, Records]], bytes_as: BytesAs
) -> tuple[ColumnDecoder, Iterator[tuple[Where, Records]]]:
    """A decoder for the features of the first records, and all stretches again.

    Records that are no Examples are left to the decoder, which says so in their place.
    """
    held: list[tuple[Where, Records]] = []
    examples: list[dict[str, Any]] = []
    size = 0
    decoder = ExampleDecoder(None)
    rest = given
    try:
        for where, records in given:
            held.append((where, records.copy()))
            size += held[-1][1].buffer.nbytes
            found, error = decoder.decode(held[-1][1])
            examples.extend(found)
            if error is not None or len(examples) >= _INFERRED_RECORDS or size >= _INFERRED_BYTES:
                break
    except TFRecordError as error:
        rest = _raising(error)  # behind what came before it
    features = schema_of(examples).features
    plan = example_plan(features) if features else Plan({}, {})
    return ColumnDecoder(plan, bytes_as, names_all=True), chain(held, rest)


def _raising(error: TFRecordError) -> Iterator[Any]:
    try:
        raise error
        yield
    finally:
        del error  # its traceback holds this frame: no circle


def _batches(
    given: Iterator[tuple[Where, Records]], decoder: ColumnDecoder, batch_size: int, drop_remainder: bool
) -> Iterator[dict[str, Any]]:
    places: list[Where] = []
    batch = BatchRows(decoder.plan.columns, batch_size)
    for where, rows in (piece for stretch in given for piece in decoded(*stretch, decoder)):
        begin, size = 0, len(where.offsets)
        while begin < size:
            end = min(begin + batch_size - batch.size, size)
            places.append(where.part(begin, end))
            batch.add({key: column.part(begin, end) for key, column in rows.items()}, end - begin)
            begin = end
            if batch.size == batch_size:
                yield _results(decoder, batch, places)
                batch, places = BatchRows(decoder.plan.columns, batch_size), []
    if batch.size and not drop_remainder:
        yield _results(decoder, batch, places)


def _results(decoder: ColumnDecoder, batch: BatchRows, places: list[Where]) -> dict[str, Any]:
    try:
        return decoder.results(batch.rows())
    except FeatureError as error:
        number = error.record_number
        for where in places:
            if number is not None and number < len(where.offsets):
                where.locate(error, number)
                break
            number = None if number is None else number - len(where.offsets)
        raise
