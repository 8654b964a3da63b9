"""The values that lie in spans of a buffer: payloads of lists -> arrays.

integers   packed varints          -> int64 values, how many in each span
floats     packed float32          -> float32 values
objects    one bytes value a span  -> object array
blob       one bytes value a span  -> BytesArray
BytesSpans                            the same, not yet copied
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns.spans import spans
from tfrecord_lite.format.columns.varints import MAX_SIZE
from tfrecord_lite.format.columns.window import windows

Array = NDArray[Any]

#: Values up to this size are taken all at once, longer ones one by one: then the copying costs more than the loop.
_SHORT = 256
#: Nor are values taken all at once that are fewer than these, and so many for each byte of the longest: to take eight
#: bytes of each is a turn of numpy, however few they are.
_FEW_VALUES, _FEW_PER_BYTE = 100, 4
#: Bytes from one span to the next, on average, beyond which spans are cut out: to read what lies between costs more.
_APART = 1 << 10
#: Bytes of varints that are decoded together: few enough that all that is made of them stays in a cache.
_CHUNK = 128 << 10


def joined(buffer: Array, starts: Array, sizes: Array) -> bytes:
    """The bytes of all spans, which do not overlap and ascend, one after the other."""
    if not len(starts):
        return b""
    first, ends = int(starts[0]), starts + sizes
    if int(ends[-1]) - first > _APART * len(starts):
        data = buffer.data
        return b"".join([data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
    stream = BytesIO(buffer[first : ends[-1]].data)
    steps = np.empty(2 * len(starts) - 1, np.int64)
    steps[::2] = sizes
    np.subtract(starts[1:], ends[:-1], out=steps[1::2])
    return b"".join(list(map(stream.read, steps.tolist()))[::2])


def integers(buffer: Array, starts: Array, sizes: Array) -> tuple[Array, Array, Array | None]:
    """(values, number of values in each span, which spans are not varints or None if all are)."""
    is_bad = (buffer[starts + sizes - 1] > 0x7F) & (sizes > 0)
    if is_bad.any():
        return np.empty(0, np.int64), sizes, is_bad
    ends = np.cumsum(sizes)
    # As many as there could be; memory that is not written to is not used.
    values = np.empty(int(ends[-1]), np.int64)
    counts = np.empty(len(sizes), np.int64)
    count = 0
    for some in spans(ends, _CHUNK):
        octets = np.frombuffer(bytes(MAX_SIZE) + joined(buffer, starts[some], sizes[some]), np.uint8)
        lasts = np.flatnonzero(octets[MAX_SIZE:] < 0x80)
        limits = np.cumsum(sizes[some])
        counts[some] = np.diff(np.searchsorted(lasts, limits), prepend=0)
        if not _decode(octets, lasts, values[count : count + len(lasts)]):
            too_long = lasts[np.diff(lasts, prepend=-1) > MAX_SIZE]
            is_bad[some.start + np.searchsorted(limits, too_long, side="right")] = True
        count += len(lasts)
    return values[:count], counts, is_bad if is_bad.any() else None


def _decode(octets: Array, lasts: Array, out: Array) -> bool:
    """Put the values of varints that fill `octets` behind ten zeros into `out`, given where each ends.

    False if one is too long.
    """
    widest = int((lasts[1:] - lasts[:-1]).max(initial=lasts[0] + 1)) if len(lasts) else 1
    if widest > MAX_SIZE:
        return False
    values = octets[MAX_SIZE:].take(lasts)
    goes_on: Any = np.uint8(1)
    for place, dtype in enumerate(_DTYPES[: widest - 1], 1):
        # From the highest seven bits down; a byte with its top bit set belongs to the varint that ends behind it.
        octet = octets[MAX_SIZE - place :].take(lasts)
        goes_on = octet >> np.uint8(7) & goes_on
        low_bits = goes_on * np.uint8(0x7F)
        octet &= low_bits
        low_bits += np.uint8(1)
        values = values.astype(dtype, copy=False)
        values *= low_bits.astype(dtype)
        values += octet.astype(dtype)
    out.view(np.uint64)[:] = values
    return True


#: What holds varints of up to 2, 3, ... bytes.
_DTYPES = [np.uint16, np.uint32, np.uint32, *[np.uint64] * 6]


def floats(buffer: Array, starts: Array, sizes: Array) -> Array:
    """The values of all spans, whose sizes are multiples of 4."""
    size = int(sizes[0]) if len(sizes) else 0
    if (sizes == size).all() and size:
        return windows(buffer, starts, size).view("<f4").reshape(-1).astype(np.float32, copy=False)
    return np.frombuffer(bytearray(joined(buffer, starts, sizes)), "<f4").astype(np.float32, copy=False)


def objects(buffer: Array, starts: Array, sizes: Array) -> Array:
    """The spans as bytes objects, object [n]."""
    widest = int(sizes.max(initial=0))
    if not widest or widest > _SHORT or len(starts) < _FEW_VALUES + _FEW_PER_BYTE * widest:
        values = np.empty(len(starts), object)
        data, ends = buffer.data, (starts + sizes).tolist()
        values[:] = [bytes(data[start:end]) for start, end in zip(starts.tolist(), ends, strict=True)]
        return values
    width = -(-widest // 8) * 8
    taken = windows(buffer, starts, width)
    columns = taken.view("<u8").T
    for at, column in enumerate(columns):
        column &= _LOW_BYTES[np.clip(sizes - 8 * at, 0, 8)]
    values = taken.view(f"S{width}")[:, 0].astype(object)
    # numpy takes NULs at the end for filling.
    for number in np.flatnonzero((buffer[starts + sizes - 1] == 0) & (sizes > 0)).tolist():
        start = int(starts[number])
        values[number] = buffer[start : start + int(sizes[number])].tobytes()
    return values


class BytesSpans:
    """Bytes values where they lie in a buffer, and valid as long as that is.

    Args:
        buffer: uint8.
        starts, sizes: int64 [n], of the values, which do not overlap and ascend.
    """

    __slots__ = ("buffer", "sizes", "starts")

    def __init__(self, buffer: Array, starts: Array, sizes: Array) -> None:
        self.buffer, self.starts, self.sizes = buffer, starts, sizes

    @classmethod
    def of(cls, values: BytesArray) -> BytesSpans:
        """Values of one dimension."""
        return cls(values.blob, values.offsets[:-1], np.diff(values.offsets))

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, begin: int, end: int) -> BytesSpans:
        """Values `begin` to `end`."""
        return BytesSpans(self.buffer, self.starts[begin:end], self.sizes[begin:end])

    def copy_to(self, octets: Array) -> None:
        """Put the values, one after the other, where there is room for just them, uint8 [bytes]."""
        if len(octets) < _SHORT * len(self):
            octets[:] = np.frombuffer(joined(self.buffer, self.starts, self.sizes), np.uint8)
            return
        data, target, stops = self.buffer.data, octets.data, np.cumsum(self.sizes)
        begins, ends = (stops - self.sizes).tolist(), (self.starts + self.sizes).tolist()
        for start, end, begin, stop in zip(self.starts.tolist(), ends, begins, stops.tolist(), strict=True):
            target[begin:stop] = data[start:end]

    def collected(self) -> BytesArray:
        """In memory of their own."""
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.sizes, out=offsets[1:])
        octets = np.empty(int(offsets[-1]), np.uint8)
        self.copy_to(octets)
        return BytesArray(octets, offsets)


def blob(buffer: Array, starts: Array, sizes: Array) -> BytesArray:
    """The spans as one blob with offsets."""
    return BytesSpans(buffer, starts, sizes).collected()


#: Masks of a word's first 0 to 8 bytes.
_LOW_BYTES = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
