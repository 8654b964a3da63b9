"""Two ways of doing the same work, timed side by side.

`measure` takes a Contest and gives a Measurement. The two take turns (A B A B ...), so that what else the machine
does falls on both, and the medians of many turns are compared. Absolute times depend on the machine and its load;
a ratio of one run is what is left to rely on.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple


class Figures(NamedTuple):
    """Seconds, or a ratio, by the two clocks."""

    wall: float
    #: User and system time of all threads.
    cpu: float


@dataclass(frozen=True)
class Contest:
    """The same work done by us and by a reference.

    Attributes:
        ours, theirs: do all of the work once.
        count: how many units (records, processes) that is; times are per unit.
        check: called once, after both have been called: raises Difference when they did not do the same work. None when
            there is nothing to compare, and so nothing to warm up.
        clear: called before each turn, outside of the timing: removes what earlier turns have left.
        cpu_clock: seconds of CPU time so far.
    """

    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    count: int
    check: Callable[[], None] | None
    clear: Callable[[], None] = lambda: None
    cpu_clock: Callable[[], float] = time.process_time


class Difference(Exception):
    """The two sides of a contest wrote different bytes or read different values: their times mean nothing."""


@dataclass(frozen=True)
class Measurement:
    """Medians, in seconds per unit."""

    ours: Figures
    theirs: Figures

    @property
    def ratio(self) -> Figures:
        """The reference's time divided by ours: above 1 we are faster."""
        return Figures(self.theirs.wall / self.ours.wall, self.theirs.cpu / self.ours.cpu)


def measure(contest: Contest, rounds: int) -> Measurement:
    """Run a contest: once to warm up and to compare what both did, then `rounds` turns each."""
    contest.clear()
    if contest.check is not None:
        contest.ours()
        contest.theirs()
        contest.check()
    # The collector stays on in a turn, as it is for whoever uses the code, but walks through the objects of that turn
    # only: all that is here before it, data and modules, leaves its sight for good.
    gc.collect()
    gc.freeze()
    ours: list[Figures] = []
    theirs: list[Figures] = []
    for _ in range(rounds):
        ours.append(_turn(contest, contest.ours))
        theirs.append(_turn(contest, contest.theirs))
    contest.clear()
    return Measurement(_medians(ours, contest.count), _medians(theirs, contest.count))


def _turn(contest: Contest, work: Callable[[], Any]) -> Figures:
    contest.clear()
    gc.collect()
    cpu, wall = contest.cpu_clock(), time.perf_counter()
    work()
    return Figures(time.perf_counter() - wall, contest.cpu_clock() - cpu)


def _medians(turns: list[Figures], count: int) -> Figures:
    return Figures(*(median(clock) / count for clock in zip(*turns, strict=True)))
