"""What becomes of writers that are open when the interpreter ends, or when the process forks.

the interpreter ends                            published, with a ResourceWarning
it dies of an uncaught exception                discarded
fork                                            the child's copy lets go without touching the file
"""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from contextlib import ExitStack
from typing import Protocol


class _Writer(Protocol):
    def close_forgotten(self) -> None: ...
    def discard(self) -> None: ...
    def abandon(self) -> None: ...


#: Those of this process, which add themselves and take themselves out.
open_writers: weakref.WeakSet[_Writer] = weakref.WeakSet()


def _is_dying() -> bool:
    """Whether the interpreter ends because of an uncaught exception.

    Python then keeps its traceback in sys.last_traceback, and that begins where the program does. Interactive sessions,
    test runners and consoles put exceptions there, too, which were caught and shown: those begin somewhere else.
    """
    trace = getattr(sys, "last_traceback", None)
    if trace is None or hasattr(sys, "ps1") or sys.flags.interactive:
        return False
    frame = trace.tb_frame
    if frame.f_code.co_name == "_run_module_as_main":  # python -m
        return True
    is_main = frame.f_globals is getattr(sys.modules.get("__main__"), "__dict__", None)
    return is_main and frame.f_code.co_name == "<module>" and frame.f_code.co_filename not in ("<console>", "<input>")


@atexit.register
def _end_of_interpreter() -> None:
    died = _is_dying()
    with ExitStack() as endings:  # one that fails does not keep the others from theirs
        for writer in list(open_writers):
            endings.callback(writer.discard if died else writer.close_forgotten)


def _after_fork_in_child() -> None:
    for writer in list(open_writers):
        writer.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
