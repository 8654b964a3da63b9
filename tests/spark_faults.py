"""A data source "faulty" for test_spark: writes as "tfrecord" does, until something happens. Python workers import it.

option fault    tasks      partition 0 raises once, the worker of partition 1 is killed twice
                always     partition 0 raises whenever it is tried
                commit     the process that commits is killed behind its first rename
                full       the plan of the commit cannot be deleted at first
                driver     so are the JVM and the Python program of the driver; what was to be committed is saved
                stuck      the first attempt of partition 0 stands still in the middle of its rows
                race       it ends when a second one does
option marks    a directory where what happened leaves a file
option pids     of the driver
"""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyspark import TaskContext

from tfrecord_lite.adapters.spark import TFRecordSource
from tfrecord_lite.adapters.spark_options import SourceOptions
from tfrecord_lite.adapters.spark_write import ShardWriter, WrittenShards


class FaultySource(TFRecordSource):
    @classmethod
    def name(cls) -> str:
        return "faulty"

    def writer(self, schema: Any, overwrite: bool) -> Any:
        options = dict(self.options)
        fault, marks, pids = (options.pop(name, "") for name in ("fault", "marks", "pids"))
        real = ShardWriter.begin(SourceOptions.of(options), schema, overwrite)
        return FaultyWriter(real, fault, Path(marks), [int(pid) for pid in pids.split()])


class FaultyWriter(ShardWriter):
    def __init__(self, real: ShardWriter, fault: str, marks: Path, pids: list[int]) -> None:
        super().__init__(real.job, real.names)
        self.fault, self.marks, self.pids = fault, marks, pids

    def write(self, iterator: Iterator[Any]) -> WrittenShards:
        context = TaskContext.get()
        partition, attempt = context.partitionId(), context.attemptNumber()
        if self.fault not in ("stuck", "race"):
            return super().write(self._until(iterator, partition, attempt))
        written = super().write(straggling(iterator, self.marks, self.fault))
        (self.marks / f"ended-{partition}-{attempt}").touch()
        return written

    def _until(self, iterator: Iterator[Any], partition: int, attempt: int) -> Iterator[Any]:
        for number, batch in enumerate(iterator):
            yield batch
            if number == 1 and partition == 0 and (self.fault == "always" or (self.fault == "tasks" and not attempt)):
                (self.marks / f"raised-{attempt}").touch()
                raise RuntimeError("the data went away")
            if number == 1 and partition == 1 and self.fault == "tasks" and attempt < 2:
                (self.marks / f"killed-{attempt}").touch()
                os.kill(os.getpid(), signal.SIGKILL)

    def commit(self, messages: list[WrittenShards]) -> None:
        real = os.replace

        def last(old: str, new: str) -> None:
            real(old, new)
            if not os.path.basename(new).startswith("part-"):
                return
            (self.marks / "renamed").touch()
            for pid in (*self.pids, os.getpid()):
                os.kill(pid, signal.SIGKILL)

        if self.fault in ("commit", "driver"):
            infos = [info for message in messages for info in message.infos]
            (self.marks / "job").write_bytes(pickle.dumps((self.job, infos)))
            vars(os)["replace"] = last
        if self.fault == "full":
            vars(os)["unlink"] = full(os.unlink)
        super().commit(messages)


def full(unlink: Callable[[Any], None]) -> Callable[[Any], None]:
    """What fails once, at a plan."""

    def failing(path: Any) -> None:
        if os.path.basename(path).startswith("_PLAN-"):
            vars(os)["unlink"] = unlink
            raise OSError(5, "Input/output error")
        unlink(path)

    return failing


def straggling(batches: Iterator[Any], marks: Path, fault: str) -> Iterator[Any]:
    """The batches of a task, of which every attempt leaves a mark; see "stuck" and "race"."""
    context, deadline = TaskContext.get(), time.monotonic() + 120
    partition, attempt = context.partitionId(), context.attemptNumber()
    (marks / f"began-{partition}-{attempt}").touch()
    for number, batch in enumerate(batches):
        yield batch
        while fault == "stuck" and (number, partition, attempt) == (1, 0, 0):
            _wait(deadline)
    if fault == "race" and not partition:
        (marks / f"ready-{attempt}").touch()
        while not all((marks / f"ready-{each}").exists() for each in range(2)):
            _wait(deadline)


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("no second attempt came to an end")
    time.sleep(0.01)
