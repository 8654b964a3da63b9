"""Reading ahead in a second thread: what it saves by the clock, and what it costs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import tfrecord_lite as tfr
from benchmarks import reference, workloads
from benchmarks.batches import features_of
from benchmarks.measure import exhaust, take_turns
from benchmarks.table import Entry, Report

_WORKLOADS = ("W2", "W3")


def study(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """`read_batches` with num_threads=1 and 2, plain and GZIP."""
    rows: list[tuple[Entry, ...]] = []
    for name in _WORKLOADS:
        workload = workloads.load(name, directory, scale)
        compressed = str(scratch / f"{name}.tfrecord.gz")
        reference.write_records(compressed, workload.records, "GZIP")
        for kind, path in (("plain", workload.path), ("GZIP", compressed)):
            read = partial(_read, path, features_of(workload))
            one, two = take_turns([partial(read, 1), partial(read, 2)], rounds)
            us = 1e6 / len(workload.examples)
            rows.append((name, kind, one.wall * us, two.wall * us, one.wall / two.wall, one.cpu / two.cpu))
    return Report(
        "threads",
        "`read_batches` with `num_threads` 1 and 2: microseconds a record, and the time of one divided by that of two.",
        ("workload", "file", "1: us", "2: us", "wall", "CPU"),
        rows,
    )


def _read(path: str, features: dict[str, object], num_threads: int) -> None:
    exhaust(tfr.read_batches(path, features, num_threads=num_threads))
