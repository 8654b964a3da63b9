"""Examples to Arrow and back: every value, every kind of nothing, types that follow from the schema alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.format.columns.decode_lists import ListDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.feature_schema import FeatureSchema

pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")
import pandas as pd
import polars as pl
import pyarrow as pa
from sklearn import datasets

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)
VALUES = {
    "int64": st.lists(INT64, max_size=3).map(lambda values: np.array(values, np.int64)),
    "float32": st.lists(FLOAT32, max_size=3).map(lambda values: np.array(values, np.float32)),
    "bytes": st.lists(st.binary(max_size=5), max_size=3).map(lambda values: np.array(values, object)),
}
ABSENT = object()
PAIRS = pa.list_(pa.list_(pa.int64(), 2))


@st.composite
def data_sets(draw: Any) -> list[dict[str, Any]]:
    """Examples in which each feature has one kind, and is missing, without a kind, empty or of one shape at times."""
    kinds = draw(st.dictionaries(st.sampled_from(["a", "b/c", "é", ""]), st.sampled_from(list(VALUES)), max_size=4))
    values = {name: st.one_of(st.just(ABSENT), st.none(), VALUES[kind]) for name, kind in kinds.items()}
    examples = draw(st.lists(st.fixed_dictionaries(values), max_size=20))
    return [{name: value for name, value in each.items() if value is not ABSENT} for each in examples]


def listed(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else value.tolist()


def plain(records: list[bytes], names: list[str]) -> list[dict[str, Any]]:
    """What decode_example gives, with None for what is missing: all that a table can tell."""
    examples = [tfr.decode_example(record) for record in records]
    return [{name: listed(example.get(name)) for name in names} for example in examples]


def rows(table: Any) -> list[dict[str, Any]]:
    """The table with scalars as lists of one."""
    return [
        {name: value if value is None or isinstance(value, list) else [value] for name, value in row.items()}
        for row in table.to_pylist()
    ]


@given(examples=data_sets())
@settings(max_examples=200, deadline=None)
def test_a_table_holds_what_decode_example_gives_and_gives_it_back(examples: list[dict[str, Any]]) -> None:
    records = [tfr.encode_example(example) for example in examples]
    table = tfr.to_arrow(records)
    table.validate(full=True)
    assert table.num_rows == len(records)
    assert rows(table) == plain(records, table.column_names)
    if not table.num_columns:
        return
    back = tfr.encode_columns(tfr.from_arrow(table), tfr.schema_from_arrow(table.schema))
    assert plain(back, table.column_names) == plain(records, table.column_names)


@given(examples=data_sets(), seed=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_records_decoded_together_and_one_by_one_are_the_same_lists(examples: list[dict[str, Any]], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(examples) * 12) % max(len(examples), 1)
    records = [tfr.encode_example(examples[number]) for number in order.tolist()]
    schema = tfr.Schema([])
    for name in sorted({name for example in examples for name in example}):
        kinds = {str(np.asarray(each[name]).dtype) for each in examples if each.get(name) is not None}
        dtype = None if not kinds else {"object": "bytes"}.get(kind := kinds.pop(), kind)
        schema = tfr.Schema([*schema.values(), FeatureSchema(name, dtype, None)])
    decoder = ListDecoder(schema)
    together = decoder.decode(Records.joined(records))
    assert together is not None
    one_by_one = decoder.decode_plain(records)
    for name in schema:
        assert [listed(v) for v in together[name].to_list()] == [listed(v) for v in one_by_one[name].to_list()]


@pytest.mark.parametrize("load", [datasets.load_iris, datasets.load_wine, datasets.load_digits])
def test_real_tables_survive_value_for_value(load: Any, tmp_path: Path) -> None:
    frame = load(as_frame=True).frame
    path = tmp_path / "data.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        assert writer.write_columns(tfr.from_pandas(frame)) == len(frame)
    found = tfr.to_pandas(tfr.read_arrow(path, batch_size=100))
    assert list(found.columns) == sorted(frame.columns)
    for name in frame.columns:
        expected = frame[name].to_numpy()
        is_float = expected.dtype.kind == "f"
        assert found[name].dtype == pd.ArrowDtype(pa.float32() if is_float else pa.int64())
        assert np.array_equal(found[name].to_numpy(), expected.astype(np.float32) if is_float else expected)


def test_images_as_bytes_survive(tmp_path: Path) -> None:
    images = [image.astype(np.uint8).tobytes() for image in datasets.load_digits().images]
    path = tmp_path / "data.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        writer.write_columns({"image": images, "label": np.arange(len(images))})
    reader = tfr.read_arrow(path)
    assert reader.schema.types == [pa.binary(), pa.int64()]
    table = reader.read_all()
    assert table["image"].to_pylist() == images
    assert tfr.encode_columns(tfr.from_arrow(table)) == list(tfr.read_records(path))


@pytest.mark.parametrize("batch_size", [1, 7, 1000, 5000])
def test_batches_have_the_size_asked_for_across_files(tmp_path: Path, batch_size: int) -> None:
    for number in range(3):
        with tfr.TFRecordWriter(tmp_path / f"{number}.tfrecord") as writer:
            writer.write_columns({"n": np.arange(1000) + 1000 * number})
    batches = list(tfr.read_arrow(tmp_path, batch_size=batch_size))
    assert [batch.num_rows for batch in batches][:-1] == [batch_size] * (len(batches) - 1)
    assert [n for batch in batches for n in batch["n"].to_pylist()] == list(range(3000))


def test_types_are_the_schemas_decision_and_not_that_of_the_data() -> None:
    schema = tfr.Schema(
        [
            FeatureSchema("scalar", "int64", ()),
            FeatureSchema("pair", "float32", (2,)),
            FeatureSchema("matrix", "int64", (2, 3)),
            FeatureSchema("list", "bytes", None),
            FeatureSchema("none", None, None),
        ]
    )
    types = [
        pa.int64(),
        pa.list_(pa.float32(), 2),
        pa.list_(pa.list_(pa.int64(), 3), 2),
        pa.list_(pa.binary()),
        pa.null(),
    ]
    assert tfr.arrow_schema(schema).types == types
    for example in ({}, {"list": [b"x"]}, {"scalar": 1, "pair": [1.0, 2.0], "matrix": range(6), "list": []}):
        given = example | ({"list": np.array(example["list"], object)} if "list" in example else {})
        table = tfr.to_arrow([given] * 9, schema)
        assert table.schema.types == types
        table.validate(full=True)
    assert table.to_pylist()[0] == {
        "scalar": 1,
        "pair": [1.0, 2.0],
        "matrix": [[0, 1, 2], [3, 4, 5]],
        "list": [],
        "none": None,
    }
    assert tfr.from_arrow(table)["matrix"].to_list()[8].tolist() == list(range(6))


def test_missing_and_kindless_are_null_and_come_back_as_the_schema_says() -> None:
    records = [tfr.encode_example({"a": 1, "k": None}), tfr.encode_example({"k": 2})] * 10
    table = tfr.to_arrow(records)
    assert table.to_pylist()[:2] == [{"a": 1, "k": None}, {"a": None, "k": 2}]
    assert tfr.encode_columns(tfr.from_arrow(table), tfr.schema_from_arrow(table.schema)) == records


@pytest.mark.parametrize(
    ("example", "schema", "text"),
    [
        ({"a": 1.5}, FeatureSchema("a", "int64", ()), r"record #20.*feature 'a': is float32, not int64"),
        ({"a": [1, 2]}, FeatureSchema("a", "int64", ()), r"record #20.*feature 'a': holds 2 values, not 1"),
        ({"a": [1, 2]}, FeatureSchema("a", None, None), r"feature 'a': is int64, and has no kind"),
    ],
)
def test_a_record_that_does_not_fit_is_named(
    tmp_path: Path, example: dict[str, Any], schema: FeatureSchema, text: str
) -> None:
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for _ in range(20):
            writer.write_example({"a": None if schema.dtype is None else 1})
        writer.write_example(example)
    reader = tfr.read_arrow(path, tfr.Schema([schema]), batch_size=5)
    assert [reader.read_next_batch().num_rows for _ in range(4)] == [5] * 4
    with pytest.raises(tfr.FeatureError, match=text) as caught:
        reader.read_next_batch()
    assert (caught.value.path, caught.value.record_number) == (str(path), 20)


def test_a_feature_of_several_kinds_fits_no_column() -> None:
    with pytest.raises(tfr.FeatureError, match=r"'a': met in several kinds.*float32, int64"):
        tfr.to_arrow([{"a": 1}, {"a": 1.5}])


def test_bytes_are_strings_only_where_that_is_said() -> None:
    examples = [{"t": "é", "b": b"\xff"}, {"t": "", "b": b""}] * 5
    assert tfr.to_arrow(examples).schema.types == [pa.binary(), pa.binary()]
    table = tfr.to_arrow(examples, text=["t"])
    assert table["t"].to_pylist()[:2] == ["é", ""]
    with pytest.raises(tfr.FeatureError, match=r"record #0.*'b'.*not UTF-8"):
        tfr.to_arrow(examples, text=["b"])
    with pytest.raises(tfr.FeatureError, match=r"'c'.*no feature of bytes"):
        tfr.to_arrow(examples, text=["c"])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([True, None, False]), [[1], None, [0]]),
        (pa.array([1, 2**63 - 1], pa.uint64()), [[1], [2**63 - 1]]),
        (pa.array([1, None], pa.int8()), [[1], None]),
        (pa.array([0.1, None]), [[float(np.float32(0.1))], None]),
        (pa.array(["a", None, ""], pa.large_string()), [[b"a"], None, [b""]]),
        (pa.array(["a long string, not inlined", None], pa.string_view()), [[b"a long string, not inlined"], None]),
        (pa.array([b"abc", None], pa.binary(3)), [[b"abc"], None]),
        (pa.array(["x", "y", None, "x"]).dictionary_encode(), [[b"x"], [b"y"], None, [b"x"]]),
        (pa.array([[1], None, [], [2, 3]], pa.large_list(pa.int32())), [[1], None, [], [2, 3]]),
        (pa.array([["a"], None, []], pa.list_(pa.string_view())), [[b"a"], None, []]),
        (pa.array([[[1, 2]], None, [], [[3, 4], [5, 6]]], PAIRS), [[1, 2], None, [], [3, 4, 5, 6]]),
        (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)), [[1, 2], None, [3, 4]]),
        (pa.nulls(2), [None, None]),
    ],
)
@pytest.mark.parametrize("begin", [0, 1])
def test_arrays_of_many_types_become_features(array: Any, expected: list[Any], begin: int) -> None:
    lists = tfr.from_arrow(pa.table({"a": array.slice(begin)}))["a"]
    assert [listed(value) for value in lists.to_list()] == expected[begin:]
    twice = tfr.from_arrow(pa.table({"a": pa.chunked_array([array, array])}))["a"]
    assert [listed(value) for value in twice.to_list()] == expected * 2
    records = tfr.encode_columns({"a": twice})
    assert [listed(tfr.decode_example(record)["a"]) for record in records] == expected * 2


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array([1, 2**63], pa.uint64()), r"record #1: .*9223372036854775808 is outside int64"),
        (pa.array([[1], [2, None]]), r"record #1: .*a null inside a list"),
        (pa.array([[[1]]]), r"inside a list"),
        (pa.array([{"x": 1}]), r"struct<x: int64> has no place"),
        (pa.array([0], pa.timestamp("s")), r"timestamp\[s\] has no place"),
        (pa.array([[], []], pa.list_(pa.null())), r"have no kind: give a schema"),
    ],
)
def test_what_has_no_place_in_a_feature_is_refused(array: Any, text: str) -> None:
    with pytest.raises(tfr.FeatureError, match=rf"(?s){text}"):
        tfr.from_arrow(pa.table({"a": array}))


def test_a_schema_says_what_the_columns_are_to_be() -> None:
    schema = tfr.Schema([FeatureSchema("a", "float32", ()), FeatureSchema("b", "int64", None)])
    table = pa.table({"a": [1, None], "b": pa.array([[], None], pa.list_(pa.null()))})
    lists = tfr.from_arrow(table, schema)
    assert lists["a"].values.dtype == np.float32
    assert [listed(value) for value in lists["b"].to_list()] == [[], None]
    whole = tfr.from_arrow(pa.table({"b": [1.0, 2.0**40]}), schema)["b"]
    assert whole.values.tolist() == [1, 2**40]
    for column, text in (([1.0, 1.5], "no whole number"), (["x", "y"], "is bytes, not int64")):
        with pytest.raises(tfr.FeatureError, match=text):
            tfr.from_arrow(pa.table({"b": column}), schema)
    with pytest.raises(tfr.FeatureError, match="record #1: feature 'a': holds 2 values, not 1"):
        tfr.from_arrow(pa.table({"a": [[1], [1, 2]]}), schema)


def test_pandas_keeps_large_integers_beside_missing_ones() -> None:
    frame = tfr.to_pandas([{"a": 2**62 + 1}, {}, {"a": -1}])
    assert frame["a"].dtype == pd.ArrowDtype(pa.int64())
    assert frame["a"].tolist()[0] == 2**62 + 1
    assert frame["a"].isna().tolist() == [False, True, False]
    assert [listed(value) for value in tfr.from_pandas(frame)["a"].to_list()] == [[2**62 + 1], None, [-1]]


def test_pandas_own_columns_are_understood() -> None:
    frame = pd.DataFrame(
        {
            "float": [1.0, np.nan],
            "object": [b"x", None],
            "text": ["é", None],
            "category": pd.Categorical(["a", None]),
            "nullable": pd.array([1, pd.NA], "Int64"),
            "lists": [[1, 2], None],
        }
    )
    found = {name: [listed(v) for v in lists.to_list()] for name, lists in tfr.from_pandas(frame).items()}
    assert np.isnan(found.pop("float")[1][0])
    assert found == {
        "object": [[b"x"], None],
        "text": [["é".encode()], None],
        "category": [[b"a"], None],
        "nullable": [[1], None],
        "lists": [[1, 2], None],
    }
    with pytest.raises(tfr.FeatureError, match="'mixed'"):
        tfr.from_pandas(pd.DataFrame({"mixed": [1, "a"]}))


def test_rows_without_columns_are_refused() -> None:
    """Of a frame pandas itself tells Arrow of no rows then."""
    frame = pd.DataFrame(index=range(3))
    with pytest.raises(tfr.FeatureError, match="rows without columns"):
        tfr.from_pandas(frame)
    with pytest.raises(tfr.FeatureError, match="rows without columns"):
        tfr.from_arrow(pa.table({"a": [1, 2]}).select([]))
    assert tfr.from_pandas(frame[:0]) == tfr.from_arrow(pa.table({})) == {}


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["x", None, "\ud800", "\ud800"], dtype=object),
        pd.Series([["x"], [], ["y", "\ud800"]], dtype=object),
        pd.Series(pd.Categorical(pd.Series(["x", "y", "\ud800"], dtype=object))),
    ],
    ids=["texts", "lists", "categories"],
)
def test_text_that_cannot_be_utf8_is_named_with_its_row(values: Any) -> None:
    with pytest.raises(tfr.FeatureError, match="record #2: feature 'a': text with a lone surrogate") as caught:
        tfr.from_pandas(pd.DataFrame({"a": values}))
    assert (caught.value.key, caught.value.record_number) == ("a", 2)


def test_a_name_that_cannot_be_utf8_or_is_no_text_is_an_error() -> None:
    with pytest.raises(tfr.FeatureError, match="a name with a lone surrogate"):
        tfr.from_pandas(pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)))
    with pytest.raises(tfr.FeatureError, match="the name of a feature is a str, not int"):
        tfr.from_pandas(pd.DataFrame([[1]]))


@pytest.mark.parametrize("data", [[1], [], 1, None, "a", {"a": [1]}], ids=repr)
def test_what_is_no_table_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError, match=f"an Arrow table, .* is needed, not {type(data).__name__}"):
        tfr.from_arrow(data)
    with pytest.raises(TypeError, match=f"a pandas DataFrame is needed, not {type(data).__name__}"):
        tfr.from_pandas(data)


def test_pandas_columns_of_the_same_name_are_an_error() -> None:
    with pytest.raises(tfr.FeatureError, match="'a': two columns have the same name"):
        tfr.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_polars_categories_are_bytes() -> None:
    words = ["x", None, "a text that is longer than what a view holds by itself", "x"]
    frame = pl.DataFrame(
        {
            "category": pl.Series(words, dtype=pl.Categorical),
            "enum": pl.Series(["b", "b", None, "a"], dtype=pl.Enum("ab")),
        }
    )
    found = {name: lists.to_list() for name, lists in tfr.from_arrow(frame).items()}
    assert found["category"] == [None if word is None else [word.encode()] for word in words]
    assert found["enum"] == [[b"b"], [b"b"], None, [b"a"]]


def test_a_null_among_the_words_of_a_dictionary_is_missing() -> None:
    array = pa.DictionaryArray.from_arrays([0, 1, None, 0], pa.array(["x", None]))
    assert tfr.from_arrow(pa.table({"a": array}))["a"].to_list() == [[b"x"], None, None, [b"x"]]
    lists = pa.ListArray.from_arrays([0, 1, 3], array.slice(1, 3))
    with pytest.raises(tfr.FeatureError, match="record #0: feature 'a': a null inside a list"):
        tfr.from_arrow(pa.table({"a": lists}))


def test_polars_goes_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    examples: list[dict[str, Any]] = [
        {"a": 1, "t": b"text", "v": [1.0, 2.0]},
        {"v": [3.0]},
        {"a": 2, "v": np.array([], np.float32)},
    ] * 9
    with tfr.TFRecordWriter(path) as writer:
        for example in examples:
            writer.write_example(example)
    frame = pl.DataFrame(tfr.read_arrow(path, text=["t"], batch_size=4))
    assert frame.schema == {"a": pl.Int64, "t": pl.String, "v": pl.List(pl.Float32)}
    assert frame["v"].to_list()[:3] == [[1.0, 2.0], [3.0], []]
    records = tfr.encode_columns(tfr.from_arrow(frame), {"a": "absent", "t": "absent"})
    assert records == list(tfr.read_records(path))


def test_a_stream_needs_a_schema() -> None:
    with pytest.raises(ValueError, match="give a schema"):
        tfr.read_arrow("-")


def test_without_pyarrow_the_message_says_what_to_install() -> None:
    code = "import sys; sys.modules['pyarrow'] = None\nimport tfrecord_lite as tfr\ntfr.to_arrow([{'a': 1}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == ('ImportError: this needs pyarrow: pip install "tfrecord-lite-codec[arrow]"')
