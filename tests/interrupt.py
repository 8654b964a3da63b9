"""Ctrl-C at a line of the package that is counted."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import tfrecord_lite as tfr

PACKAGE = str(Path(tfr.__file__).parent)


class Interrupt:
    """KeyboardInterrupt, once.

    Args:
        at: before which line of those that are passed in here; 0: none, they are only counted.
        of: file or folder whose lines count.

    Attributes:
        lines: how many were passed.
    """

    def __init__(self, at: int = 0, of: str = PACKAGE) -> None:
        self._at, self._of = at, of
        self.lines = 0

    def __enter__(self) -> Interrupt:
        self._before = sys.gettrace()
        sys.settrace(self._of_frame)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _of_frame(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._of_line if frame.f_code.co_filename.startswith(self._of) else None

    def _of_line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self._at:
                raise KeyboardInterrupt
        return self._of_line
