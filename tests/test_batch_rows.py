"""BatchRows: what portions hold, put where it stays, in no more memory than that."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tracing import skip_unless_shrinking_is_traced

import tfrecord_lite as tfr
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns import batch_rows
from tfrecord_lite.format.columns.batch_rows import BatchRows
from tfrecord_lite.format.columns.payloads import BytesSpans
from tfrecord_lite.format.rows import Rows


def portion(values: list[bytes]) -> dict[str, Rows]:
    """Of one value a record, in a buffer with something between the values."""
    sizes = np.array(list(map(len, values)), np.int64)
    starts = np.cumsum(sizes + 3) - sizes
    buffer = np.frombuffer(b"".join([b"---" + value for value in values]), np.uint8)
    return {"a": Rows.equal(BytesSpans(buffer, starts, sizes), len(values), 1)}


@pytest.mark.parametrize("count", [1, 3, 7, 10**13])
@pytest.mark.parametrize("sizes", [[[1], [400, 900]], [[900, 1], [1], [1, 2, 3]], [[], [3], []], [[0, 0]]], ids=str)
def test_however_many_are_expected_it_is_the_same(count: int, sizes: list[list[int]]) -> None:
    generator = np.random.default_rng(0)
    batch = BatchRows(["a"], count)
    expected = []
    for some in sizes:
        values = [generator.bytes(size) for size in some]
        expected += values
        batch.add(portion(values), len(values))
    rows = batch.rows()["a"]
    assert (rows.batch_size, rows.size, batch.size) == (len(expected), 1, len(expected))
    assert rows.values.tolist() == expected
    assert rows.values.blob.dtype == np.uint8


def numbers(*lists: list[int]) -> Rows:
    return Rows.of(np.array([value for values in lists for value in values], np.int64), np.array(list(map(len, lists))))


PAIRS = Rows.equal(np.arange(6), 3, 2)
PORTIONS: dict[str, tuple[list[Rows], list[list[int]], int | None]] = {
    "one of one size": ([PAIRS], [[0, 1], [2, 3], [4, 5]], 2),
    "one of many sizes": ([numbers([7], [], [8, 9])], [[7], [], [8, 9]], None),
    "two of one size": ([PAIRS, Rows.equal(np.arange(2), 1, 2)], [[0, 1], [2, 3], [4, 5], [0, 1]], 2),
    "two of two sizes": ([PAIRS, Rows.equal(np.arange(2), 2, 1)], [[0, 1], [2, 3], [4, 5], [0], [1]], None),
    "of many sizes behind one": ([PAIRS, numbers([7], [8, 9])], [[0, 1], [2, 3], [4, 5], [7], [8, 9]], None),
    "of one size behind many": ([numbers([7], [8, 9]), PAIRS], [[7], [8, 9], [0, 1], [2, 3], [4, 5]], None),
    "of many sizes, twice": ([numbers([7], []), numbers([8, 9])], [[7], [], [8, 9]], None),
}


@pytest.mark.parametrize("name", PORTIONS)
def test_numbers_are_one_array_whatever_their_portions_are(name: str) -> None:
    portions, expected, size = PORTIONS[name]
    batch = BatchRows(["a"], len(expected))
    for rows in portions:
        batch.add({"a": rows}, rows.batch_size)
    rows = batch.rows()["a"]
    assert (rows.batch_size, rows.size, batch.size) == (len(expected), size, len(expected))
    assert rows.values.dtype == np.int64
    assert [rows.values[begin:end].tolist() for begin, end in pairwise(rows.splits.tolist())] == expected


def test_numbers_of_one_portion_stay_where_they_are() -> None:
    batch = BatchRows(["a"], 3)
    batch.add({"a": PAIRS}, 3)
    assert batch.rows()["a"].values is PAIRS.values


def test_bytes_that_are_in_a_blob_already_are_put_behind_the_others() -> None:
    batch = BatchRows(["a"], 4)
    batch.add(portion([b"one", b"two"]), 2)
    batch.add({"a": Rows.equal(BytesArray(np.frombuffer(b"#3four", np.uint8)[1:], np.array([0, 1, 5])), 2, 1)}, 2)
    assert batch.rows()["a"].values.tolist() == [b"one", b"two", b"3", b"four"]


@pytest.mark.parametrize(
    ("count", "first", "room"), [(10, 1, 10_625), (3, 2, 3187), (3, 3, 3000), (2, 3, 3000), (10**9, 1, 1000 + 9700)]
)
def test_there_is_room_for_all_that_is_expected_and_a_sixteenth_more(
    count: int, first: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_rows, "_MOST_AHEAD", 9700)
    batch = BatchRows(["a"], count)
    batch.add(portion([bytes(1000)] * first), first)
    octets = batch._blobs["a"]._octets
    assert len(octets) == room
    batch.add(portion([bytes(room - 1000 * first)]), 1)
    assert batch._blobs["a"]._octets is octets
    assert len(batch.rows()["a"].values.blob) == room


def test_what_was_expected_and_did_not_come_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_rows, "_MOST_AHEAD", 10 << 20)
    batch = BatchRows(["a"], 1000)
    some = portion([bytes(100_000)])
    tracemalloc.start()
    try:
        batch.add(some, 1)
        ahead = tracemalloc.get_traced_memory()[0]
        rows = batch.rows()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 10 << 20 < ahead < 11 << 20
    assert 100_000 < kept < 150_000
    assert len(rows["a"].values.blob) == 100_000


def test_a_batch_that_is_read_is_held_once_beside_the_block(tmp_path: Path) -> None:
    skip_unless_shrinking_is_traced()
    images = [np.random.default_rng(number).bytes(100_000 + number) for number in range(300)]
    with tfr.TFRecordWriter(tmp_path / "images") as writer:
        for image in images:
            writer.write_example({"image": image})
    batches = tfr.read_batches(
        tmp_path / "images", {"image": tfr.FixedLenFeature([], bytes)}, batch_size=300, bytes_as="blob"
    )
    tracemalloc.start()
    try:
        (batch,) = batches
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert batch["image"].tolist() == images
    # The block of 4 MiB stands beside the one of half its size that it takes the place of.
    assert peak < batch["image"].offsets[-1] * 17 / 16 + (7 << 20)
