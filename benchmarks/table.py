"""Tables: Markdown that a terminal shows as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bars import BARS, GOALS
from benchmarks.measure import Figures, Measurement
from benchmarks.reasons import REASONS

_HEADINGS = ("workload", "reference", "ours us", "reference us", "wall", "CPU", "bar", "aim", "met")
_YES_OR_NO = {None: "-", True: "yes", False: "no"}

#: A text stands on the left of its column, a number on the right; None is a dash.
Entry = str | float | bool | None


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
    def goal(self) -> Figures | None:
        """The ratios we go for; None when the bar is all."""
        return GOALS.get((self.operation, self.workload))

    @property
    def is_met(self) -> bool | None:
        """Whether both ratios reach the bar."""
        if self.bar is None:
            return None
        ratio = self.measurement.ratio
        return ratio.wall >= self.bar.wall and ratio.cpu >= self.bar.cpu

    @property
    def reason(self) -> str | None:
        """Why the bar is missed; None when it is not."""
        if self.is_met is not False:
            return None
        return REASONS.get((self.operation, self.workload), "NO REASON GIVEN YET")


@dataclass(frozen=True)
class Report:
    """What was found out beyond the cells.

    Attributes:
        title: of the section.
        text: what was done, and in what units the figures are.
        headings: one for each column.
        rows: as many entries in each.
    """

    title: str
    text: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[Entry, ...]]

    def render(self) -> str:
        """The section in Markdown."""
        parts = [f"## {self.title}", self.text]
        if self.rows:
            parts.append(aligned(self.headings, [tuple(map(_text, row)) for row in self.rows], _names_in(self.rows[0])))
        return "\n\n".join(parts)


def render_cells(cells: Sequence[Cell]) -> str:
    """The table of one operation: microseconds of wall time a record (an import: a process), ratios, bar; then why
    bars are missed."""
    parts = [f"## {cells[0].operation}", aligned(_HEADINGS, [_row(cell) for cell in cells], 2)]
    misses = [f"- {cell.workload or cell.reference} misses its bar: {cell.reason}" for cell in cells if cell.reason]
    if misses:
        parts.append("\n".join(misses))
    return "\n\n".join(parts)


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int) -> str:
    """A table whose first columns, `names` of them, stand on the left and the others on the right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    rules = ["-" * width if at < names else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    return "\n".join(_line(row, widths, names) for row in (headings, rules, *rows))


def _line(row: Sequence[str], widths: Sequence[int], names: int) -> str:
    texts = [
        text.ljust(width) if at < names else text.rjust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(texts)} |"


def _row(cell: Cell) -> tuple[str, ...]:
    measurement = cell.measurement
    return (
        cell.workload or "-",
        cell.reference,
        f"{measurement.ours.wall * 1e6:,.2f}",
        f"{measurement.theirs.wall * 1e6:,.2f}",
        f"{measurement.ratio.wall:.2f}",
        f"{measurement.ratio.cpu:.2f}",
        _ratios_text(cell.bar),
        _ratios_text(cell.goal),
        _YES_OR_NO[cell.is_met],
    )


def _ratios_text(ratios: Figures | None) -> str:
    if ratios is None:
        return "-"
    return f"{ratios.wall:.3g}" if ratios.wall == ratios.cpu else f"{ratios.wall:.3g} / {ratios.cpu:.3g}"


def _text(entry: Entry) -> str:
    if entry is None or isinstance(entry, bool):
        return _YES_OR_NO[entry]
    if isinstance(entry, str):
        return entry
    return f"{entry:,.0f}" if isinstance(entry, int) or entry >= 100 else f"{entry:.3g}"


def _names_in(row: Sequence[Entry]) -> int:
    """How many columns there are before the first that holds no text."""
    return next((at for at, entry in enumerate(row) if not isinstance(entry, str)), len(row))
