"""A damaged header of a GZIP member or ZLIB stream, with sound data behind it: what it holds comes back."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from damage import cut_at, flip_bit, frames, gzip_member, overwrite, raw_deflate, zlib_stream
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.format.gzip_members import HEADER_SIZE, decode_header


class Kind(NamedTuple):
    """How a member is made, and how long its header is."""

    member: Callable[[bytes], bytes]
    header_size: int
    compression_type: str = "GZIP"


def seekable_member(content: bytes) -> bytes:
    """A member as TFRecordWriter writes it."""
    file = io.BytesIO()
    with tfr.TFRecordWriter(file, tfr.TFRecordOptions("GZIP", seekable=True)) as writer:
        for record in tfr.read_records(io.BytesIO(content)):
            writer.write(record)
    assert decode_header(file.getvalue()) is not None
    return file.getvalue()


NAME = b"train-00000-of-00010"
KINDS = {
    "plain": Kind(gzip_member, 10),
    "stored": Kind(partial(gzip_member, level=0), 10),
    "named": Kind(partial(gzip_member, name=NAME), 10 + len(NAME) + 1),
    "all fields": Kind(partial(gzip_member, extra=b"XY\2\0..", name=NAME, comment=b"none", header_crc=True), 46),
    "seekable": Kind(seekable_member, HEADER_SIZE),
    "zlib": Kind(zlib_stream, 2, "ZLIB"),
}


def records_of(seed: int, count: int = 20) -> list[bytes]:
    """Some that deflate makes smaller, some that it does not."""
    generator = np.random.default_rng(seed)
    return [b"%d|" % seed + generator.bytes(int(generator.integers(300))) + b"abc" * 30 for _ in range(count)]


def salvaged(data: bytes, compression_type: str = "GZIP") -> tuple[list[bytes], tfr.Salvage]:
    survivors = tfr.salvage(io.BytesIO(data), compression_type)
    return list(survivors), survivors


def flips(data: bytes, begin: int, size: int) -> Iterator[bytes]:
    for position in range(begin, begin + size):
        for bit in range(8):
            yield flip_bit(data, position, bit)


@pytest.mark.parametrize("name", KINDS)
def test_any_flipped_bit_in_the_header_of_a_file_of_one_member_costs_no_record(name: str) -> None:
    member, header_size, compression_type = KINDS[name]
    records = records_of(0)
    for damaged in flips(member(frames(records)), 0, header_size):
        assert salvaged(damaged, compression_type)[0] == records


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("name", [name for name in KINDS if name != "zlib"])
def test_any_flipped_bit_in_any_header_of_several_members_costs_no_record(name: str, count: int) -> None:
    member, header_size, _ = KINDS[name]
    parts = [records_of(seed, count) for seed in range(3)]
    members = [member(frames(part)) for part in parts]
    for number in range(3):
        begin = sum(map(len, members[:number]))
        for damaged in flips(b"".join(members), begin, header_size):
            assert salvaged(damaged)[0] == [record for part in parts for record in part]


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_one_damaged_header_costs_no_record_whatever_the_members_are(data: st.DataObject) -> None:
    kinds = st.sampled_from([kind for kind in KINDS.values() if kind.compression_type == "GZIP"])
    parts = data.draw(st.lists(st.lists(st.binary(max_size=300), min_size=1), min_size=1, max_size=4))
    chosen = [data.draw(kinds) for _ in parts]
    members = [kind.member(frames(part)) for kind, part in zip(chosen, parts, strict=True)]
    number = data.draw(st.integers(0, len(parts) - 1))
    position, bit = data.draw(st.integers(0, chosen[number].header_size - 1)), data.draw(st.integers(0, 7))
    members[number] = flip_bit(members[number], position, bit)
    found, survivors = salvaged(b"".join(members))
    assert found == [record for part in parts for record in part]
    assert survivors.bytes_lost <= 100  # what of a header passes for data


def test_several_damaged_headers_and_one_with_its_first_bytes_gone() -> None:
    parts = [records_of(seed) for seed in range(4)]
    members = [gzip_member(frames(part)) for part in parts]
    damaged = [flip_bit(members[0], 0), members[1][3:], flip_bit(members[2], 3, 4), overwrite(members[3], 0, b"#" * 10)]
    found, survivors = salvaged(b"".join(damaged))
    assert found == [record for part in parts for record in part]
    assert len(survivors.regions) == 4


@pytest.mark.parametrize("exponent", [8, 11])
def test_a_header_that_swallows_a_whole_member_hides_none(exponent: int) -> None:
    """The extra field seems to be longer by as much as a member is long: zlib goes on with the data of the next."""
    generator = np.random.default_rng(exponent)
    of_all_sizes = ([generator.bytes(size)] for size in range((1 << exponent) - 100, 1 << exponent))
    first = next(part for part in of_all_sizes if len(seekable_member(frames(part))) == 1 << exponent)
    parts = [first, *(records_of(seed) for seed in range(2))]
    damaged = flip_bit(b"".join(seekable_member(frames(part)) for part in parts), 10 + exponent // 8, exponent % 8)
    assert list(tfr.read_records(io.BytesIO(damaged))) == parts[1] + parts[2]  # zlib finds nothing wrong
    found, survivors = salvaged(damaged)
    assert found == [record for part in parts for record in part]
    assert not survivors.sound


def test_the_region_says_that_it_is_the_header_and_how_long_it_is() -> None:
    records = records_of(0)
    for damaged, compression_type, size, what in (
        (flip_bit(gzip_member(frames(records)), 1), "GZIP", 10, "the header of a member is damaged"),
        (flip_bit(seekable_member(frames(records)), 3, 6), "GZIP", 44, "the header of a member is damaged"),
        (flip_bit(zlib_stream(frames(records)), 1), "ZLIB", 2, "the header is damaged"),
    ):
        (region,) = salvaged(damaged, compression_type)[1].regions
        assert (region.begin, region.end, region.compressed_bytes) == (0, 0, size)
        assert region.reason == f"corrupted record at offset 0: compression: {compression_type}: {what}"
        (damage,) = tfr.verify(io.BytesIO(damaged), compression_type, regions=True).files[0].regions
        assert damage.reason == region.reason


def test_of_a_member_that_begins_inside_a_record_all_but_that_record_comes_back() -> None:
    records = records_of(0, 500)
    stored = frames(records)
    for size in (30_000, 60_000):
        parts = [gzip_member(stored[at : at + size]) for at in range(0, len(stored), size)]
        for number, position, bit in ((1, 0, 3), (1, 3, 4), (2, 2, 0)):
            damaged = [*parts]
            damaged[number] = flip_bit(parts[number], position, bit)
            found, _ = salvaged(b"".join(damaged))
            assert [record for record in records if record in found] == found
            assert len(found) == len(records) - 1


def test_damage_to_the_data_too_leaves_what_comes_before_it() -> None:
    records = records_of(0, 2000)
    stored = gzip_member(frames(records))
    for damaged in (cut_at(stored, len(stored) // 2), overwrite(stored, len(stored) // 2, b"#" * 100)):
        found, _ = salvaged(flip_bit(damaged, 0))
        assert found == salvaged(damaged)[0]
        assert 800 < len(found) < 1100


def test_damage_to_the_data_alone_gives_no_record_twice() -> None:
    records = records_of(0, 200)
    parts = frames(records), frames(records)[50:]
    for stored in [*map(gzip_member, parts), *map(partial(gzip_member, level=0), parts)]:
        for position in range(10, 9000, 970):
            found, _ = salvaged(flip_bit(stored, position, 3) + gzip_member(frames([b"last"])))
            assert len(set(found)) == len(found)
            assert [record for record in [*records, b"last"] if record in found] == found
    content = b"xyz" + frames(records[:2])  # as if something stood before the frames, and the trailer did not hold
    damaged = flip_bit(gzip_member(content, level=0), -1) + gzip_member(frames([b"last"]))
    assert salvaged(damaged)[0] == [*records[:2], b"last"]
    for position in range(2, 9000, 970):
        found, _ = salvaged(flip_bit(zlib_stream(parts[0]), position, 3), "ZLIB")
        assert len(set(found)) == len(found)
        assert [record for record in records if record in found] == found


def test_what_is_not_proven_is_not_taken_for_data() -> None:
    garbage = bytes(range(256)) * 20
    assert salvaged(garbage)[0] == []
    assert salvaged(garbage, "ZLIB")[0] == []
    # Sound deflate data whose trailer does not hold, and which begins with no frame.
    broken = b"#" * 10 + raw_deflate(b"no frame " * 5) + struct.pack("<II", 1, 2)
    found, survivors = salvaged(broken)
    assert (found, survivors.bytes_lost, survivors.compressed_bytes_lost) == (
        [],
        0,
        len(broken) - 1,
    )  # zlib takes one byte


def test_data_behind_a_header_longer_than_any_usual_one_is_not_looked_for() -> None:
    records = records_of(0)
    stored = gzip_member(frames(records), comment=b"c" * 2000)
    assert salvaged(stored)[0] == records
    found, survivors = salvaged(flip_bit(stored, 0) + gzip_member(frames([b"next"])))
    assert found == [b"next"]
    assert survivors.compressed_bytes_lost == len(stored) - 1  # zlib takes one byte


def test_a_member_in_the_extra_field_of_another_is_none() -> None:
    records = records_of(0)
    stored = gzip_member(frames(records), extra=gzip_member(frames([b"inner"])))
    found, survivors = salvaged(stored + gzip_member(frames([b"next"])))
    assert found == [*records, b"next"]
    assert survivors.sound


def test_every_header_of_many_may_be_damaged() -> None:
    records = [b"%d" % number for number in range(3000)]
    found, survivors = salvaged(b"".join(flip_bit(gzip_member(frames([record])), 2) for record in records))
    assert found == records
    assert survivors.bytes_lost == 0


def test_a_file_full_of_broken_headers_is_done_soon() -> None:
    broken = gzip_member(b"")[:-1] + b"#" * 600
    found, survivors = salvaged(broken * 3000 + gzip_member(frames([b"last"])))
    assert found == [b"last"]
    assert len(survivors.regions) == 1


@pytest.mark.parametrize("position", range(2, 12))
def test_the_message_about_a_file_that_is_not_recognised_does_not_rule_zlib_out(position: int) -> None:
    damaged = flip_bit(zlib_stream(frames(records_of(0, 200))), position, 4)
    survivors = tfr.salvage(io.BytesIO(damaged))
    list(survivors)
    if survivors.compression_type != "ZLIB":
        assert "(is this a TFRecord file, or damaged ZLIB data?)" in survivors.regions[0].reason


@pytest.mark.parametrize("name", KINDS)
def test_a_header_that_is_gone_or_all_zeros_costs_no_record(name: str) -> None:
    member, header_size, compression_type = KINDS[name]
    several = compression_type == "GZIP"
    for sizes in ([20, 20, 20], [1, 1, 1], [700, 700, 700]) if several else ([20], [1], [700]):
        parts = [records_of(seed, count) for seed, count in enumerate(sizes)]
        members = [member(frames(part)) for part in parts]
        for number in range(len(parts)):
            for header in (b"", bytes(header_size), bytes(300), b"\xff" * header_size):
                damaged = [*members]
                damaged[number] = header + members[number][header_size:]
                found, survivors = salvaged(b"".join(damaged), compression_type)
                assert found == [record for part in parts for record in part]
                assert survivors.bytes_lost == 0
                assert survivors.compressed_bytes_lost <= len(header)


def test_the_first_bytes_of_stored_data_behind_zeros_are_no_padding() -> None:
    content = frames(records_of(0, 700))
    compress = zlib.compressobj(0, zlib.DEFLATED, -15)
    flushed = compress.flush(zlib.Z_FULL_FLUSH) + compress.compress(content) + compress.flush()
    assert flushed.startswith(b"\0\0\0\xff\xff")
    trailer = struct.pack("<II", zlib.crc32(content), len(content))
    for zeros in (0, 10, 100_000):
        found, survivors = salvaged(gzip_member(frames([b"first"])) + bytes(zeros) + flushed + trailer)
        assert found == [b"first", *records_of(0, 700)]
        assert survivors.compressed_bytes_lost == 0


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("count", [1, 2, 40, 512])
def test_bytes_that_came_into_a_header_or_before_it_cost_no_record(name: str, count: int) -> None:
    member, header_size, compression_type = KINDS[name]
    inserted = np.random.default_rng(count).bytes(count)
    records = records_of(0)
    stored = member(frames(records))
    for at in range(header_size):
        found, _ = salvaged(stored[:at] + inserted + stored[at:], compression_type)
        assert found == records


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
@pytest.mark.parametrize("fill", [b"A", b"B", b"C", b"E", b""])
def test_stored_data_that_could_begin_a_byte_early_begin_where_they_do(compression_type: str, fill: bytes) -> None:
    """00 ff ff 00 00 begins a stored block, and so it does with a byte before it whose last bits are zeros."""
    generator = np.random.default_rng(1)
    long = [fill * 70_000 if fill else generator.bytes(70_000) for _ in range(3)]
    records = [record for number in range(3) for record in (b"%d" % number, long[number])]
    content = frames(records)
    stored = raw_deflate(content, level=0)
    assert stored.startswith(b"\0\xff\xff\0\0")
    if compression_type == "ZLIB":
        damaged = b"\x78\0" + stored + struct.pack(">I", zlib.adler32(content))
    else:
        damaged = b"########\0\0" + stored + struct.pack("<II", zlib.crc32(content), len(content))
    assert salvaged(damaged, compression_type)[0] == records


def test_a_member_that_begins_inside_a_record_and_could_begin_a_byte_early_begins_where_it_does() -> None:
    generator = np.random.default_rng(1)
    records = [b"B" * 300_000, *(generator.bytes(20_000) for _ in range(40))]
    stored = frames(records)
    for at in (200_000, 290_000):
        damaged = b"########\0\0" + gzip_member(stored[at:], level=0)[10:]
        found, _ = salvaged(gzip_member(stored[:at]) + damaged)
        assert found == records[1:]


@pytest.mark.parametrize("fill", [b"B", b""])
@pytest.mark.parametrize("damage", ["a byte more", "a byte less", "the first byte of the data gone"])
def test_a_header_that_still_passes_but_ends_elsewhere_costs_no_record(damage: str, fill: bytes) -> None:
    generator = np.random.default_rng(1)
    long = [fill * 70_000 if fill else generator.bytes(70_000) for _ in range(3)]
    parts = [
        [record for number in range(3) for record in (b"%d%d" % (part, number), long[number])] for part in range(3)
    ]
    before, member, after = (gzip_member(frames(part), level=0, extra=b"12345678") for part in parts)
    header_size = 20
    assert member[header_size:].startswith(b"\0\xff\xff\0\0")
    if damage == "a byte more":
        damaged = member[:header_size] + b"\0" + member[header_size:]
    elif damage == "a byte less":
        damaged = overwrite(member, 10, b"\7\0" + b"1234567\0")
    else:  # codes that are fixed go on wherever one ends
        content = frames(parts[1])
        compress = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_FIXED)
        data = compress.compress(content) + compress.flush()
        damaged = gzip_member(b"")[:9] + data + struct.pack("<II", zlib.crc32(content), len(content))
    assert salvaged(before + damaged + after)[0] == [record for part in parts for record in part]


def test_sound_members_that_begin_inside_a_record_are_given_as_they_are() -> None:
    """One of them begins with what would be the beginning of a member with a damaged header."""
    inner = zlib_stream(frames([b"inner", b"inner, too"]))
    records = [b"x" * 5000 + inner + bytes(5000), *records_of(0, 200)]
    stored = frames(records)
    for at in (5012 - 3, 5012, 5012 + 2, 7000):
        for level in (0, 6):
            members = gzip_member(stored[:at], level=level) + gzip_member(stored[at:], level=level)
            found, survivors = salvaged(members)
            assert (found, survivors.sound) == (records, True)
            found, survivors = salvaged(flip_bit(members, len(members) - 8000, 3))
            assert b"inner" not in found


def test_a_search_is_bounded_whatever_inflates() -> None:
    """Zeros between: every member could begin at many places, of which each gives a thousand times as much."""
    big = raw_deflate(bytes(60_000_000))
    found, survivors = salvaged(b"".join([b"#" * 100 + big + b"#" * 8] * 20) + gzip_member(frames([b"last"])))
    assert found == [b"last"]
    assert not survivors.sound


def test_damage_to_the_data_of_a_member_that_begins_inside_a_record_does_not_cost_that_record() -> None:
    records = records_of(0, 400)
    stored = frames(records)
    for at in (5000, 20_000):
        for level in (0, 6):
            before, member = (gzip_member(part, level=level) for part in (stored[:at], stored[at:]))
            for position in (2000, 10_000, len(member) - 5000, len(member) - 1):
                found, survivors = salvaged(before + flip_bit(member, position, 3))
                whole = sum(end <= at + 1000 for end in np.cumsum([len(record) + 16 for record in records]))
                assert found[:whole] == records[:whole]
                assert not survivors.sound


def test_a_name_that_goes_on_into_the_data_of_the_last_member_costs_no_record() -> None:
    for number in range(150):  # in some a zero in the data ends the name, and what follows gives some bytes
        records = [b"%d" % number * 4, b"%d" % number]
        damaged = overwrite(gzip_member(frames(records), name=NAME), 10 + len(NAME), b"#")
        assert salvaged(damaged)[0] == records
