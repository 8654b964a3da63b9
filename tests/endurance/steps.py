"""A step of a case: its seconds and its peak of memory are printed, and the peak is bounded. Reads /proc: Linux."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROCESS = Path("/proc/self")


def _peak() -> int:
    """Bytes that were resident at the same time at most, since the last reset; pages of mapped files are among them."""
    found = re.search(r"VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text())
    assert found is not None
    return int(found[1]) << 10


@contextmanager
def step(name: str, most: int) -> Iterator[None]:
    """What is done in the with-block takes no more than `most` bytes beyond what the process takes at first.

    Raises:
        MemoryError: it took more.
    """
    (_PROCESS / "clear_refs").write_text("5")  # the peak is what is resident now
    before, begin = _peak(), time.monotonic()
    yield
    seconds, took = time.monotonic() - begin, _peak() - before
    print(f"    {name:<44} {seconds:8.1f} s {took / 2**20:10,.0f} MiB", flush=True)  # noqa: T201
    if took > most:
        raise MemoryError(f"{name}: {took} bytes, and {most} are allowed")
