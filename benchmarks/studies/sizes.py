"""How the cost of a record depends on how many are taken, or given, at a time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import tfrecord_lite as tfr
from benchmarks import batches, workloads
from benchmarks.measure import measure, take_turns
from benchmarks.operations import columns_of
from benchmarks.table import Entry, Report

_SIZES = (64, 256, 1024, 4096, 16_384)


def study_batches(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """`read_batches` of W3 with batches of 64 to 16,384 records, beside TensorFlow's."""
    workload = workloads.load("W3", directory, scale)
    rows: list[tuple[Entry, ...]] = []
    for size in _SIZES:
        measurement = measure(batches.contest(workload, scratch, batch_size=size), rounds)
        ours, theirs, ratio = measurement.ours, measurement.theirs, measurement.ratio
        rows.append((f"{size:,}", ours.wall * 1e6, theirs.wall * 1e6, ratio.wall, ratio.cpu))
    return Report(
        "batch sizes",
        "`read_batches` of W3 with other batch sizes, as in the table above: microseconds a record, ratios.",
        ("records in a batch", "ours us", "TensorFlow us", "wall", "CPU"),
        rows,
    )


def study_blocks(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """`write_columns` of W3, called for 64 to 16,384 records at a time."""
    workload = workloads.load("W3", directory, scale)
    columns, count = columns_of(workload.examples), len(workload.examples)
    path = str(scratch / "blocks.tfrecord")
    works = [
        partial(
            _write,
            path,
            [
                {name: values[begin : begin + size] for name, values in columns.items()}
                for begin in range(0, count, size)
            ],
        )
        for size in _SIZES
    ]
    figures = take_turns(works, rounds)
    us = 1e6 / count
    return Report(
        "block sizes",
        "`write_columns` of W3, so many records in each call: microseconds a record.",
        ("records in a call", "wall us", "CPU us"),
        [(f"{size:,}", taken.wall * us, taken.cpu * us) for size, taken in zip(_SIZES, figures, strict=True)],
    )


def _write(path: str, blocks: list[dict[str, Any]]) -> None:
    with tfr.TFRecordWriter(path) as writer:
        for columns in blocks:
            writer.write_columns(columns)
