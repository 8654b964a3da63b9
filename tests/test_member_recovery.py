"""What can still be inflated of a damaged GZIP file: all up to the damage, and every whole member behind it."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damage import cut_at, delete_range, flip_bit, frames, gzip_member, inflated_prefix, zlib_stream
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.files.member_recovery import ResumingInflateStream


def inflated(data: bytes, compression_type: str = "GZIP") -> tuple[bytes, list[int]]:
    """All that is given, and how many compressed bytes were passed over at each damage."""
    stream, found = ResumingInflateStream(io.BytesIO(data), compression_type), bytearray()
    passed: list[int] = []
    while True:
        try:
            while piece := stream.read(1000):
                found += piece
            return bytes(found), passed
        except tfr.TFRecordError:
            goes_on, count = stream.resume()
            passed.append(count)
            if not goes_on:
                return bytes(found), passed


PARTS = [np.random.default_rng(number).bytes(3000 + number) for number in range(4)]
MEMBERS = [gzip_member(part) for part in PARTS]


def test_what_is_sound_is_inflated_as_it_is() -> None:
    assert inflated(b"".join(MEMBERS)) == (b"".join(PARTS), [])
    assert inflated(b"".join(MEMBERS) + bytes(100)) == (b"".join(PARTS), [])
    assert inflated(zlib_stream(PARTS[0]), "ZLIB") == (PARTS[0], [])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3), st.data())
def test_members_that_are_whole_all_come_back(damaged: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(MEMBERS[damaged]) - 1))
    bit = data.draw(st.integers(0, 7))
    members = [*MEMBERS]
    members[damaged] = flip_bit(members[damaged], position, bit)
    found, _ = inflated(b"".join(members))
    assert found.startswith(b"".join(PARTS[:damaged]))
    assert found.endswith(b"".join(PARTS[damaged + 1 :]))


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("end", [5, 500, -1])
def test_a_member_that_was_cut_hides_none_behind_it(level: int, end: int) -> None:
    members = [gzip_member(part, level=level) for part in PARTS]
    data = members[0] + cut_at(members[1], end) + members[2] + members[3]
    found, passed = inflated(data)
    assert found.startswith(PARTS[0])
    assert found.endswith(PARTS[2] + PARTS[3])
    assert len(passed) == 1


def test_a_member_inside_a_stored_block_is_data() -> None:
    data = b"before" + MEMBERS[0] + b"behind"
    assert inflated(gzip_member(data, level=0) + MEMBERS[1]) == (data + PARTS[1], [])


def read(data: bytes) -> list[bytes]:
    """The records before the first error."""
    records: list[bytes] = []
    with contextlib.suppress(tfr.TFRecordError):
        records.extend(tfr.read_records(io.BytesIO(data), "GZIP"))
    return records


def members_of(records: list[bytes], ends: list[int]) -> list[bytes]:
    """Of the frames up to each of `ends`, and of the rest."""
    plain = frames(records)
    return [gzip_member(plain[begin:end]) for begin, end in zip([0, *ends], [*ends, len(plain)], strict=True)]


@pytest.mark.parametrize("ends", [[4, 60], [30, 60], [60], [13, 14, 27, 45]], ids=str)
@pytest.mark.parametrize("size", [1, 18])
def test_recovery_gives_no_less_than_reading_where_bytes_are_gone(ends: list[int], size: int) -> None:
    """From members that begin inside a frame: of their data, or of a trailer and of the next header at once."""
    data = b"".join(members_of([b"R0" + b"xyz" * 3, b"R1", b"R2", b"R3", b"R4"], ends))
    for at in range(len(data)):
        damaged = delete_range(data, at, at + size)
        plainly = read(damaged)
        assert list(tfr.salvage(io.BytesIO(damaged), "GZIP"))[: len(plainly)] == plainly, at


@pytest.mark.parametrize("member", [1, 2, 4])
@pytest.mark.parametrize("size", [999, 1000, 1009])
@pytest.mark.parametrize(("begin", "end"), [(-8, -5), (-8, 0), (-8, 10), (-3, 0), (-3, 10)])
def test_a_short_member_without_its_trailer_hides_no_record_of_its_own(
    size: int, member: int, begin: int, end: int
) -> None:
    """Nor is it taken for a part of a header that leads to the data of the next one, whose header is gone, too."""
    generator = np.random.default_rng(0)
    records = [b"%03d" % number + generator.bytes(53) for number in range(100)]
    members = members_of(records, list(range(size, 7200, size)))
    behind = sum(map(len, members[:member]))
    damaged = delete_range(b"".join(members), behind + begin, behind + end)
    found = list(tfr.salvage(io.BytesIO(damaged)))
    before = member * size // 72
    assert read(damaged) == records[:before]
    assert found in (records, records[:before] + records[before + 1 :])


def test_garbage_between_members_is_passed_over_and_counted() -> None:
    garbage = b"no \x1f\x8b\x08 member" * 10
    found, passed = inflated(MEMBERS[0] + garbage + MEMBERS[1])
    assert found == PARTS[0] + PARTS[1]
    assert sum(passed) == len(garbage)
    found, passed = inflated(MEMBERS[0] + garbage)
    assert (found, sum(passed)) == (PARTS[0], len(garbage))


def test_behind_long_garbage_the_next_member_is_found() -> None:
    garbage = bytes(range(1, 256)) * 2000
    found, passed = inflated(MEMBERS[0] + garbage + MEMBERS[1])
    assert (found, passed) == (PARTS[0] + PARTS[1], [len(garbage)])


def test_a_zlib_stream_has_no_next_member() -> None:
    stream = zlib_stream(PARTS[0])
    found, passed = inflated(flip_bit(stream, len(stream) - 1) + stream, "ZLIB")
    assert PARTS[0].startswith(found)
    assert len(passed) == 1
    found, passed = inflated(stream + b"more than a chunk" * 10_000, "ZLIB")
    assert (found, passed) == (PARTS[0], [170_000])
    assert zlib.decompress(stream) == PARTS[0]


@pytest.mark.parametrize("level", [0, 6])
def test_of_several_damaged_members_all_give_what_stands_before_the_damage(level: int) -> None:
    content = np.random.default_rng(9).bytes(100)
    members = [gzip_member(frames([b"%d" % number, content]), level=level) for number in range(4)]
    data = b"".join(flip_bit(member, -20) for member in members[:3]) + members[3]
    assert list(tfr.salvage(io.BytesIO(data))) == [b"0", b"1", b"2", b"3", content]


def bgzf(data: bytes) -> bytes:
    """Several members, the last of which is empty."""
    return b"".join(gzip_member(data[at : at + 500]) for at in range(0, len(data), 500)) + gzip_member(b"")


#: What records may hold that looks like members of the file.
BLOBS: dict[str, Callable[[bytes], bytes]] = {
    "random": gzip_member,
    "stored": lambda data: gzip_member(data, level=0),
    "several members": bgzf,
    "records": lambda data: gzip_member(frames([b"inner" + data, b"more"])),
    "records in records": lambda data: gzip_member(frames([gzip_member(frames([b"inner" + data]))]), level=0),
}


def records_with(blob: str, count: int, seed: int = 0) -> list[bytes]:
    generator = np.random.default_rng(seed)
    return [b"%d|%d" % (seed, number) + BLOBS[blob](generator.bytes(1000)) for number in range(count)]


def seekable_of(level: int) -> Callable[[bytes], bytes]:
    def member(content: bytes) -> bytes:
        file = io.BytesIO()
        with tfr.TFRecordWriter(file, tfr.TFRecordOptions("GZIP", seekable=True, compression_level=level)) as writer:
            for record in tfr.read_records(io.BytesIO(content)):
                writer.write(record)
        return file.getvalue()

    return member


MAKERS: dict[str, Callable[[bytes], bytes]] = {
    "stored": lambda content: gzip_member(content, level=0),
    "usual": gzip_member,
    "python": lambda content: gzip.compress(content, mtime=0),
    "seekable": seekable_of(-1),
    "seekable stored": seekable_of(0),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("blob", BLOBS)
@pytest.mark.parametrize("count", [1, 20])
def test_gzip_data_in_records_of_a_member_with_a_damaged_trailer_are_data(maker: str, blob: str, count: int) -> None:
    parts = [records_with(blob, count, seed) for seed in range(3)]
    members = [MAKERS[maker](frames(part)) for part in parts]
    for number in range(3):
        for position in (-8, -5, -4, -1):
            for behind in (b"", bytes(30)):
                damaged = [*members]
                damaged[number] = flip_bit(members[number], position) + behind
                found = list(tfr.salvage(io.BytesIO(b"".join(damaged))))
                assert found == [record for part in parts for record in part]


@pytest.mark.parametrize("blob", BLOBS)
def test_gzip_data_in_records_before_damage_to_the_data_are_data(blob: str) -> None:
    """The length of a stored block is damaged, or bytes of it are gone, or what is behind them."""
    parts = [records_with(blob, 60, 0), records_with(blob, 3, 1)]
    member, last = (gzip_member(frames(part), level=0) for part in parts)
    second_block = 10 + 5 + int.from_bytes(member[11:13], "little")
    assert second_block < len(member)
    for damaged in (
        flip_bit(member, second_block + 1),
        delete_range(member, second_block - 30, second_block - 25),
        delete_range(member, second_block - 5000, second_block - 4000),
        cut_at(member, second_block + 3),
    ):
        sound, _ = inflated_prefix(damaged, 31)
        before = [record for record in parts[0] if frames([record]) in sound]
        assert len(before) > 50
        for data, behind in ((damaged, []), (damaged + last, parts[1])):
            found = list(tfr.salvage(io.BytesIO(data)))
            assert [record for record in found if record in parts[0]] == before
            assert found[len(found) - len(behind) :] == behind


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("blob", BLOBS)
def test_a_member_that_was_cut_hides_none_behind_it_whatever_its_records_are(maker: str, blob: str) -> None:
    parts = [records_with(blob, count, seed) for seed, count in enumerate((20, 1, 30))]
    members = [MAKERS[maker](frames(part)) for part in parts]
    for end in range(1000, len(members[0]), 777):
        found = list(tfr.salvage(io.BytesIO(b"".join([cut_at(members[0], end), *members[1:]]))))
        assert found[-31:] == parts[1] + parts[2]


@pytest.mark.parametrize("size", range(1, 9))
def test_a_member_that_was_cut_in_its_trailer_hides_none_behind_it(size: int) -> None:
    parts = [[b"first"], [b"second"]]
    members = [gzip_member(frames(part)) for part in parts]
    assert list(tfr.salvage(io.BytesIO(cut_at(members[0], -size) + members[1]))) == [b"first", b"second"]


def test_of_a_long_record_of_gzip_data_all_comes_back_but_the_trailer() -> None:
    generator = np.random.default_rng(0)
    records = [b"short", generator.bytes(300_000) + gzip_member(b"inner")]
    for position in (-8, -1):
        assert list(tfr.salvage(io.BytesIO(flip_bit(gzip_member(frames(records), level=0), position)))) == records


def test_zeros_between_members_behind_a_member_that_was_cut_are_padding() -> None:
    parts = [[b"second" * 99], [np.random.default_rng(0).bytes(99)]]
    cut = cut_at(gzip_member(frames([bytes(1000)]), level=0), 40)  # its stored block goes on to the end of everything
    members = [gzip_member(frames(part)) for part in parts]
    assert list(tfr.salvage(io.BytesIO(cut + bytes(5).join(members)))) == parts[0] + parts[1]


def test_one_member_of_records_of_gzip_data_that_tensorflow_wrote_is_all_there_but_its_trailer(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    records = records_with("records", 20)
    path = tmp_path / "theirs"
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)) as writer:
        for record in records:
            writer.write(record)
    path.write_bytes(flip_bit(path.read_bytes(), -6))
    survivors = tfr.salvage(path)
    assert list(survivors) == records
    assert not survivors.sound
