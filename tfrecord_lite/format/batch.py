"""The records that are to be parsed, one or a batch, and how errors name them.

TensorFlow writes its errors in two ways, which `Place` holds apart:

    one example     Key: k.  Data types don't match. ...
    in a batch      Name: <unknown>, Key: k, Index: 1.  Data types don't match. ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tfrecord_lite.errors import DecodeError, FeatureError, printable
from tfrecord_lite.format.plan import Column

Decoded = TypeVar("Decoded")


class Place(NamedTuple):
    """Which record an error is about.

    Attributes:
        number: how many records of the batch come before it; None of one by itself.
        name: what the caller calls it.
    """

    number: int | None = None
    name: str = "<unknown>"

    def error(self, key: str, text: str, single: str | None = None) -> FeatureError:
        """What TensorFlow says of a feature: `text` after name, key and number; of one example by itself `single`,
        without which it is `text` after the key."""
        if self.number is None:
            return FeatureError(single or f"Key: {key}.  {text}", key, True)
        return self.whole_error(key, f"Name: {self.name}, Key: {key}, Index: {self.number}.  {text}")

    def missing_error(self, column: Column) -> FeatureError:
        """What TensorFlow says of a feature that is missing and has no default."""
        text = f"Feature: {column.key} (data type: {column.type.name}) is required but could not be found."
        return self.whole_error(column.key, text if self.number is None else f"Name: {self.name}, {text}")

    def whole_error(self, key: str, text: str, *, names_key: bool = True) -> FeatureError:
        """An error with that text, which names the feature, as a rule, and the record, if it is to."""
        error = FeatureError(text, key, names_key)
        error.record_number = self.number
        return error


class Batch(NamedTuple):
    """Records, their places, and whether it is one record by itself."""

    records: list[Any]
    places: list[Place]
    is_single: bool

    @classmethod
    def of(cls, serialized: Any, names: Any = None) -> Batch:
        """The batch that a caller means.

        Args:
            serialized: one bytes-like record or an array of no dimensions that holds one; or an iterable or a
                1-dimensional array of records.
            names: one for each record; None or nothing at all for none. Of one record it is not looked at.

        Raises:
            FeatureError: an array has more dimensions, or there are not as many names as records.
            TypeError: it is neither.
        """
        if isinstance(serialized, str):
            raise TypeError("a serialized message is bytes-like, not str")
        if hasattr(serialized, "__array__"):
            array = np.asarray(serialized)
            if array.ndim > 1:
                raise FeatureError(
                    f"Expected serialized to be a scalar or vector, got shape: {shape_text(array.shape)}"
                )
            serialized = array.tolist()
        if isinstance(serialized, (bytes, bytearray, memoryview)):
            return cls([serialized], [Place()], True)
        records = list(serialized)
        if names is None or len(names) == 0:
            return cls(records, [Place(number) for number in range(len(records))], False)
        if isinstance(names, (str, bytes)) or len(names) != len(records):
            raise FeatureError(f"Expected names have the same shape as serialized: {len(records)} records, {names!r}")
        return cls(records, [Place(number, _text(name)) for number, name in enumerate(names)], False)

    def decoded(self, decode: Callable[..., Decoded], *args: Any) -> list[Decoded]:
        """`decode(record, *args)` of each record; a DecodeError says which it is."""
        pairs = zip(self.places, self.records, strict=True)
        return [self._decode(decode, record, place, *args) for place, record in pairs]

    def named(self, name: Any) -> Batch:
        """The same, one record by itself, under a name if it is not None."""
        return self if name is None else self._replace(places=[Place(None, _text(name))])

    @staticmethod
    def _decode(decode: Callable[..., Decoded], record: Any, place: Place, *args: Any) -> Decoded:
        try:
            return decode(record, *args)
        except DecodeError as error:
            error.record_number = place.number
            raise


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape as TensorFlow writes it: [?,2]."""
    return f"[{','.join('?' if size is None else str(size) for size in shape)}]"


def _text(name: Any) -> str:
    return printable(name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name))
