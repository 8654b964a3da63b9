"""Files of formats that are text, or tar, inflated where they are GZIP: by their name, or by how they begin."""

from __future__ import annotations

import io
from typing import Any

from tfrecord_lite.files.compression import InflateStream
from tfrecord_lite.files.streams import open_source

#: Neither UTF-8 nor a member of a tar file begins so.
_GZIP = b"\x1f\x8b\x08"
_BUFFER_BYTES = 1 << 18


def open_inflated(source: str, compression_type: str) -> tuple[io.BufferedReader, str]:
    """(its bytes, name for errors) of a path, a URL or "-".

    Args:
        source: as above.
        compression_type: "GZIP" where the name says so; "" goes by the content.
    """
    stream: Any
    stream, name, _ = open_source(source, compression_type)
    file = io.BufferedReader(stream, _BUFFER_BYTES)
    if not compression_type:
        try:
            is_gzip = file.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
        except BaseException:
            file.close()
            raise
        if is_gzip:
            stream = InflateStream(file, "GZIP")
            file = io.BufferedReader(stream, _BUFFER_BYTES)
    return file, name or source
