"""read_batches, decode_columns and read_examples where users and data are not as expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format import rows
from tfrecord_lite.format.columns import layouts
from tfrecord_lite.format.columns.layout import Layout

UNIFORM = tfr.RaggedFeature.UniformRowLength


def test_each_ragged_feature_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ragged = Mock(wraps=rows.ragged)
    monkeypatch.setattr(rows, "ragged", ragged)
    features = {f"f{number}": tfr.RaggedFeature("int64") for number in range(300)}
    tfr.parse_example([tfr.encode_example({"here": 1})], features)
    assert ragged.call_count == 300


@pytest.mark.parametrize("values", [[b"x", b"y", b"z", b"w"], []])
def test_bytes_in_uniform_rows_can_be_blobs(values: list[bytes]) -> None:
    records = [tfr.encode_example({"a": np.array(values, object)})] * 3
    features = {"a": tfr.RaggedFeature(bytes, partitions=[UNIFORM(2)])}
    blobs = tfr.decode_columns(records, features, bytes_as="blob")["a"]
    assert blobs.to_list() == tfr.parse_example(records, features)["a"].to_list()


def test_blobs_that_do_not_fit_their_rows_are_the_same_error() -> None:
    records = [tfr.encode_example({"a": [b"x"]})]
    features = {"a": tfr.RaggedFeature(bytes, partitions=[UNIFORM(2)])}
    with pytest.raises(tfr.FeatureError, match="1 values are no rows of 2"):
        tfr.decode_columns(records, features, bytes_as="blob")


def test_an_error_in_partitions_says_where_its_record_is(tmp_path: Path) -> None:
    path = str(tmp_path / "a.tfrecord")
    with tfr.TFRecordWriter(path) as writer:
        for number in range(40):
            writer.write_example({"a": [1] if number == 23 else [1, 2]})
    features = {"a": tfr.RaggedFeature("int64", partitions=[UNIFORM(2)])}
    batches = tfr.read_batches(path, features, batch_size=10)
    assert [len(next(batches)["a"]) for _ in range(2)] == [10, 10]
    with pytest.raises(tfr.FeatureError) as caught:
        next(batches)
    offsets = np.cumsum([0, *(len(record) + 16 for record in tfr.read_records(path))])
    error = caught.value
    assert (error.path, error.record_number, error.offset) == (path, 23, offsets[23])
    assert str(error).startswith(f"{path}: record #23 at offset {offsets[23]}: feature 'a': ")


@pytest.mark.parametrize("keys", ["label", [b"label"], [1]])
def test_keys_are_names(tmp_path: Path, keys: Any) -> None:
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        writer.write_example({"label": 1, "l": 2})
    with pytest.raises(TypeError, match="name"):
        list(tfr.read_examples(path, keys=keys))
    with pytest.raises(TypeError, match="name"):
        tfr.decode_example(next(tfr.read_records(path)), keys)


def test_keys_may_come_from_anything_that_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for _ in range(3):
            writer.write_example({"label": 1, "l": 2})
    keys = (name for name in ["label"])
    assert [list(example) for example in tfr.read_examples(path, keys=keys)] == [["label"]] * 3  # type: ignore[arg-type]


def test_an_unfit_record_is_named_in_the_text(tmp_path: Path) -> None:
    path = str(tmp_path / "a.tfrecord")
    with tfr.TFRecordWriter(path) as writer:
        for number in range(20):
            writer.write_example({"id": [1, 2] if number == 17 else 1})
    with pytest.raises(tfr.FeatureError, match="record #17 at offset"):
        list(tfr.read_batches(path, {"id": tfr.FixedLenFeature([], "int64")}))
    with pytest.raises(tfr.FeatureError, match="record #17 at offset"):
        list(tfr.read_examples(path, {"id": tfr.FixedLenFeature([], "int64")}))


def test_a_record_that_does_not_fit_what_was_inferred_says_so(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tfrecord", tmp_path / "b.tfrecord"
    with tfr.TFRecordWriter(first) as writer:
        for _ in range(2000):
            writer.write_example({"id": 1})
    with tfr.TFRecordWriter(second) as writer:
        writer.write_example({"id": [1, 2]})
    with pytest.raises(tfr.FeatureError, match="inferred from the first records"):
        list(tfr.read_batches([first, second]))


def test_what_is_no_record_is_named_by_its_type() -> None:
    records: list[Any] = [tfr.encode_example({"a": 1}), "x"]
    with pytest.raises(TypeError, match="bytes-like, not str"):
        tfr.decode_columns(records, {"a": tfr.FixedLenFeature([], "int64")})


def test_an_unknown_dtype_names_its_feature() -> None:
    with pytest.raises(tfr.FeatureError, match=r"'a'.*float64"):
        tfr.decode_columns([], {"a": tfr.FixedLenFeature([], np.float64)})


def test_where_each_record_has_a_layout_of_its_own_few_layouts_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    names = [f"feature{number}" for number in range(120)]
    records = [tfr.encode_example({name: 1 for name in names if random.random() < 0.9}) for _ in range(320)]
    features = {name: tfr.VarLenFeature("int64") for name in names}
    layout = Mock(wraps=Layout)
    monkeypatch.setattr(layouts, "Layout", layout)
    columns = tfr.decode_columns(records, features)
    assert 1 <= layout.call_count <= 3
    assert columns["feature7"].indices.tolist() == tfr.parse_example(records, features)["feature7"].indices.tolist()


@pytest.mark.parametrize("offsets", [[0, 4, 60], [0, 4, 2, 6], [-3, 4, 6], [1, 6], []])
def test_offsets_that_do_not_fit_their_blob_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets"):
        tfr.BytesArray(np.frombuffer(b"abcdef", np.uint8), np.array(offsets, np.int64))


def test_a_bytes_array_is_like_a_sequence() -> None:
    array = tfr.BytesArray(np.frombuffer(b"abcdef", np.uint8), np.array([0, 4, 4, 6]))
    assert (len(array), array[0], array[1], array[-1], list(array)) == (3, b"abcd", b"", b"ef", [b"abcd", b"", b"ef"])
    assert array.reshape(-1, 1).shape == array.reshape((3, 1)).shape == (3, 1)
    assert array.reshape(3, 1).tolist() == [[b"abcd"], [b""], [b"ef"]]
    with pytest.raises(IndexError):
        array[3]
    with pytest.raises(TypeError):
        array.reshape(3, 1)[0]
    with pytest.raises(ValueError, match="reshape"):
        array.reshape(2, 2)
