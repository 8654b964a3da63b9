import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damage import frames, gzip_member
from odd_messages import usual_record

import tfrecord_lite as tfr

COMMAND = [sys.executable, "-m", "tfrecord_lite", "lint"]
SPLIT = b"\n\x11\n\x0f\n\x01k\x12\n\x1a\x08\n\x02\x01\x02\n\x02\x03\x04"
SCRIPT = """
import tensorflow as tf
raise SystemExit("this is not to be run")
FEATURES = {"k": tf.io.FixedLenFeature([4], tf.int64), "n": tf.io.FixedLenFeature([], tf.int64)}
"""


def lint(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, capture_output=True)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    path = tmp_path / "clean.tfrecord"
    path.write_bytes(frames(usual_record({"k": np.arange(4), "n": np.array([n])}) for n in range(20)))
    return path


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.tfrecord"
    path.write_bytes(frames([SPLIT] * 10))
    return path


def test_clean_files_exit_with_0(clean: Path) -> None:
    done = lint(clean)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 file, 20 records: nothing found\n"


def test_findings_of_one_kind_stand_together_with_what_tensorflow_does_and_the_cure(odd: Path, clean: Path) -> None:
    done = lint(odd, clean)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "error: split-list of feature 'k' 10 times"
    assert lines[1] == (
        f"  {odd}: record #0 at offset 0: its list is in 2 packed chunks;"
        " TensorFlow reads 2 of the 4 values, without an error"
    )
    assert lines[4] == "  ... 7 more"
    assert lines[5].startswith("  cure: ")
    assert lines[6:] == ["2 files, 30 records: 10 errors"]


def test_json_lines_hold_all_findings_and_what_was_looked_at(odd: Path) -> None:
    done = lint("--json", odd)
    assert done.returncode == 1
    *findings, last = map(json.loads, done.stdout.splitlines())
    assert [finding["record_number"] for finding in findings] == list(range(10))
    assert findings[3]["offset"] == 3 * (len(SPLIT) + 16)
    assert {key: findings[0][key] for key in ("rule", "severity", "feature", "is_fixable", "is_fixed")} == {
        "rule": "split-list",
        "severity": "error",
        "feature": "k",
        "is_fixable": True,
        "is_fixed": False,
    }
    assert last == {"looked_at": {"files": 1, "records": 10, "rewritten": 0, "written": []}}


def test_notes_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    done = lint(tmp_path / "empty")
    assert done.returncode == 0
    assert "note: no-records" in done.stdout


def test_fix_writes_what_can_be_fixed_and_exits_with_1_only_for_what_cannot(odd: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = lint(odd, "--fix", out)
    assert done.returncode == 0
    assert "error: split-list of feature 'k' 10 times, fixed" in done.stdout
    assert f"written: {out}: 10 records" in done.stdout
    assert "10 of 10 records written in the canonical way" in done.stdout
    assert lint(out).returncode == 0
    odd.write_bytes(frames([SPLIT, b"not an example"]))
    done = lint(odd, "--fix", out, "--json")
    assert done.returncode == 1
    first, second, last = map(json.loads, done.stdout.splitlines())
    assert (first["is_fixed"], second["is_fixed"]) == (True, False)
    assert last["looked_at"]["rewritten"] == 1
    assert [file["records"] for file in last["looked_at"]["written"]] == [2]
    assert json.loads(lint(out, "--json").stdout.splitlines()[0])["rule"] == "not-an-example"


def test_fix_goes_to_standard_output_and_the_findings_to_stderr(odd: Path) -> None:
    done = subprocess.run([*COMMAND, "-", "--fix", "-"], input=odd.read_bytes(), capture_output=True)
    assert done.returncode == 0
    assert done.stdout == frames([usual_record({"k": np.arange(1, 5)})] * 10)
    assert b"split-list" in done.stderr


def test_a_spec_is_json_or_a_script_that_is_not_run(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    assert lint(clean, "--spec", tmp_path / "train.py").returncode == 0
    assert lint(clean, "--spec", f"{tmp_path}/train.py:FEATURES").returncode == 0
    schema = tfr.infer_schema(clean)
    (tmp_path / "schema.json").write_text(schema.to_json())
    assert lint(clean, "--spec", tmp_path / "schema.json").returncode == 0
    (tmp_path / "spec.json").write_text('{"k": {"shape": [3], "dtype": "int64"}}')
    done = lint(clean, "--spec", tmp_path / "spec.json")
    assert done.returncode == 1
    assert "error: wrong-count of feature 'k' 20 times" in done.stdout
    assert "note: not-asked-for of feature 'n'" in done.stdout


@pytest.mark.parametrize("name", ["spec.json", "spec.py", "-"])
def test_a_spec_may_have_a_byte_order_mark(clean: Path, name: str, tmp_path: Path) -> None:
    spec = SCRIPT if name.endswith("py") else '{"k": {"shape": [4], "dtype": "int64"}}'
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + spec.encode())
    given = "-" if name == "-" else tmp_path / name
    assert lint(clean, "--spec", given, stdin=(tmp_path / name).read_bytes()).returncode == 0


def test_a_script_says_how_it_is_encoded(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.py").write_bytes(b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + SCRIPT.encode())
    assert lint(clean, "--spec", tmp_path / "spec.py").returncode == 0
    (tmp_path / "spec.py").write_bytes(b"x = 'caf\xe9'\n" + SCRIPT.encode())
    done = lint(clean, "--spec", tmp_path / "spec.py")
    assert (done.returncode, "not Python: " in done.stderr) == (2, True)


@pytest.mark.parametrize("spec", [SCRIPT, '{"k": {"shape": [4], "dtype": "int64"}}'])
def test_a_spec_is_read_from_standard_input(clean: Path, spec: str) -> None:
    assert lint(clean, "--spec", "-", stdin=spec.encode()).returncode == 0
    done = lint(clean, "--spec", "-", stdin=spec.replace("[4]", "[3]").encode())
    assert (done.returncode, "error: wrong-count of feature 'k' 20 times" in done.stdout) == (1, True)
    done = lint("-", "--spec", "-", stdin=spec.encode())
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is the spec or a file, not both" in done.stderr


def test_fix_replaces_nothing_in_a_directory(odd: Path, clean: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert lint(odd, clean, "--fix", tmp_path / "out").returncode == 0
    before = (tmp_path / "out" / odd.name).read_bytes()
    odd.write_bytes(frames([SPLIT]))
    done = lint(odd, clean, "--fix", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{odd.name}' is there already" in done.stderr
    assert (tmp_path / "out" / odd.name).read_bytes() == before


def test_the_compression_that_a_script_names_is_looked_at(clean: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT + 'tf.data.TFRecordDataset("x", "gzip")\n')
    done = lint(clean, "--spec", script)
    assert done.returncode == 1
    assert f"error: compression-name\n  {script}: line 5 names the compression type 'gzip'" in done.stdout
    script.write_text(SCRIPT + 'tf.data.TFRecordDataset("x", compression_type="GZIP")\n')
    assert "error: wrong-compression" in lint(clean, "--spec", script).stdout
    clean.write_bytes(gzip_member(clean.read_bytes()))
    assert lint(clean, "--spec", script).returncode == 0


def test_the_compression_that_json_names_is_looked_at(clean: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    features = {"k": {"shape": [4], "dtype": "int64"}, "n": {"shape": [], "dtype": "int64"}}
    spec.write_text(json.dumps({**features, "compression_type": "gzip"}))
    done = lint(clean, "--spec", spec)
    assert done.returncode == 1
    assert f"error: compression-name\n  {spec}: it names the compression type 'gzip'" in done.stdout
    spec.write_text(json.dumps({**features, "compression_type": "GZIP"}))
    assert "error: wrong-compression" in lint(clean, "--spec", spec).stdout
    clean.write_bytes(gzip_member(clean.read_bytes()))
    assert lint(clean, "--spec", spec).returncode == 0
    given = json.loads(tfr.infer_schema(clean).to_json())
    spec.write_text(json.dumps({**given, "compression_type": "zlib"}))
    assert "names the compression type 'zlib'" in lint(clean, "--spec", spec).stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("f = {'k': tf.io.FixedLenFeature([size()], tf.int64)}", "line 1: something literal is needed, not size()"),
        ("f = {'k': tf.io.FixedLenFeature(None, tf.int64)}", "Missing shape for feature k"),
        ("f = {'k': tf.io.FixedLenFeature([], tf.float32, 'a')}", "Cannot convert 'a'"),
        (
            "f = {'k': tf.io.FixedLenFeature(..., tf.int64)}",
            "the shape of feature 'k' is a list of integers, not Ellipsis",
        ),
        ("f = {'k': tf.io.FixedLenSequenceFeature([1 << 40], tf.int64, True)}", "something literal is needed"),
        ("f = {'k': tf.io.FixedLenSequenceFeature([2147483648], tf.int64, True)}", "is of 2^31 values or more"),
        ("f = {'s': tf.io.SparseFeature('n', 'k', tf.int64, 9223372036854775808)}", "Dimension 9223372036854775808"),
        (
            "f = {'r': tf.io.RaggedFeature(tf.int64, 'k', [tf.io.RaggedFeature.UniformRowLength(0)])}",
            "feature 'r': a uniform row length is 1 or more, and less than 2^31, not 0",
        ),
        ("f = 1", "there is no dict of features"),
        (None, "No such file or directory"),
    ],
)
def test_a_spec_that_is_of_no_use_is_exit_code_2(clean: Path, tmp_path: Path, content: str, message: str) -> None:
    if content is not None:
        (tmp_path / "spec.py").write_text(content)
    done = lint(clean, "--spec", tmp_path / "spec.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_output_that_cannot_be_is_exit_code_2(clean: Path) -> None:
    before = clean.read_bytes()
    done = lint(clean, "--fix", clean)
    assert done.returncode == 2
    assert "the output is an input" in done.stderr
    assert clean.read_bytes() == before
    done = lint(clean, "--fix", clean.parent / "missing" / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"tfrecord-lite: {clean.parent}/missing/out: No such file or directory\n"
    with open("/dev/full", "wb") as full:
        written = subprocess.run([*COMMAND, str(clean), "--fix", "-"], stdout=full, stderr=subprocess.PIPE)
    assert (written.returncode, b"No space left" in written.stderr) == (2, True)


def test_names_from_data_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil\x1b[2J.tfrecord"
    name = b"k\x1b]0;owned\x07"
    feature = b"\x1a\x06\n\x01\x01\n\x01\x02"
    entry = b"\n" + bytes([len(name)]) + name + b"\x12" + bytes([len(feature)]) + feature
    record = b"\n" + bytes([len(entry) + 2]) + b"\n" + bytes([len(entry)]) + entry
    path.write_bytes(frames([record, b"\n\x05\n\x03\n\x01\xff"]))
    (tmp_path / "spec\x1b.py").write_text("f = {'\x1b': tf.io.FixedLenFeature([], tf.int64)}")
    for arguments in ([], ["--json"], ["--spec", tmp_path / "spec\x1b.py"], ["--spec", tmp_path / "no\x1b.py"]):
        done = lint(path, *arguments)
        assert done.returncode in (1, 2)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr


def test_missing_files_are_findings(tmp_path: Path) -> None:
    done = lint(tmp_path / "missing")
    assert done.returncode == 1
    assert "No such file or directory" in done.stdout


def test_very_many_kinds_of_findings_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "many"
    path.write_bytes(
        frames(
            SPLIT.replace(b"\x0f\n\x01k", b"\x13\n\x05%05d" % n).replace(b"\n\x11", b"\n\x15", 1) for n in range(3000)
        )
    )
    done = lint(path)
    assert done.returncode == 1
    assert "1 file, 3000 records: 3000 errors" in done.stdout
    assert len(done.stdout.splitlines()) < 4000
