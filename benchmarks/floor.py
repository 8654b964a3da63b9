"""The least that can be done for a file in Python: its bytes go to the system and come back, their CRC is computed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from crc32c import crc32c

#: Of one os.writev, on Linux.
_MAX_BUFFERS = 1024
_BUFFER_SIZE = 512 << 10


def write(path: str, buffers: Sequence[bytes]) -> None:
    """`buffers`, one after the other, into a file, by os.writev."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        for begin in range(0, len(buffers), _MAX_BUFFERS):
            some = buffers[begin : begin + _MAX_BUFFERS]
            if os.writev(descriptor, some) != sum(map(len, some)):
                raise OSError(f"{path}: a short write, so the figures mean nothing")
    finally:
        os.close(descriptor)


def read(path: str) -> int:
    """The CRC-32C of a file, read through one small buffer by readinto."""
    crc = 0
    view = memoryview(bytearray(_BUFFER_SIZE))
    with open(path, "rb", buffering=0) as file:
        while size := file.readinto(view):
            crc = crc32c(view[:size], crc)
    return crc
