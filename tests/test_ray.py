"""Ray Data on a cluster of its own: what is written and read, and what is left when something dies.

`make test-engines` runs this. Everything listens on 127.0.0.1, and tells nobody.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engine_tables import WIDTH, rows_of, write_photos

# Ray reads these when it is imported. The second is what makes it use 127.0.0.1 for everything.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

ray = pytest.importorskip("ray")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("ray.data")

from engine_values import (  # noqa: E402
    MORE,
    REFUSED_PATHS,
    REFUSED_SCHEMAS,
    SCHEMA,
    TABLE,
    as_more_records,
    as_records,
    as_rows,
    write_sequences,
)
from PIL import Image  # noqa: E402
from published import published_error  # noqa: E402

import tfrecord_lite as tfr  # noqa: E402
from tfrecord_lite.adapters.arrow import from_arrow, schema_from_arrow  # noqa: E402
from tfrecord_lite.adapters.ray import TFRecordDatasource, read_tfrecords, write_tfrecords  # noqa: E402
from tfrecord_lite.files.directory import open_directory  # noqa: E402
from tfrecord_lite.files.manifest import open_plans  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:::ray.*"),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),  # those of the cluster
]

ROOT = Path(__file__).parent.parent
COUNT = 60
#: In the order of their names, as an inferred schema has them.
COLUMNS = pa.schema(
    [
        ("embedding", pa.list_(pa.float32(), 16)),
        ("id", pa.int64()),
        ("image", pa.binary()),
        ("label", pa.int64()),
        ("tokens", pa.list_(pa.int64())),
        ("words", pa.list_(pa.binary())),
    ]
)


def row_of(number: int) -> dict[str, Any]:
    jpeg = io.BytesIO()
    Image.new("RGB", (16, 16), (number * 4, 0, 255)).save(jpeg, "JPEG")
    return {
        "embedding": None if number % 7 == 3 else np.arange(16, dtype=np.float32) / 3 + number,
        "id": number,
        "image": jpeg.getvalue(),
        "label": None if number % 5 == 2 else number % 3,
        "tokens": [[], None, [number], [number, -number]][number % 4],
        "words": [None, [], [b""], [b"\0", b"w" * number]][number % 4],
    }


def rows(begin: int = 0, end: int = COUNT) -> Any:
    return pa.Table.from_pylist([row_of(number) for number in range(begin, end)], COLUMNS)


def in_blocks(count: int = 6) -> Any:
    """All rows as a Dataset of so many blocks."""
    return ray.data.from_arrow([rows(COUNT * n // count, COUNT * (n + 1) // count) for n in range(count)])


def table_of(dataset: Any) -> Any:
    return pa.concat_tables(ray.get(dataset.to_arrow_refs())).sort_by("id")


def ids(directory: Path) -> list[int]:
    return sorted(example["id"].item() for example in tfr.read_examples(directory))


def hidden(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("."))


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[str]:
    """The address of a cluster of two processors."""
    folder = tempfile.mkdtemp(prefix="ray-")  # sockets want a short path
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        logging_level="error",
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no worker could import it
    address = ray.get_runtime_context().gcs_address
    assert address.startswith("127.0.0.1:")
    yield address
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def small_blocks() -> Iterator[None]:
    """A task hands on what it has after each few rows, so that it dies in the middle of its file."""
    context = ray.data.DataContext.get_current()
    before = context.target_max_block_size
    context.target_max_block_size = 1000
    yield
    context.target_max_block_size = before


def written(path: Path, **options: Any) -> Path:
    with tfr.TFRecordWriter(path, **options) as writer:
        writer.write_columns(from_arrow(rows()), schema_from_arrow(COLUMNS))
    return path


@pytest.mark.parametrize("compression_type", ["", "GZIP"])
def test_every_value_comes_back_and_missing_is_not_empty(tmp_path: Path, compression_type: str) -> None:
    infos = write_tfrecords(in_blocks(), tmp_path / "set", compression_type=compression_type)
    assert [info.records for info in infos] == [10] * 6
    dataset = read_tfrecords(tmp_path / "set")
    assert dataset.schema().base_schema.equals(COLUMNS)
    assert table_of(dataset).equals(rows())
    assert hidden(tmp_path / "set") == []


def test_each_shard_has_the_schema_of_all(tmp_path: Path) -> None:
    nothing = pa.table({"id": [100, 101], "label": pa.nulls(2)})
    write_tfrecords(ray.data.from_arrow([nothing, rows(0, 2).select(["id", "label"])]), tmp_path)
    schemas = [ray.get(block).schema for block in read_tfrecords(tmp_path).to_arrow_refs()]
    assert len(schemas) >= 2
    assert all(schema.equals(pa.schema([("id", pa.int64()), ("label", pa.int64())])) for schema in schemas)


def test_only_the_features_of_the_schema_are_columns(tmp_path: Path) -> None:
    write_tfrecords(in_blocks(2), tmp_path, schema=schema_from_arrow(rows().select(["id", "label"]).schema))
    assert set(next(tfr.read_examples(tmp_path))) == {"id", "label"}
    dataset = read_tfrecords(tmp_path, schema_from_arrow(rows().select(["id"]).schema))
    assert table_of(dataset).equals(rows().select(["id"]))


def test_tensorflow_reads_the_shards(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    infos = write_tfrecords(in_blocks(), tmp_path)
    examples = {}
    for record in tf.data.TFRecordDataset([info.path for info in infos]):
        example = tf.train.Example.FromString(record.numpy()).features.feature
        examples[example["id"].int64_list.value[0]] = example
    assert sorted(examples) == list(range(COUNT))
    for number, example in examples.items():
        row = row_of(number)
        assert list(example["image"].bytes_list.value) == [row["image"]]
        assert list(example["embedding"].float_list.value) == list(row["embedding"] if number % 7 != 3 else [])
        for name, kind in {"label": "int64_list", "tokens": "int64_list", "words": "bytes_list"}.items():
            assert example[name].WhichOneof("kind") == (None if row[name] is None else kind)
            value = row[name] if isinstance(row[name], list) else [row[name]]
            assert list(getattr(example[name], kind).value) == ([] if row[name] is None else value)


def test_shards_are_filled_from_many_blocks(tmp_path: Path) -> None:
    infos = write_tfrecords(in_blocks(20), tmp_path / "records", max_records=25)
    assert sum(info.records for info in infos) == COUNT
    assert max(info.records for info in infos) == 25
    assert len(infos) < 6
    infos = write_tfrecords(in_blocks(20), tmp_path / "bytes", max_bytes=15_000)
    assert len(infos) > 2
    assert max(info.bytes for info in infos) < 16_000
    assert ids(tmp_path / "records") == ids(tmp_path / "bytes") == list(range(COUNT))


def test_a_large_shard_is_read_by_several_tasks(tmp_path: Path) -> None:
    path = written(tmp_path / "large", index=True)
    dataset = read_tfrecords(path, override_num_blocks=5).materialize()
    assert dataset.num_blocks() == 5
    assert table_of(dataset).equals(rows())
    (tmp_path / "large.idx").unlink()
    assert len(TFRecordDatasource(path).get_read_tasks(5)) == 1


def test_many_files_are_read_by_as_many_tasks_as_ray_wants(tmp_path: Path) -> None:
    write_tfrecords(in_blocks(10), tmp_path)
    tasks = TFRecordDatasource(tmp_path).get_read_tasks(4)
    files = [file for task in tasks for file in task.metadata.input_files]
    assert len(tasks) == 4
    assert files == sorted(map(str, tmp_path.glob("part-*")))
    assert table_of(read_tfrecords(tmp_path, override_num_blocks=4)).equals(rows())


def test_a_path_means_the_same_to_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tfrecords(in_blocks(2), "here")
    assert table_of(read_tfrecords("here")).equals(rows())


@pytest.mark.parametrize("index", [False, True])
def test_a_damaged_record_is_named(tmp_path: Path, index: bool) -> None:
    path = written(tmp_path / "damaged", index=index)
    offset = int(tfr.RecordIndex.build(path).offsets[40])
    data = bytearray(path.read_bytes())
    data[offset + 30] ^= 1
    path.write_bytes(data)
    dataset = read_tfrecords(path, schema_from_arrow(COLUMNS), override_num_blocks=3)
    with pytest.raises(tfr.CorruptRecordError) as caught:
        dataset.materialize()
    assert f"{path}: corrupted record #40 at offset {offset}: data CRC-32C stored" in str(caught.value)
    cause: Any = caught.value.__cause__ if not hasattr(caught.value, "cause") else caught.value.cause
    assert (cause.path, cause.record_number, cause.offset) == (str(path), 40, offset)
    unchecked = read_tfrecords(path, schema_from_arrow(rows().select(["id"]).schema), verify=False)
    assert unchecked.count() == COUNT


def test_records_go_as_they_are(tmp_path: Path) -> None:
    records = [b"", b"\0", b"any"]
    infos = write_tfrecords(ray.data.from_arrow(pa.table({"byteArray": records})), tmp_path, record_type="ByteArray")
    assert list(tfr.read_records(infos[0].path)) == records
    dataset = read_tfrecords(tmp_path, record_type="ByteArray")
    assert [row["byteArray"] for row in dataset.take_all()] == records


def test_sequences_come_back_with_the_schema_of_their_columns(tmp_path: Path) -> None:
    steps = pa.list_(pa.list_(pa.int64()))
    table = pa.table({"id": [1, 2, 3], "steps": pa.array([[[1, 2], []], [], None], steps)})
    write_tfrecords(ray.data.from_arrow(table), tmp_path, record_type="SequenceExample")
    dataset = read_tfrecords(tmp_path, record_type="SequenceExample")
    assert dataset.schema().base_schema.equals(table.schema)
    assert table_of(dataset).equals(table)


def test_an_option_that_ray_does_not_know_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "train.tfrecord")
    with pytest.raises(TypeError, match="columns"):
        read_tfrecords(path, columns=["id"])
    with pytest.raises(TypeError, match="compresion_type"):
        read_tfrecords(path, compresion_type="GZIP")
    assert read_tfrecords(path, override_num_blocks=1, num_cpus=1).count() == COUNT


def test_no_rows_are_an_empty_shard_with_a_schema(tmp_path: Path) -> None:
    infos = write_tfrecords(in_blocks().filter(lambda row: False), tmp_path)
    assert [info.records for info in infos] == [0]
    dataset = read_tfrecords(tmp_path, schema_from_arrow(COLUMNS))
    assert dataset.schema().base_schema.equals(COLUMNS)
    assert dataset.count() == 0


def test_append_and_overwrite_are_of_sets(tmp_path: Path) -> None:
    def one(number: int) -> Any:
        return ray.data.from_arrow(rows(number, number + 1))

    write_tfrecords(one(1), tmp_path)
    write_tfrecords(one(2), tmp_path, mode="append")
    with pytest.raises(FileExistsError):
        write_tfrecords(one(3), tmp_path)
    assert ids(tmp_path) == [1, 2]
    write_tfrecords(one(4), tmp_path, mode="overwrite")
    assert ids(tmp_path) == [4]


def test_arrays_of_numpy_are_lists_of_their_values(tmp_path: Path) -> None:
    def arrays(batch: dict[str, Any]) -> dict[str, Any]:
        number = batch["id"]
        ragged = np.empty(len(number), object)
        ragged[:] = [np.arange(each % 3, dtype=np.float32) for each in number]
        return {"id": number, "pair": np.stack([number, -number], 1)[:, :, None], "ragged": ragged}

    write_tfrecords(ray.data.range(20, override_num_blocks=2).map_batches(arrays), tmp_path)
    for example in tfr.read_examples(tmp_path):
        number = example["id"].item()
        assert example["pair"].tolist() == [number, -number]
        assert example["ragged"].tolist() == list(range(number % 3))
    assert ids(tmp_path) == list(range(20))


def test_a_column_of_two_kinds_is_refused_and_a_schema_makes_it_one(tmp_path: Path) -> None:
    dataset = ray.data.from_arrow([pa.table({"x": [1, 2]}), pa.table({"x": [0.5]})])
    with pytest.raises(tfr.FeatureError, match=r"is (int64|float32) in one block, and (int64|float32) in another"):
        write_tfrecords(dataset, tmp_path)
    assert list(tmp_path.iterdir()) == []
    write_tfrecords(dataset, tmp_path, schema=schema_from_arrow(pa.schema([("x", pa.float32())])))
    assert sorted(example["x"].item() for example in tfr.read_examples(tmp_path)) == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("number", [1, 4, 6, 9, COUNT + 3])
def test_there_are_so_many_shards_as_are_asked_for(tmp_path: Path, number: int) -> None:
    infos = write_tfrecords(in_blocks(), tmp_path, num_shards=number)
    assert [Path(info.path).name[-15:] for info in infos] == [f"-{n:05}-of-{number:05}" for n in range(number)]
    assert ids(tmp_path) == list(range(COUNT))
    assert hidden(tmp_path) == []
    with pytest.raises(ValueError, match="either a number"):
        write_tfrecords(in_blocks(), tmp_path, mode="append", num_shards=2, max_bytes=100)


def test_null_and_empty_are_what_they_are_under_every_engine(tmp_path: Path) -> None:
    write_tfrecords(ray.data.from_arrow(TABLE), tmp_path / "table")
    assert list(tfr.read_records(tmp_path / "table")) == as_records()
    write_tfrecords(ray.data.from_items(as_rows(), override_num_blocks=1), tmp_path / "rows", schema=SCHEMA)
    assert list(tfr.read_records(tmp_path / "rows")) == as_records()
    write_tfrecords(ray.data.from_arrow(TABLE), tmp_path / "more", schema=MORE)
    assert list(tfr.read_records(tmp_path / "more")) == as_more_records()
    nothing = ray.data.from_items([{"x": []}])
    with pytest.raises(tfr.FeatureError, match="'x': empty lists of no type have no kind"):
        write_tfrecords(nothing, tmp_path / "nothing")


def fault_at(number: int, marker: Path, directory: Path, fault: Callable[[], None]) -> Callable[[Any], Iterator[Any]]:
    """What gives batches on in small pieces; before the row of this number, the first time only, comes the fault.

    The marker then holds which hidden files there were.
    """

    def pieces(batch: Any) -> Iterator[Any]:
        for begin in range(0, batch.num_rows, 2):
            piece = batch.slice(begin, 2)
            if number in piece["id"].to_pylist() and not marker.exists():
                marker.write_text(json.dumps([name for name in os.listdir(directory) if name.startswith(".shard")]))
                fault()
            yield piece

    return pieces


def raise_an_error() -> None:
    raise RuntimeError("once")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("fault", "remote", "map_retries"),
    [(die, {}, 0), (raise_an_error, {"retry_exceptions": True}, 0), (raise_an_error, {}, 1)],
    ids=["killed", "raised", "raised_and_tried_again_by_its_worker"],
)
@pytest.mark.filterwarnings("ignore:.ray_remote_args. is deprecated")
@pytest.mark.usefixtures("small_blocks")
def test_what_a_lost_attempt_wrote_is_not_there_twice(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[], None],
    remote: dict[str, Any],
    map_retries: int,
) -> None:
    if map_retries:
        monkeypatch.setattr(ray.data.DataContext.get_current(), "max_map_retries", map_retries)
        monkeypatch.setattr(ray.data.DataContext.get_current(), "retried_map_errors", True)
    directory, marker = tmp_path / "set", tmp_path / "marker"
    dataset = in_blocks(3).map_batches(
        fault_at(36, marker, directory, fault), batch_format="pyarrow", batch_size=None, **remote
    )
    write_tfrecords(dataset, directory, ray_remote_args=remote)
    assert json.loads(marker.read_text()), "the fault came before anything was written"
    assert table_of(read_tfrecords(directory)).equals(rows())
    assert hidden(directory) == []


@pytest.mark.usefixtures("small_blocks")
def test_a_task_that_fails_leaves_nothing(tmp_path: Path) -> None:
    directory, marker = tmp_path / "set", tmp_path / "marker"
    written_before = write_tfrecords(in_blocks(1), directory)
    dataset = in_blocks(3).map_batches(
        fault_at(36, marker, directory, raise_an_error), batch_format="pyarrow", batch_size=None
    )
    with pytest.raises(Exception, match="once"):
        write_tfrecords(dataset, directory, mode="overwrite")
    assert json.loads(marker.read_text())
    assert [str(path) for path in directory.glob("part-*")] == [info.path for info in written_before]
    assert hidden(directory) == []
    write_tfrecords(dataset, directory, mode="overwrite")
    assert ids(directory) == list(range(COUNT))


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(dataset: Any, datasink: Any) -> None:
        assert datasink.write(dataset.iter_batches(batch_format="pyarrow"), SimpleNamespace(task_idx=0)).infos
        assert hidden(tmp_path)
        raise KeyboardInterrupt

    # Raised where Ray hands it on: a signal that comes while Ray waits is swallowed there now and then.
    monkeypatch.setattr(ray.data.Dataset, "write_datasink", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_tfrecords(in_blocks(3), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_none_is_refused_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="num_shards: True is no number"):
        write_tfrecords(in_blocks(1), tmp_path / "new", num_shards=True)
    with pytest.raises(TypeError, match=r"^a ray\.data\.Dataset is written, not a list$"):
        write_tfrecords([1], tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("paths", "error", "problem"), REFUSED_PATHS)
def test_paths_that_are_none_are_refused_at_the_call(paths: Any, error: type[Exception], problem: str) -> None:
    for schema in (None, SCHEMA):
        with pytest.raises(error, match=problem):
            read_tfrecords(paths, schema)


@pytest.mark.parametrize("blocks", [1, 4])
def test_a_sequence_example_is_no_example_whose_feature_lists_are_lost(tmp_path: Path, blocks: int) -> None:
    problem = write_sequences(tmp_path / "a")
    for schema in (None, schema_from_arrow(pa.schema({"id": pa.int64()}))):
        with pytest.raises(tfr.DecodeError, match=f"(?s){problem}"):
            read_tfrecords(tmp_path / "a", schema, override_num_blocks=blocks).take_all()


def test_a_directory_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_tfrecords(in_blocks(2), "../out")
    assert ids(tmp_path / "out") == list(range(COUNT))
    assert read_tfrecords("../out").count() == COUNT


@pytest.mark.parametrize(("record_type", "schema", "error", "problem"), REFUSED_SCHEMAS)
def test_a_schema_that_is_of_no_use_is_refused_at_the_call(
    tmp_path: Path, record_type: str, schema: Any, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        write_tfrecords(in_blocks(1), tmp_path / "new", record_type=record_type, schema=schema)
    with pytest.raises(error, match=problem):
        read_tfrecords(written(tmp_path / "train"), schema, record_type=record_type)
    assert not (tmp_path / "new").exists()


def test_records_without_features_are_not_taken_for_none(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"")
    with pytest.raises(tfr.FeatureError, match="nothing would be left of the records"):
        read_tfrecords(tmp_path / "a")


def test_an_error_behind_the_manifest_says_that_the_records_are_there(tmp_path: Path) -> None:
    with published_error() as caught:
        write_tfrecords(in_blocks(2), tmp_path, mode="append")
    assert caught.value.path is not None
    tfr.commit(None, caught.value.path)
    assert ids(tmp_path) == list(range(COUNT))
    assert hidden(tmp_path) == []


DRIVER = """
import os, signal, sys
import pyarrow as pa, ray
from tfrecord_lite.adapters.ray import write_tfrecords

replace, renamed = os.replace, []

def rename_or_die(old, new):
    if os.path.basename(new).startswith("part-"):
        if len(renamed) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        renamed.append(new)
    replace(old, new)

os.replace = rename_or_die
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
dataset = ray.data.from_arrow([pa.table({"id": [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]}) for n in range(5)])
write_tfrecords(dataset, sys.argv[2])
"""


def test_a_commit_whose_driver_was_killed_is_finished_or_done_anew(tmp_path: Path, cluster: str) -> None:
    command = [sys.executable, "-c", DRIVER, cluster, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert len(list(tmp_path.glob("part-*"))) == 2
    with pytest.raises(tfr.ShardError, match="was interrupted: if it still runs, wait until it is done"):
        read_tfrecords(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy")
    (name,) = open_plans(open_directory(str(tmp_path)))
    infos = tfr.commit(None, tmp_path / name)
    assert [info.records for info in infos] == [4] * 5
    assert ids(tmp_path) == list(range(20))
    assert read_tfrecords(tmp_path).count() == 20

    write_tfrecords(in_blocks(3), tmp_path / "copy", mode="overwrite")
    assert ids(tmp_path / "copy") == list(range(COUNT))
    assert len(list((tmp_path / "copy").glob("part-*"))) == 3
    assert hidden(tmp_path / "copy") == []


def test_the_example_converts_a_table_and_back(tmp_path: Path, cluster: str) -> None:
    tf = pytest.importorskip("tensorflow")
    rows = write_photos(tmp_path / "photos.parquet", 50)
    command = [sys.executable, str(ROOT / "examples" / "engines_ray.py"), str(tmp_path / "photos.parquet")]
    command += [str(tmp_path / "records"), str(tmp_path / "back"), "--max-records", "20"]
    environment = os.environ | {"RAY_ADDRESS": cluster, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
    assert result.returncode == 0, result.stderr
    assert rows_of(tmp_path / "back") == rows
    files = sorted(map(str, (tmp_path / "records").glob("part-*")))
    assert result.stdout.splitlines()[-1] == f"50 records in {len(files)} shards"
    assert len(files) >= 3
    features = {
        "embedding": tf.io.FixedLenFeature([WIDTH], tf.float32),
        "id": tf.io.FixedLenFeature([], tf.string),
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }
    parsed = [tf.io.parse_single_example(record, features) for record in tf.data.TFRecordDataset(files)]
    found = {row["id"].numpy().decode(): (int(row["label"]), row["image"].numpy()) for row in parsed}
    assert found == {row["id"]: (row["label"], row["image"]) for row in rows}


def test_no_worker_loads_tensorflow(tmp_path: Path) -> None:
    def loaded() -> set[str]:
        time.sleep(0.2)  # so that one worker does not answer for all
        return {"tensorflow", "tfrecord_lite.adapters.ray"} & set(sys.modules)

    write_tfrecords(in_blocks(), tmp_path)
    assert read_tfrecords(tmp_path).materialize().count() == COUNT
    assert set().union(*ray.get([ray.remote(loaded).remote() for _ in range(4)])) == {"tfrecord_lite.adapters.ray"}


def test_the_adapter_says_what_to_install_where_there_is_no_ray() -> None:
    code = "import sys; sys.modules['ray'] = None; import tfrecord_lite.adapters.ray"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith('ImportError: this needs Ray Data: pip install "tfrecord-lite-codec[ray]"\n')


def test_the_code_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python ray\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(block, {})
