"""What is measured on the workloads: for each operation our way, the reference's way, and whether they agree.

A function makes the Contest of one operation on one workload; OPERATIONS lists them under the names of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from crc32c import crc32c

import tfrecord_lite as tfr
from benchmarks import batches, floor, reference
from benchmarks.measure import Contest, check_equal, exhaust
from benchmarks.workloads import WORKLOADS, Workload
from tfrecord_lite.format.framing import encode_footer, encode_header


@dataclass(frozen=True)
class Operation:
    """One line of the table for each workload.

    Attributes:
        contest: (workload, empty directory for what is written) -> Contest over all its records.
        reference: the other side's name.
        workloads: those it is measured on.
    """

    contest: Callable[[Workload, Path], Contest]
    reference: str = "TensorFlow"
    workloads: tuple[str, ...] = tuple(WORKLOADS)


def _write_rows(workload: Workload, directory: Path) -> Contest:
    def write(path: str) -> None:
        with tfr.TFRecordWriter(path) as writer:
            for example in workload.examples:
                writer.write_example(example)

    return _against_messages(workload, workload.examples, directory, write)


def _write_columns(workload: Workload, directory: Path, compression_type: str = "") -> Contest:
    """What is missing in a record stands as None in the column: a feature without a kind."""
    examples = workload.examples
    if workload.optional:
        examples = [{name: example.get(name) for name in examples[0]} for example in examples]
    columns = columns_of(examples)

    def write(path: str) -> None:
        with tfr.TFRecordWriter(path, compression_type) as writer:
            writer.write_columns(columns)

    return _against_messages(workload, examples, directory, write, compression_type)


def _against_messages(
    workload: Workload,
    examples: list[dict[str, Any]],
    directory: Path,
    write: Callable[[str], None],
    compression_type: str = "",
) -> Contest:
    """Against tf.train.Example and TFRecordWriter, whose keys come in any order."""

    def write_theirs(path: str) -> None:
        reference.write_examples(path, examples, optional=workload.optional, compression_type=compression_type)

    def check(ours: str, theirs: str) -> None:
        check_equal(
            reference.read_records(ours, compression_type),
            map(reference.canonical, reference.read_records(theirs, compression_type)),
        )

    return write_contest(workload, directory, write, write_theirs, check)


def _write_serialized(workload: Workload, directory: Path) -> Contest:
    return write_contest(
        workload, directory, _writer_of(workload.records), lambda path: reference.write_records(path, workload.records)
    )


def _write_floor(workload: Workload, directory: Path) -> Contest:
    frames = [
        part for record in workload.records for part in (encode_header(len(record)), record, encode_footer(record))
    ]
    return write_contest(workload, directory, _writer_of(workload.records), lambda path: floor.write(path, frames))


def _read_records(workload: Workload, directory: Path) -> Contest:
    return Contest(
        ours=lambda: exhaust(tfr.read_records(workload.path)),
        theirs=lambda: exhaust(reference.read_records(workload.path)),
        count=len(workload.examples),
        check=lambda: check_equal(tfr.read_records(workload.path), reference.read_records(workload.path)),
    )


def _read_floor(workload: Workload, directory: Path) -> Contest:
    def check() -> None:
        check_equal(tfr.read_records(workload.path), workload.records)
        check_equal([floor.read(workload.path)], [crc32c(b"".join(_content(workload.path)))])

    return Contest(
        ours=lambda: exhaust(tfr.read_records(workload.path)),
        theirs=lambda: floor.read(workload.path),
        count=len(workload.examples),
        check=check,
    )


def _read_examples(workload: Workload, directory: Path) -> Contest:
    path, first, optional = workload.path, workload.examples[0], workload.optional

    def check() -> None:
        ours, theirs = tfr.read_examples(path), reference.read_examples(path, first, optional)
        check_equal(map(_comparable, ours), map(_comparable, theirs))

    return Contest(
        ours=lambda: exhaust(tfr.read_examples(path)),
        theirs=lambda: exhaust(reference.read_examples(path, first, optional)),
        count=len(workload.examples),
        check=check,
    )


_SINGLE = ("W1", "W2", "W3", "W4", "W5")
OPERATIONS = {
    # A dict of columns has one order of keys.
    "write columns": Operation(_write_columns, workloads=tuple(name for name in WORKLOADS if name != "W3-orders")),
    "write rows": Operation(_write_rows),
    "write serialized": Operation(_write_serialized, workloads=_SINGLE),
    "read records": Operation(_read_records, workloads=_SINGLE),
    "read examples": Operation(_read_examples),
    "read batches": Operation(batches.contest),
    "write columns gzip": Operation(partial(_write_columns, compression_type="GZIP"), workloads=("W3",)),
    "read batches gzip": Operation(partial(batches.contest, compression_type="GZIP"), workloads=("W3",)),
    "write floor": Operation(_write_floor, "os.writev", ("W1",)),
    "read floor": Operation(_read_floor, "readinto + crc32c", ("W1",)),
}


def write_contest(
    workload: Workload,
    directory: Path,
    write_ours: Callable[[str], None],
    write_theirs: Callable[[str], None],
    check: Callable[[str, str], None] | None = None,
) -> Contest:
    """A contest of two functions that write a file; unless `check` says otherwise, both must be the workload's file."""
    ours, theirs = directory / "ours.tfrecord", directory / "theirs.tfrecord"

    def check_files(*paths: str) -> None:
        for path in paths:
            check_equal(_content(path), _content(workload.path))

    def clear() -> None:
        ours.unlink(missing_ok=True)
        theirs.unlink(missing_ok=True)

    return Contest(
        ours=lambda: write_ours(str(ours)),
        theirs=lambda: write_theirs(str(theirs)),
        count=len(workload.examples),
        check=lambda: (check or check_files)(str(ours), str(theirs)),
        clear=clear,
    )


def _writer_of(records: list[bytes]) -> Callable[[str], None]:
    def write(path: str) -> None:
        with tfr.TFRecordWriter(path) as writer:
            for record in records:
                writer.write(record)

    return write


def _content(path: str) -> Iterable[bytes]:
    """A file in pieces."""
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _comparable(example: dict[str, Any]) -> dict[str, Any]:
    """An example whose arrays can be compared with ==, bit by bit and with their types."""
    return {
        name: (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
        for name, value in example.items()
    }


def columns_of(examples: list[dict[str, Any]]) -> dict[str, Any]:
    """Examples of the same features, as columns."""
    return {name: _column([example[name] for example in examples]) for name in examples[0]}


def _column(values: list[Any]) -> Any:
    """The values of one feature as people hold them: numbers and arrays of one shape in an array, others in a list."""
    if isinstance(values[0], bytes) or any(value is None for value in values):
        return values
    is_ragged = isinstance(values[0], np.ndarray) and len({value.shape for value in values}) > 1
    return values if is_ragged else np.array(values)
