"""Where Spark finds the data source "tfrecord" by itself: it looks for a DefaultSource in packages named pyspark_*.

All else is in `tfrecord_lite.adapters.spark`.
"""

from tfrecord_lite.adapters.spark import TFRecordSource as DefaultSource

__all__ = ["DefaultSource"]
