"""Output of formats whose parts are bytes that stand one after the other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tfrecord_lite.format.schema import Schema


class TextOutput:
    """Parts -> a file."""

    def __init__(self, file: Any, schema: Schema | None, text: Collection[str], compression_type: str) -> None:
        self._file = file

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._file.size)

    def write(self, part: bytes) -> None:
        """Add a part."""
        self._file.write(part)

    def close(self) -> None:
        """Nothing is left."""
