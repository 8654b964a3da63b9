"""One round: everything once, in another order and with other numbers in each, all drawn from one seed.

An action takes a Random and an empty folder, asserts every value, and gives back how many of what it did.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count, islice
from pathlib import Path
from random import Random
from typing import Any

import tfrecord_lite as tfr
from soak.examples import (
    ENTERED,
    SORTS,
    Example,
    check_entered,
    check_read,
    check_threads,
    columns_of,
    draw_examples,
    encoded,
    left_in,
)
from soak.victims import RECORDS, killed, version
from tfrecord_lite.files.members import find_members

Action = Callable[[Random, Path], Counter[str]]


class _Interrupted(Exception):
    """What goes wrong inside a with-block."""


def write_and_read(random: Random, folder: Path) -> Counter[str]:
    """A file of each sort, written in some way, read by every reader."""
    for sort, options in SORTS.items():
        examples, path = draw_examples(random), folder / sort
        records = encoded(examples)
        with tfr.TFRecordWriter(path, options, atomic=random.random() < 0.5, index=random.random() < 0.5) as writer:
            _write(random, writer, examples)
        with suppress(_Interrupted), tfr.TFRecordWriter(path, options) as writer:
            writer.write(b"what nobody shall see")
            raise _Interrupted
        check_read(random, path, examples)
        check_threads(random, path, records)
        assert tfr.verify(path).sound
        if sort in ENTERED:
            check_entered(random, path, records)
    assert not [name for name in left_in(folder) if name.endswith(".tmp")]
    return Counter(files=len(SORTS))


def append(random: Random, folder: Path) -> Counter[str]:
    """A file of each sort that can be continued, continued and given up several times."""
    path, appended = folder / "appended", 0
    for sort in ("plain", "GZIP", "seekable"):
        examples: list[Example] = []
        for _ in range(4):
            more = draw_examples(random, 200)
            with tfr.TFRecordWriter(path, SORTS[sort], mode="a", index=random.random() < 0.5) as writer:
                _write(random, writer, more)
            with suppress(_Interrupted), tfr.TFRecordWriter(path, mode="a") as writer:
                writer.write(random.randbytes(random.randint(0, 100_000)))
                writer.flush()
                raise _Interrupted
            examples, appended = examples + more, appended + 1
        check_read(random, path, examples)
        if sort in ENTERED:
            check_entered(random, path, encoded(examples))
        left_in(folder)
    return Counter(appended=appended)


def shards(random: Random, folder: Path) -> Counter[str]:
    """Sets of shards, each in the place of the one before it."""
    sets = 3
    for _ in range(sets):
        examples, options = draw_examples(random), random.choice(list(SORTS.values()))
        limit: dict[str, Any] = random.choice(
            [{"num_shards": random.randint(1, 200)}, {"max_records": random.randint(5, 500)}, {"max_bytes": 50_000}]
        )
        with tfr.ShardedWriter(folder / "set", options=options, **limit) as writer:
            _write(random, writer, examples)
        with suppress(_Interrupted), tfr.ShardedWriter(folder / "set", **limit) as writer:
            writer.write(b"what nobody shall see")
            raise _Interrupted
        # Records are dealt out in turn: those of shard k are k, k + n, k + 2n ...
        turns = limit.get("num_shards")
        dealt = examples if turns is None else list(chain.from_iterable(examples[turn::turns] for turn in range(turns)))
        _check_set(random, folder, dealt)
    left_in(folder)
    return Counter(sets=sets)


def shards_of_processes(random: Random, folder: Path) -> Counter[str]:
    """The same shards, written by one process and by several."""
    examples = draw_examples(random)
    for workers in random.sample([0, 2, 3], 2):
        summary = tfr.write_sharded(examples, tfr.encode_example, folder / "set", max_records=150, workers=workers)
        assert (summary.records, summary.skipped) == (len(examples), 0)
        _check_set(random, folder, examples)
    left_in(folder)
    return Counter(sets=2)


def kill_replacing(random: Random, folder: Path) -> Counter[str]:
    """Whoever is killed while a file is replaced leaves it as it was, or whole and new."""
    sort, path = random.choice(list(SORTS)), folder / "replaced"
    versions = killed(random, "replace", path, sort)
    if versions or path.exists():
        records = list(tfr.read_records(path))
        assert records in (version(len(versions) - 1), version(len(versions)))
        if sort in ENTERED:  # what index is there was made for this version, or is not used
            check_entered(random, path, records)
    names = [name for name in left_in(folder) if not name.startswith(".writing-")]
    assert set(names) <= {path.name, "replaced.idx", "replaced.idx.json"}
    return Counter(killed=1)


def kill_appending(random: Random, folder: Path) -> Counter[str]:
    """Whoever is killed while a file is appended to leaves what was flushed, and a tail that can be mended.

    However much of what was not flushed has reached the disk.
    """
    path, records = folder / "appended", [b"the first record"]
    sort = random.choice(["plain", "GZIP", "seekable"])
    with tfr.TFRecordWriter(path, SORTS[sort]) as writer:
        writer.write(records[0])
    for _ in range(2):
        before = path.stat().st_size
        sizes = killed(random, "append", path, sort)
        if len(sizes) > 1 and random.random() < 0.8:
            sizes.pop()  # as if it had been killed before that
            os.truncate(path, random.randint(sizes[-1], path.stat().st_size))
        elif random.random() < 0.5:
            os.truncate(path, random.randint([before, *sizes][-1], path.stat().st_size))
        with tfr.TFRecordWriter(path, mode="a", repair_tail=True) as writer:
            writer.write(b"mended")
        found = list(tfr.read_records(path))
        added = len(found) - len(records) - 1
        assert added >= len(sizes) * RECORDS
        written = islice(chain.from_iterable(map(version, count())), added)
        records = [*records, *written, b"mended"]
        assert found == records
    assert left_in(folder) == [path.name]
    return Counter(killed=2, mended=2)


def kill_publishing(random: Random, folder: Path) -> Counter[str]:
    """Whoever is killed while a set of shards is published leaves one that is whole, at once or after a rollback."""
    versions = killed(random, "publish", folder / "set", random.choice(list(SORTS)))
    if random.random() < 0.5:
        tfr.rollback(folder / "set")
    elif any(name.startswith("_") for name in os.listdir(folder)):
        tfr.commit(None, folder / "set")
    paths = sorted(path for path in folder.iterdir() if path.name.startswith("set-"))
    if versions or paths:
        records = list(tfr.read_records(folder))
        assert sorted(records) in (sorted(version(len(versions) - 1)), sorted(version(len(versions))))
        assert list(tfr.read_records(paths)) == records
    left_in(folder)
    return Counter(killed=1)


def salvage(random: Random, folder: Path) -> Counter[str]:
    """Of a damaged plain file every record comes back whose frame was not touched, and no other."""
    path = folder / "damaged"
    records = [random.randbytes(random.choice([0, 8, 100, 3000, 70_000])) + b"%d" % number for number in range(200)]
    with tfr.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    limits = tfr.RecordIndex.build(path).limits.tolist()
    data = bytearray(path.read_bytes())
    lost = set()
    for _ in range(random.randint(1, 5)):
        position = random.randrange(len(data))
        size = min(random.choice([1, 4, 20, 200_000]), len(data) - position)
        octets = random.randbytes(size)
        data[position : position + size] = octets
        lost |= {n for n in range(len(records)) if limits[n] < position + size and position < limits[n + 1]}
    if random.random() < 0.5:
        del data[random.randrange(len(data)) :]
        lost |= {n for n in range(len(records)) if limits[n + 1] > len(data)}
    stored = path.read_bytes()
    same = {n for n in lost if data[limits[n] : limits[n + 1]] == stored[limits[n] : limits[n + 1]]}  # by chance
    path.write_bytes(data)
    _check_salvaged(path, [record for number, record in enumerate(records) if number not in lost - same])
    left_in(folder)
    return Counter(salvaged=1)


def salvage_members(random: Random, folder: Path) -> Counter[str]:
    """Of a damaged seekable file every record of the other members comes back, and none that was never there."""
    path = folder / "damaged"
    records = [random.randbytes(random.randint(100, 2000)) + b"%d" % number for number in range(1000)]
    with tfr.TFRecordWriter(path, SORTS["seekable"]) as writer:
        for number, record in enumerate(records):
            writer.write(record)
            if random.random() < 0.01 or number == len(records) - 1:
                writer.flush()  # here a member ends
    with path.open("rb") as file:
        members = [member for member in find_members(file) if member.size]
    data = bytearray(path.read_bytes())
    hit = random.randrange(len(members))
    position = random.randrange(members[hit].start, members[hit].end)
    data[position] ^= 1 << random.randrange(8)
    path.write_bytes(data)
    counts = [member.records or 0 for member in members]
    begin = sum(counts[:hit])
    sure = records[:begin] + records[begin + counts[hit] :]
    assert sum(counts) == len(records)
    with tfr.salvage(path, "GZIP") as salvaged:
        found = list(salvaged)
    assert set(sure) <= set(found) <= set(records)
    left_in(folder)
    return Counter(salvaged=1)


ACTIONS: tuple[Action, ...] = (
    write_and_read,
    append,
    shards,
    shards_of_processes,
    kill_replacing,
    kill_appending,
    kill_publishing,
    salvage,
    salvage_members,
)


def run_round(seed: int, number: int) -> Counter[str]:
    """Round `number`: what was done. An assertion that does not hold says which action it was, and which round."""
    random = Random(f"{seed} {number}")
    done: Counter[str] = Counter(rounds=1)
    for action in random.sample(ACTIONS, len(ACTIONS)):
        with tempfile.TemporaryDirectory(prefix="soak-") as name:
            try:
                done += action(random, Path(name))
            except BaseException as error:
                raise AssertionError(f"{action.__name__} in round {number} of seed {seed}") from error
            assert os.listdir(name) == [], f"{action.__name__} left files behind"
    return done


def _write(random: Random, writer: tfr.TFRecordWriter, examples: list[Example]) -> None:
    """Write examples in one of the ways there are."""
    way = random.choice(["records", "examples", "columns"])
    if way == "columns":
        assert writer.write_columns(columns_of(examples)) == len(examples)
        return
    for example in examples:
        if way == "examples":
            writer.write_example(example)
        else:
            writer.write(tfr.encode_example(example))
        if random.random() < 0.005:
            writer.flush()


def _check_set(random: Random, folder: Path, examples: list[Example]) -> None:
    records = encoded(examples)
    check_read(random, folder, examples)
    parts = tfr.plan_read(folder, random.randint(1, 9))
    assert sorted(chain.from_iterable(map(list, map(tfr.read_records, parts)))) == sorted(records)
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


def _check_salvaged(path: Path, expected: list[bytes]) -> None:
    with tfr.salvage(path, "") as salvaged:
        assert list(salvaged) == expected
    with tfr.TFRecordWriter(path.with_name("mended")) as writer, tfr.salvage(path, "") as salvaged:
        for record in salvaged:
            writer.write(record)
    assert tfr.verify(path.with_name("mended")).sound
    assert tfr.count_records(path.with_name("mended")) == len(expected)
