"""RecordEncoder: examples in Python -> serialized records, by the rules that Arrow's columns follow under every engine.

    value                        without a schema                      with one
    None, or no such key         no feature                            the same, or one without a kind: its `missing`
    [], which has no dtype       of the kind that others of its name   of the schema's
                                 have; an error where none has one
    of another kind than before  an error: a reader would have no      an error, but for integers as floats, and floats
                                 schema for all records                that are whole as integers
    a name not in the schema                                           left out

A whole message (`tf.train.Example`) is stored as it is, with features without a kind, unless there is a schema. Of a
SequenceExample this holds for the context and for the values of each step; a feature list that is None is not there,
and a step that is None is one without a kind, for it has a place among the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from tfrecord_lite.adapters.arrow_columns import as_declared
from tfrecord_lite.adapters.kinds import unite_kinds
from tfrecord_lite.errors import FeatureError, TFRecordError
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.example import decode_example, encode_example, encode_sequence_example, record_bytes
from tfrecord_lite.format.feature_schema import KINDLESS, FeatureSchema
from tfrecord_lite.format.lists import Lists
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST, INT64_LIST, feature_values, with_kind

_DTYPES = {BYTES_LIST: "bytes", FLOAT_LIST: "float32", INT64_LIST: "int64"}
_KINDS = {"bytes_list": "bytes", "float_list": "float32", "int64_list": "int64"}
#: Behind the name of a feature list, whose steps have a kind of their own.
_STEPS = "[]"
_NO_KIND = "empty lists of no type have no kind: give a schema, or an array with a dtype"


class RecordEncoder:
    """For the examples of one attempt of one task, in their order.

    Args:
        record_type: "Example": mappings and messages as for `encode_example`; "SequenceExample": pairs as for
            `encode_sequence_example`; or "ByteArray": the records themselves.
        schema: which features there are, and what they are to be; None: all, as they are. Of Examples only.

    Attributes:
        kinds: {feature: dtype} of what was given; nothing of records as they are, nor with a schema.
    """

    def __init__(self, record_type: str, schema: Mapping[str, FeatureSchema] | None = None) -> None:
        settle: dict[str, Callable[[Any], _Settled]] = {
            "Example": self._example,
            "SequenceExample": self._sequence,
            "ByteArray": lambda record: _Settled.record(bytes(record_bytes(record))),
        }
        self._settle = settle[record_type]
        self._schema = schema
        self._waiting: deque[tuple[int, _Settled]] = deque()
        self._count = 0
        self.kinds: dict[str, str] = {}

    def encode(self, example: Any) -> Iterator[bytes]:
        """The records that are settled by now: an empty list waits for one of its kind, and so do those behind it.

        Raises:
            FeatureError: a value has no place in a feature, or is of another kind than before, or than the schema has
                it, with the number of the example as record_number.
            TypeError: it is no example, or no record that is bytes-like.
        """
        with _numbered(self._count):
            self._waiting.append((self._count, self._settle(example)))
        self._count += 1
        while self._waiting and self._waiting[0][1].unknown <= self.kinds.keys():
            number, settled = self._waiting.popleft()
            with _numbered(number):
                record = settled.encode()
            yield record

    def finish(self) -> None:
        """The last example was given.

        Raises:
            FeatureError: an empty list has no kind, with the number of its example as record_number.
        """
        if self._waiting:
            number, settled = self._waiting[0]
            with _numbered(number):
                raise FeatureError(_NO_KIND, min(settled.unknown - self.kinds.keys()))

    def _example(self, example: Any) -> _Settled:
        if not isinstance(example, Mapping):
            record = encode_example(example)
            if not hasattr(example, "features"):
                raise TypeError(f"a message {type(example).__name__} is no Example")
            if self._schema is None:
                kinds = {name: feature.WhichOneof("kind") for name, feature in example.features.feature.items()}
                unite_kinds(self.kinds, {name: _KINDS[kind] for name, kind in kinds.items() if kind is not None})
                return _Settled.record(record)
            example = decode_example(record)
        if self._schema is None:
            values = {name: self._value(value, name) for name, value in example.items() if value is not None}
            return _Settled(lambda: encode_example(self._filled(values)), _unknown(values.values()))
        declared = {}
        for name, feature in self._schema.items():
            value = example.get(name)
            if value is not None:
                declared[name] = _declared(_plain(value, name), feature)
            elif feature.missing == KINDLESS:
                declared[name] = None
        return _Settled(lambda: encode_example(declared))

    def _sequence(self, pair: tuple[Mapping[str, Any] | None, Mapping[str, Iterable[Any] | None] | None]) -> _Settled:
        if not (
            isinstance(pair, (tuple, list))
            and len(pair) == 2
            and all(part is None or isinstance(part, Mapping) for part in pair)
        ):
            raise TypeError(
                "a SequenceExample is a pair (context, feature lists) of mappings or None,"
                f" not what this {type(pair).__name__} is"
            )
        given, given_lists = pair
        context = lists = None
        if given is not None:
            context = {name: self._value(value, name) for name, value in given.items() if value is not None}
        if given_lists is not None:
            lists = {name: self._steps(steps, name) for name, steps in given_lists.items() if steps is not None}

        def encode() -> bytes:
            filled = None if lists is None else {name: list(map(self._fill, steps)) for name, steps in lists.items()}
            return encode_sequence_example(None if context is None else self._filled(context), filled)

        return _Settled(encode, _unknown(chain((context or {}).values(), *(lists or {}).values())))

    def _steps(self, steps: Iterable[Any], name: str) -> list[Any]:
        if isinstance(steps, (str, bytes, bytearray, memoryview)):
            raise FeatureError(f"a feature list has a value per step, but this is one {type(steps).__name__}", name)
        return [None if step is None else self._value(step, name + _STEPS) for step in steps]

    def _value(self, value: Any, key: str) -> Any:
        """What is stored for a value; its kind is that of all before it."""
        value = _plain(value, key)
        if _is_empty(value):
            return _Empty(key)
        kind, values = feature_values(value, key)
        if kind is None:
            return None
        unite_kinds(self.kinds, {key: _DTYPES[kind]})
        return values if len(values) else _empty(_DTYPES[kind])

    def _filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._fill(value) for name, value in values.items()}

    def _fill(self, value: Any) -> Any:
        return _empty(self.kinds[value.key]) if isinstance(value, _Empty) else value


@dataclass(frozen=True)
class _Settled:
    """An example that was looked at.

    Attributes:
        encode: gives its record, when the kinds are known of what is
        unknown: by now.
    """

    encode: Callable[[], bytes]
    unknown: frozenset[str] = frozenset()

    @classmethod
    def record(cls, record: bytes) -> _Settled:
        return cls(lambda: record)


@dataclass(frozen=True)
class _Empty:
    """An empty list, of the kind that others of this key have."""

    key: str


def _unknown(values: Iterable[Any]) -> frozenset[str]:
    return frozenset(value.key for value in values if isinstance(value, _Empty))


def _plain(value: Any, key: str) -> Any:
    """A value; the one of a generated Feature or list message."""
    if not hasattr(value, "SerializeToString"):
        return value
    return with_kind(decode_example(encode_example({key: value}))[key])


def _is_empty(value: Any) -> bool:
    return isinstance(value, (list, tuple, range)) and all(map(_is_empty, value))


def _empty(dtype: str) -> Any:
    """No values, in a form that says of which kind."""
    return np.empty(0, object if dtype == "bytes" else dtype)


def _declared(value: Any, feature: FeatureSchema) -> Any:
    """The values as a schema has them; errors as `as_declared`."""
    if _is_empty(value):
        if feature.dtype is None:
            raise FeatureError(_NO_KIND, feature.name)
        value = _empty(feature.dtype)
    kind, values = feature_values(value, feature.name)
    if kind == BYTES_LIST:
        array = np.empty(len(values), object)
        array[:] = [bytes(each) for each in values]
        values = BytesArray.from_objects(array)
    lists = as_declared(Lists(values, np.array([0, len(values)], np.int64)), feature).values
    return lists.to_objects() if isinstance(lists, BytesArray) else lists


@contextmanager
def _numbered(number: int) -> Iterator[None]:
    """Errors say which example it is."""
    try:
        yield
    except TFRecordError as error:
        error.record_number = number
        raise
