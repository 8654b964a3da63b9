"""A set that is published, and an error behind that, or just then."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.files import remote


@contextmanager
def published_error() -> Iterator[pytest.ExceptionInfo[tfr.PublishedError]]:
    """In this process no plan can be deleted, and the block has to end with the error that says what is there."""
    unlink = os.unlink

    def failing(path: Any) -> None:
        if os.path.basename(path).startswith("_PLAN-"):
            raise OSError(5, "Input/output error")
        unlink(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "unlink", failing)
        with pytest.raises(tfr.PublishedError, match="nothing is to be written again") as caught:
            yield caught


@contextmanager
def unreachable(patch: pytest.MonkeyPatch, is_written: bool) -> Iterator[None]:
    """From the request that puts the manifest there on, which is perhaps carried out, a server answers to nothing."""
    is_gone = False

    def gone(url: str) -> None:
        if is_gone:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), url)

    def write(url: str, data: bytes) -> None:
        nonlocal is_gone
        gone(url)
        is_gone = url.endswith("_MANIFEST.json")
        if is_written or not is_gone:
            remote.write_bytes(url, data)
        gone(url)

    def read(url: str) -> bytes:
        gone(url)
        return remote.read_bytes(url)

    def find(url: str) -> Any:
        gone(url)
        return remote.locate(url)

    with patch.context() as context:
        context.setattr("tfrecord_lite.files.remote_directory.write_bytes", write)
        context.setattr("tfrecord_lite.files.remote_directory.read_bytes", read)
        context.setattr("tfrecord_lite.files.remote_directory.locate", find)
        yield
