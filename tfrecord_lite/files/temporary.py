"""TemporaryPath: a name in the directory for temporary files (TMPDIR), for a file or folder of this process.

What a killed process left there is deleted by the next one, of the same user, that has something there: see claims.py.
"""

from __future__ import annotations

import os
import tempfile
from weakref import WeakValueDictionary

from tfrecord_lite.files.claims import ClaimedSet, remove_path
from tfrecord_lite.files.interrupts import interrupts_held

#: (process, directory) -> the sign of what the process has there, as long as it has anything.
_signs: WeakValueDictionary[tuple[int, str], ClaimedSet] = WeakValueDictionary()


class TemporaryPath:
    """A new name. Thrown away, also by Ctrl-C before anybody has it, what is there goes; not in a child after fork.

    Attributes:
        path: where nothing is yet.

    Raises:
        OSError: no file can be created there.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._sign: ClaimedSet | None = None
        directory = temporary_directory()
        sign = _signs.get((self._process, directory))
        if sign is None:
            sign = _signs[self._process, directory] = ClaimedSet(os.path.join(directory, "tfrecord_lite"))
        self.path = sign.new_path()
        self._sign = sign  # last: an interrupt may come between any two of these

    def __del__(self) -> None:
        if self._sign is not None and os is not None and self._process == os.getpid():  # as for a Claim
            self.remove()

    def remove(self) -> None:
        """Delete what is there, a folder with all that is in it."""
        if self._sign is not None:
            remove_path(self.path)
            self._sign = None  # with the last one that has it the sign goes


def temporary_directory() -> str:
    """That for temporary files. Python finds out with a file of its own whether it can write there."""
    with interrupts_held(masks=False):  # which would leave that file
        return tempfile.gettempdir()
