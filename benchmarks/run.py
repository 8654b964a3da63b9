"""Measures us beside TensorFlow and prints one table. `python -m benchmarks.run --help`, or `make bench`.

Each line stands for one operation on one workload: microseconds of wall time a record (for imports: a process) on
our side and on the reference's, then the reference's time divided by ours, by wall time and by CPU time, the bar
that both have to reach, and whether they do. Before anything is timed, both sides must have written the same bytes
or read the same values. A bar that is missed is no error.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib.metadata import packages_distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import imports, workloads
from benchmarks.measure import measure
from benchmarks.operations import OPERATIONS
from benchmarks.table import Cell, render
from benchmarks.weight import weights

_DATA = Path("benchmarks/data")
_WEIGHT = "weight"
_ALL_OPERATIONS = (*OPERATIONS, *imports.IMPORTS, _WEIGHT)
#: Fewer rounds, or less than all the records, do for trying things out.
_MIN_ROUNDS = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for and print it."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1 or not 0 < arguments.scale <= 1:
        parser.error("--rounds is at least 1, --scale above 0 and at most 1")
    arguments.directory.mkdir(parents=True, exist_ok=True)
    chosen: Collection[str] = arguments.operations
    cells = [
        *_record_cells(arguments.workloads, chosen, arguments.rounds, arguments.scale, arguments.directory),
        *_import_cells(chosen, arguments.rounds, arguments.scale),
    ]
    cells.sort(key=lambda cell: (_ALL_OPERATIONS.index(cell.operation), cell.workload))
    print(_circumstances(arguments.rounds, arguments.scale, arguments.directory))
    if cells:
        print()
        print(render(cells))
    if _WEIGHT in chosen:
        print()
        print(_weight_lines())


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


def _circumstances(rounds: int, scale: float, directory: Path) -> str:
    """What the figures depend on, in two or three lines."""
    tensorflow, *_ = packages_distributions()["tensorflow"]  # tensorflow, tensorflow-cpu, ...
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", tensorflow, "protobuf", "crc32c"))
    lines = [
        f"Python {platform.python_version()}, {packages}",
        f"{os.cpu_count()} processors ({platform.machine()}), rounds: {rounds}, files in {directory}",
    ]
    if rounds < _MIN_ROUNDS or scale != 1:
        lines.append(f"A trial at scale {scale:g}: the bars are for scale 1 and {_MIN_ROUNDS} rounds or more.")
    return "\n".join(lines)


def _weight_lines() -> str:
    ours, theirs = weights("tfrecord_lite"), weights("tensorflow")
    return "\n".join(
        [
            f"Installed, tfrecord_lite and what it needs: {_weight_text(ours)}",
            f"Installed, TensorFlow and what it needs: {_weight_text(theirs)}",
            f"TensorFlow is {sum(theirs.values()) / sum(ours.values()):.0f} times as heavy.",
        ]
    )


def _weight_text(sizes: dict[str, float], shown: int = 5) -> str:
    parts = [f"{name} {size:.1f}" for name, size in list(sizes.items())[:shown]]
    if len(sizes) > shown:
        parts.append(f"and {len(sizes) - shown} others {sum(list(sizes.values())[shown:]):.1f}")
    return f"{sum(sizes.values()):,.0f} MB ({', '.join(parts)})"


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workloads",
        type=_some_of(workloads.WORKLOADS),
        default=tuple(workloads.WORKLOADS),
        metavar="W1,W3",
        help=f"of {', '.join(workloads.WORKLOADS)}; the default is all",
    )
    parser.add_argument(
        "--operations",
        type=_some_of(_ALL_OPERATIONS),
        default=_ALL_OPERATIONS,
        metavar='"write rows,read records"',
        help=f"of {', '.join(_ALL_OPERATIONS)}; the default is all",
    )
    parser.add_argument("--rounds", type=int, default=_MIN_ROUNDS, help="turns of each side (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="the fraction of the records to use, for trying")
    parser.add_argument(
        "--directory",
        type=Path,
        default=_DATA,
        help="where data is kept and files are written, such as a directory in memory (%(default)s)",
    )
    return parser


def _some_of(names: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of comma-separated lists of `names`."""

    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(names)}")
        return chosen

    return parse


if __name__ == "__main__":
    main()
