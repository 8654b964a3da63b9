"""What goes between a process and its workers; all of it together is tested in test_write_sharded.py."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tfrecord_lite.files.encoding_pool import _interrupts_held, _load, _save


def test_items_come_out_as_they_went_in(tmp_path: Path) -> None:
    _save(str(tmp_path / "0"), [b"x", {"a": None}])
    assert _load(str(tmp_path / "0")) == [b"x", {"a": None}]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals go to the process otherwise")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("masks", [True, False])
def test_a_signal_waits_also_when_another_thread_takes_it(number: int, masks: bool) -> None:
    """As that of a library would: Python raises what comes of it in the main thread, wherever that is."""
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    done = []

    def interrupted() -> None:
        with _interrupts_held(masks):
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_where_there_is_no_room_is_said(size: int) -> None:
    with pytest.raises(OSError, match="/dev/full") as caught:
        _save("/dev/full", bytes(size))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")
