"""tfr-reader of PyPI."""

from __future__ import annotations

from collections.abc import Iterator

from tfr_reader.cython.indexer import TFRecordFileReader
from tfr_reader.example import decode

from peers.talk import Feature, serve


def read_records(path: str, save_index: str = "") -> Iterator[bytes]:
    reader = TFRecordFileReader(path, bool(save_index))
    return map(reader.get_example, range(len(reader)))


def read_examples(path: str) -> Iterator[dict[str, Feature]]:
    for record in read_records(path):
        example = decode(record)
        yield {name: (kind, list(example[name].value)) for name, kind in example.fields}


if __name__ == "__main__":
    serve({"read-records": read_records, "read-examples": read_examples})
