"""tf.compat.v1: io (with tf_record_iterator), python_io and train."""

from tfrecord_lite import python_io as python_io
from tfrecord_lite import train as train
from tfrecord_lite.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__, {"io": "", "python_io": "", "train": ""}, ": of tf.compat.v1 it has io, python_io and train"
)
