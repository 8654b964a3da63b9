"""The cases of `make endurance`, with little of everything; and a step that takes too much is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from damage import HAS_PROC
from endurance import cases
from endurance.steps import step

pytestmark = pytest.mark.skipif(not HAS_PROC, reason="memory is read from /proc")


def test_records_are_found_at_random(tmp_path: Path) -> None:
    cases.records(tmp_path, 20_000)


def test_long_sparse_records_are_passed_over(tmp_path: Path) -> None:
    cases.sparse(tmp_path, 3, length=5 << 20)


def test_shards_are_found_and_divided(tmp_path: Path) -> None:
    cases.shards(tmp_path, 300)


def test_a_step_that_takes_too_much_memory_is_an_error() -> None:
    with pytest.raises(MemoryError, match="too much"), step("too much", 32 << 20):
        bytearray(b"x") * (64 << 20)
    with step("little enough", 96 << 20):
        bytearray(b"x") * (64 << 20)
