"""Our batches as a tf.data.Dataset: what TensorFlow would parse, read by us.

Each iteration over the dataset has a generator of its own over `OrderedBatches`; several may go on side by side.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.adapters.tf_features import tensors

#: The most batches that TensorFlow counts.
_MOST = (1 << 63) - 1


class EpochRuns:
    """The batches of one iteration after the other.

    Args:
        ordered: the batches of an epoch.
        epochs: how many epochs an iteration has; None: without end.
        state: where the first iteration begins, as of `OrderedBatches.state_after`. It ends as if it had begun with
            its epoch, and the next one goes on there; without end each iteration begins at the state.

    Raises:
        ValueError: as `OrderedBatches.load_state`; or there are more batches than 64 bits count.
    """

    def __init__(self, ordered: OrderedBatches, epochs: int | None, state: Mapping[str, int] | None) -> None:
        if epochs is not None and epochs * len(ordered) > _MOST:
            raise ValueError(f"{epochs} epochs of {len(ordered)} batches are more than TensorFlow counts")
        self._ordered, self._epochs = ordered, epochs
        first = copy.copy(ordered)
        if state is not None:
            first.load_state(state)
        self._state = first.state_after(0)
        self._runs = itertools.count()

    def count(self, tf: Any) -> int:
        """How many batches each iteration has, as `tf.data.Dataset.cardinality` says it."""
        if not len(self._ordered):
            return 0
        if self._epochs is None:
            return int(tf.data.INFINITE_CARDINALITY)
        return int(tf.data.UNKNOWN_CARDINALITY) if self._state["done"] else self._epochs * len(self._ordered)

    def batches(self) -> Iterator[dict[str, Any]]:
        """The columns of the next iteration, batch by batch."""
        ordered = copy.copy(self._ordered)  # in an epoch of its own
        if not len(ordered):
            return
        begin = self._state
        run = 0 if self._epochs is None else next(self._runs)
        if run:
            begin = {"epoch": self._state["epoch"] + run * (self._epochs or 0), "done": 0}
        ordered.load_state(begin)
        epochs = itertools.count(begin["epoch"])
        try:
            for epoch in epochs if self._epochs is None else itertools.islice(epochs, self._epochs):
                ordered.set_epoch(epoch)
                yield from ordered.batches()
        finally:
            ordered.source.rest()  # TensorFlow keeps what a generator is made of as long as the process lives


def dataset_of(tf: Any, runs: EpochRuns, element_spec: Any) -> Any:
    """A tf.data.Dataset of these batches, whose elements have that spec."""

    def elements() -> Iterator[dict[str, Any]]:
        return (tensors(tf, columns) for columns in runs.batches())

    dataset = tf.data.Dataset.from_generator(elements, output_signature=element_spec)
    count = runs.count(tf)
    if count == tf.data.UNKNOWN_CARDINALITY:
        return dataset
    return dataset.apply(tf.data.experimental.assert_cardinality(count))
