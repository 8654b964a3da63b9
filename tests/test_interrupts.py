"""Ctrl-C and SIGTERM wait for the end of what must not end in its middle."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tfrecord_lite.files.interrupts import interrupts_held


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals go to the process otherwise")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("masks", [True, False])
def test_a_signal_waits_also_when_another_thread_takes_it(number: int, masks: bool) -> None:
    """As that of a library would: Python raises what comes of it in the main thread, wherever that is."""
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    done = []

    def interrupted() -> None:
        with interrupts_held(masks):
            os.kill(os.getpid(), number)
            time.sleep(0.05)
            done.append(True)

    before = signal.signal(number, signal.default_int_handler)
    try:
        other.start()
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert done
        assert signal.getsignal(number) is signal.default_int_handler
        assert number not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.signal(number, before)
        end.set()
        other.join()


def test_a_second_signal_does_not_wait_where_it_may_be_long() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []

    def interrupted() -> None:
        with interrupts_held(masks=False, once=True):
            signal.raise_signal(signal.SIGINT)
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert reached == [1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
