"""Bags, DataFrames and shards of Dask, on a cluster of processes that fail, die and are killed.

`make test-engines` runs this where Dask is installed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_tables import photo_table, rows_of, write_photos

import tfrecord_lite as tfr

pytestmark = pytest.mark.slow

pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pa = pytest.importorskip("pyarrow")

import dask.bag  # noqa: E402
import dask.dataframe  # noqa: E402
import pandas as pd  # noqa: E402
from engine_values import (  # noqa: E402
    MORE,
    NO_COLUMNS_PROBLEM,
    NO_RECORDS,
    REFUSED_PATHS,
    REFUSED_SCHEMAS,
    TABLE,
    as_more_records,
    as_records,
    as_rows,
    write_sequences,
)
from engine_values import SCHEMA as VALUES  # noqa: E402
from published import published_error  # noqa: E402

from tfrecord_lite.adapters.dask import read_bag, read_dataframe, write_tfrecords  # noqa: E402
from tfrecord_lite.files.directory import open_directory  # noqa: E402
from tfrecord_lite.files.manifest import open_plans  # noqa: E402

ROOT = Path(__file__).parent.parent
SCHEMA = tfr.schema_from_arrow(
    pa.schema({"id": pa.string(), "label": pa.int64(), "image": pa.binary(), "embedding": pa.list_(pa.float32(), 16)})
)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of two worker processes, which come back when they are killed."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 3}),
        distributed.LocalCluster(
            2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def example_of(number: int) -> dict[str, Any]:
    return {"number": number, "image": bytes([number]) * number, "vector": np.array([number, 0.5], np.float32)}


def bag_of(count: int, npartitions: int = 5) -> Any:
    return dask.bag.from_sequence(range(count), npartitions=npartitions).map(example_of)


def frame_of(count: int, npartitions: int = 5) -> Any:
    frame = photo_table(count).to_pandas(types_mapper=pd.ArrowDtype)
    return dask.dataframe.from_pandas(frame, npartitions=npartitions, sort=False)


def numbers_in(paths: Any) -> list[int]:
    return [int(example["number"][0]) for example in tfr.read_examples(paths)]


def hidden_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


def test_a_bag_is_written_in_its_order_and_read_again(client: Any, tmp_path: Path) -> None:
    infos = write_tfrecords(bag_of(100), tmp_path)
    assert [info.records for info in infos] == [20] * 5
    assert list(tfr.read_records(tmp_path)) == [tfr.encode_example(example_of(n)) for n in range(100)]
    assert (tmp_path / "_SUCCESS").exists()
    assert hidden_in(tmp_path) == []
    bag = read_bag(tmp_path)
    assert bag.npartitions == 5
    assert bag.map(lambda one: (one["number"].item(), one["image"], one["vector"].tolist())).compute() == [
        (n, [bytes([n]) * n], [n, 0.5]) for n in range(100)
    ]


def test_a_bag_is_read_by_its_features(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(50), tmp_path, compression_type="GZIP")
    bag = read_bag(tmp_path, {"number": tfr.FixedLenFeature([], "int64"), "vector": tfr.VarLenFeature("float32")})
    values = bag.map(lambda one: (one["number"].item(), one["vector"].values.tolist()))
    assert values.compute() == [(n, [n, 0.5]) for n in range(50)]
    with pytest.raises(tfr.FeatureError):
        read_bag(tmp_path, {})


def test_a_large_file_with_an_index_is_several_partitions(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.tfrecord"
    with tfr.TFRecordWriter(path, index=True) as writer:
        for number in range(200):
            writer.write_example(example_of(number % 100))
    features = {"number": tfr.FixedLenFeature([], "int64")}
    for bag in (read_bag(path, max_bytes=3000), read_bag(path, features, max_bytes=3000)):
        assert bag.npartitions > 3
        assert bag.map(lambda one: one["number"].item()).compute() == [*range(100)] * 2
    frame = read_dataframe(path, max_bytes=3000, columns=["number"])
    assert frame.npartitions > 3
    assert frame["number"].compute().tolist() == [*range(100)] * 2
    with pytest.raises(tfr.FeatureError) as caught:
        read_bag(path, {"image": tfr.FixedLenFeature([2], bytes)}, max_bytes=3000).compute()
    assert caught.value.path == str(path)


def test_a_frame_is_written_and_read_again_with_the_types_of_its_schema(client: Any, tmp_path: Path) -> None:
    infos = write_tfrecords(frame_of(60), tmp_path, schema=SCHEMA)
    assert sum(info.records for info in infos) == 60
    frame = read_dataframe(tmp_path, SCHEMA)
    assert dict(frame.dtypes) == dict(frame.compute().dtypes)
    assert frame["label"].dtype == pd.ArrowDtype(pa.int64())
    assert frame["embedding"].dtype == pd.ArrowDtype(pa.list_(pa.float32(), 16))
    table = photo_table(60)
    found = pa.Table.from_pandas(frame.compute(), preserve_index=False)
    assert found["id"].cast(pa.string()).to_pylist() == table["id"].to_pylist()
    for name in ("label", "image", "embedding"):
        assert found[name].to_pylist() == table[name].to_pylist()
    assert int(frame["label"].max().compute()) == max(table["label"].to_pylist())


def test_only_the_columns_that_are_asked_for_are_there(client: Any, tmp_path: Path) -> None:
    write_tfrecords(frame_of(20), tmp_path)
    frame = read_dataframe(tmp_path, columns=["label", "id"])
    assert list(frame.columns) == list(frame.compute().columns) == ["label", "id"]
    assert len(frame[frame["label"] > 0]) == sum(label > 0 for label in photo_table(20)["label"].to_pylist())
    with pytest.raises(tfr.FeatureError, match="'nothing'"):
        read_dataframe(tmp_path, columns=["nothing"])
    with pytest.raises(TypeError, match="columns are several names, not the text 'label'"):
        read_dataframe(tmp_path, columns="label")


def test_null_nan_and_empty_stay_three_things(client: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, float("nan")], "y": pd.array([1, None], pd.ArrowDtype(pa.int64()))})
    lists = pd.array([[], None], pd.ArrowDtype(pa.list_(pa.int64())))
    frame["z"] = lists
    write_tfrecords(dask.dataframe.from_pandas(frame, npartitions=1), tmp_path)
    first, second = tfr.read_examples(tmp_path)
    assert first["z"].tolist() == []
    assert np.isnan(second["x"][0])
    assert sorted(second) == ["x"]  # a null is no feature
    table = pa.Table.from_pandas(read_dataframe(tmp_path).compute(), preserve_index=False)
    assert table["y"].to_pylist() == [1, None]
    assert table["z"].to_pylist() == [[], None]
    assert np.isnan(table["x"].to_pylist()[1])


def test_records_go_through_as_they_are(client: Any, tmp_path: Path) -> None:
    records = [b"", b"\0", b"no example", b"x" * 1000]
    write_tfrecords(dask.bag.from_sequence(records, npartitions=2), tmp_path / "a", record_type="ByteArray")
    assert list(tfr.read_records(tmp_path / "a")) == records
    frame = read_dataframe(tmp_path / "a", record_type="ByteArray")
    assert frame["byteArray"].compute().tolist() == records
    write_tfrecords(frame, tmp_path / "b", record_type="ByteArray", compression_type="ZLIB")
    assert list(tfr.read_records(tmp_path / "b")) == records


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_tensorflow_reads_the_shards(client: Any, tmp_path: Path, compression_type: str) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    infos = write_tfrecords(frame_of(40), tmp_path, schema=SCHEMA, compression_type=compression_type)
    features = {
        "label": tensorflow.io.FixedLenFeature([], tensorflow.int64),
        "image": tensorflow.io.FixedLenFeature([], tensorflow.string),
        "embedding": tensorflow.io.FixedLenFeature([16], tensorflow.float32),
    }
    dataset = tensorflow.data.TFRecordDataset([info.path for info in infos], compression_type)
    (batch,) = dataset.batch(100).map(lambda some: tensorflow.io.parse_example(some, features)).as_numpy_iterator()
    table = photo_table(40)
    assert batch["label"].tolist() == table["label"].to_pylist()
    assert batch["image"].tolist() == table["image"].to_pylist()
    assert batch["embedding"].tolist() == table["embedding"].to_pylist()


def test_modes(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(3, 1), tmp_path)
    with pytest.raises(FileExistsError):
        write_tfrecords(bag_of(3, 1), tmp_path)
    write_tfrecords(bag_of(3, 1), tmp_path, mode="append")
    assert numbers_in(tmp_path) == [0, 1, 2] * 2
    write_tfrecords(bag_of(7, 2), tmp_path, mode="overwrite", max_records=2)
    assert numbers_in(tmp_path) == list(range(7))
    assert len(read_bag(tmp_path).to_delayed()) == 4


def test_a_column_of_another_kind_in_another_partition_is_refused(client: Any, tmp_path: Path) -> None:
    with dask.config.set({"dataframe.convert-string": False}):
        frame = dask.dataframe.from_pandas(
            pd.DataFrame({"x": [1, 2, "a", "b"], "y": [None, None, "c", "d"]}), npartitions=2
        )
    with pytest.raises(tfr.FeatureError, match="is int64 in one block, and bytes in another"):
        write_tfrecords(frame, tmp_path)
    assert list(tmp_path.iterdir()) == []
    write_tfrecords(frame[["y"]], tmp_path)
    assert list(tfr.read_examples(tmp_path)) == [{}, {}, {"y": [b"c"]}, {"y": [b"d"]}]


def test_a_feature_of_a_bag_has_one_kind_and_a_schema_makes_it_one(client: Any, tmp_path: Path) -> None:
    for npartitions in (1, 2):
        bag = dask.bag.from_sequence([{"x": 1}, {"x": 0.5}], npartitions=npartitions)
        with pytest.raises(tfr.FeatureError, match="'x': is int64 in one block, and float32 in another: give a schema"):
            write_tfrecords(bag, tmp_path, retries=0)
        assert list(tmp_path.iterdir()) == []
    write_tfrecords(bag, tmp_path, schema=tfr.schema_from_arrow(pa.schema({"x": pa.float32()})))
    assert [example["x"].item() for example in tfr.read_examples(tmp_path)] == [1.0, 0.5]


def test_null_and_empty_are_what_they_are_under_every_engine(client: Any, tmp_path: Path) -> None:
    write_tfrecords(dask.bag.from_sequence(as_rows(), npartitions=1), tmp_path / "bag")
    write_tfrecords(dask.bag.from_sequence(as_rows(), npartitions=3), tmp_path / "parts", schema=VALUES)
    frame = dask.dataframe.from_pandas(TABLE.to_pandas(types_mapper=pd.ArrowDtype), npartitions=1)
    write_tfrecords(frame, tmp_path / "frame")
    for name in ("bag", "parts", "frame"):
        assert list(tfr.read_records(tmp_path / name)) == as_records(), name
    for data in (dask.bag.from_sequence(as_rows(), npartitions=2), frame):
        write_tfrecords(data, tmp_path / "more", mode="overwrite", schema=MORE)
        assert list(tfr.read_records(tmp_path / "more")) == as_more_records()
    with pytest.raises(tfr.FeatureError, match="'x': empty lists of no type have no kind"):
        write_tfrecords(dask.bag.from_sequence([{"x": []}], npartitions=1), tmp_path / "nothing", retries=0)


@pytest.mark.parametrize("number", [1, 4, 5, 9, 103])
def test_there_are_so_many_shards_as_are_asked_for(client: Any, tmp_path: Path, number: int) -> None:
    infos = write_tfrecords(bag_of(100), tmp_path / "bag", num_shards=number)
    assert [Path(info.path).name[-15:] for info in infos] == [f"-{n:05}-of-{number:05}" for n in range(number)]
    assert numbers_in(tmp_path / "bag") == list(range(100))
    write_tfrecords(frame_of(60), tmp_path / "frame", num_shards=number)
    assert len(list((tmp_path / "frame").glob("part-*"))) == number
    found = [example["label"].item() for example in tfr.read_examples(tmp_path / "frame")]
    assert found == photo_table(60)["label"].to_pylist()
    assert hidden_in(tmp_path / "bag") == hidden_in(tmp_path / "frame") == []


def test_sequence_examples_go_in_and_out(client: Any, tmp_path: Path) -> None:
    pairs = [({"id": n}, {"words": [["a"] * n, ["b"], []], "steps": [[n]]}) for n in range(1, 6)]
    bag = dask.bag.from_sequence(pairs, npartitions=2)
    write_tfrecords(bag, tmp_path / "a", record_type="SequenceExample")
    no_bytes = np.empty(0, object)
    words = {n: [["a"] * n, ["b"], no_bytes] for n in range(1, 6)}
    records = [tfr.encode_sequence_example({"id": n}, {"words": words[n], "steps": [[n]]}) for n in words]
    assert list(tfr.read_records(tmp_path / "a")) == records
    back = read_bag(tmp_path / "a", record_type="SequenceExample")
    write_tfrecords(back, tmp_path / "b", record_type="SequenceExample")
    frame = read_dataframe(tmp_path / "a", record_type="SequenceExample")
    steps = pa.Table.from_pandas(frame.compute(), preserve_index=False)["steps"]
    assert steps.to_pylist() == [[[n]] for n in range(1, 6)]
    write_tfrecords(frame, tmp_path / "c", record_type="SequenceExample")
    as_they_are = read_bag(tmp_path / "a", record_type="ByteArray")
    write_tfrecords(as_they_are, tmp_path / "d", record_type="ByteArray")
    for name in ("b", "c", "d"):
        assert list(tfr.read_records(tmp_path / name)) == records, name
    columns = read_dataframe(tmp_path / "a", record_type="SequenceExample", columns=["words", "id"])
    assert list(columns.columns) == list(columns.compute().columns) == ["id", "words"]
    with pytest.raises(tfr.FeatureError, match="'none'"):
        read_dataframe(tmp_path / "a", record_type="SequenceExample", columns=["none"])
    with pytest.raises(ValueError, match="features are of Examples"):
        read_bag(tmp_path / "a", {"id": tfr.FixedLenFeature([], "int64")}, record_type="SequenceExample")


def test_no_examples_are_an_empty_shard(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(5).filter(lambda example: False), tmp_path)
    assert read_bag(tmp_path).compute() == []


def test_without_a_cluster_the_scheduler_of_this_process_writes(tmp_path: Path) -> None:
    code = """
import sys, dask.bag
from tfrecord_lite.adapters.dask import read_bag, write_tfrecords
write_tfrecords(dask.bag.from_sequence(range(9), npartitions=3).map(lambda n: {"number": n}), sys.argv[1])
print(read_bag(sys.argv[1]).map(lambda one: one["number"].item()).compute())
"""
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert result.stdout == f"{list(range(9))}\n", result.stderr


THREADS = """
import os, sys, time
import dask.bag
from tfrecord_lite.adapters.dask import write_tfrecords

out = sys.argv[1]

class Slow(dict):
    def items(self):
        open(f"{out}-begun", "w").close()
        time.sleep(1)  # and only then it has a file
        return super().items()

def fails_after_the_other_has_begun(number):
    if number:
        return Slow(number=number)
    while not os.path.exists(f"{out}-begun"):
        time.sleep(0.01)
    raise RuntimeError("this attempt fails")

bag = dask.bag.from_sequence(range(2), npartitions=2).map(fails_after_the_other_has_begun)
with dask.config.set(scheduler="threads", num_workers=2):
    try:
        write_tfrecords(bag, out)
    except RuntimeError as error:
        print(error)
time.sleep(1.5)  # whatever is still at work would be done
print(os.listdir(out))
"""


def test_threads_that_have_begun_when_another_fails_leave_nothing_either(tmp_path: Path) -> None:
    command = [sys.executable, "-c", THREADS, str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert result.stdout == "this attempt fails\n[]\n", result.stderr


def raises_once(example: dict[str, Any], mark: Path) -> dict[str, Any]:
    if example["number"] == 60 and not mark.exists():
        mark.touch()
        raise RuntimeError("this attempt fails")
    return example


def test_a_task_that_raises_once_is_run_again(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(100).map(raises_once, tmp_path / "mark"), tmp_path / "out")
    assert (tmp_path / "mark").exists()
    assert numbers_in(tmp_path / "out") == list(range(100))
    assert hidden_in(tmp_path / "out") == []


def as_generator(examples: Any, mark: Path) -> Iterator[dict[str, Any]]:
    for example in examples:
        yield raises_once(example, mark)


@pytest.mark.parametrize("num_shards", [None, 2, 7])
@pytest.mark.parametrize("way", ["map", "generator"])
def test_what_a_failed_attempt_has_read_is_read_again(client: Any, tmp_path: Path, way: str, num_shards: Any) -> None:
    mark, bag = tmp_path / "mark", bag_of(100)
    bag = bag.map(raises_once, mark) if way == "map" else bag.map_partitions(as_generator, mark)
    write_tfrecords(bag, tmp_path / "out", num_shards=num_shards)
    assert mark.exists()
    assert sorted(numbers_in(tmp_path / "out")) == list(range(100))
    assert hidden_in(tmp_path / "out") == []


def test_where_tasks_share_partitions_nothing_is_run_again_with_what_is_left(client: Any, tmp_path: Path) -> None:
    bag = bag_of(100).map(raises_once, tmp_path / "mark").repartition(3)
    with pytest.raises(RuntimeError, match="this attempt fails"):
        write_tfrecords(bag, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    write_tfrecords(bag, tmp_path / "out")
    assert sorted(numbers_in(tmp_path / "out")) == list(range(100))


def test_without_retries_it_fails_and_nothing_appears(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(10), tmp_path / "out")
    with pytest.raises(RuntimeError, match="this attempt fails"):
        write_tfrecords(bag_of(100).map(raises_once, tmp_path / "mark"), tmp_path / "out", mode="overwrite", retries=0)
    assert numbers_in(tmp_path / "out") == list(range(10))
    assert hidden_in(tmp_path / "out") == []


class Slow(dict[str, Any]):
    """An example that takes a second to encode, in a task that has begun before another one fails."""

    def items(self) -> Any:
        time.sleep(1)
        return super().items()


def fails_after_others_have_begun(number: int, out: Path) -> Any:
    if number:
        return Slow(number=number)
    while not any(hidden_in(out)):
        time.sleep(0.01)
    raise RuntimeError("this attempt fails")


def test_tasks_that_have_begun_when_another_fails_leave_nothing_either(client: Any, tmp_path: Path) -> None:
    bag = dask.bag.from_sequence(range(6), npartitions=6).map(fails_after_others_have_begun, tmp_path)
    with pytest.raises(RuntimeError, match="this attempt fails"):
        write_tfrecords(bag, tmp_path, retries=0)
    time.sleep(1.5)  # whatever is still at work would be done
    assert list(tmp_path.iterdir()) == []


def test_an_example_that_cannot_be_encoded_is_named(client: Any, tmp_path: Path) -> None:
    bag = dask.bag.from_sequence([{"number": 1}, {"number": 2**70}], npartitions=1)
    with pytest.raises(tfr.FeatureError, match=r"'number': .* is outside int64") as caught:
        write_tfrecords(bag, tmp_path, retries=0)
    assert caught.value.record_number == 1
    assert list(tmp_path.iterdir()) == []


def kills_its_worker_once(example: dict[str, Any], mark: Path) -> dict[str, Any]:
    if example["number"] == 60 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return example


def test_a_killed_worker_costs_nothing(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(100).map(kills_its_worker_once, tmp_path / "mark"), tmp_path / "out")
    assert (tmp_path / "mark").exists()
    assert numbers_in(tmp_path / "out") == list(range(100))
    assert hidden_in(tmp_path / "out") == []
    client.wait_for_workers(2, timeout=60)


class KillsItsWorkerOnce(dict[str, Any]):
    """An example at which the process that encodes it dies, once; the mark says what was there then."""

    def __init__(self, number: int, mark: Path) -> None:
        super().__init__(number=number)
        self.mark = mark

    def items(self) -> Any:
        if not self.mark.exists():
            self.mark.write_text("\n".join(hidden_in(self.mark.parent / "out")))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().items()

    def __reduce__(self) -> Any:
        return KillsItsWorkerOnce, (self["number"], self.mark)


def test_shards_of_a_worker_that_was_killed_among_them_are_not_in_the_set(client: Any, tmp_path: Path) -> None:
    def partition(numbers: Any) -> list[Any]:
        blob = bytes(2000)  # enough for records to be stored, and not only collected
        dying = {4500: KillsItsWorkerOnce(4500, tmp_path / "mark")}
        return [dying.get(number, {"number": number, "blob": blob}) for number in numbers]

    bag = dask.bag.from_sequence(range(6000), npartitions=2).map_partitions(partition)
    write_tfrecords(bag, tmp_path / "out", max_records=100)
    assert len((tmp_path / "mark").read_text().splitlines()) >= 10
    assert numbers_in(tmp_path / "out") == list(range(6000))
    assert hidden_in(tmp_path / "out") == []
    client.wait_for_workers(2, timeout=60)


DRIVER = """
import os, signal, sys
import dask.bag
from tfrecord_lite.adapters.dask import write_tfrecords

rename, renames = os.replace, []

def dying(old, new):
    if "part-" in str(new):
        renames.append(new)
        if len(renames) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    rename(old, new)

os.replace = dying
bag = dask.bag.from_sequence(range(40), npartitions=5).map(lambda n: {"number": n})
write_tfrecords(bag, sys.argv[1], mode="overwrite")
"""


@pytest.mark.parametrize("way", ["commit", "overwrite"])
def test_a_driver_killed_in_the_middle_of_commit(client: Any, tmp_path: Path, way: str) -> None:
    write_tfrecords(bag_of(10), tmp_path)
    result = subprocess.run([sys.executable, "-c", DRIVER, str(tmp_path)], timeout=120, check=False, cwd=ROOT)
    assert result.returncode == -signal.SIGKILL
    with pytest.raises(tfr.ShardError, match="was interrupted: if it still runs, wait until it is done"):
        read_bag(tmp_path)
    if way == "commit":
        (prefix,) = open_plans(open_directory(str(tmp_path)))
        tfr.commit(None, tmp_path / prefix)
    else:
        write_tfrecords(bag_of(40), tmp_path, mode="overwrite")
    assert numbers_in(tmp_path) == list(range(40))
    assert hidden_in(tmp_path) == []


def test_an_error_behind_the_manifest_says_that_the_records_are_there(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(10), tmp_path)
    with published_error() as caught:
        write_tfrecords(bag_of(20), tmp_path, mode="append")
    tfr.commit(None, caught.value.path)
    assert numbers_in(tmp_path) == [*range(10), *range(20)]
    assert hidden_in(tmp_path) == []


def test_what_cannot_be_written_is_an_error_at_once(client: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not a list"):
        write_tfrecords([{"number": 1}], tmp_path / "out")
    with pytest.raises(ValueError, match="a schema is of a bag of Examples"):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", schema=SCHEMA, record_type="SequenceExample")
    with pytest.raises(ValueError, match="either a number"):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", num_shards=2, max_records=2)
    with pytest.raises(ValueError, match="'Row'"):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", record_type="Row")
    with pytest.raises(ValueError, match="'Row'"):
        read_dataframe(tmp_path, record_type="Row")
    with pytest.raises(TypeError, match="num_shards: True is no number"):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", num_shards=True)
    with pytest.raises(TypeError, match=r"^client is a distributed\.Client, not a int$"):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", client=3)
    with pytest.raises(TypeError, match=r"^retries: "):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", retries="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^retries is 0 or more, not -1$"):
        write_tfrecords(bag_of(1, 1), tmp_path / "out", retries=-1)
    wrongs: list[Any] = ["x", 2.5]
    for read in (read_bag, read_dataframe):
        for wrong in wrongs:
            with pytest.raises(TypeError, match=r"^max_bytes: "):
                read(tmp_path, max_bytes=wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("record_type", ["Example", "SequenceExample", "ByteArray"])
def test_rows_without_columns_are_refused_and_not_lost(tmp_path: Path, record_type: str) -> None:
    frame = frame_of(10, 3)[[]]
    given: list[Any] = [{}, {"num_shards": 2}, {"schema": VALUES}]
    for options in given:
        if record_type != "ByteArray" or "schema" not in options:
            with pytest.raises(tfr.FeatureError, match=NO_COLUMNS_PROBLEM):
                write_tfrecords(frame, tmp_path / "out", record_type=record_type, **options)
    assert not (tmp_path / "out").exists()


def test_rows_of_a_partition_that_lost_its_columns_are_refused_and_not_lost(client: Any, tmp_path: Path) -> None:
    parts = [pd.DataFrame({"id": [1, 2]}), pd.DataFrame(index=range(3))]
    frame = dask.dataframe.from_map(lambda part: part, parts, meta=parts[0][:0], enforce_metadata=False)
    given: list[Any] = [{}, {"schema": VALUES}]
    for options in given:
        with pytest.raises(tfr.FeatureError, match="rows without columns have no features"):
            write_tfrecords(frame, tmp_path / "out", retries=0, **options)
    assert not list((tmp_path / "out").iterdir())
    write_tfrecords(frame, tmp_path / "out", num_shards=1)  # Dask puts the parts together: it has the column for all
    assert tfr.count_records(tmp_path / "out") == 5


@pytest.mark.parametrize(("paths", "error", "problem"), REFUSED_PATHS)
def test_paths_that_are_none_are_refused_at_the_call(paths: Any, error: type[Exception], problem: str) -> None:
    for read in (read_bag, read_dataframe):
        with pytest.raises(error, match=problem):
            read(paths)
    with pytest.raises(error, match=problem):
        read_dataframe(paths, VALUES)


def test_paths_may_be_an_iterator(client: Any, tmp_path: Path) -> None:
    write_tfrecords(bag_of(10), tmp_path)
    assert len(read_dataframe(iter([tmp_path]))) == len(read_bag(iter([tmp_path])).compute()) == 10


def test_a_sequence_example_is_no_example_whose_feature_lists_are_lost(client: Any, tmp_path: Path) -> None:
    problem = write_sequences(tmp_path / "a")
    schema = tfr.schema_from_arrow(pa.schema({"id": pa.int64()}))
    sizes: list[Any] = [{}, {"max_bytes": 300}]
    for size in sizes:
        for read in (
            read_bag(tmp_path / "a", **size),
            read_bag(tmp_path / "a", {"id": tfr.FixedLenFeature([], "int64")}, **size),
            read_dataframe(tmp_path / "a", schema, **size),
            read_dataframe(tmp_path / "a", **size),
        ):
            with pytest.raises(tfr.DecodeError, match=problem):
                read.compute()


def test_a_directory_may_be_relative(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_tfrecords(bag_of(10), "../out")
    assert numbers_in(tmp_path / "out") == list(range(10))
    assert len(read_bag("../out").compute()) == 10


@pytest.mark.parametrize(("records", "problem"), NO_RECORDS)
def test_what_is_no_record_is_named(client: Any, tmp_path: Path, records: list[Any], problem: str) -> None:
    bag = dask.bag.from_sequence(records, npartitions=1)
    with pytest.raises(TypeError, match=f"^record #1: {problem}"):
        write_tfrecords(bag, tmp_path, record_type="ByteArray", retries=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("record_type", "schema", "error", "problem"), REFUSED_SCHEMAS)
def test_a_schema_that_is_of_no_use_is_refused_at_the_call(
    tmp_path: Path, record_type: str, schema: Any, error: type[Exception], problem: str
) -> None:
    for data in (bag_of(1, 1), frame_of(1, 1)):
        with pytest.raises(error, match=problem):
            write_tfrecords(data, tmp_path / "out", record_type=record_type, schema=schema)
    with pytest.raises(error, match=problem):
        read_dataframe(tmp_path, schema, record_type=record_type)
    assert not (tmp_path / "out").exists()


def test_records_without_features_are_not_taken_for_none(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"")
    with pytest.raises(tfr.FeatureError, match="nothing would be left of the records"):
        read_dataframe(tmp_path / "a")


def test_the_example_converts_a_table_and_back(tmp_path: Path) -> None:
    rows = write_photos(tmp_path / "photos.parquet", 50)
    command = [sys.executable, str(ROOT / "examples" / "engines_dask.py"), str(tmp_path / "photos.parquet")]
    command += [str(tmp_path / "records"), str(tmp_path / "back")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    assert 1 <= len(list((tmp_path / "records").glob("part-*"))) <= 4
    assert [example["image"][0] for example in tfr.read_examples(tmp_path / "records")] == [r["image"] for r in rows]
    assert rows_of(tmp_path / "back") == rows


def test_the_code_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python dask\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(block, {})
