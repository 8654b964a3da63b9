"""tf.compat, of which there is v1."""

from tfrecord_lite.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"v1": ""}, ": of tf.compat it has v1.io, v1.python_io and v1.train")
