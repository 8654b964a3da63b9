"""Where Spark finds the data source "tfrecord" by itself: it imports every package named pyspark_*, for its DefaultSource.

All else is in `tfrecord_lite.adapters.spark`.
"""

from tfrecord_lite.adapters.spark import TFRecordSource as DefaultSource

__all__ = ["DefaultSource"]
