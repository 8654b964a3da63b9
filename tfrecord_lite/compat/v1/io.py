"""tf.compat.v1.io, as far as it writes and reads records."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from tfrecord_lite.files.options import TFRecordOptions, as_options
from tfrecord_lite.files.records import read_records
from tfrecord_lite.files.writer import TFRecordWriter
from tfrecord_lite.lazy import lazy_names

__all__ = ["TFRecordCompressionType", "TFRecordOptions", "TFRecordWriter", "tf_record_iterator"]


class TFRecordCompressionType(IntEnum):
    """The compression types under their old names."""

    NONE = 0
    ZLIB = 1
    GZIP = 2


def tf_record_iterator(path: Any, options: Any = None) -> Iterator[bytes]:
    """The records of one file.

    Without options the compression is recognised from the content, where TensorFlow would fail on anything but
    plain files.
    """
    compression_type = None if options is None else TFRecordOptions.get_compression_type_string(as_options(options))
    return read_records([path], compression_type)


__getattr__, __dir__ = lazy_names(
    __name__,
    dict.fromkeys(__all__, __name__),
    ": of tf.compat.v1.io it has the TFRecord names, for the rest use TensorFlow",
)
