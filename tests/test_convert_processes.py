"""convert with workers: one that is killed, and Ctrl-C, leave no file and no process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from damage import MEMORY
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.convert import convert

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

COMMAND = [sys.executable, "-m", "tfrecord_lite", "convert"]
#: More than a part of lines, and more parts than are under way at a time.
LINES = (json.dumps({"a": [1], "b": ["x" * 1000]}) + "\n").encode() * 1200


def children_of(process: int) -> list[int]:
    """Its worker processes."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                status = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
                command = Path("/proc", name, "cmdline").read_bytes()
            except OSError:
                continue
            if int(status[1]) == process and b"spawn_main" in command:
                found.append(int(name))
    return found


def workers_of(process: subprocess.Popen[bytes], count: int) -> list[int]:
    """Its worker processes, when all are there."""
    while len(found := children_of(process.pid)) < count:
        assert process.poll() is None
        time.sleep(0.02)
    return found


def is_running(process: int) -> bool:
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end_of(processes: list[int]) -> None:
    while any(map(is_running, processes)):
        time.sleep(0.02)


@pytest.fixture(params=["one file", "shards"])
def converting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Lines from standard input to TFRecord with two workers; some lines have been sent."""
    options = ["--shards", "3"] if request.param == "shards" else []
    command = [*COMMAND, "-", str(tmp_path / "out"), "--from", "jsonl", "--workers", "2", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(LINES * 4)
    process.stdin.flush()
    yield process
    process.kill()
    process.communicate()


def test_a_killed_worker_ends_it_with_the_input_named(converting: subprocess.Popen[bytes], tmp_path: Path) -> None:
    workers = workers_of(converting, 2)
    os.kill(workers[0], signal.SIGKILL)
    _, message = converting.communicate(LINES * 20)
    assert converting.returncode == 1
    text = message.decode()
    assert "<stdin>, lines " in text
    assert "a worker process died while it was at it" in text
    assert text.startswith("tfrecord-lite: ")
    assert len(text.splitlines()) == 1
    assert os.listdir(tmp_path) == []
    wait_for_end_of(workers)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_leave_no_file_and_no_process(
    converting: subprocess.Popen[bytes], number: int, code: int, tmp_path: Path
) -> None:
    workers = workers_of(converting, 2)
    while not os.listdir(tmp_path):
        time.sleep(0.02)
    converting.send_signal(number)
    _, message = converting.communicate()
    assert (converting.returncode, message) == (code, b"")
    assert os.listdir(tmp_path) == []
    wait_for_end_of(workers)


def test_ctrl_c_on_the_way_from_records_leaves_nothing_either(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for number in range(2000):
            writer.write_example({"n": number, "b": bytes(1000)})
    data = (tmp_path / "a.tfrecord").read_bytes()
    (tmp_path / "out").mkdir()
    command = [*COMMAND, "-", str(tmp_path / "out" / "a.jsonl"), "--max-bytes", "1MiB", "--workers", "2"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(data * 4)
    process.stdin.flush()
    workers = workers_of(process, 2)
    while not os.listdir(tmp_path / "out"):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert os.listdir(tmp_path / "out") == []
    wait_for_end_of(workers)


PEAK = f"""{MEMORY}
import sys
from tfrecord_lite.cli.main import main
assert main(["convert", *sys.argv[1:]]) == 0
print(peak() >> 20)
"""


def peak(*arguments: object) -> int:
    """Most memory that a conversion takes, in MiB."""
    command = [sys.executable, "-c", PEAK, *map(str, arguments)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


@pytest.mark.parametrize("end", ["parquet", "arrow", "jsonl", "tar"])
def test_memory_does_not_grow_with_the_files(end: str, tmp_path: Path) -> None:
    source, schema = tmp_path / "a.tfrecord", tmp_path / "schema.json"
    with tfr.TFRecordWriter(source) as writer:
        for number in range(8000):
            writer.write_example({"n": number, "b": os.urandom(8000)})
    schema.write_text(tfr.infer_schema(source, sample=100).to_json())
    there, back = [], []
    for copies in (1, 5):  # 64 and 320 MB
        there.append(peak(*[source] * copies, tmp_path / f"a.{end}", "--schema", schema))
        back.append(peak(tmp_path / f"a.{end}", tmp_path / "back", "--schema", schema))
    assert there[1] < there[0] + 64
    assert back[1] < back[0] + 64


#: A process with WHICH in its command is killed before it does anything, and whoever starts it goes on when it is dead.
KILLED_AT_ITS_START = """
import os, signal, sys
which = os.environ["WHICH"]
if any(which in word for word in sys.orig_argv):
    os.kill(os.getpid(), signal.SIGKILL)
from multiprocessing import util
start = util.spawnv_passfds
def start_and_wait(path, args, fds):
    process = start(path, args, fds)
    if any(which.encode() in os.fsencode(word) for word in args):
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    return process
util.spawnv_passfds = start_and_wait
"""


@pytest.mark.parametrize("which", ["resource_tracker", "--multiprocessing-fork"])
@pytest.mark.parametrize("case", ["convert to", "convert from", "pack"])
def test_a_process_that_is_killed_as_it_starts_is_an_error(which: str, case: str, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(KILLED_AT_ITS_START)
    (tmp_path / "out").mkdir()
    (tmp_path / "temporary").mkdir()
    source, out = tmp_path / "in.jsonl", str(tmp_path / "out" / "a")
    source.write_bytes(LINES)
    command = [*COMMAND, str(source), out, "--to", "tfrecord"]
    if case == "convert from":
        source = tmp_path / "in.tfrecord"
        convert(tmp_path / "in.jsonl", source)
        command = [*COMMAND, str(source), f"{out}.jsonl"]
    elif case == "pack":
        source = tmp_path / "photos" / "0.png"
        source.parent.mkdir()
        for number in range(2):
            Image.new("RGB", (9, 9)).save(source.parent / f"{number}.png")
        command = [*COMMAND[:-1], "pack", str(source.parent), "-o", out, "--order", "name"]
    paths = os.pathsep.join([str(tmp_path / "first"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "WHICH": which, "TMPDIR": str(tmp_path / "temporary")}
    if case == "pack":  # forks otherwise
        script = "import multiprocessing, sys, tfrecord_lite.cli.main as main\n"
        script += "if __name__ == '__main__':\n multiprocessing.set_start_method('spawn'); sys.exit(main.main())\n"
        (tmp_path / "script.py").write_text(script)
        command = [sys.executable, str(tmp_path / "script.py"), *command[3:]]
    done = subprocess.run([*command, "--workers", "2"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    message = next(line for line in done.stderr.splitlines() if line.startswith("tfrecord-lite: "))
    assert source.name in message
    assert "a worker process died while it was at it" in message
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path / "out") == []
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize("attempt", range(6))
def test_a_worker_that_is_killed_while_others_start_is_an_error(attempt: int, tmp_path: Path) -> None:
    """The pool is given up before it knows of all of them: one time in four it waited for the others without end."""
    convert_lines(tmp_path, 4)
    command = [*COMMAND, str(tmp_path / "in.tfrecord"), str(tmp_path / "out.csv"), "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            os.kill(just_started(process.pid, 1 + attempt % 2), signal.SIGKILL)
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, stdout) == (1, b"")
    assert b"a worker process died while it was at it" in stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM] * 2, [signal.SIGINT] * 2])
@pytest.mark.parametrize("count", [1, 2])
def test_workers_that_are_still_starting_end_without_a_word(numbers: list[int], count: int, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(SLOW_TO_START)
    (tmp_path / "temporary").mkdir()
    convert_lines(tmp_path, 4)
    paths = os.pathsep.join([str(tmp_path / "first"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path / "temporary")}
    command = [*COMMAND, str(tmp_path / "in.tfrecord"), str(tmp_path / "out.csv"), "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        try:
            just_started(process.pid, count)
            for number in numbers:
                process.send_signal(number)
                time.sleep(0.05)
            output = process.communicate(timeout=60)
        finally:
            process.kill()
    assert output == (b"", b"")
    assert process.returncode in (128 + numbers[0], -numbers[0])  # the latter of a second one when all is over
    assert not (tmp_path / "out.csv").exists()
    assert os.listdir(tmp_path / "temporary") == []


def just_started(process: int, count: int) -> int:
    """The last of so many workers, at once when it is there: to look at all processes would take too long."""
    while True:
        found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        workers = [number for number in found if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()]
        if len(workers) >= count:
            return int(workers[-1])


SLOW_TO_START = """
import sys, time
if any("spawn_main" in word for word in sys.orig_argv):
    time.sleep(1)
"""


def convert_lines(directory: Path, copies: int) -> None:
    (directory / "in.jsonl").write_bytes(LINES * copies)
    convert(directory / "in.jsonl", directory / "in.tfrecord")


def test_sigterm_without_workers_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    command = [*COMMAND, "-", str(tmp_path / "out" / "a"), "--from", "jsonl"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(LINES * 4)
    process.stdin.flush()
    while not os.listdir(tmp_path / "out"):
        assert process.poll() is None
        time.sleep(0.02)
    process.terminate()
    assert process.communicate() == (b"", b"")
    assert process.returncode == 143
    assert os.listdir(tmp_path / "out") == []
