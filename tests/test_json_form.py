"""Records as JSON and back: nothing is lost, and what stands for no record is refused by name."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.format.json_form import record_as_json, record_from_json

FLOATS = st.lists(st.floats(width=32), max_size=4).map(lambda values: np.array(values, np.float32))
INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4).map(lambda values: np.array(values, np.int64))
TEXTS = st.lists(st.binary(max_size=6) | st.text(max_size=4).map(str.encode), max_size=4)
FEATURES = st.none() | FLOATS | INTEGERS | TEXTS.map(lambda values: values or np.empty(0, object))
EXAMPLES = st.dictionaries(st.text(max_size=3) | st.sampled_from(["context", "feature_lists", "record"]), FEATURES)
LISTS = st.dictionaries(st.text(max_size=3), st.lists(FEATURES, max_size=3), min_size=1)


def with_one_nan(record: bytes) -> Any:
    """What is in a record, where NaN is NaN: JSON does not keep what else is in one."""
    try:
        parts = tfr.decode_sequence_example(record)
    except tfr.DecodeError:
        return record

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return (str(value.dtype), [repr(number) for number in value.tolist()])
        return value

    context, lists = parts
    return (
        {name: plain(value) for name, value in context.items()},
        {name: [plain(step) for step in steps] for name, steps in lists.items()},
    )


def there_and_back(record: bytes) -> bytes:
    return record_from_json(json.dumps(record_as_json(record)))


@settings(deadline=None)
@given(EXAMPLES)
def test_an_example_comes_back(example: dict[str, Any]) -> None:
    record = tfr.encode_example(example)
    assert with_one_nan(there_and_back(record)) == with_one_nan(record)


@settings(deadline=None)
@given(EXAMPLES, LISTS)
def test_a_sequence_example_comes_back(context: dict[str, Any], lists: dict[str, list[Any]]) -> None:
    record = tfr.encode_sequence_example(context, lists)
    assert with_one_nan(there_and_back(record)) == with_one_nan(record)


@given(st.binary(max_size=40))
def test_any_other_record_comes_back(record: bytes) -> None:
    found = there_and_back(record)
    assert with_one_nan(found) == with_one_nan(record)
    assert "record" not in record_as_json(record) or found == record


def test_a_record_that_is_no_message_and_a_feature_called_record_are_told_apart() -> None:
    text = record_as_json(b"a text")
    assert text == {"record": {"text": "a text"}}
    assert record_from_json(json.dumps(text)) == b"a text"
    assert record_as_json(b"\xff") == {"record": {"base64": "/w=="}}
    for line in ('{"record": "a text"}', '{"record": ["a text"]}'):
        assert record_from_json(line) == tfr.encode_example({"record": "a text"})
    assert record_from_json('{"record": [{"base64": "/w=="}]}') == tfr.encode_example({"record": b"\xff"})
    for line in ('{"record": {"text": 3}}', '{"record": {"text": "a"}, "b": 1}'):
        with pytest.raises(tfr.FeatureError, match="'record': a feature is a list of"):
            record_from_json(line)


def test_an_example_that_looks_like_a_sequence_example_is_kept_as_bytes() -> None:
    inner = tfr.encode_example({"context": None, "feature_lists": None})
    assert record_as_json(inner) == {"context": None, "feature_lists": None}
    odd = tfr.encode_example({"context": np.empty(0, np.int64), "feature_lists": np.empty(0, np.float32)})
    assert set(record_as_json(odd)) == {"record"}
    assert there_and_back(odd) == odd


@pytest.mark.parametrize(
    ("example", "form"),
    [
        ({"k": None}, {"k": None}),
        ({"k": [1, 2]}, {"k": [1, 2]}),
        ({"k": np.array([0.1, 1], np.float32)}, {"k": [0.1, 1.0]}),
        ({"k": np.array([1, np.nan, -np.inf], np.float32)}, {"k": [1.0, "nan", "-inf"]}),
        ({"k": np.array([np.inf], np.float32)}, {"k": {"float32": ["inf"]}}),
        ({"k": np.empty(0, np.float32)}, {"k": {"float32": []}}),
        ({"k": np.empty(0, np.int64)}, {"k": {"int64": []}}),
        ({"k": np.empty(0, object)}, {"k": {"bytes": []}}),
        ({"k": ["a", b"\xff"]}, {"k": ["a", {"base64": "/w=="}]}),
        ({"k": ["line\n\ttab"]}, {"k": ["line\n\ttab"]}),
        ({"k": ["\x1b"]}, {"k": [{"base64": "Gw=="}]}),
    ],
)
def test_each_value_has_a_form(example: dict[str, Any], form: Any) -> None:
    assert record_as_json(tfr.encode_example(example)) == form
    assert record_from_json(json.dumps(form)) == tfr.encode_example(example)


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ('{"k": 3}', {"k": 3}),
        ('{"k": true}', {"k": 1}),
        ('{"k": [true, 2]}', {"k": [1, 2]}),
        ('{"k": "a"}', {"k": "a"}),
        ('{"k": {"base64": "/w=="}}', {"k": b"\xff"}),
        ('{"k": [1, 0.5]}', {"k": np.array([1, 0.5], np.float32)}),
        ('{"k": [NaN, -Infinity]}', {"k": np.array([np.nan, -np.inf], np.float32)}),
        ('{"k": {"float32": [1]}}', {"k": np.array([1], np.float32)}),
        ('{"k": {"int64": [1]}}', {"k": 1}),
        ('{"k": {"bytes": ["nan"]}}', {"k": "nan"}),
        ('{"k": {"float32": ["nan", 1]}}', None),
        ('{"k": ["nan", 1.5]}', {"k": np.array([np.nan, 1.5], np.float32)}),
    ],
)
def test_other_ways_of_writing_a_value_are_taken(text: str, example: Any) -> None:
    if example is None:
        with pytest.raises(tfr.FeatureError, match="a feature is a list of integers, of floats or of texts"):
            record_from_json(text)
    else:
        assert record_from_json(text) == tfr.encode_example(example)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: "),
        (b"\xff", "not JSON: not UTF-8"),
        ("[" * 100_000, "not JSON that is read here: nested too deeply"),
        ('{"k": 1' + "0" * 5000 + "}", "an integer of too many digits"),
        ("[]", "a record is an object, not a list"),
        ('{"k": 1, "k": 2}', "stands twice in one object"),
        ('{"k": []}', "an empty list has no kind"),
        ('{"k": [1, "a"]}', "not of int, str"),
        ('{"k": [0.5, "a"]}', "not of float, str"),
        ('{"k": [[1]]}', "not of list"),
        ('{"k": {"a": 1}}', "not of dict"),
        ('{"k": {"int64": [0.5]}}', "is float32, not int64"),
        ('{"k": {"float32": ["a"]}}', "is bytes, not float32"),
        ('{"k": 9223372036854775808}', "9223372036854775808 is outside int64"),
        ('{"k": 1e39}', "is beyond float32"),
        ('{"k": 1e400}', "a number is beyond float32"),
        ('{"k": [0.5, 1' + "0" * 400 + "]}", "a number is beyond float32"),
        ('{"k": "\\ud800"}', "a lone surrogate is not UTF-8"),
        ('{"k": {"base64": "?"}}', "what is called base64 is not"),
        ('{"record": {"base64": "a"}}', "what is called base64 is not"),
        ('{"context": {}, "feature_lists": {"l": 3}}', "a feature list is a list of features, not a int"),
        ('{"context": {}, "feature_lists": {"l": [[]]}}', "an empty list has no kind"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_stands_for_no_record_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(tfr.FeatureError) as caught:
        record_from_json(text)
    assert message in str(caught.value)


SCHEMA = tfr.Schema.from_json(
    '{"features": {"i": {"dtype": "int64", "shape": [2]}, "f": {"dtype": "float32", "shape": null},'
    ' "b": {"dtype": "bytes", "shape": null}}}'
)


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ('{"f": [1, 2]}', {"f": np.array([1, 2], np.float32)}),
        ('{"f": []}', {"f": np.empty(0, np.float32)}),
        ('{"f": ["nan"]}', {"f": np.array([np.nan], np.float32)}),
        ('{"b": []}', {"b": np.empty(0, object)}),
        ('{"b": ["nan"]}', {"b": "nan"}),
        ('{"i": [1, 2]}', {"i": [1, 2]}),
        ('{"i": null}', {"i": None}),
        ('{"other": 1, "b": "x"}', {"b": "x"}),
    ],
)
def test_with_a_schema_kinds_need_no_sign(text: str, example: Any) -> None:
    assert record_from_json(text, SCHEMA) == tfr.encode_example(example)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"i": [1]}', "holds 1 values, not 2"),
        ('{"i": ["a", "b"]}', "is bytes, not int64"),
        ('{"i": {"float32": [1, 2]}}', "is float32, not int64"),
        ('{"f": ["a"]}', "is bytes, not float32"),
        ('{"b": 1}', "is int64, not bytes"),
    ],
)
def test_with_a_schema_other_values_are_refused(text: str, message: str) -> None:
    with pytest.raises(tfr.FeatureError, match=message):
        record_from_json(text, SCHEMA)
