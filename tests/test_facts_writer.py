"""What TFRecordWriter promises about bytes, files and processes, next to TensorFlow's writer."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import gc
import io
import itertools
import mmap
import os
import random
import re
import stat
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import collect, frame, frames, python, theirs
from ids import stable

import tfrecord_lite as tfr

tf = pytest.importorskip("tensorflow")

RECORDS = [b"first", b"", b"\0" * 1000, bytes(range(256)) * 300, b"last"]
PLAIN = frames(RECORDS)
OLD = frames([b"what was there before"])
COMPRESSIONS = ["", "GZIP", "ZLIB"]


def inflate(data: bytes, compression_type: str) -> bytes:
    return zlib.decompress(data, {"GZIP": 31, "ZLIB": 15}[compression_type]) if compression_type else data


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def same_zlib(compression_type: str, folder: Path) -> bool:
    """Whether TensorFlow's zlib makes the bytes that Python's does (zlib-ng and chromium's differ)."""
    if not compression_type:
        return True
    record = bytes(random.Random(1).choices(b"abcdefghij", k=5000))
    with tf.io.TFRecordWriter(str(folder / "probe"), compression_type) as writer:
        writer.write(record)
    deflate = zlib.compressobj(-1, zlib.DEFLATED, {"GZIP": 31, "ZLIB": 15}[compression_type], 9)
    return (folder / "probe").read_bytes() == deflate.compress(frame(record)) + deflate.flush()


class Boom(Exception):
    pass


# Bytes.


@pytest.mark.parametrize("seed", range(4))
def test_plain_bytes_are_tensorflows(seed: int, tmp_path: Path) -> None:
    generator = random.Random(seed)
    sizes = [0, 1, 11, 12, 13, 65535, 65536, 70000, *(generator.randrange(3000) for _ in range(200))]
    generator.shuffle(sizes)
    records = [generator.randbytes(size) for size in sizes]
    with tfr.TFRecordWriter(tmp_path / "ours") as writer:
        for record in records:
            writer.write(record)
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_large_record_is_tensorflows(tmp_path: Path) -> None:
    record = random.Random(3).randbytes(9 << 20)
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name)) as writer:
            writer.write(b"before")
            writer.write(record)
            writer.write(b"after")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("options", [None, "", "GZIP", "ZLIB"])
def test_options_are_given_as_tensorflow_takes_them(options: str | None, tmp_path: Path) -> None:
    for name, writer in (
        ("a", tfr.TFRecordWriter(tmp_path / "a", options)),
        ("b", tfr.TFRecordWriter(str(tmp_path / "b"), options=options)),
        ("c", tfr.io.TFRecordWriter(str(tmp_path / "c"), tfr.io.TFRecordOptions(options or ""))),
        ("d", tfr.io.TFRecordWriter(tmp_path / "d", tfr.io.TFRecordOptions(compression_type=options or ""))),
    ):
        for record in RECORDS:
            writer.write(record)
        writer.close()
        assert inflate((tmp_path / name).read_bytes(), options or "") == PLAIN
        assert theirs(tmp_path / name, options or "") == (RECORDS, None)


OPTIONS: list[tuple[str, dict[str, int]]] = [
    *((kind, {"compression_level": level}) for kind in ("GZIP", "ZLIB") for level in (0, 1, 5, 9)),
    *((kind, {"mem_level": level}) for kind in ("GZIP", "ZLIB") for level in (1, 8)),
    *((kind, {"compression_strategy": strategy}) for kind in ("GZIP", "ZLIB") for strategy in (1, 2, 3, 4)),
    *(("GZIP", {"window_bits": bits}) for bits in (25, 28, 31)),
    *(("ZLIB", {"window_bits": bits}) for bits in (9, 12, 15)),
    *((kind, {"flush_mode": mode}) for kind in ("GZIP", "ZLIB") for mode in (0, 2, 3)),
    ("GZIP", {"compression_method": 8}),
    ("GZIP", {"input_buffer_size": 100}),
    ("ZLIB", {"output_buffer_size": 100}),
    ("GZIP", {"compression_level": 1, "mem_level": 3, "compression_strategy": 1, "window_bits": 27}),
]


@pytest.mark.parametrize(("compression_type", "options"), OPTIONS)
def test_compression_options_give_tensorflows_bytes(
    compression_type: str, options: dict[str, int], tmp_path: Path
) -> None:
    generator = random.Random(4)
    records = [bytes(generator.choices(b"abc,0123", k=generator.randrange(60))) for _ in range(300)]
    for name, module in (("ours", tfr.io), ("theirs", tf.io)):
        chosen = module.TFRecordOptions(compression_type, **options)
        with module.TFRecordWriter(str(tmp_path / name), chosen) as writer:
            for record in records:
                writer.write(record)
    our_bytes, their_bytes = (tmp_path / "ours").read_bytes(), (tmp_path / "theirs").read_bytes()
    assert zlib.decompress(our_bytes, 47) == frames(records)
    deflate = zlib.compressobj(
        options.get("compression_level", -1),
        zlib.DEFLATED,
        options.get("window_bits", 31 if compression_type == "GZIP" else 15),
        options.get("mem_level", 9),
        options.get("compression_strategy", 0),
    )
    if their_bytes == deflate.compress(frames(records)) + deflate.flush():  # else its zlib is another one
        assert our_bytes == their_bytes
    assert theirs(tmp_path / "ours", compression_type) == (records, None)


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
@pytest.mark.parametrize("script", ["w f w", "f w w", "w f f w f", "W f W", "f W w f w", "f"])
def test_flushes_give_tensorflows_bytes(compression_type: str, script: str, tmp_path: Path) -> None:
    """A script of writes (w small, W larger than any buffer) and flushes."""
    outputs = []
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name), compression_type) as writer:
            for number, step in enumerate(script.split()):
                if step == "f":
                    writer.flush()
                else:
                    writer.write(b"%d" % number * (300_000 if step == "W" else 5))
        outputs.append((tmp_path / name).read_bytes())
    assert inflate(outputs[0], compression_type) == inflate(outputs[1], compression_type)
    if same_zlib(compression_type, tmp_path):
        assert outputs[0] == outputs[1]


@pytest.mark.parametrize("compression_type", ["GZIP", "ZLIB"])
def test_long_compressed_files_are_tensorflows(compression_type: str, tmp_path: Path) -> None:
    generator = random.Random(2)
    records = [generator.randbytes(generator.choice([10, 1000, 100_000])) for _ in range(30)]
    records += [bytes(generator.choices(b"abcdef", k=3000)) for _ in range(100)] + [b"", bytes(300_000)]
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name), compression_type) as writer:
            for record in records:
                writer.write(record)
    our_bytes, their_bytes = (tmp_path / "ours").read_bytes(), (tmp_path / "theirs").read_bytes()
    assert inflate(our_bytes, compression_type) == inflate(their_bytes, compression_type) == frames(records)
    if same_zlib(compression_type, tmp_path):
        assert our_bytes == their_bytes


@pytest.mark.parametrize("bad", [{"compression_level": 99}, {"window_bits": 99}, {"mem_level": 99}])
def test_options_that_zlib_refuses_are_an_error_and_leave_nothing(bad: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises((ValueError, zlib.error)):
        tfr.TFRecordWriter(tmp_path / "x", tfr.io.TFRecordOptions("GZIP", **bad)).close()
    assert names(tmp_path) == []


# What `write` takes.


def test_every_kind_of_buffer_is_written(tmp_path: Path) -> None:
    payload = bytes(range(200))
    (tmp_path / "payload").write_bytes(payload)
    path = tmp_path / "x.tfrecord"
    with (tmp_path / "payload").open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        inputs: list[Any] = [
            payload,
            bytearray(payload),
            memoryview(payload),
            memoryview(payload)[10:20],
            memoryview(payload).cast("I"),
            mapped,
            np.frombuffer(payload, np.uint8),
            np.frombuffer(payload, np.uint8).reshape(10, 20),
            np.frombuffer(payload, np.uint8)[5:9],
            np.bytes_(b"numpy"),
            bytearray(),
            memoryview(b""),
            np.zeros(0, np.uint8),
        ]
        with tfr.TFRecordWriter(path) as writer:
            for given in inputs:
                writer.write(given)
    whole = [payload] * 3
    expected = [*whole, payload[10:20], *([payload] * 4), payload[5:9], b"numpy", b"", b"", b""]
    assert path.read_bytes() == frames(expected)


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
@pytest.mark.parametrize("size", [3, 5000, 3 << 20])
def test_buffer_may_be_changed_and_resized_after_write(compression_type: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    buffer = bytearray(b"a" * size)
    array: Any = np.full(size, ord("b"), np.uint8)
    with tfr.TFRecordWriter(path, compression_type) as writer:
        writer.write(buffer)
        buffer[:] = b"x" * size
        buffer.extend(b"more")
        writer.write(array)
        array[:] = 0
    assert collect(tfr.read_records(path), tfr.TFRecordError) == ([b"a" * size, b"b" * size], None)


@pytest.mark.parametrize("bad", ["text", None, 5, 0, 1.5, True, ["x"], (b"x",), {}, object()], ids=stable)
@pytest.mark.parametrize("compression_type", ["", "GZIP"])
def test_what_is_not_bytes_is_a_type_error_at_the_call(bad: Any, compression_type: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    with tfr.TFRecordWriter(path, compression_type) as writer:
        writer.write(b"before")
        with pytest.raises(TypeError):
            writer.write(bad)
        writer.write(b"after")
    assert inflate(path.read_bytes(), compression_type) == frames([b"before", b"after"])


def test_strided_buffers_are_refused_or_written_whole(tmp_path: Path) -> None:
    strided: list[Any] = [memoryview(b"abcdef")[::2], np.arange(6, dtype=np.uint8)[::2]]
    for number, given in enumerate(strided):
        path = tmp_path / str(number)
        with tfr.TFRecordWriter(path) as writer:
            try:
                writer.write(given)
                expected = [given.tobytes()]
            except (TypeError, ValueError, BufferError):
                expected = []
        assert path.read_bytes() == frames(expected)


def test_write_example_takes_mappings_and_messages_of_anybody(tmp_path: Path) -> None:
    path = tmp_path / "x"
    message = tf.train.Example()
    message.features.feature["k"].int64_list.value.append(5)
    ours: Any = tfr.Example.FromString(message.SerializeToString())
    with tfr.TFRecordWriter(path) as writer:
        writer.write_example({"k": 5})
        writer.write_example(message)
        writer.write_example(ours)
        writer.write(tfr.encode_example({"k": 5}))
        writer.write(message.SerializeToString())
    assert theirs(path) == ([message.SerializeToString()] * 5, None)


def test_bad_example_writes_nothing_and_the_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with tfr.TFRecordWriter(path) as writer:
        with pytest.raises(tfr.FeatureError, match="bad"):
            writer.write_example({"good": 1, "bad": object()})
        writer.write_example({"k": 5})
    assert path.read_bytes() == frame(tfr.encode_example({"k": 5}))


# Publishing.

NAMES = [
    "train.tfrecord",
    "train.tfrecords",
    "train.tfrecord.gz",
    "train-00003-of-00010",
    "train.tfrecord-00003-of-00010",
    "plain",
]
GLOBS = ["*.tfrecord*", "*-of-*", "*-?????-of-?????", "train-*"]


@pytest.mark.parametrize("name", NAMES)
def test_temporary_file_is_a_sibling_that_no_data_glob_matches(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    (tmp_path / "done").write_bytes(OLD)
    with tfr.TFRecordWriter(path) as writer:
        writer.write(b"x")
        writer.flush()
        (temporary,) = set(names(tmp_path)) - {"done"}
        assert temporary != name
        assert ".tfrecord" not in temporary
        assert not re.search(r"-\d+-of-\d+", temporary)
        for glob in GLOBS:
            assert not fnmatch.fnmatch(temporary, glob)
            assert tf.io.gfile.glob(str(tmp_path / glob)) == []
        assert list(tfr.read_records(tmp_path)) == [b"what was there before"]
    assert names(tmp_path) == sorted([name, "done"])


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
def test_clean_close_publishes_and_replaces(compression_type: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    path.write_bytes(OLD)
    writer = tfr.TFRecordWriter(path, compression_type)
    for record in RECORDS:
        writer.write(record)
        assert path.read_bytes() == OLD
    writer.flush()
    assert path.read_bytes() == OLD
    writer.close()
    assert inflate(path.read_bytes(), compression_type) == PLAIN
    assert names(tmp_path) == ["x.tfrecord"]
    writer.close()
    assert inflate(path.read_bytes(), compression_type) == PLAIN


def test_published_file_is_a_new_one_for_who_has_the_old_one_open(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(OLD)
    with path.open("rb") as before:
        with tfr.TFRecordWriter(path) as writer:
            writer.write(b"new")
        assert before.read() == OLD
    assert path.read_bytes() == frame(b"new")


def test_writer_of_nothing_publishes_an_empty_file(tmp_path: Path) -> None:
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name)):
            pass
        assert (tmp_path / name).read_bytes() == b""


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
@pytest.mark.parametrize("before", [None, OLD], ids=["nothing", "a file"])
@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exception_in_the_with_block_leaves_what_was_there(
    compression_type: str, before: bytes | None, error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "x.tfrecord"
    if before is not None:
        path.write_bytes(before)
    with contextlib.suppress(error), tfr.TFRecordWriter(path, compression_type) as writer:
        writer.write(b"half")
        writer.flush()
        raise error
    assert names(tmp_path) == ([] if before is None else ["x.tfrecord"])
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("before", [None, OLD], ids=["nothing", "a file"])
def test_discard_leaves_what_was_there(before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    if before is not None:
        path.write_bytes(before)
    writer = tfr.TFRecordWriter(path)
    writer.write(b"half")
    writer.discard()
    assert names(tmp_path) == ([] if before is None else ["x.tfrecord"])
    writer.close()
    assert names(tmp_path) == ([] if before is None else ["x.tfrecord"])
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("end", ["close", "discard"])
def test_ended_writer_takes_no_more_records(end: str, tmp_path: Path) -> None:
    writer = tfr.TFRecordWriter(tmp_path / "x")
    getattr(writer, end)()
    before = names(tmp_path)
    with pytest.raises((ValueError, RuntimeError, OSError, tfr.TFRecordError)):
        writer.write(b"late")
    assert names(tmp_path) == before


def test_not_atomic_writes_in_place_as_tensorflow_does(tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    for module, options in ((tfr, {"atomic": False}), (tf.io, {})):
        path.write_bytes(OLD)
        inode = path.stat().st_ino
        with contextlib.suppress(Boom), module.TFRecordWriter(str(path), **options) as writer:
            assert names(tmp_path) == ["x.tfrecord"]
            assert path.read_bytes() == b""
            writer.write(b"kept")
            writer.flush()
            assert path.read_bytes() == frame(b"kept")
            writer.write(b"kept too")
            raise Boom
        assert path.read_bytes() == frames([b"kept", b"kept too"])
        assert path.stat().st_ino == inode


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
def test_flush_makes_whole_records_readable_where_they_are_written(compression_type: str, tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "x.tfrecord", compression_type) as writer:
        for count, record in enumerate(RECORDS, 1):
            writer.write(record)
            writer.flush()
            (temporary,) = names(tmp_path)
            assert theirs(tmp_path / temporary, compression_type) == (RECORDS[:count], None)


def test_flushes_do_not_change_the_records(tmp_path: Path) -> None:
    for compression_type in COMPRESSIONS:
        path = tmp_path / ("x" + compression_type)
        with tfr.TFRecordWriter(path, compression_type) as writer:
            for record in RECORDS:
                writer.flush()
                writer.write(record)
                writer.flush()
                writer.flush()
        assert inflate(path.read_bytes(), compression_type) == PLAIN
        assert theirs(path, compression_type) == (RECORDS, None)


def test_relative_path_is_published_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    writer = tfr.TFRecordWriter("x.tfrecord")
    writer.write(b"x")
    monkeypatch.chdir(tmp_path / "b")
    writer.close()
    assert names(tmp_path / "a") == ["x.tfrecord"]
    assert names(tmp_path / "b") == []


def test_longest_file_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with tfr.TFRecordWriter(path) as writer:
        writer.write(b"x")
    assert names(tmp_path) == [path.name]


def test_two_writers_of_one_path_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with tfr.TFRecordWriter(path) as outer:
        outer.write(b"outer")
        with tfr.TFRecordWriter(path) as inner:
            inner.write(b"inner")
        assert path.read_bytes() == frame(b"inner")
        outer.write(b"outer")
    assert path.read_bytes() == frames([b"outer", b"outer"])
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("atomic", [True, False])
def test_file_mode_follows_the_umask(mask: int, atomic: bool, tmp_path: Path) -> None:
    previous = os.umask(mask)
    try:
        for name, module in (("ours", tfr), ("theirs", tf.io)):
            options = {} if module is tf.io else {"atomic": atomic}
            with module.TFRecordWriter(str(tmp_path / name), **options) as writer:
                writer.write(b"x")
    finally:
        assert os.umask(previous) == mask
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "theirs")}
    assert modes["ours"] == 0o666 & ~mask
    assert modes["theirs"] in (0o666 & ~mask, 0o644 & ~mask)


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    for name, module in (("ours", tfr), ("theirs", tf.io)):
        path = tmp_path / name
        path.touch(0o600)
        with module.TFRecordWriter(str(path)) as writer:
            writer.write(b"x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


# What cannot be atomic.


class Kept(io.BytesIO):
    """A file object whose bytes are still there after its close."""

    kept = b""

    def close(self) -> None:
        if not self.closed:
            self.kept = self.getvalue()
        super().close()

    def value(self) -> bytes:
        return self.kept if self.closed else self.getvalue()


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
def test_file_object_is_written_directly(compression_type: str, tmp_path: Path) -> None:
    stream = Kept()
    with tfr.TFRecordWriter(stream, compression_type) as writer:
        for record in RECORDS:
            writer.write(record)
        writer.flush()
        if not compression_type:
            assert stream.value() == PLAIN
    assert inflate(stream.value(), compression_type) == PLAIN
    with (tmp_path / "x").open("wb") as file, tfr.TFRecordWriter(file, compression_type) as writer:
        for record in RECORDS:
            writer.write(record)
    assert inflate((tmp_path / "x").read_bytes(), compression_type) == PLAIN


class Short(io.RawIOBase):
    """A raw stream that takes at most 1000 bytes at a time."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(memoryview(data).cast("B")[:1000])
        self.taken += part
        return len(part)


def test_short_writes_of_a_raw_stream_are_continued() -> None:
    stream = Short()
    with tfr.TFRecordWriter(stream) as writer:
        for record in RECORDS:
            writer.write(record)
    assert bytes(stream.taken) == PLAIN


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
def test_fifo_is_written_directly(compression_type: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.tfrecord"
    os.mkfifo(fifo)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()), daemon=True)
    reader.start()
    with tfr.TFRecordWriter(fifo, compression_type) as writer:
        for record in RECORDS:
            writer.write(record)
        assert names(tmp_path) == ["fifo.tfrecord"]
    reader.join(20)
    assert inflate(got[0], compression_type) == PLAIN
    assert stat.S_ISFIFO(fifo.stat().st_mode)


STDOUT = """
import sys, tfrecord_lite as tfr
with tfr.TFRecordWriter("/dev/stdout") as writer:
    writer.write(b"one")
    writer.write(b"two")
"""


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout")
def test_dev_stdout_is_written_directly_into_a_pipe_and_into_a_file(tmp_path: Path) -> None:
    done = python(STDOUT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == frames([b"one", b"two"])
    with (tmp_path / "out").open("wb") as out:
        done = python(STDOUT, stdout=out)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out").read_bytes() == frames([b"one", b"two"])
    assert names(tmp_path) == ["out"]


# Writers that nobody closed.


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
def test_dropped_writer_is_published_with_a_resource_warning(compression_type: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    writer = tfr.TFRecordWriter(path, compression_type)
    writer.write(b"one")
    writer.write(b"two")
    holder = [writer]
    del writer
    with pytest.warns(ResourceWarning, match=re.escape("x.tfrecord")):
        holder.clear()
    assert names(tmp_path) == ["x.tfrecord"]
    assert inflate(path.read_bytes(), compression_type) == frames([b"one", b"two"])


def test_closed_and_discarded_writers_warn_of_nothing(tmp_path: Path) -> None:
    for end in ("close", "discard"):
        writer = tfr.TFRecordWriter(tmp_path / end)
        writer.write(b"x")
        getattr(writer, end)()
        del writer
    gc.collect()  # a warning would be an error


ONE_TWO = """
writer.write(b"one")
writer.write(b"two")
"""
OPEN = "writer = tfr.TFRecordWriter(path, kind)"
NORMAL_ENDS = {
    "global": OPEN + ONE_TWO,
    "local": """
def main():
    writer = tfr.TFRecordWriter(path, kind)
    writer.write(b"one")
    writer.write(b"two")
main()
""",
    "in a cycle": OPEN + ONE_TWO + "cycle = [writer]\ncycle.append(cycle)\ndel writer, cycle",
    "in a list": "import gc\ngc.disable()\n" + OPEN + ONE_TWO + "writers = [writer]\ndel writer",
    "sys.exit(0)": OPEN + ONE_TWO + "sys.exit(0)",
    "after a handled exception": OPEN
    + """
writer.write(b"one")
try:
    raise ValueError
except ValueError:
    pass
writer.write(b"two")
""",
    "not atomic": "writer = tfr.TFRecordWriter(path, kind, atomic=False)" + ONE_TWO,
}
PREAMBLE = "import sys, tfrecord_lite as tfr\npath, kind = sys.argv[1:]\n"


@pytest.mark.parametrize("how", NORMAL_ENDS)
def test_writer_open_at_a_normal_end_is_published_with_a_resource_warning(how: str, tmp_path: Path) -> None:
    compression_type = COMPRESSIONS[list(NORMAL_ENDS).index(how) % 3]
    path = tmp_path / "x.tfrecord"
    done = python(PREAMBLE + NORMAL_ENDS[how], path, compression_type)
    assert done.returncode == 0, done.stderr.decode()
    assert names(tmp_path) == ["x.tfrecord"]
    assert inflate(path.read_bytes(), compression_type) == frames([b"one", b"two"])
    assert b"ResourceWarning" in done.stderr
    assert b"Traceback" not in done.stderr


def test_unclosed_writers_of_tensorflow_lose_nothing_either(tmp_path: Path) -> None:
    writer = tf.io.TFRecordWriter(str(tmp_path / "x"))
    writer.write(b"one")
    del writer
    gc.collect()
    assert (tmp_path / "x").read_bytes() == frame(b"one")


HALF = "\nwriter.write(b'half')\n"
BAD_ENDS = {
    "global": OPEN + HALF + "raise RuntimeError('boom')",
    "local": """
def main():
    writer = tfr.TFRecordWriter(path, kind)
    writer.write(b"half")
    raise RuntimeError("boom")
main()
""",
    "deep local": """
def inner(writer):
    writer.write(b"half")
    raise RuntimeError("boom")
def main():
    inner(tfr.TFRecordWriter(path, kind))
main()
""",
    "in a generator": """
def records():
    writer = tfr.TFRecordWriter(path, kind)
    writer.write(b"half")
    yield 1
    raise RuntimeError("boom")
for _ in records():
    pass
""",
    "chained": """
def main():
    writer = tfr.TFRecordWriter(path, kind)
    writer.write(b"half")
    raise ValueError("first")
try:
    main()
except ValueError as error:
    raise RuntimeError("boom") from error
""",
    "KeyboardInterrupt": OPEN + HALF + "raise KeyboardInterrupt('boom')",
    "with-block": """
with tfr.TFRecordWriter(path, kind) as writer:
    writer.write(b"half")
    raise RuntimeError("boom")
""",
    "os._exit": "import os\n" + OPEN + HALF + "sys.stderr.write('boom')\nsys.stderr.flush()\nos._exit(1)",
}


@pytest.mark.parametrize("how", BAD_ENDS)
def test_uncaught_exception_discards_the_open_writer(how: str, tmp_path: Path) -> None:
    compression_type = COMPRESSIONS[list(BAD_ENDS).index(how) % 3]
    path = tmp_path / "x.tfrecord"
    path.write_bytes(OLD)
    done = python(PREAMBLE + BAD_ENDS[how], path, compression_type)
    assert done.returncode != 0
    assert b"boom" in done.stderr
    assert path.read_bytes() == OLD
    if how != "os._exit":
        assert names(tmp_path) == ["x.tfrecord"]


# Full disks.


def write_and_flush(writer: Any, records: list[bytes]) -> None:
    for record in records:
        writer.write(record)
        writer.flush()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("compression_type", ["", "GZIP"])
def test_full_device_fails_and_stays_failed(compression_type: str) -> None:
    record = random.Random(1).randbytes(100_000)
    writer = tfr.TFRecordWriter("/dev/full", compression_type)
    try:
        with pytest.raises(OSError) as raised:
            write_and_flush(writer, [record] * 200)
        assert raised.value.errno == errno.ENOSPC
        with pytest.raises((OSError, ValueError, tfr.TFRecordError)):
            writer.write(b"again")
        with pytest.raises((OSError, ValueError, tfr.TFRecordError)):
            writer.flush()
    finally:
        writer.discard()
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_device_is_noticed_by_close() -> None:
    """Nothing but the close gives these bytes to the device."""
    with pytest.raises(OSError) as raised, tfr.TFRecordWriter("/dev/full") as writer:
        writer.write(b"small")
    assert raised.value.errno == errno.ENOSPC


FULL = """
import os, resource, sys
import tfrecord_lite as tfr
path, kind, record = sys.argv[1], sys.argv[2], os.urandom(10_000)
with tfr.TFRecordWriter(path + ".warm", kind) as writer:
    writer.write(b"x")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
writer = tfr.TFRecordWriter(path, kind)
failed = False
try:
    for _ in range(2000):
        writer.write(record)
    writer.flush()
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for again in (lambda: writer.write(b"again"), writer.flush):
    try:
        again()
    except Exception as error:
        print("failed")
try:
    writer.close()
except Exception as error:
    pass
del writer
"""


@pytest.mark.parametrize("compression_type", COMPRESSIONS)
def test_file_that_cannot_grow_is_never_published(compression_type: str, tmp_path: Path) -> None:
    """The room comes back after the error, but the writer has lost bytes and must not go on."""
    path = tmp_path / "x.tfrecord"
    path.write_bytes(OLD)
    done = python(FULL, path, compression_type)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split() == [str(errno.EFBIG), "failed", "failed"]
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["x.tfrecord", "x.tfrecord.warm"]


# Processes.

FORK = """
import os, sys
import tfrecord_lite as tfr
path, kind, atomic = sys.argv[1], sys.argv[2], sys.argv[3] == "atomic"
writer = tfr.TFRecordWriter(path, kind, atomic=atomic)
writer.write(b"one")
child = os.fork()
if not child:
    for attempt in ACTIONS:
        try:
            attempt(writer)
        except Exception:
            pass
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
if atomic:
    assert not os.path.exists(path)
writer.write(b"two")
writer.close()
"""
ACTIONS = {
    "nothing": "[]",
    "drops it": "[lambda writer: globals().pop('writer')]",
    "writes": "[lambda writer: writer.write(b'child'), lambda writer: writer.flush()]",
    "closes": "[lambda writer: writer.write(b'child'), lambda writer: writer.close()]",
    "discards": "[lambda writer: writer.discard()]",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("atomic", ["atomic", "in place"])
def test_forked_child_writes_nothing(action: str, atomic: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    compression_type = COMPRESSIONS[(list(ACTIONS).index(action) + (atomic == "atomic")) % 2]
    done = python(FORK.replace("ACTIONS", ACTIONS[action]), path, compression_type, atomic)
    assert done.returncode == 0, done.stderr.decode()
    assert names(tmp_path) == ["x.tfrecord"]
    assert inflate(path.read_bytes(), compression_type) == frames([b"one", b"two"])


def test_writers_in_many_threads_do_not_mix(tmp_path: Path) -> None:
    def write(number: int) -> None:
        with tfr.TFRecordWriter(tmp_path / str(number)) as writer:
            for count in range(300):
                writer.write(b"%d-%d" % (number, count))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        expected = frames(b"%d-%d" % (number, count) for count in range(300))
        assert (tmp_path / str(number)).read_bytes() == expected


def test_many_small_records_are_tensorflows(tmp_path: Path) -> None:
    """More of them than any buffer holds, with sizes around it."""

    def records() -> Iterator[bytes]:
        yield from (b"%d" % number for number in range(20_000))
        yield from (bytes(size) for size in itertools.chain(range(0, 70_000, 7_001), (65_519, 65_520, 65_521)))

    for name, module in (("ours", tfr), ("theirs", tf.io)):
        with module.TFRecordWriter(str(tmp_path / name)) as writer:
            for record in records():
                writer.write(record)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_broken_pipe_is_an_oserror() -> None:
    script = """
import errno, os, sys, tfrecord_lite as tfr
reader, end = os.pipe()
os.close(reader)
writer = tfr.TFRecordWriter(open(end, "wb", buffering=0, closefd=False))
try:
    writer.write(bytes(1000))
    writer.flush()
except BrokenPipeError:
    print("broken")
writer.discard()
"""
    finished = python(script)
    assert finished.stdout.split() == [b"broken"], finished.stderr.decode()
