"""Whether reading ten times as much takes more memory: each reading is a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import reference, workloads
from benchmarks.studies.peak import OPERATIONS
from benchmarks.table import Entry, Report

_BYTES = 10**9
_TIMES = 10
#: What the same reading varies by from one process to the next.
_TOLERANCE = 1.1
#: The disk is not to be filled.
_ROOM = 2


def study(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """1 GB and 10 GB of W2: the same file ten times over, one file of ten times the size, and GZIP."""
    if not Path("/proc/self/status").exists():
        return Report("memory", "Not measured: only Linux tells how much memory a process has taken at most.", (), ())
    workload = workloads.load("W2", directory, scale)
    copies = max(1, round(_BYTES * scale / Path(workload.path).stat().st_size))
    small, compressed, large = (scratch / f"{name}.tfrecord" for name in ("small", "compressed", "large"))
    _join(small, [workload.path] * copies)
    reference.write_records(str(compressed), workload.records, "GZIP")
    rows = [_row(operation, f"1 file, {_TIMES} files", [small], [small] * _TIMES) for operation in OPERATIONS]
    gzip = [compressed] * copies
    kind = f"GZIP, {copies} files, {copies * _TIMES} files"
    rows += [_row(operation, kind, gzip, gzip * _TIMES) for operation in ("read_records", "read_batches")]
    text = "Reading W2's records, joined, and ten times as much: MB that a process took at most, which is not to grow."
    size = small.stat().st_size
    if shutil.disk_usage(scratch).free > _ROOM * _TIMES * size:
        _join(large, [str(small)] * _TIMES)
        rows.append(_row("read_batches", "1 file, 1 large file", [small], [large]))
    else:
        text += " There was no room for one file of ten times the size."
    return Report(
        "memory",
        text,
        ("operation", "files", f"{size / 1e9:.2g} GB: MB", f"{size * _TIMES / 1e9:.2g} GB: MB", "ratio", "met"),
        rows,
    )


def _row(operation: str, files: str, little: Iterable[Path], much: Iterable[Path]) -> tuple[Entry, ...]:
    before, after = _peak(operation, little), _peak(operation, much)
    return operation, files, before, after, after / before, after <= before * _TOLERANCE


def _peak(operation: str, paths: Iterable[Path]) -> float:
    """MB."""
    command = [sys.executable, "-m", "benchmarks.studies.peak", operation, *map(str, paths)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _join(path: Path, parts: Iterable[str]) -> None:
    """Files joined are a file of all their records."""
    with path.open("wb") as whole:
        for part in parts:
            with open(part, "rb") as file:
                shutil.copyfileobj(file, whole, 1 << 20)
