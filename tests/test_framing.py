"""Frames at the limits: how much is asked for, what an error says, when a length is not taken at its word."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from tfrecord_lite.errors import CorruptRecordError, RecordTooLargeError, TruncatedRecordError
from tfrecord_lite.format import crc32c, framing
from tfrecord_lite.format.framing import (
    MAX_LENGTH,
    check_length,
    check_record,
    decode_header,
    encode_footer,
    encode_header,
    is_header,
    read_frame,
)

CHUNK = 16 << 20
LARGEST_MESSAGE = 2**31 - 1


def frame(record: bytes) -> bytes:
    return encode_header(len(record)) + record + encode_footer(record)


def header_with_crc_of(crc_of: bytes, length: bytes) -> bytes:
    return length + struct.pack("<I", crc32c.masked_crc32c(crc_of))


class Source:
    """Gives its bytes in portions of at most `portion`, and remembers how much was asked for."""

    def __init__(self, data: bytes, portion: int = 1 << 62) -> None:
        self._read, self._portion = io.BytesIO(data).read, portion
        self.asked: list[int] = []

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        return self._read(min(size, self._portion))


class Endless:
    """Gives `size` zero bytes, all from one buffer."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.asked: list[int] = []
        self._zeros = bytes(CHUNK)

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        given = min(size, self.left)
        self.left -= given
        return self._zeros[:given] if given < CHUNK else self._zeros


def test_header_and_footer_are_little_endian_and_masked() -> None:
    assert encode_header(3) == b"\x03" + bytes(7) + struct.pack("<I", crc32c.masked_crc32c(b"\x03" + bytes(7)))
    assert encode_footer(b"abc") == struct.pack("<I", crc32c.masked_crc32c(b"abc"))
    assert encode_footer(b"a", b"", memoryview(b"bc")) == encode_footer(b"abc")
    assert encode_footer() == struct.pack("<I", crc32c.MASK_DELTA)


@pytest.mark.parametrize("length", [0, 1, 255, 2**32, MAX_LENGTH])
def test_a_header_announces_its_length(length: int) -> None:
    assert decode_header(encode_header(length), 5) == length
    assert is_header(encode_header(length))
    assert is_header(memoryview(encode_header(length) + b"more"))


def test_a_record_that_no_file_can_hold_is_too_large() -> None:
    with pytest.raises(RecordTooLargeError) as caught:
        decode_header(encode_header(MAX_LENGTH + 1), 5)
    assert (caught.value.length, caught.value.limit, caught.value.offset) == (MAX_LENGTH + 1, MAX_LENGTH, 5)
    assert MAX_LENGTH + 16 == 2**63 - 1


def test_what_is_no_header() -> None:
    header = encode_header(7)
    assert not is_header(header[:11])
    assert not is_header(b"")
    for at in range(12):
        assert not is_header(header[:at] + bytes([header[at] ^ 1]) + header[at + 1 :])


def test_a_wrong_crc_of_the_length_is_told_with_both_crcs_unmasked() -> None:
    length = struct.pack("<Q", 7)
    header = header_with_crc_of(b"other", length)
    with pytest.raises(CorruptRecordError) as caught:
        decode_header(header, 90)
    error = caught.value
    assert (error.part, error.offset) == ("length", 90)
    assert (error.stored, error.computed) == (crc32c.value(b"other"), crc32c.value(length))
    assert "seems" not in str(error)
    assert "TFRecord file?" not in str(error)
    assert decode_header(header, 90, verify=False) == 7
    assert not is_header(header)


def test_checking_is_the_default_and_the_offset_0() -> None:
    with pytest.raises(CorruptRecordError) as caught:
        decode_header(b"X" * 12)
    assert caught.value.offset == 0
    with pytest.raises(CorruptRecordError) as caught:
        check_record(b"abc", b"1234")
    assert caught.value.offset == 0
    with pytest.raises(CorruptRecordError) as caught:
        read_frame(io.BytesIO(b"X" * 30).read)
    assert caught.value.offset == 0


@pytest.mark.parametrize(
    ("head", "guess"),
    [(signature.ljust(12, b"\x01"), f"this seems to be {kind}") for signature, kind in framing._SIGNATURES.items()]
    + [
        (bytes(12), "nothing but zero bytes"),
        (bytes(11) + b"\x01", "is this a TFRecord file?"),
        (bytes(11) + b"X", "is this a TFRecord file?"),
        (b"name,age\r\nA\t", "this seems to be text"),
        (b"a" * 11 + b" ", "this seems to be text"),
        (b"x\x9c" + bytes(10), "is this a TFRecord file, or damaged ZLIB data?"),
        (b"x\x9d" + bytes(10), "is this a TFRecord file?"),
        (b"x^" + b"a" * 10, "this seems to be text"),
        (b"a" * 11 + b"\x1f", "is this a TFRecord file?"),
        ("aaaaaaaaaaé".encode(), "is this a TFRecord file?"),
    ],
)
def test_the_first_header_guesses_what_the_file_is(head: bytes, guess: str) -> None:
    with pytest.raises(CorruptRecordError) as caught:
        decode_header(head, 0)
    assert caught.value.reason == guess
    with pytest.raises(CorruptRecordError) as caught:
        decode_header(head, 1)
    assert caught.value.reason == ""


def test_a_wrong_crc_of_the_data_is_told_with_both_crcs_unmasked() -> None:
    with pytest.raises(CorruptRecordError) as caught:
        check_record(b"abc", encode_footer(b"abd"), 33)
    error = caught.value
    assert (error.part, error.offset) == ("data", 33)
    assert (error.stored, error.computed) == (crc32c.value(b"abd"), crc32c.value(b"abc"))
    check_record(b"abc", encode_footer(b"abc"), 33)


@pytest.mark.parametrize("portion", [1, 2, 5, 100])
def test_a_frame_is_read_however_its_bytes_arrive(portion: int) -> None:
    records = [b"first", b"", b"third"]
    source = Source(b"".join(map(frame, records)), portion)
    assert [read_frame(source.read) for _ in range(4)] == [*records, None]


@pytest.mark.parametrize("portion", [1, 5, 100])
def test_no_more_is_asked_for_than_the_frame_has(portion: int) -> None:
    source = Source(frame(b"some record") + frame(b"another"), portion)
    assert read_frame(source.read) == b"some record"
    assert read_frame(source.read) == b"another"
    assert max(source.asked) == 12
    whole = Source(frame(b"some record"))
    read_frame(whole.read)
    assert whole.asked == [12, 11, 4]


def test_a_long_record_is_asked_for_in_chunks() -> None:
    record = bytes(CHUNK + 5)
    source = Source(frame(record))
    assert read_frame(source.read) == record
    assert source.asked == [12, CHUNK, 5, 4]
    exact = Source(frame(record[:CHUNK]))
    assert read_frame(exact.read) == record[:CHUNK]
    assert exact.asked == [12, CHUNK, 4]


def test_nothing_is_asked_for_after_the_end() -> None:
    source = Source(encode_header(50) + b"short")
    with pytest.raises(TruncatedRecordError):
        read_frame(source.read)
    assert source.asked == [12, 50, 45]
    source = Source(b"")
    assert read_frame(source.read) is None
    assert source.asked == [12]


@pytest.mark.parametrize("portion", [1, 3, 100])
def test_a_cut_at_every_byte_is_told_exactly(portion: int) -> None:
    whole = frame(b"abcde")
    assert read_frame(Source(b"", portion).read, 40) is None
    for size in range(1, len(whole)):
        with pytest.raises(TruncatedRecordError) as caught:
            read_frame(Source(whole[:size], portion).read, 40)
        error = caught.value
        assert (error.expected, error.available) == (12 if size < 12 else 21, size)
        assert error.offset == 40


def test_without_verification_neither_crc_is_looked_at() -> None:
    data = struct.pack("<QI", 3, 1) + b"abc" + b"1234"
    assert read_frame(io.BytesIO(data).read, verify=False) == b"abc"
    with pytest.raises(CorruptRecordError) as caught:
        read_frame(io.BytesIO(data).read, 8)
    assert (caught.value.part, caught.value.offset) == ("length", 8)
    data = encode_header(3) + b"abc" + b"1234"
    with pytest.raises(CorruptRecordError) as caught:
        read_frame(io.BytesIO(data).read, 8)
    assert (caught.value.part, caught.value.offset) == ("data", 8)


def test_the_longest_record_to_accept_is_accepted() -> None:
    data = frame(b"abcde")
    assert read_frame(io.BytesIO(data).read, max_record_size=5) == b"abcde"
    source = Source(data)
    with pytest.raises(RecordTooLargeError) as caught:
        read_frame(source.read, 7, max_record_size=4)
    assert (caught.value.length, caught.value.limit, caught.value.offset) == (5, 4, 7)
    assert source.asked == [12]


def test_the_limit_that_is_told_is_the_one_that_was_set() -> None:
    """Also of a length that no file can hold, which is refused before."""
    for length in (11, 2**40, 2**63, 2**64 - 1):
        with pytest.raises(RecordTooLargeError) as caught:
            read_frame(io.BytesIO(encode_header(length)).read, max_record_size=10)
        assert (caught.value.length, caught.value.limit) == (length, 10)


def test_the_largest_message_is_accepted_without_reading() -> None:
    def read(_size: int) -> bytes:
        raise AssertionError("nothing is to be read")

    check_length(LARGEST_MESSAGE, read, 0, None)
    check_length(100, read, 0, 100)
    with pytest.raises(RecordTooLargeError):
        check_length(LARGEST_MESSAGE, read, 0, LARGEST_MESSAGE - 1)


@pytest.mark.parametrize("missing", [1, 2**31 - 1])
def test_a_length_beyond_the_limit_is_a_lie_when_the_bytes_are_not_there(missing: int) -> None:
    """One byte less than would make the record too large."""
    source = Endless(LARGEST_MESSAGE + 1 - missing)
    with pytest.raises(TruncatedRecordError) as caught:
        check_length(LARGEST_MESSAGE + 1, source.read, 21, None)
    error = caught.value
    assert (error.expected, error.available) == (LARGEST_MESSAGE + 17, 12 + LARGEST_MESSAGE + 1 - missing)
    assert error.offset == 21
    assert set(source.asked) == {CHUNK}


def test_bytes_beyond_the_limit_are_there_even_if_they_come_one_by_one() -> None:
    """As many as the limit allows, and then one more."""
    portions = [bytes(CHUNK)] * 127 + [bytes(CHUNK - 1), b"x"]
    with pytest.raises(RecordTooLargeError):
        check_length(LARGEST_MESSAGE + 1, lambda _size: portions.pop(0), 21, None)
    assert portions == []


def test_what_follows_a_header_that_lies_is_counted() -> None:
    with pytest.raises(TruncatedRecordError) as caught:
        read_frame(io.BytesIO(encode_header(2**40) + b"abc").read, 21)
    error = caught.value
    assert (error.expected, error.available, error.offset) == (2**40 + 16, 15, 21)


def test_a_length_beyond_the_limit_is_too_large_when_the_bytes_are_there() -> None:
    source: Any = Endless(2 * LARGEST_MESSAGE)
    with pytest.raises(RecordTooLargeError) as caught:
        check_length(LARGEST_MESSAGE + 1, source.read, 21, None)
    error = caught.value
    assert (error.length, error.limit, error.offset) == (LARGEST_MESSAGE + 1, LARGEST_MESSAGE, 21)
    assert len(source.asked) == 128
