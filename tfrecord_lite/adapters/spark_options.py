"""The options of the data source "tfrecord", as Spark hands them over: texts, under names of any case.

    path, paths    what load() and save() were given; paths is a list as JSON
    recordType     Example, SequenceExample or ByteArray
    codec          writing: gzip, deflate (ZLIB) or none, or Hadoop's class of it; reading goes by the files, as the jar
                   does, whatever it says
    compression_type    as the other engines have it: "", GZIP or ZLIB; reading: the files are to be that
    max_bytes      reading: of a part of a large file that has an index; writing: of a shard
    max_records    writing: of a shard
    num_shards     writing: how many shards there are to be, instead of how large they may be
    verify         reading: whether CRCs of the data are checked
    sample         how many records a schema is inferred from
    pushFilters    reading: whether Spark may hand down filters, see `spark_read`

Any other option is refused: one that is misspelt would do nothing.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tfrecord_lite.errors import printable
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.paths import as_path, find_files
from tfrecord_lite.files.remote import is_url

_RECORD_TYPES = ("Example", "SequenceExample", "ByteArray")
_CODECS = {
    "none": "",
    "uncompressed": "",
    "gzip": "GZIP",
    "deflate": "ZLIB",
    "org.apache.hadoop.io.compress.gzipcodec": "GZIP",
    "org.apache.hadoop.io.compress.defaultcodec": "ZLIB",
    "org.apache.hadoop.io.compress.deflatecodec": "ZLIB",
}
_BOOLEANS = {"true": "true", "false": "false"}
#: Hadoop's spelling, with one slash; of a letter alone it is a Windows drive.
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]+):(?P<path>/(?!/).*)", re.DOTALL)
#: The innermost one.
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_NAMES = (
    *("path", "paths", "recordType", "codec", "max_bytes", "max_records", "num_shards", "verify", "sample"),
    *("compression_type", "pushFilters"),
)


@dataclass(frozen=True)
class SourceOptions:
    """The options of one read or write.

    Attributes:
        paths: as given, local ones absolute: a task may run elsewhere than the driver; {a,b} is two of them.
        compression_type: of the files that are read; None where that is not given.
        written_as: the compression_type of the files that are written.
        others: see the module.
    """

    paths: tuple[str, ...]
    record_type: str
    compression_type: str | None
    written_as: str
    max_bytes: int | None
    max_records: int | None
    num_shards: int | None
    verify: bool
    sample: int | None
    push_filters: bool

    @classmethod
    def of(cls, given: Mapping[str, str]) -> SourceOptions:
        """From what Spark gives.

        Raises:
            ValueError: an option is not known, or its value is none.
        """
        options = {name.lower(): value for name, value in given.items()}
        unknown = sorted(options.keys() - {name.lower() for name in _NAMES})
        if unknown:
            raise ValueError(f"there is no option '{printable(unknown[0])}'; there are {', '.join(_NAMES)}")
        record_type = _one_of(options, "recordType", {each.lower(): each for each in _RECORD_TYPES}) or "Example"
        codec, compression_type = _one_of(options, "codec", _CODECS), options.get("compression_type")
        if compression_type is not None:
            check_compression_type(compression_type)
        written_as = next((each for each in (codec, compression_type) if each is not None), "")
        if compression_type not in (None, written_as):
            raise ValueError(f"codec is {printable(options['codec'])}, and compression_type '{compression_type}'")
        verify = _one_of(options, "verify", _BOOLEANS) != "false"
        push_filters = _one_of(options, "pushFilters", _BOOLEANS) == "true"
        counts = {name: _count(options, name) for name in ("max_bytes", "max_records", "num_shards", "sample")}
        return cls(
            paths=_paths(options),
            record_type=record_type,
            compression_type=compression_type,
            written_as=written_as,
            verify=verify,
            push_filters=push_filters,
            **counts,
        )


def _paths(options: Mapping[str, str]) -> tuple[str, ...]:
    found = json.loads(options["paths"]) if "paths" in options else []
    if "path" in options:
        found.insert(0, options["path"])
    if not found:
        raise ValueError("there is no path: give one to load() or save()")
    return tuple(path for given in found for path in _without_braces(absolute_path(given)))


def _without_braces(path: str) -> list[str]:
    """What a local path with Hadoop's {a,b} stands for, once each; a path that is there is no pattern.

    Raises:
        FileNotFoundError: one of the alternatives is a glob that no file matches.
    """
    if is_url(path) or os.path.lexists(path) or not _BRACES.search(path):
        return [path]
    found = [[file for file, _ in find_files(each)] if glob.has_magic(each) else [each] for each in _alternatives(path)]
    return list(dict.fromkeys(chain.from_iterable(found)))


def _alternatives(path: str) -> list[str]:
    braces = _BRACES.search(path)
    if braces is None:
        return [path]
    before, after = path[: braces.start()], path[braces.end() :]
    return [each for inner in braces[1].split(",") for each in _alternatives(f"{before}{inner}{after}")]


def absolute_path(given: Any) -> str:
    """A URL as it is; else a local path that is the same wherever a task runs.

    Raises:
        ValueError: it is a URI of Hadoop's of which only Hadoop knows what it is.
        TypeError: it is no path.
    """
    path = as_path(given)
    if is_url(path):
        return path
    uri = _URI.match(path)
    if uri and uri["scheme"] == "file":
        path = uri["path"]
    elif uri:  # abspath would make a directory of it
        raise ValueError(
            f"'{printable(path)}' is no path here: a URL has two slashes, and of Hadoop's only file:/ is known"
        )
    return os.path.abspath(path)


def _one_of(options: Mapping[str, str], name: str, known: Mapping[str, str]) -> str | None:
    """What the option's value means; None if it is not given."""
    value = options.get(name.lower())
    if value is None:
        return None
    if value.lower() not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not '{printable(value)}'")
    return known[value.lower()]


def _count(options: Mapping[str, str], name: str) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or not int(value):
        raise ValueError(f"{name} is a number, 1 or more, not '{printable(value)}'")
    return int(value)
