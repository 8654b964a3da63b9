"""A Parquet table with images -> shards of TFRecord -> the same table again, by Ray Data.

    python examples/engines_ray.py photos.parquet records back

The table has the columns id (text), label (int64), image (the bytes of a JPEG) and embedding (16 float32). Needs
`pip install "tfrecord-lite-codec[ray]"`. Starts a cluster on this machine unless RAY_ADDRESS names one, whose machines
all see the paths.
"""

from __future__ import annotations

import argparse

import pyarrow as pa
import ray

import tfrecord_lite as tfr
from tfrecord_lite.adapters.ray import read_tfrecords, write_tfrecords

COLUMNS = pa.schema(
    {"id": pa.string(), "label": pa.int64(), "image": pa.binary(), "embedding": pa.list_(pa.float32(), 16)}
)


def with_text(batch: pa.Table) -> pa.Table:
    """The same with id as text: a feature holds bytes."""
    return batch.cast(pa.schema([field.with_type(COLUMNS.field(field.name).type) for field in batch.schema]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="Parquet file, or a directory of several")
    parser.add_argument("records", help="directory for the shards")
    parser.add_argument("back", help="directory for the Parquet files made of them")
    parser.add_argument("--max-records", type=int, default=10_000, help="in a shard (%(default)s)")
    arguments = parser.parse_args()
    schema = tfr.schema_from_arrow(COLUMNS)
    ray.init()
    table = ray.data.read_parquet(arguments.table)
    infos = write_tfrecords(table, arguments.records, schema=schema, max_records=arguments.max_records)
    print(f"{sum(info.records for info in infos)} records in {len(infos)} shards")
    records = read_tfrecords(arguments.records, schema)
    records.map_batches(with_text, batch_format="pyarrow").write_parquet(arguments.back)
    ray.shutdown()


if __name__ == "__main__":
    main()
