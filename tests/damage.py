"""Hand-made TFRecord, gzip and zlib bytes, and the verbs that damage them.

Everything here is written from the specifications alone (TFRecord's frame, RFC 1950 to 1952, RFC 3720) and
shares no code with the package under test: bytes come in, bytes go out. Below them stand the readers' common
outcome (`collect`, `theirs`) and a script's run in a fresh interpreter, which is where crashes, memory bounds
and unclosed writers are looked at.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pytest

MASK_DELTA = 0xA282EAD8


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), bit by bit, as in RFC 3720 appendix B.4."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def mask(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def unmask(masked: int) -> int:
    rotated = (masked - MASK_DELTA) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


@cache
def masked_crc(data: bytes) -> int:
    return mask(crc32c(data))


def header(length: int) -> bytes:
    """The 12 bytes before a record, with a true CRC whatever the length says."""
    eight = struct.pack("<Q", length)
    return eight + struct.pack("<I", masked_crc(eight))


def frame(record: bytes) -> bytes:
    return header(len(record)) + record + struct.pack("<I", masked_crc(record))


def frames(records: Iterable[bytes]) -> bytes:
    return b"".join(map(frame, records))


# The damage verbs.


def flip_bit(data: bytes, position: int, bit: int = 0) -> bytes:
    damaged = bytearray(data)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def cut_at(data: bytes, position: int) -> bytes:
    return data[:position]


def append_garbage(data: bytes, garbage: bytes = b"garbage") -> bytes:
    return data + garbage


def overwrite(data: bytes, position: int, garbage: bytes) -> bytes:
    """`garbage` in the place of as many bytes."""
    return data[:position] + garbage + data[position + len(garbage) :]


def delete_range(data: bytes, begin: int, end: int) -> bytes:
    return data[:begin] + data[end:]


def insert_at(data: bytes, position: int, garbage: bytes) -> bytes:
    return data[:position] + garbage + data[position:]


def set_length(data: bytes, length: int, offset: int = 0) -> bytes:
    """The frame at `offset` claims `length`, under a true length CRC."""
    return data[:offset] + header(length) + data[offset + 12 :]


# Compressed files, written by hand.


def raw_deflate(data: bytes, level: int = -1) -> bytes:
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15, 9)
    return deflate.compress(data) + deflate.flush()


def gzip_member(
    data: bytes,
    *,
    level: int = -1,
    extra: bytes | None = None,
    name: bytes | None = None,
    comment: bytes | None = None,
    header_crc: bool = False,
) -> bytes:
    """One gzip member (RFC 1952), with the optional header fields asked for."""
    flags = (
        2 * header_crc + 4 * (extra is not None) + 8 * (name is not None) + 16 * (comment is not None)
    )  # FHCRC, FEXTRA, FNAME, FCOMMENT
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0" + b"\0\x03"
    if extra is not None:
        head += struct.pack("<H", len(extra)) + extra
    for text in (name, comment):
        if text is not None:
            head += text + b"\0"
    if header_crc:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head + raw_deflate(data, level) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def gzip_member_of_size(data: bytes, size: int) -> bytes:
    """A gzip member of exactly `size` bytes: stored, and padded by FEXTRA (at most 65,535 bytes of it)."""
    pad = size - len(gzip_member(data, level=0, extra=b""))
    member = gzip_member(data, level=0, extra=bytes(pad))
    assert len(member) == size
    return member


def zlib_stream(data: bytes, *, level: int = -1) -> bytes:
    """One zlib stream (RFC 1950)."""
    first = 0x78
    fcheck = (31 - (first * 256) % 31) % 31
    return bytes([first, fcheck]) + raw_deflate(data, level) + struct.pack(">I", zlib.adler32(data))


def inflated_prefix(data: bytes, wbits: int) -> tuple[bytes, bool]:
    """What zlib gets out of one stream or member byte by byte, and whether it met a sound end."""
    inflate = zlib.decompressobj(wbits)
    out = b""
    try:
        for position in range(len(data)):
            out += inflate.decompress(data[position : position + 1])
    except zlib.error:
        return out, False
    return out, inflate.eof


# What reading came to: the records in front of the error, and the error.

Outcome = tuple[list[bytes], Exception | None]


def collect(records: Iterable[bytes], errors: type[Exception]) -> Outcome:
    collected: list[bytes] = []
    try:
        for record in records:
            collected.append(record)  # noqa: PERF402 - what came before an error counts
    except errors as error:
        return collected, error
    return collected, None


def theirs(path: str | os.PathLike[str], compression_type: str = "") -> Outcome:
    """TensorFlow's outcome, by both of its readers, which must agree; the error is the v1 iterator's."""
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.TFRecordDataset(os.fspath(path), compression_type)
    records, error = collect((tensor.numpy() for tensor in dataset), tf.errors.OpError)
    v1_records, v1_error = theirs_v1(path, compression_type)
    assert records == v1_records
    assert type(error) is type(v1_error)
    return v1_records, v1_error


def theirs_v1(path: str | os.PathLike[str], compression_type: str = "") -> Outcome:
    """The same by the v1 iterator alone, which takes a thousandth of the time."""
    tf = pytest.importorskip("tensorflow")
    options = tf.io.TFRecordOptions(compression_type) if compression_type else None

    def iterator() -> Iterator[bytes]:
        yield from tf.compat.v1.io.tf_record_iterator(os.fspath(path), options)

    return collect(iterator(), tf.errors.OpError)


# A fresh interpreter.


def python(
    script: str,
    *arguments: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    timeout: float = 60,
    warnings: str = "default",
) -> subprocess.CompletedProcess[bytes]:
    """Runs `script` in a new interpreter that finds the same package as this one."""
    spec = find_spec("tfrecord_lite")
    assert spec is not None
    assert spec.origin is not None
    root = str(Path(spec.origin).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, f"-W{warnings}", "-c", script, *(os.fspath(argument) for argument in arguments)],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", **(env or {})},
    )


def python_output(script: str, *arguments: str | os.PathLike[str], stdin: bytes | None = None) -> str:
    """The same for a script that must succeed: what it printed."""
    done = python(script, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


# Put in front of a script: peak() is this process's largest resident size so far, limit(n) leaves it n more
# bytes of address space than it has now. Both read /proc, so their tests run on Linux only.
MEMORY = """
import re, resource
def status(field):
    with open("/proc/self/status") as lines:
        return int(re.search(field + r":\\s+(\\d+) kB", lines.read()).group(1)) * 1024
def peak():
    return status("VmHWM")
def limit(spare):
    bound = status("VmSize") + spare
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
"""
HAS_PROC = Path("/proc/self/status").exists()
#: Free-threaded Python has an allocator that copies what grows, and reserves a gigabyte of addresses at a time.
MEASURES_MEMORY = HAS_PROC and not sysconfig.get_config_var("Py_GIL_DISABLED")
