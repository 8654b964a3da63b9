"""The benchmark measures what it says: every cell is there, and both sides did the same work. Nothing about times."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY))  # the benchmark is no part of what is installed

from benchmarks import operations, reference, workloads  # noqa: E402
from benchmarks.bars import BARS  # noqa: E402
from benchmarks.measure import Contest, Difference, Figures, Measurement, measure  # noqa: E402
from benchmarks.table import Cell, render  # noqa: E402

ALL = ["W1", "W2", "W3", "W4", "W5"]
CELLS = {
    **{
        (operation, workload): "TensorFlow"
        for operation in ("write columns", "write rows", "write serialized", "read records", "read examples")
        for workload in ALL
    },
    ("write floor", "W1"): "os.writev",
    ("read floor", "W1"): "readinto + crc32c",
    ("import", "-"): "import numpy",
    ("import TensorFlow", "-"): "import tensorflow",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="the other side is TensorFlow")
def test_a_small_run_has_every_cell_and_both_sides_do_the_same(tmp_path: Path) -> None:
    # Both sides have done everything once, and were compared, before anything is printed: a Difference ends the run.
    result = run("--scale", "0.002", "--rounds", "1", "--directory", str(tmp_path))
    assert result.returncode == 0, result.stderr
    head, table, weight = result.stdout.split("\n\n")
    assert "tensorflow" in head
    assert str(tmp_path) in head
    rows = [[text.strip() for text in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert {(row[0], row[1]): row[2] for row in rows} == CELLS
    for _, _, _, ours, theirs, wall, cpu, *_ in rows:
        assert all(float(text.replace(",", "")) > 0 for text in (ours, theirs)), rows
        assert all(float(text) >= 0 for text in (wall, cpu)), rows
    assert "numpy" in weight
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == ALL  # and nothing else is left


@pytest.mark.parametrize(
    "arguments",
    [["--workloads", "W6"], ["--operations", "write everything"], ["--rounds", "0"], ["--scale", "2"]],
    ids=" ".join,
)
def test_what_does_not_exist_is_a_usage_error(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def write_by_us(path: str, items: Iterable[Mapping[str, Any] | bytes], *, deterministic: bool = True) -> None:
    with tfr.TFRecordWriter(path) as writer:
        for item in items:
            writer.write(item if isinstance(item, bytes) else tfr.encode_example(item))


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code on the other side: here it is the comparison that is tested, and TensorFlow takes seconds."""
    monkeypatch.setattr(reference, "write_examples", write_by_us)
    monkeypatch.setattr(reference, "write_records", write_by_us)
    monkeypatch.setattr(reference, "read_records", tfr.read_records)
    monkeypatch.setattr(reference, "read_examples", lambda path, like: tfr.read_examples(path))
    monkeypatch.setattr(reference, "canonical", lambda record: record)


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize("operation", ["write columns", "write rows", "write serialized", "write floor"])
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_side_that_writes_something_else_is_noticed(operation: str, side: str, tmp_path: Path) -> None:
    contest = operations.OPERATIONS[operation].contest(workloads.load("W2", tmp_path, 0.0002), tmp_path)
    contest.ours()
    contest.theirs()
    assert contest.check is not None
    contest.check()
    path = tmp_path / f"{side}.tfrecord"
    records = list(tfr.read_records(path))
    with tfr.TFRecordWriter(path) as writer:
        for record in records[:-1]:
            writer.write(record)
    with pytest.raises(Difference):
        contest.check()


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize(
    ("operation", "name", "other"),
    [
        ("read records", "read_records", lambda path: [b"something else"]),
        ("read records", "read_records", lambda path: []),
        ("read examples", "read_examples", lambda path, like: [{"tokens": np.zeros(1, np.int64)}]),
        ("read examples", "read_examples", lambda path, like: [like | {"more": []}]),
        ("read examples", "read_examples", lambda path, like: [{"tokens": like["tokens"].astype(np.float32)}]),
    ],
)
def test_a_side_that_reads_something_else_is_noticed(
    operation: str, name: str, other: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest = operations.OPERATIONS[operation].contest(workloads.load("W5", tmp_path, 0.00002), tmp_path)
    assert contest.count == 1
    assert contest.check is not None
    contest.check()
    monkeypatch.setattr(reference, name, other)
    with pytest.raises(Difference):
        contest.check()


@pytest.mark.usefixtures("without_tensorflow")
def test_data_is_made_once_and_again_when_it_is_outdated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = workloads.load("W5", tmp_path, 0.0001)
    assert len(first.records) == len(first.examples) == 5
    made = Path(first.path).stat().st_mtime_ns
    assert Path(workloads.load("W5", tmp_path, 0.0001).path).stat().st_mtime_ns == made
    monkeypatch.setattr(workloads, "_stamp", lambda: "another")
    again = workloads.load("W5", tmp_path, 0.0001)
    assert again.path != first.path
    assert again.records == first.records
    assert [str(path) for path in tmp_path.iterdir()] == [again.path]


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize("name", ALL)
def test_workloads_are_what_their_table_says(name: str, tmp_path: Path) -> None:
    examples = workloads.load(name, tmp_path, 0.001).examples
    types: dict[str, list[str]] = {
        "W1": ["bytes", "bytes", "int", "int", "int"],
        "W2": ["bytes", "bytes", "int", "int", "int"],
        "W3": ["int"] * 5 + ["float"] * 4 + ["bytes"],
        "W4": ["ndarray", "int"],
        "W5": ["ndarray"],
    }
    for example in examples:
        assert [type(value).__name__ for value in example.values()] == types[name]
    # TensorFlow sorts a key that is a prefix of another one differently.
    keys = sorted(examples[0])
    assert not any(other.startswith(key) for key, other in pairwise(keys))
    sizes = {
        "W1": lambda example: len(example["image/image_id_raw"]) == 102_400,
        "W2": lambda example: 4096 <= len(example["image/encoded"]) <= 12_288,
        "W3": lambda example: 8 <= len(example["token"]) <= 16,
        "W4": lambda example: example["embedding"].shape == (512,) and example["embedding"].dtype == np.float32,
        "W5": lambda example: 10 <= len(example["tokens"]) <= 500 and example["tokens"].dtype == np.int64,
    }
    assert all(map(sizes[name], examples))


def test_the_sides_take_turns_and_only_after_they_were_compared() -> None:
    calls: list[str] = []

    def calling(name: str) -> Callable[[], None]:
        return lambda: calls.append(name)

    clock = iter(range(0, 1000, 10))
    measurement = measure(
        Contest(calling("A"), calling("B"), 5, calling("same?"), calling("clear"), lambda: float(next(clock))), 2
    )
    assert [call for call in calls if call != "clear"] == ["A", "B", "same?", "A", "B", "A", "B"]
    assert calls[-9:] == ["clear", "A", "clear", "B", "clear", "A", "clear", "B", "clear"]
    assert measurement.ours.cpu == measurement.theirs.cpu == 10 / 5


def test_a_difference_ends_the_measurement_before_the_first_turn() -> None:
    turns: list[str] = []

    def check() -> None:
        turns.clear()
        raise Difference("item 0 differs")

    with pytest.raises(Difference):
        measure(Contest(lambda: turns.append("A"), lambda: turns.append("B"), 1, check), 1)
    assert not turns


@pytest.mark.parametrize(
    ("theirs", "met"), [(Figures(2.0, 2.0), "yes"), (Figures(1.9, 9.0), "no"), (Figures(9.0, 1.9), "no")]
)
def test_a_bar_is_met_by_both_clocks(theirs: Figures, met: str) -> None:
    assert BARS["write rows", "W1"] == Figures(2, 2)
    cell = Cell("write rows", "W1", "TensorFlow", Measurement(Figures(1.0, 1.0), theirs))
    assert render([cell]).splitlines()[-1].split()[-2] == met


def test_every_cell_but_one_has_its_bar() -> None:
    asked = {(operation, workload.replace("-", "")) for operation, workload in CELLS}
    assert asked - BARS.keys() == {("import TensorFlow", "")}
    assert BARS.keys() <= asked
