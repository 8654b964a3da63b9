"""Where TensorFlow reads less of a file, or of a set of files, than is there.

What stands around the records, from the first damage to names that a glob finds; of GZIP members see `member_problems`:

    corrupted            a CRC or a compressed stream does not hold: DataLossError
    truncated            the file ends inside a record: DataLossError
    cut-header           it ends in the 12 bytes before a record: a clean end, without a word
    cut-compression      a compressed stream ends between two records, without its trailer: the same
    too-large            a record is longer than it may be
    zlib-trailing        bytes behind a ZLIB stream, perhaps another stream: passed over, without a word
    mixed-compression    files of different compression, where a TFRecordDataset takes one for all
    compression-name     a training script names a compression type that TensorFlow does not know
    wrong-compression    it names another than that of the files
    no-records           a file without any
    unreadable           a file that is not there, cannot be opened, or is not what the manifest says
    hidden-name          a name that begins with "." or "_": no data to Spark, Beam and us; to TensorFlow's globs it is
    index-name           an index that a glob for data takes for data
    stale-shard          a shard that the manifest does not list, and a glob takes
    missing-shard        a shard that must be there by the names of the others, and is not
    two-sets             shards of one prefix in two different numbers
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import CorruptRecordError, TFRecordError, TruncatedRecordError
from tfrecord_lite.files.compression import AFTER_GZIP, AFTER_ZLIB
from tfrecord_lite.files.compression_types import COMPRESSION_TYPES
from tfrecord_lite.files.directory import open_directory, split_path
from tfrecord_lite.files.paths import COMPANION_SUFFIX, INDEX_SUFFIX
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import parse_shard_name, shard_name
from tfrecord_lite.format.findings import ERROR, NOTE, WARNING, Finding, Problem, Rule
from tfrecord_lite.format.framing import HEADER_SIZE

if TYPE_CHECKING:
    from tfrecord_lite.format.python_spec import Compression

_RESTORE = "get the file again from its source; what is sound in it can be had by salvage, or lint --fix OUT"
_RENAME = "give TensorFlow a glob that does not match it, or move it away"

CORRUPTED = Rule("corrupted", ERROR, _RESTORE)
TRUNCATED = Rule("truncated", ERROR, _RESTORE)
CUT_HEADER = Rule("cut-header", ERROR, _RESTORE)
CUT_COMPRESSION = Rule("cut-compression", ERROR, _RESTORE)
TOO_LARGE = Rule("too-large", ERROR, "leave the record out, or allow it by max_record_size")
ZLIB_TRAILING = Rule("zlib-trailing", ERROR, "inflate the streams one by one, or write the records again as one stream")
MIXED_COMPRESSION = Rule("mixed-compression", ERROR, "read the files of each compression by a dataset of their own")
COMPRESSION_NAME = Rule("compression-name", ERROR, "the names are GZIP, ZLIB and nothing, in capitals")
WRONG_COMPRESSION = Rule("wrong-compression", ERROR, "name the compression that the files have")
NO_RECORDS = Rule("no-records", NOTE, "nothing, if it is meant to be empty")
UNREADABLE = Rule("unreadable", ERROR, "check the name and who may read it")
HIDDEN_NAME = Rule("hidden-name", WARNING, _RENAME)
INDEX_NAME = Rule("index-name", NOTE, _RENAME)
STALE_SHARD = Rule("stale-shard", ERROR, "remove it, or give TensorFlow the files that the manifest lists")
MISSING_SHARD = Rule("missing-shard", ERROR, "get the shard again, or write the set again")
TWO_SETS = Rule("two-sets", ERROR, "remove the set that is out of date")

#: From a length of 2^36 on TensorFlow does not survive the attempt to make room for it.
_CRASHES = 1 << 36
#: What people ask TensorFlow for when they want all data of a directory.
_DATA_GLOB = "*.tfrecord*"
#: More shards than these are not counted one by one: a name can say anything.
_MOST_SHARDS = 1 << 20
_NOT_MET = "does not come as far: it has ended before"
_HIDDEN = "its name begins with '.' or '_', which stand for files that are not data"


def damage(error: TFRecordError, *, is_met: bool = True) -> Finding:
    """The first thing that a reader raised about a file, and whether TensorFlow comes as far."""
    offset = error.offset or 0
    if isinstance(error, TruncatedRecordError):
        problem = _truncation(error, offset)
    elif isinstance(error, CorruptRecordError):
        problem = _corruption(error, offset)
    else:
        doing = "asks for as much memory, and its parser takes no message of 2 GiB"
        problem = Problem(TOO_LARGE, None, _without_place(error), doing)
    if not is_met:
        problem = problem._replace(tensorflow=_NOT_MET)
    return Finding.of(problem, error.path, error.record_number, error.offset)


def later_damage(reason: str, path: str | None, record_number: int, offset: int) -> Finding:
    """What was met behind the first."""
    problem = Problem(CORRUPTED, None, reason, _NOT_MET)
    return Finding.of(problem, path, record_number, offset)


def no_records(path: str | None) -> Finding:
    """What to say of a file that is sound, and empty."""
    return Finding.of(Problem(NO_RECORDS, None, "it holds no records", "reads none"), path)


def unreadable(error: OSError | TFRecordError, path: Any) -> Finding:
    """What to say of a file that cannot be read; `path` may be a file object."""
    reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    name = getattr(path, "name", None) if hasattr(path, "read") else os.fsdecode(path)
    problem = Problem(UNREADABLE, None, reason, "raises, too, or does not know that it should be there")
    return Finding.of(problem, name if isinstance(name, str) else None)


def _truncation(error: TruncatedRecordError, offset: int) -> Problem:
    what = _without_place(error)
    silent = "takes this for the end of the file, without an error; whatever followed is lost"
    if error.expected is None:
        return Problem(CUT_COMPRESSION, None, what, silent)
    if error.expected == HEADER_SIZE:
        return Problem(CUT_HEADER, None, what, silent)
    doing = "crashes" if error.expected >= _CRASHES else f"raises DataLossError: truncated record at {offset}"
    return Problem(TRUNCATED, None, what, doing)


def _corruption(error: CorruptRecordError, offset: int) -> Problem:
    what = _without_place(error)
    if error.reason == AFTER_ZLIB:
        return Problem(ZLIB_TRAILING, None, what, "ends with the first stream, without an error")
    if error.reason == AFTER_GZIP:
        doing = "raises DataLossError, or, where it is a single byte, passes over it"
        return Problem(CORRUPTED, None, what, doing)
    if error.part == "compression":
        return Problem(CORRUPTED, None, what, "raises DataLossError, and reads nothing behind it")
    at = offset + HEADER_SIZE * (error.part == "data")
    return Problem(
        CORRUPTED, None, what, f"raises DataLossError: corrupted record at {at}, and reads nothing behind it"
    )


def _without_place(error: TFRecordError) -> str:
    """What is wrong; where it is the finding says itself."""
    facts = error.path, error.record_number, error.offset
    error.path = error.record_number = error.offset = None
    text = str(error)
    error.path, error.record_number, error.offset = facts
    return text


def name_problems(path: str, found: Sequence[str]) -> Iterator[Finding]:
    """What TensorFlow's globs make of a local path, directory or pattern, that stands for the `found` files to us."""
    if path in found:
        if os.path.basename(path).startswith((".", "_")):
            doing = "reads it where a glob matches it; Spark, Beam and tfrecord_lite pass over it in a directory"
            yield Finding.of(Problem(HIDDEN_NAME, None, _HIDDEN, doing), path)
        return
    is_directory = os.path.isdir(path)
    directory, glob = (path, _DATA_GLOB) if is_directory else os.path.split(path)
    ours = {os.path.basename(file) for file in found}
    for name in _files_in(directory):
        is_shard = is_directory and parse_shard_name(name) is not None
        if name not in ours and (is_shard or fnmatch.fnmatchcase(name, glob)):
            yield Finding.of(_taken(name, glob), os.path.join(directory, name))


def shard_problems(found: Sequence[str]) -> Iterator[Finding]:
    """What the names of files, those of shards among them, say about others that should be there, or not."""
    sets: dict[str, set[tuple[str, int]]] = {}
    for path in found:
        directory, name = split_path(path)
        shard = parse_shard_name(name)
        if shard is not None:
            prefix, _, count = shard
            sets.setdefault(directory, set()).add((prefix, count))
    for directory, wanted in sets.items():
        numbers: dict[tuple[str, int], set[int]] = {each: set() for each in wanted}
        for name in _files_in(directory):
            shard = parse_shard_name(name)
            if shard is not None and (shard[0], shard[2]) in wanted:
                prefix, number, count = shard
                numbers[prefix, count].add(number)
        for prefix, count in sorted(wanted):
            yield from _set_problems(open_directory(directory).join(prefix), count, numbers)


def _set_problems(path: str, count: int, numbers: dict[tuple[str, int], set[int]]) -> Iterator[Finding]:
    """What is wrong with one set, given the numbers of the shards of all sets that are there."""
    prefix = split_path(path)[1]
    missing = sorted(set(range(min(count, _MOST_SHARDS))) - numbers[prefix, count])
    if missing:
        first = shard_name(prefix, missing[0], count)
        what = f"{len(missing)} of {count} shards are not there, {first} for one"
        doing = "reads the others where a glob matches them, without an error"
        yield Finding.of(Problem(MISSING_SHARD, None, what, doing), path)
    for other_prefix, other in sorted(numbers):
        if other_prefix == prefix and other > count:
            what = f"there are shards of a set of {count} and of a set of {other}"
            doing = f"reads both where a glob such as {prefix}* matches them, without an error"
            yield Finding.of(Problem(TWO_SETS, None, what, doing), path)


def _files_in(directory: str) -> list[str]:
    """The names of the files in a directory; none where its own name is a pattern, or it cannot be listed."""
    try:
        if is_url(directory):
            return sorted(open_directory(directory).sizes())
        with os.scandir(directory or os.curdir) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())
    except OSError:
        return []


def _taken(name: str, glob: str) -> Problem:
    """What to say of a file that a glob of TensorFlow's finds, and that is no data to us."""
    if name.endswith((INDEX_SUFFIX, INDEX_SUFFIX + COMPANION_SUFFIX)):
        doing = f"takes it for data where a glob such as {glob} matches it, and raises DataLossError"
        return Problem(INDEX_NAME, None, "it is an index beside its file", doing)
    if name.startswith((".", "_")):
        return Problem(HIDDEN_NAME, None, _HIDDEN, f"reads it where a glob such as {glob} matches it")
    what = "it has the name of a shard, and the manifest of the directory does not list it"
    return Problem(STALE_SHARD, None, what, "reads it with the others where a glob matches them, without an error")


def mixed_compression(kinds: dict[str, str | None]) -> Finding | None:
    """What to say when files are compressed in several ways: {compression type: name of the first such file}."""
    if len(kinds) < 2:
        return None
    found = ", ".join(f"{kind or 'none'} ({path})" for kind, path in sorted(kinds.items()))
    doing = "takes one compression_type for all files of a TFRecordDataset, and raises DataLossError at the others"
    return Finding.of(Problem(MIXED_COMPRESSION, None, f"the files are of several compressions: {found}", doing), None)


def named_compressions(
    named: Sequence[Compression], kinds: dict[str, str | None], script: str | None
) -> Iterator[Finding]:
    """What the compression types in a training script mean for files of these kinds, given as above."""
    for name, line in named:
        by = "it" if line is None else f"line {line}"
        others = [kind for kind in kinds if kind != name]
        if name not in COMPRESSION_TYPES:
            what = f"{by} names the compression type {name!r}"
            doing = "takes it for none: a TFRecordDataset without an error, at compressed files with a DataLossError"
            yield Finding.of(Problem(COMPRESSION_NAME, None, what, f"{doing}; TFRecordOptions raise"), script)
        elif others:
            what = f"{by} names the compression type {name!r}, and files have {others[0] or 'none'!r}"
            what += f" ({kinds[others[0]]})"
            yield Finding.of(Problem(WRONG_COMPRESSION, None, what, "raises DataLossError at these files"), script)
