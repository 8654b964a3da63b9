"""GZIP in members that say how long they are: every reader reads it, TensorFlow included, and it can be entered."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import random
import shutil
import struct
import subprocess
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from damage import (
    Outcome,
    collect,
    cut_at,
    flip_bit,
    frame,
    frames,
    gzip_member,
    gzip_member_of_size,
    theirs,
    theirs_v1,
)

import tfrecord_lite as tfr
from tfrecord_lite.files import inflate_ahead
from tfrecord_lite.files.deflate import MEMBER_SIZE, MembersSink
from tfrecord_lite.files.member_reader import MemberReader
from tfrecord_lite.files.members import find_members
from tfrecord_lite.files.sinks import ObjectSink
from tfrecord_lite.format import crc32c
from tfrecord_lite.format.gzip_members import BUFFER_SIZE, HEADER_SIZE, QUIET_SIZE, InputBuffer, decode_header

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

SEEKABLE = tfr.TFRecordOptions("GZIP", seekable=True)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def write(path: Path, records: list[bytes], options: object = SEEKABLE, flush: bool = False) -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
            if flush:
                writer.flush()
    return path


def mixed(count: int) -> list[bytes]:
    sizes = random.Random(3).choices([0, 3, 70, 5000, 33_000, 300_000], k=count)
    return [noise(size).translate(b"abcdefgh" * 32) for size in sizes]


# Every reader reads it.


@pytest.mark.parametrize("level", [-1, 0, 1, 9])
def test_every_gzip_reader_and_tensorflow_read_it(level: int, tmp_path: Path) -> None:
    records = mixed(60)
    options = tfr.TFRecordOptions("GZIP", seekable=True, compression_level=level)
    path = write(tmp_path / "a", records, options)
    plain = write(tmp_path / "b", records, "").read_bytes()
    assert gzip.decompress(path.read_bytes()) == plain
    assert list(tfr.read_records(path)) == records
    pytest.importorskip("tensorflow")
    assert theirs(path, "GZIP") == (records, None)
    if shutil.which("gzip"):
        assert subprocess.run(["gzip", "-dc"], input=path.read_bytes(), capture_output=True, check=True).stdout == plain


@pytest.mark.parametrize("how", ["write", "write_example", "write_columns"])
def test_members_are_bounded_and_begin_between_frames(how: str, tmp_path: Path) -> None:
    blobs = [noise(size % 3000, size) for size in range(1000)] + [noise(400_000), b"x", noise(MEMBER_SIZE)]
    with tfr.TFRecordWriter(tmp_path / "a", SEEKABLE) as writer:
        if how == "write_columns":
            writer.write_columns({"blob": blobs})
        for blob in blobs if how != "write_columns" else []:
            if how == "write":
                writer.write(tfr.encode_example({"blob": blob}))
            else:
                writer.write_example({"blob": blob})
    records = list(tfr.read_records(tmp_path / "a"))
    assert [tfr.decode_example(record)["blob"][0] for record in records] == blobs
    with MemberReader(tmp_path / "a") as reader:
        found = []
        for member in reader.members:
            content = io.BytesIO(reader.read(member.offset, member.size))
            held = list(tfr.read_records(content, ""))
            assert len(held) == member.records
            assert member.size <= MEMBER_SIZE or member.records == 1
            found += held
    assert found == records
    assert 5 < len(reader.members) < 20


def test_members_are_sound_by_themselves_and_carry_no_time(tmp_path: Path) -> None:
    data = write(tmp_path / "a", mixed(50)).read_bytes()
    with MemberReader(tmp_path / "a") as reader:
        for member in reader.members:
            stored = data[member.start : member.end]
            assert stored[4:8] == bytes(4)
            assert len(zlib.decompress(stored, 31)) == member.size


def test_file_without_records_is_one_member_of_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [])
    assert gzip.decompress(path.read_bytes()) == b""
    assert list(tfr.read_records(path)) == []
    with MemberReader(path) as reader:
        assert (reader.size, len(reader.members), reader.read(0, 10)) == (0, 1, b"")
    pytest.importorskip("tensorflow")
    assert theirs(path, "GZIP") == ([], None)


def test_flush_ends_a_member_and_what_was_flushed_is_read(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    with tfr.TFRecordWriter(tmp_path / "a", SEEKABLE) as writer:
        writer.flush()
        for number in range(5):
            writer.write(b"%d" % number)
            writer.flush()
            writer.flush()
            assert writer.writing_path is not None
            assert theirs_v1(writer.writing_path, "GZIP") == ([b"%d" % i for i in range(number + 1)], None)


@pytest.mark.parametrize("options", [("", True), ("ZLIB", True), (None, True)])
def test_only_gzip_can_be_seekable(options: tuple[str | None, bool]) -> None:
    with pytest.raises(ValueError, match="only GZIP"):
        tfr.TFRecordOptions(options[0], seekable=options[1])


# Where TensorFlow stops, measured.

FILLER = frames([noise(4000, 7)]) * 60


def predicted(path: Path) -> int:
    """Members that TensorFlow reads, by what `InputBuffer` knows."""
    buffer, size, count = InputBuffer(), path.stat().st_size, 0
    with path.open("rb") as stream:
        for _ in find_members(stream, buffer):
            count += 1
            if buffer.needed >= size:
                break
    return count


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("past", range(17))
def test_tensorflow_stops_where_a_stored_member_ends_just_past_its_buffer(
    past: int, blocks: int, tmp_path: Path
) -> None:
    pytest.importorskip("tensorflow")
    path = tmp_path / "a"
    path.write_bytes(gzip_member_of_size(FILLER * blocks, blocks * BUFFER_SIZE + past) + gzip_member(frame(b"next")))
    records, error = theirs_v1(path, "GZIP")
    assert error is None
    assert (records[-1] == b"next") == (predicted(path) == 2)
    # zlib ends some with an empty block, and then these 5 bytes give nothing either.
    is_quiet = 1 <= past <= (13 if blocks > 1 else 8)
    assert (records[-1] == b"next") == (not is_quiet)


@pytest.mark.parametrize("past", range(17))
def test_tensorflow_stops_within_the_end_of_block_code_too(past: int, tmp_path: Path) -> None:
    """The last bytes of deflated data give nothing either, so that the place is wider than the trailer."""
    pytest.importorskip("tensorflow")
    data = frames([bytes(random.Random(1).choices(range(256), range(256), k=50_000))]) * 5
    begin = gzip_member(data)
    flushed = zlib.compressobj(6, zlib.DEFLATED, 31, 9)
    other = flushed.compress(data) + flushed.flush(zlib.Z_PARTIAL_FLUSH) + flushed.flush()
    for member in (begin, other):
        pad = BUFFER_SIZE + past - len(member) - 2
        member = member[:3] + b"\x04" + member[4:10] + struct.pack("<H", pad) + bytes(pad) + member[10:]
        assert len(member) == BUFFER_SIZE + past
        path = tmp_path / "a"
        path.write_bytes(member + gzip_member(frame(b"next")))
        records, error = theirs_v1(path, "GZIP")
        assert error is None
        assert (records[-1] == b"next") == (predicted(path) == 2)
        assert predicted(path) == 2 or 1 <= past <= QUIET_SIZE
        assert predicted(path) == 1 or not 1 <= past <= 8


@pytest.mark.parametrize("more", [-1, 0, 1, 2])
def test_tensorflow_goes_on_where_the_file_is_longer_than_the_buffer(more: int, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    path = tmp_path / "a"
    first = gzip_member_of_size(FILLER, BUFFER_SIZE + 5)
    path.write_bytes(first + gzip_member_of_size(FILLER, 2 * BUFFER_SIZE - len(first) + more))
    records, error = theirs_v1(path, "GZIP")
    assert error is None
    assert len(records) == (120 if more > 0 else 60)
    assert predicted(path) == (2 if more > 0 else 1)


@pytest.mark.parametrize("seed", range(40))
def test_what_tensorflow_reads_of_any_members_is_foretold(seed: int, tmp_path: Path) -> None:
    """Members of all sizes, empty ones, ends near where a buffer ends, and what that does to later ones."""
    pytest.importorskip("tensorflow")
    generator = random.Random(seed)
    data, counts = b"", []
    for _ in range(generator.randrange(2, 7)):
        kind = generator.randrange(5)
        buffer = InputBuffer()
        if data:
            with io.BytesIO(data) as stream:
                list(find_members(stream, buffer))
        if kind == 0:
            data, count = data + gzip_member(b"", extra=bytes(generator.randrange(30))), 0
        elif kind == 1:
            data, count = data + gzip_member(frame(b"small")), 1
        else:
            size = 200_000 + -buffer.left_over(len(data) + 200_000) % BUFFER_SIZE + generator.randrange(-2, 14)
            repeats = size // len(FILLER) or 1
            pieces = FILLER if size >= len(FILLER) + 400 else FILLER[: len(FILLER) // 60 * 40]
            content = pieces * repeats
            while size - len(content) > 65_000:
                content += FILLER[: len(FILLER) // 60]
            data, count = data + gzip_member_of_size(content, size), len(content) // (len(FILLER) // 60)
        counts.append(count)
    path = tmp_path / "a"
    path.write_bytes(data)
    records, error = theirs_v1(path, "GZIP")
    assert error is None
    assert len(records) == sum(counts[: predicted(path)])


# Ours keep clear of it.


def members_of(records: list[bytes], position: int = 0, phase: int = 0) -> list[bytes]:
    """What the sink makes of a member a record."""
    buffer = InputBuffer()
    buffer.phase = phase
    target = io.BytesIO()
    sink = MembersSink(ObjectSink(target), SEEKABLE, position, buffer)
    members, stored = [], 0
    for record in records:
        sink.write([frame_of(record)])
        sink.flush()
        members.append(target.getvalue()[stored:])
        stored = len(target.getvalue())
    return members


def frame_of(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return b"".join(
        [
            length,
            struct.pack("<I", crc32c.masked_crc32c(length)),
            record,
            struct.pack("<I", crc32c.masked_crc32c(record)),
        ]
    )


@pytest.mark.parametrize("blocks", [1, 2])
def test_tensorflow_reads_our_members_at_every_alignment(blocks: int, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    path = tmp_path / "a"
    payload = noise(blocks * BUFFER_SIZE + 100)
    size = blocks * BUFFER_SIZE - 1000
    natural = len(members_of([payload[:size]])[0])
    padded = 0
    for past in range(-1, QUIET_SIZE + 3):
        record = payload[: size + blocks * BUFFER_SIZE + past - natural]
        members = members_of([record, b"next"])
        over = len(members[0]) - blocks * BUFFER_SIZE
        assert over == (QUIET_SIZE + 1 if 1 <= past <= QUIET_SIZE else past)
        padded += over != past
        path.write_bytes(b"".join(members))
        assert theirs_v1(path, "GZIP") == ([record, b"next"], None)
        assert list(tfr.read_records(path)) == [record, b"next"]
        with MemberReader(path) as reader:
            assert len(reader.members) == 2
            assert reader.read(0, reader.size) == frame_of(record) + frame_of(b"next")
    assert padded == QUIET_SIZE


@pytest.mark.parametrize("buffer_size", [None, 0, 1000, BUFFER_SIZE - 3, 1 << 20])
def test_tensorflow_reads_many_members_with_any_buffer_of_its_own(buffer_size: int | None, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    generator = random.Random(1)
    records = [noise(generator.randrange(400), number) for number in range(3000)] + [noise(900_000), b"last"]
    path = write(tmp_path / "a", records, flush=True)
    dataset = tf.data.TFRecordDataset(str(path), "GZIP", buffer_size)
    assert list(dataset.as_numpy_iterator()) == records


# Entered anywhere.


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = write(tmp_path_factory.mktemp("stored") / "a", mixed(100))
    return path, gzip.decompress(path.read_bytes())


def ranges(size: int, count: int = 100) -> list[tuple[int, int]]:
    generator = random.Random(9)
    chosen = [(generator.randrange(size + 10), generator.choice([0, 1, 12, 5000, 700_000])) for _ in range(count)]
    return [*chosen, (0, size), (size, 5), (size - 1, 5), (0, 0)]


def test_ranges_are_those_of_the_uncompressed_stream(stored: tuple[Path, bytes]) -> None:
    path, content = stored
    with MemberReader(path) as reader:
        assert reader.size == len(content)
        assert sum(member.records or 0 for member in reader.members) == 100
        for offset, size in ranges(len(content)):
            assert reader.read(offset, size) == content[offset : offset + size]
        for offset, size in ((-1, 5), (5, -1)):
            with pytest.raises(ValueError, match="0 or more"):
                reader.read(offset, size)


def test_finding_members_of_ours_inflates_none(stored: tuple[Path, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = stored
    monkeypatch.delattr(zlib, "decompressobj")
    with MemberReader(path) as reader:
        assert len(reader.members) > 10


@pytest.mark.parametrize("kind", ["one", "several", "mixed with ours", "records across members", "long", "empty ones"])
def test_files_of_others_can_be_entered_too(kind: str, stored: tuple[Path, bytes], tmp_path: Path) -> None:
    path, content = stored
    cuts = {"several": range(0, len(content), 100_001), "records across members": [0, 5, 6, 11, 1_000_000]}.get(
        kind, [0]
    )
    pieces = [content[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(content)], strict=True)]
    data = b"".join(map(gzip_member, pieces))
    if kind == "mixed with ours":
        data, content = data + path.read_bytes() + data + path.read_bytes(), content * 4
    if kind == "long":
        content = bytes(20 << 20) + content
        data = gzip_member(content, level=1)
    if kind == "empty ones":
        data = gzip_member(b"") + data + gzip_member(b"") * 3 + data + gzip_member(b"")
        content *= 2
    (tmp_path / "a").write_bytes(data)
    with MemberReader(tmp_path / "a") as reader:
        assert reader.size == len(content)
        for offset, size in ranges(len(content), 20):
            assert reader.read(offset, size) == content[offset : offset + size]


def test_a_reader_serves_threads_and_is_pickled(stored: tuple[Path, bytes]) -> None:
    path, content = stored
    with MemberReader(path) as reader, pickle.loads(pickle.dumps(reader)) as copy, ThreadPoolExecutor(4) as threads:
        for each in (reader, copy):
            asked = ranges(len(content), 200)
            for (offset, size), data in zip(asked, threads.map(lambda ask: each.read(*ask), asked), strict=True):  # noqa: B023
                assert data == content[offset : offset + size]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_reader_goes_on_after_a_fork(stored: tuple[Path, bytes]) -> None:
    path, content = stored
    with MemberReader(path) as reader:
        children = []
        for _ in range(3):
            child = os.fork()
            if not child:
                sound = all(reader.read(o, n) == content[o : o + n] for o, n in ranges(len(content), 60))
                os._exit(0 if sound else 1)
            children.append(child)
        assert all(reader.read(o, n) == content[o : o + n] for o, n in ranges(len(content), 60))
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]


# Damage.

RECORDS = [b"first", b"", b"third SECRETPAYLOAD", bytes(range(70)), b"z" * 200]


def outcome(path: Path, num_threads: int) -> Outcome:
    with tfr.TFRecordReader(path, "GZIP", num_threads=num_threads) as reader:
        return collect(reader, tfr.TFRecordError)


def facts(given: Outcome) -> tuple[list[bytes], object]:
    return given[0], given[1] and (type(given[1]), str(given[1]))


def test_damage_anywhere_is_an_error_or_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "a", RECORDS, flush=True)
    whole, content = path.read_bytes(), frames(RECORDS)
    damaged = [flip_bit(whole, at, at % 8) for at in range(len(whole))]
    damaged += [cut_at(whole, at) for at in range(2, len(whole))]
    for data in damaged:
        path.write_bytes(data)
        plain = outcome(path, 1)
        assert plain[0] == RECORDS[: len(plain[0])]
        assert facts(outcome(path, 3)) == facts(plain)
        entered = entered_outcome(path)
        if isinstance(entered, bytes):
            assert entered == content[: len(entered)]
            assert len(entered) == len(content) or plain[1] is None
        else:
            assert plain[1] is not None
            assert str(entered).startswith(f"{path}: ")
            assert "SECRET" not in str(entered)


def entered_outcome(path: Path) -> bytes | tfr.TFRecordError:
    try:
        with MemberReader(path) as reader:
            return reader.read(0, reader.size)
    except tfr.TFRecordError as error:
        return error


@pytest.mark.parametrize("what", ["longer", "shorter", "two as one", "more content", "less content", "more records"])
def test_a_member_that_lies_about_itself_gives_no_false_bytes(what: str, tmp_path: Path) -> None:
    members = members_of([b"first" * 100, b"second" * 90, b"third" * 50])
    header = decode_header(members[0])
    assert header is not None
    second = decode_header(members[1])
    assert second is not None
    size, content_size, records = header
    lie = {
        "longer": (size + 7, content_size, records),
        "shorter": (size - 1, content_size, records),
        "two as one": (size + second.size, second.content_size, records),
        "more content": (size, content_size + 2**32, records),
        "less content": (size, content_size - 1, records),
        "more records": (size, content_size, records + 1),
    }[what]
    sizes = struct.pack("<QQQ", *lie)
    at = HEADER_SIZE - 28
    members[0] = members[0][:at] + sizes + struct.pack("<I", crc32c.masked_crc32c(sizes)) + members[0][at + 28 :]
    path = tmp_path / "a"
    path.write_bytes(b"".join(members))
    records_read = [b"first" * 100, b"second" * 90, b"third" * 50]
    for num_threads in (1, 3):
        assert outcome(path, num_threads) == (records_read, None)
    content = b"".join(map(frame_of, records_read))
    with MemberReader(path) as reader:
        if what in ("two as one", "more content"):
            with pytest.raises(tfr.CorruptRecordError, match="not as long as it says") as caught:
                reader.read(0, 10_000)
            assert (caught.value.part, caught.value.offset, caught.value.path) == ("compression", 0, str(path))
        else:
            assert reader.read(0, 10_000) == content


# Several members inflated at once.


def test_members_are_inflated_by_threads_that_end_with_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [noise(5000, number) for number in range(400)]
    path = write(tmp_path / "a", records)
    content, together, calls = inflate_ahead._content, threading.Barrier(3, timeout=60), iter(range(1000))

    def content_of(member: bytes, size: int) -> bytes | None:
        if next(calls) < 3:
            together.wait()  # until three of them are here
        return content(member, size)

    monkeypatch.setattr(inflate_ahead, "_content", content_of)
    with tfr.TFRecordReader(path, num_threads=4) as reader:
        assert list(reader) == records
    monkeypatch.undo()
    with tfr.TFRecordReader(path, num_threads=4) as reader:
        assert next(reader) == records[0]
    for _ in range(600):
        if not any("InflateMembers" in thread.name for thread in threading.enumerate()):
            break
        time.sleep(0.1)
    else:
        pytest.fail("threads go on")


@pytest.mark.parametrize("num_threads", [3, 5])
def test_what_is_not_ours_is_read_by_the_plain_way(num_threads: int, tmp_path: Path) -> None:
    ours, path = write(tmp_path / "a", RECORDS, flush=True).read_bytes(), tmp_path / "b"
    foreign = gzip_member(frames(RECORDS))
    for data, times in (
        (foreign, 1),
        (ours + foreign + ours, 3),
        (foreign + ours, 2),
        (ours + gzip_member(b"") + ours, 2),
    ):
        path.write_bytes(data)
        assert outcome(path, num_threads) == (RECORDS * times, None)
    for rest in (b"garbage", bytes(5), bytes(500), b"\x1f\x8b"):
        path.write_bytes(ours + rest)
        assert facts(outcome(path, num_threads)) == facts(outcome(path, 1))
    path.write_bytes(b"")
    assert facts(outcome(path, num_threads)) == facts(outcome(path, 1))


def test_batches_of_seekable_gzip_are_the_same_with_any_number_of_threads(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a", SEEKABLE) as writer:
        writer.write_columns({"number": np.arange(50_000)})
    for num_threads in (1, 2, 3, 8, None):
        batches = tfr.read_batches(
            tmp_path / "a", {"number": tfr.FixedLenFeature([], "int64")}, num_threads=num_threads
        )
        assert np.concatenate([batch["number"] for batch in batches]).tolist() == list(range(50_000))
