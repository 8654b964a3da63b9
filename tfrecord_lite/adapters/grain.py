"""Training with grain, in the order that all adapters share. Needs grain: the extra `[grain]`.

    ColumnDataset    a grain.MapDataset of batches, {name: values}; says where a record lies that is unfit
    RecordDataset    a grain.MapDataset of serialized records, for whatever else grain has
    RecordSampler    for a grain.DataLoader, which takes a RecordSource as it is
    ParseExample     a transform: a serialized record -> {name: value}
    ParseExamples    a transform: a list of serialized records -> {name: values of all}

All can be pickled and used by several threads at once. grain's own `get_state` and `set_state` remember the place.

Of n workers each makes every n-th element of what `to_iter_dataset()` was called on, or takes every n-th index of a
sampler, and their results come in turn. So the order stays what it is without workers if batches are made before
`to_iter_dataset()`, and if a sampler knows the workers and the batches of its DataLoader.

Where jax is installed, grain 0.2.18 starts no workers before absl's flags are parsed, which `absl.app.run(main)` or
`absl.flags.FLAGS.mark_as_parsed()` does.
"""

from __future__ import annotations

import copy
import operator
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

try:
    import grain
except ModuleNotFoundError as error:
    if error.name != "grain":
        raise
    raise ImportError('this needs grain: pip install "tfrecord-lite-codec[grain]"') from error

from tfrecord_lite.adapters.order import RecordOrder, Turn
from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.adapters.rank_numbers import RankNumbers
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.files.source import RecordSource
from tfrecord_lite.format.batch import Batch
from tfrecord_lite.format.columns.decode import BytesAs, ColumnDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan, example_rows
from tfrecord_lite.format.rows import results

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MASK_64 = (1 << 64) - 1


class ColumnDataset(grain.MapDataset):  # type: ignore[misc]
    """The batches of one rank, each {name: values of its records}.

        batches = OrderedBatches("train-*.tfrecord", features, batch_size=256, shuffle=True)
        dataset = ColumnDataset(batches).repeat(10)
        dataset = dataset.to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=4))

    `to_iter_dataset` reads 500 elements ahead unless it is told otherwise, and here these are batches.

    Args:
        batches: files, features, order and ranks. The dataset begins with the epoch, and at the place, where this
            stands now.

    Raises:
        TypeError: `batches` is none.
        TFRecordError: while reading, a record is damaged or not what the features ask for, with path, number, offset.
        ValueError: while reading, a rest of an epoch is to be repeated.
    """

    def __init__(self, batches: OrderedBatches) -> None:
        super().__init__()
        if not isinstance(batches, OrderedBatches):
            raise TypeError(f"batches is an OrderedBatches, not {type(batches).__name__}")
        self._batches = copy.copy(batches)
        self._is_rest = batches.state_after(0)["done"] > 0

    def __len__(self) -> int:
        return len(self._batches)

    def __str__(self) -> str:
        return f"ColumnDataset({self._batches.source})"

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.slice(index)
        epochs, step = _place(index, len(self))
        if epochs and self._is_rest:
            raise ValueError("what is left of an epoch is read once: repeat a dataset that begins where an epoch does")
        batches = copy.copy(self._batches)
        batches.set_epoch(batches.epoch + epochs)
        return next(batches.batches(step, len(self)))


class RecordDataset(grain.MapDataset):  # type: ignore[misc]
    """The records of one rank, serialized.

        dataset = RecordDataset(RecordSource("train-*.tfrecord"), batch_size=16, shuffle=True)
        dataset = dataset.map(ParseExample(features)).batch(16).repeat(10).to_iter_dataset()

    Args:
        source: all records.
        batch_size: of the batches that will be made: so many records a rank takes at a time.
        others: as for `OrderedBatches`.

    Raises:
        ValueError: a number or word is of no use.
        TypeError: a number is no integer, or the source is none.
        TFRecordError: while reading, a record is damaged, with path, number and offset.
    """

    def __init__(
        self,
        source: RecordSource,
        *,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int = 0,
        block_size: int = 1,
        mixed_blocks: int = 16,
        rank: int = 0,
        ranks: int = 1,
        remainder: str = "share",
    ) -> None:
        super().__init__()
        if not isinstance(source, RecordSource):  # a path is a sequence, too
            raise TypeError(f"source is a RecordSource, not {type(source).__name__}")
        self._source = source
        seed = whole_number(seed, "seed")
        order = RecordOrder(
            len(source),
            seed=seed if shuffle else None,
            block_size=block_size,
            mixed_blocks=mixed_blocks,
        )
        self._numbers = RankNumbers(order, Turn(len(source), 0, batch_size, ranks, remainder), rank)

    def __len__(self) -> int:
        return len(self._numbers)

    def __str__(self) -> str:
        return f"RecordDataset({self._source})"

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.slice(index)
        return self._source[self._numbers.number(*_place(index, len(self)))]


def _place(index: SupportsIndex, count: int) -> tuple[int, int]:
    """(epoch, place) of an element: datasets of grain go on behind their end. Raises IndexError if there is none."""
    if not count:
        raise IndexError("there are no records")
    return divmod(operator.index(index), count)


class RecordSampler:
    """Which records a DataLoader of grain reads: index -> grain.RecordMetadata.

        source = RecordSource("train-*.tfrecord")
        sampler = RecordSampler(len(source), shuffle=True, epochs=10, batch_size=16, workers=2)
        loader = grain.DataLoader(
            data_source=source,
            sampler=sampler,
            operations=[ParseExample(features), grain.transforms.Batch(16)],
            worker_count=2,
            shard_options=grain.sharding.NoSharding(),
        )

    Batches go on across the ends of epochs. What is left at the very end, and is not a whole batch for each worker,
    comes in one smaller batch from each: where that matters, a ColumnDataset has the same batches for any workers.
    For `RandomMap` each record has in each epoch random numbers of its own, whoever reads it.

    Args:
        count: of all records.
        epochs: how many; None is without end.
        batch_size: of the DataLoader, 1 if it makes no batches.
        workers: of the DataLoader, its `worker_count`.
        others: as for `OrderedBatches`. Ranks are dealt out here, and not by the DataLoader.

    Raises:
        ValueError: a number or word is of no use.
        TypeError: a number is no integer.
        IndexError: at the end, for grain.
    """

    def __init__(
        self,
        count: int,
        *,
        epochs: int | None = 1,
        batch_size: int = 1,
        workers: int = 0,
        shuffle: bool = False,
        seed: int = 0,
        block_size: int = 1,
        mixed_blocks: int = 16,
        rank: int = 0,
        ranks: int = 1,
        remainder: str = "share",
    ) -> None:
        seed, workers = whole_number(seed, "seed"), whole_number(workers, "workers")
        epochs = None if epochs is None else whole_number(epochs, "epochs")
        if workers < 0 or (epochs is not None and epochs < 0):
            raise ValueError(f"epochs and workers are 0 or more: not {epochs} and {workers}")
        count, rank, ranks = whole_number(count, "count"), whole_number(rank, "rank"), whole_number(ranks, "ranks")
        batch_size, block_size = whole_number(batch_size, "batch_size"), whole_number(block_size, "block_size")
        mixed_blocks = whole_number(mixed_blocks, "mixed_blocks")
        order = RecordOrder(count, seed=seed if shuffle else None, block_size=block_size, mixed_blocks=mixed_blocks)
        self._numbers = RankNumbers(order, Turn(count, 0, batch_size, ranks, remainder), rank)
        if (epochs or 0) * len(self._numbers) > sys.maxsize:
            raise ValueError(f"{epochs} epochs of {len(self._numbers)} records are more than can be counted")
        self._count, self._epochs, self._workers = count, epochs, max(workers, 1)
        self._batch_size, self._seed = batch_size, seed
        self._text = (
            f"RecordSampler({count}, {epochs=}, {batch_size=}, {workers=}, {shuffle=}, {seed=}, {block_size=}, "
            f"{mixed_blocks=}, {rank=}, {ranks=}, {remainder=})"
        )

    def __repr__(self) -> str:
        """All that the order depends on: grain compares it with that of a checkpoint."""
        return self._text

    def __len__(self) -> int:
        return sys.maxsize if self._epochs is None and len(self._numbers) else (self._epochs or 0) * len(self._numbers)

    def __getitem__(self, index: SupportsIndex) -> Any:
        index, count = operator.index(index), len(self)
        if not 0 <= index < count:
            raise IndexError(f"indices are 0 to {count - 1}, not {index}")
        epoch, place = divmod(self._place(index, count), len(self._numbers))
        number = self._numbers.number(epoch, place)
        key = (self._seed & _MASK_64) << 64 | (epoch * self._count + number) & _MASK_64
        return grain.RecordMetadata(index, number, np.random.Generator(np.random.Philox(key=key)))

    def _place(self, index: int, count: int) -> int:
        """What stands at an index: its worker is index % workers, and takes whole batches in turn with the others."""
        own, worker = divmod(index, self._workers)
        together = self._workers * self._batch_size
        whole = count - count % together
        if index < whole:
            batch, at = divmod(own, self._batch_size)
            return (batch * self._workers + worker) * self._batch_size + at
        least, more = divmod(count - whole, self._workers)
        return whole + worker * least + min(worker, more) + own - whole // self._workers


class ParseExample(grain.transforms.Map):  # type: ignore[misc]
    """A serialized Example -> {name: value}, as `parse_single_example` gives it.

    Args:
        features: {name: FixedLenFeature(...) or another feature}, or a Schema.

    Raises:
        FeatureError, TypeError: the features are of no use.
        FeatureError, DecodeError: while reading, a record is no Example, or not what the features ask for.
    """

    def __init__(self, features: Mapping[str, Any]) -> None:
        self._plan = example_plan(features)

    def map(self, element: Buffer) -> dict[str, Any]:
        """One record, by grain."""
        return results(self._plan, example_rows(self._plan, Batch.of(element)), is_single=True)


class ParseExamples(grain.transforms.Map):  # type: ignore[misc]
    """A list of serialized Examples -> {name: values of all}, as `decode_columns` gives them.

        dataset.batch(16, batch_fn=list).map(ParseExamples(features))

    Args:
        features: {name: FixedLenFeature(...) or another feature}, or a Schema.
        bytes_as: as for `decode_columns`.

    Raises:
        FeatureError, TypeError: the features are of no use.
        FeatureError, DecodeError: while reading, a record is no Example, or not what the features ask for; its number
            is that in the list.
    """

    def __init__(self, features: Mapping[str, Any], *, bytes_as: BytesAs = "objects") -> None:
        self._decoder = ColumnDecoder(example_plan(features), bytes_as)

    def map(self, element: Sequence[bytes]) -> dict[str, Any]:
        """The records of a batch, by grain."""
        records = list(element)
        rows = self._decoder.decode(Records.joined(records))
        return self._decoder.results(self._decoder.decode_plain(records) if rows is None else rows)
