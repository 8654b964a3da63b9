"""filter, sample: some of the records, in their order, as they are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.files.frames import FrameFile, FrameSource, Moved, Progress
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import FOR_BATCHES, FOR_RECORDS
from tfrecord_lite.format.columns.decode_examples import ExampleDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.condition import Condition

Mask = NDArray[np.bool_]
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
        TypeError: numbers are none, such as a boolean mask.
        IndexError: a collection has a number that is no record's.
        DecodeError, FeatureError: a record is no Example, or holds what cannot be compared, or the function raises an
            exception, which is the cause then; with path, record number and offset.
        FeatureError: no record that was looked at has a feature of the condition; without these.
        others: as for `merge`.
    """
    if where is None and numbers is None:
        raise ValueError("where or numbers, or both: which records are wanted?")
    if keys is not None and not callable(where):
        raise ValueError("keys are for a function: a condition knows its own")
    source = FrameSource(paths, progress)
    wanted = None if numbers is None else _Numbers(numbers)
    judge = None if where is None else _Judge(where, keys)
    with source.output(out, options) as file:
        _move_chosen(source, file, wanted, judge)
        if wanted is not None:
            wanted.check_found(source.read)
        if judge is not None:
            judge.check_found()
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
        _move_chosen(source, file, wanted, None)
    return Moved(source.read, (file.facts(),))


def _move_chosen(source: FrameSource, file: FrameFile, wanted: _Numbers | None, judge: _Judge | None) -> None:
    for block in source.blocks(FOR_RECORDS if judge is None else FOR_BATCHES):
        first = source.read - len(block)
        chosen = np.ones(len(block), bool) if wanted is None else wanted.among(first, len(block))
        if judge is not None and chosen.any():
            chosen = judge.chosen(block, np.flatnonzero(chosen), source.reader)
        file.write(block.chosen_frames(chosen))


class _Numbers:
    """Numbers of wanted records."""

    def __init__(self, numbers: Any) -> None:
        self._range: range | None = None
        self._sorted = np.empty(0, np.int64)
        if isinstance(numbers, (slice, range)):
            self._range = _as_range(numbers)
        elif type(numbers) is np.ndarray and numbers.dtype == np.int64 and numbers.min(initial=0) >= 0:
            self._sorted = np.unique(numbers)
        else:
            given = [min(_checked(number), _NO_LIMIT) for number in numbers]
            if given and min(given) < 0:
                raise ValueError(f"records are counted from 0: there is none of number {min(given)}")
            self._sorted = np.unique(np.array(given, np.int64))

    def among(self, first: int, count: int) -> Mask:
        """Which of `count` records from number `first` on are wanted."""
        if self._range is not None:
            return np.fromiter(map(self._range.__contains__, range(first, first + count)), bool, count)
        mask = np.zeros(count, bool)
        begin, end = np.searchsorted(self._sorted, (first, first + count))
        mask[self._sorted[begin:end] - first] = True
        return mask

    def check_found(self, records: int) -> None:
        """Raise IndexError when there is no record of a number that was asked for by itself."""
        if len(self._sorted) and self._sorted[-1] >= records:
            raise IndexError(f"no record #{self._sorted[-1]}: there are {records}")


def _checked(number: Any) -> int:
    if isinstance(number, (bool, np.bool_)):
        raise TypeError("numbers of records are needed, not a mask: np.flatnonzero(mask) gives its numbers")
    return operator.index(number)


def _as_range(numbers: slice | range) -> range:
    begin = 0 if numbers.start is None else operator.index(numbers.start)
    end = _NO_LIMIT if numbers.stop is None else operator.index(numbers.stop)
    step = 1 if numbers.step is None else operator.index(numbers.step)
    if isinstance(numbers, slice) and (begin < 0 or end < 0 or step < 1):
        raise ValueError(f"records are counted from 0 and upwards, not by {numbers}")
    return range(begin, end, step)


class _Judge:
    """Asks a condition, or a function, about examples."""

    def __init__(self, where: str | Callable[[Mapping[str, Any]], bool], keys: Collection[str] | None) -> None:
        self._holds: Callable[[Mapping[str, Any]], bool]
        self._has_looked = False
        #: Features of the condition that no record had so far.
        self._missing: set[str] = set()
        if isinstance(where, str):
            self._holds = condition = Condition(where)
            keys = condition.keys
            self._missing = set(keys)
        else:
            self._holds = _with_errors(where)
        self._decoder = ExampleDecoder(keys)

    def chosen(self, block: Block, numbers: NDArray[np.int64], reader: TFRecordReader) -> Mask:
        """For which of these records of the block it holds; the others of the block are not looked at."""
        mask = np.zeros(len(block), bool)
        examples, error = self._decoder.decode(Records.of(block).take(numbers))
        number = 0
        try:
            for number, example in zip(numbers.tolist(), examples, strict=error is None):
                self._has_looked = True
                if self._missing:
                    self._missing -= example.keys()
                mask[number] = self._holds(example)
            if error is not None:
                number = int(numbers[error.record_number or 0])
                raise error
        except TFRecordError as problem:
            reader.locate(problem, block, number)
            raise
        finally:
            error = None  # its traceback holds this frame: no circle
        return mask

    def check_found(self) -> None:
        """Raise FeatureError when there were records, and a feature of the condition was in none of them."""
        if self._has_looked and self._missing:
            key = min(self._missing)
            raise FeatureError(f"no record has a feature '{key}'", key, names_key=True)


def _with_errors(function: Callable[[Mapping[str, Any]], bool]) -> Callable[[Mapping[str, Any]], bool]:
    """The function, whose exceptions become errors that are told their record."""

    def holds(example: Mapping[str, Any]) -> bool:
        try:
            return bool(function(example))
        except TFRecordError:
            raise
        except Exception as error:
            raise FeatureError(f"the condition raised {type(error).__name__}") from error

    return holds
