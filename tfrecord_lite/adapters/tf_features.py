"""Features and parsed columns, ours -> TensorFlow's.

FixedLenFeature([2], "float32")            -> tf.io.FixedLenFeature([2], tf.float32)
array, SparseTensorValue, RaggedTensorValue -> tf.Tensor, tf.SparseTensor, tf.RaggedTensor
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfrecord_lite.format.features import (
    Feature,
    FixedLenFeature,
    FixedLenSequenceFeature,
    SparseFeature,
    VarLenFeature,
)
from tfrecord_lite.format.tensor_values import RaggedTensorValue, SparseTensorValue
from tfrecord_lite.format.value_types import splits_dtype, value_type


def tensorflow_features(tf: Any, features: Mapping[str, Feature]) -> dict[str, Any]:
    """The same features as tf.io's objects."""
    return {key: _tensorflow_feature(tf, feature) for key, feature in features.items()}


def _tensorflow_feature(tf: Any, feature: Feature) -> Any:
    dtype = tf.as_dtype(value_type(feature.dtype).name)
    if isinstance(feature, FixedLenFeature):
        return tf.io.FixedLenFeature(feature.shape, dtype, feature.default_value)
    if isinstance(feature, VarLenFeature):
        return tf.io.VarLenFeature(dtype)
    if isinstance(feature, FixedLenSequenceFeature):
        return tf.io.FixedLenSequenceFeature(feature.shape, dtype, feature.allow_missing, feature.default_value)
    if isinstance(feature, SparseFeature):
        return tf.io.SparseFeature(feature.index_key, feature.value_key, dtype, feature.size, feature.already_sorted)
    # Ours have the names and arguments of TensorFlow's.
    partitions = [getattr(tf.io.RaggedFeature, type(each).__name__)(*each) for each in feature.partitions]
    splits = tf.as_dtype(splits_dtype(feature.row_splits_dtype))
    return tf.io.RaggedFeature(dtype, feature.value_key, partitions, splits, feature.validate)


def tensors(tf: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    """What was parsed by us as `tf.io.parse_example` gives it, on the CPU."""
    with tf.device("CPU"):
        return {key: _tensor(tf, value) for key, value in columns.items()}


def _tensor(tf: Any, value: Any) -> Any:
    if isinstance(value, SparseTensorValue):
        return tf.SparseTensor(value.indices, _dense(tf, value.values), value.dense_shape)
    if isinstance(value, RaggedTensorValue):
        return tf.RaggedTensor.from_nested_row_splits(
            _dense(tf, value.flat_values), value.nested_row_splits, validate=False
        )
    return _dense(tf, value)


def _dense(tf: Any, array: Any) -> Any:
    """An array as a tensor; of objects, which are bytes, also when there are none."""
    return tf.constant(array, tf.string if array.dtype == np.object_ else None)
