"""Where `tfrecord-lite` and `python -m tfrecord_lite` begin and end.

    before the command runs, and after    Ctrl-C, or SIGTERM, ends the process at once: there is nothing to clean up
    while it runs                         KeyboardInterrupt, as everywhere in Python, which `cli.main` turns into 130
    while it imports something            the same, when that is imported

What SIGTERM ends (docker stop, batch systems) is cleaned up as after Ctrl-C, and its exit code is 143.

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

#: Which of them came, the last time.
_received: int = signal.SIGINT


def main() -> int:
    """Run the command in sys.argv, and return its exit code."""
    # A shell has jobs in the background ignore Ctrl-C, which they go on to do.
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    numbers = [number for number, handler in usual.items() if signal.getsignal(number) == handler]
    if not numbers:
        return _command_line()()
    _answer(numbers, _end)
    run = _command_line()
    try:
        _answer(numbers, _interrupt)
        code = run()
        return 128 + _received if code == _INTERRUPTED else code
    except KeyboardInterrupt:  # a second one, while the command cleans up after the first
        return 128 + _received
    finally:
        try:
            _answer(numbers, _end)
        except KeyboardInterrupt:  # it came when the command was over
            _answer(numbers, _end)
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _command_line() -> Callable[[], int]:
    from tfrecord_lite.cli.main import main

    return main


def _answer(numbers: list[signal.Signals], handler: Callable[[int, FrameType | None], object]) -> None:
    for number in numbers:
        signal.signal(number, handler)
    if hasattr(signal, "SIGALRM"):  # not on Windows
        signal.signal(signal.SIGALRM, handler)


def _end(number: int, frame: FrameType | None) -> None:
    _note(number)
    os._exit(128 + _received)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _note(number)
    if hasattr(signal, "SIGALRM"):
        while frame is not None:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                signal.setitimer(signal.ITIMER_REAL, _MOMENT)
                return
            frame = frame.f_back
    raise KeyboardInterrupt


def _note(number: int) -> None:
    global _received
    if number in (signal.SIGINT, signal.SIGTERM):  # an alarm is the one before, again
        _received = number


if __name__ == "__main__":
    sys.exit(main())
