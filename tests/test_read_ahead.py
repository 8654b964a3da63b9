"""A stream that is read ahead gives what it gives otherwise, errors where they belong, and lets go when closed."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.files.read_ahead import ReadAhead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "ReadAhead" in thread.name]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    yield
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()


@pytest.fixture(params=["", "GZIP", "ZLIB"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = str(tmp_path / "a.tfrecord")
    random = np.random.default_rng(1)
    with tfr.TFRecordWriter(path, request.param) as writer:
        for number in range(20_000):
            writer.write_example({"number": number, "noise": random.bytes(40)})
    return path


FEATURES = {"number": tfr.FixedLenFeature([], "int64")}


@pytest.mark.parametrize("num_threads", [1, 2, None])
def test_batches_are_the_same_with_any_number_of_threads(path: str, num_threads: int | None) -> None:
    batches = list(tfr.read_batches(path, FEATURES, num_threads=num_threads))
    assert np.concatenate([batch["number"] for batch in batches]).tolist() == list(range(20_000))


def test_damage_is_reported_after_the_good_records_before_it(path: str) -> None:
    stored = bytearray(Path(path).read_bytes())
    stored[len(stored) // 2] ^= 1
    Path(path).write_bytes(stored)
    outcomes = []
    for num_threads in (1, 2):
        numbers: list[int] = []
        batches = tfr.read_batches(path, FEATURES, batch_size=1, num_threads=num_threads)
        with pytest.raises(tfr.CorruptRecordError) as caught:
            numbers.extend(number for batch in batches for number in batch["number"].tolist())
        assert caught.value.path == path
        outcomes.append((numbers, caught.value.args, caught.value.record_number, caught.value.offset))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == list(range(len(outcomes[0][0])))


def test_a_reader_that_is_given_up_ends_its_thread(path: str) -> None:
    batches = tfr.read_batches(path, FEATURES, num_threads=2)
    next(batches)
    del batches


def test_a_pipe_that_stays_silent_does_not_hold_up_closing() -> None:
    read_end, write_end = os.pipe()
    with tfr.TFRecordWriter(f"/dev/fd/{write_end}") as writer:
        writer.write(b"first")
    with open(read_end, "rb", buffering=0) as pipe:
        reader = tfr.TFRecordReader(pipe, "", num_threads=2)
        assert next(reader) == b"first"
        begin = time.monotonic()
        reader.close()
        assert time.monotonic() - begin < 4
        os.close(write_end)
        time.sleep(0.1)


class Failing(io.RawIOBase):
    def __init__(self) -> None:
        self._answers = [b"some", b"more"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._answers:
            raise OSError(5, "the disk is gone")
        data = self._answers.pop(0)
        memoryview(buffer)[: len(data)] = data
        return len(data)


def test_an_error_comes_after_the_bytes_before_it_and_again_at_each_attempt() -> None:
    source = Failing()
    with ReadAhead(source) as stream:
        data = stream.read(100)
        while len(data) < len(b"somemore"):
            data += stream.read(100)
        assert data == b"somemore"
        for _ in range(2):
            with pytest.raises(OSError, match="gone"):
                stream.read(1)
    assert source.closed


def test_closing_before_reading_closes_the_source() -> None:
    source = io.BytesIO(b"data")
    ReadAhead(source).close()
    assert source.closed


@pytest.mark.parametrize("num_threads", [0, -1])
def test_less_than_one_thread_is_refused(path: str, num_threads: int) -> None:
    with pytest.raises(ValueError, match="num_threads"):
        tfr.read_batches(path, FEATURES, num_threads=num_threads)
