"""tfrecordio of Apache Beam, on its DirectRunner."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam
from apache_beam.io import WriteToText
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.tfrecordio import ReadFromTFRecord, WriteToTFRecord

from peers.talk import serve

_COMPRESSIONS = {
    "": CompressionTypes.UNCOMPRESSED,
    "gzip": CompressionTypes.GZIP,
    "zlib": CompressionTypes.DEFLATE,
}


def read_records(path: str, compression: str = "") -> Iterator[bytes]:
    text = path + ".text"
    with apache_beam.Pipeline("DirectRunner") as pipeline:
        records = pipeline | ReadFromTFRecord(path, compression_type=_COMPRESSIONS[compression])
        records | apache_beam.Map(bytes.hex) | WriteToText(text, num_shards=1, shard_name_template="")
    with open(text) as lines:
        yield from map(bytes.fromhex, lines)


def write_records(records: list[bytes], path: str, compression: str = "") -> None:
    with apache_beam.Pipeline("DirectRunner") as pipeline:
        (
            pipeline
            | apache_beam.Create(records)
            | WriteToTFRecord(path, num_shards=1, shard_name_template="", compression_type=_COMPRESSIONS[compression])
        )


if __name__ == "__main__":
    serve({"read-records": read_records, "write-records": write_records})
