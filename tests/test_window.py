"""Window: a stream of which the part that was not released can be read again."""

from __future__ import annotations

import io
from typing import Any

import pytest
from damage import crc32c

from tfrecord_lite.errors import CorruptRecordError
from tfrecord_lite.format.window import Window

DATA = bytes(range(256)) * 10


class Failing(io.BytesIO):
    """Fails once where it ends; what it goes on with comes behind."""

    def __init__(self, data: bytes, following: bytes) -> None:
        super().__init__(data)
        self.following = following
        self.has_failed = False

    def read(self, size: Any = -1, /) -> bytes:
        data = super().read(size)
        if not data and not self.has_failed:
            self.has_failed = True
            raise CorruptRecordError("compression")
        return data

    def resume(self) -> tuple[bool, int]:
        super().__init__(self.following)
        return True, 7


def test_what_was_read_is_read_again_from_any_place() -> None:
    window = Window(io.BytesIO(DATA))
    assert (window.read(100), window.position, window.begin, window.end) == (DATA[:100], 100, 0, 100)
    window.position = 40
    assert window.read(1000) == DATA[40:100]  # no more than there is
    assert window.read(50) == DATA[100:150]
    buffer = bytearray(20)
    window.position = 10
    assert (window.readinto(buffer), bytes(buffer), window.position) == (20, DATA[10:30], 30)
    window.position = window.end
    assert (window.readinto(buffer), bytes(buffer), window.end) == (20, DATA[150:170], 170)


def test_a_look_ahead_moves_nothing() -> None:
    window = Window(io.BytesIO(DATA))
    assert window.peek(200, 50) == DATA[200:250]
    assert (window.position, window.begin, window.end) == (0, 0, 250)
    assert window.read(10) == DATA[:10]
    assert window.peek(len(DATA) - 3, 10) == DATA[-3:]
    assert window.peek(len(DATA), 10) == window.peek(len(DATA) + 5, 10) == b""
    assert window.reach(len(DATA))
    assert not window.reach(len(DATA) + 1)
    assert window.crc(5, 300) == crc32c(DATA[5:300])


def test_what_was_released_is_gone_and_offsets_stay() -> None:
    window = Window(io.BytesIO(DATA))
    window.reach(300)
    window.release(100)
    assert (window.begin, window.position, window.end) == (100, 100, 300)
    assert window.read(10) == window.peek(100, 10) == DATA[100:110]
    window.release(105)
    assert (window.begin, window.position) == (105, 110)
    assert window.crc(120, 200) == crc32c(DATA[120:200])


@pytest.mark.parametrize("resumes", [True, False])
def test_a_failure_is_the_end_of_what_there_is_until_it_goes_on(resumes: bool) -> None:
    stream = Failing(b"before", b"behind")
    window = Window(stream, stream.resume if resumes else None)
    assert window.peek(0, 100) == b"before"
    assert isinstance(window.error, CorruptRecordError)
    assert window.error.__traceback__ is None
    window.position = 6
    assert window.read(10) == b""
    assert window.resume() is resumes
    assert window.error is None
    assert window.passed_over == (7 if resumes else 0)
    assert window.peek(0, 100) == (b"beforebehind" if resumes else b"before")


def test_a_stream_that_has_nothing_now_is_an_error() -> None:
    class Waiting(io.BytesIO):
        def read(self, size: Any = -1, /) -> Any:
            return None

    with pytest.raises(BlockingIOError):
        Window(Waiting()).read(1)


def test_to_ask_for_nothing_is_not_to_meet_the_end() -> None:
    window = Window(io.BytesIO(DATA))
    for begin in (0, 5):
        assert window.read(0) == b""
        assert window.readinto(bytearray()) == 0
        assert window.read(5) == DATA[begin : begin + 5]
