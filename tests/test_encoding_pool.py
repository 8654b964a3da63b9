"""What goes between a process and its workers; all of it together is tested in test_write_sharded.py."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tfrecord_lite.files.encoding_pool import _load, _save


def test_items_come_out_as_they_went_in(tmp_path: Path) -> None:
    _save(str(tmp_path / "0"), [b"x", {"a": None}])
    assert _load(str(tmp_path / "0")) == [b"x", {"a": None}]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_where_there_is_no_room_is_said(size: int) -> None:
    with pytest.raises(OSError, match="/dev/full") as caught:
        _save("/dev/full", bytes(size))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")
