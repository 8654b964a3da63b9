"""The names of the three compressions that there are. Help needs no more than this."""

from __future__ import annotations

from typing import Any

#: The only three that exist. Anything else is an error here; TensorFlow's reader takes it for "" without a word.
COMPRESSION_TYPES = ("", "GZIP", "ZLIB")

#: TensorFlow's enum tf.compat.v1.io.TFRecordCompressionType: NONE, ZLIB, GZIP.
_ENUM = {0: "", 1: "ZLIB", 2: "GZIP"}


def check_compression_type(compression_type: Any) -> str:
    """`compression_type` as one of COMPRESSION_TYPES; None and 0 mean "", 1 and 2 are TensorFlow's old enum.

    Raises:
        ValueError: it is none of them.
    """
    if compression_type is None:
        return ""
    if not isinstance(compression_type, bool):
        compression_type = _ENUM.get(compression_type, compression_type)
    if compression_type not in COMPRESSION_TYPES:
        raise ValueError(f"compression_type is '', 'GZIP' or 'ZLIB', not {compression_type!r}")
    return str(compression_type)
