"""The most memory that a process takes to read files: `python -m benchmarks.studies.peak read_batches FILE...`.

Prints MB (10^6 bytes). Features are those of the first record, one value each.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import tfrecord_lite as tfr
from benchmarks.measure import exhaust


def read_batches(paths: list[str]) -> Iterable[Any]:
    """As the others, which take paths alone."""
    first = tfr.decode_example(next(iter(tfr.read_records(paths[:1]))))
    return tfr.read_batches(paths, {name: tfr.FixedLenFeature([], _dtype(value)) for name, value in first.items()})


def _dtype(value: Any) -> str:
    return value.dtype.name if isinstance(value, np.ndarray) else "string"


OPERATIONS: dict[str, Callable[[list[str]], Iterable[Any]]] = {
    "read_records": tfr.read_records,
    "read_examples": tfr.read_examples,
    "read_batches": read_batches,
}


def main() -> None:
    """Read and print."""
    operation, *paths = sys.argv[1:]
    exhaust(OPERATIONS[operation](paths))
    # The kernel's own mark of this program; getrusage would count the memory of whoever started it.
    kilobytes = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    if kilobytes is None:
        raise OSError("the kernel does not say")
    print(int(kilobytes[1]) * 1024 / 1e6)


if __name__ == "__main__":
    main()
