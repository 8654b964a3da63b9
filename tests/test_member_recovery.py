"""What can still be inflated of a damaged GZIP file: all up to the damage, and every whole member behind it."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from damage import cut_at, flip_bit, frames, gzip_member, zlib_stream
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
