"""commit, rollback at the command line, after processes that really were killed in the middle of a commit."""

from __future__ import annotations

import json
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from record_files import written

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL"),
]

OLD, NEW = [b"old 0", b"old 1"], [b"new 0", b"new 1", b"new 2"]

KILLED = """
import os, pickle, signal, sys
import tfrecord_lite as tfr
replace = os.replace
def dying(source, target):
    if os.path.basename(target) == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
unlink = os.unlink
def dying_too(path):
    if os.path.basename(path).startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    unlink(path)
os.replace, os.unlink = dying, dying_too
tfr.commit(pickle.load(sys.stdin.buffer), sys.argv[1])
"""
#: What the commit was about to do when it was killed: to name the last shard, or to remove a shard that was replaced.
BEFORE_THE_MANIFEST, BEHIND_IT = "train-00002-of-00003", ".old-"


def interrupted(prefix: Path, moment: str) -> str:
    """A set of three shards whose commit, in the place of one of three others, was killed."""
    tfr.commit(written(prefix, OLD[:1], OLD[1:], []), prefix)
    infos = written(prefix, *([record] for record in NEW))
    command = [sys.executable, "-c", KILLED, str(prefix), moment]
    assert subprocess.run(command, input=pickle.dumps(infos), check=False).returncode == -signal.SIGKILL
    with pytest.raises(tfr.ShardError):
        tfr.read_records(prefix.parent)
    return str(prefix)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "it's data"
    directory.mkdir()
    return directory


@pytest.mark.parametrize("moment", [BEFORE_THE_MANIFEST, BEHIND_IT])
def test_a_commit_that_was_killed_is_finished(data: Path, moment: str, capsys: pytest.CaptureFixture[str]) -> None:
    prefix = interrupted(data / "train", moment)
    for _ in range(2):  # the second time there is nothing to do
        assert main(["commit", prefix]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.partition(": ")[0] for line in lines] == [f"{prefix}-{number:05}-of-00003" for number in range(3)]
        assert list(tfr.read_records(data)) == NEW
        assert not [name for name in os.listdir(data) if name.startswith((".", "_PLAN"))]
    assert main(["commit", prefix, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], [file["records"] for file in told["files"]]) == (3, [1, 1, 1])


def test_a_commit_that_was_killed_is_undone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prefix = interrupted(data / "train", BEFORE_THE_MANIFEST)
    assert main(["rollback", prefix]) == 0
    assert capsys.readouterr().out == f"{prefix}: the commit is undone\n"
    assert list(tfr.read_records(data)) == OLD
    assert not [name for name in os.listdir(data) if name.startswith((".", "_PLAN"))]
    assert main(["rollback", prefix]) == 0
    assert capsys.readouterr().out == f"{prefix}: there was no commit to undo\n"
    assert list(tfr.read_records(data)) == OLD


def test_a_commit_that_was_killed_behind_its_manifest_is_not_undone_but_finished(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = interrupted(data / "train", BEHIND_IT)
    assert main(["rollback", prefix, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"prefix": prefix, "undone": False, "finished": True}
    assert list(tfr.read_records(data)) == NEW


KILLED_WRITER = """
import os, signal, sys
import tfrecord_lite as tfr
replace = os.replace
def dying(source, target):
    if target.endswith("-00001-of-00002"):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = dying
with tfr.ShardedWriter(sys.argv[1], num_shards=2) as writer:
    writer.write(b"lost")
"""


@pytest.mark.parametrize("by", ["commit", "rollback", "writer"])
def test_nothing_is_left_of_a_writer_that_was_killed_in_its_commit(data: Path, by: str) -> None:
    prefix = str(data / "train")
    assert subprocess.run([sys.executable, "-c", KILLED_WRITER, prefix], check=False).returncode == -signal.SIGKILL
    assert [name for name in os.listdir(data) if name.endswith("-0.tmp")]
    if by == "writer":
        with tfr.ShardedWriter(prefix, num_shards=1) as writer:
            writer.write(b"new")
    else:
        assert main([by, prefix]) == 0
    assert not [name for name in os.listdir(data) if name.startswith((".", "_PLAN"))]


def test_what_is_in_the_way_of_a_mark_is_named_and_not_the_hidden_file(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tfr.commit(written(data / "train", OLD), data / "train")
    (data / "_SUCCESS").unlink()
    (data / "_SUCCESS" / "x").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        tfr.commit(written(data / "train", NEW), data / "train")
    assert main(["rollback", str(data / "train")]) == 1
    assert capsys.readouterr().err == f"tfrecord-lite: {data / '_SUCCESS'}: Is a directory\n"


@pytest.mark.parametrize(("word", "records"), [("commit", NEW), ("rollback", OLD)])
def test_the_error_of_a_reader_says_the_commands_that_help(
    data: Path, word: str, records: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(data / "train", BEFORE_THE_MANIFEST)
    assert main(["count", str(data)]) == 1
    (command,) = re.findall(f"`(tfrecord-lite {word} .*?)`", capsys.readouterr().err)
    assert main(shlex.split(command)[1:]) == 0
    assert list(tfr.read_records(data)) == records


def test_a_commit_that_never_began_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(data / "train", [b"a"])
    assert main(["commit", str(data / "train")]) == 1
    assert capsys.readouterr().err == f"tfrecord-lite: {data / 'train'}: no commit to finish\n"
    assert main(["commit", str(data / "missing" / "train")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    for word in ("commit", "rollback"):
        assert main([word, f"{data}/"]) == 2
        assert "does not end in a name" in capsys.readouterr().err


def test_an_interrupted_commit_behind_a_url_is_finished(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tfrecord_lite.files.remote_directory import RemoteDirectory

    with monkeypatch.context() as patch:
        patch.setattr(RemoteDirectory, "rename", lambda self, names: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tfr.commit(written(f"{memory}/train", [b"a"]), f"{memory}/train")
    with pytest.raises(tfr.ShardError, match=f"`tfrecord-lite commit {memory}/train`"):
        tfr.read_records(memory)
    assert main(["commit", f"{memory}/train", "--quiet"]) == 0
    assert list(tfr.read_records(memory)) == [b"a"]
