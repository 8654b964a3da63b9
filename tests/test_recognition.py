"""What a file is compressed with is seen in its first bytes, however many of them there are at once."""

import zlib

import damage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.files.compression import HEAD_SIZE, is_settled, recognise

PLAIN = damage.frames([b"", b"a", bytes(300), bytes(range(256)) * 3])
ZLIB = [zlib.compress(PLAIN, level) for level in range(10)]
ZLIB += [zlib.compress(data) for data in (b"", b"a", bytes(100), damage.frames([b""]))]
GZIP = damage.gzip_member(PLAIN)


def ways(data: bytes) -> set[str]:
    """What may be said of a file by whom its bytes reach in pieces of any sizes."""
    heads = [data[:size] for size in range(min(len(data), HEAD_SIZE) + 1)]
    return {recognise(head) for head in heads if is_settled(head)} | {recognise(heads[-1])}


@pytest.mark.parametrize("data", ZLIB)
def test_zlib_is_recognised_in_any_pieces_and_with_a_wrong_checksum(data: bytes) -> None:
    assert ways(data) == {"ZLIB"}
    assert ways(damage.flip_bit(data, len(data) - 1)) == {"ZLIB"}


def test_plain_and_gzip_are_recognised_in_any_pieces() -> None:
    assert ways(PLAIN) == {""}
    assert ways(GZIP) == {"GZIP"}
    assert ways(b"") == {""}


@given(
    st.sampled_from([PLAIN, GZIP, *ZLIB]).flatmap(
        lambda data: st.integers(0, len(data) * 8 - 1).map(lambda bit: damage.flip_bit(data, bit // 8, bit % 8))
    )
    | st.binary(max_size=40).map(b"x\x9c".__add__)
)
def test_what_is_said_of_damage_does_not_depend_on_the_pieces(data: bytes) -> None:
    assert len(ways(data)) == 1


def test_a_plain_file_with_a_bad_header_of_zlibs_magic_is_plain() -> None:
    plain = damage.frames([bytes(0x9C78)])
    assert ways(damage.flip_bit(plain, 9)) == {""}


def test_a_stream_of_which_the_first_record_is_written_is_read_so_far() -> None:
    """A pipe may have no more to give than this, and must not be waited for."""
    deflate = zlib.compressobj()
    begun = deflate.compress(damage.frames([b"first"])) + deflate.flush(zlib.Z_SYNC_FLUSH)
    for data in (begun, damage.frames([b""]), damage.frames([b"first"])):
        assert is_settled(data)
