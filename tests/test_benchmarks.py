"""The benchmark measures what it says: every cell is there, and both sides did the same work. Nothing about times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY))  # the benchmark is no part of what is installed

from benchmarks import batches, operations, plot, reference, workloads  # noqa: E402
from benchmarks.bars import BARS, GOALS  # noqa: E402
from benchmarks.measure import Contest, Difference, Figures, Measurement, measure  # noqa: E402
from benchmarks.reasons import REASONS  # noqa: E402
from benchmarks.run import STUDIES  # noqa: E402
from benchmarks.studies import environments, loader_process, loaders, memory, packing, random_access, readers  # noqa: E402
from benchmarks.table import Cell, Report, render_cells  # noqa: E402

SINGLE = ["W1", "W2", "W3", "W4", "W5"]
LESS_KIND = ["W3-missing", "W3-layouts", "W3-orders", "W3-zeros"]
ALL = SINGLE + LESS_KIND
WORKLOADS_OF = {
    "write columns": [name for name in ALL if name != "W3-orders"],
    "write rows": ALL,
    "write serialized": SINGLE,
    "read records": SINGLE,
    "read examples": ALL,
    "read batches": ALL,
    "write columns gzip": ["W3"],
    "read batches gzip": ["W3"],
}
CELLS = {
    **{(operation, workload): "TensorFlow" for operation, names in WORKLOADS_OF.items() for workload in names},
    ("write floor", "W1"): "os.writev",
    ("read floor", "W1"): "readinto + crc32c",
    ("import", ""): "import numpy",
    ("import TensorFlow", ""): "import tensorflow",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="the other side is TensorFlow")
def test_a_small_run_has_every_cell_and_both_sides_do_the_same(tmp_path: Path) -> None:
    # Both sides have done everything once, and were compared, before anything is printed: a Difference ends the run.
    data, results = tmp_path / "data", tmp_path / "results"
    arguments = ("--scale", "0.002", "--rounds", "1", "--directory", str(data), "--results", str(results))
    result = run(*arguments, "--studies", "counting")
    assert result.returncode == 0, result.stderr
    figures = json.loads((results / "results.json").read_text())
    assert {(cell["operation"], cell["workload"]): cell["reference"] for cell in figures["cells"]} == CELLS
    for cell in figures["cells"]:
        assert all(cell[side][clock] >= 0 for side in ("ours", "theirs", "ratio") for clock in ("wall", "cpu"))
        assert cell["ratio"]["wall"] == cell["theirs"]["wall"] / cell["ours"]["wall"]
        assert (cell["reason"] is not None) == (cell["met"] is False)
    assert figures["circumstances"]["scale"] == 0.002
    assert "tensorflow" in " ".join(figures["circumstances"]["packages"])
    assert [study["title"] for study in figures["studies"]] == ["counting"]
    assert "numpy" in figures["weight"]["tfrecord_lite"]
    page = (results / "results.md").read_text()
    assert page.replace("![Ratios of all cells](speed.png)\n\n", "") == result.stdout
    assert "A trial at scale 0.002" in page
    assert str(tmp_path) not in page
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        f"## {title}" for title in (*dict.fromkeys(operation for operation, _ in CELLS), "counting", "weight")
    ]
    assert sorted(path.name for path in results.iterdir()) == ["results.json", "results.md", "speed.png"]
    kept = {path.name.rsplit("-", 2)[0]: path for path in data.iterdir()}
    assert sorted(kept) == sorted(ALL)  # and nothing else is left
    assert len({tuple(tfr.decode_example(record)) for record in tfr.read_records(kept["W3-orders"])}) == 16


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="its version and weight are asked for")
def test_only_a_complete_run_writes_the_results_unasked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.run", "--operations", "weight", "--studies", "none"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert not list(tmp_path.glob("benchmarks/results/*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workloads", "W6"],
        ["--operations", "write everything"],
        ["--studies", "all"],
        ["--rounds", "0"],
        ["--scale", "2"],
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_a_usage_error(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def write_by_us(
    path: str, items: Iterable[Mapping[str, Any] | bytes], compression_type: str = "", **other_options: Any
) -> None:
    with tfr.TFRecordWriter(path, compression_type) as writer:
        for item in items:
            writer.write(item if isinstance(item, bytes) else tfr.encode_example(item))


def read_batches_by_us(path: str, features: Any, batch_size: int, compression_type: str = "") -> list[Any]:
    return list(tfr.read_batches(path, features, batch_size=batch_size))


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code on the other side: here it is the comparison that is tested, and TensorFlow takes seconds."""
    monkeypatch.setattr(reference, "tensorflow", lambda: SimpleNamespace(io=tfr))
    monkeypatch.setattr(reference, "write_examples", write_by_us)
    monkeypatch.setattr(reference, "write_examples_in_order", write_by_us)
    monkeypatch.setattr(reference, "write_records", write_by_us)
    monkeypatch.setattr(reference, "read_records", lambda path, compression_type="": tfr.read_records(path))
    monkeypatch.setattr(reference, "read_examples", lambda path, like, optional: tfr.read_examples(path))
    monkeypatch.setattr(reference, "read_batches", read_batches_by_us)
    monkeypatch.setattr(reference, "canonical", lambda record: record)


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize(
    "operation", ["write columns", "write columns gzip", "write rows", "write serialized", "write floor"]
)
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
        ("read examples", "read_examples", lambda path, like, optional: [{"tokens": np.zeros(1, np.int64)}]),
        ("read examples", "read_examples", lambda path, like, optional: [like | {"more": []}]),
        (
            "read examples",
            "read_examples",
            lambda path, like, optional: [{"tokens": like["tokens"].astype(np.float32)}],
        ),
        ("read batches", "read_batches", lambda path, features, *_: []),
        ("read batches", "read_batches", lambda path, features, *_: [{}]),
        ("read batches", "read_batches", lambda path, features, *_: [{"tokens": np.zeros((1, 10), np.int64)}]),
        ("read batches gzip", "read_batches", lambda path, features, *_: [{"tokens": np.zeros((1, 10))}]),
    ],
)
def test_a_side_that_reads_something_else_is_noticed(
    operation: str, name: str, other: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = workloads.load("W5", tmp_path, 0.00002)

    def check() -> None:
        contest = operations.OPERATIONS[operation].contest(workload, tmp_path)
        assert contest.count == 1
        assert contest.check is not None
        contest.check()

    check()
    monkeypatch.setattr(reference, name, other)
    with pytest.raises(Difference):
        check()


@pytest.mark.parametrize("is_dense", [False, True])
def test_ragged_values_are_compared_with_ragged_and_with_padded_ones(is_dense: bool) -> None:
    records = [tfr.encode_example({"tokens": np.arange(length)}) for length in (3, 0, 2)]
    feature: Any = (
        tfr.FixedLenSequenceFeature([], "int64", allow_missing=True) if is_dense else tfr.RaggedFeature("int64")
    )
    ours = tfr.parse_example(records, {"tokens": tfr.RaggedFeature("int64")})["tokens"]
    theirs = tfr.parse_example(records, {"tokens": feature})["tokens"]
    assert batches.same(ours, theirs)
    (theirs if is_dense else theirs.values)[-1] += 1
    assert not batches.same(ours, theirs)


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
@pytest.mark.parametrize("name", SINGLE)
def test_workloads_are_what_their_table_says(name: str, tmp_path: Path) -> None:
    workload = workloads.load(name, tmp_path, 0.001)
    examples = workload.examples
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
    assert not workload.optional


@pytest.mark.usefixtures("without_tensorflow")
def test_less_kind_workloads_are_what_their_table_says(tmp_path: Path) -> None:
    loaded = {name: workloads.load(name, tmp_path, 0.01) for name in LESS_KIND}
    layouts = {name: {tuple(example) for example in workload.examples} for name, workload in loaded.items()}
    assert {name: len(found) for name, found in layouts.items()} == dict(zip(LESS_KIND, [2, 4, 16, 1], strict=True))
    assert {name: len(workload.optional) for name, workload in loaded.items()} == dict(
        zip(LESS_KIND, [1, 2, 0, 0], strict=True)
    )
    assert all(len(workload.examples[0]) == 10 for workload in loaded.values())
    missing = sum(len(example) == 9 for example in loaded["W3-missing"].examples)
    assert 0.05 < missing / 600 < 0.15
    values = [value for example in loaded["W3-zeros"].examples for value in example.values()]
    zeros = sum(not any(value) if isinstance(value, bytes) else value == 0 for value in values)
    assert 0.3 < zeros / len(values) < 0.4
    for name in ("W3-missing", "W3-layouts", "W3-zeros"):
        contest = operations.OPERATIONS["write columns"].contest(loaded[name], tmp_path)
        contest.ours()
        written = list(tfr.read_examples(tmp_path / "ours.tfrecord"))
        assert {len(example) for example in written} == {10}
        assert sum(value is None for example in written for value in example.values()) == sum(
            10 - len(example) for example in loaded[name].examples
        )


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


def cell(operation: str = "write rows", workload: str = "W1", wall: float = 2.0, cpu: float = 2.0) -> Cell:
    return Cell(operation, workload, "TensorFlow", Measurement(Figures(1.0, 1.0), Figures(wall, cpu)))


@pytest.mark.parametrize(("wall", "cpu", "is_met"), [(2.0, 2.0, True), (1.9, 9.0, False), (9.0, 1.9, False)])
def test_a_bar_is_met_by_both_clocks(wall: float, cpu: float, is_met: bool) -> None:
    assert BARS["write rows", "W1"] == Figures(2, 2)
    assert cell(wall=wall, cpu=cpu).is_met == is_met


def test_bars_of_two_numbers_are_wall_and_cpu() -> None:
    assert BARS["read batches", "W3"] == Figures(4, 5)
    assert cell("read batches", "W3", 4.0, 5.0).is_met
    assert "| 4 / 5 | 7 / 9 |" in render_cells([cell("read batches", "W3")])


def test_a_miss_comes_with_its_reason_or_with_the_lack_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    missed = cell(wall=1.0)
    monkeypatch.setattr("benchmarks.table.REASONS", {})
    assert render_cells([missed]).endswith("W1 misses its bar: NO REASON GIVEN YET")
    monkeypatch.setattr("benchmarks.table.REASONS", {("write rows", "W1"): "the disk is slow"})
    assert render_cells([missed]).endswith("W1 misses its bar: the disk is slow")
    assert "slow" not in render_cells([cell()])


def test_every_cell_but_one_has_its_bar() -> None:
    assert CELLS.keys() - BARS.keys() == {("import TensorFlow", "")}
    assert BARS.keys() <= CELLS.keys()
    assert GOALS.keys() <= BARS.keys()
    assert all(GOALS[key].wall > BARS[key].wall and GOALS[key].cpu > BARS[key].cpu for key in GOALS)


def test_reasons_are_given_for_cells_that_exist() -> None:
    assert REASONS.keys() <= BARS.keys()


def test_the_picture_shows_all_cells_and_is_small(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "speed.png"
    plot.save([cell(*key) for key, name in CELLS.items() if name == "TensorFlow"], "Python 3", path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert 10_000 < len(content) < 200_000


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize(
    "name", [name for name in STUDIES if name not in ("memory", "other readers", "random access", "packing", "loaders")]
)
def test_a_study_gives_figures_for_each_of_its_rows(name: str, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    check_report(STUDIES[name](tmp_path, tmp_path / "scratch", 1, 0.0005))


def check_report(report: Report) -> None:
    assert len(report.rows) >= 2
    for row in report.rows:
        assert len(row) == len(report.headings)
        assert all(entry > 0 for entry in row if isinstance(entry, float))
    assert report.render().startswith(f"## {report.title}\n\n{report.text}\n\n| {report.headings[0]}")


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="the other side is TensorFlow")
def test_packing_is_measured_beside_tensorflow_which_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_PHOTOGRAPHS", {(1100, 700): 1})
    report = packing.study(tmp_path, tmp_path, 1, 0.0005)
    check_report(report)
    assert {row[2] for row in report.rows} == {"decode_jpeg", "decode_jpeg(ratio=2)"}


@pytest.mark.usefixtures("without_tensorflow")
def test_memory_is_that_of_reading_ten_times_as_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, list[int]] = {}

    def peak(operation: str, paths: Iterable[Path]) -> float:
        read.setdefault(operation, []).append(tfr.count_records(list(paths)))
        return 50.0 + len(read[operation])

    monkeypatch.setattr(memory, "_peak", peak)
    monkeypatch.chdir(REPOSITORY)
    (tmp_path / "scratch").mkdir()
    report = memory.study(tmp_path, tmp_path / "scratch", 1, 0.0002)
    check_report(report)
    assert read.keys() == {"read_records", "read_examples", "read_batches"}
    # By repetition, compressed, and in one file.
    assert {name: len(counts) // 2 for name, counts in read.items()} == {
        "read_records": 2,
        "read_examples": 1,
        "read_batches": 3,
    }
    assert all(counts == [24, 240] * (len(counts) // 2) for counts in read.values())
    assert all(row[-1] is True for row in report.rows)


@pytest.mark.parametrize("operation", ["read_records", "read_examples", "read_batches"])
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_a_peak_is_that_of_the_process_alone(operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    write_by_us(str(tmp_path / "a"), [{"image": bytes(10**8), "label": 1}])
    write_by_us(str(tmp_path / "b"), [{"image": b"", "label": 1}])
    held = np.ones(10**8, np.uint8)  # in this process: it is not to be counted
    large, small = (memory._peak(operation, [tmp_path / name]) for name in "ab")
    assert small < held.nbytes / 1e6 < large


@pytest.mark.usefixtures("without_tensorflow")
def test_a_reader_that_does_not_install_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_DIRECTORY", tmp_path / "environments")
    (tmp_path / "scratch").mkdir()
    others = {"nobody": readers.Other((str(tmp_path / "no-such-package"),), ("records",), "")}
    report = readers.study(tmp_path, tmp_path / "scratch", 1, 0.002, others)
    assert "- nobody did not install: ERROR" in report.text
    check_report(report)
    ours = [(workload, way, "tfrecord_lite") for workload in ("W2", "W3") for way in ("records", "examples")]
    assert [row[:3] for row in report.rows] == ours
    assert all(row[-2:] == (True, True) for row in report.rows)


@pytest.mark.usefixtures("without_tensorflow")
def test_random_access_is_measured_without_the_other_reader_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_DIRECTORY", tmp_path / "environments")
    (tmp_path / "scratch").mkdir()
    nobody = readers.Other((str(tmp_path / "no-such-package"),), (), "")
    report = random_access.study(tmp_path, tmp_path / "scratch", 1, 0.002, nobody)
    assert "did not install: ERROR" in report.text
    check_report(report)
    assert [row[:3] for row in report.rows] == [
        (workload, way, "tfrecord_lite") for workload in ("W2", "W3", "W4", "W5") for way in ("256 at once", "singly")
    ]
    assert all(row[6:] == (True, True, None, None) for row in report.rows)


def test_loaders_that_do_not_install_are_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_DIRECTORY", tmp_path / "environments")
    report = loaders.study(tmp_path, tmp_path, 1, 0.002, (str(tmp_path / "no-such-package"),))
    assert "did not install: ERROR" in report.text
    assert report.rows == []


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="it is TensorFlow's loader")
@pytest.mark.parametrize("name", SINGLE)
def test_a_loader_gives_all_records_in_whatever_order(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = workloads.load(name, tmp_path, 0.0004)
    backwards = tmp_path / "backwards"
    write_by_us(str(backwards), workload.records[::-1])
    features = loaders.features_of(workload)
    digests = set()
    for path, batch_size in ((workload.path, 1024), (str(backwards), 3)):
        monkeypatch.setattr(loader_process, "_BATCH_SIZE", batch_size)
        digests.add(loader_process.digest(loader_process.tensorflow_loader(path, features)))
    assert len(digests) == 1
    assert not next(iter(digests)).startswith("error")
    write_by_us(str(backwards), workload.records[1:])
    assert loader_process.digest(loader_process.tensorflow_loader(str(backwards), features)) not in digests
