"""make_dataset with the real TensorFlow: two readers that give the same, sharded, repeatable, gone on with."""

from __future__ import annotations

import gc
import gzip
import io
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frames, gzip_member_of_size
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.adapters.order import RecordOrder
from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.adapters.tf_data import make_dataset
from tfrecord_lite.adapters.tf_files import LostRecordsError

tf = pytest.importorskip("tensorflow")

COUNT = 97
NUMBER = {"number": tfr.FixedLenFeature([], np.int64)}
FEATURES: dict[str, Any] = {
    **NUMBER,
    "word": tfr.FixedLenFeature([], bytes),
    "pair": tfr.FixedLenFeature([2], np.float32, [1, 2]),
    "words": tfr.VarLenFeature(bytes),
    "steps": tfr.FixedLenSequenceFeature([2], np.float32, allow_missing=True, default_value=-1),
    "names": tfr.FixedLenSequenceFeature([], bytes, allow_missing=True, default_value=b"none"),
    "grid": tfr.SparseFeature(["row", "column"], "value", np.float32, [4, 5]),
    "tokens": tfr.RaggedFeature(np.int64),
    "texts": tfr.RaggedFeature(bytes, row_splits_dtype=np.int64),
    "groups": tfr.RaggedFeature(np.int64, "members", [tfr.RaggedFeature.RowLengths("sizes")]),
    "couples": tfr.RaggedFeature(np.float32, "halves", [tfr.RaggedFeature.UniformRowLength(2)]),
}
THEIRS: dict[str, Any] = {
    "number": tf.io.FixedLenFeature([], tf.int64),
    "word": tf.io.FixedLenFeature([], tf.string),
    "pair": tf.io.FixedLenFeature([2], tf.float32, [1, 2]),
    "words": tf.io.VarLenFeature(tf.string),
    "steps": tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True, default_value=-1),
    "names": tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True, default_value=b"none"),
    "grid": tf.io.SparseFeature(["row", "column"], "value", tf.float32, [4, 5]),
    "tokens": tf.io.RaggedFeature(tf.int64),
    "texts": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    "groups": tf.io.RaggedFeature(tf.int64, "members", [tf.io.RaggedFeature.RowLengths("sizes")]),
    "couples": tf.io.RaggedFeature(tf.float32, "halves", [tf.io.RaggedFeature.UniformRowLength(2)]),
}
READERS = ["tensorflow", "tfrecord_lite"]


def example(number: int) -> dict[str, Any]:
    some = number % 3
    found: dict[str, Any] = {"number": number, "word": b"\0w%d\0" % number, "words": [b"a", b"", b"\0"][:some] or None}
    found["steps"] = np.arange(2 * some, dtype=np.float32)
    found["names"] = [b"n%d" % each for each in range(some)] or None
    found |= {"row": np.arange(some), "column": np.arange(some)[::-1].copy(), "value": np.ones(some, np.float32)}
    found["tokens"] = np.arange(number % 4)
    found["texts"] = [b"x" * each for each in range(some)] or None
    found |= {"members": np.arange(some + 1), "sizes": np.array([1, some]), "halves": np.ones(2 * some, np.float32)}
    return found if number % 2 else found | {"pair": np.array([number, 0.5], np.float32)}


def write(path: Path, numbers: range, options: Any = None) -> None:
    with tfr.TFRecordWriter(path, options) as writer:
        for number in numbers:
            writer.write_example(example(number))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COUNT records in five files, one of them without any, one compressed."""
    folder = tmp_path_factory.mktemp("tf_data")
    ends = [0, 30, 31, 31, 60, COUNT]
    for shard, (begin, end) in enumerate(itertools.pairwise(ends)):
        options = tfr.TFRecordOptions("GZIP", seekable=True) if shard == 3 else None
        write(folder / f"train-{shard:05}-of-00005", range(begin, end), options)
    return folder


def values(element: Any) -> Any:
    """What is in a batch, as lists."""
    if isinstance(element, tf.SparseTensor):
        return [element.indices.numpy().tolist(), element.values.numpy().tolist(), element.dense_shape.numpy().tolist()]
    if isinstance(element, tf.RaggedTensor):
        return [element.flat_values.numpy().tolist(), [splits.numpy().tolist() for splits in element.nested_row_splits]]
    return element.numpy().tolist()


def all_values(dataset: Any) -> list[dict[str, Any]]:
    return [{key: values(element) for key, element in batch.items()} for batch in dataset]


def batches_of(dataset: Any) -> list[list[int]]:
    return [batch["number"].numpy().tolist() for batch in dataset]


def numbers_of(dataset: Any) -> list[int]:
    return list(itertools.chain.from_iterable(batches_of(dataset)))


@pytest.mark.parametrize("remainder", ["share", "drop"])
@pytest.mark.parametrize("features", [FEATURES, THEIRS], ids=["our features", "TensorFlow's features"])
def test_both_readers_give_the_same_specs_values_and_order(folder: Path, features: Any, remainder: Any) -> None:
    theirs, ours = (
        make_dataset(folder, features, batch_size=10, epochs=2, remainder=remainder, reader=reader)
        for reader in READERS
    )
    assert ours.element_spec == theirs.element_spec
    expected = all_values(theirs)
    assert all_values(ours) == expected
    assert len(expected) == (20 if remainder == "share" else 18)
    assert numbers_of(ours)[:90] == list(range(90))
    for batch in ours.take(1):
        assert {key: element.dtype for key, element in batch.items()} == {
            key: spec.dtype for key, spec in theirs.element_spec.items()
        }


def test_batches_are_those_that_a_plain_pipeline_of_tensorflow_parses(folder: Path) -> None:
    paths = [str(path) for path in sorted(folder.iterdir()) if path.name != "train-00003-of-00005"]
    plain = tf.data.TFRecordDataset(paths).batch(10).map(lambda records: tf.io.parse_example(records, THEIRS))
    for reader in READERS:
        dataset = make_dataset(paths, FEATURES, batch_size=10, reader=reader)
        assert dataset.element_spec == plain.element_spec
        assert all_values(dataset) == all_values(plain)


@pytest.mark.parametrize("reader", READERS)
def test_features_are_inferred(folder: Path, reader: Any) -> None:
    dataset = make_dataset(folder, batch_size=10, reader=reader)
    assert set(dataset.element_spec) == set(example(0))
    assert dataset.element_spec["number"] == tf.TensorSpec([None], tf.int64)
    assert isinstance(dataset.element_spec["tokens"], tf.RaggedTensorSpec)
    assert numbers_of(dataset) == list(range(COUNT))


@pytest.mark.parametrize("reader", READERS)
def test_shuffled_epochs_differ_and_are_the_same_in_every_run(folder: Path, reader: Any) -> None:
    def epochs(seed: int) -> list[list[int]]:
        dataset = make_dataset(folder, NUMBER, batch_size=10, shuffle=True, seed=seed, reader=reader)
        return [numbers_of(dataset) for _ in range(3)]

    first = epochs(5)
    assert epochs(5) == first
    assert epochs(6) != first
    assert len(set(map(tuple, first))) == 3
    assert [sorted(numbers) for numbers in first] == [list(range(COUNT))] * 3
    together = make_dataset(folder, NUMBER, batch_size=10, shuffle=True, seed=5, epochs=3, reader=reader)
    numbers = numbers_of(together)
    assert (
        numbers_of(make_dataset(folder, NUMBER, batch_size=10, shuffle=True, seed=5, epochs=3, reader=reader))
        == numbers
    )
    parts = [numbers[begin : begin + COUNT] for begin in range(0, 3 * COUNT, COUNT)]
    assert [sorted(part) for part in parts] == [list(range(COUNT))] * 3
    assert len(set(map(tuple, parts))) == 3


def test_our_reader_shuffles_in_the_order_that_all_adapters_share(folder: Path) -> None:
    dataset = make_dataset(folder, NUMBER, batch_size=10, shuffle=True, seed=3, epochs=2, reader="tfrecord_lite")
    order = RecordOrder(COUNT, seed=3)
    for epochs in ((0, 1), (2, 3)):
        expected = [number for epoch in epochs for number in order.numbers(epoch, range(COUNT)).tolist()]
        assert numbers_of(dataset) == expected


def test_in_any_order_each_record_comes_once(folder: Path) -> None:
    dataset = make_dataset(folder, NUMBER, batch_size=10, shuffle=True, deterministic=False)
    assert sorted(numbers_of(dataset)) == list(range(COUNT))
    assert not dataset.options().deterministic
    assert make_dataset(folder, NUMBER, batch_size=10, shuffle=True).options().deterministic


@pytest.mark.parametrize("reader", READERS)
def test_without_end_epochs_follow_each_other(folder: Path, reader: Any) -> None:
    dataset = make_dataset(folder, NUMBER, batch_size=10, epochs=None, reader=reader)
    assert batches_of(dataset.take(25)) == batches_of(make_dataset(folder, NUMBER, batch_size=10, epochs=3)).copy()[:25]
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY if reader == "tfrecord_lite" else True


def test_our_reader_says_how_many_batches_there_are(folder: Path) -> None:
    for remainder, count in (("share", 20), ("drop", 18), ("pad", 20)):
        dataset = make_dataset(
            folder,
            NUMBER,
            batch_size=10,
            epochs=2,
            remainder=remainder,
            reader="tfrecord_lite",
        )
        assert len(dataset) == count == len(batches_of(dataset))


def test_padding_fills_the_last_batch_from_the_begin(folder: Path) -> None:
    dataset = make_dataset(folder, NUMBER, batch_size=10, remainder="pad", reader="tfrecord_lite")
    assert dataset.element_spec["number"].shape == [10]
    assert batches_of(dataset)[-1] == [90, 91, 92, 93, 94, 95, 96, 0, 1, 2]


def context(pipelines: int, number: int) -> Any:
    return tf.distribute.InputContext(
        num_input_pipelines=pipelines, input_pipeline_id=number, num_replicas_in_sync=pipelines
    )


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("pipelines", [2, 3])
@pytest.mark.parametrize("files", ["train-*", "train-00000*"])
def test_input_pipelines_read_each_record_once(
    folder: Path, files: str, pipelines: int, shuffle: bool, reader: Any
) -> None:
    parts = [
        make_dataset(
            folder / files,
            NUMBER,
            batch_size=4,
            shuffle=shuffle,
            seed=1,
            reader=reader,
            input_context=context(pipelines, number),
        )
        for number in range(pipelines)
    ]
    numbers = [numbers_of(part) for part in parts]
    assert sorted(itertools.chain(*numbers)) == list(range(COUNT if files == "train-*" else 30))
    if reader == "tfrecord_lite":
        assert len({len(part) for part in parts}) == 1
        assert max(map(len, numbers)) - min(map(len, numbers)) <= 4
    elif files != "train-*":
        assert max(map(len, numbers)) - min(map(len, numbers)) <= 1


@pytest.mark.parametrize("reader", READERS)
def test_a_strategy_distributes_what_a_function_makes(folder: Path, reader: Any) -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])

    def made(context: Any) -> Any:
        size = context.get_per_replica_batch_size(20)
        return make_dataset(folder, NUMBER, batch_size=size, reader=reader, input_context=context)

    distributed = strategy.distribute_datasets_from_function(made)
    assert numbers_of(distributed) == list(range(COUNT))


@pytest.mark.parametrize("reader", READERS)
def test_keras_trains_on_it_epoch_after_epoch(folder: Path, reader: Any) -> None:
    seen: list[list[int]] = [[]]

    class Watching(tf.keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, inputs: Any) -> Any:
            def note(numbers: Any) -> Any:
                seen[-1].extend(numbers.numpy().ravel().astype(int).tolist())
                return numbers

            return tf.ensure_shape(tf.py_function(note, [inputs], tf.float32), inputs.shape) * 0.0

    model = tf.keras.Sequential([tf.keras.layers.Input((1,)), Watching(), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    dataset = make_dataset(folder, NUMBER, batch_size=10, shuffle=True, reader=reader)
    pairs = dataset.map(lambda batch: (tf.cast(batch["number"], tf.float32)[:, None], tf.zeros_like(batch["number"])))
    next_epoch = tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append([]))
    model.fit(pairs, epochs=3, verbose=0, callbacks=[next_epoch])
    assert [sorted(numbers) for numbers in seen] == [list(range(COUNT))] * 3 + [[]]
    assert len(set(map(tuple, seen))) == 4


def test_resumed_in_the_middle_of_an_epoch_it_goes_on_with_the_rest(folder: Path) -> None:
    arguments: dict[str, Any] = {"shuffle": True, "seed": 2, "reader": "tfrecord_lite"}
    whole = batches_of(make_dataset(folder, NUMBER, batch_size=10, epochs=3, **arguments))
    ordered = OrderedBatches(folder, NUMBER, batch_size=10, shuffle=True, seed=2)
    ordered.set_epoch(1)
    state = ordered.state_after(4)
    assert {key: state[key] for key in ("epoch", "done")} == {"epoch": 1, "done": 40}
    with pytest.raises(ValueError, match="what differs is seed"):
        make_dataset(folder, NUMBER, batch_size=10, state=state, **arguments | {"seed": 77})
    dataset = make_dataset(folder, NUMBER, batch_size=10, state=state, **arguments)
    assert batches_of(dataset) == whole[14:20]
    assert batches_of(dataset) == whole[20:]  # the next iteration is the next epoch
    together = make_dataset(folder, NUMBER, batch_size=10, epochs=2, state=state, **arguments)
    assert batches_of(together) == whole[14:]
    endless = make_dataset(folder, NUMBER, batch_size=10, epochs=None, state=state, **arguments)
    for _ in range(2):  # every iteration begins there: looking at the first batch moves nothing
        assert batches_of(endless.take(16)) == whole[14:]


def test_resumed_with_another_number_of_pipelines_each_record_still_comes_once(folder: Path) -> None:
    arguments: dict[str, Any] = {"batch_size": 5, "shuffle": True, "reader": "tfrecord_lite"}
    numbers = []
    for number in range(2):
        dataset = make_dataset(folder, NUMBER, input_context=context(2, number), **arguments)
        numbers += numbers_of(dataset.take(4))
    state = {"epoch": 0, "done": 2 * 4 * 5}
    for number in range(3):
        numbers += numbers_of(make_dataset(folder, NUMBER, input_context=context(3, number), state=state, **arguments))
    assert sorted(numbers) == list(range(COUNT))


def test_iterations_side_by_side_do_not_disturb_each_other(folder: Path) -> None:
    dataset = make_dataset(folder, NUMBER, batch_size=10, shuffle=True, epochs=2, reader="tfrecord_lite")
    found: list[list[int]] = [[], []]
    for pair in zip(dataset, dataset, strict=True):
        for numbers, batch in zip(found, pair, strict=True):
            numbers += batch["number"].numpy().tolist()
    order = RecordOrder(COUNT, seed=0)
    expected = [order.numbers(epoch, range(COUNT)).tolist() for epoch in range(4)]
    assert sorted(found) == sorted([expected[0] + expected[1], expected[2] + expected[3]])


def gzip_members(path: Path, folder: Path, parts: list[range]) -> None:
    """A GZIP file of a member for each part; an empty range makes a member that holds nothing."""
    content = b""
    for part in parts:
        write(folder / "part", part)
        content += gzip.compress((folder / "part").read_bytes())
    path.write_bytes(content)


def test_a_gzip_file_of_which_tensorflow_loses_members_is_refused_or_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "members.gz"
    gzip_members(path, tmp_path, [range(10), range(0), range(10, 20)])
    assert len(list(tf.data.TFRecordDataset(str(path), "GZIP"))) == 10
    with pytest.raises(
        LostRecordsError, match=r"members.gz: 10 records, from #10 on, .* reader='tfrecord_lite'"
    ) as caught:
        make_dataset(path, NUMBER, batch_size=4)
    assert (caught.value.path, caught.value.record_number) == (str(path), 10)
    for shuffle in (False, True):
        dataset = make_dataset(path, NUMBER, batch_size=4, shuffle=shuffle, reader="tfrecord_lite")
        assert sorted(numbers_of(dataset)) == list(range(20))


def test_gzip_members_that_tensorflow_reads_are_no_reason_to_refuse(tmp_path: Path) -> None:
    gzip_members(tmp_path / "few.gz", tmp_path, [range(10), range(10, 20)])
    write(tmp_path / "seekable.gz", range(20), tfr.TFRecordOptions("GZIP", seekable=True))
    write(tmp_path / "whole.gz", range(20), "GZIP")
    with tfr.TFRecordWriter(tmp_path / "part") as writer:
        for number in range(20, 30):
            writer.write_example({"number": number, "noise": np.random.default_rng(number).bytes(60_000)})
    long = gzip.compress((tmp_path / "part").read_bytes())
    # What follows the empty member is longer than TensorFlow's buffer, so that it reads on behind it.
    (tmp_path / "long.gz").write_bytes((tmp_path / "whole.gz").read_bytes() + gzip.compress(b"") + long)
    for name, count in (("few.gz", 20), ("seekable.gz", 20), ("whole.gz", 20), ("long.gz", 30)):
        assert numbers_of(make_dataset(tmp_path / name, NUMBER, batch_size=4)) == list(range(count))


def test_files_of_different_compression_are_read_together_by_tensorflow(tmp_path: Path) -> None:
    for number, compression_type in enumerate(["GZIP", "", "ZLIB", "GZIP"]):
        write(tmp_path / f"{number}.tfrecord", range(5 * number, 5 * number + 5), compression_type)
    assert numbers_of(make_dataset(tmp_path, NUMBER, batch_size=4)) == list(range(20))
    shuffled = make_dataset(tmp_path, NUMBER, batch_size=4, shuffle=True, input_context=context(2, 1))
    assert sorted(numbers_of(shuffled)) == [*range(5, 10), *range(15, 20)]


def test_a_file_that_has_a_name_outside_utf_8_is_read(tmp_path: Path) -> None:
    path = bytes(tmp_path) + b"/\xff.tfrecord"
    write(Path(path.decode(errors="surrogateescape")), range(5))
    for reader in READERS:
        assert numbers_of(make_dataset(path, NUMBER, batch_size=4, reader=reader)) == list(range(5))


def test_of_a_directory_the_files_that_its_manifest_lists_are_read(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        for number in range(10):
            writer.write_example({"number": number})
    write(tmp_path / "train-00000-of-00003", range(100, 110))
    for reader in READERS:
        dataset = make_dataset(tmp_path, NUMBER, batch_size=4, reader=reader)
        assert sorted(numbers_of(dataset)) == list(range(10))


def test_urls_are_for_our_reader() -> None:
    pytest.importorskip("fsspec")
    with tfr.TFRecordWriter("memory://tf_data/a.tfrecord") as writer:
        for number in range(10):
            writer.write_example({"number": number})
    path = "memory://tf_data/*.tfrecord"
    assert numbers_of(make_dataset(path, NUMBER, batch_size=4, reader="tfrecord_lite")) == list(range(10))
    with pytest.raises(ValueError, match=r"not memory://tf_data/a.tfrecord: reader='tfrecord_lite' takes URLs"):
        make_dataset(path, NUMBER, batch_size=4)


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A file in which a bit of record 7 is flipped, and where that record begins."""
    path = tmp_path / "damaged.tfrecord"
    write(path, range(20))
    offset = int(tfr.RecordIndex.build(path).offsets[7])
    data = bytearray(path.read_bytes())
    data[offset + 20] ^= 1
    path.write_bytes(data)
    return path, offset  # type: ignore[return-value]


def test_our_reader_names_file_and_record_of_damage(damaged: tuple[Path, int]) -> None:
    path, offset = damaged
    batches = iter(make_dataset(path, NUMBER, batch_size=5, reader="tfrecord_lite"))
    assert next(batches)["number"].numpy().tolist() == list(range(5))
    with pytest.raises(tf.errors.OpError, match=rf"damaged.tfrecord: corrupted record #7 at offset {offset}: data CRC"):
        next(batches)


def test_tensorflow_raises_its_own_error_about_damage(damaged: tuple[Path, int]) -> None:
    path, offset = damaged
    with pytest.raises(tf.errors.DataLossError, match=f"corrupted record at {offset + 12}"):
        numbers_of(make_dataset(path, NUMBER, batch_size=5))


def test_a_record_that_is_unfit_is_named_by_our_reader_and_an_error_of_tensorflows(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for value in (1, 2, 3.5):
            writer.write_example({"number": value})
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a: record #2 at offset \d+: .*number"):
        numbers_of(make_dataset(tmp_path / "a", NUMBER, batch_size=5, reader="tfrecord_lite"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="number"):
        numbers_of(make_dataset(tmp_path / "a", NUMBER, batch_size=5))


@pytest.mark.parametrize("reader", READERS)
def test_files_without_records_give_no_batches_but_need_features(tmp_path: Path, reader: Any) -> None:
    tfr.TFRecordWriter(tmp_path / "empty").close()
    for epochs in (1, 2, None):
        dataset = make_dataset(tmp_path, NUMBER, batch_size=5, shuffle=True, epochs=epochs, reader=reader)
        assert batches_of(dataset) == []
    with pytest.raises(tfr.FeatureError, match="no record has one from which they could be inferred"):
        make_dataset(tmp_path, batch_size=5, reader=reader)


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_file_is_an_error_at_once(tmp_path: Path, reader: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.tfrecord"):
        make_dataset(tmp_path / "none.tfrecord", NUMBER, batch_size=5, reader=reader)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"reader": "torch"}, "reader is 'tensorflow' or 'tfrecord_lite', not 'torch'"),
        ({"remainder": "keep"}, "remainder is 'share', 'drop' or 'pad', not 'keep'"),
        ({"remainder": "pad"}, "need reader='tfrecord_lite'"),
        ({"state": {"epoch": 0, "done": 0}}, "need reader='tfrecord_lite'"),
        ({"batch_size": 0}, "batch_size is 1 to 268435456, not 0"),
        ({"buffer_size": 0}, "buffer_size is 1 to 268435456, not 0"),
        ({"epochs": 0}, "epochs is 1 to 9223372036854775807, not 0"),
        ({"state": {"epoch": 0, "done": COUNT + 1}, "reader": "tfrecord_lite"}, "not possible"),
        ({"features": {}}, "no features"),
    ],
)
def test_arguments_of_no_use_are_value_errors(folder: Path, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make_dataset(folder, **{"features": NUMBER, "batch_size": 5, **arguments})


@pytest.mark.parametrize("reader", ["tensorflow", "tfrecord_lite"])
def test_a_seed_that_is_no_integer_is_a_type_error_and_no_order_as_they_lie(folder: Path, reader: str) -> None:
    wrong: Any = None
    with pytest.raises(TypeError, match="integer"):
        make_dataset(folder, NUMBER, batch_size=5, shuffle=True, seed=wrong, reader=reader)


def test_a_batch_without_records_is_what_tensorflow_parses_of_none(tmp_path: Path) -> None:
    write(tmp_path / "a", range(1))
    arguments: dict[str, Any] = {"batch_size": 2, "reader": "tfrecord_lite"}
    (found,) = all_values(make_dataset(tmp_path / "a", FEATURES, input_context=context(2, 1), **arguments))
    expected = tf.io.parse_example(tf.zeros([0], tf.string), THEIRS)
    assert found == {key: values(element) for key, element in expected.items()}


def test_tensorflows_reader_can_be_saved_in_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    def batches() -> Iterator[Any]:
        return iter(make_dataset(folder, NUMBER, batch_size=10, shuffle=True, seed=4))

    def numbers(batches: Any) -> list[list[int]]:
        return [batch["number"].numpy().tolist() for batch in batches]

    first = batches()
    before = numbers(itertools.islice(first, 3))
    saved = tf.train.Checkpoint(batches=first).save(str(tmp_path / "state"))
    after = numbers(first)
    again = batches()
    tf.train.Checkpoint(batches=again).restore(saved)
    assert numbers(again) == after
    assert sorted(itertools.chain(*before, *after)) == list(range(COUNT))


def written_members(path: Path, sizes: Iterable[int]) -> int:
    """A GZIP file of members of about, or of exactly, so many bytes, each with a record but those of 0; how many."""
    content = b""
    for number, size in enumerate(sizes):
        noise = np.random.default_rng(size).bytes(max(size - 1000, 9))
        data = frames([tfr.encode_example({"number": number, "noise": noise})] * (size > 0))
        content += gzip_member_of_size(data, size) if size > 1000 else gzip.compress(data)
    path.write_bytes(content)
    return sum(size > 0 for size in sizes)


@settings(deadline=None, max_examples=12)
@given(st.lists(st.sampled_from([0, 20, 262_000, 262_140, 262_144, 262_150, 262_152, 262_300]), min_size=1, max_size=4))
def test_a_gzip_file_is_refused_just_when_tensorflow_loses_some_of_it(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("members") / "a.gz"
    count = written_members(path, sizes)
    if len(list(tf.data.TFRecordDataset(str(path), "GZIP"))) == count:
        assert len(numbers_of(make_dataset(path, NUMBER, batch_size=4))) == count
    else:
        with pytest.raises(LostRecordsError):
            make_dataset(path, NUMBER, batch_size=4)


@pytest.mark.parametrize("sizes", [(262_150, 20), (0, 20), (262_300, 0, 20), (262_144, 262_150, 20)])
def test_a_member_is_lost_behind_one_that_holds_nothing_or_ends_where_a_buffer_does(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    count = written_members(tmp_path / "a.gz", sizes)
    assert len(list(tf.data.TFRecordDataset(str(tmp_path / "a.gz"), "GZIP"))) == count - 1
    with pytest.raises(LostRecordsError, match=rf"a.gz: 1 records, from #{count - 1} on, lie behind a GZIP member"):
        make_dataset(tmp_path / "a.gz", NUMBER, batch_size=4)
    ours = make_dataset(tmp_path / "a.gz", NUMBER, batch_size=4, reader="tfrecord_lite")
    assert len(numbers_of(ours)) == count


def test_a_gzip_file_that_is_made_whole_while_it_is_looked_at_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gz"
    written_members(path, (262_150, 20))

    def count_and_mend(path: Any) -> int:
        count = tfr.count_records(path)
        written_members(Path(path), (20, 20))
        return count

    monkeypatch.setattr("tfrecord_lite.adapters.tf_files.count_records", count_and_mend)
    assert len(numbers_of(make_dataset(path, NUMBER, batch_size=4))) == 2


def test_a_cut_header_is_a_silent_end_to_tensorflow_and_an_error_of_ours(tmp_path: Path) -> None:
    write(tmp_path / "a", range(5))
    with (tmp_path / "a").open("ab") as file:
        file.write(frames([b"lost"])[:11])
    assert numbers_of(make_dataset(tmp_path / "a", NUMBER, batch_size=5)) == list(range(5))
    with pytest.raises(tfr.TruncatedRecordError, match=r"a: truncated record #5"):
        make_dataset(tmp_path / "a", NUMBER, batch_size=5, reader="tfrecord_lite")


def test_a_list_in_two_chunks_is_half_a_list_to_tensorflow_and_whole_to_ours(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"\n\x11\n\x0f\n\x01k\x12\n\x1a\x08\n\x02\x01\x02\n\x02\x03\x04")
    for reader, expected in (("tensorflow", [1, 2]), ("tfrecord_lite", [1, 2, 3, 4])):
        dataset = make_dataset(tmp_path / "a", {"k": tfr.RaggedFeature(np.int64)}, batch_size=5, reader=reader)
        assert [batch["k"].to_list() for batch in dataset] == [[expected]]


def test_compression_that_cannot_be_entered_is_refused_by_our_reader(tmp_path: Path) -> None:
    write(tmp_path / "a", range(5), "ZLIB")
    with pytest.raises(io.UnsupportedOperation, match=r"a: random access needs a plain file or seekable GZIP"):
        make_dataset(tmp_path / "a", NUMBER, batch_size=5, reader="tfrecord_lite")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux lists what a process has open")
def test_our_reader_leaves_no_file_open_after_an_iteration(folder: Path) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    for taken in (1, 3, 100):
        before = opened()
        for _ in range(4):
            list(make_dataset(folder, NUMBER, batch_size=10, reader="tfrecord_lite").take(taken))
        gc.collect()
        assert opened() <= before + 1


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["batch_size", "buffer_size", "epochs", "seed"])
def test_a_number_that_is_none_is_a_type_error_shuffled_or_not(folder: Path, reader: Any, name: str) -> None:
    for wrong in ("8", 1.5, True):
        arguments: dict[str, Any] = {"batch_size": 5, name: wrong}
        with pytest.raises(TypeError, match=f"^{name}: "):
            make_dataset(folder, NUMBER, reader=reader, **arguments)


def test_an_input_context_that_is_none_is_a_type_error(folder: Path) -> None:
    wrong: Any
    for wrong in (5, 0):
        with pytest.raises(TypeError, match=r"input_context is a tf\.distribute\.InputContext or None, not int"):
            make_dataset(folder, NUMBER, batch_size=5, input_context=wrong)


@pytest.mark.parametrize("reader", READERS)
def test_whether_it_is_deterministic_is_a_bool_or_a_type_error(folder: Path, reader: Any) -> None:
    wrong: Any
    for wrong in (1.0, "3", None, 1):
        with pytest.raises(TypeError, match=f"^deterministic is True or False, not {wrong!r}$"):
            make_dataset(folder, NUMBER, batch_size=5, deterministic=wrong, reader=reader)
    of_numpy: Any
    for of_numpy in (np.True_, np.False_):
        for shuffle in (True, False):
            dataset = make_dataset(folder, NUMBER, batch_size=5, shuffle=shuffle, deterministic=of_numpy, reader=reader)
            assert sorted(numbers_of(dataset)) == list(range(COUNT))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_no_files_give_no_batches(reader: Any, shuffle: bool) -> None:
    for context in (None, tf.distribute.InputContext(num_input_pipelines=2, input_pipeline_id=1)):
        dataset = make_dataset([], FEATURES, batch_size=2, shuffle=shuffle, reader=reader, input_context=context)
        assert list(dataset) == []
        assert dataset.element_spec["number"] == tf.TensorSpec([None], tf.int64)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("paths", [np.array(2), np.array("a"), tf.constant(2), tf.constant("a"), 2, None], ids=repr)
def test_paths_that_are_none_are_a_type_error(reader: Any, paths: Any) -> None:
    with pytest.raises(TypeError, match=r"^paths are str, PathLike, file objects or a sequence of them, not "):
        make_dataset(paths, NUMBER, batch_size=2, reader=reader)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_numpys_integers_make_the_same_batches(folder: Path, reader: Any, kind: Any) -> None:
    numbers = {"batch_size": 3, "seed": 5, "epochs": 2, "buffer_size": 100}
    of_numpy: Any = {name: kind(number) for name, number in numbers.items()}
    expected: Any = {"shuffle": True, "reader": reader, **numbers}
    found = make_dataset(folder, NUMBER, shuffle=True, reader=reader, **of_numpy)
    assert numbers_of(found) == numbers_of(make_dataset(folder, NUMBER, **expected))


@pytest.mark.parametrize("reader", READERS)
def test_epochs_beyond_64_bits_are_a_value_error(folder: Path, reader: Any) -> None:
    large: Any
    for large in (2**63, np.uint64(2**64 - 1)):
        with pytest.raises(ValueError, match=f"^epochs is 1 to 9223372036854775807, not {large}$"):
            make_dataset(folder, NUMBER, batch_size=5, epochs=large, reader=reader)


@pytest.mark.parametrize("name", ["batch_size", "buffer_size"])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("remainder", ["share", "drop"])
def test_more_records_at_a_time_than_there_is_memory_for_are_a_value_error(
    folder: Path, reader: Any, remainder: str, name: str
) -> None:
    large: Any
    for large in (2**28 + 1, 2**31, 2**63 - 1, np.uint64(2**64 - 1)):
        arguments: dict[str, Any] = {"batch_size": 5, name: large}
        with pytest.raises(ValueError, match=f"^{name} is 1 to 268435456, not {large}$"):
            make_dataset(folder, FEATURES, shuffle=True, reader=reader, remainder=remainder, **arguments)


def test_more_epochs_than_tensorflow_counts_are_a_value_error(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"^9223372036854775807 epochs of 20 batches are more than TensorFlow counts$"):
        make_dataset(folder, NUMBER, batch_size=5, epochs=2**63 - 1, reader="tfrecord_lite")


def test_a_state_of_numpys_integers_goes_on_where_it_says(folder: Path) -> None:
    state: Any = {"epoch": np.int8(120), "done": np.uint8(90)}
    dataset = make_dataset(folder, NUMBER, batch_size=5, epochs=9, state=state, reader="tfrecord_lite")
    assert numbers_of(dataset) == [*range(90, COUNT), *list(range(COUNT)) * 8]
    assert len(numbers_of(dataset)) == 9 * COUNT


@pytest.mark.parametrize("state", [0, True, "3", [1], {"epoch": 1}, np.array(2)], ids=repr)
def test_a_state_that_is_none_is_the_error_of_ordered_batches(folder: Path, state: Any) -> None:
    with pytest.raises(ValueError, match="a state has two whole numbers, epoch and done"):
        make_dataset(folder, NUMBER, batch_size=5, state=state, reader="tfrecord_lite")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("features", [-1, "x", True, [1], np.zeros(2)], ids=repr)
def test_features_that_are_no_mapping_are_a_type_error(folder: Path, reader: Any, features: Any) -> None:
    with pytest.raises(TypeError, match="features are a mapping of names to features, or a Schema, not "):
        make_dataset(folder, features, batch_size=5, reader=reader)


def test_values_of_a_feature_that_was_inferred_to_have_none_are_an_error_of_ours_only(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for number in range(2000):
            writer.write_example({"number": number, "k": None})
        writer.write_example({"number": 2000, "k": 3})
    ours = make_dataset(tmp_path / "a", batch_size=500, reader="tfrecord_lite")
    with pytest.raises(tf.errors.OpError, match=r"a: record #2000 at offset \d+: .*k"):
        list(ours)
    theirs = make_dataset(tmp_path / "a", batch_size=500)
    assert list(theirs.element_spec) == ["number"]
    assert numbers_of(theirs) == list(range(2001))


@pytest.mark.parametrize("record", [b"\xff", b"\xff\xfe\xfd" * 9])
def test_a_record_that_is_no_example_is_an_error_of_either_reader(tmp_path: Path, record: bytes) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write(record)
    with pytest.raises(tf.errors.OpError, match=r"a: record #0 at offset 0"):
        list(make_dataset(tmp_path / "a", NUMBER, batch_size=5, reader="tfrecord_lite"))
    with pytest.raises((tf.errors.OpError, UnicodeDecodeError)):
        list(make_dataset(tmp_path / "a", NUMBER, batch_size=5))
