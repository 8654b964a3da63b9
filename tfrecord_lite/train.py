"""tf.train, as far as it makes Examples: for `import tfrecord_lite as tf`."""

from typing import TYPE_CHECKING

from tfrecord_lite.lazy import lazy_names

if TYPE_CHECKING:
    from tfrecord_lite.proto.example_pb2 import BytesList as BytesList
    from tfrecord_lite.proto.example_pb2 import Example as Example
    from tfrecord_lite.proto.example_pb2 import Feature as Feature
    from tfrecord_lite.proto.example_pb2 import FeatureList as FeatureList
    from tfrecord_lite.proto.example_pb2 import FeatureLists as FeatureLists
    from tfrecord_lite.proto.example_pb2 import Features as Features
    from tfrecord_lite.proto.example_pb2 import FloatList as FloatList
    from tfrecord_lite.proto.example_pb2 import Int64List as Int64List
    from tfrecord_lite.proto.example_pb2 import SequenceExample as SequenceExample

_NAMES = "BytesList Example Feature FeatureList FeatureLists Features FloatList Int64List SequenceExample"
__getattr__, __dir__ = lazy_names(
    __name__,
    dict.fromkeys(_NAMES.split(), "tfrecord_lite.proto.example_pb2"),
    ": of tf.train it has Example, SequenceExample and their parts, for the rest use TensorFlow",
)
