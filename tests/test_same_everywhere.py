"""One data set through every adapter: the same records in the same order with the same values, each once.

Runs for each framework that is installed; `make test-loaders` has all of them.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.format.tensor_values import RaggedTensorValue

#: Records of each shard, and which of them are compressed.
COUNTS, COMPRESSED = (30, 0, 41, 1, 0, 25), (2, 4)
COUNT = sum(COUNTS)
FEATURES = {
    "number": tfr.FixedLenFeature([], np.int64),
    "values": tfr.FixedLenFeature([2, 2], np.float32),
    "name": tfr.FixedLenFeature([], bytes, b"none"),
    "ids": tfr.RaggedFeature(np.int64),
}
BATCH_SIZE = 8
EPOCH = 2
#: Batches that are taken before it is gone on with from what was remembered.
TAKEN = 3

Batches = list[dict[str, Any]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everywhere")
    random = np.random.default_rng(0)
    number = 0
    for shard, count in enumerate(COUNTS):
        options = tfr.TFRecordOptions("GZIP", seekable=True) if shard in COMPRESSED else None
        with tfr.TFRecordWriter(folder / f"train-{shard:05}-of-{len(COUNTS):05}", options) as writer:
            for _ in range(count):
                values, ids = random.normal(size=4).astype(np.float32), random.integers(-9, 2**31, number % 4)
                example = {"number": number, "values": values, "ids": ids}
                writer.write_example(example if number % 3 else example | {"name": f"n{number}"})
                number += 1
    return folder


class Order:
    """What all are asked for: this rank of so many, shuffled or not, in epoch EPOCH."""

    def __init__(self, folder: Path, shuffle: bool, rank: int, ranks: int) -> None:
        self.folder, self.shuffle, self.rank, self.ranks = folder, shuffle, rank, ranks

    def ordered(self, done: int = 0) -> OrderedBatches:
        share: dict[str, int] = {"batch_size": BATCH_SIZE, "seed": 7, "rank": self.rank, "ranks": self.ranks}
        batches = OrderedBatches(self.folder, FEATURES, shuffle=self.shuffle, **share)  # type: ignore[arg-type]
        batches.load_state({"epoch": EPOCH, "done": done})
        return batches


def plain(value: Any) -> Any:
    """As lists, whatever framework it is of."""
    if isinstance(value, RaggedTensorValue):
        splits = np.asarray(value.row_splits).tolist()
        values = np.asarray(value.values).tolist()
        return [values[begin:end] for begin, end in pairwise(splits)]
    if getattr(value, "is_nested", False):  # of torch
        return [row.tolist() for row in value.unbind()]
    if hasattr(value, "to_list"):  # ragged, of TensorFlow
        return value.to_list()
    return value if isinstance(value, list) else np.asarray(value).tolist()


def in_lists(batches: Any) -> Batches:
    return [{name: plain(value) for name, value in batch.items()} for batch in batches]


# Each reads all batches of the epoch; where it is to be resumed, TAKEN of them from one object, and the others from a
# new one that was told where the first one was.


def by_columns(order: Order, resumed: bool) -> Batches:
    batches = order.ordered()
    if not resumed:
        return in_lists(batches.batches())
    first = list(islice(batches.batches(), TAKEN))
    again = order.ordered()
    again.load_state(batches.state_after(TAKEN))
    return in_lists(first + list(again.batches()))


def by_torch(order: Order, resumed: bool, workers: int = 0) -> Batches:
    pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    from tfrecord_lite.adapters.torch import TFRecordDataset

    def new() -> Any:
        share: dict[str, Any] = {"batch_size": BATCH_SIZE, "seed": 7, "rank": order.rank, "ranks": order.ranks}
        return TFRecordDataset(order.folder, FEATURES, shuffle=order.shuffle, **share)

    def loader(dataset: Any) -> Any:
        # Of a server: jax, whose tests may have run in this process, has threads that a fork would not take along; and
        # a spawned worker that is left in the middle now and then aborts in torch, whose sending thread is stopped in
        # C++ while the interpreter is taken down (a forked one leaves without that).
        context = multiprocessing.get_context("forkserver") if workers else None
        if context:
            context.set_forkserver_preload(["tfrecord_lite.adapters.torch"])
        return DataLoader(dataset, batch_size=None, num_workers=workers, multiprocessing_context=context)

    dataset = new()
    dataset.set_epoch(EPOCH)
    if not resumed:
        return in_lists(loader(dataset))
    first = list(islice(loader(dataset), TAKEN))
    again = new()
    again.load_state_dict(dataset.state_after(TAKEN))
    return in_lists(first + list(loader(again)))


def by_torch_workers(order: Order, resumed: bool) -> Batches:
    return by_torch(order, resumed, workers=2)


def by_grain(order: Order, resumed: bool, as_batch: Callable[[Any], Any] = lambda batch: batch) -> Batches:
    grain = pytest.importorskip("grain")
    from tfrecord_lite.adapters.grain import ColumnDataset

    def new() -> Any:
        ahead = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
        return iter(ColumnDataset(order.ordered()).to_iter_dataset(ahead))

    return in_lists(map(as_batch, resumed_by_state(new, resumed)))


def by_records_of_grain(order: Order, resumed: bool) -> Batches:
    grain = pytest.importorskip("grain")
    from tfrecord_lite.adapters.grain import ParseExamples, RecordDataset

    def new() -> Any:
        share: dict[str, Any] = {"batch_size": BATCH_SIZE, "seed": 7, "rank": order.rank, "ranks": order.ranks}
        dataset = RecordDataset(tfr.RecordSource(order.folder), shuffle=order.shuffle, **share)
        dataset = dataset.batch(BATCH_SIZE, batch_fn=list).map(ParseExamples(FEATURES))
        epochs = dataset.repeat(EPOCH + 1)[EPOCH * len(dataset) :]
        return iter(epochs.to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)))

    return in_lists(resumed_by_state(new, resumed))


def by_loader_of_grain(order: Order, resumed: bool) -> Batches:
    grain = pytest.importorskip("grain")
    from tfrecord_lite.adapters.grain import ParseExamples, RecordSampler

    source = tfr.RecordSource(order.folder)
    share: dict[str, Any] = {"batch_size": BATCH_SIZE, "seed": 7, "rank": order.rank, "ranks": order.ranks}

    def new() -> Any:
        loader = grain.DataLoader(
            data_source=source,
            sampler=OfTheEpoch(RecordSampler(len(source), epochs=EPOCH + 1, shuffle=order.shuffle, **share)),
            operations=[grain.transforms.Batch(BATCH_SIZE, batch_fn=list), ParseExamples(FEATURES)],
            shard_options=grain.sharding.NoSharding(),
        )
        return iter(loader)

    return in_lists(resumed_by_state(new, resumed))


class OfTheEpoch:
    """The last of a sampler's epochs."""

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler
        self._begin = len(sampler) // (EPOCH + 1) * EPOCH

    def __repr__(self) -> str:
        return repr(self._sampler)

    def __len__(self) -> int:
        return len(self._sampler) - self._begin

    def __getitem__(self, index: int) -> Any:
        return dataclasses.replace(self._sampler[index + self._begin], index=index)


def by_jax(order: Order, resumed: bool) -> Batches:
    pytest.importorskip("jax")
    from tfrecord_lite.adapters.jax import to_jax

    return by_grain(order, resumed, to_jax)


def by_tf_data(order: Order, resumed: bool) -> Batches:
    tf = pytest.importorskip("tensorflow")
    from tfrecord_lite.adapters.tf_data import make_dataset

    def read(done: int) -> Iterator[Any]:
        dataset = make_dataset(
            order.folder,
            FEATURES,
            batch_size=BATCH_SIZE,
            shuffle=order.shuffle,
            seed=7,
            reader="tfrecord_lite",
            input_context=tf.distribute.InputContext(order.ranks, order.rank),
            state={"epoch": EPOCH, "done": done},
        )
        return iter(dataset)

    if not resumed:
        return in_lists(read(0))
    return in_lists([*islice(read(0), TAKEN), *read(order.ordered().state_after(TAKEN)["done"])])


def resumed_by_state(new: Callable[[], Any], resumed: bool) -> list[Any]:
    """All batches of an iterator of grain."""
    iterator = new()
    if not resumed:
        return list(iterator)
    first = list(islice(iterator, TAKEN))
    state = iterator.get_state()
    again = new()
    again.set_state(state if isinstance(state, bytes) else json.loads(json.dumps(state)))
    return first + list(again)


READERS = [
    by_columns,
    by_torch,
    by_torch_workers,
    by_grain,
    by_records_of_grain,
    by_loader_of_grain,
    by_jax,
    by_tf_data,
]
BY_RECORDS = (by_records_of_grain, by_loader_of_grain)


@pytest.mark.parametrize("shuffle", [False, True], ids=["in-order", "shuffled"])
@pytest.mark.parametrize("read", READERS)
def test_every_adapter_reads_the_same(folder: Path, read: Callable[[Order, bool], Batches], shuffle: bool) -> None:
    by_number = [
        {name: plain(value) for name, value in tfr.parse_single_example(record, FEATURES).items()}
        for record in tfr.read_records(folder)
    ]
    for ranks in (1, 2):
        numbers = []
        for rank in range(ranks):
            order = Order(folder, shuffle, rank, ranks)
            batches = read(order, False)
            expected = by_columns(order, False)
            if read in BY_RECORDS:  # where this rank has none of the rest, there is no batch
                expected = [batch for batch in expected if batch["number"]]
            assert batches == expected
            assert read(order, True) == batches
            for batch in batches:
                numbers += batch["number"]
                for at, number in enumerate(batch["number"]):
                    assert {name: values[at] for name, values in batch.items()} == by_number[number]
        assert sorted(numbers) == list(range(COUNT))
        if ranks == 1:
            assert (numbers == list(range(COUNT))) is not shuffle


def test_the_reader_of_tensorflow_gives_the_same_where_nothing_is_shuffled(folder: Path) -> None:
    pytest.importorskip("tensorflow")
    from tfrecord_lite.adapters.tf_data import make_dataset

    batches = in_lists(make_dataset(folder, FEATURES, batch_size=BATCH_SIZE))
    assert batches == by_columns(Order(folder, False, 0, 1), False)
