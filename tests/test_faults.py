"""What happens to a process from outside: it is killed, its disk is full, it is interrupted, forked, not alone.

Nothing is imitated: there are real signals, file systems without room, processes. What is about one part only stands in
the tests of that part: crashes at each step of a commit, torn tails, workers that die, uploads that break off.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from damage import HAS_PROC, MEMORY, crc32c, frame, frames, mask, python, python_output

import tfrecord_lite as tfr
from tfrecord_lite import surgery

ROOT = Path(__file__).parent.parent
SEEKABLE = tfr.TFRecordOptions("GZIP", seekable=True)
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs signals, fork and limits")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
COMPRESSIONS: dict[str, Any] = {"plain": None, "GZIP": "GZIP", "ZLIB": "ZLIB", "seekable": SEEKABLE}
all_compressions = pytest.mark.parametrize("compression", COMPRESSIONS)


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def write(path: Any, records: list[bytes], options: Any = None, **arguments: Any) -> Any:
    with tfr.TFRecordWriter(path, options, **arguments) as writer:
        for record in records:
            writer.write(record)
    return path


def start(script: str, *arguments: Any) -> subprocess.Popen[str]:
    """A process that is told to begin by a line, and waits for it."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run_together(*processes: subprocess.Popen[str]) -> list[str]:
    """Lets processes begin when all of them are ready: what each of them printed besides."""
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = []
        for process in processes:
            output, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            outputs.append(output)
        return outputs
    finally:
        for process in processes:
            process.kill()
            process.communicate()


# Killed.

#: Children of one process write the same file again and again, each time with other content, until they are killed.
KILLED = """
import os, random, shutil, signal, sys, time
import numpy as np, tfrecord_lite as tfr
from tfrecord_lite import surgery
directory, mode, rounds = sys.argv[1], sys.argv[2], int(sys.argv[4])
options = {"plain": None, "seekable": tfr.TFRecordOptions("GZIP", seekable=True)}.get(sys.argv[3], sys.argv[3])
path, source, count = os.path.join(directory, "train.tfrecord"), os.path.join(directory, "source"), 200
blob = random.Random(1).randbytes(1000) * 12
is_sharded = mode in ("ShardedWriter", "write_sharded")

def encode(item):
    return {"turn": item, "blob": blob}

def write(turn):
    if mode == "shuffle":
        surgery.shuffle(source, path, seed=turn, memory=200_000, options=options)
    elif mode == "write_sharded":
        tfr.write_sharded([turn] * count, encode, path, num_shards=3 + turn % 2, workers=0, options=options)
    elif mode == "ShardedWriter":
        with tfr.ShardedWriter(path, num_shards=3 + turn % 2, options=options) as writer:
            for _ in range(count): writer.write_example(encode(turn))
    else:
        with tfr.TFRecordWriter(path, options, index=mode == "index") as writer:
            if mode == "write_columns":
                writer.write_columns({"turn": [turn] * count, "blob": [blob] * count})
            for _ in range(count):
                if mode == "write_example": writer.write_example(encode(turn))
                if mode in ("write", "index"): writer.write(tfr.encode_example(encode(turn)))

def check(finished):
    try:
        records = list(tfr.read_records(directory if is_sharded else path))
    except tfr.ShardError:
        tfr.commit(None, path)
        records = list(tfr.read_records(directory))
    except FileNotFoundError:
        assert finished < 0
        return
    assert len(records) == count, len(records)
    turns = {int(tfr.decode_example(record)["turn"][0]) for record in records}
    if mode != "shuffle":
        (turn,) = turns
        assert finished <= turn <= finished + 1, (turn, finished)
    if mode == "index" and options in (None, "GZIP"):
        try:
            assert len(tfr.RecordIndex.load(path)) == count
        except (FileNotFoundError, tfr.IndexMismatchError):
            pass
        if options is None: assert tfr.RecordSource(path)[:] == records

if mode == "shuffle":
    with tfr.TFRecordWriter(source) as writer:
        for _ in range(count): writer.write_example(encode(0))
write(0)  # what is imported late is there now
delays = random.Random(mode)
for _ in range(rounds):
    for name in os.listdir(directory):
        if name.startswith(("train", "_")): os.unlink(os.path.join(directory, name))
    end, begin = os.pipe()
    child = os.fork()
    if not child:
        turn = 0
        os.write(begin, b"ready ")
        while True:
            write(turn)
            os.write(begin, b"%d " % turn)
            turn += 1
    os.close(begin)
    assert os.read(end, 6) == b"ready "
    time.sleep(delays.random() * 0.08)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(end, "rb") as pipe:
        check(len(pipe.read().split()) - 1)
write(7)
check(7)
if mode == "index" : assert len(tfr.RecordIndex.load(path)) == count
"""


@needs_posix
@all_compressions
@pytest.mark.parametrize(
    "mode", ["write", "write_example", "write_columns", "index", "ShardedWriter", "write_sharded", "shuffle"]
)
def test_a_killed_process_leaves_nothing_or_a_whole_file_and_is_run_again(
    mode: str, compression: str, tmp_path: Path
) -> None:
    python_output(KILLED, tmp_path, mode, compression, "5")
    hidden = [name for name in names(tmp_path) if name.startswith(".")]
    assert hidden  # it was killed while it wrote
    gfile = pytest.importorskip("tensorflow").io.gfile
    for pattern in ("*.tfrecord*", "*-of-*", "*-?????-of-?????", "train*"):
        found = {os.path.basename(path) for path in gfile.glob(str(tmp_path / pattern))}
        assert not found & set(hidden)
    assert not [name for name in names(tmp_path) if name.startswith("_PLAN")]


# Full disks.


@contextlib.contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A file system of its own with so much room."""
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None:
        pytest.skip("there is no tmpfs to be mounted here")
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [mount, "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", directory], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"a tmpfs may not be mounted here: {done.stderr.decode(errors='replace').strip()}")
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", "-l", directory], check=True)


@pytest.fixture
def disk() -> Iterator[Path]:
    with small_disk("2m") as directory:
        yield directory


def fill(disk: Path, free: int = 0) -> Path:
    """Take all room but this much, in bytes; what takes it is removed by `make_room`."""
    status = os.statvfs(disk)
    (disk / ".filler").write_bytes(bytes(status.f_bavail * status.f_frsize - free))
    return disk


def make_room(disk: Path) -> None:
    (disk / ".filler").unlink()


NOISE = [random.Random(number).randbytes(10_000) for number in range(60)]


def assert_full(error: OSError, path: Path) -> None:
    assert error.errno == errno.ENOSPC
    assert os.fspath(error.filename) == str(path)
    assert str(path) in str(error)


@pytest.mark.parametrize("before", [None, b"old"])
@all_compressions
def test_a_full_disk_leaves_what_was_there_and_with_room_it_goes(
    compression: str, before: bytes | None, disk: Path
) -> None:
    path = disk / "a.tfrecord"
    if before is not None:
        write(path, [before])
    present = names(disk)
    fill(disk, 200_000)
    with pytest.raises(OSError) as caught:
        write(path, NOISE, COMPRESSIONS[compression], index=True)
    assert_full(caught.value, path)
    make_room(disk)
    assert names(disk) == present
    assert before is None or list(tfr.read_records(path)) == [before]
    write(path, NOISE, COMPRESSIONS[compression], index=True)
    assert list(tfr.read_records(path)) == NOISE


@all_compressions
def test_on_a_full_disk_in_place_it_is_an_error_too(compression: str, disk: Path) -> None:
    path = disk / "a.tfrecord"
    fill(disk, 200_000)
    with pytest.raises(OSError) as caught:
        write(path, NOISE, COMPRESSIONS[compression], atomic=False)
    assert_full(caught.value, path)
    make_room(disk)
    assert list(tfr.read_records(write(path, NOISE, COMPRESSIONS[compression], atomic=False))) == NOISE


@pytest.mark.parametrize("compression", ["plain", "seekable"])
def test_appending_on_a_full_disk_leaves_what_was_there_and_with_room_it_goes(compression: str, disk: Path) -> None:
    path = write(disk / "a", NOISE[:20], COMPRESSIONS[compression])
    before = path.read_bytes()
    fill(disk, 200_000)
    with pytest.raises(OSError) as caught:
        write(path, NOISE, mode="a")
    assert_full(caught.value, path)
    assert path.read_bytes() == before
    make_room(disk)
    assert list(tfr.read_records(write(path, NOISE, mode="a"))) == NOISE[:20] + NOISE


@all_compressions
def test_shards_on_a_full_disk_leave_the_older_set_and_with_room_they_go(compression: str, disk: Path) -> None:
    def shards(records: list[bytes]) -> None:
        with tfr.ShardedWriter(disk / "train", num_shards=3, options=COMPRESSIONS[compression]) as writer:
            for record in records:
                writer.write(record)

    shards([b"old"])
    present = names(disk)
    fill(disk, 200_000)
    with pytest.raises(OSError) as caught:
        shards(NOISE)
    assert caught.value.errno == errno.ENOSPC
    assert os.path.dirname(caught.value.filename) == str(disk)
    make_room(disk)
    assert names(disk) == present
    assert list(tfr.read_records(disk)) == [b"old"]
    shards(NOISE)
    assert sorted(tfr.read_records(disk)) == sorted(NOISE)


def test_a_commit_on_a_full_disk_changes_nothing_and_with_room_it_goes(disk: Path) -> None:
    prefix = disk / "train"
    with tfr.ShardedWriter(prefix, num_shards=2) as writer:
        writer.write(b"old")
    with tfr.ShardedWriter(prefix, num_shards=3, publish=False) as writer:
        writer.write(b"new")
    fill(disk)
    with pytest.raises(OSError) as caught:
        tfr.commit(writer.infos, prefix)
    assert caught.value.errno == errno.ENOSPC
    assert os.path.dirname(caught.value.filename) == str(disk)
    assert list(tfr.read_records(disk)) == [b"old"]
    make_room(disk)
    tfr.commit(writer.infos, prefix)
    assert list(tfr.read_records(disk)) == [b"new"]


def test_a_disk_that_is_full_when_the_index_is_saved_leaves_the_file_and_no_false_index(disk: Path) -> None:
    path = write(disk / "a", [b"old"], index=True)
    records = [b"%d" % number for number in range(10_000)]  # the index has a third of the size of the file
    size = sum(len(record) + 16 for record in records)
    fill(disk, size + 16_384)
    with pytest.raises(OSError) as caught:
        write(path, records, index=True)
    assert_full(caught.value, disk / "a.idx")
    make_room(disk)
    assert list(tfr.read_records(path)) == records
    assert names(disk) == ["a", "a.idx", "a.idx.json"]
    with pytest.raises(tfr.IndexMismatchError):
        tfr.RecordIndex.load(path)
    assert tfr.RecordSource(path, save_index=True)[:] == records
    assert len(tfr.RecordIndex.load(path)) == len(records)


@pytest.mark.parametrize("num_shards", [None, 2])
def test_a_shuffle_without_room_for_its_buckets_leaves_nothing_and_with_room_it_goes(
    num_shards: int | None, disk: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "a", NOISE)
    fill(disk, 300_000)
    arguments: dict[str, Any] = {"seed": 1, "memory": 50_000, "num_shards": num_shards}
    with pytest.raises(OSError) as caught:
        surgery.shuffle(path, disk / "out", **arguments)
    assert_full(caught.value, disk)
    make_room(disk)
    assert names(disk) == []
    surgery.shuffle(path, disk / "out", **arguments)
    assert sorted(tfr.read_records(f"{disk}/out*")) == sorted(NOISE)


LIMITED = """
import os, resource, signal, sys, tfrecord_lite as tfr
from tfrecord_lite import surgery
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
directory, hard = sys.argv[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1]
path, out = directory + "/a", directory + "/out"
with tfr.TFRecordWriter(path) as writer:
    for _ in range(10_000): writer.write(b"0123456789")
for attempt, named in (
    (lambda: surgery.shuffle(path, out, memory=60_000), directory),
    (lambda: surgery.merge(path, out), out),
    (lambda: tfr.RecordIndex.build(path).save(), path + ".idx"),
):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        attempt()
    except OSError as error:
        assert error.filename == named, error
        print(error.errno)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert os.listdir(directory) == ["a"]
assert tfr.count_records(path) == 10_000
"""


@needs_posix
def test_a_limit_on_the_size_of_files_is_an_error_with_the_path(tmp_path: Path) -> None:
    assert python_output(LIMITED, tmp_path).split() == [str(errno.EFBIG)] * 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_device_is_an_error_with_its_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a", NOISE)
    attempts: list[Callable[[], Any]] = [lambda: write("/dev/full", NOISE), lambda: surgery.merge(path, "/dev/full")]
    for attempt in attempts:
        with pytest.raises(OSError) as caught:
            attempt()
        assert_full(caught.value, Path("/dev/full"))


@needs_linux
def test_a_file_that_cannot_be_read_is_an_error_with_its_path() -> None:
    path = "/proc/self/mem"  # nothing is at address 0
    for compression_type in (None, ""):
        with pytest.raises(OSError) as caught:
            list(tfr.read_records(path, compression_type))
        assert (caught.value.errno, caught.value.filename) == (errno.EIO, path)
