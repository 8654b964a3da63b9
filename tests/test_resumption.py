"""Shards that survive the process that wrote them: what is made is the same however often it was cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from damage import python, python_output
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite import ItemError, TFRecordOptions, encode_example, read_records
from tfrecord_lite.files import shard_files
from tfrecord_lite.files.encoded_chunk import Skip
from tfrecord_lite.files.journal import Journal, journal_path
from tfrecord_lite.files.options import as_options
from tfrecord_lite.files.resumption import ResumableShards
from tfrecord_lite.files.sinks import HiddenFileSink

ITEMS = range(100)


def example(number: int) -> Any:
    return Skip(f"seven\n{number}") if number % 7 == 0 else {"number": number, "blob": bytes(number % 50)}


class CutOff(BaseException):
    """As a Ctrl-C."""


def run(
    directory: Path,
    *,
    job: str = "job",
    num_shards: int | None = None,
    max_bytes: int = 500,
    stop: int = -1,
    **more: Any,
) -> ResumableShards:
    """One attempt, cut off at item `stop`."""
    directory.mkdir(exist_ok=True)

    def encode(number: int) -> Any:
        if number == stop:
            raise CutOff
        return example(number)

    options = as_options(more.pop("options", None))
    with ResumableShards(directory / "train", job, len(ITEMS), num_shards, max_bytes, options) as shards:
        shards.began_at = shards.position  # type: ignore[attr-defined]
        shards.write(ITEMS, encode, workers=0, **more)
        shards.publish()
    return shards


def cut_off(directory: Path, stop: int, **arguments: Any) -> None:
    with pytest.raises(ItemError) as caught:
        run(directory, stop=stop, **arguments)
    assert isinstance(caught.value.__cause__, CutOff)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("train-*")}


def test_a_shard_is_in_the_journal_before_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*arguments: object, **more: object) -> None:
        raise CutOff

    with monkeypatch.context() as patch:
        # As by SIGKILL: between the moment in which the file is there and all that comes after it.
        patch.setattr(shard_files, "open_sink", killed)
        patch.setattr(HiddenFileSink, "discard", HiddenFileSink.abandon)
        patch.setattr(Journal, "close", lambda self: None)
        with pytest.raises(CutOff):
            run(tmp_path)
    assert [name for name in os.listdir(tmp_path) if name.startswith(".shard-")]
    run(tmp_path)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


SHAPES: list[dict[str, Any]] = [
    {"max_bytes": 500},
    {"max_bytes": 1},
    {"max_bytes": 10**9},
    {"num_shards": 1},
    {"num_shards": 7},
    {"num_shards": 300},
    {"max_bytes": 500, "options": "GZIP"},
    {"num_shards": 3, "options": TFRecordOptions("ZLIB", compression_level=0)},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_made_does_not_depend_on_where_it_was_cut_off(tmp_path: Path, shape: dict[str, Any]) -> None:
    whole = run(tmp_path / "whole", **shape)
    records = [encode_example(example(number)) for number in ITEMS if number % 7]
    assert list(read_records(tmp_path / "whole")) == records
    assert whole.skipped == [(number, f"seven\n{number}") for number in ITEMS if number % 7 == 0]
    for stop in (20, 50, 55, 99):
        cut_off(tmp_path / "cut", stop, **shape)
    resumed = run(tmp_path / "cut", **shape)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert resumed.skipped == whole.skipped
    if len(contents(tmp_path / "whole")) > 3:
        assert resumed.began_at >= 70  # type: ignore[attr-defined]  # a chunk of items was under way
    names = {path.name for path in (tmp_path / "cut").iterdir()} - set(contents(tmp_path / "whole"))
    assert names == {"_MANIFEST.json", "_SUCCESS"}


@given(st.lists(st.integers(0, 99), max_size=6), st.integers(1, 1500), st.one_of(st.none(), st.integers(1, 120)))
@settings(max_examples=30, deadline=None)
def test_any_interruptions_give_the_same(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], max_bytes: int, num_shards: int | None
) -> None:
    shape: dict[str, Any] = {"max_bytes": max_bytes, "num_shards": num_shards}
    base = tmp_path_factory.mktemp("any")
    whole = run(base / "whole", **shape)
    for stop in stops:
        try:
            run(base / "cut", stop=stop, **shape)
        except ItemError:
            continue
        break  # what was to fail had been finished before
    resumed = run(base / "cut", **shape)
    assert contents(base / "cut") == contents(base / "whole")
    assert resumed.skipped == whole.skipped


def test_nothing_is_seen_and_nothing_lost_until_it_is_published(tmp_path: Path) -> None:
    run(tmp_path / "out", job="old", num_shards=1)
    before = contents(tmp_path / "out")
    cut_off(tmp_path / "out", 50)
    assert contents(tmp_path / "out") == before
    assert len(list(read_records(tmp_path / "out"))) == 85
    run(tmp_path / "out")
    assert len(contents(tmp_path / "out")) > 5


def test_an_attempt_that_has_finished_nothing_leaves_nothing(tmp_path: Path) -> None:
    cut_off(tmp_path / "out", 50, num_shards=1)
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("change", [{"job": "another"}, {"spoil": "delete"}, {"spoil": "shorten"}])
def test_another_job_or_a_spoilt_shard_is_made_anew(tmp_path: Path, change: dict[str, str]) -> None:
    run(tmp_path / "whole")
    out = tmp_path / "out"
    cut_off(out, 50)
    hidden = [json.loads(line) for line in Path(journal_path(str(out / "train"))).read_text().splitlines()]
    second = [entry["finished"] for entry in hidden if "finished" in entry][1]
    if "spoil" in change:
        change = dict(change)
        spoil = change.pop("spoil")
        (out / second).unlink() if spoil == "delete" else os.truncate(out / second, 10)
    resumed = run(out, **change)  # type: ignore[arg-type]
    assert resumed.began_at == (0 if change else next(e["end"] for e in hidden if "finished" in e))  # type: ignore[attr-defined]
    assert contents(out) == contents(tmp_path / "whole")
    assert not [name for name in os.listdir(out) if name.startswith(".")]


JOURNALS = [
    b"",
    b"\0" * 100,
    b"{}\n[]\n3\nnull\n",
    b'{"format": "tfrecord_lite journal", "version": 1, "job": "job"}\n{"finished": 3}\n',
    b'{"format": "tfrecord_lite journal", "version": 1, "job": "job"}\n{"finished": "../victim"}\n',
    b'{"format": "tfrecord_lite journal", "version": 1, "job": "job"}\n{"begun": "../victim"}\n{"begun": "victim"}\n',
    b'{"format": "tfrecord_lite journal", "version": 1, "job": "job"}\n{"begun": ["victim"]}\n{"finished": null}\n',
    b'{"format": "tfrecord_lite journal", "version": 1, "job": "job"}\n{"complete": true}\n',
    (
        b'{"format": "tfrecord_lite journal", "version": 1, "job": "job"}\n'
        b'{"finished": ".shard-00.tmp", "records": 1, "bytes": 17, "checksum": 0, "end": 90, "skipped": []}\n'
        b'{"complete": true}\n'
    ),
    b"[" * 100_000 + b"\n",
]


@pytest.mark.parametrize("journal", JOURNALS, ids=range(len(JOURNALS)))
def test_a_journal_by_somebody_else_deletes_nothing_and_spoils_nothing(tmp_path: Path, journal: bytes) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for victim in (tmp_path / "victim", out / "victim"):
        victim.touch()
    Path(journal_path(str(out / "train"))).write_bytes(journal)
    run(out)
    run(tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")
    assert (tmp_path / "victim").exists()
    assert (out / "victim").exists()


def test_a_journal_cut_anywhere_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    cut_off(tmp_path / "model", 50)
    journal = Path(journal_path(str(tmp_path / "model" / "train"))).read_bytes()
    for size in range(0, len(journal), 37):
        out = tmp_path / str(size)
        out.mkdir()
        for path in (tmp_path / "model").iterdir():
            (out / path.name).write_bytes(path.read_bytes())
        Path(journal_path(str(out / "train"))).write_bytes(journal[:size])
        run(out)
        assert contents(out) == contents(tmp_path / "whole")


def test_a_job_that_was_complete_is_committed_and_nothing_is_made_again(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    for published in (False, True):
        out = tmp_path / str(published)
        out.mkdir()
        shards = ResumableShards(out / "train", "job", len(ITEMS), None, 500, TFRecordOptions())
        shards.write(ITEMS, example, workers=0)
        if published:
            shards.publish()
        shards.__exit__(CutOff)
        resumed = run(out, stop=0)
        assert resumed.began_at == len(ITEMS)  # type: ignore[attr-defined]
        assert contents(out) == contents(tmp_path / "whole")


def test_encode_gives_one_record_for_each_item(tmp_path: Path) -> None:
    for encode in (lambda number: None, lambda number: [example(1), example(2)]):
        with (
            pytest.raises(TypeError, match="one record for each item"),
            ResumableShards(tmp_path / "train", "job", len(ITEMS), None, 500, TFRecordOptions()) as shards,
        ):
            shards.write(ITEMS, encode, workers=0)
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs locks")
def test_two_processes_do_not_write_the_same_shards(tmp_path: Path) -> None:
    script = """
import sys, tfrecord_lite as tfr
from tfrecord_lite.files.resumption import ResumableShards
with ResumableShards(sys.argv[1], "job", 10, None, 500, tfr.TFRecordOptions()) as shards:
    print("there", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(tmp_path / "train")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        with pytest.raises(BlockingIOError, match="another process is writing these shards"):
            run(tmp_path)
        process.kill()
    assert len(run(tmp_path).infos) > 5


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_process_loses_only_what_it_was_at(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    script = """
import os, signal, sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
import test_resumption
def killed(number):
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return example(number)
example, test_resumption.example = test_resumption.example, killed
print(test_resumption.run(Path(sys.argv[1])).began_at)
"""
    for stop in ("30", "60", "90"):
        result = python(script, tmp_path / "out", stop, Path(__file__).parent)
        assert result.returncode == -signal.SIGKILL, result.stderr
    began_at = int(python_output(script, tmp_path / "out", "-1", Path(__file__).parent))
    assert began_at > 50
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert not [name for name in os.listdir(tmp_path / "out") if name.startswith(".")]
