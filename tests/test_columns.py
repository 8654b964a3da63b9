import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ids import stable

import tfrecord_lite as tfr
from tfrecord_lite import (
    Feature,
    FeatureError,
    TFRecordWriter,
    decode_example,
    encode_columns,
    encode_example,
    read_records,
)


def test_columns_are_written_as_their_rows_would_be(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "label": generator.integers(0, 1000, 10_000),
        "embedding": generator.standard_normal((10_000, 8)).astype(np.float32),
        "name": [generator.bytes(size) for size in generator.integers(0, 30, 10_000)],
    }
    with TFRecordWriter(tmp_path / "columns") as writer:
        writer.write(b"before")
        assert writer.write_columns(columns) == 10_000
        writer.write(b"after")
    with TFRecordWriter(tmp_path / "rows") as writer:
        writer.write(b"before")
        for row in range(10_000):
            writer.write_example({key: values[row] for key, values in columns.items()})
        writer.write(b"after")
    assert (tmp_path / "columns").read_bytes() == (tmp_path / "rows").read_bytes()


@pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
def test_columns_can_be_compressed(tmp_path: Path, compression: str) -> None:
    with TFRecordWriter(tmp_path / "a", compression) as writer:
        writer.write_columns({"a": np.arange(5000)})
    assert len(list(read_records(tmp_path / "a"))) == 5000


def test_tensorflow_parses_what_columns_wrote(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    numbers = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, (300, 3))
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write_columns({"numbers": numbers, "text": [b"x" * size for size in range(300)]})
    records = list(read_records(tmp_path / "a"))
    parsed = tf.io.parse_example(
        records, {"numbers": tf.io.FixedLenFeature([3], tf.int64), "text": tf.io.FixedLenFeature([], tf.string)}
    )
    assert np.array_equal(parsed["numbers"].numpy(), numbers)
    assert [len(text) for text in parsed["text"].numpy()] == list(range(300))


def test_no_columns_and_no_records_are_nothing(tmp_path: Path) -> None:
    assert encode_columns({}) == []
    assert encode_columns({"a": [], "b": np.empty((0, 3))}) == []
    with TFRecordWriter(tmp_path / "a") as writer:
        assert writer.write_columns({"a": np.empty(0)}) == 0
    assert (tmp_path / "a").read_bytes() == b""


def test_missing_entries_become_features_without_a_kind() -> None:
    columns = {"a": [b"x", None], "b": np.ma.masked_array([1, 2], mask=[True, False]), "c": [None, None]}
    first, second = map(decode_example, encode_columns(columns))
    assert first == {"a": [b"x"], "b": None, "c": None}
    assert second["a"] is None
    assert second["b"].tolist() == [2]


def test_missing_entries_have_no_feature_where_the_schema_says_so(tmp_path: Path) -> None:
    absent, kindless = SimpleNamespace(missing="absent"), SimpleNamespace(missing="kindless")
    columns = {
        "a": [b"x", None, b"z"],
        "b": np.ma.masked_array([1, 2, 3], mask=[True, False, True]),
        "c": [None, [1.5], np.array([], object)],
        "d": [None, 1, 2],
        "e": [b"long" * 5000, None, None],
        "not in the schema": [None, b"", None],
    }
    schema = {**dict.fromkeys("abce", absent), "d": kindless, "not in the columns": absent}
    expected: list[dict[str, Any]] = [
        {"a": b"x", "d": None, "e": b"long" * 5000, "not in the schema": None},
        {"b": 2, "c": [1.5], "d": 1, "not in the schema": b""},
        {"a": b"z", "c": np.array([], object), "d": 2, "not in the schema": None},
    ]
    assert encode_columns(columns, schema) == [encode_example(example) for example in expected]
    assert encode_columns({"a": [None, None]}, schema) == [encode_example({})] * 2
    with TFRecordWriter(tmp_path / "a") as writer:
        assert writer.write_columns(columns, schema) == 3
    assert list(read_records(tmp_path / "a")) == [encode_example(example) for example in expected]


@pytest.mark.parametrize("dtype", ["u8", "i4", "f4", "?"])
def test_a_mask_that_hides_nothing_changes_nothing(dtype: str) -> None:
    values = np.ma.masked_array(np.arange(3).astype(dtype), mask=[False] * 3)
    assert encode_columns({"a": values}) == encode_columns({"a": values.data})


def test_a_feature_message_without_a_kind_is_no_missing_entry() -> None:
    schema = {"a": SimpleNamespace(missing="absent")}
    assert encode_columns({"a": [Feature(), None]}, schema) == [encode_example({"a": None}), encode_example({})]


def test_columns_may_be_changed_after_they_were_written(tmp_path: Path) -> None:
    rows = np.random.default_rng(2).standard_normal((3000, 300)).astype(np.float32)
    expected = [encode_example({"row": row.copy()}) for row in rows]
    with TFRecordWriter(tmp_path / "a") as writer:
        writer.write_columns({"row": rows})
        rows[:] = 0
    assert list(read_records(tmp_path / "a")) == expected


def test_records_of_every_size_around_the_limits_of_a_varint() -> None:
    sizes = [0, 1, 100, 116, 117, 118, 119, 120, 121, 122, 123, 124, 127, 128, 129, 16000, 16383, 16384, 16500]
    items = [bytes(size) for size in sizes]
    assert encode_columns({"k": items}) == [encode_example({"k": item}) for item in items]
    for item in items:
        assert encode_columns({"k": [item]}) == [encode_example({"k": item})]


def test_columns_of_different_length_are_an_error_that_names_them() -> None:
    with pytest.raises(FeatureError, match="'a' has 2, 'b' has 3"):
        encode_columns({"a": [1, 2], "b": [1, 2, 3]})


@pytest.mark.parametrize(
    ("values", "number"),
    [([1, 2, 2**63], 2), ([b"a", 3, "b", object()], 3), ([[1], [], [2]], 1), (np.array([1, 2j]), 0), ([{1}], 0)],
    ids=stable,
)
def test_a_bad_value_names_its_key_and_record_and_nothing_is_written(tmp_path: Path, values: Any, number: Any) -> None:
    with TFRecordWriter(tmp_path / "a") as writer:
        with pytest.raises(FeatureError, match="the key") as caught:
            writer.write_columns({"good": list(range(len(values))), "the key": values})
        assert caught.value.record_number == number
        writer.write(b"the writer goes on")
    assert list(read_records(tmp_path / "a")) == [b"the writer goes on"]


@pytest.mark.parametrize("values", [3, "text", b"bytes", np.array(3)])
def test_one_value_is_no_column(values: Any) -> None:
    with pytest.raises(FeatureError, match="an entry per record"):
        encode_columns({"a": values})


@pytest.mark.parametrize("splits", [[], [0], [1, 3], [0, 2, 1, 3], [0, 4]])
def test_row_splits_that_do_not_fit_are_an_error(splits: list[int]) -> None:
    with pytest.raises(FeatureError, match="row_splits"):
        encode_columns({"a": SimpleNamespace(values=np.arange(3), row_splits=splits)})


def test_an_entry_that_is_masked_in_part_is_an_error() -> None:
    with pytest.raises(FeatureError, match="masked in part"):
        encode_columns({"a": np.ma.masked_array([[1, 2]], mask=[[True, False]])})


@pytest.mark.parametrize("bytes_as", ["objects", "blob"])
def test_columns_that_were_read_can_be_written(bytes_as: Any) -> None:
    examples = [{"blob": b"x" * n, "list": np.arange(n), "texts": [b"a"] * (n + 1), "number": n} for n in range(20)]
    records = [tfr.encode_example(example) for example in examples]
    features = {
        "blob": tfr.FixedLenFeature([], bytes),
        "list": tfr.RaggedFeature("int64"),
        "texts": tfr.RaggedFeature(bytes),
        "number": tfr.FixedLenFeature([], "int64"),
    }
    assert tfr.encode_columns(tfr.decode_columns(records, features, bytes_as=bytes_as)) == records


def test_a_schema_may_be_written_by_hand() -> None:
    columns = {"a": [1, None], "b": [None, 2]}
    assert encode_columns(columns, {"a": "absent"}) == [
        encode_example({"a": 1, "b": None}),
        encode_example({"b": 2}),
    ]
    with pytest.raises(FeatureError, match="'absent' or 'kindless', not 'absnet'"):
        encode_columns(columns, {"a": "absnet"})


def test_columns_that_are_rows_are_refused() -> None:
    rows: Any = [{"a": 1}]
    with pytest.raises(TypeError, match="not a list"):
        encode_columns(rows)


def test_a_bad_value_is_named_with_its_record() -> None:
    with pytest.raises(FeatureError, match=r"record #5: feature 'a': .* is outside int64"):
        encode_columns({"a": [1, 2, 3, 4, 5, 2**63]})


def test_masked_values_in_ragged_columns_are_refused() -> None:
    masked: Any = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    with pytest.raises(FeatureError, match="masked"):
        encode_columns({"a": tfr.RaggedTensorValue(masked, np.array([0, 1, 3]))})


class Missing:
    """Stands for pandas.NA."""


class Series:
    """As much of a pandas Series as matters: a dtype of its own, and `isna`."""

    def __init__(self, values: list[Any], dtype: Any) -> None:
        self._values, self.dtype = values, dtype

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([np.nan if isinstance(value, Missing) else value for value in self._values], float)

    def isna(self) -> Any:
        return np.array([isinstance(value, Missing) or value != value for value in self._values])


def test_what_pandas_calls_missing_is_none_and_integers_stay_integers() -> None:
    series = Series([2**53 + 1, Missing()], "Int64")
    assert encode_columns({"id": series}) == [encode_example({"id": 2**53 + 1}), encode_example({"id": None})]
    texts = Series(["x", float("nan")], "str")
    assert encode_columns({"t": texts}) == [encode_example({"t": "x"}), encode_example({"t": None})]


def test_not_a_number_in_a_float_column_of_pandas_is_a_number() -> None:
    series = Series([1.5, float("nan")], np.dtype(float))
    assert np.isnan(decode_example(encode_columns({"x": series})[1])["x"]).all()


@pytest.mark.parametrize("long", [17, 100, 1000])
@pytest.mark.parametrize("many", [1, 31, 32, 40])
def test_long_values_among_short_ones(many: int, long: int) -> None:
    values = [b"x" * (number % 20) for number in range(1000)]
    values[100 : 100 + many] = [b"y" * (long + number) for number in range(many)]
    columns: dict[str, Any] = {"a": values, "b": list(range(1000))}
    assert encode_columns(columns) == [encode_example({"a": a, "b": b}) for a, b in zip(*columns.values(), strict=True)]


def test_one_long_value_among_short_ones_is_one_copy() -> None:
    """And not a turn of numpy for every 16 bytes of it."""
    values = [b"x"] * 1999 + [b"y" * 1_000_000]
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        records = encode_columns({"k": values})
    finally:
        sys.setprofile(None)
    assert records == [encode_example({"k": value}) for value in values]
    assert calls < 30_000
