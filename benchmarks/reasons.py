"""Why a cell misses its bar, in a sentence that follows the cell's name in the results."""

from __future__ import annotations

_COPIES = "each record is copied from the file into a block and from there into its own bytes"
_NEAR = "within a tenth of it"
_VARINTS = "numpy passes over every byte of a list several times, 4 ns a value"

#: {(operation, workload): reason}. An entry goes when its cell meets the bar.
REASONS: dict[tuple[str, str], str] = {
    ("write columns", "W1"): "within a tenth of it: storing the bytes and their CRC is nearly all",
    ("write columns", "W5"): _VARINTS,
    ("write rows", "W4"): "within a tenth of it: the caller may change the array, so it is copied; 8.1 in another run",
    ("write serialized", "W1"): "storing the bytes is three quarters of the time, and their CRC most of the rest",
    ("write serialized", "W2"): "a CRC and two copies of each record",
    ("write serialized", "W5"): "a CRC and two copies of each record",
    ("read records", "W2"): _NEAR,
    ("read examples", "W1"): _COPIES,
    ("read examples", "W5"): _VARINTS,
    ("read batches", "W1"): "a batch is 100 MB of new bytes objects: a copy more, and the system's page faults",
    ("read batches", "W2"): _COPIES,
    ("read batches", "W3"): "numpy's calls and the walk from frame to frame; 3.8 and 4.4 in another run",
    ("read batches", "W4"): "TensorFlow copies with both cores, and we with one; 2.65 and 2.65 in another run",
    ("read batches", "W5"): _VARINTS,
    ("read batches gzip", "W3"): "inflating is the same zlib on both sides and takes most of the time",
    ("write floor", "W1"): "the CRC, and a header and a footer for each record",
    ("read floor", "W1"): "each record gets memory of its own, where the floor reads all into one buffer",
}
