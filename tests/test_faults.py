"""What happens to a process from outside: it is killed, its disk is full, it is interrupted, forked, not alone.

Nothing is imitated: there are real signals, file systems without room, processes. What is about one part only stands in
the tests of that part: crashes at each step of a commit, torn tails, workers that die, uploads that break off.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import itertools
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
from damage import HAS_PROC, MEMORY, crc32c, frame, mask, python_output

import tfrecord_lite as tfr
from tfrecord_lite import surgery

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

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
import os, random, signal, sys, time
import tfrecord_lite as tfr
from tfrecord_lite import surgery
top, mode, count = sys.argv[1], sys.argv[2], 200
source = os.path.join(top, "source")
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

with tfr.TFRecordWriter(source) as writer:
    for _ in range(count): writer.write_example(encode(0))
delays, parent = random.Random(mode), os.getpid()
for compression in sys.argv[3:]:
    options = {"plain": None, "seekable": tfr.TFRecordOptions("GZIP", seekable=True)}.get(compression, compression)
    directory = os.path.join(top, compression)
    path = os.path.join(directory, "train.tfrecord")
    os.mkdir(directory)
    write(0)  # what is imported late is there now
    for _ in range(4):
        for name in os.listdir(directory):
            if name.startswith(("train", "_")): os.unlink(os.path.join(directory, name))
        end, begin = os.pipe()
        child = os.fork()
        if not child:
            turn = 0
            os.write(begin, b"ready ")
            while os.getppid() == parent:
                write(turn)
                os.write(begin, b"%d " % turn)
                turn += 1
            os._exit(1)
        os.close(begin)
        assert os.read(end, 6) == b"ready "
        time.sleep(delays.random() * 0.06)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(end, "rb") as pipe:
            check(len(pipe.read().split()) - 1)
    if any(name.startswith(".") for name in os.listdir(os.path.dirname(path))):
        print("killed while it wrote")
    write(7)
    check(7)
    if mode == "index": assert len(tfr.RecordIndex.load(path)) == count
"""


@needs_posix
@pytest.mark.parametrize(
    "mode", ["write", "write_example", "write_columns", "index", "ShardedWriter", "write_sharded", "shuffle"]
)
def test_a_killed_process_leaves_nothing_or_a_whole_file_and_is_run_again(mode: str, tmp_path: Path) -> None:
    assert "killed while it wrote" in python_output(KILLED, tmp_path, mode, *COMPRESSIONS)
    gfile = pytest.importorskip("tensorflow").io.gfile
    left = [name for compression in COMPRESSIONS for name in names(tmp_path / compression) if name.startswith(".")]
    assert not left
    for compression in COMPRESSIONS:
        directory = tmp_path / compression
        hidden = {name for name in names(directory) if name.startswith(".")}
        assert not [name for name in names(directory) if name.startswith("_PLAN")]
        for pattern in ("*.tfrecord*", "*-of-*", "*-?????-of-?????", "train*"):
            assert not hidden & {os.path.basename(path) for path in gfile.glob(str(directory / pattern))}


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
    with pytest.raises(tfr.PublishedError) as caught:
        write(path, records, index=True)
    assert isinstance(caught.value.__cause__, OSError)
    assert_full(caught.value.__cause__, disk / "a.idx")
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


# Interrupted.

INTERRUPTED = """
import fcntl, os, random, signal, sys, tfrecord_lite as tfr
way, path, options = sys.argv[1:]
count = 0
def handler(*_):
    global count
    count += 1
signal.signal(signal.SIGALRM, handler)
signal.siginterrupt(signal.SIGALRM, True)
records = [random.Random(number).randbytes(50_000) for number in range(80)]
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
if way == "write":
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records: writer.write(record)
else:
    assert list(tfr.read_records(path)) == records
signal.setitimer(signal.ITIMER_REAL, 0)
assert count
"""
INTERRUPTED_RECORDS = [random.Random(number).randbytes(50_000) for number in range(80)]


@needs_posix
@pytest.mark.parametrize("options", ["", "GZIP"])
def test_signals_and_a_slow_reader_of_a_pipe_lose_nothing(options: str, tmp_path: Path) -> None:
    """The system's calls are broken off, and take only a part of what they are given: a pipe holds 64 KiB."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    expected = write(tmp_path / "a", INTERRUPTED_RECORDS).read_bytes()
    command = [sys.executable, "-c", INTERRUPTED, "write", str(fifo), options]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as child:
        try:
            received = bytearray()
            with open(fifo, "rb", buffering=0) as file:
                while data := file.read(30_011):
                    received += data
                    time.sleep(0.0005)
            _, errors = child.communicate(timeout=60)
            assert child.returncode == 0, errors.decode()
        finally:
            child.kill()
    assert (gzip.decompress(received) if options else bytes(received)) == expected


@needs_posix
@pytest.mark.parametrize("options", ["", "GZIP"])
def test_signals_and_a_slow_writer_of_a_pipe_lose_nothing(options: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data = write(tmp_path / "a", INTERRUPTED_RECORDS, options).read_bytes()
    command = [sys.executable, "-c", INTERRUPTED, "read", str(fifo), options]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as child:
        try:
            with open(fifo, "wb", buffering=0) as file:
                for begin in range(0, len(data), 30_011):
                    file.write(data[begin : begin + 30_011])
                    time.sleep(0.0005)
            _, errors = child.communicate(timeout=60)
            assert child.returncode == 0, errors.decode()
        finally:
            child.kill()


BROKEN_OFF = """
import os, random, signal, sys, tfrecord_lite as tfr
directory, options, mode = sys.argv[1:]
path = os.path.join(directory, "a")
def handler(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, handler)
delays, blob, broken = random.Random(3), os.urandom(3000), 0
with tfr.TFRecordWriter(path, options) as writer: writer.write(b"old")
with open(path, "rb") as file: before = file.read()
for _ in range(30):
    try:
        with tfr.TFRecordWriter(path, options, mode=mode) as writer:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + delays.random() * 0.02)
            while True: writer.write(blob)
    except KeyboardInterrupt:
        broken += 1
    with open(path, "rb") as file: assert file.read() == before
    assert os.listdir(directory) == ["a"], os.listdir(directory)
assert broken == 30
with tfr.TFRecordWriter(path, options, mode=mode) as writer: writer.write(b"new")
print(tfr.count_records(path))
"""


@needs_posix
@pytest.mark.parametrize(("options", "mode"), [("", "w"), ("GZIP", "w"), ("", "a")])
def test_an_interrupt_that_raises_in_the_with_block_leaves_what_was_there(
    options: str, mode: str, tmp_path: Path
) -> None:
    assert python_output(BROKEN_OFF, tmp_path, options, mode).split() == ["1" if mode == "w" else "2"]


# Several at once.

RIVAL = """
import sys, tfrecord_lite as tfr
path, options, index, name = sys.argv[1], sys.argv[2], sys.argv[3] == "index", sys.argv[4].encode()
with tfr.TFRecordWriter(path + name.decode(), options) as writer: writer.write(b"warm")
print("ready", flush=True)
sys.stdin.readline()
for turn in range(15):
    try:
        with tfr.TFRecordWriter(path, options, index=index) as writer:
            for _ in range(60): writer.write(name * 30_000)
    except tfr.IndexMismatchError:
        assert index
    records = list(tfr.read_records(path))
    assert len(records) == 60 and len(set(records)) == 1, len(records)
"""


@needs_posix
@pytest.mark.parametrize("index", ["index", ""])
@pytest.mark.parametrize("options", ["", "GZIP"])
def test_of_two_processes_that_write_one_path_one_wins(options: str, index: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    run_together(*(start(RIVAL, path, options, index, name) for name in "xy"))
    records = list(tfr.read_records(path))
    assert records in ([b"x" * 30_000] * 60, [b"y" * 30_000] * 60)
    assert names(tmp_path) == ["a", *(["a.idx", "a.idx.json"] if index else []), "ax", "ay"]
    if not options:  # whosever the index is, it is not believed about the other's file
        assert tfr.RecordSource(path)[:] == records


APPENDER = """
import sys, time, tfrecord_lite as tfr
path, name = sys.argv[1], sys.argv[2].encode()
print("ready", flush=True)
sys.stdin.readline()
turn = busy = 0
while turn < 40:
    try:
        with tfr.TFRecordWriter(path, mode="a") as writer:
            for part in range(3): writer.write(name + b"%d.%d" % (turn, part) + bytes(3000))
        turn += 1
    except BlockingIOError as error:
        assert error.filename == path
        time.sleep(0.0002)
"""


@needs_posix
@pytest.mark.parametrize("options", [None, SEEKABLE], ids=["plain", "seekable"])
def test_two_processes_that_append_take_turns(options: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"first"], options)
    run_together(*(start(APPENDER, path, name) for name in "xy"))
    first, *records = [record.rstrip(b"\0") for record in tfr.read_records(path)]
    assert first == b"first"
    for name in (b"x", b"y"):
        own = [record[1:] for record in records if record.startswith(name)]
        assert own == [b"%d.%d" % (turn, part) for turn in range(40) for part in range(3)]
    assert len(records) == 240
    assert all(len({record[:1] for record in records[begin : begin + 3]}) == 1 for begin in range(0, 240, 3))


# Forked.


def in_child(action: Callable[[], Any]) -> int:
    """The exit code of a forked child in which the action is run: 0, or 1 for an exception."""
    child = os.fork()
    if not child:
        try:
            action()
            os._exit(0)
        except BaseException:  # noqa: BLE001
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_posix
@forks
@pytest.mark.parametrize("num_threads", [1, 2])
@all_compressions
def test_a_reader_is_for_the_process_that_opened_it(compression: str, num_threads: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a", NOISE * 10, COMPRESSIONS[compression])

    def read_on() -> None:
        with pytest.raises(ValueError, match="another process"):
            list(reader)
        reader.close()
        assert list(tfr.read_records(path)) == NOISE * 10

    with tfr.TFRecordReader(path, num_threads=num_threads) as reader:
        first = next(reader)
        assert in_child(read_on) == 0
        assert [first, *reader] == NOISE * 10


@needs_posix
@forks
@pytest.mark.parametrize("compression", ["plain", "seekable"])
def test_random_access_goes_on_in_parent_and_child(compression: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", NOISE, COMPRESSIONS[compression])

    def read_all() -> None:
        for number in range(len(NOISE)):
            assert source[number] == NOISE[number]

    with tfr.RecordSource(path) as source:
        assert source[5] == NOISE[5]
        child = os.fork()
        if not child:
            os._exit(in_child(read_all))
        read_all()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        read_all()


# Places that cannot be written.


def writes(path: Path, source: Path) -> dict[str, Callable[[], Any]]:
    """All ways to write to a path."""

    def sharded() -> None:
        with tfr.ShardedWriter(path, num_shards=2) as writer:
            writer.write(b"a")

    return {
        "writer": lambda: write(path, [b"a"]),
        "GZIP": lambda: write(path, [b"a"], "GZIP"),
        "in place": lambda: write(path, [b"a"], atomic=False),
        "index": lambda: write(path, [b"a"], index=True),
        "append": lambda: write(path, [b"a"], mode="a"),
        "shards": sharded,
        "write_sharded": lambda: tfr.write_sharded([1], lambda item: {"a": item}, path, num_shards=1, workers=0),
        "merge": lambda: surgery.merge(source, path),
        "split": lambda: surgery.split(source, path, num_shards=2),
        "shuffle": lambda: surgery.shuffle(source, path, memory=20_000),
        "saved index": lambda: tfr.RecordIndex.build(source).save(path),
    }


WRITES = list(writes(Path(), Path()))


@pytest.mark.parametrize(
    ("way", "place"),
    [
        *itertools.product(WRITES, ["missing", "a file"]),
        *((way, "a directory") for way in WRITES if way not in ("shards", "write_sharded", "split")),  # a prefix may be
    ],
)
def test_what_is_no_place_for_a_file_is_an_oserror_with_the_path(way: str, place: str, tmp_path: Path) -> None:
    source = write(tmp_path / "source", NOISE[:3])
    write(tmp_path / "a file", [b"a"])
    path = tmp_path / place / "x" if place != "a directory" else tmp_path / "a directory"
    if place == "a directory":
        path.mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError) as caught:
        writes(path, source)[way]()
    expected = {"missing": errno.ENOENT, "a file": errno.ENOTDIR, "a directory": errno.EISDIR}
    assert caught.value.errno == expected[place]
    assert os.fspath(caught.value.filename).startswith(str(tmp_path / place))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("way", WRITES)
def test_a_disk_that_is_read_only_is_an_oserror_with_the_path(way: str, disk: Path, tmp_path: Path) -> None:
    """Also for root, whom permissions do not bind."""
    source = write(tmp_path / "source", NOISE[:3])
    path = disk / "x"
    for there in (True, False):
        if there and way != "saved index":  # which is written over another index only
            write(path, [b"old"])
        before = sorted(disk.iterdir())
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(OSError) as caught:
            writes(path, source)[way]()
        assert caught.value.errno in (errno.EROFS, errno.EACCES)
        assert os.fspath(caught.value.filename).startswith(str(disk))
        assert sorted(disk.iterdir()) == before
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        path.unlink(missing_ok=True)


NOBODY = """
import os, sys, pathlib
sys.path.insert(0, sys.argv[2])
from test_faults import WRITES, writes
import tfrecord_lite as tfr
os.chdir(sys.argv[1])
for way in WRITES:  # what is imported late is there afterwards
    try:
        writes(pathlib.Path("warm/x"), pathlib.Path("source"))[way]()
    except OSError:
        pass
before = sorted(os.listdir("shut"))
os.setgid(65534)
os.setuid(65534)
for way in WRITES:
    try:
        writes(pathlib.Path("shut/x"), pathlib.Path("source"))[way]()
        print(way, "was possible")
    except PermissionError as error:
        assert "shut" in os.fspath(error.filename), (way, error.filename)
assert sorted(os.listdir("shut")) == before
"""


@needs_posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become somebody else")
def test_a_directory_of_somebody_else_is_a_permission_error_with_the_path(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        write(directory / "source", NOISE[:3])
        (directory / "shut").mkdir(0o755)
        assert python_output(NOBODY, directory, ROOT / "tests") == ""


@needs_posix
@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_directory_that_is_removed_meanwhile_is_an_oserror(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "out" / "a"
    path.parent.mkdir()
    writer = tfr.TFRecordWriter(path, mode=mode)
    writer.write(b"a")
    shutil.rmtree(path.parent)
    with pytest.raises(OSError) as caught:
        writer.close()
    assert os.fspath(caught.value.filename).startswith(str(path.parent))
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="failed earlier"):
        writer.close()
    path.parent.mkdir()
    assert list(tfr.read_records(write(path, [b"b"], mode=mode))) == [b"b"]


# Odd names.

ODD_NAMES = [b"-x", b"--help", b"-", b"\xff\xfe.tfrecord", b"new\nline\x1b[31m", b"[ab]*", b"file:", b" ", b"%s\t{0}"]
odd_names = pytest.mark.parametrize("odd", ODD_NAMES)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, which is the current one."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@odd_names
def test_files_of_odd_names_are_written_and_found(odd: bytes, here: Path) -> None:
    name = os.fsdecode(odd)
    records = [tfr.encode_example({"a": number}) for number in range(5)]
    write(name, records, index=True)
    assert sorted(os.listdir(os.fsencode(here))) == [odd, odd + b".idx", odd + b".idx.json"]
    dotted = f"./{name}"
    for paths in (dotted, os.fsencode(dotted), Path(here, name), [dotted], "*", "./*", here, "."):
        assert list(tfr.read_records(paths)) == records
        assert tfr.count_records(paths) == 5
        assert tfr.verify(paths).sound
        assert tfr.RecordSource(paths)[:] == records
    assert len(tfr.RecordIndex.load(dotted)) == 5
    write(dotted, records, mode="a")
    with tfr.salvage(dotted) as survivors:
        assert list(survivors) == records * 2


@odd_names
def test_sets_of_odd_names_are_committed_and_read(odd: bytes, here: Path) -> None:
    prefix = os.fsdecode(odd)
    for record in (b"older", b"newer"):
        with tfr.ShardedWriter(prefix, num_shards=2, options="GZIP") as writer:
            writer.write(record)
    expected = [odd + b"-0000%d-of-00002" % number for number in (0, 1)]
    assert [os.path.basename(os.fsencode(info.path)) for info in writer.infos] == expected
    assert list(tfr.read_records(".")) == [b"newer"]
    assert [info.checksum for info in tfr.commit(None, prefix)] == [info.checksum for info in writer.infos]
    assert tfr.plan_read(".", 1) == [[os.path.join(".", os.fsdecode(name)) for name in expected]]


@pytest.mark.parametrize("odd", [b"\xff\xfe", b"new\nline\x1b[31m", b"\x9b31m", b"\xe2\x80\xae"])
def test_odd_names_in_errors_are_escaped(odd: bytes, here: Path) -> None:
    name = os.fsdecode(odd)
    write(name, [b"abc"])
    os.truncate(name, 18)
    attempts: list[Callable[[], Any]] = [
        lambda: list(tfr.read_records(name)),
        lambda: write(name, [b"x"], mode="a"),
        lambda: tfr.RecordSource(name),
        lambda: tfr.RecordIndex.build(name),
        lambda: surgery.merge(name, "out"),
        lambda: list(tfr.read_batches(name)),
        lambda: Path(f"{name}.idx").write_bytes(b"0 19\n19 1\n") and tfr.RecordIndex.load(name),
    ]
    for attempt in attempts:
        with pytest.raises(tfr.TFRecordError) as caught:
            attempt()
        assert str(caught.value).isprintable()
        assert caught.value.path is not None
    with tfr.salvage(name) as survivors:
        assert list(survivors) == []
    assert str(survivors.regions[0]).isprintable()
    assert all(line.isprintable() for line in str(tfr.verify(name)).splitlines())


COMMANDS = r"""
import contextlib, io, os, sys
from tfrecord_lite.cli.main import main
import tfrecord_lite as tfr
def run(*arguments):
    output, errors = io.BytesIO(), io.StringIO()
    stdout = io.TextIOWrapper(output, encoding="utf-8")
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(errors):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
        stdout.flush()
    text = output.getvalue().decode("utf-8") + errors.getvalue()
    assert all(line.isprintable() or line.replace("\t", "").isprintable() for line in text.splitlines()), ascii(text)
    assert "Traceback" not in text
    return code, text
os.chdir(sys.argv[1])
names = ["-x", "-", os.fsdecode(b"\xff\xfe new\nline\x1b[31m"), "[ab]*"]
for name in names:
    with tfr.TFRecordWriter(name) as writer:
        for number in range(5): writer.write_example({"a": number})
    dotted = "./" + name
    for files in (["--", name], [dotted]) if name != "-" else ([dotted],):
        for command in (
            ["info"], ["count"], ["head"], ["cat"], ["schema"], ["verify"], ["index"],
            ["info", "--json"], ["count", "--json"], ["verify", "--json"], ["index", "--json"],
            ["merge", "-o", dotted + ".1"], ["merge", "--json", "-o", dotted + ".1"],
            ["split", "--shards", "2", "-o", dotted], ["reshard", "--shards", "3", "-o", dotted],
            ["shuffle", "--seed", "1", "-o", dotted + ".2"], ["sample", "--fraction", "0.5", "-o", dotted + ".3"],
            ["filter", "--where", "a > 2", "-o", dotted + ".4"], ["dedupe", "-o", dotted + ".5"],
        ):
            code, text = run(*command, *files)
            assert code == 0, (command, name, text)
        for command in (
            ["diff", *files, dotted + ".1"], ["salvage", *files, dotted + ".6"],
            ["salvage", "--json", *files, dotted + ".6"],
        ):
            code, text = run(*command)
            assert code == 0, (command, name, text)
    for number, count in ((1, 5), (2, 5), (4, 2), (5, 5), (6, 5)):
        assert tfr.count_records(f"{dotted}.{number}") == count
    shards = [os.path.join(".", other) for other in os.listdir(".") if other.endswith("-of-00003")]
    assert tfr.count_records(shards) == 5
    with open(name, "r+b") as file: file.truncate(20)
    for command in (
        ["info"], ["count"], ["head"], ["cat"], ["schema"], ["verify"], ["index"], ["salvage", "out"],
        ["merge", "-o", "out"],
    ):
        arguments = [command[0], dotted, *command[1:]]
        code, text = run(*arguments)
        assert code == 1, (arguments, code, text)
    os.unlink(name)
    for command in (
        ["info"], ["count"], ["cat"], ["verify"], ["index"], ["salvage", "out"], ["merge", "-o", "out"],
        ["diff", "./x"],
    ):
        arguments = [command[0], dotted, *command[1:]]
        code, text = run(*arguments)
        assert code in (1, 2) and text, (arguments, code, text)
    for other in os.listdir("."): os.unlink(other)
"""


def test_every_command_takes_files_of_odd_names(tmp_path: Path) -> None:
    python_output(COMMANDS, tmp_path)


@pytest.mark.parametrize("prefix", ["../x", "a/../x", "..", "", "a/", ".hidden", "_x", "nul\0"])
def test_prefixes_that_lead_elsewhere_are_refused_by_all_that_write_shards(prefix: str, here: Path) -> None:
    source = write("source", [b"a"])
    attempts: list[Callable[[], Any]] = [
        lambda: surgery.split(source, prefix, num_shards=1),
        lambda: surgery.reshard(source, prefix, 1),
        lambda: surgery.shuffle(source, prefix, num_shards=1),
        lambda: tfr.write_sharded([1], lambda item: {"a": item}, prefix, num_shards=1, workers=0),
        lambda: tfr.rollback(prefix),
        lambda: tfr.commit(None, prefix),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"the prefix '|null byte"):
            attempt()
    assert names(here) == ["source"]
    assert names(here.parent) == [here.name]


# Little memory.

#: Every way to read a file, with 64 MiB of address space to spare.
BOUNDED = (
    MEMORY
    + """
import os, sys, tfrecord_lite as tfr
from tfrecord_lite import surgery
path, small = sys.argv[1:3]
def drain(iterator):
    count = 0
    for _ in iterator: count += 1
    return count
def piped():
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            with open(path, "rb") as file, open(writer, "wb") as pipe:
                while data := file.read(1 << 16): pipe.write(data)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with open(reader, "rb") as pipe: return drain(tfr.read_records(pipe))
    finally:
        os.waitpid(child, 0)
def salvaged():
    with tfr.salvage(path) as survivors: drain(survivors)
    return survivors.records, len(survivors.regions)
def appended():
    with tfr.TFRecordWriter(path, mode="a") as writer: writer.discard()
def built(verify):
    return lambda: len(tfr.RecordIndex.build(path, verify=verify))
def limited():
    with tfr.salvage(path, max_record_size=1 << 20) as survivors: drain(survivors)
    try:
        drain(tfr.TFRecordReader(path, max_record_size=1 << 20, num_threads=2))
    except tfr.RecordTooLargeError as error:
        return survivors.records, len(survivors.regions), error.record_number
WAYS = {
    "limited": limited,
    "records": lambda: drain(tfr.read_records(path)),
    "threads": lambda: drain(tfr.TFRecordReader(path, num_threads=3)),
    "at most": lambda: drain(tfr.read_records(path, max_record_size=1 << 62)),
    "unchecked": lambda: drain(tfr.read_records(path, verify=False)),
    "pipe": piped,
    "count": lambda: tfr.count_records(path),
    "headers": lambda: tfr.count_records(path, verify=False),
    "examples": lambda: drain(tfr.read_examples(path)),
    "batches": lambda: drain(tfr.read_batches(path, {"a": tfr.VarLenFeature("int64")})),
    "verify": lambda: tfr.verify(path, regions=True, workers=1).sound,
    "salvage": salvaged,
    "schema": lambda: tfr.infer_schema(path),
    "index": built(True),
    "index of headers": built("headers"),
    "source": lambda: drain(tfr.RecordSource(path)),
    "append": appended,
    "merge": lambda: surgery.merge(path, path + ".out").read,
    "shuffle": lambda: surgery.shuffle(path, path + ".out", memory=1 << 20).read,
    "split": lambda: surgery.split(path, path + ".out", num_shards=2).read,
    "dedupe": lambda: surgery.dedupe(path, path + ".out").read,
    "diff": lambda: drain(surgery.diff(path, path)),
}
warm, path = path, small
for way in WAYS.values():  # what is imported late is there afterwards
    try:
        way()
    except (tfr.TFRecordError, OSError, ValueError):
        pass
path = warm
limit(64 << 20)
for name in sys.argv[3:] or WAYS:
    try:
        found = WAYS[name]()
    except (tfr.TFRecordError, OSError) as error:
        found = type(error).__name__
    except ValueError as error:  # documented
        assert name == "append" and "ZLIB" in str(error), error
        found = type(error).__name__
    print(name, found, sep="\\t")
"""
)
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="needs /proc to know how much memory there is")


def bounded(path: Path, small: Path, *ways: str) -> dict[str, str]:
    """{way: what came of it}, of some ways or of all."""
    return dict(line.split("\t") for line in python_output(BOUNDED, path, small, *ways).splitlines())


def lying_header(length: int) -> bytes:
    data = length.to_bytes(8, "little")
    return data + mask(crc32c(data)).to_bytes(4, "little")


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "GZIP": lambda data: gzip.compress(data, 1, mtime=0),
    "ZLIB": lambda data: zlib.compress(data, 1),
}


@needs_proc
@pytest.mark.parametrize(
    ("length", "encoding"),
    [(2**31 - 2, "plain"), (2**36, "plain"), (2**62, "plain"), (2**31 - 2, "GZIP"), (2**62, "GZIP"), (2**40, "ZLIB")],
)
def test_a_length_that_lies_takes_no_memory(length: int, encoding: str, tmp_path: Path) -> None:
    good = tfr.encode_example({"a": 1})
    encode = ENCODERS[encoding]
    (tmp_path / "small").write_bytes(encode(frame(good)))
    (tmp_path / "a").write_bytes(encode(frame(good) + lying_header(length) + bytes(1000) + frame(good)))
    found = bounded(tmp_path / "a", tmp_path / "small")
    assert found.pop("salvage") == "(2, 1)"
    assert found.pop("limited") == "(2, 1, 1)"
    assert found.pop("verify") == "False"
    no_random_access = set() if encoding == "plain" else {"UnsupportedOperation"}
    no_append = {"ValueError"} if encoding == "ZLIB" else set()
    assert set(found.values()) <= {"TruncatedRecordError", "RecordTooLargeError"} | no_random_access | no_append, found


def bomb(path: Path, encoding: str, before: bytes, zeros: int, after: bytes) -> Path:
    """A file of so many MiB of zeros between other bytes, compressed a thousandfold."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31 if encoding == "GZIP" else 15)
    pieces = [before, *[bytes(1 << 20)] * zeros, after]
    path.write_bytes(b"".join([*map(compressor.compress, pieces), compressor.flush()]))
    return path


@needs_proc
@pytest.mark.parametrize("encoding", ["GZIP", "ZLIB"])
def test_a_bomb_takes_no_memory(encoding: str, tmp_path: Path) -> None:
    good = frame(tfr.encode_example({"a": 1}))
    (tmp_path / "small").write_bytes(ENCODERS[encoding](good))
    path = bomb(tmp_path / "a", encoding, good, 96, good)
    ways = [
        "records",
        "threads",
        "pipe",
        "count",
        "examples",
        "batches",
        "schema",
        "index",
        "append",
        "merge",
        "shuffle",
    ]
    found = bounded(path, tmp_path / "small", *ways, "salvage", "verify")
    assert found.pop("salvage") == "(2, 1)"
    assert found.pop("verify") == "False"
    if encoding == "ZLIB":
        assert found.pop("append") == "ValueError"
    assert set(found.values()) == {"CorruptRecordError"}


@needs_proc
@pytest.mark.parametrize("encoding", ["GZIP", "ZLIB"])
def test_a_bomb_in_one_record_takes_no_more_memory_than_a_record_may(encoding: str, tmp_path: Path) -> None:
    """Its length is true: the limit that the caller has set is what helps."""
    good = frame(tfr.encode_example({"a": 1}))
    (tmp_path / "small").write_bytes(ENCODERS[encoding](good))
    path = bomb(tmp_path / "a", encoding, good + lying_header(96 << 20), 96, bytes(4) + good)
    assert bounded(path, tmp_path / "small", "limited") == {"limited": "(2, 1, 1)"}


@needs_proc
def test_bombs_of_sound_records_are_read_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(ENCODERS["GZIP"](frame(b"")))
    record = bytes(1 << 20)
    write(tmp_path / "a", [record] * 96, "GZIP")
    ways = ["records", "threads", "index"]
    assert bounded(tmp_path / "a", tmp_path / "small", *ways) == dict.fromkeys(ways, "96")
