"""The commands that move and compare records."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from damage import flip_bit

from tfrecord_lite import RecordSource, TFRecordWriter, decode_example, read_examples
from tfrecord_lite.cli.main import main
from tfrecord_lite.cli.moving import size

COMMAND = [sys.executable, "-m", "tfrecord_lite"]


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, capture_output=True)


def labels(path: object) -> list[int]:
    return [int(example["label"][0]) for example in read_examples(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.tfrecord"
    with TFRecordWriter(path) as writer:
        for number in range(20):
            writer.write_example({"label": number, "name": f"n{number % 3}"})
    return path


def test_each_command_does_what_its_function_does(tmp_path: Path, path: Path) -> None:
    out = tmp_path / "out"
    everything = list(range(20))
    for arguments, expected in (
        (["merge", path, path], everything * 2),
        (["filter", path, "--where", "label >= 5 and name == 'n0'"], [6, 9, 12, 15, 18]),
        (["filter", path, "--records", "3:10:3"], [3, 6, 9]),
        (["filter", path, "--records", "7,3,7"], [3, 7]),
        (["filter", path, "--records", "18:", "--where", "label != 18"], [19]),
        (["dedupe", path, path], everything),
        (["sample", path, "--fraction", 1], everything),
    ):
        result = run(*arguments, "-o", out)
        assert result.returncode == 0, result.stderr
        assert labels(out) == expected
        assert result.stdout.decode().endswith("records written\n")
        assert result.stderr == b""
    assert run("sample", path, "-o", out, "-n", 5, "--seed", 1).returncode == 0
    assert len(labels(out)) == 5
    assert run("shuffle", path, "-o", out, "--seed", 1, "--memory", "1KiB").returncode == 0
    assert sorted(labels(out)) == everything != labels(out)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["split", "--max-records", 6], 4),
        (["split", "--max-bytes", "0KiB"], None),
        (["split", "--max-bytes", "1kB"], 1),
        (["split", "--shards", 3], 3),
        (["reshard", "--shards", 5], 5),
        (["shuffle", "--shards", 2], 2),
        (["split"], None),
        (["split", "--shards", 2, "--max-records", 2], None),
    ],
    ids=str,
)
def test_shards_are_named_by_their_number(
    tmp_path: Path, path: Path, arguments: list[object], count: int | None
) -> None:
    command, *options = arguments
    result = run(command, path, "-o", tmp_path / "s", "--json", *options)
    shards = sorted(file.name for file in tmp_path.glob("s-*"))
    if count is None:
        assert result.returncode == 2
        assert shards == []
        return
    assert shards == [f"s-{number:05}-of-{count:05}" for number in range(count)]
    told = json.loads(result.stdout)
    assert (told["read"], told["written"]) == (20, 20)
    assert [os.path.basename(file["path"]) for file in told["files"]] == shards


@pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
def test_outputs_are_compressed_if_asked_for(tmp_path: Path, path: Path, compression: str) -> None:
    assert run("merge", path, "-o", tmp_path / "out", "--compression", compression).returncode == 0
    assert json.loads(run("info", "--json", tmp_path / "out").stdout)["files"][0]["compression"] == compression


@pytest.mark.parametrize("command", [["merge"], ["shuffle", "--seed", 1], ["sample", "--fraction", 1]], ids=str)
def test_a_file_that_cannot_be_entered_is_made_one_that_can(tmp_path: Path, command: list[object]) -> None:
    with TFRecordWriter(tmp_path / "closed", "GZIP") as writer:
        for number in range(20):
            writer.write_example({"label": number, "room": bytes(300_000)})
    with pytest.raises(io.UnsupportedOperation, match=r"tfrecord-lite merge FILE -o OUT --seekable"):
        RecordSource(tmp_path / "closed")
    name, *options = command
    assert run(name, tmp_path / "closed", "-o", tmp_path / "open", "--seekable", *options).returncode == 0
    source = RecordSource(tmp_path / "open")
    assert sorted(int(decode_example(record)["label"][0]) for record in source) == list(range(20))
    assert json.loads(run("info", "--json", tmp_path / "open").stdout)["files"][0]["compression"] == "GZIP"


def test_only_gzip_can_be_entered(tmp_path: Path, path: Path) -> None:
    result = run("merge", path, "-o", tmp_path / "out", "--compression", "ZLIB", "--seekable")
    assert result.returncode == 2
    assert b"only GZIP can be seekable" in result.stderr
    assert not (tmp_path / "out").exists()
    assert run("sample", path, "--seekable").returncode == 2


def test_standard_input_and_output_are_files(path: Path) -> None:
    result = run("filter", "-", "-o", "-", "--records", "0:20", stdin=path.read_bytes())
    assert result.stdout == path.read_bytes()
    assert b"20 of 20 records written" in result.stderr
    result = run("sample", "-", "-o", "-", "-n", "1", stdin=path.read_bytes())
    assert result.returncode == 2
    assert b"give a file" in result.stderr
    assert result.stdout == b""


def test_a_shuffle_to_a_pipe_needs_no_memory_for_all(tmp_path: Path, path: Path) -> None:
    result = run("shuffle", path, "-o", "-", "--seed", 1, "--memory", 1)
    assert result.returncode == 0, result.stderr
    assert run("shuffle", path, "-o", tmp_path / "out", "--seed", 1, "--memory", 1).returncode == 0
    assert result.stdout == (tmp_path / "out").read_bytes()


def test_a_file_is_not_appended_to_itself(path: Path) -> None:
    before = path.read_bytes()
    with open(path, "ab") as out:
        result = subprocess.run([*COMMAND, "merge", path, "-o", "-"], stdout=out, stderr=subprocess.PIPE)
    assert result.returncode == 2
    assert b"the output is an input" in result.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["merge", "shuffle", "dedupe"])
def test_damage_is_one_line_exit_code_1_and_no_output(tmp_path: Path, path: Path, command: str) -> None:
    path.write_bytes(flip_bit(path.read_bytes(), 100))
    result = run(command, path, "-o", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr.startswith(f"tfrecord-lite: {path}: corrupted record #".encode())
    assert result.stderr.count(b"\n") == 1
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    "arguments",
    [
        ["merge"],
        ["filter"],
        ["filter", "--where", "label = 3"],
        ["filter", "--records", "-3:"],
        ["filter", "--records", "a"],
        ["filter", "--records", "20"],
        ["sample"],
        ["sample", "-n", "21"],
        ["sample", "--fraction", "2"],
        ["shuffle", "--memory", "10PB"],
        ["shuffle", "--seed", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_no_traceback(tmp_path: Path, path: Path, arguments: list[str]) -> None:
    output = [] if arguments == ["merge"] else ["-o", tmp_path / "out"]
    result = run(arguments[0], path, *output, *arguments[1:])
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["split", "--shards", "-1"], "a positive integer is needed"),
        (["split", "--shards", "0"], "a positive integer is needed"),
        (["split", "--max-bytes", "x"], "a size is a positive number of bytes"),
        (["split", "--max-bytes", "1.5GiB"], "a size is a positive number of bytes"),
        (["split", "--max-bytes", "5T"], "a size is a positive number of bytes"),
        *(
            (["filter", "--records", text], "NUMBERS is BEGIN:END, BEGIN:END:STEP or numbers with commas, from 0 on")
            for text in ("a:b", "1-5", "", "1:2:3:4", "1,,2")
        ),
        (["verify", "--workers", "x"], "a positive integer is needed"),
        (["verify", "--workers", "0"], "a positive integer is needed"),
        (["head", "-n", "x"], "0 or a positive integer is needed"),
        (["schema", "--sample", "0"], "a positive integer is needed"),
    ],
    ids=str,
)
def test_a_number_that_is_none_is_told_what_is_needed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "-o", "out", "file"])
    assert caught.value.code == 2
    assert f": {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "number"),
    [("1000", 1000), ("1k", 1024), ("2M", 2 << 20), ("1G", 1 << 30), ("3KiB", 3 << 10), ("1kb", 1000), ("1GB", 10**9)],
)
def test_a_size_has_a_unit(text: str, number: int) -> None:
    assert size(text) == number


def test_a_feature_that_no_record_has_is_exit_code_1_and_no_output(tmp_path: Path, path: Path) -> None:
    result = run("filter", path, "--where", "nosuch == 3", "-o", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr == b"tfrecord-lite: no record has a feature 'nosuch'\n"
    assert os.listdir(tmp_path) == [path.name]


def test_progress_is_shown_on_a_terminal(tmp_path: Path, path: Path) -> None:
    parent, child = pty.openpty()
    arguments = [*COMMAND, "merge", str(path), "-o", str(tmp_path / "out")]
    subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=child, check=True)
    os.close(child)
    assert b"merging [" in os.read(parent, 4096)
    os.close(parent)


def test_the_progress_of_diff_gives_way_to_what_is_different(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other"
    with TFRecordWriter(other) as writer:
        writer.write_example({"label": -1})
    parent, child = pty.openpty()
    result = subprocess.run([*COMMAND, "diff", str(path), str(other)], stdout=child, stderr=child, check=False)
    os.close(child)
    assert result.returncode == 1
    shown = os.read(parent, 65536)
    os.close(parent)
    assert b"comparing [" in shown
    assert b"\x1b[K\r\x1b[K! #0: label: 0 -> -1" in shown


def test_diff_is_0_1_or_2_as_that_of_unix(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other"
    result = run("diff", path, path)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    with TFRecordWriter(other) as writer:
        for number in range(1, 21):
            example = {"label": number, "name": f"n{number % 3}"}
            if number == 7:
                example = {"label": 77, "name\x1b": [1, 2]}
            writer.write(b"\xff") if number == 9 else writer.write_example(example)
    result = run("diff", path, other)
    assert result.returncode == 1
    assert result.stdout.decode().splitlines() == [
        "- #0",
        '! #7 (#6 in the second): label: 7 -> 77; name: "n1" -> missing; name\\x1b: missing -> [1, 2]',
        "! #9 (#8 in the second): other bytes, and not both are examples",
        "+ #19",
    ]
    first, second, third, _ = map(json.loads, run("diff", "--json", path, other).stdout.splitlines())
    assert first == {"what": "removed", "number_a": 0, "number_b": None, "features": None}
    assert second["features"][0] == {"key": "label", "what": "values", "a": [7], "b": [77]}
    assert second["features"][2] == {"key": "name\x1b", "what": "added", "a": None, "b": [1, 2]}
    assert third["features"] is None
    assert run("diff", "-q", path, other).stdout.decode() == f"{path} and {other} differ\n"
    for trouble in (tmp_path / "missing", Path(__file__)):
        result = run("diff", path, trouble)
        assert result.returncode == 2
        assert result.stderr.count(b"\n") == 1
