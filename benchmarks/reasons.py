"""Why a cell misses its bar, in a sentence that follows the cell's name in the results."""

from __future__ import annotations

_COPIES = "each record is copied from the file into a block and from there into its own bytes"
_FLOOR = "a loop that does nothing but read each record into its bytes and compute the CRC takes nearly as long"
_NEAR = "within a tenth of it"
_VARINTS = "numpy passes over every byte of a list several times, 4 ns a value"

#: {(operation, workload): reason}. An entry goes when its cell meets the bar.
REASONS: dict[tuple[str, str], str] = {
    ("read records", "W3"): "blocks are found, checked and cut by numpy at 0.3 to 0.6 us a record; 2.3 in another run",
    ("write rows", "W1"): "within a tenth of it: storing the bytes and their CRC is nearly all",
    ("write columns", "W3"): _NEAR,
    ("write columns", "W5"): _VARINTS,
    ("write rows", "W4"): "arrays are copied at the call, since the caller may change them, and then into the block",
    ("write rows", "W5"): _NEAR,
    ("write serialized", "W1"): "storing the bytes is three quarters of the time, and their CRC most of the rest",
    ("write serialized", "W2"): _NEAR,
    ("write serialized", "W5"): "a CRC and two copies of each record; within a tenth of it",
    ("read records", "W4"): _NEAR,
    ("read examples", "W1"): _COPIES,
    ("read examples", "W5"): _VARINTS,
    ("read batches", "W1"): "a batch is 100 MB of new bytes objects: a copy more, and the system's page faults",
    ("read batches", "W2"): _COPIES,
    ("read batches", "W3"): "numpy's calls and the walk from frame to frame; 3.8 and 4.4 in a quieter run",
    ("read batches", "W4"): _NEAR,
    ("read batches", "W5"): _VARINTS,
    ("read batches", "W3-orders"): "each of the sixteen orders is a pass of its own over its records",
    ("read batches gzip", "W3"): "met by the clock; by CPU time inflating is the same zlib on both sides",
    ("write floor", "W1"): "the CRC, and a header and a footer for each record",
    ("read floor", "W1"): "each record gets memory of its own, where the floor reads all into one buffer",
}
