"""filter, sample: some of the records, in their order, as they are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from tfrecord_lite.files.frames import FrameFile, FrameSource, Moved, Progress
from tfrecord_lite.format.blocks import Block
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.condition import Condition

Mask = np.typing.NDArray[np.bool_]
#: The block, and the number of its first record -> which of its records are wanted.
_Choose = Callable[[Block, int], Mask]

_NO_LIMIT = 2**63 - 1


def filter(  # noqa: A001  it is called as surgery.filter
    paths: Any,
    out: Any,
    where: str | Callable[[Mapping[str, Any]], bool] | None = None,
    *,
    numbers: slice | range | Collection[int] | None = None,
    keys: Collection[str] | None = None,
    options: Any = None,
    progress: Progress | None = None,
) -> Moved:
    """The records that are wanted, in one file, in their order.

    Args:
        paths, out, options, progress: as for `merge`.
        where: a condition on features, such as `"label == 3 and score >= 0.5"` (see `format.condition`), or a function
            that is given each example as `decode_example` gives it. Only the features in question are decoded.
        numbers: of the wanted records, counted from 0 through all files: a slice or range, or a collection. With
            `where`, both must hold.
        keys: the only features that a function is given; None is all.

    Raises:
        ValueError: neither `where` nor `numbers` is given, `where` is no condition, a slice counts from the end, or a
            number is negative.
        IndexError: a collection has a number that is no record's.
        DecodeError, FeatureError: a record is no Example, or holds what cannot be compared, with path, record number
            and offset.
        others: as for `merge`.
    """
    if where is None and numbers is None:
        raise ValueError("where or numbers, or both: which records are wanted?")
    if keys is not None and not callable(where):
        raise ValueError("keys are for a function: a condition knows its own")
    source = FrameSource(paths, progress)
    choices: list[_Choose] = []
    wanted = None if numbers is None else _Numbers(numbers)
    if wanted is not None:
        choices.append(wanted.among)
    if where is not None:
        choices.append(_chooser(where, keys, source))
    with source.output(out, options) as file:
        _move_chosen(source, file, choices, for_decoding=where is not None)
        if wanted is not None:
            wanted.check_found(source.read)
    return Moved(source.read, (file.facts(),))


def sample(
    paths: Any,
    out: Any,
    *,
    count: int | None = None,
    fraction: float | None = None,
    seed: int | None = None,
    options: Any = None,
    progress: Progress | None = None,
) -> Moved:
    """Some records, drawn at random, in one file, in their order: every choice of so many is equally likely.

    Args:
        paths, out, options, progress: as for `merge`. The input is read twice.
        count: how many.
        fraction: or how large a part of all, 0 to 1; the nearest number of records is drawn.
        seed: makes the choice repeatable; None draws another one each time.

    Raises:
        ValueError: not one of count and fraction is given, there are fewer records, or an input is a stream.
        others: as for `merge`.
    """
    if (count is None) == (fraction is None):
        raise ValueError("count or fraction, one of them")
    if count is not None and operator.index(count) < 0:
        raise ValueError(f"count is not negative, unlike {count}")
    if fraction is not None and not 0 <= fraction <= 1:
        raise ValueError(f"fraction is 0 to 1, not {fraction}")
    generator = np.random.default_rng(seed)
    source = FrameSource(paths, progress, passes=2)
    source.check_rereadable("an exact number is drawn after counting")
    records = source.count()
    drawn = round(records * fraction) if fraction is not None else count
    assert drawn is not None
    if drawn > records:
        raise ValueError(f"{drawn} records cannot be drawn from {records}")
    wanted = _Numbers(generator.choice(records, drawn, replace=False, shuffle=False) if drawn else ())
    with source.output(out, options) as file:
        _move_chosen(source, file, [wanted.among], for_decoding=False)
    return Moved(source.read, (file.facts(),))


def _move_chosen(source: FrameSource, file: FrameFile, choices: list[_Choose], *, for_decoding: bool) -> None:
    for block in source.blocks(for_decoding=for_decoding):
        chosen = np.ones(len(block), bool)
        for choose in choices:
            if chosen.any():
                chosen &= choose(block, source.read - len(block))
        file.write(block.chosen_frames(chosen), int(np.count_nonzero(chosen)))


class _Numbers:
    """Numbers of wanted records."""

    def __init__(self, numbers: Any) -> None:
        self._range: range | None = None
        self._sorted = np.empty(0, np.int64)
        if isinstance(numbers, (slice, range)):
            self._range = _as_range(numbers)
        else:
            given = [min(operator.index(number), _NO_LIMIT) for number in numbers]
            if given and min(given) < 0:
                raise ValueError(f"records are counted from 0: there is none of number {min(given)}")
            self._sorted = np.unique(np.array(given, np.int64))

    def among(self, block: Block, first: int) -> Mask:
        """Which records of the block are wanted."""
        if self._range is not None:
            return np.fromiter(map(self._range.__contains__, range(first, first + len(block))), bool, len(block))
        mask = np.zeros(len(block), bool)
        begin, end = np.searchsorted(self._sorted, (first, first + len(block)))
        mask[self._sorted[begin:end] - first] = True
        return mask

    def check_found(self, records: int) -> None:
        """Raise IndexError when there is no record of a number that was asked for by itself."""
        if len(self._sorted) and self._sorted[-1] >= records:
            raise IndexError(f"no record #{self._sorted[-1]}: there are {records}")


def _as_range(numbers: slice | range) -> range:
    begin = 0 if numbers.start is None else operator.index(numbers.start)
    end = _NO_LIMIT if numbers.stop is None else operator.index(numbers.stop)
    step = 1 if numbers.step is None else operator.index(numbers.step)
    if isinstance(numbers, slice) and (begin < 0 or end < 0 or step < 1):
        raise ValueError(f"records are counted from 0 and upwards, not by {numbers}")
    return range(begin, end, step)


def _chooser(
    where: str | Callable[[Mapping[str, Any]], bool], keys: Collection[str] | None, source: FrameSource
) -> _Choose:
    condition = Condition(where) if isinstance(where, str) else None
    holds = condition if condition is not None else where
    assert callable(holds)
    decoder = ExampleDecoder(keys if condition is None else condition.keys)

    def choose(block: Block, first: int) -> Mask:
        examples, error = decoder.decode(Records.of(block))
        if error is not None:
            source.reader.locate(error, block, error.record_number or 0)
            raise error
        return np.fromiter(_answers(examples), bool, len(block))

    def _answers(examples: Any) -> Iterator[bool]:
        for example in examples:
            yield bool(holds(example))

    return choose
