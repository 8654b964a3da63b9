"""What this process takes, after each round, and whether it grows. Reads /proc: Linux."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import threading
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

#: Bytes by which the median of the last third of the rounds may be above that of the first: for caches that fill in
#: the first twenty rounds, and pages of which a part is in use.
ALLOWANCE = 12 << 20


class Usage(NamedTuple):
    """What a process takes.

    Attributes:
        resident: bytes of memory.
        descriptors: open files and whatever else has a number.
        threads: of Python and of the system, whichever are more.
        children: processes that it has started and that have not ended, or were not waited for.
    """

    resident: int
    descriptors: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> Usage:
        """Of this process, when garbage has been collected and what malloc keeps (`files/heap.py`) was given back."""
        gc.collect()
        with contextlib.suppress(AttributeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)
        process = Path("/proc/self")
        pages = int((process / "statm").read_text().split()[1])
        threads = max(len(os.listdir(process / "task")), threading.active_count())
        return cls(pages * resource.getpagesize(), len(os.listdir(process / "fd")), threads, _children())

    def __str__(self) -> str:
        counts = f"descriptors {self.descriptors}, threads {self.threads}, children {self.children}"
        return f"{self.resident / 2**20:.1f} MiB, {counts}"


def _children() -> int:
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            found += (process / "stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid())
    return found


def growth(usages: Sequence[Usage]) -> list[str]:
    """What has grown from round to round, a line for each; nothing where there are fewer than three rounds.

    Memory: the median of the last third against that of the first. All else is counted, and must be as it was.
    """
    third = len(usages) // 3
    if not third:
        return []
    first, last = usages[:third], usages[-third:]
    found = []
    before, after = (median(usage.resident for usage in some) for some in (first, last))
    if after - before > ALLOWANCE:
        found.append(f"resident memory grew from {before / 2**20:.1f} to {after / 2**20:.1f} MiB")
    for name in ("descriptors", "threads", "children"):
        before, after = max(getattr(usage, name) for usage in first), min(getattr(usage, name) for usage in last)
        if after > before:
            found.append(f"{name} grew from {before} to {after}")
    return found
