"""tf.io, as far as it writes TFRecord files and parses Examples: for `import tfrecord_lite as tf`."""

from typing import TYPE_CHECKING

from tfrecord_lite.lazy import lazy_names

if TYPE_CHECKING:
    from tfrecord_lite.files.options import TFRecordOptions as TFRecordOptions
    from tfrecord_lite.files.writer import TFRecordWriter as TFRecordWriter
    from tfrecord_lite.format.features import FixedLenFeature as FixedLenFeature
    from tfrecord_lite.format.features import FixedLenSequenceFeature as FixedLenSequenceFeature
    from tfrecord_lite.format.features import RaggedFeature as RaggedFeature
    from tfrecord_lite.format.features import SparseFeature as SparseFeature
    from tfrecord_lite.format.features import VarLenFeature as VarLenFeature
    from tfrecord_lite.format.parsing import parse_example as parse_example
    from tfrecord_lite.format.parsing import parse_single_example as parse_single_example
    from tfrecord_lite.format.parsing_sequence import parse_sequence_example as parse_sequence_example
    from tfrecord_lite.format.parsing_sequence import parse_single_sequence_example as parse_single_sequence_example

_MODULE_OF = {
    "TFRecordOptions": "tfrecord_lite.files.options",
    "TFRecordWriter": "tfrecord_lite.files.writer",
    "parse_example": "tfrecord_lite.format.parsing",
    "parse_single_example": "tfrecord_lite.format.parsing",
    "parse_sequence_example": "tfrecord_lite.format.parsing_sequence",
    "parse_single_sequence_example": "tfrecord_lite.format.parsing_sequence",
    "FixedLenFeature": "tfrecord_lite.format.features",
    "FixedLenSequenceFeature": "tfrecord_lite.format.features",
    "RaggedFeature": "tfrecord_lite.format.features",
    "SparseFeature": "tfrecord_lite.format.features",
    "VarLenFeature": "tfrecord_lite.format.features",
}
__getattr__, __dir__ = lazy_names(
    __name__,
    _MODULE_OF,
    ": of tf.io it has what writes TFRecord files and parses Examples, for the rest use TensorFlow",
)
