"""Files of records and sets of shards, as tests of several modules write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfrecord_lite import ShardedWriter, ShardInfo, TFRecordWriter


def write(path: Path, records: list[bytes], options: Any = None) -> Path:
    """A file of these records."""
    with TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


def written(prefix: Path | str, *contents: list[bytes]) -> list[ShardInfo]:
    """Shards as so many workers write them, to be committed."""
    infos = []
    for records in contents:
        with ShardedWriter(prefix, num_shards=1, publish=False) as writer:
            for record in records:
                writer.write(record)
        infos += writer.infos
    return infos
