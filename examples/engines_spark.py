"""A Parquet table with images -> shards of TFRecord -> the same table again, by Spark.

    python examples/engines_spark.py photos.parquet records back

The table has the columns id (text), label (int64), image (the bytes of a JPEG) and embedding (16 float32). Needs
`pip install "tfrecord-lite-codec[spark]"` and Java 17. Runs on this machine; `spark-submit --master ...` with the same
file and arguments runs it on a cluster whose machines all see the paths.
"""

from __future__ import annotations

import argparse

from pyspark.sql import SparkSession

COLUMNS = "id string, label long, image binary, embedding array<float>"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="Parquet file, or a directory of several")
    parser.add_argument("records", help="directory for the shards")
    parser.add_argument("back", help="directory for the Parquet files made of them")
    parser.add_argument("--num-shards", type=int, default=4, help="of TFRecord (%(default)s)")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("engines").getOrCreate()
    table = spark.read.parquet(arguments.table).repartition(arguments.num_shards)
    table.write.format("tfrecord").mode("overwrite").save(arguments.records)
    records = spark.read.format("tfrecord").schema(COLUMNS).load(arguments.records)
    print(f"{records.count()} records")
    records.write.parquet(arguments.back)
    spark.stop()


if __name__ == "__main__":
    main()
