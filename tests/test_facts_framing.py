"""Framing, row by row: what TensorFlow does with a plain file, and what we do.

`theirs` reads with both of TensorFlow's readers that must agree; `ours` reads with `read_records`.
Either gives the records that came first and the error that ended them, or None.
"""

from __future__ import annotations

import errno
import io
import os
import pickle
import random
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import (
    HAS_PROC,
    MEMORY,
    append_garbage,
    collect,
    crc32c,
    cut_at,
    flip_bit,
    frame,
    frames,
    gzip_member,
    header,
    mask,
    masked_crc,
    python,
    python_output,
    set_length,
    theirs,
    theirs_v1,
    unmask,
)

import tfrecord_lite as tfr

tf = pytest.importorskip("tensorflow")

SECRET = b"SECRETPAYLOAD"
RECORDS = [b"first", b"", b"third " + SECRET, bytes(range(70))]
WHOLE = frames(RECORDS)
OFFSETS = [0, 21, 37, 72]
SIZES = [len(record) + 16 for record in RECORDS]
END = len(WHOLE)


def ours(source: Any, compression_type: str | None = "") -> tuple[list[bytes], Exception | None]:
    return collect(tfr.read_records(source, compression_type=compression_type), tfr.TFRecordError)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    path = tmp_path / "some.tfrecord"

    def write_bytes(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    return write_bytes


def frame_at(position: int) -> int:
    """Which frame the byte at `position` is in."""
    return max(number for number, offset in enumerate(OFFSETS) if offset <= position)


def check_pickles(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    for name in (
        "part",
        "stored",
        "computed",
        "expected",
        "available",
        "length",
        "limit",
        "offset",
        "path",
        "record_number",
    ):
        assert getattr(copy, name, "absent") == getattr(error, name, "absent"), name


def check_no_payload(error: Exception) -> None:
    for text in (str(error), repr(error)):
        assert "SECRET" not in text
        assert SECRET.hex() not in text.lower()
        assert SECRET.hex(" ") not in text.lower()


def check_checksums(error: Any, stored_masked: int, computed_masked: int) -> None:
    """Both as they stand in the file, or both unmasked."""
    assert (error.stored, error.computed) in (
        (stored_masked, computed_masked),
        (unmask(stored_masked), unmask(computed_masked)),
    )


def of_kind(error: Any, *kinds: type[Exception]) -> Any:
    """The error, which must be one of ours of such a kind."""
    assert isinstance(error, kinds), repr(error)
    assert isinstance(error, tfr.TFRecordError)
    return error


def check_corrupted(error: Any, path: Path, data: bytes, number: int, part: str) -> None:
    """A CorruptRecordError with every attribute and the documented text, of frame `number` of `data`."""
    of_kind(error, tfr.CorruptRecordError)
    offset = OFFSETS[number]
    assert error.part == part
    assert error.offset == offset
    assert os.fspath(error.path) == str(path)
    assert error.record_number - number in (0, 1)
    covered = data[offset : offset + 8] if part == "length" else data[offset + 12 : offset + SIZES[number] - 4]
    at = offset + 8 if part == "length" else offset + SIZES[number] - 4
    check_checksums(error, int.from_bytes(data[at : at + 4], "little"), mask(crc32c(covered)))
    assert str(error).startswith(
        f"{path}: corrupted record #{error.record_number} at offset {offset}: "
        f"{part} CRC-32C stored 0x{error.stored:08x}, computed 0x{error.computed:08x}"
    )
    check_pickles(error)
    check_no_payload(error)


def check_truncated(error: Any, path: Path, number: int, cut: int) -> None:
    """A TruncatedRecordError of frame `number`, of which cut - offset bytes are there."""
    of_kind(error, tfr.TruncatedRecordError)
    offset = OFFSETS[number] if number < len(OFFSETS) else END
    size = SIZES[number] if number < len(SIZES) else 16
    assert error.offset == offset
    assert os.fspath(error.path) == str(path)
    assert error.record_number - number in (0, 1)
    assert 0 <= error.available < error.expected <= size
    assert error.available <= cut - offset
    assert error.expected - error.available <= offset + size - cut
    text = str(error)
    assert text.startswith(f"{path}: ")
    assert f"#{error.record_number} at offset {offset}" in text
    assert re.search(rf"\b{error.expected}\b", text)
    assert re.search(rf"\b{error.available}\b", text)
    check_pickles(error)
    check_no_payload(error)


# The bytes of a frame.


def test_crc32c_of_the_check_string_is_the_golden_value() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert tfr.masked_crc32c(b"123456789") == mask(0xE3069283)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (
            bytes.fromhex(
                "01c00000" + "00000000" * 3 + "14000000000004000000001400000018" + "28000000000000000200000000000000"
            ),
            0xD9963A56,
        ),
    ],
    ids=["zeros", "ones", "ascending", "descending", "iscsi"],
)
def test_masked_crc32c_agrees_with_rfc_3720(data: bytes, value: int) -> None:
    assert crc32c(data) == value
    assert tfr.masked_crc32c(data) == mask(value)


def test_masked_crc32c_of_nothing_is_the_mask_delta() -> None:
    assert tfr.masked_crc32c(b"") == 0xA282EAD8


def test_frame_of_an_empty_record_is_the_golden_frame(tmp_path: Path) -> None:
    golden = bytes.fromhex("000000000000000029039807d8ea82a2")
    with tfr.TFRecordWriter(tmp_path / "ours") as writer:
        writer.write(b"")
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        writer.write(b"")
    assert (tmp_path / "ours").read_bytes() == golden
    assert (tmp_path / "theirs").read_bytes() == golden
    assert frame(b"") == golden
    assert list(tfr.read_records(tmp_path / "theirs")) == [b""]


def test_whole_file_reads_the_same(write: Callable[[bytes], Path]) -> None:
    path = write(WHOLE)
    assert ours(path) == theirs(path) == (RECORDS, None)
    assert ours(path, None) == (RECORDS, None)


def test_zero_byte_file_is_a_file_of_no_records(write: Callable[[bytes], Path]) -> None:
    path = write(b"")
    assert ours(path) == ours(path, None) == theirs(path) == ([], None)


def test_sixteen_zero_bytes_are_not_an_empty_record(write: Callable[[bytes], Path]) -> None:
    path = write(WHOLE + bytes(16))
    records, their_error = theirs(path)
    assert records == RECORDS
    assert isinstance(their_error, tf.errors.DataLossError)
    records, error = ours(path)
    assert records == RECORDS
    assert isinstance(error, tfr.CorruptRecordError)
    assert error.part == "length"
    assert error.offset == END
    check_checksums(error, 0, masked_crc(bytes(8)))


def test_cut_between_frames_is_a_clean_end(write: Callable[[bytes], Path]) -> None:
    for number, offset in enumerate(OFFSETS):
        path = write(cut_at(WHOLE, offset))
        assert ours(path) == ours(path, None) == theirs(path) == (RECORDS[:number], None)


# Row 1: trailing bytes.


@pytest.mark.parametrize("garbage", [b"\0", b"\xff", b"x"], ids=["zeros", "ones", "text"])
def test_one_to_eleven_trailing_bytes_end_tensorflow_silently_and_raise_truncated_here(
    write: Callable[[bytes], Path], garbage: bytes
) -> None:
    for count in range(1, 12):
        path = write(append_garbage(WHOLE, garbage * count))
        assert theirs(path) == (RECORDS, None)
        records, error = ours(path)
        assert records == RECORDS
        check_truncated(error, path, len(RECORDS), END + count)


def test_file_shorter_than_a_header_raises_truncated(write: Callable[[bytes], Path]) -> None:
    for count in range(1, 12):
        path = write(cut_at(WHOLE, count))
        assert theirs(path) == ([], None)
        for compression_type in ("", None):
            records, error = ours(path, compression_type)
            assert records == []
            check_truncated(error, path, 0, count)


# Row 2: cuts. Row 3 and 4: flips.


def test_cut_at_every_byte_gives_the_good_records_then_truncated(write: Callable[[bytes], Path]) -> None:
    number_bases = set()
    for cut in sorted(set(range(END)) - set(OFFSETS)):
        path = write(cut_at(WHOLE, cut))
        number = frame_at(cut)
        their_records, their_error = theirs_v1(path)
        assert their_records == RECORDS[:number]
        if cut - OFFSETS[number] < 12:
            assert their_error is None
        else:
            assert isinstance(their_error, tf.errors.DataLossError)
            assert f"truncated record at {OFFSETS[number]}" in str(their_error)
        for compression_type in ("", None):
            records, error = ours(path, compression_type)
            assert records == RECORDS[:number], cut
            check_truncated(error, path, number, cut)
            number_bases.add(error.record_number - number)  # type: ignore[union-attr]
    assert len(number_bases) == 1


def test_flip_in_every_byte_gives_the_good_records_then_corrupted(write: Callable[[bytes], Path]) -> None:
    for position in range(END):
        data = flip_bit(WHOLE, position, position % 8)
        path = write(data)
        number = frame_at(position)
        within = position - OFFSETS[number]
        their_records, their_error = theirs_v1(path)
        assert their_records == RECORDS[:number]
        assert isinstance(their_error, tf.errors.DataLossError)
        place = OFFSETS[number] + (0 if within < 12 else 12)
        assert f"corrupted record at {place}" in str(their_error)
        assert ("Is this even a TFRecord file?" in str(their_error)) == (place == 0)
        records, error = ours(path)
        assert records == RECORDS[:number], position
        check_corrupted(error, path, data, number, "length" if within < 12 else "data")


def test_flip_of_every_bit_of_a_frame_is_named_by_its_part(write: Callable[[bytes], Path]) -> None:
    for position in range(OFFSETS[2], OFFSETS[3]):
        for bit in range(8):
            data = flip_bit(WHOLE, position, bit)
            path = write(data)
            for compression_type in ("", None):
                records, error = ours(path, compression_type)
                assert records == RECORDS[:2]
                part = "length" if position - OFFSETS[2] < 12 else "data"
                check_corrupted(error, path, data, 2, part)


def test_record_numbers_count_on_by_one(write: Callable[[bytes], Path]) -> None:
    numbers = []
    for offset in OFFSETS:
        _, error = ours(write(flip_bit(WHOLE, offset)))
        numbers.append(error.record_number)  # type: ignore[union-attr]
    assert numbers in ([0, 1, 2, 3], [1, 2, 3, 4])


def test_damage_far_into_a_long_file_is_met_after_every_good_record(write: Callable[[bytes], Path]) -> None:
    one = frame(b"x" * 100)
    count, bad = 20_000, 17_321
    data = flip_bit(one * count, 116 * bad + 50)
    path = write(data)
    records, error = ours(path)
    assert len(records) == bad
    assert set(records) == {b"x" * 100}
    error = of_kind(error, tfr.CorruptRecordError)
    assert (error.part, error.offset) == ("data", 116 * bad)
    assert error.record_number - bad in (0, 1)
    records, error = ours(write(cut_at(one * count, 116 * bad + 50)))
    assert len(records) == bad
    assert isinstance(error, tfr.TruncatedRecordError)
    assert error.offset == 116 * bad


def test_two_damages_in_one_file_name_the_first(write: Callable[[bytes], Path]) -> None:
    one = frame(b"y" * 30)
    data = flip_bit(flip_bit(one * 1000, 46 * 400 + 20, 3), 46 * 401 + 20, 3)
    records, error = ours(write(data))
    assert len(records) == 400
    assert isinstance(error, tfr.CorruptRecordError)
    assert (error.part, error.offset) == ("data", 46 * 400)


class Unseekable(io.RawIOBase):
    """A raw stream that gives a few bytes at a time and cannot seek, like a socket."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.buffer.readinto(memoryview(buffer)[:7])


@pytest.mark.parametrize("source_of", [io.BytesIO, Unseekable], ids=["BytesIO", "unseekable"])
def test_file_objects_end_in_the_same_errors_as_paths(source_of: Callable[[bytes], Any]) -> None:
    def read(data: bytes) -> tuple[list[bytes], Exception | None]:
        return ours(source_of(data))

    assert read(WHOLE) == (RECORDS, None)
    for position in range(END):
        number = frame_at(position)
        records, error = read(flip_bit(WHOLE, position, 5))
        assert records == RECORDS[:number]
        assert isinstance(error, tfr.CorruptRecordError)
        assert error.part == ("length" if position - OFFSETS[number] < 12 else "data")
        assert error.offset == OFFSETS[number]
        check_pickles(error)
        check_no_payload(error)
        records, error = read(cut_at(WHOLE, position))
        assert records == RECORDS[:number]
        if position in OFFSETS:
            assert error is None
        else:
            assert isinstance(error, tfr.TruncatedRecordError)
            assert error.offset == OFFSETS[number]
            check_pickles(error)


def test_fifo_reads_whole_and_cut(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for data, expected in ((WHOLE, None), (cut_at(WHOLE, 60), tfr.TruncatedRecordError)):
        feeder = threading.Thread(target=fifo.write_bytes, args=(data,), daemon=True)
        feeder.start()
        records, error = ours(fifo)
        feeder.join(10)
        assert records == (RECORDS if expected is None else RECORDS[:2])
        assert type(error) is (expected or type(None))


def test_reader_ends_as_read_records_does(write: Callable[[bytes], Path]) -> None:
    path = write(WHOLE)
    with tfr.TFRecordReader(path) as reader:
        assert iter(reader) is reader
        assert list(reader) == RECORDS
    for data in (cut_at(WHOLE, 50), cut_at(WHOLE, 75), flip_bit(WHOLE, 40), flip_bit(WHOLE, 55), bytes(16)):
        path = write(data)
        with tfr.TFRecordReader(path, "") as reader:
            records, error = collect(reader, tfr.TFRecordError)
        expected_records, expected_error = ours(path)
        assert records == expected_records
        assert type(error) is type(expected_error)
        assert str(error) == str(expected_error)


def test_records_are_not_views_of_a_reused_buffer(write: Callable[[bytes], Path]) -> None:
    path = write(frames(bytes([number]) * 1000 for number in range(200)) * 5)
    kept = list(tfr.read_records(path))
    assert kept == [bytes([number]) * 1000 for number in range(200)] * 5
    assert all(type(record) is bytes for record in kept)


# Row 5: files of another kind.

OTHER_FILES = {
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(60), "png"),
    "text": (b"the quick brown fox jumps over the lazy dog\n" * 3, "text"),
    "git-lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a2146" * 8 + b"\nsize 12345\n",
        "lfs",
    ),
    "html": (b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n", "html"),
    "bom": (b"\xef\xbb\xbf" + WHOLE, r"bom\b|byte.order mark"),
    "gzip": (gzip_member(WHOLE), "gzip"),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_file_of_another_kind_is_corrupted_at_0_with_a_guess(kind: str, write: Callable[[bytes], Path]) -> None:
    data, guess = OTHER_FILES[kind]
    path = write(data)
    their_records, their_error = theirs(path)
    assert their_records == []
    assert isinstance(their_error, tf.errors.DataLossError)
    assert "corrupted record at 0 (Is this even a TFRecord file?)" in str(their_error)
    records, error = ours(path)
    assert records == []
    assert isinstance(error, tfr.CorruptRecordError)
    assert (error.part, error.offset) == ("length", 0)
    check_checksums(error, int.from_bytes(data[8:12], "little"), mask(crc32c(data[:8])))
    text = str(error)
    start = f"{path}: corrupted record #{error.record_number} at offset 0: length CRC-32C stored "
    assert text.startswith(start)
    assert re.search(guess, text.removeprefix(start).lower())
    check_pickles(error)


def test_flip_in_the_first_header_is_not_guessed_to_be_another_kind(write: Callable[[bytes], Path]) -> None:
    _, error = ours(write(flip_bit(WHOLE, 9)))
    assert not re.search(r"png|lfs|html|gzip|byte.order", str(error).lower().partition("some.tfrecord: ")[2])


# Rows 6 and 7: lengths that lie under a true CRC.

TOO_LONG = [2**36, 2**40, 2**47, 2**62]
ABSURD = [2**63 - 1, 2**63, 2**63 + 1, 2**64 - 17, 2**64 - 16, 2**64 - 4, 2**64 - 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks to look at a crash")
def test_lying_length_crashes_tensorflow(tmp_path: Path) -> None:
    """The reason for the row: run in children, because there is nothing left of a process that did it."""
    script = """
import os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import tensorflow as tf
for path in sys.argv[1:]:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(2)
        try:
            count = sum(1 for _ in tf.compat.v1.io.tf_record_iterator(path))
        except Exception:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else "exit")
"""
    paths = []
    for length in (2**36, 2**62):
        path = tmp_path / f"{length}.tfrecord"
        path.write_bytes(set_length(WHOLE, length, OFFSETS[2]))
        paths.append(path)
    crashes = python_output(script, *paths).split()
    assert set(crashes) <= {str(int(signal.SIGSEGV)), str(int(signal.SIGABRT)), str(int(signal.SIGKILL))}
    assert len(crashes) == 2


@pytest.mark.parametrize("length", TOO_LONG)
def test_lying_length_is_bounded_by_what_is_there(length: int, write: Callable[[bytes], Path]) -> None:
    path = write(set_length(WHOLE, length, OFFSETS[2]))
    for compression_type in ("", None):
        records, error = ours(path, compression_type)
        assert records == RECORDS[:2]
        error = of_kind(error, tfr.TruncatedRecordError, tfr.RecordTooLargeError)
        assert error.offset == OFFSETS[2]
        assert os.fspath(error.path) == str(path)
        if isinstance(error, tfr.RecordTooLargeError):
            assert error.length == length
            assert error.limit < length
        else:
            assert error.expected >= length
            assert error.available <= END - OFFSETS[2]
        assert str(error).startswith(f"{path}: ")
        check_pickles(error)
        check_no_payload(error)


def test_length_a_little_too_long_is_truncated(write: Callable[[bytes], Path]) -> None:
    for more in (1, 5, 1000, 2**20):
        path = write(set_length(WHOLE, len(RECORDS[3]) + more, OFFSETS[3]))
        records, error = ours(path)
        assert records == RECORDS[:3]
        assert isinstance(error, tfr.TruncatedRecordError)
        assert error.offset == OFFSETS[3]


def test_length_too_short_is_corrupted_data(write: Callable[[bytes], Path]) -> None:
    for length in range(len(RECORDS[2])):
        path = write(set_length(WHOLE, length, OFFSETS[2]))
        assert isinstance(theirs_v1(path)[1], tf.errors.DataLossError)
        records, error = ours(path)
        assert records == RECORDS[:2]
        assert isinstance(error, tfr.CorruptRecordError)
        assert (error.part, error.offset) == ("data", OFFSETS[2])


@pytest.mark.parametrize("length", ABSURD)
def test_absurd_length_is_too_large(length: int, write: Callable[[bytes], Path]) -> None:
    path = write(set_length(WHOLE, length, OFFSETS[2]))
    their_records, their_error = theirs(path)
    assert their_records == RECORDS[:2]
    assert isinstance(their_error, (tf.errors.InvalidArgumentError, tf.errors.DataLossError))
    assert re.search("negative number of bytes|record size too large", str(their_error))
    for compression_type in ("", None):
        records, error = ours(path, compression_type)
        assert records == RECORDS[:2]
        assert isinstance(error, tfr.RecordTooLargeError)
        assert isinstance(error, tfr.TFRecordError)
        assert (error.length, error.offset) == (length, OFFSETS[2])
        assert error.limit < length
        text = str(error)
        assert text.startswith(f"{path}: ")
        assert str(length) in text.replace(",", "").replace("_", "")
        assert f"#{error.record_number} at offset {OFFSETS[2]}" in text
        check_pickles(error)
        check_no_payload(error)


def test_record_above_max_record_size_is_too_large(write: Callable[[bytes], Path]) -> None:
    path = write(WHOLE)
    assert list(tfr.read_records(path, max_record_size=70)) == RECORDS
    records, error = collect(tfr.read_records(path, max_record_size=69), tfr.TFRecordError)
    assert records == RECORDS[:3]
    assert isinstance(error, tfr.RecordTooLargeError)
    assert (error.length, error.limit, error.offset) == (70, 69, OFFSETS[3])
    check_pickles(error)


@pytest.mark.skipif(not HAS_PROC, reason="reads /proc")
def test_lying_lengths_allocate_nothing_first(tmp_path: Path) -> None:
    """With 64 MiB to spare a reader that believed any of these would raise MemoryError."""
    sound = tmp_path / "sound"
    sound.write_bytes(WHOLE)
    paths = []
    for length in [2**28, 2**30, 2**31, 2**32, *TOO_LONG, *ABSURD]:
        path = tmp_path / f"{length}.tfrecord"
        path.write_bytes(set_length(WHOLE, length, OFFSETS[2]))
        paths.append(path)
    script = (
        MEMORY
        + """
import os, sys, threading
import tfrecord_lite as tfr
assert len(list(tfr.read_records(sys.argv[1]))) == 4
limit(64 << 20)
for path in sys.argv[2:]:
    for source in (path, open(path, "rb")):
        count = 0
        try:
            for record in tfr.read_records(source, compression_type=""):
                count += 1
        except (tfr.TruncatedRecordError, tfr.RecordTooLargeError) as error:
            print(count, type(error).__name__)
        if source is not path:
            source.close()
"""
    )
    lines = python_output(script, sound, *paths).splitlines()
    assert len(lines) == 2 * len(paths)
    assert {line.split()[0] for line in lines} == {"2"}


@pytest.mark.skipif(not HAS_PROC, reason="reads /proc")
def test_lying_length_in_a_pipe_allocates_nothing_first() -> None:
    """A pipe has no size to compare a length with: the reader must grow with what arrives."""
    script = (
        MEMORY
        + """
import sys
import tfrecord_lite as tfr
records = iter(tfr.read_records(sys.stdin.buffer, compression_type=""))
print(next(records), next(records))
limit(64 << 20)
try:
    next(records)
except (tfr.TruncatedRecordError, tfr.RecordTooLargeError) as error:
    print(type(error).__name__)
"""
    )
    for length in (2**30, 2**40, 2**62):
        output = python_output(script, stdin=set_length(WHOLE, length, OFFSETS[2]))
        assert output.startswith("b'first' b''\n")
        assert "Error" in output


# Row 8: paths that cannot be read.


def bad_paths(folder: Path) -> dict[str, Path]:
    (folder / "directory").mkdir()
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "file").write_bytes(WHOLE)
    return {
        "directory": folder / "directory",
        "missing": folder / "missing.tfrecord",
        "missing directory": folder / "no" / "such" / "file",
        "dangling": folder / "dangling",
        "loop": folder / "loop",
        "below a file": folder / "file" / "below",
    }


CANNOT_READ: dict[str, tuple[str, type[OSError], int]] = {
    "directory": ("FailedPreconditionError", IsADirectoryError, errno.EISDIR),
    "missing": ("NotFoundError", FileNotFoundError, errno.ENOENT),
    "missing directory": ("NotFoundError", FileNotFoundError, errno.ENOENT),
    "dangling": ("NotFoundError", FileNotFoundError, errno.ENOENT),
    "loop": ("UnknownError", OSError, errno.ELOOP),
    "below a file": ("FailedPreconditionError", NotADirectoryError, errno.ENOTDIR),
}


@pytest.mark.parametrize("kind", CANNOT_READ)
@pytest.mark.parametrize("compression_type", ["", None, "GZIP"])
def test_path_that_cannot_be_read_raises_the_matching_oserror(
    kind: str, compression_type: str | None, tmp_path: Path
) -> None:
    path = bad_paths(tmp_path)[kind]
    their_type, our_type, code = CANNOT_READ[kind]
    _, their_error = theirs(path)
    assert type(their_error).__name__ == their_type
    assert str(path) in str(their_error)
    with pytest.raises(our_type) as raised:
        tfr.TFRecordReader(path, compression_type)
    assert raised.value.errno == code
    assert os.fspath(raised.value.filename) == str(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("kind", ["missing", "missing directory", "dangling", "loop", "below a file"])
def test_read_records_of_a_bad_path_raises_the_matching_oserror(kind: str, tmp_path: Path) -> None:
    path = bad_paths(tmp_path)[kind]
    _, our_type, code = CANNOT_READ[kind]
    with pytest.raises(our_type) as raised:
        next(iter(tfr.read_records(path)))
    assert raised.value.errno == code
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("kind", ["directory", "missing directory", "loop", "below a file"])
@pytest.mark.parametrize("atomic", [True, False])
def test_path_that_cannot_be_written_raises_the_matching_oserror_at_once(
    kind: str, atomic: bool, tmp_path: Path
) -> None:
    path = bad_paths(tmp_path)[kind]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(tf.errors.OpError):
        tf.io.TFRecordWriter(str(path))
    with pytest.raises(CANNOT_READ[kind][1]) as raised:
        tfr.TFRecordWriter(path, atomic=atomic)
    assert raised.value.errno == CANNOT_READ[kind][2]
    assert os.fspath(raised.value.filename) == str(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_unreadable_file_raises_permission_error_with_its_path(tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    sound.write_bytes(WHOLE)
    secret = tmp_path / "secret.tfrecord"
    secret.write_bytes(WHOLE)
    secret.chmod(0)
    script = """
import os, sys
import tfrecord_lite as tfr
assert len(list(tfr.read_records(sys.argv[1]))) == 4
with tfr.TFRecordWriter(sys.argv[1] + ".copy") as writer:
    writer.write(b"x")
if os.geteuid() == 0:
    os.setuid(65534)
for attempt in (lambda: tfr.TFRecordReader(sys.argv[2]), lambda: list(tfr.read_records(sys.argv[2]))):
    try:
        attempt()
    except PermissionError as error:
        print(error.filename == sys.argv[2] and sys.argv[2] in str(error))
"""
    assert python_output(script, sound, secret).split() == ["True", "True"]


def test_directory_with_data_is_read_as_its_data_files(tmp_path: Path) -> None:
    """A directory is a source of records for `read_records`; names with a leading _ or . are not data."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "b.tfrecord").write_bytes(frame(b"second"))
    (folder / "a.tfrecord").write_bytes(frame(b"first"))
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / "_notes").write_bytes(b"not a record at all")
    (folder / ".hidden.tfrecord").write_bytes(b"not a record at all")
    assert list(tfr.read_records(folder)) == [b"first", b"second"]


def test_read_records_takes_every_kind_of_source(tmp_path: Path) -> None:
    one, two = tmp_path / "x-00000-of-00002", tmp_path / "x-00001-of-00002"
    one.write_bytes(frame(b"1"))
    two.write_bytes(frame(b"2"))
    assert list(tfr.read_records(str(one))) == [b"1"]
    assert list(tfr.read_records(one)) == [b"1"]
    assert list(tfr.read_records([two, str(one)])) == [b"2", b"1"]
    assert list(tfr.read_records(str(tmp_path / "x-*"))) == [b"1", b"2"]
    with one.open("rb") as stream:
        assert list(tfr.read_records(stream)) == [b"1"]
    with one.open("rb", buffering=0) as raw:
        assert list(tfr.read_records(raw)) == [b"1"]


def test_glob_that_matches_nothing_is_not_found(tmp_path: Path) -> None:
    pattern = str(tmp_path / "*.tfrecord")
    with pytest.raises(FileNotFoundError) as raised:
        list(tfr.read_records(pattern))
    assert pattern in str(raised.value)


def test_stdin_is_a_source() -> None:
    script = """
import sys
import tfrecord_lite as tfr
print(len(list(tfr.read_records(sys.stdin.buffer))))
"""
    assert python_output(script, stdin=WHOLE).split() == ["4"]
    assert python_output(script, stdin=gzip_member(WHOLE)).split() == ["4"]


# Row 9: files that are still being written.


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_file_still_being_written_by_tensorflow_gives_whole_records_after_flush(
    compression_type: str, tmp_path: Path
) -> None:
    path = tmp_path / "growing"
    with tf.io.TFRecordWriter(str(path), compression_type) as writer:
        for record in RECORDS:
            writer.write(record)
        writer.flush()
        assert theirs(path, compression_type) == (RECORDS, None)
        for given in (compression_type, None):
            records, error = ours(path, given)
            assert records == RECORDS
            if compression_type == "":
                assert error is None
            else:
                assert isinstance(error, tfr.TruncatedRecordError)
                assert str(error).startswith(f"{path}: ")


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_tensorflow_reads_whole_records_after_our_flush(compression_type: str, tmp_path: Path) -> None:
    path = tmp_path / "growing"
    with tfr.TFRecordWriter(path, compression_type, atomic=False) as writer:
        for count, record in enumerate(RECORDS, 1):
            writer.write(record)
            writer.flush()
            assert theirs(path, compression_type) == (RECORDS[:count], None)
            assert ours(path, compression_type)[0] == RECORDS[:count]
    assert theirs(path, compression_type) == ours(path, compression_type) == (RECORDS, None)


# The tree.


def test_every_error_is_a_tfrecord_error() -> None:
    for name in (
        "CorruptRecordError",
        "TruncatedRecordError",
        "RecordTooLargeError",
        "DecodeError",
        "FeatureError",
        "IndexMismatchError",
    ):
        assert issubclass(getattr(tfr, name), tfr.TFRecordError)
    assert issubclass(tfr.TFRecordError, Exception)
    assert not issubclass(tfr.TFRecordError, OSError)


def test_path_is_escaped_in_the_error_text(tmp_path: Path) -> None:
    path = tmp_path / "line\nbreak\x1b[31m"
    path.write_bytes(flip_bit(WHOLE, 0))
    _, error = ours(path)
    assert isinstance(error, tfr.CorruptRecordError)
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)


def test_random_bytes_raise_nothing_but_our_errors(write: Callable[[bytes], Path]) -> None:
    generator = random.Random(8)
    for _ in range(300):
        data = generator.randbytes(generator.randrange(1, 60))
        if generator.random() < 0.5:
            data = frame(b"good") + data
        if generator.random() < 0.3:
            data = header(generator.randrange(2 ** generator.randrange(1, 65))) + data
        for compression_type in ("", None, "GZIP", "ZLIB"):
            _, error = ours(write(data), compression_type)
            assert error is not None


def test_uncaught_error_is_printed_and_fails_the_process() -> None:
    done = python("import io, tfrecord_lite as tfr; list(tfr.read_records(io.BytesIO(b'12345'), compression_type=''))")
    assert done.returncode == 1
    assert b"TruncatedRecordError" in done.stderr
