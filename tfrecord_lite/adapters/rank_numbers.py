"""The numbers of the records that one rank reads, one after the other: epoch, place among the rank's own -> record.

    place -> step and place in it (Turn) -> place in the epoch -> number (RecordOrder)

Numbers are made many at a time, since one alone costs as much as a hundred together; those made last are kept.
"""

from __future__ import annotations

import numpy as np

from tfrecord_lite.adapters.order import RecordOrder, Turn

#: Records that are numbered together.
_TOGETHER = 1024


class RankNumbers:
    """The records of one rank, in the order of each epoch. Several threads may ask at once.

    Args:
        count: of all records.
        batch_size: places that a rank takes at a time.
        shuffle, seed, block_size, mixed_blocks, rank, ranks, remainder: as for `OrderedBatches`.

    Raises:
        ValueError: a number or word is of no use.
    """

    def __init__(
        self,
        count: int,
        *,
        batch_size: int,
        shuffle: bool,
        seed: int,
        block_size: int,
        mixed_blocks: int,
        rank: int,
        ranks: int,
        remainder: str,
    ) -> None:
        self._order = RecordOrder(
            count, seed=seed if shuffle else None, block_size=block_size, mixed_blocks=mixed_blocks
        )
        self._turn = Turn(count, 0, batch_size, ranks, remainder)
        if not 0 <= rank < ranks:
            raise ValueError(f"rank is 0 to {ranks - 1} where there are {ranks} ranks, not {rank}")
        self._rank = rank
        self._steps = max(_TOGETHER // batch_size, 1)
        self._made: tuple[tuple[int, int], list[int]] = ((-1, -1), [])
        last = self._turn.steps - 1
        self._count = last * batch_size + len(self._turn.places(last, rank)) if last >= 0 else 0

    def __len__(self) -> int:
        """In an epoch."""
        return self._count

    def number(self, epoch: int, place: int) -> int:
        """The record at a place of this rank, counted from 0, in an epoch.

        Raises:
            IndexError: there is no such place.
        """
        if not 0 <= place < self._count:
            raise IndexError(f"a rank's places are 0 to {self._count - 1}, not {place}")
        block, at = divmod(place, self._steps * self._turn.batch_size)
        made = self._made
        if made[0] != (epoch, block):
            made = self._made = (epoch, block), self._numbers(epoch, block)
        return made[1][at]

    def _numbers(self, epoch: int, block: int) -> list[int]:
        steps = range(self._turn.steps)[block * self._steps : (block + 1) * self._steps]
        places = np.concatenate([self._turn.places(step, self._rank) for step in steps])
        numbers: list[int] = self._order.numbers(epoch, places).tolist()
        return numbers
