"""Processes that write for ever, and are killed.

    python -m soak.victims KIND PATH SORT

Each prints a line when it has begun, and a number whenever it has achieved something: see VICTIMS.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

import tfrecord_lite as tfr
from soak.examples import SORTS

#: Records in each version of a file or set.
RECORDS = 400
SHARDS = 60


def version(number: int) -> list[bytes]:
    """The records of a version."""
    return [b"record %d of version %d " % (place, number) + bytes(place) for place in range(RECORDS)]


def replace(path: str, sort: str) -> Iterator[int]:
    """Puts one version of a file in the place of the other; the number of the one that is there."""
    for number in count():
        with tfr.TFRecordWriter(path, SORTS[sort], index=True) as writer:
            for place, record in enumerate(version(number)):
                writer.write(record)
                if place % 50 == 0:
                    writer.flush()
        yield number


def append(path: str, sort: str) -> Iterator[int]:
    """Appends the records of version 0, 1, 2 ...; how large the file is after each whole version."""
    with tfr.TFRecordWriter(path, SORTS[sort], mode="a") as writer:
        for number in count():
            for record in version(number):
                writer.write(record)
            writer.flush()
            yield os.path.getsize(path)


def publish(prefix: str, sort: str) -> Iterator[int]:
    """Puts one version of a set of shards in the place of the other; the number of the one that is there."""
    for number in count():
        with tfr.ShardedWriter(prefix, num_shards=SHARDS, options=SORTS[sort]) as writer:
            for record in version(number):
                writer.write(record)
        yield number


VICTIMS = {"replace": replace, "append": append, "publish": publish}


def killed(random: Random, kind: str, path: Path, sort: str) -> list[int]:
    """Start a victim and kill it: what it had achieved for certain."""
    here = str(Path(__file__).parent.parent)
    search = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "soak.victims", kind, str(path), sort]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": search}) as victim:
        assert victim.stdout is not None
        read = [victim.stdout.readline() for _ in range(1 + random.randint(0, 4))]  # at first it has begun
        time.sleep(random.random() * random.choice([0.002, 0.05]))
        victim.send_signal(signal.SIGKILL)
        read += victim.stdout.readlines()
    assert victim.returncode == -signal.SIGKILL
    return [int(line) for line in read[1:] if line.endswith(b"\n")]


if __name__ == "__main__":
    print("begun", flush=True)  # noqa: T201
    for achieved in VICTIMS[sys.argv[1]](*sys.argv[2:]):
        print(achieved, flush=True)  # noqa: T201
