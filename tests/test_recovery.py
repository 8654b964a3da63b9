"""Reading on behind damage: what comes back, what is said about the rest, and what it costs."""

import io
from typing import Any

import pytest
from damage import (
    append_garbage,
    cut_at,
    delete_range,
    flip_bit,
    frames,
    insert_at,
    overwrite,
    set_length,
)

from tfrecord_lite import (
    CorruptRecordError,
    SkippedRegion,
    TFRecordError,
    TFRecordReader,
    TruncatedRecordError,
)


def recovered(data: bytes, **options: Any) -> tuple[list[bytes], list[tuple[int, int]]]:
    regions: list[SkippedRegion] = []
    records = list(TFRecordReader(io.BytesIO(data), recovery=regions.append, **options))
    return records, [(region.begin, region.end) for region in regions]


RECORDS = [b"first", b"", b"third record", b"4" * 300, b"fifth"]
STORED = frames(RECORDS)
OFFSETS = [0, 21, 37, 65, 381, 402]
assert OFFSETS[-1] == len(STORED)

# Each failure: the damaged file, the error without recovery, the records that come back, the region.
FAILURES: dict[str, tuple[bytes, type[TFRecordError], list[int], tuple[int, int]]] = {
    "length": (flip_bit(STORED, 37), CorruptRecordError, [0, 1, 3, 4], (37, 65)),
    "length CRC": (flip_bit(STORED, 37 + 9), CorruptRecordError, [0, 1, 3, 4], (37, 65)),
    "data": (flip_bit(STORED, 37 + 14), CorruptRecordError, [0, 1, 3, 4], (37, 65)),
    "footer": (flip_bit(STORED, 64), CorruptRecordError, [0, 1, 3, 4], (37, 65)),
    "first frame": (flip_bit(STORED, 0, 7), CorruptRecordError, [1, 2, 3, 4], (0, 21)),
    "last frame": (flip_bit(STORED, 390), CorruptRecordError, [0, 1, 2, 3], (381, 402)),
    "lying length": (set_length(STORED, 100, 37), CorruptRecordError, [0, 1, 3, 4], (37, 65)),
    "lying length beyond the end": (set_length(STORED, 10**6, 37), TruncatedRecordError, [0, 1, 3, 4], (37, 65)),
    "overwritten": (overwrite(STORED, 30, b"#" * 50), CorruptRecordError, [0, 4], (21, 381)),
    "deleted": (delete_range(STORED, 40, 70), CorruptRecordError, [0, 1, 4], (37, 351)),
    "inserted": (insert_at(STORED, 37, b"garbage!" * 9), CorruptRecordError, [0, 1, 2, 3, 4], (37, 109)),
    "cut in a header": (cut_at(STORED, 384), TruncatedRecordError, [0, 1, 2, 3], (381, 384)),
    "cut in a record": (cut_at(STORED, 396), TruncatedRecordError, [0, 1, 2, 3], (381, 396)),
    "garbage at the end": (append_garbage(STORED, b"#" * 999), CorruptRecordError, [0, 1, 2, 3, 4], (402, 1401)),
    "zeros at the end": (append_garbage(STORED, bytes(999)), CorruptRecordError, [0, 1, 2, 3, 4], (402, 1401)),
    "nothing but garbage": (b"#" * 999, CorruptRecordError, [], (0, 999)),
}
failures = pytest.mark.parametrize(("data", "error", "left", "region"), FAILURES.values(), ids=FAILURES.keys())


def records_before(region: tuple[int, int], left: list[int]) -> list[bytes]:
    return [RECORDS[number] for number in left if OFFSETS[number] < region[0]]


@failures
def test_without_recovery_damage_is_raised(
    data: bytes, error: type[TFRecordError], left: list[int], region: tuple[int, int]
) -> None:
    records = []
    with pytest.raises(error) as caught:
        for record in TFRecordReader(io.BytesIO(data)):
            records.append(record)  # noqa: PERF402 - what came before an error counts
    assert records == records_before(region, left)
    assert caught.value.offset == region[0]


@failures
def test_with_recovery_all_undamaged_records_come_back(
    data: bytes, error: type[TFRecordError], left: list[int], region: tuple[int, int]
) -> None:
    assert recovered(data) == ([RECORDS[number] for number in left], [region])


@failures
def test_recovery_stops_when_it_is_told_to(
    data: bytes, error: type[TFRecordError], left: list[int], region: tuple[int, int]
) -> None:
    reader = TFRecordReader(io.BytesIO(data), recovery=lambda region: False)
    assert list(reader) == records_before(region, left)
    assert list(reader) == []
    assert (reader.offset, reader.record_number) == (region[0], len(records_before(region, left)))


@failures
def test_recovery_raises_what_its_callback_raises(
    data: bytes, error: type[TFRecordError], left: list[int], region: tuple[int, int]
) -> None:
    def refuse(region: SkippedRegion) -> bool:
        raise LookupError(region.begin)

    reader = TFRecordReader(io.BytesIO(data), recovery=refuse)
    records = []
    for _ in range(2):  # an error never becomes an end
        with pytest.raises(LookupError, match=str(region[0])):
            for record in reader:
                records.append(record)  # noqa: PERF402
    assert records == records_before(region, left)
