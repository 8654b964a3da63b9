"""Errors of the system behind the manifest: the set is there, and whoever is told of the error is told that, too."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from published import unreachable
from record_files import written

import tfrecord_lite as tfr
from tfrecord_lite import PublishedError, ShardedWriter, UncertainCommitError, commit, read_records, rollback
from tfrecord_lite.files import remote
from tfrecord_lite.files.options import TFRecordOptions
from tfrecord_lite.files.resumption import ResumableShards

PROBLEM = r"published; only what is behind that is left.*nothing is to be written again \(.*No space left"
OLD, NEW = [b"old 0", b"old 1"], [b"new 0", b"new 1", b"new 2"]
AFTER = ["_MANIFEST.json", "_SUCCESS", *(f"train-0000{n}-of-00003" for n in range(3))]


@contextmanager
def failing(manifest: Path, number: int) -> Iterator[list[str]]:
    """The step of this number fails, counted from the one that puts a new manifest in its place; the steps that were.

    A step of number 0 is the sync of the directory in which the manifest is already.
    """
    steps: list[str] = []
    before = manifest.read_bytes() if manifest.exists() else b""

    def patched(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if manifest.exists() and manifest.read_bytes() != before:
                steps.append(f"{name} {arguments[0]}")
                if len(steps) == number + 1:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return step(*arguments, **options)

        return run

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "unlink", "fsync"):
            patch.setattr(os, name, patched(name, getattr(os, name)))
        yield steps


def every_failure(directory: Path, run: Callable[[Path], None]) -> Iterator[Path]:
    """A directory for each step that can fail, when it has."""
    for number in range(100):
        place = directory / str(number)
        place.mkdir()
        commit(written(place / "train", *[[record] for record in OLD]), place / "train")
        error = None
        with failing(place / "_MANIFEST.json", number) as steps:
            try:
                run(place)
            except PublishedError as raised:
                error = raised
        if error is None:
            assert len(steps) == number >= 4
            return
        assert re.search(PROBLEM, str(error))
        assert error.path == str(place / "train")
        assert isinstance(error.__cause__, OSError)
        yield place


def full(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def publish(place: Path) -> None:
    commit(written(place / "train", *[[record] for record in NEW]), place / "train")


def visible(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_an_error_behind_the_manifest_says_that_the_set_is_published(tmp_path: Path) -> None:
    infos = {}

    def run(place: Path) -> None:
        infos[place] = written(place / "train", *[[record] for record in NEW])
        commit(infos[place], place / "train")

    for number, place in enumerate(every_failure(tmp_path, run)):
        if number % 3 == 2:
            rollback(place / "train")
        else:
            commit(infos[place] if number % 3 else None, place / "train")
        assert list(read_records(place)) == NEW
        assert visible(place) == AFTER


def test_an_error_while_a_rollback_finishes_says_so_too(tmp_path: Path) -> None:
    for place in every_failure(tmp_path, publish):
        if not list(place.glob("_PLAN-*")):
            continue
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "unlink", full)
            with pytest.raises(PublishedError, match=PROBLEM):
                rollback(place / "train")


def test_another_set_that_cannot_be_finished_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    for place in every_failure(tmp_path, publish):
        if not list(place.glob("_PLAN-*")):
            continue
        infos = written(place / "other", [b"other"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "unlink", full)
            with pytest.raises(OSError, match="No space left"):
                commit(infos, place / "other", others="replace")
        commit(infos, place / "other", others="replace")
        assert list(read_records(place)) == [b"other"]


def test_a_writer_whose_set_is_published_says_so(tmp_path: Path) -> None:
    def run(place: Path) -> None:
        with ShardedWriter(place / "train", num_shards=3) as writer:
            for record in NEW:
                writer.write(record)

    for place in every_failure(tmp_path, run):
        assert list(read_records(place)) == NEW  # it has gone on by itself
        run(place)
        assert visible(place) == AFTER


def test_shards_of_a_long_job_that_are_published_are_not_made_again(tmp_path: Path) -> None:
    made = []

    def encode(number: int) -> bytes:
        made.append(number)
        return NEW[number]

    def run(place: Path) -> None:
        with ResumableShards(place / "train", "job", 3, 3, 1 << 20, TFRecordOptions()) as shards:
            shards.write(range(3), encode, workers=0)
            shards.publish()

    for place in every_failure(tmp_path, run):
        before = len(made)
        run(place)
        assert len(made) - before in (0, 3)  # without a journal nobody knows of it
        assert list(read_records(place)) == NEW
        assert visible(place) == AFTER


def test_behind_a_url_the_answer_that_a_manifest_is_written_may_be_lost(memory: str, monkeypatch: Any) -> None:
    infos = written(f"{memory}/train", *[[record] for record in NEW])

    def lost(url: str, data: bytes) -> None:
        remote.write_bytes(url, data)
        if url.endswith("_MANIFEST.json"):
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), url)

    with monkeypatch.context() as patch:
        patch.setattr("tfrecord_lite.files.remote_directory.write_bytes", lost)
        with pytest.raises(PublishedError, match="timed out"):
            commit(infos, f"{memory}/train")
    with pytest.raises(tfr.ShardError, match="under way or was interrupted"):
        read_records(memory)
    commit(infos, f"{memory}/train")
    assert list(read_records(memory)) == NEW


PERHAPS = r"^memory://data/train: perhaps published: .*before anything is written again"


@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.parametrize("then", ["commit", "commit without infos", "roll back"])
def test_a_server_that_is_gone_with_the_manifest_leaves_it_open_whether_the_set_is_there(
    memory: str, monkeypatch: pytest.MonkeyPatch, is_written: bool, then: str
) -> None:
    commit(written(f"{memory}/train", OLD), f"{memory}/train")
    infos = written(f"{memory}/train", *[[record] for record in NEW])
    with unreachable(monkeypatch, is_written), pytest.raises(UncertainCommitError, match=PERHAPS) as caught:
        commit(infos, f"{memory}/train")
    assert not isinstance(caught.value, PublishedError)
    assert isinstance(caught.value.__cause__, TimeoutError)
    with pytest.raises(tfr.ShardError, match="under way or was interrupted"):
        read_records(memory)
    if then == "roll back":
        assert rollback(f"{memory}/train") is not is_written
    else:
        commit(infos if then == "commit" else None, f"{memory}/train")
    assert list(read_records(memory)) == (OLD if then == "roll back" and not is_written else NEW)


@pytest.mark.parametrize("is_written", [True, False])
def test_a_writer_whose_server_is_gone_says_so_and_a_commit_tells(
    memory: str, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    def run() -> None:
        with ShardedWriter(f"{memory}/train", num_shards=1) as writer:
            for record in NEW:
                writer.write(record)

    with unreachable(monkeypatch, is_written), pytest.raises(UncertainCommitError, match=PERHAPS):
        run()
    commit(None, f"{memory}/train")
    assert list(read_records(memory)) == NEW


@pytest.mark.parametrize("is_written", [True, False])
def test_shards_of_a_long_job_of_which_that_is_not_known_are_not_made_again(
    memory: str, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    made = []

    def encode(number: int) -> bytes:
        made.append(number)
        return NEW[number]

    def run() -> None:
        with ResumableShards(f"{memory}/train", "job", 3, 3, 1 << 20, TFRecordOptions()) as shards:
            shards.write(range(3), encode, workers=0)
            shards.publish()

    for _ in range(1 if is_written else 2):  # it goes on where it was, and the server is gone again
        with unreachable(monkeypatch, is_written), pytest.raises(UncertainCommitError):
            run()
    run()
    assert len(made) == 3
    assert list(read_records(memory)) == NEW


def test_a_manifest_that_was_not_written_is_no_published_set(tmp_path: Path, monkeypatch: Any) -> None:
    commit(written(tmp_path / "train", OLD), tmp_path / "train")
    before = json.loads((tmp_path / "_MANIFEST.json").read_text())
    infos = written(tmp_path / "train", NEW)

    def replace(old: str, new: str, replace: Any = os.replace) -> None:
        (full if os.path.basename(new) == "_MANIFEST.json" else replace)(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(OSError, match="No space left"):
            commit(infos, tmp_path / "train")
    assert rollback(tmp_path / "train") is True
    assert json.loads((tmp_path / "_MANIFEST.json").read_text()) == before
    assert list(read_records(tmp_path)) == OLD


@pytest.mark.parametrize("what", ["the directory", "hidden shards"])
def test_what_goes_on_failing_does_not_hide_it(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(written(tmp_path / "train", *[[record] for record in OLD]), tmp_path / "train")
    manifest = tmp_path / "_MANIFEST.json"
    before = manifest.read_bytes()
    for name in ("open", "unlink"):
        monkeypatch.setattr(
            os, name, refusing(getattr(os, name), tmp_path, what, lambda: manifest.read_bytes() != before)
        )
    with pytest.raises(PublishedError, match="nothing is to be written again"):
        write(tmp_path / "train", NEW)
    monkeypatch.undo()
    commit(None, tmp_path / "train")
    assert list(read_records(tmp_path)) == NEW
    write(tmp_path / "train", NEW)
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def test_a_commit_that_can_do_nothing_leaves_its_files_to_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "train", OLD)
    monkeypatch.setattr(os, "open", refusing(os.open, tmp_path, "the directory", lambda: True))
    with pytest.raises(OSError, match="Input/output error") as caught:
        write(tmp_path / "train", NEW)
    monkeypatch.undo()
    assert not isinstance(caught.value, PublishedError)
    assert list(read_records(tmp_path)) == OLD
    write(tmp_path / "train", NEW)
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def write(prefix: Path, records: list[bytes]) -> None:
    with ShardedWriter(prefix, num_shards=1) as writer:
        for record in records:
            writer.write(record)


def refusing(call: Callable[..., Any], directory: Path, what: str, is_now: Callable[[], bool]) -> Callable[..., Any]:
    """The same, but an error each time for the directory itself, or for the hidden shards in it."""

    def run(path: Any, *arguments: Any, **options: Any) -> Any:
        name = os.path.basename(path)
        is_meant = os.path.abspath(path) == str(directory) if what == "the directory" else name.startswith(".shard-")
        if is_meant and (call.__name__ == "unlink" or what == "the directory") and is_now():
            raise OSError(errno.EIO, "Input/output error", path)
        return call(path, *arguments, **options)

    return run
