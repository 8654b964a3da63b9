"""The corpus that fuzzing starts from, made by the writers, tests/odd_messages.py and the verbs of tests/damage.py."""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any

import damage
import numpy as np
import odd_messages

import tfrecord_lite as tfr
from fuzz import commands
from fuzz.files import BETWEEN, RECORDS
from fuzz.folder import file, folder
from fuzz.messages import with_lengths


def example(random: np.random.Generator) -> dict[str, Any]:
    return {
        "a": random.integers(0, 300, 1),
        "b": random.standard_normal(3).astype(np.float32),
        "c": [random.bytes(4)],
    }


def examples() -> list[bytes]:
    random = np.random.default_rng(1)
    made = [odd_messages.odd_record(odd_messages.varied(example(random), random), random) for _ in range(30)]
    return [b"", odd_messages.usual_record(example(random)), *made]


def sequence_examples() -> list[bytes]:
    random = np.random.default_rng(2)
    usual = tfr.encode_sequence_example({"a": 1}, {"a": [[1], [2, 3]], "b": [[1.5]], "c": [[b"x"], [b"y"]]})
    made = []
    for _ in range(30):
        lists = {key: [value] * int(random.integers(3)) for key, value in example(random).items()}
        made.append(odd_messages.odd_sequence_record(example(random), lists, random))
    return [b"", usual, *made]


def tables() -> list[bytes]:
    random = np.random.default_rng(3)
    usual = [odd_messages.usual_record(example(random)) for _ in range(12)]
    return [with_lengths(usual), with_lengths(usual[:2] + examples()[:6]), with_lengths(examples()[2:8])]


def stored() -> list[bytes]:
    """Files of records: plain, GZIP, ZLIB, seekable; sound and damaged."""
    plain = damage.frames([b"", b"a", b"bc" * 20, bytes(100)])
    seekable = io.BytesIO()
    with tfr.TFRecordWriter(seekable, tfr.TFRecordOptions("GZIP", seekable=True)) as writer:
        for record in RECORDS:
            writer.write(record)
    files = [plain, damage.gzip_member(plain), damage.gzip_member(plain) * 2, damage.zlib_stream(plain)]
    sound = [b"", *files, seekable.getvalue(), damage.gzip_member(plain, name=b"n", extra=b"xy", header_crc=True)]
    broken = [damage.flip_bit(data, len(data) // 2) for data in files] + [damage.cut_at(data, 25) for data in files]
    return [*sound, *broken, damage.set_length(plain, 1 << 40), damage.append_garbage(plain)]


def streams() -> list[bytes]:
    return [bytes([how]) + data for data in stored() for how in range(8)]


def indexes() -> list[bytes]:
    path = folder() / "indexed"
    path.write_bytes(damage.frames(RECORDS))
    for left in folder().glob("indexed.idx*"):  # of the target: no index of ours, and so not overwritten
        left.unlink()
    index = tfr.RecordIndex.build(path).save()
    with open(index, "rb") as text, open(index + ".json", "rb") as companion:
        lines, facts = text.read(), companion.read()
    return [lines, lines + BETWEEN + facts, b"", BETWEEN + b"{}"]


def command_files() -> list[bytes]:
    records = b"".join(map(damage.frame, examples()[1:2] * 3))
    out = [bytes([which]) + content for which in range(len(commands.LOOKS)) for content in (records, *stored())]
    source = file("seed.tfrecord", records)
    for which, name in enumerate(commands.FORMATS, len(commands.LOOKS)):
        target = folder() / "seed"
        commands.run("convert", "--quiet", "--from", "tfrecord", "--to", name, source, str(target))
        with contextlib.suppress(FileNotFoundError):  # a format that wants an extra
            out.append(bytes([which]) + target.read_bytes())
            os.unlink(target)
    return [*out, b'\x03{"a": 1, "b": [1.5]}\n', b"\x04a,b\n1,x\n"]
