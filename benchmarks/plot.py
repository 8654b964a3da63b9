"""The picture: how many times as fast as TensorFlow each cell is, and its bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.table import Cell

#: Colours that the colour-blind tell apart (Okabe and Ito), and a shape each for whoever sees none.
_STYLES = {
    "W1": ("W1 raw images, 100 KB", "#0072B2", "o"),
    "W2": ("W2 JPEG images, 8 KB", "#E69F00", "s"),
    "W3": ("W3 table, 10 features", "#009E73", "D"),
    "W4": ("W4 float32[512]", "#CC79A7", "^"),
    "W5": ("W5 10-500 token ids", "#D55E00", "v"),
    "W3-missing": ("W3, one feature missing in 10%", "#555555", "1"),
    "W3-layouts": ("W3, four layouts", "#555555", "2"),
    "W3-orders": ("W3, sixteen key orders", "#555555", "x"),
    "W3-zeros": ("W3, a third of the values zero", "#555555", "+"),
}
#: Between the lines of two workloads; those of two operations are 1 apart.
_STEP = 0.085


def is_drawn(cell: Cell) -> bool:
    """Whether a cell is a ratio against TensorFlow on a workload."""
    return cell.reference == "TensorFlow"


def save(cells: Sequence[Cell], circumstances: str, path: Path) -> None:
    """A PNG of the cells' wall time ratios, the line at 1 and the bars as ticks."""
    from matplotlib.figure import Figure

    drawn = [cell for cell in cells if is_drawn(cell)]
    operations = list(dict.fromkeys(cell.operation for cell in drawn))
    figure = Figure(figsize=(9, 1.6 + 0.85 * len(operations)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(1, color="black", linewidth=1)
    for at, (workload, (label, colour, marker)) in enumerate(_STYLES.items()):
        lines = [
            (operations.index(cell.operation) + (at - 4) * _STEP, cell) for cell in drawn if cell.workload == workload
        ]
        axes.scatter(
            [cell.measurement.ratio.wall for _, cell in lines],
            [height for height, _ in lines],
            s=34,
            color=colour,
            marker=marker,
            label=label,
            zorder=3,
        )
        for height, cell in lines:
            if cell.bar is not None:
                axes.plot([cell.bar.wall] * 2, [height - _STEP / 2, height + _STEP / 2], color="black", linewidth=2)
                axes.plot([cell.bar.wall, cell.measurement.ratio.wall], [height] * 2, color=colour, linewidth=0.7)
    axes.plot([], [], color="black", linewidth=2, label="the bar of the cell")
    axes.set_xscale("log")
    ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_yticks(range(len(operations)), operations)
    axes.set_ylim(len(operations) - 0.5, -0.5)
    for border in range(len(operations) - 1):
        axes.axhline(border + 0.5, color="#bbbbbb", linewidth=0.7)
    axes.set_xlabel("TensorFlow's wall time / ours: right of 1 we are faster")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small", frameon=False)
    axes.set_title(circumstances, fontsize="small", loc="left")
    figure.savefig(path, dpi=110)
