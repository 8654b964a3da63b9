"""Measures us beside TensorFlow, and what else there is to know. `python -m benchmarks.run --help`, or `make bench`.

Each line of a table stands for one operation on one workload: microseconds of wall time a record (for imports: a
process) on our side and on the reference's, then the reference's time divided by ours, by wall time and by CPU time,
the bar that both have to reach, what we go for, and whether the bar is met. Before anything is timed, both sides must
have written the same bytes or read the same values. A bar that is missed is no error.

Then come the studies. What is printed is also written into benchmarks/results/, with figures for programs and a
picture, when everything was measured, at scale 1 and in enough rounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import imports, workloads
from benchmarks.circumstances import MIN_ROUNDS, Circumstances
from benchmarks.measure import measure
from benchmarks.operations import OPERATIONS
from benchmarks.results import Results
from benchmarks.studies import (
    commands,
    counting,
    growth,
    loaders,
    memory,
    packing,
    random_access,
    readers,
    sizes,
    threads,
)
from benchmarks.table import Cell, Report
from benchmarks.weight import weights

_DATA = Path("benchmarks/data")
_RESULTS = Path("benchmarks/results")
_WEIGHT = "weight"
_ALL_OPERATIONS = (*OPERATIONS, *imports.IMPORTS, _WEIGHT)
_ALL_WORKLOADS = tuple(workloads.WORKLOADS)
STUDIES: dict[str, Callable[[Path, Path, int, float], Report]] = {
    "threads": threads.study,
    "batch sizes": sizes.study_batches,
    "block sizes": sizes.study_blocks,
    "growth": growth.study,
    "counting": counting.study,
    "commands": commands.study,
    "other readers": readers.study,
    "random access": random_access.study,
    "loaders": loaders.study,
    "packing": packing.study,
    "memory": memory.study,  # the last: it fills the disk's cache
}
#: Of lists on the command line.
_NOTHING = "none"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, print it, and write it where it belongs."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    rounds, scale, directory = arguments.rounds, arguments.scale, arguments.directory
    if rounds < 1 or not 0 < scale <= 1:
        parser.error("--rounds is at least 1, --scale above 0 and at most 1")
    directory.mkdir(parents=True, exist_ok=True)
    operations: Collection[str] = arguments.operations
    cells = [
        *_record_cells(arguments.workloads, operations, rounds, scale, directory),
        *_import_cells(operations, rounds, scale),
    ]
    cells.sort(key=lambda cell: _ALL_OPERATIONS.index(cell.operation))
    results = Results(
        Circumstances.of_this_process(rounds, scale),
        cells,
        list(_reports(arguments.studies, rounds, scale, directory)),
        {"tfrecord_lite": weights("tfrecord_lite"), "TensorFlow": weights("tensorflow")}
        if _WEIGHT in operations
        else {},
    )
    print(results.text())
    is_all = [set(arguments.workloads), set(operations), set(arguments.studies)] == [
        set(_ALL_WORKLOADS),
        set(_ALL_OPERATIONS),
        set(STUDIES),
    ]
    if arguments.results or (is_all and not results.circumstances.is_trial):
        results.save(arguments.results or _RESULTS)


def _record_cells(
    names: Collection[str], chosen: Collection[str], rounds: int, scale: float, directory: Path
) -> Iterator[Cell]:
    for name in names:
        todo = {key: value for key, value in OPERATIONS.items() if key in chosen and name in value.workloads}
        if not todo:
            continue
        _progress(f"{name}: data")
        workload = workloads.load(name, directory, scale)
        for key, operation in todo.items():
            _progress(f"{name}: {key}")
            with TemporaryDirectory(dir=directory) as scratch:
                measurement = measure(operation.contest(workload, Path(scratch)), rounds)
            yield Cell(key, name, operation.reference, measurement)


def _import_cells(chosen: Collection[str], rounds: int, scale: float) -> Iterator[Cell]:
    for key, (module, _) in imports.IMPORTS.items():
        if key in chosen:
            _progress(key)
            yield Cell(key, "", f"import {module}", measure(imports.contest(key, scale), rounds))


def _reports(chosen: Collection[str], rounds: int, scale: float, directory: Path) -> Iterator[Report]:
    for key, study in STUDIES.items():
        if key in chosen:
            _progress(key)
            with TemporaryDirectory(dir=directory) as scratch:
                yield study(directory, Path(scratch), rounds, scale)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workloads",
        type=_some_of(_ALL_WORKLOADS),
        default=_ALL_WORKLOADS,
        metavar="W1,W3",
        help=f"of {', '.join(_ALL_WORKLOADS)}; the default is all, {_NOTHING!r} is nothing",
    )
    parser.add_argument(
        "--operations",
        type=_some_of(_ALL_OPERATIONS),
        default=_ALL_OPERATIONS,
        metavar='"write rows,read records"',
        help=f"of {', '.join(_ALL_OPERATIONS)}; the default is all, {_NOTHING!r} is nothing",
    )
    parser.add_argument(
        "--studies",
        type=_some_of(STUDIES),
        default=tuple(STUDIES),
        metavar="threads,memory",
        help=f"of {', '.join(STUDIES)}; the default is all, {_NOTHING!r} is nothing",
    )
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS, help="turns of each side (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="the fraction of the records to use, for trying")
    parser.add_argument(
        "--directory",
        type=Path,
        default=_DATA,
        help="where data is kept and files are written, such as a directory in memory (%(default)s)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIRECTORY",
        help=f"write results there, whatever was measured (only a complete run writes them into {_RESULTS})",
    )
    return parser


def _some_of(names: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of comma-separated lists of `names`."""

    def parse(text: str) -> tuple[str, ...]:
        if text == _NOTHING:
            return ()
        chosen = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(names)}")
        return chosen

    return parse


if __name__ == "__main__":
    main()
