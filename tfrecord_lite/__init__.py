"""TFRecord files without TensorFlow: written byte for byte as TensorFlow writes them, every CRC checked when read.

    import tfrecord_lite as tfr

    with tfr.TFRecordWriter("data.tfrecord") as writer:
        writer.write_example({"label": 3, "image": png_bytes})

    for example in tfr.read_examples("data.tfrecord"):
        print(example["label"])

Or `import tfrecord_lite as tf` in a script that prepares data with tf.io.TFRecordWriter and tf.train.Example.
"""

from tfrecord_lite.lazy import lazy_names

TYPE_CHECKING = False  # see lazy
if TYPE_CHECKING:
    from tfrecord_lite import cardchecker as cardchecker
    from tfrecord_lite import compat as compat
    from tfrecord_lite import io as io
    from tfrecord_lite import python_io as python_io
    from tfrecord_lite import surgery as surgery
    from tfrecord_lite import train as train
    from tfrecord_lite.adapters.arrow import arrow_schema as arrow_schema
    from tfrecord_lite.adapters.arrow import from_arrow as from_arrow
    from tfrecord_lite.adapters.arrow import from_pandas as from_pandas
    from tfrecord_lite.adapters.arrow import read_arrow as read_arrow
    from tfrecord_lite.adapters.arrow import schema_from_arrow as schema_from_arrow
    from tfrecord_lite.adapters.arrow import to_arrow as to_arrow
    from tfrecord_lite.adapters.arrow import to_pandas as to_pandas
    from tfrecord_lite.errors import CorruptRecordError as CorruptRecordError
    from tfrecord_lite.errors import DecodeError as DecodeError
    from tfrecord_lite.errors import FeatureError as FeatureError
    from tfrecord_lite.errors import IndexMismatchError as IndexMismatchError
    from tfrecord_lite.errors import ItemError as ItemError
    from tfrecord_lite.errors import PublishedError as PublishedError
    from tfrecord_lite.errors import RecordTooLargeError as RecordTooLargeError
    from tfrecord_lite.errors import ShardError as ShardError
    from tfrecord_lite.errors import SkippedRegion as SkippedRegion
    from tfrecord_lite.errors import TFRecordError as TFRecordError
    from tfrecord_lite.errors import TruncatedRecordError as TruncatedRecordError
    from tfrecord_lite.errors import UncertainCommitError as UncertainCommitError
    from tfrecord_lite.files.batches import read_batches as read_batches
    from tfrecord_lite.files.commit import commit as commit
    from tfrecord_lite.files.commit import rollback as rollback
    from tfrecord_lite.files.examples import read_examples as read_examples
    from tfrecord_lite.files.index import RecordIndex as RecordIndex
    from tfrecord_lite.files.inference import infer_schema as infer_schema
    from tfrecord_lite.files.linting import Lint as Lint
    from tfrecord_lite.files.linting import lint as lint
    from tfrecord_lite.files.options import TFRecordOptions as TFRecordOptions
    from tfrecord_lite.files.read_plan import plan_read as plan_read
    from tfrecord_lite.files.reader import TFRecordReader as TFRecordReader
    from tfrecord_lite.files.records import count_records as count_records
    from tfrecord_lite.files.records import read_records as read_records
    from tfrecord_lite.files.salvage import Salvage as Salvage
    from tfrecord_lite.files.salvage import salvage as salvage
    from tfrecord_lite.files.sharded_writer import ShardedWriter as ShardedWriter
    from tfrecord_lite.files.sharding import write_sharded as write_sharded
    from tfrecord_lite.files.shards import ShardInfo as ShardInfo
    from tfrecord_lite.files.source import RecordSource as RecordSource
    from tfrecord_lite.files.verification import verify as verify
    from tfrecord_lite.files.writer import TFRecordWriter as TFRecordWriter
    from tfrecord_lite.format.bytes_array import BytesArray as BytesArray
    from tfrecord_lite.format.columns.decode import decode_columns as decode_columns
    from tfrecord_lite.format.columns.encode import encode_columns as encode_columns
    from tfrecord_lite.format.crc32c import masked_crc32c as masked_crc32c
    from tfrecord_lite.format.example import decode_example as decode_example
    from tfrecord_lite.format.example import decode_sequence_example as decode_sequence_example
    from tfrecord_lite.format.example import encode_example as encode_example
    from tfrecord_lite.format.example import encode_sequence_example as encode_sequence_example
    from tfrecord_lite.format.features import FixedLenFeature as FixedLenFeature
    from tfrecord_lite.format.features import FixedLenSequenceFeature as FixedLenSequenceFeature
    from tfrecord_lite.format.features import RaggedFeature as RaggedFeature
    from tfrecord_lite.format.features import SparseFeature as SparseFeature
    from tfrecord_lite.format.features import VarLenFeature as VarLenFeature
    from tfrecord_lite.format.findings import Finding as Finding
    from tfrecord_lite.format.messages import bytes_feature as bytes_feature
    from tfrecord_lite.format.messages import float_feature as float_feature
    from tfrecord_lite.format.messages import int64_feature as int64_feature
    from tfrecord_lite.format.parsing import parse_example as parse_example
    from tfrecord_lite.format.parsing import parse_single_example as parse_single_example
    from tfrecord_lite.format.parsing_sequence import parse_sequence_example as parse_sequence_example
    from tfrecord_lite.format.parsing_sequence import parse_single_sequence_example as parse_single_sequence_example
    from tfrecord_lite.format.schema import Schema as Schema
    from tfrecord_lite.format.tensor_values import RaggedTensorValue as RaggedTensorValue
    from tfrecord_lite.format.tensor_values import SparseTensorValue as SparseTensorValue
    from tfrecord_lite.format.value_types import float32 as float32
    from tfrecord_lite.format.value_types import int64 as int64
    from tfrecord_lite.format.value_types import string as string
    from tfrecord_lite.proto.example_pb2 import BytesList as BytesList
    from tfrecord_lite.proto.example_pb2 import Example as Example
    from tfrecord_lite.proto.example_pb2 import Feature as Feature
    from tfrecord_lite.proto.example_pb2 import FeatureList as FeatureList
    from tfrecord_lite.proto.example_pb2 import FeatureLists as FeatureLists
    from tfrecord_lite.proto.example_pb2 import Features as Features
    from tfrecord_lite.proto.example_pb2 import FloatList as FloatList
    from tfrecord_lite.proto.example_pb2 import Int64List as Int64List
    from tfrecord_lite.proto.example_pb2 import SequenceExample as SequenceExample

__version__ = "0.1.0"

_SOURCES = {
    "": "cardchecker compat io python_io surgery train",
    "tfrecord_lite.adapters.arrow": "arrow_schema from_arrow from_pandas read_arrow schema_from_arrow to_arrow"
    " to_pandas",
    "tfrecord_lite.errors": "CorruptRecordError DecodeError FeatureError IndexMismatchError ItemError"
    " PublishedError RecordTooLargeError ShardError SkippedRegion TFRecordError TruncatedRecordError"
    " UncertainCommitError",
    "tfrecord_lite.files.batches": "read_batches",
    "tfrecord_lite.files.commit": "commit rollback",
    "tfrecord_lite.files.index": "RecordIndex",
    "tfrecord_lite.files.inference": "infer_schema",
    "tfrecord_lite.files.linting": "Lint lint",
    "tfrecord_lite.files.options": "TFRecordOptions",
    "tfrecord_lite.files.examples": "read_examples",
    "tfrecord_lite.files.read_plan": "plan_read",
    "tfrecord_lite.files.reader": "TFRecordReader",
    "tfrecord_lite.files.records": "count_records read_records",
    "tfrecord_lite.files.sharded_writer": "ShardedWriter",
    "tfrecord_lite.files.sharding": "write_sharded",
    "tfrecord_lite.files.shards": "ShardInfo",
    "tfrecord_lite.files.source": "RecordSource",
    "tfrecord_lite.files.salvage": "Salvage salvage",
    "tfrecord_lite.files.verification": "verify",
    "tfrecord_lite.files.writer": "TFRecordWriter",
    "tfrecord_lite.format.bytes_array": "BytesArray",
    "tfrecord_lite.format.columns.decode": "decode_columns",
    "tfrecord_lite.format.columns.encode": "encode_columns",
    "tfrecord_lite.format.crc32c": "masked_crc32c",
    "tfrecord_lite.format.example": "decode_example decode_sequence_example encode_example encode_sequence_example",
    "tfrecord_lite.format.findings": "Finding",
    "tfrecord_lite.format.messages": "bytes_feature float_feature int64_feature",
    "tfrecord_lite.format.parsing": "parse_example parse_single_example",
    "tfrecord_lite.format.parsing_sequence": "parse_sequence_example parse_single_sequence_example",
    "tfrecord_lite.format.features": (
        "FixedLenFeature FixedLenSequenceFeature RaggedFeature SparseFeature VarLenFeature"
    ),
    "tfrecord_lite.format.schema": "Schema",
    "tfrecord_lite.format.value_types": "float32 int64 string",
    "tfrecord_lite.format.tensor_values": "RaggedTensorValue SparseTensorValue",
    "tfrecord_lite.proto.example_pb2": "BytesList Example Feature FeatureList FeatureLists Features FloatList Int64List"
    " SequenceExample",
}
_MODULE_OF = {name: module for module, names in _SOURCES.items() for name in names.split()}

__all__ = ["__version__", *sorted(_MODULE_OF)]
__getattr__, __dir__ = lazy_names(
    __name__,
    _MODULE_OF,
    ": of TensorFlow's names it has those in io, train, python_io and compat.v1 that are about records and Examples",
)
