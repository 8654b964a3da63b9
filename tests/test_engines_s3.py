"""The four engines write a set of shards to s3:// and read it: moto's server, a real one on loopback.

Each runs in a process of its own, whose workers find the server as fsspec is told: by the environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import s3_server

#: Clusters are started.
pytestmark = pytest.mark.slow

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytest.importorskip("flask_cors", reason="moto's server needs it")

ROOT = Path(__file__).parent.parent

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}

SCRIPTS = {
    "pyspark": """
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
frame = spark.range(0, 100, 1, 5)
for mode in ("append", "append", "overwrite"):
    frame.write.format("tfrecord").mode(mode).save(url)
frame.write.format("tfrecord").mode("append").option("num_shards", 3).save(url)
found = sorted(row.id for row in spark.read.format("tfrecord").load(url).collect())
spark.stop()
""",
    "ray": """
import ray
from tfrecord_lite.adapters.ray import read_tfrecords, write_tfrecords
ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, _node_ip_address="127.0.0.1")
frame = ray.data.range(100, override_num_blocks=5)
for mode in ("append", "append", "overwrite"):
    write_tfrecords(frame, url, mode=mode)
write_tfrecords(frame, url, mode="append", num_shards=3)
found = sorted(row["id"] for row in read_tfrecords(url).take_all())
ray.shutdown()
""",
    "dask": """
import dask.bag, distributed
from tfrecord_lite.adapters.dask import read_bag, write_tfrecords
with distributed.LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
    with distributed.Client(cluster):
        bag = dask.bag.from_sequence(range(100), npartitions=5).map(lambda number: {"id": number})
        for mode in ("append", "append", "overwrite"):
            write_tfrecords(bag, url, mode=mode)
        write_tfrecords(bag, url, mode="append", num_shards=3)
        found = sorted(read_bag(url).map(lambda example: example["id"].item()).compute())
""",
    "apache_beam": """
import apache_beam as beam
from tfrecord_lite.adapters.beam import ReadExamples, WriteExamples
for options in ({"mode": "append"}, {"mode": "append"}, {"mode": "overwrite"}, {"mode": "append", "num_shards": 3}):
    with beam.Pipeline() as pipeline:
        pipeline | beam.Create(range(100)) | beam.Map(lambda n: {"id": n}) | WriteExamples(url, **options)
found = sorted(example["id"].item() for example in tfr.read_examples(url))
with beam.Pipeline() as pipeline:
    count = pipeline | ReadExamples(url) | beam.combiners.Count.Globally()
    count | beam.Map(lambda count: (_ for _ in ()).throw(ValueError(count)) if count != 200 else None)
""",
}


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Of a process that is to use the server, which has a bucket."""
    with s3_server() as address:
        settings = {
            "FSSPEC_S3": json.dumps({"endpoint_url": address}),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        environment = os.environ | settings | ENVIRONMENT
        script = "import fsspec; fsspec.filesystem('s3').mkdir('bucket')"
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        yield environment


@pytest.mark.parametrize("engine", list(SCRIPTS))
def test_a_set_in_a_bucket(environment: dict[str, str], engine: str) -> None:
    pytest.importorskip(engine)
    script = f"""
import sys
import tfrecord_lite as tfr
if __name__ == "__main__":
    url = sys.argv[1]
{"".join("    " + line for line in SCRIPTS[engine].splitlines(keepends=True))}
    assert found == sorted([*range(100)] * 2), found
    import fsspec
    names = [name.rpartition("/")[2] for name in fsspec.filesystem("s3").ls(url.removeprefix("s3://"), detail=False)]
    assert {{name for name in names if not name.startswith("part-")}} == {{"_MANIFEST.json", "_SUCCESS"}}, names
    assert sum(name.endswith("-of-00003") for name in names) == 3, names
    assert tfr.verify(url).records == 200
"""
    command = [sys.executable, "-c", script, f"s3://bucket/{engine}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
