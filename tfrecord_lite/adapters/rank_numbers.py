"""The numbers of the records that one rank reads, step by step or one after the other.

    epoch, step or place among the rank's own -> places in the epoch (Turn) -> record numbers (RecordOrder)

Numbers are made many at a time, those of neighbouring steps together: a thousand cost little more than a hundred. Those
made last are kept.
"""

from __future__ import annotations

import numpy as np

from tfrecord_lite.adapters.order import RecordOrder, Turn
from tfrecord_lite.adapters.whole_number import whole_number

#: Records that are numbered together, if a step has no more.
_TOGETHER = 4096


class RankNumbers:
    """The records of one rank, in the order of each epoch. Several threads may ask at once.

    Args:
        order: of the records.
        turn: how they are dealt out.
        rank: which of the turn's ranks this is.

    Raises:
        ValueError: there is no such rank.
        TypeError: the rank is no integer.
    """

    def __init__(self, order: RecordOrder, turn: Turn, rank: int) -> None:
        rank = whole_number(rank, "rank")
        if not 0 <= rank < turn.ranks:
            raise ValueError(f"rank is 0 to {turn.ranks - 1} where there are {turn.ranks} ranks, not {rank}")
        self._order, self._turn, self._rank = order, turn, rank
        self._steps = max(_TOGETHER // turn.batch_size, 1)
        self._made: tuple[tuple[int, int], list[int]] = ((-1, -1), [])
        last = turn.steps - 1
        self._count = last * turn.batch_size + turn.size(last, rank) if last >= 0 else 0

    def __len__(self) -> int:
        """Records of this rank in an epoch, from the turn's begin on."""
        return self._count

    def of_step(self, epoch: int, step: int) -> list[int]:
        """The records that a step reads: as many as a batch has, fewer at the end.

        Raises:
            IndexError: there is no such step.
            TypeError: it is no integer.
        """
        step = whole_number(step, "step")
        if not 0 <= step < self._turn.steps:
            raise IndexError(f"steps are 0 to {self._turn.steps - 1}, not {step}")
        block, at = divmod(step, self._steps)
        size = self._turn.batch_size
        return self._numbers(epoch, block)[at * size : (at + 1) * size]

    def number(self, epoch: int, place: int) -> int:
        """The record at a place among this rank's own, counted from 0.

        Raises:
            IndexError: there is no such place.
            TypeError: it is no integer.
        """
        place = whole_number(place, "place")
        if not 0 <= place < self._count:
            raise IndexError(f"a rank's places are 0 to {self._count - 1}, not {place}")
        block, at = divmod(place, self._steps * self._turn.batch_size)
        return self._numbers(epoch, block)[at]

    def _numbers(self, epoch: int, block: int) -> list[int]:
        """Of as many steps as are numbered together."""
        made = self._made
        if made[0] != (epoch, block):
            steps = range(self._turn.steps)[block * self._steps : (block + 1) * self._steps]
            places = np.concatenate([self._turn.places(step, self._rank) for step in steps])
            made = self._made = (epoch, block), self._order.numbers(epoch, places).tolist()
        return made[1]
