"""Batches of columns for training, in the order that all frameworks share, from any point of it.

    epoch, done -> Turn: places -> RecordOrder: numbers -> RecordSource: records -> ColumnDecoder: columns

Every adapter reads through this and only makes its own framework's arrays of the columns. What it takes to go on later
is a few integers: the epoch and how many of its places all ranks together have read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfrecord_lite.adapters.order import RecordOrder, Turn
from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.source import RecordSource
from tfrecord_lite.format.columns.decode import BytesAs, ColumnDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.plan import Plan

#: Records that are looked at when the features are to be inferred.
_INFERRED_RECORDS = 1024


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
        if not 0 <= rank < ranks:
            raise ValueError(f"rank is 0 to {ranks - 1} where there are {ranks} ranks, not {rank}")
        self.source = RecordSource(paths, verify=verify)
        self._is_inferred = features is None
        self.features = infer_schema(paths, sample=_INFERRED_RECORDS, verify=verify) if features is None else features
        self._bytes_as = bytes_as
        self._decoder: ColumnDecoder | None = self._new_decoder()
        self._order = RecordOrder(
            len(self.source), seed=seed if shuffle else None, block_size=block_size, mixed_blocks=mixed_blocks
        )
        self._batch_size, self._ranks, self._remainder = batch_size, ranks, remainder
        self._rank = rank
        self.epoch = 0
        self._turn = self._turn_from(0)

    def __len__(self) -> int:
        """The batches from where an iteration begins to the end of the epoch, the same for every rank."""
        return self._turn.steps

    def set_epoch(self, epoch: int) -> None:
        """Begin another epoch. That which is read already stays where it is."""
        if epoch != self.epoch:
            self.epoch = epoch
            self._turn = self._turn_from(0)

    def state_after(self, steps: int) -> dict[str, int]:
        """What to remember after every rank took so many batches: enough to go on, with other ranks and batches, too.

        Returns:
            {"epoch": the epoch, "done": how many of its places have been read by all ranks}.
        """
        return {"epoch": self.epoch, "done": self._turn.done_after(steps)}

    def load_state(self, state: Mapping[str, int]) -> None:
        """Go on behind what was remembered: the next iteration begins there.

        Raises:
            ValueError: there are fewer records than that.
        """
        turn = self._turn_from(state["done"])
        self.epoch, self._turn = state["epoch"], turn

    def batches(self, begin: int = 0, stride: int = 1) -> Iterator[dict[str, Any]]:
        """The columns of the steps begin, begin + stride, ... of this rank to the end of the epoch.

        A worker of a rank is one that begins at its own number, and whose stride is the number of workers. Where the
        rest is shared a batch may have no records.

        Raises:
            TFRecordError: a record is damaged or not what the features ask for, with path, number and offset.
        """
        epoch, turn = self.epoch, self._turn
        for step in range(begin, turn.steps, stride):
            yield self.columns(self._order.numbers(epoch, turn.places(step, self._rank)))

    def columns(self, numbers: Any) -> dict[str, Any]:
        """The values of the records of these numbers, as `read_batches` gives them.

        Raises:
            TFRecordError: as for `batches`.
        """
        if self._decoder is None:
            self._decoder = self._new_decoder()
        records = self.source.__getitems__(numbers)
        try:
            return _decoded(self._decoder, records)
        except TFRecordError:
            for number, record in zip(numbers, records, strict=True):
                try:
                    _decoded(self._decoder, [record])
                except TFRecordError as error:
                    self.source.locate(error, int(number))
                    raise error from None
            raise

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoder": None}  # what it knows of layouts is soon learnt again

    def _new_decoder(self) -> ColumnDecoder:
        is_nothing = self._is_inferred and not self.features  # the records of empty files
        plan = Plan({}, {}) if is_nothing else example_plan(self.features)
        return ColumnDecoder(plan, self._bytes_as, names_all=self._is_inferred)

    def _turn_from(self, done: int) -> Turn:
        return Turn(len(self.source), done, self._batch_size, self._ranks, self._remainder)


def _decoded(decoder: ColumnDecoder, records: list[bytes]) -> dict[str, Any]:
    rows = decoder.decode(Records.joined(records))
    return decoder.results(decoder.decode_plain(records) if rows is None else rows)
