"""Ctrl-C and SIGTERM, held back while something is done that must not end in its middle."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)
HAS_MASK = hasattr(signal, "pthread_sigmask")  # not on Windows


@contextlib.contextmanager
def interrupts_held(masks: bool, *, once: bool = False) -> Iterator[None]:
    """What is done in here is done to its end; Ctrl-C and SIGTERM come then, if they came.

    Processes that are started in here never notice Ctrl-C, with `masks`, and SIGTERM when they have no handler of this
    program's any more. The mask alone would not do: what the main thread holds back another one takes, such as those of
    numpy, and Python lets the main thread know. With `once` a second one comes at once: for what waits for others.
    """
    came: list[int] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in _ENDING}
        handlers = {number: handler for number, handler in found.items() if callable(handler)}

    def hold(number: int, frame: FrameType | None) -> None:
        if once and came:
            came.clear()
            handlers[number](number, frame)
        came.append(number)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING if masks else ()) if HAS_MASK else set()
    try:
        for number in handlers:
            signal.signal(number, hold)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if HAS_MASK:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if came:
            signal.raise_signal(came[-1])
