"""convert: numbers that float32 does not hold, and columns that are of another kind than they have to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert
from tfrecord_lite.format.feature_schema import FeatureSchema

pytest.importorskip("pyarrow")
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

VALUES = [1.5, float("inf"), 1e300, float("nan"), -3.5e38, 3.4e38]


def table_of(path: Path, columns: dict[str, Any]) -> Path:
    """A table of these columns in the format that the name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".arrow":
        pyarrow.feather.write_feather(pa.table(columns), str(path))
    elif path.suffix == ".npz":
        arrays: Any = {name: np.array(values) for name, values in columns.items()}
        np.savez(path, **arrays)
    elif path.suffix == ".jsonl":
        rows = zip(*columns.values(), strict=True)
        path.write_text("".join(f"{dict(zip(columns, row, strict=True))}\n".replace("'", '"') for row in rows))
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz", "csv", "jsonl"])
def test_a_number_beyond_float32_is_an_error_or_a_row_that_is_skipped(end: str, tmp_path: Path) -> None:
    values: list[Any] = list(VALUES)
    if end == "jsonl":
        values[1], values[3] = "inf", "nan"
    path = table_of(tmp_path / f"t.{end}", {"n": list(range(6)), "x": values})
    schema = tfr.Schema([FeatureSchema("n", "int64", ()), FeatureSchema("x", "float32", ())])
    place = {"csv": "line 4", "jsonl": "line 3"}.get(end, "record #2")
    with pytest.raises(tfr.FeatureError, match=rf"{place}: feature 'x': 1e\+300 is beyond float32"):
        convert(path, tmp_path / "out", schema=schema)
    assert not (tmp_path / "out").exists()
    done = convert(path, tmp_path / "out", schema=schema, on_error="skip")
    assert [row.number for row in done.skipped] == [2, 4]
    found = [float(example["x"][0]) for example in tfr.read_examples(tmp_path / "out")]
    np.testing.assert_array_equal(found, np.array([1.5, np.inf, np.nan, 3.4e38], np.float32))


def test_a_number_beyond_float32_inside_a_list_is_told_with_its_row(tmp_path: Path) -> None:
    column = pa.array([[1.0, 2.0], [], None, [3.0, 1e39], [4.0]])
    pq.write_table(pa.table({"x": column}), tmp_path / "t.parquet")
    done = convert(tmp_path / "t.parquet", tmp_path / "out", on_error="skip")
    assert [row.number for row in done.skipped] == [3]
    fixed = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0, 3.0, 1e39]), 2)
    with pytest.raises(tfr.FeatureError, match="beyond float32") as caught:
        tfr.from_arrow(pa.table({"x": fixed}))
    assert caught.value.record_number == 1
    np.savez(tmp_path / "a.npz", x=np.array([[1.0, 2.0], [3.0, 1e39]]))
    with pytest.raises(tfr.FeatureError, match="record #1: feature 'x': 1e\\+39"):
        convert(tmp_path / "a.npz", tmp_path / "no")


def test_an_integer_of_very_many_digits_among_floats_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": [0.5, 1' + "0" * 400 + "]}\n")
    with pytest.raises(tfr.FeatureError, match="line 1: feature 'x': a number is beyond float32"):
        convert(tmp_path / "a.jsonl", tmp_path / "no")


def test_a_number_beyond_a_double_is_not_taken_for_infinity(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"x": [1.5, 1e400]}\n{"x": -1e999}\n{"x": {"float32": [1e400]}}\n{"x": [Infinity, "inf", 1.5, NaN]}\n'
    )
    done = convert(tmp_path / "t.jsonl", tmp_path / "out", on_error="skip")
    assert [(row.number, row.reason) for row in done.skipped] == [
        (number, f"line {number + 1}: feature 'x': a number is beyond float32") for number in range(3)
    ]
    (example,) = tfr.read_examples(tmp_path / "out")
    np.testing.assert_array_equal(example["x"], np.array([np.inf, np.inf, 1.5, np.nan], np.float32))

    (tmp_path / "t.csv").write_text('x,n\n"[1.5, 1e400]",1\n"[Infinity, 2.5]",2\n"[1.5]",1e400\n')
    schema = tfr.Schema([FeatureSchema("x", "float32", None), FeatureSchema("n", "float32", ())])
    done = convert(tmp_path / "t.csv", tmp_path / "out", schema=schema, on_error="skip")
    assert [(row.number, row.reason) for row in done.skipped] == [
        (0, "line 2: feature 'x': a number is beyond float32"),
        (2, "line 4: feature 'n': a number is beyond float32"),
    ]
    (example,) = tfr.read_examples(tmp_path / "out")
    np.testing.assert_array_equal(example["x"], np.array([np.inf, 2.5], np.float32))


def test_numbers_that_float32_rounds_are_taken(tmp_path: Path) -> None:
    path = table_of(tmp_path / "t.parquet", {"x": [0.1, 1e-300, 123456789.0]})
    convert(path, tmp_path / "out")
    found = [example["x"][0] for example in tfr.read_examples(tmp_path / "out")]
    np.testing.assert_array_equal(found, np.array([0.1, 0, 123456789.0], np.float32))


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz"])
@pytest.mark.parametrize("other", [[0.5, 1.0], ["a", "b"]])
def test_a_column_of_another_kind_in_another_file_is_an_error_that_names_both(
    end: str, other: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = table_of(tmp_path / f"a.{end}", {"n": [1, 2], "only": [1, 2]})
    second = table_of(tmp_path / f"b.{end}", {"n": other})
    out = tmp_path / "out"
    assert main(["convert", str(first), str(second), str(out), "--on-error", "skip"]) == 1
    kind = "float32" if isinstance(other[0], float) else "bytes"
    assert f"{second}: feature 'n': is {kind}, and int64 in {first}: a schema" in capsys.readouterr().err
    assert not out.exists()


def test_a_schema_says_what_such_a_column_is(tmp_path: Path) -> None:
    first = table_of(tmp_path / "a.parquet", {"n": [1, 2]})
    second = tmp_path / "b.parquet"
    pq.write_table(
        pa.table({"n": pa.array([3.0, None])}), second
    )  # as pandas makes of integers of which one is missing
    convert([first, second], tmp_path / "out", schema=tfr.Schema([FeatureSchema("n", "int64", ())]))
    found = [example["n"] for example in tfr.read_examples(tmp_path / "out")]
    assert [None if value is None else value.tolist() for value in found] == [[1], [2], [3], None]


def test_a_column_without_a_kind_fits_every_other(tmp_path: Path) -> None:
    first = table_of(tmp_path / "a.parquet", {"n": pa.nulls(2)})
    second = table_of(tmp_path / "b.parquet", {"n": [3, 4]})
    assert convert([first, second], tmp_path / "out").records == 4


#: (column, dtype and shape of a schema, what is wrong with all of it).
WRONG: list[tuple[Any, str | None, Any, str]] = [
    (np.array(["2020-01-01"] * 2, "datetime64[s]"), None, None, "(array of dtype datetime64|timestamp)"),
    (np.array(["2020-01-01"] * 2, "datetime64[s]"), "int64", (), "(array of dtype datetime64|timestamp)"),
    (np.array([1, 2], "timedelta64[s]"), "bytes", None, "(array of dtype timedelta64|duration)"),
    (["a", "b"], "int64", (), "is bytes, not int64"),
    (["a", "b"], "float32", None, "is bytes, not float32"),
    ([1, 2], "bytes", (), "is int64, not bytes"),
    ([0.5, 2.5], "bytes", None, "is float32, not bytes"),
    ([1, 2], "int64", (3,), "holds 1 values, not 3"),
    (pa.FixedSizeListArray.from_arrays([1, 2, 3, 4], 2), "int64", (3,), "holds 2 values, not 3"),
]


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz"])
@pytest.mark.parametrize(("column", "dtype", "shape", "problem"), WRONG)
def test_what_is_wrong_with_all_of_a_column_is_no_reason_to_skip_every_row(
    end: str, column: Any, dtype: str | None, shape: Any, problem: str, tmp_path: Path
) -> None:
    values = column.to_pylist() if end == "npz" and isinstance(column, pa.Array) else column
    path = table_of(tmp_path / f"t.{end}", {"n": [1, 2], "x": values})
    features = [FeatureSchema("n", "int64", ())]
    schema = None if dtype is None else tfr.Schema([*features, FeatureSchema("x", dtype, shape)])
    out = tmp_path / "out"
    out.write_bytes(b"what was there")
    for on_error in ("raise", "skip"):
        with pytest.raises(tfr.FeatureError, match=rf"t\.{end}: feature 'x': (an )?{problem}"):
            convert(path, out, schema=schema, on_error=on_error)
    assert out.read_bytes() == b"what was there"
    assert convert(path, out, schema=tfr.Schema(features)).records == 2


@pytest.mark.parametrize("dtype", ["complex64", "V2", [("a", "i8")]])
def test_arrays_that_are_no_feature_are_errors_of_an_npz_in_every_form(dtype: Any, tmp_path: Path) -> None:
    values = np.zeros(3, dtype)
    extras: list[dict[str, Any]] = [
        {},
        {"x.row_splits": [0, 1, 3, 3]},
        {"x.is_missing": np.array([False, True, False])},
    ]
    for extra in extras:
        np.savez(tmp_path / "a.npz", x=values, **extra)
        for schema in (None, tfr.Schema([FeatureSchema("x", "int64", None)])):
            with pytest.raises(tfr.FeatureError, match=r"a\.npz: feature 'x': an array of dtype .* has no place in"):
                convert(tmp_path / "a.npz", tmp_path / "out", schema=schema, on_error="skip")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("end", ["parquet", "arrow"])
def test_a_column_of_another_type_without_a_value_is_no_error(end: str, tmp_path: Path) -> None:
    path = table_of(tmp_path / f"t.{end}", {"n": [1, 2], "x": pa.nulls(2, pa.string())})
    schema = tfr.Schema([FeatureSchema("n", "int64", ()), FeatureSchema("x", "float32", (3,))])
    assert convert(path, tmp_path / "out", schema=schema).records == 2


@pytest.mark.parametrize("words", [["a", "é", "c"], [b"a", b"\xff\x00b", b""]])
def test_text_of_an_npz_is_bytes_in_every_form(words: Any, tmp_path: Path) -> None:
    a, b, c = [word.encode() if isinstance(word, str) else word for word in words]
    one, pairs = np.array(words), np.array([words, words[::-1]])
    arrays: list[tuple[dict[str, Any], list[Any]]] = [
        ({"x": one}, [[a], [b], [c]]),
        ({"x": pairs}, [[a, b, c], [c, b, a]]),
        ({"x": one, "x.row_splits": [0, 1, 1, 3]}, [[a], [], [b, c]]),
        ({"x": one, "x.is_missing": np.array([False, True, False])}, [[a], None, [c]]),
    ]
    for given, expected in arrays:
        np.savez(tmp_path / "a.npz", **given)
        for schema in (None, tfr.Schema([FeatureSchema("x", "bytes", None)])):
            convert(tmp_path / "a.npz", tmp_path / "out", schema=schema)
            found = [example["x"] for example in tfr.read_examples(tmp_path / "out")]
            assert [None if value is None else list(value) for value in found] == expected
        for dtype in ("int64", "float32"):
            schema = tfr.Schema([FeatureSchema("x", dtype, None)])
            with pytest.raises(tfr.FeatureError, match=rf"a\.npz: feature 'x': is bytes, not {dtype}"):
                convert(tmp_path / "a.npz", tmp_path / "no", schema=schema, on_error="skip")
