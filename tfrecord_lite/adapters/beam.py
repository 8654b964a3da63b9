"""Examples in Apache Beam: its own TFRecord source and sink with our codec. Needs the extra `[beam]`.

    examples | WriteExamples("out/train", num_shards=8)          PCollection of examples -> shards
    pipeline | ReadExamples("out/train-*", features)             shards -> PCollection of examples

Files, names of shards, retries and file systems (`gs://`, `s3://`, `hdfs://`) are Beam's business, and so are the CRCs,
which it checks with google-crc32c. What its sink promises is less than what `commit` does: shards get their names one
by one at the end, no manifest is written, and shards of an older set with another number stay beside the new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

try:
    import apache_beam as beam
    from apache_beam.io.filesystem import CompressionTypes
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] != "apache_beam":
        raise
    raise ImportError('this needs Apache Beam: pip install "tfrecord-lite-codec[beam]"') from error

from tfrecord_lite.files.options import check_compression_type
from tfrecord_lite.format.example import decode_example, encode_example
from tfrecord_lite.format.parsing import example_plan, parse_single_example

_COMPRESSION = {"": CompressionTypes.UNCOMPRESSED, "GZIP": CompressionTypes.GZIP, "ZLIB": CompressionTypes.DEFLATE}


class WriteExamples(beam.PTransform):  # type: ignore[misc]
    """Writes a PCollection of examples, each as for `encode_example`, to `prefix-00000-of-0000N` and so on.

    Which example is in which shard, and in what order, is Beam's choice.

    Args:
        prefix: a path or URL of a file system that Beam knows.
        num_shards: how many; None leaves it to the runner.
        compression_type: "", "GZIP" or "ZLIB".

    Raises:
        ValueError: the compression type is none, or num_shards is not positive.
        FeatureError: (when the pipeline runs) an example cannot be encoded; no shard gets its name.
    """

    def __init__(self, prefix: str, *, num_shards: int | None = None, compression_type: str = "") -> None:
        super().__init__()
        if num_shards is not None and num_shards < 1:
            raise ValueError(f"num_shards is 1 or more, not {num_shards}")
        self._sink = beam.io.WriteToTFRecord(
            prefix, num_shards=num_shards or 0, compression_type=_COMPRESSION[check_compression_type(compression_type)]
        )

    def expand(self, pcoll: Any) -> Any:
        return pcoll | "Encode" >> beam.ParDo(_Encode()) | "Write" >> self._sink


class ReadExamples(beam.PTransform):  # type: ignore[misc]
    """Reads examples: what `decode_example` gives, or with features what `parse_single_example` gives.

    Args:
        pattern: a path, URL or glob of a file system that Beam knows; a manifest is not looked at. Each file is read by
            one worker, from its beginning to its end.
        features: {name: FixedLenFeature(...) or another feature}, or a Schema.
        compression_type: "", "GZIP" or "ZLIB"; None goes by the end of the name, as Beam does: ".gz" and ".deflate".

    Raises:
        OSError: no file matches the pattern.
        ValueError: the compression type is none; or (when the pipeline runs, from Beam) a file is damaged.
        FeatureError, TypeError: the features are of no use.
        DecodeError, FeatureError: (when the pipeline runs) a record is no Example, or not what the features ask for.
    """

    def __init__(
        self, pattern: str, features: Mapping[str, Any] | None = None, *, compression_type: str | None = None
    ) -> None:
        super().__init__()
        if features is not None:
            example_plan(features)  # what is of no use is to be an error here, and not on a worker
        self._features = features
        self._source = beam.io.ReadFromTFRecord(
            pattern,
            compression_type=CompressionTypes.AUTO
            if compression_type is None
            else _COMPRESSION[check_compression_type(compression_type)],
        )

    def expand(self, pcoll: Any) -> Any:
        return pcoll | "Read" >> self._source | "Decode" >> beam.ParDo(_Decode(self._features))


# Classes, for Beam would take the annotations of a function for types of elements that it has to check.
class _Encode(beam.DoFn):  # type: ignore[misc]
    def process(self, element):  # type: ignore[no-untyped-def]
        yield encode_example(element)


class _Decode(beam.DoFn):  # type: ignore[misc]
    def __init__(self, features: Mapping[str, Any] | None) -> None:
        super().__init__()
        self._features = features

    def process(self, element):  # type: ignore[no-untyped-def]
        yield decode_example(element) if self._features is None else parse_single_example(element, self._features)
