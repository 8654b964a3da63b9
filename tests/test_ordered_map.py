"""map_ordered: the results of a function in the order of the items, wherever it is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from multiprocessing import active_children

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.files.ordered_map import map_ordered

#: Processes are started.
pytestmark = pytest.mark.slow

WORKERS = [0, 1, 2]


def numbers(count: int) -> Generator[int]:
    yield from range(count)


def square(number: int) -> int:
    return number * number


def process_of(_: int) -> int:
    return os.getpid()


def fails_at_three(number: int) -> int:
    if number == 3:
        error = tfr.CorruptRecordError("record")
        error.path = "some file"
        raise error
    return number


def breaks_at_three(number: int) -> int:
    if number == 3:
        raise KeyError(number)
    return number


def dies_at_three(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


@pytest.mark.parametrize("workers", WORKERS)
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(map_ordered(square, numbers(20), workers)) == [number * number for number in range(20)]
    assert list(map_ordered(square, numbers(0), workers)) == []


def test_one_worker_is_this_process_and_two_are_others() -> None:
    assert set(map_ordered(process_of, numbers(3), 1)) == {os.getpid()}
    assert os.getpid() not in set(map_ordered(process_of, numbers(3), 2))


@pytest.mark.parametrize("workers", WORKERS)
def test_an_error_of_ours_comes_as_it_was_raised_after_the_results_before_it(workers: int) -> None:
    results = map_ordered(fails_at_three, numbers(20), workers)
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(tfr.CorruptRecordError) as caught:
        next(results)
    assert caught.value.path == "some file"


def test_any_other_exception_of_a_worker_names_the_item() -> None:
    with pytest.raises(tfr.ItemError, match=r"item #3.*KeyError: 3") as caught:
        list(map_ordered(breaks_at_three, numbers(20), 2))
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(KeyError):
        list(map_ordered(breaks_at_three, numbers(20), 1))


def test_a_worker_that_dies_is_an_error_that_names_the_item() -> None:
    with pytest.raises(tfr.ItemError, match=r"item #3.*died"):
        list(map_ordered(dies_at_three, numbers(20), 2))


def test_items_are_taken_as_they_are_needed_and_workers_end_with_the_iterator() -> None:
    taken = []

    def items() -> Generator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_ordered(square, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()
    assert not active_children()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("function", [square, fails_at_three])
def test_items_end_with_the_iterator_however_that_ends(function: Callable[[int], int], workers: int) -> None:
    """They may hold an open file, and who keeps the error that ended it keeps them, too."""
    items = numbers(20)
    results = map_ordered(function, items, workers)
    assert next(results) == 0
    if function is square:
        results.close()
    else:
        with pytest.raises(tfr.CorruptRecordError):
            list(results)
    assert next(items, None) is None
