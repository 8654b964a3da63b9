"""read_examples: files -> examples, decoded a block of records at a time.

Errors come as if the records had been decoded one by one: after the examples before them, with path, record number and
offset.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.paths import list_paths
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.reading import Reading, features_text, paths_text
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.format.blocks import FOR_EXAMPLES
from tfrecord_lite.format.columns.decode_examples import Decoder, ExampleDecoder, ParsedExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan

if TYPE_CHECKING:
    from tfrecord_lite.format.recovery import Recovery


def read_examples(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    keys: Collection[str] | None = None,
    compression_type: str | None = None,
    verify: bool = True,
    max_record_size: int | None = None,
    recovery: Recovery | None = None,
) -> Reading[dict[str, Any]]:
    """The examples of one or many files, in order: an iterator, which can be closed.

    Without features each is what `decode_example` gives, {name: list[bytes] | float32 array | int64 array | None}; with
    features, what `parse_single_example` gives. Examples are decoded some thousand at a time, and their arrays are
    parts of arrays for all of them: copy what is to be kept for long.

    Args:
        paths: as for `read_records`.
        features: {name: FixedLenFeature(...) or another feature}.
        keys: the only features to decode, if there are no `features`.
        others: as for `read_records`.

    Raises:
        OSError, FeatureError, TypeError: a file is missing, or the features are of no use, when called.
        DecodeError, FeatureError: a record is no Example, or not what the features ask for, with path, record number
            and offset, after the examples before it.
        others: as for `read_records`.
    """
    if features is None:
        decoder: Decoder = ExampleDecoder(keys)
    elif keys is None:
        decoder = ParsedExampleDecoder(example_plan(features))
    else:
        raise ValueError("features or keys, not both")
    given, names = list_paths(paths), keys if features is None else features
    readers = open_readers(given, compression_type, verify, max_record_size, recovery=recovery)
    parts = decoded_examples(readers, decoder)
    return Reading.of(parts, parts, "read_examples", lambda: f"{paths_text(given)}, {features_text(names)}")


def decoded_examples(readers: Generator[TFRecordReader], decoder: Decoder) -> Generator[Iterable[dict[str, Any]]]:
    """The examples of a block of records after the other; errors as those of `read_examples`."""
    with closing(readers):
        for reader in readers:
            for block in reader.blocks(FOR_EXAMPLES):
                if isinstance(block.data, bytes):
                    examples, error = decoder.decode_record(block.data)
                else:
                    examples, error = decoder.decode(Records.of(block))
                yield examples
                if error is not None:
                    reader.locate(error, block, error.record_number or 0)
                    try:
                        raise error
                    finally:
                        error = None  # its traceback holds this frame: no circle
