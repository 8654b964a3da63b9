"""The outcome of a run: text for people, JSON for programs, and the picture.

results.md      every cell with its bar, why bars are missed, and the studies
results.json    the same figures: {circumstances, cells, studies, weight}; seconds, ratios, MB
speed.png       the ratios of the cells
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks import plot
from benchmarks.circumstances import Circumstances
from benchmarks.table import Cell, Report, render_cells

_INTRODUCTION = """\
The reference's time divided by ours is the ratio, by wall time and by CPU time: above 1 we are faster. Times are
microseconds of wall time a record (for imports: a process), medians of rounds in which the two take turns, after both
were seen to write the same bytes or to read the same values. CRCs are written and checked on both sides. A cell meets
its bar when both ratios reach it; the aim is what we go for. `make bench` makes this file."""


@dataclass(frozen=True)
class Results:
    """Everything that one run found out.

    Attributes:
        circumstances: what the figures depend on.
        cells: those of an operation stand together.
        reports: of the studies.
        weights: {"tfrecord_lite" or "TensorFlow": {distribution: MB}}, or nothing when it was not asked for.
    """

    circumstances: Circumstances
    cells: list[Cell]
    reports: list[Report]
    weights: dict[str, dict[str, float]]

    def save(self, directory: Path) -> None:
        """Write the three files; the picture only when there are cells to draw."""
        directory.mkdir(parents=True, exist_ok=True)
        has_picture = any(map(plot.is_drawn, self.cells))
        if has_picture:
            plot.save(self.cells, str(self.circumstances), directory / "speed.png")
        picture = "![Ratios of all cells](speed.png)\n\n" if has_picture else ""
        title, rest = self.text().split("\n\n", 1)
        (directory / "results.md").write_text(f"{title}\n\n{picture}{rest}\n")
        (directory / "results.json").write_text(json.dumps(self.figures(), indent=1) + "\n")

    def text(self) -> str:
        """Markdown that a terminal shows as well."""
        by_operation = [list(cells) for _, cells in groupby(self.cells, lambda cell: cell.operation)]
        parts = ["# Results", str(self.circumstances), _INTRODUCTION]
        parts += [render_cells(cells) for cells in by_operation]
        parts += [report.render() for report in self.reports]
        if self.weights:
            parts.append(_weights_text(self.weights))
        return "\n\n".join(parts)

    def figures(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "circumstances": asdict(self.circumstances),
            "cells": list(map(_cell_figures, self.cells)),
            "studies": [asdict(report) for report in self.reports],
            "weight": self.weights,
        }


def _cell_figures(cell: Cell) -> dict[str, Any]:
    measurement = cell.measurement
    return {
        "operation": cell.operation,
        "workload": cell.workload,
        "reference": cell.reference,
        "ours": measurement.ours._asdict(),
        "theirs": measurement.theirs._asdict(),
        "ratio": measurement.ratio._asdict(),
        "bar": cell.bar and cell.bar._asdict(),
        "aim": cell.goal and cell.goal._asdict(),
        "met": cell.is_met,
        "reason": cell.reason,
    }


def _weights_text(weights: dict[str, dict[str, float]]) -> str:
    lines = [f"- {name} and what it needs: {_weight_text(sizes)}" for name, sizes in weights.items()]
    ours, theirs = (sum(sizes.values()) for sizes in weights.values())
    return "\n".join(
        ["## weight", "", "Installed.", "", *lines, f"- TensorFlow is {theirs / ours:.0f} times as heavy."]
    )


def _weight_text(sizes: dict[str, float], shown: int = 5) -> str:
    parts = [f"{name} {size:.1f}" for name, size in list(sizes.items())[:shown]]
    if len(sizes) > shown:
        parts.append(f"and {len(sizes) - shown} others {sum(list(sizes.values())[shown:]):.1f}")
    return f"{sum(sizes.values()):,.0f} MB ({', '.join(parts)})"
