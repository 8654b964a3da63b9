"""Example and SequenceExample by way of the generated protobuf classes: the plain path.

Takes and gives the same values as `example.py` and means the same; slower, and obviously right, because protobuf
does the work. The tests hold the fast path against it, and people who want message objects build them here.

    example  --example_to_message-->  Example  --SerializeToString-->  serialized
    example  <--message_to_example--  Example  <--FromString---------  serialized
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.example import encode_feature
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST, feature_values
from tfrecord_lite.format.wire_format import LEN, encode_field
from tfrecord_lite.proto.example_pb2 import (
    BytesList,
    Example,
    Feature,
    FeatureList,
    FeatureLists,
    Features,
    FloatList,
    Int64List,
    SequenceExample,
)

_NAMES = {BYTES_LIST: "bytes_list", FLOAT_LIST: "float_list", INT64_LIST: "int64_list"}
_PACKED_TAG = 1 << 3 | LEN


def bytes_feature(value: Any) -> Feature:
    """A Feature of kind bytes_list from one bytes-like or str, or a sequence of them."""
    return _feature(value, BYTES_LIST)


def float_feature(value: Any) -> Feature:
    """A Feature of kind float_list from one number, or an array or sequence of numbers, integers included."""
    numbers = np.asarray(value)
    # Integers beyond 64 bits are objects to numpy.
    if numbers.dtype.kind in "biu" or all(isinstance(number, int) for number in numbers.flat):
        numbers = numbers.astype(np.float64)
    return _feature(numbers, FLOAT_LIST)


def int64_feature(value: Any) -> Feature:
    """A Feature of kind int64_list from one bool or integer, or an array or sequence of them."""
    return _feature(value, INT64_LIST)


def example_to_message(example: Mapping[str, Any]) -> Example:
    """The generated Example of a mapping {name: value}."""
    return Example(features=_features(example))


def message_to_example(message: Any) -> dict[str, Any]:
    """{name: value} of an Example message, this package's or TensorFlow's."""
    return {key: feature_value(feature) for key, feature in message.features.feature.items()}


def sequence_example_to_message(
    context: Mapping[str, Any] | None, feature_lists: Mapping[str, Iterable[Any]] | None
) -> SequenceExample:
    """The generated SequenceExample of a context and {name: one value a step}."""
    lists = None
    if feature_lists is not None:
        lists = FeatureLists(
            feature_list={
                key: FeatureList(feature=[to_feature(value, f"{key}[{step}]") for step, value in enumerate(steps)])
                for key, steps in feature_lists.items()
            }
        )
    return SequenceExample(context=None if context is None else _features(context), feature_lists=lists)


def message_to_sequence_example(message: Any) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """(context, feature_lists) of a SequenceExample message."""
    context = {key: feature_value(feature) for key, feature in message.context.feature.items()}
    lists = {
        key: [feature_value(feature) for feature in steps.feature]
        for key, steps in message.feature_lists.feature_list.items()
    }
    return context, lists


def _features(example: Mapping[str, Any]) -> Features:
    return Features(feature={key: to_feature(value, key) for key, value in example.items()})


def to_feature(value: Any, key: str) -> Feature:
    """The generated Feature of one value; `key` is what errors name."""
    if hasattr(value, "SerializeToString"):  # this package's message or TensorFlow's: its bytes are the same
        return Feature.FromString(b"".join(encode_feature(value, key)))
    return _build(*feature_values(value, key))


def _feature(value: Any, wanted: int) -> Feature:
    if isinstance(value, (list, tuple, np.ndarray)) and np.size(value) == 0:
        return _build(wanted, [] if wanted == BYTES_LIST else np.empty(0, np.int64))
    kind, values = feature_values(value, f"{_NAMES[wanted]} value")
    if kind != wanted:
        raise FeatureError(f"a {type(value).__name__} is no value for a {_NAMES[wanted]}")
    return _build(kind, values)


def _build(kind: int | None, values: Any) -> Feature:
    if kind == BYTES_LIST:
        return Feature(bytes_list=BytesList(value=[bytes(item) for item in values]))
    if kind == FLOAT_LIST:
        # Through bytes: a signalling NaN would lose its payload as a Python float.
        packed = values.astype("<f4").tobytes()
        return Feature(float_list=FloatList.FromString(encode_field(_PACKED_TAG, packed) if packed else b""))
    if kind == INT64_LIST:
        return Feature(int64_list=Int64List(value=values.tolist()))
    return Feature()


def feature_value(feature: Any) -> Any:
    """list[bytes], float32 array, int64 array, or None for a feature without a kind."""
    kind = feature.WhichOneof("kind")
    if kind == "bytes_list":
        return list(feature.bytes_list.value)
    if kind == "float_list":
        return np.array(feature.float_list.value, np.float32)
    if kind == "int64_list":
        return np.array(feature.int64_list.value, np.int64)
    return None
