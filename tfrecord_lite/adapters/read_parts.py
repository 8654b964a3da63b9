"""What the tasks of an engine read: parts of files, and the records of each. RecordBatches need pyarrow.

    driver   parts = plan_parts(paths)       whole files; of a large one with a saved index, ranges of its records
    tasks    read_part(part, schema)         RecordBatches, CRCs checked
             read_part_values(part)          or one Python value after the other

The same files give the same parts everywhere. A set of shards is read as its manifest has it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.arrow import read_arrow, to_arrow
from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.adapters.arrow_sequences import sequences_to_batch
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.errors import IndexMismatchError, TFRecordError
from tfrecord_lite.files.examples import decoded_examples
from tfrecord_lite.files.index import RecordIndex
from tfrecord_lite.files.paths import STDIN, expand_paths, list_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.records import open_readers, read_records
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.source import RecordSource
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder, NoSequenceDecoder, ParsedExampleDecoder
from tfrecord_lite.format.example import check_no_sequence_examples, decode_example, decode_sequence_example
from tfrecord_lite.format.framing import FRAME_OVERHEAD
from tfrecord_lite.format.parsing import example_plan, parse_single_example
from tfrecord_lite.format.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

#: The size of shards that TensorFlow's guide recommends, and of ours: one part each.
_PART_BYTES = 128 << 20
#: Arrow's binary has 32-bit offsets: what is larger is given in several batches.
_BATCH_BYTES = 1 << 30
#: Records of a range that are read at a time.
_RUN = 1024
#: The name that the column of records has under Spark, too.
BYTE_ARRAY = "byteArray"
RECORD_TYPES = ("Example", "SequenceExample", "ByteArray")


@dataclass(frozen=True)
class ReadPart:
    """Some records of a file. Picklable.

    Attributes:
        path: of the file, absolute, or a URL.
        begin, end: numbers of the records, half-open; end None: all to the end of the file, which has then one part.
    """

    path: str
    begin: int = 0
    end: int | None = None


def given_paths(paths: Any) -> list[Any]:
    """One path or many as a list, not looked up yet.

    Raises:
        ValueError: there is none: it is more likely a mistake than a data set without a record.
        TypeError: they are no paths.
    """
    given = list_paths(paths)
    if not given:
        raise ValueError("there is no path: the list of paths is empty")
    return given


def plan_parts(paths: Any, *, max_bytes: int = _PART_BYTES) -> list[ReadPart]:
    """Divide files into parts that tasks can read, in order.

    Args:
        paths: as for `read_records`, but files with names only.
        max_bytes: of a part of a local file that has a saved index; other files are parts as they are.

    Raises:
        OSError, ShardError: as `read_records`.
        ValueError: there is no path, or max_bytes is not positive.
        TypeError: a file has no name, or max_bytes is no integer.
    """
    max_bytes = whole_number(max_bytes, "max_bytes", 1)
    parts = []
    for path in expand_paths(given_paths(paths)):
        if not isinstance(path, str) or path == STDIN:
            what = "standard input" if path == STDIN else f"a {type(path).__name__}"
            raise TypeError(f"tasks read files with names, not {what}")
        if not is_url(path):
            path = os.path.abspath(path)  # wherever a task runs
        begins = _begins(path, max_bytes)
        parts += [ReadPart(path, begin, end) for begin, end in pairwise(begins)]
    return parts


def read_part(
    part: ReadPart,
    schema: Schema,
    *,
    record_type: str = "Example",
    batch_size: int = 1024,
    compression_type: str | None = None,
    verify: bool = True,
) -> Iterator[pa.RecordBatch]:
    """The records of a part, in order.

    Args:
        schema: which features of an Example are columns, and what they are; see `arrow_schema`.
        record_type: "Example"; "SequenceExample", with the columns of `sequence_arrow_schema`; or "ByteArray": the
            records themselves, in one column, whatever the schema.
        batch_size: records in a batch; fewer where they hold more than 1 GiB.
        others: as for `read_records`.

    Raises:
        FeatureError, CorruptRecordError and others: as `read_arrow`, with path, record number and offset.
        IndexMismatchError: the file is not the one that was divided.
    """
    if record_type == "ByteArray":
        for records in _records(part, batch_size, compression_type, verify):
            yield _binary(records)
    elif record_type == "SequenceExample":
        number = part.begin
        for records in _records(part, batch_size, compression_type, verify):
            try:
                yield sequences_to_batch(records, schema)
            except TFRecordError as error:
                error.path, error.record_number = part.path, number + (error.record_number or 0)
                raise
            number += len(records)
    elif part.end is None:
        yield from read_arrow(
            part.path, schema, batch_size=batch_size, compression_type=compression_type, verify=verify
        )
    else:
        with RecordSource(part.path, verify=verify) as source:
            for begin, records in _slices(source, part.begin, part.end, batch_size):
                try:
                    table = to_arrow(records, schema)
                except TFRecordError as error:
                    source.locate(error, begin + (error.record_number or 0))
                    raise
                yield from table.to_batches()


def read_part_values(
    part: ReadPart,
    features: Mapping[str, Any] | None = None,
    *,
    record_type: str = "Example",
    compression_type: str | None = None,
    verify: bool = True,
) -> Iterator[Any]:
    """The records of a part as Python values, in order.

    Args:
        features: what is asked of an Example: {name: FixedLenFeature(...) or another feature}.
        record_type: "Example": what `decode_example` gives, or with features `parse_single_example`;
            "SequenceExample": what `decode_sequence_example` gives; or "ByteArray": the records themselves.
        others: as for `read_records`.

    Raises:
        DecodeError: a record is not of the type; a SequenceExample with feature lists is no Example, either.
        FeatureError, CorruptRecordError and others: with path, record number and offset, as DecodeError.
        IndexMismatchError: the file is not the one that was divided.
    """
    if record_type == "Example" and part.end is None:
        decoder = ExampleDecoder(None) if features is None else ParsedExampleDecoder(example_plan(features))
        readers = open_readers(part.path, compression_type, verify, None)
        with closing(decoded_examples(readers, NoSequenceDecoder(decoder))) as blocks:
            for examples in blocks:
                yield from examples
        return
    decode = _DECODE[record_type] if features is None else lambda record: _parsed(record, features)
    if part.end is None:
        with TFRecordReader(part.path, compression_type, verify=verify) as reader:
            for record in reader:
                try:
                    value = decode(record)
                except TFRecordError as error:
                    error.path, error.record_number = part.path, reader.record_number - 1
                    error.offset = reader.offset - len(record) - FRAME_OVERHEAD
                    raise
                yield value
        return
    with RecordSource(part.path, verify=verify) as source:
        for begin, records in _slices(source, part.begin, part.end, _RUN):
            for number, record in enumerate(records, begin):
                try:
                    value = decode(record)
                except TFRecordError as error:
                    source.locate(error, number)
                    raise
                yield value


def _decoded(record: bytes) -> dict[str, Any]:
    check_no_sequence_examples([record])
    return decode_example(record)


def _parsed(record: bytes, features: Mapping[str, Any]) -> dict[str, Any]:
    check_no_sequence_examples([record])
    return parse_single_example(record, features)


_DECODE: dict[str, Callable[[bytes], Any]] = {
    "Example": _decoded,
    "SequenceExample": decode_sequence_example,
    "ByteArray": bytes,
}


def _begins(path: str, max_bytes: int) -> list[Any]:
    """The first record of each part, and the end of the last one."""
    if is_url(path) or os.path.getsize(path) <= max_bytes:
        return [0, None]
    try:
        index = RecordIndex.load(path)
    except (FileNotFoundError, IndexMismatchError):  # none, or of another file: it is read from its start
        return [0, None]
    count = -(-int(index.limits[-1]) // max_bytes)
    targets = np.arange(1, count) * (index.limits[-1] / count)
    return [0, *np.unique(np.searchsorted(index.offsets, targets)).tolist(), len(index)]


def _records(part: ReadPart, batch_size: int, compression_type: str | None, verify: bool) -> Iterator[list[bytes]]:
    if part.end is None:
        records: list[bytes] = []
        size = 0
        for record in read_records(part.path, compression_type=compression_type, verify=verify):
            if len(records) == batch_size or size + len(record) > _BATCH_BYTES:
                yield records
                records, size = [], 0
            records.append(record)
            size += len(record)
        if records:
            yield records
        return
    with RecordSource(part.path, verify=verify) as source:
        for _, records in _slices(source, part.begin, part.end, batch_size):
            yield records


def _slices(source: RecordSource, begin: int, end: int, batch_size: int) -> Iterator[tuple[int, list[bytes]]]:
    if end > len(source):
        raise IndexMismatchError(f"the file has {len(source)} records, and had {end} when it was divided")
    for number in range(begin, end, batch_size):
        yield number, source[number : min(number + batch_size, end)]


def _binary(records: list[bytes]) -> pa.RecordBatch:
    pa = import_pyarrow()
    return pa.RecordBatch.from_arrays([pa.array(records, pa.binary())], names=[BYTE_ARRAY])
