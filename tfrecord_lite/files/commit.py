"""commit, rollback: a set of shards appears whole or not at all.

Workers anywhere write shards under hidden names of their own and tell of them by ShardInfo; whoever has all infos calls
`commit`:

    1  all temporary files are there and have their sizes    else an error, and nothing has changed
    2  _PLAN-....json                                         from here on readers of the directory get an error
    3  _SUCCESS goes
    4  each older file whose name is needed is renamed away, each temporary file gets its name
    5  _MANIFEST.json                                         from here on the new set is there
    6  older files go, _SUCCESS comes, the plan goes

After a crash anywhere, `commit` with the same infos, or with None in a process that has none, goes on where it was.
`rollback` brings back what was there before, up to step 5; after it, it finishes. A commit of other infos for the same
prefix first rolls back what it finds unfinished. After success a further commit of the same infos does nothing.

Afterwards exactly the new set is there: whatever else was named `prefix-NNNNN-of-NNNNN` is gone, with its index. Sets
of other prefixes in the same directory stay, unless they are to go: then they are in the plan, and go with step 6.
Commits in one directory wait for each other where the system has flock.

A crash is the death of a process. The data themselves are not synced: a power cut may take shards that were just
written, and then their sizes are not those of the manifest, which commit and readers check.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from tfrecord_lite.errors import IndexMismatchError, ShardError, printable
from tfrecord_lite.files.index import check_replaceable
from tfrecord_lite.files.manifest import (
    SUCCESS,
    Plan,
    ShardSet,
    check_size,
    is_plan,
    load_manifest,
    load_plan,
    open_plans,
    plan_path,
    save_manifest,
    save_plan,
    sync_directory,
)
from tfrecord_lite.files.paths import COMPANION_SUFFIX, INDEX_SUFFIX, MANIFEST
from tfrecord_lite.files.shards import ShardInfo, check_prefix, shard_name, shard_pattern

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def commit(
    infos: Iterable[ShardInfo] | None, prefix: Any, *, others: Literal["keep", "replace", "refuse"] = "keep"
) -> list[ShardInfo]:
    """Publish shards as `prefix-00000-of-0000N` and so on, in the order of `infos`, in the place of an older set.

    Args:
        infos: of all shards; None finishes a commit that was interrupted after it had begun, or says what is published
            when there is none: shards that may still wait for their commit need their infos. Their files are looked
            for in the directory of `prefix`, whatever directory their paths name: another machine may have mounted it
            elsewhere.
        prefix: as it was given to the writers.
        others: what becomes of the directory's sets of other prefixes: they stay; they go, together with what the new
            set replaces; or, where there is any set, nothing is published.

    Returns:
        The infos with the final paths.

    Raises:
        FileExistsError: there are sets, and `others` is "refuse".
        FileNotFoundError: a temporary file is missing; or infos is None, and nothing is published or to be finished.
        ShardError: a file has another size than its info says, or two infos are about the same file.
        ValueError: there are no infos, or the prefix is none.
    """
    directory, name = _parts(prefix)
    wanted = None if infos is None else _plan(list(infos), name)
    with _locked(directory):
        sets = load_manifest(directory) or {}
        plan = load_plan(directory, name)
        if wanted is None and plan is None and name not in sets:
            raise FileNotFoundError(errno.ENOENT, "no commit to finish", os.path.join(directory, name))
        if plan is None and name in sets and (wanted is None or sets[name].id == wanted.shards.id):
            return _finals(directory, sets[name])
        if wanted is not None and (plan is None or plan.shards.id != wanted.shards.id):
            for temporary, file in zip(wanted.temporaries, wanted.shards.files, strict=True):
                check_size(os.path.join(directory, temporary), file.bytes)
            for other, unfinished in open_plans(directory).items() if others != "keep" else [(name, plan)]:
                if unfinished is not None:
                    _end(directory, other, unfinished, sets)
            if others == "refuse" and sets:
                raise FileExistsError(errno.EEXIST, "the directory holds shards already", directory or os.curdir)
            dropped = sorted(set(sets) - {name}) if others == "replace" else []
            plan = replace(wanted, replaced=_replaced(directory, wanted.shards), dropped=dropped)
            save_plan(directory, name, plan)
        assert plan is not None
        _carry_out(directory, name, plan, sets)
        return _finals(directory, plan.shards)


def rollback(prefix: Any, infos: Iterable[ShardInfo] | None = None) -> bool:
    """Undo a commit that was interrupted: the older set is back, the shards of the new one are deleted.

    Args:
        prefix: as it was given to `commit`.
        infos: undo a commit of just these shards; None undoes any.

    Returns:
        Whether there was one to undo. Where the new manifest is in place already, the commit is finished instead.
    """
    directory, name = _parts(prefix)
    with _locked(directory):
        plan = load_plan(directory, name)
        if plan is None or (infos is not None and _plan(list(infos), name).shards.id != plan.shards.id):
            return False
        return _end(directory, name, plan, load_manifest(directory) or {})


def _parts(prefix: Any) -> tuple[str, str]:
    """(directory, name) of a prefix."""
    directory, name = os.path.split(check_prefix(prefix))
    return directory, name


def _plan(infos: list[ShardInfo], name: str) -> Plan:
    """What is to become of shards, wherever they are; what is replaced is not known yet."""
    if not infos:
        raise ValueError("a set has one shard at least")
    temporaries = [os.path.basename(info.path) for info in infos]
    if len(set(temporaries)) < len(temporaries):
        twice = Counter(temporaries).most_common(1)[0][0]
        raise ShardError(f"two infos are about the same file '{printable(twice)}'")
    pattern = shard_pattern(name)
    for temporary in temporaries:
        if pattern.fullmatch(temporary):
            raise ShardError(f"'{printable(temporary)}' has the name of a shard that was committed")
    files = [replace(info, path=shard_name(name, number, len(infos))) for number, info in enumerate(infos)]
    digest = hashlib.blake2b(digest_size=8)
    for temporary, file in zip(temporaries, files, strict=True):
        digest.update(f"{file!r} {temporary!r}\n".encode())
    return Plan(ShardSet(digest.hexdigest(), files), temporaries, {}, [])


def _replaced(directory: str, shards: ShardSet) -> dict[str, str]:
    names = {file.path for file in shards.files}
    with os.scandir(directory or os.curdir) as entries:
        older = sorted(entry.name for entry in entries if entry.name in names)
    return {name: f".old-{shards.id}-{number}.tmp" for number, name in enumerate(older)}


def _carry_out(directory: str, name: str, plan: Plan, sets: dict[str, ShardSet]) -> None:
    """From wherever a plan is to its end."""
    if name not in sets or sets[name].id != plan.shards.id:
        for temporary, file in zip(plan.temporaries, plan.shards.files, strict=True):
            path = os.path.join(directory, temporary)
            check_size(path if os.path.lexists(path) else os.path.join(directory, file.path), file.bytes)
        _unlink(directory, SUCCESS)
        for temporary, file in zip(plan.temporaries, plan.shards.files, strict=True):
            if os.path.lexists(os.path.join(directory, temporary)):
                _move_away(directory, file.path, plan.replaced.get(file.path))
                _rename(directory, temporary, file.path)
        sync_directory(directory)
        for other in plan.dropped:
            sets.pop(other, None)
        sets[name] = plan.shards
        save_manifest(directory, sets)
    for final, older in plan.replaced.items():
        _remove_index(directory, final)
        _unlink(directory, older)
    names = {file.path for entry in sets.values() for file in entry.files}
    patterns = [shard_pattern(prefix) for prefix in (name, *plan.dropped)]
    with os.scandir(directory or os.curdir) as entries:
        found = [entry.name for entry in entries if entry.name not in names]
    others = [entry for entry in found if any(pattern.fullmatch(entry) for pattern in patterns)]
    for other in others:
        _remove_index(directory, other)
        _unlink(directory, other)
    _remove_plan(directory, name)


def _end(directory: str, name: str, plan: Plan, sets: dict[str, ShardSet]) -> bool:
    """Undo a plan, or finish it where its set is in the manifest already; whether it was undone.

    Every step may be the last one before a crash, and either of doing and undoing goes on from there.
    """
    if name in sets and sets[name].id == plan.shards.id:
        _carry_out(directory, name, plan, sets)
        return False
    for temporary, file in zip(plan.temporaries, plan.shards.files, strict=True):
        if not os.path.lexists(os.path.join(directory, temporary)):
            with contextlib.suppress(FileNotFoundError):
                _rename(directory, file.path, temporary)
    for final, older in plan.replaced.items():
        with contextlib.suppress(FileNotFoundError):
            _rename(directory, older, final)
    _remove_plan(directory, name)
    for temporary in plan.temporaries:
        _unlink(directory, temporary)
    return True


def _move_away(directory: str, final: str, older: str | None) -> None:
    """Give an older file the name under which it waits, unless that has been done."""
    if older is not None and not os.path.lexists(os.path.join(directory, older)):
        with contextlib.suppress(FileNotFoundError):
            _rename(directory, final, older)


def _remove_plan(directory: str, name: str) -> None:
    """The end of a plan, and the mark of success where no other is open."""
    path = plan_path(directory, name)
    with os.scandir(directory or os.curdir) as entries:
        names = {entry.name for entry in entries}
    if MANIFEST in names and not any(is_plan(other) for other in names - {os.path.basename(path)}):
        with open(os.path.join(directory, SUCCESS), "wb"):
            pass
    os.unlink(path)
    sync_directory(directory)


def _finals(directory: str, shards: ShardSet) -> list[ShardInfo]:
    return [replace(file, path=os.path.join(directory, file.path)) for file in shards.files]


def _remove_index(directory: str, name: str) -> None:
    """The index of an older file goes before it does. Another program's stays, and so does what cannot be read."""
    index = os.path.join(directory, name) + INDEX_SUFFIX
    try:
        check_replaceable(index)
    except (IndexMismatchError, OSError):
        return
    for path in filter(os.path.lexists, (index, index + COMPANION_SUFFIX)):
        os.unlink(path)


def _rename(directory: str, old: str, new: str) -> None:
    os.replace(os.path.join(directory, old), os.path.join(directory, new))


def _unlink(directory: str, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, name))


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    """No other commit in the directory. The lock dies with the process; some network file systems have none."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(directory or os.curdir, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
