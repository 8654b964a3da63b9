"""Parquet to sharded TFRecord and back, by Ray Data.

    python examples/engines_ray.py --directory engines

Draws small pictures, keeps them as JPEG beside an id, a label and 16 floats in Parquet files, writes these rows as
shards of TFRecord, reads the shards, and writes Parquet again. Needs Ray (`pip install "tfrecord-lite-codec[ray]"`),
and starts a cluster on this machine unless RAY_ADDRESS names one. The last line says whether all rows came back.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray
from PIL import Image

from tfrecord_lite.adapters.arrow import schema_from_arrow
from tfrecord_lite.adapters.ray import read_tfrecords, write_tfrecords

COLUMNS = pa.schema(
    [
        ("embedding", pa.list_(pa.float32(), 16)),
        ("id", pa.int64()),
        ("image", pa.binary()),
        ("label", pa.int64()),
    ]
)


def draw_rows(begin: int, end: int) -> pa.Table:
    """The rows of these ids, which are the same at every call."""
    rows = []
    for number in range(begin, end):
        random = np.random.default_rng(number)
        pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
        jpeg = io.BytesIO()
        Image.fromarray(pixels).resize((64, 64)).save(jpeg, "JPEG")
        embedding = random.standard_normal(16, np.float32)
        rows.append({"embedding": embedding, "id": number, "image": jpeg.getvalue(), "label": number % 10})
    return pa.Table.from_pylist(rows, COLUMNS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, default=Path("engines"), help="where the files go (%(default)s)")
    parser.add_argument("--rows", type=int, default=1000, help="how many (%(default)s)")
    options = parser.parse_args()
    parquet, shards, back = (options.directory / name for name in ("parquet", "tfrecord", "parquet_again"))
    parquet.mkdir(parents=True, exist_ok=True)
    for number in range(4):
        begin, end = (options.rows * edge // 4 for edge in (number, number + 1))
        pq.write_table(draw_rows(begin, end), parquet / f"{number}.parquet")

    ray.init()
    written = write_tfrecords(
        ray.data.read_parquet(str(parquet)), shards, mode="overwrite", max_records=options.rows // 3 or 1
    )
    print(f"{sum(info.records for info in written)} records in {len(written)} shards")
    read_tfrecords(shards, schema_from_arrow(COLUMNS)).write_parquet(str(back), mode="overwrite")
    ray.shutdown()

    same = pq.read_table(back).sort_by("id") == pq.read_table(parquet).sort_by("id")
    print("all rows came back" if same else "other rows came back")


if __name__ == "__main__":
    main()
