"""A Parquet table with images -> shards of TFRecord -> the same table again, by Apache Beam.

    python examples/engines_beam.py photos.parquet records back/photos

The table has the columns id (text), label (int64), image (the bytes of a JPEG) and embedding (16 float32). Needs
`pip install "tfrecord-lite-codec[beam]"`. With the options of a runner behind the paths, the same runs on a
cluster whose machines all see the paths.
"""

from __future__ import annotations

import argparse
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

import tfrecord_lite as tfr
from tfrecord_lite.adapters.beam import ReadExamples, WriteExamples

FEATURES = {
    "id": tfr.FixedLenFeature([], bytes),
    "label": tfr.FixedLenFeature([], "int64"),
    "image": tfr.FixedLenFeature([], bytes),
    "embedding": tfr.FixedLenFeature([16], "float32"),
}
COLUMNS = pa.schema({"id": pa.string(), "label": pa.int64(), "image": pa.binary(), "embedding": pa.list_(pa.float32())})


def row_of(example: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    return {
        "id": example["id"].item().decode(),
        "label": example["label"].item(),
        "image": example["image"].item(),
        "embedding": example["embedding"].tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="Parquet file, or glob of several")
    parser.add_argument("records", help="directory for the shards")
    parser.add_argument("back", help="prefix of the Parquet files made of them")
    parser.add_argument("--num-shards", type=int, default=4, help="of TFRecord (%(default)s)")
    arguments, others = parser.parse_known_args()
    options = PipelineOptions(others)
    with beam.Pipeline(options=options) as pipeline:
        rows = pipeline | beam.io.ReadFromParquet(arguments.table)
        rows | WriteExamples(arguments.records, num_shards=arguments.num_shards)
    with beam.Pipeline(options=options) as pipeline:
        examples = pipeline | ReadExamples(arguments.records, FEATURES)
        examples | beam.Map(row_of) | beam.io.WriteToParquet(arguments.back, COLUMNS, file_name_suffix=".parquet")


if __name__ == "__main__":
    main()
