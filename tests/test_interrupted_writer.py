"""Ctrl-C at any line of a writer: what is published is what was written, or nothing is."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupt import Interrupt

import tfrecord_lite as tfr
from tfrecord_lite.files import writer as writer_module

#: Ctrl-C in a destructor is shown, and forgotten.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

WRITERS: dict[str, Callable[[Path], tfr.TFRecordWriter]] = {
    "plain": tfr.TFRecordWriter,
    "index": lambda path: tfr.TFRecordWriter(path, index=True),
    "gzip": lambda path: tfr.TFRecordWriter(path, "GZIP"),
    "seekable": lambda path: tfr.TFRecordWriter(path, tfr.TFRecordOptions("GZIP", seekable=True)),
    "append": lambda path: tfr.TFRecordWriter(path, mode="a"),
    "dealt": lambda path: tfr.ShardedWriter(path, num_shards=2),
    "keys": lambda path: tfr.ShardedWriter(path, num_shards=2),
    "sized": lambda path: tfr.ShardedWriter(path, max_records=5),
}
#: What is written in turn: records, examples of two layouts, one that is not collected, and a large record.
WAYS = ["record", "record", "example", "example", "other", "plain", "large"]
COUNT = 21
OLD = 100
#: The other lines are left out.
STEP = 53


def write(writer: tfr.TFRecordWriter, number: int, kind: str) -> None:
    way = WAYS[number % len(WAYS)] if kind != "examples" else "example"
    options: Any = {"key": number} if kind == "keys" else {}
    if way == "record":
        writer.write(tfr.encode_example({"n": number}), **options)
    elif way == "example":
        writer.write_example({"n": number, "a": np.arange(3)}, **options)
    elif way == "other":
        writer.write_example({"n": number, "b": b"x"}, **options)
    elif way == "plain":
        writer.write_example({"n": [number]}, **options)
    else:
        writer.write(tfr.encode_example({"n": number, "large": bytes(40_000)}), **options)


def read(path: Path) -> list[list[int]] | None:
    """The numbers in the file, or in each shard; None if there is none."""
    files = [path] if path.exists() else sorted(path.parent.glob(f"{path.name}-*-of-*"))
    found = [[int(example["n"][0]) for example in tfr.read_examples(file)] for file in files]
    if (path.parent / f"{path.name}.idx").exists():
        with suppress(tfr.IndexMismatchError):  # of the old file
            assert len(tfr.RecordIndex.load(path)) == sum(map(len, found))
    return found if files else None


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Records are stored every few ones."""
    monkeypatch.setattr(writer_module, "_ROOM", 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def expected_shards(numbers: list[int], kind: str) -> list[list[int]]:
    """Of these numbers in a set that nobody interrupted."""
    if kind == "sized":
        return [numbers[begin : begin + 5] for begin in range(0, len(numbers), 5)]
    return [numbers[0::2], numbers[1::2]]


def places(kind: str, act: Callable[[], None]) -> Iterator[int]:
    """The lines at which to interrupt, some of all that `act` passes."""
    with Interrupt() as counted:
        act()
    assert counted.lines > 500
    yield from range(1 + len(kind), counted.lines + 1, STEP)


def begin(path: Path, kind: str) -> None:
    """An older file, or set."""
    for each in path.parent.iterdir():
        each.unlink()
    with WRITERS["plain" if kind == "append" else kind](path) as writer:
        write(writer, OLD, kind)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_is_whole_or_the_old_one_wherever_its_block_is_interrupted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"

    def act() -> None:
        with WRITERS[kind](path) as writer:
            for number in range(COUNT):
                write(writer, number, kind)

    begin(path, kind)
    old = read(path)
    act()
    whole = read(path)
    for at in places(kind, act):
        begin(path, kind)
        with suppress(KeyboardInterrupt), Interrupt(at):
            act()
        gc.collect()  # what was dropped
        assert read(path) in (old, whole), at
        assert not list(path.parent.glob(".*")), at


@pytest.mark.parametrize("kind", WRITERS)
def test_who_goes_on_after_an_interrupt_loses_nothing_or_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    interrupted: list[int] = []

    def act() -> None:
        writer = WRITERS[kind](path)
        for number in range(COUNT):
            try:
                write(writer, number, kind)
            except KeyboardInterrupt:
                interrupted.append(number)
        writer.close()

    begin(path, kind)
    old = read(path)
    act()
    whole = read(path)
    assert whole is not None
    told = 0
    for at in places(kind, act):
        begin(path, kind)
        interrupted.clear()
        try:
            with Interrupt(at):
                act()
        except (KeyboardInterrupt, ValueError, OSError) as error:
            is_told = isinstance(error, KeyboardInterrupt) or "failed" in str(error)
            del error
            gc.collect()
            assert is_told
            told += 1
            assert read(path) in (old, whole), at  # dropped when all was written, it may be published
            continue
        found = read(path)
        assert found is not None
        numbers = [number for number in range(COUNT) if any(number in shard for shard in found)]
        assert {*range(COUNT)} - {*numbers} <= {*interrupted}, at  # that one may be there
        expected = [[number for number in shard if number in numbers or number == OLD] for shard in whole]
        if kind in ("dealt", "sized"):
            expected = expected_shards(numbers, kind)
        assert found == expected, at
    assert told > 0


def test_who_closes_again_after_an_interrupt_has_an_index_or_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def write_all() -> tfr.TFRecordWriter:
        writer = tfr.TFRecordWriter(path, index=True)
        for number in range(COUNT):
            write(writer, number, "index")
        return writer

    begin(path, "index")
    writer = write_all()
    with Interrupt() as counted:
        writer.close()
    assert counted.lines > 50
    closed = 0
    for at in range(1, counted.lines + 1):
        begin(path, "index")
        writer = write_all()
        with suppress(KeyboardInterrupt), Interrupt(at):
            writer.close()
        failed = ""
        try:
            writer.close()
        except OSError as error:
            failed = str(error)
        if failed:
            assert "failed earlier" in failed
        else:
            assert len(tfr.RecordIndex.load(path)) == COUNT
            closed += 1
    assert closed > 10
