"""Loaders that give tensors: ours for PyTorch beside that of PyPI tfrecord and beside tf.data.

None of them is loaded into this process: each runs by itself (`loader_process.py`), those for PyTorch in an environment
that has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import workloads
from benchmarks.measure import Figures
from benchmarks.studies.environments import NotInstalled, python_of, version_in
from benchmarks.studies.loader_process import LOADERS, Features
from benchmarks.studies.readers import ask, damaged_content
from benchmarks.table import Entry, Report
from benchmarks.workloads import Workload

_REPOSITORY = Path(__file__).parent.parent.parent
_OURS, _OTHER = "tfrecord_lite", "tfrecord"
_REQUIREMENTS = (_OTHER, "torch")
_WORKLOADS = ("W1", "W2", "W3", "W4", "W5")
#: A loader sees damage in all or in none, and each answer is a process.
_DAMAGED = "W2"
#: Of the workloads: the other loader is slow.
_FRACTION = 0.2
#: The time of the other loader divided by ours, at least, by both clocks.
BAR = 3.0


def study(
    directory: Path, scratch: Path, rounds: int, scale: float, requirements: tuple[str, ...] = _REQUIREMENTS
) -> Report:
    """All of LOADERS, one process each, in batches of 1024."""
    rows: list[tuple[Entry, ...]] = []
    try:
        python = python_of("loaders", requirements)
    except NotInstalled as error:
        remark = f"PyTorch and {_OTHER} did not install: {error}"
    else:
        versions = f"{_OTHER} {version_in(python, _OTHER)}, torch {version_in(python, 'torch')}"
        remark = f"{versions}; {_OTHER} checks no CRC, and its examples are put together in one copy a feature."
        pythons = {name: Path(sys.executable) if name == "tf.data" else python for name in LOADERS}
        for name in _WORKLOADS:
            workload = workloads.load(name, directory, scale * _FRACTION)
            damaged = scratch / "damaged.tfrecord" if name == _DAMAGED else None
            if damaged is not None:
                damaged.write_bytes(damaged_content(workload))
            rows += compared(workload, pythons, damaged, rounds)
    return Report(
        "loaders",
        "Into tensors, in one process without workers (tf.data uses all cores): microseconds of wall time a record;"
        " records a second; times divided by ours; whether the values are ours; whether a flipped bit in the last byte"
        f" of the first record raises an error.\n\n- {remark}",
        ("workload", "loader", "us", "records/s", "wall", "CPU", "same values", "sees damage", "bar", "met"),
        rows,
    )


def features_of(workload: Workload) -> Features:
    """As `loader_process` takes them."""
    return {name: _feature(workload, name) for name in workload.examples[0]}


def compared(
    workload: Workload, pythons: Mapping[str, Path], damaged: Path | None, rounds: int
) -> Iterator[tuple[Entry, ...]]:
    """A row for each loader of `pythons` {name: interpreter}, ours among them: they take turns."""
    features = json.dumps(features_of(workload))
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_process(python, name, workload.path, features))
            for name, python in pythons.items()
        }
        digests = {name: ask(process, "digest") for name, process in processes.items()}
        turns: dict[str, list[Figures]] = {name: [] for name in processes}
        for _ in range(rounds):
            for name, process in processes.items():
                turns[name].append(Figures(*map(float, ask(process, "time").split())))
    count = len(workload.examples)
    medians = {name: Figures(*map(median, zip(*figures, strict=True))) for name, figures in turns.items()}
    ours = medians[_OURS]
    for name, taken in medians.items():
        sees_damage = None
        if damaged is not None:
            with _process(pythons[name], name, str(damaged), features) as process:
                sees_damage = ask(process, "digest").startswith("error")
        wall, cpu = taken.wall / ours.wall, taken.cpu / ours.cpu
        yield (
            workload.name,
            name,
            taken.wall / count * 1e6,
            round(count / taken.wall),
            wall,
            cpu,
            digests[name] == digests[_OURS],
            sees_damage,
            BAR if name == _OTHER else None,
            min(wall, cpu) >= BAR if name == _OTHER else None,
        )


def _feature(workload: Workload, name: str) -> tuple[str, list[int] | None]:
    like = workload.examples[0][name]
    if not isinstance(like, np.ndarray):
        return {bytes: "string", int: "int64", float: "float32"}[type(like)], []
    is_fixed = len({example[name].shape for example in workload.examples}) == 1
    return like.dtype.name, list(like.shape) if is_fixed else None


@contextmanager
def _process(python: Path, loader: str, path: str, features: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [python, "-m", "benchmarks.studies.loader_process", loader, os.path.abspath(path), features],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
    ) as process:
        yield process  # it ends with its input
