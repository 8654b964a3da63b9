"""What tracemalloc can say of arrays here."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest


def skip_unless_shrinking_is_traced() -> None:
    """numpy 2.5 tells tracemalloc of the smaller array before it takes the larger one back; both are one place."""
    tracemalloc.start()
    try:
        array = np.empty(1 << 20, np.uint8)
        array.resize(len(array) - 1, refcheck=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > 3 << 19:
        pytest.skip("tracemalloc counts an array twice while it shrinks where it is")
