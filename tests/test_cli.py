import base64
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damage import MEASURES_MEMORY

from tfrecord_lite import RecordIndex, TFRecordWriter, encode_sequence_example
from tfrecord_lite.format.framing import encode_header

COMMAND = [sys.executable, "-m", "tfrecord_lite"]


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    result = subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, capture_output=True)
    return subprocess.CompletedProcess(result.args, result.returncode, result.stdout.decode(), result.stderr.decode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.tfrecord"
    with TFRecordWriter(path) as writer:
        for number in range(7):
            writer.write_example(
                {"label": number, "scores": [0.1, 2.0], "image": b"\x89PNG\xff", "name": "é\n", "none": None}
            )
    return path


@pytest.fixture
def damaged(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    return path


def test_count_prints_the_number_of_records(path: Path) -> None:
    assert run("count", path).stdout == f"7\t{path}\n"
    assert run("count", path, path).stdout.endswith("14\ttotal\n")
    assert json.loads(run("count", "--json", path).stdout) == {
        "records": 7,
        "files": [{"path": str(path), "records": 7}],
    }


def test_cat_prints_json_lines_that_lose_nothing(path: Path) -> None:
    lines = run("cat", path).stdout.splitlines()
    assert len(lines) == 7
    example = json.loads(lines[3])
    assert example["label"] == [3]
    assert np.array_equal(np.array(example["scores"], np.float32), np.array([0.1, 2.0], np.float32))
    assert example["scores"] == [0.1, 2.0]
    assert base64.b64decode(example["image"][0]["base64"]) == b"\x89PNG\xff"
    assert example["name"] == ["é\n"]
    assert example["none"] is None


def test_head_shortens_for_people(path: Path) -> None:
    result = run("head", "-n", 2, path)
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["#", "image", "label", "name", "none", "scores"]
    assert len(rows) == 2
    assert "<PNG damaged header, 5 bytes>" in rows[0]
    assert r'"é\n"' in rows[0]
    assert run("head", "--records", 0, path).stdout == ""
    assert len(run("head", "--json", path).stdout.splitlines()) == 5


def test_head_shows_sequence_examples_and_records_that_are_neither(tmp_path: Path) -> None:
    path = tmp_path / "mixed"
    with TFRecordWriter(path) as writer:
        writer.write(encode_sequence_example({"id": 1}, {"words": ["a", "b"]}))
        writer.write(b"\xff\xfe")
    text = run("head", path).stdout
    assert 'words: 2 steps: ["a", "b"]' in text
    assert "<2 bytes>" in text
    first, second = map(json.loads, run("cat", path).stdout.splitlines())
    assert first == {"context": {"id": [1]}, "feature_lists": {"words": [["a"], ["b"]]}}
    assert second == {"record": {"base64": "//4="}}


def test_info_says_what_a_file_is(path: Path) -> None:
    result = run("info", path)
    assert result.returncode == 0
    assert "7 records, 735 bytes, all CRCs sound" in result.stdout
    assert "scores  float32  [2]" in result.stdout
    information = json.loads(run("info", "--json", path).stdout)["files"][0]
    assert information["records"] == 7
    assert information["compression"] == ""
    assert information["bytes"] == information["uncompressed_bytes"] == path.stat().st_size


def test_verify_exits_with_0_for_sound_files(path: Path) -> None:
    result = run("verify", path)
    assert result.returncode == 0
    assert "7 records" in result.stdout


def test_verify_exits_with_1_and_names_the_damage(damaged: Path) -> None:
    result = run("verify", damaged)
    assert result.returncode == 1
    assert f"{damaged}: corrupted record #6 at offset " in result.stdout
    report = json.loads(run("verify", "--json", damaged).stdout)
    assert report["sound"] is False
    assert report["files"][0]["error"]["kind"] == "CorruptRecordError"


def test_verify_goes_on_after_a_damaged_file(damaged: Path, tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "sound") as writer:
        writer.write(b"a")
    result = run("verify", damaged, tmp_path / "sound")
    assert result.returncode == 1
    assert "1 record" in result.stdout


@pytest.mark.parametrize("command", ["count", "cat", "head"])
def test_damage_is_one_line_on_stderr_and_exit_code_1(command: str, damaged: Path) -> None:
    result = run(command, *(["-n", "9"] if command == "head" else []), damaged)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "corrupted record #6" in result.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["verify"], ["head", "-n", "-1", "x"], ["cat", "--compression", "gzip", "x"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: tfrecord-lite")


@pytest.mark.parametrize(
    "arguments",
    [
        ["split", "data", "-o", "-", "--shards", "2"],
        ["shuffle", "data", "-o", "-", "--shards", "2"],
        ["convert", "data", "-", "--to", "jsonl", "--shards", "2"],
        ["convert", "data", "-", "--from", "jsonl", "--shards", "2"],
        ["pack", ".", "-o", "-", "--split", "a=0.5,b=0.5"],
    ],
)
def test_standard_output_takes_no_shards(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, cwd=tmp_path, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert "standard output takes one file, and no shards" in result.stderr
    assert os.listdir(tmp_path) == ["data"]


def test_head_prints_the_good_records_before_the_error(damaged: Path) -> None:
    result = run("head", "-n", "9", damaged)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["#", *map(str, range(6))]
    assert "corrupted record #6" in result.stderr


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    result = run("count", tmp_path / "missing")
    assert result.returncode == 1
    assert result.stderr == f"tfrecord-lite: {tmp_path}/missing: No such file or directory\n"


def test_standard_input_is_a_file(path: Path) -> None:
    assert run("count", "-", stdin=path.read_bytes()).stdout == "7\t<stdin>\n"
    assert json.loads(run("count", "--json", "-", stdin=path.read_bytes()).stdout) == {
        "records": 7,
        "files": [{"path": "<stdin>", "records": 7}],
    }


def test_names_from_data_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil\x1b[2J\n.tfrecord"
    with TFRecordWriter(path) as writer:
        writer.write_example({"key\x1b]0;owned\x07": "value\x1b[31m"})
    for command in ("info", "count", "head", "cat", "verify"):
        result = run(command, path)
        assert result.returncode == 0
        assert "\x1b" not in result.stdout + result.stderr


def test_a_broken_pipe_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "long"
    with TFRecordWriter(path) as writer:
        for number in range(50000):
            writer.write_example({"number": number})
    with subprocess.Popen([*COMMAND, "cat", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_progress_is_shown_on_a_terminal_only(path: Path) -> None:
    assert run("verify", path).stderr == ""
    parent, child = pty.openpty()
    subprocess.run([*COMMAND, "verify", path], stdout=subprocess.DEVNULL, stderr=child, check=True)
    os.close(child)
    assert b"verifying [" in os.read(parent, 4096)
    os.close(parent)


LIMITED = """
import resource, sys
from tfrecord_lite.cli.main import main
assert main(["count", "--no-verify", sys.argv[1]]) == 0  # everything is loaded
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(not MEASURES_MEMORY, reason="needs a limit of memory that holds")
@pytest.mark.parametrize("command", ["count", "head", "verify", "salvage", "count --no-verify"])
def test_a_record_for_which_there_is_no_room_is_one_line(tmp_path: Path, command: str) -> None:
    with open(tmp_path / "large", "wb") as file:  # one record, sparse; nobody gets as far as its footer
        file.write(encode_header(2_000_000_000))
        file.truncate(2_000_000_016)
    name, *options = command.split()
    output = [str(tmp_path / "out")] if name == "salvage" else []
    arguments = [name, *options, str(tmp_path / "large"), *output]
    script = [sys.executable, "-c", LIMITED, str(tmp_path / "large"), *arguments]
    done = subprocess.run(script, capture_output=True, text=True)
    if options:
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert done.returncode == 1
    if name == "verify":  # goes on with other files
        assert (done.stdout.count("large: not enough memory"), done.stderr) == (1, "")
    else:
        assert done.stderr.startswith("tfrecord-lite: not enough memory")
        assert len(done.stderr.splitlines()) == 1
    assert os.listdir(tmp_path) == ["large"]


def test_the_command_is_installed_under_its_name() -> None:
    script = Path(sys.executable).parent / "tfrecord-lite"
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout.startswith("tfrecord-lite ")


def test_an_output_that_takes_only_ascii_gets_escapes(tmp_path: Path) -> None:
    path = tmp_path / "日.tfrecord"
    with TFRecordWriter(path) as writer:
        writer.write_example({"é": "ü"})
    for command in ("head", "count", "info", "verify"):
        result = subprocess.run(
            [*COMMAND, command, path], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.isascii()


def test_closed_streams_are_errors_of_one_line(path: Path) -> None:
    for redirection, code in ((f"count {path} >&-", 2), ("count - <&-", 1)):
        result = subprocess.run(
            f"{sys.executable} -m tfrecord_lite {redirection}", shell=True, capture_output=True, text=True
        )
        assert result.returncode == code
        assert result.stderr.startswith("tfrecord-lite: ")
        assert len(result.stderr.splitlines()) == 1


def test_index_saves_an_index_beside_each_file_and_says_where(path: Path) -> None:
    other = path.with_name("other.tfrecord")
    other.write_bytes(path.read_bytes())
    assert run("index", path.parent).stdout == f"7\t{path}.idx\n7\t{other}.idx\n"
    assert len(RecordIndex.load(path)) == len(RecordIndex.load(other)) == 7
    assert json.loads(run("index", "--json", "--no-verify", path).stdout) == {
        "files": [{"path": str(path), "index": f"{path}.idx", "records": 7}]
    }
    assert run("count", path.parent).stdout.endswith("14\ttotal\n")


def test_index_of_a_damaged_file_or_over_another_programs_is_an_error(damaged: Path) -> None:
    result = run("index", damaged)
    assert (result.returncode, result.stdout) == (1, "")
    assert "corrupted record #6" in result.stderr
    assert not damaged.with_name("data.tfrecord.idx").exists()
    damaged.with_name("data.tfrecord.idx").write_bytes(bytes(8))
    result = run("index", "--no-verify", damaged)
    assert result.returncode == 1
    assert "not overwritten" in result.stderr
