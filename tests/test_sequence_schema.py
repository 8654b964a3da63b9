"""Schemas of SequenceExamples: their feature lists are inferred, shown, saved, and parse the records they came from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema

COMMAND = [sys.executable, "-m", "tfrecord_lite"]
NO_INTS = np.array([], np.int64)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)


def write(path: Path, records: list[bytes]) -> Path:
    with tfr.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    return path


def sequence(number: int) -> bytes:
    """A context, and lists: of words; of pairs, absent from each third; of any number of values a step; empty ones."""
    lists: dict[str, Any] = {
        "words": [f"w{step}" for step in range(number % 4 + 1)],
        "ragged": [np.arange(step) for step in range(number % 3)],
        "nothing": [],
    }
    if number % 3:
        lists["pairs"] = [[0.5, float(number)]] * 2
    return tfr.encode_sequence_example({"id": number}, lists)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "sequences.tfrecord", [sequence(number) for number in range(9)])


def test_feature_lists_are_part_of_the_schema(path: Path) -> None:
    schema = tfr.infer_schema(path)
    assert (list(schema), schema.records) == (["id"], 9)
    assert list(schema.feature_lists) == ["nothing", "pairs", "ragged", "words"]
    words, pairs, ragged = (schema.feature_lists[name] for name in ("words", "pairs", "ragged"))
    assert (words.step.dtype, words.step.shape, words.step.kinds["bytes"].encoding) == ("bytes", (), "UTF-8")
    assert (words.records, words.absent, words.min_steps, words.max_steps) == (9, 0, 1, 4)
    assert words.step.kinds["bytes"].records == 21  # steps
    assert (pairs.step.dtype, pairs.step.shape, pairs.records, pairs.absent) == ("float32", (2,), 6, 3)
    assert (ragged.step.dtype, ragged.step.shape, ragged.min_steps, ragged.max_steps) == ("int64", None, 0, 2)
    assert schema.feature_lists["nothing"].step.dtype is None


def test_a_sample_counts_the_lists_of_its_records_only(path: Path) -> None:
    schema = tfr.infer_schema(path, sample=2)
    assert (schema.records, schema.feature_lists["words"].records) == (2, 2)
    assert schema.feature_lists["pairs"].absent == 1


def test_json_keeps_feature_lists_and_examples_have_none(path: Path, tmp_path: Path) -> None:
    schema = tfr.infer_schema(path)
    assert tfr.Schema.from_json(schema.to_json()) == schema
    assert tfr.Schema(schema.values(), 9) != schema
    examples = tfr.infer_schema(write(tmp_path / "examples", [tfr.encode_example({"id": 1})]))
    assert not examples.feature_lists
    assert "feature_lists" not in json.loads(examples.to_json())


@pytest.mark.parametrize(
    ("lists", "problem"),
    [
        ([], '"feature_lists" is no object'),
        ({"a": {}}, "'step' is missing"),
        ({"a": {"step": {"dtype": "int64", "shape": []}, "steps": 1}}, "'steps' is not known"),
        ({"a": {"step": {"dtype": "int64", "shape": []}, "min_steps": -1}}, "min_steps is a number"),
        ({"a": {"step": {"dtype": "int8", "shape": []}}}, "a dtype is int64"),
    ],
)
def test_what_is_no_feature_list_in_json_is_refused(lists: Any, problem: str) -> None:
    with pytest.raises(tfr.FeatureError) as caught:
        tfr.Schema.from_json(json.dumps({"features": {}, "feature_lists": lists}))
    assert problem in str(caught.value)


def test_a_list_by_hand_needs_a_step_only() -> None:
    schema = tfr.Schema.from_json(
        '{"features": {}, "feature_lists": {"a": {"step": {"dtype": "int64", "shape": [3]}}}}'
    )
    assert schema.sequence_features == {"a": tfr.FixedLenSequenceFeature([3], "int64")}
    with pytest.raises(tfr.FeatureError, match="two feature lists of this name"):
        tfr.Schema([], 0, [FeatureListSchema(FeatureSchema("a", "int64", ()))] * 2)


def test_tensorflow_parses_the_records_with_the_text_for_it(path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    schema = tfr.infer_schema(path)
    scope: dict[str, Any] = {"tf": tf}
    exec(schema.to_tensorflow(), scope)
    records = list(tfr.read_records(path))
    theirs = tf.io.parse_sequence_example(records, scope["context_features"], scope["sequence_features"])
    ours = tfr.parse_sequence_example(records, schema.features, schema.sequence_features)
    assert theirs[0]["id"].numpy().tolist() == ours[0]["id"].tolist() == list(range(9))
    assert theirs[1].keys() == ours[1].keys() == {"words", "pairs", "ragged"}
    assert schema.sequence_features["pairs"] == tfr.FixedLenSequenceFeature([2], "float32", allow_missing=True)
    for name in ("words", "pairs"):
        np.testing.assert_array_equal(theirs[1][name].numpy(), ours[1][name])
    np.testing.assert_array_equal(theirs[1]["ragged"].flat_values.numpy(), ours[1]["ragged"].flat_values)


def test_steps_of_several_kinds_are_shown_and_have_no_features(tmp_path: Path) -> None:
    mixed = write(tmp_path / "mixed", [tfr.encode_sequence_example({}, {"k": ["a", 1, 2, None]})])
    schema = tfr.infer_schema(mixed)
    assert str(schema).count("(mixed)") == 2
    assert "steps: 1 kindless" in str(schema)
    with pytest.raises(
        tfr.FeatureError, match=r"'k': its steps are of several kinds.*bytes in 1 step, int64 in 2 steps"
    ):
        schema.to_tensorflow()


def test_the_command_shows_the_lists(path: Path) -> None:
    shown = run("schema", path).stdout
    assert shown.startswith("1 feature, 4 feature lists of SequenceExamples, 9 records looked at\n")
    lines = [line.split() for line in shown.splitlines()]
    assert ["words", "bytes", "[]", "1", "to", "4", "9", "2", "bytes", "UTF-8"] in lines
    assert ["pairs", "float32", "[2]", "2", "6", "3", "absent", "0.5", "to", "8.0"] in lines
    assert tfr.Schema.from_json(run("schema", "--json", path).stdout) == tfr.infer_schema(path)
    pasted = run("schema", "--tf", path).stdout
    assert '    "pairs": tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),\n' in pasted
    assert "\nsequence_features = {\n" in pasted


def test_a_notebook_shows_the_lists(path: Path) -> None:
    page = tfr.infer_schema(path)._repr_html_()
    assert "<caption>Feature lists</caption>" in page
    assert "<td>words</td><td>bytes</td>" in page


@pytest.mark.parametrize("first", ["example", "sequence"])
def test_files_that_mix_examples_and_sequence_examples_are_noticed(first: str, tmp_path: Path) -> None:
    example, other = tfr.encode_example({"id": 1}), sequence(1)
    records = [example, other, other] if first == "example" else [other, example, other]
    path = write(tmp_path / "mixed", records)
    said = "mixed holds SequenceExamples and Examples, 2 of the one and 1 of the other"
    assert f"{said}\n" in run("info", path).stdout
    stats = run("stats", path)
    assert (stats.returncode, stats.stderr.count(said)) == (0, 1)
    assert json.loads(run("stats", path, "--json").stdout)["files"][0]["sequence_examples"] == 2
    page = tmp_path / "page.html"
    assert run("report", path, "-o", page).returncode == 0
    assert "holds SequenceExamples and Examples" in page.read_text()


def test_a_message_with_another_field_2_is_no_sequence_example(tmp_path: Path) -> None:
    records = [tfr.encode_example({"id": 1}) + b"\x12\x03abc"] * 3
    path = write(tmp_path / "odd", records)
    assert not tfr.infer_schema(path).feature_lists
    assert "SequenceExample" not in run("info", path).stdout


def test_records_without_feature_lists_have_none_however_they_are_written(tmp_path: Path) -> None:
    once = tfr.encode_example({"a": 1})
    path = write(tmp_path / "a", [b"", once, once + once, tfr.encode_sequence_example({"a": 1}, {})])
    schema = tfr.infer_schema(path)
    assert (len(schema), schema.feature_lists) == (1, {})
    assert "Feature lists" not in schema._repr_html_()


def test_info_shows_the_lists_of_the_first_records(path: Path) -> None:
    result = run("info", path)
    assert f"{path} holds SequenceExamples\n" in result.stdout
    assert str(tfr.infer_schema(path)) in result.stdout
