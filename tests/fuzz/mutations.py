"""Bytes that are nearly those given, by a generator with a seed."""

from __future__ import annotations

import numpy as np

#: Lengths and tags at which something begins or ends.
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x0A, 0x12, 0x1A, 0x0B, 0x0C)


def mutated(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """One to four changes: bits, bytes at the edges, what is cut, doubled, put in, or taken from `other`."""
    out = bytearray(data)
    for _ in range(random.integers(1, 5)):
        at, size = int(random.integers(0, len(out) + 1)), int(random.integers(1, 17))
        how = random.integers(7)
        if how == 0 and at < len(out):
            out[at] ^= 1 << int(random.integers(8))
        elif how == 1 and at < len(out):
            out[at] = EDGES[random.integers(len(EDGES))]
        elif how == 2:
            del out[at : at + size]
        elif how == 3:
            out[at:at] = out[at : at + size]
        elif how == 4:
            out[at:at] = random.bytes(size)
        elif how == 5 and random.random() < 0.3:
            del out[at:]
        elif other:
            begin = int(random.integers(0, len(other)))
            out[at : at + size] = other[begin : begin + size]
    return bytes(out)
