"""Training with grain: the order of all adapters, for any number of workers, from any point of it."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.adapters.order import RecordOrder
from tfrecord_lite.adapters.ordered_batches import OrderedBatches

grain = pytest.importorskip("grain")
from tfrecord_lite.adapters.grain import (  # noqa: E402
    ColumnDataset,
    ParseExample,
    ParseExamples,
    RecordDataset,
    RecordSampler,
)

ROOT = Path(__file__).parent.parent
COUNT = 97
FEATURES = {
    "number": tfr.FixedLenFeature([], np.int64),
    "words": tfr.RaggedFeature(bytes),
    "values": tfr.FixedLenFeature([2], np.float32, [1, 2]),
}
FEW_AHEAD = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grain")
    number = 0
    for shard, count in enumerate([40, 1, 0, 56]):
        options = tfr.TFRecordOptions("GZIP", seekable=True) if shard == 3 else None
        with tfr.TFRecordWriter(folder / f"train-{shard:05}-of-00004", options) as writer:
            for _ in range(count):
                example: dict[str, Any] = {"number": number, "words": [b"w"] * (number % 4) or None}
                writer.write_example(example if number % 3 else example | {"values": [float(number), 0.5]})
                number += 1
    return folder


def numbers_of(batches: Any) -> list[list[int]]:
    return [np.asarray(batch["number"]).tolist() for batch in batches]


def flat(lists: Any) -> list[int]:
    return [number for some in lists for number in some]


def ordered(folder: Path, **more: Any) -> OrderedBatches:
    return OrderedBatches(folder, FEATURES, **({"batch_size": 10, "shuffle": True, "seed": 5} | more))


def expected(folder: Path, epochs: int, **more: Any) -> list[list[int]]:
    batches, found = ordered(folder, **more), []
    for epoch in range(epochs):
        batches.set_epoch(epoch)
        found += numbers_of(batches.batches())
    return found


def test_batches_are_those_of_ordered_batches_in_every_epoch(folder: Path) -> None:
    dataset = ColumnDataset(ordered(folder))
    assert len(dataset) == 10
    found = list(dataset.repeat(3).to_iter_dataset(FEW_AHEAD))
    assert numbers_of(found) == expected(folder, 3)
    for batch, other in zip(found, ordered(folder).batches(), strict=False):
        np.testing.assert_array_equal(batch["values"], other["values"])
        assert batch["words"].to_list() == other["words"].to_list()


def test_batches_begin_where_the_state_says_with_other_ranks_and_sizes(folder: Path) -> None:
    first = ordered(folder)
    read = numbers_of(ColumnDataset(first).to_iter_dataset(FEW_AHEAD))[:3]
    for rank in range(2):
        batches = ordered(folder, batch_size=7, rank=rank, ranks=2)
        batches.load_state(first.state_after(3))
        dataset = ColumnDataset(batches)
        batches.set_epoch(9)  # is no longer the data set's
        read += numbers_of(dataset.to_iter_dataset(FEW_AHEAD))
        with pytest.raises(ValueError, match="what is left of an epoch is read once"):
            dataset[len(dataset)]
    assert sorted(flat(read)) == list(range(COUNT))


def test_batches_may_begin_with_a_later_epoch(folder: Path) -> None:
    batches = ordered(folder)
    batches.set_epoch(4)
    found = numbers_of(ColumnDataset(batches).repeat(2).to_iter_dataset(FEW_AHEAD))
    assert found == expected(folder, 6)[40:]


@pytest.mark.parametrize("remainder", ["share", "drop", "pad"])
@pytest.mark.parametrize("batch_size", [1, 7, 16])
def test_records_in_batches_are_those_of_ordered_batches(folder: Path, batch_size: int, remainder: str) -> None:
    for rank in range(3):
        order: dict[str, Any] = {
            "batch_size": batch_size,
            "rank": rank,
            "ranks": 3,
            "remainder": remainder,
            "shuffle": True,
            "seed": 5,
        }
        dataset = RecordDataset(tfr.RecordSource(folder), **order)
        dataset = dataset.batch(batch_size, batch_fn=list).map(ParseExamples(FEATURES)).repeat(2)
        found = numbers_of(dataset[index] for index in range(len(dataset)))
        assert found == [batch for batch in expected(folder, 2, **order) if batch]


def test_records_come_in_blocks_where_asked_for(folder: Path) -> None:
    dataset = RecordDataset(tfr.RecordSource(folder), shuffle=True, seed=2, block_size=10, mixed_blocks=2)
    found = [tfr.decode_example(record)["number"].item() for record in dataset]
    assert found == RecordOrder(COUNT, seed=2, block_size=10, mixed_blocks=2).numbers(0, range(COUNT)).tolist()


def test_a_record_by_itself_is_parsed_as_a_single_example(folder: Path) -> None:
    dataset = RecordDataset(tfr.RecordSource(folder)).map(ParseExample(FEATURES))
    for index in (0, 7, COUNT - 1):
        example = dataset[index]
        other = tfr.parse_single_example(tfr.RecordSource(folder)[index], FEATURES)
        assert example.keys() == other.keys()
        for name, value in example.items():
            np.testing.assert_array_equal(value, other[name])
    simple = {name: FEATURES[name] for name in ("number", "values")}
    dataset = RecordDataset(tfr.RecordSource(folder), shuffle=True, seed=5).map(ParseExample(simple)).batch(10)
    assert numbers_of(dataset) == expected(folder, 1)


def test_lists_of_records_are_parsed_as_columns(folder: Path) -> None:
    records = list(tfr.read_records(folder))
    transform = pickle.loads(pickle.dumps(ParseExamples(FEATURES, bytes_as="blob")))
    for _ in range(2):
        found, other = transform.map(records), tfr.decode_columns(records, FEATURES, bytes_as="blob")
        np.testing.assert_array_equal(found["values"], other["values"])
        assert found["words"].to_list() == other["words"].to_list()
        transform = pickle.loads(pickle.dumps(transform))


def test_features_of_no_use_are_an_error_at_once() -> None:
    for transform in (ParseExample, ParseExamples):
        with pytest.raises(tfr.FeatureError):
            transform({})
        with pytest.raises(tfr.FeatureError, match="'n'"):
            transform({"n": tfr.FixedLenSequenceFeature([], np.int64)})


def test_many_threads_parse_with_the_same_transform() -> None:
    # Of many layouts, so that those that are remembered change all the time.
    records = [
        tfr.encode_example({str(other): [number] for other in range(1 + number // 10 % 30)} | {"n": number})
        for number in range(2000)
    ]
    features = {"n": tfr.FixedLenFeature([], np.int64), **{str(key): tfr.RaggedFeature(np.int64) for key in range(30)}}
    transform = ParseExamples(features)
    batches = [records[begin : begin + 100] for begin in range(0, 2000, 100)] * 2
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(transform.map, batches))
    finally:
        sys.setswitchinterval(switch_interval)
    for number, columns in enumerate(found):
        assert columns["n"].tolist() == list(range(number % 20 * 100, number % 20 * 100 + 100))


def test_an_unfit_record_is_named_with_its_place(folder: Path) -> None:
    features = FEATURES | {"values": tfr.FixedLenFeature([2], np.float32)}
    dataset = ColumnDataset(OrderedBatches(folder, features, batch_size=10)).to_iter_dataset(FEW_AHEAD)
    with pytest.raises(tfr.FeatureError) as caught:
        list(dataset)
    assert (caught.value.path, caught.value.record_number) == (str(folder / "train-00000-of-00004"), 1)


def test_files_without_records_have_nothing(tmp_path: Path) -> None:
    tfr.TFRecordWriter(tmp_path / "empty").close()
    assert list(ColumnDataset(OrderedBatches(tmp_path / "empty", FEATURES, batch_size=2)).to_iter_dataset()) == []
    assert list(RecordDataset(tfr.RecordSource(tmp_path / "empty"), shuffle=True)) == []
    for epochs in (1, None):
        assert len(RecordSampler(0, epochs=epochs)) == 0


def test_what_cannot_be_is_a_value_error(folder: Path) -> None:
    source = tfr.RecordSource(folder)
    for make in (lambda **order: RecordDataset(source, **order), lambda **order: RecordSampler(9, **order)):
        with pytest.raises(ValueError, match="rank is 0 to 1 where there are 2 ranks, not 2"):
            make(rank=2, ranks=2)
        with pytest.raises(ValueError, match="not possible"):
            make(batch_size=0)
        with pytest.raises(ValueError, match="remainder is"):
            make(remainder="keep")
        with pytest.raises(TypeError, match="integer"):
            make(shuffle=True, seed=None)
    with pytest.raises(ValueError, match="0 or more"):
        RecordSampler(9, epochs=-1)
    with pytest.raises(ValueError, match="0 or more"):
        RecordSampler(9, workers=-1)
    with pytest.raises(IndexError):
        RecordSampler(9)[9]


def read_by(sampler: RecordSampler, batch_size: int, workers: int) -> list[list[int]]:
    """As a DataLoader does it: index i is for worker i % workers, which makes batches; workers give theirs in turn."""
    queues = []
    for worker in range(workers):
        records = [sampler[index].record_key for index in range(worker, len(sampler), workers)]
        queues.append([records[begin : begin + batch_size] for begin in range(0, len(records), batch_size)])
    return [queue[turn] for turn in range(len(queues[0])) for queue in queues if turn < len(queue)]


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.data())
def test_a_sampler_gives_the_same_order_for_any_workers(
    count: int, batch_size: int, workers: int, ranks: int, epochs: int, data: st.DataObject
) -> None:
    rank = data.draw(st.integers(0, ranks - 1))
    order: dict[str, Any] = {"batch_size": batch_size, "ranks": ranks, "rank": rank, "shuffle": True}
    remainder = data.draw(st.sampled_from(["share", "drop", "pad"]))
    alone = RecordSampler(count, epochs=epochs, remainder=remainder, **order)
    several = RecordSampler(count, epochs=epochs, remainder=remainder, workers=workers, **order)
    batches, others = read_by(alone, batch_size, 1), read_by(several, batch_size, workers)
    assert flat(others) == flat(batches)
    whole = len(flat(batches)) // (batch_size * workers) * workers
    assert others[:whole] == batches[:whole]
    assert len(others) - whole <= workers


def test_a_sampler_of_all_ranks_reads_each_record_once_an_epoch() -> None:
    samplers = [RecordSampler(COUNT, batch_size=8, shuffle=True, rank=rank, ranks=3, epochs=2) for rank in range(3)]
    found = [sampler[index].record_key for sampler in samplers for index in range(len(sampler))]
    assert sorted(found) == sorted([*range(COUNT)] * 2)


def test_a_sampler_may_go_on_without_end() -> None:
    sampler = RecordSampler(COUNT, shuffle=True, epochs=None, workers=2, batch_size=4)
    assert sampler[10**15].record_key in range(COUNT)


def test_random_numbers_belong_to_the_record_and_epoch() -> None:
    def drawn(**order: Any) -> dict[Any, float]:
        sampler = RecordSampler(10, epochs=2, **order)
        found: dict[Any, float] = {}
        for index in range(len(sampler)):
            metadata = sampler[index]
            epoch = sum(key[0] == metadata.record_key for key in found)
            found[metadata.record_key, epoch] = metadata.rng.random()
        return found

    alone = drawn(shuffle=True, seed=3)
    assert len(set(alone.values())) == 20
    assert drawn(shuffle=True, seed=3, batch_size=2, workers=2) == alone
    assert not set(drawn(shuffle=True, seed=4).values()) & set(alone.values())


PIPELINES = """
import json
import sys

import grain
import numpy as np
from absl import flags

import tfrecord_lite as tfr
from tfrecord_lite.adapters.grain import ColumnDataset, ParseExample, ParseExamples, RecordDataset, RecordSampler
from tfrecord_lite.adapters.ordered_batches import OrderedBatches

FEATURES = {"number": tfr.FixedLenFeature([], np.int64)}
FEW_AHEAD = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
ORDER = {"batch_size": 10, "shuffle": True, "seed": 5}


def columns(folder, workers):
    dataset = ColumnDataset(OrderedBatches(folder, FEATURES, **ORDER)).repeat(2).to_iter_dataset(FEW_AHEAD)
    return dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))


def records(folder, workers):
    dataset = RecordDataset(tfr.RecordSource(folder), **ORDER).batch(10, batch_fn=list).map(ParseExamples(FEATURES))
    return dataset.repeat(2).to_iter_dataset(FEW_AHEAD).mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))


def loader(folder, workers):
    source = tfr.RecordSource(folder)
    return grain.DataLoader(
        data_source=source,
        sampler=RecordSampler(len(source), epochs=2, workers=workers, **ORDER),
        operations=[ParseExample(FEATURES), grain.transforms.Batch(10)],
        worker_count=workers,
        shard_options=grain.sharding.NoSharding(),
    )


if __name__ == "__main__":
    flags.FLAGS.mark_as_parsed()
    name, folder, workers, skipped = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    pipeline = globals()[name](folder, workers)
    read = iter(pipeline)
    whole = [next(read)["number"].tolist() for _ in range(skipped)]
    state = read.get_state()
    whole += [batch["number"].tolist() for batch in read]
    again = iter(pipeline)
    if isinstance(state, bytes):
        again.set_state(state)
    else:
        again.set_state(json.loads(json.dumps(state)))
    print(json.dumps([whole, [batch["number"].tolist() for batch in again]]))
"""


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ["columns", "records", "loader"])
def test_the_order_is_the_same_in_workers_and_after_a_checkpoint(
    folder: Path, tmp_path: Path, name: str, workers: int
) -> None:
    script = tmp_path / "program.py"
    script.write_text(PIPELINES)
    command = [sys.executable, str(script), name, str(folder), str(workers), "13"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    whole, rest = json.loads(result.stdout)
    batches = expected(folder, 2)
    if name == "loader":  # whose batches go on across epochs
        assert flat(whole) == flat(batches)
        assert whole[:18] == [flat(batches)[begin : begin + 10] for begin in range(0, 180, 10)]
    else:
        assert whole == batches
    assert rest == whole[13:]


def test_a_checkpoint_of_another_order_is_refused(folder: Path) -> None:
    def loader(**order: Any) -> Any:
        source = tfr.RecordSource(folder)
        sampler = RecordSampler(len(source), shuffle=True, **order)
        return iter(grain.DataLoader(data_source=source, sampler=sampler, shard_options=grain.sharding.NoSharding()))

    state = loader(seed=1).get_state()
    loader(seed=1).set_state(state)
    with pytest.raises(ValueError, match="RecordSampler"):
        loader(seed=2).set_state(state)


def test_the_readme_tells_the_truth(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python grain\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    with tfr.TFRecordWriter(tmp_path / "train.tfrecord") as writer:
        for label in range(100):
            writer.write_example({"label": label, "embedding": np.zeros(16, np.float32)})
    command = [sys.executable, "-W", "error", "-c", block]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


def test_the_example_trains_a_model(tmp_path: Path) -> None:
    script = str(ROOT / "examples" / "train_jax.py")
    command = [sys.executable, "-W", "error", script, "--directory", "cards"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout.split()[-1]) > 0.95


def test_without_grain_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['grain'] = None; import tfrecord_lite.adapters.grain"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith('ImportError: this needs grain: pip install "tfrecord-lite-codec[grain]"\n')


def test_what_has_no_records_has_no_element(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "none"):
        pass
    nothing = OrderedBatches(tmp_path / "none", {"number": tfr.FixedLenFeature([], "int64")}, batch_size=4)
    for dataset in (ColumnDataset(nothing), RecordDataset(tfr.RecordSource(tmp_path / "none"))):
        assert len(dataset) == 0
        with pytest.raises(IndexError, match="there are no records"):
            dataset[0]


@pytest.mark.parametrize("wrong", ["8", 1.5, True])
def test_numbers_that_are_none_are_type_errors_shuffled_or_not(folder: Path, wrong: Any) -> None:
    source = tfr.RecordSource(folder)
    for name in ("batch_size", "seed", "rank", "block_size"):
        with pytest.raises(TypeError, match=f"^{name}: "):
            RecordDataset(source, **{name: wrong})
    for name in ("count", "epochs", "workers", "seed", "batch_size"):
        order: dict[str, Any] = {"count": 9, name: wrong}
        with pytest.raises(TypeError, match=f"^{name}: "):
            RecordSampler(**order)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_numpys_integers_make_the_same_order(folder: Path, kind: Any) -> None:
    numbers = {"batch_size": 3, "seed": 5, "block_size": 100, "mixed_blocks": 100, "rank": 1, "ranks": 2}
    of_numpy: Any = {name: kind(number) for name, number in numbers.items()}
    source = tfr.RecordSource(folder)
    expected = RecordDataset(source, shuffle=True, **numbers)  # type: ignore[arg-type]
    found = RecordDataset(source, shuffle=True, **of_numpy)
    assert [found[kind(index)] for index in range(120)] == [expected[index] for index in range(120)]
    numbers |= {"count": 97, "epochs": 4, "workers": 2}
    of_numpy |= {"count": kind(97), "epochs": kind(4), "workers": kind(2)}
    sampler = RecordSampler(shuffle=True, **numbers)  # type: ignore[arg-type]
    of_numpys = RecordSampler(shuffle=True, **of_numpy)
    assert (repr(of_numpys), len(of_numpys)) == (repr(sampler), len(sampler))
    for index in range(120):
        one, other = of_numpys[kind(index)], sampler[index]
        assert (one.index, one.record_key) == (other.index, other.record_key)
        assert one.rng.random() == other.rng.random()
    batches, expected_batches = ordered(folder, batch_size=kind(1)), ordered(folder, batch_size=1)
    dataset = ColumnDataset(batches)
    assert numbers_of(dataset[kind(index)] for index in range(100)) == numbers_of(
        ColumnDataset(expected_batches)[index] for index in range(100)
    )


def test_one_number_alone_may_be_a_small_integer_of_numpys() -> None:
    wrong: Any = np.int8(3)
    assert RecordSampler(wrong)[0].record_key == 0
    assert len(RecordSampler(5000, batch_size=np.int8(3))) == 5000


def test_more_epochs_than_can_be_counted_are_a_value_error() -> None:
    for epochs in (2**63, np.uint64(2**64 - 1), sys.maxsize // 9 + 1):
        with pytest.raises(ValueError, match=rf"^{int(epochs)} epochs of 9 records are more than can be counted$"):
            RecordSampler(9, epochs=epochs)
    assert len(RecordSampler(9, epochs=sys.maxsize // 9)) == sys.maxsize // 9 * 9
    assert len(RecordSampler(0, epochs=2**63)) == 0


@pytest.mark.parametrize("wrong", ["/path/one.tfrecord", [b"a record"], None, 5], ids=repr)
def test_what_is_no_source_or_batches_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"^source is a RecordSource, not {type(wrong).__name__}$"):
        RecordDataset(wrong)
    with pytest.raises(TypeError, match=rf"^batches is an OrderedBatches, not {type(wrong).__name__}$"):
        ColumnDataset(wrong)


@pytest.mark.parametrize("features", [-1, "x", True, [1], np.zeros(2)], ids=repr)
def test_features_that_are_no_mapping_are_a_type_error(features: Any) -> None:
    for make in (ParseExample, ParseExamples):
        with pytest.raises(TypeError, match="features are a mapping of names to features, or a Schema, not "):
            make(features)
