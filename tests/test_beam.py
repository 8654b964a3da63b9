"""Examples through Apache Beam on its DirectRunner. `make test-engines` runs this where Beam is installed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_tables import rows_of, write_photos

import tfrecord_lite as tfr

pytestmark = [
    pytest.mark.slow,
    # A pipeline that fails lets go of the temporary files that it was writing to, open as they are.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
]

beam = pytest.importorskip("apache_beam")

from apache_beam.testing.util import assert_that, equal_to  # noqa: E402

from tfrecord_lite.adapters.beam import ReadExamples, WriteExamples  # noqa: E402

ROOT = Path(__file__).parent.parent
FEATURES = {
    "number": tfr.FixedLenFeature([], "int64"),
    "image": tfr.FixedLenFeature([], bytes),
    "vector": tfr.FixedLenFeature([3], "float32"),
}


def example_of(number: int) -> dict[str, Any]:
    return {"number": number, "image": bytes([number]) * number, "vector": np.array([number, 0.5, -number], np.float32)}


def write(examples: Any, prefix: Path, **arguments: Any) -> None:
    with beam.Pipeline("DirectRunner") as pipeline:
        pipeline | beam.Create(examples) | WriteExamples(str(prefix), **arguments)


def numbers_in(paths: Any) -> list[int]:
    return sorted(int(example["number"][0]) for example in tfr.read_examples(paths))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    write(map(example_of, range(100)), tmp_path / "train", num_shards=3)
    return tmp_path


def test_shards_hold_each_example_once_in_its_canonical_bytes(shards: Path) -> None:
    assert sorted(path.name for path in shards.iterdir()) == [f"train-0000{n}-of-00003" for n in range(3)]
    assert sorted(tfr.read_records(shards)) == sorted(tfr.encode_example(example_of(n)) for n in range(100))
    assert tfr.verify(shards).sound


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_tensorflow_reads_them(tmp_path: Path, compression_type: str) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    write(map(example_of, range(50)), tmp_path / "train", num_shards=2, compression_type=compression_type)
    paths = sorted(map(str, tmp_path.glob("train-*")))
    found = {}
    for record in tensorflow.data.TFRecordDataset(paths, compression_type).as_numpy_iterator():
        feature = tensorflow.train.Example.FromString(record).features.feature
        assert list(feature["vector"].float_list.value[1:2]) == [0.5]
        found[feature["number"].int64_list.value[0]] = feature["image"].bytes_list.value[0]
    assert found == {n: bytes([n]) * n for n in range(50)}


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_what_was_written_is_read(tmp_path: Path, compression_type: str) -> None:
    write(map(example_of, range(50)), tmp_path / "train", num_shards=2, compression_type=compression_type)
    assert numbers_in(tmp_path) == list(range(50))
    with beam.Pipeline("DirectRunner") as pipeline:
        examples = pipeline | ReadExamples(str(tmp_path / "train-*"), compression_type=compression_type)
        rows = examples | beam.Map(lambda one: (one["number"].tolist(), one["image"], one["vector"].tolist()))
        assert_that(rows, equal_to([([n], [bytes([n]) * n], [n, 0.5, -n]) for n in range(50)]))


def test_what_our_writer_wrote_is_read_by_its_features(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=3, options="GZIP") as writer:
        for number in range(50):
            writer.write_example(example_of(number))
    with beam.Pipeline("DirectRunner") as pipeline:
        examples = pipeline | ReadExamples(str(tmp_path / "train-*"), FEATURES, compression_type="GZIP")
        rows = examples | beam.Map(lambda one: (one["number"].item(), one["image"].item(), one["vector"].tolist()))
        assert_that(rows, equal_to([(n, bytes([n]) * n, [n, 0.5, -n]) for n in range(50)]))


def test_the_end_of_a_name_says_how_a_file_is_compressed(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "train.gz", "GZIP") as writer:
        writer.write_example(example_of(7))
    with beam.Pipeline("DirectRunner") as pipeline:
        numbers = pipeline | ReadExamples(str(tmp_path / "train.gz")) | beam.Map(lambda one: one["number"].tolist())
        assert_that(numbers, equal_to([[7]]))


def test_missing_without_a_kind_and_empty_stay_three_things(tmp_path: Path) -> None:
    write(
        [{"number": 1}, {"number": 2, "x": None}, {"number": 3, "x": np.array([], np.int64)}],
        tmp_path / "train",
        num_shards=1,
    )
    with beam.Pipeline("DirectRunner") as pipeline:
        examples = pipeline | ReadExamples(str(tmp_path / "train-*"))
        shown = examples | beam.Map(lambda one: (one["number"].item(), repr(one.get("x", "missing"))))
        assert_that(shown, equal_to([(1, "'missing'"), (2, "None"), (3, "array([], dtype=int64)")]))


def test_messages_are_examples(tmp_path: Path) -> None:
    message = tfr.Example.FromString(tfr.encode_example(example_of(5)))
    write([message], tmp_path / "train", num_shards=1)
    assert numbers_in(tmp_path) == [5]


def test_an_example_that_cannot_be_encoded_is_named_and_no_shard_appears(tmp_path: Path) -> None:
    with pytest.raises(tfr.FeatureError, match=r"'number': .* is outside int64"):
        write([example_of(1), {"number": 2**70}], tmp_path / "train", num_shards=2)
    assert not list(tmp_path.glob("train-*"))


def test_a_record_that_the_features_do_not_fit_is_an_error(shards: Path) -> None:
    features = {"number": tfr.FixedLenFeature([2], "int64")}
    with pytest.raises(tfr.FeatureError, match="number"), beam.Pipeline("DirectRunner") as pipeline:
        pipeline | ReadExamples(str(shards / "train-*"), features)


def test_a_damaged_file_is_an_error(shards: Path) -> None:
    path = shards / "train-00001-of-00003"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="Mismatch of data mask"), beam.Pipeline("DirectRunner") as pipeline:
        pipeline | ReadExamples(str(shards / "train-*"))


class FailsOnce(beam.DoFn):  # type: ignore[misc, name-defined]
    """Raises at one example, unless a file says that it has done so."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def process(self, element):  # type: ignore[no-untyped-def]
        if element["number"] == 60 and not self._mark.exists():
            self._mark.touch()
            raise RuntimeError("this attempt fails")
        yield element


def test_after_an_attempt_that_raised_the_next_one_writes_each_example_once(tmp_path: Path) -> None:
    def run() -> None:
        with beam.Pipeline("DirectRunner") as pipeline:
            examples = pipeline | beam.Create(map(example_of, range(100)))
            examples | beam.ParDo(FailsOnce(tmp_path / "mark")) | WriteExamples(str(tmp_path / "out/train"))

    with pytest.raises(RuntimeError, match="this attempt fails"):
        run()
    assert not list((tmp_path / "out").glob("train-*"))
    run()
    assert numbers_in(tmp_path / "out") == list(range(100))


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
    mark, prefix = tmp_path / "mark", tmp_path / "out" / "train"
    process = subprocess.Popen([sys.executable, "-c", DRIVER, prefix, mark])
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
    assert not list(prefix.parent.glob("train-*"))
    with pytest.raises(FileNotFoundError):
        list(tfr.read_records(prefix.parent))
    write(map(example_of, range(100)), prefix, num_shards=2)
    assert numbers_in(prefix.parent) == list(range(100))


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
    mark, prefix = tmp_path / "mark", tmp_path / "out" / "train"
    program = tmp_path / "program.py"
    program.write_text(WORKER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program), str(prefix), str(mark), *PROCESSES]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert mark.exists()  # the worker has died
    assert result.returncode == 1  # and not the program, which has noticed
    assert not list(prefix.parent.glob("train-*"))
    write(map(example_of, range(100)), prefix, num_shards=2)
    assert numbers_in(prefix.parent) == list(range(100))


def test_what_is_of_no_use_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No files found"):
        ReadExamples(str(tmp_path / "train-*"))
    with pytest.raises(tfr.FeatureError):
        ReadExamples(str(tmp_path / "train-*"), {})
    with pytest.raises(ValueError, match="'SNAPPY'"):
        WriteExamples(str(tmp_path / "train"), compression_type="SNAPPY")
    with pytest.raises(ValueError, match="num_shards is 1 or more, not 0"):
        WriteExamples(str(tmp_path / "train"), num_shards=0)


def test_the_example_converts_a_table_and_back(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    rows = write_photos(tmp_path / "photos.parquet", 50)
    records, back = tmp_path / "records", tmp_path / "back"
    command = [sys.executable, str(ROOT / "examples" / "engines_beam.py"), str(tmp_path / "photos.parquet")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [*command, str(records / "train"), str(back / "photos")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert len(list(records.glob("train-*-of-00004"))) == 4
    assert rows_of(back) == rows
    images = {}
    for record in tensorflow.data.TFRecordDataset(sorted(map(str, records.glob("train-*")))).as_numpy_iterator():
        feature = tensorflow.train.Example.FromString(record).features.feature
        images[feature["id"].bytes_list.value[0].decode()] = feature["image"].bytes_list.value[0]
    assert images == {row["id"]: row["image"] for row in rows}
