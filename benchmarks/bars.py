"""The bars: how many times as fast as its reference an operation has to be, at least, and what we go for.

They hold at scale 1 on a machine that does nothing else. One number is asked of both clocks; two are wall and CPU.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.measure import Figures

_Bar = float | tuple[float, float]
_SINGLE = ("W1", "W2", "W3", "W4", "W5")
_LESS_KIND = ("W3-missing", "W3-layouts", "W3-orders", "W3-zeros")


def _of_all(*ratios: _Bar) -> dict[str, _Bar]:
    return dict(zip(_SINGLE, ratios, strict=True))


_STAY_ABOVE_1: dict[str, _Bar] = dict.fromkeys(_LESS_KIND, 1.0)

_BARS: dict[str, dict[str, _Bar]] = {
    "write columns": _of_all(2, 3.5, 35, 11, 5.5)
    | {name: bar for name, bar in _STAY_ABOVE_1.items() if name != "W3-orders"},
    "write rows": _of_all(2, 3.5, 11, 7.5, 3.7) | _STAY_ABOVE_1,
    "write serialized": _of_all(2, 1.5, 1.3, 1.5, 1.25),
    "read records": _of_all(2.4, 1.8, 2.2, 1.6, 1.35),
    "read examples": _of_all(3, 3, 7, 4, 2.5) | _STAY_ABOVE_1,
    "read batches": _of_all((2.2, 2.8), (1.7, 2.3), (4, 5), (2.3, 2.8), (1.2, 1.6)) | _STAY_ABOVE_1,
    "write columns gzip": {"W3": 5},
    "read batches gzip": {"W3": 3},
    "write floor": {"W1": 0.9},
    "read floor": {"W1": 0.8},
    "import": {"": 1 / 1.15},
}

_GOALS: dict[str, dict[str, _Bar]] = {
    "write columns": _of_all(2.5, 5, 60, 20, 9),
    "write rows": _of_all(2.5, 5, 17, 10, 6),
    "write serialized": _of_all(2.5, 2, 1.7, 2, 1.6),
    "read records": _of_all(3, 2.7, 3, 2, 1.7),
    "read examples": _of_all(4, 5, 12, 6, 4),
    "read batches": _of_all((3.5, 3.7), (2.5, 3.5), (7, 9), (3, 4), (1.5, 2.2)),
    "write columns gzip": {"W3": 7},
    "read batches gzip": {"W3": 4.5},
}


def _cells(table: Mapping[str, Mapping[str, _Bar]]) -> dict[tuple[str, str], Figures]:
    return {
        (operation, workload): Figures(*bar) if isinstance(bar, tuple) else Figures(bar, bar)
        for operation, bars in table.items()
        for workload, bar in bars.items()
    }


#: {(operation, workload): the least}
BARS = _cells(_BARS)
#: {(operation, workload): what we go for}
GOALS = _cells(_GOALS)
