"""One line on the terminal that says how far a job is, and goes with it. Nothing when stderr is not a terminal."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

_INTERVAL = 0.1  # seconds between two updates
_BAR = 30  # columns, where there is room
_COLUMNS = 80  # of a terminal that does not say how wide it is


class Progress:
    """`with Progress("writing", total) as progress: progress(done, total)`, as often as one likes."""

    is_wanted = True  # --quiet

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._is_shown = self.is_wanted and sys.stderr.isatty()
        self._start = time.monotonic()
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._is_shown or (now - self._last < _INTERVAL and done < total):
            return
        self._last, self._total = now, total
        share = done / total if total else 1.0
        rate = done / max(now - self._start, 1e-9)
        left = f", {_clock((total - done) / rate)} left" if done and done < total else ""
        figures = f"{done}/{total} {rate:.0f}/s{left}"
        # A line that is wider than the terminal, or as wide, cannot be written over.
        columns = (os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS) - 1
        room = max(0, min(_BAR, columns - len(f"{self._label} [] {figures}")))
        line = f"{self._label} [{('#' * round(room * share)).ljust(room)}] {figures}"
        sys.stderr.write(f"\r{line[:columns]}\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away, for something else that is to be printed."""
        if self._is_shown and self._last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
