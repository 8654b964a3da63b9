"""dedupe: each record once, at its first place."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_files import write

import tfrecord_lite as tfr
from tfrecord_lite import surgery
from tfrecord_lite.format.crc32c import value

COMPRESSIONS = ["", "GZIP", "ZLIB"]


@pytest.fixture
def records() -> list[bytes]:
    """Of every size that takes a way of its own, in several blocks."""
    generator = np.random.default_rng(1)
    return [generator.bytes(size) for size in [0, 1, 3000, 70_000, 600_000, 5, *range(200, 1400)]]


@pytest.mark.parametrize("compressions", [["", ""], ["GZIP", ""], ["", "ZLIB"], ["GZIP", "GZIP"]])
def test_each_record_is_kept_once_at_its_first_place(
    tmp_path: Path, records: list[bytes], compressions: list[str]
) -> None:
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(records)), 2)).tolist()
    repeated = [records[number] for number in order]
    half = len(repeated) // 3
    write(tmp_path / "1", repeated[:half], compressions[0])
    write(tmp_path / "2", repeated[half:], compressions[1])
    moved = surgery.dedupe([tmp_path / "1", tmp_path / "2"], tmp_path / "out")
    expected = list(dict.fromkeys(repeated))
    assert list(tfr.read_records(tmp_path / "out")) == expected
    assert (moved.read, moved.written) == (len(repeated), len(expected))


def same_crc(count: int) -> list[bytes]:
    """Different records of 8 bytes with the same CRC-32C: the last four bytes make up for the first."""
    # A CRC is affine: find what each bit of the last four bytes does to it, and solve for the target.
    base = value(bytes(8))
    effects = [value(bytes(4) + (1 << bit).to_bytes(4, "little")) ^ base for bit in range(32)]
    found = []
    for first in range(count):
        head = first.to_bytes(4, "little")
        wanted, tail = value(head + bytes(4)) ^ base, 0
        rows = [(effect, 1 << bit) for bit, effect in enumerate(effects)]
        for bit in reversed(range(32)):
            pivot = next((row for row in rows if row[0] >> bit & 1), None)
            if pivot is None:
                continue
            rows.remove(pivot)
            rows = [(e ^ pivot[0], m ^ pivot[1]) if e >> bit & 1 else (e, m) for e, m in rows]
            if wanted >> bit & 1:
                wanted, tail = wanted ^ pivot[0], tail ^ pivot[1]
        found.append(head + tail.to_bytes(4, "little"))
    assert len({value(record) for record in found}) == 1
    assert len(set(found)) == count
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_records_with_the_same_crc_and_length_are_compared(tmp_path: Path, compression: str) -> None:
    alike = same_crc(4)
    order = [0, 1, 0, 2, 1, 1, 3, 3, 2, 0]
    path = write(tmp_path / "a", [alike[number] for number in order], compression)
    surgery.dedupe(path, tmp_path / "out")
    assert list(tfr.read_records(tmp_path / "out")) == alike


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_records_of_one_crc_in_several_files_are_compared(tmp_path: Path, compression: str) -> None:
    alike = same_crc(3)
    write(tmp_path / "1", [alike[0], alike[1]], compression)
    write(tmp_path / "2", [alike[1], alike[2], alike[0]], compression)
    surgery.dedupe([tmp_path / "1", tmp_path / "2"], tmp_path / "out")
    assert list(tfr.read_records(tmp_path / "out")) == alike


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from([b"", b"a", b"b", b"ab", *same_crc(3)]), max_size=8), min_size=1, max_size=3))
def test_what_stays_is_what_a_dict_keeps(files: list[list[bytes]]) -> None:
    with TemporaryDirectory() as name:
        paths = [write(Path(name) / str(number), records) for number, records in enumerate(files)]
        moved = surgery.dedupe(paths, Path(name) / "out")
        everything = [record for records in files for record in records]
        assert list(tfr.read_records(Path(name) / "out")) == list(dict.fromkeys(everything))
        assert moved.read == len(everything)
