"""A Parquet table with images -> shards of TFRecord -> the same table again, by Dask.

    python examples/engines_dask.py photos.parquet records back

The table has the columns id (text), label (int64), image (the bytes of a JPEG) and embedding (16 float32). Needs
`pip install "tfrecord-lite-codec[dask]"`. Starts worker processes on this machine; with `--scheduler ADDRESS` the same
runs on a cluster whose machines all see the paths.
"""

from __future__ import annotations

import argparse

import dask.dataframe
import pandas as pd
import pyarrow as pa
from distributed import Client, LocalCluster

import tfrecord_lite as tfr
from tfrecord_lite.adapters.dask import read_dataframe, write_tfrecords

COLUMNS = pa.schema(
    {"id": pa.string(), "label": pa.int64(), "image": pa.binary(), "embedding": pa.list_(pa.float32(), 16)}
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="Parquet file, or a directory of several")
    parser.add_argument("records", help="directory for the shards")
    parser.add_argument("back", help="directory for the Parquet files made of them")
    parser.add_argument("--num-shards", type=int, default=4, help="of TFRecord, at most (%(default)s)")
    parser.add_argument("--scheduler", help="address of the scheduler of a cluster")
    arguments = parser.parse_args()
    schema = tfr.schema_from_arrow(COLUMNS)
    cluster = arguments.scheduler or LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with Client(cluster):
        table = dask.dataframe.read_parquet(arguments.table, dtype_backend="pyarrow", split_row_groups=True)
        write_tfrecords(table.repartition(npartitions=arguments.num_shards), arguments.records, schema=schema)
        records = read_dataframe(arguments.records, schema)
        records = records.assign(id=records["id"].astype(pd.ArrowDtype(pa.string())))  # a feature holds bytes
        records.to_parquet(arguments.back, write_index=False, schema=COLUMNS)
    if not arguments.scheduler:
        cluster.close()


if __name__ == "__main__":
    main()
