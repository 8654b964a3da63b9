"""lint says what TensorFlow does: each rule is shown with the real one, before and after `fix`."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import (
    frame,
    frames,
)
from odd_messages import damaged, field, odd_record, usual_record, varied, varint

import tfrecord_lite as tfr
from tfrecord_lite.format.columns.clearance import Clearance
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_problems import same
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.spec_problems import example_problems
from tfrecord_lite.format.tensorflow_parser import Refused, entries_in, value_in
from tfrecord_lite.format.wire_problems import read_both

tf = pytest.importorskip("tensorflow")

USUAL: dict[str, Any] = {"b": [b"x"], "f": np.array([0.5], np.float32), "i": np.arange(2)}
DTYPES = {"b": tf.string, "f": tf.float32, "i": tf.int64}


def rules(findings: Any) -> list[str]:
    return [finding.rule for finding in findings]


def kind_of(value: Any) -> str:
    if isinstance(value, list):
        return "b"
    return "f" if value is not None and value.dtype == np.float32 else "i"


def parsed_by_tensorflow(record: bytes, key: Any, kind: str) -> Any:
    """The value of a feature as tf.io.parse_example gives it; or what it says."""
    try:
        sparse = tf.io.parse_example([record], {key: tf.io.VarLenFeature(DTYPES[kind])})[key]
    except tf.errors.InvalidArgumentError as error:
        return str(error)
    except UnicodeDecodeError as error:  # what it says holds the record
        return error.object.decode("latin-1")
    return list(sparse.values.numpy()) if kind == "b" else sparse.values.numpy()


# The model of TensorFlow's parser, which everything about records stands on.

VALUES: list[Any] = [
    [b"abc"],
    [b"a", b"bb"],
    [],
    np.arange(3),
    np.array([2**63 - 1, -1]),
    np.array([1, 2], np.float32),
    np.array([], np.float32),
    None,
]


def odd_records(count: int, seed: int) -> Iterator[bytes]:
    random = np.random.default_rng(seed)
    for _ in range(count):
        keys = ["a", "bc", "d"][: random.integers(1, 4)]
        example = {key: VALUES[random.integers(len(VALUES))] for key in keys}
        record = odd_record(example, random)
        yield damaged(record, random) if random.random() < 0.4 else record


@pytest.mark.parametrize("seed", range(3))
def test_the_model_of_tensorflows_parser_reads_and_refuses_what_tensorflow_does(seed: int) -> None:
    read = refused = unexplained = 0
    for record in odd_records(500, seed):
        entries = entries_in(record)
        whole = parsed_by_tensorflow(record, "not there", "i")
        assert (entries is None) == isinstance(whole, str), record
        for key in {key for key, _ in entries or ()}:
            features = [feature for name, feature in entries or () if name == key]
            try:
                value = value_in(features)
            except Refused as error:
                reason = str(error)
                kind = {10: "b", 18: "f", 26: "i"}.get(features[-1][0] if features[-1] else 0, "i")
                found = parsed_by_tensorflow(record, key, kind)
                assert isinstance(found, str), record
                refused += 1
                unexplained += reason not in found and b"\0" not in key  # what follows a NUL in a name is not shown
                continue
            found = parsed_by_tensorflow(record, key, kind_of(value))
            assert not isinstance(found, str), record
            assert same(np.empty(0, np.int64) if value is None else value, found), record
            read += 1
    assert read > 20
    assert refused > 5
    assert unexplained == 0


# Rules about one record: (rule, record, key, kind, what TensorFlow makes of it, what protobuf makes of it).

ints = [1, 2, 3, 4]


def packed(values: list[int]) -> bytes:
    return field(1, b"".join(map(varint, values)))


def unpacked(values: list[int]) -> bytes:
    return b"".join(varint(1 << 3) + varint(value) for value in values)


def entry(key: bytes, feature: bytes) -> bytes:
    return field(1, field(1, key) + field(2, feature))


def example(*entries: bytes) -> bytes:
    return field(1, b"".join(entries))


def int64_feature(*lists: bytes) -> bytes:
    return b"".join(field(3, inside) for inside in lists)


FLOATS = np.array([1, 2, 3], "<f4").tobytes()
REFUSED = "could not parse example input"
ONE = int64_feature(packed([5]))

ODD: dict[str, tuple[str, bytes, str, Any, Any]] = {
    "two chunks": (
        "split-list",
        example(entry(b"k", int64_feature(packed([1, 2]) + packed([3, 4])))),
        "i",
        [1, 2],
        ints,
    ),
    "packed, then not": (
        "split-list",
        example(entry(b"k", int64_feature(packed([1, 2]) + unpacked([3, 4])))),
        "i",
        [1, 2],
        ints,
    ),
    "not packed, then packed": (
        "split-list",
        example(entry(b"k", int64_feature(unpacked([1, 2]) + packed([3, 4])))),
        "i",
        "can't parse serialized example",
        ints,
    ),
    "floats in two chunks": (
        "split-list",
        example(entry(b"k", field(2, field(1, FLOATS) + field(1, FLOATS)))),
        "f",
        [1, 2, 3],
        [1, 2, 3, 1, 2, 3],
    ),
    "a kind twice": (
        "repeated-kind",
        example(entry(b"k", int64_feature(packed([1, 2]), packed([3, 4])))),
        "i",
        [1, 2],
        ints,
    ),
    "bytes twice": (
        "repeated-kind",
        example(entry(b"k", field(1, field(1, b"a")) + field(1, field(1, b"b")))),
        "b",
        [b"a"],
        [b"a", b"b"],
    ),
    "two kinds": ("two-kinds", example(entry(b"k", ONE + field(1, field(1, b"a")))), "i", [5], [b"a"]),
    "overlong tag of Features": ("overlong-tag", varint(10, 1) + example(entry(b"k", ONE))[1:], "i", [], [5]),
    "overlong tag of an entry": (
        "overlong-tag",
        example(varint(10, 1) + entry(b"k", ONE)[1:]),
        "i",
        REFUSED,
        [5],
    ),
    "overlong tag of a kind": (
        "overlong-tag",
        example(entry(b"k", varint(26, 1) + ONE[1:])),
        "i",
        "unsupported datatype",
        [5],
    ),
    "overlong tag of a list": (
        "overlong-tag",
        example(entry(b"k", int64_feature(varint(10, 1) + packed([5])[1:]))),
        "i",
        "can't parse serialized example",
        [5],
    ),
    "unknown field in Features": (
        "unknown-field",
        example(varint(9 << 3) + b"\5" + entry(b"k", ONE)),
        "i",
        REFUSED,
        [5],
    ),
    "unknown field first in a Feature": (
        "unknown-field",
        example(entry(b"k", varint(9 << 3) + b"\5" + ONE)),
        "i",
        "unsupported datatype",
        [5],
    ),
    "unknown field in a list": (
        "unknown-field",
        example(entry(b"k", int64_feature(varint(9 << 3) + b"\5" + packed([5])))),
        "i",
        "can't parse serialized example",
        [5],
    ),
    "unknown group in Example": (
        "unknown-field",
        example(entry(b"k", ONE)) + varint(9 << 3 | 3) + varint(9 << 3 | 4),
        "i",
        REFUSED,
        [5],
    ),
    "no value": ("incomplete-entry", example(field(1, field(1, b"k"))), "i", REFUSED, None),
    "no key": ("incomplete-entry", example(field(1, field(2, ONE)), entry(b"k", ONE)), "i", REFUSED, [5]),
    "key twice": (
        "incomplete-entry",
        example(field(1, field(1, b"x") + field(1, b"k") + field(2, ONE))),
        "i",
        REFUSED,
        [5],
    ),
    "key of two entries": (
        "duplicate-key",
        example(entry(b"k", int64_feature(packed([4]))), entry(b"k", ONE)),
        "i",
        [5],
        [5],
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    numbers = itertools.count()

    def write(data: bytes, name: str = "") -> Path:
        path = tmp_path / (name or f"data{next(numbers)}.tfrecord")
        path.write_bytes(data)
        return path

    return write


def as_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("name", ODD)
def test_odd_record_is_found_and_tensorflow_misreads_it_until_it_is_fixed(
    name: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    rule, record, kind, misread, meant = ODD[name]
    found = parsed_by_tensorflow(record, "k", kind)
    if isinstance(misread, str):
        assert misread in found.lower()
    else:
        assert as_list(found) == misread
    fixed_kind = kind_of(meant) if isinstance(meant, list) and isinstance(meant[0], bytes) else kind
    usual = usual_record({"k": USUAL[fixed_kind]})
    path = write(frames([usual, record]))
    findings = list(tfr.lint(path))
    assert set(rules(findings)) == {rule}
    finding = findings[0]
    assert (finding.path, finding.record_number, finding.offset) == (str(path), 1, len(frame(usual)))
    assert finding.is_fixable
    if isinstance(misread, str):
        assert "raises InvalidArgumentError: " in finding.tensorflow
        assert misread in finding.tensorflow.lower()
    elif misread != meant:
        assert "without an error" in finding.tensorflow
        assert finding.feature == "k"
    out = tmp_path / "fixed.tfrecord"
    assert set(rules(tfr.lint(path, fix=out))) == {rule}
    assert list(tfr.lint(out)) == []
    first, second = tfr.read_records(out)
    assert first == usual
    fixed = parsed_by_tensorflow(second, "k", fixed_kind)
    assert as_list(fixed) == ([] if meant is None else meant)
    assert tfr.decode_example(record).keys() == tfr.decode_example(second).keys()


UNFIXABLE = {
    "key not UTF-8": ("key-not-utf8", example(entry(b"\xff", ONE)), b"\xff", [5]),
    "length overrun": ("broken-message", b"\x0a\x64" + example(entry(b"k", ONE))[2:], "k", [5]),
    "packed floats of 5 bytes": (
        "broken-message",
        example(entry(b"k", field(2, field(1, FLOATS[:4] + b"x")))),
        "k",
        [1.0],
    ),
    "an entry with another field": (
        "lost-entry",
        example(field(1, field(1, b"k") + field(2, ONE) + varint(9 << 3) + b"\5")),
        "k",
        REFUSED,
    ),
    "no message": ("not-an-example", b"not an example", "k", REFUSED),
}


def test_a_later_entry_without_a_kind_is_told_as_tensorflow_takes_it() -> None:
    record = example(entry(b"k", int64_feature(packed([4]))), entry(b"k", b""))
    any_number, one = {"k": tf.io.VarLenFeature(tf.int64)}, {"k": tf.io.FixedLenFeature([], tf.int64)}
    assert tf.io.parse_example([record], any_number)["k"].values.numpy().tolist() == []
    assert tf.io.parse_example([record], one)["k"].numpy().tolist() == [4]
    assert tf.io.parse_single_example(record, any_number)["k"].values.numpy().tolist() == [4]
    [problem] = read_both(record).problems
    assert problem.tensorflow == (
        "takes the last one, as protobuf does; but for a FixedLenFeature, and in parse_single_example for any, the "
        "last one with a kind"
    )


def test_a_later_entry_without_a_kind_leaves_one_that_tensorflow_refuses() -> None:
    record = bytes.fromhex("0a000a160a0d0a016192808000050a038a00000a050a01611200")
    for feature in (tf.io.VarLenFeature(tf.string), tf.io.FixedLenFeature([], tf.string)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Can't parse serialized Example"):
            tf.io.parse_single_example(record, {"a": feature})
    assert tf.io.parse_example([record], {"a": tf.io.VarLenFeature(tf.string)})["a"].values.numpy().tolist() == []
    [problem] = read_both(record).problems
    assert problem.tensorflow.endswith(
        "the last one with a kind, for which it raises InvalidArgumentError: Can't parse serialized Example."
    )


ONE_NUMBER = {"k": tf.io.FixedLenFeature([], tf.int64)}
OVERRIDDEN = {
    "one value": (int64_feature(packed([4])), set()),
    "two values": (int64_feature(packed([4, 5])), {"wrong-count"}),
    "no value": (field(3, b""), {"empty-list"}),
    "another kind": (field(2, field(1, b"\0\0\x80?")), {"wrong-kind"}),
    "refused": (int64_feature(varint(9 << 3) + b"\5"), set()),
}


@pytest.mark.parametrize("name", OVERRIDDEN)
@pytest.mark.parametrize("parse", ["parse_example", "parse_single_example"])
def test_a_feature_before_one_without_a_kind_is_told_as_tensorflow_takes_it_for_a_fixed_number(
    name: str, parse: str, write: Callable[..., Path]
) -> None:
    feature, more = OVERRIDDEN[name]
    record = example(entry(b"k", feature), entry(b"k", b""))
    given = record if parse == "parse_single_example" else [record]
    findings = list(tfr.lint(write(frame(record)), ONE_NUMBER))
    assert set(rules(findings)) == {"duplicate-key"} | more
    if name == "one value":
        assert tf.io.parse_example([record], ONE_NUMBER)["k"].numpy().tolist() == [4]
        [finding] = findings
        assert finding.tensorflow.startswith("takes the last one with a kind; protobuf, and parse_example here, take")
        with pytest.raises(tfr.FeatureError, match="could not be found"):
            tfr.parse_single_example(record, ONE_NUMBER)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError):
            getattr(tf.io, parse)(given, ONE_NUMBER)
        assert all(finding.tensorflow.startswith("raises InvalidArgumentError: ") for finding in findings)


MISREAD_AND_TAKEN = {
    "overlong tag": ("8a000b0a090a016b120412020a00", tf.io.FixedLenFeature([], tf.int64, 7), 7),
    "two kinds": ("0a0f0a0d0a016b12081a020a0012020a00", tf.io.FixedLenFeature([0], tf.int64), []),
    "repeated kind": (
        example(entry(b"k", int64_feature(packed([1, 2])) + int64_feature(packed([3])))).hex(),
        tf.io.FixedLenFeature([2], tf.int64),
        [1, 2],
    ),
}


@pytest.mark.parametrize("name", MISREAD_AND_TAKEN)
def test_what_tensorflow_takes_after_misreading_it_is_not_said_to_raise(name: str, write: Callable[..., Path]) -> None:
    written, feature, taken = MISREAD_AND_TAKEN[name]
    record = bytes.fromhex(written)
    assert tf.io.parse_single_example(record, {"k": feature})["k"].numpy().tolist() == taken
    findings = list(tfr.lint(write(frame(record)), {"k": feature}))
    assert findings[0].severity == "error"
    assert not any("raises" in finding.tensorflow for finding in findings)


@pytest.mark.parametrize("feature", [tf.io.VarLenFeature(tf.int64), tf.io.RaggedFeature(tf.int64)])
def test_another_kind_before_an_entry_without_one_is_told_as_parse_single_example_takes_it(
    feature: Any, write: Callable[..., Path]
) -> None:
    record = example(entry(b"k", field(1, field(1, b"text"))), entry(b"k", b""))
    tf.io.parse_example([record], {"k": feature})
    with pytest.raises(tf.errors.InvalidArgumentError, match="Data types don't match"):
        tf.io.parse_single_example(record, {"k": feature})
    fit = example(entry(b"k", ONE), entry(b"k", b""))
    [finding] = tfr.lint(write(frame(fit)), {"k": feature})
    assert finding.tensorflow.endswith("parse_single_example for any, the last one with a kind")
    first, second = tfr.lint(write(frame(record)), {"k": feature})
    assert first.tensorflow.endswith("parse_single_example for any, the last one with a kind")
    assert (second.rule, second.feature, second.severity) == ("wrong-kind", "k", "error")
    assert re.match(
        "in parse_single_example raises InvalidArgumentError: .*types don't match",
        second.tensorflow,
    )


@pytest.mark.parametrize(
    "record",
    [
        bytes.fromhex("0a220a0a0a01631205350b8b4d930a9280000a0163120d1a0b08ffffffffffffffffff01"),
        example(entry(b"c", ONE), entry(b"c", bytes.fromhex("350b8b4d93"))),
    ],
)
def test_of_entries_with_one_key_the_one_that_tensorflow_refuses_is_named(record: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape("Unsupported datatype.")):
        tf.io.parse_example([record], {"c": tf.io.VarLenFeature(tf.int64)})
    [problem] = read_both(record).problems
    assert (problem.rule.name, problem.feature) == ("unknown-field", "c")
    assert problem.what.endswith("it holds a field that no Feature has")
    assert problem.tensorflow == "raises InvalidArgumentError: Unsupported datatype."


@pytest.mark.parametrize("name", UNFIXABLE)
def test_what_needs_a_decision_is_found_and_stays_as_it_is(
    name: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    rule, record, key, read = UNFIXABLE[name]
    found = parsed_by_tensorflow(record, key, "f" if "float" in name else "i")
    if isinstance(read, str):
        assert read in found.lower()
    else:
        assert as_list(found) == read
    out = tmp_path / "fixed.tfrecord"
    findings = list(tfr.lint(write(frame(record)), fix=out))
    assert rules(findings) == [rule]
    assert not findings[0].is_fixable
    assert list(tfr.read_records(out)) == [record]
    assert rules(tfr.lint(out)) == [rule]


def test_records_that_are_written_as_everybody_writes_them_have_no_findings(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    path = tmp_path / "clean.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(300):
            drawn = {key: VALUES[random.integers(len(VALUES))] for key in "abc"}
            values = {key + kind_of(value): value for key, value in drawn.items()}  # each of one kind in all records
            writer.write(usual_record({"n": np.array([number]), **values}))
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
            writer.write(tf.train.Example(features=tf.train.Features(feature={"n": feature})))
        writer.write(tfr.encode_sequence_example({"n": 1}, {"words": ["a", "b"]}))
        writer.write(example(entry(b"k", int64_feature(unpacked(ints)))))  # unusual, and read as it is meant
        writer.write(b"")
    assert list(tfr.lint(path)) == []


# The quick way and the close look.

FEATURES: dict[str, Any] = {
    "a": tfr.FixedLenFeature([2], "int64", default_value=[0, 0]),
    "bc": tfr.FixedLenSequenceFeature([2], "float32", allow_missing=True),
    "d": tfr.RaggedFeature("bytes"),
    "pos": tfr.VarLenFeature("int64"),
}
SPARSE = {"s": tfr.SparseFeature("i", "v", "float32", 4)}
RAGGED = {"r": tfr.RaggedFeature("int64", "v", [tfr.RaggedFeature.RowLengths("l")])}


def mixed_records(seed: int) -> list[bytes]:
    """Many of a few layouts, and some odd ones."""
    random = np.random.default_rng(seed)
    shapes = [{"a": np.arange(2), "bc": np.zeros(4, np.float32), "d": [b"x", b"yy"]}, {"a": np.arange(2), "d": [b"z"]}]
    records = []
    for _ in range(200):
        values = shapes[random.integers(2)]
        values = values if random.random() < 0.7 else varied(values, random)
        record = usual_record(values) if random.random() < 0.8 else odd_record(values, random)
        records.append(damaged(record, random) if random.random() < 0.05 else record)
    for count in (0, 1, 2):
        for other in (count, count, 3):
            lists = {"v": np.zeros(count, np.float32), "i": np.arange(other)}
            records += [usual_record(lists)] * 10
            records += [usual_record({"v": np.arange(count), "l": np.array([other])})] * 10
    records += [
        usual_record({"v": np.zeros(2, np.float32), "i": np.array(at)}) for at in ([0, 9], [1, 1], [0, -1])
    ] * 10
    return [records[at] for at in random.permutation(len(records))]


@pytest.mark.parametrize("features", [None, FEATURES, SPARSE, RAGGED], ids=["none", "features", "sparse", "ragged"])
@pytest.mark.parametrize("seed", range(4))
def test_a_cleared_record_has_nothing_that_a_close_look_would_find(seed: int, features: Any) -> None:
    records = mixed_records(seed)
    plan = None if features is None else example_plan(features)
    unclear = set(Clearance(plan).unclear(Records.joined(records)).tolist())
    wrong = set()
    for number, record in enumerate(records):
        found, _, problems, overridden, *_ = read_both(record)
        if plan is not None and found is not None:
            problems += example_problems(plan, found, overridden)
        if problems:
            wrong.add(number)
    assert wrong <= unclear
    assert len(unclear) < len(records)
    assert wrong


@pytest.mark.parametrize("seed", range(4))
def test_a_close_look_finds_what_parse_example_would_raise(seed: int) -> None:
    for record in mixed_records(seed):
        found = read_both(record).example
        if found is None:
            continue
        for features in (FEATURES, SPARSE, {"v": tfr.FixedLenFeature([1], "float32")}):
            try:
                tfr.parse_example([record], features)
            except tfr.TFRecordError:
                raises = True
            else:
                raises = False
            problems = list(example_problems(example_plan(features), found, {}))
            assert raises == any(problem.rule.severity == "error" for problem in problems)


@pytest.mark.parametrize("seed", range(2))
def test_every_difference_between_tensorflow_and_protobuf_is_found_and_has_a_reason(seed: int) -> None:
    for record in odd_records(1500, seed):
        ours, tensorflow, problems, *_ = read_both(record)
        if ours is None or tensorflow is None:
            assert problems
        else:
            names = {name for name in ours if not same(ours[name], tensorflow.get(name))}
            assert names <= {problem.feature for problem in problems}
        assert "misread" not in [problem.rule.name for problem in problems], record


@pytest.mark.parametrize("seed", range(3))
def test_errors_are_found_exactly_where_tensorflow_raises_or_reads_other_values(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "one"
    seen = set()
    for number, record in enumerate(odd_records(400, seed + 100)):
        name, dtype = (("a", tf.int64), ("a", tf.string), ("bc", tf.float32), ("bc", tf.int64))[number % 4]
        feature = tf.io.FixedLenFeature([3], dtype) if number % 3 == 0 else tf.io.VarLenFeature(dtype)
        path.write_bytes(frame(record))
        findings = list(tfr.lint(path, {name: feature}))
        if {"broken-message", "key-not-utf8", "lost-entry"} & set(rules(findings)):
            continue  # protobuf refuses more of them than TensorFlow, which may not look there
        has_errors = any(finding.severity == "error" for finding in findings)
        try:
            theirs = tf.io.parse_example([record], {name: feature})[name]
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
            assert has_errors, record
            seen.add("raises")
            continue
        try:
            ours = tfr.parse_example([record], {name: feature})[name]
        except tfr.FeatureError:
            assert has_errors, record
            continue
        mine, tensorflows = [np.asarray(getattr(value, "values", value)) for value in (ours, theirs)]
        is_same = same(mine, tensorflows) if mine.dtype != object else mine.tolist() == tensorflows.tolist()
        if has_errors and is_same:  # an empty list that is taken for missing, which a VarLenFeature cannot tell
            assert not len(mine), record
        else:
            assert has_errors == (not is_same), record
        seen.add("same" if is_same else "other values")
    assert seen == {"raises", "same", "other values"}


def test_a_misread_feature_that_is_not_asked_for_is_a_note(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(frame(example(entry(b"j", int64_feature(packed([1]) + packed([2]))), entry(b"k", ONE))))
    first, second = tfr.lint(path, {"k": tfr.FixedLenFeature([], "int64")})
    assert (first.rule, first.severity, first.is_fixable) == ("split-list", "note", True)
    assert (second.rule, second.severity) == ("not-asked-for", "note")
    assert next(tfr.lint(path)).severity == "error"


def test_findings_of_odd_files_are_those_of_their_records_one_by_one(tmp_path: Path) -> None:
    records = mixed_records(9)
    path = tmp_path / "many"
    path.write_bytes(frames(records))
    together = [
        (f.rule, f.record_number, f.feature, f.what) for f in tfr.lint(path, FEATURES) if f.record_number is not None
    ]
    apart = []
    for number, record in enumerate(records):
        path.write_bytes(frame(record))
        found = [f for f in tfr.lint(path, FEATURES) if f.record_number is not None]
        apart += [(f.rule, number, f.feature, f.what) for f in found]
    assert together == apart


def test_fixing_leaves_nothing_of_the_fixable_kinds_and_every_value_as_it_was(tmp_path: Path) -> None:
    path, out = tmp_path / "in", tmp_path / "out"
    records = [*odd_records(600, 11), *mixed_records(5)]
    path.write_bytes(frames(records))
    # That these records do not go together is no problem of any one of them.
    before = [finding for finding in tfr.lint(path, fix=out) if finding.rule != "mixed-kinds"]
    after = [finding for finding in tfr.lint(out) if finding.rule != "mixed-kinds"]
    assert any(finding.is_fixable for finding in before)
    assert not any(finding.is_fixable for finding in after)
    assert [(f.rule, f.record_number, f.what) for f in after] == [
        (f.rule, f.record_number, f.what) for f in before if not f.is_fixable and f.rule in rules(after)
    ]
    changed = {finding.record_number for finding in before if finding.is_fixable}
    for number, (old, new) in enumerate(zip(records, tfr.read_records(out), strict=True)):
        if number not in changed:
            assert old == new
        else:
            was, is_now = tfr.decode_example(old), tfr.decode_example(new)
            assert was.keys() == is_now.keys()
            assert all(same(was[key], is_now[key]) for key in was)


# SequenceExamples: the context is an Example, its feature lists have a parser of their own.


def sequence(*steps: bytes) -> bytes:
    return field(2, field(1, field(1, b"w") + field(2, b"".join(field(1, step) for step in steps))))


STEPS = {
    "two chunks": ("split-list", int64_feature(packed([1]) + packed([2]))),
    "packed, then not": ("split-list", int64_feature(packed([1]) + unpacked([2]))),
    "a kind twice": ("repeated-kind", int64_feature(packed([1]), packed([2]))),
    "two kinds": ("two-kinds", field(1, field(1, b"a")) + int64_feature(packed([1]))),
    "unknown field": ("unknown-field", int64_feature(packed([1])) + varint(9 << 3) + b"\5"),
    "overlong tag": ("overlong-tag", varint(26, 1) + int64_feature(packed([1]))[1:]),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("others", [(), (int64_feature(packed([7])),)], ids=["alone", "before another"])
def test_odd_step_is_found_and_tensorflow_misreads_it_until_it_is_fixed(
    name: str, others: tuple[bytes, ...], write: Callable[..., Path], tmp_path: Path
) -> None:
    def by_tensorflow(record: bytes) -> Any:
        features = {"w": tf.io.VarLenFeature(tf.int64)}
        try:
            _, lists = tf.io.parse_single_sequence_example(record, sequence_features=features)
        except tf.errors.InvalidArgumentError:
            return None
        return lists["w"].values.numpy().tolist()

    rule, step = STEPS[name]
    record = sequence(step, *others)
    meant = [number for values in tfr.decode_sequence_example(record)[1]["w"] for number in values]
    assert by_tensorflow(record) != meant
    path, out = write(frame(record)), tmp_path / "out"
    (finding,) = tfr.lint(path, fix=out)
    assert (finding.rule, finding.feature) == (rule, "w")
    assert list(tfr.lint(out)) == []
    (fixed,) = tfr.read_records(out)
    assert by_tensorflow(fixed) == meant


def test_an_example_with_a_field_that_is_no_feature_list_is_left_as_it_is(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    record = example(entry(b"k", int64_feature(packed([1]) + packed([2])))) + field(2, b"\xff")
    assert rules(tfr.lint(write(frame(record)), fix=tmp_path / "out")) == ["split-list", "broken-lists"]
    assert list(tfr.read_records(tmp_path / "out")) == [record]


def lines_run(function: Callable[[], object]) -> int:
    """How many lines of Python are run: a measure of work that no clock is needed for."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def many(name: str, count: int) -> bytes:
    """An odd record of so many features, or steps."""
    keys = [b"%06d" % number for number in range(count)]
    if name == "steps":
        return sequence(*[STEPS["two chunks"][1]] * count)
    if name == "empty entries":
        return example(*[field(1, b"")] * count)
    if name == "one name":
        return example(*[entry(b"k", ONE)] * count)
    if name == "messages behind overlong tags":
        return b"".join(varint(10, 1) + example(entry(key, ONE))[1:] for key in keys)
    features = {
        "two chunks": int64_feature(packed([1]) + packed([2])),
        "a kind twice": ONE + ONE,
        "overlong tags": varint(26, 1) + ONE[1:],
        "no kind": b"",
    }
    return example(*(entry(key, features[name]) for key in keys))


@pytest.mark.parametrize(
    "name",
    [
        "two chunks",
        "a kind twice",
        "overlong tags",
        "no kind",
        "empty entries",
        "one name",
        "messages behind overlong tags",
        "steps",
    ],
)
def test_a_close_look_at_twice_as_many_odd_features_is_twice_the_work(name: str) -> None:
    few, more = (lines_run(partial(read_both, many(name, count))) for count in (200, 400))
    assert 1.5 < more / few < 2.5


def test_a_feature_of_several_kinds_is_one_finding_and_tensorflow_parses_it_as_neither(tmp_path: Path) -> None:
    first = [tfr.encode_example({"x": number, "same": 1, "none": None}) for number in range(20)]
    second = [tfr.encode_example({"x": 0.5, "same": number}) for number in range(20)]
    third = [tfr.encode_example({"x": "text", "none": 1})]
    (tmp_path / "a").write_bytes(frames([*first[:10], *second[:1], *first[10:]]))
    (tmp_path / "b").write_bytes(frames([*second, *third]))
    (finding,) = tfr.lint([tmp_path / "a", tmp_path / "b"])
    assert (finding.rule, finding.severity, finding.feature) == ("mixed-kinds", "warning", "x")
    assert (finding.path, finding.record_number) == (str(tmp_path / "a"), 10)
    assert finding.offset == 10 * len(frame(first[0]))
    a, b = tmp_path / "a", tmp_path / "b"
    others = f"float32 in record #10 of {a}, bytes in record #20 of {b}"
    assert finding.what == f"it is int64 in record #0 of {a}, and {others}"
    assert rules(tfr.lint(tmp_path / "b")) == ["mixed-kinds"]
    (tmp_path / "c").write_bytes(frames(second))
    assert rules(tfr.lint(tmp_path / "c")) == []
    for dtype in (tf.int64, tf.float32, tf.string):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.io.parse_example([first[0], second[0]], {"x": tf.io.VarLenFeature(dtype)})
    spec = {"x": tfr.VarLenFeature(np.int64), "same": tfr.VarLenFeature(np.int64)}
    assert rules(tfr.lint(tmp_path / "a", spec)) == ["wrong-kind"]
