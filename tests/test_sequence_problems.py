"""What lint says of SequenceExamples is what both of TensorFlow's functions for them do, before and after `fix`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frame, python
from odd_messages import feature as odd_feature
from odd_messages import field, odd_sequence_record, varint

import tfrecord_lite as tfr
from tfrecord_lite.format.feature_problems import same
from tfrecord_lite.format.tensorflow_parser import MayCrash, Refused
from tfrecord_lite.format.tensorflow_sequence_parser import TYPES, context_value_in, sequence_entries_in, steps_in

tf = pytest.importorskip("tensorflow")

DTYPES = {1: tf.string, 2: tf.float32, 3: tf.int64}
SPEC = {"c": tf.io.VarLenFeature(tf.int64)}

PARSERS: dict[str, Callable[..., Any]] = {
    "single": tf.io.parse_single_sequence_example,
    "batch": lambda record, *features: tf.io.parse_sequence_example([record], *features),
}


def raised(call: Callable[[], Any]) -> Any:
    """What a call gives, or the text of TensorFlow's error."""
    try:
        return call()
    except tf.errors.InvalidArgumentError as error:
        return str(error)
    except UnicodeDecodeError as error:  # what it says holds the record
        return error.object.decode("latin-1")


def steps_by_tensorflow(record: bytes, name: str, dtype: Any, parser: str = "single") -> Any:
    features = {name: tf.io.RaggedFeature(dtype)}
    found = raised(lambda: PARSERS[parser](record, None, features)[1][name])
    if isinstance(found, str):
        return found
    steps = found.to_list()
    return steps[0] if parser == "batch" else steps


def context_by_tensorflow(record: bytes, name: str, dtype: Any, parser: str = "single") -> Any:
    features = {name: tf.io.VarLenFeature(dtype)}
    found = raised(lambda: PARSERS[parser](record, features)[0][name])
    return found if isinstance(found, str) else found.values.numpy().tolist()


def overlong(message: bytes) -> bytes:
    """The same behind a tag in two bytes."""
    return bytes((message[0] | 0x80, 0)) + message[1:]


def ints(*values: int) -> bytes:
    """A Feature."""
    return field(3, field(1, b"".join(map(varint, values))))


def steps(*features: bytes) -> bytes:
    """A FeatureList."""
    return b"".join(field(1, feature) for feature in features)


def entry(*fields: bytes) -> bytes:
    return field(1, b"".join(fields))


UNKNOWN = varint(9 << 3) + b"\5"
TWO = steps(ints(1, 2), ints(3))
CONTEXT = field(1, entry(field(1, b"c"), field(2, ints(7))))
LISTS = field(2, entry(field(1, b"w"), field(2, TWO)))
KEY_W, KEY_C = field(1, b"w"), field(1, b"c")
REFUSED = "Invalid protocol message input"
ERROR = "Error in sequence feature w"
MISMATCH = "Feature list: w, Index: {}.  Data types don't match. Expected type: {}"


def lists(*entries: bytes) -> bytes:
    return CONTEXT + field(2, b"".join(entries))


def context(*entries: bytes) -> bytes:
    return field(1, b"".join(entries)) + LISTS


def of_steps(*features: bytes) -> bytes:
    return lists(entry(KEY_W, field(2, steps(*features))))


#: (rule, record, feature, what TensorFlow reads in the context's c and the list w, or says)
ODD: dict[str, tuple[str, bytes, str | None, Any, Any]] = {
    "context behind an overlong tag": ("overlong-tag", overlong(CONTEXT) + LISTS, "c", [], [[1, 2], [3]]),
    "lists behind an overlong tag": (
        "overlong-tag",
        CONTEXT + overlong(LISTS),
        "w",
        [7],
        [],
    ),
    "lists that override others behind an overlong tag": (
        "overlong-tag",
        CONTEXT + LISTS + overlong(field(2, entry(KEY_W, field(2, steps(ints(9)))))),
        "w",
        [7],
        [[1, 2], [3]],
    ),
    "overlong tag of a list's entry": (
        "overlong-tag",
        lists(overlong(entry(KEY_W, field(2, TWO)))),
        None,
        REFUSED,
        REFUSED,
    ),
    "overlong tag of a list's key": (
        "overlong-tag",
        lists(entry(overlong(KEY_W), field(2, TWO))),
        "w",
        REFUSED,
        REFUSED,
    ),
    "overlong tag of a list": (
        "overlong-tag",
        lists(entry(KEY_W, overlong(field(2, TWO)))),
        "w",
        REFUSED,
        REFUSED,
    ),
    "overlong tag of a step": (
        "overlong-tag",
        lists(entry(KEY_W, field(2, overlong(field(1, ints(1)))))),
        "w",
        [7],
        ERROR,
    ),
    "overlong tag of a step's kind": (
        "overlong-tag",
        of_steps(overlong(ints(1))),
        "w",
        [7],
        MISMATCH.format(0, "int64"),
    ),
    "overlong tag of a step's values": (
        "overlong-tag",
        of_steps(field(3, overlong(field(1, b"\1")))),
        "w",
        [7],
        MISMATCH.format(0, "int64"),
    ),
    "overlong tag of a context's entry": (
        "overlong-tag",
        context(overlong(entry(KEY_C, field(2, ints(7))))),
        None,
        REFUSED,
        REFUSED,
    ),
    "overlong tag of a context's key": (
        "overlong-tag",
        context(entry(overlong(KEY_C), field(2, ints(7)))),
        "c",
        REFUSED,
        REFUSED,
    ),
    "overlong tag of a context's value": (
        "overlong-tag",
        context(entry(KEY_C, overlong(field(2, ints(7))))),
        "c",
        REFUSED,
        REFUSED,
    ),
    "overlong tag of a context's kind": (
        "overlong-tag",
        context(entry(KEY_C, field(2, overlong(ints(7))))),
        "c",
        "Context feature: c.  Data types don't match.",
        [[1, 2], [3]],
    ),
    "unknown field in the lists": (
        "unknown-field",
        lists(UNKNOWN, entry(KEY_W, field(2, TWO))),
        None,
        REFUSED,
        REFUSED,
    ),
    "unknown field behind the lists": (
        "unknown-field",
        lists(entry(KEY_W, field(2, TWO)), UNKNOWN),
        None,
        REFUSED,
        REFUSED,
    ),
    "unknown field in the context": ("unknown-field", context(UNKNOWN), None, REFUSED, REFUSED),
    "unknown group": (
        "unknown-field",
        CONTEXT + LISTS + varint(9 << 3 | 3) + varint(9 << 3 | 4),
        None,
        REFUSED,
        REFUSED,
    ),
    "unknown field in a list": ("unknown-field", lists(entry(KEY_W, field(2, UNKNOWN + TWO))), "w", [7], ERROR),
    "unknown field behind a list": ("unknown-field", lists(entry(KEY_W, field(2, TWO + UNKNOWN))), "w", [7], ERROR),
    "unknown field in a step": ("unknown-field", of_steps(UNKNOWN + ints(1)), "w", [7], MISMATCH.format(0, "int64")),
    "unknown field behind a step's kind": ("unknown-field", of_steps(ints(1) + UNKNOWN), "w", [7], ERROR),
    "list without value": ("incomplete-entry", lists(entry(KEY_W)), "w", REFUSED, REFUSED),
    "list without key": ("incomplete-entry", lists(entry(field(2, TWO))), "", REFUSED, REFUSED),
    "list with two keys": ("incomplete-entry", lists(entry(KEY_C, KEY_W, field(2, TWO))), "w", REFUSED, REFUSED),
    "list with two values": (
        "incomplete-entry",
        lists(entry(KEY_W, field(2, TWO), field(2, TWO))),
        "w",
        REFUSED,
        REFUSED,
    ),
    "context without value": ("incomplete-entry", context(entry(KEY_C)), "c", REFUSED, REFUSED),
    "list with its value first": ("value-first", lists(entry(field(2, TWO), KEY_W)), "w", REFUSED, REFUSED),
    "context with its value first": ("value-first", context(entry(field(2, ints(7)), KEY_C)), "c", REFUSED, REFUSED),
    "context in two chunks": (
        "split-list",
        context(entry(KEY_C, field(2, field(3, field(1, b"\7") + field(1, b"\1"))))),
        "c",
        [7],
        [[1, 2], [3]],
    ),
    "two empty kinds of bytes": ("repeated-kind", of_steps(field(1, b"") * 2), "w", [7], MISMATCH.format(0, "int64")),
    "two chunks, of which one looks like a step": (
        "split-list",
        of_steps(field(3, field(1, b"\1") + field(1, ints(5)))),
        "w",
        [7],
        [[1], [5]],
    ),
    "key of two lists": (
        "duplicate-key",
        CONTEXT + lists(entry(KEY_W, field(2, steps(ints(9)))), entry(KEY_W, field(2, TWO)))[len(CONTEXT) :],
        "w",
        [7],
        [[1, 2], [3]],
    ),
    "key of two lists, the last empty": (
        "duplicate-key",
        lists(entry(KEY_W, field(2, TWO)), entry(KEY_W, field(2, b""))),
        "w",
        [7],
        [],
    ),
    "key of two lists, in two messages": ("duplicate-key", CONTEXT + LISTS + LISTS, "w", [7], [[1, 2], [3]]),
    "key of two features": (
        "duplicate-key",
        context(entry(KEY_C, field(2, ints(9))), entry(KEY_C, field(2, ints(7)))),
        "c",
        [7],
        [[1, 2], [3]],
    ),
}


def as_found(findings: Any) -> list[tuple[str, str, str | None]]:
    return [(finding.rule, finding.severity, finding.feature) for finding in findings]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", ODD)
def test_odd_sequence_is_found_and_tensorflow_misreads_it_until_it_is_fixed(
    name: str, parser: str, tmp_path: Path
) -> None:
    rule, record, feature, of_context, of_list = ODD[name]
    found = [context_by_tensorflow(record, "c", tf.int64, parser), steps_by_tensorflow(record, "w", tf.int64, parser)]
    texts = [expected for expected in (of_context, of_list) if isinstance(expected, str)]
    for expected, theirs in zip((of_context, of_list), found, strict=True):
        assert expected in theirs if isinstance(expected, str) else expected == theirs
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    findings = list(tfr.lint(path, fix=out))
    assert {finding.rule for finding in findings} - {"duplicate-key"} == {rule} - {"duplicate-key"}
    first = findings[0]
    severity = "warning" if rule == "duplicate-key" else "error"
    assert (first.rule, first.severity, first.feature, first.is_fixable) == (rule, severity, feature, True)
    if not texts:
        assert "without an error" in first.tensorflow or severity == "warning"
    elif "bytes" in name:
        assert first.tensorflow == "reads 2 steps instead of 1, without an error"
        assert steps_by_tensorflow(record, "w", tf.string, parser) == [[], []]
    else:
        assert first.tensorflow == f"raises InvalidArgumentError: {texts[0]}"
    with_spec = [finding for finding in tfr.lint(path, SPEC) if finding.rule not in ("never-there", "not-asked-for")]
    assert as_found(with_spec)[: len(findings)] == as_found(findings)

    (fixed,) = tfr.read_records(out)
    assert list(tfr.lint(out)) == []
    meant, meant_lists = tfr.decode_sequence_example(record)
    kept, kept_lists = tfr.decode_sequence_example(fixed)
    assert meant.keys() == kept.keys()
    assert meant_lists.keys() == kept_lists.keys()
    value = meant.get("c")
    assert context_by_tensorflow(fixed, "c", tf.int64, parser) == ([] if value is None else list(value))
    if "bytes" not in name:
        read = [[] if step is None else list(step) for step in meant_lists.get("w", [])]
        assert steps_by_tensorflow(fixed, "w", tf.int64, parser) == read


BYTES = field(1, field(1, b"x"))
FLOATS = field(2, field(1, np.float32(1).tobytes()))


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("other", [BYTES, FLOATS, field(1, b""), field(2, b"")])
def test_steps_of_two_kinds_are_refused_whatever_kind_is_asked_for(parser: str, other: bytes, tmp_path: Path) -> None:
    record = of_steps(ints(1), other, ints(2))
    texts = [steps_by_tensorflow(record, "w", dtype, parser) for dtype in DTYPES.values()]
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    (finding,) = tfr.lint(path, fix=out)
    assert as_found([finding]) == [("mixed-steps", "error", "w")]
    assert finding.tensorflow.startswith("raises InvalidArgumentError: ")
    assert finding.tensorflow.endswith(", whatever kind is asked for")
    text = finding.tensorflow.removeprefix("raises InvalidArgumentError: ").removesuffix(", whatever kind is asked for")
    assert any(text in theirs for theirs in texts)
    assert all("Data types don't match" in theirs for theirs in texts)
    assert not finding.is_fixable
    assert list(tfr.read_records(out)) == [record]
    for dtype in ("int64", "float32", "bytes"):
        with pytest.raises(tfr.FeatureError):
            tfr.parse_single_sequence_example(record, sequence_features={"w": tfr.RaggedFeature(dtype)})


def test_a_step_of_an_unknown_field_alone_is_refused_whatever_kind_is_asked_for(tmp_path: Path) -> None:
    record = of_steps(UNKNOWN)
    for kind, dtype in DTYPES.items():
        assert MISMATCH.format(0, TYPES[kind].name) in steps_by_tensorflow(record, "w", dtype)
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    (finding,) = tfr.lint(path, fix=out)
    assert as_found([finding]) == [("unknown-field", "error", "w")]
    assert MISMATCH.format(0, "string") + ", whatever kind is asked for" in finding.tensorflow
    assert list(tfr.lint(out)) == []
    assert steps_by_tensorflow(next(tfr.read_records(out)), "w", tf.int64) == [[]]


def test_another_kind_as_which_tensorflow_reads_a_step_is_told(tmp_path: Path) -> None:
    record = of_steps(FLOATS + field(1, b""))
    assert tfr.decode_sequence_example(record)[1] == {"w": [[]]}
    assert steps_by_tensorflow(record, "w", tf.float32) == [[1.0], []]
    refusal = steps_by_tensorflow(record, "w", tf.string)
    path = tmp_path / "in"
    path.write_bytes(frame(record))
    (finding,) = tfr.lint(path)
    assert as_found([finding]) == [("two-kinds", "error", "w")]
    text = MISMATCH.format(0, "string")
    assert text in refusal
    assert finding.tensorflow == (
        f"where bytes values are asked for, raises InvalidArgumentError: {text}; "
        "where float values are asked for, reads 2 steps instead of 1, without an error"
    )


def test_bytes_that_look_like_a_step_crash_tensorflow_and_are_said_to(tmp_path: Path) -> None:
    record = of_steps(field(1, field(1, b"ok")) + field(1, field(1, b"\n\x70ab")))
    tf.train.SequenceExample.FromString(record)
    script = f"""
import tensorflow as tf
tf.io.parse_single_sequence_example({record!r}, None, {{"w": tf.io.VarLenFeature(tf.string)}})
"""
    assert python(script).returncode < 0
    refusal = steps_by_tensorflow(record, "w", tf.string)
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    (finding,) = tfr.lint(path, fix=out)
    assert as_found([finding]) == [("repeated-kind", "error", "w")]
    start = "may crash for a VarLenFeature, and for others raises InvalidArgumentError: "
    assert finding.tensorflow.startswith(start)
    assert finding.tensorflow.removeprefix(start) in refusal
    (fixed,) = tfr.read_records(out)
    _, found = tf.io.parse_single_sequence_example(fixed, None, {"w": tf.io.VarLenFeature(tf.string)})
    assert found["w"].values.numpy().tolist() == [b"ok", b"\n\x70ab"]


def test_bytes_said_to_have_2_gib_are_refused_of_a_step_without_a_crash() -> None:
    record = of_steps(field(1, b"\x0a" + varint(2**31) + b"abc"))
    refusal = steps_by_tensorflow(record, "w", tf.string)
    _, [(_, steps)] = sequence_entries_in(record) or ([], [])
    with pytest.raises(Refused) as caught:
        steps_in("w", steps, 1)
    assert not isinstance(caught.value, MayCrash)
    assert str(caught.value) in refusal


def test_feature_lists_of_several_kinds_are_one_finding_and_tensorflow_parses_them_as_neither(tmp_path: Path) -> None:
    first = tfr.encode_sequence_example({"x": "text"}, {"x": [[1], [2]], "same": [[1], None], "none": [None]})
    second = tfr.encode_sequence_example({"x": "text"}, {"x": [None, ["a"]], "same": [[2]], "none": [[1]]})
    path = tmp_path / "in"
    path.write_bytes(frame(first) * 2 + frame(second))
    for features in (None, {"x": tf.io.FixedLenFeature([], tf.string)}):
        (finding,) = (each for each in tfr.lint(path, features) if each.rule == "mixed-kinds")
        assert (finding.feature, finding.record_number, finding.severity) == ("x", 2, "warning")
        assert finding.what == f"the feature list is int64 in record #0 of {path}, and bytes in record #2 of {path}"
    for dtype in (tf.int64, tf.string):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.io.parse_sequence_example([first, second], sequence_features={"x": tf.io.VarLenFeature(dtype)})
    path.write_bytes(frame(first) + frame(tfr.encode_example({"x": "text", "same": "text"})))
    assert [each.rule for each in tfr.lint(path)] == []


SPLIT = field(1, entry(KEY_C, field(2, field(3, field(1, b"\7") + field(1, b"\1")))))
NOT_UTF8 = field(2, entry(field(1, b"\xff"), field(2, TWO)) + entry(KEY_W, field(2, TWO)))
SHORT = field(2, entry(KEY_W, field(2, steps(field(3, field(1, b"\x80"))))))


@pytest.mark.parametrize(
    ("rule", "severity", "broken", "read"),
    [
        ("key-not-utf8", "error", NOT_UTF8, [[1, 2], [3]]),
        ("broken-message", "error", SHORT, MISMATCH.format(0, "int64")),
        ("broken-lists", "warning", field(2, b"\xff"), REFUSED),
    ],
)
@pytest.mark.parametrize("features", [None, SPEC], ids=["plain", "spec"])
def test_lists_that_protobuf_refuses_are_found_and_nothing_of_the_record_is_changed(
    rule: str, severity: str, broken: bytes, read: Any, features: Any, tmp_path: Path
) -> None:
    record = SPLIT + broken
    with pytest.raises(tfr.DecodeError):
        tfr.decode_sequence_example(record)
    found = steps_by_tensorflow(record, "w", tf.int64)
    assert read in found if isinstance(read, str) else read == found
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    findings = list(tfr.lint(path, features, fix=out))
    assert as_found(findings) == [("split-list", "error", "c"), (rule, severity, None)]
    assert not any(finding.is_fixable for finding in findings)
    assert list(tfr.read_records(out)) == [record]


def test_an_entry_of_a_list_with_another_field_is_lost_and_the_record_stays(tmp_path: Path) -> None:
    record = lists(entry(KEY_W, field(2, TWO), UNKNOWN))
    assert tfr.decode_sequence_example(record)[1] == {}
    assert REFUSED in steps_by_tensorflow(record, "w", tf.int64)
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    (finding,) = tfr.lint(path, fix=out)
    assert as_found([finding]) == [("lost-entry", "error", "w")]
    assert list(tfr.read_records(out)) == [record]


def test_a_feature_of_the_context_is_judged_by_itself_beside_a_list_of_its_name(tmp_path: Path) -> None:
    odd = field(2, entry(KEY_C, field(2, steps(ints(1) + ints(2)))))
    path = tmp_path / "in"
    path.write_bytes(frame(CONTEXT + odd))
    first, second = tfr.lint(path, {"c": tf.io.FixedLenFeature([2], tf.int64)})
    assert as_found([first, second]) == [("wrong-count", "error", "c"), ("repeated-kind", "error", "c")]
    assert "passes over" not in second.tensorflow


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize(("value", "is_refused"), [("missing", False), (None, True), ([], True), ([3], False)])
def test_the_default_of_a_context_is_for_what_is_missing_only(
    value: Any, is_refused: bool, count: int, parser: str, tmp_path: Path
) -> None:
    features = {"c": tf.io.FixedLenFeature([], tf.int64, 7)}
    given = {} if value == "missing" else {"c": None if value is None else np.array(value, np.int64)}
    record = tfr.encode_sequence_example(given, {"w": [[1]]})
    assert isinstance(raised(lambda: PARSERS[parser](record, features)), str) is is_refused
    path = tmp_path / "in"
    path.write_bytes(frame(record) * count)
    found = [finding for finding in tfr.lint(path, features) if finding.severity == "error"]
    assert as_found(found) == [("empty-list", "error", "c")] * (count if is_refused else 0)


@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize(
    "feature",
    [
        tf.io.SparseFeature(["i"], "v", tf.int64, [9]),
        tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
    ],
    ids=lambda feature: type(feature).__name__,
)
def test_features_that_no_context_may_have_are_told(feature: Any, count: int, tmp_path: Path) -> None:
    record = tfr.encode_sequence_example({"c": [1], "v": [1], "i": [2]}, {"w": [[1]]})
    for parser in PARSERS.values():
        with pytest.raises(ValueError, match=f"Unsupported {type(feature).__name__}"):
            parser(record, {"c": feature})
    path = tmp_path / "in"
    path.write_bytes(frame(record) * count)
    found = [finding for finding in tfr.lint(path, {"c": feature}) if finding.severity == "error"]
    assert as_found(found) == [("no-context", "error", "c")] * count
    path.write_bytes(frame(tfr.encode_example({"c": [1], "v": [1], "i": [2]})) * count)
    assert not [finding for finding in tfr.lint(path, {"c": feature}) if finding.severity == "error"]


def test_what_is_hidden_by_what_is_fixed_is_told_before(tmp_path: Path) -> None:
    record = field(2, entry(KEY_W, field(2, steps(ints(1), field(1, field(1, b"a"))))) + b"\x28\x05")
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(frame(record))
    told = as_found(tfr.lint(path, fix=out))
    assert told == [("unknown-field", "error", None), ("mixed-steps", "error", "w")]
    assert as_found(tfr.lint(out)) == told[1:]
    [fixed] = tfr.read_records(out)
    for dtype in DTYPES.values():
        assert "Data types don't match" in steps_by_tensorflow(fixed, "w", dtype)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_when_odd_sequences_are_fixed_was_told_before(seed: int, tmp_path: Path) -> None:
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_bytes(b"".join(map(frame, odd_sequences(150, seed))))
    told = {(finding.rule, finding.record_number, finding.feature) for finding in tfr.lint(path, fix=out)}
    left = {(finding.rule, finding.record_number, finding.feature) for finding in tfr.lint(out)}
    assert told
    assert {each for each in left - told if each[0] != "mixed-kinds"} == set()


def test_a_record_that_is_cut_in_its_lists_is_refused_as_a_sequence(tmp_path: Path) -> None:
    record = (CONTEXT + LISTS)[:-2]
    path = tmp_path / "in"
    path.write_bytes(frame(record))
    [finding] = tfr.lint(path)
    assert finding.tensorflow.endswith("; parse_sequence_example raises InvalidArgumentError")
    for parser in PARSERS.values():
        with pytest.raises(tf.errors.InvalidArgumentError):
            parser(record, SPEC)


# The model of TensorFlow's parser, which all of this stands on.

VALUES: list[Any] = [
    [b"abc"],
    [b"\n\0"],
    [],
    np.arange(3),
    np.array([2**63 - 1, -1]),
    np.array([1, 2], np.float32),
    np.array([], np.float32),
    None,
]


def odd_sequences(count: int, seed: int) -> Iterator[bytes]:
    random = np.random.default_rng(seed)
    for _ in range(count):
        kind = [VALUES[:3], VALUES[3:5], VALUES[5:7], VALUES][random.integers(4)]
        values = [kind[random.integers(len(kind))] for _ in range(random.integers(1, 4))]
        if random.random() < 0.3:
            yield odd_sequence_record({"c": kind[0]}, {"w": values}, random)
            continue
        # The entries as they are to be, for what is in them to be looked at.
        of_list = steps(*(odd_feature(value, random) for value in values))
        lists = field(2, entry(KEY_W, field(2, of_list)))
        yield field(1, entry(KEY_C, field(2, odd_feature(kind[0], random)))) + lists


def as_read(call: Callable[[], Any]) -> Any:
    try:
        found = call()
    except MayCrash:
        return None
    except Refused as refused:
        return str(refused)
    return found


def plain(value: Any) -> Any:
    return value if isinstance(value, list) else value.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_the_model_reads_and_refuses_what_tensorflow_does(seed: int) -> None:
    outcomes = {"whole": 0, "refused": 0, "read": 0}
    for record in odd_sequences(400, seed):
        seen = sequence_entries_in(record)
        if seen is None:
            assert REFUSED in context_by_tensorflow(record, "not there", tf.int64), record
            outcomes["whole"] += 1
            continue
        features, feature_lists = (dict(part) for part in seen)
        for key, feature_list in feature_lists.items():
            for kind, dtype in DTYPES.items():
                ours = as_read(lambda: steps_in(key.decode(), feature_list, kind))  # noqa: B023
                theirs = steps_by_tensorflow(record, key.decode(), dtype)
                if isinstance(ours, list):
                    assert list(map(plain, ours)) == theirs, record
                    outcomes["read"] += 1
                else:
                    assert ours is None or ours in theirs, record
                    outcomes["refused"] += 1
        for key, feature in features.items():
            ours = as_read(lambda: context_value_in(key.decode(), feature))  # noqa: B023
            dtype = DTYPES[feature[0] >> 3] if feature and feature[0] in (10, 18, 26) else tf.int64
            theirs = context_by_tensorflow(record, key.decode(), dtype)
            if isinstance(ours, str):
                assert ours in theirs, record
            else:
                assert ([] if ours is None else plain(ours)) == theirs, record
    assert all(count > 30 for count in outcomes.values()), outcomes


@pytest.mark.parametrize("seed", range(2))
def test_every_sequence_that_tensorflow_reads_otherwise_has_an_error_and_fixing_keeps_all_values(
    seed: int, tmp_path: Path
) -> None:
    path, out = tmp_path / "in", tmp_path / "out"
    differing = 0
    for record in odd_sequences(250, seed + 10):
        path.write_bytes(frame(record))
        findings = list(tfr.lint(path, fix=out))
        errors = {finding.feature for finding in findings if finding.severity == "error"}
        (fixed,) = tfr.read_records(out)
        meant, kept = tfr.decode_sequence_example(record), tfr.decode_sequence_example(fixed)
        for before, after in zip(meant[1].items(), kept[1].items(), strict=True):
            assert before[0] == after[0]
            assert all(same(one, other) for one, other in zip(before[1], after[1], strict=True))
        assert not any(finding.is_fixable for finding in tfr.lint(out))
        assert "misread" not in {finding.rule for finding in findings}, record
        message = tf.train.SequenceExample.FromString(record)
        message.DiscardUnknownFields()
        usual = message.SerializeToString(deterministic=True)
        for name in meant[1]:
            for dtype in DTYPES.values():
                theirs, ours = steps_by_tensorflow(record, name, dtype), steps_by_tensorflow(usual, name, dtype)
                if (theirs if isinstance(theirs, list) else None) != (ours if isinstance(ours, list) else None):
                    assert errors & {name, None} or REFUSED in theirs, record
                    assert errors, record
                    differing += 1
    assert differing > 50
