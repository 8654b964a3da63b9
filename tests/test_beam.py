"""Examples through Apache Beam on its DirectRunner. `make test-engines` runs this where Beam is installed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_tables import rows_of, write_photos

import tfrecord_lite as tfr

pytestmark = pytest.mark.slow

beam = pytest.importorskip("apache_beam")

from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402
from apache_beam.testing.util import assert_that, equal_to  # noqa: E402
from apache_beam.transforms.periodicsequence import PeriodicImpulse  # noqa: E402

pytest.importorskip("pyarrow")

from engine_values import (  # noqa: E402
    MORE,
    NO_RECORDS,
    REFUSED_PATHS,
    REFUSED_SCHEMAS,
    as_more_records,
    as_records,
    as_rows,
    write_sequences,
)
from engine_values import SCHEMA as VALUES  # noqa: E402
from published import published_error  # noqa: E402

from tfrecord_lite.adapters.beam import ReadExamples, WriteExamples  # noqa: E402
from tfrecord_lite.files.directory import open_directory  # noqa: E402
from tfrecord_lite.files.manifest import open_plans, plan_name  # noqa: E402

ROOT = Path(__file__).parent.parent
FEATURES = {
    "number": tfr.FixedLenFeature([], "int64"),
    "image": tfr.FixedLenFeature([], bytes),
    "vector": tfr.FixedLenFeature([3], "float32"),
}


def example_of(number: int) -> dict[str, Any]:
    return {"number": number, "image": bytes([number]) * number, "vector": np.array([number, 0.5, -number], np.float32)}


def write(examples: Any, directory: Path | str, **arguments: Any) -> None:
    with beam.Pipeline("DirectRunner") as pipeline:
        pipeline | beam.Create(examples) | WriteExamples(directory, **arguments)


def numbers_in(paths: Any) -> list[int]:
    return sorted(int(example["number"][0]) for example in tfr.read_examples(paths))


def shards_in(directory: Path) -> list[Path]:
    return sorted(directory.glob("part-*"))


def hidden_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    write(map(example_of, range(100)), tmp_path / "out", num_shards=3)
    return tmp_path / "out"


def test_shards_hold_each_example_once_in_its_canonical_bytes_and_are_a_set(shards: Path) -> None:
    assert len(shards_in(shards)) == 3
    assert [path.name[-15:] for path in shards_in(shards)] == [f"-0000{n}-of-00003" for n in range(3)]
    assert {path.name for path in shards.iterdir()} - {path.name for path in shards_in(shards)} == {
        "_MANIFEST.json",
        "_SUCCESS",
    }
    assert sorted(tfr.read_records(shards)) == sorted(tfr.encode_example(example_of(n)) for n in range(100))
    assert tfr.verify(shards).sound


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_tensorflow_reads_them(tmp_path: Path, compression_type: str) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    write(map(example_of, range(50)), tmp_path, num_shards=2, compression_type=compression_type)
    found = {}
    for record in tensorflow.data.TFRecordDataset(
        list(map(str, shards_in(tmp_path))), compression_type
    ).as_numpy_iterator():
        feature = tensorflow.train.Example.FromString(record).features.feature
        assert list(feature["vector"].float_list.value[1:2]) == [0.5]
        found[feature["number"].int64_list.value[0]] = feature["image"].bytes_list.value[0]
    assert found == {n: bytes([n]) * n for n in range(50)}


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_what_was_written_is_read(tmp_path: Path, compression_type: str) -> None:
    write(map(example_of, range(50)), tmp_path, max_records=20, compression_type=compression_type)
    assert len(shards_in(tmp_path)) >= 3
    with beam.Pipeline("DirectRunner") as pipeline:
        examples = pipeline | ReadExamples(tmp_path)
        rows = examples | beam.Map(lambda one: (one["number"].tolist(), one["image"], one["vector"].tolist()))
        assert_that(rows, equal_to([([n], [bytes([n]) * n], [n, 0.5, -n]) for n in range(50)]))


def test_what_our_writer_wrote_is_read_by_its_features(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=3, options="GZIP") as writer:
        for number in range(50):
            writer.write_example(example_of(number))
    with beam.Pipeline("DirectRunner") as pipeline:
        examples = pipeline | ReadExamples(tmp_path, FEATURES)
        rows = examples | beam.Map(lambda one: (one["number"].item(), one["image"].item(), one["vector"].tolist()))
        assert_that(rows, equal_to([(n, bytes([n]) * n, [n, 0.5, -n]) for n in range(50)]))


def test_a_large_file_with_an_index_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "one.tfrecord"
    with tfr.TFRecordWriter(path, index=True) as writer:
        for number in range(200):
            writer.write_example(example_of(number % 100))
    with beam.Pipeline("DirectRunner") as pipeline:
        reading = ReadExamples(path, FEATURES, max_bytes=3000)
        assert len(reading._parts) > 3
        assert_that(pipeline | reading | beam.Map(lambda one: one["number"].item()), equal_to([*range(100)] * 2))


def test_missing_without_a_kind_and_empty_stay_three_things(tmp_path: Path) -> None:
    kindless = tfr.Example.FromString(tfr.encode_example({"number": 2, "x": None}))
    write([{"number": 1, "x": None}, kindless, {"number": 3, "x": np.array([], np.int64)}], tmp_path)
    with beam.Pipeline("DirectRunner") as pipeline:
        examples = pipeline | ReadExamples(tmp_path)
        shown = examples | beam.Map(lambda one: (one["number"].item(), repr(one.get("x", "missing"))))
        assert_that(shown, equal_to([(1, "'missing'"), (2, "None"), (3, "array([], dtype=int64)")]))


def test_null_and_empty_are_what_they_are_under_every_engine(tmp_path: Path) -> None:
    write(as_rows(), tmp_path / "rows")
    write(as_rows(), tmp_path / "declared", schema=VALUES, num_shards=2)
    for name in ("rows", "declared"):
        assert sorted(tfr.read_records(tmp_path / name)) == sorted(as_records()), name
    write(as_rows(), tmp_path / "more", schema=MORE)
    assert sorted(tfr.read_records(tmp_path / "more")) == sorted(as_more_records())
    with pytest.raises(tfr.FeatureError, match="'x': empty lists of no type have no kind"):
        write([{"x": []}], tmp_path / "nothing")
    kindless = tfr.Schema([replace(VALUES["label"], missing="kindless")])
    write([{"label": None, "more": 1}], tmp_path / "kindless", schema=kindless)
    assert list(tfr.read_examples(tmp_path / "kindless")) == [{"label": None}]


@pytest.mark.parametrize("num_shards", [None, 2])
def test_a_feature_has_one_kind_and_a_schema_makes_it_one(tmp_path: Path, num_shards: int | None) -> None:
    def write_apart(examples: Any, **options: Any) -> None:
        with beam.Pipeline(options=PipelineOptions(TWO_WORKERS)) as pipeline:  # each in a bundle of its own
            pipeline | beam.Create(examples) | WriteExamples(tmp_path, num_shards=num_shards, **options)

    examples = [{"x": 1}, {"x": 0.5}]
    problem = r"'x': is .* in one block, and .* in another: give a schema"
    with pytest.raises(Exception, match=problem):  # several workers give its text in a RuntimeError
        write_apart(examples)
    assert hidden_in(tmp_path) == []
    with pytest.raises(tfr.FeatureError, match=problem):
        write(examples, tmp_path, num_shards=num_shards)
    assert shards_in(tmp_path) == []
    write_apart(examples, schema=tfr.Schema([tfr.Schema.from_json(FLOAT)["x"]]))
    assert sorted(example["x"].item() for example in tfr.read_examples(tmp_path)) == [0.5, 1.0]
    assert len(shards_in(tmp_path)) == 2


TWO_WORKERS = ["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_threading"]
FLOAT = '{"features": {"x": {"dtype": "float32", "shape": []}}}'


@pytest.mark.parametrize("number", [1, 3, 70])
def test_there_are_so_many_shards_as_are_asked_for(tmp_path: Path, number: int) -> None:
    write(map(example_of, range(50)), tmp_path, num_shards=number)
    assert [path.name[-15:] for path in shards_in(tmp_path)] == [f"-{n:05}-of-{number:05}" for n in range(number)]
    assert numbers_in(tmp_path) == list(range(50))
    assert hidden_in(tmp_path) == []


def test_messages_are_examples(tmp_path: Path) -> None:
    message = tfr.Example.FromString(tfr.encode_example(example_of(5)))
    write([message], tmp_path)
    assert numbers_in(tmp_path) == [5]


def test_sequence_examples_and_records_go_in_and_out(tmp_path: Path) -> None:
    pairs = [({"number": n}, {"words": [["a"] * n, ["b"]]}) for n in range(1, 6)]
    write(pairs, tmp_path / "a", record_type="SequenceExample", num_shards=2)
    assert sorted(tfr.read_records(tmp_path / "a")) == sorted(tfr.encode_sequence_example(*pair) for pair in pairs)
    with beam.Pipeline("DirectRunner") as pipeline:
        read = pipeline | "Pairs" >> ReadExamples(tmp_path / "a", record_type="SequenceExample")
        shown = read | beam.Map(lambda pair: (pair[0]["number"].item(), pair[1]["words"]))
        assert_that(shown, equal_to([(n, [[b"a"] * n, [b"b"]]) for n in range(1, 6)]))
        records = pipeline | "Records" >> ReadExamples(tmp_path / "a", record_type="ByteArray")
        records | WriteExamples(tmp_path / "b", record_type="ByteArray")
    assert sorted(tfr.read_records(tmp_path / "b")) == sorted(tfr.read_records(tmp_path / "a"))


def test_modes(tmp_path: Path) -> None:
    write(map(example_of, range(9)), tmp_path, num_shards=4)
    with pytest.raises(FileExistsError, match="there are data already"):
        write(map(example_of, range(3)), tmp_path)
    write(map(example_of, range(9, 12)), tmp_path, mode="append")
    assert numbers_in(tmp_path) == list(range(12))
    write(map(example_of, range(20, 25)), tmp_path, mode="overwrite", num_shards=2)
    assert numbers_in(tmp_path) == list(range(20, 25))
    assert len(shards_in(tmp_path)) == 2


@pytest.mark.parametrize("num_shards", [None, 3])
def test_what_has_no_end_is_refused_for_nothing_would_ever_be_committed(tmp_path: Path, num_shards: int | None) -> None:
    endless = beam.Pipeline("DirectRunner") | PeriodicImpulse(fire_interval=1) | beam.Map(lambda _: example_of(1))
    with pytest.raises(ValueError, match="the PCollection is unbounded"):
        endless | WriteExamples(tmp_path / "out", num_shards=num_shards)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("num_shards", [None, 3])
def test_no_examples_are_an_empty_shard(tmp_path: Path, num_shards: int | None) -> None:
    write([], tmp_path, num_shards=num_shards)
    assert len(shards_in(tmp_path)) == (num_shards or 1)
    assert list(tfr.read_records(tmp_path)) == []


def test_what_follows_the_write_follows_the_commit(tmp_path: Path) -> None:
    with beam.Pipeline("DirectRunner") as pipeline:
        infos = pipeline | beam.Create(map(example_of, range(10))) | WriteExamples(tmp_path, num_shards=2)
        sizes = infos | beam.Map(lambda info: (info.records, len(list(tfr.read_records(info.path)))))
        assert_that(sizes, equal_to([(5, 5)] * 2))


@pytest.mark.parametrize("num_shards", [None, 2])
def test_an_example_that_cannot_be_encoded_is_named_and_nothing_is_left(tmp_path: Path, num_shards: int | None) -> None:
    with pytest.raises(tfr.FeatureError, match=r"'number': .* is outside int64"):
        write([*map(example_of, range(5)), {"number": 2**70}], tmp_path, num_shards=num_shards)
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_the_features_do_not_fit_is_named(shards: Path) -> None:
    first = shards_in(shards)[0]
    where = rf"{re.escape(str(first))}: record #0 at offset 0: .*number"
    with pytest.raises(tfr.FeatureError, match=where) as caught, beam.Pipeline("DirectRunner") as pipeline:
        pipeline | ReadExamples(first, {"number": tfr.FixedLenFeature([2], "int64")})
    assert (caught.value.path, caught.value.record_number, caught.value.offset) == (str(first), 0, 0)


@pytest.mark.parametrize("record_type", ["Example", "SequenceExample", "ByteArray"])
def test_a_damaged_record_is_named(tmp_path: Path, record_type: str) -> None:
    path = tmp_path / "one"
    sizes = [len(tfr.encode_example({"number": n})) + 16 for n in range(100)]
    with tfr.TFRecordWriter(path) as writer:
        for number in range(100):
            writer.write_example({"number": number})
    data = bytearray(path.read_bytes())
    data[sum(sizes[:70]) + 14] ^= 1
    path.write_bytes(data)
    where = rf"one: corrupted record #70 at offset {sum(sizes[:70])}"
    with pytest.raises(tfr.CorruptRecordError, match=where), beam.Pipeline("DirectRunner") as pipeline:
        pipeline | ReadExamples(path, record_type=record_type)


def test_a_file_that_goes_before_the_pipeline_runs_is_named(shards: Path) -> None:
    path = shards_in(shards)[0]
    one, several = beam.Pipeline("DirectRunner"), beam.Pipeline(options=PipelineOptions(TWO_WORKERS))
    for pipeline in (one, several):
        pipeline | ReadExamples(path)
    path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        one.run()
    assert caught.value.filename == str(path)
    with pytest.raises(RuntimeError, match=rf"FileNotFoundError: .*'{re.escape(str(path))}'"):
        several.run().wait_until_finish()


def test_a_record_that_is_no_sequence_example_is_named(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "one") as writer:
        writer.write(tfr.encode_sequence_example({"number": 1}, {}))
        writer.write(b"\xff")
    size = 16 + len(tfr.encode_sequence_example({"number": 1}, {}))
    with (
        pytest.raises(tfr.DecodeError, match=rf"one: record #1 at offset {size}"),
        beam.Pipeline("DirectRunner") as pipeline,
    ):
        pipeline | ReadExamples(tmp_path / "one", record_type="SequenceExample")


def test_a_sequence_example_is_no_example_whose_feature_lists_are_lost(tmp_path: Path) -> None:
    problem = write_sequences(tmp_path / "a")
    for features in (None, {"id": tfr.FixedLenFeature([], "int64")}):
        for size in (300, 1 << 20):
            with pytest.raises(tfr.DecodeError, match=problem), beam.Pipeline("DirectRunner") as pipeline:
                pipeline | ReadExamples(tmp_path / "a", features, max_bytes=size)


@pytest.mark.parametrize(("paths", "error", "problem"), REFUSED_PATHS)
def test_paths_that_are_none_are_refused_at_the_call(paths: Any, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        ReadExamples(paths)


@pytest.mark.parametrize(("records", "problem"), NO_RECORDS)
def test_what_is_no_record_is_named(tmp_path: Path, records: list[Any], problem: str) -> None:
    # Beam puts the name of the step behind it.
    with pytest.raises(TypeError, match=problem.removesuffix("$")):
        write(records, tmp_path, record_type="ByteArray")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write(map(example_of, range(10)), "../out")
    assert numbers_in(tmp_path / "out") == list(range(10))


class FailsOnce(beam.DoFn):  # type: ignore[misc, name-defined]
    """Raises at one example, unless a file says that it has done so."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def process(self, element):  # type: ignore[no-untyped-def]
        if element["number"] == 60 and not self._mark.exists():
            self._mark.touch()
            raise RuntimeError("this attempt fails")
        yield element


@pytest.mark.parametrize("num_shards", [None, 4])
def test_after_an_attempt_that_raised_the_next_one_writes_each_example_once(
    tmp_path: Path, num_shards: int | None
) -> None:
    out = tmp_path / "out"
    write(map(example_of, range(5)), out, num_shards=5)

    def run(writing: Any) -> None:
        with beam.Pipeline("DirectRunner") as pipeline:
            examples = pipeline | beam.Create(map(example_of, range(100)))
            examples | beam.ParDo(FailsOnce(tmp_path / "mark")) | writing

    failing = WriteExamples(out, mode="overwrite", num_shards=num_shards)
    with pytest.raises(RuntimeError, match="this attempt fails"):
        run(failing)
    assert hidden_in(out) == []
    assert numbers_in(out) == list(range(5))
    run(WriteExamples(out, mode="overwrite", num_shards=num_shards))
    assert numbers_in(out) == list(range(100))
    assert len(shards_in(out)) == (num_shards or len(shards_in(out)))
    assert hidden_in(out) == []


def test_bundles_that_were_done_when_another_failed_are_gone_after_abort(tmp_path: Path) -> None:
    def failing(number: int) -> dict[str, int]:
        if number == 60:
            for _ in range(1000):
                if not hidden_in(tmp_path):
                    time.sleep(0.01)
            raise RuntimeError("this attempt fails")
        return {"number": number}

    def write_with(writing: Any) -> None:
        with beam.Pipeline(options=options) as pipeline:
            pipeline | beam.Create(range(100)) | beam.Reshuffle() | beam.Map(failing) | writing

    options = PipelineOptions(TWO_WORKERS)
    writing = WriteExamples(tmp_path)
    with pytest.raises(RuntimeError, match="this attempt fails"):
        write_with(writing)
    writing.abort()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="this attempt fails"), WriteExamples(tmp_path) as writing:
        write_with(writing)
    assert list(tmp_path.iterdir()) == []


def leave_behind(writing: Any) -> None:
    """What a bundle that was done leaves when the pipeline fails."""
    with writing._jobs[0].attempt() as writer:
        writer.write_example({"number": -1})


def test_a_job_that_cannot_be_undone_does_not_keep_others_from_that(tmp_path: Path) -> None:
    writing, pipeline = WriteExamples(tmp_path), beam.Pipeline("DirectRunner")
    for label in ("one", "another"):
        pipeline | label >> beam.Create([]) | f"write {label}" >> writing
    left = []
    for job in writing._jobs:
        with job.attempt() as writer:
            writer.write_example({"number": -1})
        left.append(set(hidden_in(tmp_path)))
    (tmp_path / plan_name(os.path.basename(writing._jobs[0].prefix))).write_text("no plan")
    with pytest.raises(tfr.ShardError, match="_PLAN-"):
        writing.abort()
    assert set(hidden_in(tmp_path)) == left[0] < left[1]


def test_an_error_in_its_block_deletes_what_bundles_left(tmp_path: Path) -> None:
    def fail() -> None:
        with WriteExamples(tmp_path) as writing, beam.Pipeline("DirectRunner") as pipeline:
            pipeline | beam.Create(map(example_of, range(10))) | writing
            leave_behind(writing)
            assert hidden_in(tmp_path)
            raise RuntimeError("this attempt fails")

    with pytest.raises(RuntimeError, match="this attempt fails"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_pipeline_that_is_run_again_deletes_what_the_run_that_failed_left(tmp_path: Path) -> None:
    out, writing = tmp_path / "out", WriteExamples(tmp_path / "out")
    pipeline = beam.Pipeline("DirectRunner")
    examples = pipeline | beam.Create(map(example_of, range(100))) | beam.ParDo(FailsOnce(tmp_path / "mark"))
    examples | writing
    leave_behind(writing)
    with pytest.raises(RuntimeError, match="this attempt fails"):
        pipeline.run().wait_until_finish()
    assert hidden_in(out)
    pipeline.run().wait_until_finish()
    assert numbers_in(out) == list(range(100))
    assert hidden_in(out) == []


def test_leaving_the_block_without_an_error_keeps_what_was_written(tmp_path: Path) -> None:
    with WriteExamples(tmp_path, num_shards=2) as writing, beam.Pipeline("DirectRunner") as pipeline:
        pipeline | beam.Create(map(example_of, range(10))) | writing
    assert numbers_in(tmp_path) == list(range(10))


DRIVER = """
import sys, time
from pathlib import Path
import apache_beam as beam
from tfrecord_lite.adapters.beam import WriteExamples

def slowly(number):
    if number == 60:
        Path(sys.argv[2]).touch()
        time.sleep(600)
    return {"number": number}

with beam.Pipeline("DirectRunner") as pipeline:
    pipeline | beam.Create(range(100)) | beam.Map(slowly) | WriteExamples(sys.argv[1], num_shards=2)
"""


def test_a_killed_program_leaves_no_shard_and_another_writes_them(tmp_path: Path) -> None:
    mark, out = tmp_path / "mark", tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", DRIVER, out, mark])
    try:
        for _ in range(600):
            if mark.exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        assert mark.exists()
        assert process.poll() is None
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    with pytest.raises(FileNotFoundError):
        list(tfr.read_records(out))
    write(map(example_of, range(100)), out, num_shards=2)
    assert numbers_in(out) == list(range(100))


COMMITTER = """
import os, signal, sys
import apache_beam as beam
from tfrecord_lite.adapters.beam import WriteExamples

replace, renames = os.replace, []

def dying(old, new):
    if os.path.basename(new).startswith("part-"):
        renames.append(new)
        if len(renames) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    replace(old, new)

os.replace = dying
with beam.Pipeline("DirectRunner") as pipeline:
    numbers = pipeline | beam.Create(range(40)) | beam.Map(lambda n: {"number": n})
    numbers | WriteExamples(sys.argv[1], num_shards=5, mode="overwrite")
"""


@pytest.mark.parametrize("way", ["commit", "overwrite"])
def test_a_program_killed_in_the_middle_of_commit(tmp_path: Path, way: str) -> None:
    write(map(example_of, range(10)), tmp_path, num_shards=3)
    result = subprocess.run([sys.executable, "-c", COMMITTER, tmp_path], timeout=120, check=False, cwd=ROOT)
    assert result.returncode == -signal.SIGKILL
    with pytest.raises(tfr.ShardError, match="was interrupted: if it still runs, wait until it is done"):
        ReadExamples(tmp_path)
    if way == "commit":
        (prefix,) = open_plans(open_directory(str(tmp_path)))
        tfr.commit(None, tmp_path / prefix)
    else:
        write(map(example_of, range(40)), tmp_path, mode="overwrite", num_shards=5)
    assert numbers_in(tmp_path) == list(range(40))
    assert len(shards_in(tmp_path)) == 5
    assert hidden_in(tmp_path) == []


WORKER = """
import os, signal, sys
from pathlib import Path
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tfrecord_lite.adapters.beam import WriteExamples

def dying(number, mark):
    if number == 60 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": number}

with beam.Pipeline(options=PipelineOptions(sys.argv[3:])) as pipeline:
    numbers = pipeline | beam.Create(range(100)) | beam.Reshuffle()
    numbers | beam.Map(dying, Path(sys.argv[2])) | WriteExamples(sys.argv[1], num_shards=2)
"""
PROCESSES = ["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]


def test_a_killed_worker_fails_the_pipeline_without_a_shard_and_the_next_one_writes_them(tmp_path: Path) -> None:
    mark, out = tmp_path / "mark", tmp_path / "out"
    program = tmp_path / "program.py"
    program.write_text(WORKER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program), str(out), str(mark), *PROCESSES]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert mark.exists()  # the worker has died
    assert result.returncode == 1  # and not the program, which has noticed
    assert not shards_in(out)
    write(map(example_of, range(100)), out, num_shards=2)
    assert numbers_in(out) == list(range(100))


def test_what_is_of_no_use_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ReadExamples(tmp_path / "train-*")
    with tfr.TFRecordWriter(tmp_path / "one"):
        pass
    with pytest.raises(tfr.FeatureError):
        ReadExamples(tmp_path / "one", {})
    wrongs: list[dict[str, Any]] = [{"compression_type": "SNAPPY"}, {"record_type": "Row"}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"'SNAPPY'|'Row'"):
            ReadExamples(tmp_path / "one", **wrong)
        with pytest.raises(ValueError, match=r"'SNAPPY'|'Row'"):
            WriteExamples(tmp_path / "new", **wrong)
    with pytest.raises(ValueError, match="a schema is of Examples"):
        WriteExamples(tmp_path / "new", record_type="SequenceExample", schema=VALUES)
    with pytest.raises(ValueError, match="features are of Examples"):
        ReadExamples(tmp_path / "one", FEATURES, record_type="ByteArray")
    with pytest.raises(ValueError, match="num_shards is 1 or more, not 0"):
        WriteExamples(tmp_path / "new", num_shards=0)
    with pytest.raises(ValueError, match="either a number"):
        WriteExamples(tmp_path / "new", num_shards=2, max_records=7)
    with pytest.raises(TypeError, match="num_shards: True is no number"):
        WriteExamples(tmp_path / "new", num_shards=True)
    with pytest.raises(TypeError, match=r"^max_bytes: "):
        ReadExamples(tmp_path / "one", max_bytes="x")  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("record_type", "schema", "error", "problem"), REFUSED_SCHEMAS)
def test_a_schema_that_is_of_no_use_is_refused_at_the_call(
    tmp_path: Path, record_type: str, schema: Any, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        WriteExamples(tmp_path / "new", record_type=record_type, schema=schema)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("runner", ["DirectRunner", "BundleBasedDirectRunner"])
@pytest.mark.parametrize("num_shards", [None, 3])
@pytest.mark.parametrize("mode", ["error", "append", "overwrite"])
def test_a_pipeline_that_is_run_twice_writes_its_set_again(
    tmp_path: Path, mode: Any, num_shards: int | None, runner: str
) -> None:
    pipeline = beam.Pipeline(runner)
    infos = (
        pipeline | beam.Create(map(example_of, range(10))) | WriteExamples(tmp_path, num_shards=num_shards, mode=mode)
    )
    infos | beam.Map(lambda info: info.records)
    for _ in range(2):
        pipeline.run().wait_until_finish()
        assert numbers_in(tmp_path) == list(range(10))
        assert hidden_in(tmp_path) == []


@pytest.mark.parametrize("runner", ["DirectRunner", "BundleBasedDirectRunner"])  # the second tries again
def test_a_pipeline_that_is_too_late_leaves_nothing(tmp_path: Path, runner: str) -> None:
    pipeline = beam.Pipeline(runner)
    pipeline | beam.Create(map(example_of, range(10))) | WriteExamples(tmp_path)
    write(map(example_of, range(3)), tmp_path)
    with pytest.raises(Exception, match="the directory holds shards already"):
        pipeline.run().wait_until_finish()
    assert numbers_in(tmp_path) == list(range(3))
    assert hidden_in(tmp_path) == []


def test_an_error_behind_the_manifest_says_that_the_records_are_there(tmp_path: Path) -> None:
    pipeline = beam.Pipeline("DirectRunner")
    writing = WriteExamples(tmp_path, mode="append")
    pipeline | beam.Create(map(example_of, range(10))) | writing
    with published_error(), writing:
        pipeline.run().wait_until_finish()
    pipeline.run().wait_until_finish()
    assert numbers_in(tmp_path) == list(range(10))
    assert hidden_in(tmp_path) == []


def test_the_example_converts_a_table_and_back(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    rows = write_photos(tmp_path / "photos.parquet", 50)
    records, back = tmp_path / "records", tmp_path / "back"
    command = [sys.executable, str(ROOT / "examples" / "engines_beam.py"), str(tmp_path / "photos.parquet")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [*command, str(records), str(back / "photos")], capture_output=True, text=True, env=environment, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert len(list(records.glob("part-*-of-00004"))) == 4
    assert rows_of(back) == rows
    images = {}
    for record in tensorflow.data.TFRecordDataset(list(map(str, shards_in(records)))).as_numpy_iterator():
        feature = tensorflow.train.Example.FromString(record).features.feature
        images[feature["id"].bytes_list.value[0].decode()] = feature["image"].bytes_list.value[0]
    assert images == {row["id"]: row["image"] for row in rows}


def test_the_code_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python beam\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(block, {})
    assert sorted(map(int, capfd.readouterr().out.split())) == list(range(100))
