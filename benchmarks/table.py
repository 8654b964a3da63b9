"""The results as text: a Markdown table that a terminal shows as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bars import BARS
from benchmarks.measure import Figures, Measurement

_HEADINGS = ("operation", "workload", "reference", "ours us", "reference us", "wall", "CPU", "bar", "met")


@dataclass(frozen=True)
class Cell:
    """One operation on one workload.

    Attributes:
        operation, workload: as in the tables of operations and workloads; an import has workload "".
        reference: what we are measured against.
        measurement: the times.
    """

    operation: str
    workload: str
    reference: str
    measurement: Measurement

    @property
    def bar(self) -> Figures | None:
        """The ratios to reach; None when nothing is asked."""
        return BARS.get((self.operation, self.workload))

    @property
    def is_met(self) -> bool | None:
        """Whether both ratios reach the bar."""
        if self.bar is None:
            return None
        ratio = self.measurement.ratio
        return ratio.wall >= self.bar.wall and ratio.cpu >= self.bar.cpu


def render(cells: Sequence[Cell]) -> str:
    """The table, a line for each cell: microseconds of wall time a record (an import: a process), ratios, bar."""
    rows = [_HEADINGS, *map(_row, cells)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, _line(["-" * width for width in widths], widths))
    return "\n".join(lines)


def _row(cell: Cell) -> tuple[str, ...]:
    measurement = cell.measurement
    return (
        cell.operation,
        cell.workload or "-",
        cell.reference,
        f"{measurement.ours.wall * 1e6:,.2f}",
        f"{measurement.theirs.wall * 1e6:,.2f}",
        f"{measurement.ratio.wall:.2f}",
        f"{measurement.ratio.cpu:.2f}",
        _bar_text(cell.bar),
        {None: "-", True: "yes", False: "no"}[cell.is_met],
    )


def _bar_text(bar: Figures | None) -> str:
    if bar is None:
        return "-"
    return f"{bar.wall:.3g}" if bar.wall == bar.cpu else f"{bar.wall:.3g} / {bar.cpu:.3g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Names to the left, figures to the right."""
    names = 3
    aligned = [
        text.ljust(width) if at < names else text.rjust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(aligned)} |"
