"""Records decoded together to lists, against one by one: a missing feature and an empty list stay two things."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_messages import field

import tfrecord_lite as tfr
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.infer import SchemaSketch

COUNT = 30


def schema_of(examples: list[dict[str, Any]]) -> tfr.Schema:
    sketch = SchemaSketch()
    for example in examples:
        sketch.add(tfr.decode_example(tfr.encode_example(example)))
    return sketch.schema()


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


VALUES: dict[str, Any] = {
    "i": st.none() | st.lists(st.integers(-3, 2**40), max_size=3).map(lambda values: np.array(values, np.int64)),
    "f": st.none() | st.lists(st.integers(0, 9), max_size=3).map(lambda values: np.array(values, np.float32)),
    "b": st.none() | st.lists(st.binary(max_size=4), max_size=3).map(lambda values: values or np.empty(0, object)),
}
EXAMPLES = st.lists(st.fixed_dictionaries({}, optional=VALUES), min_size=1, max_size=20)


@settings(deadline=None)
@given(EXAMPLES, st.integers(1, 3))
def test_each_list_is_what_decode_example_gives(examples: list[dict[str, Any]], times: int) -> None:
    examples = examples * times
    schema = schema_of(examples)
    records = [tfr.encode_example(example) for example in examples]
    found = ListDecoder(schema).decode(Records.joined(records))
    assert found is not None
    expected = [tfr.decode_example(record) for record in records]
    for name in schema:
        rows = [plain(row) for row in found[name].to_list()]
        assert rows == [plain(example.get(name)) for example in expected]


def test_a_feature_of_several_kinds_is_no_column() -> None:
    with pytest.raises(tfr.FeatureError, match="met in several kinds, which fit no column: bytes, int64") as caught:
        ListDecoder(schema_of([{"k": 1}, {"k": "a"}]))
    assert caught.value.key == "k"


@pytest.mark.parametrize(
    ("usual", "other", "message"),
    [
        ([1, 2], [0.5, 1.5], "is float32, not int64"),
        ([1, 2], [1, 2, 3], "holds 3 values, not 2"),
        (None, [1], "is int64, and has no kind in the schema"),
    ],
)
@pytest.mark.parametrize("others", [1, COUNT], ids=["one", "all"])
def test_what_is_not_as_declared_is_an_error_of_its_record(usual: Any, other: Any, message: str, others: int) -> None:
    decoder = ListDecoder(schema_of([{"k": usual}]))
    records = [tfr.encode_example({"k": usual})] * COUNT
    before = decoder.decode(Records.joined(records))
    assert before is not None
    assert [plain(row) for row in before["k"].to_list()] == [usual] * COUNT
    records[COUNT - others :] = [tfr.encode_example({"k": other})] * others
    assert decoder.decode(Records.joined(records)) is None
    with pytest.raises(tfr.FeatureError, match=message) as caught:
        decoder.decode_plain(records[-1:])
    assert caught.value.key == "k"


def test_without_records_or_features_there_are_no_lists() -> None:
    schema = schema_of([{"k": 1}])
    found = ListDecoder(schema).decode(Records.joined([]))
    assert found is not None
    assert (len(found["k"]), found["k"].values.dtype) == (0, np.int64)
    assert ListDecoder({}).decode(Records.joined([b"", b""])) == {}
    assert ListDecoder({}).decode(Records.joined([b"\xff"])) is None


def test_a_sequence_example_is_refused() -> None:
    records = [tfr.encode_sequence_example({"k": 1}, {"l": [1]})]
    decoder = ListDecoder(schema_of([{"k": 1}]))
    assert decoder.decode(Records.joined(records)) is None
    with pytest.raises(tfr.DecodeError, match="a SequenceExample"):
        decoder.decode_plain(records)


def test_only_the_features_of_the_schema_are_looked_at() -> None:
    """Not even whether the others are what they should be, or messages at all."""
    schema = schema_of([{"k": 1}])
    no_feature = field(1, field(1, field(1, b"l") + field(2, b"\xff")))
    usual, odd, bad = (
        before + tfr.encode_example({"k": 1, **more})
        for before, more in ((b"", {"l": [0.5]}), (tfr.encode_example({"l": [0.5]}), {}), (no_feature, {}))
    )
    with pytest.raises(tfr.DecodeError):
        tfr.decode_example(bad)
    decoder = ListDecoder(schema)
    for records in ([usual] * COUNT, [odd], [usual, odd] * COUNT, [bad], [usual, bad] * COUNT):
        found = decoder.decode(Records.joined(records))
        assert found is not None
        assert list(found) == ["k"]
        assert [plain(row) for row in found["k"].to_list()] == [[1]] * len(records)
        assert decoder.decode_plain(records).keys() == {"k"}


def test_records_of_one_layout_are_decoded_together_and_not_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = schema_of([{"k": 1, "l": "a"}])
    plainly = []
    monkeypatch.setattr(ListDecoder, "decode_plain", lambda self, records: plainly.append(records))
    found = ListDecoder(schema).decode(Records.joined([tfr.encode_example({"k": 5, "l": "b"})] * COUNT))
    assert found is not None
    assert [plain(row) for row in found["k"].to_list()] == [[5]] * COUNT
    assert plainly == []
