"""Where `tfrecord-lite` and `python -m tfrecord_lite` begin and end.

    before the command runs, and after    Ctrl-C ends the process at once: there is nothing to clean up
    while it runs                         KeyboardInterrupt, as everywhere in Python, which `cli.main` turns into 130
    while it imports something            the same, when that is imported

Python by itself raises KeyboardInterrupt in the middle of an import, too. It prints where that was, or forgets it; and
numpy takes itself for badly installed.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing takes longer to import than all that is here
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_INTERRUPTED = 130
_MOMENT = 0.001  # seconds


def main() -> int:
    """Run the command in sys.argv, and return its exit code."""
    # A shell has jobs in the background ignore it, which they go on to do.
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return _command_line()()
    _answer(_end)
    run = _command_line()
    try:
        _answer(_interrupt)
        return run()
    except KeyboardInterrupt:  # a second one, while the command cleans up after the first
        return _INTERRUPTED
    finally:
        _answer(_end)
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _command_line() -> Callable[[], int]:
    from tfrecord_lite.cli.main import main

    return main


def _answer(handler: Callable[[int, FrameType | None], object]) -> None:
    signal.signal(signal.SIGINT, handler)
    if hasattr(signal, "SIGALRM"):  # not on Windows
        signal.signal(signal.SIGALRM, handler)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if hasattr(signal, "SIGALRM"):
        while frame is not None:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                signal.setitimer(signal.ITIMER_REAL, _MOMENT)
                return
            frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
