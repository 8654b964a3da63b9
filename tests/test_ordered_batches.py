"""Batches in the order of training: each record once, over ranks and workers, from any point."""

from __future__ import annotations

import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.adapters.order import RecordOrder
from tfrecord_lite.adapters.ordered_batches import OrderedBatches

COUNT = 97
NUMBER = {"number": tfr.FixedLenFeature([], np.int64)}
FEATURES = NUMBER | {
    "words": tfr.RaggedFeature(bytes),
    "values": tfr.FixedLenFeature([2], np.float32, [1, 2]),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ordered")
    number = 0
    for shard, count in enumerate([40, 1, 0, 56]):
        with tfr.TFRecordWriter(folder / f"train-{shard:05}-of-00004") as writer:
            for _ in range(count):
                example: dict[str, Any] = {"number": number, "words": [b"w"] * (number % 4) or None}
                writer.write_example(example if number % 3 else example | {"values": [float(number), 0.5]})
                number += 1
    return folder


def numbers_of(batches: Any) -> list[int]:
    return [int(number) for batch in batches for number in batch["number"]]


def test_without_shuffling_batches_are_those_of_read_batches(folder: Path) -> None:
    found = list(OrderedBatches(folder, FEATURES, batch_size=10).batches())
    expected = list(tfr.read_batches(folder, FEATURES, batch_size=10))
    assert len(found) == len(expected) == 10
    for batch, other in zip(found, expected, strict=True):
        assert batch.keys() == other.keys()
        np.testing.assert_array_equal(batch["number"], other["number"])
        np.testing.assert_array_equal(batch["values"], other["values"])
        assert batch["words"].to_list() == other["words"].to_list()


@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
def test_shuffled_batches_hold_the_values_of_their_records(tmp_path: Path, bytes_as: Any) -> None:
    generator = np.random.default_rng(3)
    examples = [
        {
            "number": number,
            "ids": generator.integers(0, 100_000, number % 50 + 1),
            "floats": generator.normal(size=number % 9 + 1).astype(np.float32),
            "name": generator.bytes(number % 30 + 1),
            "image": generator.bytes(600),
        }
        for number in range(3000)
    ]
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for example in examples:
            writer.write_example(example)
    features = {
        "number": tfr.FixedLenFeature([], np.int64),
        "ids": tfr.RaggedFeature(np.int64),
        "floats": tfr.RaggedFeature(np.float32),
        "name": tfr.FixedLenFeature([], bytes),
        "image": tfr.FixedLenFeature([], bytes),
    }
    seen = 0
    for batch in OrderedBatches(tmp_path / "a", features, batch_size=700, shuffle=True, bytes_as=bytes_as).batches():
        ids, floats = batch["ids"].to_list(), batch["floats"].to_list()
        for at, number in enumerate(batch["number"].tolist()):
            example = examples[number]
            assert (bytes(batch["name"][at]), bytes(batch["image"][at])) == (example["name"], example["image"])
            assert (ids[at], floats[at]) == (example["ids"].tolist(), example["floats"].tolist())
            seen += 1
    assert seen == 3000


def test_shuffled_batches_come_in_the_order_of_their_epoch(folder: Path) -> None:
    batches = OrderedBatches(folder, FEATURES, batch_size=10, shuffle=True, seed=5)
    order = RecordOrder(COUNT, seed=5)
    for epoch in (0, 1, 7):
        batches.set_epoch(epoch)
        assert numbers_of(batches.batches()) == order.numbers(epoch, range(COUNT)).tolist()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 4), st.booleans(), st.data())
def test_ranks_and_workers_read_each_record_once_from_any_point(
    folder: Path, batch_size: int, ranks: int, workers: int, shuffle: bool, data: st.DataObject
) -> None:
    def all_ranks(batch_size: int, ranks: int, state: dict[str, int]) -> list[OrderedBatches]:
        made = [
            OrderedBatches(folder, FEATURES, batch_size=batch_size, shuffle=shuffle, seed=1, rank=rank, ranks=ranks)
            for rank in range(ranks)
        ]
        for batches in made:
            batches.load_state(state)
        return made

    def read(made: list[OrderedBatches], steps: int, workers: int) -> list[int]:
        numbers = []
        for batches in made:
            for worker in range(workers):
                # What a worker has of the steps that are taken.
                taken = len(range(worker, steps, workers))
                numbers += numbers_of(islice(batches.batches(worker, workers), taken))
        return numbers

    first = all_ranks(batch_size, ranks, {"epoch": 3, "done": 0})
    steps = data.draw(st.integers(0, len(first[0])))
    numbers = read(first, steps, workers)
    state = first[0].state_after(steps)
    assert state == {"epoch": 3, "done": len(numbers), "order": RecordOrder(COUNT, seed=1 if shuffle else None).mark}
    second = all_ranks(data.draw(st.integers(1, 30)), data.draw(st.integers(1, 4)), state)
    numbers += read(second, len(second[0]), data.draw(st.integers(1, 4)))
    assert sorted(numbers) == list(range(COUNT))


def test_another_epoch_begins_at_its_begin_and_the_same_one_goes_on(folder: Path) -> None:
    batches = OrderedBatches(folder, FEATURES, batch_size=10)
    batches.load_state({"epoch": 2, "done": 90})
    batches.set_epoch(2)
    assert numbers_of(batches.batches()) == list(range(90, COUNT))
    batches.set_epoch(3)
    assert len(batches) == 10
    assert numbers_of(batches.batches()) == list(range(COUNT))


@pytest.mark.parametrize(("remainder", "counts"), [("share", [24, 23]), ("drop", [20, 20]), ("pad", [30, 30])])
def test_what_does_not_fill_a_batch_of_every_rank(folder: Path, remainder: str, counts: list[int]) -> None:
    made = [OrderedBatches(folder, FEATURES, batch_size=10, rank=rank, ranks=2, remainder=remainder) for rank in (0, 1)]
    for batches in made:
        batches.load_state({"epoch": 0, "done": 50})
    assert [len(numbers_of(batches.batches())) for batches in made] == counts


def test_it_can_be_pickled_after_it_was_read_from(folder: Path) -> None:
    batches = OrderedBatches(folder, FEATURES, batch_size=10, shuffle=True)
    batches.load_state({"epoch": 4, "done": 20})
    numbers = numbers_of(batches.batches())
    assert numbers_of(pickle.loads(pickle.dumps(batches)).batches()) == numbers


def test_features_are_inferred_from_all_files(folder: Path) -> None:
    batches = OrderedBatches(folder, batch_size=50)
    assert set(batches.features) == {"number", "words", "values"}
    assert numbers_of(batches.batches()) == list(range(COUNT))


def test_files_without_records_have_no_batches(tmp_path: Path) -> None:
    tfr.TFRecordWriter(tmp_path / "empty").close()
    assert list(OrderedBatches(tmp_path / "empty", batch_size=10, shuffle=True).batches()) == []


def test_a_record_that_is_unfit_is_named_with_its_place(folder: Path) -> None:
    features = FEATURES | {"values": tfr.FixedLenFeature([2], np.float32)}
    batches = OrderedBatches(folder, features, batch_size=10)
    batches.load_state({"epoch": 0, "done": 42})
    with pytest.raises(tfr.FeatureError) as caught:
        list(batches.batches())
    error = caught.value
    # 43 is the first number that no 3 divides, and lies at #2 of the file behind 40 and 1.
    assert (error.path, error.record_number) == (str(folder / "train-00003-of-00004"), 2)
    assert error.offset == int(tfr.RecordIndex.build(folder / "train-00003-of-00004").offsets[2])


def test_a_record_that_is_no_example_is_named_with_its_place(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for record in (b"", b"", b"\xff"):
            writer.write(record)
    with pytest.raises(tfr.DecodeError, match=r"a: record #2 at offset 32"):
        list(OrderedBatches(tmp_path / "a", {"b": tfr.VarLenFeature(bytes)}, batch_size=10).batches())


def test_numbers_that_are_of_no_use_are_value_errors(folder: Path) -> None:
    with pytest.raises(ValueError, match="rank is 0 to 1 where there are 2 ranks, not 2"):
        OrderedBatches(folder, FEATURES, batch_size=1, rank=2, ranks=2)
    with pytest.raises(ValueError, match="not possible"):
        OrderedBatches(folder, FEATURES, batch_size=0)
    with pytest.raises(ValueError, match="not possible"):
        OrderedBatches(folder, FEATURES, batch_size=1).load_state({"epoch": 0, "done": COUNT + 1})


def write_large(path: Path, unfit: int | None = None) -> list[bytes]:
    """40 records of 400,000 bytes, more than are decoded together; one of them perhaps without its number."""
    images = [np.random.default_rng(number).bytes(400_000 + number) for number in range(40)]
    with tfr.TFRecordWriter(path) as writer:
        for number, image in enumerate(images):
            writer.write_example({"image": image} if number == unfit else {"image": image, "number": number})
    return images


@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
def test_a_batch_of_large_records_is_whole(tmp_path: Path, bytes_as: Any) -> None:
    images = write_large(tmp_path / "a")
    batches = OrderedBatches(tmp_path / "a", batch_size=33, shuffle=True, bytes_as=bytes_as)
    found = [
        (number, bytes(batch["image"][at])) for batch in batches.batches() for at, number in enumerate(batch["number"])
    ]
    assert sorted(found) == list(enumerate(images))
    assert [number for number, _ in found] == RecordOrder(40, seed=0).numbers(0, range(40)).tolist()


def test_an_unfit_record_among_large_ones_is_named_with_its_place(tmp_path: Path) -> None:
    write_large(tmp_path / "a", unfit=37)
    features = {"image": tfr.FixedLenFeature([], bytes), "number": tfr.FixedLenFeature([], np.int64)}
    with pytest.raises(tfr.FeatureError) as caught:
        list(OrderedBatches(tmp_path / "a", features, batch_size=40).batches())
    assert (caught.value.path, caught.value.record_number) == (str(tmp_path / "a"), 37)


@pytest.mark.parametrize("remainder", ["share", "drop", "pad"])
def test_examples_one_by_one_are_the_rows_of_the_batches(folder: Path, remainder: Any) -> None:
    for rank in range(3):
        data = OrderedBatches(
            folder, FEATURES, batch_size=5, seed=3, ranks=3, rank=rank, remainder=remainder, shuffle=True
        )
        batches = list(data.batches())
        examples = list(data.examples())
        assert [int(example["number"]) for example in examples] == numbers_of(batches)
        assert len(examples) == data.count_examples()
        assert [example["values"].tolist() for example in examples] == [
            row for batch in batches for row in batch["values"].tolist()
        ]
        assert numbers_of(data.batches(1, 2)) == [int(example["number"]) for example in data.examples(1, 2)]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"epoch": 1},
        {"epoch": "1", "done": 0},
        {"epoch": 1, "done": None},
        None,
        {"epoch": 1, "done": 0, "order": "1"},
        np.array(2),
        "epoch, done",
        [("epoch", 1), ("done", 0)],
    ],
)
def test_a_state_that_is_none_is_refused(folder: Path, state: Any) -> None:
    with pytest.raises(ValueError, match="a state has two whole numbers, epoch and done"):
        OrderedBatches(folder, FEATURES, batch_size=5).load_state(state)


@pytest.mark.parametrize(
    ("other", "differing"),
    [
        ({"seed": 8}, "seed"),
        ({"shuffle": False}, "shuffle"),
        ({"block_size": 4}, "block_size or mixed_blocks"),
        ({"seed": 8, "block_size": 4}, "seed, block_size or mixed_blocks"),
    ],
)
def test_a_state_of_another_order_is_refused_and_says_what_differs(
    folder: Path, other: dict[str, Any], differing: str
) -> None:
    order: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 7}
    first, second = OrderedBatches(folder, FEATURES, **order), OrderedBatches(folder, FEATURES, **order | other)
    for one, another in ((first, second), (second, first)):
        with pytest.raises(ValueError, match=f"another order of records: what differs is {differing}$"):
            another.load_state(one.state_after(3))
    state = first.state_after(3)
    del state["order"]  # as older versions wrote it
    second.load_state(state)
    assert len(second) == 17


def test_a_state_of_other_records_is_refused(folder: Path) -> None:
    state = OrderedBatches(folder, FEATURES, batch_size=5).state_after(3)
    fewer = OrderedBatches(folder / "train-00003-of-00004", FEATURES, batch_size=5)
    with pytest.raises(ValueError, match=r"what differs is the number of records$"):
        fewer.load_state(state)


def test_a_state_is_for_other_batches_ranks_and_what_changes_no_order(folder: Path) -> None:
    state = OrderedBatches(folder, FEATURES, batch_size=5, shuffle=True, mixed_blocks=3).state_after(2)
    assert all(type(number) is int for number in state.values())
    OrderedBatches(folder, FEATURES, batch_size=7, shuffle=True, rank=1, ranks=2, remainder="pad").load_state(state)
    state = OrderedBatches(folder, FEATURES, batch_size=5, block_size=8, seed=4).state_after(2)
    OrderedBatches(folder, FEATURES, batch_size=5).load_state(state)


@pytest.mark.parametrize("epoch", [2**63, 2**80, -(2**63) - 1])
def test_an_epoch_beyond_64_bits_is_refused_at_once(folder: Path, epoch: int) -> None:
    batches = OrderedBatches(folder, FEATURES, batch_size=5)
    with pytest.raises(ValueError, match=f"epoch is .*, not {epoch}"):
        batches.set_epoch(epoch)
    with pytest.raises(ValueError, match=f"epoch is .*, not {epoch}"):
        batches.load_state({"epoch": epoch, "done": 0})
    assert batches.epoch == 0


def test_what_is_no_number_is_refused_at_once(folder: Path) -> None:
    batches = OrderedBatches(folder, FEATURES, batch_size=5)
    for state in ({"epoch": True, "done": 0}, {"epoch": 0, "done": True}, {"epoch": 0, "done": 0, "order": True}):
        with pytest.raises(ValueError, match="a state has two whole numbers"):
            batches.load_state(state)
    wrong: Any
    for wrong in (True, 2.5):
        with pytest.raises(TypeError, match="epoch: "):
            batches.set_epoch(wrong)
        with pytest.raises(TypeError, match="steps: "):
            batches.state_after(wrong)
    with pytest.raises(ValueError, match="steps is 0 or more, not -1"):
        batches.state_after(-1)
    for name in ("batch_size", "seed", "block_size", "mixed_blocks", "rank", "ranks"):
        for wrong in ("8", 1.5, True):
            order: dict[str, Any] = {"batch_size": 5, name: wrong}  # without shuffle, too
            with pytest.raises(TypeError, match=f"^{name}: "):
                OrderedBatches(folder, FEATURES, **order)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_numpys_integers_make_the_same_batches(folder: Path, kind: Any) -> None:
    numbers = {"batch_size": 3, "seed": 5, "block_size": 100, "mixed_blocks": 100, "rank": 1, "ranks": 2}
    expected = OrderedBatches(folder, FEATURES, shuffle=True, **numbers)  # type: ignore[arg-type]
    of_numpy: Any = {name: kind(number) for name, number in numbers.items()}
    found = OrderedBatches(folder, FEATURES, shuffle=True, **of_numpy)
    of_numpy = kind(2)
    state = found.state_after(of_numpy)
    assert state == expected.state_after(2)
    found.load_state({name: np.int64(number) for name, number in state.items()})
    expected.load_state(state)
    assert numbers_of(found.batches()) == numbers_of(expected.batches())
    assert [int(one["number"]) for one in found.examples()] == numbers_of(expected.batches())
    assert all(type(number) is int for number in found.state_after(1).values())


@pytest.mark.parametrize(
    ("kind", "batch_size", "ranks"), [(np.int8, 100, 3), (np.int16, 256, 200), (np.int16, 256, 256)]
)
def test_a_step_larger_than_numpys_integers_leaves_no_record_out(
    folder: Path, kind: Any, batch_size: int, ranks: int
) -> None:
    found = []
    for rank in range(COUNT if ranks > COUNT else ranks):
        batches = OrderedBatches(folder, NUMBER, batch_size=kind(batch_size), rank=rank, ranks=kind(ranks))
        found += numbers_of(batches.batches())
    assert found == list(range(COUNT))


@pytest.mark.parametrize("features", [-1, "x", True, [1], [], np.zeros(2)], ids=repr)
def test_features_that_are_no_mapping_are_a_type_error(folder: Path, features: Any) -> None:
    with pytest.raises(TypeError, match="features are a mapping of names to features, or a Schema, not "):
        OrderedBatches(folder, features, batch_size=5)


@pytest.mark.parametrize("read", [OrderedBatches.batches, OrderedBatches.examples])
def test_steps_that_there_cannot_be_are_refused_at_once(folder: Path, read: Any) -> None:
    batches = OrderedBatches(folder, FEATURES, batch_size=5)
    for steps, problem in (
        ((0, 0), "stride is 1 or more, not 0"),
        ((19, -1), "stride is 1 or more, not -1"),
        ((-1, 1), "begin is 0 or more, not -1"),
    ):
        with pytest.raises(ValueError, match=f"^{problem}$"):
            read(batches, *steps)
    with pytest.raises(TypeError, match=r"^stride: "):
        read(batches, 0, 1.5)
    assert len(list(read(batches, np.int8(18), np.uint8(200)))) in (1, 5)
