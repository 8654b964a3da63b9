"""Records as tensors, for PyTorch: data sets for `torch.utils.data.DataLoader`. Needs the extra `[torch]`.

    TFRecordDataset       iterable: whole batches, sequential or shuffled, over ranks and workers, from any point
    TFRecordMapDataset    any example by its number

Both read plain files and seekable GZIP through a RecordSource, check every CRC, can be pickled, and work in workers, be
they forked or spawned.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, SupportsIndex

try:
    import torch
    import torch.distributed
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError('this needs PyTorch: pip install "tfrecord-lite-codec[torch]"') from error

from tfrecord_lite.adapters.decoded_records import DecodedRecords
from tfrecord_lite.adapters.ordered_batches import OrderedBatches, checked_epoch, place_of
from tfrecord_lite.adapters.torch_position import MAIN_PROCESS, SharedPosition, step_of
from tfrecord_lite.adapters.torch_tensors import ItemMaker, Padding, RaggedAs, Transform, pinned
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.files.source import index_of
from tfrecord_lite.format.columns.decode import BytesAs


class TFRecordDataset(IterableDataset):  # type: ignore[misc]
    """The batches of one rank, {name: tensor}, epoch after epoch.

        dataset = TFRecordDataset("train-*.tfrecord", features, batch_size=256, shuffle=True)
        loader = DataLoader(dataset, batch_size=None, num_workers=4)
        for epoch in range(10):
            dataset.set_epoch(epoch)
            for batch in loader:
                ...

    Batches come in the order of steps, whatever the number of workers, and each record once over all ranks. Without
    `set_epoch` every iteration has the same order.

    Args:
        paths, features: as for `OrderedBatches`.
        batch_size: records in each batch. None: examples one at a time, for a DataLoader that makes batches of them;
            which of them come together then depends on the number of workers.
        shuffle, seed, block_size, mixed_blocks, remainder: as for `OrderedBatches`. With `remainder="share"` the last
            batch is smaller, and may be empty on some ranks.
        rank, ranks: which of how many processes that train together this is. None: as torch.distributed says if it is
            initialised by now, else the only one.
        transform: is given each batch, or example, as numpy arrays, and returns what is made into tensors.
        bytes_as: "objects" gives lists of bytes; "blob", without an object for each value, rows of uint8 as `ragged`
            says. To a transform these are object arrays and BytesArray.
        ragged: "nested" makes nested tensors (jagged layout) of rows of different lengths, "padded" dense ones.
        padding: what stands behind the shorter rows, a number for all of them or {name: number}, 0 for other names.
        pin_memory: whether tensors are in pinned memory, for which PyTorch needs an accelerator. With workers let the
            DataLoader do it.
        verify: as for `RecordSource`.

    Raises:
        ValueError: a number or word is of no use. While reading: `pin_memory` in a worker.
        TypeError: a number is no integer, the transform no function, the padding no number, or features no mapping.
            While reading: a transform returns no mapping.
        RuntimeError: while reading, `pin_memory` where PyTorch finds no accelerator.
        OSError, TFRecordError: as `RecordSource` and, without features, `infer_schema`.
        TFRecordError: while reading, with path, number and offset, a record that is damaged or not what the features
            ask for; from a worker with all of that in its text.
    """

    def __init__(
        self,
        paths: Any,
        features: Mapping[str, Any] | None = None,
        *,
        batch_size: int | None = 1024,
        shuffle: bool = False,
        seed: int = 0,
        block_size: int = 1,
        mixed_blocks: int = 16,
        rank: int | None = None,
        ranks: int | None = None,
        remainder: str = "share",
        transform: Transform | None = None,
        bytes_as: BytesAs = "objects",
        ragged: RaggedAs = "nested",
        padding: Padding = 0,
        pin_memory: bool = False,
        verify: bool = True,
    ) -> None:
        super().__init__()
        self._is_single = batch_size is None
        rank, ranks = _place(rank, ranks)
        read_together = 1 if batch_size is None else whole_number(batch_size, "batch_size")
        self._ordered = OrderedBatches(
            paths,
            features,
            batch_size=read_together,
            shuffle=shuffle,
            seed=seed,
            block_size=block_size,
            mixed_blocks=mixed_blocks,
            rank=rank,
            ranks=ranks,
            remainder=remainder,
            bytes_as=bytes_as,
            verify=verify,
        )
        self._as_item = ItemMaker(transform, ragged, padding)
        self._pin_memory = pin_memory
        self._shared = SharedPosition()
        #: What a state of one worker holds beside where it goes on, and which worker it is.
        self._own = {"rank": rank, "ranks": ranks, "batch_size": read_together}
        #: Of this process: where the iteration under way began, and its next step; and what the next one begins with.
        self._now: tuple[dict[str, int], int] | None = None
        self._loaded: tuple[dict[str, int], int] | None = None

    @property
    def features(self) -> Mapping[str, Any]:
        """As they were given or found."""
        return self._ordered.features

    def __len__(self) -> int:
        """The batches, or examples, of a whole epoch for this rank. The iteration behind a loaded state gives fewer."""
        return self._ordered.count_examples() if self._is_single else len(self._ordered)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        info = get_worker_info()
        if info is not None and self._pin_memory:
            raise ValueError("in a worker no memory is pinned: leave it to DataLoader(..., pin_memory=True)")
        first, workers = (0, 1) if info is None else (info.id, info.num_workers)
        if self._loaded is None:
            # What the seeds of all workers of one iteration have in common is its own.
            iteration = MAIN_PROCESS if info is None else info.seed - info.id
            state, step = self._shared.begin(iteration, first, workers), first
        else:
            (state, step), self._loaded = self._loaded, None
            self._shared.begin_at(state)
        self._now = state, step
        return self._items(state, step, workers)

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next iteration reads; workers that live on learn of it, too.

        A state that was loaded for the same epoch stays; another epoch begins at its begin.

        Raises:
            TypeError, ValueError: it is no integer of 64 bits.
        """
        epoch = checked_epoch(epoch)
        if epoch != self._shared.epoch:
            self._shared.set_epoch(epoch)
            self._now = None

    def state_dict(self) -> dict[str, int]:
        """What to remember after the items that this process has read.

        Outside of workers that is what `state_after` gives. In a worker it is where that worker itself goes on, for
        the same worker of as many, the same ranks and batch size: StatefulDataLoader calls it there. What the workers
        of a plain DataLoader have read, only `state_after` knows.
        """
        info = get_worker_info()
        state, step = self._now or self._loaded or (self._shared.begun, 0 if info is None else info.id)
        if info is None:
            return self._from(state).state_after(step)
        return self._from(state).state_after(0) | {"step": step} | self._conditions()

    def state_after(self, steps: int) -> dict[str, int]:
        """What to remember after so many items of the last iteration, on every rank as many.

        An epoch that has been set for the next iteration changes nothing. Before the first iteration, and after
        `load_state_dict`, it is of the next one.

        It is enough to go on with another number of ranks, workers, and another batch size.

        Returns:
            {"epoch": the epoch, "done": how many of its records have been read by all ranks, "order": an integer
            that tells the order, as of `OrderedBatches.state_after`}.

        Raises:
            TypeError, ValueError: steps is no integer, 0 or more.
        """
        return self._from(self._shared.last).state_after(steps)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on behind what was remembered: the next iteration reads the rest of its epoch, those after it all.

        Raises:
            ValueError: it has not these numbers; there are fewer records than that; it is of another order (a state
                without "order" is taken); or it is the state of a worker, and this is not the same worker of as many,
                the ranks or the batch size are others, or it has no step, or one that this worker does not come to.
        """
        steps = len(self._from(state))
        epoch, done, _ = place_of(state)
        begun = {"epoch": epoch, "done": done}
        step = step_of(state, self._conditions(), steps)
        info = get_worker_info()
        if info is None:
            self._shared.load(epoch, done)
        else:
            self._loaded = begun, info.id if step is None else step
        self._now = None

    def _items(self, state: dict[str, int], step: int, workers: int) -> Iterator[dict[str, Any]]:
        ordered = self._from(state)
        read = ordered.examples if self._is_single else ordered.batches
        for values in read(step, workers):
            step += workers
            item = self._as_item(values)
            self._now = state, step
            yield {name: pinned(value) for name, value in item.items()} if self._pin_memory else item
        self._now = state, max(step, len(ordered))  # the last step may have no example for this rank

    def _from(self, state: Mapping[str, int]) -> OrderedBatches:
        """What is read from there; the source is the same."""
        ordered = copy.copy(self._ordered)
        ordered.load_state(state)
        return ordered

    def _conditions(self) -> dict[str, int]:
        info = get_worker_info()
        return self._own if info is None else self._own | {"worker": info.id, "workers": info.num_workers}


class TFRecordMapDataset(Dataset):  # type: ignore[misc]
    """Any example by its number: a sequence of {name: tensor}, numbered through all files.

        loader = DataLoader(TFRecordMapDataset(paths, features), batch_size=32, shuffle=True, num_workers=4)

    `dataset[-1]` is the last one. The examples of a batch are read and decoded together. Values are as
    `parse_single_example` gives them, numbers as tensors, bytes as bytes or (nested) lists of bytes.

    PyTorch's own function that makes a batch of examples wants values of one size. For rows of different lengths give
    the loader another: the simplest leaves the examples of a batch in a list.

        loader = DataLoader(dataset, batch_size=32, collate_fn=list)

    Args:
        paths, features: as for `OrderedBatches`.
        transform: is given each example as numpy arrays, and returns what is made into tensors.
        bytes_as, ragged, padding: as for `TFRecordDataset`.
        verify: as for `RecordSource`.

    Raises:
        OSError, TFRecordError, TypeError, ValueError: as `TFRecordDataset`.
        IndexError: there is no example of that number.
    """

    def __init__(
        self,
        paths: Any,
        features: Mapping[str, Any] | None = None,
        *,
        transform: Transform | None = None,
        bytes_as: BytesAs = "objects",
        ragged: RaggedAs = "nested",
        padding: Padding = 0,
        verify: bool = True,
    ) -> None:
        super().__init__()
        self._records = DecodedRecords(paths, features, bytes_as=bytes_as, verify=verify)
        self._as_item = ItemMaker(transform, ragged, padding)

    @property
    def features(self) -> Mapping[str, Any]:
        """As they were given or found."""
        return self._records.features

    def __len__(self) -> int:
        return len(self._records.source)

    def __getitem__(self, number: SupportsIndex) -> dict[str, Any]:
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[SupportsIndex]) -> list[dict[str, Any]]:
        """The examples of these numbers, in their order."""
        count = len(self)
        found = list(map(index_of, numbers))
        found = [number + count if -count <= number < 0 else number for number in found]
        return [self._as_item(example) for example in self._records.examples(found)]


def _place(rank: int | None, ranks: int | None) -> tuple[int, int]:
    """Which of how many processes this is."""
    if rank is not None and ranks is not None:
        return whole_number(rank, "rank"), whole_number(ranks, "ranks")
    if rank is not None or ranks is not None:
        raise ValueError("rank and ranks are given both or not at all")
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
