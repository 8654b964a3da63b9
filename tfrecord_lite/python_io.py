"""tf.python_io, the name that TFRecordWriter had in TensorFlow 1."""

from typing import TYPE_CHECKING

from tfrecord_lite.lazy import lazy_names

if TYPE_CHECKING:
    from tfrecord_lite.compat.v1.io import TFRecordCompressionType as TFRecordCompressionType
    from tfrecord_lite.compat.v1.io import tf_record_iterator as tf_record_iterator
    from tfrecord_lite.files.options import TFRecordOptions as TFRecordOptions
    from tfrecord_lite.files.writer import TFRecordWriter as TFRecordWriter

_MODULE_OF = {
    "TFRecordCompressionType": "tfrecord_lite.compat.v1.io",
    "TFRecordOptions": "tfrecord_lite.files.options",
    "TFRecordWriter": "tfrecord_lite.files.writer",
    "tf_record_iterator": "tfrecord_lite.compat.v1.io",
}
__getattr__, __dir__ = lazy_names(
    __name__, _MODULE_OF, ": tf.python_io never had more than writing and reading records"
)
