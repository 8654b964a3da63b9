"""Two ways of doing the same work, timed side by side.

`measure` takes a Contest and gives a Measurement. The two take turns (A B A B ...), so that what else the machine
does falls on both, and the medians of many turns are compared. Absolute times depend on the machine and its load;
a ratio of one run is what is left to rely on.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median
from typing import Any, NamedTuple


class Figures(NamedTuple):
    """Seconds, or a ratio, by the two clocks."""

    wall: float
    #: User and system time of all threads.
    cpu: float

    def per(self, count: int) -> Figures:
        """Seconds of one of `count` units."""
        return Figures(self.wall / count, self.cpu / count)


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
    ours, theirs = take_turns((contest.ours, contest.theirs), rounds, contest.clear, contest.cpu_clock)
    return Measurement(ours.per(contest.count), theirs.per(contest.count))


def exhaust(items: Iterable[Any]) -> None:
    """Take all items and keep none."""
    deque(items, maxlen=0)


def check_equal(ours: Iterable[Any], theirs: Iterable[Any]) -> None:
    """Raise Difference unless both give the same items; None is no item."""
    for number, (left, right) in enumerate(zip_longest(ours, theirs)):
        if left != right:
            raise Difference(f"item {number} differs")


def take_turns(
    works: Sequence[Callable[[], Any]],
    rounds: int,
    clear: Callable[[], None] = lambda: None,
    cpu_clock: Callable[[], float] = time.process_time,
) -> list[Figures]:
    """Median seconds of each of `works`, done one after the other in each round; `clear` comes before every turn."""
    # The collector stays on in a turn, as it is for whoever uses the code, but walks through the objects of that turn
    # only: all that is here before it, data and modules, leaves its sight for good.
    gc.collect()
    gc.freeze()
    turns = [[_turn(work, clear, cpu_clock) for work in works] for _ in range(rounds)]
    clear()
    return [Figures(*map(median, zip(*of_work, strict=True))) for of_work in zip(*turns, strict=True)]


def _turn(work: Callable[[], Any], clear: Callable[[], None], cpu_clock: Callable[[], float]) -> Figures:
    clear()
    gc.collect()
    cpu, wall = cpu_clock(), time.perf_counter()
    work()
    return Figures(time.perf_counter() - wall, cpu_clock() - cpu)
