"""Many things in consecutive spans, each small enough for a cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def spans(ends: NDArray[Any], limit: int, most: int | None = None) -> Iterator[slice]:
    """Slices over n things of at most `limit` together, of at least one thing, and of at most `most`.

    `ends` [n] says how much they are together up to and including each.
    """
    begin, done = 0, 0
    while begin < len(ends):
        end = max(begin + 1, int(np.searchsorted(ends, done + limit, "right")))
        if most is not None:
            end = min(end, begin + most)
        yield slice(begin, end)
        begin, done = end, int(ends[end - 1])
