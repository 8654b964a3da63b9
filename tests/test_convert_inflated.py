"""Text and tar files are inflated where they are GZIP, by their name or by how they begin."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.convert import inflated
from tfrecord_lite.convert.inflated import open_inflated

TEXT = b"a,b\n1,2\n" * 1000


def read(path: Path, compression_type: str) -> bytes:
    file, name = open_inflated(str(path), compression_type)
    with file:
        assert name == str(path)
        return file.read()


@pytest.mark.parametrize("text", [TEXT, b"", b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x07 no deflate"])
def test_what_is_not_gzip_is_as_it_lies(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(text)
    assert read(tmp_path / "a", "") == text


@pytest.mark.parametrize("compression_type", ["", "GZIP"])
def test_gzip_is_inflated_by_its_name_or_its_content(compression_type: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(TEXT) + gzip.compress(b"and more"))
    assert read(tmp_path / "a", compression_type) == TEXT + b"and more"


def test_gzip_in_gzip_is_inflated_once(tmp_path: Path) -> None:
    inner = gzip.compress(TEXT)
    (tmp_path / "a").write_bytes(gzip.compress(inner))
    assert read(tmp_path / "a", "GZIP") == read(tmp_path / "a", "") == inner


@pytest.mark.parametrize("compression_type", ["", "GZIP"])
def test_gzip_that_is_cut_off_is_an_error_and_no_end(compression_type: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(TEXT)[:-9])
    with pytest.raises(tfr.TruncatedRecordError):
        read(tmp_path / "a", compression_type)


def test_what_is_named_gzip_and_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    with pytest.raises(tfr.CorruptRecordError):
        read(tmp_path / "a", "GZIP")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        open_inflated(str(tmp_path / "none"), "")
    assert caught.value.filename == str(tmp_path / "none")


class Failing(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise OSError(5, "Input/output error")


def test_a_file_that_cannot_be_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Failing()
    monkeypatch.setattr(inflated, "open_source", lambda source, compression_type: (stream, source, compression_type))
    with pytest.raises(OSError, match="Input/output error"):
        open_inflated("a", "")
    assert stream.closed
