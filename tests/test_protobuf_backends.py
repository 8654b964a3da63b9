"""Messages as both of protobuf's backends read them, upb and that in Python, each in a process of its own.

We read as upb does. That in Python reads some messages otherwise: how, and how often, is named here.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import Counter
from functools import cache
from typing import Any

import backend_in_python as kinds
import numpy as np
import odd_messages
import pytest
from damage import python
from fuzz import seeds
from fuzz.comparison import exact
from google import protobuf
from google.protobuf.message import DecodeError
from odd_messages import field, varint

import tfrecord_lite as tfr

CASES = 1500
needs_6 = pytest.mark.skipif(
    int(protobuf.__version__.split(".")[0]) < 6, reason="the backend in Python skips groups otherwise before protobuf 6"
)
ONE = {"k": ("<i8", (1,), b"\5\0\0\0\0\0\0\0")}
ENTRY = field(1, b"k") + field(2, field(3, field(1, b"\5")))
RECORD = field(1, field(1, ENTRY))
LARGE_TAG = varint(1 << 32 | 1 << 3) + b"\1"
#: {kind of difference: (a message, what we and upb read, what the backend in Python reads)}
VECTORS: dict[str, tuple[bytes, Any, Any]] = {
    kinds.OVERLONG_TAG: (b"\x8a\0" + RECORD[1:], ONE, {}),
    kinds.LARGE_TAG: (RECORD + LARGE_TAG, "DecodeError", ONE),
    kinds.UNKNOWN_IN_ENTRY: (field(1, field(1, ENTRY + b"\x78\1")), {}, ONE),
    kinds.OPEN_GROUP: (RECORD + b"{\x08|", "DecodeError", ONE),
    kinds.FIELD_0: (RECORD + b"{\0\1|", "DecodeError", ONE),
    kinds.NOT_UTF_8: (field(1, field(1, field(1, b"\xff"))), "DecodeError", "UnicodeDecodeError"),
}
READ = """
import pickle, sys
from fuzz.comparison import exact
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError
from tfrecord_lite.format.messages import message_to_example, message_to_sequence_example
from tfrecord_lite.proto.example_pb2 import Example, SequenceExample

CONVERT = {"Example": (Example, message_to_example), "SequenceExample": (SequenceExample, message_to_sequence_example)}

def outcome(name, record):
    message, convert = CONVERT[name]
    try:
        return exact(convert(message.FromString(record)))
    except (DecodeError, UnicodeDecodeError) as error:
        return type(error).__name__

outcomes = [outcome(*case) for case in pickle.load(sys.stdin.buffer)]
sys.stdout.buffer.write(pickle.dumps((api_implementation.Type(), outcomes)))
"""

Case = tuple[str, bytes]


def read_by(backend: str, cases: list[Case]) -> list[Any]:
    """The values, or the name of the error, of each case, as that backend reads it."""
    done = python(
        READ,
        env={"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": backend, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=pickle.dumps(cases),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    found, outcomes = pickle.loads(done.stdout)
    if found != backend:
        pytest.skip(f"this protobuf comes without its backend {backend}")
    assert len(outcomes) == len(cases)
    return list(outcomes)


def read_by_us(case: Case) -> Any:
    name, record = case
    try:
        return exact(tfr.decode_example(record) if name == "Example" else tfr.decode_sequence_example(record))
    except tfr.DecodeError:
        return "DecodeError"


def expected_of_python(case: Case, notes: set[str]) -> Any:
    name, record = case
    try:
        return read_by_us((name, kinds.known_fields(record, name, notes)))
    except DecodeError:
        return "UnicodeDecodeError" if kinds.NOT_UTF_8 in notes else "DecodeError"


@cache
def cases() -> list[Case]:
    """Usual, odd and damaged messages, and such with a vector behind them."""
    random = np.random.default_rng(11)
    made: list[Case] = []
    odd = [record for record, _, _ in VECTORS.values()]
    for number in range(CASES):
        example = odd_messages.varied(seeds.example(random), random)
        lists = {key: [value] * int(random.integers(3)) for key, value in seeds.example(random).items()}
        records = [
            ("Example", odd_messages.usual_record(example)),
            ("Example", odd_messages.odd_record(example, random)),
            ("SequenceExample", odd_messages.odd_sequence_record(example, lists, random)),
        ]
        made += records
        made += [(name, odd_messages.damaged(record, random)) for name, record in records if record]
        made.append(("Example", records[0][1] + odd[number % len(odd)]))
    return made


def test_upb_reads_what_we_read() -> None:
    outcomes = read_by("upb", cases())
    for case, found in zip(cases(), outcomes, strict=True):
        if found != read_by_us(case):
            notes: set[str] = set()
            expected_of_python(case, notes)
            assert kinds.FIELD_0 in notes, case
            assert read_by_us(case) == "DecodeError"


@needs_6
def test_the_backend_in_python_reads_what_we_read_but_for_what_has_a_name() -> None:
    outcomes = read_by("python", cases())
    differing: Counter[str] = Counter()
    alike = 0
    for case, found in zip(cases(), outcomes, strict=True):
        notes: set[str] = set()
        assert found == expected_of_python(case, notes), case
        if found == read_by_us(case):
            alike += 1
        else:
            assert notes, case
            differing.update(notes if len(notes) == 1 else ())
    assert set(differing) == kinds.KINDS
    assert min(differing.values()) > 10, differing
    assert alike > len(cases()) / 3


@needs_6
@pytest.mark.parametrize("kind", VECTORS)
def test_each_difference_by_itself(kind: str) -> None:
    record, by_us, by_python = VECTORS[kind]
    case, notes = ("Example", record), set[str]()
    assert read_by_us(case) == by_us
    assert read_by("python", [case]) == [by_python] == [expected_of_python(case, notes)]
    assert notes == {kind}
    (by_upb,) = read_by("upb", [case])
    assert by_upb == by_us or (kind == kinds.FIELD_0 and by_upb == by_python)  # of protobuf 7
