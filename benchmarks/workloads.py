"""The data that everything is measured on, the same on every machine.

    W1  image-raw     5,000 records    one blob of 102,400 bytes, one short bytes, 3 int64
    W2  image-jpeg   20,000 records    one blob of 4,096-12,288 bytes, one short bytes, 3 int64
    W3  tabular     300,000 records    5 int64 of different sizes, 4 floats, one bytes of 8-16
    W4  embedding    50,000 records    512 floats, one int64
    W5  ragged       50,000 records    10-500 int64 in [0, 50000)

and 60,000 records of W3 that are less kind to whoever hopes that all records are laid out alike:

    W3-missing    one feature missing in 10% of the records
    W3-layouts    two features missing in half of the records each: four layouts
    W3-orders     the entries of a record in one of sixteen orders of their keys
    W3-zeros      a third of the values zero, or NULs only

Each is a list of examples and a TFRecord file of the same, written by TensorFlow with its keys in order: what we
write has to equal it. (In W3-orders they stand as in the example.) No key is a prefix of another, where the order would
be disputed. The first example has every feature. The file is made once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import reference

_SEED = 20_240_229


@dataclass(frozen=True)
class Workload:
    """Examples in memory and the file that holds them.

    Attributes:
        name: a key of WORKLOADS.
        examples: {name: bytes, int, float, float32 array or int64 array}, every one with the same types, and the
            features of the first one or some of them.
        path: the TFRecord file.
    """

    name: str
    examples: list[dict[str, Any]]
    path: str

    @cached_property
    def records(self) -> list[bytes]:
        """The examples, serialized."""
        return list(reference.read_records(self.path))

    @cached_property
    def optional(self) -> frozenset[str]:
        """The features that some examples do not have."""
        return frozenset(name for name in self.examples[0] if not all(name in example for example in self.examples))


def load(name: str, directory: Path, scale: float = 1.0) -> Workload:
    """One workload, its file made if `directory` does not have it.

    Args:
        name: a key of WORKLOADS.
        directory: where the file is kept.
        scale: the fraction of the records that is wanted.
    """
    recipe = WORKLOADS[name]
    count = max(1, round(recipe.full_count * scale))
    examples = list(recipe.examples(np.random.default_rng(_SEED), count))
    path = directory / f"{name}-{count}-{_stamp()}.tfrecord"
    if not path.exists():
        for outdated in directory.glob(f"{name}-{count}-*"):
            outdated.unlink()
        unfinished = f"{path}.unfinished"
        if recipe.keeps_order:
            reference.write_examples_in_order(unfinished, examples)
        else:
            reference.write_examples(unfinished, examples, deterministic=True)
        os.replace(unfinished, path)
    return Workload(name, examples, str(path))


def _stamp() -> str:
    """Changes with whatever the files depend on: this module and numpy's random numbers."""
    return hashlib.sha256(Path(__file__).read_bytes() + np.__version__.encode()).hexdigest()[:8]


def _image_raw(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    for label in random.integers(0, 2, count).tolist():
        yield {
            "image/image_id_raw": random.bytes(320 * 320),
            "image/format": b"raw",
            "image/label": label,
            "image/height": 320,
            "image/width": 320,
        }


def _image_jpeg(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    sizes = random.integers(4096, 12_288, count, endpoint=True)
    labels = random.integers(0, 1000, count)
    heights, widths = random.integers(64, 1024, (2, count))
    columns = (sizes.tolist(), labels.tolist(), heights.tolist(), widths.tolist())
    for size, label, height, width in zip(*columns, strict=True):
        yield {
            "image/encoded": random.bytes(size),
            "image/format": b"jpeg",
            "image/label": label,
            "image/height": height,
            "image/width": width,
        }


def _tabular(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    any_int64 = np.iinfo(np.int64)
    ranges = {
        "digit": (0, 10),
        "category": (0, 1000),
        "balance": (-1000, 1000),
        "user": (0, 2**40),
        "hash": (any_int64.min, any_int64.max),
    }
    columns: dict[str, list[Any]] = {
        name: random.integers(low, high, count).tolist() for name, (low, high) in ranges.items()
    }
    for name in ("price", "score", "latitude", "longitude"):
        columns[name] = random.standard_normal(count, np.float32).tolist()
    columns["token"] = [random.bytes(size) for size in random.integers(8, 16, count, endpoint=True).tolist()]
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def _embedding(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    for label in random.integers(0, 1000, count).tolist():
        yield {"embedding": random.standard_normal(512, np.float32), "label": label}


def _ragged(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    for length in random.integers(10, 500, count, endpoint=True).tolist():
        yield {"tokens": random.integers(0, 50_000, length)}


def _tabular_missing(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    yield from _without(_tabular(random, count), {"user": _all_but_first(random.random(count) < 0.1)})


def _tabular_layouts(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    is_missing = {name: _all_but_first(random.random(count) < 0.5) for name in ("category", "token")}
    yield from _without(_tabular(random, count), is_missing)


def _all_but_first(is_missing: NDArray[np.bool_]) -> list[bool]:
    return [False, *is_missing[1:].tolist()]


def _without(examples: Iterator[dict[str, Any]], is_missing: dict[str, list[bool]]) -> Iterator[dict[str, Any]]:
    for number, example in enumerate(examples):
        yield {name: value for name, value in example.items() if name not in is_missing or not is_missing[name][number]}


def _tabular_orders(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    orders: list[list[str]] = []
    for example, order in zip(_tabular(random, count), random.integers(0, 16, count).tolist(), strict=True):
        orders = orders or [random.permutation(list(example)).tolist() for _ in range(16)]
        yield {name: example[name] for name in orders[order]}


def _tabular_zeros(random: np.random.Generator, count: int) -> Iterator[dict[str, Any]]:
    for example in _tabular(random, count):
        are_zero = (random.random(len(example)) < 1 / 3).tolist()
        yield {
            name: _zero_like(value) if is_zero else value
            for (name, value), is_zero in zip(example.items(), are_zero, strict=True)
        }


def _zero_like(value: Any) -> Any:
    return bytes(len(value)) if isinstance(value, bytes) else type(value)(0)


class Recipe(NamedTuple):
    """How a workload is made.

    Attributes:
        full_count: records at scale 1.
        examples: makes that many examples.
        keeps_order: whether the entries in the file stand as in the examples.
    """

    full_count: int
    examples: Callable[[np.random.Generator, int], Iterator[dict[str, Any]]]
    keeps_order: bool = False


WORKLOADS = {
    "W1": Recipe(5_000, _image_raw),
    "W2": Recipe(20_000, _image_jpeg),
    "W3": Recipe(300_000, _tabular),
    "W4": Recipe(50_000, _embedding),
    "W5": Recipe(50_000, _ragged),
    "W3-missing": Recipe(60_000, _tabular_missing),
    "W3-layouts": Recipe(60_000, _tabular_layouts),
    "W3-orders": Recipe(60_000, _tabular_orders, keeps_order=True),
    "W3-zeros": Recipe(60_000, _tabular_zeros),
}
