"""lint with features: what it says of each record is what TensorFlow does; and how a spec is read from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frames, python
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_messages import field, usual_record

import tfrecord_lite as tfr
from tfrecord_lite.format.json_spec import json_spec
from tfrecord_lite.format.python_literals import SpecError
from tfrecord_lite.format.python_spec import Compression, python_spec

tf = pytest.importorskip("tensorflow")

FIXED = tf.io.FixedLenFeature([], tf.int64)
NO_INTS = np.empty(0, np.int64)
FLOATS = np.array([1, 2, 3], np.float32)

#: (rule, example, feature)
FAILS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "missing": ("missing-feature", {}, FIXED),
    "no kind": ("missing-feature", {"k": None}, FIXED),
    "empty": ("empty-list", {"k": NO_INTS}, FIXED),
    "empty, with a default": ("empty-list", {"k": NO_INTS}, tf.io.FixedLenFeature([], tf.int64, 7)),
    "another kind": ("wrong-kind", {"k": FLOATS[:1]}, FIXED),
    "another kind, empty": ("wrong-kind", {"k": FLOATS[:0]}, tf.io.FixedLenFeature([], tf.int64, 7)),
    "another kind of bytes": ("wrong-kind", {"k": [b"a"]}, tf.io.VarLenFeature(tf.int64)),
    "too many": ("wrong-count", {"k": np.arange(3)}, FIXED),
    "too few": ("wrong-count", {"k": FLOATS}, tf.io.FixedLenFeature([2, 2], tf.float32)),
    "too few bytes": ("wrong-count", {"k": [b"a"]}, tf.io.FixedLenFeature([2], tf.string)),
    "no whole steps": (
        "partial-step",
        {"k": np.arange(3)},
        tf.io.FixedLenSequenceFeature([2], tf.int64, allow_missing=True),
    ),
    "ragged of another kind": ("wrong-kind", {"k": FLOATS}, tf.io.RaggedFeature(tf.int64)),
}


def written(path: Path, *examples: dict[str, Any]) -> Path:
    path.write_bytes(frames(map(usual_record, examples)))
    return path


LONG = b"\x0a" + b"\x80\x80\x80\x80\x08" + b"abcd"  # a value, or a chunk, of 2^31 bytes


@pytest.mark.parametrize(
    ("kind", "feature", "dies"),
    [
        (1, tf.io.FixedLenFeature([], tf.string), True),
        (1, tf.io.VarLenFeature(tf.string), False),
        (2, tf.io.VarLenFeature(tf.float32), True),
        (2, tf.io.FixedLenFeature([], tf.float32), False),
    ],
    ids=repr,
)
def test_values_said_to_have_2_gib_may_crash_tensorflow(tmp_path: Path, kind: int, feature: Any, dies: bool) -> None:
    record = field(1, field(1, field(1, b"k") + field(2, field(kind, LONG))))
    script = f"import tensorflow as tf\ntf.io.parse_single_example({record!r}, {{'k': tf.io.{feature!r}}})"
    code = python(script).returncode
    assert code < 0 if dies else code == 1
    path = tmp_path / "data"
    path.write_bytes(frames([record]))
    for findings in (tfr.lint(path), tfr.lint(path, {"k": feature})):
        _, finding = findings
        assert (finding.rule, finding.feature) == ("broken-message", "k")
        assert finding.tensorflow == "may crash, or raises InvalidArgumentError: Can't parse serialized Example."
    with pytest.raises(tfr.DecodeError):
        tfr.parse_example([record], {"k": feature})


@pytest.mark.parametrize("name", FAILS)
def test_record_that_fails_the_features_is_found_and_tensorflow_raises_that(name: str, tmp_path: Path) -> None:
    rule, example, feature = FAILS[name]
    good: dict[str, Any] = {}
    if isinstance(feature, type(FIXED)):
        is_text = feature.dtype == tf.string
        good["k"] = [b""] * 2 if is_text else np.zeros(feature.shape, feature.dtype.as_numpy_dtype)
    path = written(tmp_path / "data", good, example)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.io.parse_single_example(usual_record(example), {"k": feature})
    findings = [finding for finding in tfr.lint(path, {"k": feature}) if finding.rule != "never-there"]
    (finding,) = findings
    assert (finding.rule, finding.record_number, finding.feature, finding.severity) == (rule, 1, "k", "error")
    assert not finding.is_fixable
    assert finding.tensorflow.removeprefix("raises InvalidArgumentError: ") in str(caught.value)
    with pytest.raises(tfr.FeatureError):
        tfr.parse_example([usual_record(example)], {"k": feature})


def test_unpacked_floats_where_none_are_asked_for_may_crash_tensorflow(tmp_path: Path) -> None:
    record = bytes.fromhex("0a130a110a0162120c120a0db0002b3f0d0000c07f")
    script = f"""
import tensorflow as tf
for _ in range(2000):
    try:
        tf.io.parse_single_example({record!r}, {{"b": tf.io.FixedLenFeature([0], tf.float32)}})
    except tf.errors.InvalidArgumentError:
        pass
"""
    assert python(script).returncode < 0
    path = tmp_path / "data"
    path.write_bytes(frames([record]))
    (finding,) = tfr.lint(path, {"b": tf.io.FixedLenFeature([0], tf.float32)})
    assert (finding.rule, finding.tensorflow.endswith("; or, where they are not packed, may crash")) == (
        "wrong-count",
        True,
    )
    with pytest.raises(tfr.FeatureError):
        tfr.parse_example([record], {"b": tf.io.FixedLenFeature([0], tf.float32)})
    (finding,) = tfr.lint(path, {"b": tf.io.FixedLenFeature([1], tf.float32)})
    assert "crash" not in finding.tensorflow


def test_a_shape_for_which_there_is_no_memory_crashes_tensorflow(tmp_path: Path) -> None:
    record = usual_record({"k": np.arange(1)})
    script = f"""
import resource
import tensorflow as tf
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
tf.io.parse_single_example({record!r}, {{"k": tf.io.FixedLenFeature([2**31 - 1], tf.int64)}})
"""
    assert python(script).returncode < 0
    path = tmp_path / "data"
    path.write_bytes(frames([record]))
    (finding,) = tfr.lint(path, {"k": tf.io.FixedLenFeature([2**31 - 1], tf.int64)})
    assert (finding.rule, finding.tensorflow.endswith("; or, where there is no memory for so many, crashes")) == (
        "wrong-count",
        True,
    )
    (finding,) = tfr.lint(path, {"k": tf.io.FixedLenFeature([2], tf.int64)})
    assert "crash" not in finding.tensorflow


#: (example, another one that has the feature, feature)
ONE = {"k": np.arange(1)}
TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    "default": ({}, ONE, tf.io.FixedLenFeature([], tf.int64, 7)),
    "no kind, default": ({"k": None}, ONE, tf.io.FixedLenFeature([], tf.int64, 7)),
    "var len": ({}, ONE, tf.io.VarLenFeature(tf.int64)),
    "empty var len": ({"k": NO_INTS}, ONE, tf.io.VarLenFeature(tf.int64)),
    "sequence": ({}, {"k": np.arange(4)}, tf.io.FixedLenSequenceFeature([2], tf.int64, allow_missing=True)),
    "empty sequence": ({"k": NO_INTS}, {"k": NO_INTS}, tf.io.FixedLenSequenceFeature([2], tf.int64, True)),
    "ragged": ({"k": np.arange(3)}, ONE, tf.io.RaggedFeature(tf.int64)),
    "shape [0]": ({"k": NO_INTS}, {"k": NO_INTS}, tf.io.FixedLenFeature([0], tf.int64)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_record_that_tensorflow_takes_as_it_is_meant_has_no_finding(name: str, tmp_path: Path) -> None:
    example, other, feature = TAKEN[name]
    tf.io.parse_single_example(usual_record(example), {"k": feature})
    assert list(tfr.lint(written(tmp_path / "data", example, other), {"k": feature})) == []


SPARSE = {"s": tf.io.SparseFeature("i", "v", tf.float32, 4)}


def test_positions_of_a_sparse_feature_that_do_not_fit_its_values_shift_them_in_tensorflow(tmp_path: Path) -> None:
    examples = [{"i": np.arange(3), "v": FLOATS[:2]}, {"i": np.arange(1), "v": FLOATS[:2]}]
    records = list(map(usual_record, examples))
    with pytest.raises(ValueError, match="not compatible"):
        tf.io.parse_example(records[:1], SPARSE)
    shifted = tf.io.parse_example(records, SPARSE)["s"]  # together they have as many of both
    assert shifted.indices.numpy().tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]
    findings = list(tfr.lint(written(tmp_path / "data", *examples), SPARSE))
    assert [(finding.rule, finding.record_number) for finding in findings] == [
        ("sparse-lengths", 0),
        ("sparse-lengths", 1),
    ]
    assert "wrong positions" in findings[0].tensorflow


@pytest.mark.parametrize("positions", [[0, 4], [-1, 0], [1, 1]])
def test_positions_that_nobody_checks_are_a_warning(positions: list[int], tmp_path: Path) -> None:
    example = {"i": np.array(positions), "v": FLOATS[:2]}
    found = tf.io.parse_example([usual_record(example)], SPARSE)["s"]
    assert found.indices.numpy()[:, 1].tolist() == positions
    good = {"i": np.arange(2), "v": FLOATS[:2]}
    (finding,) = tfr.lint(written(tmp_path / "data", good, example, *[good] * 20), SPARSE)
    assert (finding.rule, finding.severity, finding.record_number) == ("sparse-position", "warning", 1)


def test_partitions_that_do_not_fit_are_a_warning_as_tensorflow_takes_them(tmp_path: Path) -> None:
    features = {"r": tf.io.RaggedFeature(tf.int64, "v", [tf.io.RaggedFeature.RowLengths("l")])}
    bad, good = {"v": np.arange(3), "l": np.array([1])}, {"v": np.arange(3), "l": np.array([1, 2])}
    taken = tf.io.parse_single_example(usual_record(bad), features)["r"]
    assert taken.row_splits.numpy().tolist() == [0, 1]
    checked = {"r": tf.io.RaggedFeature(tf.int64, "v", [tf.io.RaggedFeature.RowLengths("l")], validate=True)}
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.parse_single_example(usual_record(bad), checked)
    path = written(tmp_path / "data", *[good] * 20, bad, *[good] * 20)
    (finding,) = tfr.lint(path, features)
    assert (finding.rule, finding.record_number) == ("ragged-partitions", 20)
    (finding,) = tfr.lint(path, checked)
    assert "raises" in finding.tensorflow


def test_a_split_list_under_a_fixed_shape_is_said_to_raise_and_does(tmp_path: Path) -> None:
    record = b"\n\x15\n\x13\n\x01k\x12\x0e\x1a\x0c\n\x02\x01\x02\n\x02\x03\x04\n\x02\x05\x06"
    assert tfr.decode_example(record)["k"].tolist() == [1, 2, 3, 4, 5, 6]
    features = {"k": tf.io.FixedLenFeature([6], tf.int64)}
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.io.parse_single_example(record, features)
    path = tmp_path / "data"
    path.write_bytes(frames([record]))
    (finding,) = tfr.lint(path, features)
    assert finding.rule == "split-list"
    assert finding.tensorflow.removeprefix("raises InvalidArgumentError: ") in str(caught.value)
    (finding,) = tfr.lint(path, {"k": tf.io.VarLenFeature(tf.int64)})
    assert finding.tensorflow == "reads 2 of the 6 values, without an error"


def test_features_that_are_never_there_or_not_asked_for_are_said_in_the_end(tmp_path: Path) -> None:
    path = written(tmp_path / "data", *[{"image/label": np.arange(1), "image/raw": [b"x"]}] * 20)
    features = {"image/labels": tf.io.VarLenFeature(tf.int64), "image/raw": tf.io.FixedLenFeature([], tf.string)}
    first, second = tfr.lint(path, features)
    assert (first.rule, first.feature, first.severity) == ("never-there", "image/labels", "warning")
    assert "perhaps 'image/label' is meant" in first.cure
    assert (second.rule, second.feature, second.severity) == ("not-asked-for", "image/label", "note")


def test_a_schema_and_our_own_features_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "data", {"k": np.arange(1)}, {"k": np.arange(2)})
    schema = tfr.Schema.from_json('{"features": {"k": {"dtype": "int64", "shape": []}}}')
    assert [f.record_number for f in tfr.lint(path, schema)] == [1]
    assert [f.record_number for f in tfr.lint(path, {"k": tfr.FixedLenFeature([], "int64")})] == [1]
    with pytest.raises(tfr.FeatureError):
        tfr.lint(path, {"k": tfr.FixedLenFeature(None, "int64")})


LISTS = [None, NO_INTS, np.arange(1), np.arange(2), np.arange(4), FLOATS[:2], FLOATS, [b"a"], [b"a", b"b"]]
examples = st.fixed_dictionaries({}, optional=dict.fromkeys("abc", st.sampled_from(LISTS)))
features_of = st.sampled_from(
    [
        tf.io.FixedLenFeature([2], tf.int64),
        tf.io.FixedLenFeature([2], tf.int64, [0, 0]),
        tf.io.FixedLenFeature([], tf.string),
        tf.io.VarLenFeature(tf.float32),
        tf.io.FixedLenSequenceFeature([2], tf.int64, allow_missing=True),
        tf.io.RaggedFeature(tf.int64),
    ]
)


@settings(max_examples=150, deadline=None)
@given(example=examples, features=st.dictionaries(st.sampled_from("abc"), features_of, min_size=1))
def test_lint_finds_an_error_exactly_when_tensorflow_raises(
    example: dict[str, Any], features: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.getbasetemp() / "one", example)
    errors = [finding for finding in tfr.lint(path, features) if finding.severity == "error"]
    try:
        tf.io.parse_single_example(usual_record(example), features)
    except tf.errors.InvalidArgumentError:
        assert errors
    else:
        assert not errors


# Specs from Python.

SCRIPT = """
import tensorflow as tf
import numpy as np

SIZE = 320
SHAPE = [SIZE, SIZE, 3]
KEY: str = "image/raw"

print("not run", undefined_name)

def parse(serialized):
    features = {
        KEY: tf.io.FixedLenFeature([], tf.string),
        "pixels": tf.io.FixedLenFeature(SHAPE, dtype=tf.float32),
        "area": tf.io.FixedLenFeature([SIZE * 2 - 1], np.int64, default_value=[-1] * (SIZE * 2 - 1)),
        "name": tf.io.FixedLenFeature((), tf.string, ""),
        "tokens": tf.io.VarLenFeature(tf.int64),
        "steps": tf.io.FixedLenSequenceFeature([2], "int64", allow_missing=True),
        "sparse": tf.io.SparseFeature(index_key=["x", "y"], value_key="v", dtype=tf.float32, size=[3, 4]),
        "ragged": tf.io.RaggedFeature(tf.string, value_key="words", partitions=[tf.io.RaggedFeature.RowSplits("s"),
            tf.io.RaggedFeature.UniformRowLength(2)], row_splits_dtype=tf.int32),
    }
    return tf.io.parse_single_example(serialized, features)

dataset = tf.data.TFRecordDataset("train.tfrecord", compression_type="gzip")
"""


def test_features_are_read_from_a_script_without_running_it() -> None:
    features, compressions = python_spec(SCRIPT)
    assert features == {
        "image/raw": tfr.FixedLenFeature([], bytes),
        "pixels": tfr.FixedLenFeature([320, 320, 3], np.float32),
        "area": tfr.FixedLenFeature([639], np.int64, [-1] * 639),
        "name": tfr.FixedLenFeature([], bytes, ""),
        "tokens": tfr.VarLenFeature(np.int64),
        "steps": tfr.FixedLenSequenceFeature([2], "int64", True),
        "sparse": tfr.SparseFeature(["x", "y"], "v", np.float32, [3, 4]),
        "ragged": tfr.RaggedFeature(
            bytes, "words", [tfr.RaggedFeature.RowSplits("s"), tfr.RaggedFeature.UniformRowLength(2)], np.int32
        ),
    }
    assert [(name, line) for name, line in compressions] == [("gzip", 25)]


def test_compression_types_are_found_where_they_are_literal() -> None:
    text = """f = {'k': tf.io.VarLenFeature(tf.int64)}
tf.data.TFRecordDataset(files, "GZIP")
tf.data.TFRecordDataset(files)
tf.data.TFRecordDataset(files, kind)
tf.io.TFRecordOptions("ZLIB")
tf.data.TFRecordDataset(files, compression_type=None)
other(compression_type="zip")
"""
    found = python_spec(text).compressions
    assert sorted((line, name) for name, line in found) == [(2, "GZIP"), (5, "ZLIB"), (7, "zip")]


@pytest.mark.parametrize(
    "text",
    [
        "tf.io.parse_example(x, {'k': tf.io.FixedLenFeature([], tf.int64)})",
        "f = dict(k=tf.FixedLenFeature([], tf.int64))",
        "from tensorflow.io import FixedLenFeature\nf = {'k': FixedLenFeature(shape=[], dtype='int64')}",
        "class C:\n  F = {'k': tf.io.FixedLenFeature([], tf.dtypes.int64, None)}",
        "f = g = {'k': tf.io.FixedLenFeature([], np.int64)}",
    ],
)
def test_ways_of_writing_features_down(text: str) -> None:
    assert python_spec(text).features == {"k": tfr.FixedLenFeature([], "int64")} or python_spec(text).features == {
        "k": tfr.FixedLenFeature([], np.int64)
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no dict of features"),
        ("def f(:", "not Python"),
        ("x = 1\0", "not Python"),
        (
            "f = {'k': tf.io.FixedLenFeature([], tf.int64)}\ng = {'k': tf.io.VarLenFeature(tf.int64)}",
            "f in line 1, g in line 2",
        ),
        ("f = {\n'k': tf.io.FixedLenFeature([n()], tf.int64)}", "line 2: something literal is needed, not n()"),
        ("f = {\n'k': tf.io.FixedLenFeature([], DTYPE)}", "line 2: something literal is needed, not DTYPE"),
        ("f = {\nf'k{1}': tf.io.FixedLenFeature([], tf.int64)}", "line 2: something literal"),
        ("f = {1: tf.io.FixedLenFeature([], tf.int64)}", "line 1: the name of a feature is a literal str"),
        ("f = {'k': tf.io.FixedLenFeature([], tf.int64), 'j': feature()}", "line 1: a feature such as"),
        (
            "f = {'k': tf.io.FixedLenFeature([], tf.int64),\n **more}",
            "line 2: a dict of features that is written down and assigned once is needed, not more",
        ),
        ("f = {'k': tf.io.FixedLenFeature(*a)}", "line 1: arguments that can be read one by one are needed"),
        ("f = {'k': tf.io.FixedLenFeature([])}", "line 1: "),
        ("f = {'k': tf.io.VarLenFeature(tf.int64), 'k': tf.io.VarLenFeature(tf.int64)}", "'k' is there twice"),
        ("f = {'k': tf.io.VarLenFeature(tf.int64)}\nf['j'] = 1", "line 2: a feature such as"),
        (
            "f = {'k': tf.io.VarLenFeature(tf.int64)}\nif x:\n f['j'] = tf.io.VarLenFeature(tf.int64)",
            "line 3: a feature is",
        ),
        (
            "f = {'k': tf.io.VarLenFeature(tf.int64)}\nfor n in x:\n f[n] = tf.io.VarLenFeature(tf.int64)",
            "line 3: a feature",
        ),
        ("f = {'k': tf.io.VarLenFeature(tf.int64)}\nf[n] = tf.io.VarLenFeature(tf.int64)", "line 2: something literal"),
        ("f = {'k': tf.io.VarLenFeature(tf.int64)}\ndel f['k']", "line 2: f is changed here"),
        (
            "b = {'k': tf.io.VarLenFeature(tf.int64)}\nf = {**b}\nb['j'] = tf.io.VarLenFeature(tf.int64)",
            "line 3: a feature is",
        ),
        (
            "b = {'k': tf.io.VarLenFeature(tf.int64)}\nb = {**b, 'j': tf.io.VarLenFeature(tf.int64)}",
            "2 dicts of features",
        ),
        ("def f(b):\n return {**b, 'j': tf.io.VarLenFeature(tf.int64)}\nb = {}", "line 2: a dict of features that is"),
        (
            "def f(n):\n return {'j': tf.io.FixedLenFeature([n], tf.int64)}\nn = 3",
            "line 2: something literal is needed, not n",
        ),
        ("b = {**b, 'k': tf.io.VarLenFeature(tf.int64)}", "line 1: a dict of features that is written down"),
        ("f = {'k': tf.io.VarLenFeature(tf.int64)}\nf.update(g)", "line 2: f is changed here"),
        ("f = {'k': tf.io.VarLenFeature(tf.int64)}\nf |= g", "line 2: f is changed here"),
        ("f = {'k': tf.io.FixedLenFeature([], tf.int64, [0] * 10 ** 9)}", "line 1: something literal is needed"),
        ("f = {'k': tf.io.FixedLenFeature([], tf.int64, [0] * 999999999)}", "line 1: something literal is needed"),
        ("n = 1\nn = 2\nf = {'k': tf.io.FixedLenFeature([n], tf.int64)}", "line 3: something literal is needed, not n"),
        ("n = n\nf = {'k': tf.io.FixedLenFeature([n], tf.int64)}", "line 1: something literal is needed, not n"),
        ("f = {'k': tf.io.FixedLenFeature([1 // 0], tf.int64)}", "line 1: something literal is needed"),
        ("f = {'k': tf.io.FixedLenFeature([-'a'], tf.int64)}", "line 1: something literal is needed, not -'a'"),
        ("f = {'k': tf.io.FixedLenFeature([1 + 'a'], tf.int64)}", "line 1: something literal is needed, not 1 + 'a'"),
        ("f = {'k': tf.io.FixedLenFeature([[1] + 1], tf.int64)}", "line 1: something literal is needed, not [1] + 1"),
        ("f = {'k': tf.io.VarLenFeature(tf.int64)}\nif x:\n f['k'] = made()", "line 3: f is changed here"),
        ("f = {k: tf.io.FixedLenFeature([], tf.int64) for k in 'ab'}", "line 1: a dict that is written down entry by"),
        (
            "def f():\n return {'k': tf.io.VarLenFeature(tf.int64)}\ng = f()\ng['j'] = tf.io.VarLenFeature(tf.int64)",
            "line 4: a feature is added here",
        ),
        ("f = {'k': tf.io.RaggedFeature(tf.int64, partitions=5)}", "line 1: Argument `partitions`"),
        ("f = {'k': tf.io.FixedLenFeature([" + "1+" * 3000 + "1], tf.int64)}", "nested too deeply"),
        ("f = {'k': tf.io.FixedLenFeature([" + "-" * 5000 + "1], tf.int64)}", ""),
    ],
)
def test_what_cannot_be_read_from_a_script_is_an_error_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        python_spec(text)
    assert message in str(caught.value)


INT, TEXT = tfr.FixedLenFeature([], np.int64), tfr.VarLenFeature(bytes)


@pytest.mark.parametrize(
    "text",
    [
        "base = {'k': tf.io.FixedLenFeature([], tf.int64)}\nf = {**base, 't': tf.io.VarLenFeature(tf.string)}",
        "base = {'t': tf.io.VarLenFeature(tf.string)}\nf = dict(base, k=tf.io.FixedLenFeature([], tf.int64))",
        "a = {'k': tf.io.FixedLenFeature([], tf.int64)}\nb = {'t': tf.io.VarLenFeature(tf.string)}\nf = a | b",
        "a, b = {'k': tf.io.FixedLenFeature([], tf.int64)}, {'t': tf.io.VarLenFeature(tf.string)}\nf = {**a, **b}",
        "f = {}\nf['k'] = tf.io.FixedLenFeature([], tf.int64)\nf['t'] = tf.io.VarLenFeature(tf.string)",
        (
            "b = {}\nb['k'] = tf.io.FixedLenFeature([], tf.int64)\n"
            "f = {**b, 't': tf.io.VarLenFeature(tf.string)}\ng['j'] = other"
        ),
        (
            "b = {'k': tf.io.FixedLenFeature([], tf.int64)}\nc = {**b, 't': tf.io.VarLenFeature(tf.string)}\n"
            "f = {**b, **c, **b}"
        ),
        (
            "K = 'k'\ndef f():\n f = {K: tf.io.VarLenFeature(tf.int64), 't': tf.io.VarLenFeature(tf.string)}\n"
            " f[K] = tf.io.FixedLenFeature([], tf.int64)\n return f"
        ),
        "import tensorflow as t\nf = {'k': t.io.FixedLenFeature([], t.int64), 't': t.io.VarLenFeature(t.string)}",
        (
            "from tensorflow.io import FixedLenFeature as F, VarLenFeature as V\n"
            "from tensorflow import int64 as i, string\n"
            "f = {'k': F([], i), 't': V(string)}"
        ),
        (
            "SHAPE, (I, S) = [], ('int64', 'string')\n"
            "f = {'k': F(SHAPE, tf.int64), 't': tf.io.VarLenFeature(tf.string)}\n"
            "from tensorflow.io import FixedLenFeature as F"
        ),
        (
            "base = {'k': tf.io.VarLenFeature(tf.string)}\n"
            "f = {**base, 'k': tf.io.FixedLenFeature([], tf.int64), 't': tf.io.VarLenFeature(tf.string)}"
        ),
    ],
)
def test_dicts_that_are_put_together_are_followed_where_that_is_simple(text: str) -> None:
    assert python_spec(text).features == {"k": INT, "t": TEXT}


def test_a_dict_that_another_takes_over_can_be_named_and_overrides_what_stands_before_it() -> None:
    text = (
        "base = {'k': tf.io.FixedLenFeature([], tf.int64)}\n"
        "f = {'k': tf.io.VarLenFeature(tf.string), **base, 't': tf.io.VarLenFeature(tf.string)}"
    )
    assert python_spec(text).features == {"k": INT, "t": TEXT}
    assert python_spec(text, "base").features == {"k": INT}


def test_dicts_of_one_name_in_two_functions_are_two() -> None:
    block = " f = {}\n f['%s'] = tf.io.VarLenFeature(tf.string)\n"
    with pytest.raises(SpecError, match="f in line 2, f in line 5"):
        python_spec(f"def a():\n{block % 'a'}def b():\n{block % 'b'}")


def test_one_of_several_dicts_is_chosen_by_its_name() -> None:
    text = "f = {'k': tf.io.VarLenFeature(tf.int64)}\ng = {'j': tf.io.VarLenFeature(tf.int64)}"
    assert list(python_spec(text, "g").features) == ["j"]
    with pytest.raises(SpecError, match="that is called h"):
        python_spec(text, "h")


def test_a_feature_may_have_a_name() -> None:
    text = "K = tf.io.FixedLenFeature([], tf.int64)\nf = {'k': K, 'j': tf.io.VarLenFeature(tf.int64)}"
    assert python_spec(text).features["k"] == tfr.FixedLenFeature([], np.int64)


def test_what_a_schema_writes_for_tensorflow_is_read_back() -> None:
    schema = tfr.Schema.from_json(
        '{"features": {"a": {"dtype": "int64", "shape": [2]}, "b\\n": {"dtype": "bytes", "shape": null}}}'
    )
    read = python_spec(schema.to_tensorflow()).features
    given = dict(schema.features)
    assert read.keys() == given.keys()
    record = usual_record({"a": np.arange(2), "b\n": [b"x"]})
    ours, theirs = tfr.parse_example([record], given), tfr.parse_example([record], read)
    assert ours["a"].tolist() == theirs["a"].tolist()


# Specs from JSON.


def test_json_holds_a_schema_or_features() -> None:
    schema = '{"schema_version": 1, "features": {"k": {"dtype": "int64", "shape": [2]}}}'
    assert json_spec(schema).features["k"].shape == [2]
    features = {
        "a": {"feature": "FixedLenFeature", "shape": [], "dtype": "int64", "default_value": 0},
        "b": {"feature": "VarLenFeature", "dtype": "bytes"},
        "c": {"shape": [2], "dtype": "float32"},
        "d": {"dtype": "int64", "shape": None},
    }
    assert json_spec(json.dumps(features)).features == {
        "a": tfr.FixedLenFeature([], "int64", 0),
        "b": tfr.VarLenFeature("bytes"),
        "c": tfr.FixedLenFeature([2], "float32"),
        "d": tfr.RaggedFeature("int64"),
    }


def test_json_may_name_the_compression_type() -> None:
    schema = {"schema_version": 1, "features": {"k": {"dtype": "int64", "shape": [2]}}}
    feature = {"k": {"dtype": "int64", "shape": [2]}}
    for form in (schema, feature):
        spec = json_spec(json.dumps({**form, "compression_type": "gzip"}))
        assert list(spec.features) == ["k"]
        assert spec.compressions == (Compression("gzip", None),)
        assert json_spec(json.dumps(form)).compressions == ()
    named_so = json_spec(json.dumps({**feature, "compression_type": {"dtype": "bytes", "shape": []}}))
    assert (list(named_so.features), named_so.compressions) == (["k", "compression_type"], ())


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"dtype": "int64"}, "a": {"dtype": "bytes"}}',
        *['{"compression_type": "GZIP"}', '{"a": {"dtype": "int64"}, "compression_type": 1}'],
        *["", "[]", "{}", "{", "1", '{"a": 1}', '{"a": {"feature": "Nothing"}}', '{"a": {"feature": "VarLenFeature"}}'],
        *['{"features": {"a": 5}}', "[" * 100_000, '{"a": {"dtype": "int64", "shape": [], "more": 1}}'],
    ],
)
def test_json_that_is_no_spec_is_an_error(text: str) -> None:
    with pytest.raises(SpecError):
        json_spec(text)


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        ({"feature": ["x"]}, "one of FixedLenFeature, "),
        ({"dtype": "int64", "kind": "x"}, "RaggedFeature: got an unexpected keyword argument 'kind'"),
        ({"shape": []}, "FixedLenFeature: missing a required argument: 'dtype'"),
        ({}, "RaggedFeature: missing a required argument: 'dtype'"),
        ({"dtype": "int64", "partitions": [5]}, "Argument `partitions`"),
        ({"dtype": "int64", "shape": "ab"}, "a shape is a list of integers, not 'ab'"),
        ({"dtype": "int64", "shape": [1.5]}, "a shape is a list of integers, not [1.5]"),
        ({"dtype": "int64", "shape": {"x": 1}}, "a shape is a list of integers, not {'x': 1}"),
        (
            {"feature": "FixedLenSequenceFeature", "dtype": "int64", "shape": [], "allow_missing": "yes"},
            "allow_missing is true or false, not 'yes'",
        ),
        (
            {
                "feature": "SparseFeature",
                "index_key": "i",
                "value_key": "v",
                "dtype": "int64",
                "size": 1,
                "already_sorted": 1,
            },
            "already_sorted is true or false, not 1",
        ),
        ({"dtype": "int64", "validate": None}, "validate is true or false, not None"),
    ],
)
def test_json_that_is_no_feature_is_an_error_that_names_it(feature: object, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        json_spec(json.dumps({"some name": feature}))
    assert str(caught.value).startswith(f"feature 'some name': {said}")


def test_what_is_no_spec_is_said_in_plain_words() -> None:
    with pytest.raises(SpecError, match=r"^line 2: not Python: [^<]*$"):
        python_spec("a = 1\nfeatures = {\n")
    with pytest.raises(SpecError, match=r"not Python: source code (string )?cannot contain null bytes"):
        python_spec("\0")  # in some Pythons a ValueError, in others a SyntaxError
    with pytest.raises(SpecError, match="nested too deeply"):
        json_spec('{"a":' * 100_000)
    with pytest.raises(tfr.FeatureError, match="not a schema: nested too deeply"):
        tfr.Schema.from_json('{"a":' * 100_000)


def test_what_no_record_can_hold_is_an_error_of_the_spec(tmp_path: Path) -> None:
    path = written(tmp_path / "data", {"k": np.arange(1), "i": np.arange(1)})
    sparse = {"feature": "SparseFeature", "index_key": "i", "value_key": "k", "dtype": "int64"}
    for feature, said in [
        ({**sparse, "size": 2**63}, "Dimension 9223372036854775808 of SparseFeature name"),
        ({**sparse, "size": -5}, "Dimension -5 of SparseFeature name"),
        ({"shape": [2**32, 2**32], "dtype": "int64"}, "Shape [4294967296, 4294967296] of feature name"),
        ({"shape": [], "dtype": "int65"}, "feature 'name': 'int65' is not one of the dtypes"),
    ]:
        features = json_spec(json.dumps({"name": feature})).features
        with pytest.raises((tfr.FeatureError, TypeError)) as caught:
            tfr.lint(path, features)
        assert str(caught.value).startswith(said)


def test_arguments_that_are_true_or_false_are_taken_from_json() -> None:
    sequence = {"feature": "FixedLenSequenceFeature", "dtype": "int64", "shape": [], "allow_missing": True}
    spec = json_spec(json.dumps({"a": sequence, "b": {"dtype": "int64", "validate": True}}))
    assert spec.features["a"].allow_missing is True
    assert spec.features["b"].validate is True
    parsed = tfr.parse_example([tfr.encode_example({"a": [1, 2], "b": [3]})], spec.features)
    assert parsed["a"].tolist() == [[1, 2]]
