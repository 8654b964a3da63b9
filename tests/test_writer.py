import gc
import io
import itertools
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfrecord_lite import (
    FeatureError,
    ShardedWriter,
    TFRecordWriter,
    decode_example,
    encode_example,
    read_examples,
    read_records,
)
from tfrecord_lite.files.open_writers import open_writers
from tfrecord_lite.format.blocks import BLOCK_SIZE, LARGE_FRAME


@pytest.mark.parametrize("options", [None, "GZIP", "ZLIB"])
def test_records_keep_their_order_whatever_way_they_take(tmp_path: Path, options: Any) -> None:
    generator = np.random.default_rng(1)
    sizes = [0, 1, LARGE_FRAME - 1, LARGE_FRAME, LARGE_FRAME + 1, 5, BLOCK_SIZE, BLOCK_SIZE + 1, 0, 3] * 3
    records = [generator.bytes(size) for size in sizes]
    with TFRecordWriter(tmp_path / "a", options) as writer:
        for record in records:
            writer.write(record)
    assert list(read_records(tmp_path / "a")) == records


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 16385, LARGE_FRAME, 1 << 20])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_examples_with_large_values_are_written_as_they_are_encoded(tmp_path: Path, size: int, kind: Any) -> None:
    example = {
        "blob": kind(np.random.default_rng(size).bytes(size)),
        "blobs": [kind(bytes(size)), b"small", kind(b"x" * size)],
        "floats": np.arange(size // 4, dtype=np.float32),
        "after": 7,
    }
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write_example(example)
    assert list(read_records(tmp_path / "a")) == [encode_example(example)]
    decoded = next(read_examples(tmp_path / "a"))
    assert decoded["blob"] == [bytes(example["blob"])]
    assert np.array_equal(decoded["floats"], example["floats"])


@pytest.mark.parametrize("write", ["write", "write_example"])
def test_large_values_are_written_without_a_copy(tmp_path: Path, write: str) -> None:
    image = bytearray(8 << 20)
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write(b"warm up")
        writer.flush()
        tracemalloc.start()
        getattr(writer, write)(image if write == "write" else {"image": image, "label": 1})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_record_may_be_changed_after_it_was_written(tmp_path: Path) -> None:
    for size in (10, LARGE_FRAME + 1):
        record = bytearray(b"a" * size)
        with TFRecordWriter(tmp_path / "a") as writer:
            writer.write(record)
            writer.write(memoryview(record)[1:])
            record[:] = b"b" * size
        assert list(read_records(tmp_path / "a")) == [b"a" * size, b"a" * (size - 1)]


@pytest.mark.parametrize("has_writev", [True, False])
def test_what_the_system_does_not_take_at_once_is_written_in_turns(
    tmp_path: Path, has_writev: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, shares = os.write, itertools.cycle([0, 1, 5, 3000, 70_000])

    def some(descriptor: int, buffers: Any) -> int:
        return write(descriptor, b"".join(buffers)[: next(shares)])

    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: next(shares)]))
    if has_writev:
        monkeypatch.setattr(os, "writev", some, raising=False)
    else:
        monkeypatch.delattr(os, "writev", raising=False)
    records = [bytes([size % 251]) * size for size in (0, 1, 5000, 40_000, 7, 0, 3000, 200_000)]
    with TFRecordWriter(tmp_path / "a") as writer:
        for record in records * 200:
            writer.write(record)
        writer.write_columns({"a": records})
    assert list(read_records(tmp_path / "a")) == [*records * 200, *(encode_example({"a": item}) for item in records)]


def test_an_example_that_is_too_large_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tfrecord_lite.format.pieces as pieces

    monkeypatch.setattr(pieces, "MAX_MESSAGE_SIZE", 1 << 20)
    with TFRecordWriter(tmp_path / "a") as writer:
        for number in range(100):
            writer.write_example({"a": number, "b": b"x"})
        with pytest.raises(FeatureError, match="limit"):
            writer.write_example({"a": 1, "b": bytes(2 << 20)})
        writer.write_example({"a": 100, "b": b"x"})
    assert list(read_records(tmp_path / "a")) == [encode_example({"a": n, "b": b"x"}) for n in range(101)]


def test_many_empty_records_are_not_collected_without_end(tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "a", atomic=False) as writer:
        for _ in range(10_000):
            writer.write(b"")
        assert (tmp_path / "a").stat().st_size >= 2 * 4096 * 16


def test_a_file_in_shared_memory_is_published_like_any_other() -> None:
    directory = Path("/dev/shm")
    if not directory.is_dir():
        pytest.skip("this system has no /dev/shm")
    path = directory / "tfrecord_lite_test"
    try:
        writer = TFRecordWriter(path)
        writer.write(b"a")
        assert not path.exists()
        writer.close()
        assert list(read_records(path)) == [b"a"]
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("options", [{"window_bits": 15}, {"window_bits": 47}])
def test_window_bits_that_would_make_another_format_are_refused(options: dict[str, Any]) -> None:
    from tfrecord_lite import TFRecordOptions

    with pytest.raises(ValueError, match="window_bits for GZIP is 25 to 31"):
        TFRecordOptions("GZIP", **options)


@pytest.mark.parametrize(
    "record",
    [
        np.array([b"ab"], object),
        np.array(["ab"]),
        np.str_("abc"),
        np.int64(3),
        np.float32(1),
        np.arange(3),
        np.array(["2020"], "M8[D]"),
        np.array([b"ab"]),
        "text",
        None,
        3,
        [b"a"],
    ],
    ids=repr,
)
def test_buffers_of_anything_but_bytes_are_a_type_error(tmp_path: Path, record: Any) -> None:
    with TFRecordWriter(tmp_path / "a") as writer:
        with pytest.raises(TypeError, match="bytes-like"):
            writer.write(record)
        with pytest.raises(TypeError):
            decode_example(record)
    assert list(read_records(tmp_path / "a")) == []


def test_tensors_of_strings_are_a_type_error_and_their_values_are_records(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    with TFRecordWriter(tmp_path / "a") as writer:
        with pytest.raises(TypeError, match="bytes-like"):
            writer.write(tf.constant(b"abc"))
        writer.write(tf.constant(b"abc").numpy())
        writer.write_example({"a": tf.constant([1, 2]), "b": tf.constant([b"x", b"yz"])})
    first, second = read_records(tmp_path / "a")
    assert first == b"abc"
    assert decode_example(second)["b"] == [b"x", b"yz"]


@pytest.mark.parametrize("how", ["pytest", "console", "shared console"])
def test_a_failure_that_was_caught_and_shown_is_no_crash(tmp_path: Path, how: str) -> None:
    shown = {
        "pytest": "import pytest; open('t.py', 'w').write('def test(): assert 0'); pytest.main(['-q', 't.py'])",
        "console": "import code; code.InteractiveInterpreter().runsource('1/0')",
        "shared console": "import code; code.InteractiveConsole(globals()).push('1/0')",
    }[how]
    script = f"{shown}\nimport sys, tfrecord_lite\nassert sys.last_value\n"
    script += "w = tfrecord_lite.TFRecordWriter('a'); w.write(b'x')"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    assert list(read_records(tmp_path / "a")) == [b"x"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_continued_where_it_stands(tmp_path: Path, name: str) -> None:
    if not Path(name).exists():
        pytest.skip(f"this system has no {name}")
    script = f"import tfrecord_lite as t; w = t.TFRecordWriter({name!r}); w.write(b'x'); w.close()"
    with (tmp_path / "a").open("ab") as file:
        for _ in range(2):
            subprocess.run([sys.executable, "-c", script], stdout=file, check=True)
    assert list(read_records(tmp_path / "a")) == [b"x", b"x"]


def test_a_file_object_that_cannot_take_bytes_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(TypeError, match="binary"):
        TFRecordWriter(io.StringIO())
    with (tmp_path / "a").open("rb") as file, pytest.raises(io.UnsupportedOperation):
        TFRecordWriter(file)


@pytest.mark.parametrize(
    "make", [TFRecordWriter, partial(TFRecordWriter, mode="a"), partial(ShardedWriter, num_shards=3)]
)
def test_an_interrupt_while_a_writer_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], TFRecordWriter]
) -> None:
    def interrupt(_: TFRecordWriter) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(open_writers, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "a")
    gc.collect()  # a warning about what a destructor raised would be an error
    assert os.listdir(tmp_path) == []
