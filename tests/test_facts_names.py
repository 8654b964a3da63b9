"""TensorFlow's names: a preparation script runs with either import and makes the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from damage import frame, frames, python, python_output

import tfrecord_lite as tfr

SCRIPT = '''
import os
import sys
import IMPORTED as tf

folder = sys.argv[1]


def _bytes_feature(value):
    """As in TensorFlow's tutorial, for bytes."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _float_feature(value):
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))


def _int64_feature(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def serialize_example(index):
    feature = {
        "image/encoded": _bytes_feature(bytes([index]) * 50),
        "image/height": _int64_feature(index * 10),
        "label": _int64_feature(-index),
        "score": _float_feature(index / 3),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def at(name):
    return os.path.join(folder, name)


with tf.io.TFRecordWriter(at("tutorial.tfrecord")) as writer:
    for index in range(20):
        writer.write(serialize_example(index))

writer = tf.io.TFRecordWriter(at("closed.tfrecord"))
for index in range(3):
    writer.write(serialize_example(index))
writer.flush()
writer.close()

options = tf.io.TFRecordOptions(compression_type="GZIP")
with tf.io.TFRecordWriter(at("options.gz"), options=options) as writer:
    writer.write(serialize_example(1))
with tf.io.TFRecordWriter(at("string.gz"), "GZIP") as writer:
    writer.write(serialize_example(1))
options = tf.io.TFRecordOptions("ZLIB", compression_level=9)
with tf.io.TFRecordWriter(path=at("options.zlib"), options=options) as writer:
    writer.write(serialize_example(2))

example = tf.train.Example()
example.features.feature["values"].int64_list.value.extend([1, 2, 3])
with tf.io.TFRecordWriter(at("built-00000-of-00001")) as writer:
    writer.write(example.SerializeToString())

sequence = tf.train.SequenceExample(
    context=tf.train.Features(feature={"length": _int64_feature(2)}),
    feature_lists=tf.train.FeatureLists(
        feature_list={"tokens": tf.train.FeatureList(feature=[_int64_feature(1), _int64_feature(2)])}
    ),
)
with tf.io.TFRecordWriter(at("sequence.tfrecord")) as writer:
    writer.write(sequence.SerializeToString(deterministic=True))

forgotten = tf.io.TFRecordWriter(at("forgotten.tfrecord"))
forgotten.write(serialize_example(7))
del forgotten

for index, record in enumerate(tf.compat.v1.io.tf_record_iterator(at("tutorial.tfrecord"))):
    example = tf.train.Example.FromString(record)
    assert example.features.feature["image/height"].int64_list.value[0] == index * 10
    assert record == serialize_example(index)
assert index == 19

example = tf.train.Example()
for record in tf.compat.v1.io.tf_record_iterator(at("string.gz"), tf.io.TFRecordOptions("GZIP")):
    example.ParseFromString(record)
assert example.features.feature["label"].int64_list.value == [-1]
print(sorted(os.listdir(folder)))
'''


BOTH = """
path = sys.argv[2]
feature = {"k": tf.train.Feature(int64_list=tf.train.Int64List(value=[5]))}
message = tf.train.Example(features=tf.train.Features(feature=feature))
our_feature = {"k": tfr.train.Feature(int64_list=tfr.train.Int64List(value=[5]))}
our_message = tfr.train.Example(features=tfr.train.Features(feature=our_feature))
assert our_message.SerializeToString() == message.SerializeToString() == tfr.encode_example({"k": 5})
assert tfr.Example.FromString(message.SerializeToString()) == our_message
assert tf.train.Example.FromString(our_message.SerializeToString()) == message
with tfr.TFRecordWriter(path) as writer:
    writer.write_example(message)
    writer.write_example(our_message)
records = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
assert records == list(tfr.read_records(path)) == [message.SerializeToString()] * 2
parsed = tf.io.parse_single_example(records[0], {"k": tf.io.FixedLenFeature([], tf.int64)})
print("both", int(parsed["k"]))
"""
FIRST = SCRIPT.replace("IMPORTED", "tensorflow") + "\nimport tfrecord_lite as tfr\n" + BOTH
SECOND = """
import sys
import tfrecord_lite as tfr
tfr.Example, tfr.SequenceExample, tfr.TFRecordWriter
import tensorflow as tf
"""


@pytest.fixture(scope="module")
def tensorflow_first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the script's files, and the output of the script and of BOTH behind it: one start for two tests."""
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("theirs")
    return folder, python_output(FIRST, folder, tmp_path_factory.mktemp("both") / "x")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_preparation_script_makes_the_same_files_with_either_import(
    tmp_path: Path, tensorflow_first: tuple[Path, str]
) -> None:
    folder, output = tensorflow_first
    listed = python_output(SCRIPT.replace("IMPORTED", "tfrecord_lite"), tmp_path)
    assert output.startswith(listed)
    ours, theirs = files(tmp_path), files(folder)
    assert len(ours) == 8
    assert ours.keys() == theirs.keys()
    for name, data in ours.items():
        assert data == theirs[name], name


def test_tensorflow_and_then_this_live_in_one_process(tensorflow_first: tuple[Path, str]) -> None:
    assert tensorflow_first[1].endswith("both 5\n")


def test_this_and_then_tensorflow_live_in_one_process(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    assert python_output(SECOND + BOTH, "-", tmp_path / "x") == "both 5\n"


def test_old_names_write_and_read(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    with tfr.python_io.TFRecordWriter(path) as writer:
        writer.write(b"one")
    assert Path(path).read_bytes() == frame(b"one")
    assert list(tfr.compat.v1.io.tf_record_iterator(path)) == [b"one"]
    assert list(tfr.compat.v1.io.tf_record_iterator(path=path, options=None)) == [b"one"]


def test_imports_of_parts_work() -> None:
    script = """
import tfrecord_lite as tf
from tfrecord_lite import io, train, python_io
from tfrecord_lite.io import TFRecordWriter
from tfrecord_lite.train import Example, Feature, Features, BytesList, FloatList, Int64List
from tfrecord_lite.train import SequenceExample, FeatureList, FeatureLists
assert tf.io.TFRecordWriter is TFRecordWriter
assert tf.train.Example is Example is tf.Example
assert tf.python_io.TFRecordWriter is TFRecordWriter
"""
    python_output(script)


PUBLIC = [
    "TFRecordWriter",
    "TFRecordReader",
    "read_records",
    "read_examples",
    "encode_example",
    "decode_example",
    "encode_sequence_example",
    "decode_sequence_example",
    "Example",
    "Features",
    "Feature",
    "BytesList",
    "FloatList",
    "Int64List",
    "FeatureList",
    "FeatureLists",
    "SequenceExample",
    "bytes_feature",
    "float_feature",
    "int64_feature",
    "masked_crc32c",
    "TFRecordError",
    "CorruptRecordError",
    "TruncatedRecordError",
    "RecordTooLargeError",
    "DecodeError",
    "FeatureError",
    "IndexMismatchError",
]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_there_and_listed(name: str) -> None:
    assert getattr(tfr, name)
    assert name in dir(tfr)


@pytest.mark.parametrize(
    "name",
    [
        "constant",
        "data",
        "keras",
        "image",
        "io.decode_jpeg",
        "io.gfile",
        "train.Checkpoint",
        "compat.v1.Session",
        "python_io.nothing",
    ],
)
def test_missing_name_raises_attribute_error_that_says_so(name: str) -> None:
    *parents, last = name.split(".")
    owner: object = tfr
    for parent in parents:
        owner = getattr(owner, parent)
    with pytest.raises(AttributeError) as raised:
        getattr(owner, last)
    assert last in str(raised.value)
    assert "tfrecord_lite" in str(raised.value)
    assert not hasattr(owner, last)


def test_missing_name_cannot_be_imported_from() -> None:
    done = python("from tfrecord_lite import constant")
    assert done.returncode == 1
    assert b"ImportError" in done.stderr
    assert b"constant" in done.stderr


def test_import_brings_numpy_at_most() -> None:
    script = """
import sys
before = set(sys.modules)
import tfrecord_lite
brought = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(brought & {"google", "PIL", "crc32c", "tensorflow", "torch", "pyarrow", "fsspec", "pandas"}))
print("google.protobuf" in sys.modules)
"""
    assert python_output(script).split() == ["False"]


def test_records_are_written_and_read_without_protobuf_pillow_and_tensorflow(tmp_path: Path) -> None:
    script = """
import sys
import tfrecord_lite as tfr
with tfr.TFRecordWriter(sys.argv[1]) as writer:
    writer.write(b"one")
print(*tfr.read_records(sys.argv[1]), *{"google.protobuf", "PIL", "tensorflow"} & set(sys.modules))
"""
    assert python_output(script, tmp_path / "x").split() == ["b'one'"]
    assert (tmp_path / "x").read_bytes() == frames([b"one"])


def test_import_gives_no_warning() -> None:
    done = python("import tfrecord_lite as tfr; tfr.Example, tfr.TFRecordWriter, tfr.read_records", warnings="error")
    assert (done.returncode, done.stderr) == (0, b"")
