"""tf.io, as far as it writes TFRecord files: for `import tfrecord_lite as tf`."""

from typing import TYPE_CHECKING

from tfrecord_lite.lazy import lazy_names

if TYPE_CHECKING:
    from tfrecord_lite.files.options import TFRecordOptions as TFRecordOptions
    from tfrecord_lite.files.writer import TFRecordWriter as TFRecordWriter

_MODULE_OF = {
    "TFRecordOptions": "tfrecord_lite.files.options",
    "TFRecordWriter": "tfrecord_lite.files.writer",
}
__getattr__, __dir__ = lazy_names(
    __name__, _MODULE_OF, ": of tf.io it has TFRecordWriter and TFRecordOptions, for the rest use TensorFlow"
)
