"""Features and columns of ours as TensorFlow's: the same arguments, values, dtypes and shapes, also of nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.adapters.tf_features import tensorflow_features, tensors

tf = pytest.importorskip("tensorflow")

RAGGED = tfr.RaggedFeature(
    np.float32,
    "v",
    [
        tfr.RaggedFeature.RowSplits("splits"),
        tfr.RaggedFeature.RowLengths("lengths"),
        tfr.RaggedFeature.RowStarts("starts"),
        tfr.RaggedFeature.RowLimits("limits"),
        tfr.RaggedFeature.ValueRowIds("ids"),
        tfr.RaggedFeature.UniformRowLength(3),
    ],
    row_splits_dtype=np.int64,
    validate=True,
)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (tfr.FixedLenFeature([2], np.float32, [1, 2]), tf.io.FixedLenFeature([2], tf.float32, [1, 2])),
        (tfr.FixedLenFeature([], bytes), tf.io.FixedLenFeature([], tf.string)),
        (tfr.VarLenFeature("int64"), tf.io.VarLenFeature(tf.int64)),
        (
            tfr.FixedLenSequenceFeature([2], np.int64, allow_missing=True, default_value=-1),
            tf.io.FixedLenSequenceFeature([2], tf.int64, True, -1),
        ),
        (tfr.FixedLenSequenceFeature([], bytes), tf.io.FixedLenSequenceFeature([], tf.string)),
        (
            tfr.SparseFeature(["row", "column"], "v", np.float32, [4, 5], already_sorted=True),
            tf.io.SparseFeature(["row", "column"], "v", tf.float32, [4, 5], True),
        ),
        (tfr.RaggedFeature(bytes), tf.io.RaggedFeature(tf.string)),
    ],
    ids=lambda feature: type(feature).__name__,
)
def test_a_feature_has_the_same_arguments(ours: Any, theirs: Any) -> None:
    assert tensorflow_features(tf, {"k": ours}) == {"k": theirs}


def test_all_partitions_of_a_ragged_feature_are_theirs() -> None:
    found = tensorflow_features(tf, {"k": RAGGED})["k"]
    of = tf.io.RaggedFeature
    partitions = [of.RowSplits("splits"), of.RowLengths("lengths"), of.RowStarts("starts"), of.RowLimits("limits")]
    partitions += [of.ValueRowIds("ids"), of.UniformRowLength(3)]
    assert list(found.partitions) == partitions
    assert [type(each) for each in found.partitions] == [type(each) for each in partitions]
    assert (found.dtype, found.value_key, found.row_splits_dtype) == (tf.float32, "v", tf.int64)
    assert found.validate


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([[1, 2], [3, 4]]), tf.int64),
        (np.array([0.5], np.float32), tf.float32),
        (np.array([b"\0a\0", b""], object), tf.string),
        (np.empty(0, object), tf.string),
        (np.empty((0, 3), object), tf.string),
        (np.empty((0, 3), np.float32), tf.float32),
    ],
)
def test_an_array_keeps_its_values_dtype_and_shape(array: Any, dtype: Any) -> None:
    tensor = tensors(tf, {"k": array})["k"]
    assert tensor.dtype == dtype
    assert tensor.shape == array.shape
    assert tensor.numpy().tolist() == array.tolist()
    assert tensor.device.endswith("CPU:0")


@pytest.mark.parametrize("records", [[], [{}], [{"k": [b"a", b""]}, {}, {"k": [b"\0"]}]])
@pytest.mark.parametrize("feature", [tfr.VarLenFeature(bytes), tfr.RaggedFeature(bytes, row_splits_dtype=np.int64)])
def test_parsed_values_are_those_of_parse_example_there(records: list[dict[str, Any]], feature: Any) -> None:
    serialized = [tfr.encode_example(record) for record in records]
    ours = tensors(tf, tfr.parse_example(serialized, {"k": feature}))["k"]
    theirs = tf.io.parse_example(tf.constant(serialized, tf.string), tensorflow_features(tf, {"k": feature}))["k"]
    assert type(ours) is type(theirs)
    if isinstance(ours, tf.SparseTensor):
        for part in ("indices", "values", "dense_shape"):
            assert getattr(ours, part).dtype == getattr(theirs, part).dtype
            assert getattr(ours, part).numpy().tolist() == getattr(theirs, part).numpy().tolist()
        return
    assert (ours.dtype, ours.row_splits.dtype) == (theirs.dtype, theirs.row_splits.dtype)
    assert ours.to_list() == theirs.to_list()


def test_ragged_values_in_several_dimensions_keep_all_their_splits() -> None:
    feature = tfr.RaggedFeature(np.int64, "v", [tfr.RaggedFeature.RowLengths("n")])
    records = [{"v": np.arange(3), "n": np.array([1, 2])}, {"v": np.arange(0), "n": np.array([0])}]
    columns = tfr.parse_example([tfr.encode_example(record) for record in records], {"k": feature})
    tensor = tensors(tf, columns)["k"]
    assert tensor.to_list() == [[[0], [1, 2]], [[]]]
    assert [splits.dtype for splits in tensor.nested_row_splits] == [tf.int32, tf.int32]
