"""convert: one kind for a feature in all records, and a schema that leaves out what it does not name."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema

pytest.importorskip("pyarrow")


def examples_of(path: Path) -> list[dict[str, Any]]:
    """With (dtype, list) in the place of arrays."""
    return [
        {name: value if isinstance(value, list) else (str(value.dtype), value.tolist()) for name, value in each.items()}
        for each in tfr.read_examples(path)
    ]


def written(path: Path, lines: list[str]) -> Path:
    """JSON objects, or the rows of a CSV of one column "x", or a member .json of each sample."""
    if path.suffix == ".tar":
        with tarfile.open(path, "w") as archive:
            for number, line in enumerate(lines):
                member = tarfile.TarInfo(f"{number:09d}.json")
                member.size = len(line)
                archive.addfile(member, io.BytesIO(line.encode()))
    elif path.suffix == ".csv":
        path.write_text("x,n\n" + "".join(f"{json.loads(line)['x']},0\n" for line in lines))
    else:
        path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("end", ["jsonl", "tar", "csv"])
@pytest.mark.parametrize("order", [1, -1])
def test_integers_in_a_column_of_floats_become_floats(end: str, order: int, workers: int, tmp_path: Path) -> None:
    path = written(tmp_path / f"a.{end}", ['{"x": 1.5}', '{"x": 2}'][::order])
    other = written(tmp_path / f"b.{end}", ['{"x": 3}'])
    convert([path, other], tmp_path / "out", workers=workers)
    found = [example["x"] for example in examples_of(tmp_path / "out")]
    assert found == [*[("float32", [1.5]), ("float32", [2.0])][::order], ("float32", [3.0])]


@pytest.mark.parametrize("end", ["jsonl", "tar"])
def test_columns_of_integers_stay_what_they_are(end: str, tmp_path: Path) -> None:
    lines = [
        '{"x": 9007199254740993, "none": null}',
        '{"x": [1, 2], "y": [0.5, 1]}',
        '{"x": true, "y": {"float32": []}}',
    ]
    convert(written(tmp_path / f"a.{end}", lines), tmp_path / "out")
    assert next(iter(tfr.read_examples(tmp_path / "out")))["none"] is None
    found = [example["x"].tolist() for example in tfr.read_examples(tmp_path / "out")]
    assert found == [[9007199254740993], [1, 2], [1]]


@pytest.mark.parametrize(
    ("end", "place", "first"),
    [("jsonl", "line 3: ", "line 1"), ("tar", "record #2: ", "record #0")],
)
def test_texts_and_numbers_in_one_column_are_refused_with_both_places(
    end: str, place: str, first: str, tmp_path: Path
) -> None:
    path = written(tmp_path / f"a.{end}", ['{"x": 1}', '{"y": 2}', '{"x": "t"}', '{"x": 3}'])
    with pytest.raises(tfr.FeatureError) as caught:
        convert(path, tmp_path / "out")
    assert str(caught.value).startswith(f"{path}: {place}feature 'x': is bytes, and int64 in {path}, {first}: a schema")
    assert not (tmp_path / "out").exists()
    schema = tfr.Schema([FeatureSchema("x", "int64", ())])
    done = convert(path, tmp_path / "out", schema=schema, on_error="skip")
    assert [row.number for row in done.skipped] == [2]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("end", ["jsonl", "tar"])
@pytest.mark.parametrize(
    ("lines", "bad", "reason", "kept"),
    [
        (['{"x": "t"}', '{"x": 1}', '{"y": 2}', '{"x": 3}'], [0], "is bytes, not int64", [1, 3]),
        (['{"x": "t"}', '{"x": 1}', '{"x": 0.5}'], [0], "is bytes, not float32", [1, 0.5]),
        (['{"x": 1}', '{"x": "t"}', '{"x": 0.5}', '{"x": "u"}', '{"x": "v"}'], [0, 2], "not bytes", [b"t", b"u", b"v"]),
        (['{"x": 1}', '{"x": "t"}'], [1], "is bytes, not int64", [1]),
        (['{"x": "t"}', '{"x": 1}'], [1], "is int64, not bytes", [b"t"]),
    ],
)
def test_rows_of_another_kind_than_most_are_left_out_and_listed(
    end: str, lines: list[str], bad: list[int], reason: str, kept: list[Any], workers: int, tmp_path: Path
) -> None:
    path = written(tmp_path / f"a.{end}", lines)
    done = convert(path, tmp_path / "out", on_error="skip", workers=workers)
    assert [row.number for row in done.skipped] == bad
    assert all("feature 'x': is " in row.reason and reason in row.reason for row in done.skipped)
    examples = tfr.read_examples(tmp_path / "out")
    assert [value for example in examples if "x" in example for value in list(example["x"])] == kept
    assert done.records == len(lines) - len(bad)


@pytest.mark.parametrize(("end", "place"), [("jsonl", "line 2: "), ("tar", "record #1: "), ("csv", "line 3: ")])
def test_an_integer_that_float32_does_not_hold_is_refused_among_floats(end: str, place: str, tmp_path: Path) -> None:
    path = written(
        tmp_path / f"a.{end}", ['{"x": 16777216}', '{"x": 16777217}', '{"x": 0.5}', '{"x": -9007199254740993}']
    )
    with pytest.raises(tfr.FeatureError) as caught:
        convert(path, tmp_path / "out")
    assert f"{path}: {place}feature 'x': is an integer that float32 does not hold, and a float in {path}, " in str(
        caught.value
    )
    convert(path, tmp_path / "out", schema=tfr.Schema([FeatureSchema("x", "float32", ())]))  # which says so
    assert examples_of(tmp_path / "out")[1]["x"] == ("float32", [16777216.0])
    path = written(tmp_path / f"b.{end}", ['{"x": 16777216}', f'{{"x": {2**62}}}', '{"x": 0.5}'])
    convert(path, tmp_path / "out")
    assert examples_of(tmp_path / "out")[1]["x"] == ("float32", [float(2**62)])


@pytest.mark.parametrize("end", ["jsonl", "tar"])
@pytest.mark.parametrize("bad", ["1e400", "[1, 1e39]", '{"float32": [1e400]}', "1" + "0" * 39])
def test_a_bad_number_does_not_make_floats_of_a_column_of_integers(end: str, bad: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"a.{end}", ['{"x": 9007199254740993}', f'{{"x": {bad}}}', '{"x": 2}'])
    done = convert(path, tmp_path / "out", on_error="skip")
    assert [row.number for row in done.skipped] == [1]
    assert [example["x"].tolist() for example in tfr.read_examples(tmp_path / "out")] == [[9007199254740993], [2]]
    with pytest.raises(tfr.FeatureError, match=r"(line 2|record #1): feature 'x': .* (beyond float32|outside int64)"):
        convert(path, tmp_path / "no")


@pytest.mark.parametrize("line", ['{"x": 99999999999999999999}', '{"x": [0.5, -99999999999999999999]}'])
@pytest.mark.parametrize(("end", "place"), [("jsonl", "line 2: "), ("tar", "record #1: ")])
def test_an_integer_outside_int64_is_not_rounded_among_floats(end: str, place: str, line: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"a.{end}", ['{"x": 1}', line, '{"x": 0.5}'])
    with pytest.raises(tfr.FeatureError) as caught:
        convert(path, tmp_path / "out")
    assert f"{path}: {place}feature 'x': is an integer that float32 does not hold" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_integer_outside_int64_in_a_list_of_a_csv_is_not_rounded_among_floats(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('x,n\n"[0.5]",0\n"[1, 99999999999999999999]",0\n')
    with pytest.raises(tfr.FeatureError, match="line 3: feature 'x': is an integer that float32 does not hold"):
        convert(tmp_path / "a.csv", tmp_path / "out")


def test_a_stream_of_several_kinds_is_refused_and_one_of_one_kind_is_taken(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tfrecord_lite", "convert", "-", str(tmp_path / "out"), "--from", "jsonl"]
    done = subprocess.run(command, input=b'{"x": 1}\n{"x": 1.5}\n', capture_output=True, check=False)
    assert done.returncode == 1
    assert b"line 2: feature 'x': is float32, and int64 in <stdin>, line 1" in done.stderr
    assert not (tmp_path / "out").exists()
    done = subprocess.run(command, input=b'{"x": 1}\n{"x": 2}\n', capture_output=True, check=False)
    assert (done.returncode, examples_of(tmp_path / "out")[1]) == (0, {"x": ("int64", [2])})


def test_steps_of_feature_lists_are_of_one_kind_too(tmp_path: Path) -> None:
    lines = [
        '{"context": {"c": 1}, "feature_lists": {"l": [1, 2]}}',
        '{"context": {"c": 0.5}, "feature_lists": {"l": [0.5]}}',
    ]
    convert(written(tmp_path / "a.jsonl", lines), tmp_path / "out")
    context, lists = tfr.decode_sequence_example(next(iter(tfr.read_records(tmp_path / "out"))))
    assert (context["c"].dtype, [step.dtype for step in lists["l"]]) == ("float32", ["float32", "float32"])


def test_a_bad_feature_is_no_feature_that_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", ['{"x": 1}', '{"x": 2, "odd": {"a": 1}}'])
    with pytest.raises(tfr.FeatureError, match="line 2: feature 'odd'"):
        convert(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("end", "line"),
    [
        ("jsonl", '{"\\ud800": 1}'),
        ("tar", '{"\\ud800": 1}'),
        ("jsonl", '{"context": {"\\ud800": 1}, "feature_lists": {}}'),
        ("jsonl", '{"context": {}, "feature_lists": {"\\ud800": []}}'),
    ],
)
def test_a_name_that_no_feature_can_have_is_a_bad_row(end: str, line: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"a.{end}", ['{"x": 1}', line, '{"x": 2}'])
    place = "line 2" if end == "jsonl" else "record #1"
    with pytest.raises(tfr.FeatureError, match=rf"a\.{end}: {place}: feature '.*': a name with a lone surrogate"):
        convert(path, tmp_path / "out")
    done = convert(path, tmp_path / "out", on_error="skip")
    assert ([row.number for row in done.skipped], done.records) == ([1], 2)


@pytest.mark.parametrize("end", ["jsonl", "tar"])
@pytest.mark.parametrize(
    ("bad", "good"),
    [('{"c": "x", "b": {"a": [0.5, "t"]}}', '{"c": 1}'), ('{"c": 1.5, "b": [0.5, "t"]}', '{"c": 16777217}')],
)
def test_rows_that_are_left_out_do_not_say_what_a_column_is(end: str, bad: str, good: str, tmp_path: Path) -> None:
    if end == "tar":  # where what is nested becomes text
        bad = bad.replace('{"a": [0.5, "t"]}', '[0.5, "t"]')
    path = written(tmp_path / f"a.{end}", [bad, bad, good])
    done = convert(path, tmp_path / "out", on_error="skip")
    assert [row.number for row in done.skipped] == [0, 1]
    (example,) = tfr.read_examples(tmp_path / "out")
    assert (example["c"].dtype, example["c"].tolist()) == (np.int64, [json.loads(good)["c"]])


@pytest.mark.parametrize("end", ["jsonl", "tar"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"a": [2.5], "b": [null]}', "'b': a feature is a list of integers, of floats or of texts, not of NoneType"),
        ('{"a": [2.5], "b": [0.5, "t"]}', "'b': a feature is a list of integers, of floats or of texts, not of "),
        ('{"a": ["t"], "b": [1, 1e300]}', "'b': 1e+300 is beyond float32"),
        ('{"a": [2.5], "b": [], "c": [null]}', "'c': a feature is a list"),
        ('{"a": ["t"], "b": []}', "'a': is bytes, not int64"),
    ],
)
def test_what_is_wrong_with_a_row_by_itself_is_its_reason(end: str, bad: str, reason: str, tmp_path: Path) -> None:
    """And not that its other features are of another kind than those of the rows that are taken."""
    good = ['{"a": 1, "b": 2}', '{"a": 2, "b": 0.5}', '{"a": 3}']
    path = written(tmp_path / f"a.{end}", ['{"a": "text"}', *good, bad])
    done = convert(path, tmp_path / "out", on_error="skip")
    assert [row.number for row in done.skipped] == [0, 4]
    assert f"feature {reason}" in done.skipped[1].reason
    assert done.records == 3


def test_what_is_wrong_with_a_sample_by_itself_is_its_reason_beside_a_member_of_another_kind(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, data in [
            ("0.json", b'{"a": 1}'),
            ("1.json", b'{"a": 2}'),
            ("2.a.txt", b"t"),
            ("2.json", b'{"b": [null]}'),
        ]:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    done = convert(tmp_path / "a.tar", tmp_path / "out", on_error="skip")
    assert [(row.number, row.reason.partition(" a feature")[0]) for row in done.skipped] == [
        (2, "record #2: feature 'b':")
    ]


# A schema


def records(path: Path, given: list[Any]) -> Path:
    """Examples, or (context, feature lists), in a TFRecord file."""
    with tfr.TFRecordWriter(path) as writer:
        for each in given:
            writer.write(tfr.encode_sequence_example(*each) if isinstance(each, tuple) else tfr.encode_example(each))
    return path


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["raise", "skip"])
@pytest.mark.parametrize("end", ["jsonl", "tar", "parquet"])
def test_records_of_several_kinds_are_refused_that_would_come_back_as_one(
    end: str, on_error: str, workers: int, tmp_path: Path
) -> None:
    path = records(tmp_path / "a", [{"x": 1, "y": 0.5}, {"x": 1.5, "y": 2.5}])
    with pytest.raises(tfr.FeatureError, match=r"'x': met in several kinds, which .*: float32, int64") as caught:
        convert(path, tmp_path / f"b.{end}", on_error=on_error, workers=workers)
    assert caught.value.key == "x"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    convert(path, tmp_path / f"b.{end}", schema=tfr.Schema([FeatureSchema("y", "float32", ())]))
    convert(tmp_path / f"b.{end}", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [{"y": ("float32", [0.5])}, {"y": ("float32", [2.5])}]


def test_steps_of_several_kinds_are_refused_that_would_come_back_as_one(tmp_path: Path) -> None:
    given = [({"l": 1}, {"l": [[1]]}), ({"l": 1}, {"l": [[0.5]]})]
    with pytest.raises(tfr.FeatureError, match=r"'l': met in several kinds, which do not come back from it: float32, "):
        convert(records(tmp_path / "a", given), tmp_path / "b.jsonl")


@pytest.mark.parametrize("end", ["jsonl", "tar"])
def test_what_is_empty_or_without_a_kind_stands_beside_any_kind(end: str, tmp_path: Path) -> None:
    given = [{"x": 1.5}, {"x": np.empty(0, np.int64)}, {"x": None}, {"x": np.array([np.nan], np.float32)}, {}]
    path = records(tmp_path / "a", given)
    convert(path, tmp_path / f"b.{end}")
    convert(tmp_path / f"b.{end}", tmp_path / "out")
    assert list(tfr.read_records(tmp_path / "out")) == list(tfr.read_records(path))


@pytest.mark.parametrize("end", ["jsonl", "tar"])
def test_a_schema_leaves_out_other_features_both_ways(end: str, tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for number in range(20):
            writer.write_example({"n": number, "b": "x", "c": [0.5]})
    schema = tfr.Schema([FeatureSchema("c", "float32", ()), FeatureSchema("n", "int64", ())])
    convert(tmp_path / "a.tfrecord", tmp_path / f"some.{end}", schema=schema)
    convert(tmp_path / f"some.{end}", tmp_path / "some")
    convert(tmp_path / "a.tfrecord", tmp_path / f"all.{end}")
    convert(tmp_path / f"all.{end}", tmp_path / "back", schema=schema)
    expected = [{"n": ("int64", [number]), "c": ("float32", [0.5])} for number in range(20)]
    assert examples_of(tmp_path / "some") == expected
    assert examples_of(tmp_path / "back") == expected
    other = tfr.Schema([FeatureSchema("b", "int64", ())])
    for source, target in (
        (tmp_path / "a.tfrecord", tmp_path / f"no.{end}"),
        (tmp_path / f"all.{end}", tmp_path / "no"),
    ):
        with pytest.raises(tfr.FeatureError, match="'b': is bytes, not int64"):
            convert(source, target, schema=other)
        assert not target.exists()


def test_a_schema_leaves_out_other_feature_lists(tmp_path: Path) -> None:
    record = tfr.encode_sequence_example({"c": 1, "d": 2}, {"l": [[1], [2]], "m": [[1]]})
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        writer.write(record)
    step = FeatureListSchema(FeatureSchema("l", "int64", ()))
    schema = tfr.Schema([FeatureSchema("c", "int64", ())], feature_lists=[step])
    convert(tmp_path / "a.tfrecord", tmp_path / "some.jsonl", schema=schema)
    assert json.loads((tmp_path / "some.jsonl").read_text()) == {
        "context": {"c": [1]},
        "feature_lists": {"l": [[1], [2]]},
    }
    convert(tmp_path / "a.tfrecord", tmp_path / "all.jsonl")
    convert(tmp_path / "all.jsonl", tmp_path / "back", schema=schema)
    assert list(tfr.read_records(tmp_path / "back")) == [tfr.encode_sequence_example({"c": 1}, {"l": [[1], [2]]})]


# What a table does not keep


def test_what_is_absent_and_without_a_kind_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for example in ({"n": 1, "x": None}, {"n": 2}, {"n": 3, "x": 0.5}, {"n": 4}):
            writer.write_example(example)
    assert main(["convert", str(tmp_path / "a.tfrecord"), str(tmp_path / "a.parquet")]) == 0
    told = capsys.readouterr().err
    assert "'x' is absent from 2 records and without a kind in 1 record: parquet has one null for both" in told
    assert "'n'" not in told
    assert convert(tmp_path / "a.tfrecord", tmp_path / "a.jsonl").notes == ()


@pytest.mark.parametrize(("end", "is_told"), [("csv", True), ("npz", True), ("parquet", False), ("arrow", False)])
def test_what_is_absent_is_told_where_it_comes_back_without_a_kind(end: str, is_told: bool, tmp_path: Path) -> None:
    path = records(tmp_path / "a", [{"n": 1, "x": 0.5}, {"n": 2}])
    notes = convert(path, tmp_path / f"b.{end}").notes
    told = f"'x' is absent from 1 record: {end} has no sign for it, and without a schema it comes back without a kind"
    assert notes == ((told,) if is_told else ())
    convert(tmp_path / f"b.{end}", tmp_path / "out")
    back = list(tfr.read_records(tmp_path / "out"))
    assert ("x" in tfr.decode_example(back[1])) == is_told
    convert(tmp_path / f"b.{end}", tmp_path / "again", schema=tfr.infer_schema(path))
    assert list(tfr.read_records(tmp_path / "again")) == list(tfr.read_records(path))
