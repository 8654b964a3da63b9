"""What is open is neither deleted nor renamed where there are no locks: on Windows neither can be done."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.convert import convert
from tfrecord_lite.files import claims, directory, journal_file
from tfrecord_lite.files.claims import Claim
from tfrecord_lite.files.resumption import ResumableShards
from tfrecord_lite.files.streams import publish
from tfrecord_lite.files.temporary import TemporaryPath

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")


def is_open(path: Any) -> bool:
    names = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return os.path.realpath(path) in [os.readlink(name) for name in names if os.path.lexists(name)]


def refusing(change: Callable[..., None]) -> Callable[..., None]:
    def changed(*paths: Any) -> None:
        for path in paths:
            if is_open(path):
                raise PermissionError(13, "the file is used by another process", path)
        change(*paths)

    return changed


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (claims, directory, journal_file):
        monkeypatch.setattr(module, "fcntl", None)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for name in ("unlink", "replace", "rename"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


def write(path: Path, record: bytes, *more: Any, **options: Any) -> None:
    with tfr.TFRecordWriter(path, *more, **options) as writer:
        writer.write(record)


def write_and_fail(path: Path, **options: Any) -> None:
    with contextlib.suppress(KeyError), tfr.TFRecordWriter(path, **options) as writer:
        writer.write(b"lost")
        raise KeyError


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_a_file_is_published_replaced_and_discarded(tmp_path: Path, compression: str) -> None:
    write(tmp_path / "a", b"first", compression, index=not compression)
    write(tmp_path / "a", b"second", compression, index=not compression)
    write_and_fail(tmp_path / "a")
    assert list(tfr.read_records(tmp_path / "a")) == [b"second"]
    assert {path.name for path in tmp_path.iterdir()} <= {"a", "a.idx", "a.idx.json"}


@pytest.mark.usefixtures("windows")
def test_an_append_goes_on_or_leaves_nothing(tmp_path: Path) -> None:
    write_and_fail(tmp_path / "a", mode="a")
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "a", b"first", mode="a")
    write(tmp_path / "a", b"second", mode="a")
    write_and_fail(tmp_path / "a", mode="a")
    assert list(tfr.read_records(tmp_path / "a")) == [b"first", b"second"]


@pytest.mark.usefixtures("windows")
def test_shards_are_committed_replaced_and_discarded(tmp_path: Path) -> None:
    for record in (b"first", b"second"):
        with tfr.ShardedWriter(tmp_path / "a", num_shards=2) as writer:
            writer.write(record)
    with contextlib.suppress(KeyError), tfr.ShardedWriter(tmp_path / "a", num_shards=2) as writer:
        writer.write(b"lost")
        raise KeyError
    assert list(tfr.read_records(tmp_path)) == [b"second"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.usefixtures("windows")
def test_a_job_that_was_cut_off_goes_on_and_leaves_no_journal(tmp_path: Path) -> None:
    def encode(item: int) -> dict[str, int]:
        if item == failing:
            raise KeyboardInterrupt
        return {"number": item}

    for failing in (0, 3, -1):
        with (
            contextlib.suppress(KeyboardInterrupt),
            ResumableShards(tmp_path / "a", "job", 4, 4, 1000, tfr.TFRecordOptions()) as shards,
        ):
            shards.write(range(4), encode, workers=0)
            shards.publish()
        assert bool(list(tmp_path.iterdir())) is (failing != 0)
    assert [example["number"].item() for example in tfr.read_examples(tmp_path)] == [0, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.usefixtures("windows")
def test_small_files_and_temporary_ones_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(str(tmp_path / "a"), b"first")
    publish(str(tmp_path / "a"), b"second")
    assert (tmp_path / "a").read_bytes() == b"second"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = TemporaryPath()
    Path(path.path).touch()
    path.remove()
    claim = Claim(str(tmp_path / "b"))
    claim.release()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.skipif(sys.platform == "win32", reason="flock is POSIX")
@pytest.mark.parametrize("mode", ["w", "a"])
def test_what_is_thrown_away_is_locked_until_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Any
) -> None:
    """Else another writer could have its name, and lose its file."""
    seen = []
    unlink = os.unlink

    def noted(path: str) -> None:
        seen.append(is_open(path))
        unlink(path)

    monkeypatch.setattr(os, "unlink", noted)
    write_and_fail(tmp_path / "a", mode=mode)
    assert seen == [True]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b'{"a": 1}\nno JSON\n', b'{"a": 1}\n{"a": "text"}\n'], ids=["lines", "kinds"])
def test_what_cannot_be_converted_is_closed_while_its_error_is_kept(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(content)
    with pytest.raises(tfr.FeatureError, match="line 2: ") as caught:
        convert(source, tmp_path / "b.tfrecord")
    assert not is_open(source)
    del caught
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.usefixtures("windows")
def test_standard_output_needs_no_name(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    publish("/dev/stdout", b"data")
    assert capfd.readouterr().out == "data"
