"""Other readers of TFRecord files in Python, where they install: their pace, their values, and damage.

None of them is loaded into this process: each runs by itself (`reader_process.py`), and so do we.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import workloads
from benchmarks.measure import Figures
from benchmarks.studies.environments import NotInstalled, python_of, version_in
from benchmarks.table import Entry, Report
from benchmarks.workloads import Workload

_PROGRAM = Path(__file__).with_name("reader_process.py")
_REPOSITORY = Path(__file__).parent.parent.parent
#: Of the workloads: some of the others are slow.
_FRACTION = 0.2
_WAYS = ("records", "examples")


@dataclass(frozen=True)
class Other:
    """Another reader.

    Attributes:
        requirements: what pip installs; the first is the reader itself.
        ways: what it reads.
        remark: what it does, or does not do, that the figures do not show.
        build_constraint: what holds for the packages that build it.
    """

    requirements: tuple[str, ...]
    ways: tuple[str, ...]
    remark: str
    build_constraint: str | None = None


OTHERS = {
    "tfrecord": Other(
        ("tfrecord",),
        _WAYS,
        "gives records as views into one buffer that the next record overwrites; a bytes list of several values becomes"
        " an array of dtype S, which cuts NULs off their ends; a feature without a kind is an IndexError.",
    ),
    "tfr-reader": Other(
        ("tfr-reader",),
        _WAYS,
        "built with Cython below 3.1, as the newest refuses 1.1.0. The index that it needs is made before and not"
        " timed. Cuts int64 values to their low 32 bits. No GZIP.",
        "cython<3.1",
    ),
    "apache-beam": Other(
        ("apache-beam", "google-crc32c"),
        ("records",),
        "the loop of its tfrecordio alone, without a pipeline, with google-crc32c, the fastest it can use.",
    ),
}


def study(directory: Path, scratch: Path, rounds: int, scale: float, others: Mapping[str, Other] = OTHERS) -> Report:
    """Every reader of `others` that installs, on W2 and W3."""
    pythons: dict[str, Path] = {}
    remarks: list[str] = []
    for name, other in others.items():
        python, remark = installed(name, other)
        remarks.append(f"- {remark}")
        if python is not None:
            pythons[name] = python
    rows: list[tuple[Entry, ...]] = []
    for workload_name in ("W2", "W3"):
        workload = workloads.load(workload_name, directory, scale * _FRACTION)
        damaged = scratch / f"{workload_name}-damaged.tfrecord"
        damaged.write_bytes(damaged_content(workload))
        for way in _WAYS:
            readers = {"our": Path(sys.executable)}
            readers |= {name: python for name, python in pythons.items() if way in others[name].ways}
            rows += compared(workload, way, readers, damaged, rounds)
    return Report(
        "other readers",
        "Microseconds of wall time a record in a process of its own; times divided by ours; whether the values are"
        " ours; and whether a flipped bit in the last byte of the first record raises an error.\n\n"
        + "\n".join(remarks),
        ("workload", "items", "reader", "us", "wall", "CPU", "same values", "sees damage"),
        rows,
    )


def installed(name: str, other: Other) -> tuple[Path | None, str]:
    """The interpreter that has it, or None, and what there is to say about it."""
    try:
        python = python_of(name, other.requirements, other.build_constraint)
    except NotInstalled as error:
        return None, f"{name} did not install: {error}"
    return python, f"{name} {version_in(python, other.requirements[0])}: {other.remark}"


def compared(
    workload: Workload, way: str, readers: Mapping[str, Path], damaged: Path, rounds: int
) -> Iterator[tuple[Entry, ...]]:
    """A row for each of `readers` {name: interpreter}, ours among them as "our": they take turns."""
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_process(python, f"{name}-{way}", workload.path))
            for name, python in readers.items()
        }
        digests = {name: ask(process, "digest") for name, process in processes.items()}
        turns: dict[str, list[Figures]] = {name: [] for name in processes}
        for _ in range(rounds):
            for name, process in processes.items():
                turns[name].append(Figures(*map(float, ask(process, "time").split())))
    medians = {name: Figures(*map(median, zip(*figures, strict=True))) for name, figures in turns.items()}
    ours = medians["our"]
    for name, taken in medians.items():
        with _process(readers[name], f"{name}-{way}", str(damaged)) as process:
            sees_damage = ask(process, "digest").startswith("error")
        yield (
            workload.name,
            way,
            "tfrecord_lite" if name == "our" else name,
            taken.wall / len(workload.examples) * 1e6,
            taken.wall / ours.wall,
            taken.cpu / ours.cpu,
            digests[name] == digests["our"],
            sees_damage,
        )


def damaged_content(workload: Workload) -> bytes:
    """The workload's file with one bit of its first record flipped, in the last byte: a value, whatever the layout."""
    content = bytearray(Path(workload.path).read_bytes())
    content[12 + len(workload.records[0]) - 1] ^= 1
    return bytes(content)


@contextmanager
def _process(python: Path, reader: str, path: str) -> Iterator[subprocess.Popen[str]]:
    environment = dict(os.environ)
    if python == Path(sys.executable):
        environment["PYTHONPATH"] = str(_REPOSITORY)
    else:
        environment.pop("PYTHONPATH", None)
    with subprocess.Popen(
        [python, _PROGRAM, reader, os.path.abspath(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        yield process  # it ends with its input


def ask(process: subprocess.Popen[str], question: str) -> str:
    """The line that a process answers to one."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(question + "\n")
    process.stdin.flush()
    answer = process.stdout.readline().strip()
    if not answer:
        raise OSError(f"{process.args!r} ended without an answer")
    return answer
