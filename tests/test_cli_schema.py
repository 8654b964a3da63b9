"""tfrecord-lite schema."""

import subprocess
import sys
from pathlib import Path

import pytest

import tfrecord_lite as tfr

COMMAND = [sys.executable, "-m", "tfrecord_lite", "schema"]


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    result = subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, capture_output=True)
    return subprocess.CompletedProcess(result.args, result.returncode, result.stdout.decode(), result.stderr.decode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(7):
            writer.write_example({"label": number, "key\x1b]0;owned\x07": "é"})
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        writer.write_example({"k": 1})
        writer.write_example({"k": "one"})
    return path


def test_the_schema_is_printed_for_people(path: Path) -> None:
    result = run(path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{tfr.infer_schema(path)}\n"
    assert "\x1b" not in result.stdout


def test_json_is_read_back(path: Path) -> None:
    assert tfr.Schema.from_json(run("--json", path).stdout) == tfr.infer_schema(path)


def test_tf_prints_features_to_paste(path: Path) -> None:
    result = run("--tf", path)
    assert '    "label": tf.io.FixedLenFeature([], tf.int64),\n' in result.stdout
    assert "\x1b" not in result.stdout
    compile(result.stdout, "pasted", "exec")


def test_several_files_are_one_data_set(path: Path, mixed: Path) -> None:
    assert tfr.Schema.from_json(run("--json", path, mixed).stdout) == tfr.infer_schema([path, mixed])


def test_standard_input_is_a_file(path: Path) -> None:
    assert run("-", stdin=path.read_bytes()).stdout == run(path).stdout


def test_a_sample_is_looked_at(path: Path, mixed: Path) -> None:
    assert run("--sample", 4, path, mixed).stdout.startswith("3 features, 4 records looked at\n")


def test_the_data_set_of_the_demo_has_a_schema(tmp_path: Path) -> None:
    subprocess.run([*COMMAND[:-1], "demo", "--out", "demo"], cwd=tmp_path, check=True, capture_output=True)
    path = tmp_path / "demo" / "images.tfrecords"
    text = run(path).stdout
    assert text.startswith("5 features, 48 records looked at\n")
    assert "102400 bytes  raw" in text
    batch = tfr.parse_example(list(tfr.read_records(path)), tfr.infer_schema(path).features)
    assert all(column.shape == (48,) for column in batch.values())


def test_mixed_kinds_are_shown_and_have_no_features(mixed: Path) -> None:
    result = run(mixed)
    assert result.returncode == 0
    assert result.stdout.count("(mixed)") == 2
    result = run("--tf", mixed)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "tfrecord-lite: feature 'k': met in several kinds, which cannot be parsed:"
        " bytes in 1 record, int64 in 1 record\n"
    )


def test_damage_is_one_line_on_stderr_and_exit_code_1(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    result = run(path)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "corrupted record #6" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--sample", "0", "x"], ["--sample", "many", "x"], ["--tf", "--json", "x"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: tfrecord-lite schema")


def test_a_broken_pipe_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "wide"
    with tfr.TFRecordWriter(path) as writer:
        writer.write_example({f"feature {number}": number for number in range(20_000)})
    with subprocess.Popen([*COMMAND, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
