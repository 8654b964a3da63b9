"""How Dask's tasks are run, for the writer of dask.py: which may be run again, and that none is left at work."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import dask
import dask.bag
import dask.threaded
from dask import distributed
from dask.system import CPU_COUNT

#: Seconds between two looks at what is still at work.
_PAUSE = 0.05


def repeatable(bag: dask.bag.Bag, is_divided: bool) -> tuple[dask.bag.Bag, bool]:
    """(a bag of the same partitions; whether a task that takes one may be run again).

    It may if each partition is made by one task from its source on: then that is done again, too. Where they are about
    to be divided they are made lists before.
    """
    lists = bag.map_partitions(list)
    keys = set(lists.__dask_keys__())
    dependencies, _ = dask.core.get_deps(lists.__dask_optimize__(lists.dask, list(keys)))
    is_repeatable = all(len(found) <= (key in keys) for key, found in dependencies.items())
    return lists if is_divided else bag, is_repeatable


def computed(tasks: list[Any], retries: int, client: distributed.Client | None) -> list[Any]:
    """What became of all tasks."""
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:  # there is none
            return _computed_here(tasks)
    futures = client.compute(tasks, retries=retries)
    try:
        for done in distributed.as_completed(futures):
            if done.status == "error":
                done.result()
        written: list[Any] = client.gather(futures)
    except BaseException:
        _stop(client, futures, {key for task in tasks for key in task.__dask_graph__()})
        raise
    return written


def _computed_here(tasks: list[Any]) -> list[Any]:
    """The same by Dask's schedulers without a cluster. When a task has raised, those that have begun are waited for."""
    own_pool = dask.config.get("pool", None) is None
    if own_pool and dask.base.get_scheduler(collections=tasks) is dask.threaded.get:
        # Dask does not wait for its threads, which write files.
        with ThreadPoolExecutor(dask.config.get("num_workers", None) or CPU_COUNT) as pool:
            return list(dask.compute(*tasks, pool=pool))
    return list(dask.compute(*tasks))


def _stop(client: distributed.Client, futures: list[Any], keys: set[Any]) -> None:
    """No task is begun any more, and what has begun is waited for, since it cannot be stopped and writes files."""
    client.cancel(futures)
    with contextlib.suppress(OSError):  # a worker is lost: why there is an error is known better
        while keys.intersection(chain.from_iterable(client.call_stack().values())):
            time.sleep(_PAUSE)
