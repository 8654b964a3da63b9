"""SequenceExamples parsed to arrays, against what their steps are one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr

STEP = {
    "f": st.lists(st.integers(0, 9).map(float), max_size=3).map(lambda step: np.array(step, np.float32)),
    "i": st.lists(st.integers(-3, 2**40), max_size=3).map(lambda step: np.array(step, np.int64)),
    "b": st.lists(st.binary(max_size=3), max_size=3).map(lambda step: step or None),
    "pair": st.lists(st.integers(0, 9), min_size=2, max_size=2),
}
LISTS = st.fixed_dictionaries(
    {"pair": st.lists(STEP["pair"], max_size=4)},
    optional={key: st.lists(STEP[key] | st.none(), max_size=4) for key in "fib"},
)
DTYPES: dict[str, Any] = {"f": np.float32, "i": np.int64, "b": bytes}
PAIR = {"pair": tfr.FixedLenSequenceFeature([2], np.int64)}
#: Not both in one call: they must not share keys.
SPARSE: dict[str, Any] = PAIR | {key: tfr.VarLenFeature(dtype) for key, dtype in DTYPES.items()}
RAGGED: dict[str, Any] = {key: tfr.RaggedFeature(dtype) for key, dtype in DTYPES.items()}


def plain(step: Any) -> list[Any]:
    return [] if step is None else step.tolist() if isinstance(step, np.ndarray) else list(step)


def steps_of(lists: list[dict[str, Any]], key: str) -> list[list[list[Any]]]:
    return [[plain(step) for step in example.get(key, [])] for example in lists]


def sparse(found: tfr.SparseTensorValue) -> tuple[dict[tuple[int, ...], Any], list[int]]:
    """{index: value}, in this order, and the shape."""
    indices = [tuple(index) for index in found.indices.tolist()]
    assert indices == sorted(indices)
    return dict(zip(indices, found.values.tolist(), strict=True)), found.dense_shape.tolist()


@settings(deadline=None)
@given(st.lists(LISTS, min_size=1, max_size=5))
def test_lists_are_their_steps_in_every_layout(lists: list[dict[str, Any]]) -> None:
    records = [tfr.encode_sequence_example({}, example) for example in lists]
    _, found, lengths = tfr.parse_sequence_example(records, None, SPARSE)
    _, ragged, none = tfr.parse_sequence_example(records, None, RAGGED)
    assert none == {}
    pairs = steps_of(lists, "pair")
    most = max(map(len, pairs))
    assert found["pair"].dtype == np.int64
    assert found["pair"].shape == (len(records), most, 2)
    assert found["pair"].tolist() == [steps + [[0, 0]] * (most - len(steps)) for steps in pairs]
    assert {key: value.tolist() for key, value in lengths.items()} == {"pair": list(map(len, pairs))}
    for key in DTYPES:
        steps = steps_of(lists, key)
        assert ragged[key].to_list() == steps
        expected = {
            (example, number, place): value
            for example, some in enumerate(steps)
            for number, step in enumerate(some)
            for place, value in enumerate(step)
        }
        longest = max((len(step) for some in steps for step in some), default=0)
        assert sparse(found[key]) == (expected, [len(records), max(map(len, steps)), longest])


@settings(deadline=None)
@given(LISTS)
def test_one_example_is_a_batch_of_one_without_its_first_dimension(example: dict[str, Any]) -> None:
    record = tfr.encode_sequence_example({"k": 7}, example)
    context: dict[str, Any] = {"k": tfr.FixedLenFeature([1], np.int64), "none": tfr.VarLenFeature(bytes)}
    one, lists = tfr.parse_single_sequence_example(record, context, SPARSE)
    batch, batched, _ = tfr.parse_sequence_example([record], context, SPARSE)
    _, ragged = tfr.parse_single_sequence_example(record, None, RAGGED)
    _, ragged_batch, _ = tfr.parse_sequence_example([record], None, RAGGED)
    assert one["k"].tolist() == batch["k"].tolist()[0] == [7]
    assert (one["none"].dense_shape.tolist(), batch["none"].dense_shape.tolist()) == ([0], [1, 0])
    assert lists["pair"].tolist() == batched["pair"].tolist()[0]
    for key in DTYPES:
        assert [ragged[key].to_list()] == ragged_batch[key].to_list()
        values, shape = sparse(lists[key])
        assert sparse(batched[key]) == ({(0, *index): value for index, value in values.items()}, [1, *shape])


def test_bytes_are_padded_with_nothing_and_keep_their_nuls() -> None:
    records = [tfr.encode_sequence_example({}, {"k": [[b"\0a\0"], [b""]]}), tfr.encode_sequence_example({}, {"k": []})]
    _, found, lengths = tfr.parse_sequence_example(records, None, {"k": tfr.FixedLenSequenceFeature([], bytes)})
    assert found["k"].tolist() == [[b"\0a\0", b""], [b"", b""]]
    assert lengths["k"].dtype == np.int64
    assert lengths["k"].tolist() == [2, 0]


def test_a_missing_list_has_no_steps_where_that_is_allowed() -> None:
    records = [tfr.encode_sequence_example({}, lists) for lists in ({"k": [[1]]}, {})]
    allowed = {"k": tfr.FixedLenSequenceFeature([], np.int64, allow_missing=True)}
    assert tfr.parse_sequence_example(records, None, allowed)[2]["k"].tolist() == [1, 0]
    with pytest.raises(tfr.FeatureError, match="required but could not be found") as caught:
        tfr.parse_sequence_example(records, None, {"k": tfr.FixedLenSequenceFeature([], np.int64)})
    assert (caught.value.record_number, caught.value.key) == (1, "k")


def test_a_default_of_a_list_is_refused() -> None:
    features = {"k": tfr.FixedLenSequenceFeature([], np.int64, allow_missing=True, default_value=3)}
    with pytest.raises(tfr.FeatureError, match=r"dense_defaults\[k\] must be None") as caught:
        tfr.parse_sequence_example([tfr.encode_sequence_example({}, {})], None, features)
    assert caught.value.key == "k"


@pytest.mark.parametrize(
    ("context", "lists"),
    [
        ({"k": tfr.FixedLenSequenceFeature([], np.int64)}, None),
        ({"k": tfr.SparseFeature("i", "v", np.int64, 3)}, None),
        (None, {"k": tfr.FixedLenFeature([], np.int64)}),
        (None, {"k": tfr.SparseFeature("i", "v", np.int64, 3)}),
    ],
)
def test_features_that_neither_of_the_two_can_have_are_refused(context: Any, lists: Any) -> None:
    record = tfr.encode_sequence_example({"k": 1}, {"k": [[1]]})
    with pytest.raises((tfr.FeatureError, TypeError), match="Feature"):
        tfr.parse_sequence_example([record], context, lists)
    with pytest.raises((tfr.FeatureError, TypeError), match="Feature"):
        tfr.parse_single_sequence_example(record, context, lists)


def test_values_of_the_context_are_the_records_and_the_default_is_for_a_missing_key_alone() -> None:
    records = [tfr.encode_sequence_example(context, {}) for context in ({"k": [1, 2], "v": [1.5]}, {}, {"v": None})]
    features: dict[str, Any] = {
        "k": tfr.FixedLenFeature([2], np.int64, [8, 9]),
        "v": tfr.VarLenFeature(np.float32),
    }
    context, lists, lengths = tfr.parse_sequence_example(records, features)
    ragged, _, _ = tfr.parse_sequence_example(records, {"r": tfr.RaggedFeature(np.float32, "v")})
    assert context["k"].tolist() == [[1, 2], [8, 9], [8, 9]]
    assert sparse(context["v"]) == ({(0, 0): 1.5}, [3, 1])
    assert ragged["r"].to_list() == [[1.5], [], []]
    assert (lists, lengths) == ({}, {})


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({}, "k"),
        ({"k": None}, "elements"),
        ({"k": [1, 2, 3]}, "expected 2, but found 3"),
        ({"k": [1]}, "elements"),
        ({"k": [0.5, 1.5]}, "Data types don't match. Expected type: int64"),
    ],
)
def test_a_context_that_does_not_fit_is_an_error_of_its_feature(context: dict[str, Any], text: str) -> None:
    good, bad = (tfr.encode_sequence_example(some, {}) for some in ({"k": [1, 2]}, context))
    with pytest.raises(tfr.FeatureError, match=text) as caught:
        tfr.parse_sequence_example([good, bad], {"k": tfr.FixedLenFeature([2], np.int64)})
    assert caught.value.key == "k"


def test_nothing_asked_for_is_an_error() -> None:
    record = tfr.encode_sequence_example({"k": 1}, {})
    with pytest.raises(tfr.FeatureError, match="are None"):
        tfr.parse_single_sequence_example(record, {}, None)
    with pytest.raises(tfr.FeatureError, match="are None"):
        tfr.parse_sequence_example([record], None, {})
