"""Whether ten times the records cost ten times as much, from 10^3 to 10^7."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tfrecord_lite as tfr
from benchmarks.measure import exhaust, take_turns
from benchmarks.table import Entry, Report

_COUNTS = (10**3, 10**4, 10**5, 10**6, 10**7)
#: How many records a turn handles at least, by repetition: what takes less time than that is noise.
_RECORDS_IN_A_TURN = 10**5
_FEATURES = {
    "digit": tfr.FixedLenFeature([], "int64"),
    "user": tfr.FixedLenFeature([], "int64"),
    "price": tfr.FixedLenFeature([], "float32"),
}


def study(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """Writing and reading files of 10^3 to 10^7 small records."""
    rows: list[tuple[Entry, ...]] = []
    for full_count in _COUNTS:
        count = max(1, round(full_count * scale))
        times = max(1, round(_RECORDS_IN_A_TURN * scale) // count)
        # The median of 3 does for the long ones.
        figures = _figures(str(scratch / "growth.tfrecord"), count, times, rounds if times > 1 else min(rounds, 3))
        rows.append((f"{count:,}", *figures))
    return Report(
        "growth",
        "Two int64 and one float32 in a record: microseconds of wall time a record by the number of records in a file.",
        ("records", "write columns us", "read records us", "read batches us"),
        rows,
    )


def _figures(path: str, count: int, times: int, rounds: int) -> list[float]:
    random = np.random.default_rng(count)
    columns = {
        "digit": random.integers(0, 10, count),
        "user": random.integers(0, 2**40, count),
        "price": random.standard_normal(count, np.float32),
    }

    def write() -> None:
        for _ in range(times):
            with tfr.TFRecordWriter(path) as writer:
                writer.write_columns(columns)

    def read_records() -> None:
        for _ in range(times):
            exhaust(tfr.read_records(path))

    def read_batches() -> None:
        for _ in range(times):
            exhaust(tfr.read_batches(path, _FEATURES))

    return [turns.wall / (count * times) * 1e6 for turns in take_turns([write, read_records, read_batches], rounds)]
