"""What is written, as examples and as the records that they are, and whether it is what comes back."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import tfrecord_lite as tfr

Example = dict[str, Any]

#: How a file may be written.
SORTS: dict[str, Any] = {
    "plain": None,
    "GZIP": "GZIP",
    "seekable": tfr.TFRecordOptions("GZIP", seekable=True),
    "ZLIB": "ZLIB",
}
#: What random access enters.
ENTERED = ("plain", "seekable")
FEATURES = {
    "number": tfr.FixedLenFeature([], "int64"),
    "values": tfr.FixedLenFeature([3], "float32"),
    "data": tfr.FixedLenFeature([], "string"),
}


def draw_examples(random: Random, most: int = 1000) -> list[Example]:
    """Some examples; most are small, some are of the size of an image."""
    examples = []
    for number in range(random.randint(1, most)):
        size = random.randint(0, 200_000) if random.random() < 0.01 else random.randint(0, 120)
        values = np.array([random.random() for _ in range(3)], np.float32)
        examples.append({"number": number, "values": values, "data": random.randbytes(size)})
    return examples


def encoded(examples: list[Example]) -> list[bytes]:
    return [tfr.encode_example(example) for example in examples]


def columns_of(examples: list[Example]) -> dict[str, Any]:
    return {
        "number": np.array([example["number"] for example in examples]),
        "values": np.stack([example["values"] for example in examples]),
        "data": [example["data"] for example in examples],
    }


def check_read(random: Random, paths: Any, examples: list[Example]) -> None:
    """Every reader gives these examples, in this order."""
    records = encoded(examples)
    assert list(tfr.read_records(paths)) == records
    assert tfr.count_records(paths, verify=random.random() < 0.5) == len(records)
    next(tfr.read_records(paths))  # what is left in the middle lets go of everything, too
    number = 0
    for example in tfr.read_examples(paths):
        check_example(example, examples[number])
        number += 1
    assert number == len(examples)
    number = 0
    batch_size, num_threads = random.randint(1, 300), random.randint(1, 3)
    for batch in tfr.read_batches(paths, FEATURES, batch_size=batch_size, num_threads=num_threads):
        expected = columns_of(examples[number : number + batch_size])
        assert all(np.array_equal(batch[name], expected[name]) for name in ("number", "values"))
        assert list(batch["data"]) == expected["data"]
        number += len(batch["number"])
    assert number == len(examples)


def check_example(example: Example, expected: Example) -> None:
    assert example["number"].tolist() == [expected["number"]]
    assert np.array_equal(example["values"], expected["values"])
    assert example["data"] == [expected["data"]]


def check_entered(random: Random, paths: Any, records: list[bytes]) -> None:
    """Random access finds each record."""
    numbers = [random.randrange(-len(records), len(records)) for _ in range(200)]
    source = tfr.RecordSource(paths, save_index=random.random() < 0.3)
    assert len(source) == len(records)
    assert source.__getitems__(numbers) == [records[number] for number in numbers]
    assert all(source[number] == records[number] for number in numbers[:20])
    if random.random() < 0.5:  # otherwise it goes with its last reference
        source.close()


def check_threads(random: Random, path: Path, records: list[bytes]) -> None:
    """A reader with threads gives the records, and when it is left in the middle, its threads end."""
    for count in (random.randrange(len(records)), len(records)):
        with tfr.TFRecordReader(path, num_threads=random.randint(2, 4)) as reader:
            assert [next(reader) for _ in range(count)] == records[:count]


def left_in(folder: Path) -> list[str]:
    """The names in a folder, which is emptied."""
    names = sorted(os.listdir(folder))
    for name in names:
        (folder / name).unlink()
    return names
