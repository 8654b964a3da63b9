"""Examples that come one by one, collected and encoded together.

`RowBlock.add` takes an example or declines it. Examples of the same names and types, in the same order, are of one
layout; the block holds a few layouts side by side and keeps the order in which the examples came. Whatever is unusual
is declined, and so is what would be an error: the plain path then raises it, for the example that causes it. Of what
the caller can still change a copy is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.columns.column import Column, PackedColumn, offsets
from tfrecord_lite.format.columns.encode import encode_groups, grouped
from tfrecord_lite.format.columns.frames import Frames, Scratch
from tfrecord_lite.format.columns.sources import Table, numbers_column
from tfrecord_lite.format.example import encode_example, encode_key
from tfrecord_lite.format.pieces import WORTH_A_PIECE
from tfrecord_lite.format.values import BYTES_LIST, FLOAT_LIST

Array = NDArray[Any]

#: Enough that numpy's calls, and code that has left the cache, cost little for each example; few enough for a small
#: machine.
_MAX_ROWS = 8192
_ROOM = 4 << 20
#: Bytes objects need not be copied, they are only kept alive: that many bytes of them count as one.
_KEPT_BYTES = 8
#: An example of this size is better stored at once than collected.
_LARGE_ROW = 64 << 10
#: Fewer examples than this are encoded faster one by one.
_MIN_ROWS = 16
#: More layouts than this side by side are no layouts.
_MAX_LAYOUTS = 32

_INTEGERS = (bool, int, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
_CODES: dict[type, str] = {**dict.fromkeys(_INTEGERS, "q"), float: "d", np.float64: "d"}
#: Arrays whose values all have a place in a feature.
_ARRAYS = "?bBhHiIlqefd" if np.dtype("L").itemsize == 8 else "?bBhHiIlLqefd"
#: What is stored of them as it is.
_STORED = np.dtype("<f4")


class RowBlock:
    """Examples in the order in which they came.

    Attributes:
        room: it is time to encode them when this has sunk to zero.
    """

    def __init__(self) -> None:
        self._layouts: dict[Any, _Layout] = {}
        self._scratch = Scratch()
        self.clear()

    def __len__(self) -> int:
        return sum(len(layout.rows) for layout in self._layouts.values())

    @property
    def is_small(self) -> bool:
        """Whether they are better encoded one by one."""
        return len(self) < _MIN_ROWS * len(self._used())

    def add(self, example: Mapping[str, Any]) -> bool:
        """Keep an example, or return False."""
        # Called for each example: nothing here is done in a function of its own that need not be.
        values: Sequence[Any] = tuple(example.values())
        layout = self._last
        if [*map(type, values)] != layout.types or [*example] != layout.keys:
            turned_to = self._turn_to(tuple(example), values)
            if turned_to is None:
                return False
            layout = turned_to
        try:
            packed = layout.pack(*(values if layout.pick is None else layout.pick(values)))
            size = layout.row_size
            for at in layout.blobs:
                size += len(values[at]) // _KEPT_BYTES
            for at, copies in layout.arrays:
                value = values[at]
                if value.dtype is not copies.dtype and value.dtype != copies.dtype:
                    layout.trim()
                    return self._turn_to(tuple(example), values) is not None and self.add(example)
                copied = value.tobytes()
                copies.items.append(copied)
                size += len(copied)
            if size > _LARGE_ROW:
                layout.trim()
                return False
            layout.packed.append(packed)
            layout.rows.append(values)
        except (struct.error, OverflowError):  # out of range
            layout.trim()
            return False
        except BaseException:
            layout.trim()
            raise
        self.room -= size
        return True

    def examples(self) -> Iterator[dict[str, Any]]:
        """The examples again."""
        rows = {layout: iter(layout.examples()) for layout in self._used()}
        for layout, begin, end in self._spans():
            yield from islice(rows[layout], end - begin)

    def records(self) -> list[bytes]:
        """They, serialized one by one: best for a few."""
        return [encode_example(example) for example in self.examples()]

    def encode(self) -> Frames:
        """Their frames, valid until the block is cleared."""
        numbers: dict[_Layout, list[Array]] = {layout: [] for layout in self._used()}
        for layout, begin, end in self._spans():
            numbers[layout].append(np.arange(begin, end))
        groups = []
        for layout, spans in numbers.items():
            groups += grouped(layout.features(), None if len(numbers) == 1 else np.concatenate(spans))
        return encode_groups(groups, self._scratch)

    def clear(self) -> None:
        """Forget the examples; the layouts will be needed again."""
        self.room = _ROOM
        for layout in self._layouts.values():
            layout.clear()
        if len(self._layouts) == _MAX_LAYOUTS:
            self._layouts = {}
        self._last = _NO_LAYOUT
        self._runs: list[tuple[_Layout, int]] = []  # (layout, number of the first example) of examples of one layout

    def _turn_to(self, keys: tuple[str, ...], values: Sequence[Any]) -> _Layout | None:
        """The layout of an example, the next one of the block; None when such examples are not collected."""
        types = tuple(map(type, values))
        dtypes = tuple(value.dtype for value in values if type(value) is np.ndarray)
        layout = self._layouts.get((keys, types, dtypes))
        if layout is None:
            if len(self._layouts) == _MAX_LAYOUTS:
                return None
            layout = self._layouts[keys, types, dtypes] = _Layout(keys, types, dtypes)
        if not layout.is_possible:
            return None
        begin = len(self)
        self._last = _NO_LAYOUT  # Ctrl-C may come between these: what is taken for the last one has a run
        self._runs.append((layout, begin))
        self._last = layout
        return layout

    def _used(self) -> list[_Layout]:
        return [layout for layout in self._layouts.values() if layout.rows]

    def _spans(self) -> Iterator[tuple[_Layout, int, int]]:
        """(layout, number of the first example, number after the last) of examples of one layout."""
        limits = [*(begin for _, begin in self._runs), len(self)]
        for (layout, begin), end in zip(self._runs, limits[1:], strict=True):
            if begin < end:
                yield layout, begin, end


class _Layout:
    """Examples of the same names and types, and of the same dtypes where values are arrays.

    Attributes:
        is_possible: whether such examples are collected.
        row_size: what an example takes of the room of the block, apart from bytes and arrays.
        blobs: places of the values that are bytes.
        arrays: (place, copies) of the values that are arrays.
        pack: makes bytes of the numbers among values without arrays, or raises.
        pick: gives values without arrays; None where there are none.
        rows: the values of each example.
        packed: the numbers of each example.
    """

    def __init__(self, keys: tuple[str, ...], types: tuple[type, ...], dtypes: tuple[np.dtype[Any], ...]) -> None:
        self.keys = [*keys]
        self.types = [*types]
        self.row_size = _ROOM // _MAX_ROWS + 8 * len(keys)
        self._scalars = [at for at, kind in enumerate(types) if kind in _CODES]
        self.blobs = [at for at, kind in enumerate(types) if kind is bytes]
        array_places = [at for at, kind in enumerate(types) if kind is np.ndarray]
        self.arrays = list(zip(array_places, map(_Copies, dtypes), strict=True))
        is_known = len(self._scalars) + len(self.blobs) + len(self.arrays) == len(keys)
        are_sound = all(dtype.char in _ARRAYS and dtype.isnative for dtype in dtypes)
        self.is_possible = bool(keys) and is_known and are_sound
        self.pick = _picker([at for at in range(len(types)) if at not in array_places]) if array_places else None
        # Of bytes no byte is packed.
        self.pack = struct.Struct(
            "=" + "".join(_CODES.get(kind, "0s") for kind in types if kind is not np.ndarray)
        ).pack
        self._packed_dtype = np.dtype([(str(at), "f8" if _CODES[types[at]] == "d" else "i8") for at in self._scalars])
        self._encoded_keys = [encode_key(key) for key in keys]
        self.clear()

    def clear(self) -> None:
        """Forget the examples."""
        self.rows: list[Sequence[Any]] = []
        self.packed: list[bytes] = []
        for _, copies in self.arrays:
            copies.items.clear()

    def trim(self) -> None:
        """Forget what has been copied of an example that is not kept."""
        del self.packed[len(self.rows) :]
        for _, copies in self.arrays:
            del copies.items[len(self.rows) :]

    def examples(self) -> list[dict[str, Any]]:
        """The examples again, arrays flat."""
        kept = [(self.keys[at], copies.arrays()) for at, copies in self.arrays]
        return [
            {**dict(zip(self.keys, values, strict=True)), **{key: of_key[number] for key, of_key in kept}}
            for number, values in enumerate(self.rows)
        ]

    def features(self) -> list[tuple[bytes, Column, bool]]:
        """The examples as they are to be grouped."""
        columns: dict[int, Column] = {}
        packed: Any = np.frombuffer(b"".join(self.packed), self._packed_dtype) if self._scalars else {}
        for at in self._scalars:
            columns[at] = Table(packed[str(at)]).take(slice(None))
        for at in self.blobs:
            items = [values[at] for values in self.rows]
            columns[at] = PackedColumn(BYTES_LIST, items, np.fromiter(map(len, items), np.int64, len(items)))
        for at, copies in self.arrays:
            columns[at] = copies.column()
        by_key = sorted((key, at) for at, key in enumerate(self._encoded_keys))
        return [(key, columns[at], False) for key, at in by_key]


class _Copies:
    """Copies of arrays of one dtype, each as its bytes.

    Attributes:
        items: the copies.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.items: list[bytes] = []

    def arrays(self) -> list[Array]:
        """Each by itself."""
        return [np.frombuffer(item, self.dtype) for item in self.items]

    def column(self) -> Column:
        """The feature that they are."""
        sizes = np.fromiter(map(len, self.items), np.int64, len(self.items))
        if self.dtype == _STORED and int(sizes.sum()) >= WORTH_A_PIECE * len(sizes):
            return PackedColumn(FLOAT_LIST, self.items, sizes)
        values = np.frombuffer(b"".join(self.items), self.dtype)
        return numbers_column(values, offsets(sizes // self.dtype.itemsize))


def _picker(places: list[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function that gives the values at some places as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if places:
        (at,) = places
        return lambda values: (values[at],)
    return lambda values: ()


#: No example is of it: it has a type without a key.
_NO_LAYOUT = _Layout((), (object,), ())
