"""infer_schema: which features do the files hold?

Takes paths, decodes every record or a sample of them, returns a Schema. What follows from what is in `format.infer`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.files.paths import expand_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.format.blocks import FOR_EXAMPLES
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.sequences import feature_lists
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.infer import SchemaSketch
from tfrecord_lite.format.schema import Schema


def infer_schema(
    paths: Any,
    *,
    sample: int | None = None,
    compression_type: str | None = None,
    verify: bool = True,
    max_record_size: int | None = None,
) -> Schema:
    """What is known of the features in one or many files after looking at every record, or at a sample of them.

    Of a SequenceExample the context is among the features, and its lists are the schema's `feature_lists`.

    Args:
        paths: as for `read_records`.
        sample: look at no more than this many records in all, 1 or more: an equal share of each file, from its
            beginning, so that little is read; what a short file lacks is taken from those after it. Values that
            only come later in a file are not seen. None looks at all.
        compression_type, verify, max_record_size: as for `read_records`.

    Raises:
        OSError: a file is missing or cannot be read.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError, DecodeError: as for `read_examples`.
    """
    if sample is not None and operator.index(sample) < 1:
        raise ValueError(f"a sample is 1 record or more, not {sample}")
    sources = expand_paths(paths)
    sketch, decoder = SchemaSketch(), ExampleDecoder(None)
    seen = 0
    for number, source in enumerate(sources):
        end = None if sample is None else sample * (number + 1) // len(sources)
        if seen != end:
            with closing(open_readers(source, compression_type, verify, max_record_size)) as readers:
                seen = _take(sketch, decoder, readers, seen, end)
    return sketch.schema()


def _take(
    sketch: SchemaSketch, decoder: ExampleDecoder, readers: Iterator[TFRecordReader], seen: int, end: int | None
) -> int:
    """Take the records of readers, up to `end` in all after the `seen` ones before; how many there are then."""
    for reader in readers:
        for block in reader.blocks(FOR_EXAMPLES):
            records = Records.of(block)
            if end is not None and end - seen < len(block):
                records = records.take(np.arange(end - seen))
            try:
                _add(sketch, decoder, records)
            except DecodeError as error:
                reader.locate(error, block, error.record_number or 0)
                raise
            seen += len(records.starts)
            if seen == end:
                return seen
    return seen


def _add(sketch: SchemaSketch, decoder: ExampleDecoder, records: Records) -> None:
    """Raises DecodeError with the number of the record."""
    examples, error = decoder.decode(records)
    for example in examples:
        sketch.add(example)
    if error is not None:
        try:
            raise error
        finally:
            error = None  # its traceback holds this frame: no circle
    for lists in feature_lists(records):
        sketch.add_lists(lists)
