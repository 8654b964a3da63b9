"""What reading does to the allocator: memory that was freed is kept for the next block."""

from __future__ import annotations

import platform

import pytest
from damage import python_output

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators take no notice")

#: Counts the pages that are touched for the first time while blocks of 30 MB in all come and go, twenty times.
SCRIPT = """
import resource
import numpy as np
import tfrecord_lite.files.heap
def touched():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def blocks():
    held = [np.ones(3 << 20, np.uint8) for _ in range(10)]
blocks()
before = touched()
for _ in range(20):
    blocks()
print(touched() - before)
"""


def test_blocks_that_come_and_go_are_put_where_the_last_ones_were() -> None:
    pages_of_one_round = 30 << 20 >> 12
    assert int(python_output(SCRIPT)) < pages_of_one_round
