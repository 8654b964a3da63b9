"""A set that is published, and an error behind that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tfrecord_lite as tfr


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
