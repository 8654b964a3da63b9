"""Shards: how they are named, and what is known of each.

    out/train-00003-of-00010
    prefix    number   count      at least five digits each, more where the count needs them

Numbers begin at 0. A prefix with an extension, `train.tfrecord`, gives `train.tfrecord-00003-of-00010`. Beam, TFDS and
tf.data's globs agree on this.
"""

from __future__ import annotations

import operator
import os
import re
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import printable
from tfrecord_lite.files.directory import split_path
from tfrecord_lite.files.paths import as_path
from tfrecord_lite.files.remote import is_url

#: Beam's and TFDS' width: names up to 99,999 shards sort as their numbers do.
_MIN_DIGITS = 5

#: How shards are called while they are written (see claims.py). Whatever infos and journals tell, no other files are
#: committed or deleted.
HIDDEN_SHARD = re.compile(r"\.shard-[0-9a-f-]+\.tmp")
_SHARD = re.compile(f"(.+)-([0-9]{{{_MIN_DIGITS},18}})-of-([0-9]{{{_MIN_DIGITS},18}})", re.DOTALL)
#: More than a directory is good for. The names take 18 digits, and files without end would be made by a slip.
MOST_SHARDS = 1_000_000
_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


@dataclass(frozen=True)
class ShardInfo:
    """What a worker tells of a shard that it has written. Picklable.

    Attributes:
        path: of the file: hidden and temporary before `commit`, `prefix-00003-of-00010` after it.
        records: how many there are in it.
        bytes: size of the file.
        checksum: CRC-32C of the footers of all frames, one after the other as they are stored.
    """

    path: str
    records: int
    bytes: int
    checksum: int


def check_sizes(**sizes: int | None) -> None:
    """Raise ValueError unless each number that is given is 1 or more, and num_shards at most MOST_SHARDS."""
    for name, number in sizes.items():
        if number is None:
            continue
        if operator.index(number) < 1:
            raise ValueError(f"{name} is 1 or more, not {number}")
        if name == "num_shards" and number > MOST_SHARDS:
            raise ValueError(f"{name} is {MOST_SHARDS:,} at most, not {number}")


def check_prefix(prefix: Any) -> str:
    """A prefix of shards, a path or URL, as str.

    Raises:
        ValueError: it is standard output; it holds NUL or a component ".."; or its last component is empty or begins
            with "." or "_", so that nobody would take the shards for data.
    """
    text = as_path(prefix)
    separators = ("/",) if is_url(text) else _SEPARATORS
    problem = ""
    if text == "/dev/stdout":
        problem = "cannot be: standard output takes one file, and no shards"
    elif "\0" in text:
        problem = "holds a NUL character"
    elif ".." in re.split("|".join(map(re.escape, separators)), text):
        problem = "leads out of its directory by '..'"
    elif not text or text.endswith(separators):
        problem = "does not end in a name"
    elif split_path(text)[1].startswith((".", "_")):
        problem = "has a name that begins with '.' or '_', which stand for files that are not data"
    if problem:
        raise ValueError(f"the prefix '{printable(text)}' {problem}")
    return text


def absolute_prefix(prefix: Any) -> str:
    """A checked prefix that means the same wherever the process goes.

    Raises:
        ValueError: as `check_prefix`.
    """
    text = check_prefix(prefix)
    return text if is_url(text) else os.path.abspath(text)


def shard_name(prefix: str, number: int, count: int) -> str:
    """The name of shard `number` of `count`."""
    digits = max(_MIN_DIGITS, len(str(count)))
    return f"{prefix}-{number:0{digits}}-of-{count:0{digits}}"


def shard_pattern(prefix: str) -> re.Pattern[str]:
    """What the names of all shards of that prefix match in full, whatever their count."""
    return re.compile(f"{re.escape(prefix)}-[0-9]{{{_MIN_DIGITS},}}-of-[0-9]{{{_MIN_DIGITS},}}")


def parse_shard_name(name: str) -> tuple[str, int, int] | None:
    """(prefix, number, count) of the name of a shard; None if it is none."""
    found = _SHARD.fullmatch(name)
    if found is None:
        return None
    prefix, number, count = found[1], int(found[2]), int(found[3])
    return (prefix, number, count) if number < count else None
