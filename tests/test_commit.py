"""commit, rollback, and readers of a directory with a manifest. Processes really die here."""

import errno
import json
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from damage import python_output
from hypothesis import given
from hypothesis import strategies as st
from ids import stable
from record_files import written

from tfrecord_lite import (
    RecordIndex,
    ShardedWriter,
    ShardError,
    ShardInfo,
    TFRecordError,
    TFRecordWriter,
    commit,
    count_records,
    plan_read,
    read_records,
    rollback,
)

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_workers_write_and_somebody_else_commits(tmp_path: Path) -> None:
    infos = written(tmp_path / "train", [b"a", b"b"], [], [b"c"])
    assert [Path(info.path).name[0] for info in infos] == ["."] * 3
    assert pickle.loads(pickle.dumps(infos)) == infos
    finals = commit(infos, tmp_path / "train")
    assert [info.path for info in finals] == [str(tmp_path / f"train-0000{n}-of-00003") for n in range(3)]
    assert [(info.records, info.bytes, info.checksum) for info in finals] == [
        (info.records, info.bytes, info.checksum) for info in infos
    ]
    assert names(tmp_path) == ["_MANIFEST.json", "_SUCCESS", *(f"train-0000{n}-of-00003" for n in range(3))]
    assert list(read_records(tmp_path)) == [b"a", b"b", b"c"]


def test_the_manifest_lists_the_set(tmp_path: Path) -> None:
    (final,) = commit(written(tmp_path / "train", [b"a", b"b"]), tmp_path / "train")
    manifest = json.loads((tmp_path / "_MANIFEST.json").read_text())
    assert manifest["format"] == "tfrecord_lite shards"
    assert manifest["version"] == 1
    assert manifest["sets"]["train"]["files"] == [
        {"name": "train-00000-of-00001", "records": 2, "bytes": 34, "checksum": final.checksum}
    ]


def test_a_second_commit_of_the_same_does_nothing(tmp_path: Path) -> None:
    infos = written(tmp_path / "train", [b"a"], [b"b"])
    finals = commit(infos, tmp_path / "train")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert commit(infos, tmp_path / "train") == finals
    assert commit(None, tmp_path / "train") == finals
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert rollback(tmp_path / "train") is False


def test_paths_are_looked_for_beside_the_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    infos = written(tmp_path / "train", [b"a"])
    elsewhere = [replace(info, path=f"/mnt/elsewhere/{Path(info.path).name}") for info in infos]
    monkeypatch.chdir(tmp_path)
    assert [info.path for info in commit(elsewhere, "train")] == ["train-00000-of-00001"]
    assert list(read_records(".")) == [b"a"]


@pytest.mark.parametrize(("old", "new"), [(3, 3), (3, 1), (1, 3)])
def test_after_a_commit_the_new_set_is_there_and_nothing_else_of_its_name(tmp_path: Path, old: int, new: int) -> None:
    for prefix, count in (("train", old), ("train-extra", 2), ("train", new)):
        commit(
            written(tmp_path / prefix, *([f"{prefix} {count} {n}".encode()] for n in range(count))), tmp_path / prefix
        )
    expected = [f"train-0000{n}-of-0000{new}" for n in range(new)]
    others = [f"train-extra-0000{n}-of-00002" for n in range(2)]
    assert names(tmp_path) == sorted(["_MANIFEST.json", "_SUCCESS", *expected, *others])
    assert list(read_records(tmp_path)) == [
        *(f"train {new} {n}".encode() for n in range(new)),
        *(f"train-extra 2 {n}".encode() for n in range(2)),
    ]


@pytest.mark.parametrize("count", [1, 2])
def test_the_indexes_of_the_older_set_go_with_it(tmp_path: Path, count: int) -> None:
    for final in commit(written(tmp_path / "train", [b"a"], [b"b"]), tmp_path / "train"):
        RecordIndex.build(final.path).save()
    (tmp_path / "train-00001-of-00002.idx").write_bytes(b"\1another program's")
    (tmp_path / "other.idx").write_bytes(b"0 17\n")
    commit(written(tmp_path / "train", *[[b"new"]] * count), tmp_path / "train")
    assert [name for name in names(tmp_path) if ".idx" in name] == [
        "other.idx",
        "train-00001-of-00002.idx",
        "train-00001-of-00002.idx.json",
    ]


def missing(infos: list[ShardInfo]) -> list[ShardInfo]:
    os.unlink(infos[1].path)
    return infos


def shorter(infos: list[ShardInfo]) -> list[ShardInfo]:
    os.truncate(infos[1].path, 3)
    return infos


@pytest.mark.parametrize("strange", ["victim", ".hidden.tmp", ".shard-", "_MANIFEST.json"])
def test_only_shards_that_were_written_for_it_are_committed(tmp_path: Path, strange: str) -> None:
    """Whatever infos say, no other file of the directory loses its name."""
    (info,) = written(tmp_path / "train", [b"a"])
    (tmp_path / strange).write_bytes(b"8 bytes.")
    before = snapshot(tmp_path)
    for others in ([], [info]):
        infos = [*others, ShardInfo(strange, 1, 8, 1)]
        with pytest.raises(ShardError, match=f"'{re.escape(strange)}' is no shard that waits for its commit"):
            commit(infos, tmp_path / "train")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("infos", [["a"], "a", [b"a"], [None]])
def test_infos_are_infos(tmp_path: Path, infos: Any) -> None:
    with pytest.raises(TypeError, match=r"infos are ShardInfos, not (str|bytes|NoneType)"):
        commit(infos, tmp_path / "train")


@pytest.mark.parametrize(
    ("damage", "error", "problem"),
    [
        (missing, FileNotFoundError, r"\.shard-"),
        (shorter, ShardError, r"\.shard-[\w-]+\.tmp: 3 bytes long, but 17 bytes were written"),
        (lambda infos: [*infos, infos[1]], ShardError, r"two infos are about the same file '\.shard-"),
        (lambda infos: [], ValueError, "one shard"),
        (lambda infos: [replace(infos[0], path="train-00000-of-00002")], ShardError, "was committed"),
        (lambda infos: [replace(infos[0], bytes=18)], ShardError, "17 bytes long, but 18"),
    ],
)
def test_what_cannot_be_committed_is_an_error_before_anything_is_renamed(
    tmp_path: Path, damage: Any, error: Any, problem: str
) -> None:
    commit(written(tmp_path / "train", [b"old"], [b"older"]), tmp_path / "train")
    infos = damage(written(tmp_path / "train", [b"a"], [b"b"]))
    before = snapshot(tmp_path)
    with pytest.raises(error, match=problem):
        commit(infos, tmp_path / "train")
    assert snapshot(tmp_path) == before
    assert list(read_records(tmp_path)) == [b"old", b"older"]


def test_there_must_be_something_to_finish(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no commit to finish"):
        commit(None, tmp_path / "train")


# Readers.


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    commit(written(tmp_path / "train", [b"a"], [b"b"]), tmp_path / "train")
    return tmp_path


def write(path: Path, *records: bytes) -> None:
    with TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)


@pytest.mark.parametrize("strange", ["b-00001-of-00002", "b-00000-of-00003"])
def test_a_directory_with_the_name_of_a_shard_stays_and_nothing_is_stuck(committed: Path, strange: str) -> None:
    (committed / strange).mkdir()
    (committed / strange / "precious").touch()
    infos = written(committed / "b", [b"c"], [b"d"])
    if strange.endswith("2"):
        with pytest.raises(IsADirectoryError, match="a directory has the name of a file") as caught:
            commit(infos, committed / "b")
        assert caught.value.filename == str(committed / strange)
        assert list(read_records(committed)) == [b"a", b"b"]
        shutil.rmtree(committed / strange)
        commit(infos, committed / "b")
    else:
        commit(infos, committed / "b")
        assert (committed / strange / "precious").exists()
    assert list(read_records(f"{committed}/b-*-of-00002")) == [b"c", b"d"]


def test_a_word_for_other_sets_that_is_none_is_refused(committed: Path) -> None:
    with pytest.raises(ValueError, match="others is 'keep', 'replace' or 'refuse', not 'repalce'"):
        commit(None, committed / "b", others="repalce")  # type: ignore[arg-type]


def test_of_the_names_of_a_set_the_listed_ones_are_read(committed: Path) -> None:
    for name in ("train-00000-of-00003", "train-000000-of-000001", ".train-00000-of-00003"):
        write(committed / name, b"not data")
    assert list(read_records(committed)) == [b"a", b"b"]


def test_files_of_other_names_are_data_beside_a_set(committed: Path) -> None:
    for name in ("a.tfrecord", "train-extra-00000-of-00001", "train-00000-of-00001.tfrecord", "zz"):
        write(committed / name, name.encode())
    for name in (".hidden", "_hidden", "a.tfrecord.idx", "a.tfrecord.idx.json"):
        write(committed / name, b"not data")
    assert list(read_records(committed)) == [
        b"a.tfrecord",
        b"train-00000-of-00001.tfrecord",
        b"a",
        b"b",
        b"train-extra-00000-of-00001",
        b"zz",
    ]
    assert sum(map(len, plan_read(committed, 3))) == 6


def test_a_listed_file_that_is_missing_is_an_error_with_its_name(committed: Path) -> None:
    path = committed / "train-00001-of-00002"
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"_MANIFEST\.json lists this shard.*train-00001-of-00002") as caught:
        read_records(committed)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))


def test_a_listed_file_of_another_size_is_an_error_with_its_name(committed: Path) -> None:
    (committed / "train-00001-of-00002").write_bytes(b"")  # a sound file of no records
    with pytest.raises(
        ShardError, match=r"train-00001-of-00002: 0 bytes long, but 17 bytes were written.*a glob"
    ) as caught:
        count_records(committed)
    assert caught.value.path == str(committed / "train-00001-of-00002")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert list(read_records(f"{committed}/train-*")) == [b"a"]


def test_a_manifest_without_files_is_no_data_set(committed: Path) -> None:
    for path in committed.glob("train-*"):
        path.unlink()
    (committed / "_MANIFEST.json").write_text('{"format": "tfrecord_lite shards", "version": 1, "sets": {}}')
    with pytest.raises(FileNotFoundError, match="no data files"):
        read_records(committed)


FILE = '{"name": "train-00000-of-00002", "records": 1, "bytes": 17, "checksum": 0}'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"format": "tfrecord_lite shards", "version": 2, "sets": {}}',
        b'{"format": "another", "version": 1, "sets": {}}',
        b'{"format": "tfrecord_lite shards", "version": 1, "sets": []}',
        b'{"format": "tfrecord_lite shards", "version": 1, "sets": {"train": 3}}',
        b'{"format": "tfrecord_lite shards", "version": 1, "sets": {"train": {"id": 3, "files": []}}}',
        b'{"format": "tfrecord_lite shards", "version": 1, "sets": {"train": {"id": "a", "files": [3]}}}',
        *(
            b'{"format": "tfrecord_lite shards", "version": 1, "sets": {"train": {"id": "a", "files": [%s]}}}' % file
            for file in (
                FILE.replace("train-", "../train-").encode(),
                FILE.replace("train-00000-of-00002", "..").encode(),
                FILE.replace("train-00000-of-00002", "").encode(),
                FILE.replace("train-00000-of-00002", "a\\u0000b").encode(),
                FILE.replace("17", "-17").encode(),
                FILE.replace("17", "17.0").encode(),
                FILE.replace("17", "true").encode(),
                FILE.replace("17", "null").encode(),
                FILE.replace("bytes", "size").encode(),
            )
        ),
    ],
    ids=stable,
)
def test_a_manifest_that_is_none_is_an_error_with_its_path(committed: Path, text: bytes) -> None:
    (committed / "_MANIFEST.json").write_bytes(text)
    for use in (read_records, lambda path: commit(None, path / "train"), lambda path: plan_read(path, 2)):
        with pytest.raises(ShardError, match=r"_MANIFEST\.json: not a manifest"):
            use(committed)


@given(st.binary(max_size=50) | st.text(max_size=50).map(str.encode))
def test_any_bytes_as_a_manifest_raise_our_error(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / "_MANIFEST.json").write_bytes(text)
    with pytest.raises(TFRecordError):
        read_records(directory)


# Crashes.

#: Dies at the n-th step that changes the directory, before it or after it.
DYING = """
import os, signal, sys

def dying_steps(limit, after):
    count = 0
    def dying(step):
        def patched(*arguments, **options):
            nonlocal count
            count += 1
            if count == limit and not after: os.kill(os.getpid(), signal.SIGKILL)
            step(*arguments, **options)
            if count == limit: os.kill(os.getpid(), signal.SIGKILL)
        return patched
    for name in ("replace", "unlink", "fsync"):
        setattr(os, name, dying(getattr(os, name)))
"""

CRASHES = (
    DYING
    + """
import pickle, shutil
from pathlib import Path
import tfrecord_lite as tfr
base, work = map(Path, sys.argv[1:])
infos = pickle.loads((base / "infos").read_bytes())
for after in (False, True):
    for limit in range(1, 1000):
        directory = work / f"{limit:03}-{after}"
        shutil.copytree(base / "data", directory)
        child = os.fork()
        if not child:
            dying_steps(limit, after)
            tfr.commit(infos, directory / "train")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not status:
            assert limit > 20
            shutil.rmtree(directory)
            break
        assert os.WIFSIGNALED(status)
"""
)

needs_signals = pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ShardInfo]]:
    """One directory for each moment at which a commit can die: five shards take the place of three and of a stray."""
    base = tmp_path_factory.mktemp("base")
    work = tmp_path_factory.mktemp("crashes")
    data = base / "data"
    data.mkdir()
    commit(written(data / "train", *([f"old {n}".encode()] for n in range(3))), data / "train")
    commit(written(data / "val", [b"val"]), data / "val")
    with TFRecordWriter(data / "train-00002-of-00005") as writer:  # of somebody else's, and in the way
        writer.write(b"stray")
    infos = written(data / "train", *([f"new {n}".encode()] for n in range(5)))
    (base / "infos").write_bytes(pickle.dumps(infos))
    python_output(CRASHES, base, work)
    return work, infos


OLD = [*(f"old {n}".encode() for n in range(3)), b"val"]
NEW = [*(f"new {n}".encode() for n in range(5)), b"val"]


def copies(crashes: tuple[Path, list[ShardInfo]], target: Path) -> Iterator[tuple[Path, list[ShardInfo], bool]]:
    """(directory, infos, whether the new manifest was in place)."""
    work, infos = crashes
    directories = sorted(work.iterdir())
    assert len(directories) >= 40
    for number, directory in enumerate(directories):
        copy = target / str(number)
        shutil.copytree(directory, copy)
        manifest = json.loads((copy / "_MANIFEST.json").read_text())
        yield copy, infos, len(manifest["sets"]["train"]["files"]) == 5


def check_new(directory: Path) -> None:
    assert list(read_records(directory)) == NEW
    expected = ["_MANIFEST.json", "_SUCCESS", *(f"train-0000{n}-of-00005" for n in range(5)), "val-00000-of-00001"]
    assert [name for name in names(directory) if not name.startswith(".writing-")] == expected


@needs_signals
def test_whoever_reads_after_a_crash_gets_a_whole_set_or_an_error(crashes: Any, tmp_path: Path) -> None:
    outcomes = set()
    for directory, _, is_new in copies(crashes, tmp_path):
        if any(name.startswith("_PLAN-") for name in names(directory)):
            with pytest.raises(ShardError, match=r"_PLAN-.*of shards 'train' is .*or commit\(None, prefix\)"):
                read_records(directory)
            outcomes.add("error")
        else:
            assert list(read_records(directory)) == (NEW if is_new else OLD)
            outcomes.add("new" if is_new else "old")
            assert (directory / "_SUCCESS").exists()
    assert outcomes == {"old", "error", "new"}


@needs_signals
def test_success_is_marked_when_there_is_nothing_left_to_do_to_the_data(crashes: Any, tmp_path: Path) -> None:
    for directory, _, is_new in copies(crashes, tmp_path):
        if (directory / "_SUCCESS").exists():
            for number in range(5 if is_new else 3):
                name = f"train-0000{number}-of-0000{5 if is_new else 3}"
                content = next(read_records(directory / name))
                assert content == f"{'new' if is_new else 'old'} {number}".encode()


@needs_signals
@pytest.mark.parametrize("knows", ["infos", "nothing"])
def test_commit_goes_on_after_a_crash(crashes: Any, tmp_path: Path, knows: str) -> None:
    for directory, infos, is_new in copies(crashes, tmp_path):
        is_begun = is_new or any(name.startswith("_PLAN-") for name in names(directory))
        if knows == "nothing" and not is_begun:
            assert commit(None, directory / "train")[0].path.endswith("train-00000-of-00003")
            continue
        commit(infos if knows == "infos" else None, directory / "train")
        check_new(directory)


@needs_signals
def test_a_crash_can_be_undone(crashes: Any, tmp_path: Path) -> None:
    for directory, infos, is_new in copies(crashes, tmp_path):
        is_begun = any(name.startswith("_PLAN-") for name in names(directory))
        assert rollback(directory / "train", [replace(infos[0], records=77)]) is False
        assert rollback(directory / "train", infos) is (is_begun and not is_new)
        if is_new:
            check_new(directory)
        else:
            assert list(read_records(directory)) == OLD
            assert next(read_records(directory / "train-00002-of-00005")) == b"stray"
            assert (directory / "_SUCCESS").exists()
            left = [name for name in names(directory) if name.startswith(".shard-")]
            assert len(left) == (0 if is_begun else 5)
        assert not [name for name in names(directory) if name.startswith((".old-", "_PLAN-"))]


@needs_signals
def test_a_rerun_after_a_crash_succeeds(crashes: Any, tmp_path: Path) -> None:
    for directory, _, _ in copies(crashes, tmp_path):
        with ShardedWriter(directory / "train", num_shards=2) as writer:
            for record in (b"a", b"b", b"c"):
                writer.write(record)
        assert list(read_records(directory)) == [b"a", b"c", b"b", b"val"]
        assert len(list(directory.glob("train-*"))) == 2


@needs_signals
def test_tensorflow_never_sees_a_temporary_file(crashes: Any, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    for directory, _, _ in copies(crashes, tmp_path):
        for pattern in ("train*", "*.tfrecord*", "*-of-*"):
            for path in tf.io.gfile.glob(str(directory / pattern)):
                assert Path(path).name.startswith(("train-0000", "val-0000"))


#: Undoing, too, can die at any moment, and then be done again or given up for going on.
UNDOING = (
    DYING
    + """
import pickle, shutil
from pathlib import Path
import tfrecord_lite as tfr
crashed, work = map(Path, sys.argv[1:])
for limit in range(1, 1000):
    directory = work / f"{limit:03}"
    shutil.copytree(crashed, directory)
    child = os.fork()
    if not child:
        dying_steps(limit, False)
        tfr.rollback(directory / "train")
        os._exit(0)
    if not os.waitpid(child, 0)[1]:
        shutil.rmtree(directory)
        break
"""
)


@needs_signals
@pytest.mark.parametrize("then", ["rollback", "commit"])
def test_undoing_can_be_interrupted(crashes: Any, tmp_path: Path, then: str) -> None:
    states = sorted(crashes[0].iterdir())
    older = (states[0] / "_MANIFEST.json").read_bytes()
    begun = [path for path in states if any(name.startswith(".old-") for name in names(path))]
    python_output(UNDOING, [path for path in begun if (path / "_MANIFEST.json").read_bytes() == older][-1], tmp_path)
    directories = sorted(tmp_path.iterdir())
    assert len(directories) > 5
    for directory in directories:
        has_plan = any(name.startswith("_PLAN-") for name in names(directory))
        if then == "rollback":
            assert rollback(directory / "train") is has_plan
        elif has_plan:
            commit(crashes[1], directory / "train")
            check_new(directory)
            continue
        assert list(read_records(directory)) == OLD


ENDLESS = """
import itertools, sys, tfrecord_lite as tfr
prefix = sys.argv[1]
for turn in itertools.count():
    with tfr.ShardedWriter(prefix, num_shards=20 + turn % 2 * 10) as writer:
        for number in range(60): writer.write(b"%d" % turn)
    print(turn, flush=True)
"""


@needs_signals
def test_a_process_that_is_killed_at_any_moment_leaves_whole_sets(tmp_path: Path) -> None:
    generator = random.Random(7)
    prefix = tmp_path / "train"
    interrupted = 0
    for _ in range(12):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", ENDLESS, str(prefix)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            turns = [int(process.stdout.readline())]
            time.sleep(generator.random() * 0.2)
            process.send_signal(signal.SIGKILL)
            turns += map(int, process.stdout)
        try:
            records = list(read_records(tmp_path))
        except ShardError:
            interrupted += 1
            commit(None, prefix)
            records = list(read_records(tmp_path))
        (turn,) = set(records)
        assert turns[-1] <= int(turn) <= turns[-1] + 1
        assert len(records) == 60
        assert len(list(tmp_path.glob("train-*"))) == 20 + int(turn) % 2 * 10
    hidden = [name for name in names(tmp_path) if name.startswith(".")]
    assert not [name for name in hidden if name.startswith(".old-")]


def test_an_error_in_the_middle_of_publishing_leaves_what_was_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(written(tmp_path / "train", [b"old"], [b"older"]), tmp_path / "train")
    before = snapshot(tmp_path)
    steps = 0

    def failing(old: str, new: str, rename: Any = os.replace) -> None:
        nonlocal steps
        steps -= 1
        if steps == 0:
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "replace", failing)
    for limit in range(1, 7):  # the plan, two away, two new ones, the manifest
        writer = ShardedWriter(tmp_path / "train", num_shards=2)
        writer.write(b"new")
        steps = limit
        with pytest.raises(KeyboardInterrupt):
            writer.close()
        assert snapshot(tmp_path) == before


# Many.


def test_five_thousand_shards_are_committed(tmp_path: Path) -> None:
    (info,) = written(tmp_path / "train", [b"a"])
    infos = []
    for number in range(5000):
        path = tmp_path / f".shard-{number}.tmp"
        os.link(info.path, path)
        infos.append(replace(info, path=str(path)))
    os.unlink(info.path)
    commit(infos, tmp_path / "train")
    assert sum(1 for _ in tmp_path.glob("train-*-of-05000")) == 5000
    assert len(names(tmp_path)) == 5002
    parts = plan_read(tmp_path, 7)
    assert sorted(map(len, parts)) == [714] * 5 + [715] * 2
