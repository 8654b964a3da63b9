"""ShardSet: frames -> prefix-00000-of-00003, prefix-00001-of-00003, ..., published together at the end.

The shards are written one after the other, under hidden names beside their places. How many there are decides their
names, so they are renamed when all are written. Before that nothing is seen of them; after an exception, nothing is
left.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tfrecord_lite.files.frames import FrameFile, WrittenFile
from tfrecord_lite.files.paths import as_path
from tfrecord_lite.format.pieces import Pieces

if TYPE_CHECKING:
    from typing_extensions import Self


class ShardSet:
    """The shards of one prefix. A context manager: published when the block ends without an exception.

    Args:
        prefix: a path; the shards are its siblings.
        options: as for TFRecordWriter.

    Raises:
        ValueError: the prefix has no name.
        OSError: the shards cannot be written, from `begin` on.
    """

    def __init__(self, prefix: Any, options: Any = None) -> None:
        self._prefix = as_path(prefix)
        if not os.path.basename(self._prefix):
            raise ValueError(f"a prefix of shards has a name at its end, unlike {self._prefix!r}")
        self._options = options
        self._hidden = os.path.join(
            os.path.dirname(os.path.abspath(self._prefix)), f".writing-{os.getpid()}-{secrets.token_hex(6)}"
        )
        self._shards: list[FrameFile] = []
        self.files: tuple[WrittenFile, ...] = ()

    def __len__(self) -> int:
        return len(self._shards)

    @property
    def shard(self) -> FrameFile:
        """The one that is being written."""
        return self._shards[-1]

    def begin(self) -> None:
        """Go on with a new shard."""
        if self._shards:
            self.shard.close()
        self._shards.append(FrameFile(self._hidden_name(len(self)), self._options, atomic=False))

    def write(self, frames: Pieces, count: int) -> None:
        """Write `count` frames to the present shard."""
        self.shard.write(frames, count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            self._remove_hidden()

    def _publish(self) -> None:
        self.shard.close()
        names = [f"{self._prefix}-{number:05}-of-{len(self):05}" for number in range(len(self))]
        for number, name in enumerate(names):
            os.replace(self._hidden_name(number), name)
        self.files = tuple(shard.facts(name) for shard, name in zip(self._shards, names, strict=True))

    def _remove_hidden(self) -> None:
        """Whatever has not been given its name."""
        for number, shard in enumerate(self._shards):
            shard.discard()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._hidden_name(number))

    def _hidden_name(self, number: int) -> str:
        # Neither ".tfrecord" nor the suffix of a shard is in it: no glob for data takes it for data.
        return f"{self._hidden}-{number}.tmp"
