from pathlib import Path
from random import Random

import numpy as np
import pytest
from damage import python_output
from hypothesis import given
from hypothesis import strategies as st

from tfrecord_lite.format import crc32c

# RFC 3720, B.4, and the check value of the CRC catalogue.
VECTORS = [
    (b"", 0x00000000),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]


@pytest.mark.parametrize(("data", "crc"), VECTORS)
def test_value_matches_published_vectors(data: bytes, crc: int) -> None:
    assert crc32c.value(data) == crc


def test_nothing_is_imported_for_the_packages_own_command() -> None:
    """And whoever imports the package beside us has the same function."""
    script = """
import sys
from tfrecord_lite.format import crc32c
assert not {"argparse", "email", "importlib.metadata"} & set(sys.modules), set(sys.modules)
import crc32c as package
print(package.crc32c(b"123456789") == crc32c.value(b"123456789") == 0xE3069283)
"""
    assert python_output(script) == "True\n"


def test_a_package_of_another_make_is_imported_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "crc32c.py").write_text("def crc32c(data, value=0):\n    return len(data)\n")
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from tfrecord_lite.format import crc32c
print(crc32c.value(b"abc"), sys.modules["crc32c"].crc32c is crc32c.value)
"""
    assert python_output(script, tmp_path) == "3 True\n"


def test_masked_crc_of_nothing_is_the_constant() -> None:
    assert crc32c.masked_crc32c(b"") == 0xA282EAD8


@given(st.binary(), st.binary())
def test_extend_continues_a_crc(head: bytes, tail: bytes) -> None:
    assert crc32c.extend(crc32c.value(head), tail) == crc32c.value(head + tail)


@given(st.integers(0, 2**32 - 1))
def test_unmask_is_the_inverse_of_mask(crc: int) -> None:
    assert crc32c.unmask(crc32c.mask(crc)) == crc
    assert crc32c.mask(crc) != crc


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_masking_an_array_equals_masking_each(crcs: list[int]) -> None:
    array = np.array(crcs, np.uint32)
    masked = crc32c.mask(array)
    assert masked.dtype == np.uint32
    assert masked.tolist() == [crc32c.mask(crc) for crc in crcs]
    assert crc32c.unmask(masked).tolist() == crcs


@given(st.integers(1, 12), st.integers(0, 20), st.randoms(use_true_random=False))
def test_crcs_of_rows_equal_those_of_each_row(width: int, count: int, random: Random) -> None:
    rows = np.frombuffer(bytes(random.choices(range(256), k=width * count)), np.uint8).reshape(count, width)
    found = crc32c.value_of_rows(rows)
    assert found.dtype == np.uint32
    assert found.tolist() == [crc32c.value(row.tobytes()) for row in rows]


@given(st.binary(), st.binary())
def test_neutralized_crc_makes_what_follows_stand_alone(data: bytes, following: bytes) -> None:
    neutral = data + (crc32c.value(data) ^ crc32c.NEUTRALIZER).to_bytes(4, "little")
    assert crc32c.value(neutral) == 0
    assert crc32c.value(neutral + following) == crc32c.value(following)


@given(st.integers(0, 2**32 - 1))
def test_the_number_of_a_crc_is_the_one_that_has_it(number: int) -> None:
    assert crc32c.u64_of(crc32c.value(number.to_bytes(8, "little"))) == number
