"""Data sets for PyTorch: in its loaders, in workers, over ranks, from any point. `make test-loaders` runs this."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.adapters.order import RecordOrder
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.tensor_values import RaggedTensorValue, SparseTensorValue

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, default_collate, get_worker_info  # noqa: E402

from tfrecord_lite.adapters.torch import TFRecordDataset, TFRecordMapDataset  # noqa: E402
from tfrecord_lite.adapters.torch_position import step_of  # noqa: E402
from tfrecord_lite.adapters.torch_tensors import as_tensors  # noqa: E402

ROOT = Path(__file__).parent.parent
COUNT = 97
NUMBER = {"number": tfr.FixedLenFeature([], np.int64)}
FEATURES: dict[str, Any] = NUMBER | {
    "pair": tfr.FixedLenFeature([2], np.float32),
    "name": tfr.FixedLenFeature([], bytes),
    "tokens": tfr.RaggedFeature(np.int64),
    "few": tfr.VarLenFeature(np.float32),
}


def example_of(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "pair": [number / 2, -1.0],
        "name": b"n" * (number % 5) + b"\0",
        "tokens": np.arange(number % 4) + number,
        "few": np.full(number % 3, number, np.float32),
        "words": np.array([b"w", b"\0"][: number % 3], object),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torch")
    number = 0
    for shard, count in enumerate([40, 1, 0, 56]):
        with tfr.TFRecordWriter(folder / f"train-{shard:05}-of-00004") as writer:
            for _ in range(count):
                writer.write_example(example_of(number))
                number += 1
    return folder


#: By which states know the orders of 97 records.
IN_ORDER = RecordOrder(COUNT).mark
SHUFFLED = RecordOrder(COUNT, seed=0).mark


def numbers_of(items: Any) -> list[int]:
    return [int(number) for item in items for number in item["number"].reshape(-1)]


def test_batches_are_those_of_read_batches_as_tensors(folder: Path) -> None:
    found = list(TFRecordDataset(folder, FEATURES, batch_size=10))
    expected = list(tfr.read_batches(folder, FEATURES, batch_size=10))
    assert len(found) == len(expected) == 10
    for batch, columns in zip(found, expected, strict=True):
        assert batch.keys() == columns.keys()
        assert (batch["number"].dtype, batch["pair"].dtype) == (torch.int64, torch.float32)
        np.testing.assert_array_equal(batch["number"].numpy(), columns["number"])
        np.testing.assert_array_equal(batch["pair"].numpy(), columns["pair"])
        assert batch["name"] == columns["name"].tolist()
        assert batch["tokens"].layout == torch.jagged
        assert [row.tolist() for row in batch["tokens"].unbind()] == columns["tokens"].to_list()
        few = batch["few"]
        assert (few.layout, tuple(few.shape)) == (torch.sparse_coo, tuple(columns["few"].dense_shape))
        assert few.coalesce().values().tolist() == columns["few"].values.tolist()
        assert few.coalesce().indices().T.tolist() == columns["few"].indices.tolist()


def test_features_are_inferred_when_none_are_given(folder: Path) -> None:
    dataset = TFRecordDataset(folder, batch_size=50)
    assert set(dataset.features) == set(example_of(0))
    assert numbers_of(dataset) == list(range(COUNT))
    assert set(TFRecordMapDataset(folder).features) == set(example_of(0))


@pytest.mark.parametrize(("block_size", "mixed_blocks"), [(1, 16), (8, 2)])
def test_shuffled_batches_come_in_the_order_of_the_epoch(folder: Path, block_size: int, mixed_blocks: int) -> None:
    sizes: dict[str, Any] = {"block_size": block_size, "mixed_blocks": mixed_blocks}
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True, seed=5, **sizes)
    order = RecordOrder(COUNT, seed=5, block_size=block_size, mixed_blocks=mixed_blocks)
    assert numbers_of(dataset) == numbers_of(dataset) == order.numbers(0, range(COUNT)).tolist()
    for epoch in (1, 7, 0):
        dataset.set_epoch(epoch)
        assert len(dataset) == 10
        assert numbers_of(dataset) == order.numbers(epoch, range(COUNT)).tolist()


@pytest.mark.parametrize(("remainder", "counts"), [("share", [49, 48]), ("drop", [40, 40]), ("pad", [50, 50])])
@pytest.mark.parametrize("is_single", [False, True])
def test_ranks_share_drop_or_fill_up_what_is_left(
    folder: Path, remainder: str, counts: list[int], is_single: bool
) -> None:
    batch_size = None if is_single else 10
    counts = {"drop": [48, 48], "pad": [49, 49]}.get(remainder, counts) if is_single else counts
    read = []
    for rank in (0, 1):
        dataset = TFRecordDataset(folder, NUMBER, batch_size=batch_size, rank=rank, ranks=2, remainder=remainder)
        items = list(dataset)
        assert len(items) == len(dataset)
        read.append(numbers_of(items))
    assert [len(numbers) for numbers in read] == counts
    together = sorted(read[0] + read[1])
    expected = {
        "share": list(range(COUNT)),
        "drop": list(range(sum(counts))),
        "pad": sorted([*range(COUNT), *range(sum(counts) - COUNT)]),
    }
    assert together == expected[remainder]


def test_a_batch_without_records_has_empty_tensors(folder: Path) -> None:
    dataset = TFRecordDataset(folder, FEATURES, batch_size=96, rank=1, ranks=2)
    dataset.load_state_dict({"epoch": 0, "done": COUNT - 1})
    (batch,) = dataset
    assert batch["pair"].shape == (0, 2)
    assert batch["name"] == []
    assert batch["tokens"].shape[0] == 0
    assert batch["few"].shape == (0, 0)


@pytest.mark.parametrize("is_shuffled", [False, True])
def test_a_state_goes_on_behind_any_batch_with_other_ranks_and_batches(folder: Path, is_shuffled: bool) -> None:
    options: dict[str, Any] = {"shuffle": is_shuffled, "seed": 3}
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10, **options)
    dataset.set_epoch(4)
    expected = numbers_of(dataset)
    for taken in range(11):
        first = TFRecordDataset(folder, NUMBER, batch_size=10, **options)
        first.set_epoch(4)
        batches = iter(first)
        read = numbers_of(islice(batches, taken))
        state = pickle.loads(pickle.dumps(first.state_dict()))
        assert state == first.state_after(taken)
        order = RecordOrder(COUNT, seed=3).mark if is_shuffled else IN_ORDER
        assert state == {"epoch": 4, "done": len(read), "order": order}
        rest = TFRecordDataset(folder, NUMBER, batch_size=10, **options)
        rest.load_state_dict(state)
        left = list(rest)
        assert len(rest) - len(left) == taken
        assert read + numbers_of(left) == expected
        assert numbers_of(rest) == expected  # an epoch later all is there again
        others = []
        for rank in range(3):
            other = TFRecordDataset(folder, NUMBER, batch_size=7, rank=rank, ranks=3, **options)
            other.load_state_dict(state)
            others += numbers_of(other)
        assert sorted(read + others) == list(range(COUNT))


@pytest.mark.parametrize("taken", [0, 1, 30, 96, 97])
def test_examples_one_at_a_time_go_on_in_the_middle_of_a_block(folder: Path, taken: int) -> None:
    options: dict[str, Any] = {"batch_size": None, "shuffle": True}
    first = TFRecordDataset(folder, NUMBER, **options)
    items = iter(first)
    read = numbers_of(islice(items, taken))
    assert read == RecordOrder(COUNT, seed=0).numbers(0, range(taken)).tolist()
    rest = TFRecordDataset(folder, NUMBER, **options)
    rest.load_state_dict(first.state_dict())
    assert len(rest) == COUNT
    assert sorted(read + numbers_of(rest)) == list(range(COUNT))


def test_the_end_of_an_epoch_is_the_same_state_on_all_ranks(folder: Path) -> None:
    for rank in (0, 1):
        dataset = TFRecordDataset(folder, NUMBER, batch_size=None, rank=rank, ranks=2)
        assert len(list(dataset)) == 49 - rank
        assert dataset.state_dict() == {"epoch": 0, "done": COUNT, "order": IN_ORDER}


def test_another_epoch_begins_at_its_begin_and_the_loaded_one_goes_on(folder: Path) -> None:
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10)
    dataset.load_state_dict({"epoch": 2, "done": 90})
    dataset.set_epoch(2)
    assert dataset.state_dict() == dataset.state_after(0) == {"epoch": 2, "done": 90, "order": IN_ORDER}
    assert numbers_of(dataset) == list(range(90, COUNT))
    assert dataset.state_dict() == {"epoch": 2, "done": COUNT, "order": IN_ORDER}
    dataset.load_state_dict({"epoch": 2, "done": 90})
    dataset.set_epoch(3)
    assert dataset.state_dict() == {"epoch": 3, "done": 0, "order": IN_ORDER}
    assert numbers_of(dataset) == list(range(COUNT))


@pytest.mark.parametrize("state", [{}, {"epoch": 1}, {"done": 1}, {"epoch": 1, "done": "x"}, {"epoch": 1.5, "done": 0}])
def test_a_state_without_its_numbers_is_a_value_error(folder: Path, state: Any) -> None:
    with pytest.raises(ValueError, match="a state has two whole numbers, epoch and done"):
        TFRecordDataset(folder, NUMBER).load_state_dict(state)


def test_a_state_of_another_seed_is_refused_and_one_without_its_order_taken(folder: Path) -> None:
    state = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True).state_after(3)
    assert state["order"] == SHUFFLED
    other = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True, seed=1)
    with pytest.raises(ValueError, match="another order of records: what differs is seed"):
        other.load_state_dict(state)
    other.load_state_dict({"epoch": 0, "done": 30})
    assert len(numbers_of(other)) == COUNT - 30


def test_an_epoch_that_is_no_integer_is_a_type_error(folder: Path) -> None:
    dataset = TFRecordDataset(folder, NUMBER)
    with pytest.raises(TypeError):
        dataset.set_epoch(1.5)  # type: ignore[arg-type]
    dataset.set_epoch(np.int64(2))
    assert dataset.state_dict() == {"epoch": 2, "done": 0, "order": IN_ORDER}


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_two_iterations_of_one_seed_are_two(folder: Path, workers: int, persistent: bool) -> None:
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10)
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=persistent)
    dataset.load_state_dict({"epoch": 0, "done": 40})
    for begin in (40, 0, 0):
        torch.manual_seed(3)  # as a training script does that is to be repeatable
        assert sorted(numbers_of(loader)) == list(range(begin, COUNT))


def test_a_state_that_is_of_no_use_is_a_value_error(folder: Path) -> None:
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10)
    with pytest.raises(ValueError, match="not possible"):
        dataset.load_state_dict({"epoch": 0, "done": COUNT + 1})
    own = {"epoch": 0, "done": 0, "step": 3, "rank": 0, "ranks": 1, "batch_size": 10, "worker": 1, "workers": 2}
    with pytest.raises(ValueError, match="a worker's own state is for the same worker, ranks and batch size"):
        dataset.load_state_dict(own)
    assert numbers_of(dataset) == list(range(COUNT))


def load_in_worker(state: dict[str, Any], worker: int) -> None:
    info: Any = get_worker_info()
    info.dataset.load_state_dict(state)


def worker_from(dataset: TFRecordDataset, done: int, step: Any) -> DataLoader:
    """A loader whose only worker begins with a state of its own."""
    own = {"rank": 0, "ranks": 1, "batch_size": 10, "worker": 0, "workers": 1}
    state = {"epoch": 0, "done": done, "step": step, **own}
    return DataLoader(dataset, batch_size=None, num_workers=1, worker_init_fn=partial(load_in_worker, state))


@pytest.mark.parametrize(
    ("done", "step", "problem"),
    [
        (0, None, "a worker's own state is of no use: step: .*NoneType"),
        (0, "3", "a worker's own state is of no use: step: .*str"),
        (0, 11, "step is 0 to 10, not 11"),
        (0, 10**30, "step is 0 to 10, not 1000"),
        (0, -1, "step is 0 to 10, not -1"),
        (87, 2, "step is 0 to 1, not 2"),
    ],
)
def test_a_worker_refuses_a_step_that_is_none(folder: Path, done: int, step: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        list(worker_from(TFRecordDataset(folder, NUMBER, batch_size=10), done, step))


@pytest.mark.parametrize(("done", "step"), [(0, 3), (0, 9), (0, 10), (87, 1), (COUNT, 0)])
def test_a_worker_goes_on_at_its_step_to_the_end(folder: Path, done: int, step: int) -> None:
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10)
    assert numbers_of(worker_from(dataset, done, step)) == list(range(done + 10 * step, COUNT))


OWN = {"rank": 0, "ranks": 1, "batch_size": 10, "worker": 1, "workers": 3}


def test_a_workers_own_step_is_one_that_it_comes_to() -> None:
    for step in range(13):
        state = {"epoch": 0, "done": 0, "step": step, **OWN}
        if step in (1, 4, 7, 10, 11, 12):  # its own, or behind the last one, where nothing is left to read
            assert step_of(state, OWN, 10) == step
        else:
            with pytest.raises(ValueError, match=f"of no use: step {step} is not of worker 1 of 3"):
                step_of(state, OWN, 10)


def test_a_state_of_a_worker_from_which_something_was_deleted_is_refused() -> None:
    state = {"epoch": 0, "done": 0, "step": 4, **OWN}
    for name in ("step", *OWN):
        less = {key: state[key] for key in state if key != name}
        with pytest.raises(ValueError, match="a worker's own state is "):
            step_of(less, OWN, 10)
    assert step_of({"epoch": 0, "done": 0}, OWN, 10) is None


def test_the_main_process_refuses_the_state_of_a_worker(folder: Path) -> None:
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10)
    of_main = {name: OWN[name] for name in ("rank", "ranks", "batch_size")}
    for own in ({"step": 4, **OWN}, {"step": 4, **of_main}, {"step": 4}, of_main, OWN):
        with pytest.raises(ValueError, match="a worker's own state is for the same worker, ranks and batch size"):
            dataset.load_state_dict({"epoch": 0, "done": 0, **own})
    assert numbers_of(dataset) == list(range(COUNT))


def load_own_states(worker: int) -> None:
    """The copy of a data set in a worker loads what it wrote, and what it writes a step later."""
    info: Any = get_worker_info()
    first = info.dataset.state_dict()
    assert first["step"] == worker
    for step in (worker, worker + 2):
        info.dataset.load_state_dict(first | {"step": step})
        assert info.dataset.state_dict() == first | {"step": step}


def test_a_worker_takes_each_state_that_it_writes_and_writes_what_it_took(folder: Path) -> None:
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, worker_init_fn=load_own_states)
    assert numbers_of(loader) == list(range(20, COUNT))


def test_numbers_and_words_that_are_of_no_use_are_value_errors(folder: Path) -> None:
    with pytest.raises(ValueError, match="rank and ranks are given both or not at all"):
        TFRecordDataset(folder, NUMBER, rank=1)
    with pytest.raises(ValueError, match="rank is 0 to 1 where there are 2 ranks, not 2"):
        TFRecordDataset(folder, NUMBER, rank=2, ranks=2)
    with pytest.raises(ValueError, match="not possible"):
        TFRecordDataset(folder, NUMBER, batch_size=0)
    wrong: Any = "dense"
    with pytest.raises(ValueError, match="ragged is 'nested' or 'padded', not 'dense'"):
        TFRecordMapDataset(folder, NUMBER, ragged=wrong)


@pytest.mark.parametrize("seed", [None, 1.5, "1"])
def test_a_seed_that_is_no_integer_is_a_type_error_and_no_order_as_they_lie(folder: Path, seed: Any) -> None:
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        TFRecordDataset(folder, NUMBER, shuffle=True, seed=seed)


@pytest.mark.parametrize(("padding", "bytes_as"), [(-1, "blob"), (0.5, "objects"), (float("nan"), "objects")])
def test_padding_that_rows_cannot_hold_is_an_error_that_names_them(folder: Path, padding: float, bytes_as: Any) -> None:
    features = {"name": tfr.FixedLenFeature([], bytes)} if bytes_as == "blob" else {"tokens": FEATURES["tokens"]}
    dataset = TFRecordDataset(folder, features, ragged="padded", padding=padding, bytes_as=bytes_as)
    with pytest.raises(tfr.FeatureError, match=f"feature '{next(iter(features))}': .*padding") as caught:
        next(iter(dataset))
    assert str(padding) in str(caught.value)


@pytest.mark.parametrize("padding", [10**400, -(10**400)], ids=["large", "small"])
@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_padding_beyond_all_numbers_is_an_error_that_names_the_rows(tmp_path: Path, kind: Any, padding: int) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for row in ([1], [2, 3]):
            writer.write_example({"row": np.array(row, kind)})
    dataset = TFRecordDataset(tmp_path / "a", {"row": tfr.RaggedFeature(kind)}, ragged="padded", padding=padding)
    with pytest.raises(tfr.FeatureError, match=r"feature 'row': its rows are of .*padding"):
        next(iter(dataset))


def test_a_transform_that_returns_no_mapping_is_a_type_error(folder: Path) -> None:
    transform: Any = lambda columns: None  # noqa: E731
    with pytest.raises(TypeError, match="a transform returns a mapping of names to values, not NoneType"):
        next(iter(TFRecordDataset(folder, NUMBER, transform=transform)))


def test_ragged_rows_are_padded_if_asked(folder: Path) -> None:
    first, *_ = TFRecordDataset(folder, FEATURES, batch_size=5, ragged="padded", padding=-7)
    expected = [[-7, -7, -7], [1, -7, -7], [2, 3, -7], [3, 4, 5], [-7, -7, -7]]
    assert first["tokens"].tolist() == expected
    assert first["tokens"].dtype == torch.int64


def test_each_feature_may_have_a_padding_of_its_own(folder: Path) -> None:
    features = {name: FEATURES[name] for name in ("tokens", "name")}
    options: dict[str, Any] = {"batch_size": 4, "ragged": "padded", "bytes_as": "blob"}
    first, *_ = TFRecordDataset(folder, features, padding={"tokens": -7}, **options)
    assert first["tokens"].tolist() == [[-7, -7, -7], [1, -7, -7], [2, 3, -7], [3, 4, 5]]
    assert first["name"].tolist()[0] == [0, 0, 0, 0]  # where none is given it is 0
    with pytest.raises(tfr.FeatureError, match=r"'token': .*padding"):
        next(iter(TFRecordDataset(folder, features, padding={"token": -7}, **options)))


@pytest.mark.parametrize("ragged", ["nested", "padded"])
def test_bytes_are_rows_of_octets_if_asked(folder: Path, ragged: Any) -> None:
    features = {"name": FEATURES["name"]}
    first, *_ = TFRecordDataset(folder, features, batch_size=4, bytes_as="blob", ragged=ragged, padding=9)
    rows = [bytes(row.tolist()) for row in first["name"].unbind()]
    fill = b"\x09" if ragged == "padded" else b""
    assert rows == [b"\0" + fill * 3, b"n\0" + fill * 2, b"nn\0" + fill, b"nnn\0"]
    assert first["name"].dtype == torch.uint8


def test_rows_of_bytes_are_lists_or_rows_of_rows_of_octets(folder: Path) -> None:
    features = {"words": tfr.RaggedFeature(bytes)}
    first, *_ = TFRecordDataset(folder, features, batch_size=4)
    assert first["words"] == [[], [b"w"], [b"w", b"\0"], []]
    first, *_ = TFRecordDataset(folder, features, batch_size=4, bytes_as="blob", ragged="padded", padding=1)
    assert first["words"].tolist() == [[[1], [1]], [[119], [1]], [[119], [0]], [[1], [1]]]
    with pytest.raises(tfr.FeatureError, match=r"'words': rows of rows .* ragged=.padded. takes them"):
        next(iter(TFRecordDataset(folder, features, batch_size=4, bytes_as="blob")))


@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
def test_sparse_bytes_keep_their_parts(folder: Path, bytes_as: Any) -> None:
    features = {"words": tfr.VarLenFeature(bytes)}
    first, *_ = TFRecordDataset(folder, features, batch_size=4, bytes_as=bytes_as)
    assert first["words"].indices.tolist() == [[1, 0], [2, 0], [2, 1]]
    assert first["words"].dense_shape.tolist() == [4, 2]
    values = first["words"].values
    assert [bytes(value.tolist()) if bytes_as == "blob" else value for value in values] == [b"w", b"w", b"\0"]


def test_a_table_of_bytes_is_nested_lists_or_padded_octets(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write_example({"k": [b"a", b"bc"]})
        writer.write_example({"k": [b"", b"d"]})
    features = {"k": tfr.FixedLenFeature([2], bytes)}
    (batch,) = TFRecordDataset(tmp_path / "a", features)
    assert batch["k"] == [[b"a", b"bc"], [b"", b"d"]]
    (batch,) = TFRecordDataset(tmp_path / "a", features, bytes_as="blob", ragged="padded")
    assert batch["k"].tolist() == [[[97, 0], [98, 99]], [[0, 0], [100, 0]]]


def test_tensors_share_the_memory_of_the_columns(folder: Path) -> None:
    seen: list[dict[str, Any]] = []

    def remembered(columns: dict[str, Any]) -> dict[str, Any]:
        seen.append(columns)
        return columns

    for bytes_as in ("objects", "blob"):
        batches = list(TFRecordDataset(folder, FEATURES, batch_size=20, transform=remembered, bytes_as=bytes_as))
        for batch, columns in zip(batches, seen, strict=True):
            for name in ("number", "pair"):
                assert batch[name].data_ptr() == columns[name].ctypes.data
            tokens = batch["tokens"]
            assert tokens.values().data_ptr() == columns["tokens"].values.ctypes.data
            assert tokens.offsets().data_ptr() == columns["tokens"].row_splits.ctypes.data
            if bytes_as == "blob":
                assert batch["name"].values().data_ptr() == columns["name"].blob.ctypes.data
        seen.clear()


def test_what_a_transform_returns_becomes_tensors_where_it_can(folder: Path) -> None:
    def changed(columns: dict[str, Any]) -> dict[str, Any]:
        number = columns["number"]
        read_only = number.copy()
        read_only.flags.writeable = False
        return {
            "backwards": number[::-1],
            "swapped": number.astype(">i4"),
            "read only": read_only,
            "text": number.astype(str),
            "half": number.astype(np.float16),
            "unaligned": np.zeros(10, [("a", "u1"), ("b", "<i4")])["b"],
            "tensor": torch.zeros(3),
            "word": "as it is",
        }

    first, *_ = TFRecordDataset(folder, NUMBER, batch_size=10, transform=changed)
    assert first["backwards"].tolist() == list(range(9, -1, -1))
    assert (first["swapped"].tolist(), first["swapped"].dtype) == (list(range(10)), torch.int32)
    assert first["read only"].tolist() == list(range(10))
    assert first["text"].tolist() == [str(number) for number in range(10)]
    assert first["half"].dtype == torch.float16
    assert first["unaligned"].tolist() == [0] * 10
    assert first["tensor"].tolist() == [0, 0, 0]
    assert first["word"] == "as it is"


def test_a_loader_makes_batches_of_single_examples(folder: Path) -> None:
    features = {name: FEATURES[name] for name in ("number", "pair", "name")}
    dataset = TFRecordDataset(folder, features, batch_size=None, transform=lambda example: example | {"more": 1})
    loader = DataLoader(dataset, batch_size=16)
    batches = list(loader)
    assert len(batches) == len(loader) == 7
    assert numbers_of(batches) == list(range(COUNT))
    assert batches[0]["pair"].shape == (16, 2)
    assert batches[0]["name"] == [example_of(number)["name"] for number in range(16)]
    assert batches[0]["more"].tolist() == [1] * 16


def test_a_single_example_is_that_of_parse_single_example(folder: Path) -> None:
    records = list(tfr.read_records(folder))
    dataset = TFRecordMapDataset(folder, FEATURES)
    for items in (TFRecordDataset(folder, FEATURES, batch_size=None), map(dataset.__getitem__, range(COUNT))):
        for item, record in zip(items, records, strict=True):
            expected = tfr.parse_single_example(record, FEATURES)
            assert (item["number"].shape, item["pair"].shape) == ((), (2,))
            np.testing.assert_array_equal(item["number"].numpy(), expected["number"])
            np.testing.assert_array_equal(item["pair"].numpy(), expected["pair"])
            assert item["name"] == expected["name"].tolist()
            assert item["tokens"].tolist() == expected["tokens"].tolist()
            assert item["few"].shape == tuple(expected["few"].dense_shape)
            assert item["few"].to_dense().tolist() == expected["few"].values.tolist()


def test_any_example_by_its_number(folder: Path) -> None:
    dataset = TFRecordMapDataset(folder, NUMBER, transform=lambda example: {"number": example["number"] * 2})
    assert len(dataset) == COUNT
    assert numbers_of([dataset[3], dataset[-1], dataset[np.int64(41)]]) == [6, 192, 82]
    assert numbers_of(dataset.__getitems__([5, -97, 40])) == [10, 0, 80]
    assert dataset.__getitems__([]) == []
    for number in (COUNT, -COUNT - 1):
        with pytest.raises(IndexError):
            dataset[number]


def test_a_loader_takes_any_example(folder: Path) -> None:
    dataset = TFRecordMapDataset(folder, NUMBER | {"name": FEATURES["name"]}, bytes_as="blob")
    names = [bytes(dataset[number]["name"].tolist()) for number in range(3)]
    assert names == [example_of(number)["name"] for number in range(3)]
    dataset = TFRecordMapDataset(folder, {name: FEATURES[name] for name in ("number", "pair", "name")})
    dataset = pickle.loads(pickle.dumps(dataset))
    in_order = list(DataLoader(dataset, batch_size=10))
    assert numbers_of(in_order) == list(range(COUNT))
    assert in_order[1]["name"] == [example_of(number)["name"] for number in range(10, 20)]
    assert in_order[0].keys() == default_collate([dataset[0], dataset[1]]).keys()
    shuffled = numbers_of(DataLoader(dataset, batch_size=10, shuffle=True))
    assert shuffled != sorted(shuffled) == list(range(COUNT))


def test_files_without_records_are_empty(tmp_path: Path) -> None:
    tfr.TFRecordWriter(tmp_path / "empty").close()
    for batch_size in (10, None):
        dataset = TFRecordDataset(tmp_path / "empty", batch_size=batch_size, shuffle=True)
        assert (len(dataset), list(dataset)) == (0, [])
    assert len(TFRecordMapDataset(tmp_path / "empty")) == 0


@pytest.fixture
def damaged(folder: Path, tmp_path: Path) -> Path:
    for path in folder.iterdir():
        data = bytearray(path.read_bytes())
        if path.name.startswith("train-00003"):
            data[-1] ^= 1  # the CRC of the last of 56 records
        (tmp_path / path.name).write_bytes(data)
    return tmp_path


def test_a_damaged_record_is_named_with_its_place(damaged: Path) -> None:
    path = str(damaged / "train-00003-of-00004")
    readings: list[Callable[[], Any]] = [
        lambda: list(TFRecordDataset(damaged, NUMBER, batch_size=10)),
        lambda: list(TFRecordDataset(damaged, NUMBER, batch_size=None, shuffle=True)),
        lambda: TFRecordMapDataset(damaged, NUMBER)[-1],
    ]
    for read in readings:
        with pytest.raises(tfr.CorruptRecordError) as caught:
            read()
        assert (caught.value.path, caught.value.record_number) == (path, 55)
    assert len(list(TFRecordDataset(damaged, NUMBER, batch_size=10, verify=False))) == 10


@pytest.mark.parametrize("batch_size", [10, None])
def test_an_unfit_record_is_named_with_its_place(folder: Path, batch_size: int | None) -> None:
    features = {"tokens": tfr.FixedLenFeature([3], np.int64)}  # the number 43 has three, 42 has not
    dataset = TFRecordDataset(folder, features, batch_size=batch_size)
    dataset.load_state_dict({"epoch": 0, "done": 43})
    with pytest.raises(tfr.FeatureError) as caught:
        list(dataset)
    assert (caught.value.path, caught.value.record_number) == (str(folder / "train-00003-of-00004"), 3)


HEAD = """
import gc, json, os, sys, time
from functools import partial
import torch
from torch.utils.data import DataLoader
import tfrecord_lite as tfr
from tfrecord_lite.adapters.torch import TFRecordDataset, TFRecordMapDataset

FEATURES = {
    "number": tfr.FixedLenFeature([], "int64"),
    "tokens": tfr.RaggedFeature("int64"),
    "few": tfr.VarLenFeature("float32"),
    "name": tfr.FixedLenFeature([], bytes),
}
NUMBER = {"number": FEATURES["number"]}

def numbers(items):
    return [item["number"].reshape(-1).tolist() for item in items]

def flat(items):
    return sum(numbers(items), [])

def doubled(columns):
    return {"number": columns["number"] * 2}

def late(worker):
    time.sleep(2 * worker)

def late_until(mark, worker):
    while worker == 1 and not os.path.exists(mark):
        time.sleep(0.01)

"""


#: torchdata's own, and torch's when a sparse tensor arrives from a worker.
WARNINGS_OF_OTHERS = ("'set_vital' is deprecated", "Sparse invariant checks are implicitly disabled")


def started(body: str, *arguments: Any, folder: Path) -> subprocess.Popen[str]:
    """A program of its own: workers that are spawned import its main module."""
    script = folder / f"_program_{len(list(folder.iterdir()))}.py"
    lines = "".join(f"    {line}\n" if line else "\n" for line in body.strip().split("\n"))
    script.write_text(f'{HEAD}if __name__ == "__main__":\n{lines}')
    ignored = [argument for text in WARNINGS_OF_OTHERS for argument in ("-W", f"ignore:{text}")]
    command = [sys.executable, "-W", "error", *ignored, str(script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result_of(program: subprocess.Popen[str]) -> Any:
    """What it prints as JSON."""
    output, errors = program.communicate(timeout=300)
    assert program.returncode == 0, errors
    # torch's own remark about the first nested tensor
    assert [line for line in errors.splitlines() if "is_fx_tracing" not in line] == []
    return json.loads(output)


def in_a_program(body: str, *arguments: Any, folder: Path) -> Any:
    return result_of(started(body, *arguments, folder=folder))


WORKERS = """
folder, method = sys.argv[1:]
found = {"ranks": []}
options = {"batch_size": None, "num_workers": 2, "multiprocessing_context": method}
for rank in (0, 1):
    dataset = TFRecordDataset(folder, FEATURES, batch_size=10, shuffle=True, rank=rank, ranks=2)
    alone = list(dataset)
    loader = DataLoader(dataset, **options)
    batches = list(loader)
    assert len(loader) == len(batches) == len(alone)
    for batch, other in zip(batches, alone):
        assert [row.tolist() for row in batch["tokens"].unbind()] == [row.tolist() for row in other["tokens"].unbind()]
        assert torch.equal(batch["few"].to_dense(), other["few"].to_dense())
        assert batch["name"] == other["name"]
    assert numbers(batches) == numbers(alone)
    found["ranks"].append(flat(batches))
single = TFRecordDataset(folder, NUMBER, batch_size=None, transform=doubled)
found["single"] = flat(DataLoader(single, **options | {"batch_size": 8}))
found["map"] = flat(DataLoader(TFRecordMapDataset(folder, NUMBER), **options | {"batch_size": 8}))
dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True)
loader = DataLoader(dataset, **options, persistent_workers=True)
found["epochs"] = []
for epoch in (0, 1, 1, 5):
    dataset.set_epoch(epoch)
    found["epochs"].append(flat(loader))
dataset.load_state_dict({"epoch": 6, "done": 40})
found["loaded"] = [flat(loader), flat(loader)]
print(json.dumps(found))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_give_what_one_process_gives_in_its_order(folder: Path, tmp_path: Path, method: str) -> None:
    found = in_a_program(WORKERS, folder, method, folder=tmp_path)
    assert sorted(found["ranks"][0] + found["ranks"][1]) == list(range(COUNT))
    assert sorted(found["single"]) == [2 * number for number in range(COUNT)]
    assert found["map"] == list(range(COUNT))
    order = RecordOrder(COUNT, seed=0)
    assert found["epochs"] == [order.numbers(epoch, range(COUNT)).tolist() for epoch in (0, 1, 1, 5)]
    whole = order.numbers(6, range(COUNT)).tolist()
    assert found["loaded"] == [whole[40:], whole]


FORKED = """
import multiprocessing
folder, = sys.argv[1:]
def count(rank, counts):
    counts.put(len(flat(TFRecordDataset(folder, NUMBER, batch_size=10, rank=rank, ranks=2))))
TFRecordDataset(folder, NUMBER)
context = multiprocessing.get_context("fork")
counts = context.SimpleQueue()
children = [context.Process(target=count, args=(rank, counts), daemon=True) for rank in (0, 1)]
for child in children:
    child.start()
for child in children:
    child.join(60)
assert [child.exitcode for child in children] == [0, 0], "a child hangs, or failed"
print(json.dumps(sorted([counts.get(), counts.get()])))
"""


def test_a_forked_child_makes_a_data_set_where_its_parent_has_made_one(folder: Path, tmp_path: Path) -> None:
    assert in_a_program(FORKED, folder, folder=tmp_path) == [48, 49]


RESUMED = """
folder, = sys.argv[1:]
found = []
for taken in (0, 1, 4, 10):
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True)
    dataset.set_epoch(3)
    batches = iter(DataLoader(dataset, batch_size=None, num_workers=2))
    read = flat(next(batches) for _ in range(taken))
    del batches
    state = dataset.state_after(taken)
    rest = []
    for rank in (0, 1):
        dataset = TFRecordDataset(folder, NUMBER, batch_size=6, shuffle=True, rank=rank, ranks=2)
        dataset.load_state_dict(state)
        loader = DataLoader(dataset, batch_size=None, num_workers=1)
        assert len(loader) == 9
        batches = list(loader)
        assert dataset.state_after(len(batches)) == {"epoch": 3, "done": 97, "order": state["order"]}
        rest += flat(batches)
    again = flat(loader)
    found.append([read, rest, again])
print(json.dumps(found))
"""


def test_a_plain_loader_goes_on_with_other_ranks_workers_and_batches(folder: Path, tmp_path: Path) -> None:
    order = RecordOrder(COUNT, seed=0).numbers(3, range(COUNT)).tolist()
    for taken, (read, rest, again) in zip((0, 1, 4, 10), in_a_program(RESUMED, folder, folder=tmp_path), strict=True):
        assert read == order[: 10 * taken]
        assert sorted(read + rest) == list(range(COUNT))
        # The iteration after that is whole: half of all, on one of two ranks.
        assert len(again) == 48


EPOCH_SET_EARLY = """
folder, workers = sys.argv[1:]
dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True)
loader = DataLoader(dataset, batch_size=None, num_workers=int(workers), persistent_workers=workers != "0")
found = []
for epoch in range(3):
    for step, batch in enumerate(loader):
        if step == 1:
            dataset.set_epoch(epoch + 1)
        if step == 3:
            found.append(dataset.state_after(step + 1))
    found.append(dataset.state_after(step + 1))
dataset.load_state_dict({"epoch": 7, "done": 20})
found.append(dataset.state_after(0))
dataset.set_epoch(8)
found.append(dataset.state_after(0))
print(json.dumps(found))
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_is_of_the_iteration_under_way_though_the_next_epoch_is_set(
    folder: Path, tmp_path: Path, workers: int
) -> None:
    found = in_a_program(EPOCH_SET_EARLY, folder, workers, folder=tmp_path)
    expected = [(epoch, done) for epoch in range(3) for done in (40, COUNT)] + [(7, 20), (8, 0)]
    assert [(state["epoch"], state["done"]) for state in found] == expected


LATE = """
folder, method, is_persistent, is_epoch = json.loads(sys.argv[1])
dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True)
loader = DataLoader(
    dataset,
    batch_size=None,
    num_workers=2,
    worker_init_fn=late,
    persistent_workers=is_persistent,
    multiprocessing_context=method,
)
for batch in loader:  # worker 1 has not yet come to this iteration
    break
if is_epoch:
    dataset.set_epoch(4)
else:
    dataset.load_state_dict({"epoch": 4, "done": 40})
print(json.dumps([flat(loader), flat(loader)]))
"""


@pytest.mark.parametrize(
    ("method", "is_persistent", "is_epoch"),
    [("fork", True, False), ("fork", True, True), ("spawn", True, False)],
)
def test_a_worker_that_starts_late_does_not_take_what_was_set_for_the_next_iteration(
    folder: Path, tmp_path: Path, method: str, is_persistent: bool, is_epoch: bool
) -> None:
    arguments = json.dumps([str(folder), method, is_persistent, is_epoch])
    found = in_a_program(LATE, arguments, folder=tmp_path)
    whole = RecordOrder(COUNT, seed=0).numbers(4, range(COUNT)).tolist()
    assert found == [whole if is_epoch else whole[40:], whole]


ABANDONED = """
folder, mark, method, is_persistent = json.loads(sys.argv[1])
dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True)
loader = DataLoader(
    dataset,
    batch_size=None,
    num_workers=2,
    worker_init_fn=partial(late_until, mark),
    persistent_workers=is_persistent,
    multiprocessing_context=method,
)
dataset.load_state_dict({"epoch": 4, "done": 40})
torch.manual_seed(3)
batches = iter(loader)
first = flat([next(batches)])
del batches  # without workers that live on, worker 1 is killed now
open(mark, "w").close()
found = [first]
for _ in range(2):
    torch.manual_seed(3)
    found.append(flat(loader))
print(json.dumps(found))
"""


@pytest.mark.parametrize(("method", "is_persistent"), [("fork", False), ("spawn", False), ("fork", True)])
def test_after_an_iteration_that_not_every_worker_came_to_the_next_one_of_its_seed_is_whole(
    folder: Path, tmp_path: Path, method: str, is_persistent: bool
) -> None:
    arguments = json.dumps([str(folder), str(tmp_path / "mark"), method, is_persistent])
    first, *others = in_a_program(ABANDONED, arguments, folder=tmp_path)
    whole = RecordOrder(COUNT, seed=0).numbers(4, range(COUNT)).tolist()
    assert first == whole[40:50]
    assert others == [whole, whole]


STATEFUL = """
from torchdata.stateful_dataloader import StatefulDataLoader
folder, workers, is_persistent, batch_size, chunk = json.loads(sys.argv[1])
def made():
    dataset = TFRecordDataset(folder, NUMBER, batch_size=batch_size, shuffle=True)
    dataset.set_epoch(2)
    return dataset, StatefulDataLoader(dataset, batch_size=chunk, num_workers=workers, persistent_workers=is_persistent)
dataset, loader = made()
found = {"whole": flat(loader), "resumed": []}
for taken in (0, 1, 4, len(found["whole"]) // (batch_size or chunk)):
    dataset, loader = made()
    batches = iter(loader)
    read = flat(next(batches) for _ in range(taken))
    state = loader.state_dict()
    del batches
    dataset, loader = made()
    loader.load_state_dict(state)
    rest = flat(loader)
    dataset.set_epoch(3)
    found["resumed"].append([read + rest, flat(loader)])
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("workers", "is_persistent", "batch_size", "chunk"),
    [(0, False, 10, None), (2, False, 10, None), (2, True, 10, None), (0, False, None, 8), (2, False, None, 8)],
)
def test_a_stateful_loader_goes_on_where_it_was(
    folder: Path, tmp_path: Path, workers: int, is_persistent: bool, batch_size: int | None, chunk: int | None
) -> None:
    pytest.importorskip("torchdata")
    arguments = json.dumps([str(folder), workers, is_persistent, batch_size, chunk])
    found = in_a_program(STATEFUL, arguments, folder=tmp_path)
    order = RecordOrder(COUNT, seed=0)
    if batch_size is not None:
        assert found["whole"] == order.numbers(2, range(COUNT)).tolist()
    assert sorted(found["whole"]) == list(range(COUNT))
    for resumed, after in found["resumed"]:
        assert resumed == found["whole"]
        assert sorted(after) == list(range(COUNT))
        if batch_size is not None:
            assert after == order.numbers(3, range(COUNT)).tolist()


GOING_ON = """
from torchdata.stateful_dataloader import StatefulDataLoader
folder, workers, is_persistent, taken = json.loads(sys.argv[1])
def made():
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True)
    return dataset, StatefulDataLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=is_persistent)
dataset, loader = made()
dataset.set_epoch(2)
batches = iter(loader)
read = flat(next(batches) for _ in range(taken))
state = loader.state_dict()
del batches
dataset, loader = made()
loader.load_state_dict(state)
found = [read + flat(loader), flat(loader), flat(loader)]
dataset.set_epoch(0)
found += [flat(loader)]
print(json.dumps(found))
"""


@pytest.mark.parametrize("taken", [0, 4])
@pytest.mark.parametrize(("workers", "is_persistent"), [(0, False), (2, False), (2, True)])
def test_after_a_stateful_loader_went_on_its_epoch_stays_with_any_workers(
    folder: Path, tmp_path: Path, workers: int, is_persistent: bool, taken: int
) -> None:
    pytest.importorskip("torchdata")
    found = in_a_program(GOING_ON, json.dumps([str(folder), workers, is_persistent, taken]), folder=tmp_path)
    order = RecordOrder(COUNT, seed=0)
    assert found == [order.numbers(epoch, range(COUNT)).tolist() for epoch in (2, 2, 2, 0)]


REFUSED = """
from torchdata.stateful_dataloader import StatefulDataLoader
folder, = sys.argv[1:]
found = []
def loader(batch_size, ranks, seed):
    order = {"shuffle": True, "seed": seed}
    dataset = TFRecordDataset(folder, NUMBER, batch_size=batch_size, rank=0, ranks=ranks, **order)
    return StatefulDataLoader(dataset, batch_size=None, num_workers=2)
first = loader(10, 1, 0)
batches = iter(first)
next(batches)
state = first.state_dict()
del first, batches
gc.collect()
for batch_size, ranks, seed in ((5, 1, 0), (10, 2, 0), (10, 1, 1)):
    other = loader(batch_size, ranks, seed)
    other.load_state_dict(state)
    try:
        list(other)
    except ValueError as error:
        found.append(str(error))
    gc.collect()  # workers that are forked must not find a loader that is half taken down
pinned = TFRecordDataset(folder, NUMBER, pin_memory=True)
try:
    list(DataLoader(pinned, batch_size=None, num_workers=1))
except ValueError as error:
    found.append(str(error))
print(json.dumps(found))
"""


def test_workers_refuse_what_is_not_theirs(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torchdata")
    batch_size, ranks, seed, pinned = in_a_program(REFUSED, folder, folder=tmp_path)
    for text in (batch_size, ranks):
        assert "a worker's own state is for the same worker, ranks and batch size" in text
    assert "what differs is seed" in seed
    assert "in a worker no memory is pinned" in pinned


DAMAGED = """
folder, = sys.argv[1:]
found = []
for dataset, batch_size in [
    (TFRecordDataset(folder, NUMBER, batch_size=10), None),
    (TFRecordDataset(folder, NUMBER, batch_size=None), 8),
    (TFRecordMapDataset(folder, NUMBER), 8),
]:
    try:
        list(DataLoader(dataset, batch_size=batch_size, num_workers=2))
    except tfr.CorruptRecordError as error:
        found.append(str(error))
    gc.collect()  # workers that are forked must not find a loader that is half taken down
print(json.dumps(found))
"""


def test_a_worker_hands_on_the_error_of_a_damaged_record_with_its_place(damaged: Path, tmp_path: Path) -> None:
    (tmp_path / "program").mkdir()
    texts = in_a_program(DAMAGED, damaged, folder=tmp_path / "program")
    assert len(texts) == 3
    for text in texts:
        assert f"{damaged / 'train-00003-of-00004'}: corrupted record #55 at offset" in text


GLOO = """
import torch.distributed as dist
folder, store, rank = sys.argv[1:]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=int(rank), world_size=2)
found = {}
for remainder in ("share", "drop", "pad"):
    dataset = TFRecordDataset(folder, NUMBER, batch_size=10, shuffle=True, remainder=remainder)
    batches = list(DataLoader(dataset, batch_size=None, num_workers=1))
    steps = torch.tensor([len(batches)])
    dist.all_reduce(steps)
    assert steps.item() == 2 * len(batches)
    found[remainder] = flat(batches)
dist.destroy_process_group()
print(json.dumps(found))
"""


def test_two_processes_that_train_together_read_each_record_once(folder: Path, tmp_path: Path) -> None:
    programs = [started(GLOO, folder, tmp_path / "store", rank, folder=tmp_path) for rank in (0, 1)]
    first, second = map(result_of, programs)
    order = RecordOrder(COUNT, seed=0).numbers(0, range(COUNT)).tolist()
    together = {remainder: sorted(first[remainder] + second[remainder]) for remainder in first}
    assert together["share"] == list(range(COUNT))
    assert together["drop"] == sorted(order[:80])
    assert together["pad"] == sorted(order + order[:3])
    assert first["share"][:10] == order[:10]
    assert second["share"][:10] == order[10:20]


def test_the_example_learns_to_tell_cards_from_everything_else(tmp_path: Path) -> None:
    script = str(ROOT / "examples" / "train_torch.py")
    command = [sys.executable, "-W", "error", script, "--directory", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"accuracy (\d\.\d+)\n$", result.stdout)
    assert accuracy is not None, result.stdout
    assert float(accuracy[1]) > 0.95


def test_the_benchmark_reads_the_same_in_order_and_shuffled(folder: Path) -> None:
    features = json.dumps({"number": ["int64", []], "tokens": ["int64", None], "name": ["string", []]})
    path = str(folder / "train-00003-of-00004")
    answers = []
    for loader in ("tfrecord_lite", "tfrecord_lite, shuffled"):
        command = [sys.executable, "-m", "benchmarks.studies.loader_process", loader, path, features]
        result = subprocess.run(command, cwd=ROOT, input="digest\ntime\n", capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        digest, seconds = result.stdout.splitlines()
        assert not digest.startswith("error")
        assert all(float(number) > 0 for number in seconds.split())
        answers.append(digest)
    assert answers[0] == answers[1]


def test_what_the_readme_says_of_torch_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python torch\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    with tfr.TFRecordWriter(tmp_path / "train.tfrecord") as writer:
        for label in range(100):
            writer.write_example({"label": label, "embedding": np.zeros(16, np.float32), "image": bytes(64)})
    code = "\n".join(blocks)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr


def test_records_of_no_bytes_values_stay_as_many() -> None:
    nothing = BytesArray(np.empty(0, np.uint8), np.zeros(1, np.int64), (3, 0))
    assert as_tensors({"none": nothing}, "padded", 0)["none"].shape == (3, 0, 0)


@pytest.mark.parametrize("epoch", [2**63, 2**70, -(2**63) - 1])
def test_an_epoch_beyond_64_bits_is_refused_at_once(folder: Path, epoch: int) -> None:
    dataset = TFRecordDataset(folder, NUMBER)
    with pytest.raises(ValueError, match=f"epoch is .*, not {epoch}"):
        dataset.set_epoch(epoch)
    with pytest.raises(ValueError, match=f"epoch is .*, not {epoch}"):
        dataset.load_state_dict({"epoch": epoch, "done": 0})
    assert numbers_of(dataset) == list(range(COUNT))


def test_what_is_no_number_or_function_is_refused_at_once(folder: Path) -> None:
    dataset = TFRecordDataset(folder, NUMBER)
    wrong: Any
    for wrong in (True, 2.5):
        with pytest.raises(TypeError, match="epoch: "):
            dataset.set_epoch(wrong)
        with pytest.raises(TypeError, match="steps: "):
            dataset.state_after(wrong)
    with pytest.raises(ValueError, match="steps is 0 or more, not -1"):
        dataset.state_after(-1)
    for arguments in ({"batch_size": "8"}, {"seed": 1.5}, {"rank": "0", "ranks": 1}):
        wrong = arguments
        with pytest.raises(TypeError, match=f"^{next(iter(arguments))}: "):
            TFRecordDataset(folder, NUMBER, **wrong)
    wrong = 5
    for make in (TFRecordDataset, TFRecordMapDataset):
        with pytest.raises(TypeError, match="transform is a function or None, not int"):
            make(folder, NUMBER, transform=wrong)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_numpys_integers_make_the_same_batches(folder: Path, kind: Any) -> None:
    numbers = {"batch_size": 3, "seed": 5, "block_size": 100, "mixed_blocks": 100, "rank": 1, "ranks": 2}
    of_numpy: Any = {name: kind(number) for name, number in numbers.items()}
    found = TFRecordDataset(folder, NUMBER, shuffle=True, **of_numpy)
    expected = TFRecordDataset(folder, NUMBER, shuffle=True, **numbers)  # type: ignore[arg-type]
    assert len(found) == len(expected)
    for dataset in (found, expected):
        dataset.set_epoch(kind(2))
    assert numbers_of(found) == numbers_of(expected)
    state = found.state_after(kind(2))
    assert state == json.loads(json.dumps(state)) == expected.state_after(2)
    found.load_state_dict({"epoch": kind(0), "done": kind(3)})
    assert found.state_after(0)["done"] == 3
    own = {"rank": 1, "ranks": 2, "batch_size": 3, "worker": 1, "workers": 3}
    of_worker: Any = {name: kind(number) for name, number in {**own, "step": 4}.items()}
    assert step_of(of_worker, own, 5) == 4


def test_a_worker_writes_numbers_of_pythons_in_its_state(folder: Path) -> None:
    of_numpy: Any = {name: np.int64(number) for name, number in {"batch_size": 3, "rank": 1, "ranks": 2}.items()}
    dataset = TFRecordDataset(folder, NUMBER, **of_numpy)
    assert json.loads(json.dumps(dataset._conditions())) == {"rank": 1, "ranks": 2, "batch_size": 3}


@pytest.mark.parametrize("padding", ["3", None, [1], {"tokens": "3"}, {"tokens": None}, {3: 1}], ids=repr)
@pytest.mark.parametrize("make", [TFRecordDataset, TFRecordMapDataset])
def test_padding_that_is_no_number_is_refused_at_once(folder: Path, make: Any, padding: Any) -> None:
    with pytest.raises(TypeError, match=r"padding is a number or \{name: number\}, not "):
        make(folder, FEATURES, ragged="padded", padding=padding)


@pytest.mark.parametrize("padding", [np.int8(-3), np.float32(-3), -3.0, {"tokens": np.int64(-3)}], ids=repr)
def test_padding_may_be_a_number_of_numpys(folder: Path, padding: Any) -> None:
    features = {"tokens": FEATURES["tokens"]}
    (batch,) = islice(TFRecordDataset(folder, features, batch_size=3, ragged="padded", padding=padding), 1)
    assert batch["tokens"].tolist() == [[-3, -3], [1, -3], [2, 3]]


def test_a_loader_takes_rows_of_different_lengths_with_a_function_of_its_users(folder: Path) -> None:
    dataset = TFRecordMapDataset(folder, {"tokens": FEATURES["tokens"]})
    with pytest.raises(RuntimeError, match="stack"):
        list(DataLoader(dataset, batch_size=10))
    (batch,) = islice(DataLoader(dataset, batch_size=3, collate_fn=list), 1)
    assert [example["tokens"].tolist() for example in batch] == [[], [1], [2, 3]]


@pytest.mark.parametrize("state", [np.array(2), torch.tensor(2), None, [1]], ids=repr)
def test_a_state_that_is_no_mapping_is_a_value_error(folder: Path, state: Any) -> None:
    with pytest.raises(ValueError, match="a state has two whole numbers, epoch and done"):
        TFRecordDataset(folder, NUMBER).load_state_dict(state)


def test_masked_values_are_refused_by_name() -> None:
    masked: Any = np.ma.array([1, 2], mask=[False, True])
    splits = np.array([0, 2])
    values: dict[str, Any] = {
        "table": masked,
        "of bytes": np.ma.array([b"a", b"b"], object, mask=[False, True]),
        "ragged": RaggedTensorValue(masked, splits),
        "sparse": SparseTensorValue(np.array([[0], [1]]), masked, np.array([2])),
    }
    for name, value in values.items():
        for ragged in ("nested", "padded"):
            with pytest.raises(tfr.FeatureError, match="masked values have no place in a tensor") as found:
                as_tensors({name: value}, ragged, 0)
            assert found.value.key == name
    assert as_tensors({"": np.ma.array([1, 2])}, "nested", 0)[""].tolist() == [1, 2]
