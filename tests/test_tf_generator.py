"""Iterations over batches that are handed to TensorFlow: where each begins and ends, and how many batches it has."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.adapters.tf_generator import EpochRuns, dataset_of

tf = pytest.importorskip("tensorflow")

FEATURES = {"k": tfr.FixedLenFeature([], np.int64)}
COUNT = 7


@pytest.fixture
def ordered(tmp_path: Path) -> OrderedBatches:
    """7 records in batches of 3, in another order each epoch."""
    return batches(tmp_path, COUNT, shuffle=True)


def batches(folder: Path, count: int, **options: Any) -> OrderedBatches:
    with tfr.TFRecordWriter(folder / "a") as writer:
        for number in range(count):
            writer.write_example({"k": number})
    return OrderedBatches(folder / "a", FEATURES, batch_size=3, **options)


def taken(runs: EpochRuns, most: int | None = None) -> list[list[int]]:
    return [batch["k"].tolist() for batch in itertools.islice(runs.batches(), most)]


def epoch(ordered: OrderedBatches, number: int) -> list[list[int]]:
    ordered.load_state({"epoch": number, "done": 0})
    return [batch["k"].tolist() for batch in ordered.batches()]


def test_each_iteration_goes_on_with_the_epochs_behind_those_of_the_one_before(ordered: OrderedBatches) -> None:
    runs = EpochRuns(ordered, 2, None)
    first, second = taken(runs), taken(runs)
    assert first == epoch(ordered, 0) + epoch(ordered, 1)
    assert second == epoch(ordered, 2) + epoch(ordered, 3)
    assert first != second
    assert runs.count(tf) == len(first) == 6


def test_without_end_every_iteration_is_the_same(ordered: OrderedBatches) -> None:
    runs = EpochRuns(ordered, None, None)
    found = taken(runs, 7)
    assert found == [*epoch(ordered, 0), *epoch(ordered, 1), epoch(ordered, 2)[0]]
    assert taken(runs, 7) == found
    assert runs.count(tf) == tf.data.INFINITE_CARDINALITY


def test_from_a_state_the_rest_of_its_epoch_is_the_first(ordered: OrderedBatches) -> None:
    runs = EpochRuns(ordered, 1, {"epoch": 4, "done": 3})
    assert runs.count(tf) == tf.data.UNKNOWN_CARDINALITY
    assert taken(runs) == epoch(ordered, 4)[1:]
    assert taken(runs) == epoch(ordered, 5)


def test_from_a_state_without_end_every_iteration_begins_there(ordered: OrderedBatches) -> None:
    runs = EpochRuns(ordered, None, {"epoch": 4, "done": 3})
    expected = [*epoch(ordered, 4)[1:], *epoch(ordered, 5)]
    assert taken(runs, 5) == expected
    assert taken(runs, 5) == expected


def test_a_state_beyond_the_records_is_refused_at_once(ordered: OrderedBatches) -> None:
    with pytest.raises(ValueError, match="8"):
        EpochRuns(ordered, 1, {"epoch": 0, "done": 8})


def test_iterations_go_on_side_by_side(ordered: OrderedBatches) -> None:
    runs = EpochRuns(ordered, 1, None)
    both = list(zip(runs.batches(), runs.batches(), strict=True))
    assert [one["k"].tolist() for one, _ in both] == epoch(ordered, 0)
    assert [other["k"].tolist() for _, other in both] == epoch(ordered, 1)


@pytest.mark.parametrize("epochs", [1, None])
def test_no_records_are_no_batches_and_no_endless_search(tmp_path: Path, epochs: int | None) -> None:
    runs = EpochRuns(batches(tmp_path, 0), epochs, None)
    assert taken(runs) == []
    assert runs.count(tf) == 0


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_files_are_let_go_of_when_an_iteration_ends(
    ordered: OrderedBatches, monkeypatch: pytest.MonkeyPatch, is_cut_short: bool
) -> None:
    rests: list[bool] = []
    monkeypatch.setattr(ordered.source, "rest", lambda: rests.append(True))
    iteration = EpochRuns(ordered, 1, None).batches()
    next(iteration)
    assert rests == []
    if is_cut_short:
        iteration.close()  # type: ignore[attr-defined]
    else:
        list(iteration)
    assert rests == [True]


@pytest.mark.parametrize(
    ("epochs", "state", "cardinality"), [(2, None, 6), (None, None, -1), (1, {"epoch": 0, "done": 3}, -2)]
)
def test_a_dataset_says_how_many_batches_it_has(
    ordered: OrderedBatches, epochs: int | None, state: dict[str, int] | None, cardinality: int
) -> None:
    dataset = dataset_of(tf, EpochRuns(ordered, epochs, state), {"k": tf.TensorSpec([None], tf.int64)})
    assert int(dataset.cardinality()) == cardinality
    (batch,) = dataset.take(1)
    assert batch["k"].numpy().tolist() == epoch(ordered, 0)[0 if state is None else 1]
