"""How a file is compressed: TFRecordOptions, under TensorFlow's name and with its arguments."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.files.compression_types import check_compression_type


@dataclass(frozen=True)
class TFRecordOptions:
    """Options of a TFRecordWriter, as tf.io.TFRecordOptions. None is TensorFlow's default: level -1, mem_level 9.

    Attributes:
        compression_type: "", "GZIP", "ZLIB" or None.
        flush_mode, input_buffer_size, output_buffer_size: taken for TensorFlow's sake and not used. TensorFlow flushes
            in `flush_mode` whenever its buffer is full: beyond 256 KiB its compressed bytes differ, the records do not.
        window_bits: 9 to 15 for ZLIB, 25 to 31 for GZIP.
        compression_level: -1 to 9.
        compression_method: zlib.DEFLATED, the only one.
        mem_level: 1 to 9.
        compression_strategy: zlib.Z_DEFAULT_STRATEGY and its like.
        seekable: write GZIP in members of bounded size, so that the file can be entered in the middle. Every GZIP
            reader reads it, TensorFlow included; it is larger by some 2% at most.
    """

    compression_type: str | int | None = None
    flush_mode: int | None = None
    input_buffer_size: int | None = None
    output_buffer_size: int | None = None
    window_bits: int | None = None
    compression_level: int | None = None
    compression_method: int | None = None
    mem_level: int | None = None
    compression_strategy: int | None = None
    seekable: bool = False

    def __post_init__(self) -> None:
        compression = check_compression_type(self.compression_type)
        lowest, highest = (25, 31) if compression == "GZIP" else (9, 15)
        if compression and self.window_bits is not None and not lowest <= self.window_bits <= highest:
            raise ValueError(f"window_bits for {compression} is {lowest} to {highest}, not {self.window_bits}")
        if self.seekable and compression != "GZIP":
            raise ValueError(f"only GZIP can be seekable, not compression_type {compression!r}")

    def compressor(self) -> Any:
        """A new zlib compressor with these options, or None when there is nothing to compress."""
        compression = check_compression_type(self.compression_type)
        if not compression:
            return None
        return zlib.compressobj(
            level=_or(self.compression_level, zlib.Z_DEFAULT_COMPRESSION),
            method=_or(self.compression_method, zlib.DEFLATED),
            wbits=_or(self.window_bits, 31 if compression == "GZIP" else 15),
            memLevel=_or(self.mem_level, 9),
            strategy=_or(self.compression_strategy, zlib.Z_DEFAULT_STRATEGY),
        )

    @classmethod
    def get_compression_type_string(cls, options: Any) -> str:
        """The compression type of a TFRecordOptions, an enum value, a string or None, as in TensorFlow."""
        return check_compression_type(getattr(options, "compression_type", options))


def as_options(options: Any) -> TFRecordOptions:
    """What a writer was given: None, a compression type, our TFRecordOptions or TensorFlow's."""
    if isinstance(options, TFRecordOptions):
        return options
    if not hasattr(options, "compression_type"):
        return TFRecordOptions(options)
    names = [name for name in TFRecordOptions.__dataclass_fields__ if hasattr(options, name)]
    return TFRecordOptions(**{name: getattr(options, name) for name in names})


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
