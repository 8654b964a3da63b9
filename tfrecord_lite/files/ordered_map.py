"""map_ordered: a function of each of many items, in several processes, the results in the order of the items.

Memory is bounded by the items that are under way: two for each process.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.files.encoded_chunk import Failure, shortened


def map_ordered(function: Callable[[Any], Any], items: Generator[Any], workers: int) -> Generator[Any]:
    """What a function makes of each item, in order.

    Args:
        function: called in a worker process, or here when `workers` is 0 or 1. With several it, the items and the
            results are picklable.
        items: what `repr` gives of one names it when a worker dies of it. Closed with the iterator.
        workers: processes. They end when the iterator is closed.

    Raises:
        ItemError: a worker died, with the item in question; or the function raised what is none of the following.
        TFRecordError, OSError, MemoryError: what the function raised.
    """
    with closing(items):
        yield from map(function, items) if workers <= 1 else _in_processes(function, items, workers)


def _in_processes(function: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Generator[Any]:
    import multiprocessing  # with all that belongs to it, where there are several only

    from tfrecord_lite.files.encoding_pool import EncodingPool

    # Not forked: libraries that read files have threads of their own, of which a fork leaves locks without an owner.
    context = multiprocessing.get_context("spawn")
    with EncodingPool(workers, function, context, _take_chunk) as pool:
        for result in pool.results((number, [item]) for number, item in enumerate(items)):
            if isinstance(result, Failure):
                if isinstance(result.error, (TFRecordError, OSError, MemoryError)):
                    raise result.error
                raise result.as_error() from result.error
            yield result


def _take_chunk(function: Callable[[Any], Any], begin: int, items: list[Any], note: Callable[[int, int], None]) -> Any:
    (item,) = items
    note(begin, begin + 1)
    try:
        return function(item)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - it is raised where the results are taken
        return Failure(begin, shortened(item), error)
