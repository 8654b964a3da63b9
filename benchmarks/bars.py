"""The bars: how many times as fast as its reference an operation has to be, at least, by both clocks.

They hold at scale 1 on a machine that does nothing else.
"""

from __future__ import annotations

from benchmarks.measure import Figures

_EACH: dict[str, dict[str, float]] = {
    "write columns": {"W1": 2, "W2": 3.5, "W3": 35, "W4": 11, "W5": 5.5},
    "write rows": {"W1": 2, "W2": 3.5, "W3": 11, "W4": 7.5, "W5": 3.7},
    "write serialized": {"W1": 2, "W2": 1.5, "W3": 1.3, "W4": 1.5, "W5": 1.25},
    "read records": {"W1": 2.4, "W2": 1.8, "W3": 2.2, "W4": 1.6, "W5": 1.35},
    "read examples": {"W1": 3, "W2": 3, "W3": 7, "W4": 4, "W5": 2.5},
    "write floor": {"W1": 0.9},
    "read floor": {"W1": 0.8},
    "import": {"": 1 / 1.15},
}

#: {(operation, workload): bar}
BARS = {(operation, workload): Figures(bar, bar) for operation, bars in _EACH.items() for workload, bar in bars.items()}
