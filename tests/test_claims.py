"""Hidden files beside an output: those of killed processes go when it is written again, those of living ones stay."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.adapters.written_folder import write_image_folder
from tfrecord_lite.files import claims
from tfrecord_lite.files.claims import Claim, ClaimedSet
from tfrecord_lite.files.output_files import OutputFiles
from tfrecord_lite.files.temporary import TemporaryPath, temporary_directory

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="flock is POSIX")]

ROOT = Path(__file__).parent.parent

#: Something is written into argv[1], until a line comes from standard input.
WRITERS = {
    "file": """
writer = tfr.TFRecordWriter(argv[1] + "/out")
writer.write(b"first")
writer.flush()
wait()
writer.close()
""",
    "shards": """
writer = tfr.ShardedWriter(argv[1] + "/out", max_records=1)
writer.write(b"first")
writer.write(b"second")
writer.flush()
wait()
writer.close()
""",
    "shards of text": """
files = OutputFiles(argv[1] + "/out.csv", ".csv", "", True)
for _ in range(2):
    files.open_next().write(b"first")
wait()
files.publish()
""",
    "folder": """
def examples():
    yield {"image": [png]}
    wait()
write_image_folder(examples(), argv[1] + "/out")
""",
}
HEAD = """
import io, sys, tfrecord_lite as tfr
from PIL import Image
from sys import argv
from tfrecord_lite.adapters.written_folder import write_image_folder
from tfrecord_lite.files.output_files import OutputFiles
file = io.BytesIO()
Image.new("L", (2, 2)).save(file, "PNG")
png = file.getvalue()
def wait():
    print("ready", flush=True)
    sys.stdin.readline()
"""


def write_again(what: str, directory: Path) -> None:
    if what == "file":
        with tfr.TFRecordWriter(directory / "out") as writer:
            writer.write(b"again")
    elif what == "shards":
        with tfr.ShardedWriter(directory / "out", max_records=1) as writer:
            writer.write(b"again")
    elif what == "shards of text":
        files = OutputFiles(str(directory / "out.csv"), ".csv", "", True)
        files.open_next().write(b"again")
        files.publish()
    else:
        write_image_folder([], directory / "out")


@contextmanager
def writing(what: str, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of it."""
    command = [sys.executable, "-c", HEAD + WRITERS[what], str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
        yield process
        process.kill()


def hidden(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name.startswith("."))


@pytest.mark.parametrize("what", WRITERS)
def test_what_a_killed_process_left_goes_when_it_is_written_again(tmp_path: Path, what: str) -> None:
    for _ in range(2):
        with writing(what, tmp_path), writing(what, tmp_path):
            pass
        assert hidden(tmp_path)
    write_again(what, tmp_path)
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("what", WRITERS)
def test_what_a_living_process_writes_stays(tmp_path: Path, what: str) -> None:
    with writing(what, tmp_path) as process:
        before = hidden(tmp_path)
        write_again(what, tmp_path)
        assert hidden(tmp_path) == before
        for name in os.listdir(tmp_path):
            if not name.startswith("."):
                path = tmp_path / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        _, errors = process.communicate("\n", timeout=60)
        assert (process.returncode, errors) == (0, "")
    assert hidden(tmp_path) == []
    assert [name for name in os.listdir(tmp_path) if name.startswith("out")]


@pytest.mark.parametrize("what", WRITERS)
def test_what_belongs_to_another_output_stays(tmp_path: Path, what: str) -> None:
    with writing(what, tmp_path):
        pass
    before = hidden(tmp_path)
    with tfr.TFRecordWriter(tmp_path / "other"), tfr.ShardedWriter(tmp_path / "others", num_shards=1):
        pass
    OutputFiles(str(tmp_path / "out.json"), ".json", "", True).publish()
    assert hidden(tmp_path) == before


def test_shards_that_somebody_else_is_to_commit_stay(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "out", num_shards=1, publish=False) as unpublished:
        unpublished.write(b"a")
    with tfr.ShardedWriter(tmp_path / "out", num_shards=1) as writer:
        writer.write(b"b")
    tfr.commit(unpublished.infos, tmp_path / "out")
    assert list(tfr.read_records(tmp_path)) == [b"a"]


def test_a_commit_that_was_cut_off_keeps_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is known what is to become of them."""
    script = """
import os, signal, sys, tfrecord_lite as tfr
from tfrecord_lite.files import commit
commit._publish = lambda *parts: os.kill(os.getpid(), signal.SIGKILL)
with tfr.ShardedWriter(sys.argv[1] + "/out", num_shards=2) as writer:
    writer.write(b"a")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    before = hidden(tmp_path)
    writer = tfr.ShardedWriter(tmp_path / "out", num_shards=1)
    writer.discard()
    assert hidden(tmp_path) == before
    tfr.commit(None, tmp_path / "out")
    assert list(tfr.read_records(tmp_path)) == [b"a"]


def test_a_new_claim_is_another_file(tmp_path: Path) -> None:
    first = Claim(str(tmp_path / "out"))
    second = Claim(str(tmp_path / "out"))
    assert first.path != second.path
    os.close(os.dup(first.descriptor))
    first.abandon()  # as the death of its process does
    third = Claim(str(tmp_path / "out"))
    assert third.path == first.path
    second.release()
    third.release()
    assert hidden(tmp_path) == []


def test_a_claim_that_is_thrown_away_goes_but_not_in_a_forked_child(tmp_path: Path) -> None:
    claim = Claim(str(tmp_path / "out"))
    child = os.fork()
    if not child:
        del claim
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert hidden(tmp_path) == [os.path.basename(claim.path)]
    del claim
    assert hidden(tmp_path) == []


def test_what_is_no_file_of_ours_is_neither_opened_nor_deleted(tmp_path: Path) -> None:
    claim = Claim(str(tmp_path / "out"))
    path = claim.path
    claim.release()
    (tmp_path / "precious").write_bytes(b"data")
    os.symlink(tmp_path / "precious", path)
    assert Claim(str(tmp_path / "out")).path != path
    assert (tmp_path / "precious").read_bytes() == b"data"
    assert os.path.islink(path)


def test_without_locks_nothing_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing("shards", tmp_path):
        pass
    before = set(hidden(tmp_path))
    monkeypatch.setattr(claims, "fcntl", None)
    write_again("shards", tmp_path)
    assert set(hidden(tmp_path)) == before


def test_a_set_that_is_let_go_of_is_there_for_the_next(tmp_path: Path) -> None:
    first = ClaimedSet(str(tmp_path / "out"))
    Path(first.new_path()).write_bytes(b"")
    os.mkdir(first.new_path())
    first.abandon()
    ClaimedSet(str(tmp_path / "out")).release()
    assert os.listdir(tmp_path) == []


# In the directory for temporary files, which argv[1] is.
TEMPORARIES = {
    "workers": """
def items():
    yield from "some"
    wait()
    yield "7"
fork = multiprocessing.get_context("fork")
tfr.write_sharded(items(), str.encode, argv[1] + "/data/train", num_shards=1, workers=2, mp_context=fork)
""",
    "URL": """
writer = tfr.ShardedWriter("memory://data/train", num_shards=2)
writer.write(b"first")
writer.flush()
wait()
writer.close()
""",
}


@pytest.mark.parametrize("what", TEMPORARIES)
def test_what_killed_processes_left_in_the_directory_for_temporary_files_goes_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "other.tmp").write_bytes(b"")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(WRITERS, what, "import multiprocessing\n" + TEMPORARIES[what])
    with writing(what, tmp_path) as living:
        its_own = hidden(tmp_path)
        for _ in range(2):
            with writing(what, tmp_path):
                assert len(hidden(tmp_path)) > len(its_own)
            wait_until(lambda: not locked_by_others(tmp_path, its_own))
            assert len(hidden(tmp_path)) > len(its_own)
        path = TemporaryPath()
        assert set(its_own) < set(hidden(tmp_path))
        assert len(hidden(tmp_path)) == len(its_own) + 1  # the sign of this process
        path.remove()
        assert hidden(tmp_path) == its_own
        _, errors = living.communicate("\n")
        assert (living.returncode, errors) == (0, "")
    assert sorted(os.listdir(tmp_path)) == ["data", "other.tmp"]


def locked_by_others(directory: Path, its_own: list[str]) -> bool:
    """Whether anybody still holds a sign: workers need a moment to notice that they are to end."""
    import fcntl

    for sign in directory.glob(".writing-*-[0-9].tmp"):
        if sign.name not in its_own:
            with sign.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_temporary_path_that_is_thrown_away_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = TemporaryPath(), TemporaryPath()
    Path(first.path).write_bytes(b"a")
    os.mkdir(second.path)
    Path(second.path, "b").write_bytes(b"b")
    assert len(hidden(tmp_path)) == 3  # one sign for both
    if not (child := os.fork()):
        del first, second
        os._exit(0)
    os.waitpid(child, 0)
    assert len(hidden(tmp_path)) == 3
    del first
    assert len(hidden(tmp_path)) == 2
    del second
    assert hidden(tmp_path) == []


def test_at_the_end_of_python_nothing_is_said(tmp_path: Path) -> None:
    """Where a library holds on to modules, Python empties them before it lets go of what is in others."""
    program = """
import ctypes, sys, types
keeper = sys.modules["keeper"] = types.ModuleType("keeper")
from tfrecord_lite.files import claims, temporary
for module in (keeper, claims, temporary):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(module))
keeper.kept = claims.Claim(sys.argv[1]), temporary.TemporaryPath()
"""
    command = [sys.executable, "-c", program, str(tmp_path / "a")]
    process = subprocess.run(command, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
    Claim(str(tmp_path / "a")).release()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(claims.hidden_name("writing", "a"))]


@pytest.mark.parametrize("killed", [[2], [1, 3], [0, 4]])
@pytest.mark.parametrize("kind", ["ShardedWriter('a', num_shards=1)", "TFRecordWriter('a')"])
def test_what_several_left_goes_whichever_of_them_were_killed(tmp_path: Path, kind: str, killed: list[int]) -> None:
    program = f"import sys, tfrecord_lite as tfr\nwriter = tfr.{kind}\nwriter.write(b'x')\nwriter.flush()\nprint()\n"
    program += "sys.stdin.read()\nwriter.close()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = []
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, **pipes)  # type: ignore[call-overload]
        process.stdout.readline()
        processes.append(process)
    for number in killed:
        processes[number].kill()
    for process in processes:
        process.communicate()
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")]
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.DEVNULL, check=True, capture_output=True
    )
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def test_who_writes_for_a_long_time_looks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = str(tmp_path / "a")
    Claim(output).release()
    left = tmp_path / f"{claims.hidden_name('writing', 'a')}-7.tmp"
    left.touch()  # nobody holds it, and there is a gap before it
    monkeypatch.setattr(claims, "_LOOKS_AGAIN", 0.0)
    Claim(output).release()
    assert not left.exists()


def test_an_interrupt_while_python_looks_for_temporary_files_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def interrupt(frame: FrameType, event: str, called: object) -> None:
        if event == "c_return" and called is os.open and frame.f_code.co_filename == tempfile.__file__:
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            temporary_directory()
    finally:
        sys.setprofile(None)
    assert (os.listdir(tmp_path), temporary_directory()) == ([], str(tmp_path))
