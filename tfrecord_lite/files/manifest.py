"""Which shards a directory holds, and which it is about to hold: two small JSON files and a mark.

`_MANIFEST.json` lists all sets of a directory. Of the files that have the name of a shard of one of these sets,
`train-NNNNN-of-NNNNN`, readers take those that are listed and no others; files of other names are none of its business:

    {"format": "tfrecord_lite shards", "version": 1,
     "sets": {"train": {"id": "93ab...", "files": [
         {"name": "train-00000-of-00010", "records": 100, "bytes": 8192, "checksum": 305419896}, ...]}}}

`_PLAN-<hash of the prefix's name>.json` is there while a set is being committed, and after a crash in the middle of it:

    {"format": "tfrecord_lite plan", "version": 1, "prefix": "train", "id": "93ab...",
     "files": [{"temporary": ".shard-5c....tmp", "name": ..., "records": ..., "bytes": ..., "checksum": ...}, ...],
     "replaced": {"train-00000-of-00010": ".old-93ab...-0.tmp", ...}, "dropped": ["test", ...]}

`replaced` says under which name an older file waits whose name is needed, `dropped` which other sets go. `_SUCCESS` is
empty, and there when a manifest is and no plan. Neither name contains the prefix, so no glob for data finds them. All
are there as a whole or not at all.

Raises ShardError for a manifest or plan that is not of this form, with its path.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.errors import ShardError, printable
from tfrecord_lite.files.directory import Directory, file_size, open_directory, split_path
from tfrecord_lite.files.paths import MANIFEST
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.shards import ShardInfo

SUCCESS = "_SUCCESS"
_PLAN = "_PLAN-"
_VERSION = 1
_MANIFEST_FORMAT = "tfrecord_lite shards"
_PLAN_FORMAT = "tfrecord_lite plan"
_WAYS_OUT = "write and commit the set again, or name files or a glob to read them as they are"


@dataclass(frozen=True)
class ShardSet:
    """The shards of one prefix.

    Attributes:
        id: says which attempt wrote them.
        files: in order; their paths are names in the directory.
    """

    id: str
    files: list[ShardInfo]


@dataclass(frozen=True)
class Plan:
    """What a commit is about to do.

    Attributes:
        shards: the set as it is to be.
        temporaries: the present name of each file.
        replaced: {name: where the older file of that name waits}.
        dropped: names of other sets, which go.
    """

    shards: ShardSet
    temporaries: list[str]
    replaced: dict[str, str]
    dropped: list[str]


def load_manifest(directory: Directory) -> dict[str, ShardSet] | None:
    """{name of the prefix: its shards}; None where there is no manifest."""
    data = _load(directory, MANIFEST, _MANIFEST_FORMAT)
    if data is None:
        return None
    with _checked(directory.join(MANIFEST)):
        return {
            str(name): ShardSet(_text(entry["id"]), _files(entry["files"]))
            for name, entry in sorted(data["sets"].items())
        }


def save_manifest(directory: Directory, sets: dict[str, ShardSet]) -> None:
    """Put a manifest in the place of the present one."""
    entries = {
        name: {"id": shards.id, "files": [_entry(file) for file in shards.files]} for name, shards in sets.items()
    }
    _save(directory, MANIFEST, {"format": _MANIFEST_FORMAT, "version": _VERSION, "sets": entries})


def load_plan(directory: Directory, name: str) -> Plan | None:
    """The plan of the prefix of that name; None where there is none."""
    data = _load(directory, plan_name(name), _PLAN_FORMAT)
    if data is None:
        return None
    with _checked(directory.join(plan_name(name))):
        replaced = {_name(new): _name(old) for new, old in data["replaced"].items()}
        temporaries = [_name(entry["temporary"]) for entry in data["files"]]
        dropped = [_name(other) for other in data.get("dropped", [])]
        return Plan(ShardSet(_text(data["id"]), _files(data["files"])), temporaries, replaced, dropped)


def open_plans(directory: Directory) -> dict[str, Plan]:
    """{name of the prefix: its plan} of all that are being carried out, or were interrupted."""
    plans = {}
    for entry in sorted(filter(is_plan, directory.sizes())):
        data = _load(directory, entry, _PLAN_FORMAT)
        with _checked(directory.join(entry)):
            name = "" if data is None else _text(data["prefix"])
        plan = load_plan(directory, name)
        if plan is not None:
            plans[name] = plan
    return plans


def save_plan(directory: Directory, name: str, plan: Plan) -> None:
    """Write down what is about to be done."""
    files = [
        {"temporary": temporary, **_entry(file)}
        for temporary, file in zip(plan.temporaries, plan.shards.files, strict=True)
    ]
    head = {"format": _PLAN_FORMAT, "version": _VERSION, "prefix": name, "id": plan.shards.id}
    data = {**head, "files": files, "replaced": plan.replaced, "dropped": plan.dropped}
    _save(directory, plan_name(name), data)


def plan_name(name: str) -> str:
    """What the plan of the prefix of that name is called."""
    return f"{_PLAN}{hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()}.json"


def has_plan(prefix: str) -> bool:
    """Whether shards of that prefix are being committed, or were when that was cut off."""
    directory, name = split_path(prefix)
    return open_directory(directory).read(plan_name(name)) is not None


def ways_to_end(prefix: str) -> str:
    """What to do about a commit that does not end, for errors."""
    import shlex

    word = printable(shlex.quote(prefix))
    return (
        f"if it still runs, wait until it is done; else `tfrecord-lite commit {word}`, or commit(None, prefix),"
        f" finishes it, and `tfrecord-lite rollback {word}`, or rollback(prefix), undoes it"
    )


def is_plan(name: str) -> bool:
    """Whether a file of that name is a plan."""
    return name.startswith(_PLAN)


def published_sets(directory: Directory, names: Collection[str]) -> dict[str, ShardSet]:
    """The sets of a directory in which these names are, for who reads it; none where there is no manifest.

    Raises:
        ShardError: a commit was not finished, or the manifest is none.
    """
    for name in filter(is_plan, names):
        path = directory.join(name)
        whose, prefix = "", "PREFIX"
        with contextlib.suppress(ShardError):  # it may be done by now, or not be readable
            plan = _load(directory, name, _PLAN_FORMAT)
            if plan is not None:
                whose, prefix = f" '{printable(str(plan.get('prefix')))}'", directory.join(str(plan.get("prefix")))
        problem = f"a commit of shards{whose} is under way or was interrupted"
        raise _error(path, f"{problem}: {ways_to_end(prefix)}")
    return (load_manifest(directory) if MANIFEST in names else None) or {}


def check_shards(shards: Iterable[tuple[str, ShardInfo]]) -> None:
    """As `check_shard` for many; behind a URL a directory is asked once."""
    sizes: dict[str, dict[str, int]] = {}
    for path, shard in shards:
        if not is_url(path):
            check_shard(path, shard)
            continue
        directory, name = split_path(path)
        if directory not in sizes:
            sizes[directory] = open_directory(directory).sizes()
        _check_found(path, sizes[directory].get(name), shard)


def check_shard(path: str, shard: ShardInfo) -> None:
    """Raise FileNotFoundError or ShardError unless the file that a manifest lists is there and has its size."""
    try:
        found = file_size(path)
    except FileNotFoundError:
        found = None
    _check_found(path, found, shard)


def _check_found(path: str, found: int | None, shard: ShardInfo) -> None:
    if found is None:
        raise FileNotFoundError(errno.ENOENT, f"{MANIFEST} lists this shard, but it is missing", path)
    try:
        check_size(path, found, shard.bytes)
    except ShardError as error:
        raise _error(path, f"{error.args[0]}, says {MANIFEST}: {_WAYS_OUT}") from None


def check_content(path: str, shard: ShardInfo, records: int, checksum: int) -> None:
    """Raise ShardError unless a file holds what a manifest says: see ShardInfo."""
    if records != shard.records:
        raise _error(path, f"{records} records, but {shard.records} were written, says {MANIFEST}: {_WAYS_OUT}")
    if checksum != shard.checksum:
        problem = f"other records than were written: checksum {checksum:#010x}, in {MANIFEST} {shard.checksum:#010x}"
        raise _error(path, f"{problem}: {_WAYS_OUT}")


def check_size(path: str, found: int, size: int) -> None:
    """Raise ShardError unless a file has the `size` bytes that were written."""
    if found != size:
        raise _error(path, f"{found} bytes long, but {size} bytes were written")


def _entry(file: ShardInfo) -> dict[str, Any]:
    return {"name": file.path, "records": file.records, "bytes": file.bytes, "checksum": file.checksum}


def _files(entries: Iterable[Any]) -> list[ShardInfo]:
    return [
        ShardInfo(_name(entry["name"]), *(_number(entry[key]) for key in ("records", "bytes", "checksum")))
        for entry in entries
    ]


def _name(value: Any) -> str:
    """A file of the directory itself: a manifest may have been made by anybody."""
    if value in ("", os.curdir, os.pardir) or os.path.basename(_text(value)) != value or "\0" in value:
        raise ValueError("a name of a file is none")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("a number is none")
    return value


def _load(directory: Directory, name: str, form: str) -> dict[str, Any] | None:
    text = directory.read(name)
    if text is None:
        return None
    with _checked(directory.join(name)):
        data = json.loads(text)
        if data["format"] != form or data["version"] != _VERSION:
            raise ValueError("another format or version")
        return dict(data)


def _save(directory: Directory, name: str, data: dict[str, Any]) -> None:
    directory.write(name, json.dumps(data).encode("ascii"))


@contextlib.contextmanager
def _checked(path: str) -> Any:
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _error(path, f"not a manifest or plan as this version writes them ({type(error).__name__})") from error


def _error(path: str, problem: str) -> ShardError:
    error = ShardError(problem)
    error.path = path
    return error
