"""Examples that come one by one, collected and encoded together.

`RowBlock.add` takes an example or declines it. Examples of the same names and types, in the same order, are of one
layout; the block holds a few layouts side by side and keeps the order in which the examples came. Whatever is unusual
is declined, and so is what would be an error: the plain path then raises it, for the example that causes it. Of what
the caller can still change a copy is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from tfrecord_lite.format.blocks import LARGE_FRAME
from tfrecord_lite.format.columns.encode import Group, encode_groups, grouped
from tfrecord_lite.format.columns.frames import Frames, Scratch
from tfrecord_lite.format.columns.intake import as_source
from tfrecord_lite.format.example import encode_key

#: Enough that numpy's calls cost little for each example, few enough that their bytes stay in the cache.
_MAX_ROWS = 4096
_MAX_BYTES = 1 << 20
#: Fewer examples than this are encoded faster one by one.
_MIN_ROWS = 16
#: More layouts than this side by side are no layouts.
_MAX_LAYOUTS = 32

_INTEGERS = (bool, int, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
_CODES: dict[type, str] = {**dict.fromkeys(_INTEGERS, "q"), float: "d", np.float64: "d"}
_ARRAYS = "?bBhHiIlLqQefd"


class RowBlock:
    """Examples in the order in which they came.

    Attributes:
        count: how many there are.
    """

    def __init__(self) -> None:
        self._layouts: dict[Any, _Layout] = {}
        self._last = _NO_LAYOUT
        self.count = 0
        self._size = 0
        self._scratch = Scratch()

    @property
    def is_full(self) -> bool:
        """Whether it is time to encode them."""
        return self.count >= _MAX_ROWS or self._size >= _MAX_BYTES

    @property
    def is_small(self) -> bool:
        """Whether they are better encoded one by one."""
        return self.count < _MIN_ROWS * len(self._used())

    def add(self, example: Mapping[str, Any]) -> bool:
        """Keep an example, or return False."""
        values = tuple(example.values())
        types = tuple(map(type, values))
        layout = self._last
        if types != layout.types or tuple(example) != layout.keys:
            layout = self._layout(tuple(example), types)
        size = layout.add(values, self.count)
        if size is None:
            return False
        self._last = layout
        self.count += 1
        self._size += size
        return True

    def examples(self) -> Iterator[dict[str, Any]]:
        """The examples again."""
        found = {number: example for layout in self._used() for number, example in layout.examples()}
        return map(found.__getitem__, range(self.count))

    def encode(self) -> Frames:
        """Their frames, valid until the next call."""
        return encode_groups([group for layout in self._used() for group in layout.groups()], self._scratch)

    def clear(self) -> None:
        """Forget the examples; the layouts will be needed again."""
        self.count = self._size = 0
        if len(self._layouts) == _MAX_LAYOUTS:
            self._layouts, self._last = {}, _NO_LAYOUT
        for layout in self._used():
            layout.clear()

    def _used(self) -> list[_Layout]:
        return [layout for layout in self._layouts.values() if layout.numbers]

    def _layout(self, keys: tuple[str, ...], types: tuple[type, ...]) -> _Layout:
        layout = self._layouts.get((keys, types))
        if layout is None:
            if len(self._layouts) == _MAX_LAYOUTS:
                return _NO_LAYOUT
            layout = self._layouts[keys, types] = _Layout(keys, types)
        return layout


class _Layout:
    """Examples of the same names and types.

    Attributes:
        is_possible: whether such examples can be collected.
        numbers: of the examples that have been, in the block.
    """

    def __init__(self, keys: tuple[str, ...], types: tuple[type, ...]) -> None:
        self.keys = keys
        self.types = types
        self.clear()
        self._scalars = [at for at, kind in enumerate(types) if kind in _CODES]
        self._blobs = [at for at, kind in enumerate(types) if kind is bytes]
        self._arrays = [at for at, kind in enumerate(types) if kind is np.ndarray]
        self.is_possible = bool(keys) and len(self._scalars) + len(self._blobs) + len(self._arrays) == len(keys)
        codes = "".join(_CODES[types[at]] for at in self._scalars)
        self._pack = struct.Struct("=" + codes).pack
        self._pick = _picker(self._scalars)
        self._dtype = np.dtype([(str(at), "f8" if _CODES[types[at]] == "d" else "i8") for at in self._scalars])
        for key in keys:
            encode_key(key)

    def clear(self) -> None:
        """Forget the examples."""
        self.numbers: list[int] = []
        self._rows: list[tuple[Any, ...]] = []
        self._packed: list[bytes] = []

    def add(self, values: tuple[Any, ...], number: int) -> int | None:
        """Keep the values of an example; gives their size, or None when they are for the plain path."""
        if not self.is_possible:
            return None
        size = 8 * len(values)
        for at in self._blobs:
            size += len(values[at])
        if self._arrays:
            for at in self._arrays:
                value = values[at]
                if value.ndim != 1 or value.dtype.char not in _ARRAYS or not value.dtype.isnative:
                    return None
                size += value.nbytes
            values = tuple(value.copy() if type(value) is np.ndarray else value for value in values)
        if size > LARGE_FRAME:
            return None
        try:
            packed = self._pack(*self._pick(values))
        except (struct.error, OverflowError):
            return None
        self._packed.append(packed)
        self._rows.append(values)
        self.numbers.append(number)
        return size

    def examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number in the block, example) of each."""
        for number, values in zip(self.numbers, self._rows, strict=True):
            yield number, dict(zip(self.keys, values, strict=True))

    def groups(self) -> list[Group]:
        """The examples, to be encoded."""
        everything = slice(0, len(self._rows))
        table: Any = np.frombuffer(b"".join(self._packed), self._dtype) if self._scalars else {}
        others = [*self._blobs, *self._arrays]
        by_place = dict(zip(others, zip(*map(_picker(others), self._rows), strict=True), strict=True)) if others else {}
        features = []
        for place, key in sorted(enumerate(self.keys), key=lambda item: encode_key(item[1])):
            values = table[str(place)] if place not in by_place else by_place[place]
            features.append((encode_key(key), as_source(key, values).take(everything), False))
        return grouped(features, np.array(self.numbers, np.int64))


def _picker(places: list[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """A function that gives the values at some places as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[at] for at in places])


_NO_LAYOUT = _Layout((), ())
