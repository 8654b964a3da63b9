"""Examples that come one by one, collected and encoded together.

`RowBlock.add` takes an example or declines it. Examples of the same names and types, in the same order, are of one
layout; the block holds a few layouts side by side and keeps the order in which the examples came. Whatever is unusual
is declined, and so is what would be an error: the plain path then raises it, for the example that causes it. Of what
the caller can still change a copy is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from tfrecord_lite.format.columns.column import Column, PackedColumn, offsets
from tfrecord_lite.format.columns.encode import Group, encode_groups, grouped
from tfrecord_lite.format.columns.frames import Frames, Scratch
from tfrecord_lite.format.columns.sources import Table, numbers_column
from tfrecord_lite.format.example import encode_key
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST

#: Enough that numpy's calls cost little for each example, few enough that their bytes stay in the cache.
_MAX_ROWS = 4096
_MAX_SIZE = 1 << 20
#: Bytes objects need not be copied, they are only kept alive: that many bytes of them count as one.
_KEPT_BYTES = 16
#: Fewer examples than this are encoded faster one by one.
_MIN_ROWS = 16
#: More layouts than this side by side are no layouts.
_MAX_LAYOUTS = 32

_INTEGERS = (bool, int, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
_CODES: dict[type, str] = {**dict.fromkeys(_INTEGERS, "q"), float: "d", np.float64: "d"}
#: Arrays whose values all have a place in a feature.
_ARRAYS = "?bBhHiIlqefd" if np.dtype("L").itemsize == 8 else "?bBhHiIlLqefd"


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
        return self.count >= _MAX_ROWS or self._size >= _MAX_SIZE

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
            layout = self._layout(tuple(example), types, values)
        size = layout.add(values, self.count)
        if not size and layout.arrays:  # perhaps arrays of other dtypes than those before
            layout = self._layout(tuple(example), types, values)
            size = layout.add(values, self.count)
        if not size:
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

    def _layout(self, keys: tuple[str, ...], types: tuple[type, ...], values: tuple[Any, ...]) -> _Layout:
        dtypes = tuple(value.dtype for value in values if type(value) is np.ndarray)
        layout = self._layouts.get((keys, types, dtypes))
        if layout is None:
            if len(self._layouts) == _MAX_LAYOUTS:
                return _NO_LAYOUT
            layout = self._layouts[keys, types, dtypes] = _Layout(keys, types, dtypes)
        return layout


class _Layout:
    """Examples of the same names and types.

    Attributes:
        arrays: (place, dtype) of the values that are arrays.
        numbers: of the examples that have been, in the block.
    """

    def __init__(self, keys: tuple[str, ...], types: tuple[type, ...], dtypes: tuple[np.dtype[Any], ...]) -> None:
        self.keys = keys
        self.types = types
        self.clear()
        self._scalars = [at for at, kind in enumerate(types) if kind in _CODES]
        self._blobs = [at for at, kind in enumerate(types) if kind is bytes]
        array_places = [at for at, kind in enumerate(types) if kind is np.ndarray]
        self.arrays = list(zip(array_places, dtypes, strict=True))
        is_known = len(self._scalars) + len(self._blobs) + len(self.arrays) == len(keys)
        are_sound = all(dtype.char in _ARRAYS and dtype.isnative for dtype in dtypes)
        self._is_possible = bool(keys) and is_known and are_sound
        codes = "".join(_CODES[types[at]] for at in self._scalars)
        self._pack = struct.Struct("=" + codes).pack
        self._pick = _picker(self._scalars)
        self._dtype = np.dtype([(str(at), "f8" if _CODES[types[at]] == "d" else "i8") for at in self._scalars])
        encoded = [encode_key(key) for key in keys]
        self._order = sorted(zip(encoded, range(len(keys)), strict=True))

    def clear(self) -> None:
        """Forget the examples."""
        self.numbers: list[int] = []
        self._rows: list[Sequence[Any]] = []
        self._packed: list[bytes] = []

    def add(self, values: Sequence[Any], number: int) -> int:
        """Keep the values of an example; gives about their size, or 0 when they are for the plain path."""
        if not self._is_possible:
            return 0
        size = 8 * len(values)
        try:
            packed = self._pack(*self._pick(values))
        except (struct.error, OverflowError):
            return 0
        for at in self._blobs:
            size += len(values[at]) // _KEPT_BYTES
        if self.arrays:
            values = list(values)
            for at, dtype in self.arrays:
                if values[at].dtype is not dtype:
                    return 0
                values[at] = octets = values[at].tobytes()
                size += len(octets)
        self._packed.append(packed)
        self._rows.append(values)
        self.numbers.append(number)
        return size

    def examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number in the block, example) of each."""
        for number, values in zip(self.numbers, self._rows, strict=True):
            example = dict(zip(self.keys, values, strict=True))
            for at, dtype in self.arrays:
                example[self.keys[at]] = np.frombuffer(values[at], dtype)
            yield number, example

    def groups(self) -> list[Group]:
        """The examples, to be encoded."""
        columns: dict[int, Column] = {}
        table = np.frombuffer(b"".join(self._packed), self._dtype) if self._scalars else {}
        for at in self._scalars:
            columns[at] = Table(table[str(at)]).take(slice(None))
        dtypes = dict(self.arrays)
        for at in (*self._blobs, *dtypes):
            items = [values[at] for values in self._rows]
            columns[at] = _payloads(items, dtypes.get(at))
        features = [(key, columns[at], False) for key, at in self._order]
        return grouped(features, np.array(self.numbers, np.int64))


def _payloads(items: list[bytes], dtype: np.dtype[Any] | None) -> Column:
    """The column of bytes, or of numbers of a dtype, given as bytes."""
    sizes = np.fromiter(map(len, items), np.int64, len(items))
    if dtype is None:
        return PackedColumn(BYTES_LIST, items, sizes)
    column = PackedColumn(FLOAT_LIST, items, sizes)
    if dtype == "<f4" and column.is_apart:
        return column
    return numbers_column(np.frombuffer(b"".join(items), dtype), offsets(sizes // dtype.itemsize))


def _picker(places: list[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function that gives the values at some places as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[at] for at in places])


_NO_LAYOUT = _Layout((), (), ())
