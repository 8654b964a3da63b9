"""How soon a command answers: whole processes, beside `python -c "import numpy"`."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import tfrecord_lite as tfr
from benchmarks.imports import cpu_of_children
from benchmarks.measure import take_turns
from benchmarks.table import Entry, Report

#: As many times as long as importing numpy, at most.
_BAR = 1.3
#: Records in the file that the commands are given: none of them has much to do.
_RECORDS = 10
_COMMANDS = (
    *((name, "--help") for name in ("info", "head", "schema", "stats", "verify", "lint", "split", "convert", "pack")),
    *((name, "FILE") for name in ("count", "info", "head", "cat", "schema", "stats", "verify", "lint")),
)
_PROGRAM = "from tfrecord_lite.cli.main import main; raise SystemExit(main())"


def study(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """Commands that only say how they are called, and commands on a small file."""
    path = scratch / "small.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(_RECORDS):
            writer.write_example({"label": number, "text": b"some"})
    rows: list[tuple[Entry, ...]] = []
    for name, argument in _COMMANDS:
        ours = partial(_run, scratch, _PROGRAM, name, argument.replace("FILE", str(path)))
        numpy_alone = partial(_run, scratch, "import numpy")
        ours(), numpy_alone()  # which leaves the bytecode
        mine, numpy = take_turns([ours, numpy_alone], max(rounds, 3), cpu_clock=cpu_of_children)
        wall, cpu = mine.wall / numpy.wall, mine.cpu / numpy.cpu
        is_met = max(wall, cpu) <= _BAR if argument == "--help" else None
        rows.append((f"{name} {argument}", mine.wall * 1000, wall, cpu, is_met))
    return Report(
        "commands",
        f"Whole processes, on a file of {_RECORDS} records: milliseconds of wall time, and how many times as long as"
        f' `python -c "import numpy"` that is. No more than {_BAR} is asked for where nothing is read; what reads a'
        " file needs numpy, the CRCs and its own modules beside.",
        ("command", "ms", "wall", "CPU", "met"),
        rows,
    )


def _run(scratch: Path, program: str, *arguments: str) -> None:
    # pip compiles what it installs. A checkout is compiled when it is first imported or, where PYTHONDONTWRITEBYTECODE
    # is set, in every process again, which takes as long as what is to be measured.
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, env=settings)
