"""Reading on behind damage: what comes back, what is said about the rest, and what it costs."""

import io
import os
import pickle
import struct
import threading
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import (
    HAS_PROC,
    MEMORY,
    append_garbage,
    collect,
    cut_at,
    delete_range,
    flip_bit,
    frame,
    frames,
    gzip_member,
    header,
    insert_at,
    overwrite,
    python_output,
    set_length,
    zlib_stream,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite import (
    CorruptRecordError,
    SkippedRegion,
    TFRecordError,
    TFRecordReader,
    TFRecordWriter,
    TruncatedRecordError,
    decode_example,
    read_batches,
    read_examples,
    read_records,
)
from tfrecord_lite.format.blocks import BLOCK_SIZE, LARGE_FRAME
from tfrecord_lite.format.framing import encode_footer, encode_header
from tfrecord_lite.format.resync import find_headers, sound_across, stated_lengths
from tfrecord_lite.format.window import Window


def recovered(data: bytes, **options: Any) -> tuple[list[bytes], list[tuple[int, int]]]:
    regions: list[SkippedRegion] = []
    records = list(TFRecordReader(io.BytesIO(data), recovery=regions.append, **options))
    return records, [(region.begin, region.end) for region in regions]


RECORDS = [b"first", b"", b"third record", b"4" * 300, b"fifth"]


def test_a_damaged_record_of_the_greatest_length_allowed_is_passed_over_alone() -> None:
    records = [b"a" * 100, b"b" * 100, b"c" * 100]
    data = flip_bit(frames(records), 50)
    assert recovered(data, max_record_size=100) == (records[1:], [(0, 116)])


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
    records, raised = collect(TFRecordReader(io.BytesIO(data)), TFRecordError)
    assert records == records_before(region, left)
    assert isinstance(raised, error)
    assert raised.offset == region[0]


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
    records, raised = collect(reader, LookupError)
    assert records == records_before(region, left)
    assert str(raised) == str(region[0])
    with pytest.raises(LookupError):  # an error never becomes an end
        next(reader)


def issue_file(generator: np.random.Generator) -> tuple[list[bytes], bytes, list[bytes]]:
    """4,000 records, their file with the damage of four kinds, and the records that it leaves."""
    records = [b"%d|" % number + generator.bytes(int(generator.integers(0, 400))) for number in range(4000)]
    offsets = np.cumsum([0, *(len(record) + 16 for record in records)]).tolist()
    damaged = cut_at(frames(records), offsets[-1] - 7)
    damaged = delete_range(damaged, offsets[3000] + 30, offsets[3000] + 807)
    damaged = overwrite(damaged, offsets[2000] + 5, generator.bytes(5000))
    damaged = flip_bit(damaged, offsets[1000] + 1)
    touched = [
        (offsets[1000], offsets[1000] + 12),
        (offsets[2000] + 5, offsets[2000] + 5005),
        (offsets[3000] + 30, offsets[3000] + 807),
        (offsets[-1] - 7, offsets[-1]),
    ]
    left = [
        record
        for record, begin, end in zip(records, offsets, offsets[1:], strict=False)
        if not any(begin < last and first < end for first, last in touched)
    ]
    return records, damaged, left


def test_all_undamaged_records_of_a_badly_damaged_file_come_back() -> None:
    _, damaged, left = issue_file(np.random.default_rng(4))
    assert 3950 < len(left) < 3996
    found, regions = recovered(damaged)
    assert found == left
    assert len(regions) == 4
    assert sum(map(len, left)) + 16 * len(left) + sum(end - begin for begin, end in regions) == len(damaged)


def test_records_of_every_size_survive_damage_around_them() -> None:
    generator = np.random.default_rng(5)
    sizes = [0, 3, LARGE_FRAME - 1, LARGE_FRAME + 1, BLOCK_SIZE - 1, BLOCK_SIZE + 1, 2 * BLOCK_SIZE, 5, 8] * 2
    records = [generator.bytes(size) for size in sizes]
    for number in range(len(records)):
        damaged = b"".join(
            flip_bit(frame_bytes, len(frame_bytes) // 2) if position == number else frame_bytes
            for position, frame_bytes in enumerate(map(fast_frame, records))
        )
        assert recovered(damaged)[0] == records[:number] + records[number + 1 :]


def fast_frame(record: bytes) -> bytes:
    """`frame` without the CRC of megabytes bit by bit."""
    stored = io.BytesIO()
    with TFRecordWriter(stored) as writer:
        writer.write(record)
    return stored.getvalue()


def test_every_flipped_bit_and_every_cut_cost_one_record_of_a_small_file() -> None:
    records = [b"one", b"", b"three three", b"12345678", frames([b"stored", b"frames"])]
    stored = frames(records)
    owner = [number for number, record in enumerate(records) for _ in range(len(record) + 16)]
    for position in range(len(stored)):
        others = [record for number, record in enumerate(records) if number != owner[position]]
        for bit in range(8):
            assert recovered(flip_bit(stored, position, bit), compression_type="")[0] == others
        assert recovered(overwrite(stored, position, bytes([stored[position] ^ 0xFF])))[0] == others
        kept = records[: owner[position]]
        found, regions = recovered(cut_at(stored, position))
        if owner[position] < 4:
            assert found == kept
            assert regions == ([] if position == len(frames(kept)) else [(len(frames(kept)), position)])


def test_tfrecord_bytes_inside_a_record_are_not_taken_for_records() -> None:
    inner = frames([b"a", b"b" * 50, b"c"])
    records = [b"before", inner, b"after", inner]
    stored = frames(records)
    begin = len(frames(records[:1]))
    for position in range(begin, begin + len(inner) + 16):  # header, record and footer
        assert recovered(flip_bit(stored, position))[0] == [b"before", b"after", inner]
    assert recovered(flip_bit(stored, len(stored) - 9))[0] == [b"before", inner, b"after"]


def test_frames_that_moved_into_a_damaged_one_come_back() -> None:
    # As many bytes are missing from the first record as the second frame has: it ends where the first one claims to.
    stored = frames([b"x" * 100, b"second", b"third"])
    assert recovered(delete_range(stored, 40, 62))[0] == [b"second", b"third"]
    last = frames([b"x" * 100, b"second"])
    assert recovered(delete_range(last, 40, 62))[0] == [b"second"]


def test_records_of_eight_bytes_are_not_taken_for_headers() -> None:
    # A record of 8 bytes and its footer are a header whose CRC holds.
    records = [struct.pack("<Q", number) for number in range(60)]
    stored = frames(records)
    assert find_headers(stored[12:24], 100)[0].tolist() == [0]
    for begin in range(24, 72):
        # The bytes of a whole record and its footer: the next header takes their place, and cannot be told from them.
        if begin % 24 != 12:
            damaged = delete_range(stored, begin, begin + 12)
            assert recovered(damaged)[0] == [record for record in records if frame(record) in damaged]


def test_a_lying_length_does_not_swallow_what_follows() -> None:
    for length in (0, 4, 20, 300, 1 << 20, 1 << 33, 1 << 62, (1 << 64) - 1):
        assert recovered(set_length(STORED, length, 37))[0] == [*RECORDS[:2], *RECORDS[3:]], length
        wrong = overwrite(STORED, 37, struct.pack("<Q", length))
        assert recovered(wrong)[0] == [*RECORDS[:2], *RECORDS[3:]], length


def test_a_record_above_the_limit_is_passed_over() -> None:
    found, regions = recovered(STORED, max_record_size=100)
    assert found == [RECORDS[0], RECORDS[1], RECORDS[2], RECORDS[4]]
    assert regions == [(65, 381)]


def test_offset_and_record_number_follow_the_iteration() -> None:
    reader = TFRecordReader(io.BytesIO(flip_bit(STORED, 37)), recovery=lambda region: True)
    seen = [(reader.record_number, reader.offset) for _ in reader]
    assert seen == [(1, 21), (2, 37), (3, 381), (4, 402)]


def test_regions_say_where_and_why(tmp_path: Path) -> None:
    path = tmp_path / "a\n.tfrecord"
    path.write_bytes(flip_bit(STORED, 50))
    regions: list[SkippedRegion] = []
    assert len(list(read_records(path, recovery=regions.append))) == 4
    (region,) = regions
    assert (region.begin, region.end, region.size, region.path) == (37, 65, 28, str(path))
    assert region.reason.startswith("corrupted record at offset 37: data CRC-32C stored 0x")
    assert str(region) == f"{tmp_path}/a\\n.tfrecord: skipped 28 bytes, 37 to 65: {region.reason}"
    assert pickle.loads(pickle.dumps(region)) == region
    with pytest.raises(AttributeError):
        region.begin = 0  # type: ignore[misc]


def test_recovery_goes_on_through_many_files(tmp_path: Path) -> None:
    for name, position in (("a", 37), ("b", 50), ("c", 3)):
        (tmp_path / name).write_bytes(flip_bit(STORED, position))
    regions: list[SkippedRegion] = []
    assert len(list(read_records(tmp_path, recovery=regions.append))) == 12
    assert [(Path(str(region.path)).name, region.begin) for region in regions] == [("a", 37), ("b", 37), ("c", 0)]


@pytest.mark.parametrize("read", [TFRecordReader, read_records])
def test_recovery_needs_the_crcs(read: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(STORED)
    with pytest.raises(ValueError, match="verify=True"):
        read(tmp_path / "a", verify=False, recovery=print)


def test_examples_and_batches_are_recovered_too(tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write_columns({"label": np.arange(20_000), "text": [b"x" * (number % 50) for number in range(20_000)]})
    data = (tmp_path / "a").read_bytes()
    for position in (5000, 5100, 200_000, 800_000):
        data = flip_bit(data, position)
    (tmp_path / "a").write_bytes(data)
    regions: list[SkippedRegion] = []
    left = [decode_example(record)["label"][0] for record in read_records(tmp_path / "a", recovery=regions.append)]
    assert 19_990 < len(left) < 20_000
    assert len(regions) == 3  # two of the flips are in one record
    assert [example["label"][0] for example in read_examples(tmp_path / "a", recovery=lambda region: True)] == left
    batches = read_batches(tmp_path / "a", batch_size=1000, recovery=lambda region: True)
    assert np.array_equal(np.concatenate([batch["label"] for batch in batches]), left)


def test_what_a_pipe_has_brought_is_given_before_more_is_waited_for() -> None:
    read, write = os.pipe()
    damaged = frame(b"one") + flip_bit(frame(b"two"), 14) + frame(b"three") + frame(b"four")
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb") as target:
        reader = TFRecordReader(source, "", recovery=lambda region: True)
        target.write(damaged)
        target.flush()
        assert [next(reader) for _ in range(3)] == [b"one", b"three", b"four"]


# GZIP and ZLIB: what can still be inflated.


def members(records: list[bytes], per_member: int, level: int = -1) -> list[bytes]:
    parts = [records[at : at + per_member] for at in range(0, len(records), per_member)]
    return [gzip_member(frames(part), level=level) for part in parts]


def test_reading_goes_on_with_the_next_member() -> None:
    generator = np.random.default_rng(6)
    records = [b"%d|" % number + generator.bytes(2000) for number in range(200)]
    parts = members(records, 20)
    lost = parts[3]
    for damaged_member in (
        flip_bit(lost, 5000),
        flip_bit(lost, len(lost) - 6),  # its checksum
        cut_at(lost, 5000),  # in a stored block, which the next member then seems to belong to
        delete_range(lost, 5000, 9000),
        delete_range(lost, 5000, len(lost) - 1),
        overwrite(lost, 0, b"#" * 30),
        b"garbage!" * 20,
        b"\x1f\x8b\x08" * 20,
        b"",
    ):
        damaged = b"".join([*parts[:3], damaged_member, *parts[4:]])
        regions: list[SkippedRegion] = []
        found = list(TFRecordReader(io.BytesIO(damaged), recovery=regions.append))
        assert [record for record in records if record in found] == found
        assert found[:60] == records[:60]
        assert found[-120:] == records[80:]
        assert bool(regions) == bool(damaged_member)  # a member that is missing altogether leaves no trace


def test_gzip_data_stored_in_a_record_is_not_taken_for_a_member() -> None:
    inner = gzip_member(frames([b"inner %d" % number for number in range(500)]), level=0)
    records = [inner, np.random.default_rng(9).bytes(300_000), b"last"]
    stored = gzip_member(frames(records), level=0)
    assert recovered(stored) == (records, [])
    assert recovered(stored + gzip_member(frames(records), level=0)) == (2 * records, [])
    assert recovered(flip_bit(stored, len(stored) - 3))[0] == records


def test_records_that_go_on_in_the_next_member_are_found_again() -> None:
    generator = np.random.default_rng(7)
    records = [b"%d|" % number + generator.bytes(3000) for number in range(100)]
    stored = frames(records)
    parts = [gzip_member(stored[at : at + 50_000]) for at in range(0, len(stored), 50_000)]
    found, regions = recovered(b"".join([parts[0], flip_bit(parts[1], 100), *parts[2:]]))
    assert found[:16] == records[:16]
    assert found[-66:] == records[-66:]
    assert len(regions) >= 1


@pytest.mark.parametrize("compressed", [gzip_member, zlib_stream])
def test_what_inflates_before_the_damage_comes_back(compressed: Callable[[bytes], bytes]) -> None:
    generator = np.random.default_rng(8)
    records = [b"%d|" % number + generator.bytes(3000) for number in range(100)]
    stored = compressed(frames(records))
    found, regions = recovered(cut_at(stored, 150_000))
    assert found == records[: len(found)]
    assert len(found) >= 45
    assert len(regions) == 1


def test_damage_that_costs_no_byte_of_the_stream_is_an_empty_region() -> None:
    for damaged in (
        cut_at(gzip_member(STORED), -3),
        append_garbage(gzip_member(STORED)),
        append_garbage(zlib_stream(STORED)),
        flip_bit(gzip_member(STORED), -2),
    ):
        with pytest.raises(TFRecordError):
            list(TFRecordReader(io.BytesIO(damaged)))
        assert recovered(damaged) == (RECORDS, [(402, 402)])


def test_a_gzip_file_whose_first_bytes_are_gone_is_read_when_it_is_said_to_be_one() -> None:
    damaged = overwrite(gzip_member(STORED), 0, b"####") + gzip_member(STORED)
    assert recovered(damaged, compression_type="GZIP") == (2 * RECORDS, [(0, 0)])
    # And some of the data with them.
    damaged = overwrite(gzip_member(STORED), 0, b"#" * 30) + gzip_member(STORED)
    assert recovered(damaged, compression_type="GZIP") == (RECORDS, [(0, 0)])


@pytest.mark.parametrize("position", range(0, 90, 3))
def test_any_flip_in_a_small_gzip_file_is_survived(position: int) -> None:
    stored = gzip_member(frames([b"a", b"bb"])) + gzip_member(frames([b"ccc"])) + gzip_member(frames([b"d"]))
    found, regions = recovered(flip_bit(stored, position % len(stored), position % 8), compression_type="GZIP")
    assert set(found) <= {b"a", b"bb", b"ccc", b"d"}
    # Flips in a member's time, flags and file system change nothing.
    assert regions or found == [b"a", b"bb", b"ccc", b"d"]


# What the search is made of.


@pytest.mark.parametrize("longest", [0, 5, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("alignment", range(4))
def test_headers_are_found_at_every_place_and_nowhere_else(longest: int, alignment: int) -> None:
    generator = np.random.default_rng(alignment)
    data = bytearray(generator.bytes(alignment))
    for length in [0, 1, 255, 256, 65535, 65536, 2**24, 2**31, 2**32 - 1, 2**32, 2**63, *range(50)]:
        data += header(length) + generator.choice([b"", b"#", bytes(1), bytes(9), bytes(30), generator.bytes(7)])
    for pattern in (bytes(5000), b"\xff" * 5000, np.arange(500).tobytes(), generator.bytes(5000)):
        data += pattern + header(3)
    plain = [
        (at, length)
        for at in range(len(data) - 11)
        for length in struct.unpack_from("<Q", data, at)
        if length <= longest and encode_header(length) == data[at : at + 12]
    ]
    positions, lengths = find_headers(bytes(data), longest)
    assert list(zip(positions.tolist(), lengths.tolist(), strict=True)) == plain


def test_a_sound_frame_that_goes_on_across_a_place_is_found() -> None:
    data = b"before" + frame(b"record") + frame(b"other")
    begin, end = 6, 6 + 16 + len(b"record")
    across = [place for place in range(len(data) + 1) if sound_across(data, place)[0]]
    assert across == [*range(begin + 1, end - 3), *range(end + 1, len(data) - 3)]
    assert not any(sound_across(flip_bit(data, begin + 14), place)[0] for place in range(end))
    assert sound_across(data, begin + 1) == (True, end - begin)
    assert sound_across(flip_bit(data, begin + 14), begin + 1) == (False, end - begin)
    assert sound_across(data[: end - 1], begin + 1) == (False, 0)


def test_no_header_of_a_short_record_goes_on_with_zeros() -> None:
    # What `find_headers` relies on where there are many zeros.
    assert all(encode_header(length)[8:11] != bytes(3) for length in range(256))
    assert encode_header(0)[8:10] != bytes(2)


@pytest.mark.parametrize("length", [0, 1, 255, 2**16, 123_456_789, 2**32 - 1])
def test_either_half_of_a_header_tells_the_length(length: int) -> None:
    sound = header(length)
    assert stated_lengths(sound) == [length]
    for position in range(96):
        assert length in stated_lengths(flip_bit(sound, position // 8, position % 8))


# Properties. Payloads begin with a number of their own, so that no two frames are equal.

RANDOM_RECORDS = st.lists(
    st.one_of(st.binary(max_size=30), st.sampled_from([0, 1, 4, 6, 20, 200, 3000]).map(lambda size: bytes(size))),
    min_size=1,
    max_size=12,
).map(lambda payloads: [b"%02d" % number + payload for number, payload in enumerate(payloads)])
VERBS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "overwrite", "delete", "insert", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.integers(1, 40), st.sampled_from([18, 22, 36, 777])),
        st.sampled_from([b"#", b"\0", b"\xff", b"garbage"]),
    ),
    min_size=1,
    max_size=5,
)


def damaged_by(data: bytes, verbs: list[tuple[str, float, int, bytes]]) -> bytes:
    for verb, place, size, pattern in verbs:
        position = int(place * len(data))
        garbage = (pattern * size)[:size]
        if verb == "flip" and data:
            data = flip_bit(data, position, size % 8)
        elif verb == "overwrite":
            data = overwrite(data, position, garbage[: len(data) - position])
        elif verb == "delete":
            data = delete_range(data, position, position + size)
        elif verb == "insert":
            data = insert_at(data, position, garbage)
        elif verb == "cut":
            data = cut_at(data, position)
    return data


def whole_frames(records: list[bytes], damaged: bytes) -> list[bytes]:
    """The oracle: wherever the bytes of a whole frame stand."""
    found = sorted((damaged.find(frame(record)), record) for record in records)
    return [record for position, record in found if position >= 0]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(RANDOM_RECORDS, VERBS)
def test_exactly_the_undamaged_records_come_back(
    records: list[bytes], verbs: list[tuple[str, float, int, bytes]]
) -> None:
    damaged = damaged_by(frames(records), verbs)
    regions: list[SkippedRegion] = []
    reader = TFRecordReader(io.BytesIO(damaged), "", recovery=regions.append)
    found = list(reader)
    assert found == whole_frames(records, damaged)
    # Records and regions cover the file, without overlap.
    assert sum(len(record) + 16 for record in found) + sum(region.size for region in regions) == len(damaged)
    assert all(before.end <= after.begin for before, after in pairwise(regions))
    assert reader.offset == len(damaged)
    assert reader.record_number == len(found)


def test_empty_records_of_a_large_file_come_back(tmp_path: Path) -> None:
    records = [b"12345678", *[b""] * (3 * BLOCK_SIZE // 16), *[b"%d" % number for number in range(5000)]]
    path = tmp_path / "damaged"
    path.write_bytes(flip_bit(frames(records), 12))
    assert recovered(path.read_bytes()) == (records[1:], [(0, 24)])
    assert list(read_records(path, recovery=lambda region: None)) == records[1:]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(RANDOM_RECORDS, st.integers(1, 4), st.sampled_from([0, 6]), VERBS.map(lambda verbs: verbs[:1]))
def test_all_records_of_undamaged_gzip_members_come_back(
    records: list[bytes], per_member: int, level: int, verbs: list[tuple[str, float, int, bytes]]
) -> None:
    parts = members(records, per_member, level)
    damaged = damaged_by(b"".join(parts), verbs)
    found, _ = recovered(damaged, compression_type="GZIP")
    left = [
        record
        for number, part in enumerate(parts)
        if part in damaged
        for record in records[number * per_member : (number + 1) * per_member]
    ]
    # In a damaged member, the references of deflate may give a record once more.
    assert set(left) <= set(found) <= set(records)
    assert [record for record in found if record in left] == left or len(found) > len(set(found))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_any_bytes_are_passed_over_without_an_error(data: bytes) -> None:
    for compression_type in (None, "", "GZIP", "ZLIB"):
        recovered(data, compression_type=compression_type)


# What it costs.

HOSTILE = {
    "zeros": bytes(1 << 20),
    "0xff": b"\xff" * (1 << 20),
    "headers that lie about megabytes": header(50 << 20) * 20_000,
    "headers that lie about kilobytes": header(5000) * 20_000,
    "headers that all lead to the end": b"".join(encode_header(12 * left) for left in range(20_000, 1, -1)),
    "lying headers between records": (frame(b"true") + header(1 << 20) + b"#") * 5_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_looked_at_in_vain_is_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, looked_at = HOSTILE[name], 0
    crc = Window.crc

    def counted(window: Window, begin: int, end: int) -> int:
        nonlocal looked_at
        looked_at += end - begin
        return crc(window, begin, end)

    monkeypatch.setattr(Window, "crc", counted)
    found, _ = recovered(data, compression_type="", max_record_size=1 << 20)
    if "records" in name:
        assert len(found) > 4_900
    assert looked_at <= (1 << 20) + 17 * len(data)


@pytest.mark.parametrize("damaged", ["nothing", "the record before it", "the long record"])
def test_a_long_record_is_held_once_beside_itself(tmp_path: Path, damaged: str) -> None:
    size = 64 << 20
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"short")
        writer.write(bytes(size - 1) + b"\x01")  # zeros may be of lengths: they are looked at closely
        writer.write(b"last")
    if damaged != "nothing":
        with open(tmp_path / "a", "r+b") as file:
            file.seek(12 if damaged == "the record before it" else 1000)
            file.write(b"!")
    lengths: list[int] = []
    tracemalloc.start()
    try:
        for record in TFRecordReader(tmp_path / "a", recovery=lambda region: True):
            lengths.append(len(record))
            if len(record) == size:
                beside = tracemalloc.get_traced_memory()[0] - size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    expected = {"nothing": [5, size, 4], "the record before it": [size, 4], "the long record": [5, 4]}[damaged]
    assert lengths == expected
    # Bytes whose number is not known to be true are asked for in pieces of 16 MiB.
    assert peak < 2 * size + (20 << 20)
    assert size not in lengths or beside < 2 << 20


@pytest.mark.skipif(not HAS_PROC, reason="this system does not say how much memory is used")
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_memory_does_not_grow_with_what_is_passed_over(tmp_path: Path, compression: str) -> None:
    script = f"""{MEMORY}
import sys
from tfrecord_lite import TFRecordReader, TFRecordWriter
from tfrecord_lite.files.options import as_options
from tfrecord_lite.files.streams import open_sink
from tfrecord_lite.format.framing import encode_footer, encode_header
sink = open_sink(sys.argv[1], as_options(sys.argv[2]), False)
frame = encode_header(4) + b"true" + encode_footer(b"true")
for filling in (bytes(1 << 20), encode_header(1 << 20) + bytes(1 << 20), b"x" * (1 << 20)):
    for _ in range(100):
        sink.write([filling])
    sink.write([frame])
sink.close()
list(TFRecordReader(sys.argv[1], sys.argv[2], recovery=lambda region: False))
before = peak()
found = list(TFRecordReader(sys.argv[1], sys.argv[2], max_record_size=4 << 20, recovery=lambda region: True))
assert found == [b"true"] * 3, len(found)
print(peak() - before)
"""
    assert int(python_output(script, tmp_path / "a", compression)) < 40 << 20


def test_recovery_reads_a_pipe_in_bounded_memory_and_order() -> None:
    read, write = os.pipe()
    records = [b"%d" % number * 10 for number in range(20_000)]
    damaged = [flip_bit(frame(b"lost"), 14) if number % 1000 == 999 else b"" for number in range(20_000)]

    def feed() -> None:
        with os.fdopen(write, "wb") as target:
            for record, garbage in zip(records, damaged, strict=True):
                target.write(encode_header(len(record)) + record + encode_footer(record) + garbage)

    thread = threading.Thread(target=feed)
    thread.start()
    regions: list[SkippedRegion] = []
    with os.fdopen(read, "rb") as source:
        assert list(TFRecordReader(source, recovery=regions.append)) == records
    thread.join()
    assert [region.size for region in regions] == [20] * 20
