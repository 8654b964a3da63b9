"""TensorFlow's side: the same work in the words of its users.

Of the usual ways the fastest: the v1 iterator, which makes no tensors, for records, and tf.data for batches; lists
instead of arrays for the message classes, which take them up to 8 times as fast; the kinds of features known
beforehand, never asked for.

TensorFlow is loaded when it is first used: that takes seconds, and `--help` need not wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np


@cache
def tensorflow() -> Any:
    """The module, without its remarks about the processor, missing GPUs and deprecated names."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    return tf


def write_records(path: str, records: Iterable[bytes], compression_type: str = "") -> None:
    """Serialized records -> a TFRecord file."""
    with tensorflow().io.TFRecordWriter(path, compression_type) as writer:
        for record in records:
            writer.write(record)


def write_examples(
    path: str,
    examples: Sequence[Mapping[str, Any]],
    *,
    optional: Collection[str] = (),
    deterministic: bool = False,
    compression_type: str = "",
) -> None:
    """Examples, all of the same types as the first one, which has every feature -> a TFRecord file.

    None, as a value of the `optional` features, is a feature without a kind. Without `deterministic` the order of keys
    is random in every process, as in most people's files.
    """
    train = tensorflow().train
    makers = {name: _feature_maker(value) for name, value in examples[0].items()}
    makers |= {name: _or_without_kind(makers[name]) for name in optional}
    with tensorflow().io.TFRecordWriter(path, compression_type) as writer:
        for example in examples:
            features = {name: makers[name](value) for name, value in example.items()}
            message = train.Example(features=train.Features(feature=features))
            # The argument costs time even when it is False.
            writer.write(
                message.SerializeToString(deterministic=True) if deterministic else message.SerializeToString()
            )


def write_examples_in_order(path: str, examples: Sequence[Mapping[str, Any]]) -> None:
    """As `write_examples`, but the entries of a record stand in the order of the example's keys.

    protobuf gives its maps an order of its own, so each entry is serialized by itself; one after the other they are the
    same message, by the rule that lets messages be joined.
    """
    train = tensorflow().train
    makers = {name: _feature_maker(value) for name, value in examples[0].items()}
    with tensorflow().io.TFRecordWriter(path) as writer:
        for example in examples:
            entries = [
                train.Features(feature={name: makers[name](value)}).SerializeToString()
                for name, value in example.items()
            ]
            features = b"".join(entries)
            writer.write(b"\n" + _varint(len(features)) + features)  # field 1 of Example, length-delimited


def read_records(path: str, compression_type: str = "") -> Iterator[bytes]:
    """A TFRecord file -> its records."""
    io = tensorflow().compat.v1.io
    records: Iterator[bytes] = io.tf_record_iterator(path, tensorflow().io.TFRecordOptions(compression_type))
    return records


def read_examples(path: str, like: Mapping[str, Any], optional: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """A TFRecord file -> {name: list of bytes, float32 array or int64 array}.

    Args:
        path: of the file.
        like: an example of the same features and types as all in the file.
        optional: the features that not every example has.
    """
    readers = {name: _feature_reader(value) for name, value in like.items() if name not in optional}
    optional_readers = {name: _feature_reader(like[name]) for name in optional}
    parse = tensorflow().train.Example.FromString
    for record in read_records(path):
        features = parse(record).features.feature
        example = {name: read(features[name]) for name, read in readers.items()}
        for name, read in optional_readers.items():
            if name in features:
                example[name] = read(features[name])
        yield example


def read_batches(path: str, features: Mapping[str, Any], batch_size: int, compression_type: str = "") -> Iterable[Any]:
    """A TFRecord file -> {name: tensor of `batch_size` records}, again at every iteration, on all cores.

    Args:
        path: of the file.
        features: {name: feature of tf.io}.
        batch_size: records in each batch, but for the last one.
        compression_type: of the file.
    """
    tf = tensorflow()
    batches: Iterable[Any] = (
        tf.data.TFRecordDataset(path, compression_type)
        .batch(batch_size)
        .map(lambda records: tf.io.parse_example(records, features), num_parallel_calls=tf.data.AUTOTUNE)
    )
    return batches


def canonical(record: bytes) -> bytes:
    """A serialized Example with its keys in order."""
    message = tensorflow().train.Example.FromString(record)
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized


def _varint(number: int) -> bytes:
    groups = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


def _or_without_kind(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    feature = tensorflow().train.Feature
    return lambda value: feature() if value is None else make(value)


def _feature_maker(value: Any) -> Callable[[Any], Any]:
    """What makes a tf.train.Feature of values like this one: bytes, int, float, float32 array or int64 array."""
    train = tensorflow().train
    feature, bytes_list, float_list, int64_list = train.Feature, train.BytesList, train.FloatList, train.Int64List
    if isinstance(value, bytes):
        return lambda value: feature(bytes_list=bytes_list(value=[value]))
    if isinstance(value, int):
        return lambda value: feature(int64_list=int64_list(value=[value]))
    if isinstance(value, float):
        return lambda value: feature(float_list=float_list(value=[value]))
    if value.dtype.kind == "f":
        return lambda value: feature(float_list=float_list(value=value.tolist()))
    return lambda value: feature(int64_list=int64_list(value=value.tolist()))


def _feature_reader(value: Any) -> Callable[[Any], Any]:
    """What reads a feature whose values were like this one.

    np.array is what everybody writes, and the fastest for more than some ten values. For a single one np.fromiter takes
    a quarter of the time: where features are many and short (W3) a reader that knows of it needs half the time.
    """
    if isinstance(value, bytes):
        return lambda feature: list(feature.bytes_list.value)
    if isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        return lambda feature: np.array(feature.float_list.value, np.float32)
    return lambda feature: np.array(feature.int64_list.value, np.int64)
