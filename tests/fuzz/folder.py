"""A folder of this process for the targets that want files. It goes when the process does."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")


def folder() -> Path:
    return Path(_made().name)


def file(name: str, data: bytes) -> str:
    """The path of a file with that content."""
    path = folder() / name
    path.write_bytes(data)
    return str(path)
