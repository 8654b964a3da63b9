"""Records by their numbers, in random order, beside PyPI tfr-reader, which checks nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import workloads
from benchmarks.studies.readers import OTHERS, Other, compared, damaged_content, installed
from benchmarks.table import Entry, Report

_NAME = "tfr-reader"
#: Of the workloads, as many as the other readers read.
_FRACTION = 0.2
_WHY = "Where a bar is missed: slices of the mapped file and their CRCs take most of our time; tfr-reader has no CRCs."
#: {way: {workload: its time divided by ours, at least}}
BARS = {
    "256 at once": {"W2": 1.6, "W3": 4.5, "W4": 3.0, "W5": 4.0},
    "singly": {"W2": 1.4, "W3": 2.5, "W4": 1.9, "W5": 2.3},
}


def study(directory: Path, scratch: Path, rounds: int, scale: float, other: Other = OTHERS[_NAME]) -> Report:
    """`RecordSource`, one record and 256 at a time."""
    python, remark = installed(_NAME, other)
    readers = {"our": Path(sys.executable)} | ({} if python is None else {_NAME: python})
    rows: list[tuple[Entry, ...]] = []
    for name in BARS["singly"]:
        workload = workloads.load(name, directory, scale * _FRACTION)
        damaged = scratch / f"{name}-damaged.tfrecord"
        damaged.write_bytes(damaged_content(workload))
        for way, bars in BARS.items():
            for row in compared(workload, way, readers, damaged, rounds):
                wall, cpu = row[4:6]
                is_other = row[2] == _NAME
                is_met = isinstance(wall, float) and isinstance(cpu, float) and min(wall, cpu) >= bars[name]
                rows.append((*row, bars[name] if is_other else None, is_met if is_other else None))
    return Report(
        "random access",
        "All records in random order: microseconds of wall time a record, in a process of its own; times divided by"
        " ours; whether the records are ours; whether a flipped bit in the last byte of the first record raises an"
        " error."
        f"\n\n- {remark}\n- {_WHY}",
        ("workload", "way", "reader", "us", "wall", "CPU", "same values", "sees damage", "bar", "met"),
        rows,
    )
