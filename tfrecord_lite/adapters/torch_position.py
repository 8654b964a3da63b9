"""Where the iterations of a data set begin, in memory that all worker processes of PyTorch's DataLoader see.

Workers that live on between epochs have a copy of the data set: what is set in the main process reaches them here.

    epoch       that the next iteration reads
    done        places of it that were read before; they are left out by one iteration, which is ...
    iteration   ... the first to begin after they were set: it leaves its number, and all its workers know it by that
    made        ... and which of the main process' children its workers are: see `_made`
    taken       which workers have begun it: a later iteration may have the same number, made of the same seed
    settings    how often `done` was set
    begun_epoch, begun_done    where the iteration that began last began, or the next one begins if something is set
    last_epoch, last_done      the same, but that an epoch that is set leaves the iteration what it is
    has_begun   whether an iteration has begun since a position was loaded
    own_epoch   that workers had in states of their own, as StatefulDataLoader loads them: later iterations read it ...
    own_settings    ... as long as nothing else was set: the number of settings then

A worker that has just been made begins where the main process stood then: that may have set something else since, for
an iteration to come, before a worker that is slow to start came to its own.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Mapping
from typing import Any

import torch

from tfrecord_lite.adapters.whole_number import whole_number

EPOCH, DONE, ITERATION, MADE, SETTINGS, BEGUN_EPOCH, BEGUN_DONE, LAST_EPOCH, LAST_DONE, HAS_BEGUN = range(10)
OWN_EPOCH, OWN_SETTINGS, TAKEN = range(10, 13)
#: Words from TAKEN on, one for each worker, so that no two write to the same; more than a machine has. Memory of more
#: than 32 KiB is shared by threads of OpenMP, for which a forked child waits forever once its parent has used them.
_WORKERS = 1024
#: What a worker's own state holds beside position and step, and has to be the same where it is loaded.
_CONDITIONS = ("rank", "ranks", "batch_size", "worker", "workers")
#: Numbers of iterations are 0 or more in workers.
_NONE_YET, MAIN_PROCESS = -2, -1


class SharedPosition:
    """Of one data set."""

    def __init__(self) -> None:
        self._words = torch.zeros(TAKEN + _WORKERS, dtype=torch.int64).share_memory_()
        self._words[ITERATION] = _NONE_YET
        self._words[OWN_SETTINGS] = -1
        #: Epoch, done and number of settings, as last known here or, in a new process, where it was made.
        self._known = 0, 0, 0
        #: Which process has begun an iteration.
        self._process = -1

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._words.share_memory_()  # a worker has the same memory, a copy some of its own

    def load(self, epoch: int, done: int) -> None:
        """The next iteration begins there, those after it at place 0 of the epoch."""
        self._words[HAS_BEGUN] = 0
        self._set(epoch, done)

    def set_epoch(self, epoch: int) -> None:
        """The next iteration and those after it read this epoch."""
        self._set(epoch, 0)

    def _set(self, epoch: int, done: int) -> None:
        words = self._words.numpy()
        words[SETTINGS] += 1
        words[TAKEN:] = 0
        words[[EPOCH, DONE, ITERATION, BEGUN_EPOCH, BEGUN_DONE]] = epoch, done, _NONE_YET, epoch, done
        if not words[HAS_BEGUN]:
            words[[LAST_EPOCH, LAST_DONE]] = epoch, done
        self._know()

    def begin(self, iteration: int, worker: int, workers: int) -> dict[str, int]:
        """Where an iteration begins, as a state.

        Args:
            iteration: the same number for all workers that begin it together; other workers have others, unless they
                were made from the same seed.
            worker: the number of the worker; 0 in the main process.
            workers: how many begin it.
        """
        words = self._words.numpy()
        self._enter()
        epoch, done, settings = self._known
        if settings == words[OWN_SETTINGS]:
            epoch, done = int(words[OWN_EPOCH]), 0
        if settings != words[SETTINGS]:
            return {"epoch": epoch, "done": done}  # what is there now is for another iteration
        made = _made(worker)
        if words[ITERATION] == _NONE_YET:
            words[MADE] = made
            words[ITERATION] = iteration
        # Workers that live on keep the number of the iteration, and begin one after the other. Those of a later loader
        # have it when the seed is the same, and one of the first may have been killed before it began.
        taken = TAKEN + worker % _WORKERS
        is_first = words[ITERATION] == iteration and made - words[MADE] < workers and not words[taken]
        words[taken] = 1
        state = {"epoch": epoch, "done": done if is_first else 0}
        self._note(state)
        return state

    def begin_at(self, state: dict[str, int]) -> None:
        """An iteration begins where a worker's own state says, and later ones read its epoch."""
        words = self._words.numpy()
        self._enter()
        settings = self._known[2]
        if settings == words[SETTINGS]:  # else what is there now is for another iteration
            self._note(state)
        if settings >= words[OWN_SETTINGS]:
            words[[OWN_EPOCH, OWN_SETTINGS]] = state["epoch"], settings

    @property
    def epoch(self) -> int:
        """That the next iteration reads."""
        words = self._words.numpy()
        return int(words[OWN_EPOCH] if words[OWN_SETTINGS] == words[SETTINGS] else words[EPOCH])

    @property
    def begun(self) -> dict[str, int]:
        """Where the iteration that began last has begun; after something was set, where the next one begins."""
        words = self._words.numpy()
        return {"epoch": int(words[BEGUN_EPOCH]), "done": int(words[BEGUN_DONE])}

    @property
    def last(self) -> dict[str, int]:
        """Where the iteration that began last has begun; before one began, and after one was loaded, the next."""
        words = self._words.numpy()
        return {"epoch": int(words[LAST_EPOCH]), "done": int(words[LAST_DONE])}

    def _note(self, state: dict[str, int]) -> None:
        """An iteration has begun there."""
        place = state["epoch"], state["done"]
        self._words.numpy()[[BEGUN_EPOCH, BEGUN_DONE, LAST_EPOCH, LAST_DONE, HAS_BEGUN]] = *place, *place, True

    def _enter(self) -> None:
        """Look at what is set now, unless this process is new."""
        if self._process == os.getpid():
            self._know()
        else:
            self._process = os.getpid()

    def _know(self) -> None:
        words = self._words.numpy()
        self._known = int(words[EPOCH]), int(words[DONE]), int(words[SETTINGS])


def step_of(state: Mapping[str, Any], conditions: Mapping[str, int], steps: int) -> int | None:
    """The step at which a worker goes on by its own state; None where the state is not of one worker.

    Args:
        conditions: what a worker's own state holds beside position and step, and has to be the same; of the main
            process, which has no such state, without "worker" and "workers".
        steps: from the position to the end of the epoch.

    Raises:
        ValueError: it is the state of another worker, or of none.
    """
    own = {key: state[key] for key in _CONDITIONS if key in state}
    if not own and "step" not in state:
        return None
    if own != conditions or "worker" not in conditions:
        raise ValueError(
            f"a worker's own state is for the same worker, ranks and batch size, {dict(state)}, not for "
            f"{dict(conditions)}: state_after() gives one for any"
        )
    worker, workers = conditions["worker"], conditions["workers"]
    try:
        step = whole_number(state.get("step"), "step", 0, steps + workers - 1)
    except TypeError as error:
        raise ValueError(f"a worker's own state is of no use: {error}") from None
    if step < steps and step % workers != worker:  # behind the last one it is at the next of its own, or just there
        raise ValueError(f"a worker's own state is of no use: step {step} is not of worker {worker} of {workers}")
    return step


def _made(worker: int) -> int:
    """A number that the workers of one DataLoader have in common, and that of a later one have larger by the number of
    workers or more: how many processes the main process had made before. Larger by a few where other threads of it
    make processes at the same time."""
    number = re.search(r"(\d+)$", multiprocessing.current_process().name)
    return int(number[1]) - worker if number else 0
