"""Names of shards, ShardInfo, ShardedWriter."""

import os
import pickle
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import crc32c, frame, frames, mask, python, python_output
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite import (
    FeatureError,
    ShardedWriter,
    ShardInfo,
    TFRecordOptions,
    TFRecordWriter,
    commit,
    encode_example,
    read_records,
)
from tfrecord_lite.files.shards import check_prefix, shard_name
from tfrecord_lite.files.surgery import split
from tfrecord_lite.format.blocks import LARGE_FRAME
from tfrecord_lite.format.frame_group import FrameGroup

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

RECORDS = [str(number).encode() * (number % 7) for number in range(100)]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def shards(directory: Path, prefix: str = "train") -> list[list[bytes]]:
    return [list(read_records(path)) for path in sorted(directory.glob(f"{prefix}-*"))]


def write(prefix: Path, records: list[bytes], **arguments: Any) -> list[ShardInfo]:
    with ShardedWriter(prefix, **arguments) as writer:
        for record in records:
            writer.write(record)
    return writer.infos


@pytest.mark.parametrize(
    ("prefix", "number", "count", "expected"),
    [
        ("train", 3, 10, "train-00003-of-00010"),
        ("out/train.tfrecord", 0, 1, "out/train.tfrecord-00000-of-00001"),
        ("a", 99_998, 99_999, "a-99998-of-99999"),
        ("a", 7, 100_000, "a-000007-of-100000"),
    ],
)
def test_shards_are_named_as_beam_and_tfds_name_them(prefix: str, number: int, count: int, expected: str) -> None:
    assert shard_name(prefix, number, count) == expected


@pytest.mark.parametrize(
    ("prefix", "problem"),
    [
        ("", "does not end in a name"),
        ("out/", "does not end in a name"),
        ("../train", r"'\.\.'"),
        ("out/../../train", r"'\.\.'"),
        ("out/..", r"'\.\.'"),
        ("tr\0ain", "NUL"),
        (b"tr\0ain", "NUL"),
        (".train", "not data"),
        ("out/_train", "not data"),
        ("out/.", "not data"),
        ("_bell\a", r"_bell\\x07"),
        ("/dev/stdout", "standard output"),
        ("s3://bucket/", "does not end in a name"),
        ("s3://bucket/../train", r"'\.\.'"),
        ("simplecache::s3://bucket/_train", "not data"),
    ],
)
def test_prefixes_that_cannot_be_meant_are_refused(tmp_path: Path, prefix: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_prefix(prefix)
    with pytest.raises(ValueError, match=problem):
        ShardedWriter(prefix, num_shards=1)
    with pytest.raises(ValueError, match=problem):
        commit([], prefix)
    with pytest.raises(ValueError, match=problem):
        split(tmp_path / "missing", prefix, num_shards=2)


@pytest.mark.parametrize("name", ["a b", "-train", "train.tfrecord", "tr\nain\x1b[31m", "*", b"\xff\xfe", "a..b", "ü"])
def test_prefixes_may_have_odd_names(tmp_path: Path, name: Any) -> None:
    prefix = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    with ShardedWriter(prefix, num_shards=2) as writer:
        for record in RECORDS:
            writer.write(record)
    assert [os.fsencode(info.path) for info in writer.infos] == [prefix + b"-0000%d-of-00002" % n for n in (0, 1)]
    assert sorted(read_records(tmp_path)) == sorted(RECORDS)


def test_a_directory_that_is_missing_is_an_error_at_once(tmp_path: Path) -> None:
    prefix = tmp_path / "missing" / "train"
    with pytest.raises(FileNotFoundError) as caught:
        ShardedWriter(prefix, num_shards=2)
    assert caught.value.filename == str(prefix)  # not the name of a hidden file


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"num_shards": 2, "max_records": 3}, "either"),
        ({"num_shards": 2, "max_bytes": 3}, "either"),
        ({"num_shards": 0}, "num_shards is 1 or more"),
        ({"num_shards": 1_000_001}, "num_shards is 1,000,000 at most, not 1000001"),
        ({"max_records": 0}, "max_records is 1 or more"),
        ({"max_bytes": -1}, "max_bytes is 1 or more"),
        ({"options": "LZ4"}, "compression_type"),
        ({"options": TFRecordOptions("GZIP", compression_level=17)}, "nitialization"),
    ],
)
def test_arguments_that_make_no_sense_leave_no_files(tmp_path: Path, arguments: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ShardedWriter(tmp_path / "train", **arguments)
    assert names(tmp_path) == []


def test_records_are_dealt_out_in_turn(tmp_path: Path) -> None:
    write(tmp_path / "train", RECORDS, num_shards=3)
    assert shards(tmp_path) == [RECORDS[begin::3] for begin in range(3)]
    assert names(tmp_path) == ["_MANIFEST.json", "_SUCCESS", *(f"train-0000{n}-of-00003" for n in range(3))]


@pytest.mark.parametrize("options", [None, "GZIP", "ZLIB", TFRecordOptions("GZIP", compression_level=0)])
@pytest.mark.parametrize("size", [10, 3000, LARGE_FRAME + 1])
def test_a_shard_is_byte_for_byte_what_a_writer_of_its_records_writes(tmp_path: Path, options: Any, size: int) -> None:
    records = [np.random.default_rng(number).bytes(size) for number in range(50)]
    write(tmp_path / "train", records, num_shards=4, options=options)
    for begin, path in enumerate(sorted(tmp_path.glob("train-*"))):
        data = path.read_bytes()
        if options is None:
            assert data == frames(records[begin::4])
        with TFRecordWriter(tmp_path / "one", options) as writer:
            for record in records[begin::4]:
                writer.write(record)
        assert list(read_records(path)) == records[begin::4]
        if not (isinstance(options, TFRecordOptions) and options.compression_level == 0):  # depends on portions
            assert data == (tmp_path / "one").read_bytes()


def test_compressed_shards_do_not_depend_on_how_records_are_collected(tmp_path: Path) -> None:
    records = [np.random.default_rng(number).bytes(3000) for number in range(400)]
    options = TFRecordOptions("ZLIB", compression_level=0)
    write(tmp_path / "train", records, num_shards=2, options=options)
    with ShardedWriter(tmp_path / "test", num_shards=2, options=options) as writer:
        for record in records:
            writer.write_frames(framed(record))
    for number in range(2):
        train, test = (tmp_path / f"{prefix}-0000{number}-of-00002" for prefix in ("train", "test"))
        assert train.read_bytes() == test.read_bytes()
        assert zlib.decompress(train.read_bytes()) == frames(records[number::2])


def framed(*records: bytes) -> FrameGroup:
    data = frames(records)
    footers = b"".join(frame(record)[-4:] for record in records)
    return FrameGroup([data], np.array(list(map(len, records))), np.frombuffer(footers, np.uint8).reshape(-1, 4))


@pytest.mark.parametrize("way", ["write", "write_example", "write_columns", "mixed"])
@pytest.mark.parametrize("arguments", [{"num_shards": 3}, {"max_records": 7}, {"max_bytes": 300}])
def test_all_ways_of_writing_give_the_same_shards(tmp_path: Path, way: str, arguments: Any) -> None:
    examples = [{"a": number, "b": bytes(number % 11)} for number in range(100)]
    with ShardedWriter(tmp_path / "train", **arguments) as writer:
        for number, example in enumerate(examples):
            if way == "write" or (way == "mixed" and number % 3 == 0):
                writer.write(encode_example(example))
            elif way == "write_example" or (way == "mixed" and number % 3 == 1):
                writer.write_example(example)
            elif way == "mixed":
                assert writer.write_columns({key: [value] for key, value in example.items()}) == 1
        if way == "write_columns":
            columns = {"a": range(100), "b": [example["b"] for example in examples]}
            assert writer.write_columns({key: list(values) for key, values in columns.items()}) == 100
    write(tmp_path / "expected", list(map(encode_example, examples)), **arguments)
    assert shards(tmp_path) == shards(tmp_path, "expected")
    assert sorted(chain.from_iterable(shards(tmp_path))) == sorted(map(encode_example, examples))


def test_examples_of_every_size_are_counted_once(tmp_path: Path) -> None:
    sizes = [0, 5, LARGE_FRAME - 50, LARGE_FRAME, LARGE_FRAME + 1, 70_000, 1, 1 << 20, 0, 3]
    examples = [{"a": bytes(size)} for size in sizes]
    with ShardedWriter(tmp_path / "train", num_shards=3) as writer:
        for example in examples:
            writer.write_example(example)
    expected = list(map(encode_example, examples))
    assert shards(tmp_path) == [expected[begin::3] for begin in range(3)]


def test_what_is_refused_takes_no_turn(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=3) as writer:
        for number in range(9):
            with pytest.raises(TypeError):
                writer.write("text")  # type: ignore[arg-type]
            writer.write_example({"a": number})
            with pytest.raises(FeatureError):
                writer.write_example({"a": object()}, key=5)
    expected = [encode_example({"a": number}) for number in range(9)]
    assert shards(tmp_path) == [expected[begin::3] for begin in range(3)]


def test_equal_keys_go_to_one_shard_the_same_one_everywhere(tmp_path: Path) -> None:
    keys: list[Any] = [number % 20 for number in range(100)]
    with ShardedWriter(tmp_path / "train", num_shards=4) as writer:
        for number, key in enumerate(keys):
            writer.write(RECORDS[number], key=key)
    with ShardedWriter(tmp_path / "other", num_shards=4) as writer:
        for number, key in enumerate(keys):
            form = [key, str(key), str(key).encode(), np.int64(key)][number % 4]
            writer.write(RECORDS[number], key=form)
    found = shards(tmp_path)
    assert found == shards(tmp_path, "other")
    assert sorted(chain.from_iterable(found)) == sorted(RECORDS)
    # What BLAKE2b says, once and for all: files that were written elsewhere must fit.
    assert [len(shard) for shard in found] == [20, 25, 20, 35]
    with ShardedWriter(tmp_path / "text", num_shards=1000) as writer:
        writer.write_example({"a": 1}, key="ü")
    (index,) = (number for number, info in enumerate(writer.infos) if info.records)
    assert index == 525


def test_keys_and_turns_may_be_mixed(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        for number in range(10):
            writer.write(b"key", key="k")
            writer.write(b"%d" % number)
    found = shards(tmp_path)
    assert sorted(record for record in found[0] if record != b"key") == [b"0", b"2", b"4", b"6", b"8"]
    assert sorted(shard.count(b"key") for shard in found) == [0, 10]


@pytest.mark.parametrize(("key", "error"), [(1.5, TypeError), (None, None), (["a"], TypeError)])
def test_other_keys_are_a_type_error(tmp_path: Path, key: Any, error: Any) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        if error is None:
            writer.write(b"a", key=key)
        else:
            with pytest.raises(error):
                writer.write(b"a", key=key)


def test_keys_need_a_number_of_shards(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path / "train", max_records=2) as writer, pytest.raises(ValueError, match="num_shards"):
        writer.write(b"a", key=1)


def test_shards_end_when_they_have_their_size(tmp_path: Path) -> None:
    write(tmp_path / "train", RECORDS, max_records=30)
    assert [len(shard) for shard in shards(tmp_path)] == [30, 30, 30, 10]
    assert list(chain.from_iterable(shards(tmp_path))) == RECORDS
    assert "train-00003-of-00004" in names(tmp_path)


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 60), max_size=40),
    max_records=st.none() | st.integers(1, 5),
    max_bytes=st.none() | st.integers(1, 200),
    collected=st.integers(1, 40),
)
def test_rolling_is_what_it_is_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    max_records: int | None,
    max_bytes: int | None,
    collected: int,
) -> None:
    directory = tmp_path_factory.mktemp("rolling")
    records = [bytes(size) for size in sizes]
    expected: list[list[bytes]] = [[]]
    for record in records:
        shard = expected[-1]
        is_long = max_bytes is not None and sum(len(other) + 16 for other in [*shard, record]) > max_bytes
        if shard and (is_long or len(shard) == max_records):
            expected.append([])
        expected[-1].append(record)
    with ShardedWriter(directory / "train", max_records=max_records, max_bytes=max_bytes) as writer:
        for begin in range(0, len(records), collected):
            for record in records[begin : begin + collected]:
                writer.write(record)
            writer.flush()
    assert shards(directory) == expected
    assert [info.records for info in writer.infos] == list(map(len, expected))


def test_bytes_are_counted_before_compression(tmp_path: Path) -> None:
    write(tmp_path / "train", [bytes(1000)] * 10, max_bytes=3100, options="GZIP")
    assert [len(shard) for shard in shards(tmp_path)] == [3, 3, 3, 1]


@pytest.mark.parametrize(("arguments", "count"), [({"num_shards": 3}, 3), ({}, 1), ({"max_records": 1}, 1)])
@pytest.mark.parametrize("options", [None, "GZIP"])
def test_no_records_are_empty_shards(tmp_path: Path, arguments: Any, count: int, options: Any) -> None:
    infos = write(tmp_path / "train", [], options=options, **arguments)
    assert shards(tmp_path) == [[]] * count
    assert [(info.records, info.checksum) for info in infos] == [(0, 0)] * count


@pytest.mark.parametrize("options", [None, "GZIP"])
def test_infos_say_what_is_in_the_files(tmp_path: Path, options: Any) -> None:
    infos = write(tmp_path / "train", [*RECORDS, bytes(LARGE_FRAME + 1)], num_shards=2, options=options)
    assert pickle.loads(pickle.dumps(infos)) == infos
    for info in infos:
        records = list(read_records(info.path))
        footers = b"".join(mask(crc32c(record)).to_bytes(4, "little") for record in records)
        assert info == ShardInfo(info.path, len(records), os.stat(info.path).st_size, crc32c(footers))


def test_more_shards_than_a_process_may_have_files(tmp_path: Path) -> None:
    script = """
import resource, sys, tfrecord_lite as tfr
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
for options in (None, "GZIP"):
    with tfr.ShardedWriter(sys.argv[1], num_shards=500, options=options) as writer:
        for number in range(1200):
            writer.write(b"%d" % number)
            if number % 700 == 0: writer.flush()
"""
    if os.name != "posix":
        pytest.skip("there is no such limit here")
    python_output(script, tmp_path / "train")
    assert shards(tmp_path) == [[b"%d" % number for number in range(begin, 1200, 500)] for begin in range(500)]


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    prefix = tmp_path / "train.tfrecord"
    writer = ShardedWriter(prefix, max_records=10)
    for record in RECORDS:
        writer.write(record)
    writer.flush()
    hidden = names(tmp_path)
    assert len(hidden) == 11  # and the sign that somebody writes them
    assert all(name.startswith(".") for name in hidden)
    for pattern in (f"{prefix}*", f"{tmp_path}/*.tfrecord*", f"{tmp_path}/*-of-*", f"{tmp_path}/*-0000*"):
        assert tf.io.gfile.glob(pattern) == []
    writer.close()
    assert len(tf.io.gfile.glob(f"{prefix}*")) == 10
    assert not [name for name in names(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_tensorflow_reads_the_shards(tmp_path: Path, compression_type: str) -> None:
    tf = pytest.importorskip("tensorflow")
    prefix = tmp_path / "train.tfrecord"
    write(prefix, RECORDS, num_shards=3, options=compression_type)
    files = tf.data.Dataset.list_files(f"{prefix}-*-of-00003", shuffle=False)
    found = [tensor.numpy() for tensor in tf.data.TFRecordDataset(files, compression_type)]
    assert found == RECORDS[::3] + RECORDS[1::3] + RECORDS[2::3]
    assert list(read_records(tmp_path)) == found


def test_an_exception_leaves_what_was_there_before(tmp_path: Path) -> None:
    write(tmp_path / "train", RECORDS, num_shards=2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    limits: list[dict[str, Any]] = [{"num_shards": 2}, {"max_records": 3}]
    for arguments in limits:
        with pytest.raises(ZeroDivisionError), ShardedWriter(tmp_path / "train", **arguments) as writer:
            writer.write(bytes(writer.write_columns({"a": [1] * 20}) // 0))
        writer = ShardedWriter(tmp_path / "train", **arguments)
        writer.write(b"a")
        writer.discard()
        writer.discard()
        with pytest.raises(ValueError, match="discarded"):
            writer.write(b"a")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_files_go_where_the_prefix_was_when_the_writer_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    with ShardedWriter("train", num_shards=1) as writer:
        monkeypatch.chdir("there")
        writer.write(b"a")
    assert names(tmp_path) == ["_MANIFEST.json", "_SUCCESS", "there", "train-00000-of-00001"]


ENDINGS: dict[str, tuple[str, bool]] = {
    "forgotten": ("", True),
    "dropped": ("del writer", True),
    "sys.exit": ("sys.exit(3)", True),
    "uncaught": ("1/0", False),
    "killed": ("import signal; os.kill(os.getpid(), signal.SIGKILL)", False),
    "forked": ("writer.close() if os.fork() else writer.write(b'x') if 0 else os._exit(0)", True),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_set_has_the_fate_that_a_file_has(tmp_path: Path, ending: str) -> None:
    if os.name != "posix":
        pytest.skip("needs fork and SIGKILL")
    code, is_published = ENDINGS[ending]
    script = f"""
import os, sys, tfrecord_lite as tfr
writer = tfr.ShardedWriter(sys.argv[1], num_shards=2)
for number in range(10): writer.write(b"%d" % number)
writer.flush()
{code}
"""
    done = python(script, tmp_path / "train")
    assert (b"ResourceWarning: unclosed ShardedWriter" in done.stderr) == (is_published and ending != "forked")
    if is_published:
        assert shards(tmp_path) == [[b"0", b"2", b"4", b"6", b"8"], [b"1", b"3", b"5", b"7", b"9"]]
    left = [name for name in names(tmp_path) if name.startswith(".")]
    assert len(left) == (3 if ending == "killed" else 0)
    write(tmp_path / "train", RECORDS, num_shards=2)
    assert not [name for name in names(tmp_path) if name.startswith(".")]
    assert sorted(read_records(tmp_path)) == sorted(RECORDS)


def test_what_was_written_for_somebody_else_to_commit_and_forgotten_is_no_litter(tmp_path: Path) -> None:
    script = "import sys, tfrecord_lite as t; w = t.ShardedWriter(sys.argv[1], num_shards=2, publish=False)"
    assert b"ResourceWarning" in python(script, tmp_path / "train").stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize("arguments", [{"num_shards": 4}, {"max_bytes": 100_000}])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, arguments: Any) -> None:
    if os.name != "posix":
        pytest.skip("there is no such limit here")
    script = """
import resource, signal, sys, tfrecord_lite as tfr
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    with tfr.ShardedWriter(sys.argv[1], **eval(sys.argv[2])) as writer:
        for _ in range(1000): writer.write(bytes(1000))
except OSError as error:
    print(type(error).__name__, error.errno)
"""
    assert python_output(script, tmp_path / "train", repr(arguments)).startswith("OSError 27")
    assert names(tmp_path) == []


def test_two_writers_on_one_prefix_give_one_whole_set(tmp_path: Path) -> None:
    script = """
import sys, tfrecord_lite as tfr
for _ in range(5):
    with tfr.ShardedWriter(sys.argv[1], num_shards=int(sys.argv[2])) as writer:
        for number in range(50): writer.write(sys.argv[2].encode())
"""
    root = str(Path(__file__).parent.parent)
    command: Callable[[str], list[str]] = lambda count: [sys.executable, "-c", script, f"{tmp_path}/train", count]  # noqa: E731
    processes = [
        subprocess.Popen(command(count), env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE)
        for count in ("3", "4")
    ]
    for process in processes:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr.decode()
    records = list(read_records(tmp_path))
    assert records in ([b"3"] * 50, [b"4"] * 50)
    assert len(list(tmp_path.glob("train-*"))) == int(records[0])
    assert len(names(tmp_path)) == int(records[0]) + 2
