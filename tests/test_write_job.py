"""WriteJob and ReadPart: what the tasks of an engine write and read, without an engine."""

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfrecord_lite import (
    CorruptRecordError,
    FeatureError,
    PublishedError,
    Schema,
    ShardedWriter,
    ShardError,
    TFRecordWriter,
    UncertainCommitError,
    commit,
    encode_sequence_example,
    infer_schema,
    read_examples,
    read_records,
)
from tfrecord_lite.adapters.kinds import column_kinds, unite_kinds
from tfrecord_lite.adapters.read_parts import ReadPart, plan_parts, read_part
from tfrecord_lite.adapters.write_job import WriteJob
from tfrecord_lite.files.directory import open_directory
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema

pa = pytest.importorskip("pyarrow")

from engine_values import MORE, REFUSED_SCHEMAS, TABLE, as_more_records  # noqa: E402
from published import unreachable  # noqa: E402


def rows(begin: int, end: int) -> Any:
    """A batch of that many rows."""
    ids = list(range(begin, end))
    return pa.RecordBatch.from_pydict(
        {"id": ids, "name": [None if number % 3 == 0 else f"n{number}" for number in ids]}
    )


def ids(directory: Path | str) -> list[int]:
    return [example["id"].item() for example in read_examples(directory)]


def hidden(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


def done(directory: Path | str, mode: Any, *batches: Any, **options: Any) -> WriteJob:
    job = WriteJob.begin(directory, mode=mode, **options)
    job.commit([info for batch in batches for info in pickle.loads(pickle.dumps(job)).write([batch])])
    return job


def test_the_rows_of_all_tasks_are_one_set_in_their_order(tmp_path: Path) -> None:
    done(tmp_path / "new" / "set", "error", rows(0, 10), rows(10, 10), rows(10, 25), max_records=4)
    assert ids(tmp_path / "new" / "set") == list(range(25))
    assert len(plan_parts(tmp_path / "new" / "set")) == 3 + 4
    example = next(read_examples(tmp_path / "new" / "set"))
    assert "name" not in example
    assert hidden(tmp_path / "new" / "set") == []


def test_error_wants_an_empty_directory_at_the_begin_and_at_the_end(tmp_path: Path) -> None:
    first, second = WriteJob.begin(tmp_path), WriteJob.begin(tmp_path)
    infos = second.write([rows(5, 7)])
    first.commit(first.write([rows(0, 5)]))
    with pytest.raises(FileExistsError, match="holds shards already"):
        second.commit(infos)
    second.abort()
    with pytest.raises(FileExistsError, match="there are data already"):
        WriteJob.begin(tmp_path)
    assert ids(tmp_path) == list(range(5))
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("num_shards", [None, 3])
@pytest.mark.parametrize("mode", ["error", "append", "overwrite"])
def test_a_job_that_is_told_that_its_set_is_published_writes_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Any, num_shards: int | None
) -> None:
    """Whatever fails behind the manifest, and whether the commit is run again or the job is given up."""
    if mode == "append":
        done(tmp_path, mode, rows(20, 22))
    job = WriteJob.begin(tmp_path, mode=mode, num_shards=num_shards)
    infos = job.write([rows(0, 5)])
    job.write([rows(7, 9)])  # an attempt that does not count
    unlink = os.unlink
    for name in ("_PLAN-", ".shard-"):

        def failing(path: Any, name: str = name) -> None:
            if os.path.basename(path).startswith(name):
                raise OSError(5, "Input/output error")
            unlink(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", failing)
            with pytest.raises(PublishedError, match=r"^\S+: published; .*nothing is to be written again") as caught:
                job.commit(infos)
            job.abort_after(caught.value)  # which cannot do more either
    again = job.commit(infos)
    assert sum(info.records for info in again) == 5
    job.abort()
    assert sorted(ids(tmp_path)) == [*range(5), *([20, 21] if mode == "append" else [])]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.parametrize("is_back", [True, False])
def test_a_job_of_which_it_is_not_known_whether_it_is_published_says_so(
    memory: str, monkeypatch: pytest.MonkeyPatch, is_written: bool, is_back: bool
) -> None:
    job = WriteJob.begin(memory)
    infos = job.write([rows(0, 5)])
    with unreachable(monkeypatch, is_written):
        with pytest.raises(UncertainCommitError, match="before anything is written again") as caught:
            job.commit(infos)
        if not is_back:
            job.abort_after(caught.value)  # which cannot do anything
    assert caught.value.path == job.prefix
    if is_back:
        job.abort_after(caught.value)
    if is_back and not is_written:  # it could be undone, and the commit tells
        with pytest.raises(FileNotFoundError, match="no commit to finish"):
            commit(None, job.prefix)
        assert list(open_directory(memory).sizes()) == []
    else:
        commit(None, job.prefix)
        assert ids(memory) == list(range(5))


def test_a_job_of_mode_error_that_is_run_again_writes_its_own_set_again(tmp_path: Path) -> None:
    job = done(tmp_path, "error", rows(0, 5))
    job.commit(job.write([rows(0, 6)]))
    assert ids(tmp_path) == list(range(6))
    assert hidden(tmp_path) == []


RACE = """
import os, random, sys, time
import pyarrow as pa
from tfrecord_lite.adapters.write_job import WriteJob
out, number = sys.argv[1:]
os.fsync = lambda descriptor: None  # no power is cut here
random.seed(number)
print("ready", flush=True)
for turn in range(int(sys.stdin.readline())):
    sys.stdin.readline()
    job = None
    time.sleep(random.random() * 0.02)
    try:
        job = WriteJob.begin(f"{out}/{turn}")
        infos = [info for _ in range(30) for info in job.write([pa.RecordBatch.from_pydict({"id": [int(number)]})])]
        job.commit(infos)
        print("won", flush=True)
    except Exception as error:
        if job is not None:
            job.abort_after(error)
        print(f"{type(error).__name__}: {error}", flush=True)
"""


@pytest.mark.slow
def test_of_two_jobs_of_mode_error_at_once_the_one_that_loses_is_told_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    jobs: list[Any] = [subprocess.Popen([*command, str(number)], **pipes) for number in range(2)]
    try:
        for job in jobs:
            assert job.stdout.readline() == "ready\n"
            job.stdin.write("20\n")
        for turn in range(20):
            for job in jobs:
                job.stdin.write("\n")
            answers = [job.stdout.readline().strip() for job in jobs]
            assert answers.count("won") == 1, answers
            (other,) = [answer for answer in answers if answer != "won"]
            assert other.startswith(("FileExistsError: ", "ShardError: a commit of ", "ShardError: /")), other
            assert ids(tmp_path / str(turn)) == [answers.index("won")] * 30
            assert hidden(tmp_path / str(turn)) == []
    finally:
        for job in jobs:
            job.communicate()


def test_a_file_that_somebody_deletes_while_a_directory_is_looked_at_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(tmp_path, "error", rows(0, 3))
    (tmp_path / ".shard-of-another-job.tmp").touch()
    scandir = os.scandir

    @contextmanager
    def late(path: Any) -> Iterator[Any]:
        with scandir(path) as entries:
            found = list(entries)
        (tmp_path / ".shard-of-another-job.tmp").unlink(missing_ok=True)
        yield iter(found)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", late)
        sizes = open_directory(str(tmp_path)).sizes()
    assert sizes == {path.name: path.stat().st_size for path in tmp_path.iterdir()}


def test_append_adds_behind_and_overwrite_leaves_only_the_new(tmp_path: Path) -> None:
    done(tmp_path, "append", rows(0, 5))
    done(tmp_path, "append", rows(5, 9))
    assert sorted(ids(tmp_path)) == list(range(9))
    done(tmp_path, "overwrite", rows(20, 22))
    assert ids(tmp_path) == [20, 21]
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("part-")]) == 1


def test_what_no_manifest_lists_is_not_overwritten(tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "precious") as writer:
        writer.write(b"1")
    with pytest.raises(ShardError, match="'precious', is not overwritten"):
        WriteJob.begin(tmp_path, mode="overwrite")
    done(tmp_path, "append", rows(0, 1))
    assert len(list(read_records(tmp_path))) == 2


def test_attempts_that_do_not_count_leave_nothing(tmp_path: Path) -> None:
    job = WriteJob.begin(tmp_path)
    job.write([rows(0, 5)])  # its worker was lost afterwards

    def failing() -> Any:
        yield rows(0, 5)
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="gone"):
        job.write(failing())
    assert len(hidden(tmp_path)) == 1
    job.commit(job.write([rows(0, 5)]))
    assert ids(tmp_path) == list(range(5))
    assert hidden(tmp_path) == []


def test_a_commit_that_is_run_again_does_nothing(tmp_path: Path) -> None:
    job = WriteJob.begin(tmp_path, mode="append")
    infos = job.write([rows(0, 5)])
    assert job.commit(infos) == job.commit(infos)
    assert ids(tmp_path) == list(range(5))


def test_abort_leaves_what_was_there(tmp_path: Path) -> None:
    done(tmp_path, "error", rows(0, 3))
    job = WriteJob.begin(tmp_path, mode="overwrite")
    job.write([rows(5, 9)])
    job.abort()
    assert ids(tmp_path) == [0, 1, 2]
    assert hidden(tmp_path) == []


def test_no_rows_are_one_empty_shard(tmp_path: Path) -> None:
    done(tmp_path, "error")
    assert list(read_records(tmp_path)) == []
    assert len(plan_parts(tmp_path)) == 1


def test_a_row_that_does_not_fit_is_named(tmp_path: Path) -> None:
    job = WriteJob.begin(tmp_path)
    batch = pa.RecordBatch.from_pydict({"x": pa.array([1, None], pa.uint64())})
    too_large = pa.RecordBatch.from_pydict({"x": pa.array([2, 2**63], pa.uint64())})
    with pytest.raises(FeatureError) as caught:
        job.write([batch, too_large])
    assert caught.value.record_number == 3


def written(directory: Path, count: int, **options: Any) -> Path:
    path = directory / "many"
    with TFRecordWriter(path, **options) as writer:
        for number in range(count):
            writer.write_example({"id": number, "x": np.float32(number) / 2})
    return path


@pytest.mark.parametrize("options", [{}, {"compression_type": "GZIP"}, {"compression_type": "ZLIB"}])
def test_records_go_as_they_are(tmp_path: Path, options: dict[str, str]) -> None:
    records = [b"", b"\0", b"x" * 1000]
    batch = pa.RecordBatch.from_pydict({"byteArray": pa.array(records, pa.binary())})
    done(tmp_path, "error", batch, record_type="ByteArray", **options)
    assert list(read_records(tmp_path)) == records
    (part,) = plan_parts(tmp_path)
    batches = list(read_part(part, infer_schema([]), record_type="ByteArray", batch_size=2))
    assert [batch["byteArray"].to_pylist() for batch in batches] == [records[:2], records[2:]]


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        ({"a": pa.array([b"1"], pa.binary()), "b": pa.array([1])}, "2 columns: binary, int64"),
        ({"a": pa.array(["1"])}, "1 column: string"),
    ],
)
def test_only_one_column_of_binary_is_records(tmp_path: Path, column: dict[str, Any], problem: str) -> None:
    with pytest.raises(FeatureError, match=problem):
        done(tmp_path, "error", pa.RecordBatch.from_pydict(column), record_type="ByteArray")
    null = pa.RecordBatch.from_pydict({"byteArray": pa.array([None], pa.binary())})
    with pytest.raises(FeatureError, match="a record is null"):
        done(tmp_path, "error", null, record_type="ByteArray")


def test_records_are_in_a_column_of_that_name_and_no_other_is_taken_for_them(tmp_path: Path) -> None:
    images = pa.RecordBatch.from_pydict({"image": pa.array([b"jpeg"], pa.binary())})
    with pytest.raises(FeatureError, match="'image': is no 'byteArray', the column of records"):
        done(tmp_path, "error", images, record_type="ByteArray")


def test_an_append_goes_beside_a_commit_that_is_under_way_or_was_interrupted(tmp_path: Path) -> None:
    interrupted, job = _interrupted(tmp_path), WriteJob.begin(tmp_path, mode="append")
    job.commit(job.write([rows(5, 7)]))
    commit(None, interrupted.prefix)
    assert sorted(ids(tmp_path)) == [0, 1, 2, 5, 6]


def test_who_wants_an_empty_directory_is_told_of_a_commit_and_of_the_ways_out(tmp_path: Path) -> None:
    prefix = _interrupted(tmp_path).prefix
    with pytest.raises(ShardError) as caught:
        WriteJob.begin(tmp_path)
    assert f"'{prefix}' is under way or was interrupted: if it still runs, wait" in str(caught.value)
    undo = f"`tfrecord-lite rollback {prefix}`, or rollback(prefix), undoes it, and so does mode 'overwrite'"
    assert str(caught.value).endswith(undo)
    commit(None, prefix)
    assert ids(tmp_path) == list(range(3))


def _interrupted(directory: Path) -> WriteJob:
    """A job in the middle of whose commit its process died."""
    job = WriteJob.begin(directory)
    infos = job.write([rows(0, 3)])

    def dying(old: str, new: str, replace: Any = os.replace) -> None:
        if Path(new).name.startswith("part-"):
            raise KeyboardInterrupt
        replace(old, new)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            job.commit(infos)
    return job


def test_an_append_to_a_directory_whose_manifest_is_none_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "_MANIFEST.json").write_text("{}")
    with pytest.raises(ShardError, match="not a manifest"):
        WriteJob.begin(tmp_path, mode="append")


@pytest.mark.parametrize("wrong", [{"mode": "ignore"}, {"record_type": "example"}, {"compression_type": "gzip"}])
def test_other_words_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is one of|is ''"):
        WriteJob.begin(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
@pytest.mark.parametrize("name", ["max_records", "max_bytes"])
def test_a_size_that_is_none_is_refused_before_there_is_a_directory(
    tmp_path: Path, name: str, wrong: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        WriteJob.begin(tmp_path / "new", **{name: wrong})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("record_type", ["Example", "SequenceExample"])
def test_rows_without_columns_are_refused_and_not_lost(tmp_path: Path, record_type: str) -> None:
    with pytest.raises(FeatureError, match="3 rows without a column"):
        done(tmp_path, "error", rows(0, 3).select([]), record_type=record_type)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["", "/"])
def test_a_url_is_no_local_directory_and_holds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    monkeypatch.chdir(tmp_path)
    url = "memory://write_job/train"
    try:
        done(url + end, "error", rows(0, 3))
        with pytest.raises(FileExistsError):
            WriteJob.begin(url + end)
        failed = WriteJob.begin(url, mode="append")
        failed.write([rows(3, 5)])
        failed.abort()
        assert ids(url) == [0, 1, 2]
        done(url, "append", rows(3, 5))
        assert ids(url) == [0, 1, 2, 3, 4]
        done(url, "overwrite", rows(5, 9))
        assert ids(url) == [5, 6, 7, 8]
        assert sorted(path.rpartition("/")[2][:5] for path in memory.ls("/write_job/train", detail=False)) == [
            "_MANI",
            "_SUCC",
            "part-",
        ]
        with TFRecordWriter(f"{url}/by-hand") as writer:
            writer.write(b"")
        with pytest.raises(ShardError, match="'by-hand', is not overwritten"):
            WriteJob.begin(url, mode="overwrite")
    finally:
        memory.rm("/write_job", recursive=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises((ImportError, OSError)):
        WriteJob.begin("hdfs://127.0.0.1:9/train")
    done(f"file://{tmp_path}/local", "error", rows(0, 2))
    assert ids(tmp_path / "local") == [0, 1]


def test_a_large_file_with_an_index_is_divided_without_a_gap(tmp_path: Path) -> None:
    path = written(tmp_path, 1000, index=True)
    parts = plan_parts(path, max_bytes=path.stat().st_size // 7)
    assert len(parts) == 7
    assert parts[0].begin == 0
    assert parts[-1].end == 1000
    assert all(first.end == second.begin for first, second in pairwise(parts))
    schema = infer_schema(path)
    tables = [pa.Table.from_batches(read_part(part, schema, batch_size=50)) for part in parts]
    assert max(map(len, tables)) < 200
    table = pa.concat_tables(tables)
    assert table["id"].to_pylist() == list(range(1000))
    assert table["x"].to_pylist() == [number / 2 for number in range(1000)]
    (tmp_path / "many.idx").unlink()
    assert plan_parts(path, max_bytes=1000) == [ReadPart(str(path))]


@pytest.mark.parametrize("directory", ["../out", "out/../../out", "./../out/", "..", ".", ""])
def test_a_directory_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    job = WriteJob.begin(directory)
    assert job.directory == os.path.abspath(directory)
    monkeypatch.chdir("/")
    job.commit(job.write([rows(0, 3)]))
    assert ids(job.directory) == [0, 1, 2]


def test_parts_mean_the_same_wherever_a_task_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, 3)
    monkeypatch.chdir(tmp_path)
    assert plan_parts("many") == [ReadPart(str(path))]
    for paths, problem in (("-", "standard input"), ([io.BytesIO()], "BytesIO")):
        with pytest.raises(TypeError, match=f"files with names, not .*{problem}"):
            plan_parts(paths)


def test_a_damaged_record_of_a_range_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, 100, index=True)
    schema = infer_schema(path)
    data = bytearray(path.read_bytes())
    size = len(data) // 100
    data[70 * size + 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptRecordError) as caught:
        list(read_part(ReadPart(str(path), 50, 100), schema, batch_size=8))
    assert (caught.value.path, caught.value.record_number) == (str(path), 70)


def test_an_example_that_does_not_fit_is_named_in_a_range(tmp_path: Path) -> None:
    path = tmp_path / "mixed"
    with TFRecordWriter(path, index=True) as writer:
        for number in range(10):
            writer.write_example({"id": number if number != 7 else b"seven"})
    with TFRecordWriter(tmp_path / "first") as writer:
        writer.write_example({"id": 1})
    schema = infer_schema(tmp_path / "first")
    with pytest.raises(FeatureError) as caught:
        list(read_part(ReadPart(str(path), 4, 10), schema))
    assert (caught.value.path, caught.value.record_number) == (str(path), 7)


def test_sets_that_are_replaced_by_another_name_go_only_when_it_is_there(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        writer.write_example({"id": 1})
    job = WriteJob.begin(tmp_path, mode="overwrite")
    infos = job.write([rows(7, 8)])
    assert ids(tmp_path) == [1]
    job.commit(infos)
    assert ids(tmp_path) == [7]
    assert not list(tmp_path.glob("train*"))


@pytest.mark.parametrize("record_type", ["Example", "SequenceExample"])
def test_the_kinds_of_all_blocks_are_one(record_type: str) -> None:
    first = pa.schema({"a": pa.int64(), "b": pa.list_(pa.string()), "n": pa.null()})
    kinds = column_kinds(first, record_type)
    assert kinds["a"] == "int64"
    assert "n" not in kinds
    unite_kinds(kinds, column_kinds(pa.schema({"a": pa.int32(), "n": pa.float32()}), record_type))
    assert kinds["n"] == "float32"
    with pytest.raises(FeatureError, match="is int64 in one block, and bytes in another: give a schema") as caught:
        unite_kinds(kinds, column_kinds(pa.schema({"a": pa.string()}), record_type))
    assert caught.value.key == "a"


def test_a_feature_of_the_schema_that_is_no_column_is_missing_from_every_row(tmp_path: Path) -> None:
    done(tmp_path / "a", "error", TABLE.to_batches()[0], schema=MORE)
    assert list(read_records(tmp_path / "a")) == as_more_records()
    done(tmp_path / "b", "error", rows(0, 2), schema={"other": FeatureSchema("any name", "int64", (2,))})
    assert list(read_examples(tmp_path / "b")) == [{"other": None}] * 2


def test_a_feature_list_of_the_schema_that_is_no_column_is_missing_from_every_row(tmp_path: Path) -> None:
    lists = [FeatureListSchema(FeatureSchema(name, "int64", None)) for name in ("steps", "gone")]
    schema = Schema([FeatureSchema("id", "int64", ()), FeatureSchema("nowhere", "float32", None)], feature_lists=lists)
    batch = pa.RecordBatch.from_pydict({"steps": [[[1, 2], []], None], "id": [0, 1], "more": [5, 6]})
    done(tmp_path, "error", batch, schema=schema, record_type="SequenceExample")
    assert list(read_records(tmp_path)) == [
        encode_sequence_example({"id": 0, "nowhere": None}, {"steps": [[1, 2], np.empty(0, np.int64)]}),
        encode_sequence_example({"id": 1, "nowhere": None}, {}),
    ]


@pytest.mark.parametrize(("record_type", "schema", "error", "problem"), REFUSED_SCHEMAS)
def test_a_schema_that_is_of_no_use_is_refused_at_the_call(
    tmp_path: Path, record_type: str, schema: Any, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        WriteJob.begin(tmp_path / "new", record_type=record_type, schema=schema)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"schema": ["id"]}, "^schema is a tfrecord_lite.Schema, .*, not a list$"),
        ({"schema": pa.schema({"id": pa.int64()})}, "^schema is .* or {name: FeatureSchema}, not a pyarrow.Schema$"),
        ({"num_shards": True}, "^num_shards: True is no number$"),
        ({"max_records": False}, "^max_records: False is no number$"),
        ({"max_bytes": "1"}, "^max_bytes: "),
    ],
)
def test_what_is_none_is_refused_before_there_is_a_directory(tmp_path: Path, wrong: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        WriteJob.begin(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
@pytest.mark.parametrize("num_shards", [1, 2, 3, 4, 7, 12, 40])
def test_there_are_as_many_shards_as_are_wanted_whatever_tasks_there_were(
    tmp_path: Path, num_shards: int, compression_type: str
) -> None:
    batches = [rows(0, 10), rows(10, 11), rows(11, 11), rows(11, 30), rows(30, 33)]
    job = done(tmp_path, "error", *batches, num_shards=num_shards, compression_type=compression_type)
    names = sorted(path.name for path in tmp_path.glob("part-*"))
    assert names == [f"{Path(job.prefix).name}-{n:05}-of-{num_shards:05}" for n in range(num_shards)]
    assert ids(tmp_path) == list(range(33))
    assert hidden(tmp_path) == []
    counts = [len(list(read_records(tmp_path / name))) for name in names]
    assert num_shards == 4 or max(counts) - min(counts) <= 1  # of four tasks each is a shard as it is


def test_so_many_shards_are_there_even_of_no_rows(tmp_path: Path) -> None:
    done(tmp_path, "error", num_shards=3)
    assert len(list(tmp_path.glob("part-*-of-00003"))) == 3
    assert list(read_records(tmp_path)) == []


def test_a_commit_of_so_many_shards_that_is_run_again_changes_nothing(tmp_path: Path) -> None:
    job = WriteJob.begin(tmp_path, mode="overwrite", num_shards=3)
    infos = job.write([rows(0, 10)])
    published = job.commit(infos)
    assert [info.records for info in published] == [3, 3, 4]
    assert job.commit(infos) == published
    job.commit(job.write([rows(20, 22)]))  # and one of other infos replaces it, as of a pipeline that is run again
    assert ids(tmp_path) == [20, 21]
    job.abort()
    assert ids(tmp_path) == [20, 21]


@pytest.mark.parametrize("step", range(1, 6))
def test_a_commit_of_so_many_shards_goes_on_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    job = WriteJob.begin(tmp_path, mode="append", num_shards=3)
    infos = [*job.write([rows(0, 10)]), *job.write([rows(10, 21)])]
    replace = os.replace
    replaced: list[Any] = []

    def dying(old: Any, new: Any) -> None:  # the plan, three shards, the manifest
        if len(replaced) == step - 1:
            raise KeyboardInterrupt
        replaced.append(new)
        replace(old, new)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", dying)
        with pytest.raises(KeyboardInterrupt):
            job.commit(infos)
    assert len(replaced) == step - 1
    assert [info.records for info in job.commit(infos)] == [7, 7, 7]
    assert ids(tmp_path) == list(range(21))
    assert hidden(tmp_path) == []


def test_a_file_of_a_task_that_was_cut_is_noticed_before_anything_is_published(tmp_path: Path) -> None:
    job = WriteJob.begin(tmp_path, num_shards=3)
    infos = job.write([rows(0, 10)])
    with open(infos[0].path, "r+b") as file:
        file.truncate(_first_frame(infos[0].path))  # between two records
    with pytest.raises(ShardError, match="bytes long, but"):
        job.commit(infos)
    job.abort()
    assert list(tmp_path.iterdir()) == []


def _first_frame(path: str) -> int:
    return 16 + len(next(read_records(path)))


@pytest.mark.parametrize("sizes", [{"max_records": 3}, {"max_bytes": 3}])
def test_shards_have_a_number_or_a_size(tmp_path: Path, sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either a number"):
        WriteJob.begin(tmp_path / "new", num_shards=2, **sizes)
    with pytest.raises(ValueError, match="num_shards is 1 or more, not 0"):
        WriteJob.begin(tmp_path / "new", num_shards=0)
    with pytest.raises(TypeError):
        WriteJob.begin(tmp_path / "new", num_shards=1.5)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
