"""Batches of columns for training, in the order that all frameworks share, from any point of it.

    epoch, done -> RankNumbers: record numbers -> DecodedRecords: columns, or examples

Every adapter reads through this and only makes its own framework's arrays of the columns. What it takes to go on later
is a few integers: the epoch, how many of its places all ranks together have read, and the mark of the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tfrecord_lite.adapters.decoded_records import DecodedRecords
from tfrecord_lite.adapters.order import RecordOrder, Turn
from tfrecord_lite.adapters.rank_numbers import RankNumbers
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.format.columns.decode import BytesAs

#: Records that are read together where examples are wanted one at a time.
_READ_TOGETHER = 256


class OrderedBatches:
    """The batches that one rank reads, epoch after epoch.

    Args:
        paths: as for `RecordSource`: plain files or seekable GZIP, local or URLs.
        features: {name: FixedLenFeature(...) or another feature}, or a Schema. None infers them from 1,024 records of
            all files; a record that does not fit, or holds values of a feature of which those held none, is then an
            error.
        batch_size: records in each batch.
        shuffle: whether every epoch has an order of its own; else records come as they lie.
        seed: of the orders.
        block_size, mixed_blocks: as for `RecordOrder`.
        rank, ranks: which of how many processes that train together this is.
        remainder: "share", "drop" or "pad": what becomes of the records at the end that do not fill a batch of every
            rank, as for `Turn`. With "share" the last batch is smaller, and may be empty on some ranks.
        bytes_as: as for `read_batches`.
        verify: as for `RecordSource`.

    Attributes:
        source: the records.
        features: as they were given or found.
        epoch: the epoch that is read next.

    Raises:
        ValueError: a number or word is of no use.
        TypeError: a number is no integer, or features are no mapping.
        OSError, TFRecordError: as `RecordSource` and, without features, `infer_schema`.
    """

    def __init__(
        self,
        paths: Any,
        features: Mapping[str, Any] | None = None,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        block_size: int = 1,
        mixed_blocks: int = 16,
        rank: int = 0,
        ranks: int = 1,
        remainder: str = "share",
        bytes_as: BytesAs = "objects",
        verify: bool = True,
    ) -> None:
        self._records = DecodedRecords(paths, features, bytes_as=bytes_as, verify=verify)
        self.source, self.features = self._records.source, self._records.features
        seed = whole_number(seed, "seed")
        self._order = RecordOrder(
            len(self.source),
            seed=seed if shuffle else None,
            block_size=block_size,
            mixed_blocks=mixed_blocks,
        )
        self._turn = Turn(len(self.source), 0, batch_size, ranks, remainder)
        self._rank = whole_number(rank, "rank")
        self.epoch = 0
        self._begin(0, 0)

    def __len__(self) -> int:
        """The batches from where an iteration begins to the end of the epoch, the same for every rank."""
        return self._turn.steps

    def count_examples(self) -> int:
        """The records of this rank in these batches."""
        return len(self._numbers)

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch. That which is read already stays where it is.

        Raises:
            TypeError, ValueError: it is no integer of 64 bits.
        """
        epoch = checked_epoch(epoch)
        if epoch != self.epoch and self._turn.done:
            self._begin(epoch, 0)
        self.epoch = epoch

    def state_after(self, steps: int) -> dict[str, int]:
        """What to remember after every rank took so many batches: enough to go on, with other ranks and batches, too.

        Returns:
            {"epoch": the epoch, "done": how many of its places have been read by all ranks, "order": an integer made of
            what makes the order: how many records there are, shuffle, seed, block_size and mixed_blocks}.

        Raises:
            TypeError, ValueError: steps is no integer, 0 or more.
        """
        return {"epoch": self.epoch, "done": self._turn.done_after(steps), "order": self._order.mark}

    def load_state(self, state: Mapping[str, int]) -> None:
        """Go on behind what was remembered: the next iteration begins there.

        A state without "order", of "epoch" and "done" alone, is taken for one of this order.

        Raises:
            ValueError: it has not these numbers, there are fewer records than that, or it is of another order.
        """
        epoch, done, order = place_of(state)
        if order is not None:
            self._order.check_mark(order)
        self._begin(epoch, done)

    def batches(self, begin: int = 0, stride: int = 1) -> Iterator[dict[str, Any]]:
        """The columns of the steps begin, begin + stride, ... of this rank to the end of the epoch.

        A worker of a rank is one that begins at its own number, and whose stride is the number of workers. Where the
        rest is shared a batch may have no records.

        Raises:
            ValueError: `begin` is negative, or `stride` not positive.
            TypeError: one of them is no integer.
            TFRecordError: while reading, a record is damaged or not what the features ask for, with path, number and
                offset.
        """
        epoch, numbers = self.epoch, self._numbers
        return (self.columns(numbers.of_step(epoch, step)) for step in self._steps(begin, stride))

    def examples(self, begin: int = 0, stride: int = 1) -> Iterator[dict[str, Any]]:
        """The records of the same steps one at a time, each as `parse_single_example` gives it; read in blocks.

        Raises:
            ValueError, TypeError, TFRecordError: as for `batches`.
        """
        epoch, numbers, steps = self.epoch, self._numbers, self._steps(begin, stride)
        together = max(_READ_TOGETHER // self._turn.batch_size, 1)
        portions = (steps[first : first + together] for first in range(0, len(steps), together))
        return (
            example
            for portion in portions
            for example in self._records.examples([n for step in portion for n in numbers.of_step(epoch, step)])
        )

    def columns(self, numbers: Any) -> dict[str, Any]:
        """The values of the records of these numbers, as `read_batches` gives them.

        Raises:
            TFRecordError: as for `batches`.
        """
        return self._records.columns(numbers)

    def _steps(self, begin: int, stride: int) -> range:
        return range(whole_number(begin, "begin", 0), self._turn.steps, whole_number(stride, "stride", 1))

    def _begin(self, epoch: int, done: int) -> None:
        turn = replace(self._turn, done=done)
        self._numbers = RankNumbers(self._order, turn, self._rank)
        self._turn = turn
        self.epoch = epoch


def place_of(state: Mapping[str, Any]) -> tuple[int, int, int | None]:
    """(epoch, done, order or None) of a state. Raises ValueError if they are no such numbers."""
    try:
        if not isinstance(state, Mapping):
            raise TypeError
        order = whole_number(state["order"], "order") if "order" in state else None
        return checked_epoch(state["epoch"]), whole_number(state["done"], "done"), order
    except (KeyError, TypeError):
        reason = "a state has two whole numbers, epoch and done, and mostly a third, order"
        raise ValueError(f"{reason}, and this is {state!r}") from None


def checked_epoch(epoch: Any) -> int:
    """An epoch as Python's integer. Raises TypeError, ValueError: it is no integer of 64 bits."""
    return whole_number(epoch, "epoch", -(1 << 63), (1 << 63) - 1)
