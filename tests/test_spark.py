"""The data source "tfrecord" under a real Spark on this machine: tasks fail, workers and a driver are killed."""

from __future__ import annotations

import io
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_tables import rows_of, write_photos

import tfrecord_lite as tfr
from tfrecord_lite import FeatureError, ShardError

pytest.importorskip("pyspark")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java", allow_module_level=True)

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from engine_values import (
    MORE,
    NO_COLUMNS_PROBLEM,
    REFUSED_PATHS,
    REFUSED_SCHEMAS,
    TABLE,
    as_more_records,
    as_records,
    write_sequences,
)
from published import published_error
from pyspark.errors import AnalysisException
from pyspark.sql import types
from pyspark.sql.datasource import DataSourceReader

from tfrecord_lite.adapters.arrow_sequences import sequence_arrow_schema
from tfrecord_lite.adapters.spark import read_tfrecords, write_tfrecords
from tfrecord_lite.adapters.spark_filters import is_exact
from tfrecord_lite.adapters.spark_options import SourceOptions
from tfrecord_lite.adapters.spark_types import arrow_of, as_spark, schema_of, struct_of
from tfrecord_lite.adapters.spark_write import ShardWriter
from tfrecord_lite.adapters.write_job import WriteJob

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::pyspark.*")]

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {
    "SPARK_LOCAL_IP": "127.0.0.1",
    "PYSPARK_PYTHON": sys.executable,
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
}
SETTINGS = {
    # a JVM for two minutes: code that is compiled well costs more than it saves
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16",
}
COUNT = 180


def session(warehouse: Path, master: str = "local[2,4]", settings: Mapping[str, str] = SETTINGS) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).config("spark.sql.warehouse.dir", str(warehouse))
    for name, value in settings.items():
        builder = builder.config(name, value)
    started = builder.getOrCreate()
    started.sparkContext.setLogLevel("OFF")
    return started


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    started = session(tmp_path_factory.mktemp("warehouse"))
    from spark_faults import FaultySource

    started.dataSource.register(FaultySource)
    yield started
    started.stop()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def jpeg(number: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 255 - number, 7)).save(buffer, "JPEG")
    return buffer.getvalue()


def table() -> Any:
    """As somebody has it in Parquet: some labels are null; tags are null, or none, or some."""
    numbers = range(COUNT)
    floats = np.random.default_rng(1).standard_normal((COUNT, 16)).astype(np.float32)
    columns = {
        "id": pa.array(numbers, pa.int64()),
        "label": pa.array([None if number % 7 == 3 else number % 5 - 2 for number in numbers], pa.int32()),
        "image": pa.array([jpeg(number) for number in numbers], pa.binary()),
        "embedding": pa.array(list(floats), pa.list_(pa.float32())),
        "tags": pa.array([[None, [], ["ä", ""], ["t"] * number][number % 4] for number in numbers]),
        "ratio": pa.array([number / 4 for number in numbers], pa.float64()),
        "even": pa.array([number % 2 == 0 for number in numbers], pa.bool_()),
    }
    return pa.table(columns)


@pytest.fixture(scope="module")
def frame(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("parquet") / "rows.parquet"
    pq.write_table(table(), path)
    return spark.read.parquet(str(path)).repartition(3).cache()


def by_id(found: Any) -> list[Any]:
    return found.toArrow().sort_by("id").to_pylist()  # type: ignore[no-any-return]


def ids(directory: Path) -> list[int]:
    return sorted(example["id"].item() for example in tfr.read_examples(directory))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def hidden(directory: Path) -> list[str]:
    return [name for name in names(directory) if name.startswith(".")]


def numbered(directory: Path, begin: int, end: int) -> None:
    directory.mkdir()
    with tfr.ShardedWriter(directory / "old", num_shards=2) as writer:
        for number in range(begin, end):
            writer.write_example({"id": number})


def test_a_frame_of_parquet_comes_back_value_for_value(spark: Any, frame: Any, tmp_path: Path) -> None:
    out = tmp_path / "train"
    codec = "org.apache.hadoop.io.compress.GzipCodec"
    frame.write.format("tfrecord").mode("append").option("codec", codec).option("max_records", 40).save(str(out))
    assert by_id(spark.read.format("tfrecord").schema(frame.schema).load(str(out))) == table().to_pylist()
    assert len(list(out.glob("part-*-of-00006"))) == 6
    assert hidden(out) == []
    assert (out / "_SUCCESS").exists()
    examples = {example["id"].item(): example for example in tfr.read_examples(out)}
    for row in table().to_pylist():
        example = examples.pop(row["id"])
        assert example["image"] == [row["image"]]
        assert example["embedding"].tolist() == row["embedding"]
        assert ("label" in example) == (row["label"] is not None)
        assert [tag.decode() for tag in example["tags"]] == row["tags"] if "tags" in example else row["tags"] is None
    assert not examples
    read_by_tensorflow(out)


def read_by_tensorflow(out: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    features = {
        "id": tf.io.FixedLenFeature([], tf.int64),
        "image": tf.io.FixedLenFeature([], tf.string),
        "embedding": tf.io.FixedLenFeature([16], tf.float32),
        "label": tf.io.FixedLenFeature([], tf.int64, default_value=-9),
    }
    files = [str(path) for path in sorted(out.glob("part-*"))]
    rows = {row["id"]: row for row in table().to_pylist()}
    count = 0
    for batch in tf.data.TFRecordDataset(files, "GZIP").batch(64):
        parsed = tf.io.parse_example(batch, features)
        for number, image, floats, label in zip(*(parsed[name].numpy() for name in features), strict=True):
            row = rows[number]
            expected = (row["image"], row["embedding"], -9 if row["label"] is None else row["label"])
            assert (image, floats.tolist(), label) == expected
            count += 1
    assert count == COUNT


def test_columns_are_inferred_and_those_that_are_not_asked_for_are_not_decoded(spark: Any, tmp_path: Path) -> None:
    for name in ("a-1.tfrecord", "a-2.tfrecord", "b.tfrecord"):
        with tfr.TFRecordWriter(tmp_path / name, index=True) as writer:
            for number in range(30):
                writer.write_example({"id": number, "x": 0.5, "l": np.arange(number % 3), "of": name})
    with tfr.TFRecordWriter(tmp_path / "mixed") as writer:
        writer.write_example({"id": 30, "x": 1.0})
        writer.write_example({"id": 31, "x": b"text"})
    reader = spark.read.format("tfrecord").option("max_bytes", 800)
    found = reader.load([str(tmp_path / "a-*.tfrecord"), str(tmp_path / "b.tfrecord")])
    assert found.schema.simpleString() == "struct<id:bigint,l:array<bigint>,of:binary,x:float>"
    rows = found.toArrow().to_pylist()
    assert [row["id"] for row in rows] == [*range(30)] * 3
    assert [row["l"] for row in rows[:4]] == [[], [0], [0, 1], []]
    assert {bytes(row["of"]) for row in rows} == {b"a-1.tfrecord", b"a-2.tfrecord", b"b.tfrecord"}
    assert found.rdd.getNumPartitions() > 3  # ranges of records of each file
    only = spark.read.format("tfrecord").schema("id short").load(str(tmp_path / "mixed"))
    assert [row.id for row in only.collect()] == [30, 31]
    with pytest.raises(AnalysisException, match="met in several kinds"):
        spark.read.format("tfrecord").load(str(tmp_path / "mixed"))
    wrong = spark.read.format("tfrecord").schema("x float").load(str(tmp_path / "mixed"))
    with pytest.raises(Exception, match=r"mixed: record #1 at offset \d+: feature 'x': is bytes, not float32"):
        wrong.collect()


def test_sequence_examples_go_in_and_out(spark: Any, tmp_path: Path) -> None:
    no_bytes = np.empty(0, object)
    records = [
        tfr.encode_sequence_example({"id": 0, "v": [0.5, 1.5]}, {"words": [["a"], ["b", "c"], no_bytes], "n": [[1]]}),
        tfr.encode_sequence_example({"id": 1}, {"words": [], "n": [None, [2]]}),
        tfr.encode_sequence_example({"id": 2}, {"n": []}),
    ]
    with tfr.TFRecordWriter(tmp_path / "in") as writer:
        for record in records:
            writer.write(record)
    options = {"recordType": "SequenceExample"}
    found = spark.read.format("tfrecord").options(**options).load(str(tmp_path / "in"))
    types_of = "struct<id:bigint,v:array<float>,n:array<array<bigint>>,words:array<array<binary>>>"
    assert found.schema.simpleString() == types_of
    assert [row["words"] for row in found.toArrow().to_pylist()] == [[[b"a"], [b"b", b"c"], []], [], None]
    given = "words array<array<string>>, id long, n array<array<long>>"  # a feature list before the context
    chosen = spark.read.format("tfrecord").options(**options).schema(given).load(str(tmp_path / "in"))
    assert chosen.orderBy("id").first().asDict() == {"words": [["a"], ["b", "c"], []], "id": 0, "n": [[1]]}
    found.write.format("tfrecord").options(**options).mode("append").save(str(tmp_path / "out"))
    assert sorted(tfr.read_records(tmp_path / "out")) == sorted(records)


def test_records_go_as_they_are_and_overwrite_replaces_what_was_there(spark: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    numbered(out, 0, 9)
    records = [b"", b"\0\1", b"x" * 1000]
    found = spark.createDataFrame([(record,) for record in records], "byteArray binary")
    writer = found.write.format("tfrecord").option("recordType", "ByteArray")
    writer.option("codec", "deflate").mode("overwrite").save(str(out))
    assert sorted(tfr.read_records(out)) == sorted(records)
    assert not list(out.glob("old*"))
    back = spark.read.format("tfrecord").option("recordType", "ByteArray").load(str(out))
    assert sorted(bytes(row.byteArray) for row in back.collect()) == sorted(records)


def test_there_are_so_many_shards_as_are_asked_for(frame: Any, tmp_path: Path) -> None:
    assert frame.rdd.getNumPartitions() == 3
    for number in (1, 3, 5, COUNT + 20):
        out = tmp_path / str(number)
        frame.write.format("tfrecord").mode("append").option("num_shards", number).save(str(out))
        shards = sorted(out.glob("part-*"))
        assert [path.name[-15:] for path in shards] == [f"-{n:05}-of-{number:05}" for n in range(number)]
        assert ids(out) == [*range(COUNT)]
        assert hidden(out) == []
    infos = write_tfrecords(frame.where("id < 4"), tmp_path / "few", num_shards=6, compression_type="GZIP")
    assert len(infos) == len(list((tmp_path / "few").glob("part-*-of-00006"))) == 6
    assert ids(tmp_path / "few") == [*range(4)]
    with pytest.raises(AnalysisException, match="either a number"):
        frame.write.format("tfrecord").options(num_shards=2, max_records=3).mode("append").save(str(tmp_path / "no"))


@pytest.mark.parametrize("number", [None, 7])
def test_tasks_that_raise_and_workers_that_are_killed_leave_each_record_once(
    frame: Any, tmp_path: Path, number: int | None
) -> None:
    out, marks = tmp_path / "out", tmp_path / "marks"
    marks.mkdir()
    numbered(out, 1000, 1009)
    writer = frame.write.format("faulty").options(fault="tasks", marks=str(marks)).mode("append")
    (writer if number is None else writer.option("num_shards", number)).save(str(out))
    assert number is None or len(list(out.glob("part-*"))) == number
    assert names(marks) == ["killed-0", "killed-1", "raised-0"]
    assert ids(out) == [*range(COUNT), *range(1000, 1009)]
    assert hidden(out) == []


@pytest.mark.parametrize(("fault", "number"), [("always", None), ("commit", None), ("commit", 7)])
def test_a_write_that_fails_leaves_what_was_there(frame: Any, tmp_path: Path, fault: str, number: int | None) -> None:
    out, marks = tmp_path / "out", tmp_path / "marks"
    marks.mkdir()
    numbered(out, 0, 9)
    before = names(out)
    writer = frame.write.format("faulty").options(fault=fault, marks=str(marks)).mode("overwrite")
    writer = writer if number is None else writer.option("num_shards", number)
    with pytest.raises(Exception, match=r"data went away|crashed|exited|EOF"):
        writer.save(str(out))
    attempts = [f"raised-{attempt}" for attempt in range(4)]
    assert names(marks) == (attempts if fault == "always" else ["job", "renamed"])
    assert names(out) == before
    assert ids(out) == [*range(9)]


def test_the_verbs_of_the_other_engines(spark: Any, frame: Any, tmp_path: Path) -> None:
    infos = write_tfrecords(frame, tmp_path / "out", num_shards=4, compression_type="GZIP")
    assert [Path(info.path).name for info in infos] == [name for name in names(tmp_path / "out") if name[0] == "p"]
    assert sorted(info.records for info in infos) == [45] * 4
    assert by_id(read_tfrecords(spark, tmp_path / "out", frame.schema)) == table().to_pylist()
    schema = tfr.infer_schema(tmp_path / "out")
    assert by_id(read_tfrecords(spark, [tmp_path / "out"], schema)) == by_id(read_tfrecords(spark, tmp_path / "out"))
    with pytest.raises(FileExistsError, match="there are data already"):
        write_tfrecords(frame, tmp_path / "out")
    some = frame.where("id < 10").select("id", "ratio")
    write_tfrecords(some, tmp_path / "out", mode="append", max_records=3)
    assert ids(tmp_path / "out") == sorted([*range(10), *range(COUNT)])
    write_tfrecords(some, tmp_path / "out", mode="overwrite", schema=tfr.Schema([schema["id"]]))
    assert ids(tmp_path / "out") == [*range(10)]
    assert all(set(example) == {"id"} for example in tfr.read_examples(tmp_path / "out"))
    write_tfrecords(some.where("id < 0"), tmp_path / "none")
    assert [info.records for info in tfr.commit(None, next((tmp_path / "none").glob("part-*")).as_posix()[:-15])] == [0]
    records = read_tfrecords(spark, tmp_path / "out", record_type="ByteArray")
    write_tfrecords(records, tmp_path / "copy", record_type="ByteArray")
    assert sorted(tfr.read_records(tmp_path / "copy")) == sorted(tfr.read_records(tmp_path / "out"))


@pytest.mark.parametrize(("record_type", "schema", "error", "problem"), REFUSED_SCHEMAS)
def test_a_schema_that_is_of_no_use_is_refused_at_the_call(
    spark: Any, frame: Any, tmp_path: Path, record_type: str, schema: Any, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        write_tfrecords(frame, tmp_path / "new", record_type=record_type, schema=schema)
    with pytest.raises(error, match=problem):
        read_tfrecords(spark, tmp_path, schema, record_type=record_type)
    assert not (tmp_path / "new").exists()


def test_records_without_features_are_not_taken_for_none(spark: Any, tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"")
    with pytest.raises(AnalysisException, match="nothing would be left of the records"):
        read_tfrecords(spark, tmp_path / "a")


def test_what_the_verbs_cannot_do_is_an_error_at_once(spark: Any, frame: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="num_shards: True is no number"):
        write_tfrecords(frame, tmp_path / "new", num_shards=True)
    with pytest.raises(ValueError, match="record_type is one of"):
        read_tfrecords(spark, tmp_path, record_type="Row")
    with pytest.raises(ValueError, match="num_shards is 1 or more, not 0"):
        write_tfrecords(frame, tmp_path / "new", num_shards=0)
    with pytest.raises(ValueError, match="either a number"):
        write_tfrecords(frame, tmp_path / "new", num_shards=2, max_records=1)
    with pytest.raises(FeatureError, match=NO_COLUMNS_PROBLEM):
        write_tfrecords(frame.select(), tmp_path / "new")
    with pytest.raises(TypeError, match=r"^a DataFrame of Spark is written, not a list$"):
        write_tfrecords([1], tmp_path / "new")
    for call in (lambda: read_tfrecords(spark, "hdfs:/data"), lambda: write_tfrecords(frame, "hdfs:/data")):
        with pytest.raises(ValueError, match="of Hadoop's only file:/ is known"):
            call()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("paths", "error", "problem"), REFUSED_PATHS)
def test_paths_that_are_none_are_refused_at_the_call(
    spark: Any, paths: Any, error: type[Exception], problem: str
) -> None:
    for schema in (None, "id long"):
        with pytest.raises(error, match=problem):
            read_tfrecords(spark, paths, schema)


def test_relative_paths_of_the_verbs_are_of_the_drivers_directory(
    spark: Any, frame: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for directory in ("train", f"file:{tmp_path}/train"):
        write_tfrecords(frame.where("id < 10"), directory)
    for path in ("train", Path("../train"), "tra*", "train/part-*", f"file:{tmp_path}/train", ["train"]):
        assert sorted(row.id for row in read_tfrecords(spark, path, "id long").collect()) == [*range(10)], path
    assert read_tfrecords(spark, ["train", "../{train,here/train}"]).count() == 30


def test_a_sequence_example_is_no_example_whose_feature_lists_are_lost(spark: Any, tmp_path: Path) -> None:
    problem = write_sequences(tmp_path / "a")
    for options in ({}, {"max_bytes": 300}):
        reader = spark.read.format("tfrecord").options(**options).schema("id long")
        with pytest.raises(Exception, match=f"(?s){problem}"):
            reader.load(str(tmp_path / "a")).collect()


def test_an_error_behind_the_manifest_says_that_the_records_are_there(frame: Any, tmp_path: Path) -> None:
    numbered(tmp_path / "out", 1000, 1009)
    with published_error() as caught:
        write_tfrecords(frame, tmp_path / "out", mode="append")
    assert caught.value.path is not None
    tfr.commit(None, caught.value.path)
    out, marks = tmp_path / "more", tmp_path / "marks"
    marks.mkdir()
    writer = frame.write.format("faulty").options(fault="full", marks=str(marks)).mode("append")
    with pytest.raises(Exception, match="nothing is to be written again"):
        writer.save(str(out))
    assert ids(tmp_path / "out") == [*range(COUNT), *range(1000, 1009)]
    assert ids(out) == [*range(COUNT)]  # it has gone on by itself
    assert hidden(tmp_path / "out") == hidden(out) == []


def test_a_task_that_fails_under_the_verb_leaves_what_was_there(frame: Any, tmp_path: Path) -> None:
    from pyspark.sql import functions as f

    numbered(tmp_path / "out", 0, 9)
    before = names(tmp_path / "out")
    failing = frame.withColumn("id", f.when(f.col("id") == 170, f.raise_error(f.lit("gone"))).otherwise(f.col("id")))
    with pytest.raises(Exception, match="gone"):
        write_tfrecords(failing, tmp_path / "out", mode="overwrite", num_shards=2)
    assert names(tmp_path / "out") == before


DRIVER = """
import os, sys
from pathlib import Path
from test_spark import session
from spark_faults import FaultySource
out, marks, number = sys.argv[1:]
spark = session(Path(marks))
spark.dataSource.register(FaultySource)
pids = f"{spark._jvm.java.lang.ProcessHandle.current().pid()} {os.getpid()}"
frame = spark.range(0, 100, 1, 3)
writer = frame.write.format("faulty").options(fault="driver", marks=marks, pids=pids).mode("append")
writer.option("num_shards", number).save(out)
"""


@pytest.mark.parametrize("number", [3, 7])  # there are three tasks: their shards as they are, or others
def test_a_commit_whose_driver_was_killed_is_run_again(tmp_path: Path, number: int) -> None:
    out, marks = tmp_path / "out", tmp_path / "marks"
    marks.mkdir()
    numbered(out, 1000, 1009)
    command = [sys.executable, "-c", DRIVER, str(out), str(marks), str(number)]
    result = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    assert result.returncode == -9, result.stderr
    assert (marks / "renamed").exists()
    with pytest.raises(ShardError):
        ids(out)
    job, infos = pickle.loads((marks / "job").read_bytes())
    other, third = tmp_path / "other", tmp_path / "third"
    shutil.copytree(out, other)
    shutil.copytree(out, third)
    WriteJob.begin(third, mode="overwrite")  # what was not finished goes, and what was there before is there
    assert ids(third) == [*range(1000, 1009)]
    tfr.commit(None, other / os.path.basename(job.prefix))  # by somebody who has only the directory
    job.commit(infos)
    for directory in (out, other):
        assert ids(directory) == [*range(100), *range(1000, 1009)]
        assert len(list(directory.glob("part-*"))) == number
    assert hidden(out) == []
    assert hidden(other) == [] or number == 7  # what the tasks wrote, which nobody reads


SPECULATION = SETTINGS | {
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "512m",
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.minTaskRuntime": "100ms",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.1",
    "spark.speculation.efficiency.enabled": "false",
}
SPECULATING = """
import sys
from functools import partial
from pathlib import Path
from test_spark import SPECULATION, session
from spark_faults import FaultySource, straggling
from tfrecord_lite.adapters.spark import write_tfrecords
base, master = Path(sys.argv[1]), sys.argv[2]
spark = session(base / "warehouse", master, SPECULATION)
spark.dataSource.register(FaultySource)
frame = spark.range(0, 180, 1, 3)
for fault in ("stuck", "race"):
    writer = frame.write.format("faulty").options(fault=fault, marks=str(base / fault))
    writer = writer.option("num_shards" if fault == "race" else "max_records", 20)
    writer.mode("append").save(str(base / f"out-{fault}"))
slow = frame.mapInArrow(partial(straggling, marks=base / "verb", fault="stuck"), "id long")
write_tfrecords(slow, base / "out-verb", max_records=20)
spark.stop()
"""


@pytest.fixture
def two_hosts(tmp_path: Path) -> Iterator[str]:
    """The URL of a standalone cluster with a worker on each of two hosts, which are addresses of this machine.

    Spark starts no second attempt on a host where there is one, and none at all under local[...].
    """
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.3", 0))
    except OSError:
        pytest.skip("this machine has one address for itself")
    home = Path(pyspark.__file__).parent
    started: list[subprocess.Popen[bytes]] = []

    def start(kind: str, host: str, *arguments: str) -> Path:
        log = tmp_path / f"{kind}-{host}.log"
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind.lower()}.{kind}", "--host", host]
        environment = os.environ | ENVIRONMENT | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": host}
        with log.open("wb") as file:
            given = [*command, "--webui-port", "0", *arguments]
            started.append(subprocess.Popen(given, stdout=file, stderr=subprocess.STDOUT, env=environment))
        return log

    try:
        log = start("Master", "127.0.0.1", "--port", "0")
        (master,) = told(log, r"Starting Spark master at (spark://\S+)")
        for host in ("127.0.0.2", "127.0.0.3"):
            start("Worker", host, "--cores", "1", "--memory", "600m", "--work-dir", str(tmp_path / host), master)
        told(log, r"Registering worker (\S+)", 2)
        yield master
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


def told(log: Path, pattern: str, count: int = 1) -> list[str]:
    """What a process says that many times, when it has."""
    deadline = time.monotonic() + 120
    while len(found := re.findall(pattern, log.read_text())) < count:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found


def test_second_attempts_that_spark_starts_by_itself_leave_each_record_once(two_hosts: str, tmp_path: Path) -> None:
    marks = {case: tmp_path / case for case in ("stuck", "race", "verb")}
    for path in marks.values():
        path.mkdir()
    command = [sys.executable, "-c", SPECULATING, str(tmp_path), two_hosts]
    result = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stderr
    for case, path in marks.items():
        assert {"began-0-0", "began-0-1"} <= set(names(path)), case
        assert ids(tmp_path / f"out-{case}") == [*range(180)], case
        assert hidden(tmp_path / f"out-{case}") == [], case
    assert "ended-0-1" in names(marks["stuck"])
    assert "ended-0-0" not in names(marks["stuck"])
    assert {"ended-0-0", "ended-0-1"} <= set(names(marks["race"]))


def test_the_code_of_the_documentation_runs(spark: Any, frame: Any, tmp_path: Path) -> None:
    block, verbs = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "spark.md").read_text(), re.DOTALL)
    assert f"```python spark\n{block}```" in (ROOT / "README.md").read_text()
    names_in_it = {"spark": spark, "df": frame}
    exec((block + verbs).replace("/data", str(tmp_path)), names_in_it)
    assert len(names_in_it["found"].take(3)) == 3
    assert len(names_in_it["again"].take(3)) == 3
    assert ids(tmp_path / "train") == ids(tmp_path / "again") == [*range(COUNT)]


PREDICATES = [
    "label = 2",
    "label <> 2",
    "label > -1 AND label <= 1",
    "label IN (0, 2)",
    "label NOT IN (0, 2)",
    "label NOT IN (0, NULL)",
    "label IS NULL",
    "NOT (label IS NULL OR label >= 0)",
    "label <=> NULL",
    "id > 2147483648",
    "id = 3000000000 OR even",
    "even",
    "NOT even AND id < 20",
    "name LIKE 'ä%'",
    "name LIKE '%1' OR name LIKE '%2%'",
    "name NOT LIKE '%1%'",
    "name > 'ä5' AND name < 'ä7'",
    "name LIKE ''",
    "image = X'FF00'",
    "ratio > 10.0",
    "size(tags) > 1 AND label = 1",
]


@pytest.mark.parametrize("is_given", [False, True])
def test_filters_that_are_handed_down_leave_the_rows_that_spark_leaves(
    spark: Any, frame: Any, tmp_path: Path, is_given: bool
) -> None:
    from pyspark.sql import functions as f

    if not hasattr(DataSourceReader, "pushFilters"):
        pytest.skip("this PySpark hands down no filters")
    named = f.when(f.col("label") == 1, None).otherwise(f.concat(f.lit("ä"), f.col("id")))
    given = frame.drop("embedding").withColumn("name", named)
    given.write.format("tfrecord").mode("append").save(str(tmp_path / "out"))
    schema = given.schema if is_given else types.StructType([each for each in given.schema if each.name != "ratio"])
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    try:
        plain = spark.read.format("tfrecord").schema(schema)
        pushing = spark.read.format("tfrecord").schema(schema).option("pushFilters", "true")
        taken = 0
        for predicate in PREDICATES if is_given else PREDICATES[:4]:
            found = pushing.load(str(tmp_path / "out")).where(predicate)
            assert by_id(found) == by_id(plain.load(str(tmp_path / "out")).where(predicate)), predicate
            taken += "Filter" not in found._jdf.queryExecution().optimizedPlan().toString()
        assert taken >= (14 if is_given else 4)
    finally:
        spark.conf.unset("spark.sql.python.filterPushdown.enabled")
    with pytest.raises(Exception, match=r"filterPushdown\.enabled"):
        pushing.load(str(tmp_path / "out")).collect()


def test_only_filters_on_which_arrow_and_spark_agree_are_taken() -> None:
    datasource = pytest.importorskip("pyspark.sql.datasource")
    if not hasattr(datasource, "EqualTo"):
        pytest.skip("this PySpark hands down no filters")
    whole, text = types.IntegerType(), types.StringType()
    columns = types.StructType().add("i", whole).add("f", types.FloatType()).add("s", text)
    columns = columns.add("b", types.BooleanType()).add("u", types.StringType("UNICODE_CI"))
    columns = columns.add("a", types.ArrayType(whole)).add("t", types.StructType().add("i", whole))
    equal, not_null = datasource.EqualTo, datasource.IsNotNull
    exact = [equal(("i",), 1), equal(("s",), "x"), equal(("b",), True), not_null(("a",)), not_null(("f",))]
    exact += [datasource.Not(datasource.In(("i",), (1, 2))), datasource.StringContains(("s",), "")]
    inexact = [equal(("f",), 1.0), equal(("u",), "x"), equal(("t", "i"), 1), equal(("nosuch",), 1), equal(("i",), 1.5)]
    inexact += [datasource.In(("i",), (1, None)), datasource.EqualNullSafe(("i",), 1), equal(("i",), 2**63)]
    inexact += [datasource.StringContains(("u",), "x"), equal(("b",), 1)]
    assert [is_exact(each, columns) for each in exact] == [True] * len(exact)
    assert [is_exact(each, columns) for each in inexact] == [False] * len(inexact)


def test_spark_refuses_what_there_is_not(spark: Any, frame: Any, tmp_path: Path) -> None:
    with pytest.raises(AnalysisException, match='either the "Append" or "Overwrite" mode'):
        frame.write.format("tfrecord").save(str(tmp_path / "out"))
    with pytest.raises(Exception, match="partitioning"):
        frame.write.format("tfrecord").mode("append").partitionBy("label").save(str(tmp_path / "out"))
    with pytest.raises(AnalysisException, match="not to 2"):
        frame.write.format("tfrecord").mode("append").save(str(tmp_path / "{a,b}"))
    image = frame.select("image")
    with pytest.raises(AnalysisException, match="'image': is no 'byteArray', the column of records"):
        image.write.format("tfrecord").option("recordType", "ByteArray").mode("append").save(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "there is no path"),
        ({"path": "a", "maxRecordsPerFile": "3"}, "no option 'maxrecordsperfile'"),
        ({"path": "a", "codec": "snappy"}, "codec is one of none, uncompressed, gzip"),
        ({"path": "a", "recordType": "Bytes"}, "recordType is one of"),
        ({"path": "a", "max_bytes": "1k"}, "max_bytes is a number"),
        ({"path": "a", "sample": "0"}, "sample is a number"),
        ({"path": "a", "num_shards": "0"}, "num_shards is a number"),
        ({"path": "a", "compression_type": "gzip"}, "compression_type is '', 'GZIP' or 'ZLIB'"),
        ({"path": "a", "compression_type": "GZIP", "codec": "none"}, "codec is none, and compression_type 'GZIP'"),
    ],
)
def test_options_that_mean_nothing_are_refused(given: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        SourceOptions.of(given)


def test_options_of_the_jar_mean_the_same() -> None:
    given = {"paths": '["a", "file:///b", "s3://c/d"]', "RECORDTYPE": "sequenceexample", "codec": "GZIP"}
    options = SourceOptions.of(given)
    assert options.paths == (os.path.abspath("a"), "/b", "s3://c/d")
    assert (options.record_type, options.written_as, options.verify) == ("SequenceExample", "GZIP", True)
    assert options.compression_type is None  # what is read goes by its content
    options = SourceOptions.of({"path": "a", "compression_type": "ZLIB", "codec": "deflate"})
    assert (options.written_as, options.compression_type) == ("ZLIB", "ZLIB")


def test_braces_of_hadoop_are_several_paths_once_each(tmp_path: Path) -> None:
    for name in ("ab", "ac", "b", "{b,c}d"):
        (tmp_path / name).mkdir()
        with tfr.ShardedWriter(tmp_path / name / "train", num_shards=1) as writer:
            writer.write(name.encode())
    shards = {name: str(tmp_path / name / "train-00000-of-00001") for name in ("ab", "ac", "b")}

    def paths(given: str) -> tuple[str, ...]:
        return SourceOptions.of({"path": f"{tmp_path}/{given}"}).paths

    assert paths("{ab,{b,ab}}") == (str(tmp_path / "ab"), str(tmp_path / "b"))
    assert paths("{a*,ab}/*") == (shards["ab"], shards["ac"])
    assert paths("{b,c}d") == (str(tmp_path / "{b,c}d"),)
    assert SourceOptions.of({"path": "s3://{a,b}"}).paths == ("s3://{a,b}",)
    with pytest.raises(FileNotFoundError):
        paths("{a*,z*}/*")


def test_a_codec_of_the_jar_does_not_keep_plain_files_from_being_read(spark: Any, tmp_path: Path) -> None:
    numbered(tmp_path / "a", 0, 9)
    numbered(tmp_path / "b", 9, 12)
    reader = spark.read.format("tfrecord").option("codec", "gzip")
    assert sorted(row.id for row in reader.load(str(tmp_path / "{a,b}")).collect()) == [*range(12)]
    with pytest.raises(AnalysisException, match="GZIP"):
        spark.read.format("tfrecord").option("compression_type", "GZIP").load(str(tmp_path / "a"))
    out = tmp_path / "out"
    spark.range(3).write.format("tfrecord").option("compression_type", "GZIP").mode("append").save(str(out))
    assert {path.read_bytes()[:2] for path in out.glob("part-*")} == {b"\x1f\x8b"}


def test_null_and_empty_are_what_they_are_under_every_engine(spark: Any, tmp_path: Path) -> None:
    write_tfrecords(spark.createDataFrame(TABLE), tmp_path / "a")
    spark.createDataFrame(TABLE).write.format("tfrecord").mode("append").save(str(tmp_path / "b"))
    for name in ("a", "b"):
        assert sorted(tfr.read_records(tmp_path / name)) == sorted(as_records())
    write_tfrecords(spark.createDataFrame(TABLE), tmp_path / "more", schema=MORE)
    assert sorted(tfr.read_records(tmp_path / "more")) == sorted(as_more_records())


def test_paths_as_hadoop_spells_them_are_no_directories_beside_the_driver() -> None:
    assert SourceOptions.of({"path": "file:/data/a b"}).paths == ("/data/a b",)
    with pytest.raises(ValueError, match="'dbfs:/mnt/train'"):
        SourceOptions.of({"path": "dbfs:/mnt/train"})


@pytest.mark.parametrize(
    ("column", "record_type", "problem"),
    [
        (types.DateType(), "Example", "date has no place in a feature"),
        (types.DecimalType(9, 2), "Example", r"decimal\(9,2\) has no place"),
        (types.ArrayType(types.ArrayType(types.LongType())), "Example", "is to be SequenceExample"),
        (types.StringType(), "ByteArray", "one column of binary"),
        (types.StructType([types.StructField("y", types.LongType())]), "SequenceExample", "has no place"),
    ],
)
def test_types_without_a_place_are_refused(column: Any, record_type: str, problem: str) -> None:
    with pytest.raises(FeatureError, match=problem):
        schema_of(types.StructType([types.StructField("x", column)]), record_type)


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        (types.ByteType(), pa.array([1, 300]), "is no int8"),
        (types.BooleanType(), pa.array([0, 1, 2]), "neither 0 nor 1"),
        (types.StringType(), pa.array([b"a", b"\xff"]), "is no string"),
        (types.ArrayType(types.StringType()), pa.array([[b"a"], [b"\xff"]]), "is no list<element: string>"),
        (
            types.ArrayType(types.ArrayType(types.LongType()), False),
            pa.array([[[1]], [None]]),
            "an array without nulls",
        ),
    ],
)
def test_values_that_a_type_cannot_hold_are_named(column: Any, values: Any, problem: str) -> None:
    columns = arrow_of(types.StructType([types.StructField("x", column)]))
    with pytest.raises(FeatureError, match=problem) as caught:
        as_spark(pa.record_batch({"x": values}), columns)
    assert caught.value.record_number == len(values) - 1


def test_a_frame_without_columns_is_refused(tmp_path: Path) -> None:
    options = SourceOptions.of({"path": str(tmp_path / "new")})
    with pytest.raises(FeatureError, match="without columns"):
        ShardWriter.begin(options, types.StructType([]), overwrite=False)
    assert not (tmp_path / "new").exists()


def test_nulls_in_a_column_without_nulls_are_named() -> None:
    columns = arrow_of(types.StructType([types.StructField("x", types.LongType(), nullable=False)]))
    with pytest.raises(FeatureError, match="is missing, and its column has no nulls"):
        as_spark(pa.record_batch({"x": pa.array([1, None])}), columns)


def test_inferred_columns_are_what_spark_calls_them() -> None:
    schema = schema_of(types.StructType([types.StructField("l", types.ArrayType(types.ShortType()))]), "Example")
    assert schema is not None
    assert struct_of(schema, "Example").simpleString() == "struct<l:array<bigint>>"
    steps = types.StructType([types.StructField("s", types.ArrayType(types.ArrayType(types.StringType())))])
    schema = schema_of(steps, "SequenceExample")
    assert schema is not None
    assert sequence_arrow_schema(schema).field("s").type == pa.list_(pa.list_(pa.binary()))
    with pytest.raises(FeatureError, match="is to be SequenceExample"):
        struct_of(schema, "Example")


def test_the_example_converts_a_table_and_back(tmp_path: Path) -> None:
    rows = write_photos(tmp_path / "photos.parquet", 50)
    command = [sys.executable, str(ROOT / "examples" / "engines_spark.py"), str(tmp_path / "photos.parquet")]
    command += [str(tmp_path / "records"), str(tmp_path / "back")]
    environment = os.environ | ENVIRONMENT | {"SPARK_CONF_DIR": str(tmp_path), "SPARK_LOCAL_DIRS": str(tmp_path)}
    (tmp_path / "spark-defaults.conf").write_text("spark.master local[2]\nspark.ui.enabled false\n")
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "50 records\n"
    found = [example["image"][0] for example in tfr.read_examples(tmp_path / "records")]
    assert sorted(found) == sorted(row["image"] for row in rows)
    assert rows_of(tmp_path / "back") == rows
