"""How fast records are counted from their headers alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import tfrecord_lite as tfr
from benchmarks import workloads
from benchmarks.measure import take_turns
from benchmarks.table import Entry, Report

#: Records a second that are asked for, on W3.
_BAR = 5_000_000


def study(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """`count_records(verify=False)` of W2 and W3."""
    rows: list[tuple[Entry, ...]] = []
    for name in ("W2", "W3"):
        workload = workloads.load(name, directory, scale)
        count = len(workload.examples)
        assert tfr.count_records(workload.path, verify=False) == count
        [taken] = take_turns([partial(tfr.count_records, workload.path, verify=False)], rounds)
        pace = count / taken.wall
        rows.append((name, round(pace), pace >= _BAR if name == "W3" else None))
    return Report(
        "counting",
        f"`count_records(verify=False)`, from the headers alone; {_BAR:,} records a second are asked for on W3.",
        ("workload", "records/s", "met"),
        rows,
    )
