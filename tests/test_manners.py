"""What holds for every command: examples in its help, exit codes, -, --json, --quiet, colours, imports, completion."""

import errno
import fcntl
import importlib
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import _COMMANDS, main, parser_of
from tfrecord_lite.cli.progress import Progress
from tfrecord_lite.cli.reference import reference

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "tfrecord_lite"]

#: How each command is called to read IN, and to write OUT where it writes.
CALLS = {
    "info": "IN",
    "head": "IN",
    "cat": "IN",
    "schema": "IN",
    "stats": "IN",
    "gallery": "IN -o OUT",
    "report": "IN -o OUT",
    "count": "IN",
    "verify": "IN",
    "lint": "IN --fix OUT",
    "salvage": "IN OUT",
    "index": "IN",
    "merge": "IN -o OUT",
    "split": "IN -o OUT --max-records 9",
    "reshard": "IN -o OUT --shards 2",
    "shuffle": "IN -o OUT",
    "sample": "IN -o OUT -n 2",
    "filter": "IN -o OUT --records 0:3",
    "dedupe": "IN -o OUT",
    "diff": "IN IN",
    "commit": "shards/train",
    "rollback": "shards/train",
    "convert": "IN OUT --to jsonl",
    "pack": "photos -o OUT --workers 1 --encode png",
    "cardchecker": "write --id cards --dl licences --background backgrounds -o OUT",
    "demo": "--out OUT",
}
OF_FOLDERS = {"pack", "cardchecker", "demo"}
OF_SETS = {"commit", "rollback"}
OF_FILES = [name for name in CALLS if name not in OF_FOLDERS | OF_SETS]
#: What each command is there to print, and --quiet does not take away.
RESULTS = {"info", "head", "cat", "schema", "stats", "count", "diff"}


#: They read a file twice, or put something beside it, and refuse what can be read once only.
NOT_FROM_PIPES = {"index", "reshard", "sample", "dedupe"}


def call(command: str, file: str, out: str = "out") -> list[str]:
    return [command, *({"IN": file, "OUT": out}.get(word, word) for word in CALLS[command].split())]


def write_examples(path: str, numbers: range, text: str = "a") -> None:
    image = Path("photos/cat/0.png").read_bytes()
    with tfr.TFRecordWriter(path) as writer:
        for number in numbers:
            writer.write_example({"label": number % 5, "number": number, "text": text, "image": image})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with all files that the examples name."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for folder in ("photos/cat", "photos/dog", "cards", "licences", "backgrounds"):
        os.makedirs(folder)
        for number in range(2):
            pixels = random.integers(0, 255, (200, 400, 3), np.uint8)
            Image.fromarray(pixels).resize((400, 200)).save(f"{folder}/{number}.png", compress_level=0)
    write_examples("train.tfrecord", range(20))
    write_examples("val.tfrecord", range(20, 25))
    data = bytearray(Path("train.tfrecord").read_bytes())
    data[-3] ^= 1
    Path("damaged.tfrecord").write_bytes(data)
    os.mkdir("shards")
    tfr.surgery.split("train.tfrecord", "shards/train", num_shards=3)
    Path("features.py").write_text("features = {'label': tf.io.FixedLenFeature([], tf.int64)}\n")
    Path("table.csv").write_text("label,text\n1,a\n2,b\n")
    return tmp_path


def test_the_table_has_every_command() -> None:
    assert set(CALLS) == set(_COMMANDS)


EXAMPLES = [
    (name, example)
    for name in _COMMANDS
    for example in importlib.import_module(f"tfrecord_lite.cli.{name}").EXAMPLES or ("there is none",)
]


@pytest.mark.parametrize(("command", "example"), EXAMPLES, ids=lambda value: value)
def test_examples_in_the_help_run(here: Path, command: str, example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(rf"\btfrecord-lite {command} ", example)
    if ".parquet" in example:
        pytest.importorskip("pyarrow")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"  {example}\n" in capsys.readouterr().out
    Path("bin").mkdir()
    script = Path("bin/tfrecord-lite")
    script.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{here}/bin:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-o", "pipefail", "-c", example], env=environment, capture_output=True, text=True)
    something_wrong = "diff train.tfrecord val.tfrecord" in example or "damaged.tfrecord" in example
    assert (done.returncode, done.stderr) == (1 if something_wrong else 0, ""), done.stdout


@pytest.mark.parametrize("command", OF_FILES)
def test_damage_is_exit_code_1_but_2_of_diff(here: Path, command: str) -> None:
    options = {"head": ["-n", "50"], "filter": ["--where", "label >= 0"]}.get(command, [])
    assert main([*call(command, "damaged.tfrecord"), *options]) == (2 if command == "diff" else 1)


@pytest.mark.parametrize("command", OF_FILES)
def test_a_file_that_is_not_there_is_exit_code_1_but_2_of_diff(
    here: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(call(command, "missing.tfrecord")) == (2 if command == "diff" else 1)
    page = Path("out").read_text() if command == "report" else ""
    told = "".join([page, *capsys.readouterr()])
    assert "missing.tfrecord" in told
    assert "No such file" in told
    assert command == "report" or not os.path.exists("out")


def test_folders_that_do_not_do_are_exit_codes_1_and_2(here: Path) -> None:
    Path("file").touch()
    Path("photos/cat/0.png").write_bytes(b"no image")
    Path("cards/0.png").write_bytes(b"no image")
    assert main(call("pack", "")) == 1
    assert main(call("cardchecker", "")) == 1
    assert main(["demo", "--out", "file/demo"]) == 1
    shutil.rmtree("cards")
    assert main(call("cardchecker", "")) == 2


@pytest.mark.parametrize("command", _COMMANDS)
def test_wrong_usage_is_exit_code_2_and_cannot_act_on_the_terminal(
    here: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*call(command, "train.tfrecord"), "--nonsense\x1b[2J\u202e\n"])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.endswith("unrecognized arguments: --nonsense\\x1b[2J\\u202e\\n\n")


def wait_until_it_reads(fifo: str, process: "subprocess.Popen[bytes]") -> int:
    while process.poll() is None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody reads yet
                raise
            time.sleep(0.01)
    raise AssertionError(f"it did not read: exit code {process.returncode}")


@pytest.mark.parametrize("command", [name for name in OF_FILES if name not in NOT_FROM_PIPES])
def test_ctrl_c_is_exit_code_130_and_leaves_nothing(here: Path, command: str) -> None:
    check_signal_leaves_nothing(command, signal.SIGINT, 130)


@pytest.mark.parametrize("command", ["cat", "merge", "split"])
def test_sigterm_is_exit_code_143_and_leaves_nothing(here: Path, command: str) -> None:
    check_signal_leaves_nothing(command, signal.SIGTERM, 143)


def check_signal_leaves_nothing(command: str, number: int, code: int) -> None:
    os.mkfifo("fifo")
    before = set(os.listdir())
    with subprocess.Popen(
        [*COMMAND, *call(command, "fifo")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        writer = wait_until_it_reads("fifo", process)
        try:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            # One that comes between Python's last look at signals and the read itself waits for the next one.
            process.send_signal(number)  # nothing if it has ended
            assert process.wait(60) == code
        finally:
            os.close(writer)  # what waits for it ends then, whatever it did before
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert set(os.listdir()) == before


@pytest.mark.parametrize("command", sorted(OF_FOLDERS))
def test_ctrl_c_is_exit_code_130_for_folders(here: Path, command: str) -> None:
    for folder in ("photos/cat", "cards", "licences", "backgrounds"):
        for number in range(2000):
            os.link(f"{folder}/0.png", f"{folder}/more{number}.png")
    os.mkdir("new")
    with subprocess.Popen([*COMMAND, *call(command, "", "new/out")], stderr=subprocess.PIPE) as process:
        while process.poll() is None and not os.listdir("new"):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


#: Runs the command line with argv[2:], and interrupts it when it imports argv[1].
INTERRUPTED_AT = """
import os, runpy, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), NUMBER)
wanted = sys.argv[1]
sys.meta_path.insert(0, Interrupt())
del sys.argv[1]
runpy.run_module("tfrecord_lite", run_name="__main__", alter_sys=True)
"""
TERMINATED_AT = INTERRUPTED_AT.replace("NUMBER", "signal.SIGTERM")
INTERRUPTED_AT = INTERRUPTED_AT.replace("NUMBER", "signal.SIGINT")
MOMENTS = ("tfrecord_lite.cli", "tfrecord_lite.cli.main", "argparse", "tfrecord_lite.cli.count", "datetime")


@pytest.mark.parametrize(("script", "code"), [(INTERRUPTED_AT, 130), (TERMINATED_AT, 143)], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_before_the_command_has_begun_is_silent(here: Path, moment: str, script: str, code: int) -> None:
    command = [sys.executable, "-c", script, moment, "count", "-"]
    pipe = subprocess.PIPE
    # Measuring coverage imports some of these modules before.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        assert process.wait(60) == code
        assert process.stdout is not None
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def test_ctrl_c_that_is_ignored_stays_ignored(here: Path) -> None:
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{INTERRUPTED_AT}"
    done = subprocess.run([sys.executable, "-c", ignoring, "numpy", "count", "train.tfrecord"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_ignore_ctrl_c_from_their_first_moment(
    here: Path, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker does first, as it starts or after the fork, is to get one."""
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "def interrupt(): os.kill(os.getpid(), signal.SIGINT)\n"
        "if '--multiprocessing-fork' in sys.orig_argv: interrupt()\n"
        "else: os.register_at_fork(after_in_child=interrupt)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, sys, tfrecord_lite as tfr\n"
        "def encode(number): return {'a': number}\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    tfr.write_sharded(range(100), encode, sys.argv[2], num_shards=1, workers=2, mp_context=context)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "first"), str(ROOT)]))
    done = subprocess.run([sys.executable, script, method, tmp_path / "out"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tfr.read_records(tmp_path / "out-00000-of-00001"))) == 100


def run_with_a_broken_pipe(*arguments: str) -> "subprocess.CompletedProcess[str]":
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run([*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    "arguments", ["cat train.tfrecord", "merge train.tfrecord -o -", "convert train.tfrecord - --to csv"]
)
def test_a_reader_of_the_output_that_has_gone_is_no_error(here: Path, arguments: str) -> None:
    done = run_with_a_broken_pipe(*arguments.split())
    assert (done.returncode, done.stderr) == (0, "")


def test_another_pipe_that_breaks_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("fifo")
    with subprocess.Popen(["head", "-c", "1", "fifo"], stdout=subprocess.DEVNULL):
        done = subprocess.run([*COMMAND, "merge", "train.tfrecord", "-o", "fifo"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "tfrecord-lite: fifo: Broken pipe\n")


@pytest.mark.parametrize("command", ["split", "reshard", "shuffle", "convert", "convert to shards of text", "pack"])
def test_more_shards_than_anybody_wants_are_refused(
    here: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = "99999999999999999999"
    arguments = {
        "convert": ["convert", "table.csv", "out"],
        "convert to shards of text": ["convert", "train.tfrecord", "out.jsonl"],
        "pack": call("pack", ""),
    }.get(command, [command, "train.tfrecord", "-o", "out"])
    before = sorted(os.listdir())
    assert main([*arguments, "--shards", number]) == 2
    assert capsys.readouterr().err == f"tfrecord-lite: num_shards is 1,000,000 at most, not {number}\n"
    assert sorted(os.listdir()) == before


def test_a_current_directory_that_is_gone_is_named(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkdir("gone")
    monkeypatch.chdir("gone")
    os.rmdir(here / "gone")
    for arguments in (["convert", str(here / "train.tfrecord"), "x.csv"], ["pack", ".", "-o", "out"]):
        assert main(arguments) == 1
        assert capsys.readouterr().err == "tfrecord-lite: the current directory is gone: No such file or directory\n"


def run_without(stream: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """With that of standard input, output and error closed."""
    return run_with(("<&-", ">&-", "2>&-")[stream], *arguments)


def run_with(
    redirection: str, *arguments: str, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)


@pytest.mark.parametrize("stream", [0, 2], ids=["stdin", "stderr"])
@pytest.mark.parametrize("command", _COMMANDS)
def test_a_closed_stream_that_is_not_needed_is_not_missed(here: Path, command: str, stream: int) -> None:
    done = run_without(stream, *call(command, "train.tfrecord"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or command not in RESULTS - {"diff"}
    if command in OF_FILES:
        done = run_without(stream, *call(command, "missing.tfrecord"))
        assert done.returncode == (2 if command == "diff" else 1)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_closed_standard_output_is_exit_code_2(here: Path, command: str) -> None:
    """And not that of damage, or of a difference."""
    before = sorted(os.listdir())
    done = run_without(1, *call(command, "train.tfrecord"))
    assert (done.returncode, done.stderr) == (2, "tfrecord-lite: standard output is closed\n")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--print-completion", "bash"], ["count", "--help"]])
def test_what_is_only_to_be_read_needs_standard_output_too(arguments: list[str]) -> None:
    done = run_without(1, *arguments)
    assert (done.returncode, done.stderr) == (2, "tfrecord-lite: standard output is closed\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["diff", "train.tfrecord", "missing"], 2),
        (["lint", "train.tfrecord", "--spec", "missing.py"], 2),
        (["convert", "train.tfrecord", "-"], 2),
        (["count", "missing"], 1),
    ],
    ids=str,
)
def test_a_message_that_cannot_be_written_changes_no_exit_code(here: Path, arguments: list[str], code: int) -> None:
    for redirection in ("2>/dev/full", "2>&-"):
        assert run_with(redirection, *arguments).returncode == code


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 1),
        (["count", "train.tfrecord"], 1),
        (["verify", "train.tfrecord"], 1),
        (["diff", "train.tfrecord", "other.tfrecord"], 2),
    ],
    ids=str,
)
def test_a_full_standard_output_is_told_once(here: Path, arguments: list[str], code: int) -> None:
    """Python writes what is left when it ends, which would have been exit code 120."""
    with tfr.TFRecordWriter("other.tfrecord") as writer:
        writer.write(b"other")
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = run_with(">/dev/full", *arguments, env=buffered)
    assert done.returncode == code
    assert done.stderr == f"tfrecord-lite: {OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))}\n"


def test_what_is_written_to_no_stream_is_not_written_to_a_file(here: Path) -> None:
    """The next file that is opened would be in the place of the one that is closed."""
    Path("a.jsonl").write_text('{"a": 1}\n{"a": {}}\n')
    done = run_without(2, "convert", "a.jsonl", "out", "--on-error", "skip", "--workers", "2")
    assert done.returncode == 0
    assert tfr.verify("out").records == 1
    done = run_without(2, "lint", "--spec", "-", "train.tfrecord")
    assert (done.returncode, done.stdout) == (2, "")
    done = run_without(0, "lint", "--spec", "-", "train.tfrecord")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


TO_STDOUT = ("gallery", "report", "lint", "salvage", "merge", "shuffle", "sample", "filter", "dedupe", "convert")


@pytest.mark.parametrize("command", OF_FILES)
def test_standard_input_is_a_file(here: Path, command: str) -> None:
    arguments = ["diff", "-", "train.tfrecord"] if command == "diff" else call(command, "-")
    done = subprocess.run([*COMMAND, *arguments], input=Path("train.tfrecord").read_bytes(), capture_output=True)
    assert done.returncode == (2 if command in NOT_FROM_PIPES else 0), done.stderr
    assert len(done.stderr.splitlines()) == (command in NOT_FROM_PIPES)


@pytest.mark.parametrize("command", sorted({*OF_FILES} - {"salvage"}))  # salvage takes one
def test_standard_input_is_not_named_twice(here: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [name for word in call(command, "IN") for name in (["-", "-"] if word == "IN" else [word])]
    before = sorted(os.listdir())
    assert main(["diff", "-", "-"] if command == "diff" else arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("tfrecord-lite: standard input")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("command", TO_STDOUT)
def test_standard_output_is_a_file(here: Path, command: str) -> None:
    arguments = [*call(command, "train.tfrecord"), *(["--seed", "1"] if command in {"shuffle", "sample"} else [])]
    assert main([*arguments, "--quiet"]) == 0
    to_pipe = ["-" if argument == "out" else argument for argument in arguments]
    assert subprocess.run([*COMMAND, *to_pipe], check=True, capture_output=True).stdout == Path("out").read_bytes()


@pytest.mark.parametrize("command", [name for name in _COMMANDS if name not in {"cat", "demo"}])
def test_facts_are_printed_as_json(here: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*call(command, "train.tfrecord"), "--json"]) == 0
    out, _ = capsys.readouterr()
    if command == "schema":
        json.loads(out)
    else:
        assert out or command == "diff"
        assert all(isinstance(json.loads(line), dict) for line in out.splitlines())
    assert out.isascii()


@pytest.mark.parametrize("command", _COMMANDS)
def test_quiet_leaves_results_only(here: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quiet", *call(command, "train.tfrecord")]) == 0
    quiet = capsys.readouterr()
    assert quiet.err == ""
    if command not in RESULTS:
        assert quiet.out == ""
        return
    assert main(call(command, "train.tfrecord")) == 0
    assert capsys.readouterr().out == quiet.out


def test_quiet_does_not_hide_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("verify", "salvage", "lint"):
        assert main([*call(command, "damaged.tfrecord"), "--quiet"]) == 1
        assert "damaged.tfrecord" in capsys.readouterr().out


def test_quiet_lists_what_was_skipped_and_nothing_else(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    shutil.copyfile("photos/cat/broken.png", "cards/0.png")
    os.mkdir("with notes")
    shutil.copytree("photos/cat", "with notes/cat")
    Path("with notes/notes.txt").write_text("not meant to be an image")
    Path("a.jsonl").write_text('{"a": 1}\n{"a": {}}\n')
    for arguments, skipped in (
        (["pack", "with notes", "-o", "out", "--workers", "1"], ["notes.txt: ", "cat/broken.png: "]),
        (call("cardchecker", ""), ["triple 0 skipped: "]),
        (["convert", "a.jsonl", "out"], ["a.jsonl: line 2: "]),
        (["convert", "with notes", "out", "--from", "images"], ["notes.txt: ", "cat/broken.png: "]),
    ):
        assert main([*arguments, "--on-error", "skip", "--quiet"]) == 0
        printed = capsys.readouterr()
        lines = sorted(printed.out.splitlines(), key=len)
        assert len(lines) == len(skipped)
        assert all(map(str.__contains__, lines, skipped)), lines
        assert printed.err == ""


EVIL = "a\x1b[2J\x07\u202e\nowned"


@pytest.mark.parametrize("command", OF_FILES)
def test_nothing_from_data_or_names_acts_on_the_terminal(
    here: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(EVIL.encode() + b"\xff.tfrecord")
    image = Path("photos/cat/0.png").read_bytes()
    with tfr.TFRecordWriter(name) as writer:
        writer.write_example({EVIL: EVIL, "text": [EVIL.encode() + b"\xff", EVIL], "image": image, "label": EVIL})
        writer.write_example({EVIL: 3})
    other = f"other {EVIL}"
    shutil.copyfile(name, other)
    with open(other, "r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(b"\xff")
    outs = 0
    for arguments in (
        call(command, name, f"out {EVIL}"),
        call(command, other, f"out {EVIL}"),
        call(command, f"missing {EVIL}", f"out {EVIL}"),
        call(command, name, f"no {EVIL}/out"),
    ):
        code = main(arguments)
        assert code in {0, 1, 2}
        for text in capsys.readouterr():
            outs += len(text)
            assert not re.search("[\x1b\x07\u202e\udcff]", text), text
            assert not any(line.startswith("owned") for line in text.splitlines()), text
    assert outs


def test_nothing_is_coloured_on_a_terminal(here: Path) -> None:
    commands = ["--help", "info damaged.tfrecord", "verify damaged.tfrecord", "lint train.tfrecord", "count missing"]
    script = "; ".join(f"{' '.join(COMMAND)} {command}" for command in commands)
    for setting in ({}, {"NO_COLOR": "1"}):
        parent, child = pty.openpty()
        with subprocess.Popen(["sh", "-c", script], stdout=child, stderr=child, env={**os.environ, **setting}):
            os.close(child)
            shown = b"".join(until_closed(parent))
        os.close(parent)
        assert b"damaged.tfrecord" in shown
        assert not re.search(rb"\x1b\[[0-9;]*m", shown)


#: What the line of progress begins with, of the commands that show one.
PROGRESS = {
    **dict.fromkeys(("stats", "gallery", "report"), "reading"),
    "verify": "verifying",
    "convert": "converting",
    "pack": "packing",
    "diff": "comparing",
    "merge": "merging",
    "split": "splitting",
    "reshard": "resharding",
    "shuffle": "shuffling",
    "sample": "sampling",
    "filter": "filtering",
    "dedupe": "looking for duplicates",
    "cardchecker": "writing",
    "demo": "drawing",
}


def on_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """(exit code, what standard error showed on a terminal)."""
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        code = main(arguments)
    shown = b"".join(until_closed(parent)).decode()
    os.close(parent)
    return code, shown


@pytest.mark.parametrize("command", CALLS)
def test_progress_is_one_line_that_goes_when_the_work_is_done(
    here: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = on_terminal(call(command, "train.tfrecord"), monkeypatch)
    assert code == 0
    if command not in PROGRESS:
        assert shown == ""
        return
    assert re.fullmatch(r"((\r[a-z ]+ \[#* *\] \d+/\d+ \d+/s(, [\d:]+ left)?\x1b\[K)+\r\x1b\[K)+", shown), shown
    assert shown.startswith(f"\r{PROGRESS[command]} [")
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("command", PROGRESS)
def test_quiet_shows_no_progress_on_a_terminal(here: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_terminal([*call(command, "train.tfrecord"), "--quiet"], monkeypatch) == (0, "")


def test_an_error_stands_in_the_place_of_the_progress(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = on_terminal(["merge", "train.tfrecord", "damaged.tfrecord", "-o", "out"], monkeypatch)
    assert code == 1
    assert re.search(r"\x1b\[K\r\x1b\[Ktfrecord-lite: damaged\.tfrecord: [^\r\n]*\r\n\Z", shown), shown


@pytest.mark.parametrize("columns", [200, 60, 45, 20])
def test_progress_fits_the_width_of_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(child, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        patched.setattr(Progress, "is_wanted", True)  # the last command in this process may have been a quiet one
        clock = iter([0.0, 10.0, 11.0])
        patched.setattr(time, "monotonic", lambda: next(clock))
        with Progress("reading", 0) as progress:
            progress(123456789, 4 * 123456789)
    shown = b"".join(until_closed(parent)).decode()
    os.close(parent)
    line = shown.split("\x1b[K")[0].removeprefix("\r")
    assert len(line) < columns
    bar = {200: "#" * 8 + " " * 22, 60: "#" * 2 + " " * 5}.get(columns, "")
    assert line == f"reading [{bar}] 123456789/493827156 12345679/s, 0:30 left"[: columns - 1]


def until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # how Linux says that nobody has it open any more
            return
        if not data:
            return
        yield data


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "cat many",
        "head -n 100000 many",
        "head -n 100000 --json many",
        "sample -n 100000 many",
        "diff many train.tfrecord",
        "merge many -o -",
        "convert many - --to jsonl",
        "filter many -o - --records 0:",
    ],
)
def test_a_broken_pipe_is_silent(here: Path, arguments: str) -> None:
    with tfr.TFRecordWriter("many") as writer:
        writer.write_columns({"number": np.arange(20000), "again": np.arange(20000)})
    command = [*COMMAND, *arguments.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if arguments != "--help":  # shorter than a pipe
            process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


#: Beside its own module, what the help of a command may import.
_LIGHT = {"", "errors", "lazy", "files", "files.compression_types", "format", "format.encodings", "cli"}
_LIGHT |= {f"cli.{name}" for name in ("main", "parser", "completion", "progress", "output", "moving", "records")}
_OTHERS = {"gallery": {"cli.stats"}, "report": {"cli.stats"}, "convert": {"convert", "convert.formats"}}
_OTHERS |= {"rollback": {"cli.commit"}}

LOADED = """
import sys
start = set(sys.modules)
from tfrecord_lite.cli.main import main
for command in sys.argv[1:]:
    before = set(sys.modules)
    try:
        main([command, "--help"])
    except SystemExit:
        pass
    print("LOADED", command, *set(sys.modules) - start)
    for name in set(sys.modules) - before:
        if name.startswith("tfrecord_lite."):
            del sys.modules[name]
"""


def test_help_imports_the_command_that_is_named_and_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, *_COMMANDS], capture_output=True, text=True, check=True)
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("LOADED ")]
    assert [line[0] for line in lines] == list(_COMMANDS)
    for command, *modules in lines:
        ours = {name.partition(".")[2] for name in modules if name.partition(".")[0] == "tfrecord_lite"}
        assert ours <= _LIGHT | {f"cli.{command}"} | _OTHERS.get(command, set())
        heavy = {"numpy", "PIL", "google", "pyarrow", "pandas", "crc32c", "fsspec", "shtab", "multiprocessing"}
        assert not {name.partition(".")[0] for name in modules} & heavy


def test_the_help_of_all_imports_nothing_heavy(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from tfrecord_lite.cli.main import parser_of; parser_of(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {
        "numpy",
        "PIL",
        "google",
        "pyarrow",
        "crc32c",
    }
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {command} ", text, re.MULTILINE) for command in _COMMANDS)
    assert all(f"  {code}  " in text for code in (0, 1, 2, 130, 143))


def test_bash_completes_commands_options_and_files(here: Path) -> None:
    pytest.importorskip("shtab")
    script = subprocess.run([*COMMAND, "--print-completion", "bash"], capture_output=True, text=True, check=True).stdout
    Path("completion.bash").write_text(script)
    for line, expected in (("tfrecord-lite sal", "salvage"), ("tfrecord-lite count --no", "--no-verify")):
        ask = (
            "source completion.bash; spec=$(complete -p tfrecord-lite); name=${spec##*-F }; name=${name%% *};"
            f" COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{line}';"
            ' COMP_POINT=${#COMP_LINE}; $name tfrecord-lite "${COMP_WORDS[COMP_CWORD]}";'
            ' printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True)
        assert done.stdout.split() == [expected], done.stderr
    zsh = subprocess.run([*COMMAND, "--print-completion", "zsh"], capture_output=True, text=True, check=True).stdout
    assert zsh.startswith("#compdef tfrecord-lite")


ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -u -D; eval "$(<completion.zsh)"; print READY'
zpty -r -m shell line $'*\nREADY*'
zpty -w -n shell "$1"$'\t'
zpty -r -m shell line "*$2*" && print found
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tfrecord-lite sal", "salvage"),
        ("tfrecord-lite count --no", "--no-verify"),
        ("tfrecord-lite convert --from par", "parquet"),
        ("tfrecord-lite head tra", "train.tfrecord"),
    ],
)
def test_zsh_completes_commands_options_choices_and_files(here: Path, line: str, expected: str) -> None:
    pytest.importorskip("shtab")
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh")
    script = subprocess.run([*COMMAND, "--print-completion", "zsh"], capture_output=True, text=True, check=True).stdout
    Path("completion.zsh").write_text(script)
    command = ["zsh", "-f", "-c", ZSH, "zsh", line, expected]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout == "found\n"


def test_completion_without_shtab_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 2
    assert 'pip install "tfrecord-lite-codec[completion]"' in capsys.readouterr().err


def test_the_reference_is_up_to_date_and_has_every_command() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    assert text == reference(), "run make docs"
    assert all(f"\n## tfrecord-lite {command}\n" in text for command in _COMMANDS)
    assert parser_of().prog == "tfrecord-lite"


def test_a_report_names_files_that_are_not_there_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "nosuch"), "-o", str(tmp_path / "out.html")]) == 1
    assert f"{tmp_path / 'nosuch'}: No such file" in capsys.readouterr().err
