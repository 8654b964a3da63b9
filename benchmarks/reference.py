"""TensorFlow's side: the same work in the words of its users.

Of the usual ways the fastest: the v1 iterator, which makes no tensors; lists instead of arrays for the message
classes, which take them up to 8 times as fast; the kinds of features known beforehand, never asked for.

TensorFlow is loaded when it is first used: that takes seconds, and `--help` need not wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
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


def write_records(path: str, records: Iterable[bytes]) -> None:
    """Serialized records -> a TFRecord file."""
    with tensorflow().io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)


def write_examples(path: str, examples: Iterable[Mapping[str, Any]], *, deterministic: bool = False) -> None:
    """Examples, all of the same features and types as the first one -> a TFRecord file.

    Without `deterministic` the order of keys is random in every process, as in most people's files.
    """
    train = tensorflow().train
    makers: dict[str, Callable[[Any], Any]] = {}
    with tensorflow().io.TFRecordWriter(path) as writer:
        for example in examples:
            makers = makers or {name: _feature_maker(value) for name, value in example.items()}
            features = {name: make(example[name]) for name, make in makers.items()}
            message = train.Example(features=train.Features(feature=features))
            # The argument costs time even when it is False.
            writer.write(
                message.SerializeToString(deterministic=True) if deterministic else message.SerializeToString()
            )


def read_records(path: str) -> Iterator[bytes]:
    """A TFRecord file -> its records."""
    records: Iterator[bytes] = tensorflow().compat.v1.io.tf_record_iterator(path)
    return records


def read_examples(path: str, like: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A TFRecord file -> {name: list of bytes, float32 array or int64 array}.

    Args:
        path: of the file.
        like: an example of the same features and types as all in the file.
    """
    readers = {name: _feature_reader(value) for name, value in like.items()}
    parse = tensorflow().train.Example.FromString
    for record in read_records(path):
        features = parse(record).features.feature
        yield {name: read(features[name]) for name, read in readers.items()}


def canonical(record: bytes) -> bytes:
    """A serialized Example with its keys in order."""
    message = tensorflow().train.Example.FromString(record)
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized


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
