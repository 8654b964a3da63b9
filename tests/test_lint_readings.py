"""lint with features: what it says of raising is what parse_example and parse_single_example each do.

For records that only TensorFlow takes, for features that are put together from several, and for entries of one name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frames
from odd_messages import damaged, field, odd_record, usual_record

import tfrecord_lite as tfr

tf = pytest.importorskip("tensorflow")

Ragged = tf.io.RaggedFeature
RAISES = (tf.errors.InvalidArgumentError, ValueError)


def ints(*numbers: int) -> bytes:
    return field(3, field(1, bytes(numbers)))


def floats(*numbers: float) -> bytes:
    return field(2, field(1, np.array(numbers, "<f4").tobytes()))


def texts(*values: bytes) -> bytes:
    return field(1, b"".join(field(1, value) for value in values))


def record_of(*entries: tuple[bytes, bytes]) -> bytes:
    return field(1, b"".join(field(1, field(1, key) + field(2, feature)) for key, feature in entries))


@pytest.fixture
def lint(tmp_path: Path) -> Callable[..., list[Any]]:
    def lint(features: Any, *records: bytes) -> list[Any]:
        path = tmp_path / "data"
        path.write_bytes(frames(records))
        return [finding for finding in tfr.lint(path, features) if finding.rule != "not-asked-for"]

    return lint


def raising(record: bytes, features: Any) -> set[str]:
    """Which of TensorFlow's two raise."""
    calls = {"parse_example": [record], "parse_single_example": record}
    raised = set()
    for name, given in calls.items():
        try:
            getattr(tf.io, name)(given, features)
        except RAISES:
            raised.add(name)
    return raised


def said_to_raise(findings: list[Any]) -> set[str]:
    """Which of them raise by what is said, of all that is said of one record."""
    said = set()
    for finding in findings:
        doing = finding.tensorflow
        if finding.severity == "note" or "raises" not in doing:
            continue
        if "in parse_single_example " not in doing or doing.startswith("raises"):
            said.add("parse_example")
        if not doing.startswith("in parse_example "):
            said.add("parse_single_example")
    return said


# Records that protobuf refuses.

NOT_UTF8 = record_of((b"label", ints(3)), (b"caf\xe9", ints(1)))

#: A record that protobuf refuses, and TensorFlow takes.
ONLY_TENSORFLOWS = {
    "key-not-utf8": NOT_UTF8,
    "broken-message": record_of((b"label", ints(3)), (b"x", floats(1) + b"\x12\x06\x0a\x0412")),
}


@pytest.mark.parametrize("rule", ONLY_TENSORFLOWS)
@pytest.mark.parametrize(
    "feature",
    [tf.io.FixedLenFeature([], tf.int64), tf.io.FixedLenFeature([], tf.int64, 7), tf.io.VarLenFeature(tf.int64)],
    ids=["fixed", "default", "any number"],
)
def test_features_that_only_tensorflow_reads_are_there(rule: str, feature: Any, lint: Callable[..., list[Any]]) -> None:
    record = ONLY_TENSORFLOWS[rule]
    read = tf.io.parse_example([record] * 2, {"label": feature})["label"]
    assert np.ravel(getattr(read, "values", read)).tolist() == [3, 3]
    with pytest.raises(tfr.DecodeError):
        tfr.decode_example(record)
    assert [finding.rule for finding in lint({"label": feature}, record, record)] == [rule] * 2


@pytest.mark.parametrize("rule", ONLY_TENSORFLOWS)
@pytest.mark.parametrize(
    ("feature", "fault"),
    [
        (tf.io.FixedLenFeature([], tf.float32), "wrong-kind"),
        (tf.io.VarLenFeature(tf.string), "wrong-kind"),
        (tf.io.FixedLenFeature([2], tf.int64), "wrong-count"),
        (tf.io.FixedLenSequenceFeature([2], tf.int64, allow_missing=True), "partial-step"),
    ],
)
def test_records_that_only_tensorflow_takes_are_held_against_the_features(
    rule: str, feature: Any, fault: str, lint: Callable[..., list[Any]]
) -> None:
    record = ONLY_TENSORFLOWS[rule]
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.io.parse_single_example(record, {"label": feature})
    first, second = lint({"label": feature}, record)
    assert (first.rule, second.rule, second.feature) == (rule, fault, "label")
    assert second.tensorflow.removeprefix("raises InvalidArgumentError: ") in str(caught.value)
    assert "raises" not in first.tensorflow
    assert not second.is_fixable


def test_a_feature_that_is_missing_beside_a_name_that_is_not_utf8_is_never_there(
    lint: Callable[..., list[Any]],
) -> None:
    needed, optional = tf.io.FixedLenFeature([], tf.int64), tf.io.VarLenFeature(tf.int64)
    assert raising(NOT_UTF8, {"labels": needed}) == {"parse_example", "parse_single_example"}
    assert raising(NOT_UTF8, {"labels": optional}) == set()
    odd, missing, never = lint({"labels": needed}, NOT_UTF8)
    assert (odd.rule, missing.rule, never.rule) == ("key-not-utf8", "missing-feature", "never-there")
    assert never.tensorflow == "raises for every record"
    assert "perhaps 'label' is meant" in never.cure
    odd, never = lint({"labels": optional}, NOT_UTF8)
    assert never.tensorflow == "takes it for missing, which by itself is no error"


def test_a_name_that_is_not_utf8_is_said_once_and_is_no_name_that_could_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(frames([NOT_UTF8]))
    (finding,) = tfr.lint(path, {"label": tfr.VarLenFeature("int64")})
    assert (finding.rule, finding.feature) == ("key-not-utf8", None)


@pytest.mark.parametrize("others", [(), ((b"label", b""),)], ids=["alone", "before one without a kind"])
def test_what_tensorflow_cannot_read_beside_a_name_that_is_not_utf8_is_told(
    others: tuple[tuple[bytes, bytes], ...], lint: Callable[..., list[Any]]
) -> None:
    unread = field(3, b"\x48\x01")
    record = record_of((b"caf\xe9", ints(1)), (b"label", unread), *others)
    for features in ({"label": tf.io.VarLenFeature(tf.int64)}, {"label": tf.io.FixedLenFeature([], tf.int64)}):
        assert "parse_single_example" in raising(record, features)
        odd, finding = lint(features, record)
        assert (odd.rule, finding.rule, finding.feature) == ("key-not-utf8", "broken-message", "label")
        assert finding.tensorflow == "raises InvalidArgumentError: Can't parse serialized Example."
    (finding,) = lint({"other": tf.io.VarLenFeature(tf.int64)}, record)[1:-1]
    assert (finding.rule, finding.severity) == ("broken-message", "note")
    assert raising(record, {"other": tf.io.VarLenFeature(tf.int64)}) == set()


# Features that are put together from several.

UNIFORM = {"v": Ragged(tf.float32, "v", [Ragged.UniformRowLength(2)])}
TWICE = (b"v", floats(1) + floats(2))


@pytest.mark.parametrize("others", [(), ((b"b", texts(b"x", b"y") + floats(1.5)),)], ids=["alone", "beside two kinds"])
@pytest.mark.parametrize("name", ["v", "another name"])
def test_partitions_of_a_misread_list_are_told_whatever_the_feature_is_called(
    name: str, others: tuple[tuple[bytes, bytes], ...], lint: Callable[..., list[Any]]
) -> None:
    record = record_of(TWICE, *others)
    features = {name: UNIFORM["v"], "b": tf.io.VarLenFeature(tf.string)}
    assert raising(record, features) == {"parse_example", "parse_single_example"}
    findings = lint(features, record)
    (partitions,) = [finding for finding in findings if finding.rule == "ragged-partitions"]
    assert (partitions.feature, partitions.severity) == (name, "error")
    assert said_to_raise(findings) == {"parse_example", "parse_single_example"}


def test_rows_that_do_not_come_out_even_can_be_made_up_for_by_others_of_the_batch(
    lint: Callable[..., list[Any]],
) -> None:
    record = record_of((b"v", floats(1)))
    assert tf.io.parse_example([record] * 2, UNIFORM)["v"].flat_values.shape == [1, 2]
    (finding,) = lint(UNIFORM, record)
    assert finding.tensorflow == (
        "raises, or, when the other records of the batch make up for it, takes them as they are"
    )
    assert raising(record, UNIFORM) == {"parse_example", "parse_single_example"}


WITHOUT_KIND = (b"v", floats(1, 2, 3)), (b"i", ints(0, 1, 2)), (b"v", b"")

#: (features, the record, which of the two raise)
BY_ITSELF: dict[str, tuple[Any, bytes, set[str]]] = {
    "sparse": (
        {"s": tf.io.SparseFeature("i", "v", tf.float32, 4)},
        record_of(*WITHOUT_KIND),
        {"parse_example"},
    ),
    "sparse, positions": (
        {"s": tf.io.SparseFeature("i", "v", tf.float32, 4)},
        record_of((b"i", ints(0, 1, 2)), (b"i", b"")),
        {"parse_single_example"},
    ),
    "uniform": (
        {"v": Ragged(tf.float32, "v", [Ragged.UniformRowLength(2)])},
        record_of(*WITHOUT_KIND),
        {"parse_single_example"},
    ),
    "row ids": (
        {"s": Ragged(tf.float32, "v", [Ragged.ValueRowIds("i")])},
        record_of(*WITHOUT_KIND),
        {"parse_example"},
    ),
    "another kind": ({"v": tf.io.VarLenFeature(tf.string)}, record_of(*WITHOUT_KIND), {"parse_single_example"}),
    "row splits that do not begin with 0": (
        {"s": Ragged(tf.float32, "v", [Ragged.RowSplits("i")], validate=True)},
        record_of((b"v", floats(1, 2)), (b"i", ints(1, 2))),
        {"parse_single_example"},
    ),
    "no row splits": (
        {"s": Ragged(tf.float32, "v", [Ragged.RowSplits("i")], validate=True)},
        record_of((b"v", b"")),
        {"parse_single_example"},
    ),
    "partitions around none": (
        {"s": Ragged(tf.float32, "v", [Ragged.RowLimits("j"), Ragged.RowSplits("i")])},
        record_of((b"v", floats(1, 2))),
        {"parse_single_example"},
    ),
}


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_only_one_of_the_two_does_is_said_of_that_one(name: str, lint: Callable[..., list[Any]]) -> None:
    features, record, raised = BY_ITSELF[name]
    assert raising(record, features) == raised
    findings = lint(features, record)
    assert said_to_raise(findings) == raised
    (where,) = raised
    assert any(finding.tensorflow.startswith(f"in {where} raises") for finding in findings)
    assert any(finding.severity == "error" for finding in findings)


@pytest.mark.parametrize("validate", [False, True])
def test_more_empty_rows_than_are_built_here_are_not_said_to_raise(
    validate: bool, lint: Callable[..., list[Any]]
) -> None:
    features = {"r": Ragged(tf.int64, "v", [Ragged.ValueRowIds("i")], validate=validate)}
    record = tfr.encode_example({"v": [7], "i": [1 << 25]})
    assert raising(record, features) == set()
    with pytest.raises(tfr.FeatureError, match="row ids ask for"):
        tfr.parse_single_example(record, features)
    (finding,) = lint(features, record)
    assert (finding.rule, finding.severity) == ("ragged-partitions", "warning")
    assert finding.tensorflow == "builds them all, as far as there is memory"


# Whatever there is.

INT64 = {"positions": np.arange(2), "one": np.arange(1), "none": np.empty(0, np.int64), "more": np.array([0, 1, 3])}
FLOAT = {"two": np.array([1, 2], np.float32), "one": np.array([3], np.float32), "none": np.empty(0, np.float32)}
FEATURES: list[Any] = [
    {"s": tf.io.SparseFeature("i", "v", tf.float32, 4)},
    {"s": tf.io.SparseFeature(["i", "j"], "v", tf.float32, [4, 4], already_sorted=True)},
    {"v": Ragged(tf.float32, "v", [Ragged.UniformRowLength(2)]), "i": Ragged(tf.int64)},
    {"r": Ragged(tf.float32, "v", [Ragged.RowLengths("j"), Ragged.RowSplits("i")])},
    {"r": Ragged(tf.float32, "v", [Ragged.RowSplits("i")], validate=True)},
    {"r": Ragged(tf.float32, "v", [Ragged.ValueRowIds("i"), Ragged.UniformRowLength(2)]), "j": Ragged(tf.int64)},
    {"r": Ragged(tf.float32, "v", [Ragged.RowStarts("i")], validate=True), "j": tf.io.VarLenFeature(tf.string)},
    {"v": tf.io.FixedLenFeature([2], tf.float32, [0, 0]), "i": tf.io.VarLenFeature(tf.int64)},
    {"v": tf.io.FixedLenSequenceFeature([], tf.float32, True), "j": tf.io.FixedLenFeature([], tf.int64)},
]


@pytest.mark.parametrize("seed", range(3))
def test_lint_says_of_each_of_the_two_that_it_raises_exactly_where_it_does(
    seed: int, lint: Callable[..., list[Any]]
) -> None:
    random = np.random.default_rng(seed)
    seen = set()
    for number in range(250):
        features = FEATURES[number % len(FEATURES)]
        values: dict[str, Any] = {"v": list(FLOAT.values())[random.integers(3)]}
        for key in "ij":
            values[key] = list(INT64.values())[random.integers(4)]
        values = {key: value for key, value in values.items() if key == "v" or random.random() < 0.8}
        record = usual_record(values) if random.random() < 0.4 else odd_record(values, random)
        if random.random() < 0.3:
            record += record_of((b"vij"[random.integers(3) :][:1], b""))
        if random.random() < 0.3:
            record += record_of((b"\xe9", ints(1)))
        record = damaged(record, random) if random.random() < 0.1 else record
        raised = raising(record, features)
        findings = [finding for finding in lint(features, record) if finding.record_number is not None]
        assert said_to_raise(findings) == raised, (record, features, findings)
        seen.add(frozenset(raised))
    assert len(seen) > 2
