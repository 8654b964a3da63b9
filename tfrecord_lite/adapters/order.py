"""In which order records are read for training, and which of them each process reads: the same for all frameworks.

Two pure functions, which need no memory however many records there are:

    RecordOrder.numbers(epoch, places)     places in the order of an epoch -> record numbers
    Turn.places(step, ...)                 the places that one rank reads in one step

An epoch's order is a permutation that is computed, not stored: a Feistel network over the smallest square that holds
all numbers, walked along until it comes to a number that there is (Black and Rogaway, "Ciphers with arbitrary finite
domains"). It is as good as a drawn one, but for a handful of records, of whose few orders some come a tenth more often
than others. With blocks, the blocks come in such an order, and the records of a few of them are mixed.

In a step all ranks together read the places that follow each other:

    done                     |   rank 0   |   rank 1   | ... |   rank 0   |   rank 1   | ...
    place 0                begin          + batch_size       begin + ranks * batch_size

A rank's workers take its steps in turn, so their number changes nothing. All that has to be remembered is the epoch and
`done`, how many places all ranks have read in it; whoever goes on from there may have other ranks, workers and batches.
But the order must be the same one, which `RecordOrder.mark` tells.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.adapters.whole_number import whole_number, whole_numbers

Array = NDArray[np.int64]
Words = NDArray[np.uint64]

_ROUNDS = 8
_MASK_64 = (1 << 64) - 1
#: Constants of splitmix64, whose finalizer makes of each word one that looks random.
_STEP, _MIX_1, _MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
#: Bits of each of a mark's three words, which together a float of 64 bits holds, as some JSON readers have it.
_MARK_BITS = 17
#: The largest number of records: so many, and those that the last block lacks, are numbered with 63 bits.
MOST_RECORDS = 1 << 62


class RecordOrder:
    """The orders of `count` records, one for each epoch.

    Args:
        count: how many records there are, at most 2^62.
        seed: of the permutations, an int; None: every epoch is 0, 1, 2, ...
        block_size: records that lie together and are read together: blocks come in random order, the last one, which
            may be smaller, somewhere. For disks that turn, and for what is fetched from afar. 1: all records are mixed.
        mixed_blocks: the records of so many blocks that follow each other are mixed. What a reader holds at a time.

    Attributes:
        count: how many records there are.
        mark: an integer, 0 to 2^51 - 1, by which states know their order: a hash of all that makes it.

    Raises:
        ValueError: a number is negative, a size is not positive, or there are more records than that.
        TypeError: one of them is no integer.
    """

    def __init__(self, count: int, *, seed: int | None = None, block_size: int = 1, mixed_blocks: int = 16) -> None:
        self.count = whole_number(count, "count", 0, MOST_RECORDS)
        self._seed = None if seed is None else whole_number(seed, "seed")
        self._block_size = whole_number(block_size, "block_size", 1)
        self._mixed_blocks = whole_number(mixed_blocks, "mixed_blocks", 1)
        seeded = 0 if self._seed is None else _short(self._seed)
        in_blocks = self._seed is not None and self._block_size > 1
        blocks = _short(self._block_size, self._mixed_blocks) if in_blocks else 0
        self.mark = (_short(self.count) << _MARK_BITS | seeded) << _MARK_BITS | blocks

    def check_mark(self, mark: int) -> None:
        """Raise ValueError, and say what differs, where a mark is that of another order; TypeError where it is none."""
        count, seed, blocks = _words_of(self.mark)
        other_count, other_seed, other_blocks = _words_of(whole_number(mark, "mark"))
        differing = []
        if count != other_count:
            differing.append("the number of records")
        if bool(seed) != bool(other_seed):
            differing.append("shuffle")
        else:
            differing += ["seed"] * (seed != other_seed) + ["block_size or mixed_blocks"] * (blocks != other_blocks)
        if differing:
            raise ValueError(f"the state is of another order of records: what differs is {', '.join(differing)}")

    def numbers(self, epoch: int, places: Any) -> Array:
        """The record at each of `places` (integers, a range or an array) in the order of an epoch, int64 [n].

        Raises:
            IndexError: there is no such place.
            TypeError: the epoch, or a place, is no integer, or places are not of one dimension.
        """
        epoch = whole_number(epoch, "epoch")
        found = whole_numbers(places, "places")
        if len(found) and not 0 <= int(found.min()) <= int(found.max()) < self.count:
            raise IndexError(f"places are 0 to {self.count - 1}, not {int(found.min())} to {int(found.max())}")
        found = found.astype(np.int64, copy=False)
        if self._seed is None or not len(found):
            return found
        if self._block_size == 1:
            return _permuted(found, np.full(len(found), self.count), _key(self._seed, epoch))
        return self._in_blocks(found, epoch, self._seed)

    def _in_blocks(self, places: Array, epoch: int, seed: int) -> Array:
        size = min(self._block_size, self.count)  # larger ones are the same, but would leave 64 bits
        blocks = -(-self.count // size)
        together = min(self._mixed_blocks, blocks)
        missing = blocks * size - self.count  # from the last block
        key = _key(seed, epoch)
        # Where in the order of blocks the last one comes, and so which group is smaller.
        at = _place_of(blocks - 1, blocks, key)
        small_group = at // together
        group_size = size * together
        groups = places // group_size
        behind = places >= (small_group + 1) * group_size - missing
        groups[behind] = (places[behind] + missing) // group_size
        begins = groups * group_size - np.where(groups > small_group, missing, 0)
        first_blocks = groups * together
        counts = np.minimum(first_blocks + together, blocks) - first_blocks
        sizes = counts * size - np.where(groups == small_group, missing, 0)
        inside = _permuted(places - begins, sizes, _keys(seed, epoch, groups))
        ranks = inside // size
        # The last block is the last of its group, so that all others are whole.
        order = first_blocks + ranks
        last = first_blocks + counts - 1
        in_small = groups == small_group
        order = np.where(in_small & (ranks == counts - 1), at, np.where(in_small & (order == at), last, order))
        return _permuted(order, np.full(len(order), blocks), key) * size + inside % size


@dataclass(frozen=True)
class Turn:
    """How the places of an epoch are dealt out, from a point on.

    Attributes:
        count: places in the epoch, at most 2^62.
        done: those that have been read already, by all ranks together.
        batch_size: places a rank reads in a step.
        ranks: how many processes train together.
        remainder: what becomes of the places that are left when they are fewer than all ranks read in a step: "share"
            deals them out as evenly as possible, so that some ranks may get one less, or none; "drop" leaves them out;
            "pad" begins at place 0 again until every rank has a whole batch: those are read twice, and batch_size *
            ranks is at most 2^62.

    Raises:
        ValueError: a number is too small or too large, or the remainder is another word.
        TypeError: a number is no integer.
    """

    count: int
    done: int
    batch_size: int
    ranks: int = 1
    remainder: str = "share"

    def __post_init__(self) -> None:
        try:
            count = whole_number(self.count, "count", 0, MOST_RECORDS)
            numbers = {
                "count": count,
                "done": whole_number(self.done, "done", 0, count),
                "batch_size": whole_number(self.batch_size, "batch_size", 1),
                "ranks": whole_number(self.ranks, "ranks", 1),
            }
        except ValueError as error:
            raise ValueError(f"not possible: {error}") from None
        for name, number in numbers.items():  # Python's integers: products of numpy's overflow
            object.__setattr__(self, name, number)
        if self.remainder not in ("share", "drop", "pad"):
            raise ValueError(f"remainder is 'share', 'drop' or 'pad', not {self.remainder!r}")
        if self.remainder == "pad" and self.batch_size * self.ranks > MOST_RECORDS:  # places would leave 64 bits
            raise ValueError(f"not possible: batch_size * ranks is at most {MOST_RECORDS} where the remainder is 'pad'")

    @property
    def steps(self) -> int:
        """Steps to the end of the epoch, the same for every rank."""
        whole, left = divmod(self.count - self.done, self.batch_size * self.ranks)
        return whole + (left > 0 and self.remainder != "drop")

    def places(self, step: int, rank: int) -> Array:
        """What a rank reads in a step, int64 [n]: n is batch_size but for the last step where the rest is shared.

        Raises:
            IndexError: there is no such step or rank.
            TypeError: one of them is no integer.
        """
        step, rank = whole_number(step, "step"), whole_number(rank, "rank")
        if not 0 <= step < self.steps or not 0 <= rank < self.ranks:
            raise IndexError(f"steps are 0 to {self.steps - 1} and ranks 0 to {self.ranks - 1}, not {step} and {rank}")
        together = self.batch_size * self.ranks
        begin = self.done + step * together
        left = self.count - begin
        if left >= together or self.remainder == "pad":
            first = (begin + rank * self.batch_size) % self.count
            return np.arange(first, first + self.batch_size) % self.count
        least, more = divmod(left, self.ranks)
        first = begin + rank * least + min(rank, more)
        return np.arange(first, first + least + (rank < more))

    def size(self, step: int, rank: int) -> int:
        """How many places a rank reads in a step."""
        return self.batch_size if self.remainder == "pad" else len(self.places(step, rank))

    def done_after(self, steps: int) -> int:
        """How many places all ranks have read when each has done so many steps from here: what to remember."""
        steps = whole_number(steps, "steps", 0)
        return int(min(self.done + steps * self.batch_size * self.ranks, self.count))


def _short(*parts: int) -> int:
    """A word of a mark that depends on all of these integers, not 0."""
    return _key(*parts) % ((1 << _MARK_BITS) - 1) + 1


def _words_of(mark: int) -> tuple[int, int, int]:
    """Of the count, the seed (0: none) and the blocks (0: none)."""
    mask = (1 << _MARK_BITS) - 1
    return mark >> 2 * _MARK_BITS, mark >> _MARK_BITS & mask, mark & mask


def _permuted(values: Array, counts: Array, keys: Any) -> Array:
    """Each of values [n], below counts [n], by the permutation of 0 ... count - 1 that its key stands for."""
    bits = _half_bits(counts)
    result = _feistel(values.astype(np.uint64), bits, keys)
    outside = np.flatnonzero(result >= counts.astype(np.uint64))
    while len(outside):
        some = keys if isinstance(keys, int) else keys[outside]
        result[outside] = _feistel(result[outside], bits[outside], some)
        outside = outside[result[outside] >= counts[outside].astype(np.uint64)]
    return result.astype(np.int64)


def _place_of(value: int, count: int, key: int) -> int:
    """The place that `_permuted` maps to a value."""
    bits = _half_bits(np.array([count]))
    place = np.array([value], np.uint64)
    while True:
        place = _feistel(place, bits, key, is_backwards=True)
        if place[0] < count:
            return int(place[0])


def _half_bits(counts: Array) -> Words:
    """Half of the bits, rounded up, that the numbers below each count need; 1 at least."""
    bits = np.frexp((np.maximum(counts, 2) - 1).astype(np.float64))[1]  # one too many, perhaps, above 2^53
    return ((bits + 1) // 2).astype(np.uint64)


def _feistel(values: Words, bits: Words, keys: Any, *, is_backwards: bool = False) -> Words:
    """A permutation of the numbers of 2 * bits bits."""
    mask = (np.uint64(1) << bits) - np.uint64(1)
    left, right = values >> bits, values & mask
    rounds = range(_ROUNDS)
    if is_backwards:
        for number in reversed(rounds):
            left, right = right ^ (_mixed(left, keys, number) & mask), left
    else:
        for number in rounds:
            left, right = right, left ^ (_mixed(right, keys, number) & mask)
    joined: Words = left << bits | right
    return joined


def _mixed(words: Words, keys: Any, number: int) -> Words:
    """splitmix64's finalizer over word and key: what a round mixes in."""
    mixed = words + _as_words(keys) + np.uint64(_STEP * (number + 1) & _MASK_64)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(_MIX_1)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(_MIX_2)
    finished: Words = mixed ^ mixed >> np.uint64(31)
    return finished


def _as_words(keys: Any) -> Any:
    return np.uint64(keys) if isinstance(keys, int) else keys


def _key(*parts: int) -> int:
    """A word that depends on all of these integers, numpy's too."""
    key = 0
    for part in map(operator.index, parts):
        key = (key ^ part & _MASK_64) * _STEP + 1 & _MASK_64
        key = (key ^ key >> 30) * _MIX_1 & _MASK_64
        key = (key ^ key >> 27) * _MIX_2 & _MASK_64
        key ^= key >> 31
    return key


def _keys(seed: int, epoch: int, groups: Array) -> Words:
    """One for each group."""
    return _mixed(groups.astype(np.uint64) + np.uint64(1), _key(seed, epoch, 1), 0)
