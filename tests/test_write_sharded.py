"""write_sharded: the same shards for any number of workers, and nothing left when something goes wrong."""

import contextlib
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import python_output

from tfrecord_lite import ItemError, ShardedWriter, TFRecordOptions, encode_example, read_records, write_sharded
from tfrecord_lite.files.encoded_chunk import shortened

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
#: Fork is looked at in processes of its own: this one has threads.
SPAWN = multiprocessing.get_context("spawn")
needs_signals = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def example(number: int) -> dict[str, Any]:
    return {"number": number, "blob": bytes(number % 300), "floats": np.arange(number % 5, dtype=np.float32)}


def many(number: int) -> Any:
    """Of every kind that encode may give."""
    one = example(number)
    kinds: list[Any] = [
        one,
        encode_example(one),
        None,
        [one, encode_example(one)],
        iter([one] * 3),
        bytearray(encode_example(one)),
        [],
        {"large": np.random.default_rng(number).bytes(50_000)},
    ]
    return kinds[number % 8]


def expected(count: int) -> list[bytes]:
    records: list[bytes] = []
    for number in range(count):
        encoded = many(number)
        if encoded is not None:
            some = [encoded] if isinstance(encoded, (dict, bytes, bytearray)) else encoded
            records += [bytes(one) if isinstance(one, (bytes, bytearray)) else encode_example(one) for one in some]
    return records


@pytest.mark.parametrize("options", [None, "GZIP", TFRecordOptions("ZLIB", compression_level=0)])
@pytest.mark.parametrize("limits", [{"num_shards": 3}, {"max_bytes": 400_000}])
def test_any_number_of_workers_gives_the_same_shards(tmp_path: Path, options: Any, limits: Any) -> None:
    contents = []
    for workers in (0, 1, 3):
        directory = tmp_path / str(workers)
        directory.mkdir()
        items = range(200) if workers % 2 else iter(range(200))
        summary = write_sharded(
            items, many, directory / "train", workers=workers, options=options, mp_context=SPAWN, **limits
        )
        contents.append(snapshot(directory))
        records = expected(200)
        assert (summary.records, summary.skipped) == (len(records), 25)
        assert [info.path for info in summary.shards] == sorted(map(str, directory.glob("train-*")))
    for files in contents:
        files.pop("_MANIFEST.json")  # names the attempt
        assert files == contents[0]
    paths = sorted((tmp_path / "3").glob("train-*"))
    found = [list(read_records(path)) for path in paths]
    if "num_shards" in limits:
        assert found == [records[begin::3] for begin in range(3)]
    else:
        assert len(found) > 3
        assert list(chain.from_iterable(found)) == records


def test_tensorflow_reads_what_workers_wrote(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    write_sharded(range(100), example, tmp_path / "train", num_shards=4, workers=2, mp_context=SPAWN)
    files = tf.data.Dataset.list_files(f"{tmp_path}/train-*", shuffle=False)
    numbers = [tf.train.Example.FromString(tensor.numpy()) for tensor in tf.data.TFRecordDataset(files)]
    found = [message.features.feature["number"].int64_list.value[0] for message in numbers]
    assert sorted(found) == list(range(100))


@pytest.mark.parametrize("workers", [0, 2])
def test_no_items_are_empty_shards(tmp_path: Path, workers: int) -> None:
    summary = write_sharded([], example, tmp_path / "train", num_shards=2, workers=workers, mp_context=SPAWN)
    assert (summary.records, summary.skipped, len(summary.shards)) == (0, 0, 2)
    assert list(read_records(tmp_path)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_progress_goes_from_nothing_to_all(tmp_path: Path, workers: int) -> None:
    calls: list[tuple[int, int | None]] = []
    arguments: dict[str, Any] = {"num_shards": 2, "workers": workers, "mp_context": SPAWN}
    arguments["progress"] = lambda done, total: calls.append((done, total))
    write_sharded(range(500), example, tmp_path / "train", **arguments)
    done = [done for done, _ in calls]
    assert done == sorted(set(done))
    assert calls[-1] == (500, 500)
    write_sharded(iter(range(10)), example, tmp_path / "train", **arguments)
    assert [total for done, total in calls if done == 10][-1] is None


@pytest.mark.parametrize("workers", [0, 2])
def test_items_are_taken_as_they_are_needed(tmp_path: Path, workers: int) -> None:
    taken, done = 0, 0
    ahead = []

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(20_000):
            taken = number + 1
            yield number

    def progress(now: int, total: int | None) -> None:
        nonlocal done
        done = now
        ahead.append(taken - done)

    write_sharded(
        items(), example, tmp_path / "train", num_shards=2, workers=workers, progress=progress, mp_context=SPAWN
    )
    assert done == 20_000
    assert max(ahead) <= max(workers, 1) * 2 * 1024


# What goes wrong.


class Odd(Exception):
    """Cannot be pickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("odd")
        self.lock = threading.Lock()


def failing(number: int) -> Any:
    if number == 57:
        raise KeyError("missing\x1b[31m")
    return example(number)


def failing_oddly(number: int) -> Any:
    if number == 57:
        raise Odd(1, 2)
    return example(number)


def failing_late(number: int) -> Any:
    def records() -> Iterator[Any]:
        yield example(number)
        if number == 57:
            raise KeyError("late")

    return records()


def exiting(number: int) -> Any:
    if number == 57:
        sys.exit(3)
    return example(number)


def giving_what_is_none(number: int) -> Any:
    return {"a": object()} if number == 57 else example(number)


def giving_text(number: int) -> Any:
    return "text" if number == 57 else example(number)


def giving_a_list_of_numbers(number: int) -> Any:
    return [1, 2] if number == 57 else example(number)


def giving_nested_lists(number: int) -> Any:
    return [[example(number)]] if number == 57 else example(number)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("encode", "kind", "text"),
    [
        (failing, "KeyError", r"KeyError: 'missing\x1b"),
        (failing_oddly, "Odd", "Odd: odd"),
        (failing_late, "KeyError", "KeyError: 'late'"),
        (exiting, "SystemExit", "SystemExit: 3"),
        (giving_what_is_none, "FeatureError", "feature 'a'"),
        (giving_text, "TypeError", "encode the text first"),
        (giving_a_list_of_numbers, "TypeError", "not a int"),
        (giving_nested_lists, "TypeError", "not a list"),
    ],
)
def test_an_item_that_cannot_be_encoded_is_named_and_nothing_is_left(
    tmp_path: Path, workers: int, encode: Any, kind: str, text: str
) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        writer.write(b"old")
    before = snapshot(tmp_path)
    with pytest.raises(ItemError, match=r"item #57 \(57\): ") as caught:
        write_sharded(range(200), encode, tmp_path / "train", num_shards=2, workers=workers, mp_context=SPAWN)
    error = caught.value
    assert (error.begin, error.end, error.item) == (57, 58, "57")
    assert text in str(error)
    assert "\x1b" not in str(error)
    cause = error.__cause__
    if workers and kind == "Odd":
        assert type(cause) is RuntimeError
        assert "Odd: odd" in str(cause)
    else:
        assert type(cause).__name__ == kind
    if workers:
        assert "Traceback" in str(cause.__cause__)  # type: ignore[union-attr]
        assert "encode_chunk" in str(cause.__cause__)  # type: ignore[union-attr]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert snapshot(tmp_path) == before
    assert multiprocessing.active_children() == []


def failing_twice(number: int) -> Any:
    if number in (30, 170):
        time.sleep(0.2 if number == 30 else 0)
        raise ValueError(number)
    return example(number)


def test_the_first_item_that_fails_is_named_whichever_failed_first(tmp_path: Path) -> None:
    with pytest.raises(ItemError, match="item #30 "):
        write_sharded(range(200), failing_twice, tmp_path / "t", num_shards=2, workers=3, mp_context=SPAWN)


def broken_items() -> Iterator[int]:
    yield from range(50)
    raise ZeroDivisionError


def broken_progress(done: int, total: int | None) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("arguments", [{"items": broken_items}, {"progress": broken_progress}])
def test_errors_of_the_callers_own_come_through_and_nothing_is_left(
    tmp_path: Path, workers: int, arguments: Any
) -> None:
    items = arguments["items"]() if "items" in arguments else range(100)
    with pytest.raises(ZeroDivisionError):
        write_sharded(
            items,
            example,
            tmp_path / "train",
            num_shards=2,
            workers=workers,
            progress=arguments.get("progress"),
            mp_context=SPAWN,
        )
    assert names(tmp_path) == []
    assert multiprocessing.active_children() == []


def test_a_lambda_is_refused_where_it_cannot_be_sent(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"encode cannot be sent .* workers=0"):
        write_sharded(range(10), lambda number: example(number), tmp_path / "train", num_shards=2, workers=2)
    write_sharded(range(10), lambda number: example(number), tmp_path / "train", num_shards=2, workers=1)
    assert len(list(read_records(tmp_path))) == 10


def test_an_item_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    items: list[Any] = [1, 2, threading.Lock(), 3]
    with pytest.raises(ItemError, match=r"item #2 .*cannot be sent"):
        write_sharded(items, example, tmp_path / "train", num_shards=2, workers=2, mp_context=SPAWN)
    assert names(tmp_path) == []


class Unloadable:
    """Can be pickled, and does not come out again."""

    def __reduce__(self) -> Any:
        return int, ("x",)


def test_an_item_that_does_not_arrive_is_named(tmp_path: Path) -> None:
    items: list[Any] = [1, 2, 3, Unloadable(), 4]
    with pytest.raises(ItemError, match=r"could not take them: ValueError") as caught:
        write_sharded(items, example, tmp_path / "train", num_shards=2, workers=2, mp_context=SPAWN)
    assert caught.value.begin <= 3 < caught.value.end
    assert names(tmp_path) == []


def test_workers_are_not_fewer_than_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers"):
        write_sharded(range(10), example, tmp_path / "train", num_shards=2, workers=-1)


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("a.png", "'a.png'"),
        (Path("a.png"), "PosixPath('a.png')" if os.name == "posix" else "WindowsPath('a.png')"),
        (("a.png", 3), "('a.png', 3)"),
        (b"payload", "<bytes, 7 long>"),
        ({"image": b"payload"}, "{'image': <bytes, 7 long>}"),
        (np.zeros((3, 4), np.uint8), "<ndarray, uint8 (3, 4)>"),
    ],
)
def test_items_are_shown_without_their_payload(item: Any, shown: str) -> None:
    assert shortened(item) == shown


def test_long_items_areshortened() -> None:
    assert len(shortened("x" * 10_000)) <= 120
    assert len(shortened(Path("x" * 10_000))) <= 120


# Processes that die.


def killed(number: int) -> Any:
    if number == 57:
        os.kill(os.getpid(), signal.SIGKILL)
    return example(number)


def of_negative(encode: Any, item: int) -> Any:
    """Items that are not their numbers."""
    return encode(-item)


def killed_late(number: int) -> Any:
    if number == 1500:
        os.kill(os.getpid(), signal.SIGKILL)
    return example(number)


def exiting_at_once(number: int) -> Any:
    if number == 57:
        os._exit(0)
    return example(number)


@needs_signals
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(("encode", "number"), [(killed, 57), (killed_late, 1500), (exiting_at_once, 57)])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_item_at_which_a_worker_died_is_named(tmp_path: Path, method: str, encode: Any, number: int) -> None:
    context = multiprocessing.get_context(method)
    with pytest.raises(ItemError, match=rf"item #{number} \(-{number}\): a worker process died") as caught:
        write_sharded(
            range(0, -5000, -1),
            partial(of_negative, encode),
            tmp_path / "t",
            num_shards=2,
            workers=3,
            mp_context=context,
        )
    error = caught.value
    assert (error.begin, error.end, error.item) == (number, number + 1, str(-number))
    assert names(tmp_path) == []
    assert multiprocessing.active_children() == []


def terminated(number: int) -> Any:
    if number == 57:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    return example(number)


@needs_signals
def test_where_it_cannot_be_told_which_worker_died_the_item_is_among_those_named(tmp_path: Path) -> None:
    with pytest.raises(ItemError, match=r"a worker process died") as caught:
        write_sharded(range(500), terminated, tmp_path / "train", num_shards=2, workers=2, mp_context=SPAWN)
    assert caught.value.begin <= 57 < caught.value.end
    assert names(tmp_path) == []


@needs_signals
@pytest.mark.parametrize("end", ["fails", "is killed"])
def test_workers_may_end_in_the_middle_of_a_large_result(tmp_path: Path, end: str) -> None:
    script = """
import faulthandler, multiprocessing, os, random, signal, sys, threading, time
import tfrecord_lite as tfr

def kill(delay):
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGKILL)

def encode(number):
    if number == 57 and sys.argv[2] == "fails": raise KeyError("x")
    if number == 0 and sys.argv[2] == "is killed":
        threading.Thread(target=kill, args=(random.random() * 0.05,), daemon=True).start()
    return {"number": number, "blob": bytes(300_000)}

context = multiprocessing.get_context("fork")
for _ in range(30):
    faulthandler.dump_traceback_later(50, exit=True)
    try:
        tfr.write_sharded(range(200), encode, sys.argv[1], num_shards=2, workers=2, mp_context=context)
    except tfr.ItemError as error:
        assert error.begin <= 57 < error.end or sys.argv[2] == "is killed"
    faulthandler.cancel_dump_traceback_later()
"""
    python_output(script, tmp_path / "train", end)
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(processes: list[int]) -> None:
    limit = time.monotonic() + 30
    while any(map(is_running, processes)):
        assert time.monotonic() < limit, f"{processes} outlive the process that started them"
        time.sleep(0.02)


SLOW = """
import multiprocessing, os, sys, time
from pathlib import Path
import tfrecord_lite as tfr

def encode(number):
    # Each worker says that it is there; some are never done.
    Path(sys.argv[2], str(os.getpid())).touch()
    if number > 20:
        time.sleep(1000)
    return {"a": number}

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[3])
    try:
        tfr.write_sharded(range(10_000), encode, sys.argv[1], num_shards=3, workers=3, mp_context=context)
    except KeyboardInterrupt:
        print("interrupted")
"""


@contextlib.contextmanager
def busy(tmp_path: Path, method: str) -> Iterator[tuple[Any, list[int], Path]]:
    """A process group of its own with workers that hang, the numbers of the workers, and where temporary files go."""
    data, workers = tmp_path / "data", tmp_path / "workers"
    data.mkdir()
    workers.mkdir()
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    command = [sys.executable, "-Wignore", str(script), str(data / "train"), str(workers), method]
    # A short name: the forkserver's socket lies below it, and the names of sockets are limited to some 100 characters.
    temporary = Path(tempfile.mkdtemp())
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        limit = time.monotonic() + 60
        while len(names(workers)) < 3 or not any(name.startswith(".shard") for name in names(data)):
            assert time.monotonic() < limit
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        time.sleep(0.2)
        yield process, [int(name) for name in names(workers)], temporary
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        shutil.rmtree(temporary, ignore_errors=True)


@needs_signals
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ctrl_c_ends_all_processes_and_leaves_nothing(tmp_path: Path, method: str) -> None:
    with busy(tmp_path, method) as (process, workers, temporary):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        output, errors = process.communicate(timeout=60)
        assert (output, errors) == ("interrupted\n", "")
        wait_until_gone(workers)
        assert names(tmp_path / "data") == []
        assert not list(temporary.glob(".writing-*"))


@needs_signals
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_do_not_outlive_the_process_that_started_them(tmp_path: Path, method: str) -> None:
    with busy(tmp_path, method) as (process, workers, _):
        process.kill()
        process.wait()
        wait_until_gone(workers)
        assert all(name.startswith(".shard") for name in names(tmp_path / "data"))
        with ShardedWriter(tmp_path / "data" / "train", num_shards=3) as writer:
            writer.write(b"a")
        assert list(read_records(tmp_path / "data")) == [b"a"]


@needs_signals
def test_ctrl_c_at_any_moment_leaves_a_whole_set_or_none(tmp_path: Path) -> None:
    script = tmp_path / "quick.py"
    script.write_text(SLOW.replace("time.sleep(1000)", "pass").replace("10_000", "3000"))
    for number in range(8):
        data = tmp_path / f"data{number}"
        data.mkdir()
        command = [sys.executable, "-Wignore", str(script), str(data / "train"), str(tmp_path), "fork"]
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True) as process:
            while not names(data) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(number * 0.03)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)
        found = names(data)
        assert found in ([], ["_MANIFEST.json", "_SUCCESS", *(f"train-0000{n}-of-00003" for n in range(3))])
        if found:
            assert len(list(read_records(data))) == 3000


def test_fork_gives_the_same(tmp_path: Path) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("there is no fork here")
    script = """
import multiprocessing, sys, tfrecord_lite as tfr
def encode(number): return {"a": number}
context = multiprocessing.get_context("fork")
for workers in (0, 2):
    s = tfr.write_sharded(range(1000), encode, sys.argv[1], num_shards=3, workers=workers, mp_context=context)
    print([info.checksum for info in s.shards])
"""
    first, second = python_output(script, tmp_path / "train").splitlines()
    assert first == second
