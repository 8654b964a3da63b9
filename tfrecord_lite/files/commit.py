"""commit, rollback: a set of shards appears whole or not at all.

Workers anywhere write shards under hidden names of their own and tell of them by ShardInfo; whoever has all infos calls
`commit`:

    1  all temporary files are there and have their sizes    else an error, and nothing has changed
    2  _PLAN-....json                                         from here on readers of the directory get an error
    3  _SUCCESS goes
    4  the older files whose names are needed are renamed away, the temporary files get their names
    5  _MANIFEST.json                                         from here on the new set is there
    6  older files go, _SUCCESS comes, the plan goes

After a crash anywhere, `commit` with the same infos, or with None in a process that has none, goes on where it was.
An error up to step 5 says that the set is not there, and in step 6 that it is: PublishedError. Where step 5 fails, and
its outcome cannot be looked at, it says that: UncertainCommitError. `rollback` brings back what was there before, up to
step 5; after it, it finishes. A commit of other infos for the same prefix first rolls back what it finds unfinished.
After success a further commit of the same infos does nothing.

Afterwards exactly the new set is there: whatever else was named `prefix-NNNNN-of-NNNNN` is gone, with its index. Sets
of other prefixes in the same directory stay, unless they are to go: then they are in the plan, and go with step 6.
Commits in one directory wait for each other where the system has flock.

The same behind a URL, where renaming is copying, which the server does, and deleting: for a moment a file has two
names. Object stores have no locks, so that there one process at a time commits in a directory.

A crash is the death of a process. The data themselves are not synced: a power cut may take shards that were just
written, and then their sizes are not those of the manifest, which commit and readers check.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Literal

from tfrecord_lite.errors import IndexMismatchError, ShardError, printable
from tfrecord_lite.files.directory import Directory, open_directory, split_path
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
    plan_name,
    save_manifest,
    save_plan,
)
from tfrecord_lite.files.paths import COMPANION_SUFFIX, INDEX_SUFFIX, MANIFEST
from tfrecord_lite.files.published import cleaning_up, published, uncertain
from tfrecord_lite.files.shards import HIDDEN_SHARD, ShardInfo, check_prefix, shard_name, shard_pattern


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
        IsADirectoryError: a directory has the name of a shard.
        ShardError: a file has another size than its info says, or is none that a ShardedWriter left to be committed; or
            two infos are about the same file.
        PublishedError: the set is there, and an OSError came behind that; commit again finishes it.
        UncertainCommitError: whether the set is there is not known; commit again finishes it.
        TypeError: what is given for an info is none.
        ValueError: there are no infos, the prefix is none, or `others` is another word.
    """
    if others not in ("keep", "replace", "refuse"):
        raise ValueError(f"others is 'keep', 'replace' or 'refuse', not {others!r}")
    directory, name = _parts(prefix)
    wanted = None if infos is None else _plan(list(infos), name)
    with directory.locked():
        sets = load_manifest(directory) or {}
        plan = load_plan(directory, name)
        if wanted is None and plan is None and name not in sets:
            raise FileNotFoundError(errno.ENOENT, "no commit to finish", directory.join(name))
        if plan is None and name in sets and (wanted is None or sets[name].id == wanted.shards.id):
            return _finals(directory, sets[name])
        if wanted is not None and (plan is None or plan.shards.id != wanted.shards.id):
            if others == "refuse" and sets:
                raise FileExistsError(errno.EEXIST, "the directory holds shards already", directory.path)
            present = directory.sizes()
            directory.check_names(file.path for file in wanted.shards.files)
            _check_sizes(directory, wanted, {name: present[name] for name in wanted.temporaries if name in present})
            for other, unfinished in open_plans(directory).items() if others != "keep" else [(name, plan)]:
                if unfinished is not None:
                    _end(directory, other, unfinished, sets)
            dropped = sorted(set(sets) - {name}) if others == "replace" else []
            plan = replace(wanted, replaced=_replaced(directory, wanted.shards), dropped=dropped)
            save_plan(directory, name, plan)
        assert plan is not None
        present = directory.sizes()
        if not _is_listed(plan, name, sets):
            _publish(directory, name, plan, sets, present)
        with cleaning_up(directory.join(name)):
            _clean_up(directory, name, plan, sets, present)
        return _finals(directory, plan.shards)


def rollback(prefix: Any, infos: Iterable[ShardInfo] | None = None) -> bool:
    """Undo a commit that was interrupted: the older set is back, the shards of the new one are deleted.

    Args:
        prefix: as it was given to `commit`.
        infos: undo a commit of just these shards; None undoes any.

    Returns:
        Whether there was one to undo. Where the new manifest is in place already, the commit is finished instead.

    Raises:
        PublishedError: the new manifest is in place, and an OSError came while the commit was finished.
    """
    directory, name = _parts(prefix)
    with directory.locked():
        plan = load_plan(directory, name)
        if plan is None or (infos is not None and _plan(list(infos), name).shards.id != plan.shards.id):
            return False
        sets = load_manifest(directory) or {}
        with cleaning_up(directory.join(name)) if _is_listed(plan, name, sets) else contextlib.nullcontext():
            return _end(directory, name, plan, sets)


def _parts(prefix: Any) -> tuple[Directory, str]:
    """(directory, name) of a prefix."""
    directory, name = split_path(check_prefix(prefix))
    return open_directory(directory), name


def _plan(infos: list[ShardInfo], name: str) -> Plan:
    """What is to become of shards, wherever they are; what is replaced is not known yet."""
    if not infos:
        raise ValueError("a set has one shard at least")
    for info in infos:
        if not isinstance(info, ShardInfo):
            raise TypeError(f"infos are ShardInfos, not {type(info).__name__}")
    temporaries = [split_path(info.path)[1] for info in infos]
    if len(set(temporaries)) < len(temporaries):
        twice = Counter(temporaries).most_common(1)[0][0]
        raise ShardError(f"two infos are about the same file '{printable(twice)}'")
    pattern = shard_pattern(name)
    for temporary in temporaries:
        if pattern.fullmatch(temporary):
            raise ShardError(f"'{printable(temporary)}' has the name of a shard that was committed")
        if not HIDDEN_SHARD.fullmatch(temporary):  # or whatever file an info names would lose its own name
            raise ShardError(f"'{printable(temporary)}' is no shard that waits for its commit")
    files = [replace(info, path=shard_name(name, number, len(infos))) for number, info in enumerate(infos)]
    digest = hashlib.blake2b(digest_size=8)
    for temporary, file in zip(temporaries, files, strict=True):
        digest.update(f"{file!r} {temporary!r}\n".encode())
    return Plan(ShardSet(digest.hexdigest(), files), temporaries, {}, [])


def _replaced(directory: Directory, shards: ShardSet) -> dict[str, str]:
    present = directory.sizes()
    older = sorted(file.path for file in shards.files if file.path in present)
    return {name: f".old-{shards.id}-{number}.tmp" for number, name in enumerate(older)}


def _check_sizes(directory: Directory, plan: Plan, present: dict[str, int]) -> None:
    """Raise FileNotFoundError or ShardError unless each file is there as it was written, or has its name already."""
    for temporary, file in _files(plan):
        name = file.path if temporary not in present and file.path in present else temporary
        path = directory.join(name)
        if name not in present:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        check_size(path, present[name], file.bytes)


def _publish(directory: Directory, name: str, plan: Plan, sets: dict[str, ShardSet], present: dict[str, int]) -> None:
    """From wherever a plan is up to the manifest, which is then `sets`."""
    _check_sizes(directory, plan, present)
    kept = {final: older for final, older in plan.replaced.items() if final in present or older in present}
    if kept != plan.replaced:  # somebody has removed an older file since
        plan = replace(plan, replaced=kept)
        save_plan(directory, name, plan)
    directory.remove([SUCCESS])
    finals = {temporary: file.path for temporary, file in _files(plan) if temporary in present}
    in_the_way = set(finals.values())
    directory.rename({final: older for final, older in kept.items() if final in in_the_way and older not in present})
    directory.rename(finals)
    for other in plan.dropped:
        sets.pop(other, None)
    sets[name] = plan.shards
    try:
        save_manifest(directory, sets)
    except OSError as error:  # which may have come when it was there: say, the answer of a server was lost
        try:
            is_there = _is_listed(plan, name, load_manifest(directory) or {})
        except (OSError, ShardError) as another:
            raise uncertain(directory.join(name), error, another) from error
        if is_there:
            raise published(directory.join(name), error) from error
        raise


def _clean_up(directory: Directory, name: str, plan: Plan, sets: dict[str, ShardSet], present: dict[str, int]) -> None:
    """From the manifest to the end of a plan."""
    names = {file.path for entry in sets.values() for file in entry.files}
    patterns = [shard_pattern(prefix) for prefix in (name, *plan.dropped)]
    others = [each for each in present if each not in names and any(pattern.fullmatch(each) for pattern in patterns)]
    _remove_indexes(directory, [*plan.replaced, *others], present)
    directory.remove([*plan.replaced.values(), *others])
    _remove_plan(directory, name, {MANIFEST, *present})


def _is_listed(plan: Plan, name: str, sets: dict[str, ShardSet]) -> bool:
    """Whether the set of a plan is in the manifest."""
    return name in sets and sets[name].id == plan.shards.id


def _end(directory: Directory, name: str, plan: Plan, sets: dict[str, ShardSet]) -> bool:
    """Undo a plan, or finish it where its set is in the manifest already; whether it was undone.

    Every step may be the last one before a crash, and either of doing and undoing goes on from there.
    """
    present = directory.sizes()
    if _is_listed(plan, name, sets):
        _clean_up(directory, name, plan, sets, present)
        return False
    older = {waiting: final for final, waiting in plan.replaced.items() if waiting in present}
    kept = set(plan.replaced) - set(older.values())  # the older files that were not moved
    back, copies = {}, []
    for temporary, file in _files(plan):
        if temporary not in present and file.path in present and file.path not in kept:
            back[file.path] = temporary
        elif file.path not in plan.replaced and present.get(file.path) == file.bytes:
            copies.append(file.path)  # made where renaming is copying: only the file under the old name was to go
    directory.rename(back)  # so that it can still be told which is which, whoever goes on
    directory.rename(older)
    directory.remove(copies)
    _remove_plan(directory, name, present)
    directory.remove(plan.temporaries)
    return True


def _files(plan: Plan) -> Iterable[tuple[str, ShardInfo]]:
    """(present name, what it is to be) of each file."""
    return zip(plan.temporaries, plan.shards.files, strict=True)


def _remove_plan(directory: Directory, name: str, present: Collection[str]) -> None:
    """The end of a plan, and the mark of success where no other is open."""
    own = plan_name(name)
    if MANIFEST in present and not any(is_plan(other) and other != own for other in present):
        directory.write(SUCCESS, b"")
    directory.remove([own])


def _finals(directory: Directory, shards: ShardSet) -> list[ShardInfo]:
    return [replace(file, path=directory.join(file.path)) for file in shards.files]


def _remove_indexes(directory: Directory, names: Iterable[str], present: Collection[str]) -> None:
    """The indexes of older files go before those do. Another program's stay, and so does what cannot be read."""
    indexes = []
    for index in (name + INDEX_SUFFIX for name in names):
        pair = [each for each in (index, index + COMPANION_SUFFIX) if each in present]
        with contextlib.suppress(IndexMismatchError, OSError):
            if pair:
                check_replaceable(directory.join(index))
                indexes += pair
    directory.remove(indexes)
