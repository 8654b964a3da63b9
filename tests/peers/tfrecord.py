"""tfrecord of PyPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfrecord.reader import tfrecord_iterator, tfrecord_loader
from tfrecord.tools.tfrecord2idx import create_index
from tfrecord.writer import TFRecordWriter

from peers.talk import Feature, serve

_DTYPES = {"bytes_list": "byte", "float_list": "float", "int64_list": "int"}


def read_records(path: str, compression: str = "") -> Iterator[bytes]:
    for view in tfrecord_iterator(path, None, compression_type=compression or None):
        yield bytes(view)


def read_records_together(path: str) -> list[bytes]:
    """As a list of what the iterator gives, which is looked at when all is read."""
    return [bytes(view) for view in list(tfrecord_iterator(path))]


def read_examples(path: str, compression: str = "") -> Iterator[dict[str, Feature]]:
    for example in tfrecord_loader(path, None, compression_type=compression or None):
        yield {name: _feature(value) for name, value in example.items()}


def read_sequences(path: str, compression: str = "") -> Iterator[tuple[dict[str, Feature], dict[str, list[Feature]]]]:
    loader = tfrecord_loader(path, None, sequence_description=[], compression_type=compression or None)
    for context, lists in loader:
        features = {name: _feature(value) for name, value in context.items()}
        yield features, {name: list(map(_feature, values)) for name, values in lists.items()}


def read_shard(path: str, index: str, number: str, count: str) -> Iterator[bytes]:
    for view in tfrecord_iterator(path, index, (int(number), int(count))):
        yield bytes(view)


def write_examples(examples: list[dict[str, Any]], path: str) -> None:
    writer = TFRecordWriter(path)
    for example in examples:
        writer.write({name: (values, _DTYPES[kind]) for name, (kind, values) in example.items()})
    writer.close()


def write_sequences(sequences: list[tuple[dict[str, Any], dict[str, Any]]], path: str) -> None:
    """Each of its lists has features of one kind, or none."""
    writer = TFRecordWriter(path)
    for context, lists in sequences:
        writer.write(
            {name: (values, _DTYPES[kind]) for name, (kind, values) in context.items()},
            {
                name: ([values for _, values in features], _DTYPES[features[0][0]] if features else "int")
                for name, features in lists.items()
            },
        )
    writer.close()


def index(path: str, target: str) -> None:
    create_index(path, target)


def _feature(value: Any) -> Feature:
    if isinstance(value, bytes):
        return "bytes_list", [value]
    return {"S": "bytes_list", "f": "float_list", "i": "int64_list"}[value.dtype.kind], value.tolist()


if __name__ == "__main__":
    serve(
        {
            "read-records": read_records,
            "read-records-together": read_records_together,
            "read-examples": read_examples,
            "read-sequences": read_sequences,
            "read-shard": read_shard,
            "write-examples": write_examples,
            "write-sequences": write_sequences,
            "index": index,
        }
    )
