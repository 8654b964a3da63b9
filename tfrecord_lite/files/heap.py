"""Freed memory is kept for the next block instead of being given back to the system.

Blocks, and what is made of them, are of some hundred kilobytes to some megabytes. glibc's malloc takes such pieces from
the system one by one and gives them back when they are freed, and the first touch of each new page costs more than what
is done with it: up to half the time of reading large values. It stops doing so for pieces as large as the largest that
was ever freed; so one is, once a process, without being touched. Other allocators take no notice.
"""

from __future__ import annotations

import numpy as np

#: Just below glibc's limit for what it learns from, DEFAULT_MMAP_THRESHOLD_MAX. Twice as much may be kept at most.
_LARGEST_PIECE = 31 << 20

np.empty(_LARGEST_PIECE, np.uint8)
