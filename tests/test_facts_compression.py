"""Compression, row by row: what TensorFlow does with GZIP and ZLIB files, and what we do."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import (
    HAS_PROC,
    MEMORY,
    Outcome,
    append_garbage,
    collect,
    cut_at,
    flip_bit,
    frame,
    frames,
    gzip_member,
    gzip_member_of_size,
    header,
    inflated_prefix,
    python_output,
    raw_deflate,
    theirs,
    theirs_v1,
    zlib_stream,
)

import tfrecord_lite as tfr

tf = pytest.importorskip("tensorflow")

RECORDS = [b"first", b"", b"third SECRETPAYLOAD", bytes(range(70)), b"z" * 200]
PLAIN = frames(RECORDS)
ENDS = [21, 37, 72, 158, 374]
GZIP = gzip_member(PLAIN)
ZLIB = zlib_stream(PLAIN)
WBITS = {"GZIP": 31, "ZLIB": 15}
WHOLE = {"GZIP": GZIP, "ZLIB": ZLIB}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    path = tmp_path / "some.tfrecord"

    def write_bytes(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    return write_bytes


def ours(source: Any, compression_type: str | None = None) -> Outcome:
    return collect(tfr.read_records(source, compression_type=compression_type), tfr.TFRecordError)


def records_within(plain: bytes) -> list[bytes]:
    """The records that lie whole in a prefix of PLAIN."""
    return [record for record, end in zip(RECORDS, ENDS, strict=True) if end <= len(plain)]


def check_error(error: Exception | None, kind: type[Exception] | tuple[type[Exception], ...], path: Path) -> None:
    assert isinstance(error, kind), repr(error)
    assert isinstance(error, tfr.TFRecordError)
    assert str(error).startswith(f"{path}: ")
    assert "SECRET" not in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def is_prefix(records: list[bytes], of: list[bytes]) -> bool:
    return records == of[: len(records)]


# What is written.


def same_zlib(compression_type: str, tmp_path: Path) -> bool:
    """Whether TensorFlow's zlib makes the bytes that Python's does (zlib-ng and chromium's differ)."""
    probe = tmp_path / "probe"
    generator = random.Random(1)
    record = bytes(generator.choices(range(97, 107), k=5000))
    with tf.io.TFRecordWriter(str(probe), compression_type) as writer:
        writer.write(record)
    deflate = zlib.compressobj(-1, zlib.DEFLATED, WBITS[compression_type], 9)
    return probe.read_bytes() == deflate.compress(frame(record)) + deflate.flush()


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
@pytest.mark.parametrize("count", [0, 1, 5, 3000])
def test_our_output_is_tensorflows(compression_type: str, count: int, tmp_path: Path) -> None:
    generator = random.Random(count)
    records = [bytes(generator.choices(b"abcdefgh", k=generator.randrange(400))) for _ in range(count)]
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name), compression_type) as writer:
            for record in records:
                writer.write(record)
    our_bytes, their_bytes = (tmp_path / "ours").read_bytes(), (tmp_path / "theirs").read_bytes()
    assert zlib.decompress(our_bytes, WBITS[compression_type]) == frames(records)
    assert zlib.decompress(their_bytes, WBITS[compression_type]) == frames(records)
    if same_zlib(compression_type, tmp_path):
        assert our_bytes == their_bytes
    assert theirs(tmp_path / "ours", compression_type) == (records, None)
    for given in (compression_type, None):
        assert ours(tmp_path / "theirs", given) == (records, None)


def test_gzip_header_has_no_time_no_name_and_os_3(tmp_path: Path) -> None:
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name), "GZIP") as writer:
            writer.write(b"x")
        assert (tmp_path / name).read_bytes()[:10] == bytes.fromhex("1f8b0800000000000003")


@pytest.mark.parametrize("given", ["gzip", "Gzip", "zlib", "GZ", "ZLIB ", "NONE", "none", "BZ2", "0"])
def test_unknown_compression_type_is_silently_none_in_tensorflow_and_a_value_error_here(
    given: str, write: Callable[[bytes], Path], tmp_path: Path
) -> None:
    path = write(PLAIN)
    assert list(tf.data.TFRecordDataset(str(path), given).as_numpy_iterator()) == RECORDS
    for attempt in (
        lambda: tfr.TFRecordReader(path, given),
        lambda: list(tfr.read_records(path, compression_type=given)),
        lambda: tfr.TFRecordWriter(tmp_path / "new", given),
    ):
        with pytest.raises(ValueError):
            attempt()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_our_writer_never_puts_an_empty_member_first(compression_type: str, tmp_path: Path) -> None:
    """A flush before the first record, and none at all, must not leave TensorFlow blind to what follows."""
    path = tmp_path / "flushed"
    with tfr.TFRecordWriter(path, compression_type) as writer:
        writer.flush()
        writer.write(b"one")
        writer.flush()
        writer.flush()
        writer.write(b"two")
    assert theirs(path, compression_type) == ours(path) == ([b"one", b"two"], None)


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_file_without_records_is_read_by_both(compression_type: str, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    with tfr.TFRecordWriter(path, compression_type):
        pass
    assert theirs(path, compression_type) == ours(path) == ours(path, compression_type) == ([], None)


# Several members.

MEMBERS = {
    "two members": gzip_member(frames(RECORDS[:2])) + gzip_member(frames(RECORDS[2:])),
    "five members": b"".join(gzip_member(frame(record)) for record in RECORDS),
    "cut inside a record": gzip_member(PLAIN[:50]) + gzip_member(PLAIN[50:]),
    "cut inside a header": gzip_member(PLAIN[:25]) + gzip_member(PLAIN[25:]),
    "a member a byte": b"".join(gzip_member(PLAIN[at : at + 1]) for at in range(len(PLAIN))),
    "FEXTRA": gzip_member(PLAIN[:50], extra=b"AB\x04\0data") + gzip_member(PLAIN[50:], extra=b""),
    "FNAME": gzip_member(PLAIN, name=b"train.tfrecord"),
    "FCOMMENT": gzip_member(PLAIN, comment=b"no comment"),
    "FHCRC": gzip_member(PLAIN, header_crc=True),
    "all of them": gzip_member(PLAIN, extra=bytes(300), name=b"n", comment=b"c", header_crc=True),
    "FEXTRA of 65535 bytes": gzip_member(PLAIN, extra=bytes(65535)),
    "stored": gzip_member(PLAIN, level=0),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_gzip_members_and_header_fields_are_read_by_both(kind: str, write: Callable[[bytes], Path]) -> None:
    path = write(MEMBERS[kind])
    assert theirs(path, "GZIP") == (RECORDS, None)
    assert ours(path) == ours(path, "GZIP") == (RECORDS, None)


EMPTY = gzip_member(b"")
EMPTY_MEMBERS = {
    "first": (EMPTY + GZIP, 0),
    "two first": (EMPTY + EMPTY + GZIP, 0),
    "between": (gzip_member(frames(RECORDS[:2])) + EMPTY + gzip_member(frames(RECORDS[2:])), 2),
    "first, with FEXTRA": (gzip_member(b"", extra=b"pad") + GZIP, 0),
    "last": (GZIP + EMPTY, 5),
}


@pytest.mark.parametrize("kind", EMPTY_MEMBERS)
def test_empty_member_loses_what_follows_in_tensorflow_and_nothing_here(
    kind: str, write: Callable[[bytes], Path]
) -> None:
    data, left = EMPTY_MEMBERS[kind]
    path = write(data)
    assert theirs(path, "GZIP") == (RECORDS[:left], None)
    assert ours(path) == ours(path, "GZIP") == (RECORDS, None)


def test_only_empty_members_are_no_records(write: Callable[[bytes], Path]) -> None:
    path = write(EMPTY * 3)
    assert theirs(path, "GZIP") == ours(path) == ours(path, "GZIP") == ([], None)


BLOCK = 262144
FILLER = frames([random.Random(7).randbytes(4000)]) * 60
FILLER_COUNT = 60


@pytest.mark.parametrize("past", range(-1, 11))
def test_member_ending_just_past_262144_loses_the_rest_in_tensorflow_only(
    past: int, write: Callable[[bytes], Path]
) -> None:
    first = gzip_member_of_size(FILLER, BLOCK + past)
    path = write(first + GZIP)
    records, error = theirs(path, "GZIP")
    assert error is None
    assert len(records) == FILLER_COUNT + (0 if 1 <= past <= 8 else len(RECORDS))
    records, error = ours(path)
    assert error is None
    assert len(records) == FILLER_COUNT + len(RECORDS)
    assert records[FILLER_COUNT:] == RECORDS


def test_member_ending_just_past_262144_before_a_long_file_is_read_by_both(
    write: Callable[[bytes], Path],
) -> None:
    first = gzip_member_of_size(FILLER, BLOCK + 4)
    path = write(first + gzip_member(FILLER * 2, level=0))
    for records, error in (theirs(path, "GZIP"), ours(path)):
        assert error is None
        assert len(records) == 3 * FILLER_COUNT


# Cuts.


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_cut_at_every_byte_gives_the_good_records_then_truncated(
    compression_type: str, write: Callable[[bytes], Path]
) -> None:
    """TensorFlow ends silently wherever the cut falls on a record's end or within a header."""
    whole = WHOLE[compression_type]
    silent = 0
    for cut in range(2, len(whole)):
        path = write(cut_at(whole, cut))
        plain, ended = inflated_prefix(whole[:cut], WBITS[compression_type])
        assert not ended
        good = records_within(plain)
        their_records, their_error = theirs_v1(path, compression_type)
        assert their_records == good
        over = len(plain) - (ENDS[len(good) - 1] if good else 0)
        assert (their_error is None) == (over < 12)
        silent += their_error is None
        for given in (compression_type, None):
            records, error = ours(path, given)
            assert records == good, (cut, given)
            check_error(error, tfr.TruncatedRecordError, path)
    assert silent > 8


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_a_file_of_no_bytes_is_one_of_no_records_whatever_its_compression(
    compression_type: str, write: Callable[[bytes], Path]
) -> None:
    path = write(b"")
    assert theirs_v1(path, compression_type) == ([], None)
    assert ours(path, compression_type) == ours(path, None) == ([], None)
    assert list(tfr.read_records(io.BytesIO(b""), compression_type)) == []
    assert tfr.count_records(path, compression_type) == 0
    (report,) = tfr.verify(path, compression_type).files
    assert (report.error, report.records) == (None, 0)
    with tfr.RecordSource(path) as source:  # which takes no type
        assert len(source) == 0
    skipped: list[Any] = []
    assert list(tfr.read_records(path, compression_type, recovery=skipped.append)) == skipped == []
    if compression_type == "GZIP":
        with tfr.TFRecordWriter(path, compression_type, mode="a") as writer:
            writer.write(b"a")
        assert ours(path, compression_type) == ([b"a"], None)


def test_cut_in_every_byte_of_the_second_member_keeps_the_first(write: Callable[[bytes], Path]) -> None:
    first = gzip_member(frames(RECORDS[:3]))
    second = gzip_member(frames(RECORDS[3:]))
    for cut in range(1, len(second)):
        path = write(first + second[:cut])
        good = RECORDS[:3] + [
            record
            for record, end in ((RECORDS[3], 86), (RECORDS[4], 302))
            if end <= len(inflated_prefix(second[:cut], 31)[0])
        ]
        records, error = ours(path)
        assert records == good
        check_error(error, tfr.TruncatedRecordError, path)


def test_members_whose_records_are_cut_short_are_truncated(write: Callable[[bytes], Path]) -> None:
    """Sound compression of a plain stream that ends inside a record."""
    for cut in range(1, len(PLAIN)):
        if cut in ENDS:
            continue
        for compressed in (gzip_member(PLAIN[:cut]), zlib_stream(PLAIN[:cut])):
            path = write(compressed)
            records, error = ours(path)
            assert records == records_within(PLAIN[:cut])
            check_error(error, tfr.TruncatedRecordError, path)
            assert error.offset == ([0, *ENDS][len(records)])  # type: ignore[union-attr]


# Trailing bytes.


@pytest.mark.parametrize("garbage", [b"garbage", b"\x1f", b"\x1f\x8b", b"\x1f\x8c" + bytes(30), frame(b"plain")])
def test_gzip_with_trailing_garbage_is_an_error(garbage: bytes, write: Callable[[bytes], Path]) -> None:
    path = write(append_garbage(GZIP, garbage))
    their_records, their_error = theirs(path, "GZIP")
    assert their_records == RECORDS
    if garbage[:2] != b"\x1f\x8b"[: len(garbage)]:
        assert isinstance(their_error, tf.errors.DataLossError)
    for given in ("GZIP", None):
        records, error = ours(path, given)
        assert records == RECORDS
        check_error(error, tfr.TFRecordError, path)


def test_gzip_with_trailing_zeros_gives_every_record_and_at_most_our_error(
    write: Callable[[bytes], Path],
) -> None:
    for count in (1, 9, 600):
        path = write(GZIP + bytes(count))
        records, error = ours(path)
        assert records == RECORDS
        if error is not None:
            check_error(error, tfr.TFRecordError, path)


@pytest.mark.parametrize(
    "rest",
    [ZLIB, zlib_stream(frame(b"lost")), b"garbage", b"\0", PLAIN, GZIP],
    ids=["the same again", "another stream", "garbage", "one zero", "plain", "gzip"],
)
def test_bytes_behind_a_zlib_stream_are_ignored_by_tensorflow_and_an_error_here(
    rest: bytes, write: Callable[[bytes], Path]
) -> None:
    path = write(ZLIB + rest)
    assert theirs(path, "ZLIB") == (RECORDS, None)
    for given in ("ZLIB", None):
        records, error = ours(path, given)
        assert records == RECORDS
        check_error(error, tfr.TFRecordError, path)


# Flips.


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
@pytest.mark.parametrize("bit", [0, 4])
def test_flip_in_the_checksum_or_size_is_corrupted(
    compression_type: str, bit: int, write: Callable[[bytes], Path]
) -> None:
    whole = WHOLE[compression_type]
    for position in range(len(whole) - (8 if compression_type == "GZIP" else 4), len(whole)):
        path = write(flip_bit(whole, position, bit))
        assert isinstance(theirs_v1(path, compression_type)[1], tf.errors.DataLossError)
        for given in (compression_type, None):
            records, error = ours(path, given)
            assert is_prefix(records, RECORDS)
            check_error(error, tfr.CorruptRecordError, path)


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_flip_in_every_byte_gives_true_records_and_an_error(
    compression_type: str, write: Callable[[bytes], Path]
) -> None:
    """Harmless only where zlib finds nothing wrong: in gzip's time, XFL and OS, and in deflate's padding."""
    whole = WHOLE[compression_type]
    for position in range(len(whole)):
        for bit in range(8):
            data = flip_bit(whole, position, bit)
            path = write(data)
            records, error = ours(path, compression_type)
            assert is_prefix(records, RECORDS), (position, bit)
            if inflated_prefix(data, WBITS[compression_type]) == (PLAIN, True):
                assert (records, error) == (RECORDS, None)
            elif zlib_sees_damage(data, compression_type):
                check_error(error, tfr.CorruptRecordError, path)
            else:
                check_error(error, (tfr.CorruptRecordError, tfr.TruncatedRecordError), path)


def zlib_sees_damage(data: bytes, compression_type: str) -> bool:
    """As against a stream that would go on where the file ends."""
    try:
        zlib.decompressobj(WBITS[compression_type]).decompress(data)
    except zlib.error:
        return True
    return False


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_flip_in_every_byte_of_the_body_is_data_loss_in_tensorflow(
    compression_type: str, write: Callable[[bytes], Path]
) -> None:
    whole = WHOLE[compression_type]
    for position in range(10 if compression_type == "GZIP" else 2, len(whole) - 12):
        path = write(flip_bit(whole, position, 4))
        assert isinstance(theirs_v1(path, compression_type)[1], tf.errors.DataLossError)


def test_flip_in_a_record_under_sound_compression_names_its_offset(write: Callable[[bytes], Path]) -> None:
    for compressed in (gzip_member(flip_bit(PLAIN, 60)), zlib_stream(flip_bit(PLAIN, 60))):
        path = write(compressed)
        records, error = ours(path)
        assert records == RECORDS[:2]
        check_error(error, tfr.CorruptRecordError, path)
        assert (error.part, error.offset) == ("data", 37)  # type: ignore[union-attr]


def test_flipped_header_crc_is_corrupted(write: Callable[[bytes], Path]) -> None:
    whole = gzip_member(PLAIN, name=b"name", header_crc=True)
    path = write(flip_bit(whole, 11))
    assert isinstance(theirs(path, "GZIP")[1], tf.errors.DataLossError)
    records, error = ours(path, "GZIP")
    assert records == []
    check_error(error, tfr.CorruptRecordError, path)


# Compression of another kind.

WRONG = {
    "raw deflate as GZIP": (raw_deflate(PLAIN), "GZIP"),
    "raw deflate as ZLIB": (raw_deflate(PLAIN), "ZLIB"),
    "plain as GZIP": (PLAIN, "GZIP"),
    "plain as ZLIB": (PLAIN, "ZLIB"),
    "zlib as GZIP": (ZLIB, "GZIP"),
    "gzip as ZLIB": (GZIP, "ZLIB"),
    "gzip of gzip": (gzip_member(GZIP), "GZIP"),
    "zlib of gzip": (zlib_stream(GZIP), "ZLIB"),
    "gzip as plain": (GZIP, ""),
    "zlib as plain": (ZLIB, ""),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_compression_is_data_loss_there_and_corrupted_here(kind: str, write: Callable[[bytes], Path]) -> None:
    data, compression_type = WRONG[kind]
    path = write(data)
    their_records, their_error = theirs(path, compression_type)
    assert their_records == []
    assert isinstance(their_error, tf.errors.DataLossError)
    records, error = ours(path, compression_type)
    assert records == []
    check_error(error, tfr.CorruptRecordError, path)


@pytest.mark.parametrize(
    "data", [raw_deflate(PLAIN), gzip_member(GZIP), zlib_stream(GZIP)], ids=["raw", "gz gz", "z gz"]
)
def test_unreadable_compression_is_corrupted_when_recognised_too(data: bytes, write: Callable[[bytes], Path]) -> None:
    path = write(data)
    records, error = ours(path)
    assert records == []
    check_error(error, tfr.CorruptRecordError, path)


# Recognising compression.


@pytest.mark.parametrize("length", [0x8B1F, 0x9C78, 0x0178, 0xDA78, 0x5E78, 0x088B1F])
def test_plain_file_whose_length_looks_like_magic_is_read_as_plain(length: int, tmp_path: Path) -> None:
    path = tmp_path / "looks"
    record = bytes(length)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(record)
        writer.write(b"after")
    start = path.read_bytes()[:2]
    assert start == b"\x1f\x8b" or (start[0] == 0x78 and (start[0] * 256 + start[1]) % 31 == 0)
    assert theirs(path) == ours(path) == ours(path, "") == ([record, b"after"], None)
    with path.open("rb") as stream:
        assert list(tfr.read_records(stream)) == [record, b"after"]


@pytest.mark.parametrize("level", range(-1, 10))
@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_compression_is_recognised_at_every_level(
    compression_type: str, level: int, write: Callable[[bytes], Path]
) -> None:
    deflate = zlib.compressobj(level, zlib.DEFLATED, WBITS[compression_type], 9)
    path = write(deflate.compress(PLAIN) + deflate.flush())
    assert ours(path) == (RECORDS, None)
    with path.open("rb") as stream:
        assert ours(stream) == (RECORDS, None)


def test_compression_is_recognised_by_content_not_by_name(tmp_path: Path) -> None:
    for name, data in (("plain.gz", PLAIN), ("gzip.tfrecord", GZIP), ("zlib.gz", ZLIB), ("gzip.zlib", GZIP)):
        (tmp_path / name).write_bytes(data)
        assert ours(tmp_path / name) == (RECORDS, None)


def test_files_of_different_compression_are_read_in_one_call(tmp_path: Path) -> None:
    paths = []
    for name, data in (("a", PLAIN), ("b", GZIP), ("c", ZLIB), ("d", b"")):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    assert ours(paths) == (RECORDS * 3, None)


def test_small_zlib_file_is_recognised(write: Callable[[bytes], Path]) -> None:
    for records in ([], [b""], [b"x"]):
        for data in (zlib_stream(frames(records)), gzip_member(frames(records))):
            assert ours(write(data)) == (records, None)


# Bombs.


@pytest.mark.skipif(not HAS_PROC, reason="reads /proc")
@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_many_records_of_zeros_stream_in_bounded_memory(compression_type: str, tmp_path: Path) -> None:
    """100 MB of records in a file of 100 to 400 kB."""
    count = 96 * 1024
    deflate = zlib.compressobj(1, zlib.DEFLATED, WBITS[compression_type], 9)
    chunk = frame(bytes(1024)) * 1024
    bomb, small = tmp_path / "bomb", tmp_path / "small"
    bomb.write_bytes(b"".join(deflate.compress(chunk) for _ in range(count // 1024)) + deflate.flush())
    small.write_bytes(WHOLE[compression_type])
    script = (
        MEMORY
        + """
import sys
import tfrecord_lite as tfr
assert len(list(tfr.read_records(sys.argv[1]))) == 5
before = peak()
print(sum(1 for _ in tfr.read_records(sys.argv[2])), peak() - before)
"""
    )
    read, grown = map(int, python_output(script, small, bomb).split())
    assert read == count
    assert grown < 32 << 20


@pytest.mark.skipif(not HAS_PROC, reason="reads /proc")
def test_one_huge_record_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    length = 256 << 20
    deflate = zlib.compressobj(1, zlib.DEFLATED, 31, 9)
    small, bomb, liar = tmp_path / "small", tmp_path / "bomb", tmp_path / "liar"
    small.write_bytes(GZIP)
    pieces = [deflate.compress(frame(b"good") + header(length))]
    pieces += [deflate.compress(bytes(1 << 20)) for _ in range(256)]
    bomb.write_bytes(b"".join(pieces) + deflate.flush())
    liar.write_bytes(gzip_member(frame(b"good") + header(2**40) + bytes(1000)))
    script = (
        MEMORY
        + """
import sys
import tfrecord_lite as tfr
small, bomb, liar = sys.argv[1:]
assert len(list(tfr.read_records(small))) == 5
limit(96 << 20)
before = peak()
for path, options in ((bomb, dict(max_record_size=1 << 20)), (liar, {})):
    records = iter(tfr.read_records(path, **options))
    assert next(records) == b"good"
    try:
        next(records)
    except (tfr.RecordTooLargeError, tfr.TruncatedRecordError) as error:
        print(type(error).__name__, error.offset)
print(peak() - before)
"""
    )
    first, second, grown = python_output(script, small, bomb, liar).splitlines()
    assert first == "RecordTooLargeError 20"
    assert second in ("RecordTooLargeError 20", "TruncatedRecordError 20")
    assert int(grown) < 32 << 20


@pytest.mark.skipif(not HAS_PROC, reason="reads /proc")
def test_endless_members_and_header_fields_take_bounded_memory(tmp_path: Path) -> None:
    """A name without an end, and a hundred thousand empty members."""
    small, name, members = tmp_path / "small", tmp_path / "name", tmp_path / "members"
    small.write_bytes(GZIP)
    name.write_bytes(b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"n" * (64 << 20))
    members.write_bytes(EMPTY * 100_000 + GZIP)
    script = (
        MEMORY
        + """
import sys
import tfrecord_lite as tfr
small, name, members = sys.argv[1:]
assert len(list(tfr.read_records(small))) == 5
before = peak()
try:
    print(list(tfr.read_records(name)))
except tfr.TFRecordError as error:
    print(type(error).__name__)
print(len(list(tfr.read_records(members))), peak() - before)
"""
    )
    first, second = python_output(script, small, name, members).splitlines()
    assert first in ("TruncatedRecordError", "CorruptRecordError")
    count, grown = map(int, second.split())
    assert count == len(RECORDS)
    assert grown < 32 << 20


def test_random_bytes_behind_a_magic_raise_nothing_but_our_errors(write: Callable[[bytes], Path]) -> None:
    generator = random.Random(5)
    for _ in range(400):
        magic = generator.choice(
            [b"\x1f\x8b\x08", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\x78\x9c", b"\x78\x01", b"\x1f\x8b"]
        )
        path = write(magic + generator.randbytes(generator.randrange(60)))
        for given in (None, "GZIP", "ZLIB", ""):
            records, error = ours(path, given)
            assert records == []
            assert isinstance(error, tfr.TFRecordError)


def test_isize_of_4_gib_is_corrupted_and_nothing_more(write: Callable[[bytes], Path]) -> None:
    """ISIZE says nothing about memory: the largest value it can hold is an error like any other false one."""
    path = write(GZIP[:-4] + struct.pack("<I", 2**32 - 1))
    records, error = ours(path)
    assert is_prefix(records, RECORDS)
    check_error(error, tfr.CorruptRecordError, path)
    assert os.path.getsize(path) == len(GZIP)
