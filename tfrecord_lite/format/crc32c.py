"""CRC-32C (Castagnoli) and the masking that TFRecord applies to it.

Takes anything with a contiguous buffer, returns Python ints below 2^32; the functions for rows take and return
numpy arrays. The checksum of one buffer is the crc32c package's (hardware instructions where there are any).

Masking: a CRC of a string that itself contains CRCs is weak, so a stored CRC is rotated right by 15 bits and a
constant is added (leveldb, `util/crc32c.h`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from typing_extensions import Buffer

_ONES = 0xFFFFFFFF
#: What masking adds.
MASK_DELTA = 0xA282EAD8
_POLYNOMIAL = 0x82F63B78  # reflected

Word = TypeVar("Word", int, Any)  # Any: a uint32 array

__all__ = [
    "MASK_DELTA",
    "NEUTRALIZER",
    "extend",
    "mask",
    "masked_crc32c",
    "neutral",
    "u64_of",
    "unmask",
    "value",
    "value_of_rows",
]


def _of_the_package() -> Callable[..., int]:
    """crc32c.crc32c, from the extension that the package consists of.

    The package itself imports argparse, email and importlib.metadata, for a command of its own and its version, which
    takes a quarter as long as numpy does.
    """
    package = PathFinder.find_spec("crc32c")
    folders = package and package.submodule_search_locations
    spec = PathFinder.find_spec("crc32c._crc32c", folders) if folders else None
    if spec is None or spec.loader is None:
        from crc32c import crc32c

        return crc32c
    extension = module_from_spec(spec)
    spec.loader.exec_module(extension)
    found: Callable[..., int] = extension.crc32c
    return found


#: value(data, value=0): the CRC of anything with a contiguous buffer; or, given the CRC of a, of a + data.
value = _of_the_package()


def extend(crc: int, data: Buffer) -> int:
    """The CRC of a + data, given `crc` of a."""
    return value(data, crc)


def mask(crc: Word) -> Word:
    """The form in which a CRC is stored. An int, or a uint32 array."""
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & _ONES


def unmask(stored: Word) -> Word:
    """Inverse of `mask`."""
    rotated = (stored - MASK_DELTA) & _ONES
    return ((rotated >> 17) | (rotated << 15)) & _ONES


def masked_crc32c(data: Buffer) -> int:
    """mask(value(data)): the CRC of `data` as TFRecord stores it (tensorflow/core/lib/hash/crc32c.h)."""
    masked: int = mask(value(data))
    return masked


def value_of_rows(rows: NDArray[np.uint8], used: slice = slice(None)) -> NDArray[np.uint32]:
    """The CRC of each row of a uint8 array [n, width], as uint32 [n]; only the columns `used` are not all zero.

    A CRC is affine in its input: each byte contributes a word that depends on its value and its place alone, so n short
    rows cost one table look-up a column instead of n calls. Columns of zeros cost nothing.
    """
    tables, crc_of_zeros = _tables(rows.shape[1])
    crcs = np.full(rows.shape[0], crc_of_zeros, np.uint32)
    for table, column in zip(tables[used], rows.T[used], strict=True):
        crcs ^= table.take(column)
    return crcs


@lru_cache(maxsize=8)
def _tables(width: int) -> tuple[NDArray[np.uint32], int]:
    crc_of_zeros = value(bytes(width))
    tables = np.empty((width, 256), np.uint32)
    for place in range(width):
        row = bytearray(width)
        for byte in range(256):
            row[place] = byte
            tables[place, byte] = value(row) ^ crc_of_zeros
    return tables, crc_of_zeros


def u64_of(crc: int) -> int:
    """The only u64 below 2^32 whose 8 little-endian bytes have this CRC: 32 bits of CRC tell 32 bits of data."""
    return _unwound(crc ^ _ONES, 64) ^ _ONES


def _unwound(register: int, bits: int) -> int:
    """The CRC register as it was before so many zero bits."""
    for _ in range(bits):
        high = register >> 31
        register = ((register ^ (_POLYNOMIAL if high else 0)) << 1 | high) & _ONES
    return register


#: `crc ^ NEUTRALIZER`, appended little-endian to data whose CRC is `crc`, brings the CRC register back to its
#: initial state: the CRC of the two together is 0, and whatever follows is checked as if it stood alone. See
#: `Block.is_sound`.
NEUTRALIZER = _unwound(_ONES, 32) ^ _ONES


_MASK_DELTA, _NEUTRALIZER, _BITS_15, _BITS_17 = map(np.uint32, (MASK_DELTA, NEUTRALIZER, 15, 17))


def neutral(stored: NDArray[Any]) -> NDArray[np.uint32]:
    """What brings the CRC register back to its initial state behind data that was stored with these CRCs, uint32."""
    words: NDArray[np.uint32] = stored - _MASK_DELTA  # unmask, in as few steps as uint32 takes, which wraps by itself
    high = words >> _BITS_17
    words <<= _BITS_15
    words |= high
    words ^= _NEUTRALIZER
    return words
